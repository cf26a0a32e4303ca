"""Kernels of the pure-state picture: what one operation does to the amplitudes, forwards and back.

Amplitudes lie in blocks of four: four real parts, then four imaginary parts. The low two bits of an index are the lane,
the others the block. An operation has a 2 x 2 matrix m and masks x, z: with r(i) the parity of i & z, amplitude i
becomes m[r, r] a[i] + m[r, 1 - r] a[i ^ x]. Its matrix is laid out for lanes: for blocks whose own bits have parity 0,
then for the others, m[r, r] and m[r, 1 - r] of the four lanes, real parts, then imaginary parts.

Overlaps are Im <lambda| P |psi> with P = X, Y, Z as the operation sees them.
"""

from numba import njit

from qvar.simulators.kernels.bits import parity
from qvar.simulators.kernels.lanes import lanes_of, load, shuffle, spread, store, total
from qvar.simulators.kernels.layout import OPTIONS

_exchanged = shuffle(1, 0, 3, 2)
_halves = shuffle(2, 3, 0, 1)


@njit(**OPTIONS)
def flipped(lanes, x):
    """Return lanes in which lane j holds what lane j ^ x held, x in 0 .. 3."""
    if x & 1:
        lanes = _exchanged(lanes, lanes)
    if x & 2:
        lanes = _halves(lanes, lanes)
    return lanes


@njit(**OPTIONS)
def highest_bit(number):
    """Return the highest bit of a number >= 1."""
    high = 1
    while 2 * high <= number:
        high *= 2
    return high


@njit(**OPTIONS)
def lay_out(work, m, z, a, b, c, d):
    """Write the matrix ((a, b), (c, d)) at `m`, laid out for lanes."""
    for lane in range(4):
        for own in range(2):
            is_one = parity(lane & z) ^ own
            same = d if is_one else a
            other = c if is_one else b
            at = m + 16 * own + lane
            work[at] = same.real
            work[at + 4] = same.imag
            work[at + 8] = other.real
            work[at + 12] = other.imag


@njit(**OPTIONS)
def diagonal(work, place, size, z, m):
    """Multiply amplitudes."""
    for i in range(size >> 2):
        at = place + 8 * i
        e = m + 16 * parity(i & (z >> 2))
        re, im = load(work, at), load(work, at + 4)
        cos, sin = load(work, e), load(work, e + 4)
        store(work, at, cos * re - sin * im)
        store(work, at + 4, cos * im + sin * re)


@njit(**OPTIONS)
def turn(work, place, size, x, z, m):
    """Mix amplitudes i and i ^ x."""
    xb, zb = x >> 2, z >> 2
    n = size >> 2
    if xb == 0:
        for i in range(n):
            at = place + 8 * i
            e = m + 16 * parity(i & zb)
            re, im = load(work, at), load(work, at + 4)
            p, q = flipped(re, x), flipped(im, x)
            a, b, c, d = load(work, e), load(work, e + 4), load(work, e + 8), load(work, e + 12)
            store(work, at, (a * re - b * im) + (c * p - d * q))
            store(work, at + 4, (a * im + b * re) + (c * q + d * p))
        return
    high = highest_bit(xb)
    for k in range(0, n, 2 * high):
        for i in range(k, k + high):
            own = parity(i & zb)
            at, to = place + 8 * i, place + 8 * (i ^ xb)
            re, im = load(work, at), load(work, at + 4)
            p, q = flipped(load(work, to), x), flipped(load(work, to + 4), x)
            e = m + 16 * own
            a, b, c, d = load(work, e), load(work, e + 4), load(work, e + 8), load(work, e + 12)
            store(work, at, (a * re - b * im) + (c * p - d * q))
            store(work, at + 4, (a * im + b * re) + (c * q + d * p))
            e = m + 16 * (1 - own)  # partners, lanes flipped alike, play opposite parts
            a, b, c, d = load(work, e), load(work, e + 4), load(work, e + 8), load(work, e + 12)
            store(work, to, flipped((a * p - b * q) + (c * re - d * im), x))
            store(work, to + 4, flipped((a * q + b * p) + (c * im + d * re), x))


@njit(**OPTIONS)
def grow(work, place, size, z, m):
    """Mix amplitudes of the lower half with those of the upper half, which are 0 and need not be set."""
    half = size >> 3
    for i in range(half):
        at = place + 8 * i
        own = parity(i & (z >> 2))
        re, im = load(work, at), load(work, at + 4)
        e = m + 16 * own
        a, b = load(work, e), load(work, e + 4)
        store(work, at, a * re - b * im)
        store(work, at + 4, a * im + b * re)
        e = m + 16 * (1 - own)
        a, b = load(work, e + 8), load(work, e + 12)
        store(work, at + 8 * half, a * re - b * im)
        store(work, at + 8 * half + 4, a * im + b * re)


@njit(**OPTIONS)
def diagonal_back(work, psi, lam, size, z, m):
    """Undo a diagonal operation on psi and lambda; return the overlaps after it, of which only Z matters."""
    gz = spread(0.0)
    for i in range(size >> 2):
        at, to = psi + 8 * i, lam + 8 * i
        own = parity(i & (z >> 2))
        e = m + 16 * own
        cos, sin = load(work, e), load(work, e + 4)
        re, im = load(work, at), load(work, at + 4)
        lre, lim = load(work, to), load(work, to + 4)
        gz = gz + (1.0 - 2.0 * own) * (lre * im - lim * re)
        store(work, at, cos * re + sin * im)
        store(work, at + 4, cos * im - sin * re)
        store(work, to, cos * lre + sin * lim)
        store(work, to + 4, cos * lim - sin * lre)
    return 0.0, 0.0, total(gz * _signs(z))


