"""The command `qvar latent pretrain`: draw a pool of circuits and train a representation of them."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from qvar.cli.durations import duration
from qvar.cli.inputs import given_options
from qvar.cli.interruption import interruptible
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import ProgressLine, quieten_log
from qvar.latent.folder import LatentFolder
from qvar.latent.generation import Method
from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
from qvar.latent.graph_vae.training import Progress
from qvar.latent.pretraining import LatentPlan, carry_out
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import find_latent_task, wide_space
from qvar.latent.vae.priors import ArdPrior, StandardNormal
from qvar.report.latent.tables import accuracy_tables, overview, pretraining_json
from qvar.runs import find_sinks
from qvar.simulators.errors import LatentError, RunError

__all__ = ["PretrainOptions", "pretrain_command"]

_MOST_QUBITS = 20

_MODELS: dict[str, Callable[[int], GraphVaeSettings]] = {
    "ours": lambda _: GraphVaeSettings(),
    "v3": GraphVaeSettings.version_3,
    "v1": GraphVaeSettings.version_1,
}
_PRIORS = {"standard": StandardNormal, "ard": ArdPrior}
_STEPS = {
    "generation": "drawing circuits",
    "training": "training",
    "accuracy": "measuring accuracy and validity",
    "embedding": "embedding the pool",
}


@dataclass(frozen=True)
class PretrainOptions:
    """The options of `qvar latent pretrain` that determine the record, as given."""

    qubits: int | None = None
    circuits: int = 100_000
    space: str = "published"
    gates: int | None = None
    depth: int | None = None
    gate_pool: str | None = None
    coupling: str | None = None
    draw: str = "gates"
    model: str = "ours"
    encoding: str | None = None
    prior: str = "standard"
    beta: str | None = None
    latent_size: int | None = None
    pooling: str | None = None
    epochs: int | None = None
    batch: int | None = None
    seed: int = 0

    def plan(self) -> LatentPlan:
        """Return the latent space that these options ask for.

        Raises:
            QvarError: for names that do not exist, or options that make no sense.
        """
        if self.draw not in get_args(Method):
            raise LatentError(f"--draw takes {' or '.join(get_args(Method))}, got {self.draw!r}")
        space = self._space()
        trained = Training.version_1(seed=self.seed) if self.model == "v1" else Training(seed=self.seed)
        training = replace(
            trained,
            epochs=trained.epochs if self.epochs is None else self.epochs,
            batch_size=trained.batch_size if self.batch is None else self.batch,
        )
        method: Method = "layers" if self.draw == "layers" else "gates"
        return LatentPlan(space, self._model(space), training, self.circuits, method, self.seed)

    def _space(self) -> CircuitSpace:
        asked = {
            "n_gates": self.gates,
            "max_depth": self.depth,
            "gates": None if self.gate_pool is None else tuple(word.strip() for word in self.gate_pool.split(",")),
            "coupling": None if self.coupling is None else _pairs(self.coupling),
        }
        changes: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        if self.space not in ("published", "wide"):
            space = find_latent_task(self.space).space
            if self.qubits not in (None, space.n_qubits):
                raise LatentError(
                    f"task {self.space!r} has {space.n_qubits} qubits, not {self.qubits}; leave out --qubits"
                )
            return replace(space, **changes)
        n_qubits = 4 if self.qubits is None else self.qubits
        if n_qubits > _MOST_QUBITS:
            raise LatentError(
                f"circuits of {n_qubits} qubits could not be searched: tasks train them in simulation, on up to "
                f"{_MOST_QUBITS}; give fewer --qubits"
            )
        if self.space == "wide":
            return replace(wide_space(n_qubits), **changes)
        if n_qubits in (4, 8, 12):
            return replace(CircuitSpace.published(n_qubits), **changes)
        if self.gates is None or self.depth is None:
            raise LatentError(
                f"spaces of 4, 8 and 12 qubits are published, not of {n_qubits}; give --gates and --depth, or "
                "--space wide"
            )
        return CircuitSpace(n_qubits, ring_cx=True, **changes)

    def _model(self, space: CircuitSpace) -> GraphVaeSettings:
        if self.model not in _MODELS:
            raise LatentError(f"unknown model {self.model!r}; known are {', '.join(_MODELS)}")
        if self.prior not in _PRIORS:
            raise LatentError(f"unknown prior {self.prior!r}; known are {', '.join(_PRIORS)}")
        changes: dict[str, Any] = {"prior": _PRIORS[self.prior]()}
        asked = {
            "encoding": self.encoding,
            "latent_size": self.latent_size,
            "pooling": self.pooling,
            "beta": _beta(self.beta),
        }
        changes |= {name: value for name, value in asked.items() if value is not None}
        return replace(_MODELS[self.model](space.n_qubits), **changes)

    def default_folder(self) -> Path:
        """Return latent/SPACE-MODEL-seedN."""
        plan = self.plan()
        size = f"{plan.space.n_qubits}q-{plan.space.n_gates}g-depth{plan.space.max_depth}"
        space = [] if self.space == "published" else [self.space]
        return Path("latent") / "-".join([size, *space, self.model, f"seed{self.seed}"])

    def check_nothing_to_set(self) -> None:
        """Raise RunError if anything is given; a training goes on as it was set up."""
        if given := given_options(self):
            raise RunError(f"--resume goes on as it was set up; leave out {', '.join(given)}")


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"\d+-\d+", word) for word in words):
        raise LatentError(f"--coupling takes pairs of wires such as 0-1,1-2, got {text!r}")
    return tuple((int(a), int(b)) for a, b in (word.split("-") for word in words))


def _beta(text: str | None) -> float | str | None:
    if text is None or text == "reference":
        return text
    try:
        return float(text)
    except ValueError:
        raise LatentError(f"--beta takes a number or reference, got {text!r}") from None


def pretrain_command(
    options: PretrainOptions,
    *,
    out: Path | None,
    resume: bool,
    threads: int,
    log: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a latent space or go on with one, and print how good it is."""
    console, silent = Console(stderr=True), quiet or as_json
    quieten_log(console, silent=silent)
    sinks = find_sinks(log)
    plan, folder = _prepare(options, out, resume=resume)
    plan = replace(plan, training=replace(plan.training, n_threads=threads))
    if not silent:
        print_line(_announcement(plan, folder.path), console)
    command = shlex.join(["qvar", "latent", "pretrain", "--resume", "--out", str(folder.path)])
    with (
        interruptible(console, lambda: f"go on with: {command}"),
        ProgressLine(console, visible=not silent, total=plan.training.epochs) as line,
    ):
        display = _Display(line)
        carry_out(plan, folder, on_step=display.begin, on_epoch=display.note, sinks=sinks)
    if as_json:
        print_json({"latent": str(folder.path), **pretraining_json(folder)})
        return
    out_console = Console()
    print_line(overview(folder), out_console)
    for table in accuracy_tables(folder):
        out_console.print(table)
        out_console.print()
    print_line(f"search in it: qvar latent search {shlex.quote(str(folder.path))} --task TASK", out_console)


