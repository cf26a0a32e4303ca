"""One search as the dashboard sees it, finished or not, read little by little."""

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qvar.dashboard.curve import Curve, CurvePoint
from qvar.dashboard.reading import LARGEST, file_stamp
from qvar.dashboard.tail import Tail
from qvar.problems.problem import ACCURACY
from qvar.report.searches.records import RunRecord, energies_of
from qvar.runs import RunFolder, RunStatus
from qvar.runs.status import read_status
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["N_RECORDS", "LiveRun", "RunRow", "State"]

State = Literal["running", "stalled", "finished", "failed", "waiting", "damaged"]
"""Where a run stands; a stalled one has no result and has written nothing for long."""

N_RECORDS = 12
"""Last records that are kept for showing."""

_PATIENCE_SECONDS = 60.0
_PATIENCE_EPISODES = 10.0
_STATUS_FILES = ("config.json", "metrics.jsonl", "result.json", "error.json")


@dataclass(frozen=True)
class RunRow:
    """What the table shows of a run.

    Attributes:
        name: the folder, from the one that the dashboard was given.
        task: key of the problem; "" in a damaged run.
        noise: name of the noise model.
        algorithm: its name.
        seed: the seed, None in a damaged run.
        state: see `State`.
        note: what is wrong, or what to know; "" if nothing.
        share: share of the episodes or energies used up, 0 to 1.
        episodes: episodes played.
        energies: energies spent.
        max_energies: the budget of energies, None for none.
        max_episodes: the episodes to play, None for no limit.
        noiseless: noiseless error of the best circuit, None before the first record.
        measured: its energy as measured, above the exact one.
        unit: unit of both.
        seconds: time taken.
        seconds_left: estimate from the share used, None without one.
    """

    name: str
    task: str = ""
    noise: str = ""
    algorithm: str = ""
    seed: int | None = None
    state: State = "waiting"
    note: str = ""
    share: float = 0.0
    episodes: int = 0
    energies: int = 0
    max_energies: int | None = None
    max_episodes: int | None = None
    noiseless: float | None = None
    measured: float | None = None
    unit: str = ""
    seconds: float = 0.0
    seconds_left: float | None = None


