"""Pairs and neighbours of features: random pairs, the nearest others, and how far apart rows are."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["distance_pairs", "nearest", "row_distances", "smallest"]

Floats = NDArray[np.float64]

ENTRIES = 1 << 24
"""Numbers of a matrix of distances that is held at a time."""


def distance_pairs(n: int, n_pairs: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return random pairs (i, j), i != j, of `n` circuits, two arrays of shape (n_pairs,).

    Every circuit takes part about equally often, so that up to n / 2 pairs share none and are independent.
    """
    rounds = [rng.permutation(n)[: n // 2 * 2].reshape(2, -1) for _ in range(-(-n_pairs // (n // 2)))]
    i, j = np.concatenate(rounds, axis=1)[:, :n_pairs]
    return i, j


def nearest(features: Floats, queries: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the `k` nearest other circuits of each query by L2 distance, shape (len(queries), k), nearest first."""
    squares = (features**2).sum(axis=1)
    found = np.empty((len(queries), k), dtype=np.int64)
    step = max(1, ENTRIES // len(features))
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        distances = squares - 2 * features[part] @ features.T
        distances[np.arange(len(part)), part] = np.inf
        found[start : start + step] = smallest(distances, k)
    return found


def smallest(distances: Floats, k: int) -> NDArray[np.int64]:
    """Return the columns of the `k` smallest entries of every row, smallest first."""
    columns = np.argpartition(distances, k - 1, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(distances, columns, axis=1), axis=1)
    return np.take_along_axis(columns, order, axis=1)


def row_distances(a: Floats, b: Floats) -> Floats:
    """Return the L2 distance of each row of `a` from that row of `b`, shape (n,)."""
    return np.asarray(np.linalg.norm(a - b, axis=1), dtype=np.float64)
