"""L-BFGS through SciPy, on the exact gradients that the engines give."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["LBFGS"]


@dataclass(frozen=True)
class LBFGS:
    """Minimize with limited-memory BFGS.

    A new rotation is often placed where its slope vanishes by symmetry, so that a gradient alone would never move it.
    If the descent gains nothing on the start point, it is therefore repeated once from a displaced start, and the
    better outcome counts.

    Args:
        max_iterations: iterations allowed per descent, at least 1.
        tolerance: stop when every component of the gradient is below this, energy unit per radian.
        value_tolerance: stop when an iteration lowers the value by less than this, relative to its size.
        displacement: standard deviation of the displaced start from the first, radians; 0 for no second descent.

    Source: Byrd, Lu, Nocedal and Zhu 1995 (SciPy's L-BFGS-B, without bounds).
    """

    calls_per_step: ClassVar[int | None] = None

    max_iterations: int = 200
    tolerance: float = 1e-5
    value_tolerance: float = 1e-9
    displacement: float = 0.3

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or not self.displacement >= 0:
            raise OptimizerError(f"L-BFGS needs max_iterations >= 1 and displacement >= 0, got {self}")
        if not (self.tolerance > 0 and self.value_tolerance > 0):
            raise OptimizerError(f"L-BFGS needs positive tolerances, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`, drawing the displacement, if any, from `rng`.

        Returns:
            The lowest value seen. With a noisy objective that value is biased downwards: evaluate afresh.
        """
        angles = check_start(objective, start)
        counted = CountedObjective(objective)
        if len(angles) == 0:
            return counted.minimum(angles, counted.value(angles), converged=True)
        converged = self._descend(counted, angles)
        if self.displacement > 0 and not counted.has_gained():
            displaced = angles + rng.normal(scale=self.displacement, size=len(angles))
            converged = self._descend(counted, displaced) and converged
        return counted.lowest(converged=converged)

    def _descend(self, counted: CountedObjective, start: NDArray[np.float64]) -> bool:
        options = {"maxiter": self.max_iterations, "gtol": self.tolerance, "ftol": self.value_tolerance}
        result = minimize(counted.value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
        return bool(result.success)
