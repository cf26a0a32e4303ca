import numpy as np
import pytest

from qvar.latent.features import gate_counts, gate_weights
from qvar.latent.generation import generate_pool
from qvar.latent.space import CircuitSpace
from qvar.simulators.errors import LatentError

SPACE = CircuitSpace(3, 4, 4, gates=("h", "rx", "cx"))
STRUCTURE = [[[0, 0, -1], [2, 0, 1], [1, 1, -1], [1, 1, -1]]]


def test_weights_fall_with_the_gates_that_follow_on_the_wire():
    # wire 0: h, cx; wire 1: cx, rx, rx
    np.testing.assert_allclose(gate_weights(SPACE, STRUCTURE, decay=0.5), [[0.5, (1 + 0.25) / 2, 0.5, 1.0]])
    np.testing.assert_allclose(gate_weights(SPACE, STRUCTURE, decay=1.0), 1.0)


def test_counts_say_which_gate_sits_on_which_wire():
    counts = gate_counts(SPACE, STRUCTURE, decay=1.0).reshape(3, 3)
    assert counts.tolist() == [[1, 0, 0], [0, 2, 0], [1, 1, 0]]
    late = gate_counts(SPACE, STRUCTURE, decay=0.5).reshape(3, 3)
    np.testing.assert_allclose(late, [[0.5, 0, 0], [0, 1.5, 0], [1, 0.25, 0]])


def test_counts_of_a_pool_agree_with_counting_one_by_one():
    space = CircuitSpace.published(4)
    pool = generate_pool(space, 200, seed=5)
    counts = gate_counts(space, pool.structures, decay=0.7).reshape(200, 11, 4)
    for structure, found in zip(pool.structures, counts, strict=True):
        expected = np.zeros((11, 4))
        for wire in range(4):
            on_wire = [gate for gate, *wires in structure.tolist() if wire in wires]
            for later, gate in enumerate(reversed(on_wire)):
                expected[gate, wire] += 0.7**later
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_decay_out_of_range_is_refused():
    for decay in (0.0, 1.5, -1.0):
        with pytest.raises(LatentError, match="decay"):
            gate_counts(SPACE, STRUCTURE, decay=decay)
