"""A backend, its limits and the folder that remembers: what all circuits of a piece of work go through."""

import shutil
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qvar.hardware.attempt import JobProgress
from qvar.hardware.books import Books
from qvar.hardware.budget import standing_budget
from qvar.hardware.connection import is_real, open_backend, plan_of
from qvar.hardware.engine import RuntimeSimulator
from qvar.hardware.estimation import CostEstimate, estimate
from qvar.hardware.job import HardwareJob
from qvar.hardware.ledger import Entry, Ledger, new_tag
from qvar.hardware.limits import Limits
from qvar.hardware.mode import ExecutionMode
from qvar.hardware.options import ExecutionOptions
from qvar.hardware.patience import Patience
from qvar.hardware.primitives import HardwareEstimator, HardwareSampler
from qvar.hardware.redaction import guarded, learn_secret, shield_logs
from qvar.hardware.request import Request
from qvar.hardware.submission import billed_seconds, session_seconds
from qvar.hardware.transpiling import Transpiler
from qvar.simulators.errors import HardwareError

__all__ = ["DryRun", "HardwareRun", "accept"]


class DryRun(HardwareError):
    """Raised in place of a submission by a dry run; `estimate` says what the job would have cost."""

    def __init__(self, cost: CostEstimate) -> None:
        super().__init__(f"dry run: nothing was submitted; the job would take {cost.how}")
        self.estimate = cost


def accept(estimate: CostEstimate) -> bool:  # noqa: ARG001
    """Agree to every job that the limits allow for; to be given as `confirm`."""
    return True


