"""A run is a folder: what was asked, what happened, and enough to go on after being killed at any moment.

| file | content |
|---|---|
| config.json | the configuration and its hash, the run's identity; never changed |
| metrics.jsonl | one JSON object per episode, appended as it happens |
| checkpoint.npz | the whole state at the end of some episode, replaced atomically |
| checkpoint.previous.npz | the state before that one, for the case that it is damaged; until the run is finished |
| replay.npz | the experience that the run started with, if it was given any |
| result.json | the outcome, and how many lines of metrics there are; its presence means that the run is finished |
| .lock | held by the process at work on the run, which it names |

Checkpoints hold arrays and JSON only and are read without pickle. All these files have checksums (`qvar.runs.sealed`).
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.runs.claim import LOCK
from qvar.runs.sealed import (
    previous,
    read_arrays,
    read_json,
    read_latest,
    read_lines,
    sealed_line,
    tell,
    write_arrays,
    write_json,
)
from qvar.simulators.errors import RunError
from qvar.simulators.files import append_whole, is_leftover, write_atomically
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["RunFolder", "config_hash", "describe_differences", "make_folder"]

_FORMAT = "qvar-run"
_VERSION = 1
_SHOWN = 8


def config_hash(config: Mapping[str, Any]) -> str:
    """Return the identity of a configuration: 32 hexadecimal digits of the hash of its canonical JSON."""
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "config": config}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def make_folder(path: Path, what: str, *, hint: str = "") -> None:
    """Make a folder for a new record, and those above it.

    A lock does not count as content, nor does what a process left that was killed when it had just begun.

    Args:
        path: the folder, new or empty.
        what: what it is, for messages.
        hint: what else to do if the folder is taken, as the end of a sentence.

    Raises:
        RunError: if the folder already holds files, or cannot be made; nothing is overwritten.
    """
    if path.exists() and (not path.is_dir() or not all(map(_is_no_content, path.iterdir()))):
        raise RunError(f"{path} already exists and is not empty; nothing was overwritten. Choose another folder{hint}")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the {what} {path}: {error.strerror}") from error


class RunFolder:
    """One run on disk; writes as the run goes on (mutable). Make it with `create` or `open`."""

    def __init__(self, path: Path, config: dict[str, Any], run_id: str) -> None:
        self.path = path
        self.config = config
        self.id = run_id

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any]) -> "RunFolder":
        """Start a new run in `path`.

        Raises:
            RunError: if the folder already holds files; nothing is overwritten.
        """
        cls.make(path)
        run_id = config_hash(config)
        content = {"format": _FORMAT, "version": _VERSION, "id": run_id, "config": dict(config)}
        write_json(path / "config.json", content)
        return cls(path, dict(config), run_id)

    @staticmethod
    def make(path: Path) -> None:
        """Make the folder of a new run, and those above it; raises RunError if it already holds files."""
        make_folder(path, "run folder", hint=", or resume the run in it")

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open an existing run.

        Raises:
            RunError: if the folder holds no run, or its configuration was damaged.
        """
        file = path / "config.json"
        if not file.is_file():
            raise RunError(f"{path} holds no run: {file.name} is missing")
        try:
            content = read_json(file)
            config, run_id = dict(content["config"]), content["id"]
            is_ours = content["format"] == _FORMAT and content["version"] == _VERSION
            actual_id = config_hash(config)
        except UNREADABLE as error:
            raise RunError(f"{file} is corrupted: {error!r}; restore it from a backup") from error
        if not is_ours:
            raise RunError(f"{file} is not a run of this version of qvar (format {_FORMAT!r}, version {_VERSION})")
        if actual_id != run_id:
            raise RunError(f"{file} was changed: its content does not match its identity {run_id}")
        return cls(path, config, run_id)

    def check_same(self, config: Mapping[str, Any]) -> None:
        """Raise RunError, naming the differences, unless this run was made with `config`."""
        if config_hash(config) == self.id:
            return
        details = describe_differences(self.config, config)
        raise RunError(f"{self.path} holds a run of another configuration ({details}); nothing was overwritten")

    @property
    def is_finished(self) -> bool:
        """Whether the run has its result."""
        return (self.path / "result.json").is_file()

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add one line to the metrics."""
        append_whole(self._metrics, sealed_line(record))

    def metrics(self) -> list[dict[str, Any]]:
        """Return all metrics, one dictionary per episode.

        Raises:
            RunError: if a line other than an unfinished last one is damaged, or the run is finished and had more.
        """
        records, damage = self._whole_metrics()
        if damage is not None:
            raise RunError(damage)
        if (n_at_end := self._n_records_at_end()) > len(records):
            raise RunError(f"{self._metrics} is corrupted: it holds {len(records)} records, the run had {n_at_end}")
        return records

    def keep_metrics(self, n_records: int | None = None) -> list[dict[str, Any]]:
        """Drop all metrics after the first `n_records` and return those kept.

        Args:
            n_records: None to keep all before the first damaged one, if there is one; the user is told.

        Raises:
            RunError: if there are fewer that are not damaged, so that the checkpoint and the metrics do not belong
                together.
        """
        records, damage = self._whole_metrics()
        if n_records is not None and len(records) < n_records:
            raise RunError(
                damage
                or f"{self._metrics} holds {len(records)} records, its checkpoint says {n_records}; the run folder is "
                "corrupted"
            )
        kept = records[:n_records]
        if damage is not None:
            tell(f"{damage}; kept the {len(kept)} records before it")
        self.write_metrics(kept)
        return kept

    def write_metrics(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Replace all metrics."""
        write_atomically(self._metrics, b"".join(map(sealed_line, records)))

    def _n_records_at_end(self) -> int:
        """Return how many records a finished run had, 0 if that is not known."""
        try:
            return int(read_json(self.path / "result.json").get("records", 0))
        except UNREADABLE:
            return 0

    def _whole_metrics(self) -> tuple[list[dict[str, Any]], str | None]:
        """Return the metrics before the first damaged line, and what is wrong with that."""
        lines, damages = read_lines(self._metrics)
        whole = lines[: lines.index(None)] if damages else lines
        return [record for record in whole if record is not None], damages[0] if damages else None

    @property
    def _metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    def save_checkpoint(self, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Replace the checkpoint: arrays, and JSON-able state; the one before it is kept beside it."""
        if self._metrics.is_file():  # a checkpoint on the disk without the metrics before it would be worth nothing
            with self._metrics.open("rb") as metrics:
                os.fsync(metrics.fileno())
        file = self.path / "checkpoint.npz"
        self._write_arrays(file, arrays, state, keep=previous(file))

    def load_checkpoint(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return the arrays and state of the checkpoint, None if there is none yet.

        If it is damaged, or the metrics that belong to it are, that is the one before it; the user is told.

        Raises:
            RunError: if there is none that is whole, or it belongs to another run.
        """
        file = self.path / "checkpoint.npz"
        saved = self._of_this_run(file, read_latest(file, _read_checkpoint))
        older = previous(file)
        if saved is None or not older.is_file():
            return saved
        n_whole = len(self._whole_metrics()[0])
        if int(saved[1].get("episodes", 0)) <= n_whole:
            return saved
        before = self._of_this_run(older, _read_checkpoint(older))
        if before is None or int(before[1].get("episodes", 0)) > n_whole:
            return saved  # whose metrics are then found to be missing
        tell(f"{self._metrics} holds {n_whole} whole records, fewer than {file.name}; used {older.name}")
        return before

    def save_replay(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the experience that the run starts with."""
        self._write_arrays(self.path / "replay.npz", arrays, {})

    def load_replay(self) -> dict[str, NDArray[Any]] | None:
        """Return what `save_replay` kept, None if there is nothing.

        Raises:
            RunError: if it is unreadable or belongs to another run.
        """
        file = self.path / "replay.npz"
        saved = self._of_this_run(file, _read_checkpoint(file) if file.is_file() else None)
        return None if saved is None else saved[0]

    def _write_arrays(
        self, file: Path, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any], *, keep: Path | None = None
    ) -> None:
        content = json.dumps({"run": self.id, "state": dict(state)}, allow_nan=False)
        write_arrays(file, {"state.json": np.array(content), **arrays}, keep=keep)

    def _of_this_run(self, file: Path, saved: "_Saved | None") -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        if saved is None:
            return None
        run_id, arrays, state = saved
        if run_id != self.id:
            raise RunError(f"{file} belongs to another run ({run_id}, not {self.id}); nothing was overwritten")
        return arrays, state

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the outcome; the run counts as finished from then on, with the metrics that it has."""
        n_records = len(self._whole_metrics()[0])
        write_json(self.path / "result.json", {**result, "records": n_records})
        previous(self.path / "checkpoint.npz").unlink(missing_ok=True)

    def result(self) -> dict[str, Any]:
        """Return the outcome.

        Raises:
            RunError: if the run is not finished or its result is damaged.
        """
        file = self.path / "result.json"
        if not file.is_file():
            raise RunError(
                f"the run in {self.path} is not finished; go on with: qvar search --resume --out {self.path}"
            )
        try:
            return {name: value for name, value in read_json(file).items() if name != "records"}
        except (OSError, ValueError) as error:
            raise RunError(f"{file} is corrupted: {error}; resume the run to write it anew") from error


_Saved = tuple[str, dict[str, NDArray[Any]], dict[str, Any]]
"""Identity of a run, arrays and state."""


def _read_checkpoint(file: Path) -> _Saved:
    try:
        arrays = read_arrays(file)
        content = parse_json(str(arrays.pop("state.json")))
        return str(content["run"]), arrays, dict(content["state"])
    except UNREADABLE as error:
        raise RunError(f"{file} is corrupted: {error}; remove it to start the run anew") from error


def _is_no_content(file: Path) -> bool:
    return file.name == LOCK or is_leftover(file)


def describe_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Return in words which entries of two nested objects differ, the first eight of them."""
    differences = _differences(there, here)
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return "; ".join(differences[:_SHOWN]) + more


def _differences(there: Any, here: Any, name: str = "") -> list[str]:
    """Name the entries that differ, those inside of nested objects by their path."""
    if there == here:
        return []
    if not (isinstance(there, Mapping) and isinstance(here, Mapping)):
        return [f"{name}: {_brief(there)} there, {_brief(here)} here"]
    prefix = f"{name}." if name else ""
    keys = sorted({*there, *here})
    return [line for key in keys for line in _differences(there.get(key), here.get(key), prefix + key)]


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
