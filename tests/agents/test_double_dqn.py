"""How the agent acts, explores, schedules its learning, and starts from its seed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.agents import DoubleDQN, DoubleDQNAgent

VALUES = np.array([0.5, -1.0, 3.0, 2.0, 0.0, 1.0, -2.0, 2.5])
masks = st.lists(st.booleans(), min_size=8, max_size=8).filter(any).map(np.array)


@given(mask=masks, seed=st.integers(0, 100), greedy=st.booleans(), epsilon=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=100, deadline=None)
def test_every_action_is_legal(mask, seed, greedy, epsilon):
    agent = DoubleDQNAgent(
        DoubleDQN(hidden=(4,), epsilon_start=epsilon, epsilon_end=0.0),
        n_features=13,
        n_actions=8,
        max_gates=10,
        seed=np.random.SeedSequence(seed),
    )
    observation = np.random.default_rng(seed).normal(size=13).astype(np.float32)
    assert mask[agent.act(observation, mask, greedy=greedy)]


def test_a_greedy_action_is_the_best_legal_one(make_dqn, set_constant_values, observe_nothing):
    agent = make_dqn(epsilon_start=1.0)
    set_constant_values(agent, policy=VALUES, target=np.zeros(8))
    mask = np.ones(8, dtype=bool)
    order = []
    while mask.any():
        order.append(agent.act(observe_nothing, mask, greedy=True))
        mask[order[-1]] = False
    assert order == [2, 7, 3, 5, 0, 4, 1, 6]


def test_random_actions_are_uniform_over_the_legal_ones(make_dqn, observe_nothing):
    agent, mask = make_dqn(epsilon_start=1.0), np.array([0, 1, 0, 1, 1, 0, 0, 1], dtype=bool)
    counts = np.bincount([agent.act(observe_nothing, mask) for _ in range(2000)], minlength=8)
    assert counts[~mask].tolist() == [0] * 4
    assert np.abs(counts[mask] - 500).max() < 6 * np.sqrt(2000 * 0.25 * 0.75)


def test_epsilon_is_the_share_of_random_actions(make_dqn, set_constant_values, observe_nothing):
    agent, mask = make_dqn(epsilon_start=0.3), np.ones(8, dtype=bool)
    set_constant_values(agent, policy=VALUES, target=VALUES)
    others = sum(agent.act(observe_nothing, mask) != 2 for _ in range(2000)) / 2000
    assert others == pytest.approx(0.3 * 7 / 8, abs=6 * np.sqrt(0.2 / 2000))


def test_greedy_actions_leave_the_exploration_stream_alone(make_dqn, observe_nothing):
    mask, actions = np.ones(8, dtype=bool), []
    for n_greedy in (0, 5):
        agent = make_dqn()
        for _ in range(n_greedy):
            agent.act(observe_nothing, mask, greedy=True)
        actions.append([agent.act(observe_nothing, mask) for _ in range(30)])
    assert actions[0] == actions[1]


def test_epsilon_decays_per_learner_step_to_its_floor(make_dqn, feed):
    agent = make_dqn(epsilon_start=0.9, epsilon_end=0.4, epsilon_decay=0.9, learning_starts=10, n_step=1)
    rng, seen = np.random.default_rng(0), []
    for _ in range(30):
        feed(agent, rng, 1)
        seen.append(agent.epsilon)
    assert seen[:9] == [0.9] * 9  # nothing is learned before ten transitions are stored
    assert seen[9:] == pytest.approx([max(0.4, 0.9 * 0.9 ** (k + 1)) for k in range(21)])
    assert seen[-1] == 0.4


@pytest.mark.parametrize(
    ("progress", "epsilon"), [(0.0, 0.9), (0.25, 0.65), (0.5, 0.4), (0.75, 0.4), (1.0, 0.4)], ids=str
)
def test_epsilon_can_follow_the_progress_of_the_run_instead(make_dqn, feed, progress, epsilon):
    agent = make_dqn(epsilon_start=0.9, epsilon_end=0.4, epsilon_decay=0.5, epsilon_share=0.5, n_step=1)
    agent.begin_round(progress)
    feed(agent, np.random.default_rng(0), 30)
    assert agent.learner_steps > 0
    assert agent.epsilon == pytest.approx(epsilon)


def test_a_turn_of_learning_takes_as_many_learner_steps_as_asked(make_dqn, feed):
    agent = make_dqn(learner_steps=3, learning_starts=10, n_step=1)
    feed(agent, np.random.default_rng(0), 30)
    assert agent.learner_steps == 3 * 21


def test_acting_in_several_environments_at_once_gives_each_its_best_legal_action(make_dqn, random_observation):
    agent, rng = make_dqn(), np.random.default_rng(0)
    observations = np.stack([random_observation(rng) for _ in range(20)])
    masks = rng.random((20, 8)) < 0.5
    masks[:, 3] = True
    together = agent.act_all(observations, masks, greedy=True)
    alone = [agent.act(*pair, greedy=True) for pair in zip(observations, masks, strict=True)]
    assert together.tolist() == alone


def test_windows_of_environments_played_in_lockstep_do_not_mix(make_dqn, random_observation):
    """Two episodes interleaved, and the same two one after the other, fill the memory with the same transitions."""
    rng = np.random.default_rng(0)
    episodes = [[random_observation(rng) for _ in range(6)] for _ in range(2)]
    mask, memories = np.ones(8, dtype=bool), []
    for order in ([(k, e) for k in range(5) for e in range(2)], [(k, e) for e in range(2) for k in range(5)]):
        agent = make_dqn(n_step=3, learning_starts=60)
        for k, e in order:
            before, after = episodes[e][k : k + 2]
            end = "limit" if k == 4 else None
            agent.observe(before, k, float(10 * e + k), after, mask, end_reason=end, environment=e)
        arrays, _ = agent.state()
        memories.append(sorted(zip(arrays["replay.rewards"], arrays["replay.actions"], strict=True)))
    assert memories[0] == memories[1]
    assert len(memories[0]) == 10


@pytest.mark.parametrize(("learn_every", "expected"), [(1, 21), (3, 7), (10, 3)])
def test_learning_waits_for_enough_transitions_and_takes_its_turns(make_dqn, feed, learn_every, expected):
    agent = make_dqn(learn_every=learn_every, learning_starts=10, n_step=1)
    feed(agent, np.random.default_rng(0), 30)
    assert agent.learner_steps == expected


def test_observe_returns_the_loss_of_its_learner_step_only(make_dqn, observe_nothing):
    agent, mask = make_dqn(learning_starts=3, n_step=1), np.ones(8, dtype=bool)
    losses = [agent.observe(observe_nothing, 0, 1.0, observe_nothing, mask, end_reason=None) for _ in range(5)]
    assert losses[:2] == [None, None]
    assert all(loss >= 0.0 for loss in losses[2:])


def test_the_target_network_is_copied_every_so_many_learner_steps_and_rests_between(make_dqn, feed, networks):
    agent = make_dqn(target_every=4, learning_starts=1, n_step=1)
    rng, frozen = np.random.default_rng(0), networks(agent, "target")
    for step in range(1, 13):
        feed(agent, rng, 1)
        assert agent.learner_steps == step
        policy, target = networks(agent, "policy"), networks(agent, "target")
        is_copy = all(np.array_equal(policy[f"policy{n[6:]}"], array) for n, array in target.items())
        assert is_copy == (step % 4 == 0)
        if is_copy:
            frozen = target
        assert all(np.array_equal(target[name], frozen[name]) for name in target)


def test_both_networks_start_equal(make_dqn, networks):
    agent = make_dqn()
    policy, target = networks(agent, "policy"), networks(agent, "target")
    assert [name[6:] for name in policy] == [name[6:] for name in target]
    assert all(np.array_equal(a, b) for a, b in zip(policy.values(), target.values(), strict=True))


def test_the_network_has_the_widths_asked_for(make_dqn, networks):
    weights = networks(make_dqn(hidden=(5, 7, 6), n_features=21, n_actions=15))
    shapes = [array.shape for name, array in weights.items() if name.endswith("weight")]
    assert shapes == [(20, 5), (7, 5), (6, 7), (15, 6)]  # the 21st feature, the energy, has a slope of its own


def test_the_same_seed_gives_the_same_network_and_another_seed_another(make_dqn, networks):
    torch.manual_seed(1)
    first = networks(make_dqn(seed=3))
    torch.manual_seed(2)
    again, other = networks(make_dqn(seed=3)), networks(make_dqn(seed=4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in first)


def test_making_and_training_an_agent_leaves_global_random_states_alone(make_dqn, feed):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    feed(make_dqn(), np.random.default_rng(0), 20)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_initial_weights_have_the_range_of_pytorch_s_default_scheme(make_dqn, networks):
    weights = networks(make_dqn(hidden=(400,), n_features=100))
    for name, fan_in in (("policy.0.weight", 100), ("policy.0.bias", 100), ("policy.2.weight", 400)):
        largest = np.abs(weights[name]).max()
        assert 0.9 * fan_in**-0.5 < largest <= np.float32(fan_in**-0.5)


def test_the_same_seed_and_experience_give_the_same_agent_and_another_seed_another(make_dqn, feed, networks):
    trained = []
    for seed in (0, 0, 1):
        agent = make_dqn(seed=seed)
        trained.append((feed(agent, np.random.default_rng(9), 60), networks(agent)))
    assert trained[0][0] == trained[1][0]
    assert all(np.array_equal(trained[0][1][name], trained[1][1][name]) for name in trained[0][1])
    assert trained[0][0] != trained[2][0]
