"""Fermion-to-qubit encodings as linear maps of bits: all of them are Jordan-Wigner seen in another basis.

Jordan-Wigner stores the occupations n of the spin orbitals. Every encoding here stores linear combinations
b = A n (mod 2) instead, so it is Jordan-Wigner conjugated by CNOT gates: X^x Z^z becomes X^(A x) Z^(A^-T z).
Where a symmetry fixes a bit b_q (the parity of the electrons, or of those with spin up), qubit q is dropped
and its Z is replaced by (-1)^b_q.

Source: Bravyi, Gambetta, Mezzacapo, Temme, arXiv 1701.08213 (parity encoding and two-qubit reduction);
Steudtner and Wehner, arXiv 1712.07067 (checksum codes).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qvar.problems.active_space import ElectronCount
from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError

__all__ = ["MAPPINGS", "Encoding", "check_mapping", "encode", "encoding"]

_LETTERS = np.array([["I", "Z"], ["X", "Y"]])  # indexed by the x bit and the z bit
_NEGLIGIBLE = 1e-10  # Hartree; what symmetry makes zero comes out below 1e-14


@dataclass(frozen=True)
class Encoding:
    """How occupations become qubits.

    Attributes:
        order: the spin orbitals in the order of the Jordan-Wigner strings, shape (n_modes,). Spin orbital 2p
            is orbital p with spin up, 2p + 1 the same with spin down.
        matrix: A over GF(2), int64 of shape (n_modes, n_modes); row q says which occupations, in that order,
            qubit q adds up.
        fixed: qubit -> bit, for the qubits that a symmetry fixes and that are dropped.
    """

    order: tuple[int, ...]
    matrix: NDArray[np.int64]
    fixed: dict[int, int]


def encode(observable: Observable, chosen: Encoding) -> Observable:
    """Turn a Jordan-Wigner Hamiltonian into another encoding.

    Args:
        observable: the Jordan-Wigner form, qubit q carrying spin orbital `chosen.order[q]`.
        chosen: the encoding to use.

    Returns:
        The observable on `n_modes - len(fixed)` qubits, kept ones in rising order: the identity first, then
        labels in alphabetical order; terms below 1e-10 are left out.

    Raises:
        ProblemError: if the observable does not keep a bit that the encoding takes as fixed.
    """
    digits = observable.digits
    x, z = (digits == 1) | (digits == 2), digits >= 2
    x, z = x.astype(np.int64), z.astype(np.int64)
    inverse = np.rint(np.linalg.inv(chosen.matrix)).astype(np.int64)
    new_x, new_z = x @ chosen.matrix.T % 2, z @ inverse % 2
    # A Pauli string is i^|x.z| X^x Z^z; the product of the X and Z parts maps without a phase.
    turns = ((x * z).sum(axis=1) - (new_x * new_z).sum(axis=1)) % 4
    values = observable.vector * np.where(turns == 2, -1.0, 1.0)
    for qubit, bit in chosen.fixed.items():
        if new_x[:, qubit].any():
            raise ProblemError(f"this observable changes the bit of qubit {qubit}, which the encoding holds fixed")
        values = values * np.where(new_z[:, qubit] * bit == 1, -1.0, 1.0)
    kept = [qubit for qubit in range(observable.n_qubits) if qubit not in chosen.fixed]
    letters = _LETTERS[new_x[:, kept], new_z[:, kept]]
    return _collect(("".join(reversed(row)) for row in letters.tolist()), values.tolist())


def encoding(mapping: str, *, n_orbitals: int, electrons: ElectronCount) -> Encoding:
    """Look up an encoding by name.

    Args:
        mapping: one of `MAPPINGS`: "jordan_wigner" and "parity" use two qubits per orbital, "checksum" saves
            one qubit (parity of all electrons), "parity_reduced" and "checksum_per_spin" save two (each
            spin's parity).
        n_orbitals: active orbitals.
        electrons: active electrons, which fix the parities.

    Raises:
        ProblemError: for an unknown name, or if a reduction would leave no qubit.

    Example:
        >>> encoding("parity_reduced", n_orbitals=2, electrons=ElectronCount(up=1, down=1)).fixed
        {1: 1, 3: 0}
    """
    check_mapping(mapping)
    result = MAPPINGS[mapping](n_orbitals, electrons)
    if len(result.fixed) >= 2 * n_orbitals:
        raise ProblemError(f"mapping {mapping!r} leaves no qubit of {n_orbitals} orbital; use 'jordan_wigner'")
    return result


def check_mapping(mapping: str) -> None:
    """Raise a ProblemError unless `mapping` is one of `MAPPINGS`."""
    if mapping not in MAPPINGS:
        raise ProblemError(f"unknown mapping {mapping!r}; use one of {', '.join(map(repr, MAPPINGS))}")


def _jordan_wigner(n_orbitals: int, _: ElectronCount) -> Encoding:
    return Encoding(_spins_alternating(n_orbitals), np.eye(2 * n_orbitals, dtype=np.int64), {})


def _parity(n_orbitals: int, _: ElectronCount) -> Encoding:
    running_sums = np.tril(np.ones((2 * n_orbitals, 2 * n_orbitals), dtype=np.int64))
    return Encoding(_spins_apart(n_orbitals), running_sums, {})


def _parity_reduced(n_orbitals: int, electrons: ElectronCount) -> Encoding:
    fixed = {n_orbitals - 1: electrons.up % 2, 2 * n_orbitals - 1: electrons.total % 2}
    return replace(_parity(n_orbitals, electrons), fixed=fixed)


def _checksum(n_orbitals: int, electrons: ElectronCount) -> Encoding:
    fixed = {2 * n_orbitals - 1: electrons.total % 2}
    return Encoding(_spins_alternating(n_orbitals), _last_row_sums(2 * n_orbitals), fixed)


def _checksum_per_spin(n_orbitals: int, electrons: ElectronCount) -> Encoding:
    matrix = np.kron(np.eye(2, dtype=np.int64), _last_row_sums(n_orbitals))
    fixed = {n_orbitals - 1: electrons.up % 2, 2 * n_orbitals - 1: electrons.down % 2}
    return Encoding(_spins_apart(n_orbitals), matrix, fixed)


MAPPINGS: dict[str, Callable[[int, ElectronCount], Encoding]] = {
    "jordan_wigner": _jordan_wigner,
    "parity": _parity,
    "parity_reduced": _parity_reduced,
    "checksum": _checksum,
    "checksum_per_spin": _checksum_per_spin,
}


def _spins_alternating(n_orbitals: int) -> tuple[int, ...]:
    return tuple(range(2 * n_orbitals))


def _spins_apart(n_orbitals: int) -> tuple[int, ...]:
    return (*range(0, 2 * n_orbitals, 2), *range(1, 2 * n_orbitals, 2))


def _last_row_sums(size: int) -> NDArray[np.int64]:
    matrix = np.eye(size, dtype=np.int64)
    matrix[-1] = 1
    return matrix


def _collect(labels: Iterator[str], values: list[float]) -> Observable:
    terms: dict[str, float] = {}
    for label, value in zip(labels, values, strict=True):
        terms[label] = terms.get(label, 0.0) + value
    identity = "I" * len(next(iter(terms)))
    kept = sorted(label for label, value in terms.items() if abs(value) > _NEGLIGIBLE and label != identity)
    return Observable.from_terms({identity: terms.get(identity, 0.0), **{label: terms[label] for label in kept}})
