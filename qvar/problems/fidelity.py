"""One minus the fidelity with a target state as an observable, 1 - |psi><psi|."""

import numpy as np
from numpy.typing import NDArray

from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError
from qvar.simulators.input_states import pauli_vectors

__all__ = ["MAX_QUBITS", "check_qubits", "infidelity"]

MAX_QUBITS = 10
"""Qubits of a target state; of a unitary half as many, its state having as many references."""

_MAX_TERMS = 4**8
_NEGLIGIBLE = 1e-12


def infidelity(target: NDArray[np.complex128]) -> Observable:
    """Return 1 - |psi><psi| as a sum of Pauli strings, whose value in rho is 1 - <psi|rho|psi>.

    A general state on n qubits has 4**n strings; stabilizer states have 2**n of them. An energy takes about 7 (state
    vector) or 16 microseconds (Pauli transfer) at 4**6 strings, 60 or 270 at 4**8, which is the limit.

    Args:
        target: normalized amplitudes, complex128 of shape (2**n,), qubit 0 least significant.

    Raises:
        ProblemError: for more than 10 qubits or 4**8 strings.
    """
    n_qubits = len(target).bit_length() - 1
    check_qubits(n_qubits)
    values = pauli_vectors(target, n_qubits)[0]
    places = np.flatnonzero(np.abs(values) > _NEGLIGIBLE)
    if len(places) > _MAX_TERMS:
        raise ProblemError(
            f"the fidelity with this state on {n_qubits} qubits is a sum of {len(places)} Pauli strings, the limit is "
            f"{_MAX_TERMS}: a general state has 4**n, on 8 qubits at most, reference qubits of a unitary included"
        )
    digits = (places[:, None] >> (2 * np.arange(n_qubits)[::-1])) & 3
    labels = np.array(list("IXYZ"))[digits]
    coefficients = -values[places] / 2**n_qubits
    coefficients[0] += 1.0  # the identity always comes first
    return Observable(tuple(map("".join, labels.tolist())), tuple(coefficients.tolist()))


def check_qubits(n_qubits: int) -> None:
    """Raise a ProblemError if a fidelity on so many qubits is too large to be worked out."""
    if n_qubits > MAX_QUBITS:
        raise ProblemError(
            f"fidelities go to {MAX_QUBITS} qubits, reference qubits of a unitary included, got {n_qubits}; the Pauli "
            "strings needed grow as 4**n"
        )
