"""One lock for every request, so that of all processes and threads one at a time works on it.

The lock is that of an open file and goes with the process, however it ends.
"""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qvar.simulators.locks import take_lock

__all__ = ["RequestLock"]


class RequestLock:
    """The lock of one request; jobs of one process hand it over to each other (mutable).

    Args:
        path: the lock file, made when first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._close: weakref.finalize[..., RequestLock] | None = None
        self._is_busy = False

    @property
    def is_held(self) -> bool:
        """Whether this object holds it."""
        return self._close is not None

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Keep other jobs of this process from taking the lock over, as long as somebody waits for this one."""
        with _CHANGING_HANDS:
            self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def acquire(self) -> bool:
        """Take the lock, from an object of this process that nobody waits for if need be; return whether it worked."""
        with _CHANGING_HANDS:
            owner = _OWNERS.get(self._path)
            if owner is not None and not owner._is_busy:
                owner.release()
            descriptor = take_lock(self._path)
            if descriptor is None:
                return False
            self._close = weakref.finalize(self, os.close, descriptor)
            _OWNERS[self._path] = self
            return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._close is not None:
            self._close()
            self._close = None


_OWNERS: "weakref.WeakValueDictionary[Path, RequestLock]" = weakref.WeakValueDictionary()
"""The locks that this process holds, by their files."""

_CHANGING_HANDS = threading.Lock()
"""Held while a lock goes from one job of this process to another."""


def _let_go_in_child() -> None:
    """Leave all locks to the parent: a child that kept them open would hold them after the parent has given them up."""
    global _CHANGING_HANDS
    _CHANGING_HANDS = threading.Lock()  # another thread of the parent may hold it
    for lock in list(_OWNERS.values()):
        lock.release()
        lock._is_busy = False
    _OWNERS.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
