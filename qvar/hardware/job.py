"""One request on its way: reserve -> submit -> wait -> store -> settle, from wherever an earlier process left it."""

import fcntl
import math
import os
import threading
import time
import warnings
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BasePrimitiveJob

from qvar.hardware.connection import account_of
from qvar.hardware.estimation import CostEstimate
from qvar.hardware.ledger import Entry, new_tag
from qvar.hardware.local import for_local_mode
from qvar.hardware.redaction import guarded, is_transient, redact
from qvar.hardware.request import Request
from qvar.hardware.results import load_result, store_result
from qvar.hardware.submission import billed_seconds, jobs_with_tag, primitive
from qvar.simulators.errors import HardwareError

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["HardwareJob", "JobProgress"]


_OWNERS: "weakref.WeakValueDictionary[Path, HardwareJob]" = weakref.WeakValueDictionary()
"""The jobs of this process that hold a lock, by the lock."""

_CHANGING_HANDS = threading.Lock()
"""Held while a lock goes from one job of this process to another."""

_TOO_LONG = ("1305", "ran too long", "ran longer", "maximum execution time")
"""What the service says of a job that it stopped; another try would end the same way."""


@dataclass(frozen=True)
class JobProgress:
    """What is known of a job that is waited for.

    Attributes:
        job_id: the service's name of it.
        status: "QUEUED", "RUNNING", "DONE", ...
        queue_position: None if unknown.
        waited_seconds: since this process began to wait.
        estimate_seconds: expected seconds of the quantum processor.
    """

    job_id: str
    status: str
    queue_position: int | None
    waited_seconds: float
    estimate_seconds: float


