"""The baseline: uniformly random legal actions and nothing learned."""

import json

import numpy as np
import pytest

from qvar.agents import DoubleDQN, DoubleDQNAgent, RandomAgent, RandomPolicy, make_agent

NOTHING = np.zeros(3, dtype=np.float32)
MASK = np.array([True, False, True, True, False])


def make(seed):
    return make_agent(RandomPolicy(), n_features=3, n_actions=5, max_gates=4, seed=np.random.SeedSequence(seed))


@pytest.mark.parametrize("greedy", [False, True])
def test_actions_are_uniform_over_the_legal_ones(greedy):
    agent = make(0)
    counts = np.bincount([agent.act(NOTHING, MASK, greedy=greedy) for _ in range(3000)], minlength=5)
    assert counts[~MASK].tolist() == [0, 0]
    assert np.abs(counts[MASK] - 1000).max() < 6 * np.sqrt(3000 * 2 / 9)


def test_it_learns_nothing_and_always_explores():
    agent = make(0)
    assert agent.observe(NOTHING, 0, 5.0, NOTHING, MASK, end_reason="success") is None
    assert agent.epsilon == 1.0


def test_the_same_seed_gives_the_same_actions_and_another_seed_others():
    runs = [[agent.act(NOTHING, MASK) for _ in range(50)] for agent in (make(1), make(1), make(2))]
    assert runs[0] == runs[1] != runs[2]


def test_a_state_taken_through_json_goes_on_with_the_same_actions():
    agent, other = make(1), make(2)
    for _ in range(7):
        agent.act(NOTHING, MASK)
    arrays, counters = agent.state()
    other.load_state(arrays, json.loads(json.dumps(counters)))
    assert [agent.act(NOTHING, MASK) for _ in range(50)] == [other.act(NOTHING, MASK) for _ in range(50)]


def test_make_agent_follows_the_settings():
    assert isinstance(make(0), RandomAgent)
    learner = make_agent(DoubleDQN(hidden=(4,)), n_features=3, n_actions=5, max_gates=4, seed=np.random.SeedSequence(0))
    assert isinstance(learner, DoubleDQNAgent)
    assert learner.settings == DoubleDQN(hidden=(4,))
