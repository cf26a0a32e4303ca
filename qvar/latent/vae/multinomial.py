"""Mult-VAE and Mult-DAE: auto-encoders of counts, such as pixels' ink, users' clicks or the gates of a circuit."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from qvar.latent.vae.estimator import LatentTransformer
from qvar.latent.vae.likelihoods import Likelihood, find_likelihood
from qvar.latent.vae.networks import Posterior, Terms, Vae, draw
from qvar.latent.vae.priors import Prior
from qvar.latent.vae.schedules import KlSchedule
from qvar.latent.vae.training import Epoch
from qvar.simulators.errors import LatentError

__all__ = ["MultDAE", "MultVAE"]


class _BagVae(Vae):
    """A `Vae` that encodes rows scaled to unit length, with parts of them dropped in training."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood, dropout: float) -> None:
        super().__init__(encoder, decoder, likelihood)
        self.dropout = dropout

    def encode(self, data: Tensor) -> Posterior:
        return super().encode(nn.functional.normalize(data, dim=-1))

    def terms(self, data: Tensor, prior: Prior, generator: torch.Generator) -> Terms:
        posterior = super().encode(self._corrupted(data, generator))
        raw = self.decoder(draw(posterior, generator))
        return Terms(self.likelihood.negative_log(raw, data).mean(), prior.kl(*posterior))

    def _corrupted(self, data: Tensor, generator: torch.Generator) -> Tensor:
        """Return unit rows; in training each entry is dropped with probability `dropout`, the others scaled up."""
        if not self.training:
            return nn.functional.normalize(data, dim=-1)
        kept = torch.rand(data.shape, generator=generator, dtype=data.dtype) >= self.dropout
        return nn.functional.normalize(data, dim=-1) * kept / (1 - self.dropout)


class _BagDae(_BagVae):
    """The same without chance in the latents and without divergence."""

    def encode(self, data: Tensor) -> Posterior:
        mu = super().encode(data).mu
        return Posterior(mu, torch.full_like(mu, -torch.inf))

    def terms(self, data: Tensor, prior: Prior, generator: torch.Generator) -> Terms:  # noqa: ARG002
        mu = self.encoder(self._corrupted(data, generator)).mu
        raw = self.decoder(mu)
        return Terms(self.likelihood.negative_log(raw, data).mean(), mu.new_zeros(mu.shape[1]))


class MultVAE(LatentTransformer):
    """A variational auto-encoder of counts, with a multinomial likelihood and an annealed divergence.

    Rows are scaled to unit length, dropped in part, and encoded by tanh layers; the loss is
    -sum_i x_i log pi_i + beta * KL. `inverse_transform` and `reconstruct` return the probability of every item, by
    which completions of a row are ranked.

    Args:
        latent_size: number of latent axes.
        hidden: widths of the hidden layers of the encoder; the decoder mirrors them.
        activation: "tanh", "relu" or "silu".
        likelihood: "multinomial", or another for comparison (see `BetaVAE`).
        cap: weight at which the divergence stops rising.
        ramp: share of the training after which it gets there, 0 to 1; 0 for `cap` from the start.
        dropout: share of a row's entries dropped in training, 0 to below 1.
        epochs: passes over the rows.
        batch_size: rows of a gradient step.
        learning_rate: of Adam at the start; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss.
        validation_fraction: share of the rows that take no gradient step and are scored after every epoch.
        callback: called with an `Epoch` after every epoch.
        random_state: seed of weights, batches and draws.

    Source: Liang, Krishnan, Hoffman and Jebara, "Variational Autoencoders for Collaborative Filtering" (WWW 2018),
    arXiv 1802.05814.

    Differs from the source: sizes and lengths for small data; the ramp is a share of the training, so that the rule
    beta_t = min(cap, t / T) has T = ramp * steps / cap (the source: T = 200,000, about 0.85 of its steps to cap 0.2);
    the last epoch is kept, not the best one; the scaling of initial weights is PyTorch's.
    """

    def __init__(
        self,
        latent_size: int = 8,
        *,
        hidden: tuple[int, ...] = (64,),
        activation: str = "tanh",
        likelihood: str | Likelihood = "multinomial",
        cap: float = 0.2,
        ramp: float = 0.85,
        dropout: float = 0.5,
        epochs: int = 100,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.0,
        callback: Callable[[Epoch], object] | None = None,
        random_state: Any = None,
    ) -> None:
        self.latent_size = latent_size
        self.hidden = hidden
        self.activation = activation
        self.likelihood = likelihood
        self.cap = cap
        self.ramp = ramp
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.callback = callback
        self.random_state = random_state

    def _build(self, n_features: int, generator: torch.Generator) -> nn.Module:
        encoder, decoder = self._pair(n_features, generator)
        return _BagVae(encoder, decoder, find_likelihood(self.likelihood), _checked_share("dropout", self.dropout))

    def _schedule(self, n_steps: int) -> KlSchedule:
        return KlSchedule.reaching(self.cap, ramp=self.ramp, n_steps=n_steps)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


class MultDAE(LatentTransformer):
    """The denoising auto-encoder of counts: `MultVAE` without chance in the latents and without a divergence.

    Args:
        latent_size: number of latent axes.
        hidden: widths of the hidden layers of the encoder; the source has none.
        activation: "tanh", "relu" or "silu".
        likelihood: see `MultVAE`.
        dropout: share of a row's entries dropped in training, 0 to below 1.
        epochs: passes over the rows.
        batch_size: rows of a gradient step.
        learning_rate: of Adam at the start; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss; the source has 0.01 / batch_size.
        validation_fraction: share of the rows that take no gradient step and are scored after every epoch.
        callback: called with an `Epoch` after every epoch.
        random_state: seed of weights, batches and draws.

    Source: as for `MultVAE`.
    """

    def __init__(
        self,
        latent_size: int = 8,
        *,
        hidden: tuple[int, ...] = (),
        activation: str = "tanh",
        likelihood: str | Likelihood = "multinomial",
        dropout: float = 0.5,
        epochs: int = 100,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.0,
        callback: Callable[[Epoch], object] | None = None,
        random_state: Any = None,
    ) -> None:
        self.latent_size = latent_size
        self.hidden = hidden
        self.activation = activation
        self.likelihood = likelihood
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.callback = callback
        self.random_state = random_state

    def _build(self, n_features: int, generator: torch.Generator) -> nn.Module:
        encoder, decoder = self._pair(n_features, generator, posterior_std="shared")
        return _BagDae(encoder, decoder, find_likelihood(self.likelihood), _checked_share("dropout", self.dropout))

    def _schedule(self, n_steps: int) -> KlSchedule:  # noqa: ARG002
        return KlSchedule(0.0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


def _checked_share(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise LatentError(f"{name} is from 0 to below 1, got {value}")
    return value
