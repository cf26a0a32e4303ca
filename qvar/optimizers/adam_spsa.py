"""Adam-SPSA: simultaneous-perturbation gradients smoothed with Adam's moments, for objectives with shot noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.errors import OptimizerError

__all__ = ["AdamSPSA"]


@dataclass(frozen=True)
class AdamSPSA:
    """Minimize with one-stage Adam-SPSA.

    Iteration k = 0, 1, ...: with a random sign vector D, g = [f(x + c_k D) - f(x - c_k D)] / (2 c_k) * D,
    c_k = c / (k+1)**gamma, a_k = a / (k+1)**alpha, b_k = beta1 / (k+1)**lam; m and v are Adam's moments with decays b_k
    and beta2, corrected by 1 - b_k**(k+1) and 1 - beta2**(k+1); x moves by -a_k m / (sqrt(v) + 1e-8). The very first
    step is plain SPSA and leaves the moments alone.

    Args:
        max_evaluations: energies allowed for the gradients, two per iteration, at least 2.
        a, alpha: step length (radians) and its decay.
        c, gamma: perturbation (radians) and its decay.
        beta1, lam: first-moment decay and how fast it falls.
        beta2: second-moment decay.
        final_evaluations: fresh energies averaged at the end, so that the reported value is unbiased.

    Source: Patel et al., arXiv 2402.03500, section on Adam-SPSA; defaults are its settings for noisy H2 on 2 qubits.
    Differs from the source:
    - an odd `max_evaluations` is rounded down, not up, so that the budget holds;
    - signs come from the caller's generator and are fresh at every call (the published code repeats one sequence);
    - the result is the last iterate with a fresh evaluation, not the lowest noisy value seen, which is biased.
    """

    max_evaluations: int = 500
    a: float = 1.2104
    alpha: float = 0.9531
    c: float = 0.1039
    gamma: float = 0.0984
    beta1: float = 0.9414
    lam: float = 0.9277
    beta2: float = 0.9983
    final_evaluations: int = 1

    def __post_init__(self) -> None:
        if self.max_evaluations < 2 or self.final_evaluations < 1:
            raise OptimizerError(f"Adam-SPSA needs max_evaluations >= 2 and final_evaluations >= 1, got {self}")
        if not (self.a > 0 and self.c > 0) or not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise OptimizerError(f"Adam-SPSA needs a > 0, c > 0 and beta1, beta2 in [0, 1), got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`; never converges early, spends its budget."""
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        m, v = np.zeros_like(x), np.zeros_like(x)
        for k in range(self.max_evaluations // 2 if len(x) else 0):
            step, width = self.a / (k + 1) ** self.alpha, self.c / (k + 1) ** self.gamma
            signs = rng.choice([-1.0, 1.0], size=len(x))
            difference = counted.value(x + width * signs) - counted.value(x - width * signs)
            gradient = difference / (2 * width) * signs
            if k == 0:
                x = x - step * gradient
                continue
            decay = self.beta1 / (k + 1) ** self.lam
            m = decay * m + (1 - decay) * gradient
            v = self.beta2 * v + (1 - self.beta2) * gradient**2
            m_hat, v_hat = m / (1 - decay ** (k + 1)), v / (1 - self.beta2 ** (k + 1))
            x = x - step * m_hat / (np.sqrt(v_hat) + 1e-8)
        value = float(np.mean([counted.value(x) for _ in range(self.final_evaluations)]))
        return counted.minimum(x, value, converged=False)
