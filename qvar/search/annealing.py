"""Search by simulated annealing: random edits of one circuit, angles re-optimized, kept by Metropolis' rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.envs import ArchitectureSearchEnv
from qvar.search.local import LocalSearch
from qvar.search.searcher import Tracker
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import RunError

__all__ = ["Annealing", "AnnealingSearcher"]


@dataclass(frozen=True)
class Annealing:
    """Simulated annealing over circuits.

    From the start circuit on, each proposal is one random edit (see `qvar.search.sequences.mutate`) with all angles
    optimized from where they were. It replaces the current circuit with probability min(1, exp(-(v' - v) / T)), v being
    the value by the run's `Judge`. T falls geometrically as episodes or budget are used up.

    Args:
        proposals: edits tried per episode, at least 1.
        temperature_start: T at the beginning, in the problem's unit of energy.
        temperature_end: T at the end.

    Source: Kirkpatrick, Gelatt and Vecchi, Science 220, 671 (1983).
    """

    proposals: int = 100
    temperature_start: float = 1e-2
    temperature_end: float = 1e-6

    def __post_init__(self) -> None:
        object.__setattr__(self, "proposals", check_whole("proposals", self.proposals, error=RunError))
        if not 0 < self.temperature_end <= self.temperature_start < math.inf:
            raise RunError(
                "annealing needs 0 < temperature_end <= temperature_start, got "
                f"{self.temperature_end!r} and {self.temperature_start!r}"
            )

    def temperature(self, progress: float) -> float:
        """Return T after a share of the run, 0 to 1."""
        return self.temperature_start * math.pow(self.temperature_end / self.temperature_start, progress)


class AnnealingSearcher:
    """Runs `Annealing` (mutable): see `qvar.search.searcher.Searcher`."""

    is_exhausted = False

    def __init__(
        self, settings: Annealing, env: ArchitectureSearchEnv, tracker: Tracker, seed: np.random.SeedSequence
    ) -> None:
        self._settings = settings
        self._tracker = tracker
        self._local = LocalSearch(env, tracker, seed)
        self._current = self._local.first()

    def play(self) -> Sequence[Mapping[str, Any]]:
        """Try one episode's proposals and return a record of the circuit that stands after them."""
        accepted = 0
        for _ in range(self._settings.proposals):
            if self._tracker.is_over:
                break
            accepted += self._propose()
        record = {
            **self._local.outcome(self._current),
            "temperature": self._settings.temperature(self._tracker.progress),
            "accepted": accepted,
        }
        return (record,)

    def _propose(self) -> bool:
        temperature = self._settings.temperature(self._tracker.progress)
        candidate = self._local.try_out(self._local.mutated(self._current.gates))
        rise = candidate.value - self._current.value
        if rise > 0 and self._local.rng.random() >= math.exp(-rise / temperature):
            return False
        self._current = candidate
        return True

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the current circuit and the random streams."""
        return self._local.state([self._current])

    def load_state(self, arrays: dict[str, NDArray[Any]], data: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        (self._current,) = self._local.load_state(arrays, data)
