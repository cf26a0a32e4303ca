"""Circuits from and to Qiskit and OpenQASM 3, and what cannot be translated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit.library import XGate, efficient_su2
from qiskit.quantum_info import Operator, Statevector, random_unitary

from qvar.simulators import Circuit, Operation, PauliTransferSimulator, Slot, StatevectorSimulator
from qvar.simulators.errors import CircuitError
from tests.simulators import oracle

several = settings(max_examples=40, deadline=None)


def assert_same_state(circuit, theta, qiskit_circuit):
    objective = StatevectorSimulator().objective(circuit, oracle.Observable.from_terms({"Z" * circuit.n_qubits: 1.0}))
    overlap = np.vdot(objective.state(theta), Statevector(qiskit_circuit).data)
    assert abs(overlap) == pytest.approx(1, rel=0, abs=1e-10)


@several
@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))
def test_native_circuits_come_back_from_qiskit_and_qasm_unchanged(n_qubits, n_gates, seed):
    circuit = oracle.random_circuit(np.random.default_rng(seed), n_qubits, n_gates)
    for back in (Circuit.from_qiskit(circuit.to_qiskit()), Circuit.from_qasm(circuit.to_qasm())):
        assert back.n_parameters == circuit.n_parameters
        for one, two in zip(back.operations, circuit.operations, strict=True):
            assert (one.gate, one.qubits) == (two.gate, two.qubits)
            for a, b in zip(one.parameters, two.parameters, strict=True):
                if isinstance(b, Slot):
                    assert a.index == b.index
                    assert (a.scale, a.shift) == pytest.approx((b.scale, b.shift), rel=1e-12)
                else:
                    assert a == pytest.approx(b, rel=1e-12)


def test_more_than_ten_parameters_keep_their_order_through_qasm():
    circuit = Circuit(1, tuple(Operation("rx", (0,), (Slot(k),)) for k in range(12)))
    assert Circuit.from_qasm(circuit.to_qasm()).key() == circuit.key()
    assert Circuit.from_qiskit(circuit.to_qiskit()).key() == circuit.key()


def test_bound_circuits_keep_their_energy_through_qasm():
    rng = np.random.default_rng(0)
    circuit, observable = oracle.random_circuit(rng, 3, 30), oracle.random_observable(rng, 3)
    theta = oracle.random_angles(rng, circuit)
    engine = PauliTransferSimulator()
    back = Circuit.from_qasm(circuit.to_qasm(theta))
    expected = engine.objective(circuit, observable)(theta)
    assert engine.objective(back, observable)([]) == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("angle", ["0.7", "w", "2 * w + 0.1"])
def test_a_users_own_gate_is_not_mistaken_for_a_native_one_of_the_same_name(angle):
    text = f"""OPENQASM 3.0;
