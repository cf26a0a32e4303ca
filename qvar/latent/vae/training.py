"""The training loop of the family: mini-batches, Adam, a prior and a weight of the divergence that may change.

Deviations from the sources of the single components: one learning-rate schedule for all, half a cosine from its value
to zero, and no choice of the best epoch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qvar.latent.vae.networks import Posterior, Terms
from qvar.latent.vae.priors import Prior
from qvar.latent.vae.schedules import KlSchedule
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["Epoch", "Trainable", "TrainingSettings", "train"]


class Trainable(Protocol):
    """A network that can be trained: see `qvar.latent.vae.networks.Vae`."""

    def encode(self, data: Tensor) -> Posterior:
        """Return the posterior of every sample."""
        ...

    def terms(self, data: Tensor, prior: Prior, generator: torch.Generator) -> Terms:
        """Return the terms of the loss on a batch."""
        ...


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast.

    Attributes:
        epochs: passes over the training rows, >= 1.
        batch_size: rows of a gradient step, >= 1; the last batch of an epoch may be smaller.
        learning_rate: of Adam at the start, > 0; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss, >= 0.
        prior_samples: draws of z from which a prior is refreshed before every epoch, >= 1.
    """

    epochs: int = 100
    batch_size: int = 100
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    prior_samples: int = 10_000

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "prior_samples"):
            check_whole(name, getattr(self, name), least=1, error=LatentError)
        if not (self.learning_rate > 0 and self.weight_decay >= 0):
            raise LatentError(
                f"learning_rate is > 0 and weight_decay >= 0, got {self.learning_rate} and {self.weight_decay}"
            )


@dataclass(frozen=True)
class Epoch:
    """What an epoch of training came to; losses are means over samples, in nats.

    Attributes:
        number: from 1.
        beta: weight of the divergence in its last step.
        reconstruction: negative log-likelihood, mean of its batches.
        kl: divergence of every axis, unweighted, mean of its batches, shape (axes,).
        validation: reconstruction and summed divergence on rows held out, after the epoch; None without any.
    """

    number: int
    beta: float
    reconstruction: float
    kl: NDArray[np.float64]
    validation: tuple[float, float] | None = None


def train(
    model: torch.nn.Module,
    data: Tensor,
    *,
    settings: TrainingSettings,
    prior: Prior,
    schedule: KlSchedule,
    generator: torch.Generator,
    held_out: Tensor | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> tuple[Prior, list[Epoch]]:
    """Train a network in place, see `Trainable`.

    Args:
        model: an `nn.Module` that is `Trainable`.
        data: training rows, shape (n, features).
        settings: how long and how fast.
        prior: at the start; before every epoch it is refreshed from posteriors of `held_out`, of `data` without any.
        schedule: weight of the divergence by gradient step.
        generator: of batches and draws.
        held_out: rows that take no gradient step, shape (m, features).
        on_epoch: called after every epoch; an exception of its own ends the training.

    Returns:
        The prior of the last epoch, and all epochs.

    Raises:
        LatentError: if the loss is no longer finite.
    """
    optimizer = torch.optim.Adam(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, foreach=True
    )
    n_steps = settings.epochs * -(-len(data) // settings.batch_size)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    spare = data if held_out is None else held_out
    validation_seed = int(torch.randint(2**31, (1,), generator=generator))  # the same noise after every epoch
    step, epochs = 0, []
    for number in range(1, settings.epochs + 1):
        if prior.adapts:
            prior = _refreshed(prior, model, spare, settings.prior_samples, generator)
        sums: list[tuple[float, Tensor]] = []
        for rows in torch.split(torch.randperm(len(data), generator=generator), settings.batch_size):
            beta = schedule(step)
            terms = model.terms(data[rows], prior, generator)  # type: ignore[operator]
            loss = terms.loss(beta)
            if not torch.isfinite(loss):
                raise LatentError(f"the loss is {float(loss)} at step {step}; scale the data or lower learning_rate")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()
            step += 1
            sums.append((float(terms.reconstruction.detach()), terms.kl.detach()))
        validation = None if held_out is None else _validation(model, held_out, prior, validation_seed)
        kl = torch.stack([kl for _, kl in sums]).mean(dim=0).numpy()
        epochs.append(Epoch(number, beta, float(np.mean([r for r, _ in sums])), kl, validation))
        if on_epoch is not None:
            on_epoch(epochs[-1])
    return prior, epochs


def _refreshed(prior: Prior, model: torch.nn.Module, data: Tensor, n: int, generator: torch.Generator) -> Prior:
    """Refresh the prior from at least `n` draws, several of each row if need be."""
    with torch.no_grad():
        posterior = model.encode(data)  # type: ignore[operator]
    times = max(1, -(-n // len(data)))
    return prior.refreshed(posterior.mu.repeat(times, 1), posterior.log_std.repeat(times, 1), generator)


def _validation(model: torch.nn.Module, data: Tensor, prior: Prior, seed: int) -> tuple[float, float]:
    model.eval()
    with torch.no_grad():
        terms = model.terms(data, prior, torch.Generator().manual_seed(seed))  # type: ignore[operator]
    model.train()
    return float(terms.reconstruction), float(terms.kl.sum())
