"""Ctrl-C, and SIGTERM as systems and schedulers send it: both raise KeyboardInterrupt wherever a command is.

Compiled code may lose that error, or turn it into one of its own, so the signal is remembered: whatever a program ends
with after it came, it was interrupted.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["exit_code", "signals_caught", "was_interrupted"]

_CAUGHT = (signal.SIGINT, signal.SIGTERM)
_received: int | None = None


@contextmanager
def signals_caught() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt in here, in the main thread.

    A signal that is ignored, as SIGINT is behind `nohup` and `&`, stays so. After one has come, the next one that comes
    outside of here ends the process at once, so that nobody waits for an interpreter that is shutting down.
    """
    global _received
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _received = None
    before = {number: signal.getsignal(number) for number in _CAUGHT}
    caught = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in caught:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler if _received is None else signal.SIG_DFL)


def _interrupt(number: int, _: FrameType | None) -> None:
    global _received
    _received = number if _received is None else _received
    raise KeyboardInterrupt


def exit_code() -> int:
    """Return the exit code of an interrupted command: 143 after SIGTERM, else 130."""
    return 128 + (signal.SIGINT if _received is None else _received)


def was_interrupted(error: BaseException) -> bool:
    """Tell whether an error comes from a signal: a compiled function that is interrupted says SystemError."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None or _received is not None
