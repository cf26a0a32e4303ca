"""Kernels: cosines and sines of all angles of a circuit, four at a time, and what a rotation does to X, Y, Z."""

import math

from numba import njit

from qvar.simulators.kernels.arrays import padded
from qvar.simulators.kernels.lanes import load, store
from qvar.simulators.kernels.layout import FACTORS_AT, N_FACTORS, OPTIONS, RX, RY

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to a whole number
LARGEST_FAST_ANGLE = 1e5  # beyond, the reduction below would lose digits


@njit(**OPTIONS)
def cos_sin(x):
    """Return cosine and sine of lanes, |x| <= 1e5, to about one unit in the last place.

    x = q pi/2 + r with pi/2 in three parts of 33 bits, so that q times a part is exact; then Taylor-like minimax
    polynomials in r (coefficients of Sun's fdlibm), and the quadrant q mod 4 by arithmetic.
    """
    q = (x * 0.6366197723675814 + _ROUND) - _ROUND
    r = x - q * 1.57079632673412561417
    r = r - q * 6.07710050630396597660e-11
    r = r - q * 2.02226624879595063154e-21
    z = r * r
    s = 1.58969099521155010221e-10 * z + -2.50507602534068634195e-08
    s = s * z + 2.75573137070700676789e-06
    s = s * z + -1.98412698298579493134e-04
    s = s * z + 8.33333333332248946124e-03
    s = s * z + -1.66666666666666324348e-01
    s = r + r * z * s
    c = -1.13596475577881948265e-11 * z + 2.08757232129817482790e-09
    c = c * z + -2.75573143513906633035e-07
    c = c * z + 2.48015872894767294178e-05
    c = c * z + -1.38888888888741095749e-03
    c = c * z + 4.16666666666666019037e-02
    c = 1.0 - (0.5 * z - z * z * c)
    half = (q * 0.5 - 0.25 + _ROUND) - _ROUND  # floor(q / 2)
    odd = q - 2.0 * half
    sign = 1.0 - 2.0 * (half - 2.0 * ((half * 0.5 - 0.25 + _ROUND) - _ROUND))
    even = 1.0 - odd
    return sign * (even * c - odd * s), sign * (even * s + odd * c)


@njit(**OPTIONS)
def turned_back(axis, cos, sin, x, y, z):
    """Return numbers or lanes of the letters X, Y, Z after the inverse of a rotation."""
    if axis == RX:
        return x, cos * y + sin * z, cos * z - sin * y
    if axis == RY:
        return cos * x - sin * z, y, cos * z + sin * x
    return cos * x + sin * y, cos * y - sin * x, z


@njit(**OPTIONS)
def turn(ints, floats, theta, work):
    """Write cosines and sines of all factors' angles to the scratch at the start of `work`."""
    n = ints[N_FACTORS]
    n4 = padded(n)
    at = ints[FACTORS_AT]
    largest = 0.0
    for k in range(n):
        slot = ints[at + 3 * k + 1]
        angle = floats[2 * k + 1]
        if slot >= 0:
            angle += floats[2 * k] * theta[slot]
        work[k] = angle
        largest = max(largest, abs(angle))
    for k in range(n, n4):
        work[k] = 0.0
    if largest > LARGEST_FAST_ANGLE:
        for k in range(n4):
            angle = work[k]
            work[k] = math.cos(angle)
            work[n4 + k] = math.sin(angle)
        return
    for k in range(0, n4, 4):
        cosines, sines = cos_sin(load(work, k))
        store(work, k, cosines)
        store(work, n4 + k, sines)
