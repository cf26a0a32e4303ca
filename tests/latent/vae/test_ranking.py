"""Ranking measures against scikit-learn's and by hand."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from qvar.latent.vae.ranking import hide, ndcg_at, recall_at
from qvar.simulators.errors import LatentError


def test_hiding_splits_the_items_of_every_row():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, size=(30, 20))
    visible, hidden = hide(counts, rng, share=0.3)
    assert np.array_equal(np.where(hidden, counts, visible), counts)
    assert (visible[hidden] == 0).all()
    assert np.array_equal(hidden.sum(axis=1), np.round(0.3 * (counts > 0).sum(axis=1)))


def test_the_gain_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    hidden = rng.random((10, 30)) < 0.2
    hidden[:, 0] = True
    scores = rng.random((10, 30))
    mine = ndcg_at(7, scores, np.zeros((10, 30)), hidden)
    assert mine.mean() == pytest.approx(ndcg_score(hidden.astype(float), scores, k=7))


def test_perfect_scores_give_one_and_inverted_ones_nothing_and_the_visible_is_not_ranked():
    hidden = np.array([[True, True, False, False, False]])
    visible = np.array([[0, 0, 5, 0, 0]])
    scores = np.array([[3.0, 2.0, 9.0, 1.0, 0.0]])
    assert ndcg_at(2, scores, visible, hidden) == pytest.approx([1.0])
    assert recall_at(2, scores, visible, hidden) == pytest.approx([1.0])
    assert recall_at(2, -scores, visible, hidden) == pytest.approx([0.0])
    assert recall_at(1, scores, visible, hidden) == pytest.approx([1.0])


@pytest.mark.parametrize("measure", [ndcg_at, recall_at])
def test_there_is_nothing_to_rank_without_hidden_items_or_places(measure):
    scores, visible, hidden = np.ones((2, 3)), np.zeros((2, 3)), np.array([[True, False, False], [False] * 3])
    with pytest.raises(LatentError, match="nothing was hidden of row 1"):
        measure(2, scores, visible, hidden)
    with pytest.raises(LatentError, match="k must be at least 1"):
        measure(0, scores, visible, hidden)
