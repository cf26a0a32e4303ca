"""Read-out error: exact values agree with what reading wrong bits does to samples, in every engine."""

import numpy as np
import pytest
from qiskit_aer import AerSimulator as QiskitAer
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_ibm_runtime import fake_provider

from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    StateFlip,
)
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.readout import measured_coefficients, measured_observable
from tests.simulators import oracle

ERRORS = {0: ReadoutError(0.02, 0.15), 1: ReadoutError(0.3, 0.05)}
READ_BADLY = NoiseModel("bad read-out", readout=ERRORS, strict=False)


def flipped_outcomes(probabilities, errors, n_shots, rng):
    """Draw true bits, then misread each with the probabilities of its qubit."""
    true = rng.choice(len(probabilities), size=n_shots, p=probabilities)
    read = np.zeros(n_shots, dtype=int)
    for q, error in errors.items():
        bit = (true >> q) & 1
        wrong = rng.random(n_shots) < np.where(bit, error.p10, error.p01)
        read |= (bit ^ wrong) << q
    return read


@pytest.mark.parametrize(("label", "basis"), [("ZZ", []), ("IZ", []), ("ZI", []), ("XX", ["h"]), ("YY", ["sdg", "h"])])
def test_exact_values_agree_with_misread_samples(label, basis):
    circuit = oracle.random_circuit(np.random.default_rng(0), 2, 15, free=0)
    rotated = circuit.then(Operation(gate, (q,)) for q in (0, 1) for gate in basis)
    probabilities = np.diag(oracle.density_matrix(rotated)).real
    n_shots = 400_000
    read = flipped_outcomes(probabilities / probabilities.sum(), ERRORS, n_shots, np.random.default_rng(1))
    parity = sum((read >> q) & 1 for q in (0, 1) if label[1 - q] != "I") % 2
    sampled = np.mean(1 - 2 * parity)
    observable = Observable.from_terms({label: 1.0})
    exact = PauliTransferSimulator(READ_BADLY).objective(circuit, observable)([])
    assert exact == pytest.approx(sampled, abs=4.5 / np.sqrt(n_shots))
    assert abs(PauliTransferSimulator().objective(circuit, observable)([]) - sampled) > 10 / np.sqrt(n_shots)


def test_exact_values_agree_with_aers_sampling_of_the_same_confusion_matrices():
    rng = np.random.default_rng(2)
    circuit, shots = oracle.random_circuit(rng, 2, 12, free=0), 200_000
    model = AerNoiseModel()
    for q, error in ERRORS.items():
        model.add_readout_error([[1 - error.p01, error.p01], [error.p10, 1 - error.p10]], [q])
    measured = circuit.to_qiskit()
    measured.measure_all()
    counts = QiskitAer(noise_model=model, seed_simulator=5).run(measured, shots=shots).result().get_counts()
    sampled = sum((-1) ** outcome.count("1") * count for outcome, count in counts.items()) / shots
    exact = PauliTransferSimulator(READ_BADLY).objective(circuit, Observable.from_terms({"ZZ": 1.0}))([])
    assert exact == pytest.approx(sampled, abs=4.5 / np.sqrt(shots))


def test_our_aer_engine_adds_the_readout_error_that_aers_exact_values_leave_out():
    flip, observable = Circuit(1, (Operation("x", (0,)),)), Observable.from_terms({"Z": 1.0})
    noise = NoiseModel.from_numbers(readout=0.1)
    bare = flip.to_qiskit()
    bare.save_expectation_value(observable.to_qiskit(), [0])
    backend = QiskitAer(method="density_matrix", noise_model=noise.to_aer())
    assert backend.run(bare).result().data()["expectation_value"] == pytest.approx(-1)  # Aer's own value
    assert AerSimulator(noise).objective(flip, observable)([]) == pytest.approx(-0.8)
    assert PauliTransferSimulator(noise).objective(flip, observable)([]) == pytest.approx(-0.8)


