"""The Pauli-transfer engine equals a density matrix with Kraus operators, whatever the circuit and the noise."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qvar.simulators import Circuit, Observable, Operation, PauliTransferSimulator
from qvar.simulators.channels import thermal_relaxation
from tests.simulators import oracle

thorough = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


def assert_energies_agree(circuit, noise, rng):
    observable, theta = oracle.random_observable(rng, circuit.n_qubits), oracle.random_angles(rng, circuit)
    objective = PauliTransferSimulator(noise.model()).objective(circuit, observable)
    expected = oracle.energy(circuit, observable, theta, noise.kraus, noise.readout)
    assert objective(theta) == pytest.approx(expected, rel=0, abs=1e-12)


@thorough
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 14), seed=seeds)
def test_noisy_energies_equal_those_of_the_density_matrix(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    assert_energies_agree(circuit, oracle.random_noise(rng, circuit), rng)


@pytest.mark.parametrize("n_qubits", [5, 6])
@pytest.mark.parametrize("seed", range(3))
def test_noisy_energies_equal_those_of_the_density_matrix_on_more_qubits(n_qubits, seed):
    rng = np.random.default_rng([n_qubits, seed])
    circuit = oracle.random_circuit(rng, n_qubits, 25)
    assert_energies_agree(circuit, oracle.random_noise(rng, circuit), rng)


def entangled(n_qubits, rng):
    """A start that leaves no Pauli expectation value zero."""
    turns = [Operation("u", (q,), tuple(rng.uniform(0.3, 1.2, size=3))) for q in range(n_qubits)]
    chain = [Operation("rxx", (q, q + 1), (rng.uniform(0.3, 1.2),)) for q in range(n_qubits - 1)]
    return [*turns, *chain, *turns]


def assert_states_agree(circuit, noise):
    engine = PauliTransferSimulator(noise.model())
    objective = engine.objective(circuit, Observable.from_terms({"Z" * circuit.n_qubits: 1.0}))
    expected = oracle.pauli_values(oracle.density_matrix(circuit, kraus=noise.kraus))
    np.testing.assert_allclose(objective.state([]), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("gate", oracle.ONE_QUBIT)
def test_every_one_qubit_gate_is_right_on_every_qubit(gate):
    rng = np.random.default_rng(1)
    angles = tuple(rng.uniform(-3, 3, size=oracle.N_ANGLES.get(gate, 0)))
    for q in range(4):
        last = Circuit(4, (Operation(gate, (q,), angles),))
        circuit = Circuit(4, (*entangled(4, rng), *last.operations))
        assert_states_agree(circuit, oracle.Noise())
        assert_states_agree(circuit, oracle.random_noise(rng, last))


@pytest.mark.parametrize("gate", oracle.TWO_QUBIT)
def test_every_two_qubit_gate_is_right_on_every_ordered_pair(gate):
    rng = np.random.default_rng(2)
    angles = tuple(rng.uniform(-3, 3, size=oracle.N_ANGLES.get(gate, 0)))
    for pair in itertools.permutations(range(4), 2):
        last = Circuit(4, (Operation(gate, pair, angles),))
        circuit = Circuit(4, (*entangled(4, rng), *last.operations))
        assert_states_agree(circuit, oracle.Noise())
        assert_states_agree(circuit, oracle.random_noise(rng, last))


RELAXATIONS = {"T2 < T1": (0.2, 0.5, 0.0), "T1 < T2 < 2 T1": (0.5, 0.3, 0.0), "warm": (0.4, 0.3, 0.2)}


@pytest.mark.parametrize(("tau1", "tau2", "excited"), RELAXATIONS.values(), ids=RELAXATIONS)
@pytest.mark.parametrize("gate", ["rx", "ry", "rz", "h"])
def test_relaxation_of_every_kind_acts_behind_one_qubit_gates(gate, tau1, tau2, excited):
    noise = oracle.Noise()
    channel = thermal_relaxation(tau1, tau2, excited_population=excited)
    for q in range(3):
        noise.add(gate, (q,), channel, oracle.kraus_relaxation(tau1, tau2, excited))
    angles = (0.7,) * oracle.N_ANGLES.get(gate, 0)
    gates = [Operation(gate, (q,), angles) for q in range(3)]
    assert_states_agree(Circuit(3, (*entangled(3, np.random.default_rng(3)), *gates)), noise)


@pytest.mark.parametrize(("tau1", "tau2", "excited"), RELAXATIONS.values(), ids=RELAXATIONS)
@pytest.mark.parametrize("gate", ["cx", "cz"])
def test_relaxation_of_every_kind_acts_behind_two_qubit_gates(gate, tau1, tau2, excited):
    noise, pairs = oracle.Noise(), list(itertools.permutations(range(3), 2))
    hot, cold = thermal_relaxation(tau1, tau2, excited_population=excited), thermal_relaxation(0.1, 0.2)
    kraus = oracle.tensor(oracle.kraus_relaxation(tau1, tau2, excited), oracle.kraus_relaxation(0.1, 0.2))
    for pair in pairs:
        noise.add(gate, pair, hot.tensor(cold), kraus)
    gates = [Operation(gate, pair) for pair in pairs]
    assert_states_agree(Circuit(3, (*entangled(3, np.random.default_rng(4)), *gates)), noise)
