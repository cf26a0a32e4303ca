"""Check that a file can be written where a command is told to, before long work starts."""

import os
from pathlib import Path

from qvar.simulators.errors import QvarError

__all__ = ["check_file", "check_new_file"]


def check_file(path: Path, *endings: str, what: str) -> None:
    """Raise QvarError unless a file can be written there; one that exists may be replaced.

    Args:
        path: where to.
        endings: which the name may have, such as ".html".
        what: the kind of file, for messages, such as "a report".
    """
    if path.suffix not in endings:
        *others, last = endings
        raise QvarError(f"{what} ends in {', '.join(others) + ' or ' if others else ''}{last}, got {path}")
    if path.is_dir():
        raise QvarError(f"{what} is a file, and {path} is a folder; give another name")
    if not path.parent.is_dir():
        raise QvarError(f"the folder {path.parent} for {path.name} does not exist; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise QvarError(f"{what} cannot be written to {path}: no permission to write in {path.parent}")


def check_new_file(path: Path, *endings: str, what: str) -> None:
    """Raise QvarError unless a file can be made there; nothing that exists is replaced."""
    if path.exists():
        raise QvarError(f"{path} already exists; nothing was overwritten")
    check_file(path, *endings, what=what)
