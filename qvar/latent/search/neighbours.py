"""Active search by the neighbours of what is known: cheap, greedy and without a model to fit."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.candidates import Indices, Rewards
from qvar.latent.search.evidence import Evidence, best_first, gain
from qvar.latent.search.method import Assignment, PoolSearcher, check_counts

__all__ = ["NeighbourSearch"]

_SAMPLE = 64


@dataclass(frozen=True)
class NeighbourSearch:
    """Evaluate the circuits whose neighbours did best, by a kernel average over all that was evaluated.

    Score of a circuit: (g * mean + sum_i w_i y_i) / (g + sum_i w_i), w_i = exp(-|x - x_i|^2 / 2 h^2), y the reward plus
    1 for a candidate solution.

    Args:
        initial: random circuits first.
        batch: circuits per round.
        reach: share of the pool within distance h of a typical circuit.
        doubt: the weight g of the mean over all.

    Source: Garnett, Krishnamurthy, Xiong, Schneider and Mann, "Bayesian Optimal Active Search and Surveying",
    ICML 2012 (greedy, one step ahead).

    Differs from the source: a Gaussian kernel stands for the k nearest neighbours, so that scores of the whole pool can
    be updated in one pass; the reward itself is averaged beside success.
    """

    needs_torch: ClassVar[bool] = False

    initial: int = 16
    batch: int = 5
    reach: float = 0.002
    doubt: float = 0.1

    def __post_init__(self) -> None:
        check_counts(self, "initial", "batch")

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher that knows nothing yet."""
        return _Neighbours(self, assignment)


class _Neighbours:
    """Weights and weighted values of all circuits, updated with every reward."""

    def __init__(self, settings: NeighbourSearch, assignment: Assignment) -> None:
        self._settings, self._evidence = settings, Evidence(assignment)
        points = self._evidence.unvisited.points
        self._columns = np.ascontiguousarray(points.T)
        self._norms = np.einsum("ij,ij->i", points, points)
        self._weights = np.zeros(len(points), dtype=np.float32)
        self._values = np.zeros(len(points), dtype=np.float32)
        typical = assignment.rng.choice(len(points), size=min(_SAMPLE, len(points)), replace=False)
        squares = np.stack([self._squared_distances(index) for index in typical])
        rank = min(len(points) - 1, max(1, round(settings.reach * len(points))))
        self._width = max(float(np.median(np.partition(squares, rank, axis=1)[:, rank])), 1e-12)

    def propose(self, most: int) -> Indices:
        evidence, settings = self._evidence, self._settings
        if len(evidence) < settings.initial:
            return evidence.sample(min(most, settings.initial - len(evidence)))
        known = float(gain(evidence.rewards, evidence.threshold).mean())
        scores = (settings.doubt * known + self._values) / (settings.doubt + self._weights)
        scores[~evidence.unvisited.is_free] = -np.inf
        return evidence.taken(best_first(scores, min(most, settings.batch)))

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        self._evidence.learn(indices, rewards)
        for index, value in zip(indices, gain(rewards, self._evidence.threshold), strict=True):
            weights = np.exp(self._squared_distances(index) * np.float32(-0.5 / self._width))
            self._weights += weights
            self._values += np.float32(value) * weights

    def remarks(self) -> dict[str, Any]:
        return {}

    def _squared_distances(self, index: int) -> NDArray[np.float32]:
        squares = self._norms - 2 * (self._columns[:, index] @ self._columns) + self._norms[index]
        return np.asarray(np.maximum(squares, 0, out=squares))
