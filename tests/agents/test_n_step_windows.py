"""n-step windows against the sum written out, and where they are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.agents.replay import NStepWindow

rewards = st.lists(st.floats(-5, 5), min_size=1, max_size=12)


def push_episode(window, values, *, over=True, end_weight=0.0, offset=0):
    """Push one step per reward; step k goes from observation k to k + 1 by action k."""
    complete = []
    for k, reward in enumerate(values, start=offset):
        complete += window.push(
            np.array([k], dtype=np.float32),
            k,
            reward,
            np.array([k + 1], dtype=np.float32),
            np.array([k % 2 == 0, True]),
            episode_over=over and k - offset == len(values) - 1,
            end_weight=end_weight,
        )
    return complete


@given(rewards, st.integers(1, 6), st.floats(0, 1), st.sampled_from([0.0, 1.0]))
@settings(max_examples=200, deadline=None)
def test_every_step_of_an_episode_gives_one_window_with_the_discounted_sum(values, n_step, gamma, end_weight):
    complete = push_episode(NStepWindow(n_step, gamma), values, end_weight=end_weight)
    assert [transition.action for transition in complete] == list(range(len(values)))
    for start, transition in enumerate(complete):
        stop = min(start + n_step, len(values))
        length = stop - start
        total = sum(gamma**k * values[start + k] for k in range(length))
        weight = end_weight if stop == len(values) else 1.0
        assert transition.reward == pytest.approx(total, abs=1e-12)
        assert transition.bootstrap == pytest.approx(weight * gamma**length, abs=1e-15)
        assert transition.observation == [start]
        assert transition.next_observation == [stop]
        assert transition.next_mask.tolist() == [(stop - 1) % 2 == 0, True]


def test_the_weight_of_a_full_window_is_gamma_to_the_n_not_gamma():
    (transition,) = push_episode(NStepWindow(5, 0.9), [1.0] * 5, over=False)
    assert transition.bootstrap == pytest.approx(0.9**5)
    assert transition.bootstrap != pytest.approx(0.9)


def test_shortened_windows_bootstrap_with_gamma_to_their_own_length():
    complete = push_episode(NStepWindow(5, 0.9), [1.0] * 3, end_weight=1.0)
    assert [transition.bootstrap for transition in complete] == pytest.approx([0.9**3, 0.9**2, 0.9])


def test_no_window_reaches_into_the_next_episode():
    window = NStepWindow(3, 0.5)
    first = push_episode(window, [1.0, 1.0])
    second = push_episode(window, [100.0, 100.0], offset=10)
    assert [transition.reward for transition in first] == [1.5, 1.0]
    assert [transition.reward for transition in second] == [150.0, 100.0]


def test_an_unfinished_window_is_not_given_out():
    window = NStepWindow(3, 0.5)
    assert push_episode(window, [1.0, 1.0], over=False) == []
    assert len(push_episode(window, [1.0], over=False, offset=2)) == 1
