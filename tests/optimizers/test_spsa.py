"""SPSA: the formulas of its source, a calibrated first step, and values that luck does not flatter."""

import numpy as np
import pytest

from qvar.optimizers import SPSA
from tests.optimizers.objectives import NOISE, PureNoise, Recording, exact

START = np.array([0.4, 0.3, -0.2, 0.1])


def pairs(objective, n):
    """The points x + c D and x - c D of the first n pairs, and the slopes between them."""
    plus, minus = np.array(objective.points[0 : 2 * n : 2]), np.array(objective.points[1 : 2 * n : 2])
    differences = np.array(objective.values[0 : 2 * n : 2]) - np.array(objective.values[1 : 2 * n : 2])
    return plus, minus, differences


def test_steps_follow_the_formulas_of_the_source():
    objective = Recording(exact())
    settings = {"a": 0.7, "alpha": 0.8, "c": 0.3, "gamma": 0.15, "stability": 0.5}
    outcome = SPSA(max_evaluations=20, **settings).minimize(objective, START, np.random.default_rng(0))
    plus, minus, differences = pairs(objective, 10)
    x = START
    for k in range(10):
        width = 0.3 / (k + 1) ** 0.15
        np.testing.assert_allclose((plus[k] + minus[k]) / 2, x, rtol=0, atol=1e-14)
        np.testing.assert_allclose(np.abs(plus[k] - minus[k]) / 2, width, rtol=1e-12)
        x = x - 0.7 / (k + 1 + 0.5 * 10) ** 0.8 * differences[k] / (plus[k] - minus[k])
    np.testing.assert_allclose(outcome.parameters, x, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(objective.points[-1], outcome.parameters)


def test_the_calibrated_first_step_has_the_size_asked_for_on_average():
    moved = []
    for seed in range(40):
        objective = Recording(exact())
        SPSA(max_evaluations=110, first_step=0.25).minimize(objective, START, np.random.default_rng(seed))
        plus, minus, _ = pairs(objective, 55)
        middle = (plus + minus) / 2
        np.testing.assert_allclose(middle[:26], np.tile(START, (26, 1)), rtol=0, atol=1e-14)
        moved.append(np.abs(middle[26] - START).mean())
    assert np.mean(moved) == pytest.approx(0.25, rel=0.2)


def test_calibration_scales_with_the_objective_and_its_energies_are_within_the_budget():
    class Scaled(Recording):
        def __call__(self, theta):
            return 10 * super().__call__(theta)

    runs = []
    for kind in (Recording, Scaled):
        objective = kind(exact())
        outcome = SPSA(max_evaluations=60).minimize(objective, START, np.random.default_rng(1))
        assert outcome.evaluations == len(objective.points) == 60 + 1
        runs.append(outcome.parameters)
    np.testing.assert_allclose(runs[0], runs[1], rtol=0, atol=1e-12)


def test_a_flat_start_gives_no_infinite_step():
    class Flat(PureNoise):
        def __call__(self, theta):
            return 0.5

    outcome = SPSA(max_evaluations=60).minimize(Flat(0), [0.1, 0.2], np.random.default_rng(0))
    assert outcome.parameters.tolist() == [0.1, 0.2]
    assert outcome.value == 0.5


def test_signs_are_fair_fresh_and_drawn_in_one_array_before_anything_else():
    objective = Recording(PureNoise(0, n_parameters=3))
    SPSA(max_evaluations=4000).minimize(objective, np.zeros(3), np.random.default_rng(5))
    plus, minus, _ = pairs(objective, 2000)
    signs = np.sign(plus - minus)
    np.testing.assert_array_equal(signs, np.random.default_rng(5).choice([-1.0, 1.0], size=(2000, 3)))
    bound = 4.5 / np.sqrt(len(signs))
    assert (np.abs(signs.mean(axis=0)) < bound).all()
    assert np.abs(np.corrcoef(signs.T) - np.eye(3)).max() < bound


@pytest.mark.parametrize(("budget", "spent"), [(2, 2), (3, 2), (7, 6), (100, 100)])
def test_the_budget_is_spent_and_not_exceeded(budget, spent):
    outcome = SPSA(max_evaluations=budget, a=1.0).minimize(exact(), START, np.random.default_rng(0))
    assert outcome.evaluations == spent + 1
    assert not outcome.converged


def test_the_value_reported_is_unbiased_where_there_is_nothing_but_noise():
    n = 400
    outcomes = [
        SPSA(max_evaluations=60, final_evaluations=4).minimize(PureNoise(k), [0.0, 0.0], np.random.default_rng([k, 1]))
        for k in range(n)
    ]
    values = np.array([outcome.value for outcome in outcomes])
    assert abs(values.mean()) < 4.5 / np.sqrt(4 * n)
    assert values.std() == pytest.approx(1 / 2, abs=0.1)
    assert np.mean([outcome.history.min() for outcome in outcomes]) < -1.5


def test_it_makes_progress_under_shot_noise():
    truth = exact(noise=NOISE)
    outcome = SPSA().minimize(truth.with_shots(1000, np.random.default_rng(4)), START, np.random.default_rng(5))
    assert truth(outcome.parameters) < truth(START) - 0.3
    assert outcome.value == pytest.approx(truth(outcome.parameters), abs=0.2)
