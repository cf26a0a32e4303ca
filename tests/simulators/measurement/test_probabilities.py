"""Probabilities are probabilities: of reported outcomes, of channels put together, and of states that overlap."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Choi

from qvar.simulators import Channel, Circuit, Observable, Operation, PauliTransferSimulator, ReadoutError
from qvar.simulators.backends import confusion_matrix
from qvar.simulators.channels import amplitude_damping, depolarizing, phase_damping, thermal_relaxation
from tests.simulators import oracle

unit = st.floats(0.0, 1.0)
seeds = st.integers(0, 2**32 - 1)


def one_qubit_channel(rng):
    """Return any channel, extreme ones among them."""
    p = float(rng.choice([0.0, 1.0, rng.random(), 10 ** rng.uniform(-9, -3)]))
    tau = rng.exponential()
    return [
        depolarizing(p),
        amplitude_damping(p),
        phase_damping(p),
        thermal_relaxation(tau, tau * rng.uniform(0.5, 3), excited_population=p),
        Channel.from_kraus(oracle.random_kraus(rng)),
    ][rng.integers(5)]


@settings(max_examples=80)
@given(seeds, st.integers(1, 6))
def test_channels_put_together_stay_channels_in_the_eyes_of_qiskit(seed, n_parts):
    rng = np.random.default_rng(seed)
    total = one_qubit_channel(rng).tensor(one_qubit_channel(rng))
    for _ in range(n_parts):
        more = one_qubit_channel(rng).tensor(one_qubit_channel(rng))
        if rng.random() < 0.5:
            more = Channel.from_kraus(oracle.random_kraus(rng, 2))
        total = total.then(more.reversed_qubits() if rng.random() < 0.5 else more)
    choi = Choi(total.choi())
    assert choi.is_cptp(atol=1e-9)
    kraus = total.kraus()
    assert sum(k.conj().T @ k for k in kraus) == pytest.approx(np.eye(4), abs=1e-10)
    assert Channel.from_kraus(kraus).ptm == pytest.approx(total.ptm, abs=1e-10)
    assert Channel.from_choi(total.choi()).ptm == pytest.approx(total.ptm, abs=1e-12)


@settings(max_examples=100)
@given(unit, unit)
def test_rows_of_a_confusion_matrix_are_distributions(p01, p10):
    error = ReadoutError(p01, p10)
    table = np.array(confusion_matrix(error))
    assert (table >= 0).all()
    assert table.sum(axis=1) == pytest.approx([1, 1])
    assert np.abs(error.letter_map()).sum(axis=1).max() <= 1 + 1e-12  # no letter is reported beyond -1..1


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(0, 12), seeds)
def test_reported_outcomes_have_the_distribution_of_flipped_bits(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    noise = oracle.random_noise(rng, circuit)
    noise.readout = [ReadoutError(*rng.choice([0.0, 1.0, rng.random()], size=2)) for _ in range(n_qubits)]
    theta = oracle.random_angles(rng, circuit)
    zs = Observable.from_terms({"Z" * n_qubits: 1.0})
    (found,) = PauliTransferSimulator(noise.model()).objective(circuit, zs).probabilities(theta)
    expected = np.diag(oracle.density_matrix(circuit, theta, noise.kraus)).real
    for q, error in enumerate(noise.readout):
        split = expected.reshape(-1, 2, 2**q)
        flips = np.array([[1 - error.p01, error.p10], [error.p01, 1 - error.p10]])
        expected = np.einsum("ij,ajb->aib", flips, split).reshape(-1)
    assert found == pytest.approx(expected, abs=1e-12)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(0, 12), seeds)
def test_the_fidelity_with_any_state_is_between_zero_and_one(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    noise = oracle.random_noise(rng, circuit).model().without_readout()
    theta = oracle.random_angles(rng, circuit)
    target = rng.normal(size=2**n_qubits) + 1j * rng.normal(size=2**n_qubits)
    target /= np.linalg.norm(target)
    values = oracle.pauli_values(np.outer(target, target.conj())) / 2**n_qubits
    labels = ["".join("IXYZ"[(k >> (2 * q)) & 3] for q in reversed(range(n_qubits))) for k in range(4**n_qubits)]
    fidelity = PauliTransferSimulator(noise).objective(circuit, Observable(tuple(labels), tuple(values)))(theta)
    rho = oracle.density_matrix(circuit, theta, lambda *key: noise_kraus(noise, key))
    assert -1e-12 <= fidelity <= 1 + 1e-12
    assert fidelity == pytest.approx((target.conj() @ rho @ target).real, abs=1e-12)


def noise_kraus(noise, key):
    channel = noise.channel(*key)
    return [] if channel is None else channel.kraus()


def test_negative_control_exchanged_misreadings_are_noticed():
    circuit = Circuit(1, (Operation("ry", (0,), (1.0,)),))
    noise = oracle.Noise(readout=[ReadoutError(0.01, 0.2)]).model()
    swapped = replace(noise, readout={0: ReadoutError(0.2, 0.01)})
    z = Observable.from_terms({"Z": 1.0})
    right, wrong = (PauliTransferSimulator(n).objective(circuit, z).probabilities([]) for n in (noise, swapped))
    assert np.abs(right - wrong).max() > 0.01
