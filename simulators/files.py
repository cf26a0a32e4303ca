"""Write files atomically: a reader sees the old or the new content, never a part, even after a kill."""

import os
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file `path` by one holding `data`, through a temporary file in the same folder.

    Raises:
        OSError: if it cannot be written; the error names `path`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None:  # else its text is all it says
            error.filename, error.filename2 = str(path), None  # nobody knows the temporary file
        raise
    finally:
        temporary.unlink(missing_ok=True)
