"""The command `qvar search`: one architecture search."""

import logging
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from qvar.agents import AgentSettings
from qvar.cli.inputs import find_engine, find_optimizer, find_problem, given_options
from qvar.cli.interruption import interruptible
from qvar.cli.printing import print_circuit, print_json, print_line
from qvar.cli.progress import ProgressLine, timed
from qvar.cli.search.settings import find_halting, find_reward, find_start
from qvar.report import result_table
from qvar.runs import RunFolder, find_sinks
from qvar.search import (
    GRADIENT_IN_ENERGIES,
    Algorithm,
    Pruning,
    SearchConfiguration,
    SearchResult,
    algorithm_name,
    configure,
    find_algorithm,
    limited,
    run_search,
    starting_from,
)
from qvar.simulators.errors import RunError

__all__ = ["SearchOptions", "print_result", "search_command"]


_OF_AGENTS = ("--reward", "--halting", "--optimize-every")
"""Options that say how an agent's episodes go."""


@dataclass(frozen=True)
class SearchOptions:
    """The options of `qvar search`, as given; defaults are those of the command line."""

    task: str | None = None
    noise: str = "none"
    qubits: str | None = None
    ignore_coupling: bool = False
    algorithm: str | None = None
    preset: str = "qvar"
    episodes: int | None = None
    max_gates: int | None = None
    start: str = "empty"
    reward: str | None = None
    halting: str | None = None
    optimize_every: int = 1
    optimizer: str | None = None
    shots: int | None = None
    sampling: str | None = None
    max_energies: int | None = None
    judge: str | None = None
    cnot_price: float | None = None
    rotation_price: float | None = None
    prune: bool | None = None
    engine: str | None = None
    environments: int = 1
    replay_from: Path | None = None
    seed: int = 0

    def configuration(self) -> SearchConfiguration:
        """Return the run these options ask for."""
        if self.task is None:
            raise RunError("which task? Give one (see `qvar tasks`), or --resume --out RUN to go on with a run")
        problem = find_problem(self.task)
        engine = find_engine(
            self.engine,
            noise=self.noise,
            qubits=self.qubits,
            n_qubits=problem.n_qubits,
            ignore_coupling=self.ignore_coupling,
        )
        base = configure(self.preset, problem, engine, shots=self.shots)
        if self.algorithm is not None:
            chosen = find_algorithm(self.algorithm, base.algorithm)
            base = configure(self.preset, problem, engine, shots=self.shots, algorithm=chosen)
        base = limited(base, episodes=self.episodes, max_energies=self.max_energies)
        start = find_start(self.start, problem, engine, seed=self.seed)
        if start is not None:
            base = starting_from(base, start)
        given = {
            "max_gates": self.max_gates,
            "reward": find_reward(self.reward),
            "halting": find_halting(self.halting),
            "optimize_every": self.optimize_every,
            "optimizer": find_optimizer(self.optimizer),
            "sampling": self.sampling,
        }
        self._check_used(base)
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        changes["environments"] = self.environments
        prices: dict[str, Any] = {
            "by": self.judge,
            "cnot_price": self.cnot_price,
            "rotation_price": self.rotation_price,
        }
        judge = replace(base.judge, **{name: value for name, value in prices.items() if value is not None})
        if self.prune is not None:
            changes["pruning"] = Pruning() if self.prune else None
        return replace(base, judge=judge, seed=self.seed, **changes)

    def _check_used(self, base: SearchConfiguration) -> None:
        """Raise RunError for options that would do nothing in this search."""
        ignored = [option for option in given_options(self) if option in _OF_AGENTS]
        if ignored and not isinstance(base.algorithm, AgentSettings):
            raise RunError(
                f"{', '.join(ignored)}: only agents take this, {algorithm_name(base.algorithm)} does not; leave it "
                "out, or choose --algorithm ddqn, ppo or random"
            )
        if self.sampling is not None and base.shots is None:
            raise RunError("--sampling says how shots are drawn; give their number with --shots, or leave it out")

    def check_nothing_to_set(self) -> None:
        """Raise RunError if an option would be ignored by resuming a run without naming its task."""
        if given := given_options(self):
            raise RunError(f"--resume without a task goes on with a run as it was set up; leave out {', '.join(given)}")

    def default_folder(self, algorithm: Algorithm) -> Path:
        """Return runs/TASK-NOISE-ALGORITHM-seedN."""
        task = Path(self.task or "run")
        name = task.stem if task.suffix == ".json" else task.name  # names may hold dots, such as tfim-6-h0.5
        parts = (name, Path(self.noise.replace(":", "-")).stem, algorithm_name(algorithm))
        return Path("runs") / "-".join((*parts, f"seed{self.seed}"))


