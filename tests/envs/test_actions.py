import numpy as np
import pytest

from qvar.envs import NO_ACTION, Action, ActionTable, both_directions
from qvar.simulators import Circuit
from qvar.simulators.errors import ArchitectureError

OURENSE = [(0, 1), (1, 0), (1, 2), (2, 1), (1, 3), (3, 1)]


@pytest.mark.parametrize(("n_qubits", "count"), [(1, 3), (2, 8), (3, 15), (4, 24), (6, 48), (8, 80)])
def test_there_are_n_times_n_plus_two_actions(n_qubits, count):
    assert len(ActionTable(n_qubits)) == count


def test_four_qubits_of_ourense_allow_eighteen_actions():
    table = ActionTable(4, OURENSE)
    assert len(table) == 18
    assert {a.qubits for a in table.actions if a.gate == "cx"} == set(OURENSE)
    assert ActionTable(4, both_directions([(0, 1), (1, 2), (1, 3)])) == table


@pytest.mark.parametrize("n", [2, 3, 4, 6, 8])
def test_indices_follow_the_documented_formulas(n):
    table = ActionTable(n)
    for c in range(n):
        for x in range(1, n):
            assert table[c * (n - 1) + x - 1] == Action("cx", (c, (c + x) % n))
    for q in range(n):
        for a, gate in enumerate(("rx", "ry", "rz")):
            assert table[n * (n - 1) + 3 * q + a] == Action(gate, (q,))


@pytest.mark.parametrize("table", [ActionTable(1), ActionTable(3), ActionTable(4, OURENSE)])
def test_index_and_gate_are_inverse_to_each_other(table):
    for index in range(len(table)):
        assert table.index(table[index].gate, table[index].qubits) == index


def test_directed_pairs_stay_directed():
    table = ActionTable(2, [(1, 0)])
    assert [a.qubits for a in table.actions if a.gate == "cx"] == [(1, 0)]


@pytest.mark.parametrize("n", range(2, 9))
def test_after_any_first_gate_exactly_that_index_is_masked(n):
    table = ActionTable(n)
    for index in range(len(table)):
        mask = table.legal_mask(table.advance(table.no_actions(), index))
        assert np.flatnonzero(~mask).tolist() == [index]


def test_nothing_is_masked_on_an_empty_circuit():
    table = ActionTable(3)
    assert table.legal_mask((NO_ACTION,) * 3).all()


def illegal_by_definition(table, history, action):
    """The last gate on every qubit that `action` touches is `action` itself."""
    return all(
        next((past for past in reversed(history) if q in table[past].qubits), None) == action
        for q in table[action].qubits
    )


@pytest.mark.parametrize("n", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("coupled", [False, True])
def test_masks_equal_the_definition_over_thousands_of_random_legal_steps(n, coupled):
    chain = both_directions([(q, q + 1) for q in range(n - 1)])
    table, rng = ActionTable(n, chain if coupled else None), np.random.default_rng(n)
    history, last, masked = [], table.no_actions(), 0
    for _ in range(2000):
        mask = table.legal_mask(last)
        expected = [not illegal_by_definition(table, history, a) for a in range(len(table))]
        assert mask.tolist() == expected
        masked += (~mask).sum()
        action = int(rng.choice(np.flatnonzero(mask)))
        history.append(action)
        last = table.advance(last, action)
    assert masked > 2000


def test_a_reversed_cnot_is_legal_and_a_gate_in_between_lifts_the_ban():
    table = ActionTable(2)
    there, back, rotation = table.index("cx", (0, 1)), table.index("cx", (1, 0)), table.index("rx", (1,))
    after_cnot = table.advance(table.no_actions(), there)
    assert not table.legal_mask(after_cnot)[there]
    assert table.legal_mask(after_cnot)[back]
    assert table.legal_mask(table.advance(after_cnot, rotation))[there]


def test_a_circuit_gives_the_same_last_actions_as_its_history():
    table, rng = ActionTable(3), np.random.default_rng(5)
    circuit, last = Circuit(3), table.no_actions()
    for action in rng.integers(len(table), size=30):
        circuit = circuit.then((table[action].operation(circuit.n_parameters),))
        last = table.advance(last, action)
        assert table.last_actions(circuit) == last


@pytest.mark.parametrize("action", [-1, 8, 1000, 1.0, "rx", None, np.array([1, 2])])
def test_actions_that_do_not_exist_are_refused(action):
    with pytest.raises(ArchitectureError, match="action"):
        ActionTable(2).check_index(action)


@pytest.mark.parametrize("action", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_any_integer_type_is_an_action(action):
    assert ActionTable(2).check_index(action) == 3


@pytest.mark.parametrize(
    ("n_qubits", "pairs", "message"),
    [
        (3, [(0, 1)], r"does not connect qubit\(s\) \[2\]"),
        (4, [(0, 1), (2, 3)], r"\[2, 3\]"),
        (2, [], "does not connect"),
        (2, [(0, 0), (0, 1)], "distinct"),
        (2, [(0, 2)], r"0\.\.1"),
        (2, [(-1, 0)], r"0\.\.1"),
        (0, None, "at least one qubit"),
    ],
)
def test_tables_that_make_no_sense_are_refused(n_qubits, pairs, message):
    with pytest.raises(ArchitectureError, match=message):
        ActionTable(n_qubits, pairs)


def test_gates_that_are_no_action_are_refused():
    with pytest.raises(ArchitectureError, match="no action places"):
        ActionTable(4, OURENSE).index("cx", (0, 3))
    with pytest.raises(ArchitectureError, match="one entry per qubit"):
        ActionTable(2).legal_mask((NO_ACTION,))