def _prepare(options: PretrainOptions, out: Path | None, *, resume: bool) -> tuple[LatentPlan, LatentFolder]:
    """Return what to make, and the folder to make it in."""
    if not resume:
        plan = options.plan()
        path = options.default_folder() if out is None else out
        return plan, LatentFolder.create(path, plan.to_dict())
    if out is None:
        raise RunError("which latent space? Give its folder: qvar latent pretrain --resume --out FOLDER")
    options.check_nothing_to_set()
    folder = LatentFolder.open(out)
    return LatentPlan.from_dict(folder.config), folder


def _announcement(plan: LatentPlan, path: Path) -> str:
    space = plan.space
    return (
        f"{plan.n_circuits} circuits of {space.n_qubits} qubits, {space.n_gates} gates, depth {space.max_depth}; "
        f"{plan.training.epochs} epochs, in {path}"
    )


class _Display:
    """Steps and epochs of a pre-training, on a line of progress."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line

    def begin(self, step: str) -> None:
        """Show the next step."""
        self._line.update(_STEPS[step])
        self._line.say(_STEPS[step])

    def note(self, progress: Progress) -> None:
        """Show one more epoch."""
        left = f", about {duration(progress.seconds_left)} left" if progress.epoch < progress.n_epochs else ""
        record = progress.record
        text = (
            f"epoch {progress.epoch} of {progress.n_epochs}{left}: loss {record['loss']:.4g}, held out "
            f"{record['held_out_loss']:.4g}, {progress.circuits_per_second:,.0f} circuits/s"
        )
        self._line.update(text, done=progress.epoch)
        self._line.say(text)
