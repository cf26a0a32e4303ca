"""Circuits as bags of gates, counted the slow way and completed by an auto-encoder."""

import numpy as np
import pytest

from qvar.latent.space import CircuitSpace
from qvar.latent.vae import MultVAE
from qvar.latent.vae.bags import bags, tokens
from qvar.simulators.errors import LatentError

SPACE = CircuitSpace.published(4)


@pytest.fixture(scope="module")
def structures():
    every = tokens(SPACE)
    return every[np.random.default_rng(0).integers(len(every), size=(300, SPACE.n_gates))]


def test_a_bag_counts_every_gate_of_a_circuit(structures):
    known = [tuple(token) for token in tokens(SPACE).tolist()]
    counts = bags(SPACE, structures)
    assert len(known) == len(set(known)) == counts.shape[1]
    assert (counts.sum(axis=1) == SPACE.n_gates).all()
    for structure, row in zip(structures[:20].tolist(), counts, strict=False):
        expected = np.zeros(len(known))
        for gate in structure:
            expected[known.index(tuple(gate))] += 1
        assert np.array_equal(row, expected)


def test_gates_that_do_not_tell_their_wires_apart_may_come_in_either_order():
    space = CircuitSpace(3, 1, 1, gates=("cx", "cz"))
    assert np.array_equal(bags(space, np.int8([[[1, 2, 0]]])), bags(space, np.int8([[[1, 0, 2]]])))
    assert not np.array_equal(bags(space, np.int8([[[0, 2, 0]]])), bags(space, np.int8([[[0, 0, 2]]])))


def test_a_gate_of_another_space_is_refused():
    space = CircuitSpace(3, 1, 1, gates=("cx",), ring_cx=True)
    with pytest.raises(LatentError, match="slot 0"):
        bags(space, np.int8([[[0, 1, 0]]]))


@pytest.mark.parametrize("gate", [[11, 0, -1], [0, 3, -1], [0, -1, -1], [-1, 0, -1]])
def test_numbers_that_are_no_gate_or_wire_are_refused_and_not_counted_from_the_end(gate):
    with pytest.raises(LatentError, match=r"gates are numbered|wires 0\.\.2"):
        bags(CircuitSpace(3, 1, 1), np.int8([[gate]]))


def test_bags_train_an_auto_encoder_that_ranks_gates(structures):
    counts = bags(SPACE, structures)
    scores = MultVAE(4, epochs=2, random_state=0).fit(counts).reconstruct(counts[:5])
    assert scores.shape == (5, counts.shape[1])
    assert scores.sum(axis=1) == pytest.approx(np.ones(5))
