"""Write files so that a reader sees the old or the new content, never a part, even after a kill or a power cut."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["append_whole", "is_leftover", "sync_folder", "write_atomically"]

_ENDING = ".tmp"


def write_atomically(path: Path, data: bytes, *, keep: Path | None = None) -> None:
    """Replace the file `path` by one holding `data`, through a temporary file in the same folder.

    Content and name are on the disk when this returns, so that they outlive a power cut.

    Args:
        path: the file.
        data: its new content.
        keep: where the old file goes, in the same folder; None to lose it. Between both there is a moment without
            `path`.

    Raises:
        OSError: if it cannot be written; the error names `path`, and the old content is where it was.
    """
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}{_ENDING}")
    try:
        with _naming(path), temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with _naming(path):
            if keep is not None and path.exists():
                path.replace(keep)
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def append_whole(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Add to the end of a file, all of it or nothing.

    A kill may leave a part at the end, a full disk does not.

    Args:
        path: the file, made if it is not there.
        data: what to add.
        sync: whether it is on the disk when this returns.

    Raises:
        OSError: if it cannot be written; the error names `path`.
    """
    with _naming(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
        except OSError:
            with suppress(OSError):
                file.truncate(size)
            raise
        if sync:
            os.fsync(file.fileno())
    if sync and size == 0:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See that the names of files in a folder are on the disk; some network file systems cannot, and do so anyway."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def is_leftover(file: Path) -> bool:
    """Tell whether a file is what a process left that was killed in `write_atomically`."""
    stem, _, thread = file.name.removesuffix(_ENDING).rpartition(".")
    return file.name.endswith(_ENDING) and stem.startswith(".") and len(stem) > 1 and thread.isdecimal()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors name the file that was asked for; nobody knows the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # else its text is all it says
            error.filename, error.filename2 = str(path), None
        raise
