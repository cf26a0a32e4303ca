"""States stay states: normalized, within bounds and positive, however many noisy gates act."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.simulators import NoiseModel, Observable, PauliTransferSimulator
from qvar.simulators.devices import DEVICES
from qvar.simulators.gates import GATES
from tests.simulators import oracle


def state_after(noise, circuit, theta):
    observable = Observable.from_terms({"Z" * circuit.n_qubits: 1.0})
    return PauliTransferSimulator(noise).objective(circuit, observable).state(theta)


@pytest.mark.parametrize("name", [*DEVICES, None])
def test_two_hundred_noisy_gates_keep_the_state_normalized_and_bounded(name):
    noise = None if name is None else NoiseModel.named(name).without_coupling()
    for seed in range(5):
        rng = np.random.default_rng(seed)
        circuit = oracle.random_circuit(rng, 4, 200)
        state = state_after(noise, circuit, oracle.random_angles(rng, circuit))
        assert abs(state[0] - 1) <= 1e-12
        assert np.abs(state).max() <= 1 + 1e-12


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_channels_keep_the_state_positive(seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, 2, 40)
    state = state_after(oracle.random_noise(rng, circuit).model(), circuit, oracle.random_angles(rng, circuit))
    strings = [np.kron(b, a) for b in oracle.PAULI.values() for a in oracle.PAULI.values()]
    rho = np.tensordot(state, strings, 1) / 4
    assert abs(np.trace(rho) - 1) <= 1e-12
    assert np.linalg.eigvalsh(rho)[0] >= -1e-12
    assert np.vdot(rho, rho).real <= 1 + 1e-12


@pytest.mark.parametrize("name", DEVICES)
def test_every_channel_of_every_built_in_device_is_positive_and_preserves_the_trace(name):
    noise = NoiseModel.named(name)
    for gate in GATES.values():
        for qubits in itertools.permutations(range(4), gate.n_qubits):
            channel = noise.without_coupling().channel(gate.name, qubits)
            assert np.linalg.eigvalsh(channel.choi())[0] >= -1e-14
            np.testing.assert_array_equal(channel.ptm[0], np.eye(1, len(channel.ptm))[0])
            traces = np.einsum("kba,kbc->ac", channel.kraus().conj(), channel.kraus())
            np.testing.assert_allclose(traces, np.eye(2**channel.n_qubits), rtol=0, atol=1e-14)
