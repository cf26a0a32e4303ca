"""How many edits lie between two circuits, as graphs: the yardstick for smoothness of a latent space.

A node is a gate with its wires. Changing one into another costs 0 if both are the same; the number of wires that only
one of them touches if only the wires differ; 1 if only the gate differs; the sum if both do. An edge more or less costs
1. The two graphs have equally many nodes, so that an edit path is a matching of nodes. The cheapest is hard to find;
`edit_distances` gives the cost of a good one, an upper bound: the better of two, one cheapest in nodes and one that
also counts the edges at each node, improved by exchanging pairs as long as that helps.

Source: node costs of Sun, Wu, Ma and Tresp, arXiv 2401.11576 (authors' code); Riesen and Bunke, Image Vis. Comput. 27,
950 (2009), for the matching.
Differs from the source: a CNOT turned round costs 1, and not 0.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from qvar.latent.canonical import canonical
from qvar.latent.space import CircuitSpace, Structures
from qvar.simulators.errors import LatentError
from qvar.simulators.kernels import compiled

__all__ = ["EditDistances", "edit_distances", "node_costs"]

_ORDER_WEIGHT = 1e-3  # ties between equal gates go to those at about the same place


class _Graph(NamedTuple):
    """A circuit as gate labels, wire masks and the gates that follow each other."""

    gates: NDArray[np.int64]
    wires: NDArray[np.int64]
    masks: NDArray[np.int64]
    edges: NDArray[np.int64]


def edit_distances(space: CircuitSpace, left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Return the edit distance between structures, row by row.

    Args:
        space: names the gates.
        left: structures, shape (P, n_gates, 3).
        right: as many others.

    Returns:
        Upper bounds of the graph edit distances, shape (P,), at least 0; exactly 0 for equal circuits. About 0.1 ms
        each at 10 gates.

    Raises:
        LatentError: for structures of another space, or different numbers of them.
    """
    a, b = canonical(space, left), canonical(space, right)
    if len(a) != len(b):
        raise LatentError(f"distances are taken row by row, got {len(a)} and {len(b)} structures")
    return np.array([_distance(space, one, other) for one, other in zip(a, b, strict=True)], dtype=np.float64)


class EditDistances:
    """Edit distances between circuits of a list, remembered, as they are what takes time (mutable).

    Args:
        space: the circuits' space.
        structures: shape (P, n_gates, 3).
    """

    def __init__(self, space: CircuitSpace, structures: Structures) -> None:
        self._space, self._structures = space, np.asarray(structures)
        self._known: dict[bytes, NDArray[np.float64]] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the structures."""
        return self._structures.shape

    def __call__(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distances of circuits `i` from circuits `j`, all of shape (n,)."""
        key = hashlib.sha256(np.stack([i, j]).astype(np.int64).tobytes()).digest()
        if key not in self._known:
            self._known[key] = edit_distances(self._space, self._structures[i], self._structures[j])
        return self._known[key]


def node_costs(space: CircuitSpace, left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Return what it costs to change each gate of one structure into each of another, shape (n_gates, n_gates)."""
    (a,), (b,) = canonical(space, np.asarray(left)[None]), canonical(space, np.asarray(right)[None])
    return _node_costs(_graph(space, a), _graph(space, b))


def _distance(space: CircuitSpace, left: Structures, right: Structures) -> float:
    a, b = _graph(space, left), _graph(space, right)
    nodes = _node_costs(a, b)
    place = np.arange(space.n_gates)
    starts = nodes + _ORDER_WEIGHT * np.abs(place[:, None] - place)
    improve = compiled("qvar.latent.kernels", "improve")
    costs = (starts, starts + 0.5 * _edge_costs(a, b))
    return min(float(improve(nodes, a.edges, b.edges, linear_sum_assignment(cost)[1])) for cost in costs)


def _node_costs(a: _Graph, b: _Graph) -> NDArray[np.float64]:
    hamming = (a.masks[:, None, :] != b.masks[None, :, :]).sum(axis=-1)
    same_wires = (a.wires[:, None, :] == b.wires[None, :, :]).all(axis=-1)
    other_gate = a.gates[:, None] != b.gates[None, :]
    turned = ~same_wires & (hamming == 0) & ~other_gate
    return np.asarray(hamming + other_gate + turned, dtype=np.float64)


def _edge_costs(a: _Graph, b: _Graph) -> NDArray[np.float64]:
    """Return by how many edges each two gates differ, before them and after them."""
    before = np.abs(a.edges.sum(axis=0)[:, None] - b.edges.sum(axis=0))
    after = np.abs(a.edges.sum(axis=1)[:, None] - b.edges.sum(axis=1))
    return np.asarray(before + after, dtype=np.float64)


def _graph(space: CircuitSpace, structure: Structures) -> _Graph:
    n = len(structure)
    masks = np.zeros((n, space.n_qubits), dtype=np.int64)
    edges = np.zeros((n, n), dtype=np.int64)
    last = [-1] * space.n_qubits
    for row, (_, *wires) in enumerate(structure.tolist()):
        for wire in wires:
            if wire >= 0:
                masks[row, wire] = 1
                if last[wire] >= 0:
                    edges[last[wire], row] += 1
                last[wire] = row
    return _Graph(structure[:, 0].astype(np.int64), structure[:, 1:].astype(np.int64), masks, edges)
