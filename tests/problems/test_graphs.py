"""The largest cuts are those that trying all by hand finds, and every basis state has the energy of its cut."""

from itertools import product
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.problems import find_problem, max_cut
from qvar.problems.graphs import graph_from_text
from qvar.simulators.errors import ProblemError


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    n = draw(st.integers(2, 6))
    pairs = [(a, b) for a in range(n) for b in range(a)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    graph: Any = networkx.Graph()
    graph.add_nodes_from(draw(st.permutations([f"node {k}" for k in range(n)])))
    weights = st.floats(-4, 4, allow_subnormal=False)
    graph.add_edges_from((f"node {a}", f"node {b}", {"weight": draw(weights)}) for a, b in chosen)
    return graph


@settings(deadline=None)
@given(graphs())
def test_every_basis_state_has_the_energy_of_its_cut_and_the_best_is_exact(graph: Any) -> None:
    problem = max_cut(graph)
    diagonal = problem.observable.to_sparse().diagonal().real
    nodes = list(graph)
    cuts = {}
    for sides in product((0, 1), repeat=len(nodes)):
        part = {node for node, side in zip(nodes, sides, strict=True) if side}
        cuts[sides] = networkx.cut_size(graph, part, weight="weight")
        index = sum(side << k for k, side in enumerate(sides))
        assert diagonal[index] == pytest.approx(-cuts[sides], abs=1e-12)
    assert problem.exact_energy == pytest.approx(-max(cuts.values()), abs=1e-12)
    assert problem.exact_energy == pytest.approx(problem.observable.ground_energy(), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "cut"), [("ring-6", 6), ("ring-7", 6), ("complete-2", 1), ("complete-5", 6), ("complete-6", 9)]
)
def test_named_graphs_have_their_known_cuts(name: str, cut: int) -> None:
    problem = max_cut(name)
    assert (problem.key, problem.exact_energy, problem.unit) == (f"maxcut-{name}", -cut, "edges")
    assert find_problem(f"maxcut-{name}") == problem


def test_a_random_regular_graph_is_regular_and_drawn_by_its_seed() -> None:
    graph = graph_from_text("regular3-8-seed1")
    assert {degree for _, degree in graph.degree} == {3}
    assert set(graph.edges) == set(graph_from_text("regular3-8-seed1").edges)
    assert set(graph.edges) != set(graph_from_text("regular3-8-seed2").edges)


def test_weights_count_and_parallel_edges_add_up() -> None:
    graph: Any = networkx.MultiGraph([("a", "b"), ("a", "b"), ("b", "c", {"weight": 0.25})])
    problem = max_cut(graph)
    assert (problem.exact_energy, problem.unit) == (-2.25, "weight")
    assert problem.metadata["edges"] == [[0, 1, 2.0], [1, 2, 0.25]]
    assert problem.metadata["nodes"] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["0-1, 1-2:0.5, 2-0", "2-0;1-0;2-1:5e-1", "0-1 1 - 2 : 0.5\n0-2:1"])
def test_an_edge_list_may_be_written_in_several_ways(text: str) -> None:
    assert max_cut(text) == max_cut("0-1, 0-2, 1-2:0.5")
    assert max_cut(text).exact_energy == -2.0


def test_different_graphs_have_different_keys() -> None:
    keys = {max_cut(text).key for text in ("0-1", "0-1:2", "0-1,1-2", "0-1,1-2:2")}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("", "a graph is ring-N"),
        ("0-1, x", "'x' is no edge"),
        ("0-1:fast", "'0-1:fast' is no edge"),
        ("0-1, 1-0", "0-1 appears twice"),
        ("0-0", "loop at 0"),
        ("ring-2", "at least 3 nodes, got 2"),
        ("complete-1", "at least 2 nodes, got 1"),
        ("ring-21", "up to 20 nodes, got 21"),
        ("regular3-7-seed1", "no graph 'regular3-7-seed1'"),
        ("regular0-4-seed1", "no edges"),
        (networkx.empty_graph(3), "no edges"),
        (networkx.DiGraph([(0, 1)]), "to_undirected"),
        (networkx.path_graph(21), "up to 20 nodes"),
        (networkx.Graph([(0, 1, {"weight": float("nan")})]), "finite number, got nan"),
        (networkx.Graph([(0, 1, {"weight": "heavy"})]), "finite number, got 'heavy'"),
        (np.eye(2), "takes a networkx graph"),
    ],
)
def test_graphs_that_cannot_be_cut_are_refused(graph: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        max_cut(graph)
