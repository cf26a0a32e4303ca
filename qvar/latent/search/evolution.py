"""Evolution in a latent space: points near good circuits, and the nearest unvisited circuits to them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from qvar.latent.search.candidates import Indices, Rewards
from qvar.latent.search.evidence import Evidence
from qvar.latent.search.method import Assignment, PoolSearcher, check_counts

__all__ = ["LatentEvolution"]


@dataclass(frozen=True)
class LatentEvolution:
    """Cross and perturb the best circuits found, generation by generation.

    A child takes each axis from one of two elites, or all of them from one, and makes a normal step of a width that
    follows success: it grows by half if more than a fifth of a generation is better than the median elite, and shrinks
    else (the one-fifth rule).

    Args:
        initial: random circuits first.
        generation: children per generation.
        elites: circuits that have children.
        width: first standard deviation of a step, in standard deviations of the pool along each axis.
        crossover: probability that a child has two parents.

    Source: ours; Rechenberg's one-fifth rule.
    """

    needs_torch: ClassVar[bool] = False

    initial: int = 32
    generation: int = 10
    elites: int = 20
    width: float = 0.5
    crossover: float = 0.5

    def __post_init__(self) -> None:
        check_counts(self, "initial", "generation", "elites")

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher without elites."""
        return _Population(self, assignment)


class _Population:
    def __init__(self, settings: LatentEvolution, assignment: Assignment) -> None:
        self._settings, self._evidence, self._width = settings, Evidence(assignment), settings.width

    def propose(self, most: int) -> Indices:
        evidence, settings = self._evidence, self._settings
        if len(evidence) < settings.initial:
            return evidence.sample(min(most, settings.initial - len(evidence)))
        elites = evidence.best(settings.elites)
        size = (min(most, settings.generation), elites.shape[1])
        mothers, fathers = elites[evidence.rng.integers(len(elites), size=(2, size[0]))]
        crossed = evidence.rng.random((size[0], 1)) < settings.crossover
        children = np.where(crossed & (evidence.rng.random(size) < 0.5), fathers, mothers)
        children = children + self._width * evidence.rng.standard_normal(size)
        chosen = []
        for child in children:
            chosen.append(evidence.unvisited.nearest(child))
            evidence.unvisited.take(np.array(chosen[-1:]))
        return np.array(chosen, dtype=np.int64)

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        before = np.sort(self._evidence.rewards)[-self._settings.elites :]
        if len(self._evidence) >= self._settings.initial:
            succeeded = float((rewards > np.median(before)).mean()) > 0.2
            self._width = float(np.clip(self._width * (1.5 if succeeded else 0.9), 0.02, 2.0))
        self._evidence.learn(indices, rewards)

    def remarks(self) -> dict[str, Any]:
        return {"width": self._width}