@njit(**OPTIONS)
def _signs(z):
    """Return 1 for lanes that play the part of |0>, -1 for the others."""
    return lanes_of(1.0, 1.0 - 2.0 * (z & 1), 1.0 - (z & 2), 1.0 - 2.0 * parity(z & 3))


@njit(**OPTIONS)
def turn_back(work, psi, lam, size, x, z, m):
    """Undo an operation on psi and lambda; return the overlaps with X, Y, Z after it."""
    xb, zb = x >> 2, z >> 2
    n = size >> 2
    gx, gy, gz = spread(0.0), spread(0.0), spread(0.0)
    if xb == 0:
        for i in range(n):
            at, to = psi + 8 * i, lam + 8 * i
            own = parity(i & zb)
            sign = 1.0 - 2.0 * own
            e, f = m + 16 * own, m + 16 * (1 - own)
            a, b, c, d = load(work, e), load(work, e + 4), load(work, f + 8), load(work, f + 12)
            re, im = load(work, at), load(work, at + 4)
            lre, lim = load(work, to), load(work, to + 4)
            p, q = flipped(re, x), flipped(im, x)
            gx = gx + (lre * q - lim * p)
            gy = gy + sign * (lre * p + lim * q)
            gz = gz + sign * (lre * im - lim * re)
            store(work, at, (a * re + b * im) + (c * p + d * q))
            store(work, at + 4, (a * im - b * re) + (c * q - d * p))
            p, q = flipped(lre, x), flipped(lim, x)
            store(work, to, (a * lre + b * lim) + (c * p + d * q))
            store(work, to + 4, (a * lim - b * lre) + (c * q - d * p))
        return total(gx), -total(gy * _signs(z)), total(gz * _signs(z))
    high = highest_bit(xb)
    for k in range(0, n, 2 * high):
        for i in range(k, k + high):
            own = parity(i & zb)
            sign = 1.0 - 2.0 * own
            at, to = psi + 8 * i, psi + 8 * (i ^ xb)
            lat, lto = lam + 8 * i, lam + 8 * (i ^ xb)
            re, im = load(work, at), load(work, at + 4)
            p, q = flipped(load(work, to), x), flipped(load(work, to + 4), x)
            lre, lim = load(work, lat), load(work, lat + 4)
            lp, lq = flipped(load(work, lto), x), flipped(load(work, lto + 4), x)
            gx = gx + ((lre * q - lim * p) + (lp * im - lq * re))
            gy = gy + sign * ((lre * p + lim * q) - (lp * re + lq * im))
            gz = gz + sign * ((lre * im - lim * re) - (lp * q - lq * p))
            e, f = m + 16 * own, m + 16 * (1 - own)
            a, b, c, d = load(work, e), load(work, e + 4), load(work, f + 8), load(work, f + 12)
            store(work, at, (a * re + b * im) + (c * p + d * q))
            store(work, at + 4, (a * im - b * re) + (c * q - d * p))
            store(work, lat, (a * lre + b * lim) + (c * lp + d * lq))
            store(work, lat + 4, (a * lim - b * lre) + (c * lq - d * lp))
            a, b, c, d = load(work, f), load(work, f + 4), load(work, e + 8), load(work, e + 12)
            store(work, to, flipped((a * p + b * q) + (c * re + d * im), x))
            store(work, to + 4, flipped((a * q - b * p) + (c * im - d * re), x))
            store(work, lto, flipped((a * lp + b * lq) + (c * lre + d * lim), x))
            store(work, lto + 4, flipped((a * lq - b * lp) + (c * lim - d * lre), x))
    return total(gx), -total(gy * _signs(z)), total(gz * _signs(z))


@njit(**OPTIONS)
def grow_back(work, psi, lam, size, z, m):
    """Undo an operation that brought in the upper half; only the lower half is left. Return the overlaps after it."""
    half = size >> 3
    gx, gy, gz = spread(0.0), spread(0.0), spread(0.0)
    for i in range(half):
        own = parity(i & (z >> 2))
        sign = 1.0 - 2.0 * own
        at, to = psi + 8 * i, psi + 8 * (i + half)
        lat, lto = lam + 8 * i, lam + 8 * (i + half)
        re, im, p, q = load(work, at), load(work, at + 4), load(work, to), load(work, to + 4)
        lre, lim, lp, lq = load(work, lat), load(work, lat + 4), load(work, lto), load(work, lto + 4)
        gx = gx + ((lre * q - lim * p) + (lp * im - lq * re))
        gy = gy + sign * ((lre * p + lim * q) - (lp * re + lq * im))
        gz = gz + sign * ((lre * im - lim * re) - (lp * q - lq * p))
        e, f = m + 16 * own, m + 16 * (1 - own)
        a, b, c, d = load(work, e), load(work, e + 4), load(work, f + 8), load(work, f + 12)
        store(work, at, (a * re + b * im) + (c * p + d * q))
        store(work, at + 4, (a * im - b * re) + (c * q - d * p))
        store(work, lat, (a * lre + b * lim) + (c * lp + d * lq))
        store(work, lat + 4, (a * lim - b * lre) + (c * lq - d * lp))
    return total(gx), -total(gy * _signs(z)), total(gz * _signs(z))
