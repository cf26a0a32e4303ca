"""Means with intervals that are honest about splits that share rows, differences of pairs, and shares of hits.

The training parts of random splits overlap, so that the scores of the splits are not independent and the usual interval
of a mean is too narrow. `corrected_mean` widens it as Nadeau and Bengio do.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qvar.simulators.errors import ClassifierError

__all__ = ["Difference", "Estimate", "bootstrap", "corrected_mean", "holm", "paired_difference", "wilson"]


@dataclass(frozen=True)
class Estimate:
    """A mean over splits.

    Attributes:
        n: number of splits.
        mean: their mean.
        sd: their standard deviation (n - 1 in the denominator), None for one split.
        low, high: interval of the mean, None where there is none.
    """

    n: int
    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able data."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """A model against the reference, split by split.

    Attributes:
        mean: mean of (model - reference).
        low, high: its interval, None where there is none.
        p: two-sided probability of such a t value without any difference, None where there is none.
        wins, ties, losses: splits on which the model is better, equal, worse.
        p_holm: `p` corrected for all the models compared (see `holm`), None where there is none.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    wins: int
    ties: int
    losses: int
    p_holm: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able data."""
        return asdict(self)


def corrected_mean(values: Sequence[float], *, test_to_train: float, confidence: float = 0.95) -> Estimate:
    """Return the mean over J splits with its corrected interval.

    mean ± t(J - 1) sqrt((1 / J + n_test / n_train) s^2), s^2 the variance of the values.

    Args:
        values: one number per split, at least one.
        test_to_train: rows of the test part over rows of the training part.
        confidence: probability of the interval.

    Raises:
        ClassifierError: without values.

    Example:
        >>> estimate = corrected_mean([0.7, 0.8, 0.75], test_to_train=0.25)
        >>> f"{estimate.mean:.3f} in {estimate.low:.3f} to {estimate.high:.3f}"
        '0.750 in 0.586 to 0.914'

    Source: Nadeau and Bengio, Machine Learning 52 (2003) 239, the corrected resampled t test.
    """
    numbers = np.asarray(values, dtype=np.float64)
    n = len(numbers)
    if n == 0:
        raise ClassifierError("a mean needs at least one split")
    mean = float(numbers.mean())
    if n == 1:
        return Estimate(1, mean)
    sd = float(numbers.std(ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * _standard_error(sd, n, test_to_train)
    return Estimate(n, mean, sd, mean - half, mean + half)


def paired_difference(
    values: Sequence[float],
    reference: Sequence[float],
    *,
    test_to_train: float,
    lower_is_better: bool = False,
    confidence: float = 0.95,
) -> Difference:
    """Return the difference of a model and the reference on the same splits, corrected as `corrected_mean`.

    Args:
        values: numbers of the model, one per split.
        reference: those of the reference, in the same order.
        test_to_train: rows of the test part over rows of the training part.
        lower_is_better: whether the lower number wins, as with losses.
        confidence: probability of the interval.

    Raises:
        ClassifierError: if the numbers do not pair.
    """
    if len(values) != len(reference):
        raise ClassifierError(f"pairs need as many values as references, got {len(values)} and {len(reference)}")
    differences = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    differences[np.abs(differences) < 1e-12] = 0.0  # equal, but for rounding
    estimate = corrected_mean(list(differences), test_to_train=test_to_train, confidence=confidence)
    p = None
    if estimate.sd is not None:
        error = _standard_error(estimate.sd, estimate.n, test_to_train)
        t = estimate.mean / error if error > 0 else math.copysign(math.inf, estimate.mean) if estimate.mean else 0.0
        p = float(2 * stats.t.sf(abs(t), estimate.n - 1))
    gains = -differences if lower_is_better else differences
    counts = int((gains > 0).sum()), int((gains == 0).sum()), int((gains < 0).sum())
    return Difference(estimate.mean, estimate.low, estimate.high, p, *counts)


def _standard_error(sd: float, n: int, test_to_train: float) -> float:
    return sd * math.sqrt(1 / n + test_to_train)


def wilson(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson interval of a share: how far one split of `n` rows determines an accuracy.

    Raises:
        ClassifierError: unless 0 <= hits <= n and n > 0.

    Example:
        >>> "{:.3f} to {:.3f}".format(*wilson(154, 200))
        '0.707 to 0.823'

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    if not 0 <= hits <= n or n == 0:
        raise ClassifierError(f"a share needs 0 <= hits <= n and n > 0, got {hits} of {n}")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    statistic: Callable[..., float],
    *columns: ArrayLike,
    rng: np.random.Generator,
    n_samples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic of rows, for numbers of one split that are no plain share.

    Args:
        statistic: number of columns of as many rows each.
        columns: arrays whose rows belong together, resampled together.
        rng: randomness of the samples.
        n_samples: how many samples; those where the statistic is not defined (nan) are left out.
        confidence: probability of the interval.

    Raises:
        ClassifierError: if the columns differ in length, or the statistic is never defined.
    """
    arrays: list[NDArray[Any]] = [np.asarray(column) for column in columns]
    if not arrays or len({len(array) for array in arrays}) != 1 or not len(arrays[0]):
        raise ClassifierError("the columns of a bootstrap need the same number of rows, at least one")
    n = len(arrays[0])
    samples = [statistic(*(array[rows] for array in arrays)) for rows in rng.integers(0, n, size=(n_samples, n))]
    defined = [value for value in samples if not math.isnan(value)]
    if not defined:
        raise ClassifierError("the statistic is not defined on any sample of the bootstrap")
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the values corrected for their number, so that any of them below .05 is one chance in twenty in all.

    Source: Holm, Scand. J. Stat. 6 (1979) 65.
    """
    corrected, running = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[k]))
        corrected[k] = running
    return corrected
