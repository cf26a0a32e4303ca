"""What a search in pool mode chooses from: circuits known by their features, and which of them were visited."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import LatentError

__all__ = ["Candidates", "Features", "Indices", "Rewards", "Unvisited"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Rewards = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The circuits of a pool as a search sees them.

    Args:
        features: one row per circuit, shape (P, d), float32, finite.
        proxies: training-free scores by name, each of shape (P,); see `ProxyFilter`.

    Raises:
        LatentError: for other shapes, or values that are not finite.
    """

    features: Features
    proxies: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        features = np.ascontiguousarray(self.features, dtype=np.float32)
        if features.ndim != 2 or 0 in features.shape or not np.isfinite(features).all():
            raise LatentError(f"features are finite numbers of shape (P, d), got shape {features.shape}")
        object.__setattr__(self, "features", features)
        proxies = {name: np.asarray(scores, dtype=np.float64) for name, scores in self.proxies.items()}
        for name, scores in proxies.items():
            if scores.shape != (len(features),) or not np.isfinite(scores).all():
                raise LatentError(f"proxy {name!r} needs one finite score for each of {len(features)} circuits")
        object.__setattr__(self, "proxies", proxies)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def size(self) -> int:
        """Length d of a feature."""
        return int(self.features.shape[1])

    @cached_property
    def standardized(self) -> Features:
        """Features less their mean over the pool, by their standard deviation; 0 on axes that never change."""
        mean, spread = self.features.mean(axis=0), self.features.std(axis=0)
        return np.ascontiguousarray((self.features - mean) / np.where(spread > 1e-6 * abs(mean), spread, np.inf))

    def __getstate__(self) -> dict[str, Any]:
        return {"features": self.features, "proxies": self.proxies}  # without what can be computed again


class Unvisited:
    """The circuits that no one has proposed yet, in a space of points (mutable).

    Args:
        points: shape (P, d), float32; distances are Euclidean.
    """

    def __init__(self, points: Features) -> None:
        self.points = points
        self._columns = np.ascontiguousarray(points.T)
        self._norms = np.einsum("ij,ij->i", points, points)
        self.is_free = np.ones(len(points), dtype=bool)
        self.n_free = len(points)

    def take(self, indices: Indices) -> None:
        """Mark circuits as visited."""
        self.n_free -= int(np.count_nonzero(self.is_free[indices]))
        self.is_free[indices] = False
        self._norms[indices] = np.inf

    def free(self) -> Indices:
        """Return the circuits that are left, in ascending order."""
        return np.flatnonzero(self.is_free)

    def nearest(self, point: NDArray[Any]) -> int:
        """Return the circuit closest to a point of shape (d,), one that is left."""
        return int(self._squared_distances(point).argmin())

    def near(self, point: NDArray[Any], count: int) -> Indices:
        """Return the `count` circuits closest to a point, of those that are left, in no particular order."""
        count = min(count, self.n_free)
        if count == 0:
            return np.empty(0, dtype=np.int64)
        return np.argpartition(self._squared_distances(point), count - 1)[:count]

    def sample(self, count: int, rng: np.random.Generator) -> Indices:
        """Draw at most `count` different circuits, of those that are left, uniformly."""
        if 2 * self.n_free < len(self.points) or 2 * count > self.n_free:
            return rng.choice(self.free(), size=min(count, self.n_free), replace=False)
        drawn = np.empty(0, dtype=np.int64)
        while len(drawn) < count:  # rejecting takes few rounds, as most are left
            more = rng.integers(len(self.points), size=2 * (count - len(drawn)))
            more = more[self.is_free[more]]
            joined = np.concatenate([drawn, more])
            drawn = joined[np.sort(np.unique(joined, return_index=True)[1])][:count]
        return drawn

    def _squared_distances(self, point: NDArray[Any]) -> Features:
        """Return squared distances but for a constant, inf for those visited."""
        return np.asarray(self._norms - 2 * (np.asarray(point, dtype=np.float32) @ self._columns))
