"""AQGD: momentum descent as its source states it, without the defects that its source has."""

import numpy as np
import pytest

from qvar.optimizers import AQGD
from qvar.simulators import AerSimulator, Circuit
from tests.optimizers.objectives import NOISE, Recording, Z, exact, ry

START = np.array([0.4, 0.3, -0.2, 0.1])
NEVER = {"tolerance": 1e-300, "parameter_tolerance": 1e-300}


def minimize(objective, start, **settings):
    return AQGD(**settings).minimize(objective, start, np.random.default_rng(0))


class Bowls:
    """sum_i (1 - cos x_i), whose gradient is sin x."""

    shots_per_evaluation, evaluations_per_gradient, n_parameters = 0, 1, 2

    def __init__(self):
        self.points, self.fresh = [], None

    def __call__(self, theta):
        self.fresh = np.array(theta)
        return float(np.sum(1 - np.cos(theta)))

    def value_and_gradient(self, theta):
        self.points.append(np.array(theta))
        return self(theta), np.sin(theta)


def test_steps_follow_the_formulas_of_the_source():
    objective = Bowls()
    minimize(objective, [1.0, 2.0], max_iterations=20, eta=0.3, momentum=0.4, **NEVER)
    x, m = np.array([1.0, 2.0]), np.zeros(2)
    for point in objective.points:
        np.testing.assert_allclose(point, x, rtol=0, atol=1e-14)
        m = 0.6 * np.sin(x) + 0.4 * m
        x = x - 0.3 * m
    assert len(objective.points) == 20


def test_segments_follow_each_other_and_momentum_runs_on():
    objective = Bowls()
    minimize(objective, [1.0, 2.0], max_iterations=(3, 2, 4), eta=(0.5, 0.3, 0.1), momentum=(0.1, 0.2, 0.9), **NEVER)
    x, m = np.array([1.0, 2.0]), np.zeros(2)
    for k, point in enumerate(objective.points):
        np.testing.assert_allclose(point, x, rtol=0, atol=1e-14)
        eta, momentum = [(0.5, 0.1), (0.3, 0.2), (0.1, 0.9)][(k >= 3) + (k >= 5)]
        m = (1 - momentum) * np.sin(x) + momentum * m
        x = x - eta * m
    assert len(objective.points) == 9


def test_one_number_serves_all_segments():
    etas, momenta = AQGD(max_iterations=(2, 3), eta=0.5, momentum=(0.1, 0.2)).schedule()
    assert etas.tolist() == [0.5] * 5
    assert momenta.tolist() == [0.1] * 2 + [0.2] * 3


def test_the_value_belongs_to_the_angles():
    """The example on which the source reports 0.3866 for angles whose value is 0.2131."""
    outcome = minimize(Bowls(), [1.0, 2.0], max_iterations=5, eta=0.3, momentum=0.0)
    assert outcome.value == pytest.approx(0.2131, abs=5e-5)
    assert outcome.value == Bowls()(outcome.parameters)
    assert outcome.history[4] == pytest.approx(0.3866, abs=5e-5)


def test_it_stops_at_the_first_step_that_moves_no_angle_whatever_the_way_it_came():
    objective = Bowls()
    outcome = minimize(objective, [1.0, 2.0], eta=0.5, tolerance=1e-300, parameter_tolerance=1e-4)
    moves = np.abs(np.diff(objective.points, axis=0)).max(axis=1)
    last = np.abs(objective.fresh - objective.points[-1]).max()  # the stop comes before another gradient
    assert outcome.converged
    assert (moves >= 1e-4).all()
    assert 0 < last < 1e-4
    assert np.abs(outcome.parameters - [1.0, 2.0]).max() > 0.9


def test_it_stops_when_the_mean_of_the_last_values_stands_still():
    tolerance = 1e-3
    objective = Recording(exact(noise=NOISE))
    outcome = minimize(objective, START, tolerance=tolerance, parameter_tolerance=1e-300, averaging=4)
    values = objective.values[:-1]  # the last is the fresh one
    means = np.convolve(values, np.ones(4) / 4, mode="valid")
    changes = np.abs(np.diff(means))
    assert outcome.converged
    assert changes[-1] < tolerance
    assert (changes[:-1] >= tolerance).all()


def test_no_iterations_give_the_start_and_its_value_and_whole_numbers_are_welcome():
    start = np.array([1, 2])
    outcome = minimize(Bowls(), start, max_iterations=0)
    assert outcome.parameters.tolist() == [1.0, 2.0]
    assert outcome.value == Bowls()([1.0, 2.0])
    minimize(Bowls(), start)
    assert start.tolist() == [1, 2]


def test_parameter_shift_counts_every_energy_and_is_right_for_shared_angles():
    circuit = Circuit(1, (ry(0, shift=0.3), ry(0), ry(1, scale=-0.5)))
    settings = {"max_iterations": 30, "eta": 0.2, **NEVER}
    shifted = AerSimulator(method="statevector").objective(circuit, Z)
    by_shift, by_sweep = minimize(shifted, [0.2, 0.3], **settings), minimize(exact(circuit, Z), [0.2, 0.3], **settings)
    np.testing.assert_allclose(by_shift.parameters, by_sweep.parameters, rtol=0, atol=1e-9)
    assert (by_sweep.gradients, by_sweep.evaluations) == (30, 1)
    assert (by_shift.gradients, by_shift.evaluations) == (0, 30 * 7 + 1)


def test_a_start_without_slope_stays():
    assert minimize(Bowls(), [np.pi, 0.0]).value == pytest.approx(2)


def test_it_makes_progress_under_shot_noise():
    truth = exact(noise=NOISE)
    objective = Recording(truth.with_shots(1000, np.random.default_rng(4)))
    outcome = minimize(objective, START, max_iterations=60, tolerance=1e-300)
    assert truth(outcome.parameters) < truth(START) - 0.3
    np.testing.assert_array_equal(objective.points[-1], outcome.parameters)
    assert outcome.value == objective.values[-1]
