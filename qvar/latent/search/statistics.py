"""What a search achieved, and what many of them did together: intervals by bootstrap over seeds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.search.candidates import Rewards
from qvar.simulators.errors import LatentError

__all__ = ["Achievement", "Spread", "bootstrap_interval", "curve_intervals"]

_RESAMPLES = 10_000
_CURVE_RESAMPLES = 2000
_SEED = 0  # of the resamples: an interval is a function of its values
_BLOCK = 100


@dataclass(frozen=True)
class Achievement:
    """What one search achieved.

    Attributes:
        candidates: evaluations with at least the threshold's reward.
        best: highest reward.
        first: evaluations up to the first candidate, that one included; None if there was none.
        mean: mean reward.
        mean_per_100: mean reward of every 100 evaluations, the last ones maybe fewer.
        regret: highest reward in the pool less `best`; None where the pool is not known.
    """

    candidates: int
    best: float
    first: int | None
    mean: float
    mean_per_100: tuple[float, ...]
    regret: float | None

    @classmethod
    def of(cls, rewards: Rewards, *, threshold: float, optimum: float | None = None) -> "Achievement":
        """Judge the rewards of one search, shape (n,), in the order of evaluation."""
        reached = rewards >= threshold
        blocks = [float(rewards[k : k + _BLOCK].mean()) for k in range(0, len(rewards), _BLOCK)]
        best = float(rewards.max())
        return cls(
            candidates=int(reached.sum()),
            best=best,
            first=int(reached.argmax()) + 1 if reached.any() else None,
            mean=float(rewards.mean()),
            mean_per_100=tuple(blocks),
            regret=None if optimum is None else optimum - best,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON data."""
        return asdict(self) | {"mean_per_100": list(self.mean_per_100)}


@dataclass(frozen=True)
class Spread:
    """Figures of many seeds.

    Attributes:
        mean: over seeds.
        least: smallest.
        most: largest.
        low: lower end of the 95 % interval of the mean.
        high: its upper end.
    """

    mean: float
    least: float
    most: float
    low: float
    high: float

    @classmethod
    def of(cls, values: ArrayLike) -> "Spread":
        """Summarize one figure per seed, shape (S,)."""
        given = np.asarray(values, dtype=np.float64)
        low, high = bootstrap_interval(given)
        return cls(float(given.mean()), float(given.min()), float(given.max()), low, high)

    def to_dict(self) -> dict[str, float]:
        """Return the figures as JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


def bootstrap_interval(values: ArrayLike) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean of values, shape (S,).

    The same values give the same interval. One value gives an interval of no width, which says nothing.

    Raises:
        LatentError: for no values.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or not len(given):
        raise LatentError(f"an interval needs at least one value, got shape {given.shape}")
    low, high = np.quantile(_weights(len(given), _RESAMPLES) @ given, [0.025, 0.975])
    return float(low), float(high)


def curve_intervals(curves: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...]:
    """Return mean, lower and upper end of the 95 % bootstrap interval at every point of curves, S arrays of shape (n,).

    Seeds are resampled whole.
    """
    stacked = np.stack(curves)
    low, high = np.quantile(_weights(len(stacked), _CURVE_RESAMPLES) @ stacked, [0.025, 0.975], axis=0)
    return stacked.mean(axis=0), low, high


def _weights(count: int, resamples: int) -> NDArray[np.float64]:
    """Return how much each value weighs in the mean of each resample, shape (resamples, count)."""
    return np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=resamples) / count
