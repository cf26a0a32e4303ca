"""scikit-learn's contract around a model of another package: what all bridges share."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qvar.classify.scaling import into_range, learned_range
from qvar.simulators.errors import ClassifierError

__all__ = ["Bridge"]

Floats = NDArray[np.float64]


class Bridge(ClassifierMixin, BaseEstimator):
    """Base of the bridges: checks data and classes, scales features, and answers in class names.

    A subclass stores the parameters declared here, trains in `_train` and answers in `_probabilities`; what it cannot
    pickle it names in `_volatile` and makes again from its other attributes when that is None.
    """

    feature_range: tuple[float, float] | None
    random_state: Any

    _volatile: tuple[str, ...] = ()

    def _train(self, rows: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Train on scaled rows and classes 0, 1, ..."""
        raise NotImplementedError

    def _probabilities(self, rows: Floats) -> Floats:
        """Return class probabilities of scaled rows, shape (n_rows, n_classes)."""
        raise NotImplementedError

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows X of shape (n_rows, n_features) with labels y of shape (n_rows,)."""
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ClassifierError(f"a classifier needs at least two classes, got one class ({self.classes_[0]!r}) only")
        self.feature_min_, self.feature_span_ = learned_range(rows)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1, size=4))
        self._train(self._scaled(rows), codes.astype(np.int64), rng)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return class probabilities, shape (n_rows, n_classes)."""
        check_is_fitted(self)
        return self._probabilities(self._scaled(validate_data(self, X, reset=False, dtype=np.float64)))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n_rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def _scaled(self, rows: Floats) -> Floats:
        """Return features mapped from the range of the training rows."""
        return np.ascontiguousarray(into_range(rows, self.feature_range, self.feature_min_, self.feature_span_))

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: None if name in self._volatile else value for name, value in state.items()}
