"""Give the numbers of a run to its sinks, so that no failure of theirs reaches the run."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any

from qvar.runs.sinks.sink import MetricSink, SinkRun, SinkWriter, numbers_of

__all__ = ["Fanout"]

_LOG = logging.getLogger("qvar")


class Fanout:
    """The sinks of one run (mutable); a context that closes them whatever happens.

    Args:
        sinks: the settings of the sinks; one that cannot start, or fails later, is left out with one warning.
        run: the run; None to write nothing.

    Attributes:
        failures: the kind of error of every sink that failed, by its name.
    """

    def __init__(self, sinks: Sequence[MetricSink], run: SinkRun | None) -> None:
        self._writers: dict[str, SinkWriter] = {}
        self._last: dict[str, int] = {}
        self.failures: dict[str, str] = {}
        if run is not None:
            for sink in sinks:
                self._try(sink.name, partial(self._start, sink, run))

    def _start(self, sink: MetricSink, run: SinkRun) -> None:
        writer = sink.start(run)
        self._last[sink.name] = writer.last_step
        self._writers[sink.name] = writer

    def write(self, step: int, record: Mapping[str, Any]) -> None:
        """Give the numbers of a record to the sinks that do not have its step yet."""
        waiting = [name for name in self._writers if step > self._last[name]]
        numbers = numbers_of(record) if waiting else {}
        for name in waiting:
            self._last[name] = step
            self._try(name, partial(self._writers[name].write, step, numbers))

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Close the sinks, with the numbers of the result, or None if there is none."""
        numbers = None if result is None else numbers_of(result)
        for name in list(self._writers):
            self._try(name, partial(self._writers[name].finish, numbers))
        self._writers.clear()

    def __enter__(self) -> "Fanout":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(None)

    def _try(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._writers.pop(name, None)
            self.failures[name] = type(error).__name__
            # the text of an error may hold an address with a password, so only its kind is told
            _LOG.warning(
                "%s failed with %s and is left out; the record of the run is whole", name, type(error).__name__
            )
