"""Values and gradients of many rows are those of each row alone, whatever they start from and whoever shares them."""

from dataclasses import replace

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
    Slot,
    StatevectorSimulator,
    amplitude_damping,
    threads,
)
from qvar.simulators.batches import gradients_of_pairs, gradients_of_points
from qvar.simulators.errors import CircuitError, EngineError
from qvar.simulators.kernels import layout
from tests.simulators import oracle

thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)
ENGINES = [PauliTransferSimulator(), StatevectorSimulator()]


def random_amplitudes(rng, n_states, n_qubits):
    states = rng.normal(size=(n_states, 2**n_qubits)) + 1j * rng.normal(size=(n_states, 2**n_qubits))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def random_matrices(rng, n_states, n_qubits):
    """Mixed states: mixtures of two pure ones."""
    pairs = random_amplitudes(rng, 2 * n_states, n_qubits).reshape(n_states, 2, -1)
    return 0.3 * np.einsum("ka,kb->kab", pairs[:, 0], pairs[:, 0].conj()) + 0.7 * np.einsum(
        "ka,kb->kab", pairs[:, 1], pairs[:, 1].conj()
    )


def layers(n_qubits, n_layers):
    """Return RX, RY on all qubits and a chain of CX, repeated."""
    operations, slot = [], 0
    for _ in range(n_layers):
        for gate in ("rx", "ry"):
            for q in range(n_qubits):
                operations.append(Operation(gate, (q,), (Slot(slot),)))
                slot += 1
        operations += [Operation("cx", (q, q + 1)) for q in range(n_qubits - 1)]
    return Circuit(n_qubits, tuple(operations))


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 12), n_points=st.integers(0, 6), seed=seeds)
def test_every_row_is_the_single_gradient(n_qubits, n_gates, n_points, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits, 4)
    thetas = rng.uniform(-np.pi, np.pi, (n_points, circuit.n_parameters))
    for engine in (PauliTransferSimulator(oracle.random_noise(rng, circuit).model()), StatevectorSimulator()):
        objective = engine.objective(circuit, observable)
        values, gradients = objective.values_and_gradients(thetas)
        assert (values.shape, gradients.shape) == ((n_points,), (n_points, circuit.n_parameters))
        for theta, value, gradient in zip(thetas, values, gradients, strict=True):
            expected_value, expected_gradient = objective.value_and_gradient(theta)
            assert value == pytest.approx(expected_value, rel=0, abs=1e-13)
            np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-13)


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 8), seed=seeds)
def test_noisy_gradients_from_mixed_states_equal_parameter_shift_on_the_density_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits, 4)
    noise = oracle.random_noise(rng, circuit)
    objective = PauliTransferSimulator(noise.model()).objective(circuit, observable)
    thetas = rng.uniform(-np.pi, np.pi, (2, circuit.n_parameters))
    matrices = random_matrices(rng, 2, n_qubits)
    values, gradients = objective.values_and_gradients(thetas, matrices)
    np.testing.assert_allclose(values, objective.batch(thetas, states=matrices), rtol=0, atol=1e-13)
    for theta, rho, value, gradient in zip(thetas, matrices, values, gradients, strict=True):
        given_noise = {"kraus": noise.kraus, "readout": noise.readout, "start": rho}
        assert value == pytest.approx(oracle.energy(circuit, observable, theta, **given_noise), rel=0, abs=1e-12)
        expected = oracle.gradient(circuit, observable, theta, **given_noise)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 8), seed=seeds)
def test_gradients_from_amplitudes_equal_parameter_shift_on_the_density_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits, 4)
    theta, states = oracle.random_angles(rng, circuit), random_amplitudes(rng, 2, n_qubits)
    for engine in ENGINES:
        values, gradients = engine.objective(circuit, observable).values_and_gradients([theta], states)
        for state, value, gradient in zip(states, values, gradients, strict=True):
            rho = np.outer(state, state.conj())
            assert value == pytest.approx(oracle.energy(circuit, observable, theta, start=rho), rel=0, abs=1e-12)
            expected = oracle.gradient(circuit, observable, theta, start=rho)
            np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_of_either_serves_all_of_the_other(engine):
    rng = np.random.default_rng(0)
    circuit, observable = layers(3, 2), oracle.random_observable(rng, 3)
    objective = engine.objective(circuit, observable)
    thetas, states = rng.normal(size=(4, 12)), random_amplitudes(rng, 4, 3)
    each = [[objective.values_and_gradients([t], [s]) for s in states] for t in thetas]
    for first, second in (
        (objective.values_and_gradients(thetas, states), [each[k][k] for k in range(4)]),
        (objective.values_and_gradients(thetas[1:2], states), each[1]),
        (objective.values_and_gradients(thetas, states[2]), [row[2] for row in each]),
    ):
        np.testing.assert_array_equal(first[0], [value[0] for value, _ in second])
        np.testing.assert_array_equal(first[1], [gradient[0] for _, gradient in second])
    assert np.ptp(each[0][0][1] - each[0][1][1]) > 0.1, "another start, another gradient"
    with pytest.raises(EngineError, match="4 parameter vectors and 3 start states"):
        objective.values_and_gradients(thetas, states[:3])


