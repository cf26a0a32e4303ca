"""An observable is a real sum of Pauli strings, such as a molecular Hamiltonian."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import ObservableError
from qvar.simulators.memory import check_memory

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp
    from scipy.sparse import csr_matrix

__all__ = ["Observable", "pauli_label"]

_BYTES_PER_ENTRY = 60  # of a sparse matrix: 20 as it is, and what Qiskit holds on the way to it
_ADVICE = "StatevectorSimulator and AerSimulator need no matrix; or use fewer qubits"
_DIGITS = {"I": 0, "X": 1, "Y": 2, "Z": 3}


@dataclass(frozen=True)
class Observable:
    """A Hermitian operator sum_k c_k P_k with real coefficients c_k and Pauli strings P_k.

    Labels read like Qiskit's: the rightmost letter acts on qubit 0. Repeated labels are added up.

    Args:
        labels: strings over I, X, Y, Z, all of the same length.
        coefficients: one finite real number per label, in the unit of the observable (Hartree for molecules).

    Raises:
        ObservableError: for unequal lengths, unknown letters, or coefficients that are not real and finite.

    Example:
        >>> Observable.from_terms({"ZZ": 1.0, "XI": -0.5}).n_qubits
        2
    """

    labels: tuple[str, ...]
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.labels or len(self.labels) != len(self.coefficients):
            raise ObservableError(
                f"an observable needs as many coefficients as labels and at least one, got {len(self.labels)} "
                f"labels and {len(self.coefficients)} coefficients"
            )
        merged: dict[str, float] = {}
        for label, coefficient in zip(self.labels, self.coefficients, strict=True):
            merged[label] = merged.get(label, 0.0) + _check_coefficient(label, coefficient)
        lengths = {len(label) for label in merged}
        if len(lengths) != 1 or 0 in lengths:
            raise ObservableError(f"all labels must have the same length >= 1, got lengths {sorted(lengths)}")
        letters = set("".join(merged)) - set(_DIGITS)
        if letters:
            raise ObservableError(f"labels may hold the letters I, X, Y, Z only, got {sorted(letters)}")
        object.__setattr__(self, "labels", tuple(merged))
        object.__setattr__(self, "coefficients", tuple(merged.values()))

    @classmethod
    def from_terms(cls, terms: Mapping[str, float] | Iterable[tuple[str, float]]) -> "Observable":
        """Build an observable from a mapping or pairs of label and coefficient."""
        pairs = list(terms.items() if isinstance(terms, Mapping) else terms)
        return cls(tuple(label for label, _ in pairs), tuple(coefficient for _, coefficient in pairs))

    @classmethod
    def from_qiskit(cls, operator: "SparsePauliOp") -> "Observable":
        """Build an observable from a Qiskit SparsePauliOp.

        Raises:
            ObservableError: if a coefficient has an imaginary part, that is, if the operator is not Hermitian, or if
                it holds an unbound parameter.
        """
        if operator.coeffs.dtype == object and any(getattr(c, "parameters", ()) for c in operator.coeffs):
            raise ObservableError("the operator has coefficients with unbound parameters; assign them first")
        return cls.from_terms(list(operator.simplify(atol=0.0, rtol=0.0).to_list()))

    def to_qiskit(self) -> "SparsePauliOp":
        """Return the observable as a Qiskit SparsePauliOp."""
        from qiskit.quantum_info import SparsePauliOp

        return SparsePauliOp(list(self.labels), np.array(self.coefficients))

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return len(self.labels[0])

    @cached_property
    def identity_coefficient(self) -> float:
        """Coefficient of the identity string."""
        return sum((c for label, c in zip(self.labels, self.coefficients, strict=True) if set(label) == {"I"}), 0.0)

    @cached_property
    def digits(self) -> NDArray[np.int64]:
        """Pauli letters as digits 0..3 for I, X, Y, Z: int64 of shape (n_terms, n_qubits), column q for qubit q."""
        rows = [[_DIGITS[letter] for letter in reversed(label)] for label in self.labels]
        return np.array(rows, dtype=np.int64)

    @cached_property
    def vector(self) -> NDArray[np.float64]:
        """Coefficients as a float64 array of shape (n_terms,)."""
        return np.array(self.coefficients, dtype=np.float64)

    def to_sparse(self) -> "csr_matrix":
        """Return the 2**n x 2**n matrix in SciPy's compressed-row form, complex128.

        Raises:
            ObservableError: if it does not fit into memory.
        """
        n = self.n_qubits
        flips = (self.digits == 1) | (self.digits == 2)
        n_bytes = _BYTES_PER_ENTRY * len(np.unique(flips, axis=0)) << n
        check_memory(n_bytes, f"the matrix of this observable on {n} qubits", advice=_ADVICE, error=ObservableError)
        return self.to_qiskit().to_matrix(sparse=True).tocsr()

    def ground_energy(self) -> float:
        """Return the lowest eigenvalue, by dense diagonalization up to 8 qubits and Lanczos above.

        Raises:
            ObservableError: if the matrix does not fit into memory.
        """
        matrix = self.to_sparse()
        if self.n_qubits <= 8:
            return float(np.linalg.eigvalsh(matrix.toarray())[0])
        from scipy.sparse.linalg import eigsh

        # Fixed, so that the result is reproducible; random, so that no symmetry keeps it off the ground state.
        start = np.random.default_rng(0).standard_normal(matrix.shape[0])
        return float(eigsh(matrix, k=1, which="SA", v0=start, return_eigenvectors=False)[0])

    def lower_bound(self) -> float:
        """Return c_I - sum |c_k| over the other terms, an energy that no state can undercut.

        Source: Patel et al., arXiv 2402.03500, where it serves as the reference energy of the curriculum.
        """
        identity = self.identity_coefficient
        return identity - (float(np.abs(self.vector).sum()) - abs(identity))


def pauli_label(letters: Mapping[int, str], n_qubits: int) -> str:
    """Return the label of a Pauli string from the letters of some qubits; all others get I.

    Example:
        >>> pauli_label({0: "Z", 2: "X"}, 3)
        'XIZ'
    """
    return "".join(letters.get(qubit, "I") for qubit in reversed(range(n_qubits)))


def _check_coefficient(label: str, value: complex) -> float:
    number = complex(value)
    if abs(number.imag) > 1e-12:
        raise ObservableError(
            f"coefficient {value} of {label!r} is not real, so the operator is not Hermitian; take its Hermitian part"
        )
    if not math.isfinite(number.real):
        raise ObservableError(f"coefficient {value} of {label!r} is not finite")
    return number.real
