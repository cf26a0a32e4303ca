"""How long to wait, and how often to try again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from qvar.hardware.redaction import guarded, is_transient
from qvar.simulators.errors import HardwareError

__all__ = ["Patience"]

R = TypeVar("R")


@dataclass(frozen=True)
class Patience:
    """Waiting times.

    Attributes:
        poll_seconds: between two questions for the state of a job.
        attempts: how often a call that fails for a passing reason is made, 1 or more.
        first_delay: seconds before the second attempt; doubles each time.
        longest_delay: seconds, at most, between two attempts.
        settle_seconds: how long to look for a job whose submission may have reached the service, before it counts as
            not submitted.

    Raises:
        HardwareError: for a negative time or no attempt.
    """

    poll_seconds: float = 5.0
    attempts: int = 6
    first_delay: float = 2.0
    longest_delay: float = 60.0
    settle_seconds: float = 20.0

    def __post_init__(self) -> None:
        times = (self.poll_seconds, self.first_delay, self.longest_delay, self.settle_seconds)
        if self.attempts < 1 or not all(0 <= t < float("inf") for t in times):
            raise HardwareError(f"times are finite and not negative, attempts 1 or more; got {self}")

    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait before the second, third, ... attempt."""
        for k in range(self.attempts - 1):
            yield min(self.first_delay * 2**k, self.longest_delay)

    def persistently(self, action: Callable[[], R], what: str) -> R:
        """Return what `action` returns, trying again as long as it fails for a passing reason.

        Only for calls that may be repeated freely, such as questions.

        Raises:
            HardwareError: when it still fails, without any token in it.
        """
        for delay in self.delays():
            try:
                return guarded(action, what)
            except HardwareError as error:
                if not is_transient(error):
                    raise
            time.sleep(delay)
        return guarded(action, what)
