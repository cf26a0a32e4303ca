"""What PennyLane's measurements are worth in a state given by its Pauli expectation values.

Expectation values, variances and probabilities are simple functions of a few Pauli sums: they are computed from the
4**n numbers directly, with read-out error, and have exact gradients. Everything else is left to PennyLane's mixed-state
routines, which get the density matrix.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from qvar.simulators.errors import ObservableError
from qvar.simulators.gates import PAULIS
from qvar.simulators.measurement.plan import apply_local
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable, pauli_label
from qvar.simulators.pennylane.conversion import observable_from_pauli_sentence
from qvar.simulators.pennylane.noise import has_readout_error
from qvar.simulators.readout import letter_map, measured_coefficients

__all__ = [
    "LinearMeasurement",
    "density_matrices",
    "linear_measurement",
    "measurement_key",
]

Vector = NDArray[np.float64]
_MAX_DECOMPOSED_WIRES = 6
"""Observables without a Pauli form are expanded in Pauli words up to this many wires."""


class LinearMeasurement(Protocol):
    """A measurement that is a function of the expectation values (moments) of a few Pauli sums."""

    @property
    def observables(self) -> tuple[Observable, ...]:
        """The Pauli sums."""
        ...

    def from_states(self, states: Vector) -> Vector:
        """Return the results for `states` of shape (n_points, 4**n), before read-out; shape (n_points, *shape)."""
        ...

    def with_jacobian(self, moments: Vector, slopes: Vector) -> tuple[Vector, Vector]:
        """Return the result and its Jacobian, shapes (*shape) and (*shape, n_angles).

        Args:
            moments: measured values of the observables, shape (n_observables,).
            slopes: their derivatives, shape (n_observables, n_angles).
        """
        ...


class _Moments:
    """The measured values of some observables, read-out error included."""

    def __init__(self, observables: tuple[Observable, ...], noise: NoiseModel | None) -> None:
        self.observables = observables
        self._noise = noise

    @cached_property
    def _rows(self) -> list[tuple[NDArray[np.intp], Vector]]:
        dense = [measured_coefficients(observable, self._noise) for observable in self.observables]
        return [(np.flatnonzero(row), row[row != 0.0]) for row in dense]

    def __call__(self, states: Vector) -> list[Vector]:
        return [states[:, indices] @ coefficients for indices, coefficients in self._rows]


class _Expectation:
    def __init__(self, observable: Observable, noise: NoiseModel | None) -> None:
        self.observables = (observable,)
        self._moments = _Moments(self.observables, noise)

    def from_states(self, states: Vector) -> Vector:
        return np.asarray(self._moments(states)[0], dtype=np.float64)

    def with_jacobian(self, moments: Vector, slopes: Vector) -> tuple[Vector, Vector]:
        return np.asarray(moments[0]), np.asarray(slopes[0])


class _Variance:
    """<O**2> - <O>**2; with read-out error this holds if all words of O are measured in one Pauli basis."""

    def __init__(self, observable: Observable, square: Observable, noise: NoiseModel | None) -> None:
        self.observables = (observable, square)
        self._moments = _Moments(self.observables, noise)

    def from_states(self, states: Vector) -> Vector:
        mean, mean_square = self._moments(states)
        return np.asarray(mean_square - mean**2)

    def with_jacobian(self, moments: Vector, slopes: Vector) -> tuple[Vector, Vector]:
        return np.asarray(moments[1] - moments[0] ** 2), np.asarray(slopes[1] - 2 * moments[0] * slopes[0])


_TO_OUTCOMES = np.array([[0.5, 0.5], [0.5, -0.5]])


class _Probabilities:
    """Probabilities of the outcomes on some qubits, the first of them most significant."""

    def __init__(self, qubits: tuple[int, ...], n_qubits: int, noise: NoiseModel | None) -> None:
        self._qubits = qubits[::-1]  # least significant first, as `apply_local` has it
        self._n_qubits = n_qubits
        letters = np.array([letter_map(noise, q) for q in self._qubits]).reshape(-1, 4, 4)
        self._matrices = _TO_OUTCOMES @ letters[:, [0, 3]][:, :, [0, 3]]
        bits = (np.arange(2 ** len(qubits))[:, None] >> np.arange(len(qubits))) & 1
        self._bits = bits
        self._indices = 3 * bits @ (4 ** np.array(self._qubits, dtype=np.int64))

    @cached_property
    def observables(self) -> tuple[Observable, ...]:
        flipped = [{q: "Z" for q, bit in zip(self._qubits, bits, strict=True) if bit} for bits in self._bits]
        return tuple(Observable((pauli_label(letters, self._n_qubits),), (1.0,)) for letters in flipped)

    def from_states(self, states: Vector) -> Vector:
        return np.maximum(self._outcomes(states[:, self._indices], self._matrices), 0.0)

    def with_jacobian(self, moments: Vector, slopes: Vector) -> tuple[Vector, Vector]:
        rows = self._outcomes(np.vstack([moments, slopes.T]), _TO_OUTCOMES[None])
        return np.maximum(rows[0], 0.0), rows[1:].T

    def _outcomes(self, words: Vector, matrices: Vector) -> Vector:
        repeated = np.broadcast_to(matrices, (len(words), len(self._qubits), 2, 2))
        return np.asarray(apply_local(words, repeated), dtype=np.float64)


def measurement_key(measurement: Any) -> Any:
    """Return what tells a measurement of Pauli words, or of probabilities, from others; None for all others."""
    if measurement.mv is not None or type(measurement) not in _LINEAR:
        return None
    is_probability = isinstance(measurement, qml.measurements.ProbabilityMP)
    if measurement.obs is None:
        return measurement.wires.labels if is_probability else None
    sentence = measurement.obs.pauli_rep
    if sentence is None or is_probability:
        return None
    return type(measurement), tuple((word, complex(c)) for word, c in sentence.items())


_LINEAR = {
    qml.measurements.ExpectationMP,
    qml.measurements.VarianceMP,
    qml.measurements.ProbabilityMP,
}


def linear_measurement(
    measurement: Any, index: Mapping[Any, int], n_qubits: int, noise: NoiseModel | None
) -> LinearMeasurement | None:
    """Return a measurement as a function of Pauli sums, None if it is not one.

    Args:
        measurement: a PennyLane measurement process.
        index: qubit of each wire.
        n_qubits: number of qubits.
        noise: the noise model whose read-out error applies.
    """
    if type(measurement) not in _LINEAR or measurement.mv is not None:
        return None
    if isinstance(measurement, qml.measurements.ProbabilityMP):
        if measurement.obs is not None:
            return None
        qubits = tuple(index[wire] for wire in measurement.wires) or tuple(range(n_qubits))
        return _Probabilities(qubits, n_qubits, noise)
    if measurement.obs is None:
        return None
    sentence = _pauli_sentence(measurement.obs, has_readout_error(noise, n_qubits))
    if sentence is None:
        return None
    try:
        observable = observable_from_pauli_sentence(sentence, index, n_qubits)
    except ObservableError:
        return None  # not Hermitian: PennyLane decides
    if isinstance(measurement, qml.measurements.ExpectationMP):
        return _Expectation(observable, noise)
    if has_readout_error(noise, n_qubits) and not _is_one_basis(observable):
        return None
    square = {word: complex(c).real for word, c in (sentence @ sentence).items()}
    return _Variance(observable, observable_from_pauli_sentence(square, index, n_qubits), noise)


def _pauli_sentence(obs: Any, has_readout: bool) -> Any:
    """Return an observable as a sum of Pauli words, None if it is measured in another basis or on too many wires."""
    if obs.pauli_rep is not None:
        return obs.pauli_rep
    in_z_basis = isinstance(obs, qml.Projector) and not obs.diagonalizing_gates()
    if (has_readout and not in_z_basis) or len(obs.wires) > _MAX_DECOMPOSED_WIRES:
        return None
    if obs.has_matrix:
        matrix = obs.matrix(wire_order=obs.wires)
    elif obs.has_sparse_matrix:
        matrix = obs.sparse_matrix(wire_order=obs.wires).toarray()
    else:
        return None
    if np.ndim(matrix) != 2:
        return None
    return qml.pauli_decompose(np.asarray(matrix), wire_order=obs.wires, pauli=True, check_hermitian=False)


def _is_one_basis(observable: Observable) -> bool:
    return all(len(set(column) - {0}) <= 1 for column in observable.digits.T)


def density_matrices(states: Vector) -> NDArray[np.complex128]:
    """Return density matrices in PennyLane's form from Pauli expectation values.

    Args:
        states: float64 of shape (n_points, 4**n), qubit 0 least significant.

    Returns:
        complex128 of shape (n_points, 2, ..., 2) with one row axis, then one column axis, for wires 0 .. n - 1.
    """
    n_points, size = states.shape
    n = (size.bit_length() - 1) // 2
    letters = np.array(PAULIS) / 2
    rho: NDArray[np.complexfloating] = states.reshape(n_points, *[4] * n).astype(np.complex128)  # axis 1 is qubit n - 1
    for _ in range(n):
        rho = np.tensordot(rho, letters, axes=([1], [0]))  # consumes the highest qubit, appends its row and column
    rows = [1 + 2 * (n - 1 - q) for q in range(n)]
    return np.asarray(rho.transpose([0, *rows, *(axis + 1 for axis in rows)]), dtype=np.complex128)
