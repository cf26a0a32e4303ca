"""A compact limited-memory BFGS in plain arithmetic, which numba translates as it stands.

`LBFGS` uses SciPy's; this one reaches the same minima by another line search, and runs inside one compiled call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["CompactLBFGS", "Descent", "bfgs_steps", "cubic_minimum", "limited_memory_bfgs", "two_loop"]

Vector = NDArray[np.float64]
ARMIJO = 1e-4
"""A step must lower the value by this share of what its slope promises."""
CURVATURE = 1e-10
"""A pair (s, y) enters the memory only if s.y exceeds this times |s| |y|."""
MAX_TRIALS = 20
"""Steps tried along one direction."""


@dataclass(frozen=True)
class Descent:
    """The outcome of a descent.

    Attributes:
        parameters: the last accepted angles, which are the best, float64 of shape (n_parameters,), radians.
        value: the value there.
        iterations: accepted steps.
        gradients: values with gradients evaluated.
        converged: whether a tolerance was met; False if iterations or trials of the line search ran out.
    """

    parameters: Vector
    value: float
    iterations: int
    gradients: int
    converged: bool


@dataclass(frozen=True)
class CompactLBFGS:
    """Minimize with limited-memory BFGS and a backtracking line search, in a compiled call where that is possible.

    Where the descent gains nothing on the start point, it is repeated once from a displaced start, as by `LBFGS`. With
    `restarts`, further descents are made in any case, each from the best angles so far, displaced: circuits that grow
    gate by gate inherit their angles, and with them a local minimum.

    Args:
        max_iterations: accepted steps allowed per descent, at least 1.
        memory: pairs of steps and gradient changes remembered, at least 1.
        tolerance: stop when every component of the gradient is at most this, energy unit per radian.
        value_tolerance: stop when a step lowers the value by at most this, relative to its size or 1.
        displacement: standard deviation of displaced starts, radians; 0 for no further descents.
        restarts: further descents in any case. With shots there are none, for the better of two could not be told.

    Source: as `limited_memory_bfgs`, with its deviations.
    Differs from the source:
    - it leaves a stationary start once.
    """

    calls_per_step: ClassVar[int | None] = None

    max_iterations: int = 200
    memory: int = 10
    tolerance: float = 1e-5
    value_tolerance: float = 1e-9
    displacement: float = 0.3
    restarts: int = 0

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.memory < 1 or not self.displacement >= 0:
            raise OptimizerError(f"L-BFGS needs max_iterations, memory >= 1 and displacement >= 0, got {self}")
        if self.restarts < 0 or (self.restarts and not self.displacement):
            raise OptimizerError(f"L-BFGS needs restarts >= 0, and with restarts a displacement > 0, got {self}")
        if not (self.tolerance > 0 and self.value_tolerance > 0):
            raise OptimizerError(f"L-BFGS needs positive tolerances, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`, drawing the displacement, if one is needed, from `rng`.

        Returns:
            The lowest value seen; with shots the last accepted angles, evaluated afresh.
        """
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        if len(x) == 0:
            return counted.minimum(x, counted.value(x), converged=True)
        has_shots = bool(objective.shots_per_evaluation)
        last, converged = self._descend(counted, x)
        further = 0 if has_shots else self.restarts
        if self.displacement > 0 and not counted.has_gained():
            further = max(further, 1)
        for _ in range(further):
            origin = x if has_shots or counted.best_parameters is None else counted.best_parameters
            last, converged = self._descend(counted, origin + rng.normal(scale=self.displacement, size=len(x)))
        if has_shots:
            return counted.settle(last, converged=converged)
        return counted.lowest(converged=converged)

    def _descend(self, counted: CountedObjective, x: Vector) -> tuple[Vector, bool]:
        settings = (self.max_iterations, self.memory, float(self.tolerance), float(self.value_tolerance))
        calls = 1 + MAX_TRIALS * self.max_iterations
        last, _, _, _, converged = run_loop(bfgs_steps, counted, x, *settings, calls=calls, gradients=True)
        return last, converged


def limited_memory_bfgs(
    value_and_gradient: Callable[[Vector], tuple[float, Vector]],
    start: Vector,
    *,
    max_iterations: int = 200,
    memory: int = 10,
    tolerance: float = 1e-5,
    value_tolerance: float = 1e-9,
) -> Descent:
    """Descend from `start` with limited-memory BFGS and a backtracking line search.

    Direction: -H g by the two-loop recursion over the last `memory` pairs s = x' - x, y = g' - g; the steepest descent
    without pairs, or where -H g does not point downhill. The first step tried has length 1 in units of the direction,
    for a steepest descent at most 1 radian; it is shortened to the minimum of the cubic through values and slopes at
    both ends, kept within 0.1 to 0.5 of it, until f' <= f + 1e-4 step g.d.

    Args:
        value_and_gradient: value and gradient at angles of shape (n_parameters,).
        start: angles, float64 of shape (n_parameters,), radians; left alone.
        max_iterations: accepted steps allowed.
        memory: pairs remembered.
        tolerance: stop when every component of the gradient is at most this.
        value_tolerance: stop when a step lowers the value by at most this, relative to its size or 1.

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 3.1, equation 3.59.
    Differs from the source:
    - no curvature condition in the line search: a pair of no positive curvature is not remembered instead.
    """
    return Descent(*bfgs_steps(_call, value_and_gradient, start, max_iterations, memory, tolerance, value_tolerance))