@pytest.mark.parametrize("engine", ENGINES)
def test_no_rows_and_no_parameters_give_empty_arrays(engine):
    z = Observable.from_terms({"ZI": 1.0})
    objective = engine.objective(layers(2, 1), z)
    for states in (None, np.eye(4)[:1], np.empty((0, 4))):
        values, gradients = objective.values_and_gradients(np.empty((0, 4)), states)
        assert (values.shape, gradients.shape) == ((0,), (0, 4))
    fixed = engine.objective(Circuit(2, (Operation("x", (1,)),)), z)
    values, gradients = fixed.values_and_gradients(np.empty((3, 0)))
    np.testing.assert_array_equal(values, [-1.0] * 3)
    assert gradients.shape == (3, 0)
    assert fixed.values_and_gradients(np.empty((1, 0)), np.eye(4))[0].tolist() == [-1, -1, 1, 1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("thetas", "states", "match"),
    [
        (np.zeros(4), None, "shape"),
        (np.zeros((2, 3)), None, "shape"),
        (np.full((1, 4), np.nan), None, "finite"),
        (np.zeros((1, 4)), np.ones((1, 3)), "shape"),
        (np.zeros((1, 4)), np.ones((1, 4)), "normalized"),
    ],
)
def test_arrays_of_the_wrong_kind_are_refused(engine, thetas, states, match):
    objective = engine.objective(layers(2, 1), Observable.from_terms({"ZZ": 1.0}))
    with pytest.raises(EngineError, match=match):
        objective.values_and_gradients(thetas, states)


@pytest.mark.parametrize("engine", ENGINES)
def test_angles_beyond_the_range_of_numbers_are_refused_in_batches(engine):
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0, 10.0),)),))
    objective = engine.objective(circuit, Observable.from_terms({"Z": 1.0}))
    thetas = [[0.0], [1e308]]
    calls = [objective.batch, objective.values_and_gradients, objective.states]
    for call in calls:
        with pytest.raises(CircuitError, match="range of float64"):
            call(thetas)
    with pytest.raises(CircuitError, match="range of float64"):
        objective.values_and_gradients(thetas, np.eye(2))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_number_of_threads_changes_nothing(engine, monkeypatch):
    rng = np.random.default_rng(1)
    objective = engine.objective(layers(3, 2), oracle.random_observable(rng, 3))
    thetas, states = rng.normal(size=(7, 12)), random_amplitudes(rng, 7, 3)
    results = []
    for n_threads in (1, 3, 7):
        monkeypatch.setattr(threads, "thread_limit", lambda n=n_threads: n)
        monkeypatch.setattr(threads, "_WORTH_SECONDS", 1e-12)
        parts = [objective.values_and_gradients(thetas), objective.values_and_gradients(thetas[:1], states)]
        results.append(np.concatenate([np.column_stack(pair).ravel() for pair in parts]))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_threads_are_as_many_as_their_workspaces_fit_into_memory(monkeypatch):
    monkeypatch.setattr(threads, "thread_limit", lambda: 4)
    parts = []
    threads.in_parallel(lambda first, end: parts.append((first, end)), 100, 1.0, most_parts=2)
    assert sorted(parts) == [(0, 50), (50, 100)]


@pytest.mark.parametrize("n_threads", [2, 3, 4, 7, 100])
def test_energies_have_the_same_bits_with_any_number_of_threads(monkeypatch, n_threads):
    objective = PauliTransferSimulator(NoiseModel.named("mumbai-median")).objective(
        layers(4, 2), Observable.from_terms({"ZZZZ": 1.0, "XXXX": 0.5, "IIXY": 0.25})
    )
    thetas = np.random.default_rng(7).normal(size=(403, objective.n_parameters))
    monkeypatch.setattr(threads, "thread_limit", lambda: 1)
    alone = objective.batch(thetas)
    monkeypatch.setattr(threads, "thread_limit", lambda: n_threads)
    monkeypatch.setattr(threads, "_WORTH_SECONDS", 1e-12)
    np.testing.assert_array_equal(objective.batch(thetas), alone)


def test_parts_begin_where_the_items_that_go_together_do(monkeypatch):
    monkeypatch.setattr(threads, "thread_limit", lambda: 3)
    parts = []
    threads.in_parallel(lambda first, end: parts.append((first, end)), 11, 1.0, together=4)
    assert sorted(parts) == [(0, 4), (4, 8), (8, 11)]


