"""A folder that one process at a time may work on; the claim goes with the process that holds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qvar.simulators.errors import RunError

__all__ = ["claim"]


@contextmanager
def claim(folder: Path, what: str) -> Iterator[None]:
    """Work on a folder alone, which the file .lock in it says.

    Args:
        folder: a folder that exists.
        what: what it holds, for the message.

    Raises:
        RunError: if another process is at work on it.
    """
    import fcntl

    with (folder / ".lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another process is at work on the {what} in {folder}") from None
        yield
