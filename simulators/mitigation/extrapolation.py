"""Rules that extrapolate values measured at several strengths of the noise to none; the fits are mitiq's.

mitiq is optional, the extra mitigation, and loads at the first fit.

Source: mitiq: LaRose et al., Quantum 6, 774 (2022), arXiv 2009.04417.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from qvar.simulators.errors import EngineError

__all__ = [
    "ExponentialExtrapolation",
    "Extrapolation",
    "LinearExtrapolation",
    "PolynomialExtrapolation",
    "RichardsonExtrapolation",
]


class Extrapolation(Protocol):
    """A rule that guesses the value without noise."""

    @property
    def n_least(self) -> int:
        """Scale factors that the rule needs at least."""
        ...

    @property
    def is_linear(self) -> bool:
        """Whether the result is a fixed linear combination of the values."""
        ...

    def extrapolate(self, scale_factors: Sequence[float], values: Sequence[float], *, limit: float) -> float:
        """Return the value at scale factor 0; `limit` is the value in the maximally mixed state."""
        ...


@dataclass(frozen=True)
class LinearExtrapolation:
    """Fit a straight line."""

    n_least: ClassVar[int] = 2
    is_linear: ClassVar[bool] = True

    def extrapolate(self, scale_factors: Sequence[float], values: Sequence[float], *, limit: float) -> float:  # noqa: ARG002
        """Return the value at scale factor 0."""
        return float(_inference().LinearFactory.extrapolate(scale_factors, values))


@dataclass(frozen=True)
class RichardsonExtrapolation:
    """Put the polynomial of highest degree through all values: smallest bias, largest variance."""

    n_least: ClassVar[int] = 2
    is_linear: ClassVar[bool] = True

    def extrapolate(self, scale_factors: Sequence[float], values: Sequence[float], *, limit: float) -> float:  # noqa: ARG002
        """Return the value at scale factor 0."""
        return float(_inference().RichardsonFactory.extrapolate(scale_factors, values))


@dataclass(frozen=True)
class PolynomialExtrapolation:
    """Fit a polynomial of a given degree.

    Args:
        order: the degree, at least 1.

    Raises:
        EngineError: for a smaller degree.
    """

    order: int = 2
    is_linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.order < 1:
            raise EngineError(f"a polynomial extrapolation has a degree of at least 1, got {self.order}")

    @property
    def n_least(self) -> int:
        """One more than the degree."""
        return self.order + 1

    def extrapolate(self, scale_factors: Sequence[float], values: Sequence[float], *, limit: float) -> float:  # noqa: ARG002
        """Return the value at scale factor 0."""
        return float(_inference().PolyFactory.extrapolate(scale_factors, values, order=self.order))


@dataclass(frozen=True)
class ExponentialExtrapolation:
    """Fit an exponential decay; not linear, so that there are no gradients and no standard errors.

    Args:
        asymptote: the value at infinite noise; None takes the value in the maximally mixed state, the coefficient of
            the identity.
    """

    asymptote: float | None = None
    n_least: ClassVar[int] = 2
    is_linear: ClassVar[bool] = False

    def extrapolate(self, scale_factors: Sequence[float], values: Sequence[float], *, limit: float) -> float:
        """Return the value at scale factor 0."""
        asymptote = limit if self.asymptote is None else self.asymptote
        return float(_inference().ExpFactory.extrapolate(scale_factors, values, asymptote=asymptote))


def _inference() -> Any:
    from mitiq.zne import inference

    return inference
