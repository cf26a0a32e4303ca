"""What was reserved and spent: the record of a folder, and the guard of its limits.

Every job passes through these states, each written before what it announces is done:

```
RESERVED -> SUBMITTED -> DONE | FAILED | CANCELLED        (RELEASED: it never reached the service)
```
A job counts with its reserved seconds, which are the maximum execution time sent with it, until the service has said
what it used. The limits are checked under a lock that all processes share, against the sum over the whole record.
"""

import math
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qvar.hardware.journal import Journal
from qvar.hardware.limits import Limits
from qvar.simulators.errors import HardwareError

__all__ = ["Entry", "Ledger", "Spent", "new_tag"]

_FINAL = ("DONE", "FAILED", "CANCELLED", "RELEASED")


def new_tag() -> str:
    """Return a tag that no other job has."""
    return f"qvar-{uuid.uuid4().hex}"


@dataclass(frozen=True)
class Entry:
    """One job of a ledger.

    Attributes:
        tag: unique tag that the job carries at the service.
        request: identity of what was asked for, with its occurrence: "<hash>-<number>".
        kind: "estimator", "sampler" or "session".
        backend: name of the backend.
        is_real: whether its time may cost money.
        seconds: reserved seconds, which are the maximum execution time of the job.
        estimated_seconds: what it was expected to take.
        shots: executions of circuits.
        state: RESERVED, SUBMITTED, DONE, FAILED, CANCELLED or RELEASED.
        job_id: the service's name of the job, None until known.
        usage: seconds that the service billed, None while not known.
        result: name of the file with the result, None before it is stored.
        reason: why it failed, redacted.
        time: seconds since the epoch at the reservation.
        session: tag of the session that pays for it, None outside of a session.
        account: hash of the instance that it was submitted through, None for fake backends.
    """

    tag: str
    request: str
    kind: str
    backend: str
    is_real: bool
    seconds: float
    estimated_seconds: float
    shots: int
    state: str = "RESERVED"
    job_id: str | None = None
    usage: float | None = None
    result: str | None = None
    reason: str | None = None
    time: float = 0.0
    session: str | None = None
    account: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the job may still run."""
        return self.state not in _FINAL

    @property
    def charge(self) -> float:
        """Seconds that it counts with: what was billed if that is known, else what was reserved."""
        if self.state == "RELEASED" or self.session is not None:
            return 0.0
        return self.seconds if self.usage is None else self.usage


@dataclass(frozen=True)
class Spent:
    """Sums over a ledger: seconds, executions and jobs, those still open counted as reserved."""

    qpu_seconds: float
    shots: int
    jobs: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Spent":
        """Add up entries."""
        kept = [entry for entry in entries if entry.state != "RELEASED"]
        jobs = [entry for entry in kept if entry.kind != "session"]
        return cls(math.fsum(e.charge for e in kept), sum(e.shots for e in jobs), len(jobs))


class Ledger:
    """The jobs of a folder (or of a user, see `budget`); the only state is the journal file.

    Args:
        folder: the folder of the record, or the path of the journal file itself if it ends in .jsonl.
    """

    def __init__(self, folder: Path | str) -> None:
        path = Path(folder)
        self._journal = Journal(path if path.suffix == ".jsonl" else path / "journal.jsonl")
        self.path = self._journal.path

    def entries(self) -> tuple[Entry, ...]:
        """Return all jobs in the order of their reservation.

        Raises:
            HardwareError: if the journal was damaged or edited.
        """
        if not self.path.exists():
            return ()
        with self._journal.locked():
            return self._entries()

    def of_request(self, request: str) -> tuple[Entry, ...]:
        """Return the jobs of a request, the latest last."""
        return tuple(entry for entry in self.entries() if entry.request == request)

    def spent(self) -> Spent:
        """Return what all jobs count with."""
        return Spent.of(self.entries())

    def reserve(self, entry: Entry, limits: Limits) -> Entry:
        """Note a job that is about to be submitted, if the limits allow for it.

        The reserved seconds are shortened to what is left, but not below the estimate. A tag that is already there
        is not reserved twice.

        Raises:
            HardwareError: if the job does not fit into the limits; nothing is noted then.
        """
        with self._journal.locked():
            entries = self._entries()
            for known in entries:
                if known.tag == entry.tag:
                    return known
            granted = replace(entry, seconds=_grant(entry, Spent.of(entries), limits, self.path), time=time.time())
            fields = {
                k: v for k, v in vars(granted).items() if k not in ("state", "job_id", "usage", "result", "reason")
            }
            self._journal.append({"event": "RESERVED", **fields})
        return granted

    def note(self, tag: str, event: str, **fields: Any) -> None:
        """Note what became of a job: SUBMITTED, DONE, FAILED, CANCELLED, RELEASED, or UPDATE."""
        with self._journal.locked():
            self._journal.append({"event": event, "tag": tag, **fields})

    def _entries(self) -> tuple[Entry, ...]:
        found: dict[str, Entry] = {}
        for line in self._journal.read():
            event, tag = line.pop("event"), line["tag"]
            try:
                if event == "RESERVED":
                    found[tag] = Entry(**line)
                elif event == "UPDATE":
                    found[tag] = replace(found[tag], **line)
                else:
                    found[tag] = replace(found[tag], state=event, **line)
            except (KeyError, TypeError) as error:
                raise HardwareError(f"{self.path} holds an entry of another version: {error}") from None
        return tuple(found.values())


def _grant(entry: Entry, spent: Spent, limits: Limits, path: Path) -> float:
    """Return the seconds that the limits leave to a job, at least its estimate."""
    for name, limit, used, more in (
        ("max_shots", limits.max_shots, spent.shots, entry.shots),
        ("max_jobs", limits.max_jobs, spent.jobs, 1),
    ):
        if entry.kind != "session" and limit is not None and used + more > limit:
            raise _refusal(name, limit, used, more, path)
    if limits.max_qpu_seconds is None:
        return entry.seconds
    if entry.session is not None:
        return entry.seconds  # reserved with the session as a whole
    left = math.floor(limits.max_qpu_seconds - spent.qpu_seconds)  # the service takes whole seconds
    if min(entry.seconds, math.ceil(entry.estimated_seconds)) > left:
        raise _refusal("max_qpu_seconds", limits.max_qpu_seconds, spent.qpu_seconds, entry.estimated_seconds, path)
    return min(entry.seconds, left)


def _refusal(name: str, limit: float, used: float, more: float, path: Path) -> HardwareError:
    return HardwareError(
        f"{name}={limit:g} does not allow for this job: {used:g} are spent or reserved according to {path}, and it "
        f"needs {more:.6g}; nothing was submitted. Allow for more, or ask for less"
    )
