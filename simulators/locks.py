"""Locks on files, between processes and threads; a lock goes with the process that holds it, however that ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["alone", "release", "take_lock"]


def take_lock(path: Path) -> int | None:
    """Return the descriptor of an open file that holds the lock, None if another process or thread holds it.

    Closing it gives the lock back, `release` does so for forked children, too.

    Args:
        path: the lock file, made with its folder when first needed.

    Raises:
        OSError: if the file cannot be opened, or lies where files cannot be locked.
    """
    try:
        return _lock(path, wait=False)
    except BlockingIOError:
        return None


def release(descriptor: int) -> None:
    """Give a lock back, also where a forked child has its file open, and close the file."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


@contextmanager
def alone(path: Path, *, if_busy: Callable[[], None] | None = None) -> Iterator[int]:
    """Keep all other processes and threads out, waiting for those that are in.

    Args:
        path: the lock file.
        if_busy: called before waiting, if there is somebody to wait for.

    Returns:
        The descriptor of the open lock file.
    """
    descriptor = take_lock(path)
    if descriptor is None:
        if if_busy is not None:
            if_busy()
        descriptor = _lock(path, wait=True)
    try:
        yield descriptor
    finally:
        release(descriptor)


def _lock(path: Path, *, wait: bool) -> int:
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_same_file(descriptor, path):
            return descriptor
        os.close(descriptor)  # it was deleted meanwhile: whoever comes next would lock another file


def _is_same_file(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
