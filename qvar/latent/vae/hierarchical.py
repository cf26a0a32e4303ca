"""The two-level variational auto-encoder: latents of latents."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from qvar.latent.vae.estimator import LatentTransformer
from qvar.latent.vae.likelihoods import Likelihood, find_likelihood
from qvar.latent.vae.networks import Encoder, Posterior, PosteriorStd, Terms, Vae, dense, draw
from qvar.latent.vae.priors import Prior
from qvar.latent.vae.schedules import KlSchedule
from qvar.latent.vae.training import Epoch
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["HierarchicalVAE"]

Floats = NDArray[np.float64]


class _TwoLevelVae(Vae):
    """x -> z1 -> z2 and back; the prior of z1 is N(upper_decoder(z2), prior_std^2)."""

    def __init__(
        self,
        lower: tuple[nn.Module, nn.Module],
        upper: tuple[nn.Module, nn.Module],
        likelihood: Likelihood,
        *,
        prior_std: float,
        weights: tuple[float, float],
    ) -> None:
        super().__init__(*lower, likelihood)
        self.upper_encoder, self.upper_decoder = upper
        self.prior_std = prior_std
        self.weights = weights

    def encode_upper(self, z1: Tensor) -> Posterior:
        posterior: Posterior = self.upper_encoder(z1)
        return posterior

    def terms(self, data: Tensor, prior: Prior, generator: torch.Generator) -> Terms:
        """Return the terms; the axes are those of level 1, then those of level 2."""
        lower = self.encode(data)
        z1 = draw(lower, generator)
        upper = self.encode_upper(z1)
        residual = (z1 - self.upper_decoder(draw(upper, generator))) / self.prior_std
        # E[log q(z1|x)] has a closed form; log p(z1|z2) must be taken at the draw that z2 was encoded from
        kl_1 = (0.5 * residual.square() + math.log(self.prior_std) - lower.log_std - 0.5).mean(dim=0)
        kl_2 = prior.kl(*upper)
        weight = torch.cat([torch.full_like(kl_1, self.weights[0]), torch.full_like(kl_2, self.weights[1])])
        reconstruction = self.likelihood.negative_log(self.decoder(z1), data).mean()
        return Terms(reconstruction, torch.cat([kl_1, kl_2]), weight.detach())


class HierarchicalVAE(LatentTransformer):
    """A variational auto-encoder with two levels of latents, x -> z1 -> z2.

    Minimizes E[-log p(x|z1)] + beta_1 * E[KL(q(z1|x) || p(z1|z2))] + beta_2 * E[KL(q(z2|z1) || N(0, 1))] with
    p(z1|z2) = N(D(z2), prior_std^2). `transform` returns the means of z1, `transform_upper` those of z2.

    Args:
        latent_size: axes of z1.
        upper_size: axes of z2.
        hidden: widths of the hidden layers of the lower encoder; its decoder mirrors them; () for linear maps.
        upper_hidden: the same of the upper ones.
        activation: "relu", "tanh" or "silu".
        likelihood: see `BetaVAE`.
        beta: weights of the divergences of level 1 and 2.
        prior_std: standard deviation of z1 given z2, > 0.
        posterior_std: of level 1, see `BetaVAE`.
        upper_posterior_std: of level 2.
        bias: whether layers have offsets.
        epochs: passes over the rows.
        batch_size: rows of a gradient step.
        learning_rate: of Adam at the start; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss.
        validation_fraction: share of the rows that take no gradient step and are scored after every epoch.
        callback: called with an `Epoch` after every epoch; its axes are those of z1, then those of z2.
        random_state: seed of weights, batches and draws.

    Source: Dang et al., "Posterior Collapse in Linear Conditional and Hierarchical Variational Autoencoders" (ICLR
    2024), arXiv 2306.05023.
    """

    def __init__(
        self,
        latent_size: int = 8,
        *,
        upper_size: int = 4,
        hidden: tuple[int, ...] = (64,),
        upper_hidden: tuple[int, ...] = (32,),
        activation: str = "relu",
        likelihood: str | Likelihood = "gaussian",
        beta: tuple[float, float] = (1.0, 1.0),
        prior_std: float = 1.0,
        posterior_std: PosteriorStd = "network",
        upper_posterior_std: PosteriorStd = "network",
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
        self.upper_size = upper_size
        self.hidden = hidden
        self.upper_hidden = upper_hidden
        self.activation = activation
        self.likelihood = likelihood
        self.beta = beta
        self.prior_std = prior_std
        self.posterior_std = posterior_std
        self.upper_posterior_std = upper_posterior_std
        self.bias = bias
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.callback = callback
        self.random_state = random_state

    def transform_upper(self, X: ArrayLike) -> Floats:
        """Return the posterior means of z2 at those of z1, float64 of shape (n_rows, upper_size)."""
        mu = torch.from_numpy(self.encode(X)[0])
        with torch.no_grad():
            return np.asarray(self.network_.encode_upper(mu).mu)

    def kl(self, X: ArrayLike) -> Floats:
        """Return the divergences of every row, one draw of the latents each, axes of z1 and then of z2.

        Float64 of shape (n_rows, latent_size + upper_size), in nats; those of z1 may be negative, being draws.
        """
        data, generator = self._tensor(X), torch.Generator().manual_seed(0)
        with torch.no_grad():
            return np.stack(
                [np.asarray(self.network_.terms(row, self.prior_, generator).kl) for row in torch.split(data, 1)]
            )

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Return expected data of z1 drawn from z2 drawn from N(0, 1), float64 of shape (n_samples, n_features)."""
        check_is_fitted(self)
        n = check_whole("n_samples", n_samples, error=LatentError)
        rng = check_random_state(random_state)
        with torch.no_grad():
            centre = self.network_.upper_decoder(torch.from_numpy(rng.standard_normal((n, self.upper_size)))).numpy()
        return self.inverse_transform(centre + self.prior_std * rng.standard_normal(centre.shape))

    def _build(self, n_features: int, generator: torch.Generator) -> nn.Module:
        if not self.prior_std > 0 or len(self.beta) != 2 or min(self.beta) < 0:
            raise LatentError(
                f"prior_std is > 0 and beta two numbers >= 0, got prior_std={self.prior_std} and beta={self.beta}"
            )
        lower = self._pair(n_features, generator, bias=self.bias, posterior_std=self.posterior_std)
        size, hidden = check_whole("upper_size", self.upper_size, error=LatentError), tuple(self.upper_hidden)
        upper = (
            Encoder(
                self.latent_size,
                hidden,
                size,
                generator,
                activation=self.activation,
                bias=self.bias,
                posterior_std=self.upper_posterior_std,
            ),
            dense((size, *hidden[::-1], self.latent_size), generator, activation=self.activation, bias=self.bias),
        )
        likelihood = find_likelihood(self.likelihood)
        return _TwoLevelVae(lower, upper, likelihood, prior_std=self.prior_std, weights=tuple(self.beta))  # type: ignore[arg-type]

    def _schedule(self, n_steps: int) -> KlSchedule:  # noqa: ARG002
        return KlSchedule(1.0)  # the weights of the levels are in the terms
