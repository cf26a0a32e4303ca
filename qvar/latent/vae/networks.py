"""The networks of the family: an encoder to a Gaussian posterior, a decoder, and the terms of their loss."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from qvar.latent.vae.likelihoods import Likelihood
from qvar.latent.vae.priors import Prior
from qvar.simulators.errors import LatentError

__all__ = ["ACTIVATIONS", "PosteriorStd", "Terms", "Vae", "dense", "draw"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}
PosteriorStd = float | Literal["network", "shared"]
"""Posterior widths: a function of the data, one learned number per axis, or one fixed number."""

_LOG_STD_RANGE = (-15.0, 10.0)  # keeps exp() finite when an axis is not used, or data are huge


@dataclass(frozen=True)
class Terms:
    """The terms of a loss, means over the samples of a batch, in nats.

    Attributes:
        reconstruction: negative log-likelihood, summed over features, a scalar.
        kl: divergence from the prior of every axis, shape (axes,).
        axis_weight: factor of every axis in the loss, beside that of all; a number or shape (axes,).
    """

    reconstruction: Tensor
    kl: Tensor
    axis_weight: Tensor | float = 1.0

    def loss(self, beta: float) -> Tensor:
        """Return reconstruction + beta * sum of the weighted divergences."""
        return self.reconstruction + beta * (self.axis_weight * self.kl).sum()


class Posterior(NamedTuple):
    """A Gaussian per sample: means and log standard deviations, shape (n, d) both."""

    mu: Tensor
    log_std: Tensor


def draw(posterior: Posterior, generator: torch.Generator) -> Tensor:
    """Return one reparametrized draw mu + sigma * eps per sample, shape (n, d)."""
    noise = torch.randn(posterior.mu.shape, generator=generator, dtype=posterior.mu.dtype)
    return posterior.mu + torch.exp(posterior.log_std) * noise


def dense(
    sizes: Sequence[int], generator: torch.Generator, *, activation: str = "relu", bias: bool = True
) -> nn.Sequential:
    """Return a multilayer perceptron in double precision; two sizes make a linear map.

    Weights are drawn from `generator` by PyTorch's default scheme; its global random state is left alone.

    Raises:
        LatentError: if no activation has this name.
    """
    if activation not in ACTIVATIONS:
        raise LatentError(f"no activation is called {activation!r}; there are {', '.join(ACTIVATIONS)}")
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        linear: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
            nn.Linear, fan_in, fan_out, bias=bias, dtype=torch.float64
        )
        for parameter in linear.parameters():
            nn.init.uniform_(parameter, -(fan_in**-0.5), fan_in**-0.5, generator=generator)
        layers += [linear, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


class Encoder(nn.Module):
    """A body, and on it heads for the mean and the log standard deviation of a Gaussian."""

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int],
        latent_size: int,
        generator: torch.Generator,
        *,
        activation: str = "relu",
        bias: bool = True,
        posterior_std: PosteriorStd = "network",
    ) -> None:
        super().__init__()
        n_outputs = 2 * latent_size if posterior_std == "network" else latent_size
        self.body = dense((n_features, *hidden, n_outputs), generator, activation=activation, bias=bias)
        self.by_sample = posterior_std == "network"
        log_std = torch.zeros(latent_size, dtype=torch.float64)
        if isinstance(posterior_std, int | float):
            if not posterior_std > 0:
                raise LatentError(f"a fixed posterior_std is > 0, got {posterior_std}")
            self.register_buffer("log_std", log_std + torch.log(torch.tensor(float(posterior_std))))
        elif posterior_std == "shared":
            self.log_std = nn.Parameter(log_std)
        elif posterior_std != "network":
            raise LatentError(f"posterior_std is 'network', 'shared' or a number > 0, got {posterior_std!r}")

    def forward(self, data: Tensor) -> Posterior:
        out = self.body(data)
        if self.by_sample:
            mu, log_std = out.chunk(2, dim=-1)
        else:
            mu, log_std = out, self.log_std.expand_as(out)
        return Posterior(mu, log_std.clamp(*_LOG_STD_RANGE))


class Vae(nn.Module):
    """An encoder, a decoder and a likelihood.

    Attributes:
        encoder: data to posterior.
        decoder: latents to the raw output that the likelihood reads.
        likelihood: see `qvar.latent.vae.likelihoods`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood

    def encode(self, data: Tensor) -> Posterior:
        """Return the posterior of every sample."""
        posterior: Posterior = self.encoder(data)
        return posterior

    def decode(self, latents: Tensor) -> Tensor:
        """Return the expected data of latents, shape (n, features)."""
        return self.likelihood.mean(self.decoder(latents))

    def terms(self, data: Tensor, prior: Prior, generator: torch.Generator) -> Terms:
        """Return the terms of the loss on a batch, from one draw of z per sample."""
        posterior = self.encode(data)
        raw = self.decoder(draw(posterior, generator))
        return Terms(self.likelihood.negative_log(raw, data).mean(), prior.kl(*posterior))
