"""Circuits: what is refused, what the key sees, and how gates fall into moments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.simulators import Circuit, Operation, PauliTransferSimulator, Slot
from qvar.simulators.errors import CircuitError
from qvar.simulators.gates import gate_matrix
from tests.simulators import oracle

several = settings(max_examples=60, deadline=None)
random_circuits = given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))


@pytest.mark.parametrize(
    ("gate", "qubits", "parameters", "message"),
    [
        ("toffoli", (0, 1, 2), (), "unknown gate 'toffoli'; native gates are cx, cy"),
        ("h", (0, 1), (), r"'h' acts on 1 distinct qubit\(s\), got \(0, 1\)"),
        ("cx", (0,), (), "acts on 2 distinct"),
        ("cx", (1, 1), (), "acts on 2 distinct"),
        ("x", (-1,), (), "negative qubit"),
        ("x", (0.5,), (), "whole qubit numbers"),
        ("x", 0, (), "whole qubit numbers"),
        ("rx", (0,), (), r"takes 1 angle\(s\), got 0"),
        ("x", (0,), (0.1,), r"takes 0 angle\(s\), got 1"),
        ("u", (0,), (0.1, 0.2), r"takes 3 angle\(s\), got 2"),
        ("rx", (0,), (np.nan,), "must be finite"),
        ("rx", (0,), (np.inf,), "must be finite"),
        ("rx", (0,), (1j,), "real numbers or Slots"),
        ("rx", (0,), (None,), "real numbers or Slots"),
    ],
)
def test_impossible_operations_are_refused(gate, qubits, parameters, message):
    with pytest.raises(CircuitError, match=message):
        Operation(gate, qubits, parameters)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"index": -1}, "index >= 0"),
        ({"index": 0, "scale": np.nan}, "finite"),
        ({"index": 0, "shift": np.inf}, "finite"),
        ({"index": 0.5}, "whole index"),
        ({"index": 0, "scale": None}, "real scale"),
    ],
)
def test_impossible_slots_are_refused(settings, message):
    with pytest.raises(CircuitError, match=message):
        Slot(**settings)


def test_impossible_circuits_are_refused():
    with pytest.raises(CircuitError, match="n_qubits must be at least 1, got 0"):
        Circuit(0)
    with pytest.raises(CircuitError, match=r"out of range for a circuit of 2 qubit\(s\) \(0\.\.1\)"):
        Circuit(2, (Operation("x", (2,)),))
    with pytest.raises(CircuitError, match=r"without gaps; missing \[0, 2\]"):
        Circuit(1, tuple(Operation("rx", (0,), (Slot(k),)) for k in (1, 3)))


def test_gate_matrices_of_unknown_gates_and_wrong_angles_are_refused():
    with pytest.raises(CircuitError, match="unknown gate"):
        gate_matrix("toffoli")
    with pytest.raises(CircuitError, match=r"takes 1 angle\(s\), got 0"):
        gate_matrix("rx")


def test_numbers_of_numpy_and_python_make_the_same_circuit():
    plain = Circuit(2, (Operation("rx", (1,), (Slot(0, 2.0, 0.0),)), Operation("ry", (0,), (0.0,))))
    numpy_ = Circuit(
        2,
        [
            Operation("rx", np.array([1]), (Slot(np.int64(0), np.float64(2), np.int32(0)),)),
            Operation("ry", [np.int8(0)], (np.float32(-0.0),)),
        ],
    )
    assert numpy_ == plain
    assert hash(numpy_) == hash(plain)
    assert numpy_.key() == plain.key()


def test_a_circuit_counts_its_parameters_gates_and_moments():
    circuit = Circuit(
        3,
        (
            Operation("h", (0,)),
            Operation("rx", (2,), (Slot(0),)),
            Operation("cx", (0, 1)),
            Operation("rx", (2,), (Slot(0, 2.0),)),
            Operation("rzz", (1, 2), (Slot(1),)),
            Operation("h", (0,)),
        ),
    )
    assert circuit.moments() == (0, 0, 1, 1, 2, 2)
    assert circuit.depth() == 3
    assert circuit.counts() == {"h": 2, "rx": 2, "cx": 1, "rzz": 1}
    assert list(circuit.counts().values()) == [2, 2, 1, 1]
    assert (circuit.n_parameters, circuit.n_two_qubit_gates, circuit.n_rotations) == (2, 2, 3)
    assert Circuit(3).depth() == 0
    assert Circuit(3).counts() == {}


@several
@random_circuits
def test_gates_of_one_moment_act_on_different_qubits_and_none_could_come_earlier(n_qubits, n_gates, seed):
    circuit = oracle.random_circuit(np.random.default_rng(seed), n_qubits, n_gates)
    taken = set()
    for operation, moment in zip(circuit.operations, circuit.moments(), strict=True):
        assert not any((moment, q) in taken for q in operation.qubits)
        assert moment == 0 or any((moment - 1, q) in taken for q in operation.qubits)
        taken |= {(moment, q) for q in operation.qubits}
    assert circuit.depth() == len({moment for moment, _ in taken})


@several
@random_circuits
def test_the_order_of_independent_gates_does_not_change_the_key(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    waiting, reordered = list(circuit.operations), []
    while waiting:  # play any gate whose qubits no earlier gate still waits for
        free = [
            k
            for k, operation in enumerate(waiting)
            if not any(set(operation.qubits) & set(earlier.qubits) for earlier in waiting[:k])
        ]
        reordered.append(waiting.pop(rng.choice(free)))
    assert Circuit(n_qubits, tuple(reordered)).key() == circuit.key()


BASE = (Operation("rx", (0,), (0.3,)), Operation("cx", (0, 1)), Operation("ry", (1,), (Slot(0),)))


def test_the_key_sees_everything_that_matters():
    base = Circuit(2, BASE)
    others = [
        Circuit(3, BASE),
        Circuit(2, BASE[:2]),
        Circuit(2, (BASE[1], BASE[0], BASE[2])),
        Circuit(2, (Operation("rx", (0,), (0.3 + 1e-15,)), *BASE[1:])),
        Circuit(2, (Operation("ry", (0,), (0.3,)), *BASE[1:])),
        Circuit(2, (Operation("rx", (1,), (0.3,)), *BASE[1:])),
        Circuit(2, (BASE[0], Operation("cx", (1, 0)), BASE[2])),
        Circuit(2, (*BASE[:2], Operation("ry", (1,), (Slot(0, 2.0),)))),
        Circuit(2, (*BASE[:2], Operation("ry", (1,), (Slot(0, 1.0, 0.1),)))),
        Circuit(2, (*BASE[:2], Operation("ry", (1,), (0.0,)))),
        Circuit(2, (*BASE, Operation("rz", (0,), (Slot(0),)))),
        Circuit(2, (*BASE, Operation("rz", (0,), (Slot(1),)))),
    ]
    assert len(base.key()) == 32
    assert len({base.key(), *(other.key() for other in others)}) == 1 + len(others)
    assert Circuit(2, list(BASE)).key() == base.key()


@several
@random_circuits
def test_binding_replaces_every_slot_by_its_angle(n_qubits, n_gates, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    theta = oracle.random_angles(rng, circuit)
    bound = circuit.bind(theta)
    assert bound.n_parameters == 0
    for before, after in zip(circuit.operations, bound.operations, strict=True):
        assert (after.gate, after.qubits) == (before.gate, before.qubits)
        expected = [p.scale * theta[p.index] + p.shift if isinstance(p, Slot) else p for p in before.parameters]
        assert list(after.parameters) == expected
    engine = PauliTransferSimulator()
    assert engine.objective(bound, observable)([]) == engine.objective(circuit, observable)(theta)


def test_then_appends_and_leaves_the_original_alone():
    start = Circuit(2, BASE[:1])
    assert start.then(BASE[1:]) == Circuit(2, BASE)
    assert start == Circuit(2, BASE[:1])


def test_then_checks_what_it_appends():
    start = Circuit(2, (Operation("rx", (0,), (Slot(0),)),))
    start.key()
    longer = start.then([Operation("ry", (1,), (Slot(1),)), Operation("rz", (0,), (Slot(0),))])
    assert (longer.n_parameters, longer.key()) == (2, Circuit(2, longer.operations).key())
    for operation in (Operation("x", (2,)), Operation("rx", (0,), (Slot(2),)), "x"):
        with pytest.raises(CircuitError):
            start.then([operation])


def test_a_circuit_can_be_drawn():
    text = str(Circuit(2, BASE).draw())
    assert "q_0" in text
    assert "Rx(0.3)" in text


def test_a_circuit_that_grows_is_checked_where_it_grew_and_equals_one_made_at_once():
    start = Circuit(2, (Operation("ry", (0,), (Slot(0),)),))
    more = (Operation("cx", (0, 1)), Operation("rz", (1,), (Slot(1),)), Operation("rz", (0,), (Slot(0),)))
    grown, whole = start.then(more), Circuit(2, start.operations + more)
    assert (grown, grown.n_parameters, grown.key()) == (whole, 2, whole.key())
    assert hash(grown) == hash(whole)
    assert start.then(()) == start
    for wrong, message in (
        ((Operation("rz", (0,), (Slot(2),)),), r"slots must be 0..2 without gaps; missing \[1\]"),
        ((Operation("x", (2,)),), "out of range"),
        (("x",), "holds Operations"),
    ):
        with pytest.raises(CircuitError, match=message):
            start.then(wrong)
