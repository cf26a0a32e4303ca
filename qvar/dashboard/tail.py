"""Read a file of JSON lines that another process is appending to, each line once."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qvar.runs.sealed import parse_line

__all__ = ["News", "Tail"]

_MAX_LINE = 1 << 24


@dataclass(frozen=True)
class News:
    """What a look at the file brought.

    Attributes:
        records: the objects of the lines that are new, in order.
        is_fresh_start: whether the file was replaced or cut, so that all read before no longer counts.
        is_behind: whether there is more to read at once.
    """

    records: tuple[dict[str, Any], ...] = ()
    is_fresh_start: bool = False
    is_behind: bool = False


class Tail:
    """Follows one file (mutable). A half-written last line waits for its end; a damaged one ends the reading."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.damage: str | None = None
        self._offset = 0
        self._n_lines = 0
        self._inode: int | None = None

    def read(self, *, max_bytes: int = 1 << 20) -> News:
        """Return the complete lines that are new, of at most `max_bytes`.

        A longer line is read in whole. Resuming a run replaces its record, which is then read from the start.
        """
        try:
            if not self.file.is_file():
                return News()  # not there yet, or a pipe, which would be waited for
            with self.file.open("rb") as stream:
                is_fresh_start = self._note_replacement(stream.fileno())
                if self.damage is not None:
                    return News()
                stream.seek(self._offset)
                data = stream.read(max_bytes)
                if len(data) == max_bytes and b"\n" not in data:
                    data += stream.readline(_MAX_LINE)
                is_behind = b"\n" in data and stream.tell() < os.fstat(stream.fileno()).st_size
        except OSError:
            return News()  # removed meanwhile, or not for us to read
        whole, line_feed, rest = data.rpartition(b"\n")
        if not line_feed and len(rest) >= _MAX_LINE:
            self.damage = f"line {self._n_lines + 1} of {self.file.name} is too long to be a record"
        self._offset += len(whole) + len(line_feed)
        records = self._parse(whole) if line_feed else ()
        return News(records, is_fresh_start, is_behind and self.damage is None)

    @property
    def share(self) -> float:
        """The part of the file that has been read, 0 to 1."""
        try:
            size = self.file.stat().st_size
        except OSError:
            return 1.0
        return min(1.0, self._offset / size) if size else 1.0

    def _note_replacement(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        is_other = self._inode is not None and (status.st_ino != self._inode or status.st_size < self._offset)
        self._inode = status.st_ino
        if is_other:
            self._offset = self._n_lines = 0
            self.damage = None
        return is_other

    def _parse(self, text: bytes) -> tuple[dict[str, Any], ...]:
        records = []
        for line in text.split(b"\n"):
            self._n_lines += 1
            try:
                record = parse_line(line)
            except ValueError as error:
                self.damage = f"{self.file.name} is damaged in line {self._n_lines}: {error}"
                break
            records.append(record)
        return tuple(records)
