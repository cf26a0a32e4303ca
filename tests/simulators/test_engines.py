"""What all engines share: the contract, batches, shapes of arguments, refusals, and the pure state."""

import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

from qvar.simulators import (
    AerSimulator,
    Circuit,
    Engine,
    NoiseModel,
    Objective,
    Observable,
    Operation,
    PauliPropagationSimulator,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.channels import depolarizing
from qvar.simulators.errors import CircuitError, EngineError, NoiseModelError
from tests.simulators import oracle

ENGINES = [PauliTransferSimulator(NoiseModel.named("mumbai-median")), StatevectorSimulator(), AerSimulator()]
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
TURN = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
TWO_TURNS = TURN.then([Operation("rz", (0,), (Slot(1),)), Operation("rx", (0,), (0.3,))])
Z = Observable.from_terms({"Z": 1.0})


@every_engine
def test_engines_and_objectives_honour_their_contracts(engine):
    assert isinstance(engine, Engine)
    objective = engine.objective(TURN, Z)
    assert isinstance(objective, Objective)
    assert isinstance(objective.with_shots(10, np.random.default_rng(0)), Objective)
    assert isinstance(objective([0.1]), float)
    assert objective.n_parameters == 1
    assert objective.shots_per_evaluation == 0


@pytest.mark.parametrize("engine", [*ENGINES, PauliPropagationSimulator(max_weight=3)], ids=lambda engine: engine.name)
def test_engines_are_shown_with_their_settings_and_nothing_else(engine):
    engine.objective(TURN, Z)
    assert re.findall(r"\b_\w+=| object at ", repr(engine)) == []


@every_engine
def test_a_batch_equals_single_evaluations(engine):
    rng = np.random.default_rng(0)
    circuit, observable = oracle.random_circuit(rng, 3, 20), oracle.random_observable(rng, 3)
    objective = engine.objective(circuit, observable)
    thetas = rng.uniform(-3, 3, size=(7, circuit.n_parameters))
    batch = objective.batch(thetas)
    assert batch.dtype == np.float64
    np.testing.assert_allclose(batch, [objective(theta) for theta in thetas], rtol=0, atol=1e-13)
    assert objective.batch(thetas[:0]).shape == (0,)


@every_engine
def test_lists_strided_reversed_transposed_and_read_only_arrays_give_the_same_energies(engine):
    objective = engine.objective(TWO_TURNS, Z)
    expected = objective([0.3, 0.8])
    frozen = np.array([0.3, 0.8])
    frozen.setflags(write=False)
    for theta in ((0.3, 0.8), frozen, np.array([0.3, 9.0, 0.8])[::2], np.array([0.8, 0.3])[::-1]):
        assert objective(theta) == expected
        assert objective.value_and_gradient(theta)[0] == pytest.approx(expected, rel=0, abs=1e-14)
    columns = np.array([[0.3, 0.3], [0.8, 0.8]])
    columns.setflags(write=False)
    assert objective.batch(columns.T).tolist() == [expected, expected]


@every_engine
def test_evaluating_changes_neither_the_argument_nor_later_results(engine):
    objective = engine.objective(TWO_TURNS, Z)
    theta = np.array([0.3, 0.8])
    first = objective(theta)
    _, gradient = objective.value_and_gradient(theta)
    kept = gradient.copy()
    objective.value_and_gradient([2.0, 1.0])
    objective.batch(np.ones((4, 2)))
    np.testing.assert_array_equal(gradient, kept)
    np.testing.assert_array_equal(theta, [0.3, 0.8])
    assert objective(theta) == first


@every_engine
@pytest.mark.parametrize("theta", [[], [1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], [1.0, np.nan], [np.inf, 0.0]])
def test_wrong_or_infinite_angles_are_refused(engine, theta):
    objective = engine.objective(TWO_TURNS, Z)
    with pytest.raises(CircuitError, match="parameter"):
        objective(theta)
    with pytest.raises(CircuitError, match="parameter"):
        objective.value_and_gradient(theta)


@every_engine
@pytest.mark.parametrize("thetas", [[1.0, 2.0], [[1.0]], [[[1.0, 2.0]]], [[1.0, np.nan]]])
@pytest.mark.parametrize("shots", [None, 10])
def test_wrong_or_infinite_batches_are_refused(engine, thetas, shots):
    objective = engine.objective(TWO_TURNS, Z)
    if shots is not None:
        objective = objective.with_shots(shots, np.random.default_rng(0))
    with pytest.raises(EngineError, match="batch"):
        objective.batch(thetas)


@every_engine
def test_circuit_and_observable_must_have_the_same_size(engine):
    with pytest.raises(EngineError, match=r"1 qubit\(s\) and the observable 2"):
        engine.objective(TURN, Observable.from_terms({"ZZ": 1.0}))


@pytest.mark.parametrize("engine", [PauliTransferSimulator, AerSimulator])
def test_noisy_engines_refuse_what_the_device_lacks(engine):
    ourense = engine(NoiseModel.named("ourense"))
    with pytest.raises(NoiseModelError, match="has 4 qubit"):
        ourense.objective(Circuit(5), Observable.from_terms({"ZIIII": 1.0}))
    with pytest.raises(NoiseModelError, match="coupled pairs are 0-1, 1-2, 1-3"):
        ourense.objective(Circuit(3, (Operation("cx", (0, 2)),)), Observable.from_terms({"ZZZ": 1.0}))


def test_states_too_large_for_memory_are_refused_before_they_are_allocated(monkeypatch):
    monkeypatch.setattr("qvar.simulators.memory.available_bytes", lambda: 2**32)
    with pytest.raises(EngineError, match="up to 12 qubits, got 13"):
        PauliTransferSimulator().objective(Circuit(13), Observable.from_terms({"Z" * 13: 1.0}))
    chain = tuple(Operation("cx", (q, q + 1)) for q in range(11))
    layers = tuple(Operation("rx", (q,), (Slot(12 * k + q),)) for k in range(6) for q in range(12))
    total = Operation("channel", (0, 1), channel=depolarizing(1.0, n_qubits=2))  # cannot be undone: states are kept
    circuit = Circuit(12, (*chain, total, *(g for k in range(6) for g in (*layers[12 * k : 12 * k + 12], *chain))))
    large = PauliTransferSimulator().objective(circuit, Observable.from_terms({"Z" * 12: 1.0}))
    with pytest.raises(EngineError, match="GiB"):
        large.value_and_gradient(np.zeros(72))
    with pytest.raises(
        EngineError,
        match=r"the tables .* would take 2\d\.\d GiB of memory, and 4.0 GiB are free",
    ):
        StatevectorSimulator().objective(Circuit(29), Observable.from_terms({"Z" * 29: 1.0}))


def test_aer_refuses_unknown_methods():
    with pytest.raises(EngineError, match="unknown Aer method 'magic'; known are automatic, density_matrix"):
        AerSimulator(method="magic")


@settings(max_examples=60, deadline=None)
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 16), seed=st.integers(0, 2**32 - 1))
def test_amplitudes_equal_qiskits_state_vector_up_to_a_phase(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    theta = oracle.random_angles(rng, circuit)
    objective = StatevectorSimulator().objective(circuit, oracle.random_observable(rng, n_qubits))
    overlap = np.vdot(objective.state(theta), Statevector(circuit.to_qiskit(theta)).data)
    assert abs(overlap) == pytest.approx(1, rel=0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 16), seed=st.integers(0, 2**32 - 1))
