"""Halting: how many gates an episode may place, drawn anew at every reset.

| settings | limit of an episode, gates | from |
|---|---|---|
| NoHalting | max_gates | |
| NegativeBinomialHalting | clip(NegBin(max_gates, 0.573), 0.357 max_gates, max_gates) | ours, scales with max_gates |
| FixedNegativeBinomialHalting | 1 + clip(NegBin(70, 0.573), 25, 70) | released code, runs without noise |
| ModeHalting | 1 + the mode of 100 draws of clip(NegBin(40, 0.6), 0, 40) | released code, runs with noise |
| BinomialHalting | 1 + Binomial(max_gates - 1, p) | the formula in print, normalized |

NegBin(r, p) is the number of failures before r successes of probability p. All limits are at most `max_gates`. The
released code counts gates from 0, hence the 1 +.

Source:
    Patel et al., ICLR 2024, arXiv 2402.03500 ("random halting"), and its released code.
"""

import statistics
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qvar.simulators.errors import ArchitectureError

__all__ = [
    "BinomialHalting",
    "FixedNegativeBinomialHalting",
    "Halting",
    "ModeHalting",
    "NegativeBinomialHalting",
    "NoHalting",
]


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

    Differs from the source:
        - This is the released code's clip(NegBin(70, 0.573), 25, 70) scaled to any number of gates; unscaled
          (`FixedNegativeBinomialHalting`) it hardly ever shortens an episode of 40 gates.
    """

    p: float = 0.573
    floor: float = 0.357

    def __post_init__(self) -> None:
        _check_probability(self.p)
        if not 0.0 <= self.floor <= 1.0:
            raise ArchitectureError(f"the floor is a fraction of the gate limit, 0..1, got floor={self.floor}")

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:
        """Return the limit of one episode."""
        drawn = int(rng.negative_binomial(max_gates, self.p))
        return min(max(drawn, self.shortest(max_gates)), max_gates)

    def shortest(self, max_gates: int) -> int:
        """Return the shortest episode that can be drawn, at least 1."""
        return max(1, round(self.floor * max_gates))


@dataclass(frozen=True)
class FixedNegativeBinomialHalting:
    """Halt as the released code does without noise: by one distribution, whatever `max_gates` is.

    T = min(1 + clip(X, shortest, longest), max_gates), X = number of failures before `successes` successes. The
    defaults have mean 53 and suit episodes of 70 gates; of episodes of 40 gates they shorten one in fourteen.

    Args:
        successes: successes to wait for, at least 1.
        p: success probability, 0 < p < 1.
        shortest: gates of the shortest episode minus one, at least 0.
        longest: gates of the longest episode minus one, at least `shortest`.

    Raises:
        ArchitectureError: for numbers outside these ranges.
    """

    successes: int = 70
    p: float = 0.573
    shortest: int = 25
    longest: int = 70

    def __post_init__(self) -> None:
        _check_probability(self.p)
        if self.successes < 1 or not 0 <= self.shortest <= self.longest:
            raise ArchitectureError(f"halting needs successes >= 1 and 0 <= shortest <= longest, got {self}")

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:
        """Return the limit of one episode."""
        drawn = int(rng.negative_binomial(self.successes, self.p))
        return min(1 + min(max(drawn, self.shortest), self.longest), max_gates)


@dataclass(frozen=True)
class ModeHalting:
    """Halt as the released code does with noise: by the most frequent of many draws, which spreads little.

    T = min(1 + mode, max_gates), where the mode is the most frequent of `draws` values of clip(X, shortest, longest),
    the one drawn first among equally frequent ones, and X = number of failures before `successes` successes. The
    defaults have mean 27 and standard deviation 3.3.

    Args:
        successes: successes to wait for, at least 1.
        p: success probability, 0 < p < 1.
        shortest: smallest value, at least 0.
        longest: largest value, at least `shortest`.
        draws: values of which the mode is taken, at least 1.

    Raises:
        ArchitectureError: for numbers outside these ranges.
    """

    successes: int = 40
    p: float = 0.6
    shortest: int = 0
    longest: int = 40
    draws: int = 100

    def __post_init__(self) -> None:
        _check_probability(self.p)
        if min(self.successes, self.draws) < 1 or not 0 <= self.shortest <= self.longest:
            raise ArchitectureError(f"halting needs successes, draws >= 1 and 0 <= shortest <= longest, got {self}")

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:
        """Return the limit of one episode."""
        drawn = rng.negative_binomial(self.successes, self.p, size=self.draws)
        mode = statistics.mode(np.clip(drawn, self.shortest, self.longest).tolist())
        return min(1 + int(mode), max_gates)


@dataclass(frozen=True)
class BinomialHalting:
    """Halt by the distribution that the paper prints, made to sum to one.

    T = 1 + k with Pr(k) = C(n - 1, k) p**k (1 - p)**(n - 1 - k), n = max_gates: a binomial distribution of mean
    p (n - 1).

    Args:
        p: 0 < p < 1; the paper does not say which.

    Raises:
        ArchitectureError: for p outside this range.

    Differs from the source:
        - Its formula has (1 - p)**(n - k) and sums to 1 - p; dividing by that gives the one above.
        - It calls k a number of failures, and leaves open whether k gates end an episode or the one after them.
    """

    p: float

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def draw(self, max_gates: int, rng: np.random.Generator) -> int:
        """Return the limit of one episode."""
        return 1 + int(rng.binomial(max_gates - 1, self.p))


def _check_probability(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise ArchitectureError(f"a probability of halting must lie strictly between 0 and 1, got p={p}")
