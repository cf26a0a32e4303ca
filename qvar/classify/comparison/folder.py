"""A comparison is a folder: what was asked, and one line for every cell as soon as it is there.

| file | content |
|---|---|
| config.json | what is compared, and its hash; never changed |
| cells.jsonl | one JSON object per cell, appended as they end; in the order of the plan when all have ended |
| .lock | held by the process at work on the comparison |

A line cut off by a kill is dropped, and its cell carried out again; so is a damaged line, which its checksum shows
(`qvar.runs.sealed`), and the user is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qvar.classify.comparison.plan import Cell
from qvar.runs.claim import claim
from qvar.runs.folder import config_hash, describe_differences, make_folder
from qvar.runs.sealed import read_json, read_lines, sealed_line, tell, write_json
from qvar.simulators.errors import RunError
from qvar.simulators.files import append_whole, write_atomically
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["ComparisonFolder", "cell_of"]

_FORMAT = "qvar-comparison"
_VERSION = 1


def cell_of(record: Mapping[str, Any]) -> Cell:
    """Return which cell a record is of."""
    return Cell(record["features"], record["model"], record["split"], record["train_size"])


class ComparisonFolder:
    """A comparison on disk. Make it with `create` or `open`."""

    def __init__(self, path: Path, config: dict[str, Any], request: dict[str, Any]) -> None:
        self.path = path
        self.config = config
        self.request = request

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any], request: Mapping[str, Any]) -> "ComparisonFolder":
        """Start a comparison in `path`.

        Args:
            path: the folder.
            config: what determines the record.
            request: the words it was asked for with, by which it can be asked for again; {} if there are none.

        Raises:
            RunError: if the folder already holds files; nothing is overwritten.
        """
        is_resumable = (path / "config.json").is_file()
        make_folder(path, "folder", hint="; go on with the comparison in it with --resume" if is_resumable else "")
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "id": config_hash(config),
            "request": dict(request),
            "config": dict(config),
        }
        write_json(path / "config.json", content)
        return cls(path, dict(config), dict(request))

    @classmethod
    def open(cls, path: Path) -> "ComparisonFolder":
        """Open an existing comparison.

        Raises:
            RunError: if there is none, or its config.json was damaged.
        """
        file = path / "config.json"
        if not file.is_file():
            raise RunError(f"{path} holds no comparison: {file.name} is missing")
        try:
            content = read_json(file)
            is_ours = content["format"] == _FORMAT and content["version"] == _VERSION
            if not is_ours:
                raise RunError(f"{file} is no comparison of this version of qvar (format {_FORMAT!r}, {_VERSION})")
            config, request = dict(content["config"]), dict(content["request"])
            is_whole = config_hash(config) == content["id"]
        except RunError:
            raise
        except UNREADABLE as error:
            raise RunError(f"{file} is corrupted: {error!r}; restore it from a backup") from error
        if not is_whole:
            raise RunError(f"{file} was changed: its content does not match its identity {content['id']}")
        return cls(path, config, request)

    def check_same(self, config: Mapping[str, Any]) -> None:
        """Raise RunError, naming the differences, unless this comparison is of `config`."""
        if config_hash(config) != config_hash(self.config):
            details = describe_differences(self.config, config)
            raise RunError(f"{self.path} holds another comparison ({details}); nothing was overwritten")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Work on the comparison alone; the claim goes with the process.

        Raises:
            RunError: if another process is at work on it.
        """
        with claim(self.path, "comparison"):
            yield

    def records(self) -> dict[Cell, dict[str, Any]]:
        """Return the record of every cell that has one, the last one if there are more.

        Raises:
            RunError: if a line other than an unfinished last one is damaged.
        """
        records, damages = self._whole_records()
        if damages:
            raise RunError(f"{damages[0]}; resume the comparison, which carries out its cell again")
        return records

    def whole_records(self) -> dict[Cell, dict[str, Any]]:
        """Return the record of every cell that has one that is not damaged; tell the user of others."""
        records, damages = self._whole_records()
        for damage in damages:
            tell(f"{damage}; its cell is carried out again")
        return records

    @property
    def n_finished(self) -> int:
        """Number of cells that need not be carried out again."""
        return sum(record["error"] is None for record in self._whole_records()[0].values())

    def _whole_records(self) -> tuple[dict[Cell, dict[str, Any]], list[str]]:
        file = self.path / "cells.jsonl"
        lines, damages = read_lines(file)
        records = {}
        for number, record in enumerate(lines, start=1):
            try:
                if record is not None:
                    records[cell_of(record)] = record
            except UNREADABLE as error:
                damages.append(f"{file} is corrupted in line {number}: {error!r}")
        return records, damages

    def append(self, record: Mapping[str, Any]) -> None:
        """Add the record of one cell, safe on the disk when this returns."""
        append_whole(self.path / "cells.jsonl", sealed_line(record), sync=True)

    def keep(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Replace all records by these."""
        write_atomically(self.path / "cells.jsonl", b"".join(map(sealed_line, records)))
