"""What reading takes that others wrote: it may be missing, damaged, or made to do harm."""

import io
import json
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qvar.simulators.errors import QvarError

__all__ = ["UNREADABLE", "check_archive", "parse_json", "refusing"]

UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(RuntimeError, MemoryError, EOFError, SyntaxError, tokenize.TokenError),  # some of them NumPy's, of headers
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What may come of data that are not what they should be."""

_DEEPEST = 64
_MOST_UNPACKED = 128 << 20
_MOST_RATIO = 20
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")


@contextmanager
def refusing(what: str, error: type[QvarError] = QvarError) -> Iterator[None]:
    """Turn what goes wrong inside, where data of others are used, into `error` with a message that names `what`.

    Errors of this project pass as they are.
    """
    try:
        yield
    except QvarError:
        raise
    except UNREADABLE as reason:
        raise error(f"{what} is damaged, or not what it should be: {repr(reason)[:300]}") from reason


def parse_json(data: str | bytes, **hooks: Any) -> Any:
    """Return what JSON says, with arrays and objects within another 64 levels deep at most.

    What is nested deeper, thousands of levels say, would end later in whatever walks through it.

    Args:
        data: the text, UTF-8 if it is bytes.
        hooks: as `json.loads` takes them.

    Raises:
        ValueError: if it is not such JSON.
    """
    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    try:
        content = json.loads(text, **hooks)
    except RecursionError:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep") from None
    depth = 0
    for bracket in _NOT_BRACKET.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
    return content


def check_archive(data: bytes) -> None:
    """Raise ValueError if a zip archive, such as an .npz file, would unpack to far more than it is.

    Arrays of zeros shrink a thousandfold: up to 128 MiB, or twenty times the archive, are let pass.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # a damaged archive raises whatever its reader meets first
        raise ValueError(f"it is no archive: {error!r}") from error
    if size > max(_MOST_UNPACKED, _MOST_RATIO * len(data)):
        raise ValueError(f"it would unpack to {size:,} bytes, from {len(data):,}")
