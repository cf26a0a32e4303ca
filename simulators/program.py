"""Turn a circuit into the steps that kernels execute.

A step list is made for every new circuit that a search visits, so it must cost microseconds: gates and their noise are
lowered once per (gate, qubits) and looked up afterwards. Rotations and CX keep their structure and carry their noise as
a short record; CZ, CY, ECR and the two-qubit rotations become CX between one-qubit operations, which merge with their
neighbours; whatever has no structure becomes a dense two-qubit matrix.
"""

import threading
from dataclasses import dataclass, field
from operator import is_

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.channels import Channel, unitary_to_ptm
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.gates import PAULIS, gate_matrix
from qvar.simulators.kernels.layout import CX, DENSE, FIXED, IN_SIZE, RX, RY, RZ, SWAP
from qvar.simulators.noise import NoiseModel
from qvar.simulators.pictures import Picture, damping_ptm
from qvar.simulators.threads import in_forked_child

__all__ = ["Lowering", "Steps"]

_AXES = {"rx": RX, "ry": RY, "rz": RZ, "p": RZ}
_HALF_PI = np.pi / 2
_IDENTITY = PAULIS[0]
_MATRICES = {
    "rx": gate_matrix("rx", (_HALF_PI,)),
    "-rx": gate_matrix("rx", (-_HALF_PI,)),
    "ry": gate_matrix("ry", (_HALF_PI,)),
    "-ry": gate_matrix("ry", (-_HALF_PI,)),
    "rz": gate_matrix("rz", (_HALF_PI,)),
}
_DRESSED: dict[str, tuple[NDArray[np.complex128], ...]] = {
    # gate: unitaries on (first, second) qubit before and after the CX
    "cx": (_IDENTITY, _IDENTITY, _IDENTITY, _IDENTITY),
    "cz": (_IDENTITY, gate_matrix("h"), _IDENTITY, gate_matrix("h")),
    "cy": (_IDENTITY, gate_matrix("sdg"), _IDENTITY, gate_matrix("s")),
    "ecr": (_IDENTITY, _IDENTITY, PAULIS[1] @ _MATRICES["rz"], _MATRICES["rx"]),
    "rzz": (_IDENTITY, _IDENTITY, _IDENTITY, _IDENTITY),
    "rxx": (_MATRICES["-ry"], _MATRICES["-ry"], _MATRICES["ry"], _MATRICES["ry"]),
    "ryy": (_MATRICES["rx"], _MATRICES["rx"], _MATRICES["-rx"], _MATRICES["-rx"]),
}
_LOCK = threading.Lock()  # guards the tables of every lowering; held for microseconds


@in_forked_child
def _forget() -> None:
    global _LOCK
    _LOCK = threading.Lock()


@dataclass(frozen=True)
class Steps:
    """A circuit as flat arrays.

    Attributes:
        steps: int64, IN_SIZE numbers per step: opcode, first qubit, second qubit, slot (-1 if fixed), where its
            constants are.
        angles: float64, scale and shift of the angle of each step.
        constants: float64, noise records and matrices that `steps` points into.
    """

    steps: NDArray[np.int64]
    angles: NDArray[np.float64]
    constants: NDArray[np.float64]


@dataclass(slots=True)
class _Rows:
    """Steps and angles of some operations as they are put together, and how many steps there are up to each operation.

    `own` are the constants of the circuit's own channels; they will stand behind the shared ones, which is why the
    numbers at `places` are to grow.
    """

    numbers: list[int] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """Operations without channels, the number of steps up to each, and their steps."""

    operations: tuple[Operation, ...]
    ends: list[int]
    steps: NDArray[np.int64]
    angles: NDArray[np.float64]

    def shared(self, circuit: Circuit) -> int:
        """Return with how many of these very operations the circuit begins."""
        same = list(map(is_, self.operations, circuit.operations))
        return same.index(False) if False in same else len(same)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step; `source` is the index of the gate's angle it rotates by, -1 if it has none."""

    opcode: int
    first: int
    second: int
    constants: int
    source: int = -1


