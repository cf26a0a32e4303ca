"""The Fubini-Study metric: against differences of Qiskit's states, PennyLane, distances, and hand calculation."""

import numpy as np
import pennylane as qml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane import numpy as pnp
from qiskit.quantum_info import Operator

from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
    depolarizing,
    fubini_study_metric,
)
from qvar.simulators.errors import CircuitError, EngineError

ONE_QUBIT, TWO_QUBITS = ("rx", "ry", "rz", "p", "u", "h", "sx"), ("cx", "rxx", "ryy", "rzz", "ecr")
N_ANGLES = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "u": 3, "rxx": 1, "ryy": 1, "rzz": 1}


def random_circuit(n_qubits, rng, n_gates=14, n_slots=5):
    """Gates of every kind whose angles are fixed, or shared, scaled and shifted slots."""
    operations = [Operation("ry", (k % n_qubits,), (Slot(k),)) for k in range(n_slots)]
    for _ in range(n_gates):
        gate = str(rng.choice(ONE_QUBIT + (TWO_QUBITS if n_qubits > 1 else ())))
        qubits = rng.permutation(n_qubits)[: 1 + (gate in TWO_QUBITS)].tolist()
        angles = [
            Slot(int(rng.integers(n_slots)), *rng.normal(size=2)) if rng.random() < 0.7 else rng.normal()
            for _ in range(N_ANGLES.get(gate, 0))
        ]
        operations.append(Operation(gate, tuple(qubits), tuple(angles)))
    return Circuit(n_qubits, tuple(operations))


def random_states(n_states, n_qubits, rng):
    states = rng.normal(size=(n_states, 2**n_qubits)) + 1j * rng.normal(size=(n_states, 2**n_qubits))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def by_differences(circuit, theta, start, width=1e-4):
    """The definition, with derivatives of Qiskit's states by differences of fourth order."""

    def state(angles):
        return Operator(circuit.to_qiskit(angles)).data @ start

    steps = width * np.eye(len(theta))
    d = np.array(
        [
            (8 * (state(theta + e) - state(theta - e)) - state(theta + 2 * e) + state(theta - 2 * e)) / (12 * width)
            for e in steps
        ]
    )
    overlaps = d.conj() @ state(theta)
    return (d.conj() @ d.T - np.outer(overlaps, overlaps.conj())).real


