"""A support vector machine on a kernel matrix, trained by scikit-learn, kept as plain arrays."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

__all__ = ["SupportVectors"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SupportVectors:
    """What predictions need: the columns of the kernel in use, and their coefficients.

    Attributes:
        support: indices of the support vectors among the training rows, grouped by class, shape (S,).
        n_support: how many each class has, shape (n_classes,).
        dual_coefficients: as `SVC.dual_coef_`, shape (n_classes - 1, S).
        intercepts: as `SVC.intercept_`, one per pair of classes.
    """

    support: NDArray[np.int64]
    n_support: NDArray[np.int64]
    dual_coefficients: Floats
    intercepts: Floats

    @classmethod
    def fit(cls, gram: Floats, labels: NDArray[Any], *, C: float, class_weight: Any) -> Self:
        """Train on the kernel matrix of the training rows, shape (n_rows, n_rows)."""
        svm = SVC(kernel="precomputed", C=C, class_weight=class_weight).fit(gram, labels)
        return cls(
            svm.support_.astype(np.int64), svm.n_support_.astype(np.int64), np.array(svm.dual_coef_), svm.intercept_
        )

    def decisions(self, kernel: Floats) -> Floats:
        """Return decision values from the kernel of rows with the support vectors, shape (n_rows, S).

        Returns:
            For two classes shape (n_rows,), positive for the second; else (n_rows, n_classes), the number of duels a
            class wins plus its bounded total margin, as `SVC` has it.
        """
        n_classes = len(self.n_support)
        if n_classes == 2:
            return np.asarray(kernel @ self.dual_coefficients[0] + self.intercepts[0])
        ends = np.cumsum(self.n_support)
        of = [slice(end - n, end) for end, n in zip(ends, self.n_support, strict=True)]
        wins, margins = np.zeros((2, len(kernel), n_classes))
        for (i, j), intercept in zip(combinations(range(n_classes), 2), self.intercepts, strict=True):
            duel = kernel[:, of[i]] @ self.dual_coefficients[j - 1, of[i]] + intercept
            duel += kernel[:, of[j]] @ self.dual_coefficients[i, of[j]]
            wins[:, i] += duel >= 0
            wins[:, j] += duel < 0
            margins[:, i] += duel
            margins[:, j] -= duel
        return np.asarray(wins + margins / (3 * (np.abs(margins) + 1)))
