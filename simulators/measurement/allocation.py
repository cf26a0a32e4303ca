"""Decide how many shots each measured circuit gets.

A plain number of shots means as many for every measured circuit (a group of terms, see `measurement.grouping`). A
`ShotBudget` states the total of one energy instead, over all its circuits, and a rule that divides it. Every circuit
gets at least two shots, the total is met exactly, and estimates are unbiased under every rule.

With n_g shots for the circuit whose single shot has variance v_g, the estimate has variance sum_g v_g / n_g. It is
smallest for n_g proportional to sqrt(v_g): then it is (sum_g sqrt(v_g))**2 / total.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.checks import check_whole
from qvar.simulators.errors import EngineError

__all__ = [
    "Allocation",
    "OptimalAllocation",
    "PilotAllocation",
    "ShotBudget",
    "Shots",
    "UniformAllocation",
    "WeightAllocation",
    "check_estimable",
    "check_generator",
    "check_number",
    "check_shots",
    "shots_in_total",
    "split",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST = 2
"""Shots that a circuit needs at least, so that its variance can be estimated."""


class Allocation(Protocol):
    """A rule that divides a budget among the measured circuits."""

    @property
    def pilot(self) -> float:
        """Share of the budget spent evenly beforehand, to learn the deviations; 0 for none."""
        ...

    def shares(self, weights: Floats, deviations: Callable[[], Floats]) -> Floats:
        """Return numbers proportional to the shots wanted, of shape (n_groups,) or (n_points, n_groups).

        Args:
            weights: sum of the absolute coefficients of each circuit, shape (n_groups,).
            deviations: gives the standard deviation of one shot of each circuit at each point, shape
                (n_points, n_groups); asked for only by rules that need it.
        """
        ...


@dataclass(frozen=True)
class UniformAllocation:
    """The same number of shots for every circuit, up to one."""

    pilot: ClassVar[float] = 0.0

    def shares(self, weights: Floats, deviations: Callable[[], Floats]) -> Floats:  # noqa: ARG002
        """Return equal shares."""
        return np.ones_like(weights)


@dataclass(frozen=True)
class WeightAllocation:
    """Shots in proportion to the sum of the absolute coefficients that a circuit measures; needs no state."""

    pilot: ClassVar[float] = 0.0

    def shares(self, weights: Floats, deviations: Callable[[], Floats]) -> Floats:  # noqa: ARG002
        """Return the weights."""
        return weights


@dataclass(frozen=True)
class OptimalAllocation:
    """Shots in proportion to the exact standard deviation of one shot: the smallest variance a budget can give.

    A simulator knows the deviations, a device does not: this is the bound that other rules are measured against.
    """

    pilot: ClassVar[float] = 0.0

    def shares(self, weights: Floats, deviations: Callable[[], Floats]) -> Floats:  # noqa: ARG002
        """Return the exact deviations."""
        return deviations()


@dataclass(frozen=True, slots=True)
class PilotAllocation:
    """Shots in proportion to standard deviations estimated from a part of the budget, as a device can.

    The pilot's shots count into the estimate with the fixed weight `pilot`, the main part's with 1 - `pilot`. Weighting
    them by the shots each circuit happened to get would bias the estimate, because that number depends on the pilot.

    Args:
        pilot: share of the budget spent evenly beforehand, between 0 and 1.

    Raises:
        EngineError: for a share outside 0..1 or at its ends.
    """

    pilot: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.pilot < 1:
            raise EngineError(f"the pilot's share of the budget must lie between 0 and 1, got {self.pilot}")

    def shares(self, weights: Floats, deviations: Callable[[], Floats]) -> Floats:  # noqa: ARG002
        """Return the deviations of the pilot."""
        return deviations()


@dataclass(frozen=True, slots=True)
class ShotBudget:
    """The total number of shots of one energy, over all its measured circuits, and how to divide it.

    Args:
        total: shots per energy, at least two per measured circuit (four with a pilot).
        allocation: the rule.

    Raises:
        EngineError: for a total that is not a positive whole number.

    Example:
        >>> from qvar.simulators import Circuit, Observable, Operation, PauliTransferSimulator
        >>> circuit = Circuit(1, (Operation("ry", (0,), (0.5,)),))
        >>> exact = PauliTransferSimulator().objective(circuit, Observable.from_terms({"Z": 1.0, "X": 0.1}))
        >>> sampled = exact.with_shots(ShotBudget(1000, OptimalAllocation()), np.random.default_rng(7))
        >>> sampled.shots_per_evaluation, round(sampled.exact_standard_error([]), 4)
        (1000, 0.0179)
    """

    total: int
    allocation: Allocation = UniformAllocation()

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", check_whole("a shot budget", self.total, error=EngineError))

    def parts(self) -> tuple[int, int]:
        """Return the shots of the pilot and of the main part."""
        pilot = round(self.allocation.pilot * self.total)
        return pilot, self.total - pilot

    def check_groups(self, n_groups: int) -> None:
        """Raise EngineError if `n_groups` circuits cannot get two shots each, in either part."""
        pilot, main = self.parts()
        if main < LEAST * n_groups or (self.allocation.pilot > 0 and pilot < LEAST * n_groups):
            raise EngineError(
                f"{n_groups} measured circuits need {LEAST} shots each in every part of the budget, got {pilot} shots "
                f"for the pilot and {main} for the main part; give a larger total"
            )


Shots = int | ShotBudget
"""Shots per measured circuit, or a budget per energy."""


def check_shots(shots: Shots) -> Shots:
    """Return `shots`, or raise EngineError unless it is a positive whole number or a budget."""
    return shots if isinstance(shots, ShotBudget) else check_number(shots)


def check_generator(rng: np.random.Generator) -> np.random.Generator:
    """Return `rng`, or raise EngineError unless outcomes can be drawn from it."""
    if not callable(getattr(rng, "multinomial", None)):
        raise EngineError(f"shots are drawn from a generator, got {rng!r}; give np.random.default_rng(seed)")
    return rng


def check_number(shots: Shots) -> int:
    """Return the shots of each measured circuit; raise EngineError for anything but a positive whole number."""
    if isinstance(shots, ShotBudget):
        raise EngineError(f"shots must be a whole number here, got {shots}; other objectives divide budgets")
    if isinstance(shots, bool) or int(shots) != shots or shots < 1:
        raise EngineError(f"shots must be a whole number >= 1, got {shots!r}; leave shots out for exact values")
    return int(shots)


def check_estimable(shots: Shots | None, *, least: int = 2) -> Shots:
    """Return `shots`, or raise EngineError unless an error can be told from them."""
    if shots is None:
        raise EngineError("an exact value has no standard error; objective.with_shots(1000, rng) gives estimates")
    if not isinstance(shots, ShotBudget) and shots < least:
        raise EngineError("one shot per measured circuit leaves no error to estimate; take at least two")
    return shots


def shots_in_total(shots: Shots, n_groups: int) -> int:
    """Return what one energy costs; nothing if there is nothing to measure."""
    if n_groups == 0:
        return 0
    return shots.total if isinstance(shots, ShotBudget) else shots * n_groups


def split(total: int, shares: Floats) -> Integers:
    """Divide `total` in each row in proportion to `shares`, at least two each, largest remainders rounded up.

    Args:
        total: shots per row.
        shares: non-negative, shape (n_points, n_groups); a row of zeros counts as equal shares.

    Returns:
        int64 of the shape of `shares`; every row adds up to `total`.
    """
    sums = shares.sum(axis=1, keepdims=True)
    fractions = np.where(sums > 0, shares / np.where(sums > 0, sums, 1), 1 / shares.shape[1])
    wanted = fractions * (total - LEAST * shares.shape[1])
    whole = np.floor(wanted).astype(np.int64)
    missing = total - LEAST * shares.shape[1] - whole.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(whole - wanted, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(whole + (rank < missing) + LEAST, dtype=np.int64)
