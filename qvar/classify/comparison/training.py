"""Carry out one cell: tune on the training part, fit, and measure on both parts; nothing sees the test part before.

Every transformer is cloned and fitted on the rows that its model is fitted on, in the inner folds too. What goes wrong
in a cell, or is warned of, is part of its record.
"""

import json
import platform
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

import qvar
from qvar.classify.comparison.metrics import brief, class_scores, confusion, is_better, measure
from qvar.classify.comparison.models import ModelSpec, describe
from qvar.classify.comparison.plan import Cell, ComparisonPlan
from qvar.classify.comparison.splits import folds
from qvar.simulators.errors import ClassifierError
from qvar.simulators.interruption import was_interrupted

__all__ = ["COSTS", "carry_out", "failure_record"]

COSTS = ("evaluations", "gradients", "circuits", "shots")
"""What a quantum model's `cost_` counts."""

_GRID = 60  # points per side of the picture of a decision boundary
_LONGEST_WARNING = 300


def carry_out(plan: ComparisonPlan, cell: Cell) -> dict[str, Any]:
    """Return the record of a cell, JSON-able; that of a failure if anything in it raises."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = json.loads(json.dumps(_train_and_test(plan, cell), allow_nan=False))
    except Exception as error:
        if was_interrupted(error):
            raise KeyboardInterrupt from error
        trace = "".join(traceback.format_exception(error))
        return failure_record(plan, cell, f"{type(error).__name__}: {error}", trace)
    words = (f"{w.category.__name__}: {w.message}"[:_LONGEST_WARNING] for w in caught)
    return _heading(plan, cell) | {"error": None, **outcome, "warnings": sorted({" ".join(w.split()) for w in words})}


def failure_record(plan: ComparisonPlan, cell: Cell, error: str, trace: str | None = None) -> dict[str, Any]:
    """Return the record of a cell that failed."""
    return _heading(plan, cell) | {"error": " ".join(error.split()), "traceback": trace}


def _heading(plan: ComparisonPlan, cell: Cell) -> dict[str, Any]:
    return {
        "features": cell.features,
        "model": cell.model,
        "split": cell.split,
        "train_size": cell.train_size,
        "seed": plan.seed + cell.split,
    }


def _train_and_test(plan: ComparisonPlan, cell: Cell) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    (model,) = (m for m in plan.models if m.name == cell.model)
    train, test = plan.rows(cell)
    X, y, n_classes = _array(plan.data.X), plan.codes, len(plan.classes)
    seed = plan.seed + cell.split
    y_train = np.random.default_rng([seed, 1]).permutation(y[train]) if model.is_shuffled else y[train]
    if len(np.unique(y_train)) < n_classes:
        raise ClassifierError(f"the {len(train)} training rows lack a class; take more rows")
    with _timed(seconds, "tune"):
        parameters, tuning = _tune(plan, cell, model, X[train], y_train) if model.is_tuned else ({}, None)
    with _timed(seconds, "features"):
        transformer = _fresh(plan.features[cell.features])
        A_train = _rows(transformer.fit_transform(X[train], y_train))
        A_test = _rows(transformer.transform(X[test]))
    classifier = model.make(seed).set_params(**parameters)
    with _timed(seconds, "fit"):
        classifier.fit(A_train, y_train)
    with _timed(seconds, "predict"):
        predicted, scores = np.asarray(classifier.predict(A_test)), class_scores(classifier, A_test, n_classes)
    measured = measure(y[test], predicted, scores, n_classes)
    on_train = measure(
        y_train, np.asarray(classifier.predict(A_train)), class_scores(classifier, A_train, n_classes), n_classes
    )
    curve, steps = getattr(classifier, "loss_curve_", None), getattr(classifier, "n_iter_", None)
    return {
        "sizes": {
            "train": len(train),
            "test": len(test),
            "columns": A_train.shape[1],
            "test_rows_seen": _n_seen(X[train], X[test]),
        },
        "train": on_train,
        "test": measured,
        "confusion": confusion(y[test], predicted, n_classes).tolist(),
        "labels": y[test].tolist(),
        "predicted": predicted.tolist(),
        "scores": {"kind": scores[0], "values": brief(scores[1])},
        "parameters": describe(parameters),
        "cost": _cost(classifier),
        "tuning": tuning,
        "n_iter": None if steps is None else int(np.max(steps)),
        "loss_curve": None if curve is None else brief(np.asarray(curve, dtype=np.float64).ravel()),
        "boundary": _boundary(classifier, A_train, A_test, n_classes) if cell.split == 0 else None,
        "seconds": seconds,
        "versions": {
            "qvar": qvar.__version__,
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "scikit-learn": version("scikit-learn"),
        },
    }


def _tune(
    plan: ComparisonPlan, cell: Cell, model: ModelSpec, X: NDArray[Any], y: NDArray[np.int64]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the best combination of the grid by stratified cross-validation on these rows, the first of equals.

    Chooses as GridSearchCV does on a Pipeline of features and model, but fits the features once for each fold, and
    takes means that differ by rounding to be equal.
    """
    from sklearn.model_selection import ParameterGrid

    seed, n_classes = plan.seed + cell.split, len(plan.classes)
    candidates = list(ParameterGrid({name: list(values) for name, values in model.grid.items()}))
    values, spent = np.empty((len(candidates), plan.inner_folds)), []
    for k, (fit, rest) in enumerate(folds(y, plan.inner_folds, seed)):
        transformer = _fresh(plan.features[cell.features])
        A_fit = _rows(transformer.fit_transform(X[fit], y[fit]))
        A_rest = _rows(transformer.transform(X[rest]))
        for c, candidate in enumerate(candidates):
            classifier = model.make(seed).set_params(**candidate).fit(A_fit, y[fit])
            scores = class_scores(classifier, A_rest, n_classes)
            value = measure(y[rest], np.asarray(classifier.predict(A_rest)), scores, n_classes)[plan.scoring]
            if value is None:
                raise ClassifierError(f"{model.name} gives no {plan.scoring}; tune by another metric")
            values[c, k] = value
            spent.append(_cost(classifier))
    means, best = values.mean(axis=1), 0
    for c in range(1, len(means)):
        best = c if is_better(plan.scoring, means[c], means[best]) else best
    fits = {"fits": len(spent), "best": float(means[best]), "cost": _total(spent)}
    return dict(candidates[best]), fits


