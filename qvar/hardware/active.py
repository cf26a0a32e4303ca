"""The part of a device that circuits use: its qubits, its gates and their calibration, renumbered 0, 1, ....

A transpiled circuit lives on all qubits of a device but acts on few. Simulating only those gives the same values:
gates act on no others, and the noise of idle qubits is not modelled. On devices of more than about 25 qubits it is
the only way, because the executor-based primitives measure every qubit of the device.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.library import RZGate, SXGate
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import CouplingMap, Target

from qvar.simulators.errors import HardwareError

__all__ = ["ActiveBackend", "active_qubits", "on_active_qubits", "usable_target"]

_PASSIVE = ("barrier", "delay")
_RENAMED = {"u1": ("rz", RZGate(Parameter("angle"))), "u2": ("sx", SXGate())}
"""Gates of IBM's older devices, with the gate that costs the same: nothing, and one pulse; u3 costs two pulses."""


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
    """Return a transpiled circuit on `qubits` alone, the k-th of which becomes qubit k.

    The layout is left out. The gates u1, u2 and u3 become the pulses that they cost: RZ and SX.

    Raises:
        HardwareError: if the circuit acts on other qubits.
    """
    number = {physical: index for index, physical in enumerate(qubits)}
    reduced = QuantumCircuit(
        QuantumRegister(len(qubits), "q"),
        *circuit.cregs,
        name=circuit.name,
        global_phase=circuit.global_phase,
        metadata=circuit.metadata,
    )
    for instruction in circuit.data:
        operation = instruction.operation
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        kept = [number[place] for place in places if place in number]
        if len(kept) == len(places):
            _append(reduced, operation, kept, instruction.clbits)
        elif operation.name == "barrier" and kept:
            reduced.barrier(kept)
        elif operation.name not in _PASSIVE:
            raise HardwareError(f"{operation.name!r} acts on {places}, outside of the qubits {list(qubits)}")
    return reduced


def _append(circuit: QuantumCircuit, operation: Any, qubits: list[int], clbits: Any) -> None:
    if operation.name not in ("u1", "u2", "u3"):
        circuit.append(operation, qubits, clbits)
        return
    if operation.name == "u1":
        circuit.rz(operation.params[0], qubits)
        return
    *theta, phi, lam = operation.params
    if theta:  # u3(t, p, l) = RZ(p + pi) SX RZ(t + pi) SX RZ(l)
        circuit.rz(lam, qubits)
        circuit.sx(qubits)
        circuit.rz(theta[0] + math.pi, qubits)
        circuit.sx(qubits)
        circuit.rz(phi + math.pi, qubits)
    else:  # u2(p, l) = RZ(p + pi/2) SX RZ(l - pi/2)
        circuit.rz(lam - math.pi / 2, qubits)
        circuit.sx(qubits)
        circuit.rz(phi + math.pi / 2, qubits)


def usable_target(target: Target, qubits: Sequence[int] | None = None) -> Target:
    """Return the gates of a device that are in order, on some of its qubits, renumbered 0, 1, ....

    Gates with a reported error of 1 are left out, which marks those out of order; unless that holds for all gates on
    two qubits, where it can only mean that their errors are not known.

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
    judged = _has_working_pairs(target)
    for name in target.operation_names:
        entries = {
            tuple(number[q] for q in places): entry
            for places, entry in (target[name] or {}).items()
            if places is not None
            and number.keys() >= set(places)
            and not (_is_faulty(entry) and (judged or len(places) != 2))
        }
        if entries:
            reduced.add_instruction(target.operation_from_name(name), entries, name=name)
        elif None in (target[name] or {None: None}):  # control flow; without it Qiskit 2.6 fails on FakeCairoV2
            reduced.add_instruction(target.operation_from_name(name), name=name)
    return reduced


def _has_working_pairs(target: Target) -> bool:
    entries = [(p, e) for name in target.operation_names for p, e in (target[name] or {}).items() if p is not None]
    return any(len(places) == 2 and not _is_faulty(entry) for places, entry in entries)


def _is_faulty(entry: Any) -> bool:
    return entry is not None and entry.error is not None and entry.error >= 1


class ActiveBackend(BackendV2):  # type: ignore[misc]
    """Some qubits of a device, with their calibration, as a backend for local simulation; it runs nothing itself.

    Qiskit's local mode takes the noise of a backend from its `target`, so it simulates here what it would simulate on
    the whole device, were that possible. Devices with the older gates u1, u2, u3 get RZ and SX instead, with the
    calibration of u1 and u2: local mode measures with these and knows no others.

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

    def run(self, run_input: Any, **options: Any) -> Any:  # noqa: ARG002
        """Raise HardwareError: circuits go through the primitives.

        Raises:
            HardwareError: always.
        """
        raise HardwareError(f"{self.name} restricted to some qubits runs no circuits itself; use an estimator on it")


def _with_pulses(target: Target) -> Target:
    for older, (name, gate) in _RENAMED.items():
        if name not in target.operation_names and older in target.operation_names:
            target.add_instruction(gate, dict(target[older]), name=name)
    return target
