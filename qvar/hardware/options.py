"""How circuits are executed: shots, error suppression and mitigation, and the mode of submission."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from qvar.simulators.errors import HardwareError

__all__ = ["ExecutionOptions"]

_MODES = ("job", "batch", "session")
_SEQUENCES = ("XX", "XpXm", "XY4")


@dataclass(frozen=True)
class ExecutionOptions:
    """Settings of the execution.

    Attributes:
        shots: per circuit and measured basis.
        precision: wanted standard error of expectation values of observables of norm 1; replaces `shots` where
            expectation values are asked for.
        mode: "job", "batch" (jobs that are independent of each other) or "session" (the device is kept for you, and
            billed, from the first job on; not on the open plan).
        resilience_level: of expectation values: 0 nothing, 1 readout mitigation, 2 also zero-noise extrapolation.
        twirling: True twirls gates and measurements, False neither (readout mitigation twirls measurements all the
            same), None leaves it to the resilience level.
        dynamical_decoupling: "XX", "XpXm" or "XY4", None for none.
        optimization_level: of the transpilation, 0 to 3.
        seed_transpiler: seed of layout and routing.
        initial_layout: physical qubit of each qubit of the circuit, None to let the transpiler choose.
        max_execution_seconds: of one job, at which the service stops it; None for twice its estimate.
        max_session_seconds: of a session, at which the service closes it; reserved as a whole when it opens.
        seed_simulator: seed of the shots of fake backends; None for fresh ones.
        max_retries: how often a job that failed on the service is submitted again.

    Raises:
        HardwareError: for a setting out of its range.
    """

    shots: int = 4096
    precision: float | None = None
    mode: str = "job"
    resilience_level: int = 0
    twirling: bool | None = None
    dynamical_decoupling: str | None = None
    optimization_level: int = 2
    seed_transpiler: int = 0
    initial_layout: tuple[int, ...] | None = None
    max_execution_seconds: int | None = None
    max_session_seconds: int | None = None
    seed_simulator: int | None = None
    max_retries: int = 1

    def __post_init__(self) -> None:
        _check_integer("shots", self.shots, 1, None)
        _check_integer("resilience_level", self.resilience_level, 0, 2)
        _check_integer("optimization_level", self.optimization_level, 0, 3)
        _check_integer("seed_transpiler", self.seed_transpiler, 0, None)
        _check_integer("max_retries", self.max_retries, 0, None)
        for name, least in (("max_execution_seconds", 1), ("max_session_seconds", 1), ("seed_simulator", 0)):
            if getattr(self, name) is not None:
                _check_integer(name, getattr(self, name), least, None)
        if self.precision is not None and not (_is_number(self.precision) and 0 < self.precision <= 1):
            raise HardwareError(f"precision is a number above 0 and at most 1, or None; got {self.precision!r}")
        if self.twirling not in (None, True, False):
            raise HardwareError(f"twirling is True, False or None, got {self.twirling!r}")
        _check_choice("mode", self.mode, _MODES)
        if self.dynamical_decoupling is not None:
            _check_choice("dynamical_decoupling", self.dynamical_decoupling, _SEQUENCES)
        if self.mode == "session" and self.max_session_seconds is None:
            raise HardwareError("a session is billed while it is open; set max_session_seconds")
        self._check_layout()

    def _check_layout(self) -> None:
        if self.initial_layout is None:
            return
        layout = tuple(self.initial_layout)
        for qubit in layout:
            _check_integer("each qubit of initial_layout", qubit, 0, None)
        if len(set(layout)) != len(layout):
            raise HardwareError(f"initial_layout names a qubit twice: {layout}")
        object.__setattr__(self, "initial_layout", layout)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ExecutionOptions":
        """Read what `to_dict` gave.

        Raises:
            HardwareError: for a setting that does not exist or is out of its range.
        """
        unknown = set(content) - {field.name for field in fields(cls)}
        if unknown:
            raise HardwareError(f"no such execution option: {', '.join(sorted(unknown))}")
        layout = content.get("initial_layout")
        return cls(**{**content, "initial_layout": None if layout is None else tuple(layout)})

    @property
    def shots_for_precision(self) -> int:
        """Shots that the precision asks for: 1 / precision**2, rounded up; `shots` without one."""
        return self.shots if self.precision is None else math.ceil(1 / self.precision**2)

    def identity(self) -> dict[str, Any]:
        """Return the settings that say what is measured, not how the job is carried to the device."""
        carried = {"mode", "max_execution_seconds", "max_session_seconds", "max_retries"}
        return {name: value for name, value in self.to_dict().items() if name not in carried}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_integer(name: str, value: Any, least: int, most: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"from {least} to {most}"
        raise HardwareError(f"{name} is a whole number, {span}; got {value!r}")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise HardwareError(f"{name} is one of {', '.join(choices)}; got {value!r}")
