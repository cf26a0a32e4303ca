"""Kernels of the Pauli-Liouville picture: a whole noisy circuit, and its exact gradient, in one compiled call.

State of a cluster of m qubits: r[i] = Tr(P_i rho), float64 of length 4**m, i = sum_p d_p 4**p with digits 0, 1, 2, 3
for I, X, Y, Z; position p has stride S = 4**p. Three kinds of operation act on it: LOCAL, a run of rotations and
channels on one qubit, multiplied to one 3 x 4 matrix (I is never written); CX with its noise, a signed permutation,
diagonal factors and one affine term per qubit in one pass; DENSE, any other channel on two qubits. `planning` decides
what acts where.

With lambda the observable and E = lambda . r at every cut of the circuit, one sweep backwards with the transposed
operations gives all derivatives. For a LOCAL with matrix M, G = sum lambda (x) r (lambda after it, r before it, 3 x 4)
is all that its derivatives need: dE/dt = sum_ab G[a, b] dM[a, b]/dt, whatever the number of its rotations.

Entry points take the plan (`ints`, `floats`), the `constants` of gates and noise, the angles and a workspace. Nothing
is checked here; the engine builds the arrays.
"""

import math

import numpy as np
from numba import njit

from qvar.simulators.kernels.lanes import lanes_of, load, shuffle, spread, store, total
from qvar.simulators.kernels.layout import (
    COLUMNS,
    CONSTANTS,
    COUNT,
    CX,
    DENSE_COLUMNS,
    DENSE_INPUT,
    FACTORS_AT,
    FIRST,
    FIXED,
    FOURFOLD_SCRATCH,
    INVERSE,
    KEPT_IN,
    KEPT_OUT,
    KEPT_SMALL,
    LARGEST_FOURFOLD,
    LEAF_ROW,
    LEAVES_AT,
    LOCAL,
    MATRIX,
    MERGE,
    N_FACTORS,
    N_LEAVES,
    N_NODES,
    N_OPS,
    N_ROOTS,
    N_SLOTS,
    N_TERMS,
    NODE_END_OP,
    NODE_FIRST_OP,
    NODE_LARGE,
    NODE_PLACE,
    NODE_ROW,
    NODE_SIZE,
    NODE_SMALL,
    NODES_AT,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    OPTIONS,
    PLACE,
    PREFIXES,
    ROOT_KEPT,
    ROOT_NODE,
    ROOT_PLACE,
    ROOT_ROW,
    ROOT_SIZE,
    ROOTS_AT,
    RX,
    RY,
    RZ,
    SCRATCH,
    SECOND,
    SIZE,
    SMALL,
    STATE_SIZE,
    TERMS_AT,
    UNCOMPUTED,
)
from qvar.simulators.kernels.planning import is_valid, padded

_FROM_MEMORY_APART = 64  # rows at least this long are swept group by group: fewer streams collide in the cache

_low_first = shuffle(0, 0, 0, 0)
_low_last = shuffle(3, 3, 3, 3)
_outer_from_first = shuffle(0, 5, 6, 3)  # lanes I, Z of the first, X, Y of the second
_lower_from_first = shuffle(0, 1, 6, 7)
_swap_pairs_crossed = shuffle(3, 6, 5, 0)
_swap_low_then = shuffle(1, 0, 7, 6)

# -- angles ------------------------------------------------------------------------------------------------------------

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to a whole number
_LARGEST_FAST_ANGLE = 1e5  # beyond, the reduction below would lose digits


@njit(**OPTIONS)
def _cos_sin(x):
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
    if largest > _LARGEST_FAST_ANGLE:
        for k in range(n4):
            angle = work[k]
            work[k] = math.cos(angle)
            work[n4 + k] = math.sin(angle)
        return
    for k in range(0, n4, 4):
        cosines, sines = _cos_sin(load(work, k))
        store(work, k, cosines)
        store(work, n4 + k, sines)


# -- one qubit ---------------------------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _multiply(ints, constants, work, row, keep):
    """Multiply the factors of a LOCAL; write rows X, Y, Z and the columns of the product to scratch.

    With `keep`, also the products of its first 0, 1, ... factors.
    """
    n4 = padded(ints[N_FACTORS])
    scratch = 2 * n4
    at = ints[FACTORS_AT]
    unit = lanes_of(1.0, 0.0, 0.0, 0.0)
    x = lanes_of(0.0, 1.0, 0.0, 0.0)
    y = lanes_of(0.0, 0.0, 1.0, 0.0)
    z = lanes_of(0.0, 0.0, 0.0, 1.0)
    prefix = scratch + PREFIXES
    for k in range(ints[row + CONSTANTS], ints[row + CONSTANTS] + ints[row + COUNT]):
        if keep:
            store(work, prefix, x)
            store(work, prefix + 4, y)
            store(work, prefix + 8, z)
            prefix += 12
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            new_x = constants[c] * unit + constants[c + 1] * x + constants[c + 2] * y + constants[c + 3] * z
            new_y = constants[c + 4] * unit + constants[c + 5] * x + constants[c + 6] * y + constants[c + 7] * z
            z = constants[c + 8] * unit + constants[c + 9] * x + constants[c + 10] * y + constants[c + 11] * z
            x = new_x
            y = new_y
            continue
        cos = work[k]
        sin = work[n4 + k]
        if axis == RX:
            new_y = cos * y - sin * z
            z = sin * y + cos * z
            y = new_y
        elif axis == RY:
            new_z = cos * z - sin * x
            x = sin * z + cos * x
            z = new_z
        else:
            new_x = cos * x - sin * y
            y = sin * x + cos * y
            x = new_x
        x = constants[c] * x
        y = constants[c + 1] * y
        z = constants[c + 2] * z + constants[c + 3] * unit
    store(work, scratch + MATRIX, x)
    store(work, scratch + MATRIX + 4, y)
    store(work, scratch + MATRIX + 8, z)
    for j in range(4):
        work[scratch + COLUMNS + 4 * j + 1] = work[scratch + MATRIX + j]
        work[scratch + COLUMNS + 4 * j + 2] = work[scratch + MATRIX + 4 + j]
        work[scratch + COLUMNS + 4 * j + 3] = work[scratch + MATRIX + 8 + j]
        work[scratch + COLUMNS + 4 * j] = 1.0 if j == 0 else 0.0
    return scratch


@njit(**OPTIONS)
def _local(work, source, target, size, s, scratch):
    """Apply the matrix in scratch to the qubit of stride `s`, from `source` to `target`, which may be the same."""
    if s == 1:
        c0 = load(work, scratch + COLUMNS)
        c1 = load(work, scratch + COLUMNS + 4)
        c2 = load(work, scratch + COLUMNS + 8)
        c3 = load(work, scratch + COLUMNS + 12)
        for k in range(0, size, 4):
            i = source + k
            store(work, target + k, (work[i] * c0 + work[i + 1] * c1) + (work[i + 2] * c2 + work[i + 3] * c3))
        return
    m = scratch + MATRIX
    xi, xx, xy, xz = work[m], work[m + 1], work[m + 2], work[m + 3]
    yi, yx, yy, yz = work[m + 4], work[m + 5], work[m + 6], work[m + 7]
    zi, zx, zy, zz = work[m + 8], work[m + 9], work[m + 10], work[m + 11]
    shift = target - source
    for k in range(source, source + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i)
            x = load(work, i + s)
            y = load(work, i + 2 * s)
            z = load(work, i + 3 * s)
            if shift != 0:
                store(work, i + shift, v)
            store(work, i + shift + s, xi * v + xx * x + xy * y + xz * z)
            store(work, i + shift + 2 * s, yi * v + yx * x + yy * y + yz * z)
            store(work, i + shift + 3 * s, zi * v + zx * x + zy * y + zz * z)


