"""Carry out a sweep: many runs at a time, in processes of this machine or on the workers of a Dask cluster.

Runs are carried by joblib. Every run is a folder that survives a kill (see `qvar.runs.folder`), so a sweep needs no
state of its own: what is finished is read, what is not is resumed, what failed is tried again. A run that raises, or
whose process dies, is recorded as a failure and stops no other.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qvar.runs import MetricSink, RunFolder, SweepFolder, SweepRun, check_sinks
from qvar.runs.status import clear_failure, describe_failure, write_failure
from qvar.runs.workers import Work, WorkerDied, usable_cores, workers
from qvar.search.configuration import SearchConfiguration
from qvar.search.running import run_search
from qvar.search.sweep import Sweep
from qvar.simulators.errors import RunError
from qvar.simulators.interruption import was_interrupted

__all__ = ["RunOutcome", "SweepResult", "sweep"]

_DIED = "its process died twice, the second time with no other run beside it; perhaps it needs more memory"


@dataclass(frozen=True)
class RunOutcome:
    """How a run of a sweep ended.

    Attributes:
        run: which run.
        error: what went wrong, None if it finished.
    """

    run: SweepRun
    error: str | None = None

    def result(self) -> dict[str, Any]:
        """Return the run's result (see `SearchResult.to_dict`).

        Raises:
            RunError: if the run failed.
        """
        return RunFolder.open(self.run.path).result()


@dataclass(frozen=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        path: the sweep folder.
        outcomes: one per run, in the order of `SweepFolder.runs`.
    """

    path: Path
    outcomes: tuple[RunOutcome, ...]

    @property
    def failures(self) -> tuple[RunOutcome, ...]:
        """The runs that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)


def sweep(
    plan: Sweep,
    *,
    out: str | Path,
    jobs: int | None = None,
    cluster: str | None = None,
    on_outcome: Callable[[RunOutcome], None] | None = None,
    sinks: Sequence[MetricSink] = (),
) -> SweepResult:
    """Run every search of a sweep, or those that are left of it.

    Records do not depend on `jobs` or `cluster`.

    Args:
        plan: what to run.
        out: the sweep folder; if it holds this very sweep, that one goes on.
        jobs: runs at a time, each in a process of its own; 1 for this process, None for one per core. A cluster
            decides itself.
        cluster: address of a Dask scheduler, such as "tcp://host:8786"; its workers need one thread each, this
            version of qvar, and `out` at the same path. None for this machine.
        on_outcome: called with every outcome as soon as it is there, those of runs finished before first.
        sinks: where the numbers of all runs go besides their records, such as `qvar.runs.TensorBoard()`.

    Raises:
        RunError: if `out` holds another sweep or other files, or no cluster answers.
    """
    if jobs is not None and jobs < 1:
        raise RunError(f"jobs must be at least 1, got {jobs}")
    check_sinks(sinks)
    folder = SweepFolder.prepare(Path(out).absolute(), plan.to_dict())
    runs = folder.runs()
    outcomes: dict[SweepRun, RunOutcome] = {}

    def note(outcome: RunOutcome) -> None:
        outcomes[outcome.run] = outcome
        if on_outcome is not None:
            on_outcome(outcome)

    to_do = []
    for run in runs:
        if _is_finished(run):
            note(RunOutcome(run))
        else:
            clear_failure(run.path)
            to_do.append(run)
    if to_do:
        at_a_time = usable_cores() if jobs is None else jobs
        parent = None if cluster is not None or at_a_time == 1 else os.getpid()
        with workers(at_a_time, cluster) as work:
            for outcome in _outlive_deaths(
                _carrying(work, parent=parent, following=(tuple(sinks), folder.path)), to_do
            ):
                note(outcome)
    return SweepResult(folder.path, tuple(outcomes[run] for run in runs))


def _is_finished(run: SweepRun) -> bool:
    """Tell whether a run has its result; whatever is wrong with its folder is for `run_search` to say."""
    try:
        folder = RunFolder.open(run.path)
        folder.check_same(run.config)
        folder.result()
        folder.metrics()
    except RunError:
        return False
    return True


_Following = tuple[tuple[MetricSink, ...], Path]
"""The sinks of a sweep, and its folder, which they may share."""

_Work = Callable[[Sequence[SweepRun]], Iterator[RunOutcome]]
"""Carries out runs and gives their outcomes as they come; raises `WorkerDied` if a process that did so died."""


def _outlive_deaths(work: _Work, runs: Sequence[SweepRun]) -> Iterator[RunOutcome]:
    """Give the outcomes of all runs; those at work when a process died are tried once more, each alone."""
    left = dict.fromkeys(runs)
    while left:
        try:
            for outcome in work(list(left)):
                del left[outcome.run]
                yield outcome
        except WorkerDied:
            for run in [run for run in left if run.died_at_work] or list(left):
                del left[run]
                yield _run_alone(work, run)


def _run_alone(work: _Work, run: SweepRun) -> RunOutcome:
    try:
        (outcome,) = work([run])
        return outcome
    except WorkerDied:
        write_failure(run.path, _DIED)
        return RunOutcome(run, _DIED)


def _carrying(work: Work, *, parent: int | None, following: _Following) -> _Work:
    """Return the means to carry out runs from the means to carry out anything."""
    carry_out = partial(_carry_out, parent=parent, following=following, log_level=logging.getLogger("qvar").level)

    def carry_out_all(runs: Sequence[SweepRun]) -> Iterator[RunOutcome]:
        for outcome in work(carry_out, runs):
            is_here = outcome.error is not None or _is_finished(outcome.run)
            yield (
                outcome
                if is_here
                else RunOutcome(
                    outcome.run,
                    f"its worker left no result in {outcome.run.path}; all workers must see the same folder",
                )
            )

    return carry_out_all


def _carry_out(run: SweepRun, *, parent: int | None, following: _Following, log_level: int) -> RunOutcome:
    """Run or resume one search, in whatever process this is; record what goes wrong.

    Args:
        run: the run.
        parent: the process without which there is no sweep any more, None for whichever.
        following: the sinks, and the folder of the sweep.
        log_level: what qvar logs in this process.
    """
    logging.getLogger("qvar").setLevel(log_level)

    def go_on_with_parent(_: Mapping[str, Any]) -> None:
        if parent is not None and os.getppid() != parent:
            os._exit(1)  # the sweep was killed; its run must not go on beside the one that resumes it

    with run.claimed():
        try:
            configuration = SearchConfiguration.from_dict(run.config)
            run_search(
                configuration,
                out=run.path,
                resume=True,
                on_episode=go_on_with_parent,
                sinks=following[0],
                home=following[1],
            )
        except Exception as error:
            if was_interrupted(error):
                raise KeyboardInterrupt from error
            write_failure(run.path, error)
            return RunOutcome(run, describe_failure(error))
    return RunOutcome(run)
