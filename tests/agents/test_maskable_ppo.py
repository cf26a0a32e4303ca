"""Maskable PPO as an agent: legal actions, learning on probes, its own chance only, a state that can be saved."""

import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from qvar.agents import MaskablePPO, MaskablePPOAgent, RandomPolicy, make_agent
from qvar.envs import PROBES, make_probe
from qvar.runs import RunFolder

SMALL = MaskablePPO(hidden=(8,), rollout_steps=20, batch_size=8, epochs=2, learning_rate=1e-2)
LEARNER = MaskablePPO(hidden=(32,), rollout_steps=64, batch_size=32, epochs=10, learning_rate=3e-3)
FROZEN = replace(LEARNER, learning_rate=1e-12)


@pytest.fixture
def make_ppo():
    """Make a small agent for 13 features and 8 actions."""

    def make(*, seed=0, **settings):
        return MaskablePPOAgent(
            replace(SMALL, **settings), n_features=13, n_actions=8, max_gates=5, seed=np.random.SeedSequence(seed)
        )

    return make


@pytest.fixture
def rounds(random_observation):
    """Play rounds of one episode of five random steps; return actions and losses."""

    def play(agent, rng, n_rounds):
        actions, losses = [], []
        for _ in range(n_rounds):
            losses.append(agent.begin_round(0.0))
            observation, mask = random_observation(rng), np.ones(8, dtype=bool)
            for step in range(5):
                actions.append(agent.act(observation, mask))
                following, mask = random_observation(rng), rng.random(8) < 0.7
                mask[0] = True
                end = "limit" if step == 4 else None
                agent.observe(observation, actions[-1], float(rng.normal()), following, mask, end_reason=end)
                observation = following
        return actions, losses

    return play


def everything(agent):
    arrays, counters = agent.state()
    return {name: array.copy() for name, array in arrays.items()}, counters


def is_equal(first, second):
    names = first[0].keys()
    return (
        first[1] == second[1]
        and names == second[0].keys()
        and all(np.array_equal(first[0][name], second[0][name]) for name in names)
    )


def test_actions_are_legal_and_drawn_with_the_probabilities_of_the_policy(make_ppo, observe_nothing):
    agent, mask = make_ppo(), np.array([0, 1, 0, 1, 1, 0, 0, 1], dtype=bool)
    logits = np.linspace(-1.0, 1.5, 8)
    arrays, counters = everything(agent)
    arrays["policy.action_net.weight"][:] = 0.0
    arrays["policy.action_net.bias"][:] = logits
    agent.load_state(arrays, counters)
    counts = np.bincount([agent.act(observe_nothing, mask) for _ in range(3000)], minlength=8)
    expected = np.where(mask, np.exp(logits), 0.0)
    assert counts[~mask].tolist() == [0] * 4
    assert np.abs(counts / 3000 - expected / expected.sum()).max() < 6 * np.sqrt(0.25 / 3000)
    assert {agent.act(observe_nothing, mask, greedy=True) for _ in range(5)} == {7}


def test_it_learns_as_soon_as_a_round_begins_with_enough_steps(make_ppo, rounds):
    agent = make_ppo(rollout_steps=20)
    before = everything(agent)[0]
    _, losses = rounds(agent, np.random.default_rng(0), 9)
    assert [loss is not None for loss in losses] == [False] * 4 + [True] + [False] * 3 + [True]
    after = everything(agent)[0]
    assert not np.array_equal(before["policy.action_net.weight"], after["policy.action_net.weight"])


@pytest.mark.parametrize("batch_size", [2, 3, 4, 6, 19, 20, 21])
def test_no_batch_is_a_single_step_whose_advantage_has_no_spread(make_ppo, rounds, batch_size):
    agent = make_ppo(batch_size=batch_size, rollout_steps=21)  # 25 steps, which 2, 3, 4 and 6 leave one of
    _, losses = rounds(agent, np.random.default_rng(0), 6)
    assert np.isfinite(losses[-1])
    assert all(np.isfinite(array).all() for array in everything(agent)[0].values())


