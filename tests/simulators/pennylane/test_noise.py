"""Noise models in the PennyLane device: channels after gates, and read-out error."""

import numpy as np
import pennylane as qml
import pytest

from qvar.simulators import NoiseModel, PauliTransferSimulator, ReadoutError, StateFlip, amplitude_damping, depolarizing
from qvar.simulators.circuit import Circuit
from qvar.simulators.observable import Observable
from qvar.simulators.pennylane.device import PauliTransferDevice
from tests.simulators.pennylane.programs import HERMITIAN, READOUTS, X, gates, run


def test_noise_follows_every_native_gate_as_if_channels_had_been_written_out():
    p1, p2 = 0.02, 0.05
    two = [np.kron(qml.matrix(a), qml.matrix(b)) for a in PAULIS for b in PAULIS]
    weights = [1 - 15 * p2 / 16] + [p2 / 16] * 15
    kraus = [np.sqrt(w) * k for w, k in zip(weights, two, strict=True)]

    def program(x):
        for gate, angles, wires in ((qml.RX, x[:1], 0), (qml.CNOT, [], [0, 1]), (qml.Rot, x, 1), (qml.CY, [], [1, 0])):
            operation = gate(*angles, wires=wires)
            if is_written_out and len(operation.wires) == 1:
                qml.DepolarizingChannel(3 * p1 / 4, operation.wires)
            elif is_written_out:
                qml.QubitChannel(kraus, operation.wires)
        return qml.density_matrix([0, 1])

    is_written_out = True
    expected = run(qml.device("default.mixed", wires=2), program, X)
    is_written_out = False
    noisy = PauliTransferDevice(wires=2, noise=NoiseModel.from_numbers(p1=p1, p2=p2))
    np.testing.assert_allclose(run(noisy, program, X), expected, atol=1e-12)
    wrong = PauliTransferDevice(wires=2, noise=NoiseModel.from_numbers(p1=2 * p1, p2=p2))
    assert np.abs(run(wrong, program, X) - expected).max() > 1e-3


PAULIS = [qml.I(0), qml.X(0), qml.Y(0), qml.Z(0)]


def test_wire_k_of_the_device_has_the_noise_of_qubit_k():
    noise = NoiseModel("one bad qubit", local={("x", (2,)): amplitude_damping(0.3)}, strict=False)
    device = PauliTransferDevice(wires=["a", "b", "c"], noise=noise)

    def program(wire):
        qml.X(wire)
        return qml.expval(qml.Z(wire))

    assert [float(run(device, program, wire)) for wire in "abc"] == pytest.approx([-1.0, -1.0, -0.4])


def test_channels_of_the_circuit_get_no_noise_of_their_own():
    def program():
        qml.AmplitudeDamping(0.3, 0)
        return qml.density_matrix(0)

    clean, noisy = PauliTransferDevice(wires=1), PauliTransferDevice(wires=1, noise=NoiseModel.from_numbers(p1=0.5))
    np.testing.assert_array_equal(run(noisy, program), run(clean, program))


def test_a_gate_without_noise_data_is_decomposed_into_those_that_have_some():
    noise = NoiseModel("rotations only", default={gate: depolarizing(0.1) for gate in ("rx", "ry", "rz", "p")})
    decomposed = run(PauliTransferDevice(wires=1, noise=noise), lambda: (qml.Hadamard(0), qml.expval(qml.X(0)))[1])
    assert decomposed == pytest.approx(0.9**3)  # PhaseShift, RX, PhaseShift