def _array(X: Any) -> NDArray[Any]:
    return np.asarray(X, dtype=object) if isinstance(X[0], str) else np.asarray(X)


def _rows(features: Any) -> Any:
    """Return features as an array, or as the sparse matrix they are."""
    return features if issparse(features) else np.asarray(features)


def _fresh(transformer: Any) -> Any:
    from sklearn.base import clone

    return clone(transformer)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def _cost(classifier: Any) -> dict[str, int] | None:
    """Return what a quantum model has spent on its training, None of another."""
    cost = getattr(classifier, "cost_", None)
    return None if cost is None else {name: int(getattr(cost, name)) for name in COSTS}


def _total(costs: list[dict[str, int] | None]) -> dict[str, int] | None:
    known: list[Mapping[str, int]] = [cost for cost in costs if cost is not None]
    return {name: sum(cost[name] for cost in known) for name in COSTS} if known else None


def _n_seen(train: NDArray[Any], test: NDArray[Any]) -> int:
    """Return how many test rows are equal to some training row."""

    def identity(row: Any) -> Any:
        return row if isinstance(row, str) else np.asarray(row).tobytes()

    seen = {identity(row) for row in train}
    return sum(identity(row) in seen for row in test)


def _boundary(
    classifier: Any, train: NDArray[np.float64], test: NDArray[np.float64], n_classes: int
) -> dict[str, Any] | None:
    """Return what a model of two features decides all over their range, None for more features."""
    if train.shape[1] != 2 or issparse(train):
        return None
    points = np.concatenate([train, test])
    margin = 0.05 * np.ptp(points, axis=0) + 1e-9
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    axes = [np.linspace(low[k], high[k], _GRID) for k in (0, 1)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    kind, scores = class_scores(classifier, grid, n_classes)
    if n_classes > 2 or kind == "none":
        kind, scores = "class", np.asarray(classifier.predict(grid), dtype=np.float64)
    return {
        "low": brief(low),
        "high": brief(high),
        "kind": kind,
        "values": brief(scores.reshape(_GRID, _GRID)),
        "train": brief(train),
        "test": brief(test),
    }
