"""Gradients equal those of independent routes, for shared, scaled and shifted slots and any noise."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qvar.simulators import AerSimulator, Circuit, Operation, PauliTransferSimulator, Slot, StatevectorSimulator
from tests.simulators import oracle

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 10), seed=seeds)
def test_the_noisy_gradient_equals_parameter_shift_on_the_density_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits, 4)
    noise, theta = oracle.random_noise(rng, circuit), oracle.random_angles(rng, circuit)
    objective = PauliTransferSimulator(noise.model()).objective(circuit, observable)
    value, gradient = objective.value_and_gradient(theta)
    assert value == objective(theta)
    expected = oracle.gradient(circuit, observable, theta, noise.kraus, noise.readout)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pairs", [[], [(0, 1)], [(2, 1)], [(0, 3), (2, 1)]])
def test_qubits_that_never_meet_have_the_gradient_of_the_density_matrix_too(pairs):
    rng = np.random.default_rng(len(pairs))
    circuit = oracle.coupled_pairs(4, pairs)
    observable = oracle.random_observable(rng, 4, 12)
    noise, theta = oracle.random_noise(rng, circuit), oracle.random_angles(rng, circuit)
    value, gradient = PauliTransferSimulator(noise.model()).objective(circuit, observable).value_and_gradient(theta)
    assert value == pytest.approx(oracle.energy(circuit, observable, theta, noise.kraus, noise.readout), abs=1e-12)
    expected = oracle.gradient(circuit, observable, theta, noise.kraus, noise.readout)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)
    assert np.abs(expected).max() > 1e-3


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 10), seed=seeds)
def test_the_adjoint_gradient_equals_parameter_shift_on_the_density_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits, 4)
    theta = oracle.random_angles(rng, circuit)
    value, gradient = StatevectorSimulator().objective(circuit, observable).value_and_gradient(theta)
    assert value == pytest.approx(oracle.energy(circuit, observable, theta), rel=0, abs=1e-12)
    np.testing.assert_allclose(gradient, oracle.gradient(circuit, observable, theta), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_qubits", [5, 6])
def test_both_sweeps_agree_on_more_qubits(n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, 60), oracle.random_observable(rng, n_qubits, 30)
    theta = oracle.random_angles(rng, circuit)
    value, gradient = PauliTransferSimulator().objective(circuit, observable).value_and_gradient(theta)
    pure_value, pure_gradient = StatevectorSimulator().objective(circuit, observable).value_and_gradient(theta)
    assert value == pytest.approx(pure_value, rel=0, abs=1e-12)
    np.testing.assert_allclose(gradient, pure_gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_the_noisy_gradient_equals_parameter_shift_with_aer(n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, 12), oracle.random_observable(rng, n_qubits)
    noise, theta = oracle.random_noise(rng, circuit), oracle.random_angles(rng, circuit)
    noise.readout = [oracle.ReadoutError(0.1, 0.2)] * n_qubits
    value, gradient = PauliTransferSimulator(noise.model()).objective(circuit, observable).value_and_gradient(theta)
    aer = AerSimulator(noise.model()).objective(circuit, observable)
    aer_value, aer_gradient = aer.value_and_gradient(theta)
    assert value == pytest.approx(aer_value, rel=0, abs=1e-10)
    np.testing.assert_allclose(gradient, aer_gradient, rtol=0, atol=1e-10)
    slots = [p for o in circuit.operations for p in o.parameters if isinstance(p, Slot)]
    assert aer.evaluations_per_gradient == 2 * len(slots) + 1


@pytest.mark.parametrize("n_qubits", [2, 4])
def test_the_noisy_gradient_equals_finite_differences(n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, 30), oracle.random_observable(rng, n_qubits)
    objective = PauliTransferSimulator(oracle.random_noise(rng, circuit).model()).objective(circuit, observable)
    theta = oracle.random_angles(rng, circuit)
    steps = 1e-5 * np.eye(len(theta))
    expected = (objective.batch(theta + steps) - objective.batch(theta - steps)) / 2e-5
    np.testing.assert_allclose(objective.value_and_gradient(theta)[1], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), StatevectorSimulator(), AerSimulator()])
def test_a_circuit_without_slots_has_an_empty_gradient(engine):
    circuit = Circuit(1, (Operation("rx", (0,), (0.4,)),))
    objective = engine.objective(circuit, oracle.Observable.from_terms({"Z": 1.0}))
    value, gradient = objective.value_and_gradient([])
    assert value == pytest.approx(np.cos(0.4))
    assert gradient.shape == (0,)


def test_a_channel_without_inverse_leaves_the_gradient_finite():
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)), Operation("rx", (0,), (Slot(1),))))
    noise = oracle.Noise()
    noise.add("rx", (0,), oracle.depolarizing(1.0), oracle.kraus_depolarizing(1.0))
    objective = PauliTransferSimulator(noise.model()).objective(circuit, oracle.Observable.from_terms({"Z": 1.0}))
    value, gradient = objective.value_and_gradient([0.3, 0.4])
    assert value == 0
    np.testing.assert_array_equal(gradient, [0, 0])
