"""Probes: tiny problems whose shortest circuit and best return are known, to test an agent first.

An agent that fails a probe is broken, and which probe it fails says where.

| probe | observable | gates | best return | what it tests |
|---|---|---|---|---|
| single-rotation | Z | 1 | 5 | the right action, rewarded in the very step that places it |
| two-rotations | Z + Z | 2 | 5.5 | a success that comes a step later; repeating a gate is useless |
| bell | -XX - ZZ | 2 | 5 | needs a CNOT: no product state is better than |00> |
| already-solved | -Z - Z | 1 | 5 | |00> is the optimum: any first gate succeeds |
| unreachable | X + Z | none | -4.2 | success is impossible: every episode is truncated |

Returns are undiscounted sums of `PaperReward`. Environments succeed within 1.6e-3 of the exact energy,
`unreachable` within that of a lower bound which no state attains.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from qvar.envs.curriculum import FixedThreshold
from qvar.envs.environment import ArchitectureSearchEnv
from qvar.problems import Problem
from qvar.simulators.errors import ArchitectureError
from qvar.simulators.observable import Observable

if TYPE_CHECKING:
    from qvar.optimizers import Optimizer
    from qvar.simulators.engine import Engine

__all__ = ["PROBES", "Probe", "make_probe", "probe_problem"]


@dataclass(frozen=True)
class Probe:
    """A problem with a known answer.

    Attributes:
        key: short name.
        observable: what to minimize.
        exact_energy: its lowest eigenvalue.
        n_gates: gates of the shortest successful circuit, None if there is none.
        best_return: largest undiscounted return of an episode.
        max_gates: gates an episode may place.
        curriculum: when an episode succeeds.
    """

    key: str
    observable: Observable
    exact_energy: float
    n_gates: int | None
    best_return: float
    max_gates: int
    curriculum: FixedThreshold


_EXACT = FixedThreshold(threshold=1.6e-3)
_BOUND = FixedThreshold(threshold=1.6e-3, reference="lower_bound")
_Z, _Z_AND_Z = Observable(("Z",), (1.0,)), Observable(("IZ", "ZI"), (1.0, 1.0))
_MINUS_Z_AND_Z, _BELL = Observable(("IZ", "ZI"), (-1.0, -1.0)), Observable(("XX", "ZZ"), (-1.0, -1.0))
_X_AND_Z = Observable(("X", "Z"), (1.0, 1.0))
_FIRST_STEP = (1.0 + 2.0**0.5) / 3.0  # relative decrease from E = 1 to -sqrt(2) with mu = -2

PROBES = MappingProxyType(
    {
        probe.key: probe
        for probe in (
            Probe("single-rotation", _Z, -1.0, n_gates=1, best_return=5.0, max_gates=4, curriculum=_EXACT),
            Probe("two-rotations", _Z_AND_Z, -2.0, n_gates=2, best_return=5.5, max_gates=6, curriculum=_EXACT),
            Probe("bell", _BELL, -2.0, n_gates=2, best_return=5.0, max_gates=6, curriculum=_EXACT),
            Probe(
                "already-solved",
                _MINUS_Z_AND_Z,
                -2.0,
                n_gates=1,
                best_return=5.0,
                max_gates=4,
                curriculum=_EXACT,
            ),
            Probe(
                "unreachable",
                _X_AND_Z,
                -(2.0**0.5),
                n_gates=None,
                best_return=_FIRST_STEP - 5.0,
                max_gates=2,
                curriculum=_BOUND,
            ),
        )
    }
)
"""The probes by key."""


def probe_problem(key: str) -> Problem:
    """Return the problem of a probe.

    Raises:
        ArchitectureError: for an unknown key.

    Example:
        >>> probe_problem("bell").exact_energy
        -2.0
    """
    probe = _check_probe(key)
    return Problem(
        key=f"probe-{key}",
        title=f"probe {key}: an answer known in advance",
        observable=probe.observable,
        exact_energy=probe.exact_energy,
        source="written down by hand",
        unit="1",
    )


def make_probe(
    key: str,
    *,
    engine: "Engine | None" = None,
    optimizer: "Optimizer | None" = None,
    max_gates: int | None = None,
    render_mode: str | None = None,
) -> ArchitectureSearchEnv:
    """Return the environment of a probe.

    Args:
        key: a key of `PROBES`.
        engine: see `ArchitectureSearchEnv`.
        optimizer: see `ArchitectureSearchEnv`.
        max_gates: gates an episode may place; None for the probe's own number, on which `best_return` rests.
        render_mode: "ansi" or None.

    Raises:
        ArchitectureError: for an unknown key.
    """
    probe = _check_probe(key)
    return ArchitectureSearchEnv(
        probe_problem(key),
        engine,
        optimizer=optimizer,
        max_gates=probe.max_gates if max_gates is None else max_gates,
        curriculum=probe.curriculum,
        render_mode=render_mode,
    )


def _check_probe(key: str) -> Probe:
    if key not in PROBES:
        raise ArchitectureError(f"unknown probe {key!r}; there are {', '.join(PROBES)}")
    return PROBES[key]
