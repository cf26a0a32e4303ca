"""What a run asks of a metric sink."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["MetricSink", "SinkRun", "SinkWriter", "numbers_of", "settings_of"]

_MAX_SETTINGS = 80
_MAX_LENGTH = 200


@dataclass(frozen=True)
class SinkRun:
    """The run whose numbers a sink takes.

    Attributes:
        id: hash of its configuration; equal after resuming.
        name: what people call it.
        folder: its run folder; a sink may make a folder of its own name in it.
        home: the folder that it shares with the runs beside it, such as that of its sweep.
        config: its configuration.
    """

    id: str
    name: str
    folder: Path
    home: Path
    config: Mapping[str, Any] = field(repr=False)

    @classmethod
    def at(cls, folder: Path, run_id: str, config: Mapping[str, Any], *, home: Path | None = None) -> "SinkRun":
        """Return the run in a folder, named after it, beside those in `home` (None for the folder above)."""
        path = folder.absolute()
        above = path.parent if home is None else home.absolute()
        name = path.relative_to(above).as_posix() if path.is_relative_to(above) else path.name
        return cls(run_id, name, path, above, config)


class SinkWriter(Protocol):
    """Takes the numbers of one run (mutable)."""

    @property
    def last_step(self) -> int:
        """The last step that is there already, 0 if none is; steps up to it are not written again."""
        ...

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take the numbers of one step; steps rise. May keep them back for a moment."""
        ...

    def finish(self, result: Mapping[str, float] | None) -> None:
        """Write what was kept back and close; `result` is None if the run was interrupted, or failed."""
        ...


class MetricSink(Protocol):
    """Settings of a place for numbers: frozen, and such that they can be sent to another process."""

    @property
    def name(self) -> str:
        """The word for it on the command line."""
        ...

    def check(self) -> None:
        """Raise RunError if the package it needs is not installed."""
        ...

    def start(self, run: SinkRun) -> SinkWriter:
        """Begin to take the numbers of a run, or go on with them after an interruption."""
        ...


def numbers_of(record: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return the numbers in a record by their names, those of objects within it as OBJECT/NAME.

    Example:
        >>> numbers_of({"error": 0.1, "evaluation": {"depth": 3}, "reason": "goal", "is_best": True})
        {'error': 0.1, 'evaluation/depth': 3.0}
    """
    numbers: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            numbers |= numbers_of(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[f"{prefix}{name}"] = float(value)
    return numbers


def settings_of(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the short settings of a configuration as text, at most 80, those of objects within it as OBJECT.NAME.

    Lists, such as the terms of an observable or the channels of a noise model, stay in config.json.
    """
    settings: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            settings |= {} if name in ("terms", "metadata") else settings_of(value, f"{prefix}{name}.")
        elif not isinstance(value, list | tuple) and value is not None:
            settings[f"{prefix}{name}"] = str(value)[:_MAX_LENGTH]
    return dict(list(settings.items())[:_MAX_SETTINGS])