def _call(function: Callable[[Vector], tuple[float, Vector]], x: Vector) -> tuple[float, Vector]:
    return function(x)


def bfgs_steps(
    value_and_gradient: Callable[[Problem, Vector], tuple[float, Vector]],
    problem: Problem,
    start: Vector,
    max_iterations: int,
    memory: int,
    tolerance: float,
    value_tolerance: float,
) -> tuple[Vector, float, int, int, bool]:
    """Descend as `limited_memory_bfgs` does and return the fields of a `Descent`.

    `value_and_gradient` takes the problem, whatever it is, and angles (see `qvar.optimizers.loops`).
    """
    x, (value, gradient) = start.copy(), value_and_gradient(problem, start)
    n = len(x)
    steps, changes, weights = np.zeros((memory, n)), np.zeros((memory, n)), np.zeros(memory)
    gradients, stored = 1, 0  # `stored` pairs so far, the newest in row (stored - 1) % memory
    for iteration in range(max_iterations):
        if n == 0 or np.abs(gradient).max() <= tolerance:
            return x, value, iteration, gradients, True
        direction = -two_loop(gradient, steps, changes, weights, stored)
        slope = float(gradient @ direction)
        if slope >= 0:  # pairs of positive curvature allow this by rounding only
            stored, direction = 0, -gradient
            slope = float(gradient @ direction)
        step = 1.0 if stored else min(1.0, 1.0 / float(np.sqrt(-slope)))
        for _ in range(MAX_TRIALS):
            new_x = x + step * direction
            new_value, new_gradient = value_and_gradient(problem, new_x)
            gradients += 1
            if new_value <= value + ARMIJO * step * slope:
                break
            step = cubic_minimum(step, value, slope, new_value, float(new_gradient @ direction))
        else:
            return x, value, iteration, gradients, False
        s, y = new_x - x, new_gradient - gradient
        curvature = float(s @ y)
        if curvature > CURVATURE * float(np.sqrt(s @ s) * np.sqrt(y @ y)):
            row = stored % memory
            steps[row], changes[row], weights[row] = s, y, 1 / curvature
            stored += 1
        gain = value - new_value
        size = max(abs(value), abs(new_value), 1.0)
        x, value, gradient = new_x, new_value, new_gradient
        if gain <= value_tolerance * size:
            return x, value, iteration + 1, gradients, True
    return x, value, max_iterations, gradients, False


def two_loop(gradient: Vector, steps: Vector, changes: Vector, weights: Vector, stored: int) -> Vector:
    """Return H g, H the inverse Hessian that the remembered pairs suggest.

    Args:
        gradient: g, shape (n_parameters,).
        steps: the s of remembered pairs in a ring, shape (memory, n_parameters).
        changes: their y.
        weights: 1 / (s.y), shape (memory,).
        stored: pairs ever stored; the newest is in row (stored - 1) % memory.
    """
    memory = len(weights)
    used = min(stored, memory)
    result = gradient.copy()
    shares = np.zeros(memory)
    for k in range(used):  # newest to oldest
        row = (stored - 1 - k) % memory
        shares[row] = weights[row] * float(steps[row] @ result)
        result = result - shares[row] * changes[row]
    if used:
        newest = (stored - 1) % memory
        result = result / (weights[newest] * float(changes[newest] @ changes[newest]))
    for k in range(used - 1, -1, -1):  # oldest to newest
        row = (stored - 1 - k) % memory
        share = weights[row] * float(changes[row] @ result)
        result = result + (shares[row] - share) * steps[row]
    return result


def cubic_minimum(step: float, value: float, slope: float, new_value: float, new_slope: float) -> float:
    """Return where the cubic through values and slopes at 0 and `step` is lowest, within 0.1 to 0.5 of `step`.

    There is such a minimum, and nothing below is divided by 0, if it goes down at 0 and `step` fails Armijo's rule:
    then |d1| is hardly less than |slope| + |new_slope| where both slopes are negative.
    """
    d1 = slope + new_slope - 3 * (new_value - value) / step
    d2 = float(np.sqrt(max(d1 * d1 - slope * new_slope, 0.0)))
    share = 1 - (new_slope + d2 - d1) / (new_slope - slope + 2 * d2)
    return step * min(max(share, 0.1), 0.5)
