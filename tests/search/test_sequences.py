"""Circuits as gate sequences: exact there and back, and edits that stay within what the environment allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.envs import ActionTable, both_directions
from qvar.search.sequences import PlacedGate, circuit_of, cross, gates_of, mutate, with_angles
from qvar.simulators import Observable, StatevectorSimulator
from qvar.simulators.errors import CircuitError

CHAIN = ActionTable(3, both_directions([(0, 1), (1, 2)]))


def random_gates(table, rng, n_gates):
    gates = []
    for action in rng.integers(len(table), size=n_gates).tolist():
        gates.append(PlacedGate(action, float(rng.uniform(-3, 3)) if table[action].is_rotation else 0.0))
    return tuple(gates)


@given(n_qubits=st.integers(1, 4), n_gates=st.integers(0, 12), seed=st.integers(0, 2**32))
def test_gates_become_a_circuit_and_come_back(n_qubits, n_gates, seed):
    table = ActionTable(n_qubits)
    gates = random_gates(table, np.random.default_rng(seed), n_gates)
    circuit, angles = circuit_of(gates, table)
    assert len(circuit.operations) == n_gates
    assert gates_of(circuit, angles, table) == gates
    assert gates_of(circuit.bind(angles), [], table) == gates


def test_new_angles_go_to_the_rotations_in_order_and_are_wrapped():
    table = ActionTable(2)
    gates = (PlacedGate(table.index("rx", (0,)), 0.0), PlacedGate(0, 0.0), PlacedGate(table.index("rz", (1,)), 0.0))
    turned = with_angles(gates, [7.0, -4.0], table)
    assert [gate.angle for gate in turned] == pytest.approx([7.0 - 2 * np.pi, 0.0, -4.0 + 2 * np.pi])


@given(seed=st.integers(0, 2**32), n_gates=st.integers(0, 8))
def test_an_edit_changes_the_gates_within_the_limit_and_the_coupling_map(seed, n_gates):
    rng = np.random.default_rng(seed)
    gates = random_gates(CHAIN, rng, n_gates)
    for _ in range(5):
        edited = mutate(gates, CHAIN, rng, max_gates=8)
        assert edited != gates
        assert len(edited) <= 8
        circuit, _ = circuit_of(edited, CHAIN)
        pairs = {operation.qubits for operation in circuit.operations if operation.gate == "cx"}
        assert pairs <= set(CHAIN.coupling_map)
        gates = edited


def test_every_circuit_of_three_gates_can_be_reached_by_edits():
    table, rng = ActionTable(2), np.random.default_rng(7)
    seen, gates = set(), ()
    for _ in range(60_000):
        gates = mutate(gates, table, rng, max_gates=3)
        seen.add(tuple(gate.action for gate in gates))
    assert len([actions for actions in seen if len(actions) == 3]) == len(table) ** 3


def test_a_rotation_between_equal_cnots_reaches_what_one_gate_cannot():
    table = ActionTable(2)
    cnot = PlacedGate(table.index("cx", (0, 1)), 0.0)
    bell = Observable.from_terms({"YX": 1.0})

    def slope(gates):
        circuit, angles = circuit_of(gates, table)
        return np.abs(StatevectorSimulator().objective(circuit, bell).value_and_gradient(angles)[1])

    around = PlacedGate(table.index("rx", (0,)), 0.0)
    assert slope((cnot, around, cnot)).max() > 0.9
    for gate in ("rx", "ry", "rz"):
        assert slope((PlacedGate(table.index(gate, (0,)), 0.0),)).max() < 1e-12


def test_without_a_second_qubit_there_are_rotations_only():
    table, rng = ActionTable(1), np.random.default_rng(7)
    gates = ()
    for _ in range(50):
        gates = mutate(gates, table, rng, max_gates=4)
    assert all(table[gate.action].is_rotation for gate in gates)


def test_no_room_for_any_edit_is_an_error():
    with pytest.raises(CircuitError, match="no edit of 0 gate"):
        mutate((), ActionTable(2), np.random.default_rng(7), max_gates=0)


def test_a_child_has_the_head_of_one_parent_and_the_tail_of_the_other():
    rng = np.random.default_rng(7)
    left, right = tuple(PlacedGate(0, 0.0) for _ in range(6)), tuple(PlacedGate(1, 0.0) for _ in range(4))
    children = {cross(left, right, rng, max_gates=5) for _ in range(200)}
    for child in children:
        actions = [gate.action for gate in child]
        assert actions == sorted(actions)
        assert len(child) <= 5
    assert {len({gate.action for gate in child}) for child in children} == {1, 2}
