"""One request on its way: reserve -> submit -> wait -> store -> settle, from wherever an earlier process left it."""

import math
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BasePrimitiveJob

from qvar.hardware.connection import account_of
from qvar.hardware.estimation import CostEstimate
from qvar.hardware.finding import check_account, find_after, find_job, uncertain
from qvar.hardware.ledger import Entry, new_tag
from qvar.hardware.local import for_local_mode
from qvar.hardware.locks import RequestLock
from qvar.hardware.redaction import guarded, is_refusal, is_transient, redact
from qvar.hardware.request import Request
from qvar.hardware.results import load_result, store_result
from qvar.hardware.submission import billed_seconds, primitive
from qvar.runs.sealed import tell
from qvar.simulators.errors import HardwareError

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["HardwareJob", "JobProgress"]


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
        self._lock = RequestLock(run.folder / "locks" / f"{key}.lock")
        self._entry: Entry | None = None
        self._handle: Any = None
        self._result: Any = None
        self._retries = 0
        with self._lock.busy():
            self._start()

    # --- what Qiskit asks of a job ---

    def result(self) -> Any:
        """Wait for the job and return its `PrimitiveResult`.

        Raises:
            HardwareError: if the job failed for good, was cancelled, or the limits do not allow for another try.
        """
        with self._lock.busy():
            try:
                while self._result is None:
                    self._advance()
            except KeyboardInterrupt:
                self._run.interrupted()
                raise
            finally:
                self._lock.release()  # whoever asks again, this object included, takes it up from the record
                self._run.answered(self._key, there_is_one=self._result is not None)
        return self._result

    def _advance(self) -> None:
        if self._entry is not None and self._entry.state == "CANCELLED":
            raise HardwareError(f"job {self.job_id()} was cancelled")
        if self._lock.is_held:
            self._finish()
        else:
            time.sleep(min(self._run.patience.poll_seconds, 0.2))  # another process is at it
            self._start()

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
        self._note("CANCELLED", reason="cancelled on request")  # what it used is known only when it has stopped
        self._lock.release()

    # --- the way of a request ---

    def _start(self) -> None:
        """Take the result from the record, or take up or submit the job; do nothing if another process is at it."""
        if not self._lock.acquire():
            return
        try:
            self._take_up()
        except BaseException:
            self._lock.release()
            raise

    def _take_up(self) -> None:
        known = self._run.ledger.of_request(self._key)
        self._entry = known[-1] if known else None
        if self._entry is None or self._entry.state in ("FAILED", "CANCELLED", "RELEASED"):
            self._submit_new()
        elif self._entry.state == "DONE":
            self._take_stored()
        elif not self._run.is_real:
            self._send()  # a local job ended with its process, and costs nothing
        else:
            self._reattach()

    def _take_stored(self) -> None:
        """Take the stored result; if its file is damaged, fetch it from the service again, which costs nothing."""
        assert self._entry is not None
        try:
            self._result = load_result(self._run.folder / "results" / f"{self._entry.tag}.npz", self._entry.digest)
        except HardwareError as error:
            if not self._run.is_real:
                tell(f"{error}; simulating it again")
                self._send()
                return
            tell(f"{error}; fetching it from the service again")
            self._look_up()
        else:
            self._lock.release()

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
        """Find the job of an earlier process at the service; submit it only if it is certain that the service has none.

        It is certain if nobody began to send it, but for one who copied the folder and the reservation with it. Of a
        job that somebody began to send, the service may learn or tell later than we look.
        """
        assert self._entry is not None
        if self._entry.state == "SUBMITTED":
            self._look_up()
            return
        check_account(self._run, self._entry)
        began = self._entry.state == "SENDING"
        found = find_job(self._run, self._entry, self._run.patience.settle_seconds if began else 0)
        if found is not None:
            self._submitted(found)
        elif began and not self._run.may_send_again(self._entry.tag):
            raise uncertain(self._run, self._entry, "it was being sent, and no answer is known")
        elif self._entry.session is not None:  # which paid for it, and ended with its process
            self._note("CANCELLED" if began else "RELEASED", reason="its session has ended")
            self._submit_new()
        else:
            self._entry = self._run.books.adopt(self._entry)
            self._send(again=began)

    def _look_up(self) -> None:
        assert self._entry is not None
        job_id = self._entry.job_id
        check_account(self._run, self._entry)
        self._handle = self._run.patience.persistently(
            lambda: self._run.service.job(job_id), f"looking up job {job_id}"
        )

    def _send(self, *, again: bool = False) -> None:
        """Submit; after an error, try again only if it is certain that the job did not arrive."""
        assert self._entry is not None
        self._run.mode()  # opens a session or batch, before it counts as sent
        for delay in [*self._run.patience.delays(), None]:
            if self._run.is_real:
                self._entry = self._run.ledger.begin_sending(self._entry.tag, again=again)
            try:
                handle = guarded(self._call, f"submitting a job to {self._run.backend.name}")
            except HardwareError as error:
                failure = error
                handle = find_after(failure, self._run, self._entry)
            if handle is not None:
                self._submitted(handle)
                return
            if self._run.is_real and not is_refusal(failure):
                raise uncertain(self._run, self._entry, str(failure))
            if again:
                raise failure  # it stays reserved: what was sent before may still turn up
            if delay is None or not is_transient(failure):
                break
            self._note("UPDATE", state="RESERVED")
            time.sleep(delay)
        self._run.books.note(self._entry, "RELEASED", reason=str(failure))
        raise failure

    def _call(self) -> Any:
        assert self._entry is not None
        seconds = math.floor(self._entry.seconds)
        # Every occurrence of a simulated request has shots of its own, the same at every replay.
        request, mode = self._request.seeded(self._key), self._run.mode()
        if not self._run.is_real:
            request, mode = for_local_mode(request, mode)
        maker = primitive(request, mode, tag=self._entry.tag, seconds=seconds)
        return maker.run(list(request.pubs))

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
            self._lock.release()
            raise
        if self._result is not None:
            self._lock.release()

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
        digest = store_result(file, result, about)
        self._result = load_result(file, digest)
        self._note("DONE", result=name, digest=digest, usage=self._usage())

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
