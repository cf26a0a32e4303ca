"""A folder that one process at a time may work on; the claim goes with the process that holds it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qvar.simulators.errors import RunError
from qvar.simulators.locks import take_lock

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
    descriptor = take_lock(folder / ".lock")
    if descriptor is None:
        raise RunError(f"another process is at work on the {what} in {folder}; wait for it, or use another folder")
    try:
        yield
    finally:
        os.close(descriptor)
