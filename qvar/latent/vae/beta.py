"""The variational auto-encoder, plain or with a weight on the divergence."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from qvar.latent.vae.estimator import LatentTransformer
from qvar.latent.vae.likelihoods import Likelihood, find_likelihood
from qvar.latent.vae.networks import PosteriorStd, Vae
from qvar.latent.vae.schedules import KlSchedule
from qvar.latent.vae.training import Epoch

__all__ = ["BetaVAE", "PlainVAE"]


class BetaVAE(LatentTransformer):
    """A variational auto-encoder: minimizes E[-log p(x|z)] + beta * KL(q(z|x) || N(0, 1)) by Adam.

    The negative log-likelihood is summed over features, the divergence over axes, both averaged over rows.

    Args:
        latent_size: number of latent axes, L.
        hidden: widths of the hidden layers of the encoder; the decoder mirrors them; () for linear maps.
        activation: "relu", "tanh" or "silu".
        likelihood: "gaussian" (of standard deviation 1), "squared-error", "bernoulli", "multinomial", or an object
            such as `Gaussian(std=0.2)`.
        beta: weight of the divergence, or a `KlSchedule`.
        posterior_std: "network" for widths that depend on the row, "shared" for one learned width per axis, or a
            fixed number.
        bias: whether layers have offsets.
        epochs: passes over the rows.
        batch_size: rows of a gradient step.
        learning_rate: of Adam at the start; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss.
        validation_fraction: share of the rows that take no gradient step and are scored after every epoch.
        callback: called with an `Epoch` after every epoch.
        random_state: seed of weights, batches and draws.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data[:200] / 16
        >>> model = BetaVAE(4, likelihood="bernoulli", epochs=5, random_state=0).fit(X)
        >>> model.transform(X).shape, model.inverse_transform(model.transform(X)).shape
        ((200, 4), (200, 64))

    Source: Kingma and Welling, arXiv 1312.6114; Higgins et al., "beta-VAE" (ICLR 2017).
    """

    def __init__(
        self,
        latent_size: int = 8,
        *,
        hidden: tuple[int, ...] = (64,),
        activation: str = "relu",
        likelihood: str | Likelihood = "gaussian",
        beta: float | KlSchedule = 1.0,
        posterior_std: PosteriorStd = "network",
        bias: bool = True,
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
        self.beta = beta
        self.posterior_std = posterior_std
        self.bias = bias
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.callback = callback
        self.random_state = random_state

    def _build(self, n_features: int, generator: torch.Generator) -> nn.Module:
        encoder, decoder = self._pair(n_features, generator, bias=self.bias, posterior_std=self.posterior_std)
        return Vae(encoder, decoder, find_likelihood(self.likelihood))


PlainVAE = BetaVAE
"""With beta = 1, its default, a `BetaVAE` is the plain variational auto-encoder."""