@njit(**OPTIONS)
def _invert(work, scratch):
    """Write the inverse of the matrix in scratch, and its columns, to scratch."""
    m = scratch + MATRIX
    xx, xy, xz = work[m + 1], work[m + 2], work[m + 3]
    yx, yy, yz = work[m + 5], work[m + 6], work[m + 7]
    zx, zy, zz = work[m + 9], work[m + 10], work[m + 11]
    a, b, c = yy * zz - yz * zy, yz * zx - yx * zz, yx * zy - yy * zx
    scale = 1.0 / (xx * a + xy * b + xz * c)
    rows = scratch + INVERSE
    work[rows + 1], work[rows + 5], work[rows + 9] = a * scale, b * scale, c * scale
    work[rows + 2], work[rows + 6] = (xz * zy - xy * zz) * scale, (xx * zz - xz * zx) * scale
    work[rows + 10] = (xy * zx - xx * zy) * scale
    work[rows + 3], work[rows + 7] = (xy * yz - xz * yy) * scale, (xz * yx - xx * yz) * scale
    work[rows + 11] = (xx * yy - xy * yx) * scale
    columns = rows + 12
    work[columns] = 1.0
    for j in range(3):
        row = rows + 4 * j
        work[row] = -(work[row + 1] * work[m] + work[row + 2] * work[m + 4] + work[row + 3] * work[m + 8])
        for k in range(4):
            work[columns + 4 * k + 1 + j] = work[row + k]
            if k > 0:
                work[columns + 4 * k] = 0.0


@njit(**OPTIONS)
def _local_back(work, lam, r, size, s, scratch, uncompute):
    """Go back over a LOCAL: return its overlaps and apply the transpose of its matrix to lambda.

    The overlaps are G[a, b] = sum lambda_a r_b over all other digits, a in X, Y, Z, as three rows of lanes b, with r
    the state before it. With `uncompute`, r lies there as it is after the operation and is undone first.
    """
    none = spread(0.0)
    m = scratch + MATRIX
    n = scratch + INVERSE
    if s == 1:
        gx, gy, gz = none, none, none
        row_x = load(work, m)
        row_y = load(work, m + 4)
        row_z = load(work, m + 8)
        unit = lanes_of(1.0, 0.0, 0.0, 0.0)
        c0 = load(work, n + 12)
        c1 = load(work, n + 16)
        c2 = load(work, n + 20)
        c3 = load(work, n + 24)
        for k in range(0, size, 4):
            i = lam + k
            j = r + k
            v = load(work, j)
            if uncompute:
                v = (work[j] * c0 + work[j + 1] * c1) + (work[j + 2] * c2 + work[j + 3] * c3)
                store(work, j, v)
            x = work[i + 1]
            y = work[i + 2]
            z = work[i + 3]
            gx = gx + x * v
            gy = gy + y * v
            gz = gz + z * v
            store(work, i, (work[i] * unit + x * row_x) + (y * row_y + z * row_z))
        return gx, gy, gz
    xi, xx, xy, xz = none, none, none, none
    yi, yx, yy, yz = none, none, none, none
    zi, zx, zy, zz = none, none, none, none
    shift = r - lam
    for k in range(lam, lam + size, 4 * s):
        for i in range(k, k + s, 4):
            j = i + shift
            v = load(work, j)
            x = load(work, j + s)
            y = load(work, j + 2 * s)
            z = load(work, j + 3 * s)
            if uncompute:
                p = work[n] * v + work[n + 1] * x + work[n + 2] * y + work[n + 3] * z
                q = work[n + 4] * v + work[n + 5] * x + work[n + 6] * y + work[n + 7] * z
                z = work[n + 8] * v + work[n + 9] * x + work[n + 10] * y + work[n + 11] * z
                x = p
                y = q
                store(work, j + s, x)
                store(work, j + 2 * s, y)
                store(work, j + 3 * s, z)
            a = load(work, i + s)
            b = load(work, i + 2 * s)
            c = load(work, i + 3 * s)
            xi = xi + a * v
            xx = xx + a * x
            xy = xy + a * y
            xz = xz + a * z
            yi = yi + b * v
            yx = yx + b * x
            yy = yy + b * y
            yz = yz + b * z
            zi = zi + c * v
            zx = zx + c * x
            zy = zy + c * y
            zz = zz + c * z
            store(work, i, load(work, i) + work[m] * a + work[m + 4] * b + work[m + 8] * c)
            store(work, i + s, work[m + 1] * a + work[m + 5] * b + work[m + 9] * c)
            store(work, i + 2 * s, work[m + 2] * a + work[m + 6] * b + work[m + 10] * c)
            store(work, i + 3 * s, work[m + 3] * a + work[m + 7] * b + work[m + 11] * c)
    return _sums(xi, xx, xy, xz), _sums(yi, yx, yy, yz), _sums(zi, zx, zy, zz)


_even = shuffle(0, 4, 2, 6)
_odd = shuffle(1, 5, 3, 7)
_front = shuffle(0, 1, 4, 5)
_back = shuffle(2, 3, 6, 7)


@njit(**OPTIONS)
def _sums(a, b, c, d):
    """Return the lanes (sum of a, sum of b, sum of c, sum of d)."""
    ab = _even(a, b) + _odd(a, b)
    cd = _even(c, d) + _odd(c, d)
    return _front(ab, cd) + _back(ab, cd)


@njit(**OPTIONS)
def _slopes(ints, floats, constants, work, row, gx, gy, gz, out):
    """Add the derivatives of all rotations of a LOCAL to `out`, from its overlaps; the prefixes are in scratch.

    L[a, b] = sum lambda_a r_b with lambda after factor j and r before the run goes backwards like lambda; with the
    prefix P of the factors before j, dE/dt_j = (L P^T)[q, p] - (L P^T)[p, q] for the letters (p, q) it mixes.
    """
    n4 = padded(ints[N_FACTORS])
    at = ints[FACTORS_AT]
    prefix = 2 * n4 + PREFIXES + 12 * (ints[row + COUNT] - 1)
    for k in range(ints[row + CONSTANTS] + ints[row + COUNT] - 1, ints[row + CONSTANTS] - 1, -1):
        axis = ints[at + 3 * k]
        slot = ints[at + 3 * k + 1]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            new_x = constants[c + 1] * gx + constants[c + 5] * gy + constants[c + 9] * gz
            new_y = constants[c + 2] * gx + constants[c + 6] * gy + constants[c + 10] * gz
            gz = constants[c + 3] * gx + constants[c + 7] * gy + constants[c + 11] * gz
            gx = new_x
            gy = new_y
            prefix -= 12
            continue
        gx = constants[c] * gx
        gy = constants[c + 1] * gy
        gz = constants[c + 2] * gz
        cos = work[k]
        sin = work[n4 + k]
        if axis == RX:
            new_y = cos * gy + sin * gz
            gz = cos * gz - sin * gy
            gy = new_y
            if slot >= 0:
                difference = gz * load(work, prefix + 4) - gy * load(work, prefix + 8)
                out[slot] += floats[2 * k] * total(difference)
        elif axis == RY:
            new_z = cos * gz + sin * gx
            gx = cos * gx - sin * gz
            gz = new_z
            if slot >= 0:
                difference = gx * load(work, prefix + 8) - gz * load(work, prefix)
                out[slot] += floats[2 * k] * total(difference)
        else:
            new_x = cos * gx + sin * gy
            gy = cos * gy - sin * gx
            gx = new_x
            if slot >= 0:
                difference = gy * load(work, prefix) - gx * load(work, prefix + 4)
                out[slot] += floats[2 * k] * total(difference)
        prefix -= 12


