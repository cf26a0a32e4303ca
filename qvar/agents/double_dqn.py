"""The double-DQN agent: acts on masks, learns from n-step transitions, saves and restores its whole state.

Differs from Patel et al., arXiv 2402.03500, and its released code:

- the target is y = sum_(k<m) gamma**k r_(t+k) + gamma**m Q_target(s_(t+m), a*) with the discount of the whole window
  (the released code uses gamma for every n);
- a* = argmax of the policy network over *legal* actions of s_(t+m) (the released code takes all);
- random actions are drawn from the legal ones only.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qvar.agents.arrays import joined, part
from qvar.agents.network import Observations, q_network
from qvar.agents.replay import NStepWindow, ReplayBuffer, Transition
from qvar.agents.sampling import PrioritizedSampler, Sampler, UniformSampler
from qvar.agents.settings import DoubleDQN
from qvar.agents.tensors import adam_arrays, load_adam, load_network, network_arrays

__all__ = ["DoubleDQNAgent"]


class DoubleDQNAgent:
    """A learning agent; holds networks, replay memory, exploration rate and its own random streams (all mutable).

    Args:
        settings: the agent's settings.
        n_features: length of an observation.
        n_actions: number of actions.
        max_gates: longest episode, for the discount.
        seed: seeds the network weights, exploration and replay.
    """

    def __init__(
        self, settings: DoubleDQN, *, n_features: int, n_actions: int, max_gates: int, seed: np.random.SeedSequence
    ) -> None:
        weights, explore, replay = seed.spawn(3)
        generator = torch.Generator().manual_seed(int(weights.generate_state(1, np.uint64)[0] >> 1))
        self.settings = settings
        self._policy = q_network(n_features, settings.hidden, n_actions, generator)
        self._target = q_network(n_features, settings.hidden, n_actions, generator)
        self._target.load_state_dict(self._policy.state_dict())
        self._adam = torch.optim.Adam(self._policy.parameters(), lr=settings.learning_rate, fused=True)
        self._buffer = ReplayBuffer(settings.buffer_size, n_features, n_actions)
        self._gamma = settings.discount(max_gates)
        self._windows: dict[int, NStepWindow] = {}
        self._sampler = _sampler(settings)
        self._progress = 0.0
        self._explore_rng = np.random.default_rng(explore)
        self._replay_rng = np.random.default_rng(replay)
        self._env_steps = 0
        self.learner_steps = 0
        self.epsilon = settings.epsilon_start

    def begin_round(self, progress: float) -> None:
        """Let schedules follow the share of the run that is over, 0 to 1."""
        self._progress = progress
        share = self.settings.epsilon_share
        if share is not None:
            start, end = self.settings.epsilon_start, self.settings.epsilon_end
            self.epsilon = max(end, start - (start - end) * progress / share)

    def act(self, observation: NDArray[np.float32], mask: NDArray[np.bool_], *, greedy: bool = False) -> int:
        """Return a legal action: random with probability epsilon, else the one of highest Q.

        Args:
            observation: float32 of shape (n_features,).
            mask: legal actions, bool of shape (n_actions,).
            greedy: never explore.
        """
        return int(self.act_all(observation[None], mask[None], greedy=greedy)[0])

    def act_all(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_], *, greedy: bool = False
    ) -> NDArray[np.int64]:
        """Return an action for each environment as `act` does, by one pass through the network.

        Args:
            observations: float32 of shape (batch, n_features).
            masks: bool of shape (batch, n_actions).
            greedy: never explore.
        """
        actions = np.full(len(masks), -1, dtype=np.int64)
        for index, mask in enumerate(masks):
            if not greedy and self._explore_rng.random() < self.epsilon:
                actions[index] = self._explore_rng.choice(np.flatnonzero(mask))
        (chosen,) = np.nonzero(actions < 0)
        if len(chosen):
            actions[chosen] = np.where(masks[chosen], self.q_values(observations[chosen]), -np.inf).argmax(axis=1)
        return actions

    def q_values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the policy network's values, float32 of shape (batch, n_actions) for (batch, n_features)."""
        with torch.inference_mode():
            return np.asarray(self._policy(Observations.from_dense(observations)).numpy(), dtype=np.float32)

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
        mask: NDArray[np.bool_] | None = None,  # noqa: ARG002 - values are of all actions
    ) -> float | None:
        """Store a step and, when it is time, learn; return the loss of that learner step, else None.

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
        weight = 1.0 if end_reason == "halted" and self.settings.bootstrap_halted else 0.0
        window = self._windows.setdefault(environment, NStepWindow(self.settings.n_step, self._gamma))
        transitions = window.push(
            observation,
            action,
            reward,
            next_observation,
            next_mask,
            episode_over=end_reason is not None,
            end_weight=weight,
        )
        for transition in transitions:
            self.remember(transition)
        self._env_steps += 1
        is_time = self._env_steps % self.settings.learn_every == 0
        if len(self._buffer) < self.settings.learning_starts or not is_time:
            return None
        return float(np.mean([self.learn() for _ in range(self.settings.learner_steps)]))

    def remember(self, transition: Transition) -> None:
        """Put a transition into the replay memory."""
        self._sampler.add(self._buffer.add(transition))

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Put the transitions of another agent's replay memory into this one's, the latest ones if it is smaller.

        Args:
            memory: as `ReplayBuffer.state_arrays` gives it.
        """
        for row in self._buffer.extend(memory):
            self._sampler.add(row)

    def learn(self) -> float:
        """Take one learner step on a batch from the replay memory and return its loss."""
        rows, weights = self._sampler.draw(
            len(self._buffer), self.settings.batch_size, self._replay_rng, progress=self._progress
        )
        batch = self._buffer.take(rows)
        targets = self.targets(
            batch.rewards, batch.bootstraps, batch.next_observations, torch.from_numpy(batch.next_masks)
        )
        values = self._policy(batch.observations)
        chosen = values.gather(1, torch.from_numpy(batch.actions)[:, None])[:, 0]
        if weights is None:
            loss = nn.functional.smooth_l1_loss(chosen, targets)
        else:
            each = nn.functional.smooth_l1_loss(chosen, targets, reduction="none")
            loss = (torch.from_numpy(weights) * each).mean()
            self._sampler.update(rows, (targets - chosen.detach()).numpy())
        self._adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        self.learner_steps += 1
        if self.settings.epsilon_share is None:
            self.epsilon = max(self.settings.epsilon_end, self.epsilon * self.settings.epsilon_decay)
        if self.learner_steps % self.settings.target_every == 0:
            self._target.load_state_dict(self._policy.state_dict())
        return float(loss.detach())

    def targets(
        self,
        rewards: NDArray[np.float32],
        bootstraps: NDArray[np.float32],
        next_observations: Observations,
        next_masks: torch.Tensor,
    ) -> torch.Tensor:
        """Return y = reward + bootstrap * Q_target(s', argmax over legal a of Q_chooser(s', a)), shape (batch,).

        The chooser is the policy network in double DQN and the target network in plain DQN.
        """
        with torch.no_grad():
            future = self._target(next_observations)
            choosing = self._policy(next_observations) if self.settings.double else future
            best = choosing.masked_fill(~next_masks, -torch.inf).argmax(dim=1, keepdim=True)
            future = future.gather(1, best)[:, 0]
            targets: torch.Tensor = torch.from_numpy(rewards) + torch.from_numpy(bootstraps) * future
            return targets

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the agent's whole state between episodes: arrays, and JSON-able counters and random streams.

        The arrays share memory with the agent: write or copy them before it learns on.
        """
        parts = {
            "policy": network_arrays(self._policy),
            "target": network_arrays(self._target),
            "adam": adam_arrays(self._adam),
            "replay": self._buffer.state_arrays(),
            "sampler": self._sampler.state_arrays(),
        }
        counters = {
            "env_steps": self._env_steps,
            "learner_steps": self.learner_steps,
            "epsilon": self.epsilon,
            "explore_rng": self._explore_rng.bit_generator.state,
            "replay_rng": self._replay_rng.bit_generator.state,
        }
        return joined(parts), counters

    def load_state(self, arrays: dict[str, NDArray[Any]], counters: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        load_network(self._policy, part(arrays, "policy"))
        load_network(self._target, part(arrays, "target"))
        load_adam(self._adam, part(arrays, "adam"))
        self._buffer.load_state_arrays(part(arrays, "replay"))
        self._sampler.load_state_arrays(part(arrays, "sampler"))
        self._env_steps = int(counters["env_steps"])
        self.learner_steps = int(counters["learner_steps"])
        self.epsilon = float(counters["epsilon"])
        self._explore_rng.bit_generator.state = counters["explore_rng"]
        self._replay_rng.bit_generator.state = counters["replay_rng"]


def _sampler(settings: DoubleDQN) -> Sampler:
    if settings.priority_exponent == 0.0:
        return UniformSampler()
    return PrioritizedSampler(settings.buffer_size, alpha=settings.priority_exponent, beta=settings.importance_exponent)
