"""Adam-SPSA: the formulas of its source, fresh chance at every call, and values that luck does not flatter."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from qvar.optimizers import AdamSPSA
from qvar.simulators.errors import OptimizerError
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


def test_stages_without_shots_of_their_own_are_one_long_stage():
    whole = AdamSPSA(max_evaluations=60).minimize(exact(), START, np.random.default_rng(3))
    split = AdamSPSA(stages=((20, None), (10, None), (30, None)))
    outcome = split.minimize(exact(), START, np.random.default_rng(3))
    assert split.max_evaluations == 60
    np.testing.assert_array_equal(outcome.parameters, whole.parameters)
    np.testing.assert_array_equal(outcome.history, whole.history)
    restarted = AdamSPSA(max_evaluations=20).minimize(exact(), START, np.random.default_rng(3))
    restarted = AdamSPSA(max_evaluations=40).minimize(exact(), restarted.parameters, np.random.default_rng(3))
    assert (restarted.parameters != whole.parameters).any(), "control: stages that forget k, m and v end elsewhere"


class Staged(Recording):
    """Remembers under how many shots each energy was asked for."""

    def __init__(self, objective, asked):
        super().__init__(objective)
        self.asked = asked

    def __call__(self, theta):
        self.asked.append(self.objective.shots)
        return super().__call__(theta)

    def with_shots(self, shots, rng):
        return Staged(self.objective.with_shots(shots, rng), self.asked)


@pytest.mark.parametrize("sampled", [False, True])
def test_every_stage_has_its_shots_and_the_value_reported_those_of_the_objective(sampled):
    objective = exact(noise=NOISE)
    n_groups = objective.plan.n_groups
    own = 500 if sampled else None
    asked = []
    staged = Staged(objective.with_shots(500, np.random.default_rng(1)) if sampled else objective, asked)
    settings = AdamSPSA(stages=((10, 20), (7, 200), (4, None)), final_evaluations=2)
    outcome = settings.minimize(staged, START, np.random.default_rng(0))
    assert asked == [20] * 10 + [200] * 6 + [own] * 4 + [own] * 2
    assert outcome.evaluations == 22
    assert outcome.shots == n_groups * (10 * 20 + 6 * 200 + 6 * (own or 0))
    again = settings.minimize(objective, START, np.random.default_rng(0))
    if not sampled:
        assert outcome.value == objective(outcome.parameters)
        np.testing.assert_allclose(outcome.history, again.history, rtol=0, atol=1e-12)


def test_stages_of_rising_shots_make_progress_on_a_noisy_circuit():
    truth = exact(noise=NOISE)
    settings = AdamSPSA(stages=((300, 1000), (100, 3000), (40, 10_000)))
    outcome = settings.minimize(truth, START, np.random.default_rng(1))
    assert outcome.value == truth(outcome.parameters) < truth(START) - 0.3


# Patel et al., arXiv 2402.03500, configuration files: a, alpha, c, gamma, lambda, beta1, beta2, evaluations, shots.
@pytest.mark.parametrize(
    ("task", "noisy", "constants", "budgets", "shots"),
    [
        ("h2-2", False, (1.4934, 0.9931, 0.0612, 0.0253, 0.6104, 0.8804, 0.9979), (200,), None),
        ("h2-3", False, (0.5597, 0.9958, 0.0901, 0.1530, 0.6535, 0.7006, 0.7719), (250,), None),
        ("lih-4", False, (1.8658, 0.9451, 0.046, 0.1397, 0.0138, 0.9658, 0.8594), (1191, 357, 119), 10**7),
        ("lih-4", True, (1.8658, 0.9451, 0.046, 0.1397, 0.0138, 0.9658, 0.8594), (1191, 357, 119), 10**7),
        ("lih-6", False, (1.7564, 0.8365, 0.1068, 0.1549, 0.1223, 0.6841, 0.9048), (1430, 429, 143), 10**9),
        ("h2-2", True, (1.2104, 0.9531, 0.1039, 0.0984, 0.9277, 0.9414, 0.9983), (500,), None),
        ("h2-3", True, (0.5188, 0.9859, 0.0938, 0.0974, 0.6483, 0.716, 0.6265), (500,), None),
    ],
)
def test_the_published_settings(task, noisy, constants, budgets, shots):
    spsa = AdamSPSA.published(task, noisy=noisy)
    assert (spsa.a, spsa.alpha, spsa.c, spsa.gamma, spsa.lam, spsa.beta1, spsa.beta2) == constants
    assert spsa.max_evaluations == sum(budgets)
    if shots is None:
        assert spsa.stages == ()
        assert spsa.with_shots(10) == spsa
    else:
        assert spsa.stages == tuple(zip(budgets, (shots // 100, shots // 10, shots), strict=True))
        assert [part for _, part in spsa.with_shots(5000).stages] == [50, 500, 5000]
        assert [part for _, part in spsa.with_shots(30).stages] == [1, 3, 30]


def test_defaults_are_the_published_settings_of_noisy_hydrogen():
    assert AdamSPSA.published("h2-2", noisy=True) == AdamSPSA()


@pytest.mark.parametrize(("task", "noisy"), [("lih-6", True), ("h2-4", False)])
def test_an_experiment_that_was_not_published_is_refused(task, noisy):
    with pytest.raises(OptimizerError, match=f"no published Adam-SPSA for '{task}'.*lih-4 with noisy=True"):
        AdamSPSA.published(task, noisy=noisy)


@pytest.mark.parametrize("stage", [(1, 10), (10.5, 10), (10, 0), (10, 2.5), (10, "many")])
def test_impossible_stages_are_refused(stage):
    with pytest.raises(OptimizerError, match="of an Adam-SPSA stage must be"):
        AdamSPSA(stages=((10, 10), stage))


def test_shots_of_stages_need_a_last_stage_with_shots():
    with pytest.raises(OptimizerError, match="last stage needs shots"):
        AdamSPSA(stages=((10, 10), (10, None))).with_shots(100)


def test_stages_come_back_from_json_data():
    settings = AdamSPSA(stages=((60, 100), (20, None)))
    assert AdamSPSA(**json.loads(json.dumps(asdict(settings)))) == settings
