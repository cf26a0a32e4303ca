"""What came of a comparison: for every kind of features a table of models, with intervals, differences and costs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qvar.classify.comparison.estimates import (
    Record,
    interval_of_difference,
    mean_cost,
    test_estimate,
    training_estimate,
)
from qvar.classify.comparison.folder import ComparisonFolder
from qvar.classify.comparison.metrics import LOWER_IS_BETTER, METRICS
from qvar.classify.comparison.splits import count_splits
from qvar.classify.comparison.statistics import Difference, Estimate, holm, paired_difference
from qvar.simulators.errors import ClassifierError, RunError
from qvar.simulators.untrusted import refusing

__all__ = ["ComparisonResult", "Row", "Table"]


@dataclass(frozen=True)
class Row:
    """One model on one kind of features.

    Attributes:
        model: its name.
        kind: "quantum", "classical", "floor" or "ablation".
        note: what a reader should know.
        n_cells: splits it has an outcome of.
        failures: what went wrong, by split.
        n_missing: splits not carried out yet.
        test, train: the mean of every metric of `METRICS`, None where it is not defined.
        difference: of the table's metric to the reference; None for the reference and without one.
        cost: mean of every number of `COSTS` over the splits, that of tuning included; None for classical models.
        seconds: median seconds of tuning, fitting and predicting; the first training of a kind may compile.
        parameters: the choices of the inner cross-validation, and how often each was made.
        warnings: what was warned of, and in how many splits.
    """

    model: str
    kind: str
    note: str
    n_cells: int
    failures: Mapping[int, str]
    n_missing: int
    test: Mapping[str, Estimate | None]
    train: Mapping[str, Estimate | None]
    difference: Difference | None
    cost: Mapping[str, float] | None
    seconds: Mapping[str, float]
    parameters: tuple[tuple[Mapping[str, Any], int], ...]
    warnings: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-able data."""
        return asdict(self) | {"failures": {str(split): text for split, text in self.failures.items()}}


