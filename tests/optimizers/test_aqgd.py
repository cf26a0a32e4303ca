"""AQGD: momentum descent as its source states it, without the defects that its source has."""

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import AQGD as QiskitAQGD

from qvar.optimizers import AQGD
from qvar.simulators import AerSimulator, Circuit
from qvar.simulators.errors import OptimizerError
from tests.optimizers.objectives import CHAIN, NOISE, CountingGenerator, Recording, Z, exact, ry

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


class LogLoss:
    """-ln p with p = (1 + cos t) / 2, the cross entropy of one qubit: not linear in expectation values."""

    shots_per_evaluation, evaluations_per_gradient, n_parameters = 0, 3, 1

    def __call__(self, theta):
        return float(self.batch([theta])[0])

    def batch(self, thetas):
        return -np.log((1 + np.cos(np.asarray(thetas)[:, 0])) / 2)

    def value_and_gradient(self, theta):
        """Shift the probability, then apply the chain rule."""
        shifted = np.exp(-self.batch([theta + np.pi / 2, theta - np.pi / 2]))
        return self(theta), np.array([(shifted[0] - shifted[1]) / 2 * -np.exp(self(theta))])


class Calls(Recording):
    """Remember which method was called with what; the very arrays, and what was in them."""

    def __init__(self, objective):
        super().__init__(objective)
        self.calls = []

    def note(self, name, theta):
        self.calls.append((name, theta, np.array(theta)))

    def __call__(self, theta):
        self.note("value", theta)
        return self.objective(theta)

    def value_and_gradient(self, theta):
        self.note("gradient", theta)
        return self.objective.value_and_gradient(theta)

    def batch(self, thetas):
        self.note("batch", thetas)
        return self.objective.batch(thetas)


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


# -- loss shift --------------------------------------------------------------------------------------------------------


def qiskits(objective, start, n_steps, eta, momentum, **rules):
    """Return the points of Qiskit's AQGD, and its result; by loss shift, one evaluation after the other."""
    points = []

    def function(theta):
        points.append(np.array(theta))
        return objective(theta)

    optimizer = QiskitAQGD(maxiter=n_steps, eta=eta, momentum=momentum, **rules)
    result = optimizer.minimize(function, np.array(start, dtype=np.float64))
    return np.array(points[:: 2 * len(start) + 1]), result


@pytest.mark.parametrize("gradient", ["probability-shift", "loss-shift"])
def test_on_a_linear_objective_the_path_is_that_of_qiskit(gradient):
    schedule = {"eta": (0.8, 0.3), "momentum": (0.25, 0.6)}
    objective = Calls(exact(noise=NOISE))
    outcome = minimize(objective, START, max_iterations=(12, 9), gradient=gradient, **schedule, **NEVER)
    lists = {name: list(values) for name, values in schedule.items()}
    expected, result = qiskits(exact(noise=NOISE), START, [12, 9], **lists, tol=0.0, param_tol=0.0)
    path = [points if name == "gradient" else points[0] for name, _, points in objective.calls[:-1]]
    assert len(path) == 21
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(objective.calls[-1][2], result.x, rtol=0, atol=1e-12)
    if gradient == "loss-shift":
        assert outcome.evaluations == result.nfev + 1 == 21 * 9 + 1


def test_the_path_is_that_of_qiskit_on_a_loss_that_is_not_linear_too_by_loss_shift_only():
    paths = {}
    for gradient in ("probability-shift", "loss-shift"):
        objective = Calls(LogLoss())
        minimize(objective, [1.0], max_iterations=10, eta=0.1, gradient=gradient, **NEVER)
        paths[gradient] = [points.ravel()[0] for _, _, points in objective.calls[:-1]]
    expected, _ = qiskits(LogLoss(), [1.0], 10, 0.1, 0.25, tol=0.0, param_tol=0.0)
    np.testing.assert_allclose(paths["loss-shift"], expected[:, 0], rtol=0, atol=1e-12)
    assert np.abs(np.subtract(paths["probability-shift"], expected[:, 0])).max() > 0.1


