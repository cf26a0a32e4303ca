"""Circuits as graphs: one node per gate between START and END, and an edge wherever a wire leads from gate to gate.

Three encodings of the nodes' wires and of the edges, see `encode`. `decode` inverts an encoding exactly, from the nodes
alone: the edges follow from the list of gates.

Source: Sun, Wu, Ma and Tresp, arXiv 2401.11576: "old" is the encoding of version 1 (that of GSQAS, arXiv 2303.12381),
"new" that of version 3.

Differs from the source:

- The source leaves signs open for one-qubit gates (here +1), START and END (+1 on all wires) and for gates that do not
  tell their wires apart (-1 on the lower wire, +1 on the higher one).
- A wire without gates joins START and END in the new encoding, and does not in the old ones; the source is silent.
- "old_fixed" has the edges that the source describes, "old_reference" those that its authors' code makes.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import as_structures
from qvar.latent.space import CircuitSpace, Structures
from qvar.simulators.errors import LatentError

__all__ = ["Encoding", "Graphs", "decode", "edges_of", "encode", "nodes_of"]

Encoding = Literal["new", "old_fixed", "old_reference"]


@dataclass(frozen=True)
class Graphs:
    """Many circuits as graphs of N = n_gates + 2 nodes: START, the gates in order, END.

    Attributes:
        nodes: (P, N, n_types + n_qubits) int8; the one-hot type, then one entry per wire.
        edges: (P, N, N) int8, strictly upper triangular.
    """

    nodes: NDArray[np.int8]
    edges: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.nodes)


def encode(space: CircuitSpace, structures: Structures, encoding: Encoding = "new") -> Graphs:
    """Return circuits as graphs.

    - "new": a node has -1 on its control and +1 on its target wire, +1 on the wire of a one-qubit gate; an edge has the
      number of wires that lead directly from one gate to the other.
    - "old_fixed": a node has 1 on each of its wires; an edge is 1 where a wire leads directly from gate to gate.
    - "old_reference": as "old_fixed", with the false edges of the authors' code: a two-qubit gate that directly follows
      another on both of its wires gets a second edge, from the next gate before them that leads to it, or from START.

    Args:
        space: the circuits' space.
        structures: (P, n_gates, 3) int8.
        encoding: how.

    Returns:
        The graphs.

    Raises:
        LatentError: if the structures do not fit the space, or for an unknown encoding.
    """
    return Graphs(nodes_of(space, structures, encoding), edges_of(space, structures, encoding))


def nodes_of(space: CircuitSpace, structures: Structures, encoding: Encoding = "new") -> NDArray[np.int8]:
    """Return the nodes alone of what `encode` gives, (P, N, n_types + n_qubits) int8."""
    structures = as_structures(space, structures)
    _check_encoding(encoding)
    gates, first, second = _canonical_wires(space, structures)
    n_circuits, n_gates = gates.shape
    nodes = np.zeros((n_circuits, n_gates + 2, space.n_types + space.n_qubits), dtype=np.int8)
    nodes[:, 0, 0] = nodes[:, -1, space.n_types - 1] = 1
    nodes[:, [0, -1], space.n_types :] = 1
    rows, slots = np.ogrid[:n_circuits, 1 : n_gates + 1]
    nodes[rows, slots, gates + 1] = 1
    two = second >= 0
    nodes[rows, slots, space.n_types + first] = np.where(two, -1, 1) if encoding == "new" else 1
    pair, slot = np.nonzero(two)
    nodes[pair, slot + 1, space.n_types + second[pair, slot]] = 1
    return nodes


def edges_of(space: CircuitSpace, structures: Structures, encoding: Encoding = "new") -> NDArray[np.int8]:
    """Return the edges alone of what `encode` gives, (P, N, N) int8."""
    structures = as_structures(space, structures)
    _check_encoding(encoding)
    wires = structures[:, :, 1:].astype(np.int64)
    n_circuits, n_gates, _ = wires.shape
    edges = np.zeros((n_circuits, n_gates + 2, n_gates + 2), dtype=np.int8)
    last = np.zeros((n_circuits, space.n_qubits), dtype=np.int64)  # the node that each wire comes from
    for gate in range(n_gates):
        for column in range(2):
            (rows,) = np.nonzero(wires[:, gate, column] >= 0)
            edges[rows, last[rows, wires[rows, gate, column]], gate + 1] += 1
        for column in range(2):
            (rows,) = np.nonzero(wires[:, gate, column] >= 0)
            last[rows, wires[rows, gate, column]] = gate + 1
    for wire in range(space.n_qubits):
        edges[np.arange(n_circuits), last[:, wire], n_gates + 1] += 1
    if encoding == "new":
        return edges
    edges[:, 0, -1] = 0
    if encoding == "old_reference":
        _add_false_edges(edges, wires)
    return np.minimum(edges, 1)


def _add_false_edges(edges: NDArray[np.int8], wires: NDArray[np.int64]) -> None:
    """Add the false edges of the authors' code.

    That code walks back through all gates that lead to a two-qubit gate, keeps the set of its wires met so far, and
    adds an edge whenever the size of the set differs from the number of edges; START supplies a missing second edge. A
    gate that shares both wires makes the size 2 after one edge, so the gate before, whichever it is, gets an edge.
    """
    n_circuits, n_gates, _ = wires.shape
    leads_to = np.zeros((n_circuits, n_gates + 2, n_gates + 2), dtype=bool)
    for node in range(1, n_gates + 1):
        for earlier in range(node - 1, 0, -1):
            rows = edges[:, earlier, node] > 0
            leads_to[rows, node] |= leads_to[rows, earlier]
            leads_to[rows, node, earlier] = True
    twice, after = np.nonzero((edges[:, :, 1:-1] == 2)[:, 1:].any(axis=1))
    after += 1
    ancestors = leads_to[twice, after]
    order = np.arange(n_gates + 2)
    latest = np.where(ancestors, order, 0).max(axis=1)
    ancestors[np.arange(len(twice)), latest] = False
    edges[twice, np.where(ancestors, order, 0).max(axis=1), after] = 1


def decode(
    space: CircuitSpace, nodes: NDArray[Any], encoding: Encoding = "new"
) -> tuple[Structures, NDArray[np.bool_]]:
    """Return the circuits that nodes stand for, the exact inverse of `encode`.

    The type of a node is that of its highest score. The wires of the new encoding are rounded to -1, 0 and 1, those of
    the old ones count as touched above 1/2.

    Args:
        space: the circuits' space.
        nodes: (P, N, n_types + n_qubits), exact nodes or a network's scores.
        encoding: how the nodes were encoded. The old encodings do not tell control from target: of those gates that do,
            they can hold only a CNOT on a ring of at least 3 wires.

    Returns:
        Structures, (P, n_gates, 3) int8, and which of their rows are gates with as many wires as they need, (P,
        n_gates) bool; rows that are not hold gate 0 on wire 0.

    Raises:
        LatentError: for nodes of another shape, or an encoding that does not tell the wires of this space's gates.
    """
    nodes = np.asarray(nodes)
    expected = (space.n_gates + 2, space.n_types + space.n_qubits)
    if nodes.ndim != 3 or nodes.shape[1:] != expected:
        raise LatentError(f"nodes of this space have the shape (P, {expected[0]}, {expected[1]}), got {nodes.shape}")
    _check_encoding(encoding)
    gates = nodes[:, 1:-1, : space.n_types].argmax(axis=2) - 1
    is_gate = (gates >= 0) & (gates < len(space.gates))
    gates = np.where(is_gate, gates, 0)
    position = nodes[:, 1:-1, space.n_types :]
    two = space.arities[gates] == 2
    if encoding == "new":
        plus, minus = position > 0.5, position < -0.5
        first = np.where(two, minus.argmax(axis=2), plus.argmax(axis=2))
        second = plus.argmax(axis=2)
        is_gate &= (plus.sum(axis=2) == 1) & (minus.sum(axis=2) == two)
    else:
        touched = position > 0.5
        first, second = _old_wires(space, gates, touched)
        is_gate &= touched.sum(axis=2) == np.where(two, 2, 1)
    second = np.where(two, second, -1)
    structures = np.stack([gates, first, second], axis=2)
    structures[~is_gate] = (0, 0, -1 if space.arities[0] == 1 else 1)
    swapped = is_gate & space.is_symmetric[gates] & (first > second) & two
    structures[swapped, 1:] = structures[swapped, :0:-1]
    return structures.astype(np.int8), is_gate


def _old_wires(
    space: CircuitSpace, gates: NDArray[np.int64], touched: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n = space.n_qubits
    lost = [
        name
        for name, arity, symmetric in zip(space.gates, space.arities, space.is_symmetric, strict=True)
        if arity == 2 and not symmetric and not (name == "cx" and space.ring_cx and n > 2)
    ]
    if lost:
        raise LatentError(f"the old encodings lose the direction of {', '.join(lost)}; use encoding='new'")
    low, high = touched.argmax(axis=2), n - 1 - touched[..., ::-1].argmax(axis=2)
    wraps = (gates == space.gates.index("cx") if "cx" in space.gates else np.zeros_like(touched[..., 0])) & (
        (low == 0) & (high == n - 1)
    )
    return np.where(wraps, high, low), np.where(wraps, low, high)


def _canonical_wires(space: CircuitSpace, structures: Structures) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    gates, first, second = np.moveaxis(structures.astype(np.int64), 2, 0)
    swap = space.is_symmetric[gates] & (first > second)
    return gates, np.where(swap, second, first), np.where(swap, first, second)


def _check_encoding(encoding: str) -> None:
    if encoding not in get_args(Encoding):
        raise LatentError(f"encodings are {', '.join(get_args(Encoding))}; got {encoding!r}")
