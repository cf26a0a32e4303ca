"""Device noise: our kernels, our Aer engine and Qiskit Aer's own noise model tell the same energies."""

import numpy as np
import pytest
from qiskit.quantum_info import PTM, SuperOp
from qiskit_aer import AerSimulator as QiskitAer

from qvar.simulators import AerSimulator, Circuit, NoiseModel, Operation, PauliTransferSimulator, Slot
from tests.simulators import oracle


def device_circuit(fake, rng, n_qubits):
    """Turn every qubit away from the axes, then play random native gates on coupled pairs."""
    free = [(gate, (Slot(q),) if gate == "rz" else ()) for q in range(n_qubits) for gate in ("sx", "rz", "sx")]
    turns = [Operation(gate, (k // 3,), angles) for k, (gate, angles) in enumerate(free)]
    pairs = [pair for pair in fake.pairs if max(pair) < n_qubits]
    gates = ["rz", "sx", "x", "sx", *([fake.gate] * 3 if pairs else [])]
    return Circuit(n_qubits, tuple(turns)).then(
        oracle.random_circuit(rng, n_qubits, 25, gates=gates, pairs=pairs).operations
    )


def test_kernels_and_our_aer_engine_agree_on_a_fake_device(fake):
    for n_qubits in range(1, len(fake.qubits) + 1):
        rng = np.random.default_rng(n_qubits)
        circuit, observable = device_circuit(fake, rng, n_qubits), oracle.random_observable(rng, n_qubits)
        noise, thetas = fake.noise.on_qubits(range(n_qubits)), rng.uniform(-3, 3, size=(3, circuit.n_parameters))
        ours = PauliTransferSimulator(noise).objective(circuit, observable).batch(thetas)
        aers = AerSimulator(noise).objective(circuit, observable).batch(thetas)
        np.testing.assert_allclose(ours, aers, rtol=0, atol=1e-10, err_msg=f"{n_qubits} qubits")


def test_kernels_agree_with_the_noise_model_that_aer_makes_of_the_device_itself(fake):
    for n_qubits in range(1, len(fake.qubits) + 1):
        rng = np.random.default_rng([n_qubits, 1])
        circuit, observable = device_circuit(fake, rng, n_qubits), oracle.random_observable(rng, n_qubits, 20)
        theta = oracle.random_angles(rng, circuit)
        engine = PauliTransferSimulator(fake.noise.without_readout())
        expected = aer_energy(circuit.to_qiskit(theta), observable, fake.aer)
        assert engine.objective(circuit, observable)(theta) == pytest.approx(expected, rel=0, abs=1e-10)
        ideal = PauliTransferSimulator().objective(circuit, observable)(theta)
        assert abs(ideal - expected) > 1e-5, "the noise must be visible for the comparison to mean something"


def aer_energy(qiskit_circuit, observable, noise):
    qiskit_circuit.save_expectation_value(observable.to_qiskit(), range(qiskit_circuit.num_qubits))
    job = QiskitAer(method="density_matrix", noise_model=noise).run(qiskit_circuit)
    return float(job.result().data()["expectation_value"])


def test_gates_that_the_device_has_keep_exactly_their_own_noise(fake):
    compared = 0
    for gate, errors in fake.aer._local_quantum_errors.items():
        for qubits, error in errors.items():
            expected = PTM(SuperOp(error)).data.real
            np.testing.assert_allclose(fake.noise.channel(gate, qubits).ptm, expected, rtol=0, atol=1e-12)
            compared += 1
    assert compared >= 3 * len(fake.qubits)


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_kernels_and_our_aer_engine_agree_on_every_gate_with_arbitrary_noise(n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, 30), oracle.random_observable(rng, n_qubits)
    noise = oracle.random_noise(rng, circuit)
    noise.readout = [oracle.ReadoutError(*rng.uniform(0, 0.3, size=2)) for _ in range(n_qubits)]
    thetas = rng.uniform(-3, 3, size=(2, circuit.n_parameters))
    ours = PauliTransferSimulator(noise.model()).objective(circuit, observable).batch(thetas)
    aers = AerSimulator(noise.model()).objective(circuit, observable).batch(thetas)
    np.testing.assert_allclose(ours, aers, rtol=0, atol=1e-10)


def test_weak_noise_reaches_aer_in_full():
    channel = oracle.depolarizing(1e-4).tensor(oracle.depolarizing(1e-4))  # its smallest Kraus weights are about 1e-9
    noise = NoiseModel.from_channels(oracle.depolarizing(1e-4), channel)
    back = NoiseModel.from_aer(noise.to_aer())
    np.testing.assert_allclose(back.channel("cx", (0, 1)).ptm, channel.ptm, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["statevector", "matrix_product_state"])
def test_aer_methods_without_noise_agree_with_the_kernels(method):
    rng = np.random.default_rng(5)
    circuit, observable = oracle.random_circuit(rng, 4, 30), oracle.random_observable(rng, 4)
    theta = oracle.random_angles(rng, circuit)
    aer = AerSimulator(method=method).objective(circuit, observable)
    ours = PauliTransferSimulator().objective(circuit, observable)
    assert aer(theta) == pytest.approx(ours(theta), rel=0, abs=1e-10)
    assert AerSimulator(method=method).name == f"aer-{method.replace('_', '-')}"


def test_aer_takes_circuits_without_parameters_and_empty_batches():
    observable = oracle.Observable.from_terms({"Z": 1.0})
    fixed = AerSimulator().objective(Circuit(1, (Operation("x", (0,)),)), observable)
    assert fixed([]) == pytest.approx(-1)
    np.testing.assert_allclose(fixed.batch(np.zeros((3, 0))), [-1, -1, -1])
    free = AerSimulator().objective(Circuit(1, (Operation("rx", (0,), (Slot(0),)),)), observable)
    assert free.batch(np.zeros((0, 1))).shape == (0,)
