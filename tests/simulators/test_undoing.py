"""Gradients of many qubits undo operations where that loses no digits, and keep states where it does."""

import numpy as np
import pytest
from scipy.stats import unitary_group

from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    Slot,
    amplitude_damping,
    depolarizing,
    pauli_channel,
    phase_damping,
)
from qvar.simulators.channels import Channel
from qvar.simulators.kernels import layout

N = 9  # with fewer qubits states are always kept
CHAIN = tuple(Operation("cx", (q, q + 1)) for q in range(N - 1))
ROTATION = Operation("ry", (3,), (Slot(0),))
NOTHING = Channel.from_kraus([np.eye(2)])
PERFECT = NOTHING.tensor(NOTHING)


def undoes(first, noise):
    """Tell whether a gradient undoes the states of some operations and a chain of CX."""
    circuit = Circuit(N, (*first, *CHAIN))
    objective = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({"Z" * N: 1.0, "X" * N: 1.0}))
    return bool(objective.program.arguments[0][layout.UNCOMPUTED])


@pytest.mark.parametrize("strong", [phase_damping(0.97), amplitude_damping(0.85)])
def test_strong_relaxation_of_either_qubit_of_a_cx_is_not_undone(strong):
    for pair in (strong.tensor(NOTHING), NOTHING.tensor(strong)):
        assert not undoes((ROTATION,), NoiseModel.from_channels(NOTHING, pair))
    weak = phase_damping(0.1).tensor(amplitude_damping(0.1))
    assert undoes((ROTATION,), NoiseModel.from_channels(NOTHING, weak))


@pytest.mark.parametrize("letter", "xyz")
def test_noise_that_spoils_one_letter_behind_a_rotation_is_not_undone(letter):
    others = {f"p{other}": 0.22 for other in "xyz" if other != letter}
    shrunk = np.diag(pauli_channel(**others).ptm)[1:]
    assert np.sort(shrunk)[0] < 0.2 < np.sort(shrunk)[1]
    assert not undoes((ROTATION,), NoiseModel.from_channels(pauli_channel(**others), PERFECT))
    assert undoes((ROTATION,), NoiseModel.from_channels(depolarizing(0.1), PERFECT))


@pytest.mark.parametrize("seed", range(12))
def test_a_fixed_gate_is_undone_if_it_keeps_a_fifth_of_the_volume(seed):
    axes = unitary_group.rvs(2, random_state=seed)
    gate = Operation("h", (3,))
    for volume in (0.19, 0.21):
        damped = phase_damping(1 - volume).kraus()
        noise = Channel.from_kraus([axes.conj().T @ kraus @ axes for kraus in damped])
        assert np.linalg.det(noise.ptm) == pytest.approx(volume)
        assert undoes((gate,), NoiseModel.from_channels(noise, PERFECT)) == (volume > 0.2)


def test_a_general_map_of_two_qubits_is_not_undone():
    slightly_turned = Channel.from_kraus([np.diag(np.exp([0.05j, -0.05j, -0.05j, 0.05j]))])
    assert undoes((ROTATION,), NoiseModel.from_channels(NOTHING, PERFECT))
    assert not undoes((ROTATION,), NoiseModel.from_channels(NOTHING, slightly_turned))


@pytest.mark.parametrize("n_rotations", [1, 7, 24, 60])
def test_a_long_run_of_rotations_of_one_qubit_has_the_gradient_of_parameter_shift(n_rotations):
    gates = tuple(Operation("rx" if k % 2 else "ry", (0,), (Slot(k),)) for k in range(n_rotations))
    objective = PauliTransferSimulator().objective(Circuit(1, gates), Observable.from_terms({"Z": 0.7, "X": 0.4}))
    theta = np.random.default_rng(n_rotations).uniform(-3, 3, n_rotations)
    _, gradient = objective.value_and_gradient(theta)
    shifts = np.pi / 2 * np.eye(n_rotations)
    expected = (objective.batch(theta + shifts) - objective.batch(theta - shifts)) / 2
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)
