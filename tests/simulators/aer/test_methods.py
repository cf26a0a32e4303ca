"""Every method of Qiskit Aer: what it can do equals the kernels, what it cannot do it says."""

import pickle

import numpy as np
import pytest
from qiskit.quantum_info import Operator as QiskitOperator
from qiskit_aer import AerSimulator as QiskitAer

from qvar.simulators import (
    AerOptions,
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
    amplitude_damping,
    depolarizing,
    pauli_channel,
)
from qvar.simulators.aer.clifford import clifford_circuit
from qvar.simulators.errors import EngineError
from qvar.simulators.gates import GATES, gate_matrix
from tests.simulators import oracle

EXACT = ["automatic", "density_matrix", "statevector", "matrix_product_state"]
TRAJECTORIES = ["statevector", "matrix_product_state"]
READOUT = ReadoutError(0.02, 0.07)
PAULI = NoiseModel.from_channels(
    pauli_channel(0.05, 0.01, 0.02),
    pauli_channel(0.03, 0.01, 0.0).tensor(pauli_channel(0.0, 0.02, 0.05)).then(depolarizing(0.03, n_qubits=2)),
    readout=READOUT,
)
DAMPED = NoiseModel.from_channels(amplitude_damping(0.2), amplitude_damping(0.1).tensor(amplitude_damping(0.2)))


def clifford_point(rng, n_qubits, n_gates=25):
    """Return a random circuit of every gate at angles that are multiples of pi/2, and those angles."""
    gates = [gate for gate in (*oracle.ONE_QUBIT, *oracle.TWO_QUBIT) if gate not in ("t", "tdg")]
    operations = oracle.random_circuit(rng, n_qubits, n_gates, gates=gates).operations
    quarters = [
        o.with_parameters(
            Slot(p.index) if isinstance(p, Slot) else rng.integers(-5, 6) * np.pi / 2 for p in o.parameters
        )
        for o in operations
    ]
    circuit = Circuit(n_qubits, tuple(quarters))
    return circuit, rng.integers(-5, 6, size=circuit.n_parameters) * np.pi / 2


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("n_qubits", [1, 2, 4])
def test_exact_methods_agree_with_the_kernels(method, n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, 30), oracle.random_observable(rng, n_qubits)
    thetas = rng.uniform(-3, 3, size=(3, circuit.n_parameters))
    readout_alone = PAULI.without_gates()
    for noise in (None, readout_alone):
        ours = PauliTransferSimulator(noise).objective(circuit, observable).batch(thetas)
        aers = AerSimulator(noise, method=method).objective(circuit, observable).batch(thetas)
        np.testing.assert_allclose(aers, ours, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", ["automatic", "density_matrix"])
def test_methods_with_exact_noisy_values_agree_with_the_kernels(method):
    rng = np.random.default_rng(3)
    circuit, observable = oracle.random_circuit(rng, 3, 30), oracle.random_observable(rng, 3)
    thetas = rng.uniform(-3, 3, size=(3, circuit.n_parameters))
    ours = PauliTransferSimulator(DAMPED).objective(circuit, observable).batch(thetas)
    aers = AerSimulator(DAMPED, method=method).objective(circuit, observable).batch(thetas)
    np.testing.assert_allclose(aers, ours, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_the_stabilizer_method_is_exact_for_rotations_by_quarter_turns(n_qubits):
    for seed in range(4):
        rng = np.random.default_rng([n_qubits, seed])
        circuit, theta = clifford_point(rng, n_qubits)
        observable = oracle.random_observable(rng, n_qubits)
        noise = PAULI.without_gates()
        ours = PauliTransferSimulator(noise).objective(circuit, observable)
        aers = AerSimulator(noise, method="stabilizer").objective(circuit, observable)
        assert aers(theta) == pytest.approx(ours(theta), rel=0, abs=1e-10)


def test_the_stabilizer_method_takes_circuits_that_no_state_vector_holds():
    n_qubits = 50
    chain = [Operation("ry", (0,), (Slot(0),)), *(Operation("cx", (q, q + 1)) for q in range(n_qubits - 1))]
    observable = Observable.from_terms({"Z" * n_qubits: 1.0, "I" * (n_qubits - 2) + "ZZ": 0.5, "X" * n_qubits: 2.0})
    exact = AerSimulator(method="stabilizer").objective(Circuit(n_qubits, tuple(chain)), observable)
    assert exact([np.pi / 2]) == pytest.approx(3.5)
    assert exact.batch([[0.0], [np.pi]]).tolist() == pytest.approx([1.5, 1.5])
    assert exact.with_shots(20, np.random.default_rng(0))([0.0]) == pytest.approx(1.5, abs=3)


SAMPLED = [(method, DAMPED) for method in ("automatic", "density_matrix", *TRAJECTORIES)]
SAMPLED += [(method, PAULI) for method in (*TRAJECTORIES, "stabilizer", "extended_stabilizer")]


@pytest.mark.parametrize(("method", "noise"), SAMPLED)
def test_noisy_samples_of_every_method_scatter_around_the_exact_value(method, noise):
    gates = [("ry", (0,), np.pi / 2), ("rx", (1,), np.pi), ("rxx", (0, 1), np.pi / 2), ("rz", (0,), -np.pi / 2)]
    gates += [("ryy", (1, 0), np.pi), ("ry", (1,), np.pi / 2), ("rx", (0,), np.pi), ("p", (1,), np.pi)] * 2
    circuit = Circuit(2, tuple(Operation(gate, qubits, (Slot(k),)) for k, (gate, qubits, _) in enumerate(gates)))
    theta = [angle for _, _, angle in gates]
    labels = [a + b for a in "IXYZ" for b in "IXYZ"]
    values = {
        label: PauliTransferSimulator().objective(circuit, Observable.from_terms({label: 1}))(theta) for label in labels
    }
    observable = Observable.from_terms({label: 0.5 + value for label, value in values.items() if round(value)})
    exact = PauliTransferSimulator(noise).objective(circuit, observable)
    rng, shots = np.random.default_rng(11), 2000
    estimate = AerSimulator(noise, method=method).objective(circuit, observable).with_shots(shots, rng).estimate(theta)
    error = exact.with_shots(shots, rng).exact_standard_error(theta)
    assert abs(estimate.value - exact(theta)) < 5 * error
    assert 0.8 < estimate.standard_error / error < 1.25
    ideal = PauliTransferSimulator().objective(circuit, observable)(theta)
    assert abs(ideal - exact(theta)) > 20 * error, "the noise must be visible for the comparison to mean something"


def test_rewritten_gates_keep_their_noise_and_only_theirs():
    ruinous = NoiseModel("n", default={"rxx": depolarizing(0.4).tensor(depolarizing(1.0))}, strict=False)
    circuit = Circuit(2, (Operation("rxx", (0, 1), (np.pi,)), Operation("ry", (1,), (np.pi,)), Operation("cy", (1, 0))))
    observable = Observable.from_terms({"ZI": 1.0, "IZ": 0.5})
    exact = PauliTransferSimulator(ruinous).objective(circuit, observable)
    sampled = AerSimulator(ruinous, method="stabilizer").objective(circuit, observable)
    estimate = sampled.with_shots(4000, np.random.default_rng(5)).estimate([])
    assert abs(estimate.value - exact([])) < 5 * estimate.standard_error
    assert AerSimulator(method="stabilizer").objective(circuit, observable)([]) != pytest.approx(exact([]), abs=0.3)


def test_extended_stabilizers_take_other_angles():
    circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("t", (0,)), Operation("rxx", (0, 1), (0.6,))))
    observable = Observable.from_terms({"ZI": 1.0, "XX": 0.5, "IY": 0.3})
    exact = PauliTransferSimulator().objective(circuit, observable)([0.9])
    settings = {"extended_stabilizer_approximation_error": 0.2, "extended_stabilizer_metropolis_mixing_time": 200}
    options = AerOptions(other=settings)
    engine = AerSimulator(method="extended_stabilizer", options=options)
    estimate = engine.objective(circuit, observable).with_shots(150, np.random.default_rng(1)).estimate([0.9])
    assert abs(estimate.value - exact) < 5 * estimate.standard_error + 0.2