@settings(deadline=None, max_examples=25)
@given(n_qubits=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_it_is_that_of_the_states_of_qiskit_with_every_gate_and_shared_and_scaled_angles(n_qubits, seed):
    rng = np.random.default_rng(seed)
    circuit, theta = random_circuit(n_qubits, rng), rng.normal(size=5)
    expected = by_differences(circuit, theta, np.eye(2**n_qubits)[0])
    np.testing.assert_allclose(fubini_study_metric(circuit, theta), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("n_states", [1, 3, 7, 8, 20])
def test_over_start_states_it_is_the_mean_of_their_metrics_by_either_route(n_states):
    rng = np.random.default_rng(n_states)
    circuit, theta, states = random_circuit(3, rng), rng.normal(size=5), random_states(n_states, 3, rng)
    expected = np.mean([by_differences(circuit, theta, state) for state in states], axis=0)
    np.testing.assert_allclose(fubini_study_metric(circuit, theta, states), expected, rtol=0, atol=1e-8)


def test_many_states_in_parts_give_what_they_give_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    circuit, theta, states = random_circuit(2, rng), rng.normal(size=5), random_states(50, 2, rng)
    at_once = fubini_study_metric(circuit, theta, states)
    monkeypatch.setattr("qvar.simulators.metric._MAX_BYTES", 16 * 4 * 20 * 3)
    np.testing.assert_allclose(fubini_study_metric(circuit, theta, states), at_once, rtol=0, atol=1e-14)


def test_it_is_that_of_pennylane():
    """Without `p` and `u`: PennyLane 0.45 drops their phases from some entries only, and differs by 0.5 there."""
    rng = np.random.default_rng(5)
    circuit = Circuit(
        2,
        (
            Operation("h", (0,)),
            Operation("ry", (0,), (Slot(0),)),
            Operation("rz", (0,), (Slot(1),)),
            Operation("cx", (0, 1)),
            Operation("rzz", (0, 1), (Slot(2),)),
            Operation("rx", (1,), (Slot(3),)),
            Operation("cx", (1, 0)),
            Operation("ry", (1,), (Slot(4),)),
            Operation("ry", (0,), (Slot(0, -0.5, 0.3),)),
        ),
    )
    theta, function = rng.normal(size=5), circuit.to_pennylane()

    @qml.qnode(qml.device("default.qubit", wires=3))
    def node(angles):
        function(angles)
        return qml.expval(qml.Z(0))

    expected = qml.metric_tensor(node, approx=None, aux_wire=2)(pnp.array(theta, requires_grad=True))
    np.testing.assert_allclose(fubini_study_metric(circuit, theta), expected, rtol=0, atol=1e-10)


def test_it_tells_how_far_states_are_apart():
    rng = np.random.default_rng(2)
    circuit, theta = random_circuit(3, rng), rng.normal(size=5)
    objective = StatevectorSimulator().objective(circuit, Observable.from_terms({"ZZZ": 1.0}))
    step = 1e-3 * rng.normal(size=5)
    overlap = np.vdot(objective.state(theta - step / 2), objective.state(theta + step / 2))
    distance = step @ fubini_study_metric(circuit, theta) @ step
    assert 1 - abs(overlap) ** 2 == pytest.approx(distance, rel=1e-4)
    other = step @ np.roll(fubini_study_metric(circuit, theta), 1, axis=(0, 1)) @ step
    assert abs(other - distance) > 1e-2 * distance


def test_a_phase_of_the_whole_state_moves_nothing_and_a_rotation_moves_a_quarter():
    circuit = Circuit(1, (Operation("p", (0,), (Slot(0),)), Operation("ry", (0,), (Slot(1),))))
    np.testing.assert_allclose(fubini_study_metric(circuit, [0.3, 0.7]), [[0, 0], [0, 0.25]], rtol=0, atol=1e-15)


def test_it_has_the_shape_of_the_free_angles_and_no_negative_eigenvalue():
    circuit = random_circuit(3, np.random.default_rng(8))
    metric = fubini_study_metric(circuit, np.ones(5))
    np.testing.assert_allclose(metric, metric.T, rtol=0, atol=1e-15)
    assert np.linalg.eigvalsh(metric).min() > -1e-12
    assert fubini_study_metric(Circuit(2, (Operation("h", (0,)),)), []).shape == (0, 0)
    assert fubini_study_metric(Circuit(1), [], np.eye(2)).shape == (0, 0)


def test_exact_objectives_offer_that_of_their_noiseless_circuit():
    circuit, observable = random_circuit(2, np.random.default_rng(3)), Observable.from_terms({"ZX": 1.0})
    theta = np.linspace(-1, 1, 5)
    expected = fubini_study_metric(circuit, theta)
    for engine in (
        StatevectorSimulator(),
        PauliTransferSimulator(),
        PauliTransferSimulator(NoiseModel.from_numbers(p1=0.1, p2=0.2, readout=0.1)),
    ):
        np.testing.assert_array_equal(engine.objective(circuit, observable).metric(theta), expected)


def test_what_is_no_pure_state_is_refused():
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
    noisy = Circuit(1, (*circuit.operations, Operation("channel", (0,), (), depolarizing(0.1))))
    with pytest.raises(EngineError, match="channels"):
        fubini_study_metric(noisy, [0.1])
    with pytest.raises(EngineError, match="normalized"):
        fubini_study_metric(circuit, [0.1], [[1.0, 1.0]])
    with pytest.raises(EngineError, match="shape"):
        fubini_study_metric(circuit, [0.1], np.eye(4))
    with pytest.raises(EngineError, match="got none"):
        fubini_study_metric(circuit, [0.1], np.empty((0, 2)))
    with pytest.raises(CircuitError, match="1 parameter"):
        fubini_study_metric(circuit, [0.1, 0.2])