include "stdgates.inc";
input float[64] w;
gate rzz(v) a, b {{ cx a, b; rx(v) b; cx a, b; }}
gate ryy(v) a, b {{ rx(pi / 2) a; rx(pi / 2) b; cx a, b; rz(v) b; cx a, b; rx(-pi / 2) a; rx(-pi / 2) b; }}
qubit[2] q;
rx(w) q[0];
rzz({angle}) q[0], q[1];
ryy({angle}) q[1], q[0];
"""
    counts = Circuit.from_qasm(text).counts()
    assert counts == {"rx": 2, "cx": 2, "ryy": 1}


@pytest.mark.parametrize(
    ("definition", "use", "expected"),
    [("rzz(v) a { rx(v) a; }", "rzz(0.7) q[0]", {"rx": 1}), ("rzz a, b { cx a, b; }", "rzz q[0], q[1]", {"cx": 1})],
    ids=["fewer qubits", "no angle"],
)
def test_a_users_own_gate_may_have_the_name_of_a_native_one_of_another_shape(definition, use, expected):
    text = f'OPENQASM 3.0;\ninclude "stdgates.inc";\ngate {definition}\nqubit[2] q;\n{use};\n'
    assert Circuit.from_qasm(text).counts() == expected


def test_idle_gates_and_rotations_by_nothing_are_told_apart_in_qasm():
    circuit = Circuit(1, (Operation("id", (0,)), Operation("u", (0,), (0.0, 0.0, 0.0))))
    assert Circuit.from_qasm(circuit.to_qasm()) == circuit


@pytest.mark.parametrize(
    "text", ["", "hello", "OPENQASM 3.0; qubit[1] q; magic q[0];", "OPENQASM 3.0;\nqubit[1] q;\nh r[0];"]
)
def test_text_that_is_no_program_is_refused(text):
    with pytest.raises(CircuitError):
        Circuit.from_qasm(text)


def test_parameters_become_slots_in_qiskits_order():
    b, a = Parameter("b"), Parameter("a")
    vector = ParameterVector("v", 11)
    circuit = QuantumCircuit(1)
    for parameter in (b, a, *reversed(vector)):
        circuit.rx(parameter, 0)
    indices = [operation.parameters[0].index for operation in Circuit.from_qiskit(circuit).operations]
    assert [circuit.parameters[k] for k in indices] == [b, a, *reversed(vector)]


def test_linear_expressions_become_scaled_and_shifted_slots():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1)
    circuit.rx(2 * a + 0.5, 0)
    circuit.ry(-(b / 4), 0)
    circuit.rz((a - 1) * 3 - a, 0)
    circuit.rx(a * 0 + 0.25, 0)
    circuit.rx((2 * a).bind({a: 0.3}), 0)
    parameters = [operation.parameters[0] for operation in Circuit.from_qiskit(circuit).operations]
    assert parameters == [Slot(0, 2.0, 0.5), Slot(1, -0.25), Slot(0, 2.0, -3.0), Slot(0, 0.0, 0.25), 0.6]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (lambda a, b: a * a, "not linear in a"),
        (lambda a, b: a.sin(), "not linear in a"),
        (lambda a, b: 1 / a, "not linear in a"),
        (lambda a, b: a + b, "mixes several parameters"),
        (lambda a, b: a * b, "mixes several parameters"),
    ],
)
def test_other_expressions_are_refused(expression, message):
    circuit = QuantumCircuit(1)
    circuit.rx(expression(Parameter("a"), Parameter("b")), 0)
    with pytest.raises(CircuitError, match=message):
        Circuit.from_qiskit(circuit)


def composite_circuit():
    circuit = QuantumCircuit(3)
    for q in range(3):
        circuit.ry(0.4 + q, q)
    circuit.ccx(0, 1, 2)
    circuit.append(XGate().control(1, ctrl_state=0), [2, 0])
    circuit.append(XGate().control(2, ctrl_state=1), [0, 2, 1])
    circuit.crx(0.7, 1, 0)
    circuit.cp(0.3, 0, 2)
    circuit.ch(2, 1)
    circuit.cswap(0, 1, 2)
    circuit.iswap(0, 1)
    circuit.r(0.3, 0.2, 1)
    circuit.unitary(random_unitary(4, seed=1), [2, 0])
    circuit.barrier()
    circuit.u(0.1, 0.2, 0.3, 1)
    return circuit


def test_other_gates_arrive_through_qiskits_decomposition():
    qiskit_circuit = composite_circuit()
    circuit = Circuit.from_qiskit(qiskit_circuit)
    assert circuit.n_qubits == 3
    assert_same_state(circuit, [], qiskit_circuit)


def test_a_control_on_zero_is_not_mistaken_for_a_control_on_one():
    qiskit_circuit = QuantumCircuit(2)
    qiskit_circuit.append(XGate().control(1, ctrl_state=0), [0, 1])
    circuit = Circuit.from_qiskit(qiskit_circuit)
    value = PauliTransferSimulator().objective(circuit, oracle.Observable.from_terms({"ZI": 1.0}))([])
    assert value == pytest.approx(-1)  # the control is 0, so the target flips


def test_nested_parametrized_blocks_keep_their_angles():
    inner = QuantumCircuit(2, name="block")
    theta = Parameter("t")
    inner.crz(theta, 1, 0)
    inner.rzz(2 * theta, 0, 1)
    outer = QuantumCircuit(3)
    for q in range(3):
        outer.h(q)
    outer.append(inner.to_gate(), [2, 0])
    outer.append(inner.to_gate({theta: Parameter("s")}), [0, 1])
    circuit = Circuit.from_qiskit(outer)
    assert circuit.n_parameters == 2
    values = dict(zip(outer.parameters, [0.7, -0.4], strict=True))
    assert_same_state(circuit, list(values.values()), outer.assign_parameters(values))


def test_an_ansatz_of_qiskits_library_is_taken_as_it_is():
    ansatz = efficient_su2(3, reps=2)
    circuit, theta = Circuit.from_qiskit(ansatz), np.random.default_rng(0).uniform(-3, 3, ansatz.num_parameters)
    assert circuit.n_parameters == ansatz.num_parameters > 10
    assert_same_state(circuit, theta, ansatz.assign_parameters(theta))


def test_circuits_given_to_qiskit_are_the_same_unitary():
    rng = np.random.default_rng(1)
    circuit = oracle.random_circuit(rng, 3, 25)
    theta = oracle.random_angles(rng, circuit)
    symbolic = circuit.to_qiskit()
    assert symbolic.num_parameters == circuit.n_parameters
    one, two = Operator(symbolic.assign_parameters(theta)), Operator(circuit.to_qiskit(theta))
    np.testing.assert_allclose(one.data, two.data, rtol=0, atol=1e-12)


def test_final_measurements_and_barriers_are_dropped():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.barrier()
    circuit.measure_all()
    assert Circuit.from_qiskit(circuit) == Circuit(2, (Operation("h", (0,)),))


def mid_circuit_measurement():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.h(0)
    return circuit


def reset():
    circuit = QuantumCircuit(1)
    circuit.reset(0)
    return circuit


def initialize():
    circuit = QuantumCircuit(1)
    circuit.initialize([0, 1], 0)
    return circuit


def conditional():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    return circuit


def loop():
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(2)):
        circuit.x(0)
    return circuit


def opaque():
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])
    return circuit


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (mid_circuit_measurement, "follows a measurement"),
        (reset, "'reset' on .* not a unitary gate"),
        (initialize, "'initialize' on .* not a unitary gate"),
        (conditional, "classical control"),
        (loop, "classical control"),
        (opaque, "'mystery' is not native and Qiskit has no decomposition"),
        (lambda: QuantumCircuit(0), "n_qubits must be at least 1"),
    ],
)
def test_circuits_that_are_not_unitary_are_refused(make, message):
    with pytest.raises(CircuitError, match=message):
        Circuit.from_qiskit(make())


def test_a_measurement_of_another_qubit_does_not_stand_in_the_way():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.h(1)
    assert Circuit.from_qiskit(circuit) == Circuit(2, (Operation("h", (1,)),))