def test_returns_are_those_of_whole_episodes(make_ppo, monkeypatch, random_observation):
    """With gae_lambda = 1 they are discounted sums to the end of the episode, whatever the networks say."""
    from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer

    agent, seen, rng = make_ppo(gamma=0.5, gae_lambda=1.0, rollout_steps=6), [], np.random.default_rng(0)
    monkeypatch.setattr(agent._model, "train", lambda: seen.append(agent._model.rollout_buffer))
    agent._model.logger.record("train/loss", 0.0)
    for environment, rewards in ((0, (1.0, 2.0, 4.0)), (1, (8.0, 0.0)), (0, (16.0,))):
        for k, reward in enumerate(rewards):
            end = "limit" if k == len(rewards) - 1 else None
            observation, mask = random_observation(rng), np.ones(8, dtype=bool)
            agent.observe(observation, k, reward, observation, mask, end_reason=end, environment=environment)
    agent.begin_round(0.0)
    assert isinstance(seen[0], MaskableRolloutBuffer)
    assert seen[0].returns[:, 0] == pytest.approx([3.0, 4.0, 4.0, 8.0, 0.0, 16.0], abs=1e-5)
    assert seen[0].full


def test_global_random_states_are_left_alone(make_ppo, rounds):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    rounds(make_ppo(), np.random.default_rng(0), 9)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_the_same_seed_gives_the_same_agent_and_another_seed_another(make_ppo, rounds):
    outcomes = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(outcomes))
        agent = make_ppo(seed=seed)
        outcomes.append((rounds(agent, np.random.default_rng(0), 9), everything(agent)))
    assert outcomes[0][0] == outcomes[1][0]
    assert is_equal(outcomes[0][1], outcomes[1][1])
    assert outcomes[0][0] != outcomes[2][0]


@pytest.mark.parametrize("n_rounds", [0, 3, 4, 6])
def test_a_loaded_agent_continues_bit_by_bit(make_ppo, rounds, tmp_path, n_rounds):
    original = make_ppo(seed=1)
    rounds(original, np.random.default_rng(0), n_rounds)
    folder = RunFolder.create(tmp_path / "run", {})
    folder.save_checkpoint(*original.state())
    loaded = make_ppo(seed=2)
    loaded.load_state(*folder.load_checkpoint())
    assert is_equal(everything(original), everything(loaded))
    outcomes = [rounds(agent, np.random.default_rng(5), 9) for agent in (original, loaded)]
    assert outcomes[0] == outcomes[1]
    assert is_equal(everything(original), everything(loaded))


@cache
def train(key, settings, seed):
    """Return the greedy return after 150 episodes of a probe, and the mean return of the last 50."""
    env = make_probe(key)
    agent = make_agent(
        settings,
        n_features=env.observation_space.shape[0],
        n_actions=len(env.action_table),
        max_gates=env.max_gates,
        seed=np.random.SeedSequence(seed),
    )
    returns = []
    for episode in range(151):
        agent.begin_round(episode / 150)
        observation, info = env.reset(seed=None if episode else seed)
        returns.append(0.0)
        while info["end_reason"] is None:
            action = agent.act(observation, env.action_masks(), greedy=episode == 150)
            following, reward, _, _, info = env.step(action)
            mask, end = env.action_masks(), info["end_reason"]
            agent.observe(observation, action, reward, following, mask, end_reason=end)
            observation = following
            returns[-1] += reward
    return returns[-1], float(np.mean(returns[100:150]))


@pytest.mark.parametrize("key", ["single-rotation", "two-rotations", "bell", "already-solved"])
def test_after_a_short_training_the_greedy_agent_earns_the_best_return(key):
    for seed in (0, 1, 2):
        assert train(key, LEARNER, seed)[0] == pytest.approx(PROBES[key].best_return, abs=1e-3)


@pytest.mark.parametrize("key", ["two-rotations", "bell"])
def test_negative_control_an_agent_that_cannot_learn_earns_less(key):
    learned = min(train(key, LEARNER, seed)[1] for seed in (0, 1, 2))
    for control in (FROZEN, RandomPolicy()):
        assert max(train(key, control, seed)[1] for seed in (0, 1, 2)) < learned - 0.5


def test_without_sb3_contrib_the_error_says_what_to_install():
    code = (
        "import sys\n"
        "sys.modules['sb3_contrib'] = None\n"
        "import numpy as np\n"
        "from qvar.agents import MaskablePPO, make_agent\n"
        "from qvar.simulators.errors import QvarError\n"
        "try:\n"
        "    make_agent(MaskablePPO(), n_features=3, n_actions=5, max_gates=4, seed=np.random.SeedSequence(0))\n"
        "except QvarError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the extra sb3 brings: pip install" in done.stdout