class HardwareRun:
    """A device with limits and a record, behind primitives and an engine that can be used like any other.

    The folder remembers every job and result. A program that runs again with the same folder asks the same questions
    in the same order and gets the stored answers; only what is missing is submitted. A job that is still at the
    service, even one whose id a kill swallowed, is taken up again. Where it is not certain whether the service has it,
    nothing is sent unasked (see `resubmit`).

    Args:
        backend: a name (see `open_backend`) or a `BackendV2`.
        folder: of the record; None keeps none beyond this object, for fake backends only.
        options: shots, mitigation, transpilation, mode.
        limits: of all jobs of the folder together; real hardware needs `max_qpu_seconds`.
        service: where a device is found by name; None opens the one of your account.
        confirm: gets the `CostEstimate` of every job before it is reserved, and returns whether to submit it; `accept`
            agrees to all. Real hardware refuses without one. Answers from the record are not asked about.
        dry_run: raise `DryRun` with the estimate in place of submitting.
        on_progress: gets a `JobProgress` at every look at a job that is waited for.
        on_interrupt: on Ctrl-C, gets the ids of the jobs at the service and returns whether to cancel them; without
            it, or if it returns False, they go on and a later run takes them up.
        patience: waiting times.
        resubmit: send jobs again of which an earlier process does not know whether the service took them, after
            looking for them in vain; otherwise that is an error, which says how to find out. Whoever sets it without
            having looked may pay for them twice.

    Raises:
        HardwareError: for real hardware without a limit, a session on the open plan, or a record that was edited.
    """

    def __init__(
        self,
        backend: Any,
        *,
        folder: Path | str | None = None,
        options: ExecutionOptions | None = None,
        limits: Limits | None = None,
        service: Any = None,
        confirm: Callable[[CostEstimate], bool] | None = None,
        dry_run: bool = False,
        on_progress: Callable[[JobProgress], None] | None = None,
        on_interrupt: Callable[[Sequence[str]], bool] | None = None,
        patience: Patience | None = None,
        resubmit: bool = False,
    ) -> None:
        self.backend = open_backend(backend, service=service)
        self.is_real = is_real(self.backend)
        if self.is_real:
            learn_secret(self.backend.service)
        self.options = ExecutionOptions() if options is None else options
        self.limits = Limits() if limits is None else limits
        self.patience = Patience() if patience is None else patience
        self.dry_run, self.confirm = dry_run, confirm
        self.on_progress, self.on_interrupt = on_progress, on_interrupt
        self._check(folder)
        self.folder = Path(tempfile.mkdtemp(prefix="qvar-hardware-") if folder is None else folder)
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.ledger = Ledger(self.folder)
        self.books = Books(self.ledger, self.limits, standing_budget() if self.is_real else None)
        self._seen: Counter[str] = Counter()
        self._unanswered: set[str] = set()
        self._guard = threading.RLock()
        self._open: list[HardwareJob] = []
        self.mode = ExecutionMode(weakref.proxy(self))  # a run that nobody holds must go, and its folder with it
        known = self.ledger.entries()  # a record that was edited is refused now
        self._resendable = {entry.tag for entry in known if resubmit and entry.state == "SENDING"}
        self.books.reconcile()
        shield_logs()

    def _check(self, folder: Path | str | None) -> None:
        if not self.is_real:
            return
        if self.limits.max_qpu_seconds is None:
            raise HardwareError(
                f"{self.backend.name} is real hardware; say what may be spent: Limits(max_qpu_seconds=60), "
                "or --max-qpu-seconds 60"
            )
        if folder is None:
            raise HardwareError("real hardware needs a folder for its record, so that no job is paid for twice")
        if self.options.mode == "session" and plan_of(self.backend) == "open":
            raise HardwareError("the open plan has no sessions; use mode='job' or mode='batch'")

    # --- what users call ---

    def estimator(self) -> HardwareEstimator:
        """Return a Qiskit estimator (`BaseEstimatorV2`) for circuits in the gates of the backend."""
        return HardwareEstimator(self)

    def sampler(self) -> HardwareSampler:
        """Return a Qiskit sampler (`BaseSamplerV2`) for circuits in the gates of the backend."""
        return HardwareSampler(self)

    def engine(self) -> RuntimeSimulator:
        """Return an engine of this package, for circuits as they are."""
        return RuntimeSimulator(self)

    def pass_manager(self) -> Transpiler:
        """Return the transpiler of the options, for `EstimatorQNN(pass_manager=...)` and the like.

        What it made once is kept in the folder, and the same after the calibration of the device has changed.
        """
        return Transpiler(self)

    def estimate(self, kind: str, pubs: Iterable[Any], *, shots: int | None = None) -> CostEstimate:
        """Return what a job would cost; nothing is submitted.

        Args:
            kind: "estimator" or "sampler".
            pubs: with circuits in the gates of the backend.
            shots: in place of those of the options.
        """
        options = self.options if shots is None else replace(self.options, shots=shots, precision=None)
        return estimate(Request.of(kind, pubs, options), self.backend)

    def submit(self, request: Request) -> HardwareJob:
        """Run a request: find its answer in the record, take up its job, or submit it within the limits."""
        with self._guard:
            identity = request.identity(self.backend.name, is_real=self.is_real)
            number = self._seen[identity]
            # Asked again after an error, a question is still the same one.
            again = min((k for k in range(number) if f"{identity}-{k}" in self._unanswered), default=number)
            try:
                job = HardwareJob(self, request, f"{identity}-{again}")
            except KeyboardInterrupt:
                self.interrupted()
                raise
            self._unanswered.discard(f"{identity}-{again}")
            self._seen[identity] = max(number, again + 1)
            self._open = [other for other in self._open if not other.is_settled] + [job]
        return job

    def refresh_usage(self) -> int:
        """Ask for the bills of finished jobs that had none yet when they ended; return how many have one now."""
        found = 0
        for entry in self.ledger.entries():
            has_ended = entry.state in ("DONE", "FAILED", "CANCELLED") or entry.kind == "session"
            if entry.is_real and entry.usage is None and entry.job_id and has_ended:
                with suppress(HardwareError):
                    usage = guarded(lambda e=entry: self._bill(e), "asking for the usage")  # type: ignore[misc]
                    if usage is not None:
                        self.books.note(entry, "UPDATE", usage=usage)
                        found += 1
        return found

    def _bill(self, entry: Entry) -> float | None:
        if entry.kind == "session":
            return session_seconds(self.service, str(entry.job_id))
        return billed_seconds(self.service.job(entry.job_id))

    def cancel(self) -> None:
        """Ask the service to cancel all jobs that are still open."""
        for job in self._open:
            with suppress(HardwareError):
                job.cancel()

    def close(self) -> None:
        """Close the batch or session, if one was opened."""
        self.mode.close()

    def __enter__(self) -> "HardwareRun":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what its jobs call ---

    def may_send_again(self, tag: str) -> bool:
        """Return whether a job may be sent again though the service may have it; true once."""
        may = tag in self._resendable
        self._resendable.discard(tag)
        return may

    def answered(self, key: str, *, there_is_one: bool) -> None:
        """Remember which requests failed to bring a result, so that asking again is not a further request."""
        (self._unanswered.discard if there_is_one else self._unanswered.add)(key)

    @property
    def service(self) -> Any:
        """The service that the backend belongs to."""
        return self.backend.service

    def approve(self, request: Request) -> CostEstimate:
        """Return the estimate of a job, if it may be submitted.

        Raises:
            HardwareError: if it may not.
        """
        cost = estimate(request, self.backend)
        if self.dry_run:
            raise DryRun(cost)
        if self.confirm is None:
            if self.is_real:
                raise HardwareError(
                    f"nothing is submitted to {self.backend.name} without consent; the job would take {cost.how}. "
                    "Give confirm=accept to agree to whatever the limits allow for"
                )
        elif not self.confirm(cost):
            raise HardwareError(f"the job was declined ({cost.how}); nothing was submitted")
        return cost

    def reserve(self, entry: Entry) -> Entry:
        """Reserve a job within the limits, with late usage figures if it would not fit otherwise."""
        try:
            return self.books.reserve(entry)
        except HardwareError:
            if self.refresh_usage() == 0:
                raise
        return self.books.reserve(replace(entry, tag=new_tag()))

    def report(self, progress: JobProgress) -> None:
        """Hand progress to whoever wants to know."""
        if self.on_progress is not None:
            self.on_progress(progress)

    def interrupted(self) -> None:
        """Ask, after Ctrl-C, what is to become of the jobs at the service."""
        ids = [job.job_id() for job in self._open if job.is_at_service]
        if ids and self.is_real and self.on_interrupt is not None and self.on_interrupt(ids):
            self.cancel()