@pytest.mark.parametrize("letter", "XYZ")
def test_readout_acts_on_outcomes_alike_in_every_basis(letter):
    eigenstate = {"X": ["h"], "Y": ["h", "s"], "Z": []}[letter]
    circuit = Circuit(1, tuple(Operation(gate, (0,)) for gate in eigenstate))
    noise = NoiseModel("asymmetric", readout={0: ReadoutError(0.1, 0.3)}, strict=False)
    energy = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({letter: 1.0}))([])
    assert energy == pytest.approx((1 - 0.1 - 0.3) + (0.3 - 0.1))  # eta P + tau I with P = +1


def test_symmetric_readout_damps_by_the_weight_of_the_string():
    noise = NoiseModel.from_numbers(readout=0.1)
    for label, weight in (("III", 0), ("ZII", 1), ("ZIZ", 2), ("ZZZ", 3)):
        value = PauliTransferSimulator(noise).objective(Circuit(3), Observable.from_terms({label: 1.0}))([])
        assert value == pytest.approx(0.8**weight)


def test_the_state_flip_leaves_x_alone_and_damps_y_and_z():
    noise = NoiseModel("flip", default_readout=StateFlip(0.1), strict=False)
    for letter, gates, expected in (("X", ["h"], 1.0), ("Y", ["h", "s"], 0.8), ("Z", [], 0.8)):
        circuit = Circuit(1, tuple(Operation(gate, (0,)) for gate in gates))
        value = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({letter: 1.0}))([])
        assert value == pytest.approx(expected)
    with pytest.raises(NoiseModelError, match="StateFlip"):
        AerSimulator(noise)


def test_readout_error_of_large_circuits_costs_what_the_strings_weigh_not_what_the_qubits_count():
    n_qubits = 40
    noise = NoiseModel("asymmetric", default_readout=ReadoutError(0.1, 0.3), strict=False)
    flips = Circuit(n_qubits, tuple(Operation("x", (q,)) for q in (0, 39)))
    observable = Observable.from_terms({"Z" + "I" * 38 + "Z": 1.0, "IZ" + "I" * 38: 0.5})
    value = AerSimulator(noise, method="matrix_product_state").objective(flips, observable)([])
    read_one, read_zero = -(1 - 2 * 0.3), 1 - 2 * 0.1
    assert value == pytest.approx(read_one**2 + 0.5 * read_zero)


def test_the_measured_observable_has_the_measured_coefficients():
    observable = oracle.random_observable(np.random.default_rng(0), 3, 12)
    noise = NoiseModel("some", readout={0: ERRORS[0], 2: StateFlip(0.2)}, strict=False)
    measured = measured_observable(observable, noise)
    found = np.zeros(4**3)
    found[measured.digits @ 4 ** np.arange(3)] = measured.vector
    np.testing.assert_allclose(found, measured_coefficients(observable, noise), rtol=0, atol=1e-15)


def test_readout_that_tells_nothing_gives_zero_in_both_engines():
    noise, observable = NoiseModel.from_numbers(readout=0.5), Observable.from_terms({"Z": 1.0})
    for engine in (PauliTransferSimulator(noise), AerSimulator(noise)):
        assert engine.objective(Circuit(1), observable)([]) == 0


def test_the_asymmetry_of_a_devices_readout_is_kept():
    backend = fake_provider.FakeOurenseV2()
    noise = NoiseModel.from_backend(backend)
    assert noise.readout_error(0).p01 == pytest.approx(0.0132)
    assert noise.readout_error(0).p10 == pytest.approx(0.0172)
    symmetric = AerNoiseModel.from_backend(backend)._local_readout_errors[(0,)].probabilities
    assert symmetric[0][1] == symmetric[1][0] == pytest.approx(0.0152)  # what Aer's own model would have kept
    z = Observable.from_terms({"IIIIZ": 1.0})
    read_zero = PauliTransferSimulator(noise).objective(Circuit(5), z)([])
    assert read_zero == pytest.approx(1 - 2 * 0.0132)


@pytest.mark.parametrize("probabilities", [(-0.1, 0.0), (0.0, 1.1), (np.nan, 0.0)])
def test_readout_probabilities_outside_zero_to_one_are_refused(probabilities):
    with pytest.raises(NoiseModelError, match=r"0\.\.1"):
        ReadoutError(*probabilities)
    with pytest.raises(NoiseModelError, match=r"0\.\.1"):
        StateFlip(max(probabilities, key=abs))
