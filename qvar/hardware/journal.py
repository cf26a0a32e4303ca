"""An append-only record in one file that survives kills, is shared by processes, and shows when it was edited.

One JSON object a line. Each holds a checksum of itself and of the line before, so that a line that was changed, left
out or put elsewhere is found; a second file says how many lines there were, so that last ones that were removed are
found too. Lines reach the disk before the call returns.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qvar.hardware.locks import is_same_file
from qvar.simulators.errors import HardwareError
from qvar.simulators.files import append_whole, write_atomically

__all__ = ["Journal"]


class Journal:
    """A journal; the only state is its file, but for the number of lines that this object has seen there.

    Args:
        path: the file, made when first written. Beside it lie `<name>.lock` and `<name>.head`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._least = 0

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other processes and threads from reading and writing; wait for those that are at it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        path = self.path.with_name(self.path.name + ".lock")
        while True:
            with path.open("a", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    if is_same_file(file.fileno(), path):  # else it was deleted while we waited
                        yield
                        return
                finally:
                    fcntl.flock(file, fcntl.LOCK_UN)  # for a forked child that has it open, too

    def read(self) -> list[dict[str, Any]]:
        """Return all entries in order. To be called inside of `locked` wherever others may be writing.

        A last line that a kill cut off is left out, with a warning.

        Raises:
            HardwareError: if a line was damaged, edited, left out or put elsewhere.
        """
        lines = self._lines()
        entries: list[dict[str, Any]] = []
        check = ""
        for number, line in enumerate(lines[:-1], start=1):
            entry = _parse(line)
            if entry is None or entry.pop("check", None) != (check := _checksum(check, entry)):
                raise self._corrupted(f"in line {number}")
            entries.append(entry)
        if len(entries) < max(self._head(), self._least):
            raise self._corrupted(f"after line {len(entries)}")
        self._least = len(entries)
        if lines[-1]:
            warnings.warn(f"the last line of {self.path} was cut off and is left out", UserWarning, stacklevel=2)
        return entries

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add an entry and see it on the disk. To be called inside of `locked`."""
        lines = self._lines()
        last = _parse(lines[-2]) if len(lines) > 1 else None
        content = dict(entry)
        content["check"] = _checksum("" if last is None else str(last.get("check")), content)
        data = json.dumps(content, sort_keys=True, allow_nan=False).encode() + b"\n"
        if lines[-1]:
            os.truncate(self.path, self.path.stat().st_size - len(lines[-1]))  # what a kill cut off
        append_whole(self.path, data, sync=True)
        write_atomically(self._head_path, str(len(lines)).encode())

    def _head(self) -> int:
        """Return how many lines there are at least; a kill may have kept the last one from being counted."""
        try:
            return int(self._head_path.read_text(encoding="ascii") or 0)  # empty after a power cut
        except FileNotFoundError:
            return 0
        except ValueError:
            raise self._corrupted("in its head") from None

    @property
    def _head_path(self) -> Path:
        return self.path.with_name(self.path.name + ".head")

    def _corrupted(self, where: str) -> HardwareError:
        return HardwareError(
            f"{self.path} is corrupted {where}: it was damaged or edited, so that what was spent is not known; look up "
            "your jobs at the service, and start in a new folder"
        )

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().split(b"\n") if self.path.exists() else [b""]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _checksum(previous: str, entry: Mapping[str, Any]) -> str:
    text = previous + json.dumps(entry, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
