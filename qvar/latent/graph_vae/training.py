"""Pre-training: a graph auto-encoder learns to represent a pool's circuits, without any label.

A run can be killed at any moment: after every epoch its whole state goes to a checkpoint, from which the same call goes
on and ends with the same weights. All noise of an epoch comes from the run's seed and the epoch's number.
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from qvar.agents.arrays import joined, part
from qvar.agents.tensors import adam_arrays, load_adam, load_network, network_arrays
from qvar.agents.threads import limited_threads
from qvar.latent.canonical import canonical, is_in_space
from qvar.latent.graph_vae.autoencoder import AutoEncoder, Terms, objective
from qvar.latent.graph_vae.heads import batch_of
from qvar.latent.graph_vae.model import GraphVae, read_file, write_file
from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
from qvar.latent.space import CircuitSpace, Structures
from qvar.latent.vae.priors import Prior, prior_from_dict
from qvar.runs.sealed import previous, read_latest
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import refusing

__all__ = ["Progress", "pretrain", "split"]

_WARM_UP = 0.05  # share of the steps in which the cosine schedule rises
_EVALUATED = 2048  # held-out circuits per pass
_PRIOR_SAMPLES = 10_000  # circuits that a prior is refreshed from


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        epoch: epochs done.
        n_epochs: epochs in all.
        record: of the last one, as in `GraphVae.epochs`.
        seconds: since this call began.
        circuits_per_second: of the gradient steps of this call.
        seconds_left: at this rate.
    """

    epoch: int
    n_epochs: int
    record: dict[str, float]
    seconds: float
    circuits_per_second: float
    seconds_left: float


