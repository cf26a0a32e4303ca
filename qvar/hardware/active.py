"""The part of a device that a circuit uses: its qubits, its gates and their calibration, renumbered 0, 1, ....

A transpiled circuit lives on all qubits of a device but acts on few. Simulating only those gives the same values:
gates act on no others, and the noise of idle qubits is not modelled. On devices of more than about 25 qubits it is
the only way, because the executor-based primitives measure every qubit of the device.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import RZGate, SXGate
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import PauliList, SparsePauliOp
from qiskit.transpiler import CouplingMap, Target

from qvar.simulators.errors import HardwareError

__all__ = ["ActiveBackend", "active_qubits", "observable_on_active_qubits", "on_active_qubits", "usable_target"]

_PASSIVE = ("barrier", "delay")


def active_qubits(circuits: Iterable[QuantumCircuit]) -> tuple[int, ...]:
    """Return the physical qubits that transpiled circuits act on or that hold a qubit of theirs at the end, sorted."""
    active: set[int] = set()
    for circuit in circuits:
        for instruction in circuit.data:
            if instruction.operation.name not in _PASSIVE:
                active |= {circuit.find_bit(qubit).index for qubit in instruction.qubits}
        if circuit.layout is not None:
            active |= set(circuit.layout.final_index_layout(filter_ancillas=True))
    return tuple(sorted(active))


def on_active_qubits(circuit: QuantumCircuit, qubits: Sequence[int]) -> QuantumCircuit:
    """Return a transpiled circuit on `qubits` alone, the k-th of which becomes qubit k; its layout is left out.

    Raises:
        HardwareError: if the circuit acts on others.
    """
    number = {physical: index for index, physical in enumerate(qubits)}
    reduced = QuantumCircuit(len(qubits), *circuit.cregs, name=circuit.name, global_phase=circuit.global_phase)
    for instruction in circuit.data:
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        kept = [number[place] for place in places if place in number]
        if instruction.operation.name in _PASSIVE and len(kept) < len(places):
            if instruction.operation.name == "barrier" and kept:
                reduced.barrier(kept)
            continue
        if len(kept) < len(places):
            raise HardwareError(f"{instruction.operation.name!r} acts on {places}, outside of the qubits {list(qubits)}")
        reduced.append(instruction.operation, kept, instruction.clbits)
    return reduced


def observable_on_active_qubits(observable: SparsePauliOp, qubits: Sequence[int]) -> SparsePauliOp:
    """Return an observable of a whole device on `qubits` alone.

    Raises:
        HardwareError: if it speaks about others.
    """
    outside = set(range(observable.num_qubits)) - set(qubits)
    paulis = observable.paulis
    if (paulis.x[:, sorted(outside)] | paulis.z[:, sorted(outside)]).any():
        raise HardwareError(f"the observable acts on qubits outside of {list(qubits)}")
    kept = list(qubits)
    return SparsePauliOp(PauliList.from_symplectic(paulis.z[:, kept], paulis.x[:, kept]), observable.coeffs)


def usable_target(target: Target, qubits: Sequence[int] | None = None) -> Target:
    """Return the gates of a device that are in order, on some of its qubits, renumbered 0, 1, ....

    Control flow is left out, and so are gates with a reported error of 1, which marks those out of order.

    Args:
        target: of the device.
        qubits: physical qubits in order, None for all.
    """
    chosen = range(target.num_qubits) if qubits is None else qubits
    number = {physical: index for index, physical in enumerate(chosen)}
    properties = target.qubit_properties
    reduced = Target(
        num_qubits=len(number),
        dt=target.dt,
        granularity=target.granularity,
        min_length=target.min_length,
        pulse_alignment=target.pulse_alignment,
        acquire_alignment=target.acquire_alignment,
        qubit_properties=None if properties is None else [properties[physical] for physical in chosen],
    )
    for name in target.operation_names:
        entries = {
            tuple(number[q] for q in places): entry
            for places, entry in (target[name] or {}).items()
            if places is not None and number.keys() >= set(places) and not _is_faulty(entry)
        }
        if entries:
            reduced.add_instruction(target.operation_from_name(name), entries, name=name)
    return reduced


def _is_faulty(entry: Any) -> bool:
    return entry is not None and entry.error is not None and entry.error >= 1


def _with_pulses(target: Target) -> Target:
    """Add to a device of the older gates u1, u2, u3 what primitives measure with: RZ, and SX as the one pulse of u2."""
    for name, gate, older in (("rz", RZGate(Parameter("angle")), "u1"), ("sx", SXGate(), "u2")):
        if name not in target.operation_names and older in target.operation_names:
            target.add_instruction(gate, dict(target[older]), name=name)
    return target


class ActiveBackend(BackendV2):  # type: ignore[misc]
    """Some qubits of a device, with their calibration, as a backend for local simulation; it runs nothing itself.

    Qiskit's local mode takes the noise of a backend from its `target`, so it simulates here what it would simulate on
    the whole device, were that possible.

    Args:
        backend: the device.
        qubits: physical qubits in order; they become 0, 1, ....
    """

    def __init__(self, backend: Any, qubits: Sequence[int]) -> None:
        super().__init__(name=backend.name, description=backend.description, backend_version=backend.backend_version)
        self._target = _with_pulses(usable_target(backend.target, qubits))

    @property
    def target(self) -> Target:
        """The gates of these qubits."""
        return self._target

    @property
    def coupling_map(self) -> CouplingMap:
        """The coupled pairs, none for a single qubit."""
        return self._target.build_coupling_map() or CouplingMap()

    @property
    def max_circuits(self) -> int | None:
        """No limit."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        """Raise HardwareError: circuits go through the primitives.

        Raises:
            HardwareError: always.
        """
        raise HardwareError(f"{self.name} restricted to some qubits runs no circuits itself; use an estimator on it")
