"""The two accounts that a job on real hardware counts in: that of its folder, and the standing budget of the user."""

from dataclasses import dataclass, replace
from typing import Any

from qvar.hardware.budget import Budget
from qvar.hardware.ledger import Entry, Ledger
from qvar.hardware.limits import Limits
from qvar.simulators.errors import HardwareError

__all__ = ["Books"]


@dataclass(frozen=True)
class Books:
    """A ledger with its limits, and a budget above it or None."""

    ledger: Ledger
    limits: Limits
    budget: Budget | None

    def reserve(self, entry: Entry) -> Entry:
        """Reserve a job in both accounts, or in none; return it with the seconds that both leave to it.

        Raises:
            HardwareError: if it does not fit.
        """
        return self.adopt(self.ledger.reserve(entry, self.limits))

    def adopt(self, entry: Entry) -> Entry:
        """See that a job that the folder reserved is reserved in the budget too, before it is submitted."""
        if self.budget is None or not entry.is_real:
            return entry
        try:
            granted = self.budget.reserve(entry)
        except HardwareError as error:
            refusal = error
        else:
            if granted.seconds < entry.seconds:
                self.ledger.note(entry.tag, "UPDATE", seconds=granted.seconds)
            return replace(entry, seconds=min(granted.seconds, entry.seconds))
        self.ledger.note(entry.tag, "RELEASED", reason="the standing budget does not allow for it")
        raise refusal

    def note(self, entry: Entry, event: str, **fields: Any) -> None:
        """Note in both accounts what became of a job."""
        self.ledger.note(entry.tag, event, **fields)
        if self.budget is not None and entry.is_real:
            self.budget.ledger.note(entry.tag, event, **fields)

    def reconcile(self) -> None:
        """Tell the budget what a kill kept from it."""
        if self.budget is None:
            return
        known = {entry.tag: entry for entry in self.budget.ledger.entries()}
        for entry in self.ledger.entries():
            there = known.get(entry.tag)
            if there is None or (there.state, there.usage) == (entry.state, entry.usage):
                continue
            fields = {name: getattr(entry, name) for name in ("job_id", "usage", "result", "reason")}
            self.budget.ledger.note(entry.tag, "UPDATE" if entry.state == "RESERVED" else entry.state, **fields)
