"""Qubit order, Pauli order, the meaning of a transfer matrix and of each noise parameter, held against Qiskit's."""

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import PTM, Choi, Kraus, SparsePauliOp, Statevector, SuperOp
from qiskit_aer import noise as aer_noise

from qvar.simulators import (
    AerSimulator,
    Channel,
    Circuit,
    Observable,
    Operation,
    PauliTransferSimulator,
    StatevectorSimulator,
)
from qvar.simulators import channels as ch
from qvar.simulators.gates import GATES, gate_matrix
from tests.simulators import oracle

ENGINES = [PauliTransferSimulator(), StatevectorSimulator(), AerSimulator()]


def asymmetric_observable(n_qubits):
    """Weigh the qubits 1, 2, 4, ..., which tells all basis states apart, and add two strings of letters."""
    singles = {"I" * (n_qubits - 1 - q) + "Z" + "I" * q: float(2**q) for q in range(n_qubits)}
    return Observable.from_terms(singles | {("XYZX" * n_qubits)[:n_qubits]: 0.3, ("ZXIY" * n_qubits)[:n_qubits]: 0.7})


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("gate", ["cx", "ecr"])
def test_every_ordered_pair_and_basis_state_agrees_with_qiskits_state_vector(engine, gate):
    for n_qubits in (2, 3):
        observable = asymmetric_observable(n_qubits)
        operator = SparsePauliOp(list(observable.labels), observable.coefficients)
        for pair in itertools.permutations(range(n_qubits), 2):
            for bits in itertools.product((0, 1), repeat=n_qubits):
                flips = [Operation("x", (q,)) for q in range(n_qubits) if bits[q]]
                ours = Circuit(n_qubits, (*flips, Operation(gate, pair)))
                theirs = QuantumCircuit(n_qubits)
                for q in np.flatnonzero(bits):
                    theirs.x(q)
                getattr(theirs, gate)(*pair)
                expected = Statevector(theirs).expectation_value(operator).real
                assert engine.objective(ours, observable)([]) == pytest.approx(expected, rel=0, abs=1e-12)


def test_the_rightmost_letter_acts_on_qubit_zero():
    flipped = Circuit(2, (Operation("x", (0,)),))
    for engine in ENGINES:
        assert engine.objective(flipped, Observable.from_terms({"IZ": 1.0}))([]) == pytest.approx(-1)
        assert engine.objective(flipped, Observable.from_terms({"ZI": 1.0}))([]) == pytest.approx(1)


@pytest.mark.parametrize("gate", GATES)
def test_gate_matrices_are_qiskits(gate):
    angles = tuple(np.random.default_rng(0).uniform(-3, 3, size=GATES[gate].n_parameters))
    np.testing.assert_allclose(gate_matrix(gate, angles), oracle.unitary(gate, angles), rtol=0, atol=1e-15)


def test_the_oracle_knows_every_native_gate():
    assert set(oracle.ONE_QUBIT) | set(oracle.TWO_QUBIT) == set(GATES)
    assert all(oracle.N_ANGLES.get(name, 0) == gate.n_parameters for name, gate in GATES.items())


@pytest.mark.parametrize("n_qubits", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_transfer_matrices_are_qiskits(n_qubits, seed):
    operators = oracle.random_kraus(np.random.default_rng(seed), n_qubits)
    channel = Channel.from_kraus(operators)
    np.testing.assert_allclose(channel.ptm, PTM(Kraus(operators)).data.real, rtol=0, atol=1e-14)
    np.testing.assert_allclose(channel.choi(), Choi(Kraus(operators)).data, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n_qubits", [1, 2])
def test_transfer_matrices_have_the_stated_definition(n_qubits):
    operators = oracle.random_kraus(np.random.default_rng(9), n_qubits)
    letters = list(oracle.PAULI.values())
    strings = letters if n_qubits == 1 else [np.kron(b, a) for b in letters for a in letters]
    expected = [
        [np.trace(p @ sum(k @ q @ k.conj().T for k in operators)).real / 2**n_qubits for q in strings] for p in strings
    ]
    np.testing.assert_allclose(Channel.from_kraus(operators).ptm, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("gate", GATES)
def test_transfer_matrices_of_unitaries_are_qiskits(gate):
    angles = tuple(np.random.default_rng(1).uniform(-3, 3, size=GATES[gate].n_parameters))
    expected = PTM(SuperOp(Kraus([oracle.unitary(gate, angles)]))).data.real
    np.testing.assert_allclose(ch.unitary_to_ptm(gate_matrix(gate, angles)), expected, rtol=0, atol=1e-14)


def aer_ptm(error):
    return PTM(SuperOp(error)).data.real


@pytest.mark.parametrize("n_qubits", [1, 2])
@pytest.mark.parametrize("p", [0.0, 0.03, 1.0])
def test_depolarizing_replaces_the_state_with_probability_p_as_in_aer(n_qubits, p):
    channel = ch.depolarizing(p, n_qubits=n_qubits)
    np.testing.assert_allclose(channel.ptm, aer_ptm(aer_noise.depolarizing_error(p, n_qubits)), rtol=0, atol=1e-14)
    np.testing.assert_allclose(channel.ptm.diagonal()[1:], 1 - p, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("t2", "excited"), [(30e-6, 0.0), (80e-6, 0.1), (100e-6, 0.0), (30e-6, 0.3)])
def test_thermal_relaxation_is_aers(t2, excited):
    t1, t = 50e-6, 4e-6
    expected = aer_ptm(aer_noise.thermal_relaxation_error(t1, t2, t, excited))
    channel = ch.thermal_relaxation(t / t1, t / t2, excited_population=excited)
    np.testing.assert_allclose(channel.ptm, expected, rtol=0, atol=1e-14)


def test_damping_and_pauli_channels_are_aers():
    assert ch.amplitude_damping(0.2).ptm == pytest.approx(aer_ptm(aer_noise.amplitude_damping_error(0.2)), abs=1e-14)
    assert ch.phase_damping(0.2).ptm == pytest.approx(aer_ptm(aer_noise.phase_damping_error(0.2)), abs=1e-14)
    errors = [("X", 0.1), ("Y", 0.05), ("Z", 0.2), ("I", 0.65)]
    assert ch.pauli_channel(0.1, 0.05, 0.2).ptm == pytest.approx(aer_ptm(aer_noise.pauli_error(errors)), abs=1e-14)


def test_pauli_expectations_are_ordered_with_qubit_zero_running_fastest():
    circuit = Circuit(2, (Operation("h", (0,)), Operation("x", (1,))))  # X on qubit 0 is +1, Z on qubit 1 is -1
    state = PauliTransferSimulator().objective(circuit, Observable.from_terms({"ZZ": 1.0})).state([])
    expected = np.zeros(16)
    expected[[0, 1, 12, 13]] = [1, 1, -1, -1]  # II, X on 0, Z on 1, both
    np.testing.assert_allclose(state, expected, rtol=0, atol=1e-15)
