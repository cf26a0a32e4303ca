"""What is measured of a fitted classifier on some rows: hits, errors by class, and the quality of its scores."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import ClassifierError

__all__ = ["METRICS", "Scores", "class_scores", "confusion", "measure"]

METRICS: dict[str, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
}
"""Metrics by key, with their headings. Precision, recall, F1 are those of the second class of two, else macro means."""

LOWER_IS_BETTER = frozenset({"log_loss"})

Scores = tuple[str, NDArray[np.float64]]
"""What the scores are, "probability", "decision" or "none"; and one column per class, of two the second alone."""


def class_scores(classifier: Any, X: Any, n_classes: int) -> Scores:
    """Return the scores of rows: class probabilities if the classifier gives them, else its decision function.

    Returns:
        The kind of scores, and float64 of shape (n_rows,) for two classes (of the second one), (n_rows, n_classes) for
        more, (n_rows, 0) if there are none.

    Raises:
        ClassifierError: if they are not finite, or probabilities that are none.
    """
    for kind, name in (("probability", "predict_proba"), ("decision", "decision_function")):
        if hasattr(classifier, name):
            scores = np.asarray(getattr(classifier, name)(X), dtype=np.float64)
            if not np.isfinite(scores).all():
                raise ClassifierError(f"{name} gave numbers that are not finite")
            if kind == "probability":
                _check_probabilities(scores)
            if kind == "decision" and n_classes > 2 and scores.shape[1:] != (n_classes,):
                break  # one column per pair of classes ranks no class against all others
            return kind, scores[:, 1] if n_classes == 2 and scores.ndim == 2 else scores
    return "none", np.zeros((len(X), 0))


def _check_probabilities(scores: NDArray[np.float64]) -> None:
    if scores.min() < -1e-6 or not np.allclose(scores.sum(axis=1), 1.0, atol=1e-4):
        raise ClassifierError("predict_proba gave rows that are no probabilities: each must be >= 0 and add up to 1")


def measure(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], scores: Scores, n_classes: int
) -> dict[str, float | None]:
    """Return every metric of `METRICS`, None where it is not defined.

    Args:
        truth: classes by number, shape (n_rows,).
        predicted: predicted classes by number, shape (n_rows,).
        scores: as `class_scores` gives them.
        n_classes: number of classes in the whole data set.
    """
    from sklearn import metrics

    average = "binary" if n_classes == 2 else "macro"
    labels = np.arange(n_classes)
    common: dict[str, Any] = {"labels": labels, "average": average, "zero_division": 0.0}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, predicted, **common)
    table = confusion(truth, predicted, n_classes)
    present = table.sum(axis=1) > 0
    kind, values = scores
    return {
        "accuracy": float((truth == predicted).mean()),
        "balanced_accuracy": float((table.diagonal()[present] / table.sum(axis=1)[present]).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "roc_auc": _roc_auc(truth, values, n_classes) if kind != "none" and present.all() else None,
        "log_loss": _log_loss(truth, values) if kind == "probability" else None,
    }


def _roc_auc(truth: NDArray[np.int64], scores: NDArray[np.float64], n_classes: int) -> float:
    """Return the area under the ROC curve; for more than two classes the mean of each against the rest."""
    from sklearn.metrics import roc_auc_score

    columns: Sequence[NDArray[np.float64]] = [scores] if n_classes == 2 else list(scores.T)
    positive = [1] if n_classes == 2 else range(n_classes)
    areas = [roc_auc_score(truth == c, column) for c, column in zip(positive, columns, strict=True)]
    return float(np.mean(areas))


def _log_loss(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return the mean of -ln p of the true class, p clipped to [1e-12, 1] and so at most 27.6."""
    columns = np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores
    p = columns[np.arange(len(truth)), truth]
    return max(0.0, -float(np.log(np.clip(p, 1e-12, 1.0)).mean()))


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return how many rows of each true class (rows) were given to each class (columns)."""
    table = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def brief(values: NDArray[np.float64]) -> list[Any]:
    """Return float32 numbers as the shortest decimals that stand for them, nested as the array is."""
    if values.ndim > 1:
        return [brief(row) for row in values]
    return [float(str(v)) for v in values.astype(np.float32)]


def is_better(metric: str, value: float, other: float) -> bool:
    """Tell whether one value of a metric is better than another."""
    return not math.isclose(value, other) and (value < other) == (metric in LOWER_IS_BETTER)
