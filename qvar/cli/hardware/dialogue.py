"""Ask before jobs are submitted or cancelled, and show the one that is waited for."""

import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.status import Status

from qvar.hardware import CostEstimate, JobProgress
from qvar.simulators.errors import HardwareError

__all__ = ["Consent", "JobDisplay", "ask_about_jobs", "price"]


def price(cost: CostEstimate) -> str:
    """Return what jobs cost, in words."""
    return (
        f"{cost.jobs} job{'s' if cost.jobs > 1 else ''}, {cost.shots:,} shots, about {cost.qpu_seconds:.1f} s of "
        f"quantum processor ({cost.reserved_seconds:g} s reserved)"
    )


class Consent:
    """Asks, once, whether the jobs of an experiment may be submitted to a device (mutable: remembers the answer).

    Args:
        cost: of all jobs together; None to ask about every single one.
        device: its name, with whatever else is to be agreed to.
        yes: do not ask.
        errors: where to ask.
    """

    def __init__(self, cost: CostEstimate | None, device: str, *, yes: bool, errors: Console) -> None:
        self._cost, self._device, self._agreed, self._errors = cost, device, yes, errors

    def __call__(self, cost: CostEstimate) -> bool:
        """Return whether to submit a job.

        Raises:
            HardwareError: without a terminal to ask in.
        """
        if self._agreed:
            return True
        if not (sys.stdin.isatty() and self._errors.is_terminal):
            raise HardwareError(
                f"nothing is submitted to {self._device} unasked, and there is no terminal to ask in: give --yes, "
                "--max-qpu-seconds and, if you like, --max-shots and --max-jobs. It would be "
                f"{price(self._cost or cost)}"
            )
        self._errors.print(f"{self._device}: {price(self._cost or cost)}", highlight=False, markup=False)
        agreed = typer.confirm("Submit?", err=True)
        self._agreed = agreed and self._cost is not None
        return agreed


def ask_about_jobs(ids: Sequence[str], display: "JobDisplay", errors: Console) -> bool:
    """Return whether the jobs that are at the service are to be cancelled; without a terminal they go on."""
    display.stop()
    if not (sys.stdin.isatty() and errors.is_terminal):
        return False
    what = f"job {ids[0]}" if len(ids) == 1 else f"{len(ids)} jobs"
    try:
        return typer.confirm(f"Cancel {what} at the service, too? What was used by then is billed", err=True)
    except (typer.Abort, KeyboardInterrupt):
        return False


class JobDisplay:
    """A live line about the job that is waited for; silent without a terminal (mutable)."""

    def __init__(self, console: Console, *, visible: bool) -> None:
        self._console, self._visible = console, visible and console.is_terminal
        self._status: Status | None = None

    def __enter__(self) -> "JobDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def show(self, progress: JobProgress) -> None:
        """Show how far a job is."""
        if not self._visible:
            return
        place = "" if progress.queue_position is None else f", place {progress.queue_position} in the queue"
        text = (
            f"job {progress.job_id}: {progress.status.lower()}{place}, waited {progress.waited_seconds:.0f} s; it "
            f"needs about {progress.estimate_seconds:.0f} s of quantum processor"
        )
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def stop(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
