"""Circuits, channels and observables from and to PennyLane, and what cannot be translated."""

import numpy as np
import pennylane as qml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane import numpy as pnp

from qvar.simulators import Circuit, Operation, PauliTransferSimulator, Slot, amplitude_damping, depolarizing
from qvar.simulators.errors import CircuitError, ObservableError
from qvar.simulators.gates import GATES, gate_matrix
from qvar.simulators.pennylane.conversion import (
    channel_from_pennylane,
    channel_to_pennylane,
    circuit_to_pennylane,
    observable_from_pauli_sentence,
    observable_to_pennylane,
)
from tests.simulators import oracle

several = settings(max_examples=30, deadline=None)


def pennylane_values(operations, observable, *, n_qubits, device="default.mixed"):
    tape = qml.tape.QuantumScript(operations, [qml.expval(observable)])
    (value,) = qml.execute([tape], qml.device(device, wires=n_qubits), diff_method=None)
    return float(value)


def our_value(circuit, theta, observable):
    return PauliTransferSimulator().objective(circuit, observable)(theta)


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_native_gate_has_the_same_matrix_in_pennylane_up_to_a_phase(name):
    gate = GATES[name]
    angles = [0.3, 1.1, -0.7][: gate.n_parameters]
    circuit = Circuit(gate.n_qubits, (Operation(name, tuple(range(gate.n_qubits)), tuple(angles)),))
    (operation,) = circuit.to_pennylane()()
    wires = list(reversed(range(gate.n_qubits)))  # PennyLane's first wire is the most significant
    overlap = np.vdot(gate_matrix(name, angles), qml.matrix(operation, wire_order=wires)) / 2**gate.n_qubits
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


NAMES = [
    ("rx", qml.RX(0.3, 0)),
    ("ry", qml.RY(0.3, 0)),
    ("rz", qml.RZ(0.3, 0)),
    ("rz", qml.MultiRZ(0.3, [0])),
    ("p", qml.PhaseShift(0.3, 0)),
    ("p", qml.U1(0.3, 0)),
    ("u", qml.U2(0.3, 0.8, 0)),
    ("u", qml.U3(0.3, 0.8, -0.7, 0)),
    ("u", qml.Rot(0.3, 0.8, -0.7, 0)),
    ("rxx", qml.IsingXX(0.3, [0, 1])),
    ("ryy", qml.IsingYY(0.3, [0, 1])),
    ("rzz", qml.IsingZZ(0.3, [0, 1])),
    ("rzz", qml.MultiRZ(0.3, [0, 1])),
    ("id", qml.Identity(0)),
    ("x", qml.PauliX(0)),
    ("y", qml.PauliY(0)),
    ("z", qml.PauliZ(0)),
    ("h", qml.Hadamard(0)),
    ("s", qml.S(0)),
    ("t", qml.T(0)),
    ("sx", qml.SX(0)),
    ("sdg", qml.adjoint(qml.S(0))),
    ("tdg", qml.adjoint(qml.T(0))),
    ("sxdg", qml.adjoint(qml.SX(0))),
    ("cx", qml.CNOT([0, 1])),
    ("cy", qml.CY([0, 1])),
    ("cz", qml.CZ([0, 1])),
    ("swap", qml.SWAP([0, 1])),
    ("ecr", qml.ECR([0, 1])),
]


@pytest.mark.parametrize(("name", "operation"), NAMES, ids=lambda value: getattr(value, "name", value))
def test_each_name_in_pennylane_is_read_as_the_one_gate_it_means_whose_noise_it_gets(name, operation):
    tape = qml.tape.QuantumScript([operation])
    tape.trainable_params = []
    (read,) = Circuit.from_pennylane(tape).operations
    assert (read.gate, read.qubits) == (name, tuple(operation.wires))
    wires = list(reversed(operation.wires))
    overlap = np.vdot(gate_matrix(name, read.parameters), qml.matrix(operation, wire_order=wires)) / 2 ** len(wires)
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


