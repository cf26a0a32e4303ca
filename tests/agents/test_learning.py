"""On probes with a known best return the agent learns, and without learning nobody gets there."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from qvar.agents import DoubleDQN, RandomPolicy, make_agent
from qvar.envs import PROBES, make_probe

LEARNER = DoubleDQN(
    hidden=(32, 32),
    learning_rate=3e-3,
    n_step=2,
    batch_size=32,
    learning_starts=50,
    target_every=50,
    epsilon_end=0.2,
    epsilon_decay=0.99,
    epsilon_share=None,
)
FROZEN = replace(LEARNER, learning_rate=1e-12)
SEEDS = (0, 2, 3)
KEYS = ("two-rotations", "bell", "unreachable")


def play(env, agent, *, seed=None, learn):
    observation, info = env.reset(seed=seed)
    total = 0.0
    while info["end_reason"] is None:
        action = agent.act(observation, env.action_masks(), greedy=not learn)
        following, reward, _, _, info = env.step(action)
        if learn:
            agent.observe(observation, action, reward, following, env.action_masks(), end_reason=info["end_reason"])
        observation = following
        total += reward
    return total


@cache
def train(key, settings, seed):
    """Return the greedy return after 120 episodes, and the mean return of the last 40."""
    env = make_probe(key)
    agent = make_agent(
        settings,
        n_features=env.observation_space.shape[0],
        n_actions=len(env.action_table),
        max_gates=env.max_gates,
        seed=np.random.SeedSequence(seed),
    )
    returns = [play(env, agent, seed=None if episode else seed, learn=True) for episode in range(120)]
    return play(env, agent, learn=False), float(np.mean(returns[-40:]))


@pytest.mark.parametrize("key", KEYS)
def test_after_a_short_training_the_greedy_agent_earns_the_best_return(key):
    for seed in SEEDS:
        greedy, _ = train(key, LEARNER, seed)
        assert greedy == pytest.approx(PROBES[key].best_return, abs=1e-3)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("control", [FROZEN, RandomPolicy()], ids=["frozen", "random"])
def test_negative_control_an_agent_that_cannot_learn_does_not_get_there(key, control):
    outcomes = [train(key, control, seed) for seed in SEEDS]
    assert any(greedy < PROBES[key].best_return - 0.05 for greedy, _ in outcomes)
    assert max(mean for _, mean in outcomes) < PROBES[key].best_return - 0.05


def test_a_trained_agent_earns_more_than_the_random_policy_while_it_still_explores():
    learned = min(train("bell", LEARNER, seed)[1] for seed in SEEDS)
    drawn = max(train("bell", RandomPolicy(), seed)[1] for seed in SEEDS)
    assert learned > drawn + 1.0
