"""Adam: steps along exact gradients, every angle scaled by the size its slope had lately."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, minimize_displaced
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["Adam", "adam_steps"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Adam:
    """Minimize with Adam.

    Iteration k = 1, 2, ...: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g**2, and x moves by
    -learning_rate * m / (1 - beta1**k) / (sqrt(v / (1 - beta2**k)) + epsilon).

    Where the descent gains nothing on the start point, it is repeated once from a displaced start, as by `LBFGS`.
    Each step is one gradient, in either descent; the final angles cost one energy more.

    Args:
        max_iterations: gradients allowed per descent, at least 1.
        learning_rate: step length, radians: 0.1 is a thirtieth of half a turn.
        beta1, beta2: decays of the moments.
        epsilon: keeps the quotient finite.
        tolerance: stop when every component of the gradient is below this, energy unit per radian.
        displacement: standard deviation of the displaced start from the first, radians; 0 for no second descent.

    Source: Kingma and Ba, arXiv 1412.6980, algorithm 1, with its decays and epsilon.
    Differs from the source:
    - the learning rate is that of angles, not of network weights (0.001 there);
    - it stops at vanishing gradients, and leaves a stationary start once.
    """

    calls_per_step: ClassVar[int | None] = 1

    max_iterations: int = 500
    learning_rate: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    tolerance: float = 1e-5
    displacement: float = 0.3

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or not (self.tolerance > 0 and self.displacement >= 0):
            raise OptimizerError(f"Adam needs max_iterations >= 1, tolerance > 0 and displacement >= 0, got {self}")
        if not (self.learning_rate > 0 and self.epsilon > 0):
            raise OptimizerError(f"Adam needs learning_rate > 0 and epsilon > 0, got {self}")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise OptimizerError(f"Adam needs beta1, beta2 in [0, 1), got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`.

        The displacement is drawn from `rng` first, shape (n_parameters,), whether it will be needed or not.

        Returns:
            The lowest value seen; with shots the last iterate, evaluated afresh.
        """
        return minimize_displaced(self._descend, objective, start, rng, displacement=self.displacement)

    def _descend(self, counted: CountedObjective, x: Vector) -> tuple[Vector, bool]:
        settings = (self.learning_rate, self.beta1, self.beta2, self.epsilon, self.tolerance)
        n = self.max_iterations
        last, converged = run_loop(adam_steps, counted, x, n, *map(float, settings), calls=n, gradients=True)
        return last, converged


def adam_steps(
    value_and_gradient: Callable[[Problem, Vector], tuple[float, Vector]],
    problem: Problem,
    x: Vector,
    max_iterations: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    tolerance: float,
) -> tuple[Vector, bool]:
    """Descend from `x`, shape (n_parameters,); return the last angles and whether the gradient vanished there.

    `value_and_gradient` takes the problem, whatever it is, and angles (see `qvar.optimizers.loops`).

    The last step of a spent budget leads to angles that have not been evaluated.
    """
    m, v = np.zeros_like(x), np.zeros_like(x)
    for k in range(1, max_iterations + 1):
        _, gradient = value_and_gradient(problem, x)
        if np.abs(gradient).max() < tolerance:
            return x, True
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient**2
        x = x - learning_rate * (m / (1 - beta1**k)) / (np.sqrt(v / (1 - beta2**k)) + epsilon)
    return x, False
