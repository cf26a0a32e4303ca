"""Unitary compilation: find a circuit that does to every state what a target unitary does."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.problems.fidelity import check_qubits, infidelity
from qvar.problems.keys import WHOLE, content_key
from qvar.problems.problem import Problem
from qvar.simulators import Circuit
from qvar.simulators.errors import ProblemError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate
    from qiskit.quantum_info import Operator

__all__ = ["named_unitary", "unitary_compilation"]

_TOLERANCE = 1e-8
_NAMED = re.compile(rf"(?P<kind>toffoli)|qft-(?P<n>{WHOLE})|random-unitary-(?P<size>{WHOLE})-seed(?P<seed>{WHOLE})")


def unitary_compilation(target: "ArrayLike | Circuit | QuantumCircuit | Gate | Operator | str") -> Problem:
    """Make the problem of compiling a unitary U; the energy is one minus the process fidelity with U, at best 0.

    For a circuit V it is 1 - |Tr(U^dagger V)|**2 / 4**n, n qubits; for a noisy one 1 - <Phi_U|(E (x) 1)(Phi)|Phi_U>,
    where |Phi_U> = (U (x) 1)|Phi> and |Phi> are n Bell pairs with n reference qubits, which have no noise. The average
    gate fidelity is (2**n F + 1) / (2**n + 1) with the process fidelity F. A global phase does not count.

    Args:
        target: a unitary matrix, shape (2**n, 2**n), qubit 0 least significant; a Qiskit gate, circuit or operator; a
            `Circuit` without free angles; or a name for `named_unitary`.

    Returns:
        The problem, unit "infidelity", searched on n qubits, with n references.

    Raises:
        ProblemError: for an unknown name, something that is no matrix of that shape, a matrix that is not unitary to
            1e-8, or more than 4**8 Pauli strings, as general unitaries take beyond 4 qubits.

    Example:
        >>> problem = unitary_compilation([[0, 1], [1, 0]])
        >>> problem.n_qubits, problem.n_references, problem.exact_energy, round(problem.start_energy, 6)
        (1, 1, 0.0, 1.0)

    Source: Khatri et al., arXiv 1807.00800, eq. 12 (the Hilbert-Schmidt test).
    Differs from the source:
    - the fidelity is an observable of the final state, no measured probability.
    """
    matrix = named_unitary(target) if isinstance(target, str) else _check_unitary(target)
    n_qubits = len(matrix).bit_length() - 1
    choi_state = matrix.T.ravel()  # |Phi_U> = sum_x U|x> (x) |x> / 2**(n/2), references most significant
    if isinstance(target, str):
        key, title = target, f"compile {target}"
    else:
        key = content_key(f"unitary-{n_qubits}", matrix.tobytes())
        title = f"compile a unitary on {n_qubits} qubit{'s' if n_qubits > 1 else ''}"
    return Problem(
        key=key,
        title=title,
        observable=infidelity(choi_state / np.linalg.norm(choi_state)),
        exact_energy=0.0,
        source="The observable is 1 - |Phi_U><Phi_U|, its value one minus the process fidelity with the target U.",
        unit="infidelity",
        metadata={
            "model": "unitary_compilation",
            "matrix": [[[entry.real, entry.imag] for entry in row] for row in matrix.tolist()],
        },
        n_references=n_qubits,
    )


def named_unitary(name: str) -> NDArray[np.complex128]:
    """Return a unitary matrix, complex128 of shape (2**n, 2**n).

    Args:
        name: "qft-N" for the quantum Fourier transform exp(2 pi i j k / 2**N) / 2**(N/2), as Qiskit's QFTGate;
            "toffoli" for the NOT of qubit 2 controlled by 0 and 1; "random-unitary-N-seedS" for one drawn evenly from
            all unitaries (Haar measure).

    Raises:
        ProblemError: for another name, or a number of qubits below 1 or above 5.

    Example:
        >>> named_unitary("qft-1").real.round(3).tolist()
        [[0.707, 0.707], [0.707, -0.707]]

    Source: Mezzadri, arXiv math-ph/0609050 (random unitaries by QR decomposition).
    """
    match = _NAMED.fullmatch(name)
    if match is None:
        raise ProblemError(f"unknown unitary {name!r}; known are toffoli, qft-N and random-unitary-N-seedS")
    if match["kind"]:
        return np.eye(8, dtype=np.complex128)[[0, 1, 2, 7, 4, 5, 6, 3]]
    n_qubits = int(match["n"] or match["size"])
    if n_qubits < 1:
        raise ProblemError(f"the unitary {name!r} has no qubits; at least 1 needed")
    check_qubits(2 * n_qubits)
    size = 2**n_qubits
    if match["n"]:
        powers = np.outer(np.arange(size), np.arange(size))
        return np.asarray(np.exp(2j * np.pi * powers / size) / np.sqrt(size))
    rng = np.random.default_rng(int(match["seed"]))
    gaussian = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    q, r = np.linalg.qr(gaussian)
    phases = np.diagonal(r) / np.abs(np.diagonal(r))
    return np.asarray(q * phases, dtype=np.complex128)


def _check_unitary(target: Any) -> NDArray[np.complex128]:
    matrix = _matrix(target)
    size = len(matrix)
    check_qubits(2 * (size.bit_length() - 1))
    if not np.isfinite(matrix).all() or np.abs(matrix.conj().T @ matrix - np.eye(size)).max() > _TOLERANCE:
        raise ProblemError("the target is not unitary: U^dagger U differs from the identity by more than 1e-8")
    return matrix


def _matrix(target: Any) -> NDArray[np.complex128]:
    if isinstance(target, Circuit):
        target = target.to_qiskit()
    check_qubits(2 * (getattr(target, "num_qubits", None) or 0))  # before a large circuit is multiplied out
    try:
        if isinstance(target, np.ndarray | list | tuple):
            matrix = np.array(target, dtype=np.complex128)
        else:
            from qiskit.exceptions import QiskitError
            from qiskit.quantum_info import Operator

            try:
                matrix = np.array(Operator(target).data, dtype=np.complex128)
            except QiskitError as error:
                raise ValueError(error.message) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ProblemError(
            "a target is a unitary matrix, a circuit without free angles, a Qiskit gate or operator, or a name; got "
            f"{type(target).__name__}: {error}"
        ) from None
    size = len(matrix) if matrix.ndim else 0
    if matrix.shape != (size, size) or size < 2 or size & (size - 1):
        raise ProblemError(f"a unitary on n qubits has the shape (2**n, 2**n), got {matrix.shape}")
    return matrix
