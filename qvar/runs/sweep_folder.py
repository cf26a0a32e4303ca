"""A sweep is a folder: what was asked, and a run folder for every combination and seed.

| file | content |
|---|---|
| sweep.json | the combinations with their configurations, the seeds, and the hash of both; never changed |
| COMBINATION/seedN/ | a run folder; with error.json if its run failed |
| .locks/ | one file per run, held by the process at work on it |

The same sweep goes on in its folder where it stopped.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qvar.runs.claim import holder, note_holder
from qvar.runs.folder import config_hash, describe_differences, make_folder
from qvar.runs.sealed import read_json, tell, write_json
from qvar.runs.status import RunStatus, read_status
from qvar.simulators.errors import RunError
from qvar.simulators.locks import alone
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["SweepFolder", "SweepRun", "seconds_left"]

_FILE = "sweep.json"
_FORMAT = "qvar-sweep"
_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep.

    Attributes:
        combination: name of the combination.
        labels: its task, noise, preset and algorithm in words.
        seed: seed of the run.
        config: the complete configuration, as in the run's config.json.
        path: the run folder, which may not exist yet.
        lock: the file that the process at work on the run holds.
    """

    combination: str
    labels: Mapping[str, str] = field(compare=False)
    seed: int
    config: Mapping[str, Any] = field(compare=False, repr=False)
    path: Path
    lock: Path

    @property
    def name(self) -> str:
        """The run in words."""
        return f"{self.combination}, seed {self.seed}"

    def status(self) -> RunStatus:
        """Return how far the run is."""
        return read_status(self.path, self.config)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Work on the run alone: wait until no other process does. The lock goes with the process that holds it."""

        def tell_who() -> None:
            tell(f"another process is at work on the run in {self.path}: {holder(self.lock)}; waiting for its end")

        with alone(self.lock, if_busy=tell_who) as file:
            note_holder(file)
            try:
                yield
            finally:
                os.truncate(file, 0)

    @property
    def died_at_work(self) -> bool:
        """Whether the last process at work on the run died there, or is still at it."""
        return self.lock.is_file() and self.lock.stat().st_size > 0


class SweepFolder:
    """A sweep on disk. Make it with `prepare` or `open`."""

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self.path = path
        self.plan = plan

    @classmethod
    def prepare(cls, path: Path, plan: Mapping[str, Any]) -> "SweepFolder":
        """Start the sweep in `path`, or go on with it there.

        Args:
            path: the folder.
            plan: `combinations`, by name: their labels and their configuration without seed; and `seeds`.

        Raises:
            RunError: if the folder holds another sweep, or other files; nothing is overwritten.
        """
        if (path / _FILE).exists():
            folder = cls.open(path)
            if config_hash(folder.plan) != config_hash(plan):
                details = describe_differences(folder.plan, plan)
                raise RunError(
                    f"{path} holds another sweep ({details}); nothing was overwritten. Choose another folder with "
                    "--out, and put the sweeps together with qvar report"
                )
            return folder
        make_folder(path, "sweep folder")
        content = {"format": _FORMAT, "version": _VERSION, "id": config_hash(plan), **plan}
        write_json(path / _FILE, content)
        return cls(path, plan)

    @classmethod
    def open(cls, path: Path) -> "SweepFolder":
        """Open an existing sweep.

        Raises:
            RunError: if there is none, or its sweep.json was damaged.
        """
        file = path / _FILE
        if not file.is_file():
            raise RunError(f"{path} holds no sweep: {_FILE} is missing")
        try:
            content = read_json(file)
            plan = {"combinations": dict(content["combinations"]), "seeds": list(content["seeds"])}
            is_ours = content["format"] == _FORMAT and content["version"] == _VERSION
            is_whole = config_hash(plan) == content["id"] and all(_NAME.fullmatch(n) for n in plan["combinations"])
        except UNREADABLE as error:
            raise RunError(f"{file} is corrupted: {error!r}; restore it from a backup") from error
        if not is_ours:
            raise RunError(f"{file} is not a sweep of this version of qvar (format {_FORMAT!r}, version {_VERSION})")
        if not is_whole:
            raise RunError(f"{file} was changed: its content does not match its identity {content['id']}")
        return cls(path, plan)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Tell whether a folder holds a sweep."""
        return (path / _FILE).is_file()

    def runs(self) -> tuple[SweepRun, ...]:
        """Return all runs, seed by seed, so that a sweep stopped early has as many seeds of every combination."""
        return tuple(
            SweepRun(
                combination=name,
                labels=combination["labels"],
                seed=seed,
                config={**combination["configuration"], "seed": seed},
                path=self.path / name / f"seed{seed}",
                lock=self.path / ".locks" / f"{name}-seed{seed}",
            )
            for seed in self.plan["seeds"]
            for name, combination in self.plan["combinations"].items()
        )


def seconds_left(statuses: Mapping[SweepRun, RunStatus], *, jobs: int) -> float | None:
    """Estimate the time until all runs are over, None before any run has shown its pace.

    A run is expected to take as long as the others of its combination, by the time and the share of the budget that
    they have used; where none has started, as long as the mean of all combinations.

    Args:
        statuses: the state of every run.
        jobs: runs at a time.
    """
    used: dict[str, tuple[float, float]] = {}
    for run, status in statuses.items():
        if status.seconds > 0 and status.share > 0:
            seconds, share = used.get(run.combination, (0.0, 0.0))
            used[run.combination] = (seconds + status.seconds, share + status.share)
    if not used:
        return None
    per_run = {name: seconds / share for name, (seconds, share) in used.items()}
    typical = sum(per_run.values()) / len(per_run)
    left = [
        (1 - status.share) * per_run.get(run.combination, typical)
        for run, status in statuses.items()
        if not status.is_over
    ]
    return sum(left) / max(1, min(jobs, len(left)))