@pytest.mark.parametrize("averaging", [1, 4, 10])
def test_the_mean_of_the_last_values_stops_it_at_the_same_point_as_qiskit(averaging):
    """The rule is read before the update of its step: the last point evaluated is the one returned."""
    rules = {"eta": 0.4, "momentum": 0.25, "averaging": averaging}
    objective = Calls(exact())
    outcome = minimize(objective, START, tolerance=1e-3, parameter_tolerance=1e-300, gradient="loss-shift", **rules)
    expected, result = qiskits(exact(), START, 1000, **rules, tol=1e-3, param_tol=0.0)
    assert outcome.converged
    assert averaging < len(outcome.history) - 1 == len(expected) < 100
    np.testing.assert_allclose(objective.calls[-1][2], result.x, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(objective.calls[-1][2], objective.calls[-2][2][0])


def test_late_small_steps_stop_it_where_qiskit_runs_on():
    """Qiskit compares with the first point for ever."""
    rules = {"eta": 0.5, "momentum": 0.0}
    ours = minimize(Bowls(), [1.0, 2.0], max_iterations=400, tolerance=1e-300, parameter_tolerance=1e-6, **rules)
    expected, _ = qiskits(Bowls(), [1.0, 2.0], 400, **rules, tol=0.0, param_tol=1e-6)
    assert len(expected) == 400
    assert ours.converged
    assert ours.gradients < 40


@pytest.mark.parametrize(("gradient", "slope"), [("probability-shift", 0.546), ("loss-shift", 1.226)])
def test_only_the_shift_of_probabilities_is_a_gradient_of_a_loss_that_is_not_linear(gradient, slope):
    objective = Calls(LogLoss())
    minimize(objective, [1.0], max_iterations=1, eta=1.0, momentum=0.0, gradient=gradient)
    found = 1.0 - objective.calls[-1][2][0]
    assert found == pytest.approx(slope, abs=5e-4)
    true = (LogLoss()([1 + 1e-5]) - LogLoss()([1 - 1e-5])) / 2e-5
    assert (found == pytest.approx(true, abs=1e-8)) == (gradient == "probability-shift")


def test_each_step_is_one_call_and_no_other_method_is_used():
    """A wrapper sees every step: what callbacks, budgets and histories need."""
    for gradient, name, shape in (("probability-shift", "gradient", (4,)), ("loss-shift", "batch", (9, 4))):
        objective = Calls(exact())
        outcome = minimize(objective, START, max_iterations=6, gradient=gradient, **NEVER)
        assert [(kind, theta.shape) for kind, theta, _ in objective.calls] == [(name, shape)] * 6 + [("value", (4,))]
        assert len(outcome.history) == 7


@pytest.mark.parametrize("gradient", ["probability-shift", "loss-shift"])
def test_arrays_once_handed_out_never_change(gradient):
    """An objective that remembers by identity, as Qiskit's once did, would see the same value for ever."""
    objective = Calls(exact())
    outcome = minimize(objective, START, max_iterations=6, gradient=gradient, **NEVER)
    thetas = [theta for _, theta, _ in objective.calls]
    assert len({id(theta) for theta in thetas}) == len(thetas)
    for _, theta, then in objective.calls:
        np.testing.assert_array_equal(theta, then)
    assert len(set(outcome.history)) == 7


def test_loss_shift_counts_every_energy_and_every_shot():
    generator = CountingGenerator(1)
    objective = exact(noise=NOISE).with_shots(100, generator)
    outcome = minimize(objective, START, max_iterations=5, gradient="loss-shift", **NEVER)
    assert (outcome.evaluations, outcome.gradients) == (5 * 9 + 1, 0)
    assert outcome.shots == generator.shots == 46 * objective.shots_per_evaluation


def test_loss_shift_gives_the_value_of_its_angles():
    objective = exact(noise=NOISE)
    outcome = minimize(objective, START, gradient="loss-shift")
    assert outcome.converged
    assert outcome.value == objective(outcome.parameters)
    none = minimize(objective, START, gradient="loss-shift", max_iterations=0)
    assert (none.value, none.parameters.tolist(), none.evaluations) == (objective(START), START.tolist(), 1)


@pytest.mark.parametrize(
    ("operations", "match"),
    [
        ((ry(0), ry(1), ry(0)), r"\[0\] in several gates and \[\] scaled"),
        ((ry(0), ry(1, scale=0.5)), r"\[\] in several gates and \[1\] scaled"),
        ((ry(0, scale=2.0), ry(1), ry(0)), r"\[0\] in several gates and \[0\] scaled"),
    ],
)
def test_loss_shift_is_refused_where_an_angle_is_shared_or_scaled(operations, match):
    objective = Calls(exact(Circuit(1, operations), Z))
    with pytest.raises(OptimizerError, match=match):
        minimize(objective, [0.1, 0.2], gradient="loss-shift")
    assert objective.calls == []


def test_loss_shift_is_right_for_angles_that_are_shifted_or_run_backwards():
    circuit = Circuit(1, (ry(0, scale=-1.0, shift=0.3), ry(1, shift=-0.2)))
    rules = {"max_iterations": 8, **NEVER}
    shifted = minimize(exact(circuit, Z), [0.4, 0.3], gradient="loss-shift", **rules)
    np.testing.assert_allclose(
        shifted.parameters, minimize(exact(circuit, Z), [0.4, 0.3], **rules).parameters, rtol=0, atol=1e-12
    )


def test_an_objective_may_tell_how_many_gates_an_angle_serves():
    objective = Calls(exact())
    objective.occurrences_per_parameter = np.array([1, 2, 0, 1])
    with pytest.raises(OptimizerError, match=r"\[1\] in several gates"):
        minimize(objective, START, gradient="loss-shift")
    for told in (np.array([1, 1, 0, 1]), None):
        objective.occurrences_per_parameter = told
        minimize(objective, START, gradient="loss-shift", max_iterations=1)


def test_a_circuit_whose_slots_are_not_the_angles_says_nothing_about_them():
    """As that of a classifier, some of whose slots are features."""
    objective = Calls(exact(CHAIN))
    objective.circuit = Circuit(1, (ry(0), ry(1), ry(0), ry(2), ry(3), ry(4)))
    assert minimize(objective, START, gradient="loss-shift", max_iterations=2).evaluations == 19


def test_other_rules_for_the_gradient_do_not_exist():
    with pytest.raises(OptimizerError, match="loss-shift"):
        AQGD(gradient="finite-difference")
