"""Reverse-sweep gradients inside qiskit-machine-learning, against its own parameter shift."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.fake_provider import FakeMumbaiV2
from qiskit_machine_learning.algorithms import VQC, NeuralNetworkClassifier
from qiskit_machine_learning.circuit.library import raw_feature_vector
from qiskit_machine_learning.exceptions import QiskitMachineLearningError
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient, ParamShiftSamplerGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import ADAM

from qvar.simulators import (
    AerSimulator,
    EstimatorV2,
    NoiseModel,
    PauliTransferSimulator,
    ReadoutError,
    SamplerV2,
    StatevectorSimulator,
)
from qvar.simulators.errors import EngineError
from qvar.simulators.primitives.compilation import Compiler
from qvar.simulators.primitives.gradients import ReverseEstimatorGradient, ReverseSamplerGradient
from tests.simulators.primitives.cases import random_circuit, random_observable, random_values

NOISE = NoiseModel.from_numbers(p1=0.01, p2=0.04, readout=0.03)
ENGINES = {
    "state vector": StatevectorSimulator(),
    "pauli-transfer": PauliTransferSimulator(),
    "pauli-transfer, noisy": PauliTransferSimulator(NOISE),
    "aer, noisy": AerSimulator(NOISE),
}


def network_parts(n_qubits=3):
    """A feature map with products of inputs in its angles, and an ansatz."""
    feature_map, ansatz = zz_feature_map(n_qubits, reps=1), real_amplitudes(n_qubits, reps=1)
    circuit = QuantumCircuit(n_qubits)
    circuit.compose(feature_map, inplace=True)
    circuit.compose(ansatz, inplace=True)
    return {"circuit": circuit, "input_params": feature_map.parameters, "weight_params": ansatz.parameters}


def data_for(parts, rows=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, len(parts["input_params"]))), rng.normal(size=len(parts["weight_params"]))


def exact_probabilities(engine, circuit, values):
    """Return the probabilities of all outcomes from expectation values, shape (n_points, 2**n_qubits)."""
    n = circuit.num_qubits
    labels = ["".join("Z" if s >> q & 1 else "I" for q in reversed(range(n))) for s in range(2**n)]
    evs = EstimatorV2(engine).run([(circuit, [[label] for label in labels], values)]).result()[0].data.evs
    signs = np.array([[(-1) ** bin(s & b).count("1") for s in range(2**n)] for b in range(2**n)])
    return (signs @ evs).T / 2**n


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_estimator_networks_go_backward_as_with_parameter_shift(engine):
    parts, estimator = network_parts(), EstimatorV2(engine)
    observables = [SparsePauliOp("ZZZ"), SparsePauliOp(["XIY", "III", "IIZ"], [0.5, 2.0, -0.3])]
    options = parts | {"observables": observables, "estimator": estimator, "default_precision": 0.0}
    ours = EstimatorQNN(gradient=ReverseEstimatorGradient(estimator), input_gradients=True, **options)
    stock = EstimatorQNN(gradient=ParamShiftEstimatorGradient(estimator), input_gradients=True, **options)
    data, weights = data_for(parts)
    for mine, theirs in zip(ours.backward(data, weights), stock.backward(data, weights), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-8)
        assert np.abs(theirs).max() > 0.1
    ours.input_gradients = False
    inputs, again = ours.backward(data, weights)
    assert inputs is None
    np.testing.assert_array_equal(again, ours.backward(data, weights)[1])


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_gradients_of_any_circuit_and_expression_are_difference_quotients(n_qubits, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = random_circuit(rng, n_qubits, n_gates=10), random_observable(rng, n_qubits)
    values = random_values(rng, circuit, ())
    (gradient,) = ReverseEstimatorGradient().run([circuit], [observable], [values]).result().gradients
    h = 1e-6 * np.eye(circuit.num_parameters)
    evs = (
        StatevectorEstimator()
        .run([(circuit, observable, np.concatenate([values + h, values - h]))])
        .result()[0]
        .data.evs
    )
    np.testing.assert_allclose(gradient, (evs[: len(h)] - evs[len(h) :]) / 2e-6, rtol=0, atol=1e-7)


def test_a_wrong_sign_of_one_gradient_is_noticed():
    theta = Parameter("t")
    circuit = QuantumCircuit(1)
    circuit.ry(-2 * theta, 0)
    (gradient,) = ReverseEstimatorGradient().run([circuit], [SparsePauliOp("X")], [[0.3]]).result().gradients
    assert gradient == pytest.approx([-2 * np.cos(0.6)])
    assert gradient != pytest.approx([2 * np.cos(0.6)])


def test_only_the_parameters_asked_for_are_given_in_the_order_asked():
    a, b, phase = Parameter("a"), Parameter("b"), Parameter("c")
    circuit = QuantumCircuit(1, global_phase=phase)
    circuit.rx(a, 0)
    circuit.ry(b * a, 0)
    job = ReverseEstimatorGradient().run(
        [circuit] * 3, [SparsePauliOp("Z")] * 3, [[0.3, 0.4, 9.0]] * 3, [[b, a], [a], None]
    )
    result = job.result()
    whole = result.gradients[2]
    assert whole[2] == 0, "a global phase has no effect"
    np.testing.assert_array_equal(result.gradients[0], whole[[1, 0]])
    np.testing.assert_array_equal(result.gradients[1], whole[:1])
    assert [entry["parameters"] for entry in result.metadata][:2] == [[b, a], [a]]


@pytest.mark.parametrize("noise", [None, NOISE])
def test_sampler_networks_go_backward_as_by_parameter_shift_of_exact_probabilities(noise):
    parts, engine = network_parts(), PauliTransferSimulator(noise)
    sampler = SamplerV2(engine)
    network = SamplerQNN(sampler=sampler, gradient=ReverseSamplerGradient(sampler), input_gradients=True, **parts)
    data, weights = data_for(parts)
    by_input, by_weight = network.backward(data, weights)
    circuit = network._circuit.remove_final_measurements(inplace=False)
    points = np.hstack([data, np.tile(weights, (len(data), 1))])
    for k in range(len(weights)):
        shift = np.pi / 2 * np.eye(points.shape[1])[data.shape[1] + k]
        plus, minus = (exact_probabilities(engine, circuit, points + sign * shift) for sign in (1, -1))
        np.testing.assert_allclose(by_weight[:, :, k], (plus - minus) / 2, rtol=0, atol=1e-8)
    for k in range(data.shape[1]):
        step = 1e-5 * np.eye(points.shape[1])[k]
        plus, minus = (exact_probabilities(engine, circuit, points + sign * step) for sign in (1, -1))
        np.testing.assert_allclose(by_input[:, :, k], (plus - minus) / 2e-5, rtol=0, atol=1e-8)
    assert np.abs(by_weight).max() > 0.05
    np.testing.assert_allclose(by_weight.sum(axis=1), 0, atol=1e-12)


def test_sampler_gradients_agree_with_the_sampled_stock_gradient():
    parts = network_parts(2)
    sampler = SamplerV2(PauliTransferSimulator(NOISE), default_shots=100_000, seed=1)
    data, weights = data_for(parts, rows=2)
    parity = {"interpret": lambda outcome: outcome.bit_count() % 2, "output_shape": 2}
    ours = SamplerQNN(sampler=sampler, gradient=ReverseSamplerGradient(sampler), **parts, **parity)
    stock = SamplerQNN(sampler=sampler, gradient=ParamShiftSamplerGradient(sampler), **parts, **parity)
    mine, theirs = ours.backward(data, weights)[1], stock.backward(data, weights)[1]
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=5 * 2 / np.sqrt(100_000))
    assert np.abs(mine).max() > 0.05


def test_outcomes_are_numbered_by_the_bits_that_are_written():
    theta, phi = Parameter("theta"), Parameter("phi")
    circuit = QuantumCircuit(3, 4)
    circuit.ry(theta, 0)
    circuit.ry(phi, 2)
    circuit.measure([0, 2], [3, 0])
    values = {phi: 0.8, theta: 0.4}
    order = list(circuit.parameters)
    (gradients,) = ReverseSamplerGradient().run([circuit], [[values[p] for p in order]]).result().gradients
    ones = {p: np.sin(value / 2) ** 2 for p, value in values.items()}
    for by, other, bit, other_bit in ((theta, phi, 3, 0), (phi, theta, 0, 3)):
        for one in (0, 1):
            for other_one in (0, 1):
                slope = (1 if one else -1) * np.sin(values[by]) / 2 * (ones[other] if other_one else 1 - ones[other])
                outcome = (one << bit) + (other_one << other_bit)
                assert gradients[order.index(by)][outcome] == pytest.approx(slope)


@pytest.fixture(scope="module")
def mumbai():
    """Return the noise of a device with 27 qubits and a pass manager that uses two of them."""
    backend = FakeMumbaiV2()
    manager = generate_preset_pass_manager(1, backend=backend, initial_layout=[12, 10], seed_transpiler=1)
    return NoiseModel.from_backend(backend), manager


def test_networks_of_transpiled_circuits_have_the_gradients_of_their_device(mumbai):
    noise, manager = mumbai
    inputs, weights = ParameterVector("x", 2), ParameterVector("w", 2)
    circuit = QuantumCircuit(2)
    for q in range(2):
        circuit.ry(inputs[q], q)
    circuit.cx(0, 1)
    for q in range(2):
        circuit.ry(weights[q] + inputs[q], q)
    engine, isa = PauliTransferSimulator(noise), manager.run(circuit)
    estimator, sampler = EstimatorV2(engine), SamplerV2(engine)
    data, theta = np.array([[0.3, -0.9]]), np.array([0.5, 1.2])
    options = {"circuit": isa, "input_params": inputs, "weight_params": weights}
    expectation = EstimatorQNN(
        observables=SparsePauliOp("ZZ").apply_layout(isa.layout),
        estimator=estimator,
        gradient=ReverseEstimatorGradient(estimator),
        default_precision=0.0,
        **options,
    )
    probability = SamplerQNN(
        sampler=sampler,
        gradient=ReverseSamplerGradient(sampler),
        interpret=lambda outcome: outcome.bit_count() % 2,
        output_shape=2,
        **options,
    )
    slope = expectation.backward(data, theta)[1][0, 0]
    h = 1e-5 * np.eye(2)
    quotient = [(expectation.forward(data, theta + e) - expectation.forward(data, theta - e)).item() / 2e-5 for e in h]
    np.testing.assert_allclose(slope, quotient, atol=1e-8)
    # <ZZ> = p(even) - p(odd)
    parity = probability.backward(data, theta)[1][0]
    np.testing.assert_allclose(parity[0] - parity[1], slope, atol=1e-10)


def test_a_pass_manager_transpiles_first(mumbai):
    noise, manager = mumbai
    circuit, values = real_amplitudes(2, reps=1), [0.1, 0.2, 0.3, 0.4]
    observable = SparsePauliOp("ZX")
    engine = PauliTransferSimulator(noise)
    (direct,) = (
        ReverseEstimatorGradient(engine)
        .run([manager.run(circuit)], [observable.apply_layout(manager.run(circuit).layout)], [values])
        .result()
        .gradients
    )
    (managed,) = (
        ReverseEstimatorGradient(engine, pass_manager=manager).run([circuit], [observable], [values]).result().gradients
    )
    np.testing.assert_allclose(managed, direct, atol=1e-12)
    measured = circuit.copy()
    measured.measure_all()
    (rows,) = ReverseSamplerGradient(engine, pass_manager=manager).run([measured], [values]).result().gradients
    assert [set(row) for row in rows] == [{0, 1, 2, 3}] * 4


def test_data_encoded_in_amplitudes_stay_fixed():
    feature_map, ansatz = raw_feature_vector(4), real_amplitudes(2, reps=1)
    circuit = QuantumCircuit(2)
    circuit.compose(feature_map, inplace=True)
    circuit.compose(ansatz, inplace=True)
    rng = np.random.default_rng(3)
    data = rng.normal(size=(3, 4))
    data /= np.linalg.norm(data, axis=1, keepdims=True)
    parts = {"circuit": circuit, "input_params": feature_map.parameters, "weight_params": ansatz.parameters}
    options = parts | {"observables": SparsePauliOp("ZZ"), "default_precision": 0.0, "estimator": EstimatorV2()}
    weights = rng.normal(size=4)
    network = EstimatorQNN(gradient=ReverseEstimatorGradient(), **options)
    slope = network.backward(data, weights)[1][:, 0]
    shift = np.pi / 2 * np.eye(4)
    for k in range(4):
        expected = (network.forward(data, weights + shift[k]) - network.forward(data, weights - shift[k])) / 2
        np.testing.assert_allclose(slope[:, k], expected[:, 0], atol=1e-10)
    asking = EstimatorQNN(gradient=ReverseEstimatorGradient(), input_gradients=True, **options)
    with pytest.raises(
        QiskitMachineLearningError, match="no gradient by parameters of a gate that is defined for numbers"
    ):
        asking.backward(data, weights)


def test_only_our_primitives_and_engines_are_taken():
    for gradient in (ReverseEstimatorGradient, ReverseSamplerGradient):
        with pytest.raises(EngineError, match="needs an engine"):
            gradient(StatevectorEstimator())


def test_impossible_sampler_gradients_are_refused():
    theta = Parameter("theta")
    unmeasured = QuantumCircuit(1)
    unmeasured.ry(theta, 0)
    twice = QuantumCircuit(1, 2)
    twice.ry(theta, 0)
    twice.measure([0, 0], [0, 1])
    wide = QuantumCircuit(13)
    wide.ry(theta, 0)
    wide.measure_all()
    noise = NoiseModel("n", default_readout=ReadoutError(0.1, 0.1), strict=False)
    gradient = ReverseSamplerGradient(PauliTransferSimulator(noise))
    for circuit, message in (
        (unmeasured, "measures 0 qubits"),
        (twice, "measured more than once"),
        (wide, "measures 13"),
    ):
        with pytest.raises(ValueError, match=message):
            gradient.run([circuit], [[0.1]]).result()


def test_a_training_loop_translates_its_circuit_once(monkeypatch):
    prepared = []

    def counting(self, circuit, original=Compiler._prepare):
        prepared.append(circuit)
        return original(self, circuit)

    monkeypatch.setattr(Compiler, "_prepare", counting)
    parts, estimator = network_parts(), EstimatorV2(PauliTransferSimulator(NOISE))
    network = EstimatorQNN(
        observables=SparsePauliOp("ZZZ"), estimator=estimator, gradient=ReverseEstimatorGradient(estimator), **parts
    )
    data, weights = data_for(parts)
    for step in range(4):
        network.forward(data, weights + step)
        network.backward(data, weights + step)
    assert len(prepared) == 1


START = np.array([1.2, -0.8, 0.5, 2.5])


def small_data(n=24):
    """Two classes that a rotation tells apart."""
    rng = np.random.default_rng(5)
    labels = np.arange(n) % 2
    return rng.normal(scale=0.25, size=(n, 2)) + np.where(labels, 0.9, -0.9)[:, None], labels


def rotations():
    """One rotation for each of two features."""
    circuit = QuantumCircuit(2)
    for q, x in enumerate(ParameterVector("x", 2)):
        circuit.ry(x, q)
    return circuit


def test_a_variational_classifier_trains_under_noise_with_exact_gradients():
    data, labels = small_data()
    sampler = SamplerV2(PauliTransferSimulator(NOISE), default_shots=512, seed=1)

    def score(steps):
        optimizer = ADAM(maxiter=steps, lr=0.2)
        ansatz = real_amplitudes(2, reps=1)
        classifier = VQC(
            feature_map=rotations(), ansatz=ansatz, optimizer=optimizer, initial_point=-START, sampler=sampler
        )
        classifier.neural_network.gradient = ReverseSamplerGradient(sampler)
        return classifier.fit(data, labels).score(data, labels)

    assert score(0) < 0.8, "untrained"
    assert score(40) >= 0.95


def test_a_network_classifier_trains_under_noise_with_exact_gradients():
    data, labels = small_data()
    signs, estimator = 1 - 2 * labels, EstimatorV2(PauliTransferSimulator(NOISE))
    feature_map, ansatz = rotations(), real_amplitudes(2, reps=1)
    network = EstimatorQNN(
        circuit=feature_map.compose(ansatz),
        observables=SparsePauliOp("ZI"),
        input_params=feature_map.parameters,
        weight_params=ansatz.parameters,
        estimator=estimator,
        gradient=ReverseEstimatorGradient(estimator),
        default_precision=0.0,
    )

    def score(steps):
        classifier = NeuralNetworkClassifier(network, optimizer=ADAM(maxiter=steps, lr=0.1), initial_point=START)
        return classifier.fit(data, signs).score(data, signs)

    assert score(0) < 0.8, "untrained"
    assert score(80) >= 0.95
