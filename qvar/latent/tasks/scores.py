"""From values to rewards: each score maps the value that training minimized to [0, 1], where more is better."""

import math
from dataclasses import dataclass
from typing import Protocol

from qvar.simulators.errors import LatentError

__all__ = ["Accuracy", "CutRatio", "EnergyRatio", "Fidelity", "Score", "ShiftedCutRatio"]


class Score(Protocol):
    """A small frozen object that turns values into rewards."""

    def __call__(self, value: float) -> float:
        """Return the reward of a value."""
        ...


def _clipped(number: float) -> float:
    return min(max(number, 0.0), 1.0)


@dataclass(frozen=True)
class Fidelity:
    """1 - v, for an infidelity v."""

    def __call__(self, value: float) -> float:
        """Return the fidelity."""
        return _clipped(1.0 - value)


@dataclass(frozen=True)
class EnergyRatio:
    """E / E_ground, with 0 for energies of the other sign.

    Args:
        ground: E_ground, below 0, in the unit of the energies.
    """

    ground: float

    def __post_init__(self) -> None:
        _check_negative("ground", self.ground)

    def __call__(self, value: float) -> float:
        """Return the share of the ground energy."""
        return _clipped(value / self.ground)


@dataclass(frozen=True)
class CutRatio:
    """cut / largest cut, for the value -cut.

    Args:
        largest: above 0.
    """

    largest: float

    def __post_init__(self) -> None:
        _check_negative("-largest", -self.largest)

    def __call__(self, value: float) -> float:
        """Return the share of the largest cut."""
        return _clipped(-value / self.largest)


@dataclass(frozen=True)
class ShiftedCutRatio:
    """(1 + cut) / (1 + largest cut), for the value -cut.

    Args:
        largest: above 0.

    Source: the code of Sun, Wu, Ma and Tresp, arXiv 2401.11576, whose objective on n nodes is -(n/2)(1 + cut).
    """

    largest: float

    def __post_init__(self) -> None:
        _check_negative("-largest", -self.largest)

    def __call__(self, value: float) -> float:
        """Return the shifted share of the largest cut."""
        return _clipped((1.0 - value) / (1.0 + self.largest))


@dataclass(frozen=True)
class Accuracy:
    """1 / (1 + sqrt(error / accuracy)), error = |E - E_exact|: 1/2 at the accuracy wanted, 0.1 at 81 times that.

    Ratios of energies hide what matters in chemistry: Hartree-Fock has 98 % of the energy of H2. This is as steep for
    an error of 1 mHa as for one of 1 Ha.

    Args:
        exact: E_exact.
        accuracy: the error wanted, above 0, in the same unit.
    """

    exact: float
    accuracy: float

    def __post_init__(self) -> None:
        _check_negative("-accuracy", -self.accuracy)

    def __call__(self, value: float) -> float:
        """Return the reward of an energy."""
        return 1.0 / (1.0 + math.sqrt(abs(value - self.exact) / self.accuracy))


def _check_negative(name: str, number: float) -> None:
    if not (math.isfinite(number) and number < 0):
        raise LatentError(f"{name} must be a finite number below 0, got {number}")
