"""Problems by name: the shipped molecules, and families of spins, cuts, states and unitaries.

A name is the key of the problem that it finds, so that records and tables lead back to it.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from qvar.problems.graphs import max_cut
from qvar.problems.keys import WHOLE
from qvar.problems.molecules import molecule, tasks
from qvar.problems.problem import Problem
from qvar.problems.spins import heisenberg, transverse_field_ising
from qvar.problems.states import state_preparation
from qvar.problems.unitaries import unitary_compilation
from qvar.simulators.errors import ProblemError

__all__ = ["FAMILIES", "Family", "find_problem", "is_problem_name"]

_Match = re.Match[str]


@dataclass(frozen=True)
class Family:
    """Problems of one kind, told apart by numbers in their names.

    Attributes:
        form: how names are built; capitals stand for numbers, brackets for what may be left out.
        example: the name of one of them.
        title: the family in one line.
        pattern: what names match.
        make: makes the problem of a match.
    """

    form: str
    example: str
    title: str
    pattern: re.Pattern[str]
    make: Callable[[_Match], Problem]

    @property
    def stem(self) -> str:
        """What all names begin with."""
        return re.split(r"[A-Z\[]", self.form)[0].rstrip("-")


_LONGEST_NAME = 200
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


def _given(match: _Match, **groups: str) -> dict[str, float]:
    """Return the numbers that a name gives, by parameter."""
    return {parameter: float(match[group]) for parameter, group in groups.items() if match[group] is not None}


def _ising(match: _Match) -> Problem:
    numbers = _given(match, coupling="j", field="h")
    return transverse_field_ising(int(match["n"]), periodic=match["periodic"] is not None, **numbers)


def _heisenberg(match: _Match) -> Problem:
    numbers = _given(match, jx="jx", jy="jy", jz="jz", field="h")
    return heisenberg(int(match["n"]), periodic=match["periodic"] is not None, **numbers)


def _cut(match: _Match) -> Problem:
    return max_cut(match["graph"])


def _state(match: _Match) -> Problem:
    return state_preparation(match[0])


def _unitary(match: _Match) -> Problem:
    return unitary_compilation(match[0])


def _family(form: str, example: str, title: str, pattern: str, make: Callable[[_Match], Problem]) -> Family:
    return Family(form, example, title, re.compile(pattern), make)


FAMILIES: tuple[Family, ...] = (
    _family(
        "tfim-N[-periodic][-jJ][-hH]",
        "tfim-6",
        "Ising chain of N spins in a transverse field, -J sum ZZ - H sum X",
        rf"tfim-(?P<n>{WHOLE})(?P<periodic>-periodic)?(?:-j(?P<j>{_NUMBER}))?(?:-h(?P<h>{_NUMBER}))?",
        _ising,
    ),
    _family(
        "heisenberg-N[-periodic][-jxX][-jyY][-jzZ][-hH]",
        "heisenberg-4",
        "Heisenberg chain of N spins, sum (X XX + Y YY + Z ZZ) + H sum Z",
        rf"heisenberg-(?P<n>{WHOLE})(?P<periodic>-periodic)?(?:-jx(?P<jx>{_NUMBER}))?(?:-jy(?P<jy>{_NUMBER}))?"
        rf"(?:-jz(?P<jz>{_NUMBER}))?(?:-h(?P<h>{_NUMBER}))?",
        _heisenberg,
    ),
    _family(
        "maxcut-ring-N", "maxcut-ring-6", "largest cut of a ring of N nodes", rf"maxcut-(?P<graph>ring-{WHOLE})", _cut
    ),
    _family(
        "maxcut-complete-N",
        "maxcut-complete-5",
        "largest cut of N nodes, each joined to every other",
        rf"maxcut-(?P<graph>complete-{WHOLE})",
        _cut,
    ),
    _family(
        "maxcut-regularD-N-seedS",
        "maxcut-regular3-8-seed1",
        "largest cut of a random graph of N nodes with D neighbours each",
        rf"maxcut-(?P<graph>regular{WHOLE}-{WHOLE}-seed{WHOLE})",
        _cut,
    ),
    _family("ghz-N", "ghz-4", "prepare (|0...0> + |1...1>)/sqrt(2)", rf"ghz-{WHOLE}", _state),
    _family("w-N", "w-3", "prepare the even superposition of the states with a single 1", rf"w-{WHOLE}", _state),
    _family(
        "random-state-N-seedS",
        "random-state-3-seed1",
        "prepare a random state (Haar measure)",
        rf"random-state-{WHOLE}-seed{WHOLE}",
        _state,
    ),
    _family("qft-N", "qft-2", "compile the quantum Fourier transform", rf"qft-{WHOLE}", _unitary),
    _family("toffoli", "toffoli", "compile the NOT controlled by two qubits", r"toffoli", _unitary),
    _family(
        "random-unitary-N-seedS",
        "random-unitary-2-seed1",
        "compile a random unitary (Haar measure)",
        rf"random-unitary-{WHOLE}-seed{WHOLE}",
        _unitary,
    ),
)
"""The families, in the order in which `qvar tasks` lists them."""


def find_problem(name: str) -> Problem:
    """Return the problem called `name`: a shipped molecule, or a member of a family.

    Args:
        name: a key of `tasks()`, or of the form of one of `FAMILIES`, such as "tfim-6-periodic" or "ghz-3".

    Returns:
        The problem; its key is `name`, numbers being written as short as they can be.

    Raises:
        ProblemError: for a name of no problem, or numbers for which there is none.

    Example:
        >>> find_problem("maxcut-ring-6").exact_energy, find_problem("toffoli").n_qubits
        (-6.0, 3)
    """
    if isinstance(name, str) and len(name) <= _LONGEST_NAME:
        if name in tasks():
            return molecule(name)
        for family in FAMILIES:
            match = family.pattern.fullmatch(name)
            if match is not None:
                return family.make(match)
    shown = name[:_LONGEST_NAME] if isinstance(name, str) else name
    raise ProblemError(f"unknown problem {shown!r}; {_hint(shown)}")


def is_problem_name(text: str) -> bool:
    """Tell whether `text` looks like the name of a problem, be its numbers possible or not."""
    return len(text) <= _LONGEST_NAME and (
        text in tasks() or any(family.pattern.fullmatch(text) for family in FAMILIES)
    )


def _hint(name: object) -> str:
    """Return what to try instead."""
    everything = (
        f"there are the molecules {', '.join(tasks())}, and families of names such as "
        f"{', '.join(f.example for f in FAMILIES)} (see `qvar tasks`)"
    )
    if not isinstance(name, str):
        return f"a name is a text; {everything}"
    kin = [family for family in FAMILIES if name.lower().startswith(family.stem)]
    if kin:
        return "; ".join(f"such names have the form {family.form}, for example {family.example}" for family in kin)
    near = difflib.get_close_matches(name.lower(), [*tasks(), *(f.example for f in FAMILIES)], n=1, cutoff=0.5)
    return (f"did you mean {near[0]!r}? " if near else "") + everything
