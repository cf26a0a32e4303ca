"""Graphs of circuits: by hand, by an independent construction, and back."""

import networkx as nx
import numpy as np
import pytest

from qvar.latent.encodings import decode, encode
from qvar.latent.generation import generate_pool
from qvar.latent.graph_validity import check_graphs
from qvar.latent.space import CircuitSpace
from qvar.simulators.errors import LatentError

ENCODINGS = ("new", "old_fixed", "old_reference")
H, CX, CZ = 3, 7, 8


def small(n_qubits=3, n_gates=3, **settings):
    return CircuitSpace(n_qubits, n_gates, 10, **settings)


def edges_by_walking(space, structure, *, with_bug):
    """The old encoding as its authors describe (or code) it, gate by gate on a graph of networkx."""
    wires = [{int(w) for w in row[1:] if w >= 0} for row in structure]
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(wires)))
    for j, of_j in enumerate(wires):
        for w in of_j:
            before = [i for i in range(j) if w in wires[i]]
            if before:
                graph.add_edge(before[-1], j)
    edges = np.zeros((len(wires) + 2,) * 2, dtype=np.int8)
    for j, of_j in enumerate(wires):
        covered, n_edges = set(), 0
        for i in sorted(nx.ancestors(graph, j), reverse=True):
            new = (wires[i] & of_j) - covered
            covered |= new
            if (len(covered) != n_edges if with_bug else bool(new)) and n_edges < len(of_j):
                edges[i + 1, j + 1] = 1
                n_edges += 1
        if n_edges < len(of_j) and (with_bug or covered != of_j):
            edges[0, j + 1] = 1
    for w in range(space.n_qubits):
        last = [i for i in range(len(wires)) if w in wires[i]]
        if last:
            edges[last[-1] + 1, -1] = 1
    return edges


def test_new_encoding_of_a_small_circuit_is_as_by_hand():
    space = small()
    graphs = encode(space, np.array([[[H, 0, -1], [CX, 0, 2], [CZ, 2, 0]]], dtype=np.int8))
    positions = graphs.nodes[0, :, space.n_types :]
    assert positions.tolist() == [[1, 1, 1], [1, 0, 0], [-1, 0, 1], [-1, 0, 1], [1, 1, 1]]
    assert graphs.nodes[0, :, : space.n_types].argmax(axis=1).tolist() == [0, H + 1, CX + 1, CZ + 1, 12]
    assert graphs.edges[0].tolist() == [
        [0, 1, 1, 0, 1],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 2, 0],
        [0, 0, 0, 0, 2],
        [0, 0, 0, 0, 0],
    ]


def test_old_encoding_of_a_small_circuit_is_as_by_hand_with_and_without_the_false_edge():
    space = small(ring_cx=True)
    structures = np.array([[[H, 2, -1], [CZ, 0, 2], [CZ, 0, 2]]], dtype=np.int8)
    fixed, reference = (encode(space, structures, name) for name in ENCODINGS[1:])
    assert fixed.nodes[0, :, space.n_types :].tolist() == [[1, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 1], [1, 1, 1]]
    assert np.argwhere(fixed.edges[0]).tolist() == [[0, 1], [0, 2], [1, 2], [2, 3], [3, 4]]
    false = np.argwhere(reference.edges[0] != fixed.edges[0]).tolist()
    assert false == [[1, 3]]


def test_start_supplies_the_false_edge_when_no_gate_is_left():
    space = small(n_gates=2, ring_cx=True)
    structures = np.array([[[CZ, 0, 2], [CZ, 0, 2]]], dtype=np.int8)
    reference = encode(space, structures, "old_reference").edges[0]
    assert np.argwhere(reference).tolist() == [[0, 1], [0, 2], [1, 2], [2, 3]]


@pytest.mark.parametrize("encoding", ["old_fixed", "old_reference"])
def test_old_edges_are_those_of_a_walk_over_the_ancestors(encoding):
    space = CircuitSpace.published(4)
    structures = generate_pool(space, 300, seed=3).structures
    edges = encode(space, structures, encoding).edges
    for structure, got in zip(structures, edges, strict=True):
        assert (got == edges_by_walking(space, structure, with_bug=encoding == "old_reference")).all()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("n_qubits", [4, 8, 12])
