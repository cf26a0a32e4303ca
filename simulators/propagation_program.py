"""Compile circuit, noise and observable to the flat arrays that the propagation kernels run.

The circuit is read backwards, from the observable on, and only its causal cone is kept. One-qubit gates, their noise,
the one-qubit parts of two-qubit noise and read-out error collect per qubit until a two-qubit gate needs them; then they
act as one operation. Clifford gates become updates of a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.channels import Channel, unitary_to_ptm
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.gates import GATES, gate_matrix
from qvar.simulators.kernels.propagation.layout import CLIFFORD, MIX1, MIX2, ROT2
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.readout import letter_map

__all__ = ["PropagationProgram", "propagation_program"]

_OP_SIZE = 7
_CONSTANT, _X, _Z, _Y = range(4)
_AXES = {"rx": _X, "ry": _Y, "rz": _Z, "p": _Z}
_PAIR_AXES = {"rxx": _X, "ryy": _Y, "rzz": _Z}
_EIGHTH_TURNS = {"t": np.pi / 4, "tdg": -np.pi / 4}
_U_AXES = ((_Z, 1), (_Y, 0), (_Z, 2))
"""U(theta, phi, lambda) = RZ(phi) RY(theta) RZ(lambda): axes and angles from the last rotation to the first."""

_TO_DIGIT = np.array([0, 1, 3, 2])
"""Digit of the letters in the order I, X, Z, Y, in which the product of two letters is the XOR of their numbers."""
_TO_DIGITS = (_TO_DIGIT[None, :] + 4 * _TO_DIGIT[:, None]).reshape(-1)
_STRUCTURE_TOLERANCE = 1e-14

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class PropagationProgram:
    """Circuit, noise and observable as flat arrays, from the observable to the start of the circuit.

    Attributes:
        ops: int64 of shape (n_ops, 7): opcode, first and second qubit, and what the opcode needs.
        elements: int64 of shape (n_elements, 3): kind (0 a constant, 1, 2, 3 a rotation about X, Z, Y), slot or -1,
            offset of the constant.
        angles: float64 of shape (n_elements, 2), scale and shift of each angle.
        constants: float64, Heisenberg matrices, letters in the order I, X, Z, Y.
        cliffords: int64 of shape (n, 4, 3), images of X, Z on the first and X, Z on the second qubit.
        terms: int64 of shape (n_terms, 4), the observable's strings: words x, z of qubits 0..63, then of 64..127.
        coefficients: float64 of shape (n_terms,).
    """

    ops: NDArray[np.int64]
    elements: NDArray[np.int64]
    angles: NDArray[np.float64]
    constants: NDArray[np.float64]
    cliffords: NDArray[np.int64]
    terms: NDArray[np.int64]
    coefficients: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Element:
    """A factor of a one-qubit operation: a rotation about an axis, or a constant matrix."""

    kind: int
    angle: float | Slot = 0.0
    matrix: Matrix | None = None
    clifford: str = ""


def propagation_program(circuit: Circuit, noise: NoiseModel | None, observable: Observable) -> PropagationProgram:
    """Return the program of an observable in a circuit, its causal cone only.

    Raises:
        NoiseModelError: if the noise model is a device that lacks one of the gates.
    """
    builder = _Builder(noise, observable)
    for operation in reversed(circuit.operations):
        builder.add(operation)
    return builder.program()


class _Builder:
    """Collect operations from the last gate to the first; mutable until `program` is called."""

    def __init__(self, noise: NoiseModel | None, observable: Observable) -> None:
        self._noise = noise
        self._observable = observable
        self._cone = {int(q) for q in np.flatnonzero(observable.digits.any(axis=0))}
        self._waiting: dict[int, list[_Element]] = {q: [] for q in range(observable.n_qubits)}
        self._ops: list[tuple[int, ...]] = []
        self._elements: list[tuple[int, int, int]] = []
        self._angles: list[tuple[float, float]] = []
        self._numbers: list[Matrix] = []
        self._offsets: dict[bytes, int] = {}
        self._n_numbers = 0
        self._cliffords: dict[str, int] = {}
        for q in sorted(self._cone):
            self._wait(q, _Element(_CONSTANT, matrix=_heisenberg(letter_map(noise, q))))

    def add(self, operation: Operation) -> None:
        """Add the gate before those added so far, and its noise."""
        channel = operation.channel
        if channel is None and self._noise is not None:
            channel = self._noise.channel(operation.gate, operation.qubits)
        if self._cone.isdisjoint(operation.qubits):
            return
        if channel is not None and not channel.is_identity():
            self._add_channel(channel, operation.qubits)
        if operation.channel is None and operation.gate != "id":
            self._add_gate(operation)
        self._cone.update(operation.qubits)

    def program(self) -> PropagationProgram:
        """Return the finished program."""
        for q in sorted(self._waiting):
            self._flush(q)
        images = [_clifford_images(gate) for gate in self._cliffords]
        digits = self._observable.digits
        order = np.argsort((digits != 0).argmax(axis=1), kind="stable")  # neighbours in space, neighbours in memory
        return PropagationProgram(
            ops=np.array(self._ops, dtype=np.int64).reshape(-1, _OP_SIZE),
            elements=np.array(self._elements, dtype=np.int64).reshape(-1, 3),
            angles=np.array(self._angles, dtype=np.float64).reshape(-1, 2),
            constants=np.concatenate([np.zeros(1), *(numbers.ravel() for numbers in self._numbers)]),
            cliffords=np.array(images, dtype=np.int64).reshape(-1, 4, 3),
            terms=_words(digits[order]),
            coefficients=self._observable.vector[order],
        )

    def _add_channel(self, channel: Channel, qubits: tuple[int, ...]) -> None:
        if channel.n_qubits == 1:
            self._wait(qubits[0], _Element(_CONSTANT, matrix=_heisenberg(channel.ptm)))
            return
        single, joint = _split(channel)
        for q, matrix in zip(qubits, single, strict=True):
            if q in self._cone:
                self._wait(q, _Element(_CONSTANT, matrix=matrix))
        if joint is not None:
            self._flush_all(qubits)
            self._ops.append((MIX2, *qubits, self._offset(joint), 0, 0, 0))

    def _add_gate(self, operation: Operation) -> None:
        gate, qubits, angles = operation.gate, operation.qubits, operation.parameters
        if gate in _AXES:
            self._wait(qubits[0], _Element(_AXES[gate], angles[0]))
        elif gate in _EIGHTH_TURNS:
            self._wait(qubits[0], _Element(_Z, _EIGHTH_TURNS[gate]))
        elif gate == "u":
            for axis, source in _U_AXES:
                self._wait(qubits[0], _Element(axis, angles[source]))
        elif gate in _PAIR_AXES:
            self._flush_all(qubits)
            letter = _PAIR_AXES[gate]
            self._ops.append((ROT2, *qubits, len(self._elements), letter, letter, 1))
            self._append(_Element(_Z, angles[0]))
        else:
            self._add_clifford(gate, qubits)

    def _add_clifford(self, gate: str, qubits: tuple[int, ...]) -> None:
        if len(qubits) == 1 and self._waiting[qubits[0]]:
            matrix = _heisenberg(unitary_to_ptm(gate_matrix(gate)))
            self._wait(qubits[0], _Element(_CONSTANT, matrix=matrix, clifford=gate))
            return
        self._flush_all(qubits)
        self._update_frame(gate, qubits)

    def _update_frame(self, gate: str, qubits: tuple[int, ...]) -> None:
        index = self._cliffords.setdefault(gate, len(self._cliffords))
        self._ops.append((CLIFFORD, qubits[0], qubits[-1], index, 2 * len(qubits), 0, 0))

    def _wait(self, qubit: int, element: _Element) -> None:
        if element.matrix is None or not np.array_equal(element.matrix, np.eye(4)):
            self._waiting[qubit].append(element)

    def _flush_all(self, qubits: Sequence[int]) -> None:
        for q in qubits:
            self._flush(q)

    def _flush(self, qubit: int) -> None:
        """Emit what waits on a qubit as one operation, Clifford gates at its end as updates of the frame."""
        elements, cliffords = self._waiting[qubit], []
        while elements and elements[-1].clifford:
            cliffords.append(elements.pop().clifford)
        if elements:
            first = len(self._elements)
            for element in _merged(elements):
                self._append(element)
            self._ops.append((MIX1, qubit, qubit, first, 0, 0, len(self._elements) - first))
        for gate in reversed(cliffords):
            self._update_frame(gate, (qubit,))
        self._waiting[qubit] = []

    def _append(self, element: _Element) -> None:
        slot, scale, shift, offset = -1, 0.0, 0.0, 0
        if element.matrix is not None:
            offset = self._offset(element.matrix)
        elif isinstance(element.angle, Slot):
            slot, scale, shift = element.angle.index, element.angle.scale, element.angle.shift
        else:
            shift = element.angle
        self._elements.append((element.kind, slot, offset))
        self._angles.append((scale, shift))

    def _offset(self, matrix: Matrix) -> int:
        """Return where the numbers of `matrix` stand among the constants, appending them if they are new."""
        key = matrix.tobytes()
        if key not in self._offsets:
            self._offsets[key] = 1 + self._n_numbers
            self._numbers.append(matrix)
            self._n_numbers += matrix.size
        return self._offsets[key]


def _merged(elements: Sequence[_Element]) -> list[_Element]:
    """Return the elements with neighbouring constants multiplied."""
    merged: list[_Element] = []
    for element in elements:
        last = merged[-1].matrix if merged else None
        if last is not None and element.matrix is not None:
            merged[-1] = _Element(_CONSTANT, matrix=element.matrix @ last)
        else:
            merged.append(element)
    return merged


def _heisenberg(ptm: Matrix) -> Matrix:
    """Return the matrix that acts on the coefficients of an observable, letters in the order I, X, Z, Y."""
    order = _TO_DIGIT if len(ptm) == 4 else _TO_DIGITS
    return np.ascontiguousarray(ptm.T[np.ix_(order, order)])


@lru_cache(maxsize=4096)
def _split(channel: Channel) -> tuple[tuple[Matrix, Matrix], Matrix | None]:
    """Return the one-qubit parts of a two-qubit channel and what remains, None for nothing, as Heisenberg matrices.

    A depolarizing factor d followed by a channel on each qubit is recognized: there the transfer matrix is the
    Kronecker product times diag(1, d, ..., d). Any other channel remains whole.
    """
    ptm = channel.ptm
    first, second = ptm[:4, :4].copy(), ptm[::4, ::4].copy()
    i, j = (1 + k for k in np.unravel_index(np.abs(first[1:, 1:]).argmax(), (3, 3)))
    k, m = (1 + k for k in np.unravel_index(np.abs(second[1:, 1:]).argmax(), (3, 3)))
    both = ptm[i + 4 * k, j + 4 * m]
    if abs(both) > 1e-6:
        d = first[i, j] * second[k, m] / both
        first[1:, 1:] /= d
        second[1:, 1:] /= d
        factors = np.diag([1.0] + [d] * 15)
        if np.abs(np.kron(second, first) @ factors - ptm).max() <= _STRUCTURE_TOLERANCE:
            remainder = None if abs(d - 1.0) < _STRUCTURE_TOLERANCE else factors
            return (_heisenberg(first), _heisenberg(second)), remainder
    return (np.eye(4), np.eye(4)), _heisenberg(ptm)


@lru_cache(maxsize=64)
def _clifford_images(gate: str) -> tuple[tuple[int, int, int], ...]:
    """Return (letters, power of i, letters of the inverse image) for X_a, Z_a, X_b, Z_b; letters as four bits.

    The image of P is U P U^dagger = i**power X_a^.. Z_a^.. X_b^.. Z_b^.., in this order of factors.
    """
    ptm = unitary_to_ptm(gate_matrix(gate))
    images = []
    for digit in (1, 3, 4, 12)[: 2 * GATES[gate].n_qubits]:
        row, back = int(np.abs(ptm[:, digit]).argmax()), int(np.abs(ptm[digit]).argmax())
        power = 2 * int(ptm[row, digit] < 0) + (row % 4 == 2) + (row // 4 == 2)
        images.append((_letters(row), power % 4, _letters(back)))
    return (*images, *[(0, 0, 0)] * (4 - len(images)))


def _letters(digits: int) -> int:
    """Return the letters of a Pauli index on two qubits as four bits, X and Z part of each."""
    return int(_TO_DIGIT[digits % 4] + 4 * _TO_DIGIT[digits // 4])  # the map is its own inverse


def _words(digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return Pauli strings as bit words x, z of qubits 0..63, then of 64..127: int64 of shape (n_terms, 4)."""
    parts = np.zeros((len(digits), 2, 2, 64), dtype=np.uint8)  # term, half, part, qubit
    for part, letters in enumerate(((1, 2), (2, 3))):
        bits = np.zeros((len(digits), 128), dtype=np.uint8)
        bits[:, : digits.shape[1]] = np.isin(digits, letters)
        parts[:, :, part] = bits.reshape(-1, 2, 64)
    packed = np.packbits(parts, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").reshape(-1, 4).astype(np.uint64).view(np.int64)
