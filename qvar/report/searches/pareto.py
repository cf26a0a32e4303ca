"""Pareto fronts: circuits that no other one beats both in error and in CNOTs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qvar.runs.artifacts import read_pareto_entries
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["ParetoPoint", "front", "read_pareto"]


@dataclass(frozen=True)
class ParetoPoint:
    """What a circuit costs and how far it is from exact.

    Attributes:
        n_cnots: number of CNOTs.
        error: noiseless error, in the problem's unit.
    """

    n_cnots: int
    error: float

    @classmethod
    def of(cls, circuit: Mapping[str, Any]) -> "ParetoPoint":
        """Return the point of a result or of an entry of pareto.json."""
        return cls(int(circuit["n_cnots"]), float(circuit["error"]))


def read_pareto(folder: Path) -> tuple[ParetoPoint, ...]:
    """Read the pareto.json of a run folder, whose entries have `n_cnots` and `error`; () if there is none.

    Raises:
        RunError: if it is damaged.
    """
    file = folder / "pareto.json"
    if not file.is_file():
        return ()
    try:
        entries = read_pareto_entries(file)
        points = tuple(ParetoPoint.of(entry) for entry in entries)
    except UNREADABLE as error:
        raise RunError(f"{file} is corrupted: {error!r}") from error
    return tuple(point for point in points if math.isfinite(point.error))


def front(points: Iterable[ParetoPoint]) -> tuple[ParetoPoint, ...]:
    """Return the points that no other beats in both respects, by rising CNOTs and falling error.

    Example:
        >>> front([ParetoPoint(3, 0.1), ParetoPoint(1, 0.5), ParetoPoint(4, 0.2)])
        (ParetoPoint(n_cnots=1, error=0.5), ParetoPoint(n_cnots=3, error=0.1))
    """
    kept: list[ParetoPoint] = []
    for point in sorted(points, key=lambda p: (p.n_cnots, p.error)):
        if not kept or point.error < kept[-1].error:
            kept.append(point)
    return tuple(kept)
