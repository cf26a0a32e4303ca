"""Kernels of the Pauli-Liouville picture: a run of rotations and channels on one qubit, and its derivatives.

The run is multiplied to one 3 x 4 matrix (the row of I is never needed), which acts on the state in one pass. On the
way back, the overlaps G[a, b] = sum lambda_a r_b of lambda after the run with the state before it are all that the
derivatives of its rotations need, whatever their number.
"""

from numba import njit

from qvar.simulators.kernels.angles import turned_back
from qvar.simulators.kernels.arrays import padded
from qvar.simulators.kernels.lanes import lanes_of, load, shuffle, spread, store, total
from qvar.simulators.kernels.layout import (
    COLUMNS,
    CONSTANTS,
    COUNT,
    FACTORS_AT,
    FIXED,
    INVERSE,
    MATRIX,
    N_FACTORS,
    OPTIONS,
    PREFIXES,
    RX,
    RY,
)


@njit(**OPTIONS)
def multiply(ints, constants, work, row, keep):
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
        x, y, z = turned_back(axis, work[k], -work[n4 + k], x, y, z)
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
def local(work, source, target, size, s, scratch):
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
def transpose(work, lam, kept, size, s, scratch):
    """Copy lambda to `kept`, unless that is the same place, and apply the transpose of the matrix in scratch to it."""
    m = scratch + MATRIX
    shift = kept - lam
    if s == 1:
        row_x = load(work, m)
        row_y = load(work, m + 4)
        row_z = load(work, m + 8)
        unit = lanes_of(1.0, 0.0, 0.0, 0.0)
        for i in range(lam, lam + size, 4):
            if shift != 0:
                store(work, i + shift, load(work, i))
            store(work, i, (work[i] * unit + work[i + 1] * row_x) + (work[i + 2] * row_y + work[i + 3] * row_z))
        return
    for k in range(lam, lam + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i)
            a = load(work, i + s)
            b = load(work, i + 2 * s)
            c = load(work, i + 3 * s)
            if shift != 0:
                store(work, i + shift, v)
                store(work, i + shift + s, a)
                store(work, i + shift + 2 * s, b)
                store(work, i + shift + 3 * s, c)
            store(work, i, v + work[m] * a + work[m + 4] * b + work[m + 8] * c)
            store(work, i + s, work[m + 1] * a + work[m + 5] * b + work[m + 9] * c)
            store(work, i + 2 * s, work[m + 2] * a + work[m + 6] * b + work[m + 10] * c)
            store(work, i + 3 * s, work[m + 3] * a + work[m + 7] * b + work[m + 11] * c)


@njit(**OPTIONS)
def invert(work, scratch):
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
def local_back(work, lam, r, size, s, scratch, uncompute):
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
    return sums(xi, xx, xy, xz), sums(yi, yx, yy, yz), sums(zi, zx, zy, zz)


_even = shuffle(0, 4, 2, 6)
_odd = shuffle(1, 5, 3, 7)
_front = shuffle(0, 1, 4, 5)
_back = shuffle(2, 3, 6, 7)


@njit(**OPTIONS)
def sums(a, b, c, d):
    """Return the lanes (sum of a, sum of b, sum of c, sum of d)."""
    ab = _even(a, b) + _odd(a, b)
    cd = _even(c, d) + _odd(c, d)
    return _front(ab, cd) + _back(ab, cd)


@njit(**OPTIONS)
def slopes(ints, floats, constants, work, row, gx, gy, gz, out):
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
        gx, gy, gz = turned_back(axis, work[k], work[n4 + k], gx, gy, gz)
        if slot >= 0:
            if axis == RX:
                difference = gz * load(work, prefix + 4) - gy * load(work, prefix + 8)
            elif axis == RY:
                difference = gx * load(work, prefix + 8) - gz * load(work, prefix)
            else:
                difference = gy * load(work, prefix) - gx * load(work, prefix + 4)
            out[slot] += floats[2 * k] * total(difference)
        prefix -= 12
