"""What a search has learned so far: features and rewards of evaluated circuits, and which circuits are left."""

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.candidates import Features, Indices, Rewards, Unvisited
from qvar.latent.search.method import Assignment

__all__ = ["Evidence", "best_first", "gain"]


class Evidence:
    """Evaluated circuits in the order of evaluation, on standardized features (mutable)."""

    def __init__(self, assignment: Assignment) -> None:
        self.rng, self.threshold = assignment.rng, assignment.threshold
        self.unvisited = Unvisited(assignment.candidates.standardized)
        self.rewards: Rewards = np.empty(0, dtype=np.float64)
        self._indices: Indices = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def features(self) -> Features:
        """Features of the evaluated circuits, shape (n, d)."""
        return self.unvisited.points[self._indices]

    def sample(self, count: int) -> Indices:
        """Take random circuits of those that are left, at most `count`."""
        return self.taken(self.unvisited.sample(count, self.rng))

    def taken(self, indices: Indices) -> Indices:
        """Take some circuits, and give them back."""
        self.unvisited.take(indices)
        return indices

    def learn(self, indices: Indices, rewards: Rewards) -> None:
        """Add what circuits turned out to be worth."""
        self._indices = np.concatenate([self._indices, indices])
        self.rewards = np.concatenate([self.rewards, rewards])

    def best(self, count: int) -> Features:
        """Return the features of the best circuits so far, the best first."""
        return self.features[np.argsort(-self.rewards, kind="stable")[:count]]


def best_first(scores: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Return the positions of the `count` highest scores, the highest first."""
    count = min(count, len(scores))
    best = np.argpartition(-scores, count - 1)[:count] if count else np.empty(0, dtype=np.int64)
    return best[np.argsort(-scores[best], kind="stable")]


def gain(rewards: Rewards, threshold: float) -> Rewards:
    """Return rewards plus 1 for those that reach the threshold.

    The expectation of this is the expected reward plus the probability to find a candidate solution: the probability
    rules where candidates are known, and the reward leads the way to them where none is.
    """
    return rewards + (rewards >= threshold)