@several
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))
def test_random_circuits_have_the_same_energy_in_pennylane_and_come_back_unchanged(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    theta = oracle.random_angles(rng, circuit)
    operations = circuit.to_pennylane(theta)()
    expected = our_value(circuit, theta, observable)
    found = pennylane_values(operations, observable_to_pennylane(observable), n_qubits=n_qubits)
    assert found == pytest.approx(expected, rel=0, abs=1e-10)
    back = Circuit.from_pennylane(circuit.to_pennylane(), theta, wires=n_qubits)
    assert back.n_parameters == circuit.n_parameters
    for one, two in zip(back.operations, circuit.operations, strict=True):
        assert (one.gate, one.qubits) == (two.gate, two.qubits)
        for a, b in zip(one.parameters, two.parameters, strict=True):
            if isinstance(b, Slot):
                assert a.index == b.index
                assert (a.scale, a.shift) == pytest.approx((b.scale, b.shift), rel=1e-11, abs=1e-11)
            else:
                assert a == pytest.approx(b, abs=1e-14)


def test_wire_k_is_qubit_k_although_pennylane_orders_states_the_other_way():
    circuit = Circuit.from_pennylane(qml.tape.QuantumScript([qml.PauliX(1), qml.Identity(2)]))
    assert circuit.n_qubits == 3
    assert our_value(circuit, [], oracle.Observable.from_terms({"IZI": 1.0})) == -1.0
    assert circuit.operations[0] == Operation("x", (1,))


def test_wire_labels_are_numbered_by_appearance_by_the_device_or_as_given():
    tape = qml.tape.QuantumScript([qml.CNOT(["b", "a"])])
    assert Circuit.from_pennylane(tape).operations[0].qubits == (0, 1)
    assert Circuit.from_pennylane(tape, wires=["a", "b", "c"]).operations[0].qubits == (1, 0)
    qnode = qml.QNode(lambda: qml.CNOT(["b", "a"]) and qml.expval(qml.Z("a")), qml.device("default.qubit", ["a", "b"]))
    assert Circuit.from_pennylane(qnode).operations[0].qubits == (1, 0)
    with pytest.raises(CircuitError, match=r"not among \['a'\]"):
        Circuit.from_pennylane(tape, wires=["a"])


def test_floating_arguments_of_a_quantum_function_become_slots_and_others_stay():
    def program(weights, layers, data, phase):
        for layer in range(layers):
            qml.RX(weights[layer, 0], 0)
            qml.RY(2 * weights[layer, 1] - 0.5, 1)
            qml.RZ(weights[0, 0], 1)
        qml.RX(data, 0)
        qml.PhaseShift(phase, 1)

    data = pnp.array(0.25, requires_grad=False)
    circuit = Circuit.from_pennylane(program, np.zeros((2, 2)), 2, data, 0.1)
    angles = [o.parameters[0] for o in circuit.operations]
    assert [a.index for a in angles if isinstance(a, Slot)] == [0, 1, 0, 2, 3, 0, 4]
    assert (angles[1].scale, angles[1].shift) == (2.0, pytest.approx(-0.5, abs=1e-14))
    assert angles[6] == 0.25


def test_trainable_angles_of_a_tape_become_slots_in_its_order():
    tape = qml.tape.QuantumScript([qml.RX(0.1, 0), qml.Rot(0.2, 0.3, 0.4, 1), qml.AmplitudeDamping(0.3, 0)])
    circuit = Circuit.from_pennylane(tape)
    assert circuit.n_parameters == 4  # the strength of the channel is no angle
    assert circuit.operations[1].parameters == (Slot(2), Slot(3), Slot(1))
    tape.trainable_params = [2]
    circuit = Circuit.from_pennylane(tape)
    assert circuit.n_parameters == 1
    assert circuit.operations[0].parameters == (0.1,)


@pytest.mark.parametrize(
    "operation",
    [
        qml.CRX(0.3, [0, 1]),
        qml.SingleExcitation(0.7, [0, 1]),
        qml.PauliRot(0.3, "XYZ", [0, 1, 2]),
        qml.adjoint(qml.RX(0.4, 0)),
        qml.U2(0.3, 0.8, 1),
        qml.StronglyEntanglingLayers(np.linspace(0, 1, 18).reshape(2, 3, 3), wires=range(3)),
        qml.QFT([0, 1, 2]),
    ],
    ids=lambda operation: operation.name,
)
def test_other_gates_and_templates_decompose_with_their_angles_still_free(operation):
    start = [qml.RY(0.4, 0), qml.RX(1.1, 1), qml.CNOT([0, 2]), qml.Hadamard(1)]
    circuit = Circuit.from_pennylane(qml.tape.QuantumScript([*start, operation]), wires=3)
    theta = np.concatenate([[0.4, 1.1], *(np.ravel(p) for p in operation.data)])
    observable = oracle.Observable.from_terms({"ZXY": 1.0, "IZZ": 0.5, "YII": -0.3})
    expected = pennylane_values([*start, operation], observable_to_pennylane(observable), n_qubits=3)
    assert our_value(circuit, theta, observable) == pytest.approx(expected, abs=1e-10)


CHANNELS = [
    qml.AmplitudeDamping(0.3, 0),
    qml.GeneralizedAmplitudeDamping(0.3, 0.2, 0),
    qml.PhaseDamping(0.4, 0),
    qml.DepolarizingChannel(0.2, 0),
    qml.BitFlip(0.1, 0),
    qml.PhaseFlip(0.1, 0),
    qml.ResetError(0.1, 0.2, 0),
    qml.ThermalRelaxationError(0.1, 1.3, 1.1, 0.4, 0),
    qml.PauliError("X", 0.2, 0),
    qml.PauliError("XY", 0.2, [1, 0]),
    qml.QubitChannel([np.sqrt(0.9) * np.eye(4), np.sqrt(0.1) * qml.matrix(qml.CNOT([0, 1]))], [1, 0]),
    qml.QubitDensityMatrix(np.array([[0.7, 0.2j], [-0.2j, 0.3]]), 0),
]


@pytest.mark.filterwarnings("ignore:Casting complex values")  # PennyLane's PauliError
@pytest.mark.parametrize("operation", CHANNELS, ids=lambda operation: f"{operation.name}-{len(operation.wires)}")
def test_channels_have_the_same_effect_as_in_pennylane(operation):
    gates = [qml.RY(0.7, 0), qml.CNOT([0, 1]), qml.RX(0.4, 1), operation, qml.CRY(0.5, [1, 0])]
    tape = qml.tape.QuantumScript(gates)
    tape.trainable_params = []
    circuit = Circuit.from_pennylane(tape)
    assert circuit.counts()["channel"] == 1
    for word in ("ZI", "IZ", "XY", "YZ", "XX"):
        observable = oracle.Observable.from_terms({word: 1.0})
        expected = pennylane_values(gates, observable_to_pennylane(observable), n_qubits=2)
        assert our_value(circuit, [], observable) == pytest.approx(expected, abs=1e-10)


def test_two_qubit_channels_survive_the_change_of_qubit_order():
    channel = amplitude_damping(0.3).tensor(depolarizing(0.2))
    back = channel_from_pennylane(channel_to_pennylane(channel, [0, 1]))
    np.testing.assert_allclose(back.ptm, channel.ptm, atol=1e-14)
    assert np.abs(channel.ptm - channel.reversed_qubits().ptm).max() > 0.1  # so the order would show


def test_observables_survive_and_complex_ones_are_refused():
    observable = oracle.Observable.from_terms({"XIZ": 0.5, "III": -1.0, "YYI": 2.0})
    sentence = observable_to_pennylane(observable).pauli_rep
    back = observable_from_pauli_sentence(sentence, {0: 0, 1: 1, 2: 2}, 3)
    assert dict(zip(back.labels, back.coefficients, strict=True)) == {"XIZ": 0.5, "III": -1.0, "YYI": 2.0}
    with pytest.raises(ObservableError, match="not real"):
        observable_from_pauli_sentence(qml.pauli.PauliSentence({qml.pauli.PauliWord({0: "X"}): 1j}), {0: 0}, 1)


def test_the_quantum_function_takes_tensors_and_can_be_differentiated():
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0, 2.0, 0.1),)),))

    @qml.qnode(qml.device("default.qubit"))
    def energy(theta):
        circuit.to_pennylane()(theta)
        return qml.expval(qml.Z(0))

    theta = pnp.array([0.3], requires_grad=True)
    assert energy(theta) == pytest.approx(np.cos(0.7))
    assert qml.grad(energy)(theta)[0] == pytest.approx(-2 * np.sin(0.7))
    with pytest.raises(CircuitError, match=r"1 parameter\(s\), got \(2,\)"):
        circuit_to_pennylane(circuit)([0.1, 0.2])


