"""What every optimizer must do: find known minima, count honestly, respect its budget, refuse nonsense."""

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
from qvar.simulators import AerSimulator, Circuit, Operation
from qvar.simulators.errors import EngineError, OptimizerError
from tests.optimizers.objectives import CHAIN, ISING, NOISE, ONE_ANGLE, CountingGenerator, Recording, Z, exact, ry

# The accuracy each one reaches with its default budget on exact values.
OPTIMIZERS = {
    "cobyla": (Cobyla(), 1e-5),
    "l-bfgs": (LBFGS(), 1e-7),
    "compact l-bfgs": (CompactLBFGS(), 1e-7),
    "adagrad": (Adagrad(), 1e-6),
    "adam": (Adam(), 1e-7),
    "aqgd": (AQGD(), 1e-4),
    "natural gradient": (QuantumNaturalGradient(), 1e-7),
    "rotosolve": (Rotosolve(), 1e-6),
    "spsa": (SPSA(), 2e-2),
    "adam-spsa": (AdamSPSA(), 2e-2),
    "adam-spsa, stages": (AdamSPSA(stages=((300, None), (200, None))), 2e-2),
}
SHORT = {
    AQGD: AQGD(max_iterations=10),
    Adagrad: Adagrad(max_iterations=40),
    Adam: Adam(max_iterations=40),
    AdamSPSA: AdamSPSA(max_evaluations=40),
    Cobyla: Cobyla(max_evaluations=40),
    CompactLBFGS: CompactLBFGS(max_iterations=8),
    LBFGS: LBFGS(max_iterations=8),
    Rotosolve: Rotosolve(max_sweeps=3),
    SPSA: SPSA(max_evaluations=40, calibration=5),
}
EXACT_DESCENTS = (Cobyla(), LBFGS(), Adagrad(), Adam(), AQGD(), QuantumNaturalGradient(), Rotosolve())
ONLY_EXACT = "natural gradient"
"""Needs a metric, which estimates from shots and Aer do not have."""
every_optimizer = pytest.mark.parametrize(("optimizer", "accuracy"), OPTIMIZERS.values(), ids=OPTIMIZERS)
every_other = pytest.mark.parametrize(
    ("optimizer", "accuracy"),
    [v for k, v in OPTIMIZERS.items() if k != ONLY_EXACT],
    ids=[k for k in OPTIMIZERS if k != ONLY_EXACT],
)


def rng(seed=0):
    return np.random.default_rng(seed)


@every_optimizer
def test_the_minimum_of_a_cosine_is_found(optimizer, accuracy):
    outcome = optimizer.minimize(exact(ONE_ANGLE, Z), [0.4], rng())
    assert outcome.value == pytest.approx(-1, abs=accuracy)
    assert np.cos(outcome.parameters[0]) == pytest.approx(-1, abs=accuracy)


@every_optimizer
def test_the_ground_state_of_an_ising_pair_is_found(optimizer, accuracy):
    outcome = optimizer.minimize(exact(), [0.4, 0.3, -0.2, 0.1], rng())
    assert outcome.value == pytest.approx(ISING.ground_energy(), abs=accuracy)


@every_optimizer
def test_scaled_and_shifted_angles_are_no_obstacle(optimizer, accuracy):
    circuit = Circuit(1, (ry(0, scale=-0.5, shift=0.3), ry(1, shift=-0.2)))
    outcome = optimizer.minimize(exact(circuit, Z), [0.2, 0.3], rng())
    assert outcome.value == pytest.approx(-1, abs=accuracy)


@every_optimizer
def test_shared_angles_are_no_obstacle_except_to_rotosolve_which_says_so(optimizer, accuracy):
    objective = exact(Circuit(1, (ry(0, shift=0.3), ry(0), ry(1))), Z)
    if isinstance(optimizer, Rotosolve):
        with pytest.raises(OptimizerError, match="own slot"):
            optimizer.minimize(objective, [0.2, 0.3], rng())
        return
    if isinstance(optimizer, AQGD):  # the curvature adds up to 5, its default step suits 1
        optimizer = AQGD(eta=0.2)
    assert optimizer.minimize(objective, [0.2, 0.3], rng()).value == pytest.approx(-1, abs=accuracy)


def test_with_noise_all_optimizers_agree_on_the_minimum():
    values = [
        optimizer.minimize(exact(noise=NOISE), [0.4, 0.3, -0.2, 0.1], rng()).value
        for optimizer in (*EXACT_DESCENTS, SPSA(), AdamSPSA(max_evaluations=2000))
    ]
    assert values == pytest.approx([values[0]] * len(values), abs=2e-2)
    assert values[0] > ISING.ground_energy() + 0.02


