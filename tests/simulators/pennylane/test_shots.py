"""Samples and broadcast angles on the PennyLane device."""

import numpy as np
import pennylane as qml
import pytest
from scipy.stats import unitary_group

from qvar.simulators.pennylane.device import PauliTransferDevice
from tests.simulators.pennylane.programs import HERMITIAN, MEASUREMENTS, READOUTS, X, gates, run


@pytest.mark.parametrize("noise", [None, READOUTS[1]], ids=["ideal", "asymmetric"])
def test_samples_have_the_exact_statistics(noise):
    n_shots = 20000

    def program(x):
        gates(x)
        return (
            qml.expval(qml.X(0)),
            qml.probs(wires=[1, 2]),
            qml.counts(wires=[1, 2]),
            qml.sample(qml.Z(1)),
            qml.expval(qml.Hermitian(HERMITIAN, 2)),
        )

    def exact(x):
        gates(x)
        return (
            qml.expval(qml.X(0)),
            qml.probs(wires=[1, 2]),
            qml.expval(qml.Z(1)),
            qml.expval(qml.Hermitian(HERMITIAN, 2)),
        )

    device = PauliTransferDevice(wires=3, noise=noise, seed=3)
    x, p, counts, z, h = run(device, program, X, shots=n_shots)
    ex, ep, ez, eh = run(device, exact, X)
    five_sigma = 5 / np.sqrt(n_shots)
    assert abs(x - ex) < five_sigma
    assert abs(h - eh) < 2 * five_sigma
    assert abs(z.mean() - ez) < five_sigma
    assert set(np.unique(z)) == {-1.0, 1.0}
    np.testing.assert_allclose(p, ep, atol=five_sigma / 2)
    np.testing.assert_allclose([counts.get(k, 0) / n_shots for k in ("00", "01", "10", "11")], p, atol=1e-12)


def test_a_sampled_energy_has_the_right_mean_and_spread():
    device = PauliTransferDevice(wires=3, seed=1)

    def program(x):
        gates(x)
        return qml.expval(qml.Z(0) @ qml.X(1))

    mean = float(run(device, program, X))
    energies = np.array([run(device, program, X, shots=100) for _ in range(400)])
    sigma = np.sqrt((1 - mean**2) / 100)
    assert abs(energies.mean() - mean) < 5 * sigma / 20
    assert abs(energies.std() / sigma - 1) < 5 / np.sqrt(2 * 400)


@pytest.mark.parametrize("noise", [None, READOUTS[1]], ids=["ideal", "asymmetric"])
def test_a_lone_sampled_matrix_has_its_exact_mean(noise):
    def program(x):
        gates(x)
        return qml.expval(qml.Hermitian(HERMITIAN, 0))

    device = PauliTransferDevice(wires=3, noise=noise, seed=4)
    assert run(device, program, X, shots=20000) == pytest.approx(run(device, program, X), abs=10 / np.sqrt(20000))


def test_shot_vectors_give_one_result_per_entry():
    def program(x):
        gates(x)
        return qml.expval(qml.Z(0)), qml.probs(wires=0)

    results = run(PauliTransferDevice(wires=3, seed=0), program, X, shots=[10, 1000, 10])
    assert [np.round(n * p[0], 9) % 1 for n, (_, p) in zip((10, 1000, 10), results, strict=True)] == [0.0] * 3
    assert results[1][0] == pytest.approx(np.cos(X[0]), abs=5 / np.sqrt(1000))
    single = run(PauliTransferDevice(wires=3), lambda x: (gates(x), qml.expval(qml.Z(0)))[1], X, shots=[10, 20])
    assert len(single) == 2


