"""L-BFGS: few gradients near a minimum, and a way out of stationary starts."""

import numpy as np
import pytest

from qvar.optimizers import LBFGS
from qvar.simulators import Circuit, Observable, Operation, Slot
from tests.optimizers.objectives import ISING, ONE_ANGLE, Recording, Z, exact


def minimize(objective, start, **settings):
    return LBFGS(**settings).minimize(objective, start, np.random.default_rng(3))


def test_a_maximum_is_left_although_its_slope_is_zero():
    objective = exact(ONE_ANGLE, Z)
    assert objective.value_and_gradient([0.0])[1].tolist() == [0.0]
    assert minimize(objective, [0.0]).value == pytest.approx(-1, abs=1e-6)


def test_without_displacement_a_stationary_start_stays():
    outcome = minimize(exact(ONE_ANGLE, Z), [0.0], displacement=0.0)
    assert outcome.value == 1
    assert outcome.parameters.tolist() == [0.0]


def test_a_saddle_point_is_left():
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)), Operation("rz", (0,), (Slot(1),))))
    objective = exact(circuit, Observable.from_terms({"Z": 1.0, "X": -0.5}))
    saddle = [np.pi, np.pi / 2]
    value, gradient = objective.value_and_gradient(saddle)
    assert value == pytest.approx(-1)
    assert np.abs(gradient).max() < 1e-12
    assert minimize(objective, saddle).value == pytest.approx(-np.sqrt(1.25), abs=1e-6)
    assert minimize(objective, saddle, displacement=0.0).value == pytest.approx(-1)


def test_a_start_at_the_minimum_is_not_made_worse():
    best = minimize(exact(), [0.4, 0.3, -0.2, 0.1], tolerance=1e-9, value_tolerance=1e-15)
    again = minimize(exact(), best.parameters)
    assert again.value <= best.value
    assert again.value == pytest.approx(ISING.ground_energy(), abs=1e-9)


def test_tight_tolerances_reach_the_minimum_to_ten_digits():
    outcome = minimize(exact(), [0.4, 0.3, -0.2, 0.1], tolerance=1e-9, value_tolerance=1e-15)
    assert outcome.value == pytest.approx(ISING.ground_energy(), abs=1e-10)
    assert outcome.converged


@pytest.mark.parametrize("budget", [1, 2, 4])
def test_an_exhausted_budget_is_reported_as_not_converged(budget):
    objective = Recording(exact())
    outcome = minimize(objective, [0.4, 0.3, -0.2, 0.1], max_iterations=budget)
    assert not outcome.converged
    assert outcome.gradients == objective.gradients
    assert outcome.value == min(objective.values) < objective.values[0]


def test_more_iterations_reach_lower_values():
    values = [minimize(exact(), [0.4, 0.3, -0.2, 0.1], max_iterations=k).value for k in (1, 3, 200)]
    assert values[0] > values[1] > values[2]