@pytest.mark.parametrize("noise", READOUTS, ids=lambda noise: noise.name)
def test_read_out_error_mixes_the_outcomes_of_probabilities_words_and_hermitians(noise):
    errors = [noise.readout_error(q) or ReadoutError(0.0, 0.0) for q in range(3)]
    confusion = [np.array([[1 - e.p01, e.p10], [e.p01, 1 - e.p10]]) for e in errors]

    def exact(x):
        gates(x)
        return qml.probs()

    probabilities = run(qml.device("default.qubit", wires=3), exact, X)
    expected = np.kron(np.kron(*confusion[:2]), confusion[2]) @ probabilities
    device = PauliTransferDevice(wires=3, noise=noise)
    np.testing.assert_allclose(run(device, exact, X), expected, atol=1e-12)

    def zz(x):
        gates(x)
        return qml.expval(qml.Z(0) @ qml.Z(1)), qml.var(qml.Z(0) @ qml.Z(1)), qml.expval(DIAGONAL)

    signs = np.array([1, 1, -1, -1, -1, -1, 1, 1])
    levels = np.repeat(LEVELS, 2)
    mean = float(signs @ expected)
    np.testing.assert_allclose(run(device, zz, X), [mean, 1 - mean**2, levels @ expected], atol=1e-12)


LEVELS = np.array([-0.2, 0.5, 1.0, 2.0])  # in order, so that PennyLane's eigenbasis is the computational one
DIAGONAL = qml.Hermitian(np.diag(LEVELS), [0, 1])


ASYMMETRIC = READOUTS[1]


def test_each_term_of_a_sum_is_read_in_its_own_basis():
    hermitian, word = qml.Hermitian(HERMITIAN, 0), qml.X(0) @ qml.Z(1)

    def value_of(observable):
        return run(PauliTransferDevice(wires=3, noise=ASYMMETRIC), lambda: (gates(X), qml.expval(observable))[1])

    expected = 0.5 * value_of(hermitian) - 0.3 * value_of(word)
    assert value_of(0.5 * hermitian - 0.3 * word) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("observable", [qml.X(0) + qml.Z(0), qml.Z(0) @ qml.Z(1) + 0.4 * qml.X(0) @ qml.X(1)])
def test_a_variance_of_words_without_a_common_basis_is_that_of_their_matrix(observable):
    matrix = qml.Hermitian(qml.matrix(observable, wire_order=observable.wires), observable.wires)

    def variance_of(measured, noise):
        return run(PauliTransferDevice(wires=3, noise=noise), lambda: (gates(X), qml.var(measured))[1])

    expected = variance_of(matrix, ASYMMETRIC)
    assert variance_of(observable, ASYMMETRIC) == pytest.approx(expected, abs=1e-12)
    assert abs(variance_of(observable, None) - expected) > 1e-3  # so that read-out error counts


def test_a_state_flip_acts_before_the_change_of_basis():
    noise = NoiseModel("flips", default_readout=StateFlip(0.1), strict=False)
    device = PauliTransferDevice(wires=1, noise=noise)

    def program():
        qml.RX(0.4, 0)
        qml.RZ(0.3, 0)
        return [qml.expval(o) for o in (qml.X(0), qml.Y(0), qml.Z(0))] + [qml.expval(qml.Hermitian(HERMITIAN, 0))]

    x, y, z, _ = run(qml.device("default.qubit", wires=1), program)
    flipped = [x, 0.8 * y, 0.8 * z]
    hermitian = 0.3 + 0.3 * flipped[0] + 0.2 * flipped[1] + 0.7 * flipped[2]
    np.testing.assert_allclose(run(device, program), [*flipped, hermitian], atol=1e-12)


def test_states_are_those_before_read_out():
    noisy = PauliTransferDevice(wires=1, noise=NoiseModel.from_numbers(readout=0.1))
    np.testing.assert_allclose(run(noisy, lambda: qml.density_matrix(0)), np.diag([1.0, 0.0]), atol=1e-15)


def test_expectation_values_equal_those_of_the_engine_with_a_measured_devices_noise():
    noise = NoiseModel.named("mumbai-median")

    def program(x):
        gates(x)
        return qml.expval(0.3 * qml.X(0) @ qml.Z(2) + qml.Y(1))

    circuit = Circuit.from_pennylane(lambda x: gates(x), X, wires=3)
    engine = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({"ZIX": 0.3, "IYI": 1.0}))
    assert run(PauliTransferDevice(wires=3, noise=noise), program, X) == pytest.approx(engine(X), abs=1e-13)
