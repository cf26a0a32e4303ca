"""How far a run folder is: waiting, unfinished, finished or failed, with the share of its budget that is used up."""

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qvar.runs.sealed import parse_line, read_json, write_json
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["RunStatus", "clear_failure", "describe_failure", "read_status", "write_failure"]

_ERROR = "error.json"
_TAIL_BYTES = 1 << 16  # more than the last record of any run


@dataclass(frozen=True)
class RunStatus:
    """The state of one run.

    Attributes:
        state: "waiting" (nothing on disk), "unfinished" (at work or interrupted), "finished" or "failed".
        share: share of its episodes or its budget of energies that is used up, the larger one, 0 to 1.
        seconds: time that the run has taken, 0 if unknown.
        error: what went wrong, None unless the run failed.
    """

    state: Literal["waiting", "unfinished", "finished", "failed"]
    share: float = 0.0
    seconds: float = 0.0
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in this run unless it is tried again."""
        return self.state in ("finished", "failed")


def write_failure(path: Path, error: BaseException | str) -> None:
    """Record in a run folder why its run failed, as error.json."""
    text = error if isinstance(error, str) else describe_failure(error)
    trace = None if isinstance(error, str) else "".join(traceback.format_exception(error))
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / _ERROR, {"error": text, "traceback": trace})


def describe_failure(error: BaseException) -> str:
    """Return an exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def clear_failure(path: Path) -> None:
    """Forget an earlier failure; its run is about to be tried again."""
    (path / _ERROR).unlink(missing_ok=True)


def read_status(path: Path, config: Mapping[str, Any]) -> RunStatus:
    """Return how far the run in `path` is, reading no more than the end of its record.

    Args:
        path: the run folder, which need not exist.
        config: the run's configuration, for the episodes and energies that it may use.
    """
    record = _last_record(path / "metrics.jsonl")
    seconds = _number(record.get("seconds"))
    if (path / "result.json").is_file():
        return RunStatus("finished", 1.0, seconds)
    if (path / _ERROR).is_file():
        return RunStatus("failed", _share(record, config), seconds, _read_failure(path / _ERROR))
    if any((path / name).is_file() for name in ("metrics.jsonl", "config.json")):
        return RunStatus("unfinished", _share(record, config), seconds)
    return RunStatus("waiting")


def _read_failure(file: Path) -> str:
    try:
        return str(read_json(file)["error"])
    except UNREADABLE:
        return f"unknown; {file.name} is damaged"


def _last_record(file: Path) -> dict[str, Any]:
    """Return the last complete record, {} if there is none; a run may be writing at this moment."""
    try:
        if not file.is_file():
            return {}  # a pipe would be waited for
        with file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            lines = stream.read().split(b"\n")
        return parse_line(lines[-2])
    except UNREADABLE:
        return {}


def _share(record: Mapping[str, Any], config: Mapping[str, Any]) -> float:
    energies = _number(record.get("evaluations")) + 3 * _number(record.get("gradients"))  # as `Cost.energies` counts
    used = {"episodes": _number(record.get("episode")), "max_energies": energies}
    return min(1.0, max(value / config[name] if config.get(name) else 0.0 for name, value in used.items()))


def _number(value: Any) -> float:
    """Return a count or a time, 0 for anything that cannot be one."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= sys.float_info.max else 0.0
