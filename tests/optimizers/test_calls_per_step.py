"""What training on batches needs: how many calls make a step, and that nothing else is asked in between."""

import numpy as np
import pytest

from qvar.optimizers import (
    AQGD,
    LBFGS,
    SPSA,
    Adagrad,
    Adam,
    AdamSPSA,
    Cobyla,
    CompactLBFGS,
    QuantumNaturalGradient,
    Rotosolve,
)

START = np.array([0.3, -0.4, 0.2])


class Batches:
    """sum_i (1 - cos(x_i - d_i)), with other data d after every step; what was asked, and with which data."""

    shots_per_evaluation, evaluations_per_gradient, n_parameters, is_stochastic = 0, 1, 3, True

    def __init__(self, calls_per_step):
        self.calls_per_step, self.data, self.calls, self.measured = calls_per_step, [], [], []
        self.rng = np.random.default_rng(0)

    def distance(self, kind, theta):
        if len(self.calls) % self.calls_per_step == 0:
            self.data.append(self.rng.normal(scale=0.3, size=3))
        self.calls.append((kind, np.array(theta)))
        return np.asarray(theta) - self.data[-1]

    def __call__(self, theta):
        return float(np.sum(1 - np.cos(self.distance("value", theta))))

    def value_and_gradient(self, theta):
        distance = self.distance("gradient", theta)
        return float(np.sum(1 - np.cos(distance))), np.sin(distance)

    def metric(self, theta):
        self.measured.append((len(self.calls), np.array(theta)))
        return np.eye(3) / 4


def run(optimizer):
    objective = Batches(optimizer.calls_per_step)
    return objective, optimizer.minimize(objective, START, np.random.default_rng(0))


def test_every_optimizer_says_whether_its_objective_may_change():
    ones = (AQGD(), Adagrad(), Adam(), QuantumNaturalGradient())
    twos = (SPSA(), AdamSPSA())
    nones = (AQGD(gradient="loss-shift"), Cobyla(), LBFGS(), CompactLBFGS(), Rotosolve())
    for number, optimizers in ((1, ones), (2, twos), (None, nones)):
        assert [optimizer.calls_per_step for optimizer in optimizers] == [number] * len(optimizers)


@pytest.mark.parametrize(
    ("optimizer", "step"),
    [
        (AQGD(12, 0.2, momentum=0.0), lambda gradient: 0.2 * gradient),
        (AQGD((5, 7), 0.2, momentum=0.0), lambda gradient: 0.2 * gradient),
        (Adam(12, 0.2, beta1=0.0, beta2=0.0), lambda gradient: 0.2 * np.sign(gradient)),
        (QuantumNaturalGradient(12, 0.2, regularization=0.75), lambda gradient: 0.2 * gradient),
    ],
    ids=["aqgd", "aqgd, segments", "adam", "natural gradient"],
)
def test_one_call_is_one_step_along_the_gradient_of_its_batch(optimizer, step):
    objective, outcome = run(optimizer)
    assert [kind for kind, _ in objective.calls] == ["gradient"] * 12 + ["value"]
    x = START
    for (_, theta), data in zip(objective.calls, objective.data, strict=True):
        np.testing.assert_allclose(theta, x, rtol=0, atol=1e-6)
        x = x - step(np.sin(x - data))
    np.testing.assert_array_equal(objective.calls[-1][1], outcome.parameters)
    assert outcome.value == outcome.history[-1]


def test_a_metric_is_asked_for_before_the_gradient_of_its_step():
    objective, outcome = run(QuantumNaturalGradient(6))
    assert outcome.metrics == len(objective.measured) == 6
    for k, theta in objective.measured:
        np.testing.assert_array_equal(theta, objective.calls[k][1])


@pytest.mark.parametrize(
    ("optimizer", "calibrations", "steps", "final"),
    [
        (SPSA(24, calibration=3), 3, 9, 1),
        (SPSA(25, a=0.3, final_evaluations=3), 0, 12, 3),
        (AdamSPSA(24, final_evaluations=2), 0, 12, 2),
        (AdamSPSA(stages=((7, None), (10, None))), 0, 8, 1),
    ],
    ids=["spsa", "spsa without calibration", "adam-spsa", "adam-spsa, stages"],
)
def test_two_calls_are_the_two_sides_of_a_step(optimizer, calibrations, steps, final):
    objective, outcome = run(optimizer)
    assert [kind for kind, _ in objective.calls] == ["value"] * (2 * (calibrations + steps) + final)
    points = np.array([theta for _, theta in objective.calls])
    pairs, last = points[:-final].reshape(-1, 2, 3), points[-final:]
    middles = pairs.mean(axis=1)
    np.testing.assert_allclose(middles[: calibrations + 1], np.tile(START, (calibrations + 1, 1)), rtol=0, atol=1e-14)
    for k in range(calibrations, len(pairs)):  # a step is along the difference of its pair, which saw the same data
        difference = np.diff(-np.cos(pairs[k] - objective.data[k]).sum(axis=1))[0]
        move = (middles[k + 1] if k + 1 < len(pairs) else last[0]) - middles[k]
        if isinstance(optimizer, SPSA):
            assert np.sign(move).tolist() == np.sign(difference * (pairs[k][0] - pairs[k][1])).tolist()
        assert np.abs(move).max() > 0
    np.testing.assert_array_equal(last, [outcome.parameters] * final)


def test_the_last_angles_come_back_with_their_value_for_the_lowest_is_that_of_a_lucky_batch():
    objective, outcome = run(AQGD(12, 0.2))
    np.testing.assert_array_equal(outcome.parameters, objective.calls[-1][1])
    assert outcome.value == outcome.history[-1] > outcome.history.min()


def test_an_exact_objective_that_does_not_change_still_gives_its_lowest_value():
    class Same(Batches):
        is_stochastic = False

        def distance(self, kind, theta):
            self.calls.append((kind, theta))
            return np.asarray(theta)

    outcome = AQGD(12, 5.0).minimize(Same(1), [1.0, -2.0, 0.5], np.random.default_rng(0))  # steps that overshoot
    assert outcome.value == outcome.history.min() < outcome.history[-1]


def test_a_restart_of_adam_is_made_of_steps_too():
    class Flat(Batches):
        def value_and_gradient(self, theta):
            self.distance("gradient", theta)
            return 1.0, np.ones(3)

    objective = Flat(1)
    outcome = Adam(5).minimize(objective, START, np.random.default_rng(0))
    assert [kind for kind, _ in objective.calls] == ["gradient"] * 10 + ["value"]
    assert outcome.gradients == 10
