"""The command `qvar sweep`: many searches, one table."""

import shlex
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from types import TracebackType

from rich.console import Console

from qvar.cli.durations import duration
from qvar.cli.inputs import parse_seeds
from qvar.cli.interruption import interruptible
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import ProgressLine, counted, quieten_log, waiting
from qvar.cli.search.search import SearchOptions
from qvar.report import compare, comparison_table, report_json, write_summary
from qvar.runs import SweepFolder, find_sinks
from qvar.runs.sweep_folder import seconds_left
from qvar.runs.workers import usable_cores
from qvar.search import Labels, RunOutcome, SearchConfiguration, Sweep, sweep
from qvar.search.forecast import forecast_runs
from qvar.simulators.errors import QvarError

__all__ = ["SweepOptions", "sweep_command"]

_A_MOMENT = 2.0  # seconds, of which no forecast is worth a line


@dataclass(frozen=True)
class SweepOptions:
    """The options of `qvar sweep`, as given; lists are separated by commas."""

    tasks: str
    noise: str = "none"
    algorithm: str | None = None
    preset: str = "qvar"
    seeds: str = "0-4"
    episodes: int | None = None
    max_energies: int | None = None
    max_gates: int | None = None
    shots: int | None = None
    judge: str | None = None

    def plan(self) -> Sweep:
        """Return the sweep that these options ask for."""
        axes = self.axes()

        def make(labels: Labels) -> SearchConfiguration:
            options = SearchOptions(
                task=axes["task"][labels.task],
                noise=axes["noise"][labels.noise],
                preset=labels.preset,
                algorithm=labels.algorithm or None,
                episodes=self.episodes,
                max_energies=self.max_energies,
                max_gates=self.max_gates,
                shots=self.shots,
                judge=self.judge,
            )
            return options.configuration()

        wanted = [Labels(*words) for words in product(*axes.values())]
        return Sweep.collect(wanted, make, seeds=parse_seeds(self.seeds))

    def axes(self) -> dict[str, dict[str, str]]:
        """Return the parts of every list by their words; an algorithm left out is that of the preset."""
        texts = {"task": self.tasks, "noise": self.noise, "preset": self.preset, "algorithm": self.algorithm}
        return {name: {"": ""} if text is None else _by_word(name, text) for name, text in texts.items()}

    def default_folder(self) -> Path:
        """Return sweeps/TASKS-NOISE-PRESETS-ALGORITHMS."""
        words = ["+".join(axis) for axis in self.axes().values()]
        return Path("sweeps") / "-".join(word for word in words if word).replace(":", "-")

    def command(self, out: Path, *, jobs: int | None, cluster: str | None, log: str | None = None) -> str:
        """Return the command line that goes on with this sweep."""
        given = {f.name: getattr(self, f.name) for f in fields(self)[1:] if getattr(self, f.name) != f.default}
        given |= {"out": out, "jobs": jobs, "cluster": cluster, "log": log}
        options = [(name, value) for name, value in given.items() if value is not None]
        words = [word for name, value in options for word in (f"--{name.replace('_', '-')}", str(value))]
        return shlex.join(["qvar", "sweep", self.tasks, *words])


def _by_word(axis: str, text: str) -> dict[str, str]:
    """Return the parts of a list by the words that tables use for them: names, and the stems of files."""
    parts = [part.strip() for part in text.split(",")]
    words = [Path(part).stem if part.endswith(".json") else part for part in parts]
    if not all(parts) or len(set(words)) < len(words):
        raise QvarError(f"{axis}: give different names, separated by commas, got {text!r}")
    return dict(zip(words, parts, strict=True))