# -- CX and its noise --------------------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _cx(work, place, size, a, b, constants, c):
    """CX with control stride `a` and target stride `b`, then its noise, constants[c : c + 7].

    Two-qubit depolarizing by the factor d, then relaxation (ax, ax, az, ta) of control and (bx, bx, bz, tb) of target.
    """
    d, ax, az, ta = constants[c], constants[c + 1], constants[c + 2], constants[c + 3]
    bx, bz, tb = constants[c + 4], constants[c + 5], constants[c + 6]
    if a == 1:
        one = lanes_of(1.0, d * ax, d * ax, d * az)
        all_of = lanes_of(d, d * ax, d * ax, d * az)
        affine = lanes_of(0.0, 0.0, 0.0, ta)
        y_signs = lanes_of(d, d * ax, -d * ax, d * az)
        z_signs = lanes_of(d, -d * ax, d * ax, d * az)
        for k in range(place, place + size, 4 * b):
            for i in range(k, k + b, 4):
                vi = load(work, i)
                vx = load(work, i + b)
                vy = load(work, i + 2 * b)
                vz = load(work, i + 3 * b)
                ni = _outer_from_first(vi, vx)
                nx = _outer_from_first(vx, vi)
                ny = _swap_pairs_crossed(vy, vz)
                nz = _swap_pairs_crossed(vz, vy)
                ni = ni * one + _low_first(ni, ni) * affine
                store(work, i, ni)
                store(work, i + b, bx * (nx * all_of + (d * _low_first(nx, nx)) * affine))
                store(work, i + 2 * b, bx * (ny * y_signs + (d * _low_first(ny, ny)) * affine))
                store(work, i + 3 * b, bz * (nz * z_signs + (d * _low_first(nz, nz)) * affine) + tb * ni)
        return
    if b == 1:
        one = lanes_of(1.0, d * bx, d * bx, d * bz)
        all_of = lanes_of(d, d * bx, d * bx, d * bz)
        affine = lanes_of(0.0, 0.0, 0.0, tb)
        x_signs = lanes_of(d, d * bx, d * bx, -d * bz)
        y_signs = lanes_of(d, d * bx, -d * bx, d * bz)
        for k in range(place, place + size, 4 * a):
            for i in range(k, k + a, 4):
                vi = load(work, i)
                vx = load(work, i + a)
                vy = load(work, i + 2 * a)
                vz = load(work, i + 3 * a)
                ni = _lower_from_first(vi, vz)
                nz = _lower_from_first(vz, vi)
                nx = _swap_low_then(vx, vy)
                ny = _swap_low_then(vy, vx)
                ni = ni * one + _low_first(ni, ni) * affine
                store(work, i, ni)
                store(work, i + a, ax * (nx * x_signs + (d * _low_first(nx, nx)) * affine))
                store(work, i + 2 * a, ax * (ny * y_signs + (d * _low_first(ny, ny)) * affine))
                store(work, i + 3 * a, az * (nz * all_of + (d * _low_first(nz, nz)) * affine) + ta * ni)
        return
    low = min(a, b)
    high = max(a, b)
    length = low if low >= _FROM_MEMORY_APART else 4
    for k in range(place, place + size, 4 * high):
        for m in range(k, k + high, 4 * low):
            for n in range(m, m + low, length):
                for i in range(n, n + length, 4):
                    ii = load(work, i)
                    zi = (d * az) * load(work, i + 3 * a) + ta * ii
                    iz = load(work, i + 3 * b)
                    zz = load(work, i + 3 * a + 3 * b)
                    store(work, i + 3 * a, zi)
                    store(work, i + 3 * b, (d * bz) * zz + tb * ii)
                    store(work, i + 3 * a + 3 * b, (bz * d * az) * iz + (bz * d * ta) * zz + tb * zi)
                for i in range(n, n + length, 4):
                    ix = (d * bx) * load(work, i + b)
                    iy = load(work, i + 2 * b)
                    zy = load(work, i + 3 * a + 2 * b)
                    store(work, i + 3 * a + b, (d * az * bx) * load(work, i + 3 * a + b) + ta * ix)
                    store(work, i + b, ix)
                    store(work, i + 2 * b, (d * bx) * zy)
                    store(work, i + 3 * a + 2 * b, (d * az * bx) * iy + (ta * d * bx) * zy)
                for i in range(n + a, n + a + length, 4):
                    xi = load(work, i)
                    yy = load(work, i + a + 2 * b)
                    new_xi = (d * ax) * load(work, i + b)
                    xz = load(work, i + 3 * b)
                    store(work, i + b, (d * ax * bx) * xi)
                    store(work, i, new_xi)
                    store(work, i + a + 2 * b, (-d * ax * bx) * xz)
                    store(work, i + 3 * b, (-d * ax * bz) * yy + tb * new_xi)
                for i in range(n + 2 * a, n + 2 * a + length, 4):
                    yi = load(work, i)
                    xy = load(work, i - a + 2 * b)
                    new_yi = (d * ax) * load(work, i + b)
                    yz = load(work, i + 3 * b)
                    store(work, i + b, (d * ax * bx) * yi)
                    store(work, i, new_yi)
                    store(work, i - a + 2 * b, (d * ax * bx) * yz)
                    store(work, i + 3 * b, (d * ax * bz) * xy + tb * new_yi)


@njit(**OPTIONS)
def _cx_back(work, place, size, a, b, constants, c):
    """Apply the transpose of `_cx`: noise out, then the permutation, which is its own transpose."""
    d, ax, az, ta = constants[c], constants[c + 1], constants[c + 2], constants[c + 3]
    bx, bz, tb = constants[c + 4], constants[c + 5], constants[c + 6]
    if a == 1:
        one = lanes_of(1.0, d * ax, d * ax, d * az)
        all_of = lanes_of(d, d * ax, d * ax, d * az)
        affine = lanes_of(ta, 0.0, 0.0, 0.0)
        signs = lanes_of(1.0, 1.0, -1.0, 1.0)
        z_signs = lanes_of(1.0, -1.0, 1.0, 1.0)
        for k in range(place, place + size, 4 * b):
            for i in range(k, k + b, 4):
                vz = load(work, i + 3 * b)
                vi = load(work, i) + tb * vz
                vx = bx * load(work, i + b)
                vy = bx * load(work, i + 2 * b)
                vz = bz * vz
                vi = vi * one + _low_last(vi, vi) * affine
                vx = vx * all_of + (d * _low_last(vx, vx)) * affine
                vy = vy * all_of + (d * _low_last(vy, vy)) * affine
                vz = vz * all_of + (d * _low_last(vz, vz)) * affine
                store(work, i, _outer_from_first(vi, vx))
                store(work, i + b, _outer_from_first(vx, vi))
                store(work, i + 2 * b, signs * _swap_pairs_crossed(vy, vz))
                store(work, i + 3 * b, z_signs * _swap_pairs_crossed(vz, vy))
        return
    if b == 1:
        one = lanes_of(1.0, d * bx, d * bx, d * bz)
        all_of = lanes_of(d, d * bx, d * bx, d * bz)
        affine = lanes_of(tb, 0.0, 0.0, 0.0)
        x_signs = lanes_of(1.0, 1.0, 1.0, -1.0)
        y_signs = lanes_of(1.0, 1.0, -1.0, 1.0)
        for k in range(place, place + size, 4 * a):
            for i in range(k, k + a, 4):
                vz = load(work, i + 3 * a)
                vi = load(work, i) + ta * vz
                vx = ax * load(work, i + a)
                vy = ax * load(work, i + 2 * a)
                vz = az * vz
                vi = vi * one + _low_last(vi, vi) * affine
                vx = vx * all_of + (d * _low_last(vx, vx)) * affine
                vy = vy * all_of + (d * _low_last(vy, vy)) * affine
                vz = vz * all_of + (d * _low_last(vz, vz)) * affine
                store(work, i, _lower_from_first(vi, vz))
                store(work, i + 3 * a, _lower_from_first(vz, vi))
                store(work, i + a, x_signs * _swap_low_then(vx, vy))
                store(work, i + 2 * a, y_signs * _swap_low_then(vy, vx))
        return
    low = min(a, b)
    high = max(a, b)
    length = low if low >= _FROM_MEMORY_APART else 4
    for k in range(place, place + size, 4 * high):
        for m in range(k, k + high, 4 * low):
            for n in range(m, m + low, length):
                for i in range(n, n + length, 4):
                    old_zz = load(work, i + 3 * a + 3 * b)
                    old_iz = load(work, i + 3 * b)
                    zi = load(work, i + 3 * a) + tb * old_zz
                    zz = bz * old_zz
                    store(work, i, load(work, i) + tb * old_iz + ta * zi)
                    store(work, i + 3 * a, (d * az) * zi)
                    store(work, i + 3 * b, (d * az) * zz)
                    store(work, i + 3 * a + 3 * b, (d * bz) * old_iz + (d * ta) * zz)
                for i in range(n, n + length, 4):
                    zx = load(work, i + 3 * a + b)
                    zy = load(work, i + 3 * a + 2 * b)
                    iy = load(work, i + 2 * b)
                    store(work, i + b, (d * bx) * (load(work, i + b) + ta * zx))
                    store(work, i + 3 * a + b, (d * az * bx) * zx)
                    store(work, i + 3 * a + 2 * b, (d * bx) * (iy + ta * zy))
                    store(work, i + 2 * b, (d * az * bx) * zy)
                for i in range(n + a, n + a + length, 4):
                    xz = load(work, i + 3 * b)
                    xi = load(work, i) + tb * xz
                    xx = load(work, i + b)
                    yy = load(work, i + a + 2 * b)
                    store(work, i, (d * ax * bx) * xx)
                    store(work, i + b, (d * ax) * xi)
                    store(work, i + 3 * b, (-d * ax * bx) * yy)
                    store(work, i + a + 2 * b, (-d * ax * bz) * xz)
                for i in range(n + 2 * a, n + 2 * a + length, 4):
                    yz = load(work, i + 3 * b)
                    yi = load(work, i) + tb * yz
                    yx = load(work, i + b)
                    xy = load(work, i - a + 2 * b)
                    store(work, i, (d * ax * bx) * yx)
                    store(work, i + b, (d * ax) * yi)
                    store(work, i + 3 * b, (d * ax * bx) * xy)
                    store(work, i - a + 2 * b, (d * ax * bz) * yz)


