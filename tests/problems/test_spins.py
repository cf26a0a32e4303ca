"""Spin chains have the energies of dense matrices, of free fermions written down by hand, and of textbooks."""

from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.problems import Problem, find_problem, heisenberg, transverse_field_ising
from qvar.simulators.errors import ProblemError

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}
NUMBERS = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 0.5]), st.floats(-3, 3, allow_subnormal=False))


def on(letters: dict[int, str], n: int) -> Any:
    """Return a product of Pauli letters as a matrix, spin 0 first; the order of spins does not change a spectrum."""
    return reduce(np.kron, [PAULIS[letters.get(k, "I")] for k in range(n)])


def bonds(n: int, periodic: bool) -> list[tuple[int, int]]:
    return [(k, k + 1) for k in range(n - 1)] + ([(n - 1, 0)] if periodic else [])


def lowest(matrix: Any) -> float:
    return float(np.linalg.eigvalsh(matrix)[0])


@settings(deadline=None)
@given(st.integers(2, 6), NUMBERS, NUMBERS, st.booleans())
def test_the_ising_chain_has_the_energy_of_its_dense_matrix(n: int, j: float, h: float, periodic: bool) -> None:
    n += periodic and n == 2
    matrix = sum(-j * on({a: "Z", b: "Z"}, n) for a, b in bonds(n, periodic)) - h * sum(
        on({k: "X"}, n) for k in range(n)
    )
    problem = transverse_field_ising(n, coupling=j, field=h, periodic=periodic)
    assert problem.exact_energy == pytest.approx(lowest(matrix), abs=1e-9)
    assert problem.exact_energy == pytest.approx(problem.observable.ground_energy(), abs=1e-9)


@pytest.mark.parametrize(("n", "h"), [(4, 0.3), (6, 1.0), (8, 1.7)])
def test_the_closed_ising_chain_has_the_energy_of_its_momenta(n: int, h: float) -> None:
    k = (2 * np.arange(n) + 1) * np.pi / n  # antiperiodic fermions
    energy = -np.sqrt(1 + h**2 - 2 * h * np.cos(k)).sum()
    assert transverse_field_ising(n, field=h, periodic=True).exact_energy == pytest.approx(energy, abs=1e-10)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_the_open_critical_ising_chain_has_its_closed_form(n: int) -> None:
    closed_form = 1 - 1 / np.sin(np.pi / (2 * (2 * n + 1)))
    assert transverse_field_ising(n).exact_energy == pytest.approx(closed_form, abs=1e-10)


def test_a_long_critical_ising_chain_approaches_the_energy_per_spin_of_the_infinite_one() -> None:
    assert transverse_field_ising(400, periodic=True).exact_energy / 400 == pytest.approx(-4 / np.pi, abs=1e-5)


@settings(deadline=None)
@given(st.integers(2, 5), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans())
def test_the_heisenberg_chain_has_the_energy_of_its_dense_matrix(
    n: int, jx: float, jy: float, jz: float, h: float, periodic: bool
) -> None:
    n += periodic and n == 2
    matrix = np.zeros((2**n, 2**n), dtype=complex)
    for letter, value in zip("XYZ", (jx, jy, jz), strict=True):
        matrix += value * sum(on({a: letter, b: letter}, n) for a, b in bonds(n, periodic))
    matrix += h * sum(on({k: "Z"}, n) for k in range(n))
    problem = heisenberg(n, jx=jx, jy=jy, jz=jz, field=h, periodic=periodic)
    assert problem.exact_energy == pytest.approx(lowest(matrix), abs=1e-9)


@pytest.mark.parametrize(
    ("n", "periodic", "energy"), [(2, False, -3.0), (4, True, -8.0), (6, True, -11.211102550927978)]
)
def test_heisenberg_chains_have_their_known_energies(n: int, periodic: bool, energy: float) -> None:
    # singlet; 4 (-2) and 2 (1 + sqrt(13)) in spin operators: Orbach 1958, times 4 for Pauli matrices
    assert heisenberg(n, periodic=periodic).exact_energy == pytest.approx(energy, abs=1e-9)


@pytest.mark.parametrize(
    "problem",
    [
        transverse_field_ising(3, coupling=-0.25, field=1 / 3, periodic=True),
        transverse_field_ising(4, field=1e-5),
        heisenberg(3, jx=0.1, jy=-2, jz=0.0, field=0.7, periodic=True),
        heisenberg(2),
    ],
    ids=lambda problem: problem.key,
)
def test_the_key_of_a_chain_finds_it_again(problem: Problem) -> None:
    assert find_problem(problem.key) == problem


def test_keys_that_would_be_too_long_are_hashed() -> None:
    numbers = {"jx": 1 / 3, "jy": 1 / 7, "jz": 1 / 9, "field": 1 / 11}
    problem, other = heisenberg(3, **numbers), heisenberg(3, **numbers | {"field": 1 / 13})
    assert problem.key != other.key
    assert problem.metadata["jy"] == 1 / 7
    assert "+" not in transverse_field_ising(2, field=1e30).key


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: transverse_field_ising(1), "at least 2 spins, got 1"),
        (lambda: transverse_field_ising(2, periodic=True), "at least 3 spins, got 2"),
        (lambda: transverse_field_ising(2.5), "whole number"),  # type: ignore[arg-type]
        (lambda: transverse_field_ising(3, field=float("inf")), "field must be a finite real number"),
        (lambda: transverse_field_ising(3, coupling="1"), "coupling must be a finite real number"),  # type: ignore[arg-type]
        (lambda: heisenberg(1), "at least 2 spins"),
        (lambda: heisenberg(17), "up to 16 spins, got 17"),
        (lambda: heisenberg(3, jx=float("nan")), "jx must be"),
    ],
)
def test_chains_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        make()
