"""Every fake IBM device of 5 or 7 qubits, and chosen qubits of one of 27: all noise paths tell the same energies.

Circuits hold the device's own gates on its own pairs. The reference is Qiskit Aer with the noise model it makes of the
device itself, and with the read-out errors that the device reports, neither of them made by this package.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator as QiskitAer
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_ibm_runtime import fake_provider

from qvar.simulators import AerSimulator, Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator
from tests.simulators import oracle
from tests.simulators.conftest import merged_noise

FIVE = ["Athens", "Belem", "Bogota", "Burlington", "Essex", "Lima", "London", "Manila", "Ourense", "Quito", "Rome"]
FIVE += ["Santiago", "Valencia", "Vigo", "Yorktown"]
SEVEN = ["CasablancaV2", "JakartaV2", "LagosV2", "NairobiV2", "Oslo", "Perth"]
WHOLE = [f"Fake{name}V2" for name in FIVE] + ["FakeFractionalBackend"] + [f"Fake{name}" for name in SEVEN]
PARTS = {"FakeKolkataV2": (12, 13, 14, 11, 8), "FakePeekskill": (3, 5, 8, 11, 14)}
SHOTS = 20_000


@dataclass(frozen=True)
class Device:
    """A fake device: this package's noise model of it, and Aer's own with the reported read-out errors."""

    noise: NoiseModel
    aer: AerNoiseModel
    gates: dict[str, list[tuple[int, ...]]]
    """Native gates that have an error, in this package's names, with the qubits they act on."""


@pytest.fixture(scope="module", params=[*WHOLE, *PARTS])
def device(request):
    backend: Any = getattr(fake_provider, request.param)()
    qubits = PARTS.get(request.param, tuple(range(backend.num_qubits)))
    original = AerNoiseModel.from_backend(backend)
    with pytest.MonkeyPatch.context() as patch:  # spares making the same Aer model twice
        patch.setattr(AerNoiseModel, "from_backend", lambda _: original)
        noise = NoiseModel.from_backend(backend, qubits=qubits)
    aer = merged_noise(original, qubits)
    names = {"u3": "u"}
    errors = aer._local_quantum_errors.items()
    gates = {names.get(gate, gate): [tuple(q) for q in places] for gate, places in errors if gate != "u2"}
    for new, old in enumerate(qubits):
        reported = backend.properties().qubit_property(old)
        p01, p10 = reported["prob_meas1_prep0"][0], reported["prob_meas0_prep1"][0]
        aer.add_readout_error([[1 - p01, p01], [p10, 1 - p10]], [new])
    return Device(noise, aer, gates)


def native_circuit(device, rng, n_gates=40):
    """Play random native gates, virtual RZ among them, on the qubits where the device has them."""
    n_qubits = device.noise.n_qubits
    virtual = [] if "u" in device.gates else ["rz"]
    pairs = [gate for gate, places in device.gates.items() if len(places[0]) == 2]
    operations = []
    for _ in range(n_gates):
        gate = str(rng.choice([*device.gates, *virtual, *virtual, *pairs]))
        places = device.gates.get(gate) or [(q,) for q in range(n_qubits)]
        qubits = tuple(int(q) for q in places[rng.integers(len(places))])
        operations.append(Operation(gate, qubits, tuple(rng.uniform(-3, 3, size=oracle.N_ANGLES.get(gate, 0)))))
    return Circuit(n_qubits, tuple(operations))


def in_native_names(circuit):
    """Return the Qiskit circuit in the gates of Aer's noise model, where the general rotation is still called u3."""
    qiskit = QuantumCircuit(circuit.n_qubits)
    for instruction in circuit.to_qiskit().data:
        gate = instruction.operation
        if gate.name == "u":
            gate = gate.to_mutable()
            gate.label = "u3"
        qiskit.append(gate, instruction.qubits)
    return qiskit


def test_all_small_devices_are_tested():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of the devices warns that its errors are invented
        backends = fake_provider.FakeProviderForBackendV2().backends()
    assert {type(b).__name__ for b in backends if b.num_qubits in (5, 7)} == set(WHOLE)


def test_kernels_and_our_aer_engine_agree_with_readout_error(device):
    rng = np.random.default_rng(1)
    circuit, observable = native_circuit(device, rng), oracle.random_observable(rng, device.noise.n_qubits, 20)
    ours = PauliTransferSimulator(device.noise).objective(circuit, observable)([])
    aers = AerSimulator(device.noise).objective(circuit, observable)([])
    assert ours == pytest.approx(aers, rel=0, abs=1e-10)
    ideal = PauliTransferSimulator().objective(circuit, observable)([])
    assert abs(ideal - ours) > 1e-4, "the noise must be visible for the comparison to mean something"


def test_all_paths_agree_with_the_noise_model_that_aer_makes_of_the_device(device):
    rng = np.random.default_rng(2)
    circuit, observable = native_circuit(device, rng), oracle.random_observable(rng, device.noise.n_qubits, 20)
    exact = in_native_names(circuit)
    exact.save_expectation_value(observable.to_qiskit(), range(circuit.n_qubits))
    backend = QiskitAer(method="density_matrix", noise_model=device.aer)
    expected = backend.run(exact).result().data()["expectation_value"]
    noise = device.noise.without_readout()  # Aer's exact values leave it out
    for engine in (PauliTransferSimulator(noise), AerSimulator(noise), AerSimulator(noise, method="automatic")):
        assert engine.objective(circuit, observable)([]) == pytest.approx(expected, rel=0, abs=1e-10)


def test_counts_that_aer_samples_with_readout_error_scatter_around_the_exact_values(device):
    rng = np.random.default_rng(3)
    circuit, n = native_circuit(device, rng), device.noise.n_qubits
    measured = in_native_names(circuit)
    measured.measure_all()
    backend = QiskitAer(method="density_matrix", noise_model=device.aer, seed_simulator=4)
    counts = backend.run(measured, shots=SHOTS).result().get_counts()
    for label in ["I" * (n - 1 - q) + "Z" + "I" * q for q in range(n)] + ["Z" * n]:
        exact = PauliTransferSimulator(device.noise).objective(circuit, Observable.from_terms({label: 1.0}))([])
        acts = [position for position, letter in enumerate(label) if letter == "Z"]
        sampled = sum((-1) ** sum(o[k] == "1" for k in acts) * count for o, count in counts.items()) / SHOTS
        assert abs(sampled - exact) < 5 * np.sqrt((1 - exact**2) / SHOTS), label


@pytest.mark.parametrize("method", ["density_matrix", "statevector"])
def test_our_samples_scatter_around_the_exact_values(device, method):
    rng = np.random.default_rng(5)
    circuit, observable = native_circuit(device, rng), oracle.random_observable(rng, device.noise.n_qubits, 6)
    exact = PauliTransferSimulator(device.noise).objective(circuit, observable)
    sampled = AerSimulator(device.noise, method=method).objective(circuit, observable).with_shots(500, rng)
    error = exact.with_shots(500, rng).exact_standard_error([])
    assert abs(sampled([]) - exact([])) < 5 * error
