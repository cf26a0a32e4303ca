"""Features into the range that a feature map wants, as the training rows span it."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["into_range", "learned_range"]

Floats = NDArray[np.float64]


def learned_range(rows: Floats) -> tuple[Floats, Floats]:
    """Return lowest value and span of each column, shape (n_features,); a span of one where a column is constant."""
    span = np.ptp(rows, axis=0)
    return rows.min(axis=0), np.where(span > 0, span, 1.0)


def into_range(rows: Floats, feature_range: tuple[float, float] | None, lowest: Floats, span: Floats) -> Floats:
    """Return rows mapped linearly so that the range learned becomes `feature_range`; as they are for None."""
    if feature_range is None:
        return rows
    low, high = feature_range
    return np.asarray(low + (high - low) * (rows - lowest) / span)
