"""One job at the service, from its reservation to its bill: send -> wait -> fetch -> keep."""

import math
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qvar.hardware.connection import account_of
from qvar.hardware.estimation import CostEstimate
from qvar.hardware.finding import check_account, find_after, uncertain
from qvar.hardware.ledger import Entry, new_tag
from qvar.hardware.local import for_local_mode
from qvar.hardware.redaction import guarded, is_refusal, is_transient
from qvar.hardware.request import Request
from qvar.hardware.results import load_result, store_result
from qvar.hardware.submission import billed_seconds, primitive
from qvar.simulators.errors import HardwareError

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["Attempt", "JobProgress", "new_entry"]


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


def new_entry(run: "HardwareRun", request: Request, key: str, cost: CostEstimate) -> Entry:
    """Return what is to be reserved for a request."""
    return Entry(
        tag=new_tag(),
        request=key,
        kind=request.kind,
        backend=run.backend.name,
        is_real=run.is_real,
        seconds=cost.reserved_seconds,
        estimated_seconds=cost.qpu_seconds,
        shots=cost.shots,
        session=run.mode.session_tag(),
        account=account_of(run.backend) if run.is_real else None,
    )


class Attempt:
    """A job of a request; its entry in the ledger and, once sent or found, the service's handle of it (mutable).

    Args:
        run: whose device, limits and folder to use.
        request: what to run.
        key: identity of the request with its occurrence.
        entry: the job in the ledger.
    """

    def __init__(self, run: "HardwareRun", request: Request, key: str, entry: Entry) -> None:
        self._run, self._request, self._key = run, request, key
        self.entry = entry
        self.handle: Any = None

    @property
    def job_id(self) -> str:
        """The service's name of the job, or the identity of the request while it has none."""
        return self._key if self.entry.job_id is None else self.entry.job_id

    def note(self, event: str, **fields: Any) -> None:
        """Note in all accounts what became of the job."""
        self._run.books.note(self.entry, event, **fields)
        self.entry = next(e for e in self._run.ledger.of_request(self._key) if e.tag == self.entry.tag)

    def send(self, *, again: bool = False) -> None:
        """Submit; after an error, try again only if it is certain that the job did not arrive.

        Args:
            again: the job may have been sent before, by a process that never learned what came of it.
        """
        self._run.mode.get()  # opens a session or batch, before it counts as sent
        for delay in [*self._run.patience.delays(), None]:
            if self._run.is_real:
                self.entry = self._run.ledger.begin_sending(self.entry.tag, again=again)
            try:
                handle = guarded(self._call, f"submitting a job to {self._run.backend.name}")
            except HardwareError as error:
                failure = error
                handle = find_after(failure, self._run, self.entry)
            if handle is not None:
                self.submitted(handle)
                return
            if self._run.is_real and not is_refusal(failure):
                raise uncertain(self._run, self.entry, str(failure))
            if again:
                raise failure  # it stays reserved: what was sent before may still turn up
            if delay is None or not is_transient(failure):
                break
            self.note("UPDATE", state="RESERVED")
            time.sleep(delay)
        self._run.books.note(self.entry, "RELEASED", reason=str(failure))
        raise failure

    def _call(self) -> Any:
        seconds = math.floor(self.entry.seconds)
        # Every occurrence of a simulated request has shots of its own, the same at every replay.
        request, mode = self._request.seeded(self._key), self._run.mode.get()
        if not self._run.is_real:
            request, mode = for_local_mode(request, mode)
        maker = primitive(request, mode, tag=self.entry.tag, seconds=seconds)
        return maker.run(list(request.pubs))

    def submitted(self, handle: Any) -> None:
        """Note that the service has the job."""
        self.handle = handle
        self.note("SUBMITTED", job_id=str(handle.job_id()))

    def look_up(self) -> None:
        """Take up the job by its number at the service."""
        check_account(self._run, self.entry)
        self.handle = self._run.patience.persistently(
            lambda: self._run.service.job(self.entry.job_id), f"looking up job {self.entry.job_id}"
        )

    def wait(self) -> str:
        """Wait until the job has ended; return how: "DONE", "ERROR" or "CANCELLED"."""
        began, poll = time.monotonic(), self._run.patience.poll_seconds if self._run.is_real else 0.01
        while True:
            status = self.ask_status()
            self._run.report(self._progress(status, time.monotonic() - began))
            if status in ("DONE", "ERROR", "CANCELLED"):
                return status
            time.sleep(poll)

    def ask_status(self) -> str:
        """Return what the service says of the job."""
        status = self._run.patience.persistently(self.handle.status, f"asking for job {self.job_id}")
        return str(getattr(status, "name", status))

    def _progress(self, status: str, waited: float) -> JobProgress:
        position = None
        if status == "QUEUED":
            with suppress(Exception):  # a courtesy; not every service tells it
                position = self.handle.queue_position()
        return JobProgress(self.job_id, status, position, waited, self.entry.estimated_seconds)

    def fetch(self) -> Any:
        """Fetch and keep the result, and return it as it was stored; whatever prevents that, the job is not run again.

        Raises:
            HardwareError: if the service no longer has it.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # a remark about the numbers must not keep a paid result from being stored
            # Zero-noise extrapolation remarks on the identity, which has no error, at every observable with a constant.
            warnings.filterwarnings("ignore", message="No positive, finite standard errors", category=UserWarning)
            result = self._run.patience.persistently(self.handle.result, f"fetching the result of {self.job_id}")
        if result is None:
            self.note("UPDATE", usage=self.usage())
            raise HardwareError(
                f"job {self.job_id} was paid for, but the service no longer has its result; it is not run again in "
                "this folder. To pay for it once more, use a new folder"
            )
        name = f"{self.entry.tag}.npz"
        about = {"job_id": self.job_id, "backend": self._run.backend.name, "shots": self.entry.shots}
        file = self._run.folder / "results" / name
        digest = store_result(file, result, about)
        stored = load_result(file, digest)
        self.note("DONE", result=name, digest=digest, usage=self.usage())
        return stored

    def stored(self) -> Any:
        """Return the result that an earlier process kept.

        Raises:
            HardwareError: if its file is damaged.
        """
        return load_result(self._run.folder / "results" / f"{self.entry.tag}.npz", self.entry.digest)

    def failure(self) -> str:
        """Return why the job failed, as the service says it."""
        with suppress(HardwareError):
            text = guarded(self.handle.error_message, f"asking why {self.job_id} failed")
            if text:
                return str(text)
        if not self._run.is_real:  # a local job tells by raising
            try:
                guarded(self.handle.result, "the simulation")
            except HardwareError as error:
                return str(error)
        return "no reason given"

    def usage(self) -> float | None:
        """Return the seconds billed; the estimate for a simulated device, None while the service has no figure."""
        if not self._run.is_real:
            return self.entry.estimated_seconds
        with suppress(HardwareError):
            return self._run.patience.persistently(lambda: billed_seconds(self.handle), "asking for the usage")
        return None
