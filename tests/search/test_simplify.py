"""Simplified circuits prepare the same state, with fewer gates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator

from qvar.search.simplify import free_angles, simplify
from qvar.simulators import Circuit, Observable, Operation, Slot, StatevectorSimulator

PI = np.pi


def state_of(circuit, parameters=()):
    observable = Observable(("Z" * circuit.n_qubits,), (1.0,))
    return StatevectorSimulator().objective(circuit, observable).state(parameters)


def fidelity(circuit, parameters, other, others):
    return abs(np.vdot(state_of(circuit, parameters), state_of(other, others)))


def circuit_of(n_qubits, *gates):
    """Gates as (name, qubits..., angle) with the angle only for rotations."""
    operations = []
    for name, *rest in gates:
        if name.startswith("r"):
            operations.append(Operation(name, tuple(rest[:-1]), (rest[-1],)))
        else:
            operations.append(Operation(name, tuple(rest)))
    return Circuit(n_qubits, tuple(operations))


@st.composite
def circuits(draw):
    n_qubits = draw(st.integers(1, 4))
    gates = []
    for _ in range(draw(st.integers(0, 25))):
        name = draw(st.sampled_from(["rx", "ry", "rz", "cx", "cx", "h", "s", "x", "cz", "cy", "rzz", "swap"]))
        size = 2 if name in ("cx", "cz", "cy", "rzz", "swap") else 1
        if size > n_qubits:
            continue
        qubits = draw(st.permutations(range(n_qubits)))[:size]
        few = st.sampled_from([0.0, PI / 2, -PI / 2, PI, 2 * PI, 0.3])
        gates.append((name, *qubits, draw(few)) if name.startswith("r") else (name, *qubits))
    return circuit_of(n_qubits, *gates)


@settings(max_examples=200, deadline=None)
@given(circuits())
def test_the_state_is_the_same_up_to_its_phase_and_no_gate_is_added(circuit):
    shorter, angles = simplify(circuit, [])
    assert fidelity(circuit, [], shorter, angles) == pytest.approx(1, abs=1e-8)
    assert len(shorter.operations) <= len(circuit.operations)
    assert shorter.n_two_qubit_gates <= circuit.n_two_qubit_gates
    again, angles_again = simplify(shorter, angles)
    assert again == shorter
    assert np.allclose(angles_again, angles, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(circuits())
def test_without_knowledge_of_the_input_the_unitary_is_the_same(circuit):
    shorter, angles = simplify(circuit, [], is_from_zero=False)
    one, other = (Operator(c.to_qiskit()).data for c in (circuit, shorter.bind(angles)))
    assert abs(np.trace(one.conj().T @ other)) / len(one) == pytest.approx(1, abs=1e-8)
    assert len(simplify(circuit, [])[0].operations) <= len(shorter.operations) <= len(circuit.operations)


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ([("rx", 0, 2 * PI)], {}),
        ([("h", 0), ("rz", 0, 0.2), ("rz", 0, 0.3)], {"h": 1, "rz": 1}),
        ([("ry", 0, 0.4), ("cx", 0, 1), ("rz", 0, 0.2), ("rx", 1, 0.7), ("cx", 0, 1)], {"ry": 1, "rz": 1, "rx": 1}),
        ([("ry", 0, 0.4), ("ry", 1, 0.4), ("cx", 0, 1), ("cx", 0, 2), ("cx", 0, 1)], {"ry": 2, "cx": 1}),
        ([("cx", 0, 1), ("cx", 2, 1)], {}),
        ([("rz", 1, 0.3), ("ry", 1, 0.2)], {"ry": 1}),
        ([("ry", 0, 0.4), ("ry", 1, PI / 2), ("cx", 0, 1)], {"ry": 2}),
        ([("rx", 0, PI), ("ry", 1, 0.4), ("cx", 0, 1)], {"rx": 2, "ry": 1}),
        ([("ry", 0, 0.4), ("ry", 1, -PI / 2), ("cx", 0, 1)], {"ry": 2, "rz": 1}),
    ],
    ids=[
        "a full turn",
        "two turns about one axis",
        "turns that commute with two CNOTs, which cancel",
        "CNOTs of one control commute",
        "CNOTs with control |0>",
        "RZ on |0>",
        "a CNOT onto |+>",
        "a CNOT from |1>",
        "a CNOT onto |->",
    ],
)
def test_each_rule_is_at_work(gates, expected):
    circuit = circuit_of(3, *gates)
    shorter, angles = simplify(circuit, [])
    assert shorter.counts() == expected
    assert fidelity(circuit, [], shorter, angles) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    "gates",
    [
        [("ry", 0, 0.4), ("ry", 1, 0.3), ("cx", 0, 1), ("ry", 0, 0.3), ("cx", 0, 1)],
        [("ry", 0, 0.4), ("ry", 1, 0.3), ("cx", 0, 1), ("rz", 1, 0.3), ("cx", 0, 1)],
        [("ry", 0, 0.4), ("ry", 1, 0.3), ("cx", 0, 1), ("cx", 1, 0), ("cx", 0, 1)],
        [("ry", 0, PI - 1e-3), ("ry", 1, 0.3), ("cx", 0, 1)],
    ],
)
def test_negative_control_gates_that_do_something_stay(gates):
    circuit = circuit_of(2, *gates)
    assert simplify(circuit, [])[0].counts() == circuit.counts()


def test_a_channel_stays_and_hides_what_was_known_of_its_qubit(noisy_channel):
    circuit = Circuit(2, (noisy_channel, Operation("rz", (0,), (0.2,)), Operation("cx", (0, 1))))
    assert simplify(circuit, [])[0].counts() == {"channel": 1, "rz": 1, "cx": 1}


@pytest.fixture
def noisy_channel():
    from qvar.simulators.channels import depolarizing

    return Operation("channel", (0,), channel=depolarizing(0.1))


def test_every_angle_becomes_free_whether_it_was_fixed_shared_or_scaled():
    circuit = Circuit(
        2,
        (
            Operation("rx", (0,), (Slot(0, scale=2.0, shift=0.1),)),
            Operation("ry", (1,), (Slot(0),)),
            Operation("u", (0,), (0.1, 0.2, 0.3)),
        ),
    )
    free, angles = free_angles(circuit, [0.5])
    assert free.n_parameters == 5
    assert angles.tolist() == pytest.approx([1.1, 0.5, 0.1, 0.2, 0.3])
    assert fidelity(circuit, [0.5], free, angles) == pytest.approx(1, abs=1e-12)