def search_command(
    options: SearchOptions, *, out: Path | None, resume: bool, log: str | None, as_json: bool, quiet: bool
) -> None:
    """Run or resume a search, show its progress, print its result."""
    sinks = find_sinks(log)
    if quiet or as_json:
        logging.getLogger("qvar").setLevel(logging.ERROR)
    if options.task is None and resume:
        if out is None:
            raise RunError("which run? Give its folder: qvar search --resume --out RUN")
        options.check_nothing_to_set()
        configuration = SearchConfiguration.from_dict(RunFolder.open(out).config)
    else:
        configuration = options.configuration()
    folder = options.default_folder(configuration.algorithm) if out is None else out
    errors = Console(stderr=True)
    with (
        interruptible(errors, lambda: _how_to_go_on(folder)),
        ProgressLine(errors, visible=not (quiet or as_json), columns=timed()) as line,
    ):
        result = run_search(
            configuration,
            out=folder,
            resume=resume,
            replay_from=options.replay_from,
            on_episode=lambda record: _show_episode(line, configuration, record),
            sinks=sinks,
        )
    print_result(result, title=_title(configuration), unit=configuration.problem.unit, as_json=as_json)
    if not as_json:
        print_line(f"record, plots and circuit in {folder}; look at it again with: qvar show {folder}", Console())


def _how_to_go_on(folder: Path) -> str:
    if not (folder / "config.json").exists():
        return "nothing was begun; the same command starts anew"
    return f"go on with: {shlex.join(['qvar', 'search', '--resume', '--out', str(folder)])}"


def _title(configuration: SearchConfiguration) -> str:
    noise = configuration.engine.noise
    return (
        f"{configuration.problem.title}, {noise.name if noise else 'no noise'}, "
        f"{algorithm_name(configuration.algorithm)}, {_extent(configuration)}, seed {configuration.seed}"
    )


def _extent(configuration: SearchConfiguration) -> str:
    """Say after how much a search ends."""
    parts = []
    if configuration.episodes is not None:
        parts.append(f"{configuration.episodes} episodes")
    if configuration.max_energies is not None:
        parts.append(f"{configuration.max_energies:,} energies")
    return " or ".join(parts)


def _show_episode(line: ProgressLine, configuration: SearchConfiguration, record: Mapping[str, Any]) -> None:
    """Show one more episode: best energy and error so far, and the share of the budget that is spent."""
    text = (
        f"episode {record['episode']:,}, best {record['best_energy']:.5f}, noiseless error {record['best_error']:.1e}"
    )
    spent = record["evaluations"] + GRADIENT_IN_ENERGIES * record["gradients"]
    episodes, budget = configuration.episodes or math.inf, configuration.max_energies or math.inf
    line.update(text, done=min(max(spent / budget, record["episode"] / episodes), 1.0))


def print_result(result: SearchResult, *, title: str, unit: str, as_json: bool) -> None:
    """Print what was found: numbers and circuit, or all of it as JSON."""
    if as_json:
        run = None if result.run is None else str(result.run)
        print_json({**result.to_dict(), "run": run})
        return
    console = Console()
    console.print(result_table(result.to_dict(), title=title, unit=unit))
    if result.before_pruning is not None:
        before = result.before_pruning
        print_line(
            f"before pruning: energy {before.energy:.6f}, noiseless error {before.error:.2e}, depth {before.depth}, "
            f"{before.n_cnots} CNOTs, {before.n_rotations} rotations",
            console,
        )
    print_circuit(result.circuit.bind(result.parameters), console)
