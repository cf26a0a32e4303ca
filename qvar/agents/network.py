"""The Q-network: a multilayer perceptron whose first layer reads an observation as the few gates that it holds.

An observation is a circuit, zeros with at most one 1 per gate, and one energy. Adding up the weight rows of the ones
gives what the product with the dense vector would, at 8 qubits fifty times sooner.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["Observations", "q_network"]


@dataclass(frozen=True)
class Observations:
    """A batch of observations by the places of their ones.

    Attributes:
        places: places of the ones, observation after observation, int64.
        starts: where each observation begins in `places`, int64 of shape (batch,).
        energies: float32 of shape (batch,).
    """

    places: torch.Tensor
    starts: torch.Tensor
    energies: torch.Tensor

    @classmethod
    def from_bits(cls, bits: NDArray[np.bool_], energies: NDArray[np.float32]) -> "Observations":
        """Return observations given as bits, bool of shape (batch, n_bits), and energies, float32 of shape (batch,)."""
        n_bits = bits.shape[1]
        flat = np.flatnonzero(bits)
        starts = np.searchsorted(flat, n_bits * np.arange(len(bits)))
        return cls(torch.from_numpy(flat % n_bits), torch.from_numpy(starts), torch.from_numpy(energies))

    @classmethod
    def from_dense(cls, observations: NDArray[np.float32]) -> "Observations":
        """Return observations as environments give them, float32 of shape (batch, n_bits + 1)."""
        return cls.from_bits(observations[:, :-1] != 0, np.ascontiguousarray(observations[:, -1]))


class _GateLayer(nn.Module):
    """An affine layer on `Observations`: the sum of the rows of `weight` at the ones, + energy * `slope` + `bias`."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight[:, :-1].T.contiguous())
        self.slope = nn.Parameter(weight[:, -1].clone())
        self.bias = nn.Parameter(bias)

    def forward(self, observations: Observations) -> torch.Tensor:
        gates = nn.functional.embedding_bag(observations.places, self.weight, observations.starts, mode="sum")
        return gates + torch.outer(observations.energies, self.slope) + self.bias


def q_network(n_features: int, hidden: tuple[int, ...], n_actions: int, generator: torch.Generator) -> nn.Sequential:
    """Return a multilayer perceptron with LeakyReLU, from `Observations` to one value per action.

    Weights are drawn from `generator` by PyTorch's default scheme; its global random state is left alone.
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((n_features, *hidden, n_actions)):
        bound = fan_in**-0.5
        weight = torch.empty(fan_out, fan_in).uniform_(-bound, bound, generator=generator)
        bias = torch.empty(fan_out).uniform_(-bound, bound, generator=generator)
        layers += [_linear(weight, bias) if layers else _GateLayer(weight, bias), nn.LeakyReLU()]
    return nn.Sequential(*layers[:-1])


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    linear: nn.Linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])  # type: ignore[no-untyped-call]
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return linear
