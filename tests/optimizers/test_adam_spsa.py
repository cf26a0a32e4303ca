"""Adam-SPSA: the formulas of its source, fresh chance at every call, and values that luck does not flatter."""

import numpy as np
import pytest

from qvar.optimizers import AdamSPSA
from tests.optimizers.objectives import NOISE, PureNoise, Recording, exact

START = np.array([0.4, 0.3, -0.2, 0.1])


def signs_of(objective):
    """The sign vectors of a recorded run: each iteration tries x + c D, then x - c D."""
    pairs = zip(objective.points[0:-1:2], objective.points[1:-1:2], strict=True)
    return [np.sign(plus - minus) for plus, minus in pairs]


def test_steps_follow_the_formulas_of_the_source():
    settings = {"a": 0.7, "alpha": 0.9, "c": 0.2, "gamma": 0.15, "beta1": 0.8, "lam": 0.6, "beta2": 0.95}
    objective = Recording(exact())
    outcome = AdamSPSA(max_evaluations=20, **settings).minimize(objective, START, np.random.default_rng(0))
    x, m, v = START, np.zeros(4), np.zeros(4)
    for k in range(10):
        plus, minus = objective.points[2 * k : 2 * k + 2]
        c_k, b_k = 0.2 / (k + 1) ** 0.15, 0.8 / (k + 1) ** 0.6
        np.testing.assert_allclose((plus + minus) / 2, x, rtol=0, atol=1e-14)
        np.testing.assert_allclose(np.abs(plus - minus) / 2, c_k, rtol=1e-12)
        delta = np.sign(plus - minus)
        g = (objective.values[2 * k] - objective.values[2 * k + 1]) / (2 * c_k) / delta
        if k == 0:
            x = x - 0.7 * g
            continue
        m, v = b_k * m + (1 - b_k) * g, 0.95 * v + 0.05 * g**2
        mhat, vhat = m / (1 - b_k ** (k + 1)), v / (1 - 0.95 ** (k + 1))
        x = x - 0.7 / (k + 1) ** 0.9 * mhat / (np.sqrt(vhat) + 1e-8)
    np.testing.assert_allclose(outcome.parameters, x, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(objective.points[-1], outcome.parameters)


def test_consecutive_calls_use_fresh_signs_and_the_same_seed_repeats_both():
    def two_calls(seed):
        rng, runs = np.random.default_rng(seed), []
        for _ in range(2):
            objective = Recording(exact())
            AdamSPSA(max_evaluations=40).minimize(objective, START, rng)
            runs.append(np.array(signs_of(objective)))
        return runs

    first, second = two_calls(1)
    assert first.shape == second.shape == (20, 4)
    assert (first != second).any()
    again = two_calls(1)
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    assert (two_calls(2)[0] != first).any()


def test_signs_are_independent_and_fair():
    objective = Recording(PureNoise(0, n_parameters=3))
    AdamSPSA(max_evaluations=4000).minimize(objective, np.zeros(3), np.random.default_rng(5))
    signs = np.array(signs_of(objective))
    assert set(np.unique(signs)) == {-1.0, 1.0}
    bound = 4.5 / np.sqrt(len(signs))
    assert (np.abs(signs.mean(axis=0)) < bound).all()
    assert np.abs(np.corrcoef(signs.T) - np.eye(3)).max() < bound
    assert (np.abs((signs[1:] * signs[:-1]).mean(axis=0)) < bound).all()


def test_the_objective_it_sees_has_shot_noise():
    objective = exact(noise=NOISE).with_shots(100, np.random.default_rng(0))
    assert np.var([objective(START) for _ in range(20)]) > 0


def test_the_value_reported_is_unbiased_where_there_is_nothing_but_noise():
    optimizer, n = AdamSPSA(max_evaluations=50), 400
    outcomes = [optimizer.minimize(PureNoise(k), [0.0, 0.0], np.random.default_rng([k, 1])) for k in range(n)]
    values = np.array([outcome.value for outcome in outcomes])
    assert abs(values.mean()) < 4.5 / np.sqrt(n)
    assert values.std() == pytest.approx(1, abs=0.2)
    luckiest = np.array([outcome.history.min() for outcome in outcomes])
    assert luckiest.mean() < -1.5, "the lowest value seen, in contrast, is far too low"


def test_final_evaluations_are_fresh_and_averaged():
    n = 300
    runs = [
        AdamSPSA(max_evaluations=2, final_evaluations=16).minimize(PureNoise(k), [0.0, 0.0], np.random.default_rng(k))
        for k in range(n)
    ]
    assert all(run.evaluations == 2 + 16 for run in runs)
    assert all(run.value == pytest.approx(run.history[2:].mean()) for run in runs)
    assert np.std([run.value for run in runs]) == pytest.approx(1 / 4, abs=0.06)


@pytest.mark.parametrize(("budget", "spent"), [(2, 2), (3, 2), (7, 6), (100, 100)])
def test_the_budget_is_spent_and_not_exceeded(budget, spent):
    objective = Recording(exact())
    outcome = AdamSPSA(max_evaluations=budget).minimize(objective, START, np.random.default_rng(0))
    assert outcome.evaluations == len(objective.points) == spent + 1
    assert not outcome.converged


def test_it_makes_progress_under_shot_noise():
    objective = exact(noise=NOISE).with_shots(1000, np.random.default_rng(4))
    outcome = AdamSPSA().minimize(objective, START, np.random.default_rng(5))
    truth = exact(noise=NOISE)
    assert truth(outcome.parameters) < truth(START) - 0.2
    assert outcome.value == pytest.approx(truth(outcome.parameters), abs=0.2)
