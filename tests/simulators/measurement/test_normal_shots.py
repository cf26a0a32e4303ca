"""Normal shot noise: mean and variance are those of drawing shots, by routes that share nothing."""

import pickle

import numpy as np
import pytest
from scipy.stats import chi2

from qvar.problems import molecule
from qvar.search import ansatz
from qvar.simulators import (
    Circuit,
    NoiseModel,
    Objective,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.channels import depolarizing
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.normal import moment_terms
from qvar.simulators.measurement.plan import MeasurementPlan
from tests.simulators import oracle
from tests.simulators.measurement.test_shots import CIRCUIT, NOISY, OBSERVABLE, SHOTS, THETA, expected_moments

ENGINES = {
    "pauli-transfer, noisy": (PauliTransferSimulator(NOISY), True),
    "pauli-transfer, ideal": (PauliTransferSimulator(), False),
    "state vector, ideal": (StatevectorSimulator(), False),
}
every_engine = pytest.mark.parametrize(("engine", "noisy"), ENGINES.values(), ids=ENGINES)


def normal(engine, shots=SHOTS, seed=0):
    return engine.objective(CIRCUIT, OBSERVABLE).with_normal_shots(shots, np.random.default_rng(seed))


@every_engine
def test_mean_and_variance_are_those_of_the_density_matrix(engine, noisy):
    assert normal(engine).moments(THETA) == pytest.approx(expected_moments(noisy=noisy), abs=1e-12)


@every_engine
def test_estimates_scatter_like_drawn_shots(engine, noisy):
    n = 4000
    mean, variance = expected_moments(noisy=noisy)
    drawn = engine.objective(CIRCUIT, OBSERVABLE).with_shots(SHOTS, np.random.default_rng(1))
    for objective in (normal(engine), drawn):
        values = objective.batch(np.tile(THETA, (n, 1)))
        assert abs(values.mean() - mean) < 4.5 * np.sqrt(variance / n)
        assert chi2.ppf(1e-6, n - 1) < (n - 1) * values.var(ddof=1) / variance < chi2.ppf(1 - 1e-6, n - 1)


@pytest.mark.parametrize("readout", [None, ReadoutError(0.03, 0.08), ReadoutError(0.5, 0.5)])
@pytest.mark.parametrize("task", ["h2-2", "h2-4", "lih-4"])
def test_the_kernel_agrees_with_outcome_probabilities_for_molecules(task, readout):
    problem = molecule(task)
    noise = NoiseModel.from_channels(depolarizing(0.02), depolarizing(0.05, n_qubits=2), readout=readout)
    circuit = ansatz("efficient_su2", problem.n_qubits, coupling_map=None)
    exact = PauliTransferSimulator(noise).objective(circuit, problem.observable)
    for seed in range(3):
        theta = np.random.default_rng(seed).uniform(-3, 3, size=circuit.n_parameters)
        by_outcomes = oracle.shot_moments(exact, theta)
        objective = exact.with_normal_shots(1, np.random.default_rng(0))
        assert objective.moments(theta) == pytest.approx(by_outcomes, abs=1e-11)
        assert objective.moments(theta)[0] == pytest.approx(exact(theta), abs=1e-11)
        assert by_outcomes[1] > 1e-3


def test_read_out_error_adds_variance_even_to_an_eigenstate():
    def variance(noise):
        engine = PauliTransferSimulator(noise)
        objective = engine.objective(Circuit(1), Observable.from_terms({"Z": 2.0, "I": 5.0}))
        return objective.with_normal_shots(10, np.random.default_rng(0)).moments([])[1]

    assert variance(None) == 0
    flipped = 0.1  # reads -2 instead of 2 with this probability
    noise = NoiseModel.from_channels(depolarizing(0), depolarizing(0, n_qubits=2), readout=ReadoutError(flipped, 0.3))
    assert variance(noise) == pytest.approx(16 * flipped * (1 - flipped) / 10)


def test_separate_clusters_and_qubits_without_influence_are_no_obstacle():
    operations = tuple(Operation("ry", (q,), (Slot(q),)) for q in range(4))
    circuit = Circuit(4, (*operations, Operation("cx", (0, 1))))
    observable = Observable.from_terms({"IZZZ": 1.0, "IIXI": -0.5, "IZIZ": 0.7, "IIII": 3.0})
    exact = PauliTransferSimulator(NOISY).objective(circuit, observable)
    theta = [0.3, 0.8, -1.1, 2.0]
    expected = oracle.shot_moments(exact, theta)
    assert exact.with_normal_shots(1, np.random.default_rng(0)).moments(theta) == pytest.approx(expected, abs=1e-12)


def test_only_strings_that_mean_and_variance_need_are_asked_for():
    """The mean needs the terms, the mean square their products, and a constant is known."""
    plan = MeasurementPlan.of(Observable.from_terms({"IIIZ": 1.0, "ZIII": -0.5, "XIIX": 2.0}))
    perfect = np.broadcast_to([[0.5, 0.5], [0.5, -0.5]], (2, 4, 2, 2))
    digits, coefficients, _ = moment_terms(plan, perfect)
    strings = sorted((*row, value) for row, value in zip(digits.tolist(), coefficients.tolist(), strict=True))
    assert strings == sorted(
        [
            *[(3, 0, 0, 0, 1.0), (0, 0, 0, 3, -0.5), (0, 0, 0, 0, 1.25), (3, 0, 0, 3, -1.0)],
            *[(1, 0, 0, 1, 2.0), (0, 0, 0, 0, 4.0), (0, 0, 0, 0, 0.0)],
        ]
    )


def test_the_identity_has_no_noise():
    exact = PauliTransferSimulator(NOISY).objective(Circuit(2), Observable.from_terms({"II": 0.7}))
    objective = exact.with_normal_shots(1, np.random.default_rng(0))
    assert objective([]) == 0.7
    assert objective.shots_per_evaluation == 0


def test_it_is_an_objective_and_counts_like_drawn_shots():
    sampled, drawn = normal(PauliTransferSimulator(NOISY)), PauliTransferSimulator(NOISY).objective(CIRCUIT, OBSERVABLE)
    drawn = drawn.with_shots(SHOTS, np.random.default_rng(0))
    assert isinstance(sampled, Objective)
    assert sampled.shots_per_evaluation == drawn.shots_per_evaluation == 3 * SHOTS
    assert sampled.evaluations_per_gradient == drawn.evaluations_per_gradient
    assert sampled.with_shots(7, np.random.default_rng(0)).shots == 7
    assert sampled.n_parameters == 2


def test_gradients_by_parameter_shift_scatter_about_the_exact_one():
    engine = PauliTransferSimulator(NOISY)
    exact = engine.objective(CIRCUIT, OBSERVABLE).value_and_gradient(THETA)[1]
    few, many = (normal(engine, shots).value_and_gradient(THETA)[1] for shots in (100, 10**12))
    np.testing.assert_allclose(many, exact, atol=1e-4)
    assert np.abs(few - exact).max() > 1e-3


def test_the_same_seed_gives_the_same_estimates_and_one_number_serves_each():
    engine = PauliTransferSimulator(NOISY)
    first, again, other = normal(engine, seed=1), normal(engine, seed=1), normal(engine, seed=2)
    values = [first(THETA) for _ in range(3)]
    mean, variance = again.moments(THETA)
    np.testing.assert_allclose(values, mean + np.sqrt(variance) * again.draw(3), rtol=0, atol=1e-12)
    assert other(THETA) != values[0]


def test_it_survives_pickling():
    objective = normal(PauliTransferSimulator(NOISY), seed=3)
    again = pickle.loads(pickle.dumps(objective))  # noqa: S301
    assert again(THETA) == objective(THETA)


@pytest.mark.parametrize("shots", [0, -1, 1.5, True])
def test_impossible_numbers_of_shots_are_refused(shots):
    with pytest.raises(EngineError, match="whole number >= 1"):
        normal(PauliTransferSimulator(), shots)


def test_angles_of_a_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"2 parameter\(s\)"):
        normal(PauliTransferSimulator())([0.1])
