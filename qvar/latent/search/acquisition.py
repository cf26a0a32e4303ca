"""What a circuit is worth evaluating, by the mean and standard deviation that a model gives for its value."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtr

__all__ = ["expected_improvement", "log_expected_improvement", "log_probability"]

_Array = NDArray[np.float64]
_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)


def expected_improvement(mean: _Array, deviation: _Array, target: float) -> _Array:
    """Return s (phi(u) + u Phi(u)) with u = (mean - target) / s."""
    u = (mean - target) / deviation
    return np.asarray(deviation * (np.exp(-0.5 * u**2 - _LOG_ROOT_2PI) + u * ndtr(u)))


def log_expected_improvement(mean: _Array, deviation: _Array, target: float) -> _Array:
    """Return the logarithm of the expected improvement, exact where the improvement itself underflows.

    Source: Ament et al., "Unexpected improvements to expected improvement", NeurIPS 2023.
    """
    u = (mean - target) / deviation
    low = np.minimum(u, -1.0)
    rest = 1 + low * np.sqrt(np.pi / 2) * erfcx(-low / np.sqrt(2))  # phi + u Phi, by phi; cancels like 1 / u**2
    far = -0.5 * low**2 - _LOG_ROOT_2PI + np.where(low < -1e3, -2 * np.log(-low), np.log(np.maximum(rest, 1e-300)))
    high = np.maximum(u, -1.0)
    near = np.log(np.exp(-0.5 * high**2 - _LOG_ROOT_2PI) + high * ndtr(high))
    return np.asarray(np.log(deviation) + np.where(u < -1, far, near))


def log_probability(mean: _Array, deviation: _Array, threshold: float) -> _Array:
    """Return the logarithm of the probability that a value reaches the threshold."""
    return np.asarray(log_ndtr((mean - threshold) / deviation))
