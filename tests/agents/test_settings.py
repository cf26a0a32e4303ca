"""Settings that make no sense are refused; the published ones are the published ones."""

import math

import pytest

from qvar.agents import DoubleDQN, MaskablePPO, RandomPolicy
from qvar.simulators.errors import QvarError


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hidden": ()}, "hidden"),
        ({"hidden": (10, 0)}, "hidden"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": -1e-3}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"gamma": -0.1}, "gamma"),
        ({"gamma": 1.1}, "gamma"),
        ({"gamma": math.nan}, "gamma"),
        ({"n_step": 0}, "n_step"),
        ({"batch_size": 0}, "batch_size"),
        ({"buffer_size": 0}, "buffer_size"),
        ({"learning_starts": 0}, "learning_starts"),
        ({"learning_starts": 21, "buffer_size": 20}, "buffer_size"),
        ({"learn_every": 0}, "learn_every"),
        ({"target_every": 0}, "target_every"),
        ({"epsilon_start": 1.1}, "epsilon_start"),
        ({"epsilon_end": -0.1}, "epsilon_end"),
        ({"epsilon_start": 0.1, "epsilon_end": 0.2}, "epsilon_end"),
        ({"epsilon_decay": 0.0}, "epsilon_decay"),
        ({"epsilon_decay": 1.01}, "epsilon_decay"),
        ({"epsilon_decay": math.nan}, "epsilon_decay"),
        ({"epsilon_share": 0.0}, "epsilon_share"),
        ({"epsilon_share": 1.1}, "epsilon_share"),
        ({"learner_steps": 0}, "learner_steps"),
        ({"priority_exponent": -0.1}, "priority_exponent"),
        ({"priority_exponent": math.inf}, "priority_exponent"),
        ({"importance_exponent": 1.1}, "importance_exponent"),
        ({"threads": 0}, "threads"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused_by_name(changes, named):
    with pytest.raises(QvarError, match=named):
        DoubleDQN(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hidden": ()}, "hidden"),
        ({"hidden": (0,)}, "hidden"),
        ({"rollout_steps": 1}, "rollout_steps"),
        ({"batch_size": 1}, "batch_size"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"clip_range": math.nan}, "clip_range"),
        ({"max_gradient": -1.0}, "max_gradient"),
        ({"entropy_weight": -0.1}, "entropy_weight"),
        ({"value_weight": math.inf}, "value_weight"),
        ({"gae_lambda": 1.1}, "gae_lambda"),
        ({"gamma": -0.1}, "gamma"),
        ({"threads": 0}, "threads"),
    ],
    ids=str,
)
def test_settings_of_ppo_that_make_no_sense_are_refused_by_name(changes, named):
    with pytest.raises(QvarError, match=named):
        MaskablePPO(**changes)


def test_the_random_policy_needs_a_thread():
    with pytest.raises(QvarError, match="threads"):
        RandomPolicy(threads=0)


def test_limiting_settings_are_accepted():
    DoubleDQN(gamma=0.0, epsilon_decay=1.0, epsilon_start=0.0, epsilon_end=0.0, learning_starts=7, buffer_size=7)
    DoubleDQN(gamma=1.0, hidden=(1,), n_step=1, batch_size=1)


@pytest.mark.parametrize(("max_gates", "gamma"), [(40, 0.88), (70, 0.93), (250, 0.98)])
def test_the_discount_follows_the_length_of_episodes_as_published(max_gates, gamma):
    assert DoubleDQN().discount(max_gates) == gamma
    assert DoubleDQN.paper(width=1000, learning_rate=1e-4, n_step=1).discount(max_gates) == gamma


def test_a_given_discount_is_used_as_it_is():
    assert DoubleDQN(gamma=0.5).discount(40) == 0.5


def test_the_paper_s_settings_are_those_of_its_experiments():
    settings = DoubleDQN.paper(width=2000, learning_rate=1e-4, n_step=6)
    assert (settings.hidden, settings.learning_rate, settings.n_step) == ((2000,) * 5, 1e-4, 6)
    assert (settings.batch_size, settings.buffer_size, settings.learning_starts) == (1000, 20_000, 1000)
    assert (settings.learn_every, settings.target_every) == (1, 500)
    assert (settings.epsilon_start, settings.epsilon_end, settings.epsilon_decay) == (1.0, 0.05, 0.99995)
    assert settings.gamma is None
    assert not settings.bootstrap_halted
    assert settings.double
    assert (settings.learner_steps, settings.priority_exponent, settings.epsilon_share) == (1, 0.0, None)


def test_the_paper_s_exploration_reaches_its_floor_after_59913_learner_steps():
    settings = DoubleDQN.paper(width=1000, learning_rate=3e-4, n_step=5)
    assert round(math.log(settings.epsilon_end / settings.epsilon_start, settings.epsilon_decay)) == 59_913
