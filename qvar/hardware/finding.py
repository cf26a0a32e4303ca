"""Whether the service has a job whose number was never learned."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qvar.hardware.connection import account_of
from qvar.hardware.ledger import Entry
from qvar.hardware.redaction import guarded, is_refusal
from qvar.hardware.submission import jobs_with_tag
from qvar.simulators.errors import HardwareError

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["check_account", "find_after", "find_job", "uncertain"]


def check_account(run: "HardwareRun", entry: Entry) -> None:
    """Raise HardwareError if a job went through another instance, where we would look for it in vain."""
    if entry.account != account_of(run.backend):
        raise HardwareError(
            f"a job of this folder ({entry.job_id or entry.tag}) was submitted through another instance of IBM "
            "Quantum, where it may still run; go on with that instance, or use a new folder"
        )


def find_job(run: "HardwareRun", entry: Entry, seconds: float) -> Any:
    """Return the job with the tag of an entry, None if the service shows none for so long; it looks once at least.

    Raises:
        HardwareError: if the service does not answer.
    """
    until = time.monotonic() + seconds
    while True:
        found = run.patience.persistently(lambda: jobs_with_tag(run.backend, entry.tag), "looking for a job")
        if found:
            for surplus in found[1:]:  # can only come of sending again what had arrived
                with suppress(HardwareError):
                    guarded(surplus.cancel, "cancelling a job")
                run.books.add_surplus(entry, str(surplus.job_id()))
            return found[0]
        if time.monotonic() >= until:
            return None
        time.sleep(min(run.patience.poll_seconds, seconds))


def find_after(failure: HardwareError, run: "HardwareRun", entry: Entry) -> Any:
    """Return the job if it reached the service although its submission failed, None if none is seen."""
    if run.is_real:
        with suppress(HardwareError):
            return find_job(run, entry, 0 if is_refusal(failure) else run.patience.settle_seconds)
    return None


def uncertain(run: "HardwareRun", entry: Entry, why: str) -> HardwareError:
    """Return the error that says how to find out what became of a job."""
    return HardwareError(
        f"it is not certain whether {run.backend.name} has taken a job ({why}). It is not sent again unasked, so that "
        "nothing is paid for twice. Start again in a few minutes: the job is looked for first. If it is still missing, "
        f"and your workloads at IBM Quantum show none with the tag {entry.tag}, send it again with "
        "HardwareRun(..., resubmit=True), on the command line --resubmit"
    )
