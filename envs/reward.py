"""Rewards: what one step is worth, as a pure function of the energies before and after it."""

import math
from dataclasses import dataclass
from typing import Protocol

from qvar.simulators.errors import ArchitectureError

__all__ = ["PaperReward", "Reward"]


class Reward(Protocol):
    """A small frozen object that turns the outcome of a step into a number."""

    def __call__(
        self, *, energy: float, previous_energy: float, reference: float, success: bool, failure: bool
    ) -> float:
        """Return the reward of a step.

        Args:
            energy: energy of the circuit after the step.
            previous_energy: energy before it.
            reference: the reference energy mu of the curriculum.
            success: whether |energy - reference| is below the threshold.
            failure: whether the episode ends here without success.
        """
        ...


@dataclass(frozen=True)
class PaperReward:
    """The reward of CRLQAS: 5 at success, -5 at an end without it, else the relative decrease of the energy.

    The relative decrease is (E_{t-1} - E_t) / |E_{t-1} - mu|, clipped to [-1, 1].

    Args:
        success_reward: reward of a successful step.
        failure_reward: reward of the last step of an episode that failed, by the gate limit or by halting.

    Raises:
        ArchitectureError: for rewards that are not finite.

    Example:
        >>> PaperReward()(energy=-0.5, previous_energy=0.0, reference=-2.0, success=False, failure=False)
        0.25

    Source:
        Patel et al., ICLR 2024, arXiv 2402.03500.

    Differs from the source:
        - The absolute value in the denominator and the upper clip. While no energy falls below mu, as is
          certain without shots for a lower bound, both change nothing; below mu (shots, or mu = the exact
          energy of a noisy estimate) the unsigned formula of the source would reward a rise without limit.
        - At E_{t-1} = mu, where the source divides by zero, the sign of the decrease.
        - A halted episode fails like one at the gate limit; the released code lets it escape the -5.
    """

    success_reward: float = 5.0
    failure_reward: float = -5.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.success_reward) and math.isfinite(self.failure_reward)):
            raise ArchitectureError(f"rewards must be finite, got {self}")

    def __call__(
        self, *, energy: float, previous_energy: float, reference: float, success: bool, failure: bool
    ) -> float:
        """Return the reward of a step (see `Reward`); success wins over failure."""
        if success:
            return self.success_reward
        if failure:
            return self.failure_reward
        decrease, distance = previous_energy - energy, abs(previous_energy - reference)
        if distance == 0.0:
            return float((decrease > 0) - (decrease < 0))
        return min(max(decrease / distance, -1.0), 1.0)
