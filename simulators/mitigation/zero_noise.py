"""Zero-noise extrapolation: measure at several strengths of the noise and extrapolate to none.

The noise is made stronger by folding (`mitigation.folding`); the extrapolation is mitiq's, an optional package (the
extra mitigation). What is gained is paid for in circuits and, with shots, in variance. Read-out
error is not made stronger by folding and therefore stays, as a constant offset.

Source: Temme, Bravyi, Gambetta, Error mitigation for short-depth quantum circuits, 2017, arXiv 1612.02058.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import Engine, Objective, check_batch
from qvar.simulators.errors import EngineError
from qvar.simulators.extras import how_to_install
from qvar.simulators.measurement.allocation import ShotBudget, Shots, check_estimable
from qvar.simulators.measurement.estimation import Estimate
from qvar.simulators.mitigation.extrapolation import Extrapolation, RichardsonExtrapolation
from qvar.simulators.mitigation.folding import Folding, GlobalFolding
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable

__all__ = ["MitigatedObjective", "ZeroNoiseExtrapolation"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ZeroNoiseExtrapolation:
    """An engine that extrapolates the values of another one to zero noise.

    Args:
        engine: the engine that evaluates the folded circuits, noise and shots included.
        scale_factors: how many times the noise, increasing from 1. Odd whole numbers fold the circuit exactly; others
            fold some of its gates once more, which is right on average only: they work less well.
        extrapolation: the rule.
        folding: the way circuits are lengthened.

    Raises:
        EngineError: if mitiq is missing, or for scale factors that do not start at 1 or are too few for the rule.

    Example, with mitiq installed:

        noisy = PauliTransferSimulator(NoiseModel.from_numbers(p1=1e-3, p2=1e-2))
        mitigated = ZeroNoiseExtrapolation(noisy)
        energy, gradient = mitigated.objective(circuit, observable).value_and_gradient(theta)
    """

    engine: Engine
    scale_factors: tuple[float, ...] = (1.0, 3.0, 5.0)
    extrapolation: Extrapolation = field(default_factory=RichardsonExtrapolation)
    folding: Folding = field(default_factory=GlobalFolding)

    def __post_init__(self) -> None:
        if find_spec("mitiq") is None:
            raise EngineError(f"zero-noise extrapolation needs mitiq; {how_to_install('mitigation')}")
        if not isinstance(self.engine, Engine):
            raise EngineError(f"zero-noise extrapolation wraps an engine, got {self.engine!r}")
        scales = tuple(float(scale) for scale in self.scale_factors)
        if scales[:1] != (1.0,) or any(not a < b < math.inf for a, b in pairwise(scales)):
            raise EngineError(f"scale factors are finite and increase from 1, such as (1, 3, 5), got {scales}")
        if len(scales) < self.extrapolation.n_least:
            raise EngineError(
                f"{type(self.extrapolation).__name__} needs {self.extrapolation.n_least} scale factors, got {scales}"
            )
        object.__setattr__(self, "scale_factors", scales)

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return f"zne-{self.engine.name}"

    @property
    def noise(self) -> NoiseModel | None:
        """The noise of the wrapped engine; its effect is what is extrapolated away."""
        return self.engine.noise

    def objective(self, circuit: Circuit, observable: Observable) -> "MitigatedObjective":
        """Return the extrapolated expectation value as a function of the angles.

        Raises:
            CircuitError: for a circuit with channels, which cannot be folded.
            QvarError: whatever the wrapped engine raises.
        """
        folded = [self.folding.fold(circuit, scale) for scale in self.scale_factors]
        parts = tuple(self.engine.objective(longer, observable) for longer in folded)
        return MitigatedObjective(self, circuit, parts, observable.identity_coefficient)


@runtime_checkable
class _Estimating(Protocol):
    def estimate(self, theta: ArrayLike) -> Estimate: ...


class MitigatedObjective:
    """The extrapolated expectation value (see `qvar.simulators.engine.Objective`).

    An evaluation is one extrapolated value: one energy of the wrapped engine for each scale factor, all of their shots.

    Args:
        engine: the engine, which has rule and scale factors.
        circuit: the circuit before folding.
        parts: the wrapped engine's objectives of the folded circuits.
        limit: the value in the maximally mixed state.
    """

    def __init__(
        self, engine: ZeroNoiseExtrapolation, circuit: Circuit, parts: tuple[Objective, ...], limit: float
    ) -> None:
        self.circuit = circuit
        self.parts = parts
        self._engine = engine
        self._limit = limit

    @property
    def n_parameters(self) -> int:
        """Number of angles."""
        return self.circuit.n_parameters

    @property
    def shots(self) -> int | ShotBudget | None:
        """Shots per measured circuit, or the budget at each scale factor, as given; None for exact values."""
        return self.parts[0].shots

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one extrapolated value, over all scale factors; 0 when exact."""
        return sum(part.shots_per_evaluation for part in self.parts)

    @property
    def evaluations_per_gradient(self) -> int:
        """Extrapolated values that cost as many energies as one gradient at all scale factors, rounded up."""
        return -(-sum(part.evaluations_per_gradient for part in self.parts) // len(self.parts))

    @cached_property
    def weights(self) -> Floats:
        """What each scale factor's value counts in the extrapolated one, float64 of shape (n_scale_factors,).

        Raises:
            EngineError: if the rule is not linear.
        """
        rule, scales = self._engine.extrapolation, self._engine.scale_factors
        if not rule.is_linear:
            raise EngineError(
                f"{type(rule).__name__} is not linear in the values: it has no exact gradient and no standard error; "
                "take LinearExtrapolation, PolynomialExtrapolation or RichardsonExtrapolation"
            )
        return np.array([rule.extrapolate(scales, unit.tolist(), limit=0.0) for unit in np.eye(len(scales))])

    def __call__(self, theta: ArrayLike) -> float:
        """Return the extrapolated energy at `theta`, shape (n_parameters,), radians."""
        values = self.circuit.check_parameters(theta)
        return self._extrapolate([part(values) for part in self.parts])

    def _extrapolate(self, values: Sequence[float]) -> float:
        rule = self._engine.extrapolation
        if rule.is_linear:
            return float(self.weights @ np.asarray(values))
        return rule.extrapolate(self._engine.scale_factors, values, limit=self._limit)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Floats]:
        """Return the extrapolated energy and its gradient per radian, the same combination of all gradients.

        Raises:
            EngineError: if the rule is not linear.
        """
        weights, values = self.weights, self.circuit.check_parameters(theta)
        energies, gradients = zip(*(part.value_and_gradient(values) for part in self.parts), strict=True)
        return float(weights @ np.array(energies)), np.asarray(weights @ np.array(gradients), dtype=np.float64)

    def batch(self, thetas: ArrayLike) -> Floats:
        """Return the extrapolated energies for `thetas` of shape (n_points, n_parameters)."""
        values = check_batch(thetas, self.n_parameters)
        energies = np.array([part.batch(values) for part in self.parts])
        return np.array([self._extrapolate(column.tolist()) for column in energies.T], dtype=np.float64)

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> "MitigatedObjective":
        """Return the objective estimated with `shots`, or a budget, at each scale factor, drawn with `rng`."""
        parts = tuple(part.with_shots(shots, rng) for part in self.parts)
        return MitigatedObjective(self._engine, self.circuit, parts, self._limit)

    def estimate(self, theta: ArrayLike) -> Estimate:
        """Return one extrapolated estimate with its standard error, from the same shots.

        The error is that of the shots; what the extrapolation leaves of the noise is not in it.

        Raises:
            EngineError: for an exact objective, too few shots, or a rule that is not linear.
        """
        check_estimable(self.shots)
        weights, values = self.weights, self.circuit.check_parameters(theta)
        found = [part.estimate(values) for part in self.parts if isinstance(part, _Estimating)]
        if len(found) < len(self.parts):
            raise EngineError(f"objectives of {self._engine.engine.name} do not estimate standard errors")
        variance = sum(w**2 * e.standard_error**2 for w, e in zip(weights, found, strict=True))
        value = sum(w * e.value for w, e in zip(weights, found, strict=True))
        return Estimate(float(value), math.sqrt(variance), sum(e.shots for e in found))
