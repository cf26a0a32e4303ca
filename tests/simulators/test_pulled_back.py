"""Observables carried back to the start, gradients from any Pauli vector, and final states of many points."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
    threads,
)
from qvar.simulators.errors import CircuitError, EngineError
from qvar.simulators.kernels import workspace
from tests.simulators import oracle

thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


def random_hermitian(rng, n_qubits):
    """No state: neither normalized nor positive."""
    matrix = rng.normal(size=(2**n_qubits, 2**n_qubits)) + 1j * rng.normal(size=(2**n_qubits, 2**n_qubits))
    return matrix + matrix.conj().T


def random_objective(rng, n_qubits, n_gates):
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits, 4)
    noise = oracle.random_noise(rng, circuit)
    return PauliTransferSimulator(noise.model()).objective(circuit, observable), circuit, observable, noise


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 10), seed=seeds)
def test_a_pulled_back_observable_gives_the_value_of_every_start(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    objective, circuit, observable, noise = random_objective(rng, n_qubits, n_gates)
    thetas = rng.uniform(-np.pi, np.pi, (2, circuit.n_parameters))
    effects = objective.pulled_back(thetas)
    assert effects.shape == (2, 4**n_qubits)
    for theta, effect in zip(thetas, effects, strict=True):
        rho = random_hermitian(rng, n_qubits)
        expected = oracle.energy(circuit, observable, theta, noise.kraus, noise.readout, rho)
        assert effect @ oracle.pauli_values(rho) == pytest.approx(expected, rel=0, abs=1e-11)
        ground = oracle.pauli_values(np.diag(np.eye(2**n_qubits)[0]))
        assert effect @ ground == pytest.approx(objective(theta), rel=0, abs=1e-12)


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 8), seed=seeds)
def test_the_gradient_from_any_vector_equals_parameter_shift_on_the_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    objective, circuit, observable, noise = random_objective(rng, n_qubits, n_gates)
    theta, rho = oracle.random_angles(rng, circuit), random_hermitian(rng, n_qubits)
    vector = oracle.pauli_values(rho)
    value, gradient = objective.gradient_from(theta, vector)
    assert value == pytest.approx(objective.pulled_back([theta])[0] @ vector, rel=0, abs=1e-11)
    expected = oracle.gradient(circuit, observable, theta, noise.kraus, noise.readout, rho)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-11)


def test_one_sweep_gives_the_gradient_of_a_weighted_sum_of_rows():
    rng = np.random.default_rng(0)
    objective, circuit, _, _ = random_objective(rng, 4, 40)
    theta = oracle.random_angles(rng, circuit)
    states = rng.normal(size=(30, 16)) + 1j * rng.normal(size=(30, 16))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    vectors = np.array([oracle.pauli_values(np.outer(state, state.conj())) for state in states])
    weights = rng.normal(size=30)
    values, gradients = objective.values_and_gradients([theta], states)
    value, gradient = objective.gradient_from(theta, weights @ vectors)
    assert value == pytest.approx(weights @ values, rel=0, abs=1e-12)
    np.testing.assert_allclose(gradient, weights @ gradients, rtol=0, atol=1e-12)
    steps = 1e-5 * np.eye(len(theta))
    moved = objective.pulled_back(theta + steps) - objective.pulled_back(theta - steps)
    np.testing.assert_allclose(gradient, moved @ (weights @ vectors) / 2e-5, rtol=0, atol=1e-7)
    assert abs(objective.gradient_from(theta, vectors[0])[1] - gradient).max() > 0.01


def test_pauli_vectors_are_start_states_like_others():
    rng = np.random.default_rng(1)
    objective, circuit, _, _ = random_objective(rng, 3, 20)
    thetas = rng.normal(size=(4, circuit.n_parameters))
    matrices = np.array([random_hermitian(rng, 3) for _ in range(4)])
    matrices = matrices @ matrices
    matrices /= np.trace(matrices, axis1=1, axis2=2)[:, None, None]
    vectors = np.array([oracle.pauli_values(rho) for rho in matrices])
    vectors.setflags(write=False)
    np.testing.assert_allclose(
        objective.batch(thetas, states=vectors), objective.batch(thetas, states=matrices), rtol=0, atol=1e-13
    )
    np.testing.assert_allclose(
        vectors @ objective.pulled_back(thetas[:1])[0], objective.batch(thetas[:1], vectors), rtol=0, atol=1e-13
    )
    np.testing.assert_allclose(
        objective.batch(thetas[:1], -2.5 * vectors), -2.5 * objective.batch(thetas[:1], vectors), rtol=0, atol=1e-12
    )


def test_without_gates_the_observable_stays_what_it_is():
    observable = Observable.from_terms({"II": 0.5, "IX": 2.0, "ZY": -1.0})
    effects = PauliTransferSimulator().objective(Circuit(2, ()), observable).pulled_back(np.empty((2, 0)))
    expected = np.zeros(16)
    expected[[0, 1, 2 + 4 * 3]] = 0.5, 2.0, -1.0
    np.testing.assert_array_equal(effects, [expected, expected])


def test_read_out_error_is_part_of_what_is_pulled_back():
    z = Observable.from_terms({"Z": 1.0})
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
    clear = PauliTransferSimulator().objective(circuit, z).pulled_back([[0.0]])
    noise = NoiseModel("blurred", readout={0: ReadoutError(0.1, 0.3)}, strict=False)
    blurred = PauliTransferSimulator(noise).objective(circuit, z).pulled_back([[0.0]])
    np.testing.assert_allclose(clear, [[0, 0, 0, 1]], rtol=0, atol=1e-15)
    np.testing.assert_allclose(blurred, [[0.2, 0, 0, 0.6]], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("vector", "match"),
    [
        (np.zeros(4), "shape"),
        (np.zeros((1, 16)), "shape"),
        (np.zeros(16, dtype=complex), "real"),
        (np.full(16, np.nan), "finite"),
    ],
)
def test_vectors_of_the_wrong_kind_are_refused(vector, match):
    circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)),))
    objective = PauliTransferSimulator().objective(circuit, Observable.from_terms({"ZZ": 1.0}))
    with pytest.raises(EngineError, match=match):
        objective.gradient_from([0.0], vector)


def test_angles_of_the_wrong_kind_are_refused():
    circuit = Circuit(2, (Operation("ry", (0,), (Slot(0, 10.0),)), Operation("cx", (0, 1))))
    objective = PauliTransferSimulator().objective(circuit, Observable.from_terms({"ZZ": 1.0}))
    for thetas in ([0.0], [[0.0, 1.0]], [[np.inf]]):
        with pytest.raises(EngineError):
            objective.pulled_back(thetas)
    for theta in ([0.0, 1.0], [np.nan], 0.0):
        with pytest.raises(CircuitError):
            objective.gradient_from(theta, np.zeros(16))
    with pytest.raises(CircuitError, match="range of float64"):
        objective.pulled_back([[0.0], [1e308]])
    with pytest.raises(CircuitError, match="range of float64"):
        objective.gradient_from([1e308], np.eye(1, 16)[0])


@pytest.mark.parametrize("qubit", [0, 1])
def test_angles_out_of_range_are_refused_wherever_they_turn_a_letter(qubit):
    for axis, letter, other in [(a, b, c) for a in "XYZ" for b in "XYZ" for c in "IXYZ" if a != b]:
        circuit = Circuit(2, (Operation(f"r{axis.lower()}", (qubit,), (Slot(0, 10.0),)),))
        observable = Observable.from_terms({letter + other if qubit else other + letter: 1.0})
        objective = PauliTransferSimulator().objective(circuit, observable)
        with pytest.raises(CircuitError, match="range of float64"):
            objective.pulled_back([[1e308]])


def test_an_engine_without_pauli_vectors_says_so():
    objective = StatevectorSimulator().objective(Circuit(1, ()), Observable.from_terms({"Z": 1.0}))
    with pytest.raises(EngineError, match="PauliTransferSimulator"):
        objective.pulled_back(np.empty((1, 0)))
    with pytest.raises(EngineError, match="PauliTransferSimulator"):
        objective.gradient_from([], np.zeros(4))


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 12), seed=seeds)
def test_final_states_are_those_of_the_density_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    objective, circuit, observable, noise = random_objective(rng, n_qubits, n_gates)
    thetas = rng.uniform(-np.pi, np.pi, (3, circuit.n_parameters))
    pure = StatevectorSimulator().objective(circuit, observable)
    states, vectors = pure.states(thetas), objective.states(thetas)
    assert (states.dtype, states.shape) == (np.complex128, (3, 2**n_qubits))
    assert (vectors.dtype, vectors.shape) == (np.float64, (3, 4**n_qubits))
    for theta, state, vector in zip(thetas, states, vectors, strict=True):
        rho = oracle.density_matrix(circuit, theta, noise.kraus)
        np.testing.assert_allclose(vector, oracle.pauli_values(rho), rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            np.outer(state, state.conj()), oracle.density_matrix(circuit, theta), rtol=0, atol=1e-12
        )
        np.testing.assert_array_equal(vector, objective.state(theta))
        np.testing.assert_array_equal(state, pure.state(theta))


@pytest.mark.parametrize(
    ("n", "pairs"), [(4, [(0, 1)]), (4, [(2, 1)]), (4, [(0, 3), (2, 1)]), (4, [(0, 1), (1, 2)]), (6, [(0, 1), (5, 3)])]
)
def test_final_states_of_qubits_that_never_meet_are_products(n, pairs):
    rng = np.random.default_rng(len(pairs))
    circuit = oracle.coupled_pairs(n, pairs)
    noise, theta = oracle.random_noise(rng, circuit), rng.uniform(-np.pi, np.pi, 2 * n)
    workspace(100_000).fill(np.nan)  # whatever was left there must not count
    vector = PauliTransferSimulator(noise.model()).objective(circuit, oracle.random_observable(rng, n)).state(theta)
    expected = oracle.pauli_values(oracle.density_matrix(circuit, theta, noise.kraus))
    np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), StatevectorSimulator()])
def test_a_circuit_is_its_parts_one_after_the_other(engine):
    rng = np.random.default_rng(5)
    first, observable = oracle.random_circuit(rng, 4, 15), oracle.random_observable(rng, 4)
    second = oracle.random_circuit(rng, 4, 15, free=0.0)
    thetas = rng.normal(size=(6, first.n_parameters))
    whole = engine.objective(first.then(second.operations), observable)
    states = engine.objective(first, observable).states(thetas)
    parts = engine.objective(second, observable).batch(np.empty((1, 0)), states)
    np.testing.assert_allclose(parts, whole.batch(thetas), rtol=0, atol=1e-12)


def test_no_points_give_no_states_and_no_observables():
    for engine, size in ((PauliTransferSimulator(), 16), (StatevectorSimulator(), 4)):
        circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)),))
        objective = engine.objective(circuit, Observable.from_terms({"ZZ": 1.0}))
        assert objective.states(np.empty((0, 1))).shape == (0, size)
        with pytest.raises(EngineError, match="shape"):
            objective.states([0.0])
    objective = PauliTransferSimulator().objective(circuit, Observable.from_terms({"ZZ": 1.0}))
    assert objective.pulled_back(np.empty((0, 1))).shape == (0, 16)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    rng = np.random.default_rng(7)
    objective, circuit, observable, _ = random_objective(rng, 3, 30)
    pure = StatevectorSimulator().objective(circuit, observable)
    thetas = rng.normal(size=(9, circuit.n_parameters))
    alone = [call(thetas) for call in (objective.pulled_back, objective.states, pure.states)]
    monkeypatch.setattr(threads, "thread_limit", lambda: 4)
    monkeypatch.setattr(threads, "_WORTH_SECONDS", 1e-12)
    shared = [call(thetas) for call in (objective.pulled_back, objective.states, pure.states)]
    for one, many in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, many)