def test_the_same_seed_gives_the_same_samples_and_another_seed_others():
    def program(x):
        gates(x)
        return qml.sample(wires=range(3))

    first, again, other = (run(PauliTransferDevice(wires=3, seed=s), program, X, shots=50) for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("noise", [None, READOUTS[1]], ids=["ideal", "asymmetric"])
def test_classical_shadows_estimate_what_is_measured_read_out_error_included(noise):
    device = PauliTransferDevice(wires=2, noise=noise, seed=2)

    def prepare():
        qml.RY(0.7, 0)
        qml.RX(0.4, 1)

    def shadow():
        prepare()
        return qml.shadow_expval([qml.Z(0), qml.X(0), qml.Y(1)], seed=4)

    def exact():
        prepare()
        return qml.expval(qml.Z(0)), qml.expval(qml.X(0)), qml.expval(qml.Y(1))

    np.testing.assert_allclose(run(device, shadow, shots=20000), run(device, exact), atol=5 * np.sqrt(3 / 20000))
    bits, recipes = run(device, lambda: (prepare(), qml.classical_shadow(wires=[0, 1]))[1], shots=30)
    assert bits.shape == recipes.shape == (30, 2)


BATCH = np.array([[0.1, 0.7, -1.0, 2.0], [0.3, 0.2, 0.4, 0.5], [1.0, -0.3, 0.0, 0.8]])


@pytest.mark.parametrize(
    "name", ["sum", "probabilities", "variance", "hermitian on two", "density matrix", "state projector"]
)
def test_broadcast_angles_give_a_leading_axis(name):
    def program(x):
        qml.RX(x[0], 0)
        qml.CNOT([0, 1])
        qml.Rot(x[0], x[1], 0.3, wires=2)
        qml.IsingXX(x[2], [1, 2])
        return MEASUREMENTS[name]()

    for noise in (None, READOUTS[1]):
        device = PauliTransferDevice(wires=3, noise=noise)
        together = run(device, program, BATCH)
        np.testing.assert_allclose(together, [run(device, program, x) for x in BATCH.T], atol=1e-12)


def test_broadcast_numbers_are_evaluated_in_one_tape():
    device = PauliTransferDevice(wires=3)
    with qml.Tracker(device) as tracker:
        run(device, lambda x: (gates(x), qml.expval(qml.Z(0)))[1], BATCH)
    assert tracker.totals["simulations"] == 1


def test_broadcast_samples_have_a_leading_axis():
    def program(x):
        gates(x)
        return qml.expval(qml.Z(0)), qml.sample(wires=[0, 1])

    value, sample = run(PauliTransferDevice(wires=3, seed=0), program, BATCH, shots=2000)
    exact = run(PauliTransferDevice(wires=3), lambda x: (gates(x), qml.expval(qml.Z(0)))[1], BATCH)
    assert sample.shape == (4, 2000, 2)
    np.testing.assert_allclose(value, exact, atol=5 / np.sqrt(2000))


@pytest.mark.parametrize("shots", [2000, [2000, 500]])
def test_a_broadcast_sampled_energy_has_a_leading_axis(shots):
    def program(x):
        gates(x)
        return qml.expval(qml.Z(0) @ qml.X(1))

    values = run(PauliTransferDevice(wires=3, seed=0), program, BATCH, shots=shots)
    exact = run(PauliTransferDevice(wires=3), program, BATCH)
    for value in values if isinstance(shots, list) else [values]:
        assert value.shape == (4,)
        np.testing.assert_allclose(value, exact, atol=5 / np.sqrt(500))


def test_broadcast_states_are_expanded():
    def program(features):
        qml.AmplitudeEmbedding(features, wires=[0, 1], normalize=True)
        qml.BitFlip(0.2, 0)
        return qml.expval(qml.Z(0) @ qml.X(1))

    features = np.random.default_rng(0).normal(size=(3, 4))
    ours = run(PauliTransferDevice(wires=2), program, features)
    expected = [run(qml.device("default.mixed", wires=2), program, row) for row in features]
    np.testing.assert_allclose(ours, expected, atol=1e-10)


def test_broadcast_unitaries_of_two_qubits_are_expanded():
    def program(unitary):
        qml.RX(0.3, 0)
        qml.QubitUnitary(unitary, wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.X(1))

    unitaries = unitary_group.rvs(4, size=3, random_state=1)
    ours = run(PauliTransferDevice(wires=2), program, unitaries)
    expected = [run(qml.device("default.mixed", wires=2), program, unitary) for unitary in unitaries]
    np.testing.assert_allclose(ours, expected, atol=1e-10)


def test_a_structure_seen_before_is_not_confused_with_a_similar_one():
    device = PauliTransferDevice(wires=2)
    results = []
    for p, wire, obs in ((0.1, 0, qml.Z(0)), (0.2, 0, qml.Z(0)), (0.1, 1, qml.Z(0)), (0.1, 0, 2.0 * qml.Z(0))):
        results.append(float(run(device, lambda w, o, p=p: (qml.BitFlip(p, w), qml.expval(o))[1], wire, obs)))
    assert results == pytest.approx([0.8, 0.6, 1.0, 1.6])
    pauli_errors = [run(device, lambda w=w: (qml.PauliError(w, 0.5, 0), qml.expval(qml.Z(0)))[1]) for w in ("Y", "Z")]
    assert pauli_errors == pytest.approx([0.0, 1.0])
