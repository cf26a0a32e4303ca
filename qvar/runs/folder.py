"""A run is a folder: what was asked, what happened, and enough to go on after being killed at any moment.

| file | content |
|---|---|
| config.json | the configuration and its hash, the run's identity; never changed |
| metrics.jsonl | one JSON object per episode, appended as it happens |
| checkpoint.npz | the whole state at the end of some episode, replaced atomically |
| replay.npz | the experience that the run started with, if it was given any |
| result.json | the outcome; its presence means that the run is finished |

Checkpoints hold arrays and JSON only and are read without pickle.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically

__all__ = ["RunFolder", "config_hash", "describe_differences", "make_folder"]

_FORMAT = "qvar-run"
_VERSION = 1
_SHOWN = 8
_LEFTOVER = re.compile(r"\..+\.\d+\.tmp")  # as `write_atomically` names its temporary files


def config_hash(config: Mapping[str, Any]) -> str:
    """Return the identity of a configuration: 32 hexadecimal digits of the hash of its canonical JSON."""
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "config": config}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def make_folder(path: Path, what: str, *, hint: str = "", may_hold: Callable[[Path], bool] = lambda _: False) -> None:
    """Make a folder for a new record, and those above it.

    Args:
        path: the folder, new or empty.
        what: what it is, for messages.
        hint: what else to do if the folder is taken, as the end of a sentence.
        may_hold: tells which files do not count.

    Raises:
        RunError: if the folder already holds files, or cannot be made; nothing is overwritten.
    """
    if path.exists() and (not path.is_dir() or any(not may_hold(file) for file in path.iterdir())):
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
        make_folder(path, "run folder", hint=", or resume the run in it", may_hold=_is_leftover)
        run_id = config_hash(config)
        content = {"format": _FORMAT, "version": _VERSION, "id": run_id, "config": dict(config)}
        write_atomically(path / "config.json", json.dumps(content, indent=1, allow_nan=False).encode())
        return cls(path, dict(config), run_id)

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
            content = json.loads(file.read_text(encoding="utf-8"))
            config, run_id = dict(content["config"]), content["id"]
            is_ours = content["format"] == _FORMAT and content["version"] == _VERSION
            actual_id = config_hash(config)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
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

    def remove_leftovers(self) -> None:
        """Remove the temporary files of a process that was killed while writing."""
        for file in self.path.iterdir():
            if _is_leftover(file):
                file.unlink(missing_ok=True)

    @property
    def is_finished(self) -> bool:
        """Whether the run has its result."""
        return (self.path / "result.json").is_file()

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add one line to the metrics."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Return all metrics, one dictionary per episode.

        Raises:
            RunError: if a line other than an unfinished last one is not a JSON object.
        """
        file = self.path / "metrics.jsonl"
        if not file.is_file():
            return []
        lines = file.read_bytes().split(b"\n")
        records = []
        for number, line in enumerate(lines[:-1], start=1):  # what follows the last line feed was cut off by a kill
            try:
                records.append(_object(line))
            except ValueError as error:
                raise RunError(f"{file} is corrupted in line {number}: {error}") from error
        return records

    def keep_metrics(self, n_records: int) -> list[dict[str, Any]]:
        """Drop all metrics after the first `n_records` and return those kept.

        Raises:
            RunError: if there are fewer, so that the checkpoint and the metrics do not belong together.
        """
        records = self.metrics()
        if len(records) < n_records:
            raise RunError(
                f"{self.path / 'metrics.jsonl'} holds {len(records)} records, its checkpoint says {n_records}; "
                "the run folder is corrupted"
            )
        kept = records[:n_records]
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
        write_atomically(self.path / "metrics.jsonl", text.encode())
        return kept

    def save_checkpoint(self, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Replace the checkpoint: arrays, and JSON-able state."""
        self._write_arrays("checkpoint.npz", arrays, state)

    def load_checkpoint(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return the arrays and state of the checkpoint, None if there is none yet.

        Raises:
            RunError: if it is unreadable or belongs to another run.
        """
        return self._read_arrays("checkpoint.npz")

    def save_replay(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the experience that the run starts with."""
        self._write_arrays("replay.npz", arrays, {})

    def load_replay(self) -> dict[str, NDArray[Any]] | None:
        """Return what `save_replay` kept, None if there is nothing.

        Raises:
            RunError: if it is unreadable or belongs to another run.
        """
        saved = self._read_arrays("replay.npz")
        return None if saved is None else saved[0]

    def _write_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
        content = json.dumps({"run": self.id, "state": dict(state)}, allow_nan=False)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{"state.json": np.array(content), **arrays})
        write_atomically(self.path / name, buffer.getvalue())

    def _read_arrays(self, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        file = self.path / name
        if not file.is_file():
            return None
        try:
            # NumPy leaves a file that it opens itself open if it is damaged
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            content = _object(str(arrays.pop("state.json")))
            run_id, state = content["run"], content["state"]
        except Exception as error:  # a damaged archive raises whatever its readers meet first
            raise RunError(f"{file} is corrupted: {error!r}; remove it to start the run anew") from error
        if run_id != self.id:
            raise RunError(f"{file} belongs to another run ({run_id}, not {self.id}); nothing was overwritten")
        return arrays, state

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the outcome; the run counts as finished from then on."""
        write_atomically(self.path / "result.json", json.dumps(result, indent=1, allow_nan=False).encode())

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
            return _object(file.read_bytes())
        except ValueError as error:
            raise RunError(f"{file} is corrupted: {error}; remove it and resume the run to write it anew") from error


def _is_leftover(file: Path) -> bool:
    return _LEFTOVER.fullmatch(file.name) is not None


def _object(text: str | bytes) -> dict[str, Any]:
    content = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(content, dict):
        raise ValueError(f"a JSON object is needed, got {_brief(content)}")
    return content


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


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
