"""Learning targets against the formula, with networks whose values are known constants.

The loss of a learner step on a single stored transition is the smooth-L1 distance of the chosen action's value from
the target; with constant values it gives the target away.
"""

import numpy as np
import pytest
import torch

from qvar.agents.network import Observations

ALL = np.ones(8, dtype=bool)
POLICY = np.array([0.1, 0.7, 0.3, 0.0, -0.2, 0.5, 0.2, 0.4])
TARGET = np.array([3.0, 2.0, 7.0, -1.0, 9.0, 4.0, 6.0, 8.0])


def targets(agent, *, rewards, bootstraps, masks, n_features=13):
    observations = Observations.from_dense(np.zeros((len(rewards), n_features), np.float32))
    values = agent.targets(
        np.array(rewards, np.float32), np.array(bootstraps, np.float32), observations, torch.from_numpy(np.array(masks))
    )
    return values.numpy()


@pytest.fixture
def make_single(make_dqn, set_constant_values):
    """An agent that learns from its latest transition only and hardly moves."""

    def make(**settings):
        agent = make_dqn(
            buffer_size=1, learning_starts=1, batch_size=3, learning_rate=1e-12, target_every=1000, **settings
        )
        set_constant_values(agent, policy=POLICY, target=TARGET)
        return agent

    return make


def target_seen(loss, action):
    """Invert smooth L1 above distance 1, the target lying above the value."""
    assert loss > 0.5
    return POLICY[action] + loss + 0.5


def test_with_n_5_the_target_is_five_discounted_rewards_and_gamma_to_the_fifth_of_q(make_single, observe_nothing):
    agent = make_single(n_step=5)
    rewards = [2.0, -0.5, 0.25, 1.0, 3.0]
    losses = [
        agent.observe(observe_nothing, action, reward, observe_nothing, ALL, end_reason=None)
        for action, reward in enumerate(rewards)
    ]
    assert losses[:4] == [None] * 4
    expected = sum(0.9**k * reward for k, reward in enumerate(rewards)) + 0.9**5 * TARGET[1]
    assert target_seen(losses[4], 0) == pytest.approx(expected, abs=1e-5)
    assert target_seen(losses[4], 0) != pytest.approx(expected - 0.9**5 * TARGET[1] + 0.9 * TARGET[1], abs=1e-2)


@pytest.mark.parametrize(
    ("end_reason", "bootstrap_halted", "weight"),
    [
        ("success", False, 0.0),
        ("success", True, 0.0),
        ("limit", False, 0.0),
        ("limit", True, 0.0),
        ("halted", False, 0.0),
        ("halted", True, 0.9),
        (None, False, 0.9),
    ],
)
def test_only_episodes_that_go_on_or_on_request_halted_ones_are_bootstrapped(
    make_single, observe_nothing, end_reason, bootstrap_halted, weight
):
    agent = make_single(n_step=1, bootstrap_halted=bootstrap_halted)
    loss = agent.observe(observe_nothing, 2, 5.0, observe_nothing, ALL, end_reason=end_reason)
    assert target_seen(loss, 2) == pytest.approx(5.0 + weight * TARGET[1], abs=1e-5)


@pytest.mark.parametrize(("bootstrap_halted", "weights"), [(False, [0, 0, 0]), (True, [0.9**3, 0.9**2, 0.9])])
def test_windows_shortened_by_halting_bootstrap_with_gamma_to_their_length(
    make_dqn, set_constant_values, observe_nothing, bootstrap_halted, weights
):
    agent = make_dqn(
        n_step=5, bootstrap_halted=bootstrap_halted, learning_starts=3, batch_size=2000, learning_rate=1e-12
    )
    set_constant_values(agent, policy=np.zeros(8), target=TARGET)
    for action, (reward, end) in enumerate([(4.0, None), (4.0, None), (4.0, "halted")]):
        loss = agent.observe(observe_nothing, action, reward, observe_nothing, ALL, end_reason=end)
    sums = [4 * (1 + 0.9 + 0.81), 4 * 1.9, 4.0]
    expected = [total + weight * TARGET[0] - 0.5 for total, weight in zip(sums, weights, strict=True)]
    # The batch draws the three windows at random; their mean loss identifies the weights to a few per cent.
    assert loss == pytest.approx(np.mean(expected), rel=0.05)


def test_the_policy_network_chooses_the_action_and_the_target_network_values_it(make_dqn, set_constant_values):
    agent = make_dqn()
    set_constant_values(agent, policy=POLICY, target=TARGET)
    (value,) = targets(agent, rewards=[1.0], bootstraps=[0.5], masks=[ALL])
    assert value == pytest.approx(1.0 + 0.5 * TARGET[POLICY.argmax()])
    assert value != pytest.approx(1.0 + 0.5 * TARGET.max())
    assert value != pytest.approx(1.0 + 0.5 * POLICY.max())


def test_the_target_takes_the_best_legal_action(make_dqn, set_constant_values):
    agent = make_dqn()
    set_constant_values(agent, policy=POLICY, target=TARGET)
    without_best = ALL.copy()
    without_best[1] = False
    only_worst = np.zeros(8, dtype=bool)
    only_worst[4] = True
    values = targets(agent, rewards=[0.0] * 3, bootstraps=[1.0] * 3, masks=[ALL, without_best, only_worst])
    assert values == pytest.approx([TARGET[1], TARGET[5], TARGET[4]])


def test_the_mask_of_the_next_state_reaches_the_target(make_single, observe_nothing):
    agent = make_single(n_step=1)
    mask = ALL.copy()
    mask[[1, 5]] = False
    loss = agent.observe(observe_nothing, 0, 0.0, observe_nothing, mask, end_reason=None)
    assert target_seen(loss, 0) == pytest.approx(0.9 * TARGET[7], abs=1e-5)


def test_plain_dqn_lets_the_target_network_choose_among_the_legal_actions(make_dqn, set_constant_values):
    agent = make_dqn(double=False)
    set_constant_values(agent, policy=POLICY, target=TARGET)
    without_best = ALL.copy()
    without_best[TARGET.argmax()] = False
    values = targets(agent, rewards=[1.0, 1.0], bootstraps=[0.5, 0.5], masks=[ALL, without_best])
    assert values == pytest.approx([1.0 + 0.5 * 9.0, 1.0 + 0.5 * 8.0])


def test_a_final_end_ignores_the_next_state(make_dqn, set_constant_values):
    agent = make_dqn()
    set_constant_values(agent, policy=POLICY, target=TARGET)
    assert targets(agent, rewards=[-5.0], bootstraps=[0.0], masks=[ALL]) == pytest.approx([-5.0])


def test_targets_carry_no_gradient(make_dqn):
    agent = make_dqn()
    zeros = np.zeros(2, np.float32)
    values = agent.targets(
        zeros, zeros, Observations.from_dense(np.zeros((2, 13), np.float32)), torch.ones((2, 8), dtype=torch.bool)
    )
    assert not values.requires_grad


def test_a_learner_step_moves_the_chosen_value_towards_the_target(make_dqn, observe_nothing):
    agent = make_dqn(n_step=1, learning_rate=1e-2, learning_starts=1, buffer_size=1, batch_size=1)
    before = agent.q_values(observe_nothing[None])[0]
    for _ in range(60):
        agent.observe(observe_nothing, 3, 2.0, observe_nothing, ALL, end_reason="success")
    after = agent.q_values(observe_nothing[None])[0]
    assert abs(after[3] - 2.0) < 0.1 < abs(before[3] - 2.0)