@pytest.mark.parametrize(("gamma", "n_layers", "harmful"), [(0.02, 2, False), (0.5, 4, True)])
def test_rows_that_undoing_would_spoil_are_taken_from_kept_states(gamma, n_layers, harmful):
    damping = amplitude_damping(gamma)
    noise = NoiseModel.from_channels(damping, damping.tensor(damping))
    circuit = layers(9, n_layers)
    objective = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({"Z" * 9: 1.0}))
    thetas = np.random.default_rng(0).normal(size=(2, circuit.n_parameters))
    undone, _ = gradients_of_points(replace(objective.program, kept=None), thetas)
    assert np.isnan(undone).all() == harmful
    values, gradients = objective.values_and_gradients(thetas)
    for theta, value, gradient in zip(thetas, values, gradients, strict=True):
        expected_value, expected_gradient = objective.value_and_gradient(theta)
        assert value == pytest.approx(expected_value, rel=0, abs=1e-13)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("gamma", "harmful"), [(0.02, False), (0.9, True)])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("n_points", [1, 3])
def test_undoing_is_compared_with_the_start_state_whatever_its_size(gamma, harmful, scale, n_points):
    rng = np.random.default_rng(3)
    damping = amplitude_damping(gamma)
    noise = NoiseModel.from_channels(damping, damping.tensor(damping))
    circuit = layers(3, 4)
    engine = PauliTransferSimulator(noise)
    observable = oracle.random_observable(rng, 3)
    kept = engine.joined_program(circuit, observable)
    ints = kept.arguments[0].copy()
    ints[layout.UNCOMPUTED] = 1  # plans of few qubits never do this by themselves
    undoing = replace(kept, arguments=(ints, *kept.arguments[1:]))
    thetas = rng.normal(size=(n_points, circuit.n_parameters))
    vectors = scale * np.array([oracle.pauli_values(rho) for rho in random_matrices(rng, 3, 3)])
    values, gradients = gradients_of_pairs(undoing, thetas, vectors)
    assert np.isnan(values).any() == harmful
    expected_values, expected_gradients = gradients_of_pairs(kept, thetas, vectors)
    if not harmful:
        np.testing.assert_allclose(gradients, expected_gradients, rtol=0, atol=1e-9 * scale)
    values, gradients = gradients_of_pairs(replace(undoing, kept=kept), thetas, vectors)
    np.testing.assert_allclose(values, expected_values, rtol=0, atol=1e-14 * scale)
    np.testing.assert_allclose(gradients, expected_gradients, rtol=0, atol=1e-9 * scale)


def test_requests_beyond_the_free_memory_are_refused_with_what_they_would_take(monkeypatch):
    monkeypatch.setattr("qvar.simulators.memory.available_bytes", lambda: 2**33)
    objective = PauliTransferSimulator().objective(layers(12, 1), Observable.from_terms({"Z" * 12: 1.0}))
    thetas = np.zeros((64, 24))
    with pytest.raises(EngineError, match=r"64 final states of this circuit would take 8\.\d GiB"):
        objective.states(thetas)
    with pytest.raises(EngineError, match=r"64 pulled-back observables of this circuit would take 8\.\d GiB"):
        objective.pulled_back(thetas)
    with pytest.raises(EngineError, match=r"100 start states as Pauli vectors would take 75\.0 GiB"):
        objective.batch(thetas[:1], states=np.broadcast_to(np.eye(1, 2**12), (100, 2**12)))
    damping = amplitude_damping(0.9)  # states cannot be undone, so all are kept
    noise = NoiseModel.from_channels(damping, damping.tensor(damping))
    long = PauliTransferSimulator(noise).objective(layers(12, 6), Observable.from_terms({"Z" * 12: 1.0}))
    with pytest.raises(EngineError, match=r"the gradient of this circuit would take \d+\.\d GiB"):
        long.gradient_from(np.zeros(144), np.zeros(4**12))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_gradient_is_refused_if_its_workspace_misses_one_byte(engine, monkeypatch):
    circuit, observable = layers(3, 2), Observable.from_terms({"ZZZ": 1.0})
    needed = 8 * engine.objective(circuit, observable).program.gradient_numbers
    monkeypatch.setattr("qvar.simulators.memory._WORTH_ASKING", 0)
    for free in (needed, needed - 1):
        monkeypatch.setattr("qvar.simulators.memory.available_bytes", lambda free=free: free)
        objective = engine.objective(circuit, observable)
        if free < needed:
            with pytest.raises(EngineError, match="the gradient of this circuit would take"):
                objective.value_and_gradient(np.zeros(12))
        else:
            assert objective.value_and_gradient(np.zeros(12))[0] == pytest.approx(1.0)


def test_matrices_that_are_not_square_are_refused_with_the_shapes_that_are_taken():
    objective = PauliTransferSimulator().objective(layers(2, 1), Observable.from_terms({"ZI": 1.0}))
    for shape in ((1, 2, 4), (1, 8, 4)):
        with pytest.raises(EngineError, match="16\\) as Pauli vectors, got"):
            objective.batch(np.zeros((1, 4)), states=np.zeros(shape))
