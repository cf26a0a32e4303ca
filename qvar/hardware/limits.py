"""What may be spent at most."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from qvar.simulators.errors import HardwareError

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """The most that all jobs of a folder may cost together.

    Attributes:
        max_qpu_seconds: seconds of quantum processor time, finite and not negative; None for no limit, which real
            hardware refuses.
        max_shots: executions of circuits, None for no limit.
        max_jobs: jobs, None for no limit.

    Raises:
        HardwareError: for a limit that is negative, infinite or not a number.
    """

    max_qpu_seconds: float | None = None
    max_shots: int | None = None
    max_jobs: int | None = None

    def __post_init__(self) -> None:
        _check("max_qpu_seconds", self.max_qpu_seconds, whole=False)
        _check("max_shots", self.max_shots, whole=True)
        _check("max_jobs", self.max_jobs, whole=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the limits as a JSON object."""
        return {"max_qpu_seconds": self.max_qpu_seconds, "max_shots": self.max_shots, "max_jobs": self.max_jobs}

    @classmethod
    def from_dict(cls, content: Any) -> "Limits":
        """Read what `to_dict` gave; entries that are missing set no limit.

        Raises:
            HardwareError: if it is not such an object.
        """
        names = ("max_qpu_seconds", "max_shots", "max_jobs")
        if not isinstance(content, dict) or not set(content) <= set(names):
            raise HardwareError(f"limits are a JSON object with the entries {', '.join(names)}, got {content!r}")
        return cls(**content)


def _check(name: str, value: Any, *, whole: bool) -> None:
    if value is None:
        return
    number = isinstance(value, int) if whole else isinstance(value, Real)
    if isinstance(value, bool) or not number or not math.isfinite(value) or value < 0:
        kind = "whole number" if whole else "finite number"
        raise HardwareError(f"{name} is a {kind}, zero or more, or None; got {value!r}")
