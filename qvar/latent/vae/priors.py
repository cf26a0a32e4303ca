"""Priors of a latent space: what the posterior of an encoder is compared with, axis by axis.

Every prior is a centred Gaussian with independent axes, N(0, variance_l), and a frozen value: a training that adapts
it (`ArdPrior`) replaces it by `refreshed`. Posterior parameters are tensors (..., d), of samples, and in a circuit of
its node slots; a divergence is a mean over all leading dimensions, so a caller that wants the sum over node slots
multiplies by their number.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qvar.simulators.errors import LatentError

__all__ = ["ArdPrior", "Prior", "StandardNormal", "gaussian_kl", "prior_from_dict"]

_LEAST_VARIANCE = 1e-8  # an axis that died to zero would divide by it


class Prior(Protocol):
    """What a latent model is told about its latent axes.

    Attributes:
        adapts: whether `refreshed` may return another prior; a training need not call it otherwise.
    """

    adapts: ClassVar[bool]

    def kl(self, mu: Tensor, log_std: Tensor) -> Tensor:
        """Return the divergence of N(mu, exp(log_std)^2) from the prior, nats per axis, shape (d,).

        Args:
            mu: posterior means, shape (..., d).
            log_std: natural logarithms of posterior standard deviations, same shape.
        """
        ...

    def refreshed(self, mu: Tensor, log_std: Tensor, generator: torch.Generator) -> "Prior":
        """Return the prior for the next epoch, from the posteriors of samples that take no gradient steps."""
        ...

    def std(self, latent_size: int) -> NDArray[np.float64]:
        """Return the standard deviation of every axis, shape (latent_size,)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return what `prior_from_dict` reads, fit for JSON."""
        ...


def gaussian_kl(mu: Tensor, log_std: Tensor, variances: Tensor | float = 1.0) -> Tensor:
    """Return KL(N(mu, exp(log_std)^2) || N(0, variance)) of every axis of every sample, nats, shape (..., d).

    1/2 [-1 - log sigma^2 + log tau^2 + (mu^2 + sigma^2) / tau^2].
    """
    tau2 = torch.as_tensor(variances, dtype=mu.dtype, device=mu.device)
    sigma2 = torch.exp(2 * log_std)
    return 0.5 * ((mu.square() + sigma2) / tau2 - 1 - 2 * log_std + torch.log(tau2))


@dataclass(frozen=True)
class StandardNormal:
    """N(0, 1) on every axis, whatever the data."""

    adapts: ClassVar[bool] = False

    def kl(self, mu: Tensor, log_std: Tensor) -> Tensor:
        """See `Prior.kl`."""
        return gaussian_kl(mu, log_std).flatten(0, -2).mean(dim=0)

    def refreshed(self, mu: Tensor, log_std: Tensor, generator: torch.Generator) -> Self:  # noqa: ARG002
        """Return itself."""
        return self

    def std(self, latent_size: int) -> NDArray[np.float64]:
        """See `Prior.std`."""
        return np.ones(latent_size)

    def to_dict(self) -> dict[str, Any]:
        """See `Prior.to_dict`."""
        return {"kind": "standard-normal"}


@dataclass(frozen=True)
class ArdPrior:
    """A Gaussian whose width on every axis is learned from encoded samples: automatic relevance determination.

    With p(z_l | a_l) = N(0, 1 / a_l) and a_l ~ Gamma(a0, b0), n encoded samples give a = a0 + n / 2 and
    b_l = b0 + (1/2) sum_i z_il^2. The predictive prior is a Student-t, used as a Gaussian of variance
    tau_l^2 = b_l / a. Axes that the decoder does not use shrink together with their prior, so that unlike under N(0, 1)
    the number of axes in use hardly depends on how many there are.

    Attributes:
        variances: tau_l^2 of every axis; None before the first refresh, which counts as 1 everywhere.
        a0: shape of the Gamma hyperprior, >= 0.
        b0: its rate, >= 0.

    Source: Saha, Joshi and Whitaker, "ARD-VAE: A Statistical Formulation to Find the Relevant Latent Dimensions of
    Variational Autoencoders" (2025), arXiv 2501.10901.

    Differs from the source: the divergence has log tau^2 as in the formula, where the authors' code adds tau^2 (equal
    gradients, other values); variances below 1e-8 count as 1e-8.
    """

    adapts: ClassVar[bool] = True
    variances: tuple[float, ...] | None = None
    a0: float = 0.0
    b0: float = 0.0

    def __post_init__(self) -> None:
        if min(self.a0, self.b0) < 0:
            raise LatentError(f"shape and rate of the hyperprior are >= 0, got a0={self.a0} and b0={self.b0}")

    def kl(self, mu: Tensor, log_std: Tensor) -> Tensor:
        """See `Prior.kl`; the widths take no gradient."""
        variances = 1.0 if self.variances is None else torch.tensor(self.std(mu.shape[-1]) ** 2)
        return gaussian_kl(mu, log_std, variances).flatten(0, -2).mean(dim=0)

    def refreshed(self, mu: Tensor, log_std: Tensor, generator: torch.Generator) -> Self:
        """Return the prior with tau_l^2 = b_l / a of one draw of z for each of these posteriors."""
        with torch.no_grad():
            noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=generator.device)
            z = (mu + torch.exp(log_std) * noise.to(mu.device)).flatten(0, -2).double()
            a = self.a0 + len(z) / 2
            b = self.b0 + z.square().sum(dim=0) / 2
        variances = (b / a).clamp_min(_LEAST_VARIANCE)
        return type(self)(tuple(float(v) for v in variances), self.a0, self.b0)

    def std(self, latent_size: int) -> NDArray[np.float64]:
        """See `Prior.std`."""
        if self.variances is None:
            return np.ones(latent_size)
        if len(self.variances) != latent_size:
            raise LatentError(f"this prior has {len(self.variances)} axes, the latent space {latent_size}")
        return np.sqrt(self.variances)

    def to_dict(self) -> dict[str, Any]:
        """See `Prior.to_dict`."""
        variances = None if self.variances is None else list(self.variances)
        return {"kind": "ard", "variances": variances, "a0": self.a0, "b0": self.b0}


def prior_from_dict(settings: dict[str, Any]) -> Prior:
    """Return the prior that `to_dict` described.

    Raises:
        LatentError: if the kind is not known.
    """
    match settings:
        case {"kind": "standard-normal"}:
            return StandardNormal()
        case {"kind": "ard", "variances": variances, "a0": a0, "b0": b0}:
            return ArdPrior(None if variances is None else tuple(variances), a0, b0)
    raise LatentError(f"a prior is of kind 'standard-normal' or 'ard' with its numbers, got {settings}")
