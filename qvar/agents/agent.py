"""What a search asks of an agent, and the agent that every other one must beat."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import QvarError

__all__ = ["Agent", "RandomAgent", "RandomPolicy"]


class Agent(Protocol):
    """Something that chooses legal actions and may learn from what follows (mutable).

    A round is one episode, or several that are played in lockstep, each in an environment of its own.
    """

    @property
    def epsilon(self) -> float | None:
        """Chance that the next action is uniformly random; None for an agent whose policy is itself a distribution."""
        ...

    def begin_round(self, progress: float) -> float | None:
        """Get ready for a round.

        Args:
            progress: share of the run that is over, by episodes or by budget, 0 to 1; schedules follow it.

        Returns:
            The loss, if the agent learned from the rounds before just now.
        """
        ...

    def act(self, observation: NDArray[np.float32], mask: NDArray[np.bool_], *, greedy: bool = False) -> int:
        """Return a legal action, the best one known if `greedy`; `mask` is bool of shape (n_actions,)."""
        ...

    def act_all(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_], *, greedy: bool = False
    ) -> NDArray[np.int64]:
        """Return an action for each of several environments, by the rules of `act`.

        Args:
            observations: float32 of shape (batch, n_features).
            masks: bool of shape (batch, n_actions).
            greedy: never explore.
        """
        ...

    def observe(
        self,
        observation: NDArray[np.float32],
        action: int,
        reward: float,
        next_observation: NDArray[np.float32],
        next_mask: NDArray[np.bool_],
        *,
        end_reason: str | None,
        environment: int = 0,
        mask: NDArray[np.bool_] | None = None,
    ) -> float | None:
        """Take note of a step of one of the environments; return the loss if the agent learned from it.

        `mask` tells what was legal before the step; None if all was, or if it is the next mask of the step before.
        """
        ...

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the whole state between rounds: arrays, which share memory with the agent, and JSON-able data."""
        ...

    def load_state(self, arrays: dict[str, NDArray[Any]], counters: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        ...


@dataclass(frozen=True)
class RandomPolicy:
    """Uniformly random legal actions: the baseline that shows what learning adds at an equal budget."""

    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise QvarError(f"threads must be at least 1, got {self.threads}")


class RandomAgent:
    """The agent of `RandomPolicy`; holds its random stream (mutable)."""

    epsilon = 1.0

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._rng = np.random.default_rng(seed)

    def begin_round(self, progress: float) -> None:
        """Follow no schedule."""

    def act(
        self,
        observation: NDArray[np.float32],  # noqa: ARG002
        mask: NDArray[np.bool_],
        *,
        greedy: bool = False,  # noqa: ARG002
    ) -> int:
        """Return a random legal action, whatever is asked: this agent knows no better one."""
        return int(self._rng.choice(np.flatnonzero(mask)))

    def act_all(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_], *, greedy: bool = False
    ) -> NDArray[np.int64]:
        """Return a random legal action for each environment."""
        pairs = zip(observations, masks, strict=True)
        return np.array([self.act(observation, mask, greedy=greedy) for observation, mask in pairs], dtype=np.int64)

    def observe(
        self,
        observation: NDArray[np.float32],
        action: int,
        reward: float,
        next_observation: NDArray[np.float32],
        next_mask: NDArray[np.bool_],
        *,
        end_reason: str | None,
        environment: int = 0,
        mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """Learn nothing."""

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the state of the random stream."""
        return {}, {"rng": self._rng.bit_generator.state}

    def load_state(self, arrays: dict[str, NDArray[Any]], counters: dict[str, Any]) -> None:  # noqa: ARG002
        """Take over what `state` gave."""
        self._rng.bit_generator.state = counters["rng"]
