"""A compact limited-memory BFGS in plain arithmetic, the pattern for one that runs inside a compiled call.

`LBFGS` uses SciPy's; this one reaches the same minima and can be transcribed line by line.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Descent", "cubic_minimum", "limited_memory_bfgs", "two_loop"]

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
    x, (value, gradient) = start.copy(), value_and_gradient(start)
    n = len(x)
    steps, changes, weights = np.zeros((memory, n)), np.zeros((memory, n)), np.zeros(memory)
    gradients, stored = 1, 0  # `stored` pairs so far, the newest in row (stored - 1) % memory
    for iteration in range(max_iterations):
        if n == 0 or np.abs(gradient).max() <= tolerance:
            return Descent(x, value, iteration, gradients, True)
        direction = -two_loop(gradient, steps, changes, weights, stored)
        slope = float(gradient @ direction)
        if slope >= 0:  # pairs of positive curvature allow this by rounding only
            stored, direction = 0, -gradient
            slope = float(gradient @ direction)
        step = 1.0 if stored else min(1.0, 1.0 / float(np.sqrt(-slope)))
        for _ in range(MAX_TRIALS):
            new_x = x + step * direction
            new_value, new_gradient = value_and_gradient(new_x)
            gradients += 1
            if new_value <= value + ARMIJO * step * slope:
                break
            step = cubic_minimum(step, value, slope, new_value, float(new_gradient @ direction))
        else:
            return Descent(x, value, iteration, gradients, False)
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
            return Descent(x, value, iteration + 1, gradients, True)
    return Descent(x, value, max_iterations, gradients, False)


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
