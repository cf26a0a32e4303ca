"""Encode and decode are inverse to each other on any space: gates, wires and couplings drawn at random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.latent.encodings import decode, encode
from qvar.latent.graph_validity import check_graphs
from qvar.latent.space import CircuitSpace
from qvar.simulators.gates import GATES

SYMMETRIC = ("cz", "swap", "rxx", "ryy", "rzz")
DIRECTED = ("cx", "cy", "ecr")


@st.composite
def circuits(draw, gates=tuple(GATES)):
    """Draw a space on 1 to 5 wires and up to eight circuits of it, given by any placements it allows."""
    n_qubits, n_gates = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coupling = None
    if n_qubits > 1 and rng.random() < 0.5:
        pairs = [(a, b) for a in range(n_qubits) for b in range(a)]
        coupling = tuple(pairs[k] for k in rng.choice(len(pairs), rng.integers(1, len(pairs) + 1), replace=False))
    usable = [name for name in gates if n_qubits > 1 or GATES[name].n_qubits == 1]
    chosen = tuple(str(g) for g in rng.choice(usable, rng.integers(1, len(usable) + 1), replace=False))
    space = CircuitSpace(n_qubits, n_gates, n_gates, gates=chosen, coupling=coupling)
    structures = np.empty((draw(st.integers(1, 8)), n_gates, 3), dtype=np.int8)
    for row in structures.reshape(-1, 3):
        gate = int(rng.integers(len(chosen)))
        places = space.placements(chosen[gate])
        row[:] = gate, *places[rng.integers(len(places))]
    return space, structures


@settings(max_examples=150)
@given(circuits())
def test_the_new_encoding_is_inverted_exactly_in_both_directions(case):
    space, structures = case
    graphs = encode(space, structures)
    decoded, is_gate = decode(space, graphs.nodes)
    assert is_gate.all()
    assert np.array_equal(decoded, structures)
    again = encode(space, decoded)
    assert np.array_equal(again.nodes, graphs.nodes)
    assert np.array_equal(again.edges, graphs.edges)


@settings(max_examples=80)
@given(circuits(gates=tuple(g for g in GATES if g not in DIRECTED)), st.sampled_from(["old_fixed", "old_reference"]))
def test_the_old_encodings_are_inverted_exactly_where_no_direction_is_lost(case, encoding):
    space, structures = case
    graphs = encode(space, structures, encoding)
    decoded, is_gate = decode(space, graphs.nodes, encoding)
    assert is_gate.all()
    assert np.array_equal(decoded, structures)
    assert np.array_equal(encode(space, decoded, encoding).edges, graphs.edges)


@settings(max_examples=80)
@given(circuits())
def test_every_wire_is_one_path_from_start_to_end(case):
    space, structures = case
    edges = encode(space, structures).edges
    n_wires = (structures[:, :, 1:] >= 0).sum(axis=2)
    assert np.array_equal(edges[:, :, 1:-1].sum(axis=1), n_wires)  # as many wires come in as a gate has
    assert np.array_equal(edges[:, 1:-1].sum(axis=2), n_wires)  # and go out
    assert (edges[:, 0].sum(axis=1) == space.n_qubits).all()
    assert (edges[:, :, -1].sum(axis=1) == space.n_qubits).all()
    assert not np.tril(edges).any()


@settings(max_examples=40)
@given(circuits())
def test_graphs_of_circuits_keep_all_rules_but_for_depth(case):
    space, structures = case
    graphs = encode(space, structures)
    _, validity = check_graphs(space, graphs.nodes, graphs.edges)
    assert set(validity.shares().values()) == {1.0}


def test_negative_control_an_exchange_of_control_and_target_is_seen():
    space = CircuitSpace(3, 1, 1, gates=("cx",))
    there, back = (encode(space, np.array([[[0, a, b]]], dtype=np.int8)).nodes for a, b in ((0, 2), (2, 0)))
    assert not np.array_equal(there, back)
    assert decode(space, back)[0].tolist() == [[[0, 2, 0]]]


@pytest.mark.parametrize("gate", SYMMETRIC)
def test_both_ways_to_write_a_symmetric_gate_are_one_graph(gate):
    space = CircuitSpace(3, 1, 1, gates=(gate,))
    there, back = (encode(space, np.array([[[0, a, b]]], dtype=np.int8)) for a, b in ((0, 2), (2, 0)))
    assert np.array_equal(there.nodes, back.nodes)
    assert np.array_equal(there.edges, back.edges)
