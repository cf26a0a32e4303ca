"""TensorBoard: event files in the run folder, to be shown with `tensorboard --logdir RUNS`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qvar.runs.sinks.packages import check_package
from qvar.runs.sinks.sink import SinkRun

__all__ = ["TensorBoard"]


@dataclass(frozen=True)
class TensorBoard:
    """Writes scalars, in single precision, to the folder tensorboard in the run folder.

    After an interruption a second file goes on after the last step of those that are there.
    """

    name: str = "tensorboard"

    def check(self) -> None:
        """Raise RunError if the package tensorboard is not installed."""
        check_package("tensorboard", extra="tensorboard")

    def start(self, run: SinkRun) -> "_Events":
        """Begin a file of events."""
        return _Events(run.folder / "tensorboard")


class _Events:
    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder.mkdir(exist_ok=True)
        self.last_step = _last_step(folder)
        self._files = EventFileWriter(str(folder))

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
        self._files.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
        self.last_step = step

    def finish(self, result: Mapping[str, float] | None) -> None:
        if result is not None and not self._has_result():
            self.write(self.last_step, {f"result/{name}": value for name, value in result.items()})
        self._files.close()

    def _has_result(self) -> bool:
        self._files.flush()
        folder = Path(self._files.get_logdir())
        return any(v.tag.startswith("result/") for event in _events(folder) for v in event.summary.value)


def _last_step(folder: Path) -> int:
    """Return the last step of the events that are there; a file that a kill cut off ends where it was cut."""
    return max((int(event.step) for event in _events(folder)), default=0)


def _events(folder: Path) -> list[Any]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    return [event for file in folder.glob("events.out.tfevents.*") for event in EventFileLoader(str(file)).Load()]