def test_state_vector_and_pauli_transfer_agree_without_noise(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    theta = oracle.random_angles(rng, circuit)
    pure, mixed = (
        engine.objective(circuit, observable) for engine in (StatevectorSimulator(), PauliTransferSimulator())
    )
    assert pure(theta) == pytest.approx(mixed(theta), rel=0, abs=1e-12)
    np.testing.assert_allclose(pure.value_and_gradient(theta)[1], mixed.value_and_gradient(theta)[1], atol=1e-12)
    np.testing.assert_allclose(pure.probabilities(theta), mixed.probabilities(theta), rtol=0, atol=1e-12)


def test_threads_do_not_disturb_each_other():
    rng = np.random.default_rng(1)
    circuit, observable = oracle.random_circuit(rng, 4, 40), oracle.random_observable(rng, 4)
    objective = PauliTransferSimulator().objective(circuit, observable)
    thetas = rng.uniform(-3, 3, size=(200, circuit.n_parameters))
    expected, found = objective.batch(thetas), {}

    def evaluate(worker):
        found[worker] = [objective.value_and_gradient(theta)[0] for theta in thetas]

    workers = [threading.Thread(target=evaluate, args=(k,)) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for k in range(3):
        np.testing.assert_allclose(found[k], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("engine", [PauliTransferSimulator, PauliPropagationSimulator, AerSimulator])
def test_a_gate_that_the_device_lacks_is_refused_at_once_even_behind_noisy_ones(engine):
    device = NoiseModel("device", default={"ry": depolarizing(0.1)})
    circuit = Circuit(2, (Operation("ry", (0,), (0.3,)), Operation("cx", (0, 1))))
    with pytest.raises(NoiseModelError, match="no noise data for 'cx'"):
        engine(device).objective(circuit, Observable.from_terms({"ZZ": 1.0}))
