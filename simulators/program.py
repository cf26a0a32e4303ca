"""Compile a circuit to flat arrays that a kernel runs in one call.

A program is built for every new circuit that a search visits, so it must cost microseconds: gates and their noise are
lowered once per (gate, qubits) and looked up afterwards. Rotations and CX keep their structure and carry their noise as
a short record; whatever has no structure becomes a dense one- or two-qubit matrix.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.channels import Channel, unitary_to_ptm
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.gates import gate_matrix
from qvar.simulators.noise import NoiseModel

__all__ = [
    "CX",
    "DENSE1",
    "DENSE2",
    "OP_SIZE",
    "RX",
    "RY",
    "RZ",
    "Lowering",
    "Program",
    "ptm_lowering",
    "pure_lowering",
]

RX, RY, RZ, CX, DENSE1, DENSE2 = range(6)
"""Opcodes of the kernels."""

OP_SIZE = 5
"""Integers per operation: opcode, first qubit, second qubit, parameter slot (-1 if fixed), offset of its constants."""

_AXES = {"rx": RX, "ry": RY, "rz": RZ, "p": RZ}
_HALF_PI = np.pi / 2
_LOCK = threading.Lock()  # guards the tables of every lowering; held for microseconds


@dataclass(frozen=True)
class Program:
    """A circuit as flat arrays.

    Attributes:
        ops: int64 of shape (n_ops, OP_SIZE).
        angles: float64 of shape (n_ops, 2), scale and shift of each angle.
        constants: float64, noise records and dense matrices that `ops` points into.
        n_slots: number of operations with a free angle.
    """

    ops: NDArray[np.int64]
    angles: NDArray[np.float64]
    constants: NDArray[np.float64]
    n_slots: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One kernel operation; `source` is the index of the gate's angle it rotates by, -1 if it has a fixed angle."""

    opcode: int
    first: int
    second: int
    constants: int
    source: int = -1
    angle: float = 0.0


class Lowering:
    """Turn circuits into programs for one picture and one noise model.

    Holds mutable state: the table of gates lowered so far and the constants they need, both only ever appended to.

    Args:
        noise: the noise that follows the gates, None for none.
        rotation_record: constants of a noiseless rotation.
        cx_record: constants of a noiseless CX.
        dense: turns a unitary (or, with noise, a Channel) into the numbers of a dense operation.
        records: finds the short record of a channel, None if it has no such structure.
    """

    def __init__(
        self,
        noise: NoiseModel | None,
        *,
        rotation_record: tuple[float, ...],
        cx_record: tuple[float, ...],
        dense: Callable[[NDArray[np.complex128], Channel | None], NDArray[np.float64]],
        records: Callable[[Channel], tuple[float, ...] | None],
    ) -> None:
        self._noise = noise
        self._ideal = {1: rotation_record, 2: cx_record}
        self._dense = dense
        self._records = records
        self._steps: dict[tuple[str, tuple[int, ...]], tuple[_Step, ...]] = {}
        self._numbers: list[float] = []
        self._offsets: dict[tuple[float, ...], int] = {}
        self._constants = np.zeros(1)

    def program(self, circuit: Circuit) -> Program:
        """Return the program of `circuit`.

        Raises:
            NoiseModelError: if the noise model is a device that lacks one of the gates.
        """
        ops: list[int] = []
        angles: list[float] = []
        n_slots = 0
        for operation in circuit.operations:
            for step in self._lower(operation):
                slot, scale, shift = -1, 0.0, step.angle
                if step.source >= 0:
                    parameter = operation.parameters[step.source]
                    if isinstance(parameter, Slot):
                        slot, scale, shift = parameter.index, parameter.scale, parameter.shift
                        n_slots += 1
                    else:
                        shift = parameter
                ops += (step.opcode, step.first, step.second, slot, step.constants)
                angles += (scale, shift)
        return Program(
            ops=np.array(ops, dtype=np.int64).reshape(-1, OP_SIZE),
            angles=np.array(angles, dtype=np.float64).reshape(-1, 2),
            constants=self._current_constants(),
            n_slots=n_slots,
        )

    def _lower(self, operation: Operation) -> tuple[_Step, ...]:
        key = (operation.gate, operation.qubits)
        if operation.channel is not None:
            with _LOCK:
                identity = np.eye(2**operation.channel.n_qubits, dtype=np.complex128)
                return (self._matrix(identity, operation.qubits, operation.channel),)
        steps = self._steps.get(key)
        if steps is not None:
            return steps
        with _LOCK:
            channel = None if self._noise is None else self._noise.channel(*key)
            if channel is not None and channel.is_identity():
                channel = None
            steps = self._steps[key] = tuple(self._expand(operation.gate, operation.qubits, channel))
        return steps

    def _expand(self, gate: str, qubits: tuple[int, ...], channel: Channel | None) -> list[_Step]:
        if gate == "id" and channel is None:
            return []
        if gate in _AXES:
            return self._rotation(_AXES[gate], qubits[0], channel)
        if gate == "u":  # U(theta, phi, lambda) = RZ(phi) RY(theta) RZ(lambda), angles in this order of sources
            first = self._rotation(RZ, qubits[0], None, source=2) + self._rotation(RY, qubits[0], None, source=0)
            return first + self._rotation(RZ, qubits[0], channel, source=1)
        if gate in ("rxx", "ryy", "rzz"):
            return self._pauli_pair(gate, qubits, channel)
        record = self._ideal[2] if channel is None else self._records(channel)
        if gate == "cx" and record is not None:
            return [_Step(CX, qubits[0], qubits[1], self._offset(record))]
        return [self._matrix(gate_matrix(gate), qubits, channel)]

    def _rotation(self, axis: int, qubit: int, channel: Channel | None, *, source: int = 0) -> list[_Step]:
        record = self._ideal[1] if channel is None else self._records(channel)
        if record is not None:
            return [_Step(axis, qubit, 0, self._offset(record), source)]
        step = _Step(axis, qubit, 0, self._offset(self._ideal[1]), source)
        return [step, self._matrix(gate_matrix("id"), (qubit,), channel)]

    def _pauli_pair(self, gate: str, qubits: tuple[int, ...], channel: Channel | None) -> list[_Step]:
        """Lower exp(-i t PP / 2) to CX RZ CX, dressed so that P becomes Z; exact without noise in between."""
        a, b = qubits
        cx = _Step(CX, a, b, self._offset(self._ideal[2]))
        before: list[_Step] = []
        after: list[_Step] = []
        for q in qubits:
            if gate == "rxx":
                before, after = (
                    [*before, self._fixed(RY, q, -_HALF_PI)],
                    [*after, self._fixed(RY, q, _HALF_PI)],
                )
            if gate == "ryy":
                before, after = (
                    [*before, self._fixed(RX, q, _HALF_PI)],
                    [*after, self._fixed(RX, q, -_HALF_PI)],
                )
        steps = [*before, cx, *self._rotation(RZ, b, None), cx, *after]
        if channel is not None:
            steps.append(self._matrix(np.eye(4, dtype=np.complex128), qubits, channel))
        return steps

    def _fixed(self, axis: int, qubit: int, angle: float) -> _Step:
        return _Step(axis, qubit, 0, self._offset(self._ideal[1]), angle=angle)

    def _matrix(self, unitary: NDArray[np.complex128], qubits: tuple[int, ...], channel: Channel | None) -> _Step:
        offset = self._offset(tuple(self._dense(unitary, channel).ravel().tolist()))
        return _Step(DENSE1 if len(qubits) == 1 else DENSE2, qubits[0], qubits[-1], offset)

    def _offset(self, numbers: tuple[float, ...]) -> int:
        """Return where `numbers` stand among the constants, appending them if they are new."""
        if numbers not in self._offsets:
            self._offsets[numbers] = len(self._numbers)
            self._numbers.extend(numbers)
        return self._offsets[numbers]

    def _current_constants(self) -> NDArray[np.float64]:
        with _LOCK:
            if len(self._constants) != max(1, len(self._numbers)):
                self._constants = np.array(self._numbers or [0.0])
            return self._constants


