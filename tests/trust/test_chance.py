"""The checks of `chance.py` with one seed, and that each sees the fault planted for it."""

import numpy as np
import pytest
from scipy import stats

from tests.trust import chance


@pytest.fixture(scope="module")
def faulty():
    return chance.p_values(2024, fault=True)


def test_nothing_is_drawn_from_another_distribution_than_claimed():
    assert chance.alarms(chance.p_values(2024)) == []


@pytest.mark.parametrize("check", chance.CHECKS)
def test_negative_control_a_planted_fault_raises_the_alarm(faulty, check):
    assert check in chance.alarms(faulty)


def test_binomial_p_values_are_exact():
    assert chance.binomial(0, 10, 0.5) == pytest.approx([2 / 2**10])
    assert chance.binomial(5, 10, 0.5) == pytest.approx([1.0])
    assert chance.binomial(1, 5, 0.0) == [0.0]


def test_rare_outcomes_are_joined_before_they_are_counted():
    assert chance.counts([50, 30, 1, 2, 17], [0.5, 0.3, 0.01, 0.02, 0.17]) == pytest.approx([1.0])
    (joined,) = chance.counts([50, 30, 19, 1], [0.5, 0.3, 0.1, 0.1])
    assert joined == pytest.approx(1.0)  # the last two are one outcome
    assert chance.counts([60, 20, 20], [0.5, 0.25, 0.25]) == pytest.approx([stats.chi2.sf(4.0, 2)])


def test_the_rate_of_false_alarms_is_shared_by_all_p_values():
    found = {"one": [0.5, chance.FALSE_ALARM / 3], "two": [0.2]}
    assert chance.alarms(found) == []
    assert chance.alarms(found | {"two": [chance.FALSE_ALARM / 4]}) == ["two"]


def test_p_values_of_a_fair_coin_are_seldom_small():
    """By the definition of a p value, at most a share p of them lies below p."""
    rng = np.random.default_rng(0)
    values = np.array([chance.binomial(rng.binomial(1000, 0.3), 1000, 0.3)[0] for _ in range(2000)])
    for p in (0.01, 0.1, 0.5):
        assert stats.binomtest(int((values <= p).sum()), len(values), p, alternative="greater").pvalue > 1e-6
