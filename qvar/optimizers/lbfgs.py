"""L-BFGS through SciPy, on the exact gradients that the engines give."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["LBFGS"]


@dataclass(frozen=True)
class LBFGS:
    """Minimize with limited-memory BFGS.

    A new rotation is often placed where its slope vanishes by symmetry, so that a gradient alone would never move it.
    The start point is therefore displaced by `jitter` if all slopes there are below `tolerance`.

    Args:
        max_iterations: iterations allowed, at least 1.
        tolerance: stop when every component of the gradient is below this, energy unit per radian.
        jitter: standard deviation of the displacement from a stationary start, radians; 0 switches it off.

    Source: Byrd, Lu, Nocedal and Zhu 1995 (SciPy's L-BFGS-B, without bounds).
    """

    max_iterations: int = 200
    tolerance: float = 1e-7
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.tolerance <= 0 or self.jitter < 0:
            raise OptimizerError(f"L-BFGS needs max_iterations >= 1, tolerance > 0 and jitter >= 0, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`, drawing the jitter, if any, from `rng`."""
        angles = check_start(objective, start)
        counted = CountedObjective(objective)
        value, gradient = counted.value_and_gradient(angles)
        if len(angles) == 0:
            return counted.minimum(angles, value, converged=True)
        if self.jitter > 0 and np.abs(gradient).max() < self.tolerance:
            angles = angles + rng.normal(scale=self.jitter, size=len(angles))
        result = minimize(
            counted.value_and_gradient,
            angles,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iterations, "gtol": self.tolerance, "ftol": 1e-14},
        )
        assert counted.best_parameters is not None
        return counted.minimum(counted.best_parameters, counted.best_value, converged=bool(result.success))
