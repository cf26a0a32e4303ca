"""A standing budget of the user, under which the jobs of all folders on real hardware count together.

It is a JSON file with limits, `{"max_qpu_seconds": 600, "max_shots": null, "max_jobs": null}`, named by the environment
variable QVAR_HARDWARE_BUDGET or found at ~/.config/qvar/hardware-budget.json. What counts under it is noted beside it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from qvar.hardware.ledger import Entry, Ledger
from qvar.hardware.limits import Limits
from qvar.simulators.errors import HardwareError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["Budget", "standing_budget"]


@dataclass(frozen=True)
class Budget:
    """Limits, and the ledger that they hold for."""

    limits: Limits
    ledger: Ledger

    def reserve(self, entry: Entry) -> Entry:
        """Note a job that is about to be submitted, if the budget allows for it; it may get fewer seconds.

        Raises:
            HardwareError: if it does not fit.
        """
        return self.ledger.reserve(entry, self.limits)


def standing_budget() -> Budget | None:
    """Return the budget of the user, None if there is none.

    Raises:
        HardwareError: if its file is named but missing, or unreadable; nothing may be spent then.
    """
    named = os.environ.get("QVAR_HARDWARE_BUDGET")
    path = Path(named or "~/.config/qvar/hardware-budget.json").expanduser()
    if not named and not path.exists():
        return None
    try:
        limits = Limits.from_dict(parse_json(path.read_bytes()))
    except UNREADABLE as error:
        raise HardwareError(f"the budget {path} cannot be read: {error}; correct it, nothing is spent before") from None
    return Budget(limits, Ledger(path.with_name(path.stem + ".journal.jsonl")))
