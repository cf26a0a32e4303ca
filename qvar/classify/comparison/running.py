"""Carry out a comparison, all of it or what is left: cells in processes, each recorded as soon as it ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from qvar.classify.comparison.features import default_features, find_features
from qvar.classify.comparison.folder import ComparisonFolder, cell_of
from qvar.classify.comparison.models import ModelSpec, find_models
from qvar.classify.comparison.plan import Cell, ComparisonPlan, LabelledData
from qvar.classify.comparison.result import ComparisonResult
from qvar.classify.comparison.splits import ShuffleSplits, Splits
from qvar.classify.comparison.training import carry_out, failure_record
from qvar.runs.workers import Work, WorkerDied, usable_cores, workers
from qvar.simulators.errors import RunError

__all__ = ["DEFAULT_MODELS", "compare", "run_comparison"]

DEFAULT_MODELS = ("classical", "vqc-untrained", "vqc-product", "vqc")

_DIED = "its process died twice, the second time with no other cell beside it; perhaps it needs more memory"

Record = dict[str, Any]


def compare(
    data: LabelledData | str,
    *,
    features: Sequence[str] | Mapping[str, Any] | None = None,
    models: Sequence[ModelSpec | str] = DEFAULT_MODELS,
    splits: Splits | None = None,
    tune: bool = False,
    seed: int = 0,
    inner_folds: int = 5,
    scoring: str = "accuracy",
    train_sizes: Sequence[int] = (),
    n_components: int = 5,
    n_jobs: int | None = 1,
    out: str | Path | None = None,
) -> ComparisonResult:
    """Compare classifiers on the same splits of a data set.

    Args:
        data: a data set, or the name of one (see `qvar.classify.datasets.load_dataset`).
        features: names (see `find_features`), or unfitted scikit-learn transformers by a name of yours; None for those
            that suit the data.
        models: models, or names of models and groups (see `find_models`).
        splits: the outer splits; None for ten stratified ones, a fifth of the rows in the test part.
        tune: whether to tune every model that has a grid, by nested cross-validation.
        seed: split number i, and every model trained on it, has the seed `seed + i`.
        inner_folds: folds of the inner cross-validation.
        scoring: the metric to tune by.
        train_sizes: further trainings on so many rows, for learning curves.
        n_components: numbers per row of named features that reduce.
        n_jobs: cells at a time, each in a process of its own; 1 for this process, None for one per core. The record
            does not depend on it.
        out: folder of the record (see `ComparisonFolder`); the comparison in it goes on if it is this one. None to
            keep nothing.

    Returns:
        The result, with failures of single cells in it.

    Raises:
        QvarError: for settings that make no sense, or a folder with something else in it.

    Example:
        >>> from types import SimpleNamespace
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(60, 2))
        >>> data = SimpleNamespace(name="sign", X=X, y=X[:, 0] > 0)
        >>> result = compare(data, models=["majority", "logistic-regression"])
        >>> [row.model for row in result.table("raw").rows]
        ['logistic-regression', 'majority']
    """
    rows = _load(data) if isinstance(data, str) else data
    if not isinstance(features, Mapping):
        features = find_features(features or default_features(rows.X), rows.X, n_components=n_components)
    specs = [s for model in models for s in (find_models([model]) if isinstance(model, str) else (model,))]
    plan = ComparisonPlan(
        rows,
        features,
        tuple(model.tuned() if tune and model.grid else model for model in specs),
        splits=ShuffleSplits() if splits is None else splits,
        seed=seed,
        inner_folds=inner_folds,
        scoring=scoring,
        train_sizes=tuple(train_sizes),
    )
    folder = None
    if out is not None:
        path, config = Path(out), plan.to_dict()
        is_there = (path / "config.json").is_file()
        folder = ComparisonFolder.open(path) if is_there else ComparisonFolder.create(path, config, {})
    return run_comparison(plan, folder=folder, n_jobs=n_jobs)


def _load(name: str) -> LabelledData:
    from qvar.classify.datasets import load_dataset

    return load_dataset(name)


def run_comparison(
    plan: ComparisonPlan,
    *,
    folder: ComparisonFolder | None = None,
    n_jobs: int | None = 1,
    on_cell: Callable[[Record], None] | None = None,
) -> ComparisonResult:
    """Carry out a comparison, or what is left of it in its folder; cells that failed are tried again.

    Args:
        plan: what to compare.
        folder: where to record, None for nowhere.
        n_jobs: cells at a time, each in a process of its own; 1 for this process, None for one per core.
        on_cell: called with the record of every cell as soon as it ends, not with those that were there before.

    Raises:
        RunError: if the folder holds another comparison, or another process is at work on it.
    """
    if n_jobs is not None and n_jobs < 1:
        raise RunError(f"n_jobs must be at least 1, got {n_jobs}")
    if folder is not None:
        folder.check_same(plan.to_dict())
    with folder.claimed() if folder is not None else nullcontext():
        done = {} if folder is None else _finished(folder)
        to_do = [cell for cell in plan.cells() if cell not in done]
        at_a_time = min(usable_cores() if n_jobs is None else n_jobs, max(1, len(to_do)))
        with workers(at_a_time) as work:
            for record in _outlive_deaths(work, plan, to_do, at_a_time):
                done[cell_of(record)] = record
                if folder is not None:
                    folder.append(record)
                if on_cell is not None:
                    on_cell(record)
        records = [done[cell] for cell in plan.cells()]
        if folder is not None:
            folder.keep(records)
    return ComparisonResult(plan.to_dict(), tuple(records), None if folder is None else folder.path)


def _finished(folder: ComparisonFolder) -> dict[Cell, Record]:
    """Return the records without failures, after removing everything else from the folder."""
    records = {cell: record for cell, record in folder.whole_records().items() if record["error"] is None}
    folder.keep(list(records.values()))
    return records


def _outlive_deaths(work: Work, plan: ComparisonPlan, cells: Sequence[Cell], at_a_time: int) -> Iterator[Record]:
    """Give the records of all cells; those that may have been at work when a process died are tried again alone.

    Cells are handed out in order and no more than twice `at_a_time` ahead, so that a fatal one is soon among the first
    that are left.
    """
    left = dict.fromkeys(cells)
    while left:
        try:
            for record in work(partial(carry_out, plan), list(left)):
                del left[cell_of(record)]
                yield record
        except WorkerDied:
            for cell in list(left)[: 2 * at_a_time]:
                del left[cell]
                yield _alone(work, plan, cell)


def _alone(work: Work, plan: ComparisonPlan, cell: Cell) -> Record:
    try:
        (record,) = work(partial(carry_out, plan), [cell])
    except WorkerDied:
        return failure_record(plan, cell, f"WorkerDied: {_DIED}")
    return dict(record)