@njit(**OPTIONS)
def _cx_undo(work, place, size, a, b, constants, c):
    """Undo `_cx`: noise out, then the permutation, which is its own inverse."""
    d, ax, az = 1.0 / constants[c], 1.0 / constants[c + 1], 1.0 / constants[c + 2]
    bx, bz = 1.0 / constants[c + 4], 1.0 / constants[c + 5]
    ta, tb = -constants[c + 3] * az, -constants[c + 6] * bz
    if a == 1:
        one = lanes_of(1.0, d * ax, d * ax, d * az)
        all_of = lanes_of(d, d * ax, d * ax, d * az)
        affine = lanes_of(0.0, 0.0, 0.0, d * ta)
        signs = lanes_of(1.0, 1.0, -1.0, 1.0)
        z_signs = lanes_of(1.0, -1.0, 1.0, 1.0)
        for k in range(place, place + size, 4 * b):
            for i in range(k, k + b, 4):
                vi = load(work, i)
                vx = bx * load(work, i + b)
                vy = bx * load(work, i + 2 * b)
                vz = bz * load(work, i + 3 * b) + tb * vi
                vi = vi * one + _low_first(vi, vi) * affine
                vx = vx * all_of + _low_first(vx, vx) * affine
                vy = vy * all_of + _low_first(vy, vy) * affine
                vz = vz * all_of + _low_first(vz, vz) * affine
                store(work, i, _outer_from_first(vi, vx))
                store(work, i + b, _outer_from_first(vx, vi))
                store(work, i + 2 * b, signs * _swap_pairs_crossed(vy, vz))
                store(work, i + 3 * b, z_signs * _swap_pairs_crossed(vz, vy))
        return
    if b == 1:
        one = lanes_of(1.0, d * bx, d * bx, d * bz)
        all_of = lanes_of(d, d * bx, d * bx, d * bz)
        affine = lanes_of(0.0, 0.0, 0.0, d * tb)
        x_signs = lanes_of(1.0, 1.0, 1.0, -1.0)
        y_signs = lanes_of(1.0, 1.0, -1.0, 1.0)
        for k in range(place, place + size, 4 * a):
            for i in range(k, k + a, 4):
                vi = load(work, i)
                vx = ax * load(work, i + a)
                vy = ax * load(work, i + 2 * a)
                vz = az * load(work, i + 3 * a) + ta * vi
                vi = vi * one + _low_first(vi, vi) * affine
                vx = vx * all_of + _low_first(vx, vx) * affine
                vy = vy * all_of + _low_first(vy, vy) * affine
                vz = vz * all_of + _low_first(vz, vz) * affine
                store(work, i, _lower_from_first(vi, vz))
                store(work, i + 3 * a, _lower_from_first(vz, vi))
                store(work, i + a, x_signs * _swap_low_then(vx, vy))
                store(work, i + 2 * a, y_signs * _swap_low_then(vy, vx))
        return
    low = min(a, b)
    high = max(a, b)
    length = low if low >= _FROM_MEMORY_APART else 4
    for k in range(place, place + size, 4 * high):
        for m in range(k, k + high, 4 * low):
            for n in range(m, m + low, length):
                for i in range(n, n + length, 4):
                    ii = load(work, i)
                    raw_iz = load(work, i + 3 * b)
                    zi = az * load(work, i + 3 * a) + ta * ii
                    iz = bz * raw_iz + tb * ii
                    zz = (bz * az) * load(work, i + 3 * a + 3 * b) + (bz * ta) * raw_iz + tb * zi
                    store(work, i + 3 * a, d * zi)
                    store(work, i + 3 * b, d * zz)
                    store(work, i + 3 * a + 3 * b, d * iz)
                for i in range(n, n + length, 4):
                    ix = load(work, i + b)
                    iy = load(work, i + 2 * b)
                    zx = (d * bx * az) * load(work, i + 3 * a + b) + (d * bx * ta) * ix
                    zy = (d * bx * az) * load(work, i + 3 * a + 2 * b) + (d * bx * ta) * iy
                    store(work, i + b, (d * bx) * ix)
                    store(work, i + 3 * a + b, zx)
                    store(work, i + 2 * b, zy)
                    store(work, i + 3 * a + 2 * b, (d * bx) * iy)
                for i in range(n + a, n + a + length, 4):
                    xi = load(work, i)
                    xx = load(work, i + b)
                    xz = load(work, i + 3 * b)
                    yy = load(work, i + a + 2 * b)
                    store(work, i, (d * ax * bx) * xx)
                    store(work, i + b, (d * ax) * xi)
                    store(work, i + 3 * b, (-d * ax * bx) * yy)
                    store(work, i + a + 2 * b, (-d * ax * bz) * xz + (-d * ax * tb) * xi)
                for i in range(n + 2 * a, n + 2 * a + length, 4):
                    yi = load(work, i)
                    yx = load(work, i + b)
                    yz = load(work, i + 3 * b)
                    xy = load(work, i - a + 2 * b)
                    store(work, i, (d * ax * bx) * yx)
                    store(work, i + b, (d * ax) * yi)
                    store(work, i + 3 * b, (d * ax * bx) * xy)
                    store(work, i - a + 2 * b, (d * ax * bz) * yz + (d * ax * tb) * yi)


