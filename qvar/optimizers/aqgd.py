"""AQGD: analytic quantum gradient descent with momentum, in segments of falling step length."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Circuit, Objective
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import OptimizerError

__all__ = ["AQGD", "aqgd_steps"]

Vector = NDArray[np.float64]
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class AQGD:
    """Minimize by gradient descent with momentum.

    Each step: m = (1 - momentum) g + momentum m, then x moves by -eta m; m starts at 0 and is not corrected. Segments
    (Qiskit calls them epochs) follow each other without a break.

    Two rules give g:

    - "probability-shift" takes the gradient that the objective offers. Under a loss that is not linear in expectation
      values that means: shift the class probabilities, which are linear, with every gate shifted by itself, then apply
      the chain rule; a reverse sweep gives the same numbers. Shared and scaled angles are right.
    - "loss-shift" is the rule as Qiskit has it: g_k = [f(x + pi/2 e_k) - f(x - pi/2 e_k)] / 2 of the objective itself,
      2 P + 1 energies per step in one batch. This is a gradient only if f is linear in expectation values and every
      angle drives one gate unscaled; the first condition cannot be checked. For f = -ln[(1 + cos x) / 2] it gives 1.226
      at x = 1, where the slope is 0.546. Kept to reproduce results that were found with it.

    Args:
        max_iterations: steps of each segment, at least 0; one number or a tuple.
        eta: step length of each segment (radians squared per energy unit); one number serves all segments. Steps
            overshoot where eta times the curvature exceeds 2, as with angles that serve several gates; lower it there.
        momentum: share of the last step that each one keeps, in [0, 1), by segment; one number serves all.
        tolerance: stop when the mean of the last `averaging` values changes by less than this, energy unit.
        parameter_tolerance: stop when no angle moved by this much in the last step, radians.
        averaging: values in that mean, at least 1.
        gradient: "probability-shift" or "loss-shift".

    Source: AQGD of Qiskit (qiskit-machine-learning 0.9 and before), its formulas and defaults.
    Differs from the source:
    - the gradient is right for losses that are not linear, unless the source's rule is asked for;
    - that rule refuses angles that are shared or scaled, where the objective tells;
    - angles are compared with those of the step before, not with the start point for ever;
    - the start point is copied, and may be of whole numbers or left as it is with no iterations;
    - the value reported belongs to the angles reported, and is the lowest seen, or with shots a fresh one;
    - objective, gradients and shots are counted whichever way the gradient comes;
    - one number for `eta` or `momentum` serves all segments.
    """

    max_iterations: int | tuple[int, ...] = 1000
    eta: float | tuple[float, ...] = 1.0
    momentum: float | tuple[float, ...] = 0.25
    tolerance: float = 1e-6
    parameter_tolerance: float = 1e-6
    averaging: int = 10
    gradient: Literal["probability-shift", "loss-shift"] = "probability-shift"

    def __post_init__(self) -> None:
        if self.gradient not in ("probability-shift", "loss-shift"):
            raise OptimizerError(f"AQGD needs gradient='probability-shift' or 'loss-shift', got {self.gradient!r}")
        segments = _as_tuple(self.max_iterations)
        for steps in segments:
            check_whole("steps of an AQGD segment", steps, least=0, error=OptimizerError)
        for name, values in (("eta", _as_tuple(self.eta)), ("momentum", _as_tuple(self.momentum))):
            if len(values) not in (1, len(segments)) or not segments:
                raise OptimizerError(f"AQGD needs one {name}, or one for each of {len(segments)} segments, got {self}")
        if not all(eta > 0 for eta in _as_tuple(self.eta)) or not all(0 <= m < 1 for m in _as_tuple(self.momentum)):
            raise OptimizerError(f"AQGD needs eta > 0 and momentum in [0, 1), got {self}")
        if not (self.tolerance > 0 and self.parameter_tolerance > 0) or self.averaging < 1:
            raise OptimizerError(f"AQGD needs positive tolerances and averaging >= 1, got {self}")

    @property
    def calls_per_step(self) -> int | None:
        """One with the gradient of the objective; None by loss shift, whose energies must belong together."""
        return 1 if self.gradient == "probability-shift" else None

    def schedule(self) -> tuple[Vector, Vector]:
        """Return eta and momentum of every step, each of shape (sum of max_iterations,)."""
        segments = _as_tuple(self.max_iterations)
        etas = [_at(self.eta, k) for k, steps in enumerate(segments) for _ in range(steps)]
        momenta = [_at(self.momentum, k) for k, steps in enumerate(segments) for _ in range(steps)]
        return np.array(etas, dtype=np.float64), np.array(momenta, dtype=np.float64)

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:  # noqa: ARG002
        """Minimize `objective` from the angles `start`; `rng` is not used.

        A start where all slopes vanish is returned as it is. The final angles cost one energy more.

        Returns:
            The lowest value seen; with shots the last iterate, evaluated afresh.

        Raises:
            OptimizerError: if the loss is to be shifted and the objective tells that an angle is shared or scaled, by
                its `circuit` or by `occurrences_per_parameter`, whole numbers of shape (n_parameters,).
        """
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        if self.gradient == "loss-shift":
            _check_plain_angles(objective)
        if len(x) == 0:
            return counted.minimum(x, counted.value(x), converged=True)
        etas, momenta = self.schedule()
        rules = (float(self.tolerance), float(self.parameter_tolerance), self.averaging)
        if self.gradient == "loss-shift":
            x, converged = aqgd_steps(CountedObjective.value_and_shifts, counted, x, etas, momenta, *rules)
        else:
            x, converged = run_loop(aqgd_steps, counted, x, etas, momenta, *rules, calls=len(etas), gradients=True)
        return counted.settle(x, converged=converged)


def aqgd_steps(
    value_and_gradient: Callable[[Problem, Vector], tuple[float, Vector]],
    problem: Problem,
    x: Vector,
    etas: Vector,
    momenta: Vector,
    tolerance: float,
    parameter_tolerance: float,
    averaging: int,
) -> tuple[Vector, bool]:
    """Descend from `x`, shape (n_parameters,); return the last angles and whether a stopping rule was met.

    `value_and_gradient` takes the problem, whatever it is, and angles (see `qvar.optimizers.loops`).

    Two means of `averaging` values, one step apart, differ by (last value - the one `averaging` before) / averaging.
    """
    previous, m = x, np.zeros_like(x)
    values = np.empty(len(etas))
    for k in range(len(etas)):
        if k > 0 and np.abs(x - previous).max() < parameter_tolerance:
            return x, True
        values[k], gradient = value_and_gradient(problem, x)
        if k >= averaging and abs(values[k] - values[k - averaging]) / averaging < tolerance:
            return x, True
        m = (1 - momenta[k]) * gradient + momenta[k] * m
        previous, x = x, x - etas[k] * m
    return x, False


def _check_plain_angles(objective: Objective) -> None:
    """Raise OptimizerError where the objective tells that an angle serves several gates or is scaled."""
    occurrences, scaled = getattr(objective, "occurrences_per_parameter", None), set()
    circuit = getattr(objective, "circuit", None)
    if isinstance(circuit, Circuit) and circuit.n_parameters == objective.n_parameters:
        slots = circuit.slots()
        scaled = {slot.index for slot in slots if abs(slot.scale) != 1}  # a minus cancels
        if occurrences is None:
            occurrences = np.bincount([slot.index for slot in slots], minlength=objective.n_parameters)
    shared = set() if occurrences is None else set(np.flatnonzero(np.asarray(occurrences) > 1).tolist())
    if shared or scaled:
        raise OptimizerError(
            f"loss shift needs angles that drive one gate each, unscaled; got {sorted(shared)} in several gates and "
            f"{sorted(scaled)} scaled. Use gradient='probability-shift', which is right for them"
        )


def _as_tuple(value: _Number | tuple[_Number, ...]) -> tuple[_Number, ...]:
    return value if isinstance(value, tuple) else (value,)


def _at(value: float | tuple[float, ...], k: int) -> float:
    values = _as_tuple(value)
    return values[k] if len(values) > 1 else values[0]
