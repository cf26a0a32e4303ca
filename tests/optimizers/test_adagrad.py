"""Adagrad: the same steps as PyTorch's, a stop where the value stands still, and a way out of stationary starts."""

import numpy as np
import pytest
import torch

from qvar.optimizers import Adagrad
from tests.optimizers.objectives import ISING, NOISE, ONE_ANGLE, Recording, Z, exact

START = np.array([0.4, 0.3, -0.2, 0.1])


def minimize(objective, start, **settings):
    return Adagrad(**settings).minimize(objective, start, np.random.default_rng(3))


def test_steps_are_those_of_pytorch_but_for_where_epsilon_stands():
    objective = Recording(exact(noise=NOISE))
    minimize(objective, START, max_iterations=25, learning_rate=0.3, epsilon=1e-16)
    x = torch.tensor(START, requires_grad=True)
    torchs = torch.optim.Adagrad([x], lr=0.3, eps=0.0)
    for _ in range(25):
        x.grad = torch.tensor(exact(noise=NOISE).value_and_gradient(x.detach().numpy())[1])
        torchs.step()
    np.testing.assert_allclose(objective.points[-1], x.detach().numpy(), rtol=0, atol=1e-9)


def test_epsilon_stands_under_the_root():
    objective = Recording(exact())
    minimize(objective, START, max_iterations=1, learning_rate=0.3, epsilon=0.25, displacement=0.0)
    gradient = exact().value_and_gradient(START)[1]
    step = -0.3 * gradient / np.sqrt(gradient**2 + 0.25)
    np.testing.assert_allclose(objective.points[-1] - START, step, atol=1e-12)


def test_it_stops_where_the_value_stands_still():
    outcome = minimize(exact(), START, tolerance=1e-6)
    assert outcome.converged
    assert np.abs(np.diff(outcome.history[: outcome.gradients]))[-1] <= 1e-6
    assert (np.abs(np.diff(outcome.history[: outcome.gradients]))[:-1] > 1e-6).all()
    assert outcome.value == pytest.approx(ISING.ground_energy(), abs=1e-3)
    assert not minimize(exact(), START, max_iterations=3).converged


def test_the_budget_holds_and_the_last_step_is_evaluated():
    objective = Recording(exact())
    outcome = minimize(objective, START, max_iterations=7)
    assert (outcome.gradients, outcome.evaluations) == (objective.gradients, len(objective.points)) == (7, 1)
    assert outcome.value == min(objective.values)


def test_a_maximum_is_left_although_its_slope_is_zero():
    assert minimize(exact(ONE_ANGLE, Z), [0.0]).value == pytest.approx(-1, abs=1e-6)
    stays = minimize(exact(ONE_ANGLE, Z), [0.0], displacement=0.0)
    assert stays.value == 1
    assert stays.parameters.tolist() == [0.0]
