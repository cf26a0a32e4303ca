"""What a job has left behind, without wall times: for campaigns that ask whether two records are the same."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

WALL_TIMES = (
    "seconds",
    "costs",
    "seconds_left",
    "circuits_per_second",
    "created",
    "started",
    "finished",
    "submitted",
    "time",
)
"""Keys of JSON and names of arrays that hold times, in any of the files."""

PLACES = ("run", "folder", "sweep", "comparison", "latent", "searches", "path", "id_of_process")
"""Keys of printed documents that hold a path."""

LEFT_OUT = ("costs.json", "report.html", "summary.csv", "summary.md", "table.md", "isa.qpy")
"""Files made of wall times, pages that show some, and circuits whose registers Qiskit writes in any order."""

_JOB_NAME = re.compile(r"qvar-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def record_of(folder: Path) -> dict[str, str]:
    """Return a hash of every file below a folder, by path; wall times and names drawn for jobs do not count."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not is_passing(path)]
    journals = [path.read_text() for path in files if path.name == "journal.jsonl"]
    names = list(dict.fromkeys(name for text in journals for name in _JOB_NAME.findall(text)))
    compared = [path for path in files if path.name not in LEFT_OUT]
    return {_numbered(str(path.relative_to(folder)), names): hash_of(path, names) for path in compared}


def _numbered(text: str, names: list[str]) -> str:
    for number, name in enumerate(names):
        text = text.replace(name, f"job {number}")
    return text


def is_passing(path: Path) -> bool:
    return any(part.startswith(".") or part.endswith(".lock") for part in path.parts[-3:])


def hash_of(path: Path, names: list[str]) -> str:
    content = digest(path)
    content = content if isinstance(content, bytes) else _numbered(content, names)
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()[:16]


def digest(path: Path) -> bytes | str:
    """Return the content of a file as it is compared."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return "".join(map(repr, (_array(name, arrays[name]) for name in sorted(arrays) if name not in WALL_TIMES)))
    if path.suffix == ".json":
        return json.dumps(without_times(json.loads(path.read_text())))
    if path.suffix == ".jsonl":
        return json.dumps([without_times(json.loads(line)) for line in path.read_text().splitlines()])
    return path.read_bytes()


def _array(name: str, array: np.ndarray) -> tuple[str, ...]:
    if array.dtype.kind == "U" and array.ndim == 0 and array.item()[:1] in ("{", "["):
        return name, json.dumps(without_times(json.loads(array.item())))
    return name, str(array.dtype), str(array.shape), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def without_times(data: object, also: tuple[str, ...] = ()) -> object:
    if isinstance(data, dict):
        return {key: without_times(value, also) for key, value in data.items() if not _is_time(key) and key not in also}
    return [without_times(item, also) for item in data] if isinstance(data, list) else data


def _is_time(key: str) -> bool:
    return key in WALL_TIMES or key.startswith("seconds_") or key in ("check", "checksum", "sha256", "digest")


def differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """Return the names of files that are not the same in both."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
