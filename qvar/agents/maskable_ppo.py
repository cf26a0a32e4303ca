"""Maskable PPO of sb3-contrib as an agent: its networks and its learner, our episodes, our random streams.

Differs from sb3-contrib:

- The networks learn from whole episodes only, every end of one being final, so that nothing is bootstrapped at the edge
  of a rollout and the state between rounds is all there is to save.
- Actions, and the order of batches, come from the agent's own random stream; the global ones of PyTorch and NumPy,
  which sb3-contrib uses, are as before after every call.
- Weights and moments are saved as arrays, not as sb3's archive, parts of which are pickled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from qvar.agents.arrays import joined, part
from qvar.agents.settings import MaskablePPO
from qvar.agents.tensors import adam_arrays, load_adam, load_network, network_arrays

if TYPE_CHECKING:
    import sb3_contrib

__all__ = ["MaskablePPOAgent"]


class MaskablePPOAgent:
    """A learning agent; holds networks, the episodes since it learned last, and its random stream (all mutable).

    Args:
        settings: the agent's settings.
        n_features: length of an observation.
        n_actions: number of actions.
        max_gates: longest episode, for the discount.
        seed: seeds the network weights, the actions and the order of batches.
    """

    epsilon = None

    def __init__(
        self, settings: MaskablePPO, *, n_features: int, n_actions: int, max_gates: int, seed: np.random.SeedSequence
    ) -> None:
        weights, chance = seed.spawn(2)
        self._settings = settings
        self._rng = np.random.default_rng(chance)
        self._model = _make_model(settings, n_features, n_actions, settings.discount(max_gates), weights)
        self._playing: dict[int, _Steps] = {}
        self._collected = _Steps()

    def begin_round(self, progress: float) -> float | None:  # noqa: ARG002
        """Learn if enough steps have been collected, and return the loss of the last learner step."""
        if len(self._collected.rewards) < self._settings.rollout_steps:
            return None
        steps, self._collected = self._collected, _Steps()
        return self._learn(steps)

    def act(self, observation: NDArray[np.float32], mask: NDArray[np.bool_], *, greedy: bool = False) -> int:
        """Return a legal action, drawn from the policy, or its most probable one if `greedy`.

        Args:
            observation: float32 of shape (n_features,).
            mask: legal actions, bool of shape (n_actions,).
            greedy: do not draw.
        """
        return int(self.act_all(observation[None], mask[None], greedy=greedy)[0])

    def act_all(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_], *, greedy: bool = False
    ) -> NDArray[np.int64]:
        """Return an action for each environment as `act` does, by one pass through the network.

        Args:
            observations: float32 of shape (batch, n_features).
            masks: bool of shape (batch, n_actions).
            greedy: do not draw.
        """
        with torch.inference_mode():
            policy = self._model.policy.get_distribution(torch.from_numpy(observations), masks)
            probabilities = np.where(masks, policy.distribution.probs.numpy(), 0.0)
        if greedy:
            return np.asarray(probabilities.argmax(axis=1))
        sums = probabilities.astype(np.float64).cumsum(axis=1)
        places = self._rng.random(len(masks)) * sums[:, -1]
        return np.array([np.searchsorted(row, at, side="right") for row, at in zip(sums, places, strict=True)])

    def observe(
        self,
        observation: NDArray[np.float32],
        action: int,
        reward: float,
        next_observation: NDArray[np.float32],  # noqa: ARG002
        next_mask: NDArray[np.bool_],
        *,
        end_reason: str | None,
        environment: int = 0,
        mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take note of a step; learning waits for the next round.

        Args:
            observation: before the step, float32 of shape (n_features,).
            action: index of the action taken.
            reward: of the step.
            next_observation: after the step.
            next_mask: legal actions after the step, bool of shape (n_actions,).
            end_reason: "success", "limit" or "halted" at the end of an episode, else None.
            environment: which of those played in lockstep the step belongs to.
            mask: legal actions before the step; None if all were, or if it is the next mask of the step before.
        """
        steps = self._playing.setdefault(environment, _Steps())
        steps.add(observation, action, reward, next_mask, mask=mask)
        if end_reason is not None:
            self._collected.extend(self._playing.pop(environment))

    def _learn(self, steps: "_Steps") -> float:
        """Let sb3-contrib train on these steps."""
        from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer

        model, n_steps = self._model, len(steps.rewards)
        arrays = steps.arrays()
        observations, actions = torch.from_numpy(arrays["observations"]), torch.from_numpy(arrays["actions"])
        with torch.no_grad():  # the policy is still the one that chose these actions
            values, log_probabilities, _ = model.policy.evaluate_actions(observations, actions, arrays["masks"])
        buffer = MaskableRolloutBuffer(
            n_steps, model.observation_space, model.action_space, "cpu", model.gae_lambda, model.gamma
        )
        for k in range(n_steps):
            buffer.add(
                arrays["observations"][k],
                arrays["actions"][k],
                arrays["rewards"][k],
                arrays["starts"][k],
                values[k],
                log_probabilities[k],
                action_masks=arrays["masks"][k],
            )
        buffer.compute_returns_and_advantage(torch.zeros(1), np.ones(1))
        model.rollout_buffer = buffer
        # advantages are normalized by their spread, and one step alone has none
        model.batch_size = next(size for size in count(self._settings.batch_size) if n_steps % size != 1)
        with _global_chance(int(self._rng.integers(2**32))):
            model.train()
        return float(model.logger.name_to_value["train/loss"])

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the agent's whole state between rounds; the arrays share memory with the agent."""
        parts = {
            "policy": network_arrays(self._model.policy),
            "adam": adam_arrays(self._model.policy.optimizer),
            "rollout": self._collected.arrays() if self._collected.rewards else {},
        }
        return joined(parts), {"rng": self._rng.bit_generator.state}

    def load_state(self, arrays: dict[str, NDArray[Any]], counters: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        load_network(self._model.policy, part(arrays, "policy"))
        load_adam(self._model.policy.optimizer, part(arrays, "adam"))
        self._collected = _Steps.from_arrays(part(arrays, "rollout"))
        self._rng.bit_generator.state = counters["rng"]


@dataclass
class _Steps:
    """Steps of one or more episodes, in order (mutable).

    Where it is not said what was legal, everything was at the beginning of an episode, as on an empty circuit.
    """

    observations: list[NDArray[np.float32]] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    masks: list[NDArray[np.bool_]] = field(default_factory=list)
    starts: list[bool] = field(default_factory=list)
    next_mask: NDArray[np.bool_] | None = None

    def add(
        self,
        observation: NDArray[np.float32],
        action: int,
        reward: float,
        next_mask: NDArray[np.bool_],
        *,
        mask: NDArray[np.bool_] | None,
    ) -> None:
        self.starts.append(self.next_mask is None)
        if mask is None:
            mask = np.ones_like(next_mask) if self.next_mask is None else self.next_mask
        self.masks.append(mask)
        self.observations.append(observation)
        self.actions.append(action)
        self.rewards.append(reward)
        self.next_mask = next_mask

    def extend(self, other: "_Steps") -> None:
        for name in _COLUMNS:
            getattr(self, name).extend(getattr(other, name))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: np.array(getattr(self, name), dtype=dtype) for name, dtype in _COLUMNS.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "_Steps":
        steps = cls()
        for name, array in arrays.items():
            getattr(steps, name).extend(array)
        return steps


_COLUMNS: dict[str, type] = {
    "observations": np.float32,
    "actions": np.int64,
    "rewards": np.float64,
    "masks": np.bool_,
    "starts": np.bool_,
}


def _make_model(
    settings: MaskablePPO, n_features: int, n_actions: int, gamma: float, seed: np.random.SeedSequence
) -> "sb3_contrib.MaskablePPO":
    import sb3_contrib
    from stable_baselines3.common.logger import Logger

    model = sb3_contrib.MaskablePPO(
        "MlpPolicy",
        None,  # environments are played by the search
        learning_rate=settings.learning_rate,
        n_epochs=settings.epochs,
        gamma=gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.entropy_weight,
        vf_coef=settings.value_weight,
        max_grad_norm=settings.max_gradient,
        n_steps=1,
        policy_kwargs={"net_arch": list(settings.hidden)},
        device="cpu",
        _init_setup_model=False,
    )
    model.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (n_features,), np.float32)
    model.action_space = gymnasium.spaces.Discrete(n_actions)
    model.n_envs = 1
    with _global_chance(int(seed.generate_state(1)[0])):
        model._setup_model()
    model.set_logger(Logger(None, []))
    return model


@contextmanager
def _global_chance(seed: int) -> Iterator[None]:
    """Seed the global random streams, and put them back afterwards."""
    before = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
