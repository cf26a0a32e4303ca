"""Class probabilities from decision values, without ever contradicting the decision.

Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599 (temperature scaling); smoothed targets
as in J. Platt, "Probabilistic Outputs for Support Vector Machines" (1999).
Differs from the sources: one factor for all classes, and Platt's sigmoid without its offset, so that the class of
highest probability is the class of highest decision value. That costs some calibration where classes are unbalanced.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.model_selection import StratifiedKFold

__all__ = ["fitted_scale", "held_out_scale", "probabilities"]

Floats = NDArray[np.float64]

_LOG_SCALES = (-7.0, 7.0)
_FOLDS = 5


def probabilities(decisions: Floats, scale: float) -> Floats:
    """Return softmax(scale * decisions), float64 of shape (n_rows, n_classes).

    Args:
        decisions: shape (n_rows,) for two classes (positive means the second), else (n_rows, n_classes).
        scale: inverse temperature, positive.
    """
    return np.asarray(softmax(scale * _logits(decisions), axis=1))


def fitted_scale(decisions: Floats, codes: NDArray[np.int64]) -> float:
    """Return the scale with the least cross entropy on rows that the decisions were not trained on.

    Args:
        decisions: as in `probabilities`.
        codes: the true classes, 0, 1, ..., shape (n_rows,).

    Example:
        >>> labels = np.array([0, 1, 0, 1, 0, 0, 1, 1])
        >>> round(fitted_scale(np.array([-2.0, 2, -1, 1, -1, 1, -1, 1]), labels), 2)
        0.62
    """
    logits = _logits(decisions)
    n_classes = logits.shape[1]
    counts = np.bincount(codes, minlength=n_classes)[codes][:, None]
    targets = (np.eye(n_classes)[codes] * counts + 1) / (counts + n_classes)

    def cross_entropy(log_scale: float) -> float:
        return float(-(targets * log_softmax(np.exp(log_scale) * logits, axis=1)).sum())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=_LOG_SCALES, method="bounded").x))


def held_out_scale(
    decisions: Callable[[NDArray[np.int64], NDArray[np.int64]], Floats], codes: NDArray[np.int64], seed: int
) -> float:
    """Return the fitted scale of decisions on five held-out folds, or as many as the smallest class has rows.

    Args:
        decisions: of the rows whose indices are its second argument, trained on those of its first.
        codes: the classes, 0, 1, ..., shape (n_rows,).
        seed: of the folds.

    Returns:
        The scale; 1 if a class has a single row.
    """
    n_splits = min(_FOLDS, int(np.bincount(codes).min()))
    if n_splits < 2:
        return 1.0
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(codes, codes)
    parts = [(test, decisions(train, test)) for train, test in folds]
    order = np.argsort(np.concatenate([test for test, _ in parts]))
    return fitted_scale(np.concatenate([part for _, part in parts])[order], codes)


def _logits(decisions: Floats) -> Floats:
    return decisions if decisions.ndim == 2 else np.stack([np.zeros_like(decisions), decisions], axis=1)
