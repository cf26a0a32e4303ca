"""Adagrad: steps along exact gradients, every angle scaled by the size its slope ever had."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, minimize_displaced
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["Adagrad", "adagrad_steps"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Adagrad:
    """Minimize with Adagrad.

    Each iteration adds the squares of the slopes to a, a = a + g**2 from a = 0, and moves x by
    -learning_rate * g / sqrt(a + epsilon): the first step turns every angle by the learning rate.

    Where the descent gains nothing on the start point, it is repeated once from a displaced start, as by `LBFGS`.
    Each step is one gradient, in either descent; the final angles cost one energy more.

    Args:
        max_iterations: gradients allowed per descent, at least 1.
        learning_rate: length of the first step, radians.
        epsilon: keeps the quotient finite, square of an energy unit per radian.
        tolerance: stop when the value changes by at most this from one gradient to the next, energy unit.
        displacement: standard deviation of the displaced start from the first, radians; 0 for no second descent.

    Source: Duchi, Hazan and Singer, J. Mach. Learn. Res. 12, 2121 (2011), the diagonal form; learning rate, epsilon and
    stop are those with which Sun, Wu, Ma and Tresp, arXiv 2401.11576, train circuits (there 50 or 100 iterations).
    Differs from the source:
    - the minimum is over all angles, without the regularization and the bounds of the first source;
    - it leaves a stationary start once.
    """

    calls_per_step: ClassVar[int | None] = 1

    max_iterations: int = 1000
    learning_rate: float = 0.5
    epsilon: float = 1e-8
    tolerance: float = 1e-9
    displacement: float = 0.3

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or not (self.tolerance > 0 and self.displacement >= 0):
            raise OptimizerError(f"Adagrad needs max_iterations >= 1, tolerance > 0 and displacement >= 0, got {self}")
        if not (self.learning_rate > 0 and self.epsilon > 0):
            raise OptimizerError(f"Adagrad needs learning_rate > 0 and epsilon > 0, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`.

        The displacement is drawn from `rng` first, shape (n_parameters,), whether it will be needed or not.

        Returns:
            The lowest value seen; with shots the last iterate, evaluated afresh.
        """
        return minimize_displaced(self._descend, objective, start, rng, displacement=self.displacement)

    def _descend(self, counted: CountedObjective, x: Vector) -> tuple[Vector, bool]:
        settings = (self.learning_rate, self.epsilon, self.tolerance)
        n = self.max_iterations
        last, converged = run_loop(adagrad_steps, counted, x, n, *map(float, settings), calls=n, gradients=True)
        return last, converged


def adagrad_steps(
    value_and_gradient: Callable[[Problem, Vector], tuple[float, Vector]],
    problem: Problem,
    x: Vector,
    max_iterations: int,
    learning_rate: float,
    epsilon: float,
    tolerance: float,
) -> tuple[Vector, bool]:
    """Descend from `x`, shape (n_parameters,); return the last angles and whether the value stood still there.

    `value_and_gradient` takes the problem, whatever it is, and angles (see `qvar.optimizers.loops`).

    The last step of a spent budget leads to angles that have not been evaluated.
    """
    squares = np.zeros_like(x)
    before = np.inf
    for _ in range(max_iterations):
        value, gradient = value_and_gradient(problem, x)
        if np.abs(value - before) <= tolerance:
            return x, True
        before = value
        squares = squares + gradient**2
        x = x - learning_rate * gradient / np.sqrt(squares + epsilon)
    return x, False
