"""Kernels of the Pauli-Liouville picture: a whole noisy circuit, and its exact gradient, in one compiled call.

State: r[i] = Tr(P_i rho), float64 of length 4**n, i = sum_q d_q 4**q with digits 0, 1, 2, 3 for I, X, Y, Z. The digit
of qubit q has stride S = 4**q. A rotation mixes two of four components, CX is a signed permutation, relaxation adds
one affine term; gate and noise act in one pass. With lambda the observable and E = lambda . r at every cut of the
circuit, one sweep backwards with the transposed operations gives all derivatives: dE/dt = sum lambda_q r_p - lambda_p
r_q, where (p, q) are the components that the rotation mixes.

Arguments of every entry point: `ints` = [n_qubits, n_ops, n_terms, ops..., observable indices...], `floats` = [scale
and shift per operation..., observable coefficients...], `constants` (records and dense matrices, see `program`), the
angles and a workspace. Nothing is checked here; `pauli_transfer` builds the arrays. All functions call each other, so
they share one file: numba's disk cache does not notice changes in other files.
"""

import math

from numba import njit

RX = 0
RY = 1
RZ = 2
CX = 3
DENSE1 = 4
DENSE2 = 5
OP_SIZE = 5
HEADER = 3

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "boundscheck": False}


@njit(**_OPTIONS)
def _rotate(r, size, s, axis, cos, sin, lx, ly, lz, tz):
    """Rotate by (cos, sin) about an axis, then damp: X, Y, Z by lx, ly, lz and Z += tz I."""
    step = 4 * s
    if axis == RX:
        for k in range(0, size, step):
            for i in range(k, k + s):
                y = r[i + 2 * s]
                z = r[i + 3 * s]
                r[i + 2 * s] = ly * (cos * y - sin * z)
                r[i + 3 * s] = lz * (sin * y + cos * z) + tz * r[i]
            for i in range(k + s, k + 2 * s):
                r[i] *= lx
    elif axis == RY:
        for k in range(0, size, step):
            for i in range(k, k + s):
                z = r[i + 3 * s]
                x = r[i + s]
                r[i + 3 * s] = lz * (cos * z - sin * x) + tz * r[i]
                r[i + s] = lx * (sin * z + cos * x)
            for i in range(k + 2 * s, k + 3 * s):
                r[i] *= ly
    else:
        for k in range(0, size, step):
            for i in range(k + s, k + 2 * s):
                x = r[i]
                y = r[i + s]
                r[i] = lx * (cos * x - sin * y)
                r[i + s] = ly * (sin * x + cos * y)
            for i in range(k, k + s):
                r[i + 3 * s] = lz * r[i + 3 * s] + tz * r[i]


@njit(**_OPTIONS)
def _rotate_back(lam, size, s, axis, cos, sin, lx, ly, lz, tz):
    """Apply the transpose of `_rotate`: noise out (I += tz Z; damp), then the rotation by the negative angle."""
    step = 4 * s
    if axis == RX:
        for k in range(0, size, step):
            for i in range(k, k + s):
                y = ly * lam[i + 2 * s]
                z = lam[i + 3 * s]
                lam[i] += tz * z
                z *= lz
                lam[i + 2 * s] = cos * y + sin * z
                lam[i + 3 * s] = cos * z - sin * y
            for i in range(k + s, k + 2 * s):
                lam[i] *= lx
    elif axis == RY:
        for k in range(0, size, step):
            for i in range(k, k + s):
                z = lam[i + 3 * s]
                x = lx * lam[i + s]
                lam[i] += tz * z
                z *= lz
                lam[i + 3 * s] = cos * z + sin * x
                lam[i + s] = cos * x - sin * z
            for i in range(k + 2 * s, k + 3 * s):
                lam[i] *= ly
    else:
        for k in range(0, size, step):
            for i in range(k + s, k + 2 * s):
                x = lx * lam[i]
                y = ly * lam[i + s]
                lam[i] = cos * x + sin * y
                lam[i + s] = cos * y - sin * x
            for i in range(k, k + s):
                z = lam[i + 3 * s]
                lam[i] += tz * z
                lam[i + 3 * s] = lz * z


@njit(**_OPTIONS)
def _slope(lam, r, size, s, axis):
    """Return sum lambda_q r_p - lambda_p r_q for the components (p, q) that a rotation mixes."""
    p = s if axis == RZ else (2 * s if axis == RX else 3 * s)
    q = 2 * s if axis == RZ else (3 * s if axis == RX else s)
    total = 0.0
    for k in range(0, size, 4 * s):
        for i in range(k, k + s):
            total += lam[i + q] * r[i + p] - lam[i + p] * r[i + q]
    return total


