"""An append-only record in one file that survives kills, is shared by processes, and shows when it was edited.

One JSON object a line. Each holds a checksum of itself and of the line before, so that a line that was changed, left
out or put elsewhere is found; a second file says how many lines there were, so that last ones that were removed are
found too. Lines reach the disk before the call returns.
"""

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qvar.simulators.errors import HardwareError
from qvar.simulators.files import append_whole
from qvar.simulators.locks import alone
from qvar.simulators.untrusted import parse_json

__all__ = ["Journal"]


class Journal:
    """A journal; the only state is its file, of which this object remembers what it has read and checked.

    As long as nobody else has touched the file, nothing is read again, so that the price of an entry does not grow with
    their number. Whatever looks changed is read and checked from the beginning.

    Args:
        path: the file, made when first written. Beside it lie `<name>.lock` and `<name>.head`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[dict[str, Any]] = []
        self._check = ""
        self._size = 0
        self._stamp: tuple[int, ...] | None = None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other processes and threads from reading and writing; wait for those that are at it."""
        with alone(self.path.with_name(self.path.name + ".lock")):
            yield

    def read(self) -> Sequence[Mapping[str, Any]]:
        """Return all entries in order. To be called inside of `locked` wherever others may be writing.

        A last line that a kill cut off is left out, with a warning.

        Raises:
            HardwareError: if a line was damaged, edited, left out or put elsewhere.
        """
        stamp = self._stamp_of_file()
        if stamp is None or stamp != self._stamp:
            self._read_again()
            self._stamp = stamp
        return self._entries

    def _read_again(self) -> None:
        known, self._stamp = len(self._entries), None
        lines = self._lines()
        entries: list[dict[str, Any]] = []
        check = ""
        for number, line in enumerate(lines[:-1], start=1):
            entry = _parse(line)
            if entry is None or entry.pop("check", None) != (check := _checksum(check, entry)):
                raise self._corrupted(f"in line {number}")
            entries.append(entry)
            if number == known and check != self._check:
                raise self._corrupted(f"up to line {number}")
        if len(entries) < max(self._head(), known):
            raise self._corrupted(f"after line {len(entries)}, or {self._head_path.name} is")
        self._entries, self._check, self._size = entries, check, sum(len(line) + 1 for line in lines[:-1])
        if lines[-1]:
            warnings.warn(f"the last line of {self.path} was cut off and is left out", UserWarning, stacklevel=3)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add an entry and see it on the disk. To be called inside of `locked`.

        Of a file that was touched by others only the end is looked at: what a job became is noted whatever happened
        to the lines before, and the next `read` checks them.
        """
        stamp = self._stamp_of_file()
        is_known = stamp is not None and stamp == self._stamp
        check, number, size = (self._check, len(self._entries), self._size) if is_known else self._end()
        content = dict(entry)
        content["check"] = check = _checksum(check, content)
        data = json.dumps(content, sort_keys=True, allow_nan=False).encode() + b"\n"
        self._stamp = None
        if stamp is not None and self.path.stat().st_size > size:
            os.truncate(self.path, size)  # what a kill cut off
        append_whole(self.path, data, sync=True)
        self._set_head(number + 1)
        if is_known:
            added = json.loads(data)
            del added["check"]
            self._entries.append(added)
            self._check, self._size, self._stamp = check, size + len(data), self._stamp_of_file()

    def _set_head(self, number: int) -> None:
        temporary = self._head_path.with_name(f"{self._head_path.name}.{os.getpid()}.tmp")
        temporary.write_text(str(number), encoding="ascii")
        temporary.replace(self._head_path)  # need not reach the disk: an older number only checks less

    def _end(self) -> tuple[str, int, int]:
        """Return the checksum of the last whole line, the number of lines, and where the last one ends."""
        lines = self._lines()
        last = _parse(lines[-2]) if len(lines) > 1 else None
        return "" if last is None else str(last.get("check")), len(lines) - 1, sum(len(line) + 1 for line in lines[:-1])

    def _stamp_of_file(self) -> tuple[int, ...] | None:
        """Return what changes when the file does, None if there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

    def _head(self) -> int:
        """Return how many lines there are at least; a kill may have kept the last one from being counted."""
        try:
            return int(self._head_path.read_text(encoding="ascii") or 0)  # empty after a power cut
        except FileNotFoundError:
            return 0
        except ValueError:
            raise self._corrupted(f"in its head, {self._head_path.name}") from None

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
        entry = parse_json(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _checksum(previous: str, entry: Mapping[str, Any]) -> str:
    text = previous + json.dumps(entry, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