def pure_lowering() -> Lowering:
    """Return the lowering for the pure-state picture; dense matrices are stored as real and imaginary parts."""
    return Lowering(None, rotation_record=(0.0,), cx_record=(0.0,), dense=_pure_matrix, records=_no_record)


def _pure_matrix(unitary: NDArray[np.complex128], channel: Channel | None) -> NDArray[np.float64]:
    if channel is not None:
        _no_record(channel)
    return np.stack([unitary.real, unitary.imag], axis=-1)


def _no_record(channel: Channel) -> None:
    raise AssertionError(f"the pure-state picture has no noise, got {channel}")


def ptm_lowering(noise: NoiseModel | None) -> Lowering:
    """Return the lowering for the Pauli-Liouville picture with noise fused into the gates."""
    return Lowering(
        noise,
        rotation_record=(1.0, 1.0, 1.0, 0.0),
        cx_record=(1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0),
        dense=_transfer_matrix,
        records=_channel_record,
    )


def _transfer_matrix(unitary: NDArray[np.complex128], channel: Channel | None) -> NDArray[np.float64]:
    ideal = unitary_to_ptm(unitary)
    return ideal if channel is None else np.asarray(channel.ptm @ ideal)


def _channel_record(channel: Channel) -> tuple[float, ...] | None:
    return _one_qubit_record(channel.ptm) if channel.n_qubits == 1 else _two_qubit_record(channel.ptm)


_STRUCTURE_TOLERANCE = 1e-14


def _one_qubit_record(ptm: NDArray[np.float64]) -> tuple[float, ...] | None:
    """Return (lx, ly, lz, tz) if X' = lx X, Y' = ly Y, Z' = lz Z + tz I, else None."""
    record = (ptm[1, 1], ptm[2, 2], ptm[3, 3], ptm[3, 0])
    return _if_equal(_from_one_qubit_record(*record), ptm, record)


def _from_one_qubit_record(lx: float, ly: float, lz: float, tz: float) -> NDArray[np.float64]:
    matrix = np.diag([1.0, lx, ly, lz])
    matrix[3, 0] = tz
    return matrix


def _two_qubit_record(ptm: NDArray[np.float64]) -> tuple[float, ...] | None:
    """Return (d, ax, az, ta, bx, bz, tb): depolarizing factor d, then relaxation of the first and second qubit."""
    x_first, x_second, x_both = ptm[1, 1], ptm[4, 4], ptm[5, 5]
    if min(abs(x_first), abs(x_second), abs(x_both)) < 1e-6:
        return None
    d = x_first * x_second / x_both
    record = (d, x_first / d, ptm[3, 3] / d, ptm[3, 0], x_second / d, ptm[12, 12] / d, ptm[12, 0])
    _, ax, az, ta, bx, bz, tb = record
    relaxation = np.kron(_from_one_qubit_record(bx, bx, bz, tb), _from_one_qubit_record(ax, ax, az, ta))
    return _if_equal(relaxation @ np.diag([1.0] + [d] * 15), ptm, record)


def _if_equal(
    rebuilt: NDArray[np.float64], ptm: NDArray[np.float64], record: tuple[float, ...]
) -> tuple[float, ...] | None:
    if np.abs(rebuilt - ptm).max() > _STRUCTURE_TOLERANCE:
        return None
    return tuple(float(x) for x in record)