@njit(**_OPTIONS)
def _cx(r, size, a, b, w):
    """CX with control stride `a` and target stride `b`, then noise w = (d, ax, az, ta, bx, bz, tb).

    Two-qubit depolarizing by the factor d, then relaxation of control (ax, az, ta) and target (bx, bz, tb). Components
    fall into four closed groups of four; one loop each keeps the number of memory streams low.
    """
    d, ax, az, ta, bx, bz, tb = w[0], w[1], w[2], w[3], w[4], w[5], w[6]
    low, high = min(a, b), max(a, b)
    for k in range(0, size, 4 * high):
        for m in range(k, k + high, 4 * low):
            for i in range(m, m + low):
                ii = r[i]
                iz = r[i + 3 * b]
                zi = d * az * r[i + 3 * a] + ta * ii
                zz = r[i + 3 * a + 3 * b]
                r[i + 3 * a + 3 * b] = bz * (d * az * iz + d * ta * zz) + tb * zi
                r[i + 3 * a] = zi
                r[i + 3 * b] = d * bz * zz + tb * ii
            for i in range(m, m + low):
                ix = d * bx * r[i + b]
                iy = r[i + 2 * b]
                zy = r[i + 3 * a + 2 * b]
                r[i + 3 * a + b] = d * az * bx * r[i + 3 * a + b] + ta * ix
                r[i + b] = ix
                r[i + 2 * b] = d * bx * zy
                r[i + 3 * a + 2 * b] = d * az * bx * iy + ta * d * bx * zy
            for i in range(m + a, m + a + low):
                xi = r[i]
                yy = r[i + a + 2 * b]
                new_xi = d * ax * r[i + b]
                r[i + b] = d * ax * bx * xi
                r[i] = new_xi
                r[i + a + 2 * b] = -d * ax * bx * r[i + 3 * b]
                r[i + 3 * b] = -d * ax * bz * yy + tb * new_xi
            for i in range(m + 2 * a, m + 2 * a + low):
                yi = r[i]
                xy = r[i - a + 2 * b]
                new_yi = d * ax * r[i + b]
                r[i + b] = d * ax * bx * yi
                r[i] = new_yi
                r[i - a + 2 * b] = d * ax * bx * r[i + 3 * b]
                r[i + 3 * b] = d * ax * bz * xy + tb * new_yi


@njit(**_OPTIONS)
def _cx_back(lam, size, a, b, w):
    """Apply the transpose of `_cx`."""
    d, ax, az, ta, bx, bz, tb = w[0], w[1], w[2], w[3], w[4], w[5], w[6]
    low, high = min(a, b), max(a, b)
    for k in range(0, size, 4 * high):
        for m in range(k, k + high, 4 * low):
            for i in range(m, m + low):
                old_zz = lam[i + 3 * a + 3 * b]
                old_iz = lam[i + 3 * b]
                zi = lam[i + 3 * a] + tb * old_zz
                zz = bz * old_zz
                lam[i] += tb * old_iz + ta * zi
                lam[i + 3 * a] = d * az * zi
                lam[i + 3 * b] = d * az * zz
                lam[i + 3 * a + 3 * b] = d * (bz * old_iz + ta * zz)
            for i in range(m, m + low):
                zx = lam[i + 3 * a + b]
                zy = lam[i + 3 * a + 2 * b]
                iy = lam[i + 2 * b]
                lam[i + b] = d * bx * (lam[i + b] + ta * zx)
                lam[i + 3 * a + b] = d * az * bx * zx
                lam[i + 3 * a + 2 * b] = d * bx * (iy + ta * zy)
                lam[i + 2 * b] = d * az * bx * zy
            for i in range(m + a, m + a + low):
                xz = lam[i + 3 * b]
                xi = lam[i] + tb * xz
                lam[i] = d * ax * bx * lam[i + b]
                lam[i + b] = d * ax * xi
                lam[i + 3 * b] = -d * ax * bx * lam[i + a + 2 * b]
                lam[i + a + 2 * b] = -d * ax * bz * xz
            for i in range(m + 2 * a, m + 2 * a + low):
                yz = lam[i + 3 * b]
                yi = lam[i] + tb * yz
                lam[i] = d * ax * bx * lam[i + b]
                lam[i + b] = d * ax * yi
                lam[i + 3 * b] = d * ax * bx * lam[i - a + 2 * b]
                lam[i - a + 2 * b] = d * ax * bz * yz


@njit(**_OPTIONS)
def _dense1(r, size, s, m, transpose):
    """Apply a 4x4 matrix (row-major in `m`), or its transpose, to one qubit."""
    down, across = (1, 4) if transpose else (4, 1)
    for k in range(0, size, 4 * s):
        for i in range(k, k + s):
            v0 = r[i]
            v1 = r[i + s]
            v2 = r[i + 2 * s]
            v3 = r[i + 3 * s]
            for row in range(4):
                o = row * down
                r[i + row * s] = m[o] * v0 + m[o + across] * v1 + m[o + 2 * across] * v2 + m[o + 3 * across] * v3


@njit(**_OPTIONS)
def _dense2(r, size, a, b, m, transpose, scratch):
    """Apply a 16x16 matrix, or its transpose, to two qubits with strides `a` (low digit of the matrix) and `b`."""
    down, across = (1, 16) if transpose else (16, 1)
    low, high = min(a, b), max(a, b)
    for k in range(0, size, 4 * high):
        for h in range(k, k + high, 4 * low):
            for i in range(h, h + low):
                for column in range(16):
                    scratch[column] = r[i + (column & 3) * a + (column >> 2) * b]
                for row in range(16):
                    total = 0.0
                    for column in range(16):
                        total += m[row * down + column * across] * scratch[column]
                    r[i + (row & 3) * a + (row >> 2) * b] = total


