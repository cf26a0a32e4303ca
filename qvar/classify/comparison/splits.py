"""How the rows of a data set are divided into training and test parts, the same way for every model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ClassifierError

__all__ = ["Indices", "RepeatedFolds", "ShuffleSplits", "Splits", "count_splits", "subset"]

Indices = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows of the training and of the test part."""


class Splits(Protocol):
    """A small frozen object that says how to split."""

    @property
    def n_splits(self) -> int:
        """Number of splits."""
        ...

    def indices(self, y: NDArray[Any], seed: int) -> tuple[Indices, ...]:
        """Return the rows of every split of the labels `y`, shape (n_rows,)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able data."""
        ...


@dataclass(frozen=True)
class ShuffleSplits:
    """Independent random splits that keep the shares of the classes.

    Split number i has the seed `seed + i`, so that more splits begin with the fewer ones.

    Args:
        n_splits: how many, at least 1.
        test_size: share of the rows in the test part, between 0 and 1.
    """

    n_splits: int = 10
    test_size: float = 0.2

    def __post_init__(self) -> None:
        check_whole("n_splits", self.n_splits, least=1, error=ClassifierError)
        if not 0 < self.test_size < 1:
            raise ClassifierError(f"test_size is a share between 0 and 1, got {self.test_size}")

    def indices(self, y: NDArray[Any], seed: int) -> tuple[Indices, ...]:
        """Return the rows of every split."""
        from sklearn.model_selection import StratifiedShuffleSplit

        def split(i: int) -> Indices:
            one = StratifiedShuffleSplit(n_splits=1, test_size=self.test_size, random_state=seed + i)
            return _first(one, y)

        return tuple(split(i) for i in range(self.n_splits))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able data."""
        return {"kind": "shuffle", **asdict(self)}


@dataclass(frozen=True)
class RepeatedFolds:
    """Stratified k-fold cross-validation, repeated with the folds drawn anew: repetition r has the seed `seed + r`.

    Args:
        n_folds: k, at least 2.
        n_repeats: how often, at least 1.
    """

    n_folds: int = 5
    n_repeats: int = 2

    def __post_init__(self) -> None:
        check_whole("n_folds", self.n_folds, least=2, error=ClassifierError)
        check_whole("n_repeats", self.n_repeats, least=1, error=ClassifierError)

    @property
    def n_splits(self) -> int:
        """Number of splits."""
        return self.n_folds * self.n_repeats

    def indices(self, y: NDArray[Any], seed: int) -> tuple[Indices, ...]:
        """Return the rows of every split."""
        return tuple(s for r in range(self.n_repeats) for s in folds(y, self.n_folds, seed + r))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able data."""
        return {"kind": "folds", **asdict(self)}


def count_splits(settings: Mapping[str, Any]) -> int:
    """Return the number of splits that recorded settings (see `Splits.to_dict`) stand for."""
    return int(settings["n_splits"] if settings["kind"] == "shuffle" else settings["n_folds"] * settings["n_repeats"])


def folds(y: NDArray[Any], n_folds: int, seed: int) -> tuple[Indices, ...]:
    """Return the rows of the folds of a stratified cross-validation.

    Raises:
        ClassifierError: if a class has fewer rows than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    least = int(np.unique(y, return_counts=True)[1].min())
    if least < n_folds:
        raise ClassifierError(
            f"{n_folds} stratified folds need {n_folds} rows of every class, the rarest one has {least}; take fewer "
            "folds or more rows"
        )
    splitter = StratifiedKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    return tuple((train, test) for train, test in splitter.split(np.zeros(len(y)), y))


def subset(rows: NDArray[np.int64], y: NDArray[Any], size: int, seed: int) -> NDArray[np.int64]:
    """Return `size` of the training rows, the shares of the classes kept; a smaller subset lies in a greater one.

    Args:
        rows: rows of the training part.
        y: labels of all rows.
        size: how many to take; all if there are no more.
        seed: seed of the choice.
    """
    order = np.random.default_rng(seed).permutation(rows)
    labels = y[order]
    # Row k of a class of n rows comes at place (k + 1/2) / n: any beginning of that order has the shares of the whole.
    place = np.empty(len(order))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(order[np.argsort(place, kind="stable")[:size]])


def _first(splitter: Any, y: NDArray[Any]) -> Indices:
    try:
        return next(splitter.split(np.zeros(len(y)), y))  # type: ignore[no-any-return]
    except ValueError as error:
        raise ClassifierError(f"cannot split {len(y)} rows: {error}") from error
