"""What the jobs of a run execute in: the device itself, a batch that belongs together, or a session that is billed."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qvar.hardware.ledger import Entry, new_tag
from qvar.hardware.redaction import guarded
from qvar.simulators.errors import HardwareError

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["ExecutionMode"]


class ExecutionMode:
    """The batch or session of a run, opened when first needed (mutable).

    Args:
        run: whose device, options and accounts to use.
    """

    def __init__(self, run: "HardwareRun") -> None:
        self._run = run
        self._opened: Any = None
        self._session: Entry | None = None

    def get(self) -> Any:
        """Return what the primitives take: the backend, or the batch or session, opened now if need be."""
        run = self._run
        if not run.is_real or run.options.mode == "job":
            return run.backend
        if self._opened is None:
            from qiskit_ibm_runtime import Batch, Session

            if run.options.mode == "batch":
                self._opened = guarded(lambda: Batch(backend=run.backend), "opening a batch")
            else:
                session = self._reserved()  # before it opens
                seconds = run.options.max_session_seconds
                self._opened = guarded(lambda: Session(backend=run.backend, max_time=seconds), "opening a session")
                run.books.note(session, "SUBMITTED", job_id=self._opened.session_id)
        return self._opened

    def session_tag(self) -> str | None:
        """Return the tag of the session that pays for the jobs, reserving it as a whole at first; None without one."""
        if not self._run.is_real or self._run.options.mode != "session":
            return None
        return self._reserved().tag

    def _reserved(self) -> Entry:
        if self._session is None:
            seconds, tag = float(self._run.options.max_session_seconds or 0), new_tag()
            self._session = self._run.reserve(
                Entry(tag, f"session-{tag}", "session", self._run.backend.name, True, seconds, seconds, 0)
            )
        return self._session

    def close(self) -> None:
        """Close the batch or session, if one was opened."""
        if self._opened is not None:
            with suppress(HardwareError):
                guarded(self._opened.close, "closing the session")
        elif self._session is not None:
            self._run.books.note(self._session, "RELEASED", reason="never opened")
        if self._session is not None:
            self._run.refresh_usage()  # jobs that still run keep the session from having a bill
        self._opened = self._session = None
