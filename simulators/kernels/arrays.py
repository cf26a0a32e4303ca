"""Kernels: small questions about the arrays that other kernels take."""

import math

import numpy as np
from numba import njit

from qvar.simulators.kernels.layout import OPTIONS


@njit(**OPTIONS)
def is_valid(theta, n_slots):
    """Tell whether `theta` has the right length and finite numbers only."""
    if theta.size != n_slots:
        return False
    for angle in theta:
        if not math.isfinite(angle):
            return False
    return True


@njit(**OPTIONS)
def filled(size, value):
    """Return an array of equal whole numbers; numba compiles this faster than NumPy's own functions."""
    array = np.empty(size, np.int64)
    for k in range(size):
        array[k] = value
    return array


@njit(**OPTIONS)
def padded(count):
    """Return `count` rounded up to a multiple of 4."""
    return (count + 3) // 4 * 4
