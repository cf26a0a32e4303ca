"""What a decoder's output says about data: the reconstruction term of a variational auto-encoder.

Each maps raw outputs of a decoder, shape (n, features), to a negative log-likelihood per sample (summed over features,
nats) and to expected data.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from qvar.simulators.errors import LatentError

__all__ = ["Bernoulli", "Gaussian", "Likelihood", "Multinomial", "SquaredError", "find_likelihood"]


class Likelihood(Protocol):
    """The distribution of data given the raw output of a decoder."""

    def negative_log(self, raw: Tensor, data: Tensor) -> Tensor:
        """Return -log p(data | raw) of every sample, shape (n,)."""
        ...

    def mean(self, raw: Tensor) -> Tensor:
        """Return the expected data, shape (n, features)."""
        ...

    def check(self, data: Tensor) -> None:
        """Raise LatentError for data that this likelihood does not describe."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """Real data with the decoder's output as mean and one known standard deviation.

    Attributes:
        std: standard deviation of every feature, eta_dec, > 0, in units of the data.
    """

    std: float = 1.0

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise LatentError(f"the standard deviation of data given their latents is > 0, got {self.std}")

    def negative_log(self, raw: Tensor, data: Tensor) -> Tensor:
        """See `Likelihood.negative_log`."""
        constant = 0.5 * math.log(2 * math.pi * self.std**2)
        return (0.5 * ((data - raw) / self.std).square() + constant).sum(dim=-1)

    def mean(self, raw: Tensor) -> Tensor:
        """See `Likelihood.mean`."""
        return raw

    def check(self, data: Tensor) -> None:
        """Accept everything."""


@dataclass(frozen=True)
class SquaredError:
    """The sum of squares, a Gaussian of variance 1/2 without its constant."""

    def negative_log(self, raw: Tensor, data: Tensor) -> Tensor:
        """Return the sum of squares of every sample, shape (n,)."""
        return (data - raw).square().sum(dim=-1)

    def mean(self, raw: Tensor) -> Tensor:
        """See `Likelihood.mean`."""
        return raw

    def check(self, data: Tensor) -> None:
        """Accept everything."""


@dataclass(frozen=True)
class Bernoulli:
    """Independent bits, or shares between 0 and 1 in their place, with the decoder's output as log-odds."""

    def negative_log(self, raw: Tensor, data: Tensor) -> Tensor:
        """See `Likelihood.negative_log`."""
        return (torch.nn.functional.softplus(raw) - data * raw).sum(dim=-1)

    def mean(self, raw: Tensor) -> Tensor:
        """See `Likelihood.mean`."""
        return torch.sigmoid(raw)

    def check(self, data: Tensor) -> None:
        """Raise LatentError unless all data lie between 0 and 1."""
        if data.min() < 0 or data.max() > 1:
            raise LatentError(
                f"Bernoulli describes data from 0 to 1, got {float(data.min())} to {float(data.max())}; scale them"
            )


@dataclass(frozen=True)
class Multinomial:
    """Counts of items drawn one after the other, each with probabilities softmax(raw).

    -log p(x | raw) = -sum_i x_i log pi_i; the number of orderings, which no parameter changes, is left out. The
    expected data are the probabilities pi, not counts.
    """

    def negative_log(self, raw: Tensor, data: Tensor) -> Tensor:
        """See `Likelihood.negative_log`."""
        return -(data * torch.log_softmax(raw, dim=-1)).sum(dim=-1)

    def mean(self, raw: Tensor) -> Tensor:
        """Return the probability of each item, shape (n, features)."""
        return torch.softmax(raw, dim=-1)

    def check(self, data: Tensor) -> None:
        """Raise LatentError for negative counts."""
        if data.min() < 0:
            raise LatentError(f"Negative values in data: counts are >= 0, got {float(data.min())}")


_NAMED: dict[str, Likelihood] = {
    "gaussian": Gaussian(),
    "squared-error": SquaredError(),
    "bernoulli": Bernoulli(),
    "multinomial": Multinomial(),
}


def find_likelihood(likelihood: "str | Likelihood") -> Likelihood:
    """Return the likelihood of this name, or the object itself.

    Raises:
        LatentError: if there is none of this name.
    """
    if not isinstance(likelihood, str):
        return likelihood
    if likelihood not in _NAMED:
        raise LatentError(f"no likelihood is called {likelihood!r}; there are {', '.join(_NAMED)}")
    return _NAMED[likelihood]
