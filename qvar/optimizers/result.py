"""What every optimizer takes and gives back, with honest counts of what it cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["GAIN", "CountedObjective", "Minimum", "Optimizer", "check_start", "minimize_displaced"]

GAIN = 1e-6
"""A descent that lowers the value by less than this, relative to its size, has gained nothing."""


@dataclass(frozen=True)
class Minimum:
    """The outcome of one minimization.

    Attributes:
        parameters: best angles, float64 of shape (n_parameters,), radians.
        value: the objective at `parameters`; for a noisy objective see the optimizer on how it was chosen.
        evaluations: energies evaluated, those that gradients by parameter shift cost included.
        gradients: gradients by reverse sweep, each about as dear as two or three energies.
        shots: shots spent in all, 0 for exact objectives.
        converged: whether the optimizer's own stopping rule was met before the budget ran out.
        history: every value seen in order, one for each call of the objective, float64; values of stages with different
            shots stand side by side.
        metrics: Fubini-Study metrics, which a simulator gives: each takes one state for every gate with a free angle.
    """

    parameters: NDArray[np.float64]
    value: float
    evaluations: int
    gradients: int
    shots: int
    converged: bool
    history: NDArray[np.float64]
    metrics: int = 0


class Optimizer(Protocol):
    """A small frozen object holding an optimizer's settings."""

    @property
    def calls_per_step(self) -> int | None:
        """Calls of the objective that a step makes, after which the objective may change; None where it must not.

        This is what training on batches of data needs to know. 1: each step is one call of `value_and_gradient`, for
        natural gradients after one of `metric`. 2: each step is a pair of energies, and so is each part of a
        calibration. Energies at the angles returned follow after the last step. An objective that changes should have
        an attribute `is_stochastic` that is True: the lowest value seen is luck then, and the last angles are returned
        instead.
        """
        ...

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`, shape (n_parameters,), drawing chance from `rng`."""
        ...


@dataclass
class CountedObjective:
    """Wrap an objective and count what is asked of it (mutable, lives for one minimization).

    `objective` may be exchanged on the way, for one with other shots: every call is counted at its own price.
    """

    objective: Objective
    evaluations: int = 0
    gradients: int = 0
    metrics: int = 0
    shots: int = 0
    history: list[float] = field(default_factory=list)
    best_value: float = np.inf
    best_parameters: NDArray[np.float64] | None = None

    def value(self, theta: NDArray[np.float64]) -> float:
        """Return the energy and count it."""
        value = self.objective(theta)
        self.evaluations += 1
        self.shots += self.objective.shots_per_evaluation
        self._note(value, theta)
        return value

    def value_and_gradient(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return energy and gradient and count them: a reverse sweep as one gradient, else as energies."""
        value, gradient = self.objective.value_and_gradient(theta)
        energies = self.objective.evaluations_per_gradient
        if energies == 1:
            self.gradients += 1
        else:
            self.evaluations += energies
        self.shots += energies * self.objective.shots_per_evaluation
        self._note(value, theta)
        return value, gradient

    def value_and_shifts(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return energy and [f(theta + pi/2 e_k) - f(theta - pi/2 e_k)] / 2 from one batch of 2 P + 1 energies."""
        shifts = np.pi / 2 * np.eye(len(theta))
        energies = self.objective.batch(np.concatenate([theta[None], theta + shifts, theta - shifts]))
        self.evaluations += len(energies)
        self.shots += len(energies) * self.objective.shots_per_evaluation
        value, (plus, minus) = float(energies[0]), np.split(energies[1:], 2)
        self._note(value, theta)
        return value, (plus - minus) / 2

    def metric(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the metric of an objective that has one, shape (n_parameters, n_parameters), and count it.

        Raises:
            OptimizerError: if the objective has no metric, or one of another shape.
        """
        method = getattr(self.objective, "metric", None)
        if not callable(method):
            raise OptimizerError(
                f"the natural gradient needs an objective with a method metric(theta), which {self.objective!r} lacks; "
                "take exact values of PauliTransferSimulator or StatevectorSimulator, or another optimizer"
            )
        metric = np.asarray(method(theta), dtype=np.float64)
        if metric.shape != (len(theta), len(theta)):
            raise OptimizerError(f"a metric of {len(theta)} parameter(s) is a square matrix, got shape {metric.shape}")
        self.metrics += 1
        return metric

    def absorb(self, values: NDArray[np.float64], lowest: NDArray[np.float64], *, gradients: bool) -> None:
        """Count what a compiled loop has done on the objective.

        Args:
            values: every value it saw, in order.
            lowest: the lowest of them, followed by its angles; not read if there are no values.
            gradients: whether these were values with gradients by reverse sweep, not energies.
        """
        if gradients:
            self.gradients += len(values)
        else:
            self.evaluations += len(values)
            self.shots += len(values) * self.objective.shots_per_evaluation
        self.history.extend(values.tolist())
        if len(values) and lowest[0] < self.best_value:
            self.best_value, self.best_parameters = float(lowest[0]), lowest[1:].copy()

    def _note(self, value: float, theta: NDArray[np.float64]) -> None:
        self.history.append(value)
        if value < self.best_value:
            self.best_value, self.best_parameters = value, np.array(theta, dtype=np.float64)

    def has_gained(self) -> bool:
        """Return whether the lowest value seen lies below the first by more than `GAIN`."""
        first = self.history[0]
        return not first - self.best_value < GAIN * max(1.0, abs(first))

    def minimum(self, parameters: NDArray[np.float64], value: float, *, converged: bool) -> Minimum:
        """Return the outcome with the counts so far."""
        return Minimum(
            parameters=parameters,
            value=value,
            evaluations=self.evaluations,
            gradients=self.gradients,
            shots=self.shots,
            converged=converged,
            history=np.array(self.history, dtype=np.float64),
            metrics=self.metrics,
        )

    def lowest(self, *, converged: bool) -> Minimum:
        """Return the lowest value seen, of at least one, with the counts so far."""
        if self.best_parameters is None:
            raise OptimizerError("no value of the objective was below infinity; check what it returns")
        return self.minimum(self.best_parameters, self.best_value, converged=converged)

    def settle(self, last: NDArray[np.float64], *, converged: bool) -> Minimum:
        """Evaluate the last iterate afresh and return it, or of an exact objective the lowest value seen.

        The lowest of many noisy values is luck, the lowest of exact ones is not.
        """
        value = self.value(last)
        is_stochastic = self.objective.shots_per_evaluation or getattr(self.objective, "is_stochastic", False)
        if is_stochastic or self.best_parameters is None:
            return self.minimum(last, value, converged=converged)
        return self.lowest(converged=converged)


def check_start(objective: Objective, start: ArrayLike) -> NDArray[np.float64]:
    """Return `start` as a float64 vector, or raise OptimizerError for a wrong shape or numbers not finite."""
    values = np.array(start, dtype=np.float64)
    if values.shape != (objective.n_parameters,):
        raise OptimizerError(f"the objective has {objective.n_parameters} parameter(s), the start point {values.shape}")
    if not np.isfinite(values).all():
        raise OptimizerError(f"the start point must be finite, got {values}")
    return values


def minimize_displaced(
    descend: Callable[[CountedObjective, NDArray[np.float64]], tuple[NDArray[np.float64], bool]],
    objective: Objective,
    start: ArrayLike,
    rng: np.random.Generator,
    *,
    displacement: float,
) -> Minimum:
    """Minimize by a descent that is repeated once, from a displaced start, if it gains nothing on the start.

    Args:
        descend: takes the objective and angles; returns the last angles and whether it converged.
        objective: what to minimize.
        start: angles, radians, shape (n_parameters,).
        rng: the displacement is drawn from it first, whether it will be needed or not.
        displacement: its standard deviation, radians; 0 for one descent only.

    Returns:
        The lowest value seen; with shots the last iterate, evaluated afresh.
    """
    x = check_start(objective, start)
    counted = CountedObjective(objective)
    if len(x) == 0:
        return counted.minimum(x, counted.value(x), converged=True)
    displaced = x + displacement * rng.normal(size=len(x))
    last, converged = descend(counted, x)
    if displacement > 0 and not counted.has_gained():
        last, converged = descend(counted, displaced)
    return counted.settle(last, converged=converged)
