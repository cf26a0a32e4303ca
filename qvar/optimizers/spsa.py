"""SPSA: a gradient estimate from two energies, however many angles there are; for objectives with shot noise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["SPSA", "spsa_slopes", "spsa_steps"]

Vector = NDArray[np.float64]
_FLAT = 1e-10


@dataclass(frozen=True)
class SPSA:
    """Minimize with simultaneous-perturbation stochastic approximation.

    Iteration k = 0, 1, ...: with a random sign vector D, x moves by -a_k [f(x + c_k D) - f(x - c_k D)] / (2 c_k) * D;
    a_k = a / (k+1+A)**alpha, c_k = c / (k+1)**gamma, A = `stability` times the number of iterations.

    Calibration, if `a` is None: the mean of |f(x + c D) - f(x - c D)| / (2 c) over `calibration` sign vectors at the
    start point is the expected slope; `a` is chosen so that the first step moves every angle by `first_step`.

    Args:
        max_evaluations: energies allowed, calibration included, final evaluations not; two per iteration.
        a: step length; None to calibrate it.
        alpha: decay of the steps.
        c, gamma: perturbation (radians) and its decay; with shots `c` should be about the standard deviation of f.
        stability: share of the iterations during which steps hardly fall, at least 0; Spall advises 0.1, which needs
            a `first_step` of 0.1 to 0.2: longer steps that hardly fall were measured to diverge at 24 angles.
        first_step: what calibration aims at, radians.
        calibration: sign vectors of the calibration, two energies each.
        final_evaluations: fresh energies averaged at the end, so that the reported value is unbiased.

    Source: Spall, IEEE Trans. Aerosp. Electron. Syst. 34, 817 (1998): gains, asymptotic exponents 0.602 and 0.101, and
    choosing `a` from a desired first step. That this step is 2 pi / 10, without stability, is Qiskit's choice.
    Differs from the source:
    - no blocking: a step that seems to raise the value is taken all the same;
    - the number of calibration energies is part of the budget.
    """

    calls_per_step: ClassVar[int | None] = 2

    max_evaluations: int = 500
    a: float | None = None
    alpha: float = 0.602
    c: float = 0.2
    gamma: float = 0.101
    stability: float = 0.0
    first_step: float = 2 * np.pi / 10
    calibration: int = 25
    final_evaluations: int = 1

    def __post_init__(self) -> None:
        least = 2 if self.a is not None else 2 + 2 * self.calibration
        if self.calibration < 1 or self.final_evaluations < 1 or self.max_evaluations < least:
            raise OptimizerError(
                f"SPSA needs calibration >= 1, final_evaluations >= 1 and max_evaluations >= {least} (two for an "
                f"iteration, and two for each calibration vector unless `a` is given), got {self}"
            )
        if not (self.c > 0 and self.first_step > 0 and self.stability >= 0) or not (self.a is None or self.a > 0):
            raise OptimizerError(f"SPSA needs a, c, first_step > 0 and stability >= 0, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`; never converges early, spends its budget.

        All signs are drawn from `rng` first, in one array of shape (n, n_parameters): the calibration's, if there is
        one, then one row per iteration.
        """
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        if len(x):
            n_calibration = self.calibration if self.a is None else 0
            signs = rng.choice([-1.0, 1.0], size=(self.max_evaluations // 2, len(x)))
            first, rest = signs[:n_calibration], signs[n_calibration:]
            slopes = run_loop(spsa_slopes, counted, x, first, float(self.c), calls=2 * len(first))
            x = run_loop(spsa_steps, counted, x, rest, *self.gains(len(rest), slopes), calls=2 * len(rest))
        value = float(np.mean([counted.value(x) for _ in range(self.final_evaluations)]))
        return counted.minimum(x, value, converged=len(x) == 0)

    def gains(self, n_iterations: int, slopes: Vector) -> tuple[Vector, Vector]:
        """Return steps a_k and perturbations c_k, each of shape (n_iterations,).

        Args:
            n_iterations: number of iterations.
            slopes: slopes found by the calibration, not used if `a` is set.
        """
        number = np.arange(1, n_iterations + 1, dtype=np.float64)
        offset = self.stability * n_iterations
        a = self.a
        if a is None:
            slope = float(np.mean(slopes))
            a = self.first_step * (1 + offset) ** self.alpha / (slope if slope > _FLAT else 1.0)
        return a / (number + offset) ** self.alpha, self.c / number**self.gamma


def spsa_slopes(
    value: Callable[[Problem, Vector], float], problem: Problem, x: Vector, signs: Vector, width: float
) -> Vector:
    """Return |f(x + width D) - f(x - width D)| / (2 width) for every row D of `signs`, shape (n, n_parameters).

    `value` takes the problem, whatever it is, and angles (see `qvar.optimizers.loops`).
    """
    slopes = np.empty(len(signs))
    for k in range(len(signs)):
        difference = value(problem, x + width * signs[k]) - value(problem, x - width * signs[k])
        slopes[k] = abs(difference) / (2 * width)
    return slopes


def spsa_steps(
    value: Callable[[Problem, Vector], float], problem: Problem, x: Vector, signs: Vector, steps: Vector, widths: Vector
) -> Vector:
    """Do one iteration for every row of `signs`, shape (n_iterations, n_parameters), and return the angles."""
    for k in range(len(signs)):
        difference = value(problem, x + widths[k] * signs[k]) - value(problem, x - widths[k] * signs[k])
        x = x - steps[k] * (difference / (2 * widths[k])) * signs[k]
    return x