@every_optimizer
def test_the_value_reported_is_the_value_at_the_angles_reported(optimizer, accuracy):
    objective = exact(noise=NOISE)
    outcome = optimizer.minimize(objective, [0.4, 0.3, -0.2, 0.1], rng())
    assert outcome.value == objective(outcome.parameters)
    assert outcome.parameters.shape == (4,)
    assert outcome.parameters.dtype == np.float64


@every_optimizer
def test_counts_are_those_of_an_independent_observer(optimizer, accuracy):
    objective = Recording(exact())
    outcome = optimizer.minimize(objective, [0.4, 0.3, -0.2, 0.1], rng())
    assert outcome.evaluations == len(objective.points)
    assert outcome.gradients == objective.gradients
    assert outcome.history.tolist() == objective.values
    assert len(outcome.history) == outcome.evaluations + outcome.gradients > 0
    assert outcome.shots == 0


@every_other
def test_shots_are_those_really_drawn(optimizer, accuracy):
    generator = CountingGenerator(1)
    objective = exact(noise=NOISE).with_shots(100, generator)
    outcome = optimizer.minimize(objective, [0.4, 0.3, -0.2, 0.1], rng())
    assert outcome.shots == generator.shots > 0


@every_other
def test_gradients_by_parameter_shift_are_exact_and_free_of_shots(optimizer, accuracy):
    objective = Recording(AerSimulator(method="statevector").objective(ONE_ANGLE, Z))
    outcome = SHORT[type(optimizer)].minimize(objective, [0.4], rng())
    assert outcome.value < -0.9
    each = objective.evaluations_per_gradient
    assert each == 3
    assert outcome.evaluations == len(objective.points) + each * objective.gradients
    assert outcome.gradients == 0
    assert outcome.shots == 0


@every_optimizer
def test_a_circuit_without_angles_is_evaluated_and_returned(optimizer, accuracy):
    objective = Recording(exact(Circuit(1, (Operation("ry", (0,), (0.3,)),)), Z))
    outcome = optimizer.minimize(objective, [], rng())
    assert outcome.value == pytest.approx(np.cos(0.3))
    assert outcome.parameters.shape == (0,)
    assert (outcome.evaluations, outcome.gradients) == (1, 0)
    assert len(objective.points) == 1


@every_other
def test_the_same_seed_gives_the_same_record(optimizer, accuracy):
    def record(seed):
        objective = exact(noise=NOISE).with_shots(50, rng(seed + 100))
        outcome = optimizer.minimize(objective, [0.1, 0.0, 0.0, 0.0], rng(seed))
        return [*outcome.history, *outcome.parameters, outcome.value]

    assert record(1) == record(1)
    assert record(1) != record(2)


@every_optimizer
def test_the_start_point_is_left_alone(optimizer, accuracy):
    start = np.array([0.4, 0.3, -0.2, 0.1])
    start.setflags(write=False)
    optimizer.minimize(exact(), start, rng())
    np.testing.assert_array_equal(start, [0.4, 0.3, -0.2, 0.1])


@every_optimizer
@pytest.mark.parametrize("start", [[], [0.1], [0.1] * 5, [[0.1] * 4], 0.1, [0.1, np.nan, 0.1, 0.1], [np.inf] * 4])
def test_impossible_start_points_are_refused(optimizer, accuracy, start):
    with pytest.raises(OptimizerError, match="start point"):
        optimizer.minimize(exact(), start, rng())


@every_optimizer
def test_an_objective_that_raises_stops_the_optimizer_with_its_own_error(optimizer, accuracy):
    class Broken(Recording):
        def __call__(self, theta):
            raise EngineError("the engine broke down")

        def value_and_gradient(self, theta):
            raise EngineError("the engine broke down")

    with pytest.raises(EngineError, match="broke down"):
        optimizer.minimize(Broken(exact()), [0.4, 0.3, -0.2, 0.1], rng())


@pytest.mark.parametrize("n_parameters", [1, 4, 20])
@pytest.mark.parametrize("budget", [2, 3, 4, 5, 7, 19, 21, 22, 23, 40])
def test_budgets_hold_to_the_evaluation_however_small_they_are(budget, n_parameters):
    """Below P + 1 evaluations, COBYLA has not even its first simplex, and returns the best point that it saw."""
    circuit = Circuit(1, tuple(ry(k) for k in range(n_parameters)))
    start = rng(1).normal(size=n_parameters)
    pairs = budget // 2 * 2 + 1  # one evaluation at the end
    expected = {
        Cobyla(budget): budget,
        SPSA(budget, a=0.5): pairs,
        AdamSPSA(budget): pairs,
        AQGD(budget, 0.01, gradient="loss-shift", tolerance=1e-300): budget * (2 * n_parameters + 1) + 1,
    }
    if budget >= 4:
        expected[SPSA(budget, calibration=1)] = pairs
    for optimizer, evaluations in expected.items():
        objective = Recording(exact(circuit, Z))
        outcome = optimizer.minimize(objective, start, rng())
        if isinstance(optimizer, Cobyla):
            if outcome.converged:  # one angle is soon found
                assert n_parameters == 1
                evaluations = outcome.evaluations
            assert outcome.value == min(objective.values)
            np.testing.assert_array_equal(outcome.parameters, objective.points[np.argmin(objective.values)])
        if not isinstance(optimizer, AQGD):
            assert len(objective.points) == evaluations
        assert outcome.evaluations == evaluations


