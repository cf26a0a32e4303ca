"""Files that show when they were damaged: each holds a SHA-256 checksum of its own content.

| file | where the checksum is |
|---|---|
| JSON object | its last entry, "sha256" |
| line of JSON | the last entry of its object, "check", of 16 digits |
| .npz | the comment of the zip archive, which readers of NumPy pass over |
| other bytes | a last line |

JSON is hashed in its canonical form, so that a file may be laid out anew. Files without a checksum, which earlier
versions wrote, are read as they are. Nothing is unpickled. Damage is a ValueError; who reads says what to do about it.
"""

import hashlib
import io
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qvar.simulators import untrusted
from qvar.simulators.errors import QvarError
from qvar.simulators.files import write_atomically

__all__ = [
    "parse_json",
    "parse_line",
    "previous",
    "read_arrays",
    "read_json",
    "read_latest",
    "read_lines",
    "read_sealed",
    "sealed_json",
    "sealed_line",
    "tell",
    "write_arrays",
    "write_json",
    "write_sealed",
]

_DIGITS = {"sha256": 64, "check": 16}
_MARK = b"\nsha256:"
_LENGTH = len(_MARK) + 64
_END_OF_ZIP = b"PK\x05\x06"
_END_LENGTH = 22  # of the last record of a zip archive, but for the comment
_DAMAGED = "its content does not match its checksum"

T = TypeVar("T")


# --- JSON ---


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with its checksum, atomically.

    Raises:
        OSError: if it cannot be written.
    """
    write_atomically(path, sealed_json(content))


def read_json(path: Path) -> dict[str, Any]:
    """Return what `write_json` wrote.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    return parse_json(path.read_bytes())


def sealed_json(content: Mapping[str, Any]) -> bytes:
    """Return a JSON object with its checksum, indented."""
    return json.dumps(_sealed(content, "sha256"), indent=1, allow_nan=False).encode()


def parse_json(data: bytes) -> dict[str, Any]:
    """Return the JSON object in `data` without its checksum; raises ValueError if it is damaged."""
    return _unsealed(data, "sha256")


def sealed_line(content: Mapping[str, Any]) -> bytes:
    """Return a JSON object with its checksum as one line."""
    return json.dumps(_sealed(content, "check"), allow_nan=False).encode() + b"\n"


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the JSON object in a line without its checksum; raises ValueError if it is damaged."""
    return _unsealed(line, "check")


def read_lines(path: Path) -> tuple[list[dict[str, Any] | None], list[str]]:
    """Return the objects of all lines of a file, None for damaged ones, and what is wrong with each of these.

    What follows the last line feed is passed over: a kill cut it off. A file that is not there has no lines.
    """
    if not path.is_file():
        return [], []
    objects: list[dict[str, Any] | None] = []
    damages = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            objects.append(parse_line(line))
        except ValueError as error:
            objects.append(None)
            damages.append(f"{path} is corrupted in line {number}: {error}")
    return objects, damages


def _sealed(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    plain = json.loads(json.dumps(dict(content), allow_nan=False))
    return {**plain, name: _digest(plain, name)}


def _unsealed(data: bytes, name: str) -> dict[str, Any]:
    content = untrusted.parse_json(data, parse_constant=_refuse_constant)
    if not isinstance(content, dict):
        raise ValueError(f"a JSON object is needed, got {str(content)[:60]}")
    last = next(reversed(content), None)
    if name in content:
        if content.pop(name) != _digest(content, name):
            raise ValueError(_DAMAGED)
    elif last is not None and _is_digest(content[last], _DIGITS[name]):
        raise ValueError(f"its checksum has lost its name, {name!r}")
    return content


def _digest(plain: Mapping[str, Any], name: str) -> str:
    canonical = json.dumps(plain, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[: _DIGITS[name]]


def _is_digest(value: Any, digits: int) -> bool:
    return isinstance(value, str) and len(value) == digits and set(value) <= set("0123456789abcdef")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


# --- arrays ---


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = False, keep: Path | None = None
) -> None:
    """Write arrays as .npz with a checksum, atomically.

    Args:
        path: the file.
        arrays: by name; none of Python objects.
        compressed: whether to take time to make it smaller.
        keep: where the old file goes, None to lose it.

    Raises:
        OSError: if it cannot be written.
    """
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, allow_pickle=False, **arrays)
    buffer.seek(-2, io.SEEK_END)  # the length of the comment, 0 so far
    buffer.write(_LENGTH.to_bytes(2, "little"))
    buffer.write(_seal(buffer.getbuffer()))
    write_atomically(path, buffer.getvalue(), keep=keep)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return what `write_arrays` wrote.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    data = path.read_bytes()
    if data[-_LENGTH:].startswith(_MARK):
        _check_seal(data)
    elif data[-_END_LENGTH : -_END_LENGTH + 4] != _END_OF_ZIP or data[-2:] != b"\0\0":  # as without any comment
        raise ValueError("it is not whole, or its checksum is damaged")
    try:
        untrusted.check_archive(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # a damaged archive raises whatever its readers meet first
        raise ValueError(f"it is no archive of arrays: {repr(error)[:300]}") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):  # NumPy gives other members as bytes
        raise ValueError("it holds something else than arrays")
    return arrays


# --- other bytes ---


def write_sealed(path: Path, data: bytes) -> None:
    """Write bytes with their checksum, atomically; for formats whose readers stop at their end.

    Raises:
        OSError: if it cannot be written.
    """
    write_atomically(path, data + _seal(data))


def read_sealed(path: Path) -> bytes:
    """Return what `write_sealed` wrote.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    data = path.read_bytes()
    if not data[-_LENGTH:].startswith(_MARK):
        return data
    _check_seal(data)
    return data[:-_LENGTH]


def _seal(data: "bytes | memoryview[int]") -> bytes:
    return _MARK + hashlib.sha256(data).hexdigest().encode()


def _check_seal(data: bytes) -> None:
    if data[-_LENGTH:] != _seal(memoryview(data)[:-_LENGTH]):
        raise ValueError(_DAMAGED)


# --- the state before the last one ---


def previous(path: Path) -> Path:
    """Return where the content goes that a file had before it was last written, if it is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def read_latest(path: Path, read: Callable[[Path], T]) -> T | None:
    """Return the content of a file, of the previous one if it is damaged, with a warning, None if there is neither.

    Args:
        path: the file, written with `keep=previous(path)`.
        read: raises a QvarError for a damaged file.

    Raises:
        QvarError: if the file is damaged, and so is the previous one, or there is none.
    """
    older = previous(path)
    if not path.is_file():
        return read(older) if older.is_file() else None  # a kill came between both
    try:
        return read(path)
    except QvarError as error:
        if not older.is_file():
            raise
        try:
            content = read(older)
        except QvarError:
            raise error from None
        what = str(error).partition("; ")[0]  # what to do about it has been done
        tell(f"{what}; used the state before it, in {older.name}")
        return content


def tell(text: str) -> None:
    """Tell the user on standard error what was damaged, and what is done about it."""
    warnings.warn(text, UserWarning, stacklevel=3)