class LiveRun:
    """Follows one run folder (mutable).

    Args:
        path: the folder, which need not exist yet if its sweep gives the configuration.
        name: what to call it.
        config: its configuration, None to read it from the folder.
        labels: the words of its sweep, {} for a run of its own.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        config: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.path, self.name = path, name
        self.config: Mapping[str, Any] | None = None
        self.damage: str | None = None
        self.records: deque[Mapping[str, Any]] = deque(maxlen=N_RECORDS)
        self._labels = labels or {}
        self._tail = Tail(path / "metrics.jsonl")
        self._status: tuple[object, RunStatus] | None = None
        self._written: float | None = None
        self._noticed = 0.0
        self._start_over()
        self._open(config)

    def _open(self, config: Mapping[str, Any] | None) -> None:
        try:
            opened = RunFolder.open(self.path).config if config is None else config
            _check_search(opened)
        except RunError as error:
            self.damage = str(error)
        except UNREADABLE as error:
            self.damage = f"its configuration cannot be read as one of a search: {error!r}"
        else:
            self.config = opened

    def _start_over(self) -> None:
        self.curve = Curve()
        self.records.clear()
        self._longest_pause = 0.0

    def read(self, *, max_bytes: int = 1 << 20) -> bool:
        """Read what is new in the record; tell whether there is more to read at once."""
        if self.config is None:
            return False
        news = self._tail.read(max_bytes=max_bytes)
        if news.is_fresh_start:
            self._start_over()
            self.damage = None
        for record in news.records:
            try:
                self._take(record)
            except UNREADABLE as error:
                self.damage = f"{self._tail.file.name} holds a record that is none of a search: {error!r}"
                return False
        self.damage = self._tail.damage or self.damage
        return news.is_behind

    def _take(self, record: Mapping[str, Any]) -> None:
        assert self.config is not None
        exact = float(self.config["problem"]["exact_energy"])
        noiseless, measured = float(record["best_error"]), float(record["best_energy"]) - exact
        seconds = float(record["seconds"])
        if not math.isfinite(noiseless + measured):
            raise ValueError("numbers that are not finite")
        if not max(seconds, energies_of(record), int(record["episode"])) < LARGEST:
            raise ValueError("numbers that are too large")
        if self.records:
            self._longest_pause = max(self._longest_pause, seconds - float(self.records[-1]["seconds"]))
        self.curve.add(CurvePoint(energies_of(record), noiseless, measured))
        self.records.append(record)

    def row(self, *, now: float | None = None) -> RunRow:
        """Return what the table shows, at the time `now`, seconds since the epoch (None for the clock)."""
        if self.config is None:
            return RunRow(self.name, state="damaged", note=self.damage or "its configuration is missing")
        try:
            return self._row(time.time() if now is None else now)
        except UNREADABLE as error:
            return RunRow(self.name, state="damaged", note=f"it cannot be shown: {error!r}")

    def _row(self, now: float) -> RunRow:
        assert self.config is not None
        status = self._read_status(self.config)
        named = RunRecord(self.path, self.config, status, labels=self._labels)
        state, note = self._state(status, now)
        last = self.records[-1] if self.records else {}
        points = self.curve.points
        best = points[-1] if points else None
        is_going = state == "running" and status.share > 0
        return RunRow(
            name=self.name,
            task=named.task,
            noise=named.noise,
            algorithm=named.algorithm,
            seed=named.seed,
            state=state,
            note=note,
            share=status.share,
            episodes=int(last.get("episode", 0)),
            energies=0 if best is None else best.energies,
            max_energies=self.config.get("max_energies"),
            max_episodes=self.config.get("episodes"),
            noiseless=None if best is None else best.noiseless,
            measured=None if best is None else best.measured,
            unit=named.unit,
            seconds=min(status.seconds, LARGEST),
            seconds_left=min(status.seconds * (1 / status.share - 1), LARGEST) if is_going else None,
        )

    def _read_status(self, config: Mapping[str, Any]) -> RunStatus:
        """Return the status, read again only if one of its files is another than before."""
        stamp = tuple(file_stamp(self.path / name) for name in _STATUS_FILES)
        if self._status is None or self._status[0] != stamp:
            self._status = (stamp, read_status(self.path, config))
        return self._status[1]

    def _state(self, status: RunStatus, now: float) -> tuple[State, str]:
        if self.damage is not None:
            return "damaged", self.damage
        if status.state == "failed":
            return "failed", status.error or ""
        if status.state == "finished":
            behind = self._tail.share
            return "finished", f"reading its record, {behind:.0%}" if behind < 1 else ""
        if status.state == "waiting":
            return "waiting", ""
        if self._quiet(now) > max(_PATIENCE_SECONDS, _PATIENCE_EPISODES * self._longest_pause):
            return "stalled", "no result, and nothing new for long: interrupted, or killed; it can be resumed"
        return "running", ""

    def _quiet(self, now: float) -> float:
        """Return the seconds since the last write, as far as the dates of files tell.

        A write that happens while one looks is new whatever its date, and a date in the future is that of the first
        look: the clock of a file server, or that of this machine before it was set, may be another.
        """
        written = self._last_write()
        if written != self._written or now < self._noticed:
            is_first = self._written is None
            self._written, self._noticed = written, min(written, now) if is_first else now
        return now - self._noticed

    def _last_write(self) -> float:
        times = []
        for name in ("metrics.jsonl", "checkpoint.npz", "config.json"):
            try:
                times.append((self.path / name).stat().st_mtime)
            except OSError:
                continue  # not there, or being replaced
        return max(times, default=0.0)

    @property
    def accuracy(self) -> float | None:
        """The error at which the problem counts as solved, None where there is no such convention."""
        return None if self.config is None else ACCURACY.get(str(self.config["problem"]["unit"]))


def _check_search(config: Mapping[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError unless a configuration has what the page needs of a search."""
    problem = config["problem"]
    if not isinstance(problem["unit"], str) or not math.isfinite(problem["exact_energy"]):
        raise ValueError("its problem has no unit, or no exact energy")
    for name in ("episodes", "max_energies"):
        limit = config.get(name)
        if limit is not None and not (isinstance(limit, int) and 0 < limit < LARGEST):
            raise ValueError(f"{name} is {str(limit)[:40]!r}")