@dataclass(frozen=True)
class Table:
    """Models side by side, the best one first.

    Attributes:
        features: which features.
        train_size: rows trained on, None for the whole training part.
        metric: what the rows are sorted by and the differences are of.
        reference: the model that the others are compared with, None if there is none.
        n_splits: number of splits.
        rows: one per model.
    """

    features: str
    train_size: int | None
    metric: str
    reference: str | None
    n_splits: int
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the table as JSON-able data."""
        content = {name: value for name, value in vars(self).items() if name != "rows"}
        return content | {"rows": [row.to_dict() for row in self.rows]}


@dataclass(frozen=True)
class ComparisonResult:
    """The record of a comparison, finished or not.

    Attributes:
        config: what was compared (see `ComparisonPlan.to_dict`).
        records: one per cell that has ended, in the order of the plan.
        path: its folder, None if it was not kept.
    """

    config: Mapping[str, Any]
    records: tuple[Record, ...]
    path: Path | None = None

    @classmethod
    def open(cls, path: str | Path) -> "ComparisonResult":
        """Read a comparison from its folder.

        Raises:
            RunError: if there is none, or it is damaged.
        """
        folder = ComparisonFolder.open(Path(path))
        return cls(folder.config, tuple(folder.records().values()), folder.path)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the order they were given."""
        return tuple(self.config["features"])

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order they were given."""
        return tuple(model["name"] for model in self.config["models"])

    @property
    def train_sizes(self) -> tuple[int, ...]:
        """The training sizes below the whole training part."""
        return tuple(self.config["train_sizes"])

    @property
    def n_splits(self) -> int:
        """Number of outer splits."""
        return count_splits(self.config["splits"])

    @property
    def failures(self) -> tuple[Record, ...]:
        """The records of cells that failed."""
        return tuple(record for record in self.records if record["error"] is not None)

    def cells(self, features: str, model: str, train_size: int | None = None) -> tuple[Record, ...]:
        """Return the records without failures of one model on one kind of features, by split."""
        key = (features, model, train_size)
        wanted = [r for r in self.records if (r["features"], r["model"], r["train_size"]) == key and r["error"] is None]
        return tuple(sorted(wanted, key=lambda record: int(record["split"])))

    @refusing("the comparison", RunError)
    def table(
        self,
        features: str,
        *,
        train_size: int | None = None,
        metric: str = "accuracy",
        reference: str | None = None,
    ) -> Table:
        """Return the table of one kind of features.

        Args:
            features: which.
            train_size: rows trained on, None for the whole training part.
            metric: what to sort by and to take differences of, a key of `METRICS`.
            reference: the model that others are compared with; None for the classical one with the best mean. That one
                is chosen by the very numbers compared, which flatters it a little and the others never.

        Raises:
            ClassifierError: for names that are not in the comparison.
        """
        for what, name, known in (
            ("features", features, self.features),
            ("metric", metric, tuple(METRICS)),
            ("reference", reference or self.models[0], self.models),
        ):
            if name not in known:
                raise ClassifierError(f"unknown {what} {name!r}; there are {', '.join(known)}")
        rows = [self._row(model, features, train_size) for model in self.config["models"]]
        chosen = reference or self._best_classical(rows, metric)
        if chosen is not None:
            rows = _with_holm([self._against(row, chosen, features, train_size, metric) for row in rows])
        sign = 1 if metric in LOWER_IS_BETTER else -1
        rows.sort(key=lambda row: float("inf") if (e := row.test[metric]) is None else sign * e.mean)
        return Table(features, train_size, metric, chosen, self.n_splits, tuple(rows))

    def _row(self, model: Mapping[str, Any], features: str, train_size: int | None) -> Row:
        name = model["name"]
        cells = self.cells(features, name, train_size)
        failures = {
            int(r["split"]): str(r["error"])
            for r in self.failures
            if (r["features"], r["model"], r["train_size"]) == (features, name, train_size)
        }
        chosen = Counter(repr(sorted(cell["parameters"].items())) for cell in cells)
        by_text = {repr(sorted(cell["parameters"].items())): cell["parameters"] for cell in cells}
        ratio = self._test_to_train(cells)
        return Row(
            model=name,
            kind=model["kind"],
            note=model["note"],
            n_cells=len(cells),
            failures=failures,
            n_missing=self.n_splits - len(cells) - len(failures),
            test={metric: test_estimate(cells, metric, ratio) for metric in METRICS},
            train={metric: training_estimate(cells, metric) for metric in METRICS},
            difference=None,
            cost=mean_cost(cells),
            seconds={
                part: float(np.median([c["seconds"].get(part, 0.0) for c in cells]))
                for part in ("tune", "fit", "predict")
            }
            if cells
            else {},
            parameters=tuple((by_text[text], n) for text, n in chosen.most_common()) if model["is_tuned"] else (),
            warnings=Counter(text for cell in cells for text in cell["warnings"]),
        )

    def _best_classical(self, rows: Sequence[Row], metric: str) -> str | None:
        sign = -1 if metric in LOWER_IS_BETTER else 1
        means = {
            row.model: sign * estimate.mean
            for row in rows
            if row.kind == "classical" and (estimate := row.test[metric]) is not None
        }
        return max(means, key=lambda name: means[name]) if means else None

    def _test_to_train(self, cells: Sequence[Record]) -> float:
        """Return the rows to test on over all rows to train on, 0 without cells.

        Trainings on fewer rows keep the ratio of their split: they share no more than the whole parts do.
        """
        n_rows = self.config["dataset"]["n_rows"]
        ratios = [cell["sizes"]["test"] / (n_rows - cell["sizes"]["test"]) for cell in cells]
        return float(np.mean(ratios)) if ratios else 0.0

    def _against(self, row: Row, reference: str, features: str, train_size: int | None, metric: str) -> Row:
        mine = {r["split"]: r for r in self.cells(features, row.model, train_size) if r["test"][metric] is not None}
        others = {r["split"]: r for r in self.cells(features, reference, train_size) if r["test"][metric] is not None}
        both = [(mine[k], others[k]) for k in mine if k in others]
        if row.model == reference or not both:
            return row
        difference = paired_difference(
            [a["test"][metric] for a, _ in both],
            [b["test"][metric] for _, b in both],
            test_to_train=self._test_to_train([a for a, _ in both]),
            lower_is_better=metric in LOWER_IS_BETTER,
        )
        if len(both) == 1:
            low, high = interval_of_difference(*both[0], metric)
            difference = replace(difference, low=low, high=high)
        return replace(row, difference=difference)


def _with_holm(rows: Sequence[Row]) -> list[Row]:
    p_values = {row.model: row.difference.p for row in rows if row.difference is not None}
    known = {name: p for name, p in p_values.items() if p is not None}
    corrected = dict(zip(known, holm(list(known.values())), strict=True))
    return [
        replace(row, difference=replace(row.difference, p_holm=corrected.get(row.model))) if row.difference else row
        for row in rows
    ]
