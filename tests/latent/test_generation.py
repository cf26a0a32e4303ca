import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.latent.canonical import angles_of, as_structures, canonical, depths, is_in_space, keys
from qvar.latent.conversion import circuit_of
from qvar.latent.generation import generate_pool
from qvar.latent.pool import CircuitPool
from qvar.latent.space import CircuitSpace
from qvar.simulators import StatevectorSimulator
from qvar.simulators.errors import LatentError
from qvar.simulators.observable import Observable

PUBLISHED = CircuitSpace.published(4)
LINE = CircuitSpace(4, 8, 6, gates=("rx", "ry", "rz", "cx", "cz"), coupling=((0, 1), (1, 2), (2, 3)))


def shuffled(structure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write the gates in another order that keeps those on common wires as they are."""
    rows = [list(row) for row in structure]
    for _ in range(200 * (len(rows) > 1)):
        k = int(rng.integers(len(rows) - 1))
        wires, after = set(rows[k][1:]) - {-1}, set(rows[k + 1][1:]) - {-1}
        if not wires & after:
            rows[k], rows[k + 1] = rows[k + 1], rows[k]
    return np.array(rows, dtype=np.int8)


@pytest.mark.parametrize(
    "space", [PUBLISHED, LINE, CircuitSpace.published(8), CircuitSpace(1, 3, 3, gates=("h", "rz"))]
)
@pytest.mark.parametrize("method", ["gates", "layers"])
def test_every_circuit_of_a_pool_is_in_its_space_and_occurs_once(space, method):
    n = 8 if space.n_qubits == 1 else 3_000
    pool = generate_pool(space, n, seed=2, method=method) if space.n_qubits > 1 else generate_pool(space, n, seed=2)
    assert len(pool) == n == len({structure.tobytes() for structure in pool.structures})
    assert is_in_space(space, pool.structures).all()
    assert depths(space, pool.structures).max() <= space.max_depth
    assert (canonical(space, pool.structures) == pool.structures).all()


def test_the_pool_depends_on_the_seed_and_not_on_the_number_of_threads():
    one, three = (generate_pool(PUBLISHED, 5_000, seed=4, n_jobs=jobs) for jobs in (1, 3))
    assert (one.structures == three.structures).all()
    assert one.report == three.report
    other = generate_pool(PUBLISHED, 5_000, seed=5)
    assert len(np.intersect1d(one.keys, other.keys)) < 50
    assert (one.structures[:100] == generate_pool(PUBLISHED, 100, seed=4).structures).all()


def test_gates_and_places_are_drawn_uniformly_where_depth_does_not_matter():
    space = CircuitSpace(3, 4, 4)
    structures = generate_pool(space, 20_000, seed=1).structures.reshape(-1, 3)
    shares = np.bincount(structures[:, 0], minlength=11) / len(structures)
    assert np.abs(shares - 1 / 11).max() < 0.006
    cnots = structures[structures[:, 0] == space.gates.index("cx"), 1:]
    _, counts = np.unique(cnots, axis=0, return_counts=True)
    assert len(counts) == 6
    assert counts.max() / counts.min() < 1.1


def test_a_coupling_map_and_the_ring_are_kept():
    cnots = generate_pool(PUBLISHED, 2_000, seed=1).structures.reshape(-1, 3)
    cnots = cnots[cnots[:, 0] == PUBLISHED.gates.index("cx")]
    assert (cnots[:, 2] == (cnots[:, 1] + 1) % 4).all()
    pairs = generate_pool(LINE, 2_000, seed=1).structures.reshape(-1, 3)
    pairs = pairs[pairs[:, 2] >= 0]
    assert (np.abs(pairs[:, 1] - pairs[:, 2]) == 1).all()
    assert len(np.unique(pairs[:, 1:], axis=0)) == 6  # both directions of a CNOT


def test_layers_are_of_one_gate_type():
    space = CircuitSpace(6, 12, 12, gates=("h", "cx", "rz"))
    for structure in generate_pool(space, 50, seed=3, method="layers").structures:
        changes = (np.diff(structure[np.argsort(structure[:, 0], kind="stable"), 0]) != 0).sum()
        assert changes <= 2
    counts = [len(np.unique(s[:, 0])) for s in generate_pool(space, 500, seed=3, method="layers").structures]
    gatewise = [len(np.unique(s[:, 0])) for s in generate_pool(space, 500, seed=3).structures]
    assert np.mean(counts) < np.mean(gatewise)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 9))
def test_two_lists_have_one_key_exactly_if_they_are_the_same_graph(seed, n_qubits, n_gates):
    gates = ("h", "rx", "cx", "cz", "swap") if n_qubits > 1 else ("h", "rx", "z")
    space = CircuitSpace(n_qubits, n_gates, n_gates, gates=gates)
    structures = generate_pool(space, 1, seed=seed).structures
    rng = np.random.default_rng(seed)
    again = shuffled(structures[0], rng)[None]
    assert (canonical(space, again) == structures).all()
    assert keys(space, again) == keys(space, structures)
    changed = again.copy()
    changed[0, int(rng.integers(n_gates))] = (0, int(rng.integers(n_qubits)), -1)
    same = (canonical(space, changed) == structures).all()
    assert (keys(space, changed) == keys(space, structures)) == same


def test_wires_of_symmetric_gates_may_be_exchanged_and_those_of_a_cnot_may_not():
    space = CircuitSpace(3, 1, 1, gates=("cx", "cz", "swap"))
    for gate, same in ((0, False), (1, True), (2, True)):
        there, back = keys(space, [[[gate, 0, 2]], [[gate, 2, 0]]])
        assert (there == back) == same


def test_equal_circuits_start_from_equal_angles_wherever_they_turn_up():
    pool = generate_pool(PUBLISHED, 500, seed=7)
    again = np.stack([shuffled(s, np.random.default_rng(k)) for k, s in enumerate(pool.structures)])
    assert (angles_of(PUBLISHED, again, 7) == pool.angles).all()
    assert not (angles_of(PUBLISHED, again, 8) == pool.angles).all()
    used = PUBLISHED.n_angles[pool.structures[..., 0]][..., None] > np.arange(3)
    assert (pool.angles[~used] == 0).all()
    values = pool.angles[used] / (2 * np.pi)
    assert 0 <= values.min() < values.max() < 1
    assert abs(values.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(values))
    assert len(np.unique(values)) == len(values)


def test_a_circuit_has_the_gates_of_its_structure_and_a_slot_for_every_angle():
    pool = generate_pool(PUBLISHED, 50, seed=1)
    for index in range(50):
        circuit, theta = pool.circuit(index)
        written = [PUBLISHED.gates[gate] for gate, _, _ in pool.structures[index]]
        assert [operation.gate for operation in circuit.operations] == written
        assert len(theta) == circuit.n_parameters == sum({"u": 3}.get(g, g.startswith("r")) for g in written)
        assert circuit.depth() == depths(PUBLISHED, pool.structures[index][None])[0] <= 5
        permuted = circuit_of(PUBLISHED, pool.structures[index], pool.angles[index])[0]
        value = StatevectorSimulator().objective(permuted, Observable.from_terms({"ZZZZ": 1.0}))(theta)
        assert -1 - 1e-9 <= value <= 1 + 1e-9


def test_a_saved_pool_comes_back_and_is_small(tmp_path):
    pool = generate_pool(PUBLISHED, 2_000, seed=1)
    pool.save(tmp_path / "pool.npz")
    loaded = CircuitPool.load(tmp_path / "pool.npz")
    assert (loaded.space, loaded.seed, loaded.report) == (pool.space, pool.seed, pool.report)
    assert (loaded.structures == pool.structures).all()
    assert (loaded.angles == pool.angles).all()
    assert (tmp_path / "pool.npz").stat().st_size < 15 * 2_000
    (tmp_path / "pool.npz").write_bytes((tmp_path / "pool.npz").read_bytes()[:500])
    for name in ("pool.npz", "none.npz"):
        with pytest.raises(LatentError, match="holds no pool"):
            CircuitPool.load(tmp_path / name)


def test_a_space_that_is_too_small_or_too_shallow_says_so():
    with pytest.raises(LatentError, match="only 8 different circuits"):
        generate_pool(CircuitSpace(1, 3, 3, gates=("x", "z")), 9, seed=0)
    assert len(generate_pool(CircuitSpace(1, 3, 3, gates=("x", "z")), 8, seed=0)) == 8
    with pytest.raises(LatentError, match="do not fit"):
        CircuitSpace(2, 9, 4)
    with pytest.raises(LatentError, match="no place"):
        CircuitSpace(1, 2, 2, gates=("x", "cx"))
    with pytest.raises(LatentError, match="does not join"):
        CircuitSpace(3, 2, 2, coupling=((0, 3),))
    with pytest.raises(LatentError, match="native gates"):
        CircuitSpace(3, 2, 2, gates=("toffoli",))
    with pytest.raises(LatentError, match="all different"):
        CircuitSpace(3, 2, 2, gates=("x", "x"))
    with pytest.raises(LatentError, match=r"\[4, 8, 12\]"):
        CircuitSpace.published(5)
    with pytest.raises(LatentError, match=r"drawn by gates or layers"):
        generate_pool(PUBLISHED, 5, seed=0, method="circuits")


def test_structures_of_another_space_are_refused():
    with pytest.raises(LatentError, match="shape"):
        as_structures(PUBLISHED, np.zeros((3, 9, 3), dtype=int))
    structures = np.zeros((1, 10, 3), dtype=int)
    structures[..., 2] = -1
    as_structures(PUBLISHED, structures)
    for row in ((11, 0, -1), (0, 4, -1), (0, 0, 1), (7, 1, 1), (7, 1, -1)):
        structures[0, 3] = row
        with pytest.raises(LatentError, match=r"gates are numbered|act on wires"):
            as_structures(PUBLISHED, structures)


def test_a_circuit_out_of_place_or_too_deep_is_not_in_the_space():
    inside = generate_pool(LINE, 1, seed=0).structures[0]
    far = inside.copy()
    far[0] = (LINE.gates.index("cx"), 0, 3)
    deep = np.array([[0, 0, -1]] * 8, dtype=np.int8)
    assert is_in_space(LINE, np.stack([inside, far, deep])).tolist() == [True, False, False]


def test_a_space_survives_the_way_through_json():
    for space in (PUBLISHED, LINE):
        assert CircuitSpace.from_dict(space.to_dict()) == space
    with pytest.raises(LatentError, match="no circuit space"):
        CircuitSpace.from_dict({"n_qubits": 3})


def test_the_order_of_all_small_circuits_is_counted_once():
    space = CircuitSpace(2, 2, 2, gates=("x", "cz"))
    rows = [(0, 0, -1), (0, 1, -1), (1, 0, 1), (1, 1, 0)]
    found = {int(keys(space, [pair])[0]) for pair in itertools.product(rows, repeat=2)}
    # x0 x0, x0 x1 (either order), x1 x1, x cz and cz x on either wire, cz cz
    assert len(found) == 8
    assert len(generate_pool(space, 8, seed=0)) == 8
