"""Intervals and differences against numbers worked out by hand or by another route."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qvar.classify.comparison import corrected_mean, paired_difference, wilson
from qvar.classify.comparison.statistics import bootstrap, holm
from qvar.simulators.errors import ClassifierError


def test_the_corrected_interval_is_that_of_nadeau_and_bengio_by_hand():
    # values 1, 2, 3, 4: mean 2.5, s^2 = 5/3; (1/4 + 1/4) * 5/3 = 5/6; t(3, .975) = 3.18245
    estimate = corrected_mean([1.0, 2.0, 3.0, 4.0], test_to_train=0.25)
    half = 3.182446305 * math.sqrt(5 / 6)
    assert (estimate.n, estimate.mean) == (4, 2.5)
    assert estimate.sd == pytest.approx(math.sqrt(5 / 3))
    assert (estimate.low, estimate.high) == pytest.approx((2.5 - half, 2.5 + half))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_without_a_test_part_the_interval_is_that_of_students_t(values):
    estimate = corrected_mean(values, test_to_train=0.0)
    error = stats.sem(values)
    if error > 1e-6:
        expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert (estimate.low, estimate.high) == pytest.approx(expected)


def test_the_plain_interval_of_overlapping_splits_is_too_narrow_and_the_corrected_one_is_not():
    rng = np.random.default_rng(0)
    n_train, n_test, splits, plain, corrected, n_worlds = 80, 20, 10, 0, 0, 300
    for _ in range(n_worlds):  # "accuracy" of a model that cannot learn: every row is a hit with probability .6
        hits = rng.random(n_train + n_test) < 0.6
        values = [hits[rng.permutation(n_train + n_test)[:n_test]].mean() for _ in range(splits)]
        for ratio in (0.0, n_test / n_train):
            estimate = corrected_mean(values, test_to_train=ratio)
            covered = estimate.low <= 0.6 <= estimate.high
            plain += covered if ratio == 0 else 0
            corrected += covered if ratio > 0 else 0
    assert plain / n_worlds < 0.85  # promised .95
    assert corrected / n_worlds > 0.93


def test_differences_are_paired():
    difference = paired_difference([0.8, 0.7, 0.9], [0.7, 0.7, 0.6], test_to_train=0.5)
    # differences .1, 0, .3: mean .4/3, s^2 = .0233333; (1/3 + 1/2) s^2; t(2, .975) = 4.30265
    error = math.sqrt((1 / 3 + 1 / 2) * 0.07 / 3)
    assert difference.mean == pytest.approx(0.4 / 3)
    assert difference.low == pytest.approx(0.4 / 3 - 4.302652730 * error)
    assert difference.high == pytest.approx(0.4 / 3 + 4.302652730 * error)
    assert difference.p == pytest.approx(2 * stats.t.sf(0.4 / 3 / error, 2))
    assert (difference.wins, difference.ties, difference.losses) == (2, 1, 0)


def test_of_losses_the_lower_one_wins():
    difference = paired_difference([0.3, 0.5], [0.4, 0.6], test_to_train=0.25, lower_is_better=True)
    assert (difference.wins, difference.losses) == (2, 0)
    assert difference.mean == pytest.approx(-0.1)


def test_equal_scores_but_for_rounding_are_ties_without_evidence():
    difference = paired_difference([0.1 + 0.2, 0.5], [0.3, 0.5], test_to_train=0.25)
    assert (difference.mean, difference.ties, difference.p) == (0.0, 2, 1.0)


def test_one_split_has_a_mean_and_no_interval():
    assert corrected_mean([0.7], test_to_train=0.25).low is None
    difference = paired_difference([0.7], [0.6], test_to_train=0.25)
    assert (difference.low, difference.p, difference.wins) == (None, None, 1)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(154, 200, 0.707, 0.823), (149, 200, 0.680, 0.800), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)],
)
def test_wilson_intervals(hits, n, low, high):
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_agrees_with_scipy(n, share):
    hits = round(share * n)
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_bootstrap_of_a_share_is_close_to_wilson():
    hits = np.arange(200) < 154
    low, high = bootstrap(lambda h: float(h.mean()), hits, rng=np.random.default_rng(0), n_samples=4000)
    assert (low, high) == pytest.approx(wilson(154, 200), abs=0.012)


@pytest.mark.parametrize(
    "call",
    [
        lambda: corrected_mean([], test_to_train=0.25),
        lambda: paired_difference([1.0], [1.0, 2.0], test_to_train=0.25),
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: bootstrap(lambda a: math.nan, [1, 2], rng=np.random.default_rng(0)),
        lambda: bootstrap(lambda a, b: 0.0, [1], [1, 2], rng=np.random.default_rng(0)),
    ],
)
def test_wrong_calls_are_refused(call):
    with pytest.raises(ClassifierError):
        call()
