"""One request on its way: reserve -> submit -> wait -> store -> settle, from wherever an earlier process left it."""

import time
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BasePrimitiveJob

from qvar.hardware.attempt import Attempt, new_entry
from qvar.hardware.finding import check_account, find_job, uncertain
from qvar.hardware.ledger import Entry
from qvar.hardware.locks import RequestLock
from qvar.hardware.redaction import guarded, redact
from qvar.hardware.request import Request
from qvar.runs.sealed import tell
from qvar.simulators.errors import HardwareError

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["HardwareJob"]


_TOO_LONG = ("1305", "ran too long", "ran longer", "maximum execution time")
"""What the service says of a job that it stopped; another try would end the same way."""


class HardwareJob(BasePrimitiveJob):  # type: ignore[misc]
    """A job of a `HardwareRun`; made by its primitives and engine.

    While it works on its request it holds a lock that goes with the process, so that another process with the same
    request waits and takes the stored result. A request whose job failed gets another `Attempt`.
    """

    def __init__(self, run: "HardwareRun", request: Request, key: str) -> None:
        super().__init__(job_id=key)
        self._run, self._request, self._key = run, request, key
        self._lock = RequestLock(run.folder / "locks" / f"{key}.lock")
        self._attempt: Attempt | None = None
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
        if self._attempt is not None and self._attempt.entry.state == "CANCELLED":
            raise HardwareError(f"job {self.job_id()} was cancelled")
        if self._lock.is_held and self._attempt is not None:
            self._finish(self._attempt)
        else:
            time.sleep(min(self._run.patience.poll_seconds, 0.2))  # another process is at it
            self._start()

    def job_id(self) -> str:
        """Return the service's name of the job, or the identity of the request while it has none."""
        return self._key if self._attempt is None else self._attempt.job_id

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen to it."""
        return self._result is not None or (self._attempt is not None and not self._attempt.entry.is_open)

    @property
    def is_at_service(self) -> bool:
        """Whether the service has it and it is not known to have ended."""
        return self._attempt is not None and self._attempt.handle is not None and not self.is_settled

    @property
    def entry(self) -> Entry | None:
        """The job in the ledger, None while another process has it."""
        return None if self._attempt is None else self._attempt.entry

    def status(self) -> str:
        """Return "DONE", or what the service says of the job."""
        if self._result is not None:
            return "DONE"
        if self._attempt is None or self._attempt.handle is None:
            return "QUEUED"
        return self._attempt.ask_status()

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
        if self._attempt is None or not self.is_at_service:
            return
        guarded(self._attempt.handle.cancel, f"cancelling {self.job_id()}")
        self._attempt.note("CANCELLED", reason="cancelled on request")  # what it used is known only when it has stopped
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
        if not known or known[-1].state in ("FAILED", "CANCELLED", "RELEASED"):
            self._submit_new()
            return
        self._attempt = attempt = Attempt(self._run, self._request, self._key, known[-1])
        if attempt.entry.state == "DONE":
            self._take_stored(attempt)
        elif not self._run.is_real:
            attempt.send()  # a local job ended with its process, and costs nothing
        else:
            self._reattach(attempt)

    def _take_stored(self, attempt: Attempt) -> None:
        """Take the stored result; if its file is damaged, fetch it from the service again, which costs nothing."""
        try:
            self._result = attempt.stored()
        except HardwareError as error:
            if self._run.is_real:
                tell(f"{error}; fetching it from the service again")
                attempt.look_up()
            else:
                tell(f"{error}; simulating it again")
                attempt.send()
        else:
            self._lock.release()

    def _submit_new(self) -> None:
        cost = self._run.approve(self._request)
        entry = self._run.reserve(new_entry(self._run, self._request, self._key, cost))
        self._attempt = Attempt(self._run, self._request, self._key, entry)
        self._attempt.send()

    def _reattach(self, attempt: Attempt) -> None:
        """Find the job of an earlier process at the service; submit it only if it is certain that the service has none.

        It is certain if nobody began to send it, but for one who copied the folder and the reservation with it. Of a
        job that somebody began to send, the service may learn or tell later than we look.
        """
        if attempt.entry.state == "SUBMITTED":
            attempt.look_up()
            return
        check_account(self._run, attempt.entry)
        began = attempt.entry.state == "SENDING"
        found = find_job(self._run, attempt.entry, self._run.patience.settle_seconds if began else 0)
        if found is not None:
            attempt.submitted(found)
        elif began and not self._run.may_send_again(attempt.entry.tag):
            raise uncertain(self._run, attempt.entry, "it was being sent, and no answer is known")
        elif attempt.entry.session is not None:  # which paid for it, and ended with its process
            attempt.note("CANCELLED" if began else "RELEASED", reason="its session has ended")
            self._submit_new()
        else:
            attempt.entry = self._run.books.adopt(attempt.entry)
            attempt.send(again=began)

    def _finish(self, attempt: Attempt) -> None:
        """Wait, store and settle; submit again if the job failed and may be retried."""
        try:
            status = attempt.wait()
            if status == "DONE":
                self._result = attempt.fetch()
            else:
                self._failed(attempt, status)
        except HardwareError:
            self._lock.release()
            raise
        if self._result is not None:
            self._lock.release()

    def _failed(self, attempt: Attempt, status: str) -> None:
        reason = "cancelled" if status == "CANCELLED" else redact(attempt.failure())
        attempt.note("CANCELLED" if status == "CANCELLED" else "FAILED", reason=reason, usage=attempt.usage())
        if status == "CANCELLED" or not self._may_retry(reason):
            raise HardwareError(f"job {self.job_id()} on {self._run.backend.name} ended as {status}: {reason}")
        self._retries += 1
        self._submit_new()

    def _may_retry(self, reason: str) -> bool:
        """Return whether another try may help and is allowed; a simulation would only fail again."""
        stopped = any(sign in reason for sign in _TOO_LONG)
        return self._run.is_real and not stopped and self._retries < self._request.options.max_retries
