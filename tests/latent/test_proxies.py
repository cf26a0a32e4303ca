"""Training-free proxies: values of known circuits."""

import numpy as np
import pytest

from qvar.latent.generation import generate_pool
from qvar.latent.pool import CircuitPool
from qvar.latent.proxies import entangling_capability, expressibility, path_counts
from qvar.latent.space import CircuitSpace


def pool_of(n_qubits, gates, *structures):
    space = CircuitSpace(n_qubits, len(structures[0]), len(structures[0]), gates)
    return CircuitPool(space, np.array(structures, dtype=np.int8), 1)


def counted_paths(space, structure):
    """Every way, one by one."""
    ways = [(wire,) for wire in range(space.n_qubits)]
    for _, first, second in structure.tolist():
        if second < 0:
            continue
        ways = [(*way, end) for way in ways for end in ((first, second) if way[-1] in (first, second) else (way[-1],))]
    return len(ways)


def test_paths_are_counted_right():
    for space in (CircuitSpace.published(4), CircuitSpace(3, 8, 8, ("h", "cx", "cz"))):
        pool = generate_pool(space, 50, seed=2, n_jobs=1)
        expected = [counted_paths(space, s) for s in pool.structures]
        np.testing.assert_array_equal(path_counts(space, pool.structures), expected)


def test_expressibility_of_one_qubit_circuits_has_the_published_order():
    """Sim et al., figure 1: no rotation, one about Z after H, one more about X, a general one."""
    idle = pool_of(1, ("x", "h", "rz", "rx", "u"), [[0, 0, -1], [0, 0, -1], [1, 0, -1]])
    some = pool_of(
        1,
        ("x", "h", "rz", "rx", "u"),
        [[1, 0, -1], [2, 0, -1], [0, 0, -1]],
        [[1, 0, -1], [2, 0, -1], [3, 0, -1]],
    )
    largest = expressibility(idle, seed=1)[0]
    assert largest == pytest.approx(np.log(75))  # (N - 1) ln 75
    circle, sphere = expressibility(some, seed=1, n_pairs=4000)
    assert largest > 1 > circle > 5 * sphere > 0
    assert circle == pytest.approx(0.24, abs=0.06)
    assert sphere == pytest.approx(0.02, abs=0.02)


def test_random_states_are_as_expressive_as_haar_random_ones():
    from qvar.latent.proxies import _divergence_from_haar

    rng = np.random.default_rng(0)
    for n_qubits in (1, 2, 4, 8):
        states = rng.normal(size=(8000, 2**n_qubits)) + 1j * rng.normal(size=(8000, 2**n_qubits))
        states /= np.linalg.norm(states, axis=1, keepdims=True)
        assert 0 < _divergence_from_haar(states) < 2 * 37 / 4000


def test_entanglement_is_zero_for_products_and_known_for_bell_and_ghz_circuits():
    gates = ("h", "x", "rz", "cx")
    products = pool_of(2, gates, [[0, 0, -1], [2, 0, -1]], [[0, 0, -1], [0, 1, -1]])
    np.testing.assert_allclose(entangling_capability(products, seed=1), 0, atol=1e-12)
    bell = pool_of(2, gates, [[0, 0, -1], [3, 0, 1]])
    assert entangling_capability(bell, seed=1)[0] == pytest.approx(1)
    ghz = pool_of(3, gates, [[0, 0, -1], [3, 0, 1], [3, 1, 2]])
    assert entangling_capability(ghz, seed=1)[0] == pytest.approx(1)
    partly = pool_of(2, ("ry", "cx"), [[0, 0, -1], [1, 0, 1]])  # Q = sin^2 theta, on average 1/2
    assert entangling_capability(partly, seed=1, n_states=20_000)[0] == pytest.approx(0.5, abs=0.02)


def test_values_depend_on_seed_and_circuit_only():
    pool = generate_pool(CircuitSpace.published(4), 30, seed=2, n_jobs=1)
    turned = CircuitPool(pool.space, pool.structures[::-1], pool.seed + 1)
    for judge in (expressibility, entangling_capability):
        values = judge(pool, seed=4)
        np.testing.assert_array_equal(values, judge(turned, seed=4)[::-1])
        np.testing.assert_array_equal(values, judge(pool, seed=4, n_jobs=2))
        assert (values != judge(pool, seed=5)).any()
