"""Jobs that are not safe, and one that is: what the campaign must find, and must not find.

Each counts to forty and keeps its sum and what it has counted in state.json.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qvar.runs.claim import claim
from qvar.runs.sealed import previous, read_json, read_latest, sealed_json
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically
from tests.trust.jobs import Job

__all__ = ["CARELESS"]

_END = 40
_State = dict[str, Any]


def _counting(read: Callable[[Path], _State | None], write: Callable[[Path, _State], None]) -> Callable[[Path], None]:
    def count(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        state = read(folder / "state.json") or {"sum": 0, "counted": []}
        for number in range(len(state["counted"]), _END):
            state["sum"] += number
            state["counted"].append(number / 7)  # many digits, of which many bits lead to other digits
            write(folder / "state.json", state)

    return count


def _plain(file: Path) -> _State | None:
    return json.loads(file.read_text()) if file.is_file() else None


def _in_place(file: Path, state: _State) -> None:
    text = json.dumps(state)
    with file.open("w") as stream:
        stream.write(text[: len(text) // 2])
        stream.flush()
        os.fsync(stream.fileno())
        stream.write(text[len(text) // 2 :])


def _atomically(file: Path, state: _State) -> None:
    write_atomically(file, json.dumps(state).encode())


def _one(file: Path) -> _State:
    try:
        return read_json(file)
    except ValueError as error:
        raise RunError(f"{file} is corrupted: {error}") from error


def _sealed(file: Path) -> _State | None:
    return read_latest(file, _one)


def _keeping(file: Path, state: _State) -> None:
    write_atomically(file, sealed_json(state), keep=previous(file))


def _careful(folder: Path) -> None:
    with claim(folder, "count"):
        _counting(_sealed, _keeping)(folder)


CARELESS = {
    job.name: job
    for job in (
        Job("writes in place", _counting(_plain, _in_place), lambda folder: _plain(folder / "state.json")),
        Job("has no checksum", _counting(_plain, _atomically), lambda folder: _plain(folder / "state.json")),
        Job("is careful", _careful, lambda folder: _one(folder / "state.json")),
    )
}
"""The jobs by their names."""