def pretrain(
    space: CircuitSpace,
    structures: ArrayLike,
    settings: GraphVaeSettings,
    training: Training,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> GraphVae:
    """Train a graph auto-encoder on circuits.

    Its `epochs` hold, for every epoch, means over the training circuits ("loss", "nodes", "edges", "kl": see
    `qvar.latent.graph_vae.autoencoder`), the same over the held-out ones as "held_out_...", and "beta".

    Args:
        space: the circuits' space.
        structures: the pool, (P, n_gates, 3) int8.
        settings: of the network and its loss.
        training: how long, in which steps, from which seed.
        checkpoint: a file for the state after every epoch; if it is there, the run goes on from it. The state before
            is kept beside it, and used if the file is damaged.
        progress: called after every epoch.

    Returns:
        The trained model, its latent scale measured on the training circuits.

    Raises:
        LatentError: for circuits outside the space, fewer than one batch of them, a checkpoint of another run, or
            a training that diverges.

    Source: Sun, Wu, Ma and Tresp, arXiv 2401.11576.
    Differs from the source: the last, smaller batch of an epoch is left out, so that each step weighs the same.
    """
    given = canonical(space, structures)
    if not is_in_space(space, given).all():
        raise LatentError(f"{(~is_in_space(space, given)).sum()} of the circuits are not in {space}")
    rows, held_out = split(len(given), training)
    if len(rows) < training.batch_size:
        raise LatentError(f"{len(rows)} training circuits do not fill one batch of {training.batch_size}")
    with limited_threads(training.n_threads, with_torch=True):
        run = _Run(space, given[rows], given[held_out], settings, training)
        if checkpoint is not None:
            run.restore(checkpoint)
        for state in run.epochs_left():
            if checkpoint is not None:
                run.store(checkpoint)
            if progress is not None:
                progress(state)
        return run.model()


def split(n_circuits: int, training: Training) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of a pool that `pretrain` trains on and those that it holds out, both in random order."""
    order = np.random.default_rng([training.seed, 0]).permutation(n_circuits)
    n_held_out = max(1, round(n_circuits * training.held_out))
    return order[n_held_out:], order[:n_held_out]


class _Run:
    """One training: network, Adam, prior, and the records of the epochs done (all mutable)."""

    def __init__(
        self,
        space: CircuitSpace,
        structures: Structures,
        held_out: Structures,
        settings: GraphVaeSettings,
        training: Training,
    ) -> None:
        self._space, self._settings, self._training = space, settings, training
        self._structures, self._held_out = structures, held_out
        self._network = AutoEncoder(space, settings, training.seed)
        self._adam = torch.optim.Adam(self._network.parameters(), lr=training.learning_rate, fused=True)
        self._prior: Prior = settings.prior
        self._records: list[dict[str, float]] = []
        self._steps = len(structures) // training.batch_size

    def epochs_left(self) -> Iterator[Progress]:
        begun, trained, total = time.perf_counter(), 0.0, 0
        while len(self._records) < self._training.epochs:
            started = time.perf_counter()
            rng = np.random.default_rng([self._training.seed, 1, len(self._records)])
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            record = self._train(rng, generator)
            trained += time.perf_counter() - started
            total += self._steps * self._training.batch_size
            record |= self._evaluate(generator)
            if not np.isfinite(list(record.values())).all():
                epoch = len(self._records) + 1
                raise LatentError(f"the training diverged in epoch {epoch}: {record}; lower the learning rate")
            self._refresh_prior(generator)
            self._records.append(record)
            seconds, left = time.perf_counter() - begun, self._training.epochs - len(self._records)
            rate = total / trained
            each = seconds * self._steps * self._training.batch_size / total
            yield Progress(len(self._records), self._training.epochs, record, seconds, rate, left * each)

    def _train(self, rng: np.random.Generator, generator: torch.Generator) -> dict[str, float]:
        self._network.train()
        size = self._training.batch_size
        order = rng.permutation(len(self._structures))
        sums = np.zeros(4)
        step = len(self._records) * self._steps
        for start in range(0, self._steps * size, size):
            batch = batch_of(self._space, self._structures[order[start : start + size]], self._settings.encoding)
            for group in self._adam.param_groups:
                group["lr"] = self._learning_rate(step)
            self._adam.zero_grad()
            terms = self._network.terms(batch, self._prior, generator)
            loss = objective(self._network, terms, step, size)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._training.clip)
            self._adam.step()
            sums += _values(loss, terms)
            step += 1
        return _named(sums / self._steps, "") | {"beta": self._network.weight_of_kl(step - 1, size)}

    def _learning_rate(self, step: int) -> float:
        if self._training.schedule == "constant":
            return self._training.learning_rate
        total = self._steps * self._training.epochs
        rising = max(1, round(_WARM_UP * total))
        if step < rising:
            return self._training.learning_rate * (step + 1) / rising
        return self._training.learning_rate * (1 + math.cos(math.pi * (step - rising) / (total - rising))) / 2

    def _evaluate(self, generator: torch.Generator) -> dict[str, float]:
        self._network.eval()
        last_step = (len(self._records) + 1) * self._steps - 1
        sums = np.zeros(4)
        for start in range(0, len(self._held_out), _EVALUATED):
            some = self._held_out[start : start + _EVALUATED]
            with torch.inference_mode():
                batch = batch_of(self._space, some, self._settings.encoding)
                terms = self._network.terms(batch, self._prior, generator)
                sums += _values(objective(self._network, terms, last_step, self._training.batch_size), terms) * len(
                    some
                )
        return _named(sums / len(self._held_out), "held_out_")

    def _refresh_prior(self, generator: torch.Generator) -> None:
        mu, log_std = self.model(scaled=False).encode(self._held_out[:_PRIOR_SAMPLES])
        self._prior = self._prior.refreshed(torch.from_numpy(mu), torch.from_numpy(log_std), generator)

    def model(self, *, scaled: bool = True) -> GraphVae:
        model = GraphVae(
            self._network,
            self._space,
            prior=self._prior,
            seed=self._training.seed,
            epochs=tuple(self._records),
        )
        if scaled:
            model.measure_scale(self._structures)
        return model

    def store(self, path: Path) -> None:
        arrays = joined({"network": network_arrays(self._network), "adam": adam_arrays(self._adam)})
        header = self._identity() | {"prior": self._prior.to_dict(), "epochs": self._records}
        write_file(path, header, arrays, keep=previous(path))

    def restore(self, path: Path) -> None:
        saved = read_latest(path, read_file)
        if saved is None:
            return
        header, arrays = saved
        if {name: header.get(name) for name in self._identity()} != self._identity():
            raise LatentError(f"{str(path)!r} is the checkpoint of another training; take another file, or delete it")
        with refusing(f"the checkpoint {path}", LatentError):
            load_network(self._network, part(arrays, "network"))
            load_adam(self._adam, part(arrays, "adam"))
            self._prior = prior_from_dict(header["prior"])
            self._records = list(header["epochs"])

    def _identity(self) -> dict[str, object]:
        training = {name: value for name, value in self._training.to_dict().items() if name != "n_threads"}
        circuits = hashlib.sha256(self._structures.tobytes() + self._held_out.tobytes()).hexdigest()
        return {
            "space": self._space.to_dict(),
            "settings": self._settings.to_dict(),
            "training": training,
            "circuits": circuits,
        }


def _values(loss: torch.Tensor, terms: Terms) -> NDArray[np.float64]:
    return np.array([loss.item(), terms.nodes.item(), terms.edges.item(), terms.kl.item()])


def _named(values: NDArray[np.float64], prefix: str) -> dict[str, float]:
    return {f"{prefix}{name}": float(v) for name, v in zip(("loss", "nodes", "edges", "kl"), values, strict=True)}