BAD_SETTINGS = [
    (Cobyla, {"max_evaluations": -1}),
    (Cobyla, {"initial_step": 0.0}),
    (Cobyla, {"initial_step": np.nan}),
    (Cobyla, {"tolerance": 0.0}),
    (LBFGS, {"max_iterations": 0}),
    (LBFGS, {"tolerance": 0.0}),
    (LBFGS, {"tolerance": np.nan}),
    (LBFGS, {"value_tolerance": -1.0}),
    (LBFGS, {"displacement": -0.1}),
    (LBFGS, {"displacement": np.nan}),
    (AdamSPSA, {"max_evaluations": 1}),
    (AdamSPSA, {"final_evaluations": 0}),
    (AdamSPSA, {"a": 0.0}),
    (AdamSPSA, {"a": np.nan}),
    (AdamSPSA, {"c": -0.1}),
    (AdamSPSA, {"beta1": 1.0}),
    (AdamSPSA, {"beta2": -0.1}),
    (AdamSPSA, {"stages": (100,)}),
    (AdamSPSA, {"stages": ((100, 10, 1),)}),
    (SPSA, {"max_evaluations": 51}),
    (SPSA, {"max_evaluations": 1, "a": 1.0}),
    (SPSA, {"calibration": 0}),
    (SPSA, {"final_evaluations": 0}),
    (SPSA, {"a": 0.0}),
    (SPSA, {"c": 0.0}),
    (SPSA, {"c": np.nan}),
    (SPSA, {"first_step": -1.0}),
    (SPSA, {"stability": -0.1}),
    (Adagrad, {"max_iterations": 0}),
    (Adagrad, {"learning_rate": np.nan}),
    (Adagrad, {"epsilon": 0.0}),
    (Adagrad, {"tolerance": 0.0}),
    (Adagrad, {"displacement": -0.1}),
    (Adam, {"max_iterations": 0}),
    (Adam, {"tolerance": 0.0}),
    (Adam, {"displacement": -0.1}),
    (Adam, {"learning_rate": 0.0}),
    (Adam, {"learning_rate": np.nan}),
    (Adam, {"epsilon": 0.0}),
    (Adam, {"beta1": 1.0}),
    (Adam, {"beta2": -0.1}),
    (AQGD, {"max_iterations": (10, 20), "eta": (1.0, 0.5, 0.1)}),
    (AQGD, {"max_iterations": (10, 20), "momentum": (0.1, 0.2, 0.3)}),
    (AQGD, {"max_iterations": ()}),
    (AQGD, {"eta": 0.0}),
    (AQGD, {"momentum": 1.0}),
    (AQGD, {"tolerance": 0.0}),
    (AQGD, {"parameter_tolerance": np.nan}),
    (AQGD, {"averaging": 0}),
    (AQGD, {"gradient": "parameter-shift"}),
    (QuantumNaturalGradient, {"max_iterations": 0}),
    (QuantumNaturalGradient, {"learning_rate": 0.0}),
    (QuantumNaturalGradient, {"regularization": 0.0}),
    (QuantumNaturalGradient, {"regularization": np.nan}),
    (QuantumNaturalGradient, {"momentum": 1.0}),
    (QuantumNaturalGradient, {"tolerance": 0.0}),
    (QuantumNaturalGradient, {"blocks": ((0, 1), (1, 2))}),
    (QuantumNaturalGradient, {"blocks": ((-1,),)}),
    (Rotosolve, {"max_sweeps": 0}),
    (Rotosolve, {"tolerance": 0.0}),
    (Rotosolve, {"tolerance": np.nan}),
]


@pytest.mark.parametrize(("kind", "settings"), BAD_SETTINGS)
def test_impossible_settings_are_refused(kind, settings):
    with pytest.raises(OptimizerError, match="needs"):
        kind(**settings)


def test_the_circuit_of_these_tests_can_reach_its_ground_state():
    """The known minimum is reachable at all: a frozen circuit would not get there."""
    frozen = exact(CHAIN.bind([0.4, 0.3, -0.2, 0.1]))([])
    assert frozen > ISING.ground_energy() + 0.1
