"""Adam: the same steps as PyTorch's, a stop at vanishing gradients, and a way out of stationary starts."""

import numpy as np
import pytest
import torch

from qvar.optimizers import Adam
from tests.optimizers.objectives import ISING, NOISE, ONE_ANGLE, Recording, Z, exact

START = np.array([0.4, 0.3, -0.2, 0.1])


def minimize(objective, start, **settings):
    return Adam(**settings).minimize(objective, start, np.random.default_rng(3))


def test_steps_are_those_of_pytorch():
    settings = {"learning_rate": 0.07, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}
    objective = Recording(exact(noise=NOISE))
    minimize(objective, START, max_iterations=25, **settings)
    last = objective.points[-1]
    x = torch.tensor(START, requires_grad=True)
    torchs = torch.optim.Adam([x], lr=0.07, betas=(0.8, 0.95), eps=1e-3)
    for _ in range(25):
        x.grad = torch.tensor(exact(noise=NOISE).value_and_gradient(x.detach().numpy())[1])
        torchs.step()
    np.testing.assert_allclose(last, x.detach().numpy(), rtol=0, atol=1e-12)


def test_it_stops_where_the_gradient_vanishes():
    outcome = minimize(exact(), START, tolerance=1e-6, max_iterations=3000)
    assert outcome.converged
    assert np.abs(exact().value_and_gradient(outcome.parameters)[1]).max() < 1e-5
    assert outcome.value == pytest.approx(ISING.ground_energy(), abs=1e-9)
    assert not minimize(exact(), START, max_iterations=3).converged


def test_the_budget_holds_and_the_last_step_is_evaluated():
    objective = Recording(exact())
    outcome = minimize(objective, START, max_iterations=7)
    assert (outcome.gradients, outcome.evaluations) == (objective.gradients, len(objective.points)) == (7, 1)
    assert outcome.value == min(objective.values)


def test_a_maximum_is_left_although_its_slope_is_zero():
    assert minimize(exact(ONE_ANGLE, Z), [0.0]).value == pytest.approx(-1, abs=1e-8)
    stays = minimize(exact(ONE_ANGLE, Z), [0.0], displacement=0.0)
    assert stays.value == 1
    assert stays.parameters.tolist() == [0.0]


def test_a_displacement_that_is_not_needed_changes_nothing_but_the_generator():
    rng = np.random.default_rng(3)
    with_one = Adam().minimize(exact(), START, rng)
    without = Adam(displacement=0.0).minimize(exact(), START, np.random.default_rng(9))
    np.testing.assert_array_equal(with_one.parameters, without.parameters)
    expected = np.random.default_rng(3)
    expected.normal(size=4)
    assert rng.random() == expected.random()


def test_with_shots_the_last_angles_come_back_with_a_fresh_value():
    objective = Recording(exact(noise=NOISE).with_shots(200, np.random.default_rng(1)))
    outcome = minimize(objective, START, max_iterations=60)
    np.testing.assert_array_equal(objective.points[-1], outcome.parameters)
    assert outcome.value == objective.values[-1] > min(objective.values)
    truth = exact(noise=NOISE)
    assert truth(outcome.parameters) < truth(START) - 0.3
    assert outcome.evaluations == 60 * objective.evaluations_per_gradient + 1
    assert objective.evaluations_per_gradient == 2 * 4 + 1
