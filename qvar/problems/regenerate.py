"""Compute the shipped Hamiltonians again from their recipes, and write them or check the shipped files.

Run as `python -m qvar.problems.regenerate [--check] [KEYS]`; it needs the extra "chemistry".
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.problems.problem import Problem
from qvar.problems.recipes import RECIPES, Recipe, build
from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError

__all__ = ["differences", "main"]

_FOLDER = Path(__file__).parent / "hamiltonians"
_TOLERANCE = 1e-8  # Hartree


def differences(shipped: Problem, fresh: Problem, *, tolerance: float = _TOLERANCE) -> list[str]:
    """Say in what two Hamiltonians differ beyond what the signs of orbitals explain.

    Flipping the sign of an orbital flips signs of terms but neither their magnitudes nor the spectrum, so
    those are compared, next to both energies and the recipe. Package versions may differ.

    Args:
        shipped: one problem.
        fresh: the other.
        tolerance: largest difference of eigenvalues, magnitudes and energies, in their unit.

    Returns:
        One sentence for each difference, none if the problems agree.
    """
    found = [
        f"{name} was {old!r}, is {new!r}"
        for name, (old, new) in _paired(_recipe(shipped), _recipe(fresh)).items()
        if old != new
    ]
    found += [
        f"{name} was {old}, is {new}"
        for name, (old, new) in _paired(_energies(shipped), _energies(fresh)).items()
        if old is None or new is None or abs(old - new) > tolerance
    ]
    return found + _operator_differences(shipped.observable, fresh.observable, tolerance)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; None means `sys.argv`.

    Returns:
        0 if all went well, 1 if a shipped file disagrees with its recipe.
    """
    parser = argparse.ArgumentParser(prog="python -m qvar.problems.regenerate", description=__doc__)
    parser.add_argument("keys", nargs="*", metavar="KEYS", help="molecules to take, all by default")
    parser.add_argument("--check", action="store_true", help="compare with the shipped files and write nothing")
    options = parser.parse_args(arguments)
    recipes = {recipe.key: recipe for recipe in RECIPES}
    unknown = [key for key in options.keys if key not in recipes]
    if unknown:
        parser.error(f"unknown molecules {', '.join(unknown)}; choose from {', '.join(recipes)}")
    outcomes = [_treat(recipes[key], check=options.check) for key in options.keys or recipes]
    return 0 if all(outcomes) else 1


def _treat(recipe: Recipe, *, check: bool) -> bool:
    fresh = build(recipe)
    path = _FOLDER / f"{recipe.key}.json"
    if check:
        try:
            found = differences(Problem.from_json(path), fresh)
        except ProblemError as error:
            found = [str(error)]
    else:
        fresh.to_json(path)
        found = []
    verdict = "; ".join(found) if found else "agrees" if check else "written"
    sys.stdout.write(f"{recipe.key:12s} {fresh.exact_energy:.10f} Ha  {verdict}\n")
    return not found


def _paired(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old.get(name), new.get(name)) for name in {**old, **new}}


def _recipe(problem: Problem) -> dict[str, Any]:
    recipe = {name: value for name, value in problem.metadata.items() if name not in {"versions", "casci_energy"}}
    return recipe | {"title": problem.title, "unit": problem.unit, "n_qubits": problem.n_qubits}


def _energies(problem: Problem) -> dict[str, float | None]:
    return {
        "exact_energy": problem.exact_energy,
        "hartree_fock_energy": problem.hartree_fock_energy,
        "casci_energy": problem.metadata.get("casci_energy"),
    }


def _operator_differences(shipped: Observable, fresh: Observable, tolerance: float) -> list[str]:
    old, new = (dict(zip(o.labels, o.coefficients, strict=True)) for o in (shipped, fresh))
    if old.keys() != new.keys():
        return [f"the sets of Pauli strings differ in {sorted(old.keys() ^ new.keys())}"]
    gaps = {
        "magnitudes of terms": max(abs(abs(old[label]) - abs(new[label])) for label in old),
        "eigenvalues": float(np.abs(_spectrum(shipped) - _spectrum(fresh)).max()),
    }
    return [f"{name} differ by {gap:.2e}" for name, gap in gaps.items() if gap > tolerance]


def _spectrum(observable: Observable) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.linalg.eigvalsh(observable.to_sparse().toarray())
    return values


if __name__ == "__main__":
    sys.exit(main())
