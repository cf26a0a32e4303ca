"""PennyLane devices as engines: the contract, and agreement with the Pauli-transfer simulator."""

import pickle

import numpy as np
import pennylane as qml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.simulators import (
    Circuit,
    Engine,
    NoiseModel,
    Objective,
    Observable,
    Operation,
    PauliTransferSimulator,
    PennyLaneSimulator,
    ReadoutError,
    Slot,
    StateFlip,
    amplitude_damping,
)
from qvar.simulators.errors import CircuitError, EngineError, NoiseModelError
from qvar.simulators.pennylane.device import PauliTransferDevice
from tests.simulators import oracle

MUMBAI = NoiseModel.named("mumbai-median")
TURN = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
Z = Observable.from_terms({"Z": 1.0})
ENTANGLED = Circuit(
    3,
    (
        Operation("ry", (0,), (Slot(0),)),
        Operation("cx", (0, 2)),
        Operation("u", (1,), (Slot(1), Slot(0, 0.5, 0.2), 0.3)),
        Operation("channel", (2, 1), channel=amplitude_damping(0.2).tensor(amplitude_damping(0.1))),
        Operation("rzz", (1, 2), (Slot(2, -1.0),)),
        Operation("sx", (1,)),
    ),
)
ENERGY = Observable.from_terms({"ZXI": 0.7, "IZZ": -0.4, "YIX": 0.3, "III": 2.0, "IIZ": 0.2})
THETA = np.array([0.4, -1.1, 0.8])


@settings(max_examples=25, deadline=None)
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 16), seed=st.integers(0, 2**32 - 1), is_noisy=st.booleans())
def test_values_and_gradients_equal_those_of_the_pauli_transfer_simulator(n_qubits, n_gates, seed, is_noisy):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    theta = oracle.random_angles(rng, circuit)
    noise = MUMBAI if is_noisy else None
    ours, theirs = (e(noise=noise).objective(circuit, observable) for e in (PauliTransferSimulator, PennyLaneSimulator))
    assert theirs(theta) == pytest.approx(ours(theta), rel=0, abs=1e-10)
    value, gradient = theirs.value_and_gradient(theta)
    assert value == pytest.approx(ours(theta), rel=0, abs=1e-10)
    np.testing.assert_allclose(gradient, ours.value_and_gradient(theta)[1], rtol=0, atol=1e-10)


DEVICES = {
    "default.mixed": (PennyLaneSimulator(noise=MUMBAI), ENTANGLED, 1),
    "qvar.ptm": (PennyLaneSimulator(PauliTransferDevice(wires=3), MUMBAI), ENTANGLED, 1),
    "default.qubit": (PennyLaneSimulator("default.qubit"), Circuit(3, ENTANGLED.operations[:3]), 1),
    "lightning.qubit": (PennyLaneSimulator("lightning.qubit"), Circuit(3, ENTANGLED.operations[:3]), 1),
    "reference.qubit": (PennyLaneSimulator("reference.qubit"), Circuit(3, ENTANGLED.operations[:3]), 7),
}
every_device = pytest.mark.parametrize("name", DEVICES)


@every_device
def test_every_kind_of_device_serves_as_an_engine(name):
    engine, circuit, evaluations = DEVICES[name]
    objective = engine.objective(circuit, ENERGY)
    assert isinstance(engine, Engine)
    assert isinstance(objective, Objective)
    assert engine.name == f"pennylane-{name}"
    assert objective.evaluations_per_gradient == evaluations
    reference = PauliTransferSimulator(engine.noise).objective(circuit, ENERGY)
    theta = THETA[: circuit.n_parameters]
    value, gradient = objective.value_and_gradient(theta)
    expected_value, expected = reference.value_and_gradient(theta)
    assert value == pytest.approx(expected_value, abs=1e-10)
    np.testing.assert_allclose(gradient, expected, atol=1e-10)
    thetas = np.random.default_rng(0).uniform(-3, 3, (5, circuit.n_parameters))
    np.testing.assert_allclose(objective.batch(thetas), reference.batch(thetas), atol=1e-10)
    assert objective.batch(thetas[:0]).shape == (0,)
    assert objective.batch(thetas[:1]) == pytest.approx(reference.batch(thetas[:1]), abs=1e-10)


