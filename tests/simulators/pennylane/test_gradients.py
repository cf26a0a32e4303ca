"""Derivatives by the PennyLane device: against finite differences, parameter shift and backpropagation."""

import numpy as np
import pennylane as qml
import pytest
import torch
from pennylane import numpy as pnp
from pennylane.devices import ExecutionConfig

from qvar.simulators import NoiseModel, ReadoutError, StateFlip
from qvar.simulators.errors import EngineError
from qvar.simulators.pennylane.device import PauliTransferDevice

X = np.array([0.3, -0.8, 1.4, 0.2])
MUMBAI = NoiseModel.named("mumbai-median")
FLIPS = NoiseModel("flips", readout={0: StateFlip(0.1), 1: ReadoutError(0.02, 0.1)}, strict=False)
NOISES = {"ideal": None, "mumbai": MUMBAI, "flips": FLIPS}
every_noise = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)


def gates(x):
    qml.RX(x[0], 0)
    qml.CNOT([0, 1])
    qml.Rot(x[0], 2 * x[1], x[2] + 0.3, wires=2)
    qml.AmplitudeDamping(0.1, 1)
    qml.IsingXX(x[1], [1, 2])
    qml.CRY(x[3], [2, 0])
    qml.U2(x[2], x[3], 1)
    qml.GlobalPhase(x[0])


def energy(x):
    gates(x)
    return qml.expval(0.5 * qml.Z(0) @ qml.X(1) - 0.2 * qml.Y(2) @ qml.Z(1) + 0.1 * qml.I(0))


def several(x):
    gates(x)
    return (
        qml.expval(qml.Z(0)),
        qml.probs(wires=[2, 0]),
        qml.var(qml.X(1) @ qml.Z(2)),
        qml.expval(qml.Projector([1, 0], [0, 1])),
    )


def flat(qnode):
    return lambda x: qml.math.hstack([qml.math.reshape(value, (-1,)) for value in qnode(x)])


def trainable(values):
    return pnp.array(values, requires_grad=True)


