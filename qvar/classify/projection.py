"""Partial least squares as a scikit-learn transformer: few features that go along with the classes."""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import label_binarize
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from qvar.simulators.errors import ClassifierError

__all__ = ["PLSProjection"]

Scores = NDArray[np.float64]


class PLSProjection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Project rows on the directions of largest covariance with the classes.

    With many columns and few rows, these directions separate the very rows that they were found from almost perfectly.
    A model trained on such scores learns to trust them too much. `cross_fit` is the remedy: `fit_transform` scores each
    row by directions that were found without it, so that the model sees training scores as they will be for new rows.
    `fit(X, y).transform(X)` then differs from `fit_transform(X, y)`, as in scikit-learn's `TargetEncoder`.

    Args:
        n_components: directions, at most the number of columns and of rows.
        scale: whether to bring the columns to unit variance first; for words, that lets the rare ones rule.
        cross_fit: folds for the scores of the training rows, at least 2; None scores them by the directions that were
            found from them.
        random_state: seed that deals the rows to the folds.

    Attributes:
        classes_: the labels, sorted.
        pls_: the fitted `sklearn.cross_decomposition.PLSRegression`.

    Example:
        >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 1.0]]), ["a", "b", "a", "b"]
        >>> PLSProjection(1).fit_transform(X, y).shape
        (4, 1)

    Source: H. Wold, in P. R. Krishnaiah (ed.), Multivariate Analysis, 391-420 (1966); M. Barker, W. Rayens, Partial
    least squares for discrimination, J. Chemometrics 17, 166-173 (2003).

    Differs from the source:
        - targets are class indicators; the scores go to any classifier instead of thresholds;
        - directions beyond those that explain the classes completely are zero instead of an error;
        - `cross_fit` is not part of it. Directions of a fold may differ from the final ones in sign and length, so
          each fold's scores are brought to the sign and length of the final ones, on the rows that both were fitted to.
    """

    def __init__(
        self, n_components: int = 5, *, scale: bool = False, cross_fit: int | None = None, random_state: int = 0
    ) -> None:
        self.n_components = n_components
        self.scale = scale
        self.cross_fit = cross_fit
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Find the directions.

        Args:
            X: numbers of shape (n_rows, n_features), dense or sparse; sparse rows are made dense.
            y: labels of shape (n_rows,).

        Raises:
            ClassifierError: for fewer columns or rows than directions, fewer than two classes, or rows too few to deal.
        """
        self._fit(X, y)
        return self

    def fit_transform(self, X: Any, y: Any) -> Scores:
        """Find the directions and return the scores of the training rows, cross-fitted if so set.

        Args:
            X: as for `fit`.
            y: as for `fit`.

        Returns:
            Scores of shape (n_rows, n_components).

        Raises:
            ClassifierError: as for `fit`.
        """
        dense, labels = self._fit(X, y)
        if self.cross_fit is None:
            return np.asarray(self.pls_.transform(dense))
        scores = np.empty((len(dense), self.n_components))
        folds = StratifiedKFold(self.cross_fit, shuffle=True, random_state=self.random_state)
        for rest, held_out in folds.split(dense, labels):
            pls = self._regression(dense[rest], labels[rest])
            alignment = _alignment(pls.transform(dense[rest]), self.pls_.transform(dense[rest]))
            scores[held_out] = pls.transform(dense[held_out]) * alignment
        return scores

    def transform(self, X: Any) -> Scores:
        """Return the scores of rows, of shape (n_rows, n_components), by the directions of all training rows."""
        check_is_fitted(self)
        return np.asarray(self.pls_.transform(_dense(validate_data(self, X, accept_sparse="csr", reset=False))))

    def _fit(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        X, y = validate_data(self, X, y, accept_sparse="csr", ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_ = unique_labels(y)
        self._check(X.shape, np.unique(y, return_counts=True)[1])
        dense = _dense(X)
        self.pls_ = self._regression(dense, y)
        self._n_features_out = self.n_components
        return dense, y

    def _check(self, shape: tuple[int, int], class_sizes: NDArray[np.intp]) -> None:
        if not 1 <= self.n_components <= min(shape):
            raise ClassifierError(
                f"n_components must be at least 1 and at most the number of rows and columns, got {self.n_components} "
                f"for {shape[0]} row(s) and {shape[1]} feature(s)"
            )
        if len(class_sizes) < 2:
            raise ClassifierError("the rows are of 1 class; directions that part classes need two or more")
        if self.cross_fit is not None and not 2 <= self.cross_fit <= class_sizes.min():
            raise ClassifierError(
                f"cross_fit must be at least 2 and at most the rows of the smallest class, {class_sizes.min()}, got "
                f"{self.cross_fit}"
            )

    def _regression(self, dense: NDArray[Any], y: NDArray[Any]) -> Any:
        pls = PLSRegression(self.n_components, scale=self.scale)
        with warnings.catch_warnings():  # the classes are explained completely: the directions left stay zero
            warnings.filterwarnings("ignore", "y residual is constant", UserWarning)
            return pls.fit(dense, label_binarize(y, classes=self.classes_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _dense(X: Any) -> NDArray[np.float64]:
    return np.asarray(X.toarray() if issparse(X) else X, dtype=np.float64)


def _alignment(scores: Scores, reference: Scores) -> Scores:
    """Return the factor that brings each column to the length of `reference`, and to the sign that fits it best."""
    lengths = np.linalg.norm(scores, axis=0)
    signs = np.where((scores * reference).sum(axis=0) < 0, -1.0, 1.0)
    return np.where(lengths > 0, signs * np.linalg.norm(reference, axis=0) / np.where(lengths > 0, lengths, 1.0), 1.0)
