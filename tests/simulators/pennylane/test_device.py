"""The PennyLane device: results, wires, states, and refusals."""

import pickle

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp
from pennylane.devices import ExecutionConfig

from qvar.simulators import NoiseModel
from qvar.simulators.errors import EngineError, NoiseModelError
from qvar.simulators.pennylane.device import PauliTransferDevice
from tests.simulators.pennylane.programs import MEASUREMENTS, READOUTS, X, gates, run


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


class Unknown(qml.operation.Operator):
    """An operator that says neither what its matrix is nor how to measure it."""


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
    with pytest.raises(qml.exceptions.DeviceError, match=r"Observable Unknown.* not supported on qvar\.ptm"):
        run(PauliTransferDevice(wires=1), lambda: qml.expval(Unknown(0)))
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


@pytest.mark.parametrize(
    ("method", "has_jacobian", "has_products"),
    [("device", True, True), ("best", True, True), ("backprop", True, False), ("parameter-shift", False, False)],
)
def test_the_device_says_which_derivatives_it_gives(method, has_jacobian, has_products):
    device, config = PauliTransferDevice(wires=1), ExecutionConfig(gradient_method=method)
    assert device.supports_derivatives(config) is has_jacobian
    assert device.supports_vjp(config) is has_products
    assert device.supports_jvp(config) is has_products
    assert device.supports_vjp()
