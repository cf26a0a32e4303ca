"""What long commands show of their progress on standard error: one live line on a terminal, plain lines elsewhere."""

import logging
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from qvar.cli.printing import print_line

__all__ = ["ProgressLine", "counted", "quieten_log", "timed", "waiting"]


class ProgressLine(AbstractContextManager["ProgressLine"]):
    """A live line with a bar (mutable). Enter it to show it.

    Args:
        console: where to, standard error.
        visible: False for silence.
        total: what `update` counts to.
        done: how much of it is done at the start.
        columns: what the line is made of, `counted()` or `timed()`; by default spinner, bar, text and time elapsed.
    """

    def __init__(
        self,
        console: Console,
        *,
        visible: bool,
        total: float = 1.0,
        done: int = 0,
        columns: tuple[ProgressColumn, ...] | None = None,
    ) -> None:
        self._console, self._visible = console, visible
        self.is_live = visible and console.is_terminal
        shown = _columns(TextColumn("{task.description}")) if columns is None else columns
        self._progress = Progress(*shown, console=console, disable=not self.is_live)
        self._task = self._progress.add_task("starting", total=total, completed=done)

    def __enter__(self) -> "ProgressLine":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, text: str, *, done: float | None = None) -> None:
        """Replace the text of the live line, and move its bar."""
        self._progress.update(self._task, completed=done, description=text)

    def say(self, text: str) -> None:
        """Print a line where nothing is live."""
        if self._visible and not self.is_live:
            print_line(text, self._console)


def counted() -> tuple[ProgressColumn, ...]:
    """Return the columns of a line that says how much is done in per cent."""
    return _columns(TextColumn("{task.percentage:.0f} %, {task.description}"))


def timed() -> tuple[ProgressColumn, ...]:
    """Return the columns of a line that guesses the time left from the pace so far."""
    text = TextColumn("{task.description}")
    return (
        SpinnerColumn(),
        TaskProgressColumn(),
        BarColumn(bar_width=12),
        text,
        TextColumn("left"),
        TimeRemainingColumn(),
    )


def _columns(text: TextColumn) -> tuple[ProgressColumn, ...]:
    return SpinnerColumn(), BarColumn(bar_width=24), text, TimeElapsedColumn()


def quieten_log(console: Console, *, silent: bool) -> None:
    """Let the log say errors only, where nothing is to be said or its lines would tear the live one."""
    if silent or console.is_terminal:
        logging.getLogger("qvar").setLevel(logging.ERROR)


def waiting(text: str, *, visible: bool) -> AbstractContextManager[object]:
    """Return what shows a text while something of unknown length goes on; nothing without a terminal."""
    console = Console(stderr=True)
    return console.status(text) if visible and console.is_terminal else nullcontext()
