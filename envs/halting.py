"""Halting: how many gates an episode may place, drawn anew at every reset."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qvar.simulators.errors import ArchitectureError

__all__ = ["Halting", "NegativeBinomialHalting", "NoHalting"]


class Halting(Protocol):
    """A small frozen object that draws the gate limit of an episode."""

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:
        """Return the limit of one episode, 1..max_gates."""
        ...


@dataclass(frozen=True)
class NoHalting:
    """Let every episode place `max_gates` gates."""

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:  # noqa: ARG002 - the contract of Halting
        """Return `max_gates`."""
        return max_gates


@dataclass(frozen=True)
class NegativeBinomialHalting:
    """Shorten episodes at random, which pushes an agent towards short circuits.

    T = clip(X, round(floor * max_gates), max_gates), X = number of failures before `max_gates` successes of
    probability p. With p = 0.573 the mean is 0.72 to 0.745 of max_gates.

    Args:
        p: success probability of the negative binomial distribution, 0 < p < 1.
        floor: shortest episode as a fraction of `max_gates`, 0 <= floor <= 1.

    Raises:
        ArchitectureError: for numbers outside these ranges.

    Example:
        >>> rng = np.random.default_rng(7)
        >>> limits = [NegativeBinomialHalting().draw(40, rng) for _ in range(1000)]
        >>> min(limits) >= 14, max(limits) <= 40
        (True, True)

    Source:
        Patel et al., ICLR 2024, arXiv 2402.03500 ("random halting").

    Differs from the source:
        - The distribution as printed does not sum to one. This is the released code's clip(NegBin(70, 0.573),
          25, 70) scaled to any number of gates; unscaled it hardly ever shortens an episode of 40 gates.
    """

    p: float = 0.573
    floor: float = 0.357

    def __post_init__(self) -> None:
        if not 0.0 < self.p < 1.0:
            raise ArchitectureError(f"the success probability must lie strictly between 0 and 1, got p={self.p}")
        if not 0.0 <= self.floor <= 1.0:
            raise ArchitectureError(f"the floor is a fraction of the gate limit, 0..1, got floor={self.floor}")

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:
        """Return the limit of one episode."""
        drawn = int(rng.negative_binomial(max_gates, self.p))
        return min(max(drawn, self.shortest(max_gates)), max_gates)

    def shortest(self, max_gates: int) -> int:
        """Return the shortest episode that can be drawn, at least 1."""
        return max(1, round(self.floor * max_gates))
