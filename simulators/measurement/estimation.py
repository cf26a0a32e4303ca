"""Estimate energies from shots, with their variances; the same for every engine that can draw outcomes."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.allocation import ShotBudget, Shots, split

__all__ = ["Estimate", "GroupSampler", "exact_error", "sample", "shot_numbers"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An energy estimated from shots.

    Attributes:
        value: the energy, in the unit of the observable.
        standard_error: its standard error; the square is an unbiased estimate of the variance of `value`.
        shots: shots spent, over all measured circuits.
    """

    value: float
    standard_error: float
    shots: int


class GroupSampler(Protocol):
    """What the estimates need of an engine."""

    @property
    def weights(self) -> Floats:
        """Sum of the absolute coefficients per group, shape (n_groups,)."""
        ...

    @property
    def constant(self) -> float:
        """Coefficient of the identity."""
        ...

    def draw(self, thetas: Floats, shots: Integers) -> tuple[Floats, Floats]:
        """Measure every group of every row of `thetas`.

        Args:
            thetas: shape (n_points, n_parameters).
            shots: shape (n_points, n_groups).

        Returns:
            Means of the outcomes, and their variances (n - 1 in the denominator, nan for one shot); both of shape
            (n_points, n_groups).
        """
        ...

    def deviations(self, thetas: Floats) -> Floats:
        """Return the exact standard deviation of one shot, shape (n_points, n_groups)."""
        ...


def sample(sampler: GroupSampler, thetas: Floats, shots: Shots) -> tuple[Floats, Floats]:
    """Return estimates of the energies at the rows of `thetas` and of their variances, each of shape (n_points,)."""
    size = (len(thetas), len(sampler.weights))
    if size[1] == 0:
        return np.full(size[0], sampler.constant), np.zeros(size[0])
    if not isinstance(shots, ShotBudget) or shots.allocation.pilot == 0:
        numbers = shot_numbers(sampler, thetas, shots)
        means, spread = sampler.draw(thetas, numbers)
        return _totals(sampler, means, spread / numbers)
    pilot, main = shots.parts()
    first = split(pilot, np.ones(size))
    means, spread = sampler.draw(thetas, first)
    # One more outcome at the largest distance, so that a group of few and equal outcomes is not taken for certain.
    guess = np.sqrt(((first - 1) * spread + sampler.weights**2) / first)
    shares = shots.allocation.shares(sampler.weights, lambda: guess)
    second = split(main, np.broadcast_to(shares, size))
    more_means, more_spread = sampler.draw(thetas, second)
    a, b = pilot / shots.total, main / shots.total
    return _totals(sampler, a * means + b * more_means, a**2 * spread / first + b**2 * more_spread / second)


def _totals(sampler: GroupSampler, means: Floats, errors: Floats) -> tuple[Floats, Floats]:
    return sampler.constant + means.sum(axis=1), errors.sum(axis=1)


def shot_numbers(sampler: GroupSampler, thetas: Floats, shots: Shots) -> Integers:
    """Return the shots of every point and group, int64 of shape (n_points, n_groups), for rules without a pilot."""
    size = (len(thetas), len(sampler.weights))
    if size[1] == 0 or not isinstance(shots, ShotBudget):
        return np.full(size, shots if isinstance(shots, int) else 0, dtype=np.int64)
    shares = shots.allocation.shares(sampler.weights, lambda: sampler.deviations(thetas))
    return split(shots.total, np.broadcast_to(shares, size))


def exact_error(sampler: GroupSampler, thetas: Floats, shots: Shots) -> Floats:
    """Return the exact standard errors of the estimates at the rows of `thetas`, shape (n_points,).

    Raises:
        EngineError: for a budget with a pilot, whose division depends on chance.
    """
    if len(sampler.weights) == 0:
        return np.zeros(len(thetas))
    if isinstance(shots, ShotBudget) and shots.allocation.pilot > 0:
        raise EngineError(
            "with a pilot the division of shots depends on its outcomes, so that no exact standard error exists; "
            "estimate(theta) gives the estimated one"
        )
    numbers = shot_numbers(sampler, thetas, shots)
    return np.asarray(np.sqrt((sampler.deviations(thetas) ** 2 / numbers).sum(axis=1)))
