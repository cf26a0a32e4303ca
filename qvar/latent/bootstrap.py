"""Numbers with an interval from resampling what is independent: single parts, or parts whose rows belong together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["Interval", "bootstrap", "mean_of_sums", "ratio_of_means", "spearman"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % bootstrap interval.

    Attributes:
        value: the number.
        low, high: ends of the interval.
    """

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return the numbers as JSON-able data."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Interval":
        """Rebuild what `to_dict` gave."""
        return cls(float(data["value"]), float(data["low"]), float(data["high"]))


def bootstrap(
    sums: Floats, statistic: Callable[[Floats], Floats], rng: np.random.Generator, n_resamples: int
) -> Interval:
    """Return a statistic of sums over independent parts, with its percentile interval.

    Args:
        sums: what each part adds, shape (n_parts, n_sums).
        statistic: of sums in the last axis.
        rng: draws the resamples.
        n_resamples: how many.
    """
    return _interval(statistic(sums.sum(axis=0)), statistic(_resampled(sums, rng, n_resamples)))


def _resampled(sums: Floats, rng: np.random.Generator, n_resamples: int) -> Floats:
    n = len(sums)
    return np.array([np.bincount(rng.integers(n, size=n), minlength=n) @ sums for _ in range(n_resamples)])


def _interval(value: Floats, resampled: Floats) -> Interval:
    low, high = np.nanquantile(resampled, (0.025, 0.975))
    return Interval(float(value), float(low), float(high))


def spearman(x: Floats, y: Floats, size: int, rng: np.random.Generator, n_resamples: int) -> Interval | None:
    """Return Spearman's correlation; `size` rows in a row belong together. Ranks are not redrawn in the resamples."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    u, v = (rankdata(z) - (len(z) + 1) / 2 for z in (x, y))
    sums = np.column_stack([np.ones_like(u), u, v, u * u, v * v, u * v]).reshape(-1, size, 6).sum(axis=1)

    def pearson(s: Floats) -> Floats:
        n, su, sv, suu, svv, suv = np.moveaxis(s, -1, 0)
        return np.asarray((suv - su * sv / n) / np.sqrt((suu - su**2 / n) * (svv - sv**2 / n)))

    return bootstrap(sums, pearson, rng, n_resamples)


def ratio_of_means(
    x: Floats, everywhere: Floats, size: int, rng: np.random.Generator, n_resamples: int
) -> Interval | None:
    """Return mean(x) / mean(everywhere); `size` rows of `x` in a row belong together."""
    parts = x.reshape(-1, size).mean(axis=1)
    if everywhere.mean() == 0:
        return None
    above, below = (_resampled(z[:, None], rng, n_resamples)[:, 0] / len(z) for z in (parts, everywhere))
    return _interval(np.asarray(parts.mean() / everywhere.mean()), above / below)


def mean_of_sums(n: int) -> Callable[[Floats], Floats]:
    """Return the mean over `n` parts as a statistic for `bootstrap`."""
    return lambda sums: sums[..., 0] / n