def sin_angle(x):
    qml.RX(np.sin(x), 0)


def two_parameters(x, y):
    qml.RX(x + y, 0)


def cancelling_parameters(x, y):
    qml.RX(x - y, 0)


def controlled_rotation(x, y):
    qml.CRot(x, 0.3, y, [0, 1])  # its gates turn by (x + y) / 2


def unused_parameter(x, y):
    qml.RX(x, 0)


def square_root(x):
    qml.RX(np.sqrt(x), 0)


def absolute_value(x, y):
    qml.RX(x, 0)
    qml.RX(abs(y), 0)


def sign_dependent_gates(x, y):
    qml.RX(x, 0)
    (qml.RX if y > 0 else qml.RY)(y, 0)


def free_probability(p):
    qml.BitFlip(p, 0)


def data_dependent_channel(p):
    qml.BitFlip(0.3 + 0.1 * p, 0)


def data_dependent_gates(x):
    (qml.RX if x < 1 else qml.RY)(x, 0)


@pytest.mark.parametrize(
    ("program", "n_arguments", "message"),
    [
        (sin_angle, 1, "not of the form"),
        (two_parameters, 2, "not of the form"),
        (cancelling_parameters, 2, "not of the form"),
        (controlled_rotation, 2, "not of the form"),
        (absolute_value, 2, "not of the form"),
        (sign_dependent_gates, 2, "depend on its free parameters"),
        (free_probability, 1, r"cannot be written out for all values .* interval \[0,1\]; make such a parameter fixed"),
        (square_root, 1, "cannot be written out for all values .* finite"),
        (unused_parameter, 2, r"free parameters \[1\] drive no gate"),
        (data_dependent_channel, 1, "depend on its free parameters"),
        (data_dependent_gates, 1, "depend on its free parameters"),
    ],
)
def test_programs_whose_angles_are_not_linear_in_one_parameter_are_refused(program, n_arguments, message):
    with pytest.raises(CircuitError, match=message):
        Circuit.from_pennylane(program, *([0.5] * n_arguments))


