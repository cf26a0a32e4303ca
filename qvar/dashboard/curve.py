"""The course of a search as a curve that never grows beyond a limit, however long the search."""

from dataclasses import dataclass

__all__ = ["Curve", "CurvePoint"]

_LIMIT = 1000
"""A curve keeps at most twice as many points."""


@dataclass(frozen=True)
class CurvePoint:
    """The best circuit at some moment.

    Attributes:
        energies: energies spent by then, a gradient counting as three.
        noiseless: its noiseless error.
        measured: its energy as the search measured it, above the exact one; below it if negative.
    """

    energies: int
    noiseless: float
    measured: float


class Curve:
    """Points where the best circuit changed, thinned when there are too many (mutable)."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._kept: list[CurvePoint] = []
        self._last: CurvePoint | None = None

    def add(self, point: CurvePoint) -> None:
        """Take note of the next record."""
        self._last = point
        if self._kept and (self._kept[-1].noiseless, self._kept[-1].measured) == (point.noiseless, point.measured):
            return
        self._kept.append(point)
        if len(self._kept) > 2 * self._limit:
            self._kept = [*self._kept[:-1:2], point]  # the first and the last stay

    @property
    def points(self) -> tuple[CurvePoint, ...]:
        """The points by rising energies, the last record's included."""
        if self._last is None or self._last == self._kept[-1]:
            return tuple(self._kept)
        return (*self._kept, self._last)