class HardwareJob(BasePrimitiveJob):  # type: ignore[misc]
    """A job of a `HardwareRun`; made by its primitives and engine.

    While it works on its request it holds a lock that goes with the process, so that another process with the same
    request waits and takes the stored result.
    """

    def __init__(self, run: "HardwareRun", request: Request, key: str) -> None:
        super().__init__(job_id=key)
        self._run, self._request, self._key = run, request, key
        self._lock: Any = None
        self._entry: Entry | None = None
        self._handle: Any = None
        self._result: Any = None
        self._retries = 0
        self._is_busy = True
        try:
            self._start()
        finally:
            self._is_busy = False

    # --- what Qiskit asks of a job ---

    def result(self) -> Any:
        """Wait for the job and return its `PrimitiveResult`.

        Raises:
            HardwareError: if the job failed for good, was cancelled, or the limits do not allow for another try.
        """
        with _CHANGING_HANDS:
            self._is_busy = True
        try:
            while self._result is None:
                if self._entry is not None and self._entry.state == "CANCELLED":
                    raise HardwareError(f"job {self.job_id()} was cancelled")
                if self._lock is None:
                    time.sleep(min(self._run.patience.poll_seconds, 0.2))  # another process is at it
                    self._start()
                else:
                    self._finish()
        except KeyboardInterrupt:
            self._run.interrupted()
            raise
        finally:
            self._is_busy = False
            self._release()  # whoever asks again, this object included, takes it up from the record
        return self._result

    def job_id(self) -> str:
        """Return the service's name of the job, or the identity of the request while it has none."""
        return self._key if self._entry is None or self._entry.job_id is None else self._entry.job_id

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen to it."""
        return self._result is not None or (self._entry is not None and not self._entry.is_open)

    @property
    def is_at_service(self) -> bool:
        """Whether the service has it and it is not known to have ended."""
        return self._handle is not None and not self.is_settled

    @property
    def entry(self) -> Entry | None:
        """The job in the ledger, None while another process has it."""
        return self._entry

    def status(self) -> str:
        """Return "DONE", or what the service says of the job."""
        if self._result is not None:
            return "DONE"
        return "QUEUED" if self._handle is None else self._ask_status()

    def done(self) -> bool:
        """Return whether the result is there."""
        return self.status() == "DONE"

    def running(self) -> bool:
        """Return whether it is being executed."""
        return self.status() == "RUNNING"

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        return self.status() == "CANCELLED"

    def in_final_state(self) -> bool:
        """Return whether nothing more will happen to it."""
        return self.status() in ("DONE", "CANCELLED", "ERROR")

    def cancel(self) -> None:
        """Ask the service to cancel the job; what it has used by then is billed. A later run submits it anew.

        Raises:
            HardwareError: if the service refuses, because it is done for instance; it can still be waited for then.
        """
        if not self.is_at_service:
            return
        guarded(self._handle.cancel, f"cancelling {self.job_id()}")
        self._note("CANCELLED", reason="cancelled on request", usage=self._usage())
        self._release()

    # --- the way of a request ---

    def _start(self) -> None:
        """Take the result from the record, or take up or submit the job; do nothing if another process is at it."""
        path = (self._run.folder / "locks" / f"{self._key}.lock").resolve()
        with _CHANGING_HANDS:
            owner = _OWNERS.get(path)
            if owner is not None and not owner._is_busy:
                owner._release()  # an object of this process that nobody waits for
            descriptor = _try_lock(path)
            if descriptor is None:
                return
            self._lock = weakref.finalize(self, os.close, descriptor)
            _OWNERS[path] = self
        try:
            self._take_up()
        except BaseException:
            self._release()
            raise

    def _take_up(self) -> None:
        known = self._run.ledger.of_request(self._key)
        self._entry = known[-1] if known else None
        if self._entry is None or self._entry.state in ("FAILED", "CANCELLED", "RELEASED"):
            self._submit_new()
        elif self._entry.state == "DONE":
            self._result = load_result(self._run.folder / "results" / str(self._entry.result))
            self._release()
        elif not self._run.is_real:
            self._send()  # a local job ended with its process, and costs nothing
        else:
            self._reattach()

    def _submit_new(self) -> None:
        cost = self._run.approve(self._request)
        self._entry = self._run.reserve(self._new_entry(cost))
        self._send()

    def _new_entry(self, cost: CostEstimate) -> Entry:
        return Entry(
            tag=new_tag(),
            request=self._key,
            kind=self._request.kind,
            backend=self._run.backend.name,
            is_real=self._run.is_real,
            seconds=cost.reserved_seconds,
            estimated_seconds=cost.qpu_seconds,
            shots=cost.shots,
            session=self._run.session_tag(),
            account=account_of(self._run.backend) if self._run.is_real else None,
        )

    def _reattach(self) -> None:
        """Find the job of an earlier process at the service; submit it only if the service has none."""
        assert self._entry is not None
        job_id = self._entry.job_id
        if self._entry.account != account_of(self._run.backend):
            raise HardwareError(
                f"a job of this folder ({job_id or self._entry.tag}) was submitted through another instance of IBM "
                "Quantum, where it may still run; go on with that instance, or use a new folder"
            )
        if self._entry.state == "SUBMITTED":
            self._handle = self._run.patience.persistently(
                lambda: self._run.service.job(job_id), f"looking up job {job_id}"
            )
            return
        found = self._find()
        if found is None:
            self._entry = self._run.books.adopt(self._entry)
            self._send()
        else:
            self._submitted(found)

    def _find(self) -> Any:
        """Return the job with our tag; None only after looking long enough."""
        assert self._entry is not None
        patience, tag, backend = self._run.patience, self._entry.tag, self._run.backend
        until = time.monotonic() + patience.settle_seconds
        while True:
            found = patience.persistently(lambda: jobs_with_tag(backend, tag), "looking for a job")
            if found:
                for surplus in found[1:]:  # can only come of a submission that arrived very late
                    with suppress(HardwareError):
                        guarded(surplus.cancel, "cancelling a job")
                return found[0]
            if time.monotonic() >= until:
                return None
            time.sleep(min(patience.poll_seconds, patience.settle_seconds))

    def _send(self) -> None:
        """Submit; after an error, look whether the job arrived before trying again."""
        assert self._entry is not None
        for delay in [*self._run.patience.delays(), None]:
            try:
                handle = guarded(self._call, f"submitting a job to {self._run.backend.name}")
            except HardwareError as error:
                failure = error
                handle = self._find() if self._run.is_real else None
            if handle is not None:
                self._submitted(handle)
                return
            if delay is None or not is_transient(failure):
                break
            time.sleep(delay)
        self._run.books.note(self._entry, "RELEASED", reason=str(failure))
        raise failure

    def _call(self) -> Any:
        assert self._entry is not None
        seconds = math.floor(self._entry.seconds)
        request, mode = self._request_with_seed(), self._run.mode()
        if not self._run.is_real:
            request, mode = for_local_mode(request, mode)
        maker = primitive(request, mode, tag=self._entry.tag, seconds=seconds)
        return maker.run(list(request.pubs))

    def _request_with_seed(self) -> Request:
        """Give every occurrence of a simulated request shots of its own, the same at every replay."""
        return self._request.seeded(self._key)

    def _submitted(self, handle: Any) -> None:
        assert self._entry is not None
        self._handle = handle
        self._note("SUBMITTED", job_id=str(handle.job_id()))

    def _note(self, event: str, **fields: Any) -> None:
        assert self._entry is not None
        self._run.books.note(self._entry, event, **fields)
        self._entry = next(e for e in self._run.ledger.of_request(self._key) if e.tag == self._entry.tag)

    def _finish(self) -> None:
        """Wait, store and settle; submit again if the job failed and may be retried."""
        try:
            status = self._wait()
            if status == "DONE":
                self._store()
            else:
                self._failed(status)
        except HardwareError:
            self._release()
            raise
        if self._result is not None:
            self._release()

    def _wait(self) -> str:
        began, poll = time.monotonic(), self._run.patience.poll_seconds if self._run.is_real else 0.01
        while True:
            status = self._ask_status()
            self._run.report(self._progress(status, time.monotonic() - began))
            if status in ("DONE", "ERROR", "CANCELLED"):
                return status
            time.sleep(poll)

    def _ask_status(self) -> str:
        status = self._run.patience.persistently(self._handle.status, f"asking for job {self.job_id()}")
        return str(getattr(status, "name", status))

    def _progress(self, status: str, waited: float) -> JobProgress:
        assert self._entry is not None
        position = None
        if status == "QUEUED":
            with suppress(Exception):  # a courtesy; not every service tells it
                position = self._handle.queue_position()
        return JobProgress(self.job_id(), status, position, waited, self._entry.estimated_seconds)

    def _store(self) -> None:
        """Fetch and keep the result; whatever prevents that, the job is not run again."""
        assert self._entry is not None
        job_id = self.job_id()
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # a remark about the numbers must not keep a paid result from being stored
            # Zero-noise extrapolation remarks on the identity, which has no error, at every observable with a constant.
            warnings.filterwarnings("ignore", message="No positive, finite standard errors", category=UserWarning)
            result = self._run.patience.persistently(self._handle.result, f"fetching the result of {job_id}")
        if result is None:
            self._note("UPDATE", usage=self._usage())
            raise HardwareError(
                f"job {job_id} was paid for, but the service no longer has its result; it is not run again in this "
                "folder. To pay for it once more, use a new folder"
            )
        self._keep(result)

    def _keep(self, result: Any) -> None:
        assert self._entry is not None
        name = f"{self._entry.tag}.npz"
        about = {"job_id": self.job_id(), "backend": self._run.backend.name, "shots": self._entry.shots}
        file = self._run.folder / "results" / name
        store_result(file, result, about)
        self._result = load_result(file)
        self._note("DONE", result=name, usage=self._usage())

    def _failed(self, status: str) -> None:
        reason = "cancelled" if status == "CANCELLED" else redact(str(self._error_message()))
        self._note("CANCELLED" if status == "CANCELLED" else "FAILED", reason=reason, usage=self._usage())
        if status == "CANCELLED" or not self._may_retry(reason):
            raise HardwareError(f"job {self.job_id()} on {self._run.backend.name} ended as {status}: {reason}")
        self._retries += 1
        self._submit_new()

    def _may_retry(self, reason: str) -> bool:
        """Return whether another try may help and is allowed; a simulation would only fail again."""
        stopped = any(sign in reason for sign in _TOO_LONG)
        return self._run.is_real and not stopped and self._retries < self._request.options.max_retries

    def _error_message(self) -> str:
        with suppress(HardwareError):
            text = guarded(self._handle.error_message, f"asking why {self.job_id()} failed")
            if text:
                return str(text)
        if not self._run.is_real:  # a local job tells by raising
            try:
                guarded(self._handle.result, "the simulation")
            except HardwareError as error:
                return str(error)
        return "no reason given"

    def _usage(self) -> float | None:
        """Return the seconds billed; the estimate for a simulated device, None while the service has no figure."""
        assert self._entry is not None
        if not self._run.is_real:
            return self._entry.estimated_seconds
        with suppress(HardwareError):
            return self._run.patience.persistently(lambda: billed_seconds(self._handle), "asking for the usage")
        return None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock()
            self._lock = None


def _try_lock(path: Path) -> int | None:
    """Return the descriptor of an open file that holds the lock, None if another process or job holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
