"""A folder that one process at a time may work on; the claim goes with the process that holds it."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from qvar.simulators.errors import RunError
from qvar.simulators.files import is_leftover

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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot work on the {what} in {folder}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"another process is at work on the {what} in {folder}: {holder(folder / LOCK)}; wait for its end, "
                "or stop it"
            ) from None
        except OSError as error:
            raise RunError(f"cannot lock {folder / LOCK}: {error.strerror}") from error
        note_holder(file)
        try:
            for left in folder.iterdir():
                if is_leftover(left):
                    left.unlink(missing_ok=True)
            yield
        finally:
            with suppress(OSError):
                file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)  # a forked child may have it open, too


def note_holder(file: IO[str]) -> None:
    """Write into a lock file which process holds it; a full disk only keeps others from learning it."""
    with suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()


def holder(lock: Path) -> str:
    """Return in words which process holds a lock."""
    try:
        return lock.read_text(encoding="utf-8", errors="replace").strip() or "not known which"
    except OSError:
        return "not known which"
