"""Find the runs below some folders, and keep up with all of them in little time."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qvar.dashboard.run import LiveRun, RunRow
from qvar.dashboard.work import WorkRow, read_work
from qvar.runs import SweepFolder
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["Snapshot", "Watcher"]

_DEPTH = 5
_MAX_FOLDERS = 5000
_SEARCH_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    """What there is to show at one moment.

    Attributes:
        rows: every run by its key, in the order of the folders.
        work: other work: latent spaces, latent studies, comparisons.
        problems: sweeps that cannot be read, in words.
        is_behind: whether long records are still being read.
    """

    rows: dict[str, RunRow]
    work: tuple[WorkRow, ...]
    problems: tuple[str, ...]
    is_behind: bool


class Watcher:
    """Follows run folders, sweep folders and what is below folders of them (mutable, safe to share by threads).

    Args:
        paths: folders that exist; new runs below them are found while it watches.

    Raises:
        RunError: if a path is no folder.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if not path.is_dir():
                raise RunError(f"{path} is no folder; give run folders, sweep folders, or folders that hold some")
        self._roots = [path.absolute() for path in paths]
        self._lock = threading.Lock()
        self._runs: dict[str, LiveRun] = {}
        self._work: dict[Path, str] = {}
        self._problems: dict[Path, str] = {}
        self._next_search = 0.0
        self._first = 0
        self._behind: dict[str, bool] = {}

    def look(self, *, seconds: float = 0.5) -> Snapshot:
        """Read what is new, for about `seconds` at most, and return what there is to show."""
        with self._lock:
            begun = time.monotonic()
            if begun >= self._next_search:
                self._search()
                self._next_search = time.monotonic() + _SEARCH_EVERY_SECONDS
            is_behind = self._read(until=begun + seconds)
            rows = {key: run.row() for key, run in self._runs.items()}
            work = [read_work(path, name) for path, name in self._work.items()]
            return Snapshot(rows, tuple(row for row in work if row), tuple(self._problems.values()), is_behind)

    def run(self, key: str) -> LiveRun | None:
        """Return the run of a key, None if there is none."""
        return self._runs.get(key)

    def _read(self, *, until: float) -> bool:
        """Read all runs, beginning where time ran out before; tell whether there was more to read at the last look."""
        keys = list(self._runs)
        for number in range(len(keys)):
            key = keys[(self._first + number) % len(keys)]
            self._behind[key] = self._runs[key].read()
            if time.monotonic() >= until:
                self._first = (self._first + number + 1) % len(keys)
                break
        return any(self._behind.get(key, True) for key in keys)

    def _search(self) -> None:
        self._problems.clear()
        for root in self._roots:
            n_folders = 0
            for folder in _folders(root):
                n_folders += 1
                try:
                    self._note(folder, os.path.relpath(folder, root.parent))
                except OSError as error:
                    self._problems[folder] = f"{folder} cannot be read: {error.strerror}"
            if n_folders == _MAX_FOLDERS:
                self._problems[root] = f"only {_MAX_FOLDERS:,} folders of {root} were searched; give folders within it"

    def _note(self, folder: Path, name: str) -> None:
        known = self._runs.get(_key(folder))
        if known is not None and known.config is not None:
            return
        if SweepFolder.is_at(folder):
            self._note_sweep(folder, name)
        elif read_work(folder, name) is not None:
            self._work.setdefault(folder, name)
        elif (folder / "config.json").is_file():
            self._runs[_key(folder)] = LiveRun(folder, name)  # anew if it was damaged, for it may have been mended

    def _note_sweep(self, folder: Path, name: str) -> None:
        try:
            runs = SweepFolder.open(folder).runs()
        except RunError as error:
            self._problems[folder] = str(error)
            return
        except UNREADABLE as error:
            self._problems[folder] = f"the sweep in {folder} cannot be read: {error!r}"
            return
        for run in runs:
            key = _key(run.path)
            if key not in self._runs:
                title = f"{name}/{run.combination}/seed{run.seed}"
                self._runs[key] = LiveRun(run.path, title, config=run.config, labels=run.labels)


def _key(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]


def _folders(root: Path) -> Iterator[Path]:
    """Give the folders below `root`, itself first; not those within runs and sweeps, hidden ones or links."""
    waiting = [(root, 0)]
    for _ in range(_MAX_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.pop(0)
        yield folder
        try:
            if depth == _DEPTH or (folder / "sweep.json").is_file() or (folder / "metrics.jsonl").is_file():
                continue
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue  # whoever takes note of it says why
        below = [e for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
        waiting += [(Path(entry.path), depth + 1) for entry in below]
