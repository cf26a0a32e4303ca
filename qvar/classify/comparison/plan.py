"""Say what a comparison is: a data set, features, models, splits and a seed; and what its cells are."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.classify.comparison.metrics import METRICS
from qvar.classify.comparison.models import ModelSpec, describe
from qvar.classify.comparison.splits import Indices, ShuffleSplits, Splits, count_splits, folds, subset
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ClassifierError

__all__ = ["Cell", "ComparisonPlan", "LabelledData", "count_cells"]


class LabelledData(Protocol):
    """A data set: rows, labels and a name; `qvar.classify.datasets.Dataset` is one."""

    @property
    def name(self) -> str:
        """The name in tables."""
        ...

    @property
    def X(self) -> Any:
        """Rows: an array of shape (n_rows, n_columns), or texts."""
        ...

    @property
    def y(self) -> Any:
        """One label per row."""
        ...


@dataclass(frozen=True, order=True)
class Cell:
    """One training and test: these features, this model, this split.

    Attributes:
        features, model: names.
        split: number of the split.
        train_size: rows taken of the training part, None for all of them.
    """

    features: str
    model: str
    split: int
    train_size: int | None = None

    def __str__(self) -> str:
        size = "" if self.train_size is None else f", {self.train_size} rows"
        return f"{self.features}, {self.model}, split {self.split}{size}"


@dataclass(frozen=True)
class ComparisonPlan:
    """Models side by side on the same splits of a data set.

    Split number i, and every model trained on it, has the seed `seed + i`.

    Args:
        data: rows and labels.
        features: unfitted transformers by name; each cell fits a clone on its training part alone.
        models: the models; their names must differ.
        splits: the outer splits.
        seed: at least 0.
        inner_folds: folds of the inner cross-validation of tuned models.
        scoring: the metric that tuned models are chosen by, a key of `METRICS`.
        train_sizes: further trainings on so many rows of the training part, for learning curves; models that are tuned
            are tuned on those rows.

    Raises:
        ClassifierError: for settings that make no sense, or data with fewer than two classes.
    """

    data: LabelledData
    features: Mapping[str, Any]
    models: tuple[ModelSpec, ...]
    splits: Splits = field(default_factory=ShuffleSplits)
    seed: int = 0
    inner_folds: int = 5
    scoring: str = "accuracy"
    train_sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, least=0, error=ClassifierError)
        check_whole("inner_folds", self.inner_folds, least=2, error=ClassifierError)
        if not self.features or not self.models:
            raise ClassifierError("a comparison needs at least one kind of features and one model")
        names = [model.name for model in self.models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ClassifierError(f"models need different names, got {', '.join(twice)} more than once")
        if self.scoring not in METRICS:
            raise ClassifierError(f"models are tuned by one of {', '.join(METRICS)}, got {self.scoring!r}")
        if len(self.data.X) != len(self.data.y):
            raise ClassifierError(f"{len(self.data.X)} rows have {len(self.data.y)} labels; they must pair")
        if len(self.classes) < 2:
            raise ClassifierError(f"a comparison needs at least two classes, {self.data.name} has {self.classes}")
        smallest = min(len(train) for train, _ in self.indices)
        for number in self.train_sizes:
            check_whole("a training size", number, least=len(self.classes), error=ClassifierError)
            if number > smallest:
                raise ClassifierError(
                    f"a training size of {number} is too great; there are {smallest} rows to train on"
                )
        if len(set(self.train_sizes)) < len(self.train_sizes):
            raise ClassifierError(f"training sizes must differ, got {self.train_sizes}")
        if any(model.is_tuned for model in self.models):
            for split, size in product(range(self.splits.n_splits), (*self.train_sizes, None)):
                train, _ = self.rows(Cell("", "", split, size))
                folds(self.codes[train], self.inner_folds, 0)  # what is too small is said now, not hours later

    @cached_property
    def classes(self) -> list[Any]:
        """The labels in order; the second of two is the positive one."""
        return [label.item() if hasattr(label, "item") else label for label in np.unique(np.asarray(self.data.y))]

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """The labels as numbers 0, 1, ... in the order of `classes`, shape (n_rows,)."""
        return np.asarray(np.unique(np.asarray(self.data.y), return_inverse=True)[1], dtype=np.int64)

    @cached_property
    def indices(self) -> tuple[Indices, ...]:
        """The rows of every split."""
        return self.splits.indices(self.codes, self.seed)

    @property
    def class_names(self) -> list[str]:
        """What the classes are called: `data.target_names` if there are such, else the labels."""
        return [str(name) for name in getattr(self.data, "target_names", None) or self.classes]

    def rows(self, cell: Cell) -> Indices:
        """Return the rows that a cell is trained and tested on."""
        train, test = self.indices[cell.split]
        if cell.train_size is None:
            return train, test
        return subset(train, self.codes, cell.train_size, self.seed + cell.split), test

    def cells(self) -> tuple[Cell, ...]:
        """Return all cells, split by split, so that a comparison stopped early has as many splits of every model."""
        sizes = (*self.train_sizes, None)
        axes = product(range(self.splits.n_splits), self.features, (model.name for model in self.models), sizes)
        return tuple(Cell(features, model, split, size) for split, features, model, size in axes)

    def to_dict(self) -> dict[str, Any]:
        """Return everything that determines the record, as JSON-able data."""
        return {
            "dataset": {
                "name": self.data.name,
                "sha256": fingerprint(self.data),
                "n_rows": len(self.data.X),
                "classes": self.class_names,
            },
            "features": {name: _settings(transformer) for name, transformer in self.features.items()},
            "models": [model.to_dict() for model in self.models],
            "splits": self.splits.to_dict(),
            "seed": self.seed,
            "inner_folds": self.inner_folds,
            "scoring": self.scoring,
            "train_sizes": list(self.train_sizes),
        }


def fingerprint(data: LabelledData) -> str:
    """Return a hash of rows and labels, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in (data.X, data.y):
        array = np.asarray(part)
        if array.dtype.kind in "OUS":
            digest.update("\0".join(map(str, array.ravel())).encode())
        else:
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        digest.update(repr(array.shape).encode())
    return digest.hexdigest()


def _settings(transformer: Any) -> dict[str, Any]:
    return {"class": type(transformer).__qualname__, **describe(transformer.get_params(deep=True))}


def count_cells(config: Mapping[str, Any]) -> int:
    """Return the number of cells of a recorded comparison (see `ComparisonPlan.to_dict`)."""
    sizes = len(config["train_sizes"]) + 1
    return count_splits(config["splits"]) * len(config["features"]) * len(config["models"]) * sizes
