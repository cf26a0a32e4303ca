"""Kernels of the Pauli-Liouville picture: the energies of four parameter vectors at once, one in each lane."""

import math

from numba import njit

from qvar.simulators.kernels.angles import LARGEST_FAST_ANGLE, cos_sin
from qvar.simulators.kernels.lanes import lanes_of, load, spread, store
from qvar.simulators.kernels.layout import (
    CONSTANTS,
    COUNT,
    CX,
    FACTORS_AT,
    FIRST,
    FIXED,
    FOURFOLD_SCRATCH,
    LEAF_ROW,
    LEAVES_AT,
    LOCAL,
    MATRIX,
    MERGE,
    N_FACTORS,
    N_LEAVES,
    N_OPS,
    N_ROOTS,
    N_TERMS,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    OPTIONS,
    PLACE,
    ROOT_PLACE,
    ROOT_ROW,
    ROOTS_AT,
    RX,
    RZ,
    SECOND,
    SIZE,
    SMALL,
    TERMS_AT,
)
from qvar.simulators.kernels.two_qubit import cx, dense


@njit(**OPTIONS)
def energy_of_four(ints, floats, constants, thetas, first, work):
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
            cx(work, place, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            small = base + 4 * ints[row + SMALL]
            for j in range(4, b, 4):
                factor = load(work, small + j)
                for i in range(0, a, 4):
                    store(work, place + j * a // 4 + i, factor * load(work, place + i))
        else:
            dense(work, place, size, a, b, constants, ints[row + CONSTANTS], False, 8 * n)
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
        if largest > LARGEST_FAST_ANGLE:
            store(work, 4 * k, angle)
            for j in range(4):
                work[4 * n + 4 * k + j] = math.sin(work[4 * k + j])
                work[4 * k + j] = math.cos(work[4 * k + j])
        else:
            cosines, sines = cos_sin(angle)
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
