"""Replay memory of n-step transitions, observations packed to bits."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.agents.network import Observations
from qvar.simulators.errors import ArchitectureError
from qvar.simulators.memory import check_memory

__all__ = ["Batch", "NStepWindow", "ReplayBuffer", "Transition"]

Observation = NDArray[np.float32]


@dataclass(frozen=True)
class Transition:
    """An n-step transition: state, action, discounted reward sum, and the state to bootstrap from.

    Attributes:
        observation, next_observation: float32 of shape (n_features,).
        action: index of the action taken.
        reward: sum_k gamma**k r_(t+k) over the m <= n steps of the window.
        bootstrap: weight of the bootstrap value: gamma**m, or 0 where the episode ended for good.
        next_mask: legal actions in the next state, bool of shape (n_actions,).
    """

    observation: Observation
    action: int
    reward: float
    bootstrap: float
    next_observation: Observation
    next_mask: NDArray[np.bool_]


class NStepWindow:
    """Collects the steps of one episode into n-step transitions; mutable, empty between episodes."""

    def __init__(self, n_step: int, gamma: float) -> None:
        self._n_step = n_step
        self._gamma = gamma
        self._steps: deque[tuple[Observation, int, float]] = deque()

    def push(
        self,
        observation: Observation,
        action: int,
        reward: float,
        next_observation: Observation,
        next_mask: NDArray[np.bool_],
        *,
        episode_over: bool,
        end_weight: float = 0.0,
    ) -> list[Transition]:
        """Add a step and return the transitions that are complete now.

        At the end of an episode all shorter windows are returned too, bootstrapping with weight
        `end_weight * gamma**m`: 0 where the end is final.
        """
        self._steps.append((observation, action, reward))
        complete = []
        weight = end_weight if episode_over else 1.0
        while self._steps and (episode_over or len(self._steps) == self._n_step):
            total = sum(self._gamma**k * r for k, (_, _, r) in enumerate(self._steps))
            bootstrap = weight * self._gamma ** len(self._steps)
            first, taken, _ = self._steps.popleft()
            complete.append(Transition(first, taken, total, bootstrap, next_observation, next_mask))
        return complete


@dataclass(frozen=True)
class Batch:
    """Transitions, leading axis the batch."""

    observations: Observations
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    bootstraps: NDArray[np.float32]
    next_observations: Observations
    next_masks: NDArray[np.bool_]


class ReplayBuffer:
    """The latest transitions; mutable. What is drawn from it is up to a `Sampler`.

    An observation is a circuit (zeros and ones) and one energy; the circuit is stored as bits, which keeps 20,000
    pairs of 22,001 features at 110 MB instead of 3.5 GB.

    Args:
        capacity: transitions kept; the oldest are overwritten.
        n_features: length of an observation, the last entry being a real number.
        n_actions: number of actions.
    """

    def __init__(self, capacity: int, n_features: int, n_actions: int) -> None:
        bits = (n_features - 1 + 7) // 8
        n_bytes = capacity * (2 * bits + (n_actions + 7) // 8 + 24)
        advice = "use a smaller replay memory (replay_capacity) or fewer gates"
        check_memory(n_bytes, f"the replay memory of {capacity:,} transitions", advice=advice, error=ArchitectureError)
        self._n_bits = n_features - 1
        self._n_actions = n_actions
        self._capacity = capacity
        self._arrays: dict[str, NDArray[np.generic]] = {
            "bits": np.zeros((capacity, bits), dtype=np.uint8),
            "energies": np.zeros(capacity, dtype=np.float32),
            "actions": np.zeros(capacity, dtype=np.int64),
            "rewards": np.zeros(capacity, dtype=np.float32),
            "bootstraps": np.zeros(capacity, dtype=np.float32),
            "next_bits": np.zeros((capacity, bits), dtype=np.uint8),
            "next_energies": np.zeros(capacity, dtype=np.float32),
            "next_masks": np.zeros((capacity, (n_actions + 7) // 8), dtype=np.uint8),
        }
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self._capacity)

    def add(self, transition: Transition) -> int:
        """Store a transition, overwriting the oldest when full, and return its row."""
        row = self._added % self._capacity
        values: dict[str, Any] = {
            "bits": np.packbits(transition.observation[:-1] != 0),
            "energies": transition.observation[-1],
            "actions": transition.action,
            "rewards": transition.reward,
            "bootstraps": transition.bootstrap,
            "next_bits": np.packbits(transition.next_observation[:-1] != 0),
            "next_energies": transition.next_observation[-1],
            "next_masks": np.packbits(transition.next_mask),
        }
        for name, value in values.items():
            self._arrays[name][row] = value
        self._added += 1
        return row

    def extend(self, memory: Mapping[str, NDArray[Any]]) -> list[int]:
        """Store the transitions of another memory, given by its `state_arrays`, oldest first; return their rows."""
        n_stored = len(memory["actions"])
        in_order = np.roll(np.arange(n_stored), -(int(memory["added"]) % n_stored))[-self._capacity :]
        rows = (self._added + np.arange(len(in_order))) % self._capacity
        for name, array in self._arrays.items():
            array[rows] = memory[name][in_order]
        self._added += len(in_order)
        return [int(row) for row in rows]

    def take(self, rows: NDArray[np.int64]) -> Batch:
        """Return the transitions in these rows, int64 of shape (batch,), each in 0..len(self) - 1."""
        picked = {name: array[rows] for name, array in self._arrays.items()}
        return Batch(
            observations=self._unpack(picked["bits"], picked["energies"]),
            actions=np.asarray(picked["actions"], dtype=np.int64),
            rewards=np.asarray(picked["rewards"], dtype=np.float32),
            bootstraps=np.asarray(picked["bootstraps"], dtype=np.float32),
            next_observations=self._unpack(picked["next_bits"], picked["next_energies"]),
            next_masks=np.unpackbits(picked["next_masks"], axis=1, count=self._n_actions).astype(bool),  # type: ignore[arg-type]
        )

    def _unpack(self, bits: NDArray[np.generic], energies: NDArray[np.generic]) -> Observations:
        unpacked = np.unpackbits(bits, axis=1, count=self._n_bits)  # type: ignore[arg-type]
        return Observations.from_bits(unpacked.view(np.bool_), np.asarray(energies, dtype=np.float32))

    def state_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything a checkpoint needs, without the unused part of the memory.

        The arrays share memory with the buffer.
        """
        filled = {name: array[: len(self)] for name, array in self._arrays.items()}
        return filled | {"added": np.array(self._added)}

    def load_state_arrays(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take over what `state_arrays` gave.

        Raises:
            ValueError: if the arrays are of a memory of another shape.
        """
        self._added = int(arrays["added"])
        for name, array in self._arrays.items():
            if arrays[name].shape != array[: len(self)].shape:
                raise ValueError(f"replay array {name!r} has the shape {arrays[name].shape}")
            array[: len(self)] = arrays[name]
