"""Families of two-class tasks with a dial for their difficulty, from a benchmark of quantum models.

Each function returns `(X, y)` like scikit-learn's `make_moons`: float64 rows in random order, labels 0 and 1 equally
often (for an odd number of rows, one more 0). Seed and sizes fix the rows; the seed also draws the task itself
(curves, planes, networks), so rows of two seeds belong to two tasks.

Source: J. Bowles, S. Ahmed, M. Schuld, Better than classical? The subtle art of benchmarking quantum machine learning
models, arXiv 2403.07059 (2024), and the distributions of the authors' published generators where the text gives none.

Differs from the source:
    - labels are 0 and 1, not -1 and 1, and rows come shuffled, not class by class;
    - nothing is standardized: the source scales "two curves" and "hyperplanes" over all rows, test rows included;
      put a scaler in the pipeline;
    - every family is balanced exactly, "linearly separable" too;
    - hyperplanes are drawn anew until both classes are frequent enough, where the source stops with an error;
    - the seed is an argument, and rows are drawn by another generator: the published rows themselves do not come back.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import DatasetError

__all__ = [
    "make_bars_and_stripes",
    "make_hidden_manifold",
    "make_hyperplanes_parity",
    "make_linearly_separable",
    "make_two_curves",
]

Rows = NDArray[np.float64]
Labels = NDArray[np.int64]


def make_linearly_separable(
    n_samples: int = 300,
    n_features: int = 5,
    *,
    margin: float | None = None,
    random_state: int | np.random.Generator = 0,
) -> tuple[Rows, Labels]:
    """Draw points of the cube [-1, 1]^d on both sides of the plane orthogonal to (1, ..., 1).

    Args:
        n_samples: rows, at least 2.
        n_features: d, at least 1.
        margin: every row has |x_1 + ... + x_d| > margin; None for the source's 0.02 d. Must be below d.
        random_state: seed or generator.

    Returns:
        X of shape (n_samples, n_features); y is 1 where the sum is positive.

    Raises:
        DatasetError: for sizes below their minimum, or a margin that leaves (almost) no room.
    """
    rng = _checked(random_state, n_samples, n_features=n_features)
    margin = 0.02 * n_features if margin is None else margin
    if not 0 <= margin < n_features:
        raise DatasetError(f"margin must be at least 0 and below n_features = {n_features}, got {margin}")

    def draw(n: int) -> tuple[Rows, Labels]:
        X = rng.uniform(-1.0, 1.0, size=(n, n_features))
        total = X.sum(axis=1)
        X, total = X[np.abs(total) > margin], total[np.abs(total) > margin]
        return X, (total > 0).astype(np.int64)

    return _shuffled(*_balanced(draw, n_samples, f"a margin of {margin:g} leaves too little of the cube"), rng)


def make_two_curves(
    n_samples: int = 300,
    n_features: int = 5,
    *,
    degree: int = 5,
    offset: float = 0.1,
    noise: float = 0.01,
    random_state: int | np.random.Generator = 0,
) -> tuple[Rows, Labels]:
    r"""Draw noisy points of two copies of one curve in d dimensions, shifted against each other.

    A point t, uniform in [0, 1], becomes
    x_i = sum_{k=0}^{D} a_{ik} cos(pi k t) + b_{ik} sin(pi k t) + offset * y + noise, i = 1..d.
    All coefficients are uniform in [0, 1] and then divided by their common Euclidean norm.

    Args:
        n_samples: rows, at least 2.
        n_features: d, at least 1.
        degree: D, at least 1: how much the curves wind. The source's series "two curves diff" has d = 10,
            D = 2 to 20 and offset = 1 / (2 D).
        offset: shift of class 1 in every coordinate.
        noise: standard deviation of the Gaussian noise on every coordinate, at least 0.
        random_state: seed or generator.

    Returns:
        X of shape (n_samples, n_features); y tells the curves apart.

    Raises:
        DatasetError: for sizes, a degree or noise below their minimum.
    """
    rng = _checked(random_state, n_samples, n_features=n_features, degree=degree)
    if noise < 0:
        raise DatasetError(f"noise is a standard deviation, at least 0, got {noise}")
    cosines, sines = rng.uniform(size=(2, degree + 1, n_features))
    norm = math.sqrt((cosines**2).sum() + (sines**2).sum())  # b_0 counts as well, though sin(0) = 0
    angles = np.pi * np.outer(rng.uniform(size=n_samples), np.arange(degree + 1))
    y = _labels(n_samples)
    X = (np.cos(angles) @ cosines + np.sin(angles) @ sines) / norm + offset * y[:, None]
    return _shuffled(X + rng.normal(scale=noise, size=X.shape), y, rng)


def make_hidden_manifold(
    n_samples: int = 300,
    n_features: int = 5,
    *,
    manifold_dimension: int = 6,
    random_state: int | np.random.Generator = 0,
) -> tuple[Rows, Labels]:
    """Draw points of an m-dimensional space, label them there by a random network, and show them in d dimensions.

    With c, F, W and v standard normal and b uniform in [-1, 1]: x = tanh(c F / sqrt(m) - b), and y says on which side
    of the median v . tanh(W c) lies.

    Args:
        n_samples: rows, at least 2.
        n_features: d, at least 1. The source keeps m = 6 and varies d = 2 to 20, or keeps d = 10 and varies m.
        manifold_dimension: m, at least 1.
        random_state: seed or generator.

    Returns:
        X of shape (n_samples, n_features), within (-1, 1); y of shape (n_samples,).

    Raises:
        DatasetError: for sizes below their minimum.

    Source: also S. Goldt, M. Mezard, F. Krzakala, L. Zdeborova, Phys. Rev. X 10, 041044 (2020).
    """
    m = manifold_dimension
    rng = _checked(random_state, n_samples, n_features=n_features, manifold_dimension=m)
    hidden = rng.normal(size=(n_samples, m))
    X = np.tanh(hidden @ rng.normal(size=(m, n_features)) / math.sqrt(m) - rng.uniform(-1.0, 1.0, size=n_features))
    height = np.tanh(hidden @ rng.normal(size=(m, m)).T) @ rng.normal(size=m)
    y = np.zeros(n_samples, dtype=np.int64)
    y[np.argsort(height)[(n_samples + 1) // 2 :]] = 1
    return X, y


def make_hyperplanes_parity(
    n_samples: int = 300,
    n_features: int = 5,
    *,
    n_hyperplanes: int = 4,
    hyperplane_dimension: int = 3,
    random_state: int | np.random.Generator = 0,
) -> tuple[Rows, Labels]:
    """Draw points labelled by the parity of the number of hyperplanes that they lie above.

    In m dimensions: points standard normal, planes w . x + b = 0 with w and b uniform in [0, 1]. A linear map with
    entries uniform in [0, 1] then takes the points to d dimensions.

    Args:
        n_samples: rows, at least 2.
        n_features: d, at least 1. The source has d = 10.
        n_hyperplanes: at least 1: more planes, more regions. The source varies it from 2 to 20.
        hyperplane_dimension: m, at least 1; the source has 3.
        random_state: seed or generator.

    Returns:
        X of shape (n_samples, n_features); y is 1 for an odd number of planes below the point.

    Raises:
        DatasetError: for sizes below their minimum.
    """
    m = hyperplane_dimension
    rng = _checked(random_state, n_samples, n_features=n_features, n_hyperplanes=n_hyperplanes, hyperplane_dimension=m)
    for _ in range(100):
        normals, heights = rng.uniform(size=(m, n_hyperplanes)), rng.uniform(size=n_hyperplanes)
        sample = _parity(rng.normal(size=(1000, m)), normals, heights)
        if 0.05 < sample.mean() < 0.95:
            break
    else:
        raise DatasetError(
            f"no {n_hyperplanes} hyperplanes in {m} dimension(s) found that both classes share; use other numbers"
        )

    def draw(n: int) -> tuple[Rows, Labels]:
        hidden = rng.normal(size=(n, m))
        return hidden, _parity(hidden, normals, heights)

    hidden, y = _balanced(draw, n_samples, "the planes leave too little to one class")
    return _shuffled(hidden @ rng.uniform(size=(m, n_features)), y, rng)


def make_bars_and_stripes(
    n_samples: int = 300,
    *,
    height: int = 4,
    width: int = 4,
    noise: float = 0.5,
    random_state: int | np.random.Generator = 0,
) -> tuple[Rows, Labels]:
    """Draw noisy pictures of vertical bars (class 0) or horizontal stripes (class 1), each bar or stripe -1 or 1.

    Pictures of one colour, which are both, do not occur.

    Args:
        n_samples: rows, at least 2.
        height: pixels, at least 2.
        width: pixels, at least 2; the source has 4 x 4 to 32 x 32.
        noise: standard deviation of the Gaussian noise on every pixel, at least 0.
        random_state: seed or generator.

    Returns:
        X of shape (n_samples, height * width), row by row; y of shape (n_samples,).

    Raises:
        DatasetError: for sizes or noise below their minimum.
    """
    rng = _checked(random_state, n_samples)
    if min(height, width) < 2 or noise < 0:
        raise DatasetError(
            f"pictures need 2 x 2 pixels and noise of at least 0, got {height} x {width} and noise {noise}"
        )
    y = _labels(n_samples)
    pictures = np.empty((n_samples, height, width))
    for picture, label in zip(pictures, y, strict=True):
        colours = _two_colours(height if label else width, rng)
        picture[:] = colours[:, None] if label else colours
    X = pictures.reshape(n_samples, -1)
    return _shuffled(X + rng.normal(scale=noise, size=X.shape), y, rng)


def _two_colours(n: int, rng: np.random.Generator) -> Rows:
    while True:
        colours = rng.choice((-1.0, 1.0), size=n)
        if np.ptp(colours):
            return colours


def _parity(points: Rows, normals: Rows, heights: Rows) -> Labels:
    above: Labels = (points @ normals + heights > 0).sum(axis=1, dtype=np.int64)
    return above % 2


def _checked(random_state: int | np.random.Generator, n_samples: int, **sizes: int) -> np.random.Generator:
    if n_samples < 2:
        raise DatasetError(f"n_samples must be at least 2, one a class, got {n_samples}")
    for name, size in sizes.items():
        if size < 1:
            raise DatasetError(f"{name} must be at least 1, got {size}")
    return np.random.default_rng(random_state)


def _labels(n_samples: int) -> Labels:
    return np.repeat([0, 1], [(n_samples + 1) // 2, n_samples // 2]).astype(np.int64)


def _balanced(draw: Callable[[int], tuple[Rows, Labels]], n_samples: int, trouble: str) -> tuple[Rows, Labels]:
    """Draw until both classes are full, and return them class by class."""
    wanted = _labels(n_samples)
    parts: tuple[list[Rows], list[Rows]] = ([], [])
    for _ in range(200):
        X, y = draw(n_samples)
        for label in (0, 1):
            parts[label].append(X[y == label])
        if all(sum(map(len, parts[label])) >= (wanted == label).sum() for label in (0, 1)):
            kept = [np.concatenate(parts[label])[: (wanted == label).sum()] for label in (0, 1)]
            return np.concatenate(kept), wanted
    raise DatasetError(f"{trouble}: {200 * n_samples:,} draws did not fill both classes; make it smaller")


def _shuffled(X: Rows, y: Labels, rng: np.random.Generator) -> tuple[Rows, Labels]:
    order = rng.permutation(len(y))
    return X[order], y[order]