# -- any channel on two qubits -----------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _dense(work, place, size, a, b, constants, c, transpose, scratch):
    """Apply the 16 x 16 matrix constants[c : c + 256], or its transpose; its low digit belongs to stride `a`."""
    low = min(a, b)
    high = max(a, b)
    columns = scratch + DENSE_COLUMNS
    for row in range(16):
        for column in range(16):
            i, j = (column, row) if transpose else (row, column)
            if a > b:  # columns are kept with the digit of the lower stride first
                i = (i >> 2) | ((i & 3) << 2)
                j = (j >> 2) | ((j & 3) << 2)
            work[columns + 16 * column + row] = constants[c + 16 * i + j]
    kept = scratch + DENSE_INPUT
    if low == 1:
        for k in range(place, place + size, 4 * high):
            for i in range(k, k + high, 4):
                for digit in range(4):
                    store(work, kept + 4 * digit, load(work, i + digit * high))
                for digit in range(4):
                    result = spread(0.0)
                    for column in range(16):
                        result = result + work[kept + column] * load(work, columns + 16 * column + 4 * digit)
                    store(work, i + digit * high, result)
        return
    for k in range(place, place + size, 4 * high):
        for m in range(k, k + high, 4 * low):
            for i in range(m, m + low, 4):
                for column in range(16):
                    store(work, kept + 4 * column, load(work, i + (column & 3) * low + (column >> 2) * high))
                for row in range(16):
                    result = spread(0.0)
                    for column in range(16):
                        result = result + work[columns + 16 * column + row] * load(work, kept + 4 * column)
                    store(work, i + (row & 3) * low + (row >> 2) * high, result)


# -- whole circuits ----------------------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _merge(work, target, large, n_large, small, n_small):
    """Write the product of two clusters; in place, the larger one already is its first part, for r_0 = 1."""
    for b in range(1 if target == large else 0, n_small):
        factor = work[small + b]
        for a in range(0, n_large, 4):
            store(work, target + b * n_large + a, factor * load(work, large + a))


@njit(**OPTIONS)
def _merge_back(work, lam, lam_small, large, n_large, small, n_small):
    """Split lambda: lambda_small[b] = sum_a lambda[b, a] large[a], lambda_large[a] = sum_b lambda[b, a] small[b]."""
    work[lam_small] = 0.0  # nothing depends on the identity's coefficient
    for b in range(1, n_small):  # small[0] = 1, and lambda_large lies where lambda[0] lay
        factor = work[small + b]
        value = spread(0.0)
        for a in range(0, n_large, 4):
            given = load(work, lam + b * n_large + a)
            value = value + given * load(work, large + a)
            store(work, lam + a, load(work, lam + a) + factor * given)
        work[lam_small + b] = total(value)


@njit(**OPTIONS)
def _start(work, place):
    work[place] = 1.0
    work[place + 1] = 0.0
    work[place + 2] = 0.0
    work[place + 3] = 1.0


