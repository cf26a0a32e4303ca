"""The shipped molecules, by key."""

import difflib
from functools import cache
from importlib.resources import files

from qvar.problems.problem import Problem
from qvar.simulators.errors import ProblemError

__all__ = ["molecule", "tasks"]

_KEYS = ("h2-2", "h2-3", "h2-4", "lih-4", "lih-6", "h2o-8-bohr", "h2o-8")


def tasks() -> tuple[str, ...]:
    """Return the keys of the shipped molecules, smallest first.

    The number in a key is the number of qubits. Never put "h2o-8-bohr" and "h2o-8" into one table: the first
    is the benchmark of Patel et al. (arXiv 2402.03500), a molecule squeezed by a mix-up of units; the second
    is water.

    Example:
        >>> tasks()
        ('h2-2', 'h2-3', 'h2-4', 'lih-4', 'lih-6', 'h2o-8-bohr', 'h2o-8')
    """
    return _KEYS


def molecule(key: str) -> Problem:
    """Return a shipped molecule; it is read once.

    Args:
        key: one of `tasks()`.

    Returns:
        The problem, energies in Hartree, constants inside the identity coefficient.

    Raises:
        ProblemError: for an unknown key, or if the installed data file is damaged.

    Example:
        >>> problem = molecule("lih-4")
        >>> problem.n_qubits, round(problem.exact_energy, 6)
        (4, -7.789089)

    Source: geometries and active spaces of Patel et al., arXiv 2402.03500; computed with PySCF, see
    `Problem.source`.
    """
    if key not in _KEYS:
        near = difflib.get_close_matches(key.lower(), _KEYS, n=1, cutoff=0.5) if isinstance(key, str) else []
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ProblemError(
            f"unknown molecule {key!r}; {hint}shipped are {', '.join(_KEYS)}; make any other one with "
            "molecule_from_geometry"
        )
    return _read(f"{key}.json")


@cache
def _read(name: str) -> Problem:
    try:
        text = files("qvar.problems").joinpath("hamiltonians", name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"the data file {name} of qvar cannot be read: {error}; reinstall qvar-toolkit") from error
    return Problem.from_json_text(text, origin=name)
