"""Shorten a circuit without changing its state: what may go because it does nothing, or because two gates make one.

Gates move past each other where they have the same axis on every qubit they share: RZ past a CNOT's control, RX past
its target. What meets its like is merged or cancelled; what acts on a qubit whose state is known, because nothing has
entangled it yet, and leaves that state alone, is dropped.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators import Circuit, Operation, Slot
from qvar.simulators.gates import gate_matrix

__all__ = ["free_angles", "simplify"]

TOLERANCE = 1e-9
"""Angles (radians) and amplitudes smaller than this count as zero."""

_AXES = {
    "rx": "X", "ry": "Y", "rz": "Z", "p": "Z", "x": "X", "y": "Y", "z": "Z", "s": "Z", "sdg": "Z", "t": "Z", "tdg": "Z",
    "sx": "X", "sxdg": "X", "cx": "ZX", "cy": "ZY", "cz": "ZZ", "rxx": "XX", "ryy": "YY", "rzz": "ZZ",
}  # fmt: skip
"""The Pauli letter that a gate commutes with on each of its qubits; a gate that is not here commutes with nothing."""

_ADDITIVE = frozenset({"rx", "ry", "rz", "p", "rxx", "ryy", "rzz"})
_INVOLUTIONS = frozenset({"x", "y", "z", "h", "cx", "cy", "cz", "swap"})
_CONTROLLED = frozenset({"cx", "cy", "cz"})

_EIGENSTATES = {
    letter: (np.array(plus) / np.linalg.norm(plus), np.array(minus) / np.linalg.norm(minus))
    for letter, plus, minus in (("X", (1, 1), (1, -1)), ("Y", (1, 1j), (1, -1j)), ("Z", (1, 0), (0, 1)))
}

_Known = NDArray[np.complex128] | None


def simplify(
    circuit: Circuit, parameters: ArrayLike, *, is_from_zero: bool = True
) -> tuple[Circuit, NDArray[np.float64]]:
    """Return a circuit that prepares the same state from |0...0>, up to its phase, with as many gates or fewer.

    Repeated until nothing changes: equal gates that meet are merged (rotations) or cancelled (CNOTs, Paulis, H), moving
    past gates that they commute with; rotations by multiples of 2 pi go; a gate on one qubit goes if it only changes
    the phase of that qubit's known state; a CNOT whose control is known to be |0>, or its target |+>, goes; one whose
    control is known to be |1> becomes an RX by pi on its target, one with target |-> an RZ by pi on its control.

    Args:
        circuit: any circuit; gates without a rule, such as U, and channels stay as they are.
        parameters: its angles, shape (circuit.n_parameters,), radians.
        is_from_zero: whether all qubits start in |0>; False for a circuit that has to act on any state, as in unitary
            compilation, where nothing is known of any qubit and the unitary is kept.

    Returns:
        The circuit with every angle free (see `free_angles`), and its angles.

    Example:
        >>> from qvar.simulators import Circuit, Operation, Slot
        >>> turn = Operation("rz", (0,), (Slot(0),))
        >>> cnot = Operation("cx", (0, 1))
        >>> simplify(Circuit(2, (Operation("h", (0,)), cnot, turn, cnot)), [0.3])[0].counts()
        {'h': 1, 'rz': 1}
    """
    gates = circuit.bind(parameters).operations
    while True:
        fewer = _merged(gates)
        if is_from_zero:
            fewer = _without_idle(fewer, circuit.n_qubits)
        if fewer == gates:
            return _freed(circuit.n_qubits, gates)
        gates = fewer


def free_angles(circuit: Circuit, parameters: ArrayLike = ()) -> tuple[Circuit, NDArray[np.float64]]:
    """Return the circuit with every angle in a slot of its own, in the order of the gates, and the angles."""
    return _freed(circuit.n_qubits, circuit.bind(parameters).operations)


def _freed(n_qubits: int, bound: Iterable[Operation]) -> tuple[Circuit, NDArray[np.float64]]:
    angles: list[float] = []
    operations = []
    for operation in bound:
        if not operation.parameters:
            operations.append(operation)
            continue
        first = len(angles)
        angles += [float(p) for p in operation.parameters if not isinstance(p, Slot)]
        operations.append(operation.with_parameters(Slot(k) for k in range(first, len(angles))))
    return Circuit(n_qubits, tuple(operations)), np.array(angles, dtype=np.float64)


def _merged(gates: Iterable[Operation]) -> tuple[Operation, ...]:
    """Merge or cancel gates with an earlier one of their kind that they can be moved to."""
    done: list[Operation] = []
    for gate in gates:
        place = _partner(done, gate)
        if place is not None and gate.gate in _INVOLUTIONS:
            del done[place]
            continue
        merged = gate
        if gate.gate in _ADDITIVE:
            angle = _angle(gate) + (0.0 if place is None else _angle(done[place]))
            angle = math.remainder(angle, 2 * math.pi)
            merged = gate if angle == _angle(gate) else gate.with_parameters((angle,))
            if abs(angle) < TOLERANCE:
                if place is not None:
                    del done[place]
                continue
        if place is None:
            done.append(merged)
        else:
            done[place] = merged
    return tuple(done)


def _partner(done: Sequence[Operation], gate: Operation) -> int | None:
    """Return the index of the last gate of the same kind and qubits that nothing keeps `gate` from."""
    if gate.gate not in _ADDITIVE and gate.gate not in _INVOLUTIONS:
        return None
    for place in range(len(done) - 1, -1, -1):
        other = done[place]
        if other.gate == gate.gate and other.qubits == gate.qubits:
            return place
        if not _commute(other, gate):
            return None
    return None


def _commute(one: Operation, other: Operation) -> bool:
    """Tell whether two gates have the same axis on every qubit they share."""
    shared = [q for q in one.qubits if q in other.qubits]
    if not shared:
        return True
    axes, others = _AXES.get(one.gate), _AXES.get(other.gate)
    if axes is None or others is None:
        return False
    return all(axes[one.qubits.index(q)] == others[other.qubits.index(q)] for q in shared)


def _angle(gate: Operation) -> float:
    (angle,) = gate.parameters
    assert not isinstance(angle, Slot)
    return angle


def _without_idle(gates: Iterable[Operation], n_qubits: int) -> tuple[Operation, ...]:
    """Drop or replace gates by what is known of qubits that nothing has entangled yet."""
    known: list[_Known] = [np.array([1, 0], dtype=np.complex128) for _ in range(n_qubits)]
    kept: list[Operation] = []
    for gate in gates:
        if len(gate.qubits) == 1:
            kept += _on_known_qubit(gate, known)
        elif gate.gate in _CONTROLLED and (simpler := _on_known_pair(gate, known)) is not None:
            for replacement in simpler:
                kept += _on_known_qubit(replacement, known)
        else:
            for q in gate.qubits:
                known[q] = None
            kept.append(gate)
    return tuple(kept)


def _on_known_qubit(gate: Operation, known: list[_Known]) -> tuple[Operation, ...]:
    """Return the gate, or nothing if it leaves the qubit's known state as it is; follow the state."""
    (q,) = gate.qubits
    before = known[q]
    if before is None or gate.channel is not None:
        known[q] = None
        return (gate,)
    matrix = gate_matrix(gate.gate, [p for p in gate.parameters if not isinstance(p, Slot)])
    after = matrix @ before
    if abs(before[0] * after[1] - before[1] * after[0]) < TOLERANCE:
        return ()
    known[q] = after
    return (gate,)


def _on_known_pair(gate: Operation, known: Sequence[_Known]) -> tuple[Operation, ...] | None:
    """Return what a controlled Pauli does if one of its qubits is in an eigenstate of its axis; None if neither is."""
    axes = _AXES[gate.gate]
    for place, other in ((0, 1), (1, 0)):
        state = known[gate.qubits[place]]
        if state is None:
            continue
        plus, minus = _EIGENSTATES[axes[place]]
        if abs(np.vdot(minus, state)) < TOLERANCE:
            return ()
        if abs(np.vdot(plus, state)) < TOLERANCE:
            return (Operation(f"r{axes[other].lower()}", (gate.qubits[other],), (math.pi,)),)
    return None
