"""How well scores rank what was hidden: the measures of collaborative filtering.

Source: Liang, Krishnan, Hoffman and Jebara (WWW 2018), arXiv 1802.05814, section 4.2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["hide", "ndcg_at", "recall_at"]

Floats = NDArray[np.float64]


def hide(counts: ArrayLike, rng: np.random.Generator, *, share: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Hide a share of the items of every row, at least one.

    Args:
        counts: shape (n, items), >= 0; items of a row are the entries above 0.
        rng: chooses them.
        share: of the items of each row, 0 < share < 1.

    Returns:
        The counts left, and which entries were hidden, both of shape (n, items).
    """
    counts = np.asarray(counts, dtype=np.float64)
    if not 0 < share < 1:
        raise LatentError(f"a share lies between 0 and 1, got {share}")
    keys = np.where(counts > 0, rng.random(counts.shape), np.inf)
    n_hidden = np.maximum(1, np.round(share * (counts > 0).sum(axis=1)))
    ranks = keys.argsort(axis=1).argsort(axis=1)
    hidden = (ranks < n_hidden[:, None]) & (counts > 0)
    return np.where(hidden, 0.0, counts), hidden


def ndcg_at(k: int, scores: ArrayLike, visible: ArrayLike, hidden: ArrayLike) -> Floats:
    """Return the normalized discounted cumulative gain of the first k, of every row, from 0 to 1, shape (n,).

    Items that were visible are not ranked; an item counts 1 if it was hidden, discounted by log2(rank + 1).

    Args:
        k: how many of the highest scores count.
        scores: shape (n, items).
        visible: counts that the scores were made from, shape (n, items).
        hidden: which entries were hidden, bool, shape (n, items).

    Raises:
        LatentError: for k below 1, or a row of which nothing was hidden.
    """
    hits = _hits(k, scores, visible, hidden)
    discount = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    best = np.cumsum(discount)[np.minimum(np.asarray(hidden).sum(axis=1), hits.shape[1]) - 1]
    return np.asarray(hits @ discount / best)


def recall_at(k: int, scores: ArrayLike, visible: ArrayLike, hidden: ArrayLike) -> Floats:
    """Return which share of min(k, number hidden) is among the first k, of every row, shape (n,); see `ndcg_at`."""
    hits = _hits(k, scores, visible, hidden)
    return np.asarray(hits.sum(axis=1) / np.minimum(np.asarray(hidden).sum(axis=1), k))


def _hits(k: int, scores: ArrayLike, visible: ArrayLike, hidden: ArrayLike) -> NDArray[np.bool_]:
    """Return whether the items ranked 1 to k were hidden, shape (n, k)."""
    check_whole("k", k, error=LatentError)
    empty = np.flatnonzero(~np.asarray(hidden).any(axis=1))
    if len(empty):
        raise LatentError(f"nothing was hidden of row {empty[0]}, so that nothing can be found; leave such rows out")
    ranked = np.where(np.asarray(visible) > 0, -np.inf, np.asarray(scores, dtype=np.float64))
    first = np.argsort(-ranked, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(np.asarray(hidden), first, axis=1)
