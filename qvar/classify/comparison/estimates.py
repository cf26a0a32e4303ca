"""The numbers of a table from the records of its cells: means over the splits, and intervals of a single one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.classify.comparison.statistics import Estimate, bootstrap, corrected_mean, wilson
from qvar.classify.comparison.training import COSTS

__all__ = ["Record", "interval_of_difference", "mean_cost", "test_estimate", "training_estimate"]

Record = Mapping[str, Any]
"""What is kept of a cell (see `train_cell`)."""


def test_estimate(cells: Sequence[Record], metric: str, test_to_train: float) -> Estimate | None:
    """Return the mean over splits; of a single split the interval is over its test rows, if there is one."""
    defined = [cell for cell in cells if cell["test"][metric] is not None]
    if not defined:
        return None
    estimate = corrected_mean([c["test"][metric] for c in defined], test_to_train=test_to_train)
    if estimate.n > 1:
        return estimate
    (cell,) = defined
    if metric == "accuracy":
        low, high = wilson(int(np.trace(cell["confusion"])), cell["sizes"]["test"])
        return replace(estimate, low=low, high=high)
    if metric == "f1" and len(cell["confusion"]) == 2:
        low, high = bootstrap(_f1, cell["labels"], cell["predicted"], rng=np.random.default_rng(0))
        return replace(estimate, low=low, high=high)
    return estimate


def training_estimate(cells: Sequence[Record], metric: str) -> Estimate | None:
    """Return the mean on the training parts, without an interval: nobody wants to conclude anything from it."""
    values = [cell["train"][metric] for cell in cells if cell["train"][metric] is not None]
    if not values:
        return None
    return Estimate(len(values), float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def mean_cost(cells: Sequence[Record]) -> dict[str, float] | None:
    """Return the mean of every number of `COSTS`, that of tuning included; None if no cell counted any."""
    spent = []
    for cell in cells:
        tuning = None if cell["tuning"] is None else cell["tuning"]["cost"]
        if cell["cost"] is not None:
            spent.append({name: cell["cost"][name] + (tuning or {}).get(name, 0) for name in COSTS})
    return {name: float(np.mean([one[name] for one in spent])) for name in COSTS} if spent else None


def interval_of_difference(cell: Record, other: Record, metric: str) -> tuple[float | None, float | None]:
    """Return the interval of how much better a model was on the test rows of one split; None where there is none."""
    statistic = _OF_PREDICTIONS.get(metric)
    if statistic is None or (metric == "f1" and len(cell["confusion"]) != 2):
        return None, None
    columns = np.array(cell["labels"]), np.array(cell["predicted"]), np.array(other["predicted"])
    return bootstrap(lambda y, a, b: statistic(y, a) - statistic(y, b), *columns, rng=np.random.default_rng(0))


def _accuracy(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    return float((truth == predicted).mean())


def _f1(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """F1 of class 1 of two, nan where neither truth nor prediction has it."""
    hits = 2 * int(((truth == 1) & (predicted == 1)).sum())
    total = int((truth == 1).sum() + (predicted == 1).sum())
    return hits / total if total else float("nan")


_OF_PREDICTIONS: dict[str, Callable[..., float]] = {"accuracy": _accuracy, "f1": _f1}
"""Metrics whose interval on one split comes from resampling its test rows."""
