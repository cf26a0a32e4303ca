"""COBYLA: the budget holds to the last evaluation, and nothing to do means nothing is touched."""

import numpy as np
import pytest

from qvar.optimizers import Cobyla
from tests.optimizers.objectives import ISING, Recording, exact

START = np.array([0.4, 0.3, -0.2, 0.1])


@pytest.mark.parametrize("budget", [1, 2, 5, 6, 17, 100])
def test_the_budget_is_never_exceeded(budget):
    objective = Recording(exact())
    outcome = Cobyla(max_evaluations=budget).minimize(objective, START, np.random.default_rng(0))
    assert outcome.evaluations == len(objective.points) == budget
    assert not outcome.converged
    assert outcome.value == min(objective.values)


def test_without_evaluations_the_start_point_comes_back_bit_for_bit():
    start = np.random.default_rng(0).normal(size=4)
    objective = Recording(exact())
    outcome = Cobyla(max_evaluations=0).minimize(objective, start, np.random.default_rng(0))
    np.testing.assert_array_equal(outcome.parameters, start)
    assert outcome.value == exact()(start)
    assert outcome.evaluations == len(objective.points) == 1  # the value reported is not free


def test_the_first_point_tried_is_the_start():
    objective = Recording(exact())
    Cobyla(max_evaluations=3).minimize(objective, START, np.random.default_rng(0))
    np.testing.assert_array_equal(objective.points[0], START)


def test_the_initial_step_is_the_one_set():
    objective = Recording(exact())
    Cobyla(max_evaluations=5, initial_step=0.25).minimize(objective, START, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(objective.points[1] - START).max(), 0.25)


def test_it_stops_by_itself_when_the_angles_no_longer_move():
    outcome = Cobyla(tolerance=1e-6).minimize(exact(), START, np.random.default_rng(0))
    assert outcome.converged
    assert outcome.evaluations < 1000
    assert outcome.value == pytest.approx(ISING.ground_energy(), abs=1e-9)


def test_it_is_deterministic_whatever_the_generator():
    one = Cobyla().minimize(exact(), START, np.random.default_rng(1))
    two = Cobyla().minimize(exact(), START, np.random.default_rng(2))
    assert one.history.tolist() == two.history.tolist()
