"""The compact L-BFGS: the textbook's recursion, and SciPy's minima."""

import numpy as np
import pytest
from scipy.optimize import minimize

from qvar.optimizers import limited_memory_bfgs
from qvar.optimizers.limited_memory import MAX_TRIALS, cubic_minimum, two_loop
from qvar.problems import molecule
from qvar.search import ansatz
from qvar.simulators import NoiseModel, PauliTransferSimulator
from tests.optimizers.objectives import ISING, ONE_ANGLE, Recording, Z, exact

START = np.array([0.4, 0.3, -0.2, 0.1])
TIGHT = {"tolerance": 1e-6, "value_tolerance": 1e-13, "max_iterations": 2000}


def rosenbrock(x):
    value = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    return value, np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])


@pytest.mark.parametrize("stored", [0, 1, 3, 4, 5, 11])
def test_the_two_loops_equal_the_dense_update_of_the_inverse_hessian(stored):
    rng, memory, n = np.random.default_rng(stored), 4, 6
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    steps, changes, weights = np.zeros((memory, n)), np.zeros((memory, n)), np.zeros(memory)
    pairs = [(s, hessian @ s) for s in rng.normal(size=(stored, n))]
    for k, (s, y) in enumerate(pairs):
        steps[k % memory], changes[k % memory], weights[k % memory] = s, y, 1 / (s @ y)
    inverse = np.eye(n)
    if pairs:
        s, y = pairs[-1]
        inverse *= (s @ y) / (y @ y)
    for s, y in pairs[-memory:]:
        v = np.eye(n) - np.outer(s, y) / (s @ y)
        inverse = v @ inverse @ v.T + np.outer(s, s) / (s @ y)
    g = rng.normal(size=n)
    np.testing.assert_allclose(two_loop(g, steps, changes, weights, stored), inverse @ g, rtol=1e-10)


def test_the_minimum_of_a_cubic_is_found_within_its_bounds():
    def cubic(t):
        return t**3 - t**2 / 4 - t / 4, 3 * t**2 - t / 2 - 1 / 4

    lowest = (1 + np.sqrt(13)) / 12  # about 0.384
    step = cubic_minimum(1.0, *cubic(0.0), *cubic(1.0))
    assert step == pytest.approx(lowest)
    assert cubic_minimum(0.5, *cubic(0.0), *cubic(0.5)) == 0.25, "never more than half"
    assert cubic_minimum(2.0, 0.0, -1e-3, 4 - 2e-3, 4 - 1e-3) == 0.2, "never less than a tenth"


def test_every_step_that_armijo_refuses_has_a_cubic_with_a_minimum():
    rng = np.random.default_rng(0)
    for slope, rise, new_slope in zip(
        -rng.exponential(size=500), rng.exponential(size=500), rng.normal(size=500), strict=True
    ):
        least = -1e-4 * abs(slope)  # a gain just below what Armijo asks for
        for new_value in (least, 0.0, rise):
            assert 0.1 <= cubic_minimum(1.0, 0.0, slope, new_value, 10 * new_slope) <= 0.5


def test_a_curved_valley_is_followed_to_its_end():
    outcome = limited_memory_bfgs(rosenbrock, np.array([-1.2, 1.0]), tolerance=1e-8, value_tolerance=1e-30)
    np.testing.assert_allclose(outcome.parameters, [1, 1], atol=1e-7)
    assert outcome.gradients < 80
    assert outcome.converged


@pytest.mark.parametrize("memory", [1, 2, 10])
def test_the_memory_may_be_small(memory):
    outcome = limited_memory_bfgs(exact().value_and_gradient, START, memory=memory, **TIGHT)
    assert outcome.value == pytest.approx(ISING.ground_energy(), abs=1e-10)


@pytest.mark.parametrize(("task", "device"), [("h2-2", None), ("h2-4", "ourense"), ("lih-4", "mumbai-median")])
def test_from_near_a_minimum_it_ends_where_scipy_ends(task, device):
    problem, noise = molecule(task), None if device is None else NoiseModel.named(device)
    coupling = None if noise is None else noise.coupling_map
    circuit = ansatz("efficient_su2", problem.n_qubits, coupling_map=coupling)
    f = PauliTransferSimulator(noise).objective(circuit, problem.observable).value_and_gradient
    rng = np.random.default_rng(5)
    low = limited_memory_bfgs(f, rng.uniform(-np.pi, np.pi, size=circuit.n_parameters), **TIGHT).parameters
    for _ in range(3):
        start = low + rng.normal(scale=0.1, size=len(low))
        ours = limited_memory_bfgs(f, start, **TIGHT)
        options = {"maxiter": 2000, "gtol": 1e-6, "ftol": 1e-13}
        theirs = minimize(f, start, jac=True, method="L-BFGS-B", options=options)
        assert ours.converged
        assert ours.value == pytest.approx(theirs.fun, abs=4e-7)
        assert f(start)[0] > ours.value + 1e-4
        assert ours.gradients < 2 * theirs.nfev


def test_random_starts_reach_the_exact_energy_of_hydrogen_as_often_as_with_scipy():
    problem = molecule("h2-2")
    f = PauliTransferSimulator().objective(ansatz("efficient_su2", 2), problem.observable).value_and_gradient
    for seed in range(10):
        start = np.random.default_rng(seed).uniform(-np.pi, np.pi, size=12)
        assert limited_memory_bfgs(f, start, **TIGHT).value == pytest.approx(problem.exact_energy, abs=1e-9)


def test_every_accepted_step_goes_down_and_counts_are_those_of_an_observer():
    objective = Recording(exact())
    outcome = limited_memory_bfgs(objective.value_and_gradient, START, **TIGHT)
    assert outcome.gradients == objective.gradients == len(objective.values)
    assert outcome.iterations < outcome.gradients
    assert outcome.value == min(objective.values)


def test_a_spent_budget_a_stationary_start_and_no_angles_are_told_apart():
    spent = limited_memory_bfgs(exact().value_and_gradient, START, max_iterations=2)
    assert (spent.converged, spent.iterations) == (False, 2)
    top = limited_memory_bfgs(exact(ONE_ANGLE, Z).value_and_gradient, np.zeros(1))
    assert (top.converged, top.iterations, top.gradients, top.value) == (True, 0, 1, 1.0)
    empty = limited_memory_bfgs(lambda x: (0.5, np.zeros(0)), np.zeros(0))
    assert (empty.converged, empty.value) == (True, 0.5)


def test_where_every_step_goes_up_the_start_comes_back_as_not_converged():
    calls = []

    def rising(x):
        calls.append(x)
        return float(len(calls)), np.ones(4)

    outcome = limited_memory_bfgs(rising, START)
    assert (outcome.converged, outcome.iterations, outcome.value) == (False, 0, 1.0)
    assert outcome.gradients == len(calls) == 1 + MAX_TRIALS
    np.testing.assert_array_equal(outcome.parameters, START)


def test_the_start_is_left_alone():
    start = START.copy()
    limited_memory_bfgs(exact().value_and_gradient, start)
    np.testing.assert_array_equal(start, START)
