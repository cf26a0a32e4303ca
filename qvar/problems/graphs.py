"""MaxCut: cut a graph in two so that the edges between both parts weigh as much as possible."""

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qvar.problems.keys import WHOLE, content_key, key_or_hash
from qvar.problems.problem import Problem
from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError
from qvar.simulators.observable import pauli_label
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    import networkx

__all__ = ["graph_from_text", "max_cut"]

_MAX_NODES = 20
_NAMED = re.compile(
    rf"(?P<kind>ring|complete)-(?P<n>{WHOLE})|regular(?P<degree>{WHOLE})-(?P<nodes>{WHOLE})-seed(?P<seed>{WHOLE})"
)
_EDGE = re.compile(r"(\d+)\s*-\s*(\d+)(?:\s*:\s*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?))?")
_FORMS = "ring-N, complete-N, regularD-N-seedS, or edges with weights such as '0-1, 1-2:0.5'"


def max_cut(graph: "networkx.Graph[Any] | str") -> Problem:
    """Make the MaxCut problem of a graph, H = sum_(a,b) w_ab (Z_a Z_b - 1) / 2.

    Each basis state is a cut, its energy minus the weight of the edges cut; the exact energy is minus the largest cut,
    found by trying all.

    Args:
        graph: an undirected networkx graph, weights in the edge attribute "weight" (1 where absent), nodes in their
            order being qubits 0, 1, ...; or a text for `graph_from_text`.

    Returns:
        The problem, unit "edges", or "weight" where a weight is not 1.

    Raises:
        ProblemError: for a text that is no graph, a directed graph, loops, weights that are not finite numbers, no edge
            at all, or more than 20 nodes.

    Example:
        >>> problem = max_cut("ring-5")
        >>> problem.key, problem.exact_energy, problem.unit
        ('maxcut-ring-5', -4.0, 'edges')

    Source: Farhi, Goldstone and Gutmann, arXiv 1411.4028, eq. 1, with the sign of a minimization.
    """
    named = isinstance(graph, str) and _NAMED.fullmatch(graph) is not None
    chosen = graph_from_text(graph) if isinstance(graph, str) else graph
    n, edges = _edges(chosen)
    weights = [weight for _, _, weight in edges]
    terms = [(pauli_label({a: "Z", b: "Z"}, n), weight / 2) for a, b, weight in edges]
    cut = _largest_cut(n, edges)
    key = key_or_hash("maxcut", str(graph)) if named else content_key(f"maxcut-{n}", repr(edges).encode())
    return Problem(
        key=key,
        title=f"largest cut of {f'the graph {graph}' if named else f'a graph of {n} nodes'}, {len(edges)} edges",
        observable=Observable.from_terms([("I" * n, -sum(weights) / 2), *terms]),
        exact_energy=-cut,
        source="H = sum w (Z Z - 1) / 2 over the edges; the largest cut by trying all.",
        unit="edges" if set(weights) == {1.0} else "weight",
        metadata={
            "model": "max_cut",
            "nodes": [str(node) for node in chosen],
            "edges": [list(edge) for edge in edges],
            "max_cut": cut,
        },
    )


@refusing("the graph", ProblemError)
def graph_from_text(text: str) -> "networkx.Graph[Any]":
    """Return a graph by name or from a list of edges.

    Args:
        text: "ring-N", "complete-N", "regularD-N-seedS" (a random graph in which every node has D neighbours), or
            edges between whole numbers, separated by commas, semicolons or white space, each with a weight if that is
            not 1: "0-1, 1-2:0.5". Nodes of an edge list are sorted.

    Raises:
        ProblemError: if the text is neither, or no such graph exists.

    Example:
        >>> sorted(graph_from_text("0-1, 1-2:0.5").edges(data="weight"))
        [(0, 1, 1.0), (1, 2, 0.5)]
    """
    import networkx

    match = _NAMED.fullmatch(text)
    if match is None:
        return _graph_from_edges(text)
    if match["kind"]:
        n = _check_size(int(match["n"]))
        makers: dict[str, Callable[[int], networkx.Graph[Any]]] = {
            "ring": networkx.cycle_graph,
            "complete": networkx.complete_graph,
        }
        if n < 2 + (match["kind"] == "ring"):
            raise ProblemError(
                f"a graph {match['kind']}-N needs at least {2 + (match['kind'] == 'ring')} nodes, got {n}"
            )
        return makers[match["kind"]](n)
    n, degree = _check_size(int(match["nodes"])), int(match["degree"])
    try:
        return networkx.random_regular_graph(degree, n, seed=int(match["seed"]))
    except networkx.NetworkXError as error:
        raise ProblemError(f"no graph {text!r}: {error}; take a degree below N, and N or the degree even") from None


def _graph_from_edges(text: str) -> "networkx.Graph[Any]":
    import networkx

    pieces = [piece for piece in re.split(r"[,;\n]+|(?<=\d)\s+(?=\d+\s*-)", text) if piece.strip()]
    matches = [_EDGE.fullmatch(piece.strip()) for piece in pieces]
    if not matches:
        raise ProblemError(f"a graph is {_FORMS}; got {text!r}")
    found: dict[tuple[int, int], float] = {}
    for piece, match in zip(pieces, matches, strict=True):
        if match is None:
            raise ProblemError(f"{piece.strip()!r} is no edge: a graph is {_FORMS}; got {text!r}")
        a, b = sorted((int(match[1]), int(match[2])))
        if (a, b) in found:
            raise ProblemError(f"the edge {a}-{b} appears twice in {text!r}; add up its weights")
        found[a, b] = float(match[3] or 1.0)
    graph: networkx.Graph[Any] = networkx.Graph()
    graph.add_nodes_from(sorted({node for edge in found for node in edge}))
    graph.add_weighted_edges_from((a, b, weight) for (a, b), weight in found.items())
    return graph


def _edges(graph: "networkx.Graph[Any]") -> tuple[int, list[tuple[int, int, float]]]:
    """Return the number of nodes and the edges (a, b, weight) with a < b, nodes numbered in their order."""
    import networkx

    if not isinstance(graph, networkx.Graph):
        raise ProblemError(f"MaxCut takes a networkx graph or a text ({_FORMS}), got {type(graph).__name__}")
    if graph.is_directed():
        raise ProblemError("a cut has no direction: give an undirected graph, such as graph.to_undirected()")
    number = {node: index for index, node in enumerate(graph)}
    _check_size(len(number))
    weights: dict[tuple[int, int], float] = {}
    for left, right, value in graph.edges(data="weight", default=1.0):
        if left == right:
            raise ProblemError(f"the graph has a loop at {left!r}, which no cut can cut; remove it")
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
            raise ProblemError(f"the weight of the edge {left!r}-{right!r} must be a finite number, got {value!r}")
        a, b = sorted((number[left], number[right]))
        weights[a, b] = weights.get((a, b), 0.0) + float(value)  # parallel edges of a multigraph add up
    if not weights:
        raise ProblemError("the graph has no edges, so there is nothing to cut")
    return len(number), [(a, b, weight) for (a, b), weight in sorted(weights.items())]


def _check_size(n: int) -> int:
    if n > _MAX_NODES:
        raise ProblemError(f"the largest cut is found by trying all, for up to {_MAX_NODES} nodes, got {n}")
    return n


def _largest_cut(n: int, edges: Sequence[tuple[int, int, float]]) -> float:
    sides = np.arange(2 ** (n - 1))  # the last node's side is free to choose
    cuts = np.zeros(len(sides))
    for a, b, weight in edges:
        cuts += weight * (((sides >> a) ^ (sides >> b)) & 1)
    return float(cuts.max())
