"""What was reserved and spent: the record of a folder, and the guard of its limits.

Every job passes through these states, each written before what it announces is done:

```
RESERVED -> SENDING -> SUBMITTED -> DONE | FAILED | CANCELLED        (RELEASED: it never reached the service)
```
Of a job that is RESERVED nothing was sent; of one that is SENDING it is not known whether the service has it. One
process at a time can reserve a job of a request, and one begin to send it; the ledger itself sees to that.

A job counts with its reserved seconds, which are the maximum execution time sent with it, until the service has said
what it used. The limits are checked under a lock that all processes share, against the sum over the whole record.
"""

import math
import re
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qvar.hardware.journal import Journal
from qvar.hardware.limits import Limits
from qvar.simulators.errors import HardwareError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["Entry", "Ledger", "Spent", "new_tag"]

_TAG = re.compile(r"[\w-]+")
_FILE = re.compile(r"\w[\w.-]*")
_LARGEST = 1e11  # seconds of three thousand years, and more shots than any device takes
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
        state: RESERVED, SENDING, SUBMITTED, DONE, FAILED, CANCELLED or RELEASED.
        job_id: the service's name of the job, None until known.
        usage: seconds that the service billed, None while not known.
        result: name of the file with the result, None before it is stored.
        digest: of that file.
        reason: why it failed, redacted.
        time: seconds since the epoch at the reservation.
        session: tag of the session that pays for it, None outside of a session.
        account: hash of the instance that it was submitted through, None for fake backends.

    Raises:
        HardwareError: for a tag or a result that cannot be the name of a file, or numbers that cannot be: a record that
            was written by hand must not hide what was spent.
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
    digest: str | None = None
    reason: str | None = None
    time: float = 0.0
    session: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        for name in ("tag", "request", "kind", "backend", "state"):
            _check_text(name, getattr(self, name))
        for name in ("job_id", "result", "digest", "reason", "session", "account"):
            if getattr(self, name) is not None:
                _check_text(name, getattr(self, name))
        for name in ("seconds", "estimated_seconds", "shots", "time"):
            _check_number(name, getattr(self, name))
        if self.usage is not None:
            _check_number("usage", self.usage)
        if not _TAG.fullmatch(self.tag):
            raise HardwareError(f"a tag is made of letters, digits, - and _; got {self.tag!r}")
        if self.result is not None and not _FILE.fullmatch(self.result):
            raise HardwareError(f"a result is the name of a file, without its folder; got {self.result!r}")

    @property
    def is_open(self) -> bool:
        """Whether the job may still run."""
        return self.state not in _FINAL

    @property
    def charge(self) -> float:
        """Seconds that it counts with by itself: what was billed if that is known, else what was reserved."""
        if self.state == "RELEASED" or self.session is not None:
            return 0.0
        return self.seconds if self.usage is None else self.usage


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise HardwareError(f"{name} of a job is a text, got {value!r:.60}")


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST:
        raise HardwareError(f"{name} of a job is a number, zero or more and below {_LARGEST:g}, got {value!r:.60}")


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
        seconds = math.fsum([*(e.charge for e in kept), *_overhangs(kept)])
        return cls(seconds, sum(e.shots for e in jobs), len(jobs))


def _overhangs(entries: list[Entry]) -> Iterable[float]:
    """Return how long the last job of each session may run on when the session is closed at its maximum time."""
    longest = {entry.tag: 0.0 for entry in entries if entry.kind == "session" and entry.usage is None}
    for entry in entries:
        if entry.session in longest:
            longest[entry.session] = max(longest[entry.session], entry.seconds)
    return longest.values()


