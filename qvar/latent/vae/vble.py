"""Variational posteriors around an optimized point of a latent space: what an observation leaves open.

An observation says by an energy E(z) = -log p(y | z), any differentiable function, how well latents explain it: for
y = A x + w with noise of standard deviation s, |A D(z) - y|^2 / (2 s^2). `map_estimate` finds one best z;
`LatentPosterior.fit` finds a centre and a width per axis, from which z can be drawn. Both treat many observations at
once, row by row.

Source: Biquard, Chabert and Oberlin, "Variational Bayes image restoration with compressive autoencoders" (2023), arXiv
2311.17744.

Differs from the source: the weight of the divergence is 1 and not tuned, so that the posterior is the Bayesian one, nor
are both terms divided by the number of pixels (Adam does not see the factor); the prior of the uniform family is a
Gaussian instead of the entropy model of a compressive auto-encoder, its expectation taken in closed form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["LatentPosterior", "coverage", "linear_observation", "map_estimate"]

Floats = NDArray[np.float64]
Energy = Callable[[Tensor], Tensor]
"""Latents (n, d) to -log p(y | z) of every row, shape (n,); differentiable."""

_LOG_WIDTHS = (math.log(1.5e-5), math.log(20.0))
_FIRST_LOG_WIDTH = {"gaussian": -3.0, "uniform": 0.0}


@dataclass(frozen=True)
class LatentPosterior:
    """A distribution of latents for every row, its axes independent.

    Attributes:
        centre: shape (n, d).
        width: standard deviations for "gaussian", full widths of intervals for "uniform", shape (n, d).
        family: "gaussian" or "uniform".
        losses: objective of every step, mean over rows, nats, shape (steps,).
    """

    centre: Floats
    width: Floats
    family: Literal["gaussian", "uniform"]
    losses: Floats

    @classmethod
    def fit(
        cls,
        energy: Energy,
        start: ArrayLike,
        rng: np.random.Generator,
        *,
        family: Literal["gaussian", "uniform"] = "gaussian",
        prior_std: ArrayLike = 1.0,
        kl_weight: float = 1.0,
        steps: int = 500,
        learning_rate: float = 0.01,
        average_last: int = 100,
    ) -> "LatentPosterior":
        """Minimize E_q[energy(z)] + kl_weight * KL(q || N(0, prior_std^2)) by Adam, one draw per step.

        Args:
            energy: latents, float64 of shape (n, d), to -log p(y | z) of every row, shape (n,).
            start: first centres, the encoding of a rough estimate for example, shape (n, d).
            rng: draws the latents.
            family: shape of the posterior on every axis.
            prior_std: of the latents, a number or shape (d,), > 0.
            kl_weight: 1 for the Bayesian posterior; the source tunes it from 0.6 to 10.
            steps: gradient steps, >= 1.
            learning_rate: of Adam, constant; 0.01 suits auto-encoders of Gaussian posteriors, 0.1 compressive ones.
            average_last: over how many last steps centre and log width are averaged, 1 to `steps`.

        Raises:
            LatentError: for settings that make no sense, or an energy that is not finite.
        """
        _check(family, steps, average_last)
        centre, prior = _started(start), _checked_prior(prior_std)
        log_width = torch.full_like(centre, _FIRST_LOG_WIDTH[family]).requires_grad_()
        optimizer = torch.optim.Adam([centre, log_width], lr=learning_rate)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63 - 1)))
        losses, sums = [], torch.zeros(2, *centre.shape, dtype=torch.float64)
        for step in range(steps):
            z = centre + torch.exp(log_width) * _noise(family, centre.shape, generator)
            loss = energy(z) + kl_weight * _KL[family](centre, log_width, prior).sum(dim=-1)
            _descend(optimizer, loss)
            with torch.no_grad():
                log_width.clamp_(*_LOG_WIDTHS)
                if step >= steps - average_last:
                    sums += torch.stack([centre, log_width]) / average_last
            losses.append(float(loss.detach().mean()))
        return cls(sums[0].numpy(), sums[1].exp().numpy(), family, np.array(losses))

    def sample(self, n_draws: int, rng: np.random.Generator) -> Floats:
        """Return draws of the latents of every row, float64 of shape (n_draws, n, d)."""
        size = (check_whole("n_draws", n_draws, error=LatentError), *self.centre.shape)
        noise = rng.standard_normal(size) if self.family == "gaussian" else rng.uniform(-0.5, 0.5, size)
        return np.asarray(self.centre + self.width * noise)


def map_estimate(
    energy: Energy,
    start: ArrayLike,
    *,
    prior_std: ArrayLike = 1.0,
    prior_weight: float = 1.0,
    steps: int = 500,
    learning_rate: float = 0.01,
) -> Floats:
    """Return the latents of every row that minimize energy(z) - prior_weight * log p(z), by Adam, shape (n, d).

    Args:
        energy: see `LatentPosterior.fit`.
        start: shape (n, d).
        prior_std: of the latents, a number or shape (d,), > 0.
        prior_weight: lambda; 1 for the Bayesian maximum.
        steps: gradient steps, >= 1.
        learning_rate: of Adam, constant.
    """
    _check("gaussian", steps, 1)
    z, prior = _started(start), _checked_prior(prior_std)
    optimizer = torch.optim.Adam([z], lr=learning_rate)
    for _ in range(steps):
        _descend(optimizer, energy(z) + prior_weight * 0.5 * (z / prior).square().sum(dim=-1))
    return z.detach().numpy()


def linear_observation(
    decode: Callable[[Tensor], Tensor], operator: ArrayLike, observed: ArrayLike, noise_std: float
) -> Energy:
    """Return the energy of y = A x + w: |A D(z) - y|^2 / (2 s^2).

    Args:
        decode: latents (n, d) to data (n, features), differentiable.
        operator: A, one for all rows, shape (outputs, features), or one each, shape (n, outputs, features).
        observed: y, shape (n, outputs).
        noise_std: s, > 0.
    """
    if not noise_std > 0:
        raise LatentError(f"noise_std is > 0, got {noise_std}")
    A = torch.as_tensor(np.asarray(operator, dtype=np.float64))
    y = torch.as_tensor(np.asarray(observed, dtype=np.float64))

    def energy(z: Tensor) -> Tensor:
        seen = torch.einsum("...of,nf->no" if A.ndim == 2 else "nof,nf->no", A, decode(z))
        return ((seen - y) / noise_std).square().sum(dim=-1) / 2

    return energy


def coverage(draws: ArrayLike, truth: ArrayLike, level: float = 0.9) -> Floats:
    """Return how often the truth lies in the central interval of draws, by feature.

    Args:
        draws: posterior draws of data, shape (n_draws, n, features).
        truth: shape (n, features).
        level: of the interval, between 0 and 1.

    Returns:
        Share of the n rows, float64 of shape (features,).
    """
    if not 0 < level < 1:
        raise LatentError(f"a level lies between 0 and 1, got {level}")
    low, high = np.quantile(np.asarray(draws), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray(((low <= truth) & (truth <= high)).mean(axis=0))


def _gaussian_kl(centre: Tensor, log_width: Tensor, prior: Tensor) -> Tensor:
    return 0.5 * ((torch.exp(2 * log_width) + centre.square()) / prior**2 - 1) + torch.log(prior) - log_width


def _uniform_kl(centre: Tensor, log_width: Tensor, prior: Tensor) -> Tensor:
    """-log a - E_q[log p], with the variance a^2 / 12 of a uniform distribution."""
    second_moment = centre.square() + torch.exp(2 * log_width) / 12
    return 0.5 * (second_moment / prior**2 + torch.log(2 * math.pi * prior**2)) - log_width


_KL = {"gaussian": _gaussian_kl, "uniform": _uniform_kl}


def _noise(family: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    if family == "gaussian":
        return torch.randn(shape, generator=generator, dtype=torch.float64)
    return torch.rand(shape, generator=generator, dtype=torch.float64) - 0.5


def _descend(optimizer: torch.optim.Optimizer, losses: Tensor) -> None:
    """Take one step; rows do not depend on each other, so the gradient of their sum is that of each."""
    if not torch.isfinite(losses).all():
        raise LatentError("the energy is not finite; scale it, or lower learning_rate")
    optimizer.zero_grad()
    losses.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _started(start: ArrayLike) -> Tensor:
    z = torch.from_numpy(np.array(start, dtype=np.float64))
    if z.ndim != 2:
        raise LatentError(f"start has shape (n, d), got {tuple(z.shape)}")
    return z.requires_grad_()


def _checked_prior(std: ArrayLike) -> Tensor:
    prior = torch.as_tensor(np.asarray(std, dtype=np.float64))
    if not (prior > 0).all():
        raise LatentError(f"prior_std is > 0, got {std!r}")
    return prior


def _check(family: str, steps: int, average_last: int) -> None:
    if family not in _KL:
        raise LatentError(f"a family is 'gaussian' or 'uniform', got {family!r}")
    check_whole("steps", steps, error=LatentError)
    if not 1 <= check_whole("average_last", average_last, error=LatentError) <= steps:
        raise LatentError(f"average_last is from 1 to steps={steps}, got {average_last}")
