"""Fold read-out error into an observable, so that exact expectation values include it."""

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable

__all__ = ["letter_map", "measured_coefficients", "measured_observable"]

_LETTERS = "IXYZ"


def letter_map(noise: NoiseModel | None, qubit: int) -> NDArray[np.float64]:
    """Return F of shape (4, 4) for a qubit: the measured <P_d> is sum_e F[d, e] <P_e>; the identity without error."""
    error = None if noise is None else noise.readout_error(qubit)
    return np.eye(4) if error is None else error.letter_map()


def measured_coefficients(observable: Observable, noise: NoiseModel | None) -> NDArray[np.float64]:
    """Return the coefficients of all Pauli strings in the measured observable.

    Returns:
        float64 of shape (4**n,); index i = sum_q d_q 4**q with digits 0, 1, 2, 3 for I, X, Y, Z on qubit q.
    """
    n = observable.n_qubits
    coefficients = np.zeros(4**n)
    np.add.at(coefficients, observable.digits @ (4 ** np.arange(n)), observable.vector)
    for q in range(n):
        split = coefficients.reshape(4 ** (n - 1 - q), 4, 4**q)
        coefficients = np.einsum("de,adb->aeb", letter_map(noise, q), split).reshape(-1)
    return coefficients


def measured_observable(observable: Observable, noise: NoiseModel | None) -> Observable:
    """Return the observable whose exact value equals the measured value of `observable`."""
    if noise is None or all(noise.readout_error(q) is None for q in range(observable.n_qubits)):
        return observable
    coefficients = measured_coefficients(observable, noise)
    terms = {"I" * observable.n_qubits: 0.0}
    for index in np.flatnonzero(coefficients):
        label = "".join(_LETTERS[(index >> (2 * q)) & 3] for q in reversed(range(observable.n_qubits)))
        terms[label] = float(coefficients[index])
    return Observable.from_terms(terms)