class Ledger:
    """The jobs of a folder (or of a user, see `budget`); the only state is the journal file, read as far as it grows.

    Args:
        folder: the folder of the record, or the path of the journal file itself if it ends in .jsonl.
    """

    def __init__(self, folder: Path | str) -> None:
        path = Path(folder)
        self._journal = Journal(path if path.suffix == ".jsonl" else path / "journal.jsonl")
        self.path = self._journal.path
        self._known: dict[str, Entry] = {}
        self._of_request: dict[str, list[str]] = {}
        self._n_lines = 0

    def entries(self) -> tuple[Entry, ...]:
        """Return all jobs in the order of their reservation.

        Raises:
            HardwareError: if the journal was damaged or edited.
        """
        if not self.path.exists():
            return ()
        with self._journal.locked():
            return tuple(self._read().values())

    def of_request(self, request: str) -> tuple[Entry, ...]:
        """Return the jobs of a request, the latest last."""
        if not self.path.exists():
            return ()
        with self._journal.locked():
            return self._jobs_of(request)

    def _jobs_of(self, request: str) -> tuple[Entry, ...]:
        known = self._read()
        return tuple(known[tag] for tag in self._of_request.get(request, ()))

    def spent(self) -> Spent:
        """Return what all jobs count with."""
        return Spent.of(self.entries())

    def reserve(self, entry: Entry, limits: Limits, *, once: bool = False) -> Entry:
        """Note a job that is about to be submitted, if the limits allow for it.

        The reserved seconds are shortened to what is left, but not below the estimate. A tag that is already there
        is not reserved twice.

        Args:
            entry: the job.
            limits: for all jobs of this ledger.
            once: refuse if the same request has a job that is open or done.

        Raises:
            HardwareError: if the job does not fit into the limits, or must not be; nothing is noted then.
        """
        with self._journal.locked():
            known = self._read()
            if entry.tag in known:
                return known[entry.tag]
            for other in self._jobs_of(entry.request) if once else ():
                if other.is_open or other.state == "DONE":
                    raise HardwareError(f"another process is at this request ({other.state}); start again to join it")
            granted = replace(entry, seconds=_grant(entry, known.values(), limits, self.path), time=time.time())
            fields = {
                name: value
                for name, value in vars(granted).items()
                if name not in ("state", "job_id", "usage", "result", "digest", "reason")
            }
            self._journal.append({"event": "RESERVED", **fields})
        return granted

    def begin_sending(self, tag: str, *, again: bool) -> Entry:
        """Note that a reserved job is being sent, and return it.

        Args:
            tag: of the job.
            again: also if an earlier attempt ended without an answer.

        Raises:
            HardwareError: if it is not reserved, because another process sends it.
        """
        with self._journal.locked():
            entry = self._read()[tag]
            if entry.state not in (("RESERVED", "SENDING") if again else ("RESERVED",)):
                raise HardwareError(f"another process is at this job ({entry.state}); start again to join it")
            self._journal.append({"event": "SENDING", "tag": tag})
        return replace(entry, state="SENDING")

    def note(self, tag: str, event: str, **fields: Any) -> None:
        """Note what became of a job: SUBMITTED, DONE, FAILED, CANCELLED, RELEASED, or UPDATE."""
        with self._journal.locked():
            self._journal.append({"event": event, "tag": tag, **fields})

    def _read(self) -> Mapping[str, Entry]:
        """Return all jobs by tag; only what is new in the journal is looked at."""
        lines = self._journal.read()
        for line in lines[self._n_lines :]:
            self._take(line)
            self._n_lines += 1
        return self._known

    def _take(self, line: Mapping[str, Any]) -> None:
        fields = dict(line)
        try:
            event, tag = fields.pop("event"), fields["tag"]
            if event == "RESERVED":
                self._known[tag] = entry = Entry(**fields)
                self._of_request.setdefault(entry.request, []).append(tag)
            elif event == "UPDATE":
                self._known[tag] = replace(self._known[tag], **fields)
            else:
                self._known[tag] = replace(self._known[tag], state=event, **fields)
        except HardwareError:
            raise
        except UNREADABLE as error:
            raise HardwareError(
                f"{self.path} holds an entry that this version does not know ({error!r}); use the version of qvar that "
                "wrote it, or another folder"
            ) from None


def _grant(entry: Entry, entries: Collection[Entry], limits: Limits, path: Path) -> float:
    """Return the seconds that the limits leave to a job, at least its estimate."""
    if limits == Limits():
        return entry.seconds
    spent = Spent.of(entries)
    for name, limit, used, more in (
        ("max_shots", limits.max_shots, spent.shots, entry.shots),
        ("max_jobs", limits.max_jobs, spent.jobs, 1),
    ):
        if entry.kind != "session" and limit is not None and used + more > limit:
            raise _refusal(name, limit, used, more, path)
    if limits.max_qpu_seconds is None:
        return entry.seconds
    if entry.session is not None:  # reserved with the session as a whole, but for the time it may run on after its end
        overhang = Spent.of([*entries, entry]).qpu_seconds - spent.qpu_seconds
        if overhang > 0 and spent.qpu_seconds + overhang > limits.max_qpu_seconds:
            raise _refusal("max_qpu_seconds", limits.max_qpu_seconds, spent.qpu_seconds, overhang, path)
        return entry.seconds
    left = math.floor(limits.max_qpu_seconds - spent.qpu_seconds)  # the service takes whole seconds
    if min(entry.seconds, math.ceil(entry.estimated_seconds)) > left:
        raise _refusal("max_qpu_seconds", limits.max_qpu_seconds, spent.qpu_seconds, entry.estimated_seconds, path)
    return min(entry.seconds, left)


def _refusal(name: str, limit: float, used: float, more: float, path: Path) -> HardwareError:
    return HardwareError(
        f"{name}={limit:g} does not allow for this job: {used:g} are spent or reserved according to {path}, and it "
        f"needs {more:.6g}; nothing was submitted. Allow for more, or ask for less"
    )