@njit(**_OPTIONS)
def _angle(ints, floats, theta, g):
    slot = ints[HEADER + g * OP_SIZE + 3]
    shift = floats[2 * g + 1]
    return shift if slot < 0 else floats[2 * g] * theta[slot] + shift


@njit(**_OPTIONS)
def _forward(ints, floats, constants, theta, work, keep):
    """Run the circuit from |0...0>; the state ends in work[0 : 4**n].

    With `keep`, the input of every rotation with a free angle is stored behind it, in order of occurrence; the last 16
    numbers of `work` are scratch.
    """
    size = 1 << (2 * ints[0])
    r = work[:size]
    scratch = work[work.size - 16 :]
    for i in range(size):
        digits = i
        value = 1.0
        while digits:
            if (digits & 3) == 1 or (digits & 3) == 2:
                value = 0.0
                break
            digits >>= 2
        r[i] = value
    kept = size
    for g in range(ints[1]):
        base = HEADER + g * OP_SIZE
        opcode = ints[base]
        a = 1 << (2 * ints[base + 1])
        c = constants[ints[base + 4] :]
        if opcode <= RZ:
            if keep and ints[base + 3] >= 0:
                work[kept : kept + size] = r
                kept += size
            t = _angle(ints, floats, theta, g)
            _rotate(r, size, a, opcode, math.cos(t), math.sin(t), c[0], c[1], c[2], c[3])
        elif opcode == CX:
            _cx(r, size, a, 1 << (2 * ints[base + 2]), c)
        elif opcode == DENSE1:
            _dense1(r, size, a, c, False)
        else:
            _dense2(r, size, a, 1 << (2 * ints[base + 2]), c, False, scratch)
    return kept


@njit(**_OPTIONS)
def _expectation(ints, floats, r):
    indices = ints[HEADER + ints[1] * OP_SIZE :]
    coefficients = floats[2 * ints[1] :]
    total = 0.0
    for k in range(ints[2]):
        total += coefficients[k] * r[indices[k]]
    return total


@njit("void(int64[::1], float64[::1], float64[::1], float64[::1], float64[::1])", **_OPTIONS)
def state(ints, floats, constants, theta, work):
    """Leave the final state in work[0 : 4**n]; `work` holds 4**n + 16 numbers."""
    _forward(ints, floats, constants, theta, work, False)


@njit("float64(int64[::1], float64[::1], float64[::1], float64[::1], float64[::1])", **_OPTIONS)
def energy(ints, floats, constants, theta, work):
    """Return the expectation value; `work` holds 4**n + 16 numbers."""
    _forward(ints, floats, constants, theta, work, False)
    return _expectation(ints, floats, work)


@njit("void(int64[::1], float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[::1])", **_OPTIONS)
def energies(ints, floats, constants, thetas, work, out):
    """Fill `out` with the expectation values for each row of `thetas`; `work` holds 4**n + 16 numbers."""
    for k in range(thetas.shape[0]):
        _forward(ints, floats, constants, thetas[k], work, False)
        out[k] = _expectation(ints, floats, work)


@njit("float64(int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])", **_OPTIONS)
def gradient(ints, floats, constants, theta, work, out):
    """Return the expectation value and fill `out` with its gradient.

    `work` holds (n_slots + 1) * 4**n + 16 numbers, n_slots being the number of rotations with a free angle: their
    inputs are stored on the way forward, so the sweep back never divides by a damping factor.
    """
    size = 1 << (2 * ints[0])
    kept = _forward(ints, floats, constants, theta, work, True)
    value = _expectation(ints, floats, work)
    lam = work[:size]
    scratch = work[work.size - 16 :]
    lam[:] = 0.0
    indices = ints[HEADER + ints[1] * OP_SIZE :]
    coefficients = floats[2 * ints[1] :]
    for k in range(ints[2]):
        lam[indices[k]] += coefficients[k]
    out[:] = 0.0
    for g in range(ints[1] - 1, -1, -1):
        base = HEADER + g * OP_SIZE
        opcode = ints[base]
        a = 1 << (2 * ints[base + 1])
        c = constants[ints[base + 4] :]
        if opcode <= RZ:
            t = _angle(ints, floats, theta, g)
            _rotate_back(lam, size, a, opcode, math.cos(t), math.sin(t), c[0], c[1], c[2], c[3])
            slot = ints[base + 3]
            if slot >= 0:
                kept -= size
                out[slot] += floats[2 * g] * _slope(lam, work[kept : kept + size], size, a, opcode)
        elif opcode == CX:
            _cx_back(lam, size, a, 1 << (2 * ints[base + 2]), c)
        elif opcode == DENSE1:
            _dense1(lam, size, a, c, True)
        else:
            _dense2(lam, size, a, 1 << (2 * ints[base + 2]), c, True, scratch)
    return value
