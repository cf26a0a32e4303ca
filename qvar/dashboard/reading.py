"""What reading files takes that others wrote: they may be missing, damaged, being replaced, or made to do harm."""

from pathlib import Path

__all__ = ["LARGEST", "file_stamp"]

LARGEST = 2**53
"""Counts and seconds from here on are damage; JavaScript has no larger whole numbers."""


def file_stamp(file: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does, None if there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