def test_decode_inverts_every_encoding_exactly(encoding, n_qubits):
    space = CircuitSpace.published(n_qubits)
    structures = generate_pool(space, 2_000, seed=n_qubits).structures
    decoded, is_gate = decode(space, encode(space, structures, encoding).nodes, encoding)
    assert is_gate.all()
    assert (decoded == structures).all()


def test_decode_reads_scores_as_it_reads_exact_nodes():
    space = CircuitSpace.published(4)
    structures = generate_pool(space, 200, seed=1).structures
    noise = np.random.default_rng(0).uniform(-0.45, 0.45, (200, 12, 17))
    decoded, is_gate = decode(space, encode(space, structures).nodes + noise)
    assert is_gate.all()
    assert (decoded == structures).all()


def test_symmetric_gates_decode_with_their_lower_wire_first():
    space = small(n_gates=1)
    graphs = encode(space, np.array([[[CZ, 2, 1]], [[CX, 2, 1]]], dtype=np.int8))
    assert decode(space, graphs.nodes)[0].tolist() == [[[CZ, 1, 2]], [[CX, 2, 1]]]


def test_share_of_circuits_with_false_edges_is_the_measured_one():
    space = CircuitSpace.published(4)
    structures = generate_pool(space, 20_000, seed=2).structures
    fixed, reference = (encode(space, structures, name).edges for name in ENCODINGS[1:])
    assert (reference >= fixed).all()
    share = (reference != fixed).any(axis=(1, 2)).mean()
    assert share == pytest.approx(0.114, abs=4 * np.sqrt(0.114 * 0.886 * (1 / 2_000 + 1 / 20_000)))


def test_old_encodings_refuse_to_decode_a_direction_that_they_lose():
    space = small(ring_cx=False)
    nodes = encode(space, np.array([[[CX, 0, 1]] * 3], dtype=np.int8), "old_fixed").nodes
    with pytest.raises(LatentError, match="lose the direction of cx"):
        decode(space, nodes, "old_fixed")


def test_every_rule_holds_for_graphs_of_circuits():
    space = CircuitSpace.published(8)
    graphs = encode(space, generate_pool(space, 500, seed=4).structures)
    _, validity = check_graphs(space, graphs.nodes, graphs.edges)
    assert set(validity.shares().values()) == {1.0}


def broken(rule):
    """Graphs of a circuit, and the same with one rule broken."""
    space = CircuitSpace(3, 3, 3, coupling=((0, 1), (1, 2)))
    structure = np.array([[[H, 0, -1], [CX, 0, 1], [CZ, 1, 2]]], dtype=np.int8)
    graphs = encode(space, structure)
    nodes, edges = graphs.nodes.copy(), graphs.edges.copy()
    types = space.n_types
    match rule:
        case "boundary":
            nodes[0, 1, :types] = np.eye(types)[types - 1]
        case "boundary_wires":
            nodes[0, 0, types] = 0
        case "wires":
            nodes[0, 2, types] = 0
        case "order":
            nodes[0, 3, types + 1 :] = 1, -1
        case "places":
            nodes[0, 2, types:] = -1, 0, 1
        case "depth":
            space = CircuitSpace(3, 3, 2, coupling=((0, 1), (1, 2)))
        case "edge_sums":
            edges[0, 0, 4] = 1
        case "edges":
            edges[0, 1:3, 2:4] = [[0, 1], [0, 0]]
    return space, nodes, edges


@pytest.mark.parametrize(
    "rule", ["boundary", "boundary_wires", "wires", "order", "places", "depth", "edge_sums", "edges"]
)
def test_a_broken_rule_is_told(rule):
    _, validity = check_graphs(*broken(rule))
    assert not getattr(validity, rule)[0]
    assert not validity.strict[0]
    repairable = rule in ("boundary_wires", "order", "edge_sums", "edges")
    assert validity.gate_list[0] == repairable
    assert validity.reference[0] == (rule != "boundary")


def test_structures_outside_the_space_are_refused():
    with pytest.raises(LatentError, match=r"wires 0\.\.2"):
        encode(small(n_gates=1), np.array([[[CX, 0, 3]]], dtype=np.int8))
    with pytest.raises(LatentError, match="encodings are"):
        encode(small(n_gates=1), np.array([[[CX, 0, 1]]], dtype=np.int8), "older")
