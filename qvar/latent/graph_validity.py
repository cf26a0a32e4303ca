"""Which rules of a circuit's graph nodes and edges obey, rule by rule: how well a decoder's outputs are circuits.

Source: the weak rule of arXiv 2401.11576 ("boundary"). The other rules are ours.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import are_in_place, depths
from qvar.latent.encodings import decode, edges_of
from qvar.latent.space import CircuitSpace, Structures

__all__ = ["Validity", "check_graphs"]


@dataclass(frozen=True)
class Validity:
    """Rules that graphs of the new encoding obey, each bool of shape (P,).

    A rule about places or depth is broken by a graph whose nodes are no gates, too.

    Attributes:
        boundary: the first node is START, the last END, all others are gates; the rule of the source.
        boundary_wires: START and END have +1 on all wires.
        wires: every gate has as many +1 and -1 as it needs: +1 once and, with two wires, -1 once.
        order: gates that do not tell their wires apart have -1 on the lower one. `decode` repairs this.
        places: every gate is in one of the places that the space allows (coupling, ring).
        depth: no deeper than the space allows.
        edge_sums: rounded edges are whole numbers >= 0 above the diagonal, with as many wires into and out of every
            gate as it has, all wires out of START and into END.
        edges: the rounded edges are those of the decoded gates.
    """

    boundary: NDArray[np.bool_]
    boundary_wires: NDArray[np.bool_]
    wires: NDArray[np.bool_]
    order: NDArray[np.bool_]
    places: NDArray[np.bool_]
    depth: NDArray[np.bool_]
    edge_sums: NDArray[np.bool_]
    edges: NDArray[np.bool_]

    @property
    def reference(self) -> NDArray[np.bool_]:
        """What the source counts as valid: `boundary` alone."""
        return self.boundary

    @property
    def gate_list(self) -> NDArray[np.bool_]:
        """The gates form a circuit of the space, whatever order and edges are."""
        return self.boundary & self.wires & self.places & self.depth

    @property
    def strict(self) -> NDArray[np.bool_]:
        """All rules."""
        return np.asarray(np.logical_and.reduce([getattr(self, field.name) for field in fields(self)]))

    def shares(self) -> dict[str, float]:
        """Return the share of graphs that obey each rule, and of "gate_list" and "strict"."""
        names = [field.name for field in fields(self)]
        return {name: float(np.mean(getattr(self, name))) for name in (*names, "gate_list", "strict")}


def check_graphs(space: CircuitSpace, nodes: NDArray[Any], edges: NDArray[Any]) -> tuple[Structures, Validity]:
    """Return the circuits that graphs of the new encoding decode to, and which rules the graphs obey.

    Args:
        space: the circuits' space.
        nodes: (P, N, n_types + n_qubits), scores of types, then positions.
        edges: (P, N, N); the lower triangle and the diagonal are left aside if they are 0.

    Returns:
        Structures of shape (P, n_gates, 3) as `decode` gives them, and the rules.
    """
    structures, is_gate = decode(space, nodes)
    types = nodes[..., : space.n_types].argmax(axis=2)
    positions = np.rint(nodes[..., space.n_types :])
    two = (structures[..., 2] >= 0) & is_gate
    inner = positions[:, 1:-1]
    swapped = two & space.is_symmetric[structures[..., 0]]
    swapped &= (inner > 0).argmax(axis=2) < (inner < 0).argmax(axis=2)
    whole = np.asarray(is_gate.all(axis=1))
    return structures, Validity(
        boundary=(types[:, 0] == 0)
        & (types[:, -1] == space.n_types - 1)
        & ((types[:, 1:-1] > 0) & (types[:, 1:-1] < space.n_types - 1)).all(axis=1),
        boundary_wires=(positions[:, [0, -1]] == 1).all(axis=(1, 2)),
        wires=whole,
        order=np.asarray(~swapped.any(axis=1)),
        places=whole & are_in_place(space, structures),
        depth=whole & (depths(space, structures) <= space.max_depth),
        edge_sums=_edge_sums(space, structures, edges),
        edges=whole & (np.rint(edges) == edges_of(space, structures)).all(axis=(1, 2)),
    )


def _edge_sums(space: CircuitSpace, structures: Structures, edges: NDArray[Any]) -> NDArray[np.bool_]:
    rounded = np.rint(edges)
    degrees = np.full(rounded.shape[:2], space.n_qubits)
    degrees[:, 1:-1] = np.where(structures[..., 2] >= 0, 2, 1)
    into, out_of = degrees.copy(), degrees.copy()
    into[:, 0] = out_of[:, -1] = 0
    good = (rounded >= 0).all(axis=(1, 2)) & (rounded == np.triu(rounded, 1)).all(axis=(1, 2))
    return np.asarray(good & (rounded.sum(axis=1) == into).all(axis=1) & (rounded.sum(axis=2) == out_of).all(axis=1))
