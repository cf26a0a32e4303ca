"""Quantum natural gradient: steepest descent where lengths are those between states, not between angles."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["QuantumNaturalGradient"]


@dataclass(frozen=True)
class QuantumNaturalGradient:
    """Minimize by quantum natural gradient, with momentum if wanted.

    Each step: n = (F + regularization 1)^-1 g, m = (1 - momentum) n + momentum m, then x moves by -learning_rate m. F
    is the Fubini-Study metric of the states (see `qvar.simulators.fubini_study_metric`), g the gradient. Without
    regularization, angles that are scaled or otherwise expressed by others take the same path, to first order in the
    learning rate.

    The objective needs a method `metric(theta)` that returns F, float64 of shape (n_parameters, n_parameters). Exact
    objectives have one, of the circuit without its noise; estimates from shots have none. `Minimum.metrics` counts
    them apart: each takes one state per gate with a free angle from the simulator, and no number of energies.

    Args:
        max_iterations: steps allowed, at least 1.
        learning_rate: step length, per energy unit. The metric of a lone rotation is 1/4: a step is then four times
            that of a gradient descent.
        regularization: added to the diagonal of the metric, above 0; bounds a step where the metric is singular.
        momentum: share of the last step that each one keeps, in [0, 1).
        tolerance: stop when every component of the gradient is below this, energy unit per radian.
        blocks: groups of angles that are taken to be independent, as tuples of their numbers: the metric between groups
            is replaced by 0, and so it is for angles in none of them, except with themselves. The source's
            approximation has one group per layer of rotations. None for the whole metric.

    Source: Stokes, Izaac, Killoran and Carleo, arXiv 1909.02108.
    Differs from the source:
    - the metric is regularized, not inverted by a pseudo-inverse;
    - momentum.
    """

    calls_per_step: ClassVar[int | None] = 1

    max_iterations: int = 100
    learning_rate: float = 0.1
    regularization: float = 1e-3
    momentum: float = 0.0
    tolerance: float = 1e-5
    blocks: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or not (self.learning_rate > 0 and self.tolerance > 0):
            raise OptimizerError(
                f"the natural gradient needs max_iterations >= 1, learning_rate > 0 and tolerance > 0, got {self}"
            )
        if not self.regularization > 0 or not 0 <= self.momentum < 1:
            raise OptimizerError(f"the natural gradient needs regularization > 0 and momentum in [0, 1), got {self}")
        if self.blocks is not None:
            object.__setattr__(self, "blocks", tuple(tuple(block) for block in self.blocks))
            members = [k for block in self.blocks for k in block]
            if len(set(members)) < len(members) or min(members, default=0) < 0:
                raise OptimizerError(f"the natural gradient needs blocks of different angles, got {self.blocks}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:  # noqa: ARG002
        """Minimize `objective` from the angles `start`; `rng` is not used.

        A start where all slopes vanish is returned as it is. The final angles cost one energy more.

        Returns:
            The lowest value seen; with shots, if there is a metric with them, the last iterate, evaluated afresh.

        Raises:
            OptimizerError: if the objective has no metric, or `blocks` name angles that it does not have.
        """
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        if len(x) == 0:
            return counted.minimum(x, counted.value(x), converged=True)
        related, m, converged = self._related(len(x)), np.zeros_like(x), False
        for _ in range(self.max_iterations):
            metric = np.where(related, counted.metric(x), 0.0) + self.regularization * np.eye(len(x))
            _, gradient = counted.value_and_gradient(x)  # last, for a batch of data may change after it
            converged = bool(np.abs(gradient).max() < self.tolerance)
            if converged:
                break
            m = (1 - self.momentum) * np.linalg.solve(metric, gradient) + self.momentum * m
            x = x - self.learning_rate * m
        return counted.settle(x, converged=converged)

    def _related(self, n_parameters: int) -> NDArray[np.bool_]:
        """Return which entries of the metric are kept, shape (n_parameters, n_parameters)."""
        if self.blocks is None:
            return np.ones((n_parameters, n_parameters), dtype=bool)
        number = np.arange(n_parameters)
        for block in self.blocks:
            if max(block, default=-1) >= n_parameters:
                raise OptimizerError(f"the objective has {n_parameters} parameter(s), a block of the metric {block}")
            number[list(block)] = n_parameters + min(block, default=0)
        return np.asarray(number[:, None] == number[None, :], dtype=bool)
