"""Adam-SPSA: simultaneous-perturbation gradients smoothed with Adam's moments, for objectives with shot noise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import OptimizerError

__all__ = ["AdamSPSA", "Gains", "adam_spsa_steps"]

Vector = NDArray[np.float64]


class Gains(NamedTuple):
    """What varies with the iteration, each of shape (n_iterations,): step a_k, perturbation c_k, decay b_k."""

    steps: Vector
    widths: Vector
    decays: Vector


@dataclass(frozen=True)
class AdamSPSA:
    """Minimize with Adam-SPSA, in one stage or in several with more and more shots.

    Iteration k = 0, 1, ...: with a random sign vector D, g = [f(x + c_k D) - f(x - c_k D)] / (2 c_k) * D,
    c_k = c / (k+1)**gamma, a_k = a / (k+1)**alpha, b_k = beta1 / (k+1)**lam; m and v are Adam's moments with decays b_k
    and beta2, corrected by 1 - b_k**(k+1) and 1 - beta2**(k+1); x moves by -a_k m / (sqrt(v) + 1e-8). The very first
    step is plain SPSA and leaves the moments alone. Stages follow each other without a break: k, m and v run on, only
    the shots of f change.

    Args:
        max_evaluations: energies allowed for the gradients, two per iteration, at least 2. With `stages` their sum,
            whatever is given.
        a, alpha: step length (radians) and its decay.
        c, gamma: perturbation (radians) and its decay.
        beta1, lam: first-moment decay and how fast it falls.
        beta2: second-moment decay.
        final_evaluations: fresh energies averaged at the end, so that the reported value is unbiased.
        stages: pairs (evaluations allowed, shots per measured circuit), in order; shots of None leave the objective
            as it is. Empty for one stage of `max_evaluations` on the objective as it is.

    Example:
        >>> settings = AdamSPSA(stages=((60, 100), (20, 1000), (10, None)))
        >>> settings.max_evaluations
        90

    Source: Patel et al., arXiv 2402.03500, section on Adam-SPSA; defaults are its settings for noisy H2 on 2 qubits.
    Differs from the source:
    - an odd number of evaluations is rounded down, not up, so that the budget holds;
    - signs come from the caller's generator and are fresh at every call (the published code repeats one sequence);
    - the result is the last iterate with a fresh evaluation, not the lowest noisy value seen, which is biased, and the
      iterates themselves are not evaluated (the published code spends a third energy per iteration on that);
    - shots have the statistics of a measurement (see `qvar.simulators.measurement`), not those of a Gaussian per term.
    """

    calls_per_step: ClassVar[int | None] = 2

    max_evaluations: int = 500
    a: float = 1.2104
    alpha: float = 0.9531
    c: float = 0.1039
    gamma: float = 0.0984
    beta1: float = 0.9414
    lam: float = 0.9277
    beta2: float = 0.9983
    final_evaluations: int = 1
    stages: tuple[tuple[int, int | None], ...] = ()

    def __post_init__(self) -> None:
        stages = tuple(_check_stage(stage) for stage in self.stages)
        object.__setattr__(self, "stages", stages)
        if stages:
            object.__setattr__(self, "max_evaluations", sum(evaluations for evaluations, _ in stages))
        if self.max_evaluations < 2 or self.final_evaluations < 1:
            raise OptimizerError(f"Adam-SPSA needs max_evaluations >= 2 and final_evaluations >= 1, got {self}")
        if not (self.a > 0 and self.c > 0) or not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise OptimizerError(f"Adam-SPSA needs a > 0, c > 0 and beta1, beta2 in [0, 1), got {self}")

    @classmethod
    def published(cls, task: str, *, noisy: bool = False) -> "AdamSPSA":
        """Return the settings of a published experiment.

        Args:
            task: "h2-2", "h2-3", "lih-4" or "lih-6". The last two have three stages with N / 100, N / 10 and N shots
                per measured circuit, N = 10**7 and 10**9; `with_shots` changes N. With the others the shots are those
                of the objective.
            noisy: the experiment with gate noise, not with shot noise only ("lih-4" has the same settings for both).

        Raises:
            OptimizerError: for an experiment without published settings.

        Source: Patel et al., arXiv 2402.03500, configuration files of the released code. The paper writes its stages
        as N/10, N, 10N; the configurations are named after that N and hold 10N (inferred).

        Example:
            >>> AdamSPSA.published("lih-4").stages
            ((1191, 100000), (357, 1000000), (119, 10000000))
        """
        if (task, noisy) not in _PUBLISHED:
            known = ", ".join(f"{key} with noisy={kind}" for key, kind in _PUBLISHED)
            raise OptimizerError(f"no published Adam-SPSA for {task!r} with noisy={noisy}; there are {known}")
        budgets, n_shots, constants = _PUBLISHED[task, noisy]
        base = cls(2, *constants)
        if len(budgets) == 1:
            return replace(base, max_evaluations=budgets[0])
        stages = zip(budgets, (n_shots // 100, n_shots // 10, n_shots), strict=True)
        return replace(base, stages=tuple(stages))

    def with_shots(self, shots: int) -> "AdamSPSA":
        """Return the settings with `shots` in the last stage and the same share of them as before in the others.

        Settings without stages, which use the shots of the objective, come back as they are.

        Raises:
            OptimizerError: if the last stage names no shots, or `shots` is no whole number of at least 1.
        """
        if not self.stages:
            return self
        last = self.stages[-1][1]
        if last is None:
            raise OptimizerError(
                f"the last stage needs shots of its own, which others are shares of, got {self.stages}"
            )
        wanted = check_whole("shots", shots, error=OptimizerError)
        return replace(
            self, stages=tuple((n, None if part is None else max(1, part * wanted // last)) for n, part in self.stages)
        )

    def gains(self, n_iterations: int) -> Gains:
        """Return steps, perturbations and decays of the first `n_iterations` iterations."""
        number = range(1, n_iterations + 1)
        return Gains(
            np.array([self.a / n**self.alpha for n in number], dtype=np.float64),
            np.array([self.c / n**self.gamma for n in number], dtype=np.float64),
            np.array([self.beta1 / n**self.lam for n in number], dtype=np.float64),
        )

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:
        """Minimize `objective` from the angles `start`; never converges early, spends its budget.

        All signs are drawn from `rng` first, in one array of shape (n_iterations, n_parameters); then it serves the
        shots of stages that name their own.

        Returns:
            The last iterate with the mean of `final_evaluations` fresh energies of `objective` as it was given.
        """
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        stages = self.stages or ((self.max_evaluations, None),)
        lengths = [evaluations // 2 if len(x) else 0 for evaluations, _ in stages]
        signs = rng.choice([-1.0, 1.0], size=(sum(lengths), len(x)))
        gains, m, v, first = self.gains(sum(lengths)), np.zeros_like(x), np.zeros_like(x), 0
        for (_, shots), length in zip(stages, lengths, strict=True):
            counted.objective = objective if shots is None else objective.with_shots(shots, rng)
            span = (float(self.beta2), first, first + length)
            x, m, v = run_loop(adam_spsa_steps, counted, x, m, v, signs, *gains, *span, calls=2 * length)
            first += length
        counted.objective = objective
        value = float(np.mean([counted.value(x) for _ in range(self.final_evaluations)]))
        return counted.minimum(x, value, converged=False)


def adam_spsa_steps(
    value: Callable[[Problem, Vector], float],
    problem: Problem,
    x: Vector,
    m: Vector,
    v: Vector,
    signs: Vector,
    steps: Vector,
    widths: Vector,
    decays: Vector,
    beta2: float,
    first: int,
    last: int,
) -> tuple[Vector, Vector, Vector]:
    """Do the iterations k = first .. last - 1 and return angles and moments.

    Args:
        value: the energy of `problem` at angles of shape (n_parameters,).
        problem: what `value` takes (see `qvar.optimizers.loops`).
        x: angles, shape (n_parameters,), radians.
        m: first moment, shape (n_parameters,).
        v: second moment, shape (n_parameters,).
        signs: +1 or -1, shape (n_iterations, n_parameters).
        steps: a_k of all iterations, as `Gains` has them.
        widths: c_k of all iterations.
        decays: b_k of all iterations.
        beta2: decay of the second moment.
        first: the first iteration to do; k = 0 is plain SPSA.
        last: the one after the last.
    """
    for k in range(first, last):
        step, width, decay = float(steps[k]), float(widths[k]), float(decays[k])
        difference = value(problem, x + width * signs[k]) - value(problem, x - width * signs[k])
        gradient = difference / (2 * width) * signs[k]
        if k == 0:
            x = x - step * gradient
            continue
        m = decay * m + (1 - decay) * gradient
        v = beta2 * v + (1 - beta2) * gradient**2
        m_hat, v_hat = m / (1 - decay ** (k + 1)), v / (1 - beta2 ** (k + 1))
        x = x - step * m_hat / (np.sqrt(v_hat) + 1e-8)
    return x, m, v


def _check_stage(stage: tuple[int, int | None]) -> tuple[int, int | None]:
    try:
        evaluations, shots = stage
    except (TypeError, ValueError):
        raise OptimizerError(f"a stage of Adam-SPSA needs a pair (evaluations, shots or None), got {stage!r}") from None
    evaluations = check_whole("evaluations of an Adam-SPSA stage", evaluations, least=2, error=OptimizerError)
    if shots is not None:
        shots = check_whole("shots of an Adam-SPSA stage", shots, error=OptimizerError)
    return evaluations, shots


_Constants = tuple[float, float, float, float, float, float, float]
_PUBLISHED: dict[tuple[str, bool], tuple[tuple[int, ...], int, _Constants]] = {
    ("h2-2", False): ((200,), 10**4, (1.4934, 0.9931, 0.0612, 0.0253, 0.8804, 0.6104, 0.9979)),
    ("h2-3", False): ((250,), 10**5, (0.5597, 0.9958, 0.0901, 0.1530, 0.7006, 0.6535, 0.7719)),
    ("lih-4", False): ((1191, 357, 119), 10**7, (1.8658, 0.9451, 0.046, 0.1397, 0.9658, 0.0138, 0.8594)),
    ("lih-6", False): ((1430, 429, 143), 10**9, (1.7564, 0.8365, 0.1068, 0.1549, 0.6841, 0.1223, 0.9048)),
    ("h2-2", True): ((500,), 10**3, (1.2104, 0.9531, 0.1039, 0.0984, 0.9414, 0.9277, 0.9983)),
    ("h2-3", True): ((500,), 10**4, (0.5188, 0.9859, 0.0938, 0.0974, 0.7160, 0.6483, 0.6265)),
    ("lih-4", True): ((1191, 357, 119), 10**7, (1.8658, 0.9451, 0.046, 0.1397, 0.9658, 0.0138, 0.8594)),
}
"""By task and whether gates are noisy: evaluations per stage, shots of the last stage, and a, alpha, c, gamma, beta1,
lambda, beta2 (arXiv 2402.03500, configuration files of the released code)."""
