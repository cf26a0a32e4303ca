"""Write circuits in the gates that Aer's stabilizer methods know: Clifford gates and, for one of them, phases.

Rotations whose angle is a multiple of pi/2 are Clifford gates. Noise stays what the noise model says of the gate as it
was: a rewritten gate gets labels, by which Aer looks noise up, and ends with an identity that carries the gate's name.
"""

from collections.abc import Callable

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import (
    CXGate,
    HGate,
    IGate,
    PhaseGate,
    SdgGate,
    SGate,
    ZGate,
)

from qvar.simulators.circuit import Circuit, Operation
from qvar.simulators.errors import EngineError

__all__ = ["clifford_circuit"]

_IDEAL = "ideal"
_DIRECT = frozenset({"id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cz", "swap", "ecr"})
_QUARTERS = (IGate, SGate, ZGate, SdgGate)
_PHASES = {"t": np.pi / 4, "tdg": -np.pi / 4}
Step = tuple[str, tuple[int, ...], float]


def clifford_circuit(circuit: Circuit, *, phases: bool, is_noisy: Callable[[Operation], bool]) -> QuantumCircuit:
    """Return a circuit without free angles in Clifford gates.

    Args:
        circuit: the circuit, all angles bound, without channels.
        phases: whether other phases are possible beside Clifford gates.
        is_noisy: whether the noise model has something to add after a gate.

    Raises:
        EngineError: for a gate that is not Clifford where only those are possible.
    """
    result = QuantumCircuit(circuit.n_qubits)
    for operation in circuit.operations:
        if operation.gate in _DIRECT:
            getattr(result, operation.gate)(*operation.qubits)
            continue
        for name, qubits, angle in _steps(operation):
            result.append(_gate(name, angle, operation, phases=phases), qubits)
        if is_noisy(operation):
            _carry(result, operation)
    return result


def _carry(result: QuantumCircuit, operation: Operation) -> None:
    """Append an identity that has the noise of `operation`."""
    if len(operation.qubits) == 1:
        result.append(IGate(label=operation.gate), operation.qubits)
        return
    result.append(CXGate(label=_IDEAL), operation.qubits)
    result.append(CXGate(label=operation.gate), operation.qubits)


def _gate(name: str, angle: float, operation: Operation, *, phases: bool) -> Gate:
    if name == "h":
        return HGate(label=_IDEAL)
    if name == "cx":
        return CXGate(label=_IDEAL)
    quarters = angle / (np.pi / 2)
    if abs(quarters - round(quarters)) < 1e-9:
        return _QUARTERS[round(quarters) % 4](label=_IDEAL)
    if phases:
        return PhaseGate(angle, label=_IDEAL)
    raise EngineError(
        f"method='stabilizer' takes Clifford gates only, rotations by multiples of pi/2 among them; got "
        f"{operation.gate!r} on {operation.qubits} with angles {operation.parameters}: take another angle, or "
        "method='statevector', 'matrix_product_state' or 'extended_stabilizer'"
    )


def _steps(operation: Operation) -> list[Step]:
    """Return a gate, up to a global phase, as H, CX and rotations about Z."""
    gate, qubits = operation.gate, operation.qubits
    angles = [float(p) for p in operation.parameters]  # type: ignore[arg-type]
    if gate in _PHASES:
        return [("rz", qubits, _PHASES[gate])]
    if gate in ("rz", "p"):
        return [("rz", qubits, angles[0])]
    if gate == "rx":
        return _about_x(qubits, angles[0])
    if gate == "ry":
        return _about_y(qubits, angles[0])
    if gate == "u":
        theta, phi, lam = angles
        return [("rz", qubits, lam), *_about_y(qubits, theta), ("rz", qubits, phi)]
    if gate == "cy":
        return [("rz", qubits[1:], -np.pi / 2), ("cx", qubits, 0.0), ("rz", qubits[1:], np.pi / 2)]
    return _about_pair(gate, qubits, angles[0])


def _about_x(qubits: tuple[int, ...], angle: float) -> list[Step]:
    return [("h", qubits, 0.0), ("rz", qubits, angle), ("h", qubits, 0.0)]


def _about_y(qubits: tuple[int, ...], angle: float) -> list[Step]:
    return [("rz", qubits, -np.pi / 2), *_about_x(qubits, angle), ("rz", qubits, np.pi / 2)]


def _about_pair(gate: str, qubits: tuple[int, ...], angle: float) -> list[Step]:
    """Return exp(-i angle PP / 2), turned so that P becomes Z."""
    turn: list[Step] = []
    back: list[Step] = []
    for q in qubits:
        if gate == "rxx":
            turn, back = [*turn, ("h", (q,), 0.0)], [*back, ("h", (q,), 0.0)]
        if gate == "ryy":
            turn, back = [*turn, *_about_x((q,), np.pi / 2)], [*back, *_about_x((q,), -np.pi / 2)]
    middle: list[Step] = [("cx", qubits, 0.0), ("rz", qubits[1:], angle), ("cx", qubits, 0.0)]
    return [*turn, *middle, *back]
