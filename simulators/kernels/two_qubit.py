"""Kernels of the Pauli-Liouville picture: CX with its noise, back and undone; other two-qubit channels."""

from numba import njit

from qvar.simulators.kernels.lanes import lanes_of, load, shuffle, spread, store
from qvar.simulators.kernels.layout import DENSE_COLUMNS, DENSE_INPUT, OPTIONS

_FROM_MEMORY_APART = 64  # rows at least this long are swept group by group: fewer streams collide in the cache

_low_first = shuffle(0, 0, 0, 0)
_low_last = shuffle(3, 3, 3, 3)
_outer_from_first = shuffle(0, 5, 6, 3)  # lanes I, Z of the first, X, Y of the second
_lower_from_first = shuffle(0, 1, 6, 7)
_swap_pairs_crossed = shuffle(3, 6, 5, 0)
_swap_low_then = shuffle(1, 0, 7, 6)


@njit(**OPTIONS)
def cx(work, place, size, a, b, constants, c):
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
def cx_back(work, place, size, a, b, constants, c):
    """Apply the transpose of `cx`: noise out, then the permutation, which is its own transpose."""
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
def cx_undo(work, place, size, a, b, constants, c):
    """Undo `cx`: noise out, then the permutation, which is its own inverse."""
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


@njit(**OPTIONS)
def dense(work, place, size, a, b, constants, c, transpose, scratch):
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
