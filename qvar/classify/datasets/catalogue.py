"""Data sets by name, for command lines and tables."""

import difflib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qvar.classify.datasets.bundled import BUNDLED, load_bundled
from qvar.classify.datasets.dataset import Dataset
from qvar.classify.datasets.reviews import load_restaurant_reviews
from qvar.classify.datasets.synthetic import (
    Labels,
    Rows,
    make_bars_and_stripes,
    make_hidden_manifold,
    make_hyperplanes_parity,
    make_linearly_separable,
    make_two_curves,
)
from qvar.simulators.errors import DatasetError

__all__ = ["DATASETS", "DatasetEntry", "load_dataset"]

_CITATION = "J. Bowles, S. Ahmed, M. Schuld, Better than classical?, arXiv 2403.07059 (2024)"


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that `load_dataset` knows.

    Attributes:
        title: the set in one line.
        load: makes it, with options by keyword.
        options: what `load` may be told, with defaults.
    """

    title: str
    load: Callable[..., Dataset]
    options: dict[str, Any]


def load_dataset(name: str, **options: Any) -> Dataset:
    """Return a data set by its name.

    Args:
        name: a name of `DATASETS`; names of scikit-learn's sets may go on with the classes to keep: "digits-3-5".
        **options: what the set's own function takes (`DATASETS[name].options`), such as `path` for
            "restaurant-reviews", `classes` for "digits", or `n_samples`, `n_features` and `random_state` for
            "two-curves".

    Raises:
        DatasetError: for a name or option that does not exist, and whatever the set's own function raises.

    Example:
        >>> load_dataset("two-curves", n_samples=60, degree=3, random_state=7)
        Dataset('two-curves': 60 rows of 5 features, 2 classes)
        >>> load_dataset("digits-3-5").target_names
        ('3', '5')
    """
    stem, classes = _split(name)
    if stem not in DATASETS:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), DATASETS, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise DatasetError(f"unknown data set {name!r}{hint}; there are {', '.join(DATASETS)}")
    entry = DATASETS[stem]
    if classes is not None:
        if "classes" in options:
            raise DatasetError(f"{name!r} names its classes already; leave the option classes out")
        options["classes"] = classes
    if unknown := options.keys() - entry.options:
        raise DatasetError(f"{stem} has no option {', '.join(sorted(unknown))}; it has {', '.join(entry.options)}")
    return entry.load(**options)


def _split(name: str) -> tuple[str, tuple[int, ...] | None]:
    match = re.fullmatch(rf"({'|'.join(BUNDLED)})((?:-\d+)+)", name)
    return (match[1], tuple(map(int, match[2][1:].split("-")))) if match else (name, None)


def _options(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _bundled(name: str, title: str) -> DatasetEntry:
    return DatasetEntry(title, lambda **options: load_bundled(name, **options), _options(load_bundled))


def _synthetic(name: str, title: str, make: Callable[..., tuple[Rows, Labels]]) -> DatasetEntry:
    defaults = _options(make)

    def load(**options: Any) -> Dataset:
        told = defaults | options
        if not isinstance(told["random_state"], int):
            raise DatasetError(f"random_state must be a whole number, so that {name} can be made again")
        X, y = make(**told)
        return Dataset(
            name=name,
            X=X,
            y=y,
            target_names=("0", "1"),
            feature_names=tuple(f"x{i}" for i in range(X.shape[1])),
            source=f"synthetic: qvar.classify.datasets.{make.__name__}",
            citation=_CITATION,
            licence="generated; no restriction",
            recipe=f"{make.__name__}({', '.join(f'{key}={value!r}' for key, value in told.items())})",
        )

    return DatasetEntry(title, load, defaults)


DATASETS: dict[str, DatasetEntry] = {
    "restaurant-reviews": DatasetEntry(
        "1000 sentences of restaurant reviews, liked or not (texts; from a file or download)",
        load_restaurant_reviews,
        _options(load_restaurant_reviews),
    ),
    "iris": _bundled("iris", "150 flowers of 3 kinds, 4 measures"),
    "wine": _bundled("wine", "178 wines of 3 growers, 13 measures"),
    "breast-cancer": _bundled("breast-cancer", "569 tumours, malignant or benign, 30 measures"),
    "digits": _bundled("digits", "1797 handwritten digits, 64 pixels; digits-3-5 for two of them"),
    "linearly-separable": _synthetic(
        "linearly-separable", "a cube cut by a plane; dial: margin", make_linearly_separable
    ),
    "two-curves": _synthetic("two-curves", "two winding curves; dials: degree, offset, noise", make_two_curves),
    "hidden-manifold": _synthetic(
        "hidden-manifold", "labels of a hidden network; dial: manifold_dimension", make_hidden_manifold
    ),
    "hyperplanes-parity": _synthetic(
        "hyperplanes-parity", "parity of the planes below a point; dial: n_hyperplanes", make_hyperplanes_parity
    ),
    "bars-and-stripes": _synthetic(
        "bars-and-stripes", "noisy bars or stripes; dials: height, width, noise", make_bars_and_stripes
    ),
}
"""By name, in the order of tables."""
