"""Make a latent space in a folder: draw circuits, train a model of them, embed them; what is there is kept."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qvar.latent.folder import LatentFolder
from qvar.latent.generation import Method, generate_pool
from qvar.latent.graph_vae.metrics import evaluate
from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
from qvar.latent.graph_vae.training import Progress, pretrain, split
from qvar.latent.space import CircuitSpace
from qvar.runs import Fanout, MetricSink, SinkRun, check_sinks
from qvar.runs.sealed import previous
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["LatentPlan", "carry_out"]

_STEPS = ("generation", "training", "accuracy", "embedding")


@dataclass(frozen=True)
class LatentPlan:
    """A latent space to be made.

    Attributes:
        space: where circuits are drawn from.
        model: network and loss.
        training: of the model. Its number of threads is not part of the record.
        n_circuits: circuits of the pool.
        method: how they are drawn, see `generate_pool`.
        seed: of the pool.
    """

    space: CircuitSpace
    model: GraphVaeSettings
    training: Training
    n_circuits: int = 100_000
    method: Method = "gates"
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("n_circuits", self.n_circuits, error=LatentError)
        check_whole("seed", self.seed, least=0, error=LatentError)
        trained = self.n_circuits - max(1, round(self.n_circuits * self.training.held_out))
        if trained < self.training.batch_size:
            raise LatentError(
                f"{trained} of {self.n_circuits} circuits are left to train on, not one batch of "
                f"{self.training.batch_size}; ask for more circuits, or smaller batches"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return all that determines the model as JSON data."""
        training = {name: value for name, value in self.training.to_dict().items() if name != "n_threads"}
        return {
            "space": self.space.to_dict(),
            "pool": {"n_circuits": self.n_circuits, "method": self.method, "seed": self.seed},
            "model": self.model.to_dict(),
            "training": training,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "LatentPlan":
        """Rebuild what `to_dict` gave.

        Raises:
            LatentError: for data of something else.
        """
        try:
            space, model = CircuitSpace.from_dict(data["space"]), GraphVaeSettings.from_dict(data["model"])
            return cls(space, model, Training(**data["training"]), **data["pool"])
        except UNREADABLE as error:
            raise LatentError(f"this is no plan of a latent space: {error!r}") from None


def carry_out(
    plan: LatentPlan,
    folder: LatentFolder,
    *,
    on_step: Callable[[str], None] | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
    sinks: Sequence[MetricSink] = (),
) -> None:
    """Make what is still missing in a folder of this plan.

    Args:
        plan: what to make.
        folder: a folder created with `plan.to_dict()`.
        on_step: told the name of every step that begins: generation, training, accuracy, embedding.
        on_epoch: told after every epoch.
        sinks: where the numbers of every epoch go besides, such as `qvar.runs.TensorBoard()`.

    Raises:
        RunError: if the folder is of another plan, or another process is at work on it.
    """
    folder.check_same(plan.to_dict())
    check_sinks(sinks)
    with folder.claimed():
        costs = dict(folder.read_json("costs.json") or {})
        files = {"generation": "pool.npz", "training": "model.npz", "accuracy": "accuracy.json"}
        files["embedding"] = "features.npz"
        steps: dict[str, Callable[[], None]] = {
            "generation": lambda: _generate(plan, folder),
            "training": lambda: _train(plan, folder, on_epoch, sinks),
            "accuracy": lambda: _measure(plan, folder),
            "embedding": lambda: folder.write_features(folder.model().embed(folder.pool().structures)),
        }
        for step in _STEPS:
            if (folder.path / files[step]).is_file():
                continue
            if on_step is not None:
                on_step(step)
            began = time.perf_counter()
            steps[step]()
            costs[step] = time.perf_counter() - began
            if step == "training":  # with what was done before an interruption
                costs[step] = sum(record["seconds"] or 0.0 for record in folder.metrics())
            folder.write_json("costs.json", costs)


def _generate(plan: LatentPlan, folder: LatentFolder) -> None:
    generate_pool(plan.space, plan.n_circuits, seed=plan.seed, method=plan.method).save(folder.path / "pool.npz")


def _train(
    plan: LatentPlan,
    folder: LatentFolder,
    on_epoch: Callable[[Progress], None] | None,
    sinks: Sequence[MetricSink],
) -> None:
    last = 0.0
    known = folder.keep_whole_metrics()

    def note(progress: Progress) -> None:
        nonlocal last
        record = {"epoch": progress.epoch, **progress.record, "seconds": progress.seconds - last}
        folder.append_metrics(record)
        fanout.write(progress.epoch, record)
        last = progress.seconds
        if on_epoch is not None:
            on_epoch(progress)

    checkpoint = folder.path / "checkpoint.npz"
    structures = folder.pool().structures
    with Fanout(sinks, SinkRun.at(folder.path, folder.id, folder.config)) as fanout:
        for record in known:
            fanout.write(int(record["epoch"]), record)
        model = pretrain(plan.space, structures, plan.model, plan.training, checkpoint=checkpoint, progress=note)
        fanout.finish({})
    seconds = {record["epoch"]: record["seconds"] for record in folder.metrics()}
    # an epoch whose checkpoint was written, but not its line, has no known time
    folder.write_metrics(
        [{"epoch": k, **record, "seconds": seconds.get(k)} for k, record in enumerate(model.epochs, start=1)]
    )
    model.save(folder.path / "model.npz")
    for file in (previous(checkpoint), checkpoint):
        file.unlink(missing_ok=True)


def _measure(plan: LatentPlan, folder: LatentFolder) -> None:
    pool = folder.pool()
    held_out = split(len(pool), plan.training)[1]
    metrics = evaluate(folder.model(), pool.structures[held_out], pool.keys, seed=plan.training.seed)
    folder.write_json("accuracy.json", _without_nan(metrics.to_dict()))


def _without_nan(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON data with None for what is not a number, as nothing was there to measure."""
    kept = {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in data.items()}
    return {name: _without_nan(value) if isinstance(value, Mapping) else value for name, value in kept.items()}
