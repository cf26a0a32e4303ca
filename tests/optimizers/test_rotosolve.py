"""Rotosolve: every step is the exact minimum of its angle, and an energy that is no sinusoid is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from qvar.optimizers import LBFGS, Rotosolve
from qvar.optimizers.rotosolve import find_rotations, rotosolve_sweep
from qvar.problems import molecule
from qvar.simulators import AerSimulator, Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, Slot
from qvar.simulators.errors import OptimizerError
from tests.optimizers.objectives import CHAIN, ISING, NOISE, ONE_ANGLE, PureNoise, Recording, Z, exact, ry

START = np.array([0.4, 0.3, -0.2, 0.1])
ASKEW = Observable.from_terms({"ZI": 0.7, "XY": -0.4, "YX": 0.3, "ZZ": 0.5, "IX": 0.6, "XX": 0.2, "II": -1.0})


def minimize(objective, start, **settings):
    return Rotosolve(**settings).minimize(objective, start, np.random.default_rng(0))


def sweep(objective, start):
    rotations = find_rotations(objective.circuit, objective.n_parameters)
    return rotosolve_sweep(lambda f, x: f(x), objective, np.array(start), objective(start), *rotations)


def every_gate(rng):
    """All rotations there are, scaled and shifted, with slots numbered at random, between entanglers."""
    kinds = [("rx", 1, 1), ("ry", 1, 1), ("rz", 1, 1), ("p", 1, 1), ("u", 1, 3), ("rxx", 2, 1), ("ryy", 2, 1)]
    kinds += [("rzz", 2, 1), ("u", 1, 3), ("rx", 1, 1)]
    slots = iter(rng.permutation(sum(angles for _, _, angles in kinds)))
    operations = [Operation("h", (0,))]
    for gate, size, angles in kinds:
        qubits = tuple(int(q) for q in rng.permutation(2)[:size])
        scale, shift = rng.choice([-2.0, -1.0, 0.5, 1.0, 1.7]), rng.normal()
        operations += [Operation(gate, qubits, tuple(Slot(next(slots), scale, shift) for _ in range(angles)))]
        operations += [Operation("cx", qubits if size == 2 else (qubits[0], 1 - qubits[0]))]
    return Circuit(2, tuple(operations))


def brute_force_sweep(objective, start, order):
    """Minimize one angle after the other on a grid, then by golden section, with no knowledge of sinusoids."""
    x = np.array(start)
    for slot in order:

        def value(t, slot=slot):
            return objective(np.where(np.arange(len(x)) == slot, t, x))

        grid = x[slot] + np.linspace(0, 4 * np.pi, 400, endpoint=False)  # the smallest scale is 1/2
        best = grid[np.argmin([value(t) for t in grid])]
        found = minimize_scalar(value, bracket=(best - 0.05, best, best + 0.05), options={"xtol": 1e-10})
        x[slot] = found.x
    return x


def test_the_minimum_of_a_sinusoid_is_found_in_one_sweep_wherever_it_starts():
    observable = Observable.from_terms({"Z": 0.6, "X": 0.8, "I": 0.5})
    objective = exact(ONE_ANGLE, observable)  # 0.5 + 0.6 cos t + 0.8 sin t
    for start in np.linspace(-7, 7, 15):
        outcome = minimize(objective, [start])
        assert outcome.value == pytest.approx(0.5 - 1.0, abs=1e-14)
        assert outcome.parameters[0] == pytest.approx(np.arctan2(-0.8, -0.6), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise", [None, NOISE], ids=["no noise", "noise"])
def test_a_sweep_equals_brute_force_minimization_of_one_angle_after_the_other(seed, noise):
    rng = np.random.default_rng(seed)
    circuit = every_gate(rng)
    objective = exact(circuit, ASKEW, noise)
    start = rng.uniform(-3, 3, size=circuit.n_parameters)
    order = find_rotations(circuit, circuit.n_parameters).slots
    assert sorted(order) == list(range(circuit.n_parameters))
    x, promised = sweep(objective, start)
    brute = brute_force_sweep(objective, start, order)
    assert promised == pytest.approx(objective(x), abs=1e-12)
    assert promised == pytest.approx(objective(brute), abs=1e-7)
    assert promised < objective(start) - 0.1
    np.testing.assert_array_less(np.abs(one_by_one(objective, start, x, order)), 1e-6)
    backwards = brute_force_sweep(objective, start, order[::-1])
    assert abs(objective(backwards) - promised) > 1e-6, "control: another order ends elsewhere"


def one_by_one(objective, start, end, order):
    """Slopes in each angle at the moment it has been set."""
    x, slopes = np.array(start), []
    for slot in order:
        x[slot] = end[slot]
        slopes.append(objective.value_and_gradient(x)[1][slot])
    return np.array(slopes)


def test_the_order_is_that_of_the_gates_and_of_the_rotations_within_u():
    circuit = Circuit(1, (ry(2), Operation("u", (0,), (Slot(0), Slot(3), Slot(1, -2.0, 0.5))), ry(4)))
    rotations = find_rotations(circuit, 5)
    assert rotations.slots.tolist() == [2, 1, 0, 3, 4]
    assert rotations.scales.tolist() == [1, -2, 1, 1, 1]
    assert rotations.shifts.tolist() == [0, 0.5, 0, 0, 0]


def test_a_sweep_costs_two_energies_for_every_angle_and_one_at_its_end():
    objective = Recording(exact(noise=NOISE))
    outcome = minimize(objective, START, max_sweeps=3, tolerance=1e-30)
    assert outcome.evaluations == len(objective.points) == 1 + 3 * (2 * 4 + 1)
    np.testing.assert_array_equal(objective.points[0], START)
    np.testing.assert_allclose(objective.points[1], START + np.pi / 2 * np.eye(4)[0])
    np.testing.assert_allclose(objective.points[2], START - np.pi / 2 * np.eye(4)[0])
    np.testing.assert_array_equal(objective.points[-1], outcome.parameters)


def test_sweeps_never_raise_the_energy_and_stop_when_they_gain_too_little():
    objective = Recording(exact(noise=NOISE))
    outcome = minimize(objective, START, tolerance=1e-6)
    ends = np.array(objective.values[:: 2 * 4 + 1])
    gains = -np.diff(ends)
    assert outcome.converged
    assert (gains > -1e-14).all()
    assert (gains[:-1] >= 1e-6).all()
    assert gains[-1] < 1e-6
    assert not minimize(exact(noise=NOISE), START, max_sweeps=1).converged


def test_an_angle_without_influence_stays_bit_for_bit():
    circuit = Circuit(1, (Operation("rz", (0,), (Slot(0),)), ry(1), Operation("rz", (0,), (Slot(2),))))
    outcome = minimize(exact(circuit, Z), [0.123, 0.4, 7.89])
    assert outcome.parameters[[0, 2]].tolist() == [0.123, 7.89]
    assert outcome.value == pytest.approx(-1, abs=1e-14)


@pytest.mark.parametrize("task", ["h2-2", "h2-3"])
def test_the_exact_energy_of_a_molecule_is_reached(task):
    problem = molecule(task)
    n = problem.n_qubits
    layers = [
        Operation(gate, qubits, (Slot(0),) if gate == "ry" else ())
        for _ in range(3)
        for gate, qubits in [("ry", (q,)) for q in range(n)] + [("cx", (q, q + 1)) for q in range(n - 1)]
    ]
    numbers = iter(range(len(layers)))
    layers = [o.with_parameters([Slot(next(numbers)) for _ in o.parameters]) for o in layers]
    objective = PauliTransferSimulator().objective(Circuit(n, tuple(layers)), problem.observable)
    starts = [np.random.default_rng(seed).uniform(-3, 3, size=objective.n_parameters) for seed in range(4)]
    best = min(minimize(objective, start, max_sweeps=500, tolerance=1e-10).value for start in starts)
    assert best == pytest.approx(problem.exact_energy, abs=1e-6)


def test_it_ends_where_gradients_vanish():
    objective = exact(every_gate(np.random.default_rng(1)), ASKEW, NOISE)
    start = np.random.default_rng(2).uniform(-3, 3, size=objective.n_parameters)
    outcome = minimize(objective, start, max_sweeps=2000, tolerance=1e-10)
    assert outcome.converged
    assert np.abs(objective.value_and_gradient(outcome.parameters)[1]).max() < 1e-4
    assert LBFGS(displacement=0).minimize(objective, outcome.parameters, None).value > outcome.value - 1e-7


def with_gate(gate):
    operation = SimpleNamespace(gate=gate, qubits=(0, 1), parameters=(Slot(0),))
    return SimpleNamespace(operations=(operation,))


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (Circuit(1, (ry(0), ry(0))), "angle 0 of gate 'ry'.*earlier gate uses too"),
        (Circuit(1, (Operation("u", (0,), (Slot(0), Slot(0), 0.1)),)), "earlier gate uses too"),
        (Circuit(1, (ry(0, scale=0.0),)), "scales other than 0"),
        (with_gate("crx"), "two eigenvalues.*got angle 0 of gate 'crx'.*decompose"),
    ],
    ids=["shared", "shared within u", "scale 0", "controlled"],
)
def test_circuits_that_are_no_sinusoid_in_some_angle_are_refused(circuit, message):
    with pytest.raises(OptimizerError, match=message):
        find_rotations(circuit, 1)


def test_they_are_refused_before_anything_is_evaluated_on_every_kind_of_objective():
    shared = Circuit(1, (ry(0), ry(0)))
    objective = Recording(exact(shared, Z))
    sampled = exact(shared, Z).with_shots(10, np.random.default_rng(0))
    aer = AerSimulator().objective(shared, Z)
    for refused in (objective, sampled, aer, aer.with_shots(10, np.random.default_rng(0))):
        with pytest.raises(OptimizerError, match="own slot"):
            minimize(refused, [0.3])
    assert objective.points == []


class Function:
    """A function of the angles that tells no circuit."""

    shots_per_evaluation, evaluations_per_gradient = 0, 1

    def __init__(self, function, n_parameters):
        self.function, self.n_parameters = function, n_parameters

    def __call__(self, theta):
        return float(self.function(theta))


def test_a_function_of_sinusoids_needs_no_circuit():
    outcome = minimize(Function(lambda x: np.cos(x[0]) * np.sin(x[1] + 0.2) + 3, 2), [0.3, 0.4])
    assert outcome.value == pytest.approx(2, abs=1e-12)


@pytest.mark.parametrize("function", [lambda x: np.cos(2 * x[0]), lambda x: x[0] ** 2 + np.cos(x[1])])
def test_a_function_that_is_none_is_found_out(function):
    with pytest.raises(OptimizerError, match=r"a \+ b cos t \+ c sin t"):
        minimize(Function(function, 2), [0.3, 0.4])


def test_it_makes_progress_under_shot_noise():
    truth = exact(noise=NOISE)
    objective = truth.with_shots(1000, np.random.default_rng(4))
    outcome = minimize(objective, START, max_sweeps=10)
    assert truth(outcome.parameters) < truth(START) - 0.3
    assert outcome.value == pytest.approx(truth(outcome.parameters), abs=0.2)


def test_the_value_reported_is_unbiased_where_there_is_nothing_but_noise():
    n = 400
    outcomes = [minimize(PureNoise(seed), [0.0, 0.0], max_sweeps=5) for seed in range(n)]
    values = np.array([outcome.value for outcome in outcomes])
    assert abs(values.mean()) < 4.5 / np.sqrt(n)
    assert np.mean([outcome.history.min() for outcome in outcomes]) < -1


def test_chain_and_device_noise_agree_with_gradients():
    engine = PauliTransferSimulator(NoiseModel.named("ourense"))
    objective = engine.objective(CHAIN, ISING)
    lowest = LBFGS(tolerance=1e-9, value_tolerance=1e-14).minimize(objective, START, np.random.default_rng(0)).value
    assert minimize(objective, START, tolerance=1e-13).value == pytest.approx(lowest, abs=1e-8)
