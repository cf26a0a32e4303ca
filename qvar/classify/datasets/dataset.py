"""One data set: rows, labels, and where they came from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import DatasetError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows and labels of a classification task, and all that is needed to find the same rows again.

    Attributes:
        name: what `load_dataset` calls it, with the options that tell it from its siblings.
        X: float64 of shape (n_rows, n_features), or texts as an object array of shape (n_rows,). Read-only.
        y: int64 of shape (n_rows,), 0 to n_classes - 1. Read-only.
        target_names: what each class means, in the order of the labels.
        feature_names: one a column; empty for texts.
        source: where the rows come from, in words.
        citation: what to cite.
        licence: what is known about the licence.
        sha256: digest of the file that the rows were read from; None without a file.
        recipe: the call that makes the rows, seed included; None for rows read from a file.

    Raises:
        DatasetError: for rows, labels and names that do not fit each other, or rows that are neither finite numbers
            nor texts.

    Example:
        >>> data = Dataset("two", np.array([[0.0], [1.0]]), np.array([0, 1]), ("no", "yes"), ("x",), "by hand", "", "")
        >>> data.n_rows, data.n_classes, data.is_text
        (2, 2, False)
    """

    name: str
    X: NDArray[Any]
    y: NDArray[np.int64]
    target_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    source: str
    citation: str
    licence: str
    sha256: str | None = None
    recipe: str | None = None

    def __post_init__(self) -> None:
        y = np.array(self.y, dtype=np.int64)
        X = np.array(self.X, dtype=object if np.asarray(self.X).dtype.kind in "OUS" else np.float64)
        self._check(X, y)
        for field, array in (("X", X), ("y", y)):
            array.flags.writeable = False
            object.__setattr__(self, field, array)

    @property
    def is_text(self) -> bool:
        """Whether the rows are texts, which need `qvar.classify.text.text_features` first."""
        return bool(self.X.dtype == object)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.target_names)

    def __repr__(self) -> str:
        kind = "texts" if self.is_text else f"rows of {self.X.shape[1]} features"
        return f"Dataset({self.name!r}: {self.n_rows} {kind}, {self.n_classes} classes)"

    def _check(self, X: NDArray[Any], y: NDArray[np.int64]) -> None:
        is_text = X.dtype == object
        if X.ndim != (1 if is_text else 2) or y.ndim != 1 or len(X) != len(y):
            raise DatasetError(
                f"data set {self.name!r} has rows of shape {X.shape} and labels of shape {y.shape}; numbers need "
                "(n_rows, n_features), texts (n_rows,), and labels (n_rows,)"
            )
        if is_text and not all(isinstance(text, str) for text in X):
            raise DatasetError(f"data set {self.name!r} mixes texts with other things; make every row a string")
        if not is_text and not np.isfinite(X).all():
            raise DatasetError(f"data set {self.name!r} has numbers that are not finite; drop or impute them first")
        if len(self.feature_names) != (0 if is_text else X.shape[1]):
            raise DatasetError(f"data set {self.name!r} names {len(self.feature_names)} features of {X.shape}")
        if set(y.tolist()) != set(range(len(self.target_names))):
            raise DatasetError(
                f"data set {self.name!r} has the labels {sorted(set(y.tolist()))} for the classes {self.target_names}; "
                "each class needs rows, and labels count from 0"
            )
