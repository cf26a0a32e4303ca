"""How smooth a representation of circuits is: do near features mean near circuits, and near rewards?

Latent distance is the L2 distance of features, as the search uses it. It is compared with the edit distance of the
circuits and with the difference of their rewards, over random pairs and over pairs of neighbours, which are what a
search sees; a regression from the nearest neighbours says how much of the reward the features tell. Every number comes
with an interval from resampling what is independent: random pairs, or circuits together with all their neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.bootstrap import Interval, bootstrap, mean_of_sums, ratio_of_means, spearman
from qvar.latent.distance import EditDistances
from qvar.latent.nearness import ENTRIES, distance_pairs, nearest, row_distances, smallest
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["Smoothness", "smoothness"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Smoothness:
    """How smooth a representation is.

    Attributes:
        features: name of the representation.
        n_circuits: circuits in it.
        n_pairs: random pairs.
        n_queries: circuits whose neighbours were looked at.
        n_neighbours: neighbours of each.
        latent_edit: Spearman's correlation of latent distance and edit distance over random pairs.
        latent_reward: the same of latent distance and difference of rewards.
        edit_reward: the same of edit distance and difference of rewards: what the graphs themselves tell.
        near_latent_edit, near_latent_reward: the first two over pairs of neighbours in the representation.
        near_edit: mean edit distance of neighbours, over that of random pairs; 1 if the features tell nothing.
        near_reward: mean difference of rewards of neighbours, over that of random pairs; 1 if they tell nothing.
        knn_r2: by number of neighbours, the share of the variance of the reward that their mean reward explains on
            circuits left out (cross-validation); 0 if the features tell nothing, negative if they mislead.
        n_regressed: circuits in that regression; it grows with them.
        overlap: share of the nearest neighbours in the representation that are nearest by edit distance too, among
            a few circuits all of whose distances were measured. Its interval is for other circuits among these, not
            for other few circuits, and so a little too narrow.
        overlap_by_chance: that share for features that tell nothing.

    Entries about the reward are None without rewards, and a correlation is None if either side does not vary.
    """

    features: str
    n_circuits: int
    n_pairs: int
    n_queries: int
    n_neighbours: int
    latent_edit: Interval | None
    latent_reward: Interval | None
    edit_reward: Interval | None
    near_latent_edit: Interval | None
    near_latent_reward: Interval | None
    near_edit: Interval | None
    near_reward: Interval | None
    knn_r2: Mapping[int, Interval]
    n_regressed: int
    overlap: Interval
    overlap_by_chance: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able data."""
        data: dict[str, Any] = {}
        for name, value in vars(self).items():
            data[name] = value.to_dict() if isinstance(value, Interval) else value
        return data | {"knn_r2": {str(k): interval.to_dict() for k, interval in self.knn_r2.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Smoothness":
        """Rebuild what `to_dict` gave.

        Raises:
            LatentError: for data of something else.
        """
        try:
            rest: dict[str, Any] = {
                name: Interval.from_dict(v) if isinstance(v, Mapping) else v
                for name, v in data.items()
                if name != "knn_r2"
            }
            return cls(**rest, knn_r2={int(k): Interval.from_dict(v) for k, v in data["knn_r2"].items()})
        except UNREADABLE as error:
            raise LatentError(f"this is no record of smoothness: {error!r}") from None


def smoothness(
    features: ArrayLike,
    edit_distance: EditDistances,
    rewards: ArrayLike | None = None,
    *,
    rng: np.random.Generator,
    name: str = "features",
    n_pairs: int = 100_000,
    n_queries: int = 1_000,
    n_neighbours: int = 10,
    n_compared: int = 300,
    regression_neighbours: Sequence[int] = (1, 4, 16, 64),
    n_regressed: int = 20_000,
    n_folds: int = 5,
    n_resamples: int = 1_000,
) -> Smoothness:
    """Measure how smooth a representation of circuits is.

    Args:
        features: shape (P, d).
        edit_distance: of the same circuits; other representations measured with the same `rng` need little more of it.
        rewards: shape (P,), None to measure against edit distance alone.
        rng: draws pairs, queries, folds and resamples.
        name: name of the representation, kept in the result.
        n_pairs: random pairs of two different circuits.
        n_queries: circuits whose neighbours are looked at; at most P.
        n_neighbours: neighbours of each.
        n_compared: circuits whose neighbours among each other are compared with those by edit distance; at most P.
            All pairs are measured, 0.1 ms each.
        regression_neighbours: numbers of neighbours for the regression.
        n_regressed: circuits in the regression; at most P.
        n_folds: folds of its cross-validation, at least 2.
        n_resamples: bootstrap resamples.

    Raises:
        LatentError: for arrays that do not belong together, or too few circuits.
    """
    features = np.asarray(features, dtype=np.float64)
    values = None if rewards is None else np.asarray(rewards, dtype=np.float64)
    _check(features, edit_distance.shape, values, n_neighbours, n_compared)
    n = len(features)
    n_queries, n_regressed = min(n_queries, n), min(n_regressed, n)
    pairs, queries, regression = rng.spawn(3)

    i, j = distance_pairs(n, n_pairs, pairs)
    latent, edit = row_distances(features[i], features[j]), edit_distance(i, j)
    reward = None if values is None else np.abs(values[i] - values[j])

    compared = queries.choice(n, size=min(n_compared, n), replace=False)
    chosen = queries.choice(n, size=n_queries, replace=False)
    near = nearest(features, chosen, n_neighbours)
    a, b = np.repeat(chosen, n_neighbours), near.ravel()
    near_latent, near_edit = row_distances(features[a], features[b]), edit_distance(a, b)
    near_reward = None if values is None else np.abs(values[a] - values[b])

    def correlation(x: _Floats, y: _Floats | None, size: int) -> Interval | None:
        return None if y is None else spearman(x, y, size, rng, n_resamples)

    def ratio(x: _Floats | None, everywhere: _Floats | None) -> Interval | None:
        return (
            None if x is None or everywhere is None else ratio_of_means(x, everywhere, n_neighbours, rng, n_resamples)
        )

    return Smoothness(
        features=name,
        n_circuits=n,
        n_pairs=n_pairs,
        n_queries=n_queries,
        n_neighbours=n_neighbours,
        latent_edit=correlation(latent, edit, 1),
        latent_reward=correlation(latent, reward, 1),
        edit_reward=correlation(edit, reward, 1),
        near_latent_edit=correlation(near_latent, near_edit, n_neighbours),
        near_latent_reward=correlation(near_latent, near_reward, n_neighbours),
        near_edit=ratio(near_edit, edit),
        near_reward=ratio(near_reward, reward),
        knn_r2={}
        if values is None
        else _regression(
            features, values, regression, rng, tuple(regression_neighbours), n_regressed, n_folds, n_resamples
        ),
        n_regressed=0 if values is None else n_regressed,
        overlap=_overlap(features[compared], compared, edit_distance, n_neighbours, rng, n_resamples),
        overlap_by_chance=n_neighbours / (len(compared) - 1),
    )


def _check(
    features: _Floats, shape: tuple[int, ...], rewards: _Floats | None, n_neighbours: int, n_compared: int
) -> None:
    if features.ndim != 2 or len(features) != shape[0] or len(shape) != 3:
        raise LatentError(
            f"features of shape (P, d) go with structures of shape (P, n_gates, 3), got {features.shape} and {shape}"
        )
    if rewards is not None and rewards.shape != (len(features),):
        raise LatentError(f"rewards of shape ({len(features)},) are needed, got {rewards.shape}")
    if not np.isfinite(features).all() or (rewards is not None and not np.isfinite(rewards).all()):
        raise LatentError("features and rewards must be finite")
    fewest = min(len(features), n_compared)
    if fewest < n_neighbours + 2:
        raise LatentError(f"{n_neighbours} neighbours need at least {n_neighbours + 2} circuits, got {fewest}")


def _regression(
    features: _Floats,
    rewards: _Floats,
    folds: np.random.Generator,
    rng: np.random.Generator,
    neighbours: tuple[int, ...],
    n_regressed: int,
    n_folds: int,
    n_resamples: int,
) -> dict[int, Interval]:
    """Return R^2 on circuits left out, by number of neighbours; numbers that are too large are left out."""
    rows = folds.permutation(len(features))[:n_regressed]
    parts = np.array_split(rows, n_folds)
    smallest_training = n_regressed - max(map(len, parts))
    wanted = [k for k in neighbours if 1 <= k <= smallest_training]
    if not wanted or np.ptp(rewards[rows]) == 0:
        return {}
    predicted = {k: np.empty(len(features)) for k in wanted}
    baseline = np.empty(len(features))
    for part in parts:
        training = np.setdiff1d(rows, part)
        squares = (features[training] ** 2).sum(axis=1)
        baseline[part] = rewards[training].mean()
        step = max(1, ENTRIES // len(training))
        for start in range(0, len(part), step):
            some = part[start : start + step]
            columns = smallest(squares - 2 * features[some] @ features[training].T, max(wanted))
            means = np.cumsum(rewards[training][columns], axis=1)
            for k in wanted:
                predicted[k][some] = means[:, k - 1] / k
    around = (rewards[rows] - baseline[rows]) ** 2
    found = {}
    for k in wanted:
        residuals = (rewards[rows] - predicted[k][rows]) ** 2
        found[k] = bootstrap(
            np.column_stack([residuals, around]), lambda s: 1 - s[..., 0] / s[..., 1], rng, n_resamples
        )
    return found


def _overlap(
    features: _Floats,
    compared: NDArray[np.int64],
    edit_distance: EditDistances,
    k: int,
    rng: np.random.Generator,
    n_resamples: int,
) -> Interval:
    """Return the share of the `k` nearest by features that are among the nearest by edit distance.

    Edit distances tie: whoever is nearer than the k-th nearest counts, and those as far as it share what is left of
    the `k`, so that features which tell nothing have k / (n - 1) whatever the ties.
    """
    n = len(features)
    i, j = np.triu_indices(n, 1)
    edit = np.full((n, n), np.inf)
    edit[i, j] = edit[j, i] = edit_distance(compared[i], compared[j])
    last = np.partition(edit, k - 1, axis=1)[:, k - 1 : k]
    nearer, tied = edit < last, edit == last
    weights = nearer + tied * (k - nearer.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)
    shares = np.take_along_axis(weights, nearest(features, np.arange(n), k), axis=1).mean(axis=1)
    return bootstrap(shares[:, None], mean_of_sums(n), rng, n_resamples)
