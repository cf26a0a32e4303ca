"""How commands end that are interrupted: with a line that says how to go on, and exit code 130 (143 after SIGTERM)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from qvar.cli.printing import print_line
from qvar.simulators.interruption import exit_code, was_interrupted

__all__ = ["interruptible"]


@contextmanager
def interruptible(console: Console, how: Callable[[], str]) -> Iterator[None]:
    """Turn an interruption in here into the line "interrupted; HOW" and the exit code for it."""
    try:
        yield
    except BaseException as error:
        if not was_interrupted(error):
            raise
        print_line(f"interrupted; {how()}", console)
        raise SystemExit(exit_code()) from None
