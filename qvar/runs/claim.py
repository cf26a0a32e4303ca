"""A folder that one process at a time may work on; the claim goes with the process that holds it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qvar.simulators.errors import RunError
from qvar.simulators.files import is_leftover
from qvar.simulators.locks import release, take_lock

__all__ = ["LOCK", "claim", "holder", "note_holder"]

LOCK = ".lock"
"""The file that says that a folder is claimed."""


@contextmanager
def claim(folder: Path, what: str) -> Iterator[None]:
    """Work on a folder alone, which its file .lock says, and without what a killed process left half written.

    The kernel gives the claim back when the process ends, however that happens.

    Args:
        folder: the folder, made if it is not there.
        what: what it holds, for messages.

    Raises:
        RunError: if another process is at work on it, or it cannot be written.
    """
    lock = folder / LOCK
    try:
        descriptor = take_lock(lock)
    except OSError as error:
        raise RunError(f"cannot work on the {what} in {folder}: {error.strerror}") from error
    if descriptor is None:
        raise RunError(
            f"another process is at work on the {what} in {folder}: {holder(lock)}; wait for it, or use another folder"
        )
    try:
        note_holder(descriptor)
        for file in folder.iterdir():
            if is_leftover(file):
                file.unlink(missing_ok=True)
        yield
    finally:
        with suppress(OSError):
            os.truncate(descriptor, 0)
        release(descriptor)


def note_holder(descriptor: int) -> None:
    """Write into an open lock file which process holds it; a full disk only keeps others from learning it."""
    with suppress(OSError):
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


def holder(lock: Path) -> str:
    """Return in words which process holds a lock."""
    try:
        return lock.read_text(encoding="utf-8", errors="replace").strip() or "not known which"
    except OSError:
        return "not known which"
