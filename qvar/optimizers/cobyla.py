"""COBYLA through NLopt: derivative-free minimization by linear models in a shrinking trust region."""

from dataclasses import dataclass
from typing import ClassVar

import nlopt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["Cobyla"]


@dataclass(frozen=True)
class Cobyla:
    """Minimize with NLopt's LN_COBYLA.

    NLopt costs about 0.04 ms per evaluation of its own; SciPy's COBYLA costs over 1 ms since 1.16.

    Args:
        max_evaluations: energies allowed, at least 0; 0 evaluates the start point and returns it.
        initial_step: initial trust radius, radians.
        tolerance: stop when the angles move less than this, radians.

    Source: Powell 1994; as angle optimizer in Patel et al., arXiv 2402.03500, with 100 or 1000 evaluations.
    """

    calls_per_step: ClassVar[int | None] = None

    max_evaluations: int = 1000
    initial_step: float = 1.0
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        if self.max_evaluations < 0 or not (self.initial_step > 0 and self.tolerance > 0):
            raise OptimizerError(f"COBYLA needs max_evaluations >= 0, initial_step > 0 and tolerance > 0, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:  # noqa: ARG002
        """Minimize `objective` from the angles `start`; deterministic, `rng` is not used.

        Returns:
            The lowest value seen. With a noisy objective that value is biased downwards: evaluate afresh.
        """
        angles = check_start(objective, start)
        counted = CountedObjective(objective)
        if self.max_evaluations == 0 or len(angles) == 0:
            value = counted.value(angles)
            return counted.minimum(angles, value, converged=True)

        begun = 0

        def function(theta: NDArray[np.float64], gradient: NDArray[np.float64]) -> float:  # noqa: ARG001
            nonlocal begun
            begun += 1
            return counted.value(theta)

        solver = nlopt.opt(nlopt.LN_COBYLA, len(angles))
        solver.set_min_objective(function)
        solver.set_initial_step(self.initial_step)
        solver.set_xtol_abs(self.tolerance)
        solver.set_maxeval(self.max_evaluations)
        converged = False
        try:
            solver.optimize(angles)
            converged = solver.last_optimize_result() != nlopt.MAXEVAL_REACHED
        except nlopt.RoundoffLimited:
            if begun > counted.evaluations:
                raise  # it came from within the objective
            converged = True  # no further progress is possible in float64; the best point stands
        return counted.lowest(converged=converged)
