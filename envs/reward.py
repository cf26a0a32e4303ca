"""Rewards: what one step is worth, as a pure function of the gate placed and of the energies before and after it."""

import math
from dataclasses import dataclass
from typing import Protocol

from qvar.envs.actions import Action
from qvar.simulators.errors import ArchitectureError

__all__ = ["GateCostReward", "PaperReward", "Reward"]


class Reward(Protocol):
    """A small frozen object that turns the outcome of a step into a number."""

    def __call__(
        self, *, gate: Action, energy: float, previous_energy: float, reference: float, success: bool, failure: bool
    ) -> float:
        """Return the reward of a step.

        Args:
            gate: the gate that the step placed.
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
        >>> step = {"energy": -0.5, "previous_energy": 0.0, "reference": -2.0, "success": False, "failure": False}
        >>> PaperReward()(gate=Action("cx", (0, 1)), **step)
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
        self,
        *,
        gate: Action,  # noqa: ARG002 - the contract of Reward
        energy: float,
        previous_energy: float,
        reference: float,
        success: bool,
        failure: bool,
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


@dataclass(frozen=True)
class GateCostReward:
    """The reward of CRLQAS minus a cost for the gate placed, so that short circuits with few CNOTs pay.

    An energy alone rewards any gate that does not hurt, and circuits grow far longer than their energy needs. Here a
    gate must earn its cost by the relative decrease of the energy, or by success. Keep the cost of a whole episode
    below `success_reward - failure_reward`, or it pays to fail early.

    Args:
        cnot: cost of a CNOT, at least 0. By default five times that of a rotation, the usual ratio of gate errors.
        rotation: cost of a rotation, at least 0.
        success_reward: see `PaperReward`.
        failure_reward: see `PaperReward`.

    Raises:
        ArchitectureError: for negative costs, or numbers that are not finite.

    Example:
        >>> step = {"energy": -0.5, "previous_energy": 0.0, "reference": -2.0, "success": False, "failure": False}
        >>> [round(GateCostReward()(gate=gate, **step), 6) for gate in (Action("rx", (0,)), Action("cx", (0, 1)))]
        [0.24, 0.2]
    """

    cnot: float = 0.05
    rotation: float = 0.01
    success_reward: float = 5.0
    failure_reward: float = -5.0

    def __post_init__(self) -> None:
        if not (0 <= self.cnot < math.inf and 0 <= self.rotation < math.inf):
            raise ArchitectureError(f"costs of gates must be finite and at least 0, got {self}")
        self._energy_reward()

    def _energy_reward(self) -> PaperReward:
        return PaperReward(self.success_reward, self.failure_reward)

    def __call__(
        self, *, gate: Action, energy: float, previous_energy: float, reference: float, success: bool, failure: bool
    ) -> float:
        """Return the reward of a step (see `Reward`)."""
        earned = self._energy_reward()(
            gate=gate,
            energy=energy,
            previous_energy=previous_energy,
            reference=reference,
            success=success,
            failure=failure,
        )
        return earned - (self.rotation if gate.is_rotation else self.cnot)