def sweep_command(
    options: SweepOptions,
    *,
    out: Path | None,
    jobs: int | None,
    cluster: str | None,
    log: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a sweep or go on with it, show its progress, print its table; exit code 1 if a run failed."""
    console, silent = Console(stderr=True), quiet or as_json
    quieten_log(console, silent=silent)
    sinks = find_sinks(log)
    plan = options.plan()
    path = options.default_folder() if out is None else out
    folder = SweepFolder.prepare(path, plan.to_dict())
    at_a_time = usable_cores() if jobs is None else jobs
    if not silent:
        print_line(_announcement(options, plan, folder, None if cluster else at_a_time), console)
        if cluster is None:  # how fast its workers are, nobody knows here
            forecast = _forecast(plan, folder, jobs=at_a_time)
            if forecast is not None:
                print_line(forecast, console)
    line = ProgressLine(console, visible=not silent, total=len(folder.runs()), columns=counted())
    with (
        interruptible(console, lambda: f"go on with: {options.command(path, jobs=jobs, cluster=cluster, log=log)}"),
        line,
        _Display(folder, line, console, jobs=at_a_time) as display,
    ):
        note = None if silent else display.note
        result = sweep(plan, out=path, jobs=jobs, cluster=cluster, on_outcome=note, sinks=sinks)
    _print_summary(path, as_json=as_json)
    for failure in result.failures:
        print_line(f"FAILED: {failure.run.name}: {failure.error}", console)
    if result.failures:
        if not as_json:
            print_line(
                f"{len(result.failures)} of {plan.n_runs} runs failed; the same command tries them again", console
            )
        raise SystemExit(1)


def _announcement(options: SweepOptions, plan: Sweep, folder: SweepFolder, jobs: int | None) -> str:
    axes = [(len(axis), name) for name, axis in options.axes().items()]
    factors = " x ".join(f"{n} {word}{'' if n == 1 or word == 'noise' else 's'}" for n, word in axes)
    states = [run.status().state for run in folder.runs()]
    there = [f"{states.count('finished')} finished before"] if "finished" in states else []
    there += [f"{states.count('unfinished')} to be resumed"] if "unfinished" in states else []
    there += [f"{states.count('failed')} that failed to be tried again"] if "failed" in states else []
    before = f" ({', '.join(there)})" if there else ""
    where = "on the cluster" if jobs is None else f"{jobs} at a time"
    n_seeds = f"{len(plan.seeds)} seed{'' if len(plan.seeds) == 1 else 's'}"
    return f"{plan.n_runs} runs: {factors} x {n_seeds}{before}, {where}, in {folder.path}"


def _forecast(plan: Sweep, folder: SweepFolder, *, jobs: int) -> str | None:
    """Say how long a sweep will take, and how that is known; None if it is a moment."""
    statuses = {run: run.status() for run in folder.runs()}
    if all(status.state == "finished" for status in statuses.values()):
        return "nothing is left to run"
    seconds, how = seconds_left(statuses, jobs=min(jobs, usable_cores())), "of searching, by the runs so far"
    if seconds is None:
        named = {each.labels.name: each for each in plan.combinations}
        runs = [named[run.combination] for run in statuses]
        with waiting("trying the beginning of the searches", visible=True):
            seconds, how = forecast_runs(runs, jobs=jobs), "and the tables, by trying the beginning of the searches"
    if seconds is None:
        return "how long it will take shows when the first runs are under way"
    if seconds < _A_MOMENT:
        return None
    return f"about {duration(seconds)} {how}; half or twice as long would be no surprise"


def _print_summary(path: Path, *, as_json: bool) -> None:
    records = write_summary(path)
    if as_json:
        print_json({"sweep": str(path), **report_json(records)})
        return
    console = Console()
    console.print(comparison_table([group for setting in compare(records) for group in setting.groups]))
    for setting in compare(records):
        print_line(f"{setting.heading}: {setting.statement()}", console)
    print_line(f"tables and plots in {path}; beside published numbers: qvar report {path}", console)


class _Display(AbstractContextManager["_Display"]):
    """The runs of a sweep, on a line of progress (mutable).

    The state of the runs is read from their folders, wherever they are at work.
    """

    def __init__(self, folder: SweepFolder, line: ProgressLine, console: Console, *, jobs: int) -> None:
        self._runs = folder.runs()
        self._line, self._console = line, console
        self._jobs = jobs
        self._started = time.monotonic()
        self._n_before = sum(run.status().state == "finished" for run in self._runs)
        self._n_over = self._n_failed = 0
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Display":
        if self._line.is_live:
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def note(self, outcome: RunOutcome) -> None:
        """Show one more outcome."""
        self._n_over += 1
        self._n_failed += outcome.error is not None
        if self._n_over <= self._n_before and outcome.error is None:
            return  # read back; the announcement has counted it
        if outcome.error is not None:
            text = f"FAILED: {outcome.error}"
        else:
            result = outcome.result()
            text = f"noiseless error {result['error']:.1e}, {result['n_cnots']} CNOTs, {duration(result['seconds'])}"
        line = f"{self._n_over} of {len(self._runs)}: {outcome.run.name}: {text}"
        left = "" if self._line.is_live else f"; {self._left()[1]}"
        print_line(f"{line}{left if self._n_over < len(self._runs) else ''}", self._console)

    def _watch(self) -> None:
        while not self._is_over.wait(1.0):
            share, left = self._left()
            failed = f", {self._n_failed} FAILED" if self._n_failed else ""
            text = f"{self._n_over} of {len(self._runs)} runs{failed}, {left}"
            self._line.update(text, done=share)

    def _left(self) -> tuple[float, str]:
        """Return how many runs' work is done, and how long the rest will take, in words."""
        statuses = {run: run.status() for run in self._runs}
        done = sum(1.0 if status.is_over else status.share for status in statuses.values())
        seconds = seconds_left(statuses, jobs=self._jobs)
        if seconds is None:
            return done, "no estimate yet"
        total = seconds + time.monotonic() - self._started
        return done, f"about {duration(seconds)} left, {duration(total)} in all"
