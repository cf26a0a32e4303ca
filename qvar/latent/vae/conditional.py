"""The conditional variational auto-encoder: some columns are given, the others are modelled."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from qvar.latent.vae.estimator import LatentTransformer
from qvar.latent.vae.likelihoods import Likelihood, find_likelihood
from qvar.latent.vae.networks import PosteriorStd, Terms, Vae, dense, draw
from qvar.latent.vae.priors import Prior
from qvar.latent.vae.schedules import KlSchedule
from qvar.latent.vae.training import Epoch
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["ConditionalVAE"]

Floats = NDArray[np.float64]


class _ConditionalVae(Vae):
    """A `Vae` whose encoder sees all columns, and whose decoder sees latents and then the condition."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood, n_condition: int) -> None:
        super().__init__(encoder, decoder, likelihood)
        self.n_condition = n_condition

    def decode(self, latents: Tensor) -> Tensor:
        """Return full rows, the condition first, of latents with the condition in their last columns."""
        return torch.cat([latents[:, latents.shape[1] - self.n_condition :], super().decode(latents)], dim=1)

    def terms(self, data: Tensor, prior: Prior, generator: torch.Generator) -> Terms:
        condition, target = data[:, : self.n_condition], data[:, self.n_condition :]
        posterior = self.encode(data)
        raw = self.decoder(torch.cat([draw(posterior, generator), condition], dim=1))
        return Terms(self.likelihood.negative_log(raw, target).mean(), prior.kl(*posterior))


class ConditionalVAE(LatentTransformer):
    """A variational auto-encoder p(y | x) with latents for what x leaves open; x is the first columns of every row.

    The encoder is q(z | x, y), the decoder p(y | z, x), the prior N(0, 1). The better x determines y, the fewer latent
    axes stay in use. `transform` returns posterior means followed by the condition, so that `inverse_transform` can
    return full rows.

    Args:
        latent_size: number of latent axes.
        n_condition: how many of the first columns are the condition; 0 for a plain variational auto-encoder.
        hidden: widths of the hidden layers of the encoder; the decoder mirrors them; () for linear maps.
        activation: "relu", "tanh" or "silu".
        likelihood: of the columns that are not the condition, see `BetaVAE`.
        beta: weight of the divergence, or a `KlSchedule`.
        posterior_std: see `BetaVAE`.
        bias: whether layers have offsets.
        epochs: passes over the rows.
        batch_size: rows of a gradient step.
        learning_rate: of Adam at the start; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss.
        validation_fraction: share of the rows that take no gradient step and are scored after every epoch.
        callback: called with an `Epoch` after every epoch.
        random_state: seed of weights, batches and draws.

    Source: Sohn, Lee and Yan, "Learning Structured Output Representation using Deep Conditional Generative Models"
    (NeurIPS 2015); the linear case in Dang et al. (2023), arXiv 2306.05023.

    Differs from the source: the prior does not depend on the condition.
    """

    def __init__(
        self,
        latent_size: int = 8,
        *,
        n_condition: int = 0,
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
        self.n_condition = n_condition
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

    def transform(self, X: ArrayLike) -> Floats:
        """Return posterior means, then the condition, float64 of shape (n_rows, latent_size + n_condition)."""
        mu = self.encode(X)[0]
        return np.hstack([mu, np.asarray(X, dtype=np.float64)[:, : self.n_condition]])

    def sample(self, n_samples: int = 1, random_state: Any = None, *, condition: ArrayLike | None = None) -> Floats:
        """Return full rows, their latents drawn from the prior.

        Args:
            n_samples: how many.
            random_state: seed of the draws.
            condition: one for all, shape (n_condition,), or one each, shape (n_samples, n_condition).
        """
        check_is_fitted(self)
        size = (check_whole("n_samples", n_samples, error=LatentError), self.latent_size)
        given = check_array(
            np.zeros((1, 0)) if condition is None else condition, ensure_2d=False, ensure_min_features=0
        )
        if given.shape[-1] != self.n_condition or given.shape[:-1] not in ((), (1,), (n_samples,)):
            raise LatentError(
                f"a condition has {self.n_condition} columns, in one row or {n_samples}, got shape {given.shape}"
            )
        z = check_random_state(random_state).standard_normal(size)
        return self.inverse_transform(np.hstack([z, np.broadcast_to(given, (n_samples, self.n_condition))]))

    def _build(self, n_features: int, generator: torch.Generator) -> nn.Module:
        n_condition = check_whole("n_condition", self.n_condition, least=0, error=LatentError)
        if n_condition >= n_features:
            raise LatentError(f"n_condition={n_condition} leaves nothing to model of n_features = {n_features}")
        encoder, _ = self._pair(n_features, generator, bias=self.bias, posterior_std=self.posterior_std)
        sizes = (self.latent_size + n_condition, *self.hidden[::-1], n_features - n_condition)
        decoder = dense(sizes, generator, activation=self.activation, bias=self.bias)
        return _ConditionalVae(encoder, decoder, find_likelihood(self.likelihood), n_condition)

    def _check(self, data: Tensor) -> None:
        self.network_.likelihood.check(data[:, self.n_condition :])

    def _finish(self, data: Tensor, generator: torch.Generator) -> None:  # noqa: ARG002
        self.latent_size_ = self.latent_size + self.n_condition

    def _take_extra_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:  # noqa: ARG002
        self.latent_size_ = self.latent_size + self.n_condition
