"""Objectives estimated from a finite number of shots, with the statistics a device would show.

Outcomes of each measured group are drawn from their exact probabilities, so the estimate has the right distribution:
its variance includes the covariance of terms measured together, it vanishes for eigenstates, and the identity has none.
A number of shots is meant per group: one energy with `shots` shots costs `shots * n_groups` in total. A `ShotBudget`
states the total instead.
"""

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.measurement.allocation import (
    ShotBudget,
    Shots,
    check_estimable,
    check_generator,
    check_shots,
    shots_in_total,
)
from qvar.simulators.measurement.estimation import Estimate, exact_error, sample
from qvar.simulators.measurement.parameter_shift import ParameterShift
from qvar.simulators.measurement.plan import MeasurementPlan

__all__ = ["ExactDistribution", "ShotObjective"]


class ExactDistribution(Protocol):
    """What a shot objective needs of an exact one."""

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        ...

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured."""
        ...

    def probabilities(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcome probabilities per group, read-out error included, shape (n_groups, 2**n_qubits)."""
        ...

    def for_circuit(self, circuit: Circuit) -> "ExactDistribution":
        """Return the same observable and noise for another circuit."""
        ...


class _ExactSampler:
    """Draw outcomes from exact distributions (see `measurement.estimation.GroupSampler`)."""

    def __init__(self, exact: ExactDistribution, rng: np.random.Generator) -> None:
        self._exact = exact
        self._rng = rng
        self.weights = exact.plan.weights
        self.constant = exact.plan.constant

    def draw(
        self, thetas: NDArray[np.float64], shots: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and variances of sampled outcomes, each of shape (n_points, n_groups)."""
        values = self._exact.plan.values
        means, spread = np.empty(shots.shape), np.full(shots.shape, np.nan)
        for k, (theta, numbers) in enumerate(zip(thetas, shots, strict=True)):
            counts = self._rng.multinomial(numbers, self._exact.probabilities(theta))
            means[k] = (counts * values).sum(axis=1) / numbers
            squares = (counts * (values - means[k][:, None]) ** 2).sum(axis=1)
            np.divide(squares, numbers - 1, out=spread[k], where=numbers > 1)
        return means, spread

    def deviations(self, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the exact standard deviations of one shot, shape (n_points, n_groups)."""
        values = self._exact.plan.values
        variances = np.empty((len(thetas), len(values)))
        for row, theta in zip(variances, thetas, strict=True):
            probabilities = self._exact.probabilities(theta)
            means = (probabilities * values).sum(axis=1, keepdims=True)
            row[:] = (probabilities * (values - means) ** 2).sum(axis=1)
        return np.asarray(np.sqrt(variances))


class ShotObjective:
    """An objective estimated from shots; holds the generator it draws from.

    Args:
        exact: the distribution to draw from.
        shots: shots per measured group, or a `ShotBudget` for one energy.
        rng: the generator.

    Raises:
        EngineError: for an impossible number of shots, or a budget too small for the number of groups.
    """

    def __init__(self, exact: ExactDistribution, shots: Shots, rng: np.random.Generator) -> None:
        self._exact = exact
        self.shots = check_shots(shots)
        self._rng = check_generator(rng)
        if isinstance(self.shots, ShotBudget):
            self.shots.check_groups(exact.plan.n_groups)

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        return self._exact.circuit

    @property
    def n_parameters(self) -> int:
        """Number of angles."""
        return self._exact.circuit.n_parameters

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured groups."""
        return shots_in_total(self.shots, self._exact.plan.n_groups)

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs by parameter shift, value included."""
        return 2 * self._shift.n_occurrences + 1

    @cached_property
    def _shift(self) -> ParameterShift:
        return ParameterShift(self._exact.circuit)

    @cached_property
    def _shifted(self) -> ExactDistribution:
        return self._exact.for_circuit(self._shift.circuit)

    def __call__(self, theta: ArrayLike) -> float:
        """Return one estimate of the energy."""
        return self._sample(self._exact, self._exact.circuit.check_parameters(theta))

    def _sample(self, exact: ExactDistribution, theta: NDArray[np.float64]) -> float:
        plan = exact.plan
        if plan.n_groups == 0:
            return plan.constant
        if isinstance(self.shots, ShotBudget):
            return float(sample(_ExactSampler(exact, self._rng), theta[None, :], self.shots)[0][0])
        counts = self._rng.multinomial(self.shots, exact.probabilities(theta))
        return plan.constant + float((counts * plan.values).sum()) / self.shots

    def estimate(self, theta: ArrayLike) -> Estimate:
        """Return one estimate of the energy with its standard error, from the same shots.

        Raises:
            EngineError: for one shot per group, from which no error can be estimated.
        """
        shots = check_estimable(self.shots)
        values = self._exact.circuit.check_parameters(theta)[None, :]
        energies, variances = sample(_ExactSampler(self._exact, self._rng), values, shots)
        return Estimate(float(energies[0]), float(np.sqrt(variances[0])), self.shots_per_evaluation)

    def exact_standard_error(self, theta: ArrayLike) -> float:
        """Return the exact standard error of an estimate at `theta`, without drawing any shots.

        Raises:
            EngineError: for a budget with a pilot, whose division depends on chance.
        """
        values = self._exact.circuit.check_parameters(theta)[None, :]
        return float(exact_error(_ExactSampler(self._exact, self._rng), values, self.shots)[0])

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return estimates of the energy and of its gradient by parameter shift."""
        gradient = self._shift.gradient(
            theta, lambda angles: np.array([self._sample(self._shifted, row) for row in angles])
        )
        return self(theta), gradient

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return one estimate for each row of `thetas`."""
        return np.array([self(theta) for theta in check_batch(thetas, self.n_parameters)], dtype=np.float64)

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> "ShotObjective":
        """Return the objective with other shots."""
        return ShotObjective(self._exact, shots, rng)