class Lowering:
    """Turn circuits into steps for one picture and one noise model.

    Holds mutable state: the table of gates lowered so far and the constants they need, both only ever appended to; and
    the last circuit, since the next one often begins in the same way.
    """

    def __init__(self, noise: NoiseModel | None, picture: Picture) -> None:
        self._noise = noise
        self._picture = picture
        self._steps: dict[tuple[str, tuple[int, ...]], tuple[_Step, ...]] = {}
        self._numbers: list[float] = []
        self._offsets: dict[tuple[float, ...], int] = {}
        self._constants: NDArray[np.float64] = np.zeros(1)
        self._known = _Known((), [], np.zeros(0, np.int64), np.zeros(0))

    def steps(self, circuit: Circuit) -> Steps:
        """Return the steps of `circuit`.

        Raises:
            NoiseModelError: if the noise model is a device that lacks one of the gates.
        """
        known = self._known
        n_known = known.shared(circuit)
        n_steps = known.ends[n_known - 1] if n_known else 0
        rows = self._rows(circuit.operations[n_known:])
        constants = self._current_constants()
        for place in rows.places:
            rows.numbers[place] += len(constants)
        steps = np.concatenate([known.steps[: IN_SIZE * n_steps], np.array(rows.numbers, np.int64)])
        angles = np.concatenate([known.angles[: 2 * n_steps], np.array(rows.angles, np.float64)])
        if rows.own:
            return Steps(steps, angles, np.concatenate([constants, rows.own]))
        ends = known.ends[:n_known] + [n_steps + end for end in rows.ends]
        self._known = _Known(circuit.operations, ends, steps, angles)
        return Steps(steps, angles, constants)

    def _rows(self, operations: tuple[Operation, ...]) -> "_Rows":
        rows = _Rows()
        for operation in operations:
            if operation.channel is not None:
                rows.places.append(len(rows.numbers) + IN_SIZE - 1)
                opcode = FIXED if operation.channel.n_qubits == 1 else DENSE
                rows.numbers += (opcode, operation.qubits[0], operation.qubits[-1], -1, len(rows.own))
                rows.angles += (0.0, 0.0)
                rows.own += self._picture.channel(operation.channel)
            else:
                lowered = self._steps.get((operation.gate, operation.qubits))
                for step in lowered if lowered is not None else self._lower(operation):
                    slot, scale, shift = -1, 0.0, 0.0
                    if step.source >= 0:
                        parameter = operation.parameters[step.source]
                        if isinstance(parameter, Slot):
                            slot, scale, shift = parameter.index, parameter.scale, parameter.shift
                        else:
                            shift = parameter
                    rows.numbers += (step.opcode, step.first, step.second, slot, step.constants)
                    rows.angles += (scale, shift)
            rows.ends.append(len(rows.angles) // 2)
        return rows

    def _lower(self, operation: Operation) -> tuple[_Step, ...]:
        gate, qubits = operation.gate, operation.qubits
        with _LOCK:
            noise = None if self._noise is None else self._noise.channel(gate, qubits)
            steps = tuple(self._expand(gate, qubits, None if noise is None or noise.is_identity() else noise))
            self._steps[gate, qubits] = steps
            return steps

    def _expand(self, gate: str, qubits: tuple[int, ...], channel: Channel | None) -> list[_Step]:
        if gate == "id" and channel is None:
            return []
        if gate in _AXES:
            return self._rotation(_AXES[gate], qubits[0], channel)
        if gate == "u":  # U(theta, phi, lambda) = RZ(phi) RY(theta) RZ(lambda), angles in this order of sources
            first = self._rotation(RZ, qubits[0], None, source=2) + self._rotation(RY, qubits[0], None, source=0)
            return first + self._rotation(RZ, qubits[0], channel, source=1)
        if gate == "swap" and channel is None:
            return [_Step(SWAP, qubits[0], qubits[1], 0)]
        if gate in _DRESSED:
            return self._dressed(gate, qubits, channel)
        return [self._matrix(gate_matrix(gate), qubits, channel)]

    def _rotation(self, axis: int, qubit: int, channel: Channel | None, *, source: int = 0) -> list[_Step]:
        record = self._picture.rotation if channel is None else self._picture.records(channel)
        if record is not None:
            return [_Step(axis, qubit, 0, self._offset(record), source)]
        step = _Step(axis, qubit, 0, self._offset(self._picture.rotation), source)
        return [step, self._matrix(_IDENTITY, (qubit,), channel)]

    def _dressed(self, gate: str, qubits: tuple[int, ...], channel: Channel | None) -> list[_Step]:
        """Lower a gate that is CX, or CX RZ CX, between one-qubit unitaries; its noise comes last."""
        first, second = qubits
        before_first, before_second, after_first, after_second = _DRESSED[gate]
        steps = self._unitary(before_first, first) + self._unitary(before_second, second)
        if gate.startswith("r"):
            steps += [self._cx(first, second, self._picture.cx), *self._rotation(RZ, second, None)]
        record = None if channel is None else self._picture.records(channel)
        if channel is None:
            after = self._unitary(after_first, first) + self._unitary(after_second, second)
            return [*steps, self._cx(first, second, self._picture.cx), *after]
        if record is None:  # the channel has no structure: it comes after the gate as a dense step
            unitary = np.kron(after_second, after_first) @ gate_matrix("cx")
            return [*steps, self._matrix(unitary, qubits, channel)]
        if gate == "cx":
            return [self._cx(first, second, record)]
        # Depolarizing commutes with one-qubit unitaries, so it stays with the CX; relaxation comes after them.
        d, ax, az, ta, bx, bz, tb = record
        steps.append(self._cx(first, second, (d, *self._picture.cx[1:])))
        for qubit, unitary, relaxation in ((first, after_first, (ax, az, ta)), (second, after_second, (bx, bz, tb))):
            damping, population, shift = relaxation
            ptm = damping_ptm(damping, damping, population, shift)
            if not (np.array_equal(ptm, np.eye(4)) and unitary is _IDENTITY):
                rows = (ptm @ unitary_to_ptm(unitary))[1:].ravel().tolist()
                steps.append(_Step(FIXED, qubit, 0, self._offset(tuple(rows))))
        return steps

    def _cx(self, control: int, target: int, record: tuple[float, ...]) -> _Step:
        return _Step(CX, control, target, self._offset(record))

    def _unitary(self, matrix: NDArray[np.complex128], qubit: int) -> list[_Step]:
        return [] if matrix is _IDENTITY else [self._matrix(matrix, (qubit,), None)]

    def _matrix(self, unitary: NDArray[np.complex128], qubits: tuple[int, ...], channel: Channel | None) -> _Step:
        if len(qubits) == 1:
            return _Step(FIXED, qubits[0], 0, self._offset(self._picture.local(unitary, channel)))
        return _Step(DENSE, qubits[0], qubits[1], self._offset(self._picture.dense(unitary, channel)))

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