def measured_in_the_middle():
    outcome = qml.measure(0)
    qml.cond(outcome, qml.PauliX)(1)


def test_what_cannot_be_translated_is_refused_with_a_reason():
    with pytest.raises(CircuitError, match="mid-circuit measurement and classical control"):
        Circuit.from_pennylane(measured_in_the_middle)
    with pytest.raises(CircuitError, match="native gates"):
        Circuit.from_pennylane(qml.tape.QuantumScript([qml.PauliError("XXX", 0.1, [0, 1, 2])]))
    with pytest.raises(CircuitError, match="channels act on one or two wires"):
        channel_from_pennylane(qml.PauliError("XXX", 0.1, [0, 1, 2]))
    with pytest.raises(CircuitError, match="channels act on one or two wires"):
        channel_from_pennylane(qml.QubitChannel([np.eye(1)], wires=[]))
    with pytest.raises(CircuitError, match="acts on no wire"):
        Circuit.from_pennylane(qml.tape.QuantumScript([]))
    with pytest.raises(CircuitError, match="got Circuit"):
        Circuit.from_pennylane(Circuit(1))
    with pytest.raises(CircuitError, match="takes no arguments"):
        Circuit.from_pennylane(qml.tape.QuantumScript([qml.RX(0.1, 0)]), 0.1)


def test_a_wrong_wire_order_would_be_seen():
    circuit = Circuit(2, (Operation("ry", (0,), (0.4,)), Operation("cx", (0, 1)), Operation("rx", (1,), (0.8,))))
    observable = oracle.Observable.from_terms({"YX": 1.0, "IZ": 0.7})
    swapped = [o.map_wires({0: 1, 1: 0}) for o in circuit.to_pennylane()()]
    found = pennylane_values(swapped, observable_to_pennylane(observable), n_qubits=2)
    assert abs(found - our_value(circuit, [], observable)) > 0.05
