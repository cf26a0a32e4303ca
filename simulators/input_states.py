"""Start states other than |0...0>: check them and bring them into the form of a picture."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.errors import EngineError
from qvar.simulators.gates import PAULIS
from qvar.simulators.memory import check_memory

__all__ = ["amplitudes", "check_pairing", "pauli_vectors", "start_vectors"]

_TOLERANCE = 1e-8
_CONVERSION = 6  # numbers held at once for each of a Pauli vector: matrices and what they are contracted to, complex


def amplitudes(states: ArrayLike, n_qubits: int) -> NDArray[np.complex128]:
    """Return start states as complex128 of shape (n_states, 2**n_qubits).

    Raises:
        EngineError: for a wrong shape or states that are not normalized to 1e-8.
    """
    array = np.array(states, dtype=np.complex128, order="C", ndmin=2)  # a copy: kernels take no read-only arrays
    if array.ndim != 2 or array.shape[1] != 2**n_qubits:
        raise EngineError(f"start states have shape (n_states, {2**n_qubits}), got {np.shape(states)}")
    _check_normalized(np.sum(np.abs(array) ** 2, axis=1))
    return array


def pauli_vectors(states: ArrayLike, n_qubits: int) -> NDArray[np.float64]:
    """Return the Pauli expectation values of pure states or density matrices, float64 of shape (n_states, 4**n).

    Args:
        states: amplitudes, shape (n_states, 2**n) or (2**n,), or density matrices, shape (n_states, 2**n, 2**n).
        n_qubits: n.

    Raises:
        EngineError: for a wrong shape, states not normalized or matrices not Hermitian to 1e-8.
    """
    array = np.asarray(states, dtype=np.complex128)
    size = 2**n_qubits
    if array.ndim == 3 and array.shape[1:] == (size, size):
        rho = array
        if not np.allclose(rho, rho.conj().swapaxes(1, 2), rtol=0, atol=_TOLERANCE):
            raise EngineError("density matrices must be Hermitian")
        _check_normalized(np.trace(rho, axis1=1, axis2=2).real)
        lowest = np.linalg.eigvalsh(rho).min(initial=0.0)
        if lowest < -_TOLERANCE:
            raise EngineError(f"density matrices must be positive, got the eigenvalue {lowest:.3g}")
    elif array.ndim in (1, 2) and array.shape[-1] == size:
        vectors = amplitudes(array, n_qubits)
        rho = vectors[:, :, None] * vectors[:, None, :].conj()
    else:
        raise EngineError(
            f"start states have shape (n_states, {size}) or, as density matrices, (n_states, {size}, {size}), got "
            f"{array.shape}"
        )
    rest: NDArray[np.complexfloating] = rho.reshape((len(rho),) + (2,) * (2 * n_qubits))
    paulis = np.array(PAULIS)
    for q in range(n_qubits):  # contract the row and column bit of the most significant qubit left: Tr(P rho)
        rest = np.tensordot(rest, paulis, axes=([1, 1 + n_qubits - q], [2, 1]))
    return np.ascontiguousarray(rest.real.reshape(len(rho), 4**n_qubits))


def start_vectors(states: ArrayLike, n_qubits: int) -> NDArray[np.float64]:
    """Return Pauli vectors as they are, shape (n_states, 4**n) or (4**n,), and those of other states.

    Raises:
        EngineError: as `pauli_vectors`; for Pauli vectors that are not real and finite; for more than fit into memory.
    """
    array = np.asarray(states)
    shape, bits = array.shape, 2**n_qubits
    if len(shape) not in (1, 2) or shape[-1] != bits**2:
        if shape[-1:] != (bits,) or len(shape) > 3 or (len(shape) == 3 and shape[1] != bits):
            raise EngineError(
                f"start states have shape (n_states, {bits}) as amplitudes, (n_states, {bits}, {bits}) as density "
                f"matrices or (n_states, {bits**2}) as Pauli vectors, got {shape}"
            )
        n_states = shape[0] if len(shape) > 1 else 1
        check_memory(8 * _CONVERSION * n_states * bits**2, f"{n_states} start states as Pauli vectors")
        return pauli_vectors(array, n_qubits)
    if array.dtype.kind not in "biuf":
        raise EngineError(f"Pauli vectors are real numbers, got the type {array.dtype}; take the real part")
    vectors = np.require(array, np.float64, ["C", "A", "W"]).reshape(-1, bits**2)  # kernels take no read-only arrays
    if not np.isfinite(vectors).all():
        raise EngineError("Pauli vectors must hold finite numbers only")
    return vectors


def check_pairing(thetas: NDArray[np.float64], states: NDArray[np.generic]) -> int:
    """Return the number of points that parameter vectors and start states make, one of either serving all others.

    Raises:
        EngineError: if there are different numbers of both, and more than one.
    """
    n_thetas, n_states = len(thetas), len(states)
    if n_thetas != n_states and 1 not in (n_thetas, n_states):
        raise EngineError(
            f"got {n_thetas} parameter vectors and {n_states} start states; need as many, or one of either"
        )
    return 0 if 0 in (n_thetas, n_states) else max(n_thetas, n_states)


def _check_normalized(norms: NDArray[np.float64]) -> None:
    if not np.allclose(norms, 1.0, rtol=0, atol=_TOLERANCE):
        raise EngineError(f"start states must be normalized, got norms {norms}")