@pytest.mark.parametrize("method", [*TRAJECTORIES, "stabilizer", "extended_stabilizer"])
def test_methods_that_follow_trajectories_demand_shots_for_noise(method):
    objective = AerSimulator(PAULI, method=method).objective(
        Circuit(1, (Operation("x", (0,)),)), Observable.from_terms({"Z": 1.0})
    )
    with pytest.raises(EngineError, match=r"with_shots\(1000, rng\)"):
        objective([])
    assert objective.with_shots(10, np.random.default_rng(0))([]) <= 1


def test_a_channel_inside_the_circuit_counts_as_noise():
    circuit = Circuit(1, (Operation("x", (0,)), Operation("channel", (0,), channel=amplitude_damping(0.5))))
    z = Observable.from_terms({"Z": 1.0})
    with pytest.raises(EngineError, match="no exact noisy value; take method='density_matrix'"):
        AerSimulator(method="statevector").objective(circuit, z)([])
    assert AerSimulator(method="automatic").objective(circuit, z)([]) == pytest.approx(0, abs=1e-12)
    sampled = AerSimulator(method="statevector").objective(circuit, z).with_shots(2000, np.random.default_rng(0))
    assert abs(sampled([])) < 5 / np.sqrt(2000)
    with pytest.raises(EngineError, match="no channels inside a circuit"):
        AerSimulator(method="stabilizer").objective(circuit, z)


