"""The PennyLane device: results, wires, noise, channels, shots, broadcasting and refusals."""

import pickle

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from qvar.simulators import NoiseModel, PauliTransferSimulator, ReadoutError, StateFlip, amplitude_damping, depolarizing
from qvar.simulators.circuit import Circuit
from qvar.simulators.errors import EngineError, NoiseModelError
from qvar.simulators.observable import Observable
from qvar.simulators.pennylane_device import PauliTransferDevice

X = np.array([0.3, -0.8, 1.4])
HERMITIAN = np.array([[1.0, 0.3 - 0.2j], [0.3 + 0.2j, -0.4]])


def gates(x):
    qml.RX(x[0], 0)
    qml.Hadamard(1)
    qml.CNOT([0, 1])
    qml.Rot(x[0], x[1], x[2], wires=2)
    qml.IsingXX(x[1], [1, 2])
    qml.CRY(x[2], [2, 0])
    qml.adjoint(qml.S)(1)


def run(device, program, *arguments, shots=None, **options):
    qnode = qml.QNode(program, device, **options)
    return (qml.set_shots(qnode, shots=shots) if shots else qnode)(*arguments)


MEASUREMENTS = {
    "word": lambda: qml.expval(qml.Z(0) @ qml.X(1) @ qml.Y(2)),
    "sum": lambda: qml.expval(0.5 * qml.Z(0) @ qml.X(1) - 0.2 * qml.Y(2) + 0.1 * qml.I(0)),
    "hamiltonian": lambda: qml.expval(qml.Hamiltonian([0.3, -1.2], [qml.Z(0), qml.X(1) @ qml.X(2)])),
    "hermitian": lambda: qml.expval(qml.Hermitian(HERMITIAN, 1)),
    "hermitian on two": lambda: qml.expval(qml.Hermitian(np.kron(HERMITIAN, HERMITIAN.conj()), [2, 0])),
    "hermitian product": lambda: qml.expval(qml.Hermitian(HERMITIAN, 1) @ qml.Z(2)),
    "hadamard": lambda: qml.expval(qml.Hadamard(2)),
    "projector": lambda: qml.expval(qml.Projector([1, 0], [2, 0])),
    "state projector": lambda: qml.expval(qml.Projector(np.array([0.6, 0.8j]), 1)),
    "sparse": lambda: qml.expval(qml.SparseHamiltonian((qml.Z(0) @ qml.X(1)).sparse_matrix(), [0, 1])),
    "variance": lambda: qml.var(qml.Z(0) @ qml.X(1) + 0.4 * qml.Y(2)),
    "variance of hermitian": lambda: qml.var(qml.Hermitian(HERMITIAN, 0)),
    "probabilities": lambda: qml.probs(),
    "some probabilities": lambda: qml.probs(wires=[2, 0]),
    "probabilities of an observable": lambda: qml.probs(op=qml.X(1)),
    "density matrix": lambda: qml.density_matrix([1, 2]),
    "purity": lambda: qml.purity([0, 1]),
    "entropy": lambda: qml.vn_entropy([0]),
    "mutual information": lambda: qml.mutual_info([0], [2]),
}


@pytest.mark.parametrize("name", MEASUREMENTS)
@pytest.mark.parametrize("other", ["default.qubit", "default.mixed"])
def test_every_measurement_agrees_with_pennylanes_own_devices(name, other):
    def program(x):
        gates(x)
        return MEASUREMENTS[name]()

    expected = run(qml.device(other, wires=3), program, X)
    np.testing.assert_allclose(run(PauliTransferDevice(wires=3), program, X), expected, atol=1e-10)


def test_several_measurements_come_as_a_tuple_and_unused_wires_are_there():
    def program(x):
        gates(x)
        return qml.expval(qml.Z(4)), qml.probs(wires=[3, 1]), qml.var(qml.X(0))

    ours = run(PauliTransferDevice(wires=5), program, X)
    expected = run(qml.device("default.qubit", wires=5), program, X)
    assert isinstance(ours, tuple)
    for one, two in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)


