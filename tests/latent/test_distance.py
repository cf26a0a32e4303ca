import itertools

import numpy as np
import pytest

from qvar.latent.distance import edit_distances, node_costs
from qvar.latent.generation import generate_pool
from qvar.latent.space import CircuitSpace
from qvar.simulators.errors import LatentError

SMALL = CircuitSpace(3, 5, 5)


def edges(structure: np.ndarray) -> np.ndarray:
    """Count the wires that pass from one gate straight to another."""
    found = np.zeros((len(structure), len(structure)), dtype=int)
    for i, j in itertools.combinations(range(len(structure)), 2):
        for wire in set(structure[i, 1:]) & set(structure[j, 1:]) - {-1}:
            if not any(wire in structure[k, 1:] for k in range(i + 1, j)):
                found[i, j] += 1
    return found


def exact(space: CircuitSpace, left: np.ndarray, right: np.ndarray) -> float:
    """Try every matching."""
    nodes, a, b = node_costs(space, left, right), edges(left), edges(right)
    matchings = map(list, itertools.permutations(range(space.n_gates)))
    rows = range(space.n_gates)
    return min(nodes[rows, m].sum() + np.abs(a - b[np.ix_(m, m)]).sum() for m in matchings)


def test_the_distance_is_an_upper_bound_that_is_mostly_exact():
    structures = generate_pool(SMALL, 120, seed=3).structures
    left, right = structures[:60], structures[60:]
    found = edit_distances(SMALL, left, right)
    best = np.array([exact(SMALL, a, b) for a, b in zip(left, right, strict=True)])
    assert (found >= best - 1e-9).all()
    assert (found == best).mean() > 0.7
    assert np.corrcoef(found, best)[0, 1] > 0.95


def test_equal_circuits_are_at_distance_zero_and_others_are_not():
    structures = generate_pool(CircuitSpace.published(8), 200, seed=1).structures
    assert (edit_distances(CircuitSpace.published(8), structures, structures) == 0).all()
    assert (edit_distances(CircuitSpace.published(8), structures[:100], structures[100:]) > 0).all()


@pytest.mark.parametrize(
    ("left", "right", "cost"),
    [
        ((0, 0, -1), (0, 0, -1), 0),
        ((0, 0, -1), (0, 2, -1), 2),  # x on another wire: the mask loses one and gains one
        ((0, 0, -1), (3, 0, -1), 1),
        ((0, 0, -1), (3, 2, -1), 3),
        ((7, 0, 1), (7, 1, 0), 1),
        ((7, 0, 1), (8, 0, 1), 1),
        ((8, 0, 1), (8, 1, 0), 0),
        ((7, 0, 1), (0, 0, -1), 2),
    ],
)
def test_node_costs_are_those_of_the_source(left, right, cost):
    space = CircuitSpace(3, 1, 1)
    assert node_costs(space, [left], [right]) == cost
    assert edit_distances(space, [[left]], [[right]]) == cost


def test_one_change_costs_less_than_many():
    pool = generate_pool(CircuitSpace.published(4), 300, seed=1).structures
    changed = pool.copy()
    changed[:, 4] = (0, 0, -1)
    space = CircuitSpace(4, 10, 10)
    near, far = edit_distances(space, pool, changed), edit_distances(space, pool, np.roll(pool, 1, axis=0))
    assert near.mean() < 0.4 * far.mean()


def test_rows_must_match():
    structures = generate_pool(SMALL, 3, seed=1).structures
    with pytest.raises(LatentError, match="3 and 2"):
        edit_distances(SMALL, structures, structures[:2])