def test_what_a_stabilizer_cannot_take_is_named():
    z, engine = Observable.from_terms({"Z": 1.0}), AerSimulator(method="stabilizer")
    turned = engine.objective(Circuit(1, (Operation("rx", (0,), (Slot(0),)),)), z)
    assert turned([np.pi]) == pytest.approx(-1)
    with pytest.raises(EngineError, match=r"'rx' on \(0,\) with angles \(0\.3,\)"):
        turned([0.3])
    with pytest.raises(EngineError, match="Clifford gates only"):
        engine.objective(Circuit(1, (Operation("t", (0,)),)), z)([])
    with pytest.raises(EngineError, match=r"Pauli noise only; the channel after 'x' on \(0,\)"):
        AerSimulator(DAMPED, method="stabilizer").objective(Circuit(1, (Operation("x", (0,)),)), z)


@pytest.mark.parametrize(("method", "reason"), [("unitary", "matrix of the whole"), ("superop", "superoperator")])
def test_methods_without_a_state_are_refused_with_the_reason(method, reason):
    with pytest.raises(EngineError, match=reason):
        AerSimulator(method=method)


@pytest.mark.skipif("tensor_network" in QiskitAer().available_methods(), reason="this Aer has tensor networks")
def test_a_method_that_this_build_of_aer_lacks_is_refused():
    with pytest.raises(EngineError, match="no method 'tensor_network'"):
        AerSimulator(method="tensor_network")


@pytest.mark.skipif("GPU" in QiskitAer().available_devices(), reason="this Aer has a GPU")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(EngineError, match=r"finds no GPU here \(only CPU\)"):
        AerSimulator(options=AerOptions(device="GPU"))


def test_options_reach_aer_and_wrong_ones_are_refused():
    z = Observable.from_terms({"ZZ": 1.0, "XX": 0.5})
    bell = Circuit(2, (Operation("ry", (0,), (1.0,)), Operation("cx", (0, 1))))
    exact = AerSimulator().objective(bell, z)([])
    narrow = AerOptions(other={"matrix_product_state_max_bond_dimension": 1})
    truncated = AerSimulator(method="matrix_product_state", options=narrow).objective(bell, z)([])
    assert truncated != pytest.approx(exact, abs=1e-2)
    single = AerSimulator(options=AerOptions(precision="single", max_parallel_threads=2)).objective(bell, z)([])
    assert single == pytest.approx(exact, rel=0, abs=1e-5)
    with pytest.raises(EngineError, match="did you mean fusion_enable"):
        AerOptions(other={"fusion_enabled": True})
    with pytest.raises(EngineError, match=r"the generator of with_shots"):
        AerOptions(other={"seed_simulator": 5})
    with pytest.raises(EngineError, match="precision"):
        AerOptions(precision="half")
    with pytest.raises(EngineError, match="'CPU' or 'GPU'"):
        AerOptions(device="TPU")


def test_small_states_take_one_thread_and_large_or_sampled_ones_all():
    assert AerOptions().threads(14, trajectories=False) == 1
    assert AerOptions().threads(15, trajectories=False) == 0
    assert AerOptions().threads(4, trajectories=True) == 0
    assert AerOptions(max_parallel_threads=3).threads(20, trajectories=True) == 3


@pytest.mark.parametrize("n_qubits", [14, 15])
def test_large_noisy_state_vectors_are_sampled_although_aers_fusion_fails_on_them(n_qubits):
    rng = np.random.default_rng(0)
    noise = NoiseModel.from_numbers(p1=0.05, p2=0.1)
    pairs = [(q, q + 1) for q in range(n_qubits - 1)]
    circuit = oracle.random_circuit(rng, n_qubits, 60, gates=["rx", "cx"], free=0, pairs=pairs)
    observable = Observable.from_terms({"Z" * n_qubits: 1.0})
    objective = AerSimulator(noise, method="statevector").objective(circuit, observable)
    assert abs(objective.with_shots(4, rng)([])) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_values_stay_right_at_the_sizes_where_aer_fuses_gates(seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, 15, 60, free=0)
    labels = ["I" * k + letter + "I" * (14 - k) for k in range(15) for letter in "XYZ"]
    observable = Observable.from_terms({label: rng.normal() for label in labels})
    expected = StatevectorSimulator().objective(circuit, observable)([])
    for method in ("statevector", "matrix_product_state"):
        found = AerSimulator(method=method).objective(circuit, observable)([])
        assert found == pytest.approx(expected, rel=0, abs=1e-9)


def test_engines_survive_pickling():
    engine = AerSimulator(PAULI, options=AerOptions(precision="single"))
    copy = pickle.loads(pickle.dumps(engine))  # noqa: S301 - our own bytes
    assert copy == engine
    assert hash(copy) == hash(engine)


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_gate_is_made_of_clifford_gates_and_phases(name):
    angles = np.random.default_rng(2).uniform(-3, 3, GATES[name].n_parameters)
    qubits = tuple(reversed(range(GATES[name].n_qubits)))
    operation = Operation(name, qubits, tuple(angles))
    made = clifford_circuit(Circuit(len(qubits), (operation,)), phases=True, is_noisy=lambda _: False)
    expected = QiskitOperator(np.eye(2 ** len(qubits))).compose(QiskitOperator(gate_matrix(name, angles)), list(qubits))
    assert QiskitOperator(made).equiv(expected)
