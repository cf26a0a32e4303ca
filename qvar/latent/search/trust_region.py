"""A trust region over a pool: the circuits nearest to the best one, more of them after success, fewer after failure."""

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.candidates import Features, Indices, Unvisited

__all__ = ["TrustRegion"]

_SUCCESSES, _FAILURES = 2, 4
_LEAST, _FIRST, _MOST = 0.002, 0.1, 1.0


class TrustRegion:
    """The nearest share of the unvisited pool, by distances in units of length scales (mutable).

    The share starts at 0.1, doubles after 2 rounds of success in a row, halves after 4 of failure, and starts anew
    once it falls below 0.002.

    Source: TuRBO (Eriksson et al., NeurIPS 2019). Differs from it: a region is a number of circuits and not a box, as
    boxes in 16 or more dimensions hold all of a pool or nothing.
    """

    def __init__(self, unvisited: Unvisited) -> None:
        self.length_scales = np.ones(unvisited.points.shape[1], dtype=np.float32)
        self.share = _FIRST
        self._unvisited = unvisited
        self._successes = self._failures = 0

    def squared_distances(self, points: Features, center: Features) -> Features:
        """Return squared distances in units of length scales, shape (n,)."""
        return np.asarray((points - center) ** 2 @ self.length_scales**-2)

    def members(self, center: Features, count: int, rng: np.random.Generator) -> Indices:
        """Draw at most `count` circuits of the region; however small its share, it holds `count // 2` circuits."""
        free = self._unvisited.free()
        squares = self.squared_distances(self._unvisited.points[free], center)
        size = min(len(free), max(count // 2, round(self.share * len(free))))
        near: NDArray[np.int64] = free[np.argpartition(squares, size - 1)[:size]]
        return np.sort(rng.permutation(near)[:count])

    def adapt(self, succeeded: bool) -> None:
        """Take the outcome of a round."""
        self._successes = self._successes + 1 if succeeded else 0
        self._failures = 0 if succeeded else self._failures + 1
        if self._successes == _SUCCESSES:
            self.share, self._successes = min(2 * self.share, _MOST), 0
        elif self._failures == _FAILURES:
            self.share, self._failures = self.share / 2, 0
        if self.share < _LEAST:
            self.share = _FIRST