@pytest.mark.parametrize("labels", [["a", "b", 7], [2, 0, 1], [-1, "x", 3]])
def test_wire_labels_and_their_order_are_those_of_the_device(labels):
    def program(x):
        qml.RX(x[0], labels[0])
        qml.CNOT([labels[0], labels[2]])
        qml.RY(x[1], labels[1])
        return qml.probs(), qml.density_matrix([labels[2], labels[1]]), qml.expval(qml.Z(labels[1]))

    ours = run(PauliTransferDevice(wires=labels), program, X)
    expected = run(qml.device("default.mixed", wires=labels), program, X)
    for one, two in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)


def test_without_wires_a_device_takes_whatever_a_tape_acts_on():
    def program():
        qml.RX(0.3, "b")
        qml.CNOT(["b", 0])
        return qml.probs(wires=["b", 0]), qml.expval(qml.Z(5))

    ours, expected = run(PauliTransferDevice(), program), run(qml.device("default.qubit"), program)
    np.testing.assert_allclose(ours[0], expected[0], atol=1e-12)
    assert ours[1] == pytest.approx(1.0)
    everything = run(PauliTransferDevice(), lambda: (qml.X("b"), qml.Hadamard("a"), qml.probs())[-1])
    np.testing.assert_allclose(everything, [0, 0, 0.5, 0.5], atol=1e-12)


def test_the_state_of_a_pure_circuit_has_amplitudes_with_their_phase():
    def program(x):
        qml.GlobalPhase(0.4)
        gates(x)
        return qml.state()

    ours = run(PauliTransferDevice(wires=3), program, X)
    np.testing.assert_allclose(ours, run(qml.device("default.qubit", wires=3), program, X), atol=1e-12)


def test_the_state_of_a_mixed_circuit_is_a_density_matrix():
    def program(x):
        gates(x)
        qml.AmplitudeDamping(0.2, 1)
        return qml.state()

    ours = run(PauliTransferDevice(wires=3), program, X)
    np.testing.assert_allclose(ours, run(qml.device("default.mixed", wires=3), program, X), atol=1e-12)
    noisy = run(PauliTransferDevice(wires=3, noise=NoiseModel.from_numbers(p1=0.1)), lambda: qml.state())
    assert noisy.shape == (8, 8)


def test_prepared_states_and_density_matrices_are_where_the_circuit_starts():
    psi = np.array([0.5, 0.1j, -0.3, 0.4, 0.2, 0.0, 0.6j, 0.1])
    psi = psi / np.linalg.norm(psi)

    def program():
        qml.StatePrep(psi, wires=[0, 1, 2])
        qml.CNOT([0, 2])
        qml.QubitDensityMatrix(np.array([[0.7, 0.2j], [-0.2j, 0.3]]), 1)
        qml.RX(0.3, 1)
        return qml.density_matrix([0, 1, 2])

    ours, expected = (
        run(device, program) for device in (PauliTransferDevice(wires=3), qml.device("default.mixed", wires=3))
    )
    np.testing.assert_allclose(ours, expected, atol=1e-10)
    basis = run(PauliTransferDevice(wires=3), lambda: (qml.BasisState([1, 0, 1], [0, 1, 2]), qml.probs())[1])
    assert basis[5] == pytest.approx(1.0)


def test_mid_circuit_measurements_are_deferred():
    def program(x):
        qml.RX(x[0], 0)
        outcome = qml.measure(0)
        qml.cond(outcome, qml.RY)(x[1], 1)
        return qml.expval(qml.Z(1)), qml.expval(outcome)

    ours = run(PauliTransferDevice(wires=3), program, X)
    np.testing.assert_allclose(ours, run(qml.device("default.qubit", wires=3), program, X), atol=1e-12)


# ---- noise ----------------------------------------------------------------------------------------------------------


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


READOUTS = [
    NoiseModel.from_numbers(readout=0.04),
    NoiseModel("asymmetric", readout={0: ReadoutError(0.02, 0.1), 1: ReadoutError(0.0, 0.05)}, strict=False),
]


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


