"""Fold read-out error into an observable, so that exact expectation values include it."""

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable

__all__ = ["apply_letter_maps", "letter_map", "measured_coefficients", "measured_observable"]

_LETTERS = "IXYZ"


def letter_map(noise: NoiseModel | None, qubit: int) -> NDArray[np.float64]:
    """Return F of shape (4, 4) for a qubit: the measured <P_d> is sum_e F[d, e] <P_e>; the identity without error."""
    error = None if noise is None else noise.readout_error(qubit)
    return np.eye(4) if error is None else error.letter_map()


def apply_letter_maps(vectors: NDArray[np.float64], maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply one matrix per qubit, `maps` of shape (n_qubits, 4, 4), to vectors of shape (n_vectors, 4**n_qubits)."""
    n_vectors, size = vectors.shape
    for q, matrix in enumerate(maps):
        if not np.array_equal(matrix, np.eye(4)):
            split = vectors.reshape(n_vectors, size >> (2 * q + 2), 4, 4**q)
            vectors = np.einsum("de,paeb->padb", matrix, split).reshape(n_vectors, size)
    return vectors


def measured_coefficients(observable: Observable, noise: NoiseModel | None) -> NDArray[np.float64]:
    """Return the coefficients of all Pauli strings in the measured observable.

    Returns:
        float64 of shape (4**n,); index i = sum_q d_q 4**q with digits 0, 1, 2, 3 for I, X, Y, Z on qubit q.
    """
    n = observable.n_qubits
    coefficients = np.zeros(4**n)
    np.add.at(coefficients, observable.digits @ (4 ** np.arange(n)), observable.vector)
    maps = np.array([letter_map(noise, q).T for q in range(n)])
    return apply_letter_maps(coefficients[None], maps).reshape(-1)


def measured_observable(observable: Observable, noise: NoiseModel | None) -> Observable:
    """Return the observable whose exact value equals the measured value of `observable`.

    Every letter with a read-out error becomes itself and the identity: a string of weight w becomes up to 2**w strings,
    whatever the number of qubits.
    """
    terms = dict(zip(observable.labels, observable.coefficients, strict=True))
    for q in range(observable.n_qubits):
        if noise is not None and noise.readout_error(q) is not None:
            terms = _misread(terms, q, letter_map(noise, q))
    identity = "I" * observable.n_qubits
    return Observable.from_terms({identity: 0.0} | terms)


def _misread(terms: dict[str, float], qubit: int, factors: NDArray[np.float64]) -> dict[str, float]:
    """Apply the letter map of one qubit to labels with coefficients."""
    result: dict[str, float] = {}
    for label, coefficient in terms.items():
        place = len(label) - 1 - qubit
        row = factors[_LETTERS.index(label[place])]
        for letter, factor in zip(_LETTERS, row, strict=True):
            if factor != 0:
                new = label[:place] + letter + label[place + 1 :]
                result[new] = result.get(new, 0.0) + coefficient * float(factor)
    return result