@pytest.mark.parametrize(
    "noise",
    [
        None,
        MUMBAI,
        NoiseModel("asymmetric", readout={0: ReadoutError(0.02, 0.2), 1: StateFlip(0.1)}, strict=False),
    ],
    ids=["ideal", "mumbai", "asymmetric"],
)
def test_sampled_energies_and_gradients_have_the_exact_mean_and_the_right_spread(noise):
    exact = PauliTransferSimulator(noise).objective(ENTANGLED, ENERGY)
    reference = exact.with_shots(200, np.random.default_rng(0))
    objective = PennyLaneSimulator(noise=noise).objective(ENTANGLED, ENERGY).with_shots(200, np.random.default_rng(1))
    assert objective.shots_per_evaluation == reference.shots_per_evaluation
    assert objective.evaluations_per_gradient == reference.evaluations_per_gradient == 9
    spread = reference.batch(np.tile(THETA, (1000, 1))).std()
    energies = objective.batch(np.tile(THETA, (100, 1)))
    assert abs(energies.mean() - exact(THETA)) < 5 * spread / 10
    assert abs(energies.std() / spread - 1) < 5 / np.sqrt(2 * 100) + 5 / np.sqrt(2 * 1000)
    value, gradient = objective.with_shots(5000, np.random.default_rng(2)).value_and_gradient(THETA)
    assert abs(value - exact(THETA)) < 5 * spread / 5
    np.testing.assert_allclose(gradient, exact.value_and_gradient(THETA)[1], atol=5 * spread / 5 * 2)


def test_the_same_generator_gives_the_same_samples():
    objective = PennyLaneSimulator().objective(TURN, Z)
    first, again, other = (objective.with_shots(50, np.random.default_rng(s))([1.0]) for s in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("observable", "n_points"), [(Z, 0), (Observable.from_terms({"I": 2.5}), 3)])
def test_where_nothing_is_measured_nothing_is_drawn(observable, n_points):
    rng = np.random.default_rng(5)
    objective = PennyLaneSimulator().objective(TURN, observable).with_shots(10, rng)
    np.testing.assert_array_equal(objective.batch(np.zeros((n_points, 1))), [2.5] * n_points)
    assert rng.random() == np.random.default_rng(5).random()


def test_circuits_without_parameters_and_observables_without_letters_work():
    fixed = Circuit(1, (Operation("x", (0,)),))
    objective = PennyLaneSimulator().objective(fixed, Z)
    assert objective([]) == pytest.approx(-1.0)
    assert objective.batch(np.empty((3, 0))) == pytest.approx([-1.0] * 3)
    assert objective.value_and_gradient([])[1].shape == (0,)
    constant = PennyLaneSimulator().objective(TURN, Observable.from_terms({"I": 2.5}))
    assert constant([0.3]) == pytest.approx(2.5)
    assert constant.with_shots(10, np.random.default_rng(0))([0.3]) == 2.5


def test_objectives_can_be_pickled():
    objective = PennyLaneSimulator(noise=MUMBAI).objective(TURN, Z)
    assert pickle.loads(pickle.dumps(objective))([0.3]) == objective([0.3])  # noqa: S301 - made here


def test_what_a_device_cannot_do_is_refused_with_a_reason():
    with pytest.raises(EngineError, match="a PennyLane device or the name of one"):
        PennyLaneSimulator(device=3)
    with pytest.raises(EngineError, match="options are for a device given by name"):
        PennyLaneSimulator(qml.device("default.qubit"), options={"seed": 1})
    with pytest.raises(EngineError, match=r"cannot make the PennyLane device 'default\.magic'"):
        PennyLaneSimulator("default.magic").objective(TURN, Z)
    with pytest.raises(EngineError, match="cannot make the PennyLane device"):
        PennyLaneSimulator(options={"colour": 1}).objective(TURN, Z)
    with pytest.raises(EngineError, match=r"needs wires 0\.\.2"):
        PennyLaneSimulator(qml.device("default.mixed", wires=2)).objective(ENTANGLED, ENERGY)
    with pytest.raises(EngineError, match="executes channels"):
        PennyLaneSimulator("default.qubit", MUMBAI).objective(TURN, Z)([0.1])
    with pytest.raises(NoiseModelError, match="coupled pairs"):
        PennyLaneSimulator(noise=NoiseModel.named("ourense")).objective(Circuit(3, (Operation("cx", (0, 2)),)), ENERGY)
    with pytest.raises(EngineError, match="noise is a NoiseModel"):
        PennyLaneSimulator(noise="mumbai")
    objective = PennyLaneSimulator().objective(TURN, Z)
    with pytest.raises(CircuitError, match="parameter"):
        objective([1.0, 2.0])
    with pytest.raises(EngineError, match="batch"):
        objective.batch([1.0])
    with pytest.raises(EngineError, match="shots"):
        objective.with_shots(0, np.random.default_rng(0))


def test_a_wrong_noise_model_would_be_seen():
    right, wrong = (PennyLaneSimulator(noise=n).objective(ENTANGLED, ENERGY)(THETA) for n in (MUMBAI, None))
    assert abs(right - wrong) > 1e-3