# ---- shots ----------------------------------------------------------------------------------------------------------


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


# ---- broadcasting ---------------------------------------------------------------------------------------------------

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


def test_broadcast_states_are_expanded():
    def program(features):
        qml.AmplitudeEmbedding(features, wires=[0, 1], normalize=True)
        qml.BitFlip(0.2, 0)
        return qml.expval(qml.Z(0) @ qml.X(1))

    features = np.random.default_rng(0).normal(size=(3, 4))
    ours = run(PauliTransferDevice(wires=2), program, features)
    expected = [run(qml.device("default.mixed", wires=2), program, row) for row in features]
    np.testing.assert_allclose(ours, expected, atol=1e-10)


def test_a_structure_seen_before_is_not_confused_with_a_similar_one():
    device = PauliTransferDevice(wires=2)
    results = []
    for p, wire, obs in ((0.1, 0, qml.Z(0)), (0.2, 0, qml.Z(0)), (0.1, 1, qml.Z(0)), (0.1, 0, 2.0 * qml.Z(0))):
        results.append(float(run(device, lambda w, o, p=p: (qml.BitFlip(p, w), qml.expval(o))[1], wire, obs)))
    assert results == pytest.approx([0.8, 0.6, 1.0, 1.6])
    pauli_errors = [run(device, lambda w=w: (qml.PauliError(w, 0.5, 0), qml.expval(qml.Z(0)))[1]) for w in ("Y", "Z")]
    assert pauli_errors == pytest.approx([0.0, 1.0])


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_what_the_device_cannot_do_is_refused_with_a_reason():
    with pytest.raises(EngineError, match="noise is a NoiseModel or None"):
        PauliTransferDevice(wires=2, noise=0.1)
    with pytest.raises(EngineError, match="needs its wires"):
        PauliTransferDevice(noise=NoiseModel.from_numbers(p1=0.1))
    with pytest.raises(NoiseModelError, match=r"has 4 qubit\(s\), but 5 wires"):
        PauliTransferDevice(wires=5, noise=NoiseModel.named("ourense"))
    uncoupled = PauliTransferDevice(wires=4, noise=NoiseModel.named("ourense"))
    with pytest.raises(NoiseModelError, match="coupled pairs are 0-1"):
        run(uncoupled, lambda: (qml.CNOT([0, 3]), qml.expval(qml.Z(0)))[1])
    with pytest.raises(qml.exceptions.WireError, match="not found on the device"):
        run(PauliTransferDevice(wires=1), lambda: qml.expval(qml.Z(3)))
    with pytest.raises(qml.exceptions.DeviceError, match=r"not supported with qvar\.ptm"):
        run(PauliTransferDevice(wires=3), lambda: (qml.PauliError("XXX", 0.1, [0, 1, 2]), qml.expval(qml.Z(0)))[1])
    with pytest.raises(qml.exceptions.DeviceError, match="not accepted for analytic simulation"):
        run(PauliTransferDevice(wires=1), lambda: qml.sample(wires=0))
    with pytest.raises(qml.exceptions.DeviceError, match="not accepted with finite shots"):
        run(PauliTransferDevice(wires=1), lambda: qml.state(), shots=10)
    with pytest.raises(EngineError, match="up to 12 qubits"):
        run(PauliTransferDevice(wires=13), lambda: qml.probs())


def test_a_device_can_be_pickled():
    device = PauliTransferDevice(wires=["a", "b"], noise=READOUTS[1], seed=3)
    copy = pickle.loads(pickle.dumps(device))  # noqa: S301 - made here

    def program():
        qml.Hadamard("a")
        return qml.sample(wires=["a", "b"])

    np.testing.assert_array_equal(run(device, program, shots=40), run(copy, program, shots=40))


def test_the_tracker_counts_executions():
    device = PauliTransferDevice(wires=3)
    with qml.Tracker(device) as tracker:
        run(device, lambda x: (gates(x), qml.expval(qml.Z(0)))[1], pnp.array(X, requires_grad=True))
    assert tracker.totals["executions"] == 1