@njit(inline="always", **OPTIONS)
def _run(ints, constants, work, base, first, end):
    """Run some operations forwards on states in place from `base` on."""
    for k in range(first, end):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = base + ints[row + PLACE]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        if opcode == LOCAL:
            scratch = _multiply(ints, constants, work, row, False)
            _local(work, place, place, size, a, scratch)
        elif opcode == CX:
            _cx(work, place, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            _merge(work, place, place, a, base + ints[row + SMALL], b)
        else:
            _dense(work, place, size, a, b, constants, ints[row + CONSTANTS], False, 2 * padded(ints[N_FACTORS]))


@njit(inline="always", **OPTIONS)
def _forward(ints, floats, constants, theta, work, base):
    """Run the circuit from |0...0>, with states in place from `base` on."""
    turn(ints, floats, theta, work)
    for leaf in range(ints[N_LEAVES]):
        _start(work, base + ints[ints[LEAVES_AT] + LEAF_ROW * leaf])
    _run(ints, constants, work, base, 0, ints[N_OPS])


@njit(**OPTIONS)
def _forward_kept(ints, floats, constants, theta, work, kept):
    """Run the circuit from |0...0>, with the state before every LOCAL and MERGE kept from `kept` on."""
    scratch = 2 * padded(ints[N_FACTORS])
    turn(ints, floats, theta, work)
    for leaf in range(ints[N_LEAVES]):
        _start(work, kept + ints[ints[LEAVES_AT] + LEAF_ROW * leaf + 1])
    for k in range(ints[N_OPS]):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        target = kept + ints[row + KEPT_OUT]
        source = kept + ints[row + KEPT_IN]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        if opcode == LOCAL:
            _multiply(ints, constants, work, row, False)
            _local(work, source, target, size, a, scratch)
        elif opcode == CX:
            _cx(work, target, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            _merge(work, target, source, a, kept + ints[row + KEPT_SMALL], b)
        else:
            _dense(work, target, size, a, b, constants, ints[row + CONSTANTS], False, scratch)


@njit(**OPTIONS)
def _expectation(ints, floats, work, base, column):
    """Return the observable's value from the final clusters; `column` says in which row entry their places are."""
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    terms = ints[TERMS_AT]
    coefficients = 2 * ints[N_FACTORS]
    value = 0.0
    if n_roots == 1:
        place = base + ints[roots + column]
        for t in range(ints[N_TERMS]):
            value += floats[coefficients + t] * work[place + ints[terms + t]]
        return value
    for t in range(ints[N_TERMS]):
        product = floats[coefficients + t]
        for j in range(n_roots):
            product *= work[base + ints[roots + ROOT_ROW * j + column] + ints[terms + t * n_roots + j]]
        value += product
    return value


@njit(**OPTIONS)
def _observable(ints, floats, work, lam, states, root):
    """Write lambda of one final cluster, given the states of the others."""
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    terms = ints[TERMS_AT]
    coefficients = 2 * ints[N_FACTORS]
    place = lam + ints[roots + ROOT_ROW * root + ROOT_PLACE]
    for i in range(0, ints[roots + ROOT_ROW * root + ROOT_SIZE], 4):
        store(work, place + i, spread(0.0))
    for t in range(ints[N_TERMS]):
        product = floats[coefficients + t]
        for other in range(n_roots):
            if other != root:
                product *= work[
                    states + ints[roots + ROOT_ROW * other + ROOT_PLACE] + ints[terms + t * n_roots + other]
                ]
        work[place + ints[terms + t * n_roots + root]] += product


@njit(**OPTIONS)
def _observables(ints, floats, work, lam, states, column):
    """Write lambda of all final clusters; the products over all others come from both ends of a term."""
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    coefficients = 2 * ints[N_FACTORS]
    later = 2 * padded(ints[N_FACTORS]) + PREFIXES  # products over the clusters after each
    for root in range(n_roots):
        place = lam + ints[roots + ROOT_ROW * root + ROOT_PLACE]
        for i in range(0, ints[roots + ROOT_ROW * root + ROOT_SIZE], 4):
            store(work, place + i, spread(0.0))
    for t in range(ints[N_TERMS]):
        indices = ints[TERMS_AT] + t * n_roots
        product = 1.0
        for root in range(n_roots - 1, -1, -1):
            work[later + root] = product
            product *= work[states + ints[roots + ROOT_ROW * root + column] + ints[indices + root]]
        product = floats[coefficients + t]
        for root in range(n_roots):
            row = roots + ROOT_ROW * root
            work[lam + ints[row + ROOT_PLACE] + ints[indices + root]] += product * work[later + root]
            product *= work[states + ints[row + column] + ints[indices + root]]


@njit(**OPTIONS)
def energy(ints, floats, constants, theta, work):
    """Return the expectation value, nan for bad angles; `work` holds SCRATCH + STATE_SIZE numbers."""
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    _forward(ints, floats, constants, theta, work, ints[SCRATCH])
    return _expectation(ints, floats, work, ints[SCRATCH], ROOT_PLACE)


@njit(**OPTIONS)
def energies(ints, floats, constants, thetas, work, out):
    """Fill `out` with the expectation values for each row of `thetas`; `work` holds BATCH_SIZE numbers.

    Small states run four rows at a time, one in each lane.
    """
    first = 0
    if ints[STATE_SIZE] <= LARGEST_FOURFOLD:
        while first + 4 <= thetas.shape[0]:
            values = _energy_of_four(ints, floats, constants, thetas, first, work)
            store(out, first, values)
            first += 4
    for k in range(first, thetas.shape[0]):
        out[k] = energy(ints, floats, constants, thetas[k], work)


@njit(**OPTIONS)
def _turn_four(ints, floats, thetas, first, work):
    n = ints[N_FACTORS]
    at = ints[FACTORS_AT]
    for k in range(n):
        slot = ints[at + 3 * k + 1]
        angle = spread(floats[2 * k + 1])
        largest = abs(floats[2 * k + 1])
        if slot >= 0:
            scale = floats[2 * k]
            a, b = thetas[first, slot], thetas[first + 1, slot]
            c, d = thetas[first + 2, slot], thetas[first + 3, slot]
            angle = angle + scale * lanes_of(a, b, c, d)
            largest += abs(scale) * max(max(abs(a), abs(b)), max(abs(c), abs(d)))
        if largest > _LARGEST_FAST_ANGLE:
            store(work, 4 * k, angle)
            for j in range(4):
                work[4 * n + 4 * k + j] = math.sin(work[4 * k + j])
                work[4 * k + j] = math.cos(work[4 * k + j])
        else:
            cosines, sines = _cos_sin(angle)
            store(work, 4 * k, cosines)
            store(work, 4 * n + 4 * k, sines)


@njit(**OPTIONS)
def _multiply_four(ints, constants, work, row):
    """Multiply the factors of a LOCAL; write rows X, Y, Z of the product to scratch, lanes for numbers."""
    n = ints[N_FACTORS]
    at = ints[FACTORS_AT]
    m = 8 * n + MATRIX
    for j in range(12):
        store(work, m + 4 * j, spread(1.0 if j == 1 or j == 6 or j == 11 else 0.0))
    for k in range(ints[row + CONSTANTS], ints[row + CONSTANTS] + ints[row + COUNT]):
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            for j in range(4):
                x = load(work, m + 4 * j)
                y = load(work, m + 16 + 4 * j)
                z = load(work, m + 32 + 4 * j)
                for i in range(3):
                    e = c + 4 * i
                    value = constants[e + 1] * x + constants[e + 2] * y + constants[e + 3] * z
                    store(work, m + 16 * i + 4 * j, value + (constants[e] if j == 0 else 0.0))
            continue
        p = m + (0 if axis == RZ else (16 if axis == RX else 32))
        q = m + (16 if axis == RZ else (32 if axis == RX else 0))
        cos = load(work, 4 * k)
        sin = load(work, 4 * n + 4 * k)
        for j in range(0, 16, 4):
            a = load(work, p + j)
            b = load(work, q + j)
            store(work, p + j, cos * a - sin * b)
            store(work, q + j, sin * a + cos * b)
            for i in range(3):
                store(work, m + 16 * i + j, constants[c + i] * load(work, m + 16 * i + j))
        store(work, m + 32, load(work, m + 32) + constants[c + 3])


@njit(**OPTIONS)
def _local_four(work, place, size, s, m):
    """Apply the matrix at `m`, lanes for numbers, to the qubit of stride `s`; `size` and `s` count lanes as four."""
    for k in range(place, place + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i)
            x = load(work, i + s)
            y = load(work, i + 2 * s)
            z = load(work, i + 3 * s)
            for row in range(3):
                e = m + 16 * row
                value = load(work, e) * v + load(work, e + 4) * x + load(work, e + 8) * y + load(work, e + 12) * z
                store(work, i + (row + 1) * s, value)


@njit(**OPTIONS)
def _energy_of_four(ints, floats, constants, thetas, first, work):
    """Return the expectation values of four rows as lanes, nan for angles that are not finite."""
    n = ints[N_FACTORS]
    base = 8 * n + FOURFOLD_SCRATCH
    _turn_four(ints, floats, thetas, first, work)
    for leaf in range(ints[N_LEAVES]):
        place = base + 4 * ints[ints[LEAVES_AT] + LEAF_ROW * leaf]
        for j in range(4):
            store(work, place + 4 * j, spread(1.0 if j == 0 or j == 3 else 0.0))
    for k in range(ints[N_OPS]):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = base + 4 * ints[row + PLACE]
        size = 4 * ints[row + SIZE]
        a = 4 * ints[row + FIRST]
        b = 4 * ints[row + SECOND]
        if opcode == LOCAL:
            _multiply_four(ints, constants, work, row)
            _local_four(work, place, size, a, 8 * n + MATRIX)
        elif opcode == CX:
            _cx(work, place, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            small = base + 4 * ints[row + SMALL]
            for j in range(4, b, 4):
                factor = load(work, small + j)
                for i in range(0, a, 4):
                    store(work, place + j * a // 4 + i, factor * load(work, place + i))
        else:
            _dense(work, place, size, a, b, constants, ints[row + CONSTANTS], False, 8 * n)
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    terms = ints[TERMS_AT]
    values = spread(0.0)
    for t in range(ints[N_TERMS]):
        product = spread(floats[2 * n + t])
        for j in range(n_roots):
            index = ints[roots + ROOT_ROW * j + ROOT_PLACE] + ints[terms + t * n_roots + j]
            product = product * load(work, base + 4 * index)
        values = values + product
    return values


@njit(**OPTIONS)
def energies_from(ints, floats, constants, thetas, states, work, out):
    """Fill `out` with the expectation values for start states, rows of `states`; for plans with a single leaf."""
    base = ints[SCRATCH] + ints[ints[LEAVES_AT]]
    for k in range(out.size):
        theta = thetas[k if thetas.shape[0] > 1 else 0]
        turn(ints, floats, theta, work)
        work[base : base + states.shape[1]] = states[k if states.shape[0] > 1 else 0]
        _run(ints, constants, work, ints[SCRATCH], 0, ints[N_OPS])
        out[k] = _expectation(ints, floats, work, ints[SCRATCH], ROOT_PLACE)


@njit(**OPTIONS)
def state(ints, floats, constants, theta, work, out):
    """Write the states of the final clusters to `out`, one after another."""
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    _forward(ints, floats, constants, theta, work, ints[SCRATCH])
    at = 0
    for j in range(ints[N_ROOTS]):
        row = ints[ROOTS_AT] + ROOT_ROW * j
        place = ints[SCRATCH] + ints[row + ROOT_PLACE]
        for i in range(ints[row + ROOT_SIZE]):
            out[at + i] = work[place + i]
        at += ints[row + ROOT_SIZE]
    return 0.0


@njit(**OPTIONS)
def gradient(ints, floats, constants, theta, work, out):
    """Return the expectation value, nan for bad angles, and fill `out` with its gradient.

    `work` holds the scratch, lambda of all clusters and their states, STATE_SIZE numbers each. Unless UNCOMPUTED, the
    states are KEPT_SIZE numbers: every LOCAL writes to a new place on the way forward, so its input is at hand on the
    way back and nothing is ever divided by a damping factor. Un-computing amplifies rounding by the damping of the
    whole circuit; work[0] ends as the distance of the un-computed qubits from |0>, which tells whether it was harmless.
    """
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    lam = ints[SCRATCH]
    states = lam + ints[STATE_SIZE]
    uncompute = ints[UNCOMPUTED] == 1
    column = ROOT_PLACE if uncompute else ROOT_KEPT
    if uncompute:
        _forward(ints, floats, constants, theta, work, states)
    else:
        _forward_kept(ints, floats, constants, theta, work, states)
    value = _expectation(ints, floats, work, states, column)
    _observables(ints, floats, work, lam, states, column)
    for slot in range(ints[N_SLOTS]):
        out[slot] = 0.0
    scratch = 2 * padded(ints[N_FACTORS])
    for k in range(ints[N_OPS] - 1, -1, -1):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = lam + ints[row + PLACE]
        state_place = states + ints[row + PLACE] if uncompute else states + ints[row + KEPT_IN]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        c = ints[row + CONSTANTS]
        if opcode == LOCAL:
            _multiply(ints, constants, work, row, True)
            if uncompute:
                _invert(work, scratch)
            gx, gy, gz = _local_back(work, place, state_place, size, a, scratch, uncompute)
            _slopes(ints, floats, constants, work, row, gx, gy, gz, out)
        elif opcode == CX:
            _cx_back(work, place, size, a, b, constants, c)
            if uncompute:
                _cx_undo(work, state_place, size, a, b, constants, c)
        elif opcode == MERGE:
            small = states + (ints[row + SMALL] if uncompute else ints[row + KEPT_SMALL])
            _merge_back(work, place, lam + ints[row + SMALL], state_place, a, small, b)
        else:
            _dense(work, place, size, a, b, constants, c, True, scratch)
    work[0] = _distance_from_start(ints, work, states) if uncompute else 0.0
    return value


@njit(**OPTIONS)
def _distance_from_start(ints, work, states):
    """Return how far the qubits are from |0> after every operation has been undone, nan included."""
    worst = 0.0
    for leaf in range(ints[N_LEAVES]):
        place = states + ints[ints[LEAVES_AT] + LEAF_ROW * leaf]
        for k in range(4):
            distance = abs(work[place + k] - (1.0 if k == 0 or k == 3 else 0.0))
            if not distance <= worst:
                worst = distance
    return worst


# -- Rotosolve ---------------------------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _transpose_kept(work, lam, kept, size, s, scratch):
    """Copy lambda to `kept` and apply the transpose of the matrix in scratch to it."""
    m = scratch + MATRIX
    shift = kept - lam
    if s == 1:
        row_x = load(work, m)
        row_y = load(work, m + 4)
        row_z = load(work, m + 8)
        unit = lanes_of(1.0, 0.0, 0.0, 0.0)
        for i in range(lam, lam + size, 4):
            store(work, i + shift, load(work, i))
            store(work, i, (work[i] * unit + work[i + 1] * row_x) + (work[i + 2] * row_y + work[i + 3] * row_z))
        return
    for k in range(lam, lam + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i)
            a = load(work, i + s)
            b = load(work, i + 2 * s)
            c = load(work, i + 3 * s)
            store(work, i + shift, v)
            store(work, i + shift + s, a)
            store(work, i + shift + 2 * s, b)
            store(work, i + shift + 3 * s, c)
            store(work, i, v + work[m] * a + work[m + 4] * b + work[m + 8] * c)
            store(work, i + s, work[m + 1] * a + work[m + 5] * b + work[m + 9] * c)
            store(work, i + 2 * s, work[m + 2] * a + work[m + 6] * b + work[m + 10] * c)
            store(work, i + 3 * s, work[m + 3] * a + work[m + 7] * b + work[m + 11] * c)


@njit(**OPTIONS)
def _overlaps(work, lam, r, size, s):
    """Return G[a, b] = sum lambda_a r_b over all other digits, a in X, Y, Z, as three rows of lanes b."""
    none = spread(0.0)
    if s == 1:
        gx, gy, gz = none, none, none
        for k in range(0, size, 4):
            v = load(work, r + k)
            gx = gx + work[lam + k + 1] * v
            gy = gy + work[lam + k + 2] * v
            gz = gz + work[lam + k + 3] * v
        return gx, gy, gz
    xi, xx, xy, xz = none, none, none, none
    yi, yx, yy, yz = none, none, none, none
    zi, zx, zy, zz = none, none, none, none
    shift = r - lam
    for k in range(lam, lam + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i + shift)
            x = load(work, i + shift + s)
            y = load(work, i + shift + 2 * s)
            z = load(work, i + shift + 3 * s)
            a = load(work, i + s)
            b = load(work, i + 2 * s)
            c = load(work, i + 3 * s)
            xi = xi + a * v
            xx = xx + a * x
            xy = xy + a * y
            xz = xz + a * z
            yi = yi + b * v
            yx = yx + b * x
            yy = yy + b * y
            yz = yz + b * z
            zi = zi + c * v
            zx = zx + c * x
            zy = zy + c * y
            zz = zz + c * z
    return _sums(xi, xx, xy, xz), _sums(yi, yx, yy, yz), _sums(zi, zx, zy, zz)


@njit(**OPTIONS)
def _solve(ints, floats, constants, theta, work, row, gx, gy, gz, flat, order, n_done):
    """Move the angles of a LOCAL to their optimum, one after another; return how many of all have been moved.

    E(t) = a + b cos t + c sin t in each, with b = l_p S_pp + l_q S_qq and c = l_q S_qp - l_p S_pq, S = L P^T: L from
    the factors after it, at their old angles, P from those before it, at their new ones.
    """
    n4 = padded(ints[N_FACTORS])
    at = ints[FACTORS_AT]
    scratch = 2 * n4
    first = ints[row + CONSTANTS]
    count = ints[row + COUNT]
    overlaps = scratch + PREFIXES + 12 * (ints[N_FACTORS] + 1)
    for k in range(first + count - 1, first - 1, -1):  # L after each factor
        place = overlaps + 12 * (k - first)
        store(work, place, gx)
        store(work, place + 4, gy)
        store(work, place + 8, gz)
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            new_x = constants[c + 1] * gx + constants[c + 5] * gy + constants[c + 9] * gz
            new_y = constants[c + 2] * gx + constants[c + 6] * gy + constants[c + 10] * gz
            gz = constants[c + 3] * gx + constants[c + 7] * gy + constants[c + 11] * gz
            gx = new_x
            gy = new_y
            continue
        gx = constants[c] * gx
        gy = constants[c + 1] * gy
        gz = constants[c + 2] * gz
        cos = work[k]
        sin = work[n4 + k]
        if axis == RX:
            new_y = cos * gy + sin * gz
            gz = cos * gz - sin * gy
            gy = new_y
        elif axis == RY:
            new_z = cos * gz + sin * gx
            gx = cos * gx - sin * gz
            gz = new_z
        else:
            new_x = cos * gx + sin * gy
            gy = cos * gy - sin * gx
            gx = new_x
    prefix = scratch + PREFIXES
    for j in range(12):
        work[prefix + j] = 1.0 if j == 1 or j == 6 or j == 11 else 0.0
    for k in range(first, first + count):
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            for j in range(4):
                x, y, z = work[prefix + j], work[prefix + 4 + j], work[prefix + 8 + j]
                for i in range(3):
                    value = constants[c + 4 * i + 1] * x + constants[c + 4 * i + 2] * y + constants[c + 4 * i + 3] * z
                    work[prefix + 4 * i + j] = value + (constants[c + 4 * i] if j == 0 else 0.0)
            continue
        p = 0 if axis == RZ else (1 if axis == RX else 2)
        q = (p + 1) % 3
        lp = load(work, overlaps + 12 * (k - first) + 4 * p)
        lq = load(work, overlaps + 12 * (k - first) + 4 * q)
        rp = load(work, prefix + 4 * p)
        rq = load(work, prefix + 4 * q)
        slot = ints[at + 3 * k + 1]
        if slot >= 0:
            b = total(constants[c + p] * (lp * rp) + constants[c + q] * (lq * rq))
            s = total(constants[c + q] * (lq * rp) - constants[c + p] * (lp * rq))
            size = math.hypot(b, s)
            order[n_done] = slot
            n_done += 1
            if size > flat:
                angle = math.atan2(-s, -b)
                theta[slot] = (angle - floats[2 * k + 1]) / floats[2 * k]
                work[k] = -b / size
                work[n4 + k] = -s / size
        cos = work[k]
        sin = work[n4 + k]
        store(work, prefix + 4 * p, constants[c + p] * (cos * rp - sin * rq))
        store(work, prefix + 4 * q, constants[c + q] * (sin * rp + cos * rq))
        other = 3 - p - q
        store(work, prefix + 4 * other, constants[c + other] * load(work, prefix + 4 * other))
        work[prefix + 8] += constants[c + 3]
    return n_done


_FLAT = 1e-14  # times the observable's coefficients: an angle on which the energy depends by less stays where it is


@njit(**OPTIONS)
def _weight(ints, floats):
    """Return the sum of the absolute coefficients of the observable."""
    weight = 0.0
    for t in range(ints[N_TERMS]):
        weight += abs(floats[2 * ints[N_FACTORS] + t])
    return weight


@njit(**OPTIONS)
def _sweep_back(ints, constants, work, node, lam, states, kept):
    """Bring lambda from the end of a cluster's operations to their start, and to its larger part."""
    scratch = 2 * padded(ints[N_FACTORS])
    line = ints[NODES_AT] + NODE_ROW * node
    for k in range(ints[line + NODE_END_OP] - 1, ints[line + NODE_FIRST_OP] - 1, -1):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = lam + ints[row + PLACE]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        if opcode == LOCAL:
            _multiply(ints, constants, work, row, False)
            _transpose_kept(work, place, kept + ints[row + KEPT_OUT], size, a, scratch)
        elif opcode == CX:
            _cx_back(work, place, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            small = states + ints[row + SMALL]
            for j in range(1, b):  # lambda[b, :] stays for b >= 1: the smaller part's lambda needs it later
                factor = work[small + j]
                for i in range(0, a, 4):
                    store(work, place + i, load(work, place + i) + factor * load(work, place + j * a + i))
        else:
            _dense(work, place, size, a, b, constants, ints[row + CONSTANTS], True, scratch)


@njit(**OPTIONS)
def _sweep_forward(ints, floats, constants, theta, work, node, states, kept, flat, order, n_done):
    """Run a cluster's operations, moving every angle to its optimum on the way; return how many have been moved."""
    scratch = 2 * padded(ints[N_FACTORS])
    line = ints[NODES_AT] + NODE_ROW * node
    for k in range(ints[line + NODE_FIRST_OP], ints[line + NODE_END_OP]):
        row = ints[OPS_AT] + OP_SIZE * k
        if ints[row + OPCODE] != LOCAL:
            _run(ints, constants, work, states, k, k + 1)
            continue
        place = states + ints[row + PLACE]
        size = ints[row + SIZE]
        gx, gy, gz = _overlaps(work, kept + ints[row + KEPT_OUT], place, size, ints[row + FIRST])
        n_done = _solve(ints, floats, constants, theta, work, row, gx, gy, gz, flat, order, n_done)
        _multiply(ints, constants, work, row, False)
        _local(work, place, place, size, ints[row + FIRST], scratch)
    return n_done


@njit(**OPTIONS)
def _sweep_cluster(ints, floats, constants, theta, work, root, lam, states, kept, flat, order, n_done):
    """Sweep a final cluster, whose lambda is in place: first its larger part, then its smaller, then itself.

    The lambda of a part depends on the state of the other, so it is worked out anew after the other has been swept.
    """
    waiting = np.empty(2 * ints[N_NODES] + 2, np.int64)
    waiting[0] = 3 * root
    n_waiting = 1
    while n_waiting:
        n_waiting -= 1
        node = waiting[n_waiting] // 3
        stage = waiting[n_waiting] % 3
        line = ints[NODES_AT] + NODE_ROW * node
        large = ints[line + NODE_LARGE]
        if stage == 0:
            _sweep_back(ints, constants, work, node, lam, states, kept)
            if large >= 0:
                waiting[n_waiting] = 3 * node + 1
                waiting[n_waiting + 1] = 3 * large
                n_waiting += 2
                continue
            _start(work, states + ints[line + NODE_PLACE])
        elif stage == 1:
            small = ints[line + NODE_SMALL]
            place = ints[line + NODE_PLACE]
            small_place = ints[ints[NODES_AT] + NODE_ROW * small + NODE_PLACE]
            a = ints[ints[NODES_AT] + NODE_ROW * large + NODE_SIZE]
            for j in range(ints[ints[NODES_AT] + NODE_ROW * small + NODE_SIZE]):
                value = spread(0.0)
                if j > 0:
                    for i in range(0, a, 4):
                        value = value + load(work, lam + place + j * a + i) * load(work, states + place + i)
                work[lam + small_place + j] = total(value)
            waiting[n_waiting] = 3 * node + 2
            waiting[n_waiting + 1] = 3 * small
            n_waiting += 2
            continue
        n_done = _sweep_forward(ints, floats, constants, theta, work, node, states, kept, flat, order, n_done)
    return n_done


@njit(**OPTIONS)
def rotosolve(ints, floats, constants, theta, work, max_sweeps, tolerance, history, order):
    """Minimize angle after angle, each exactly, until a sweep gains less than `tolerance`; return the sweeps done.

    Every slot must drive one rotation, with a scale other than 0. `theta` ends at the minimum; history[k] is the energy
    after k sweeps, history[0] that of the start; `order` tells in which order the slots were moved. `work` holds
    SCRATCH + 2 STATE_SIZE + KEPT_SIZE numbers.
    """
    lam = ints[SCRATCH]
    states = lam + ints[STATE_SIZE]
    kept = states + ints[STATE_SIZE]
    _forward(ints, floats, constants, theta, work, states)
    flat = _FLAT * max(1.0, _weight(ints, floats))
    history[0] = _expectation(ints, floats, work, states, ROOT_PLACE)
    for sweep in range(1, max_sweeps + 1):
        n_done = 0
        for j in range(ints[N_ROOTS]):
            _observable(ints, floats, work, lam, states, j)
            root = ints[ints[ROOTS_AT] + ROOT_ROW * j + ROOT_NODE]
            n_done = _sweep_cluster(ints, floats, constants, theta, work, root, lam, states, kept, flat, order, n_done)
        history[sweep] = _expectation(ints, floats, work, states, ROOT_PLACE)
        if history[sweep - 1] - history[sweep] < tolerance:
            return sweep
    return max_sweeps


# -- shot noise --------------------------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _sum_of_terms(ints, floats, work, base, first, end):
    """Return the value of the observable's terms first ... end - 1 from the final clusters."""
    n_roots = ints[N_ROOTS]
    value = 0.0
    for t in range(first, end):
        product = floats[2 * ints[N_FACTORS] + t]
        for j in range(n_roots):
            place = base + ints[ints[ROOTS_AT] + ROOT_ROW * j + ROOT_PLACE]
            product *= work[place + ints[ints[TERMS_AT] + t * n_roots + j]]
        value += product
    return value


@njit(**OPTIONS)
def moments(ints, floats, constants, theta, work, out):
    """Return the expectation value, nan for bad angles; out[0] is its variance with one shot for each measured group.

    Behind the plan, `ints` holds 2 n_groups + 1 bounds: terms from bounds[2 g] on give the mean of group g, from
    bounds[2 g + 1] on the mean of its square; terms behind the last bound are known without measuring. `work` holds
    SCRATCH + STATE_SIZE numbers.
    """
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    base = ints[SCRATCH]
    _forward(ints, floats, constants, theta, work, base)
    bounds = ints[TERMS_AT] + ints[N_TERMS] * ints[N_ROOTS]
    n_groups = (ints.size - bounds) // 2
    value = _sum_of_terms(ints, floats, work, base, ints[bounds + 2 * n_groups], ints[N_TERMS])
    out[0] = 0.0
    for g in range(n_groups):
        at = bounds + 2 * g
        mean = _sum_of_terms(ints, floats, work, base, ints[at], ints[at + 1])
        square = _sum_of_terms(ints, floats, work, base, ints[at + 1], ints[at + 2])
        value += mean
        out[0] += max(square - mean * mean, 0.0)
    return value


_ARRAYS = "int64[::1], float64[::1], float64[::1]"
SIGNATURES = {
    "rotosolve": f"int64({_ARRAYS}, float64[::1], float64[::1], int64, float64, float64[::1], int64[::1])",
    "energy": f"float64({_ARRAYS}, float64[::1], float64[::1])",
    "energies": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1])",
    "energies_from": f"void({_ARRAYS}, float64[:, ::1], float64[:, ::1], float64[::1], float64[::1])",
    "state": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
    "gradient": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
    "moments": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
}
