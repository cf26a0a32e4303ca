"""The command `qvar latent search`: look for circuits that solve a task, with several methods at one budget."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console

from qvar.cli.durations import duration
from qvar.cli.inputs import parse_names, parse_seeds
from qvar.cli.interruption import interruptible
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import ProgressLine, quieten_log
from qvar.latent.folder import LatentFolder
from qvar.latent.search.catalogue import GENERATIVE_METHODS, METHODS, find_methods
from qvar.latent.search.generative.contract import GenerativeMethod
from qvar.latent.search.method import PoolMethod
from qvar.latent.search.study_folder import Run
from qvar.latent.searching import Mode, check_search, search_latent_space
from qvar.latent.tasks import Progress, Task, find_latent_task
from qvar.report.latent.searches import search_json, study_table
from qvar.runs.workers import usable_cores
from qvar.simulators import NoiseModel
from qvar.simulators.errors import LatentError

__all__ = ["DEFAULT_METHODS", "LatentSearchOptions", "search_command"]

DEFAULT_METHODS = {
    "pool": ("random", "reinforce", "gp-logei", "evolution", "neighbours"),
    "generative": ("random", "mutation", "prior", "perturbation", "cross-entropy"),
}


@dataclass(frozen=True)
class LatentSearchOptions:
    """The options of `qvar latent search` that determine the record, as given."""

    task: str
    method: str | None = None
    mode: str = "pool"
    evaluations: int = 1_000
    seeds: str = "1-50"
    noise: str = "none"
    name: str | None = None

    def find_task(self, n_qubits: int) -> Task:
        """Return the task, under noise if that is asked for."""
        noise: NoiseModel | None = None
        if self.noise != "none":
            qubits = list(range(n_qubits)) if self.noise.startswith("fake:") else None
            noise = NoiseModel.named(self.noise, qubits=qubits)
        return find_latent_task(self.task, noise=noise)

    def find_methods(self) -> Mapping[str, PoolMethod] | Mapping[str, GenerativeMethod]:
        """Return the methods by name, random search always among them, as the rest is compared with it."""
        if self.mode not in get_args(Mode):
            raise LatentError(f"--mode takes {' or '.join(get_args(Mode))}, got {self.mode!r}")
        known = METHODS if self.mode == "pool" else GENERATIVE_METHODS
        names = DEFAULT_METHODS[self.mode] if self.method is None else parse_names(self.method, option="--method")
        names = tuple(known) if names == ("all",) else names
        wanted = list(dict.fromkeys(["random", *names]))
        if self.mode == "pool":
            return find_methods(wanted, task=self.task)
        unknown = [name for name in wanted if name not in GENERATIVE_METHODS]
        if unknown:
            raise LatentError(f"unknown method(s) {', '.join(unknown)}; known are {', '.join(GENERATIVE_METHODS)}")
        return {name: GENERATIVE_METHODS[name] for name in wanted}

    @property
    def study(self) -> str:
        """Name of the study."""
        return f"{self.mode}-{self.evaluations}" if self.name is None else self.name


def search_command(path: Path, options: LatentSearchOptions, *, jobs: int | None, as_json: bool, quiet: bool) -> None:
    """Search, or go on searching, and print what was found."""
    console, silent = Console(stderr=True), quiet or as_json
    quieten_log(console, silent=silent)
    folder = LatentFolder.open(path)
    folder.check_pretrained()
    seeds = parse_seeds(options.seeds)
    task, methods = options.find_task(folder.space.n_qubits), options.find_methods()
    mode: Mode = "pool" if options.mode == "pool" else "generative"
    check_search(folder, task, methods.values(), mode=mode, budget=options.evaluations, name=options.study)
    at_a_time = usable_cores() if jobs is None else jobs
    if not silent:
        text = f"{task.title}; {len(methods)} methods x {len(seeds)} seeds x {options.evaluations} evaluations"
        print_line(f"{text}, in {folder.search_path(task.key)}", console)
    with (
        interruptible(console, lambda: "the same command goes on from here"),
        ProgressLine(console, visible=not silent) as line,
    ):
        display = _Display(line, n_runs=len(methods) * len(seeds), jobs=at_a_time)
        result = search_latent_space(
            folder,
            task,
            methods,
            mode=mode,
            budget=options.evaluations,
            seeds=seeds,
            name=options.study,
            n_jobs=at_a_time,
            on_rewards=display.note_rewards,
            on_run=display.note_run,
        )
    where = folder.search_path(task.key)
    if as_json:
        print_json({"searches": str(where), **search_json(folder, task.key, options.study)})
        return
    table = Console()
    table.print(study_table(result))
    print_line(f"the best circuit of all: {where / 'best.qasm'}; with free angles: {where / 'ansatz.qasm'}", table)
    print_line(f"as a page: {shlex.join(['qvar', 'latent', 'report', str(path)])}", table)


class _Display:
    """Rewards and searches, on a line of progress (mutable)."""

    def __init__(self, line: ProgressLine, *, n_runs: int, jobs: int) -> None:
        self._line, self._jobs = line, jobs
        self._left = self._n = n_runs
        self._seconds: list[float] = []
        self._shown = 0.0

    def note_rewards(self, progress: Progress) -> None:
        """Show how far the rewards of the pool are; elsewhere than on a terminal, every tenth of them."""
        left = f", about {duration(progress.seconds_left)} left" if progress.done < progress.total else ""
        share = progress.done / progress.total
        self._show(share, f"rewards of {progress.done:,} of {progress.total:,} circuits{left}", seldom=True)

    def note_run(self, method: str, seed: int, run: Run) -> None:
        """Show one more search."""
        self._left -= 1
        self._seconds.append(run.seconds)
        each = sum(self._seconds) / len(self._seconds) / max(1, min(self._jobs, self._left))
        left = f", about {duration(self._left * each)} left" if self._left else ""
        best = f"{method}, seed {seed}: best {run.ideal_rewards.max():.4f}"
        text = f"{self._n - self._left} of {self._n} searches{left}: {best}"
        self._show(1 - self._left / self._n, text)

    def _show(self, share: float, text: str, *, seldom: bool = False) -> None:
        self._line.update(text, done=share)
        if not seldom or share >= self._shown + 0.1 or share == 1:
            self._shown = share if seldom else self._shown
            self._line.say(text)
