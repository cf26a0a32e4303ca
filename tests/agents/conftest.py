"""Small agents, made-up experience, and networks whose values are known constants."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from qvar.agents import DoubleDQN, DoubleDQNAgent
from qvar.agents.replay import Transition

SMALL = DoubleDQN(
    hidden=(16, 16),
    batch_size=8,
    buffer_size=64,
    learning_starts=8,
    target_every=5,
    gamma=0.9,
    epsilon_end=0.2,
    epsilon_share=None,
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_dqn():
    """Make a small agent for 13 features and 8 actions; settings and seed can be changed."""

    def make(*, seed=0, n_features=13, n_actions=8, max_gates=40, **settings):
        return DoubleDQNAgent(
            replace(SMALL, **settings),
            n_features=n_features,
            n_actions=n_actions,
            max_gates=max_gates,
            seed=np.random.SeedSequence(seed),
        )

    return make


@pytest.fixture
def observe_nothing():
    """An observation of 13 features: no gate, energy 0."""
    return np.zeros(13, dtype=np.float32)


@pytest.fixture
def random_observation():
    def make(rng, n_features=13):
        observation = rng.integers(2, size=n_features).astype(np.float32)
        observation[-1] = rng.normal()
        return observation

    return make


@pytest.fixture
def feed(random_observation):
    """Give an agent random experience: episodes of five steps, some of which succeed; return its actions."""

    def play(agent, rng, n_steps, *, n_actions=8):
        actions, observation = [], random_observation(rng)
        mask = rng.random(n_actions) < 0.7
        mask[0] = True
        for step in range(n_steps):
            actions.append(agent.act(observation, mask))
            following, mask = random_observation(rng), rng.random(n_actions) < 0.7
            mask[0] = True
            end = None if step % 5 < 4 else ("success" if rng.random() < 0.5 else "limit")
            agent.observe(observation, actions[-1], float(rng.normal()), following, mask, end_reason=end)
            observation = following
        return actions

    return play


@pytest.fixture
def set_constant_values():
    """Make the policy and the target network return given values, one per action, whatever the observation."""

    def set_values(agent, *, policy, target):
        arrays, counters = agent.state()
        arrays = {name: array.copy() for name, array in arrays.items()}
        for prefix, values in (("policy", policy), ("target", target)):
            names = [name for name in arrays if name.startswith(f"{prefix}.")]
            for name in names:
                arrays[name][:] = 0.0
            *_, last_bias = (name for name in names if name.endswith("bias"))
            arrays[last_bias][:] = values
        agent.load_state(arrays, counters)

    return set_values


@pytest.fixture
def make_transition(random_observation):
    def make(rng, *, n_features=13, n_actions=8, reward=None):
        return Transition(
            observation=random_observation(rng, n_features),
            action=int(rng.integers(n_actions)),
            reward=float(np.float32(rng.normal())) if reward is None else reward,
            bootstrap=float(np.float32(rng.random())),
            next_observation=random_observation(rng, n_features),
            next_mask=rng.random(n_actions) < 0.5,
        )

    return make


@pytest.fixture
def networks():
    """Return copies of all weights of an agent by name, those of the policy or the target network."""

    def copy(agent, prefix="policy"):
        arrays, _ = agent.state()
        return {name: array.copy() for name, array in arrays.items() if name.startswith(f"{prefix}.")}

    return copy
