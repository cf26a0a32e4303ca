"""Spin chains: the Ising chain in a transverse field and the Heisenberg chain, in units of a coupling J."""

import math
from collections.abc import Mapping

import numpy as np

from qvar.problems.keys import key_or_hash, number_text
from qvar.problems.problem import Problem
from qvar.simulators import Observable
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ProblemError
from qvar.simulators.observable import pauli_label

__all__ = ["heisenberg", "transverse_field_ising"]

_LONGEST = 1_000
_MAX_QUBITS = 16


def transverse_field_ising(
    n_qubits: int, *, coupling: float = 1.0, field: float = 1.0, periodic: bool = False
) -> Problem:
    """Make the Ising chain in a transverse field, H = -J sum Z_k Z_(k+1) - h sum X_k.

    The exact energy comes from free fermions, so that chains may have up to 1,000 spins.

    Args:
        n_qubits: spins, 2 (3 if periodic) to 1,000.
        coupling: J, positive for a ferromagnet.
        field: h, in the unit of J.
        periodic: whether the last spin couples to the first.

    Returns:
        The problem, unit "J", under a key such as "tfim-6-periodic-h0.5".

    Raises:
        ProblemError: for too few or too many spins, or numbers that are not finite.

    Example:
        >>> problem = transverse_field_ising(6, field=0.5)
        >>> problem.key, round(problem.exact_energy, 6)
        ('tfim-6-h0.5', -5.52203)

    Source: Pfeuty 1970; sectors of parity as in Lieb, Schultz and Mattis 1961.
    """
    n, bonds = _check_chain(n_qubits, periodic)
    numbers = _check_numbers(coupling=coupling, field=field)
    terms = [(pauli_label({a: "Z", b: "Z"}, n), -numbers["coupling"]) for a, b in bonds]
    terms += [(pauli_label({q: "X"}, n), -numbers["field"]) for q in range(n)]
    options = _options({"j": (numbers["coupling"], 1.0), "h": (numbers["field"], 1.0)})
    return Problem(
        key=key_or_hash("tfim", f"{n}{'-periodic' if periodic else ''}{options}"),
        title=f"Ising chain in a transverse field, {n} spins, {_ends(periodic)}",
        observable=Observable.from_terms(terms),
        exact_energy=_free_fermion_energy(n, numbers["coupling"], numbers["field"], periodic=periodic),
        source=f"H = -J sum Z Z - h sum X, J = {numbers['coupling']}, h = {numbers['field']}, {_ends(periodic)}.",
        unit="J",
        metadata={"model": "transverse_field_ising", "n_qubits": n, **numbers, "periodic": bool(periodic)},
    )


def heisenberg(
    n_qubits: int,
    *,
    jx: float = 1.0,
    jy: float = 1.0,
    jz: float = 1.0,
    field: float = 0.0,
    periodic: bool = False,
) -> Problem:
    """Make the Heisenberg chain H = sum (jx X X + jy Y Y + jz Z Z) + h sum Z over neighbours, in Pauli matrices.

    In spin operators S = sigma / 2 the couplings are four times as large and the field is doubled.

    Args:
        n_qubits: spins, 2 (3 if periodic) to 16, which takes seconds to diagonalize.
        jx: coupling of X X, positive for an antiferromagnet.
        jy: coupling of Y Y.
        jz: coupling of Z Z.
        field: h, along Z.
        periodic: whether the last spin couples to the first.

    Returns:
        The problem, unit "J", under a key such as "heisenberg-4-jz0.5".

    Raises:
        ProblemError: for too few or too many spins, or numbers that are not finite.

    Example:
        >>> problem = heisenberg(4, periodic=True)
        >>> problem.key, round(problem.exact_energy, 6)
        ('heisenberg-4-periodic', -8.0)
    """
    n, bonds = _check_chain(n_qubits, periodic)
    if n > _MAX_QUBITS:
        raise ProblemError(f"the exact energy is found by diagonalization, for up to {_MAX_QUBITS} spins, got {n}")
    numbers = _check_numbers(jx=jx, jy=jy, jz=jz, field=field)
    letters = {"X": numbers["jx"], "Y": numbers["jy"], "Z": numbers["jz"]}
    terms = [(pauli_label({a: letter, b: letter}, n), value) for letter, value in letters.items() for a, b in bonds]
    terms += [(pauli_label({q: "Z"}, n), numbers["field"]) for q in range(n)]
    options = _options(
        {name: (numbers[name], 1.0) for name in ("jx", "jy", "jz")} | {"h": (numbers["field"], 0.0)},
    )
    return Problem.from_observable(
        Observable.from_terms([(label, value) for label, value in terms if value] or [("I" * n, 0.0)]),
        key=key_or_hash("heisenberg", f"{n}{'-periodic' if periodic else ''}{options}"),
        title=f"Heisenberg chain, {n} spins, {_ends(periodic)}",
        source=f"H = sum (jx X X + jy Y Y + jz Z Z) + h sum Z with {numbers}, {_ends(periodic)}.",
        unit="J",
        metadata={"model": "heisenberg", "n_qubits": n, **numbers, "periodic": bool(periodic)},
    )


def _free_fermion_energy(n: int, coupling: float, field: float, *, periodic: bool) -> float:
    """Return the ground energy of the transverse-field Ising chain.

    With Majorana operators a_k = X_0 ... X_(k-1) Z_k and b_k = X_0 ... X_(k-1) Y_k the Hamiltonian is
    i sum a_j A_jk b_k with A_kk = -h and A_(k+1),k = J, and in the sector of parity P = prod X_k also A_0,(n-1) = -P J
    if periodic. Its lowest energy is -sum s_m with the singular values s_m of A. That state has the parity
    (-1)^n sign(det A); in a periodic chain where P differs, the lowest quantum must be excited.
    """
    matrix = np.diag(np.full(n, -field)) + np.diag(np.full(n - 1, coupling), -1)
    if not periodic:
        return -float(np.linalg.svd(matrix, compute_uv=False).sum())
    energies = []
    for parity in (1, -1):
        matrix[0, n - 1] = -parity * coupling
        singular = np.linalg.svd(matrix, compute_uv=False)
        fits = (-1) ** n * np.linalg.slogdet(matrix)[0] * parity > 0
        energies.append(-float(singular.sum()) + (0.0 if fits else 2.0 * float(singular.min())))
    return min(energies)


def _check_chain(n_qubits: int, periodic: bool) -> tuple[int, list[tuple[int, int]]]:
    """Return the number of spins and the coupled pairs."""
    n = check_whole("n_qubits", n_qubits, error=ProblemError)
    if n > _LONGEST:
        raise ProblemError(f"a chain has at most {_LONGEST:,} spins, got {n:,}")
    least = 3 if periodic else 2
    if n < least:
        raise ProblemError(f"a chain {_ends(periodic)} has at least {least} spins, got {n}")
    return n, [(k, (k + 1) % n) for k in range(n if periodic else n - 1)]


def _check_numbers(**numbers: float) -> dict[str, float]:
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ProblemError(f"{name} must be a finite real number, got {value!r}")
    return {name: float(value) + 0.0 for name, value in numbers.items()}


def _ends(periodic: bool) -> str:
    return "closed to a ring" if periodic else "with open ends"


def _options(values: Mapping[str, tuple[float, float]]) -> str:
    """Return the part of a key that names what differs from its default, from pairs of value and default."""
    return "".join(f"-{name}{number_text(value)}" for name, (value, default) in values.items() if value != default)
