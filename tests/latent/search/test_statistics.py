"""Figures of one search and of many, by hand and by simulation."""

import numpy as np
import pytest

from qvar.latent.search.statistics import Achievement, Spread, bootstrap_interval, curve_intervals
from qvar.simulators.errors import LatentError


def test_one_search_is_judged_by_hand():
    rewards = np.concatenate([np.full(100, 0.2), [0.95, 0.3, 1.0]])
    found = Achievement.of(rewards, threshold=0.95, optimum=1.0)
    assert (found.candidates, found.best, found.first, found.regret) == (2, 1.0, 101, 0.0)
    assert found.mean_per_100 == pytest.approx((0.2, 0.75))
    assert found.to_dict()["first"] == 101


def test_a_search_without_candidates_has_no_first_one():
    assert Achievement.of(np.array([0.1, 0.2]), threshold=0.5).first is None


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(150):
        low, high = bootstrap_interval(rng.exponential(size=50))
        inside += low <= 1.0 <= high
    assert 0.86 < inside / 150 < 0.99


def test_an_interval_is_a_function_of_its_values():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    assert bootstrap_interval(values) == bootstrap_interval(values)
    spread = Spread.of(values)
    assert (spread.mean, spread.least, spread.most) == (2.8, 1.0, 5.0)
    assert spread.low < spread.mean < spread.high


def test_curves_have_the_interval_of_each_point():
    curves = [np.array([float(k), 1.0]) for k in range(20)]
    mean, low, high = curve_intervals(curves)
    assert mean == pytest.approx([9.5, 1.0])
    assert (low[1], high[1]) == pytest.approx((1.0, 1.0))
    assert (low[0], high[0]) == pytest.approx(bootstrap_interval(range(20)), abs=0.3)


def test_nothing_has_no_interval():
    with pytest.raises(LatentError, match="at least one value"):
        bootstrap_interval([])