def differences(function, x, h=1e-5):
    columns = [(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


@every_noise
def test_the_gradient_of_an_energy_is_the_limit_of_finite_differences(noise):
    qnode = qml.QNode(energy, PauliTransferDevice(wires=3, noise=noise))
    np.testing.assert_allclose(qml.grad(qnode)(trainable(X)), differences(qnode, X), atol=1e-9)


@every_noise
def test_jacobians_of_values_probabilities_and_variances_are_exact(noise):
    device = PauliTransferDevice(wires=3, noise=noise)
    qnode = qml.QNode(several, device, diff_method="device")
    jacobian = qml.jacobian(flat(qnode))(trainable(X))
    assert jacobian.shape == (7, 4)
    np.testing.assert_allclose(jacobian, differences(flat(qnode), X), atol=1e-9)
    shifted = qml.jacobian(flat(qml.QNode(several, device, diff_method="parameter-shift")))(trainable(X))
    np.testing.assert_allclose(jacobian, shifted, atol=1e-10)


@every_noise
def test_backpropagation_through_pennylane_finds_the_same_values_and_derivatives(noise):
    device = PauliTransferDevice(wires=3, noise=noise)
    ours, theirs = (flat(qml.QNode(several, device, diff_method=m)) for m in ("device", "backprop"))
    np.testing.assert_allclose(theirs(trainable(X)), ours(trainable(X)), atol=1e-10)
    x = torch.tensor(X, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(theirs, x).numpy()
    np.testing.assert_allclose(jacobian, differences(ours, X), atol=1e-9)


def test_hermitian_observables_have_the_devices_gradient_without_read_out_error():
    def program(x):
        gates(x)
        return qml.expval(qml.Hermitian(np.array([[1.0, 0.3 - 0.2j], [0.3 + 0.2j, -0.4]]), 1))

    device = PauliTransferDevice(wires=3)
    assert qml.workflow.get_best_diff_method(qml.QNode(program, device))(trainable(X)) == "device"
    np.testing.assert_allclose(
        qml.grad(qml.QNode(program, device))(trainable(X)), differences(qml.QNode(program, device), X), atol=1e-9
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PennyLane's use of jax
@pytest.mark.parametrize("interface", ["torch", "jax"])
def test_other_interfaces_give_the_same_jacobian(interface):
    device = PauliTransferDevice(wires=3, noise=MUMBAI)
    expected = differences(flat(qml.QNode(several, device)), X)
    function = flat(qml.QNode(several, device))
    if interface == "torch":
        found = torch.autograd.functional.jacobian(function, torch.tensor(X, requires_grad=True)).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-9)
        return
    jax = pytest.importorskip("jax", reason="jax is not a dependency; the interface is checked where it is installed")
    for compiled in (lambda f: f, jax.jit):
        found = np.asarray(compiled(jax.jacobian(function))(jax.numpy.array(X)))
        np.testing.assert_allclose(found, expected, atol=1e-5)  # jax computes in single precision by default


@pytest.mark.parametrize("device_vjp", [False, True])
@pytest.mark.parametrize("grad_on_execution", [False, True])
def test_products_with_the_jacobian_come_from_the_device_or_from_pennylane(device_vjp, grad_on_execution):
    qnode = qml.QNode(several, PauliTransferDevice(wires=3), device_vjp=device_vjp, grad_on_execution=grad_on_execution)
    weights = np.linspace(-1, 1, 7)
    found = qml.grad(lambda x: qml.math.sum(weights * flat(qnode)(x)))(trainable(X))
    np.testing.assert_allclose(found, weights @ differences(flat(qnode), X), atol=1e-9)


def test_tangents_are_pushed_forward_by_the_device():
    tape = qml.tape.QuantumScript([qml.RX(0.3, 0), qml.RY(0.4, 0)], [qml.expval(qml.Z(0)), qml.probs(wires=0)])
    device = PauliTransferDevice(wires=1)
    config = ExecutionConfig(gradient_method="device")
    _, jvp = device.execute_and_compute_jvp([tape], [(0.5, 2.0)], config)
    jacobian = device.compute_derivatives(tape, config)
    expected = [0.5 * a + 2.0 * b for a, b in jacobian]
    for one, two in zip(jvp[0], expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)
    (again,) = device.compute_jvp([tape], [(0.5, 2.0)], config)
    np.testing.assert_allclose(again[0], expected[0], atol=1e-12)
    (vjp,) = device.compute_vjp([tape], [(1.0, np.array([0.0, 0.0]))], config)
    np.testing.assert_allclose(vjp, jacobian[0], atol=1e-12)


def test_broadcast_angles_are_differentiated_one_by_one():
    batch = np.stack([X, 2 * X, X - 1], axis=1)
    qnode = qml.QNode(energy, PauliTransferDevice(wires=3, noise=MUMBAI))
    found = qml.grad(lambda x: qml.math.sum(qnode(x) * np.array([1.0, 2.0, 3.0])))(trainable(batch))
    expected = np.stack([k * differences(qnode, column) for k, column in zip((1, 2, 3), batch.T, strict=True)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_arguments_without_gradient_are_left_alone_and_shared_ones_add_up():
    @qml.qnode(PauliTransferDevice(wires=1))
    def circuit(x, data):
        qml.RX(x, 0)
        qml.RX(data, 0)
        qml.RX(x, 0)
        return qml.expval(qml.Z(0))

    data = pnp.array(0.2, requires_grad=False)
    assert qml.grad(circuit)(trainable(0.3), data) == pytest.approx(-2 * np.sin(0.8))


def test_templates_with_trainable_weights_use_the_device():
    weights = np.random.default_rng(0).uniform(-1, 1, (2, 3, 3))

    def program(w):
        qml.StronglyEntanglingLayers(w, wires=range(3))
        return qml.expval(qml.Z(0) @ qml.Z(2))

    ours = qml.QNode(program, PauliTransferDevice(wires=3))
    assert qml.workflow.get_best_diff_method(ours)(trainable(weights)) == "device"
    expected = qml.grad(qml.QNode(program, qml.device("default.qubit", wires=3)))(trainable(weights))
    np.testing.assert_allclose(qml.grad(ours)(trainable(weights)), expected, atol=1e-12)


def channel_strength(x):
    qml.RX(x[0], 0)
    qml.DepolarizingChannel(x[1], 0)
    return qml.expval(qml.Z(0))


def purity(x):
    qml.RX(x[0], 0)
    qml.CRY(x[1], [0, 1])
    return qml.purity([0])


def coefficients(x):
    qml.RX(x[0], 0)
    return qml.expval(qml.Hamiltonian(x[1:2], [qml.Z(0)]))


def hermitian(x):
    qml.RX(x[0], 0)
    qml.RY(x[1], 0)
    return qml.expval(qml.Hadamard(0))


@pytest.mark.parametrize(
    ("program", "noise"),
    [
        (channel_strength, None),
        (coefficients, None),
        (hermitian, NoiseModel.from_numbers(readout=0.1)),
        (purity, None),
    ],
)
def test_other_tapes_fall_back_to_pennylanes_rules(program, noise):
    device = PauliTransferDevice(wires=2, noise=noise)
    x = trainable([0.4, 0.3])
    assert qml.workflow.get_best_diff_method(qml.QNode(program, device))(x) == "parameter-shift"
    with pytest.raises(qml.exceptions.QuantumFunctionError, match="does not support device"):
        qml.QNode(program, device, diff_method="device")(x)
    method = "finite-diff" if program is purity else "best"
    found = qml.grad(qml.QNode(program, device, diff_method=method))(x)
    expected = differences(qml.QNode(program, device, diff_method=None), np.array(x))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_asking_the_device_directly_for_what_it_cannot_differentiate_is_refused():
    tape = qml.tape.QuantumScript([qml.BitFlip(0.1, 0)], [qml.expval(qml.Z(0))])
    device = PauliTransferDevice(wires=1)
    with pytest.raises(EngineError, match="diff_method='parameter-shift'"):
        device.compute_derivatives(tape)
    config = ExecutionConfig(gradient_method="device")
    assert not device.supports_derivatives(config, tape)
    assert device.supports_derivatives(config)
    tape.trainable_params = []
    assert device.supports_derivatives(config, tape)
    assert device.compute_derivatives(tape) == ()
    assert not device.supports_derivatives(config, tape.copy(shots=10))


def test_shots_and_second_derivatives_use_parameter_shift():
    def program(x):
        qml.RX(x[0], 0)
        qml.RY(x[1], 0)
        return qml.expval(qml.Z(0))

    device = PauliTransferDevice(wires=1, seed=0)
    x = trainable([0.4, 0.3])
    exact = qml.grad(qml.QNode(program, device))(x)
    sampled = qml.grad(qml.set_shots(qml.QNode(program, device), shots=20000))(x)
    np.testing.assert_allclose(sampled, exact, atol=5 / np.sqrt(2 * 20000))
    assert (sampled != exact).all()
    c, s = np.cos([0.4, 0.3]), np.sin([0.4, 0.3])
    expected = [[-c[0] * c[1], s[0] * s[1]], [s[0] * s[1], -c[0] * c[1]]]
    for method in ("best", "backprop"):
        hessian = qml.jacobian(qml.grad(qml.QNode(program, device, max_diff=2, diff_method=method)))(x)
        np.testing.assert_allclose(hessian, expected, atol=1e-10)


def test_a_gradient_costs_one_device_call():
    device = PauliTransferDevice(wires=3)
    with qml.Tracker(device) as tracker:
        qml.grad(qml.QNode(energy, device))(trainable(X))
    assert tracker.totals["execute_and_derivative_batches"] == 1
    assert tracker.totals["executions"] == 1


def test_a_wrong_noise_model_would_show_in_the_gradient():
    gradients = [
        qml.grad(qml.QNode(energy, PauliTransferDevice(wires=3, noise=noise)))(trainable(X))
        for noise in (MUMBAI, MUMBAI.without_readout())
    ]
    assert np.abs(gradients[0] - gradients[1]).max() > 1e-3


def test_backpropagation_survives_outcomes_of_probability_zero():
    def program(x):
        qml.PhaseDamping(0.1, 1)
        qml.IsingZZ(x[0], [0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1) + 0.5 * qml.X(1))

    qnode = qml.QNode(program, PauliTransferDevice(wires=2), diff_method="backprop")
    assert qml.grad(qnode)(trainable([0.3])) == pytest.approx([0.0], abs=1e-12)
