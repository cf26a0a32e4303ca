"""A curriculum that measures energies from the best one found so far, and needs to know nothing else.

A lower bound of the observable lies far below its ground energy: on `lih-4` by 2.3 Hartree, where the correlation
energy is 0.12. Relative to that, what the last gates of a good circuit gain is lost in the reward. Just below the best
energy known, it is what counts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qvar.simulators.errors import ArchitectureError

__all__ = ["BestSoFar", "BestSoFarState"]


@dataclass(frozen=True)
class BestSoFar:
    """Success means a new best energy; the reference mu lies `margin` below the best one before the episode.

    mu = best - margin and xi = margin - improvement, so that |E - mu| < xi if E lies below `best` by at least
    `improvement` and by less than 2 margin - improvement. (An energy still lower is a new best of course, but does not
    end the episode.) Until the first episode has ended, mu is the lower bound of the observable.

    With shots the best energy is the luckiest estimate; `margin` should not be smaller than their standard error.

    Args:
        margin: > improvement; in Hartree for molecules. The default is chemical accuracy.
        improvement: >= 0, smaller ones are not worth an end.

    Raises:
        ArchitectureError: for numbers outside these ranges.

    Example:
        >>> state = BestSoFar(1e-3, improvement=0.0).start(exact_energy=-1.137, lower_bound=-1.320)
        >>> state.reference
        -1.32
        >>> state.record_energy(-1.12)
        >>> state.end_episode(success=False)
        >>> round(state.reference, 6), state.threshold
        (-1.121, 0.001)
    """

    margin: float = 1.6e-3
    improvement: float = 1e-4

    def __post_init__(self) -> None:
        if not 0.0 <= self.improvement < self.margin < math.inf:
            raise ArchitectureError(f"need 0 <= improvement < margin, got {self.improvement}, {self.margin}")

    def start(self, *, exact_energy: float, lower_bound: float) -> "BestSoFarState":  # noqa: ARG002
        """Return the state at the beginning of training; the exact energy is not used."""
        return BestSoFarState(settings=self, reference=float(lower_bound))


@dataclass
class BestSoFarState:
    """The state of `BestSoFar` (mutable).

    Attributes:
        reference: mu, the same throughout an episode.
        best: lowest energy recorded, None before the first.
    """

    settings: BestSoFar
    reference: float
    best: float | None = None

    @property
    def threshold(self) -> float:
        """The threshold xi."""
        return self.settings.margin - self.settings.improvement

    def record_energy(self, energy: float) -> None:
        """Lower `best` to `energy` if that is lower."""
        if self.best is None or energy < self.best:
            self.best = float(energy)

    def end_episode(self, success: bool) -> None:  # noqa: ARG002
        """Let the reference follow the best energy."""
        if self.best is not None:
            self.reference = self.best - self.settings.margin

    def state_dict(self) -> dict[str, Any]:
        """Return the state as numbers that JSON can hold, without the settings."""
        return {"reference": self.reference, "best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state given by `state_dict`.

        Raises:
            ArchitectureError: if an entry is missing or unknown.
        """
        if set(state) != {"reference", "best"}:
            raise ArchitectureError(f"the state of BestSoFar holds reference and best, got {sorted(state)}")
        self.reference = float(state["reference"])
        self.best = None if state["best"] is None else float(state["best"])
