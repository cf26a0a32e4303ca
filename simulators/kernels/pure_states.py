"""Kernels of the pure-state picture: amplitudes run forwards through a plan, and back with lambda for a gradient.

What these arrays hold is told in `statevector`, where the entry points are.
"""

from numba import njit

from qvar.simulators.kernels.amplitudes import diagonal, diagonal_back, grow, grow_back, lay_out, turn, turn_back
from qvar.simulators.kernels.angles import turn as turn_angles
from qvar.simulators.kernels.angles import turned_back
from qvar.simulators.kernels.arrays import padded
from qvar.simulators.kernels.bits import trailing_zeros
from qvar.simulators.kernels.lanes import spread, store
from qvar.simulators.kernels.layout import FIXED, OPTIONS, RX, RY
from qvar.simulators.kernels.pure_layout import (
    COUNT,
    DIAGONAL,
    FACTORS_AT,
    FIRST_FACTOR,
    FULL,
    GROW,
    IMAGES_AT,
    MATRIX_SIZE,
    N_BITS,
    N_FACTORS,
    N_OPS,
    N_SLOTS,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    SIZE,
    X,
    Z,
)


@njit(**OPTIONS)
def forward(ints, floats, constants, theta, work, psi, final):
    """Write the amplitudes as the plan numbers them to `psi`, and as qubits number them to `final`."""
    multiply(ints, floats, constants, theta, work)
    clear(work, psi, 8)
    work[psi] = 1.0
    run(ints, work, psi)
    if ints[FULL] > 1 << ints[N_BITS]:
        clear(work, final, 2 * ints[FULL])
    permute(ints, work, final, psi, False)


@njit(**OPTIONS)
def forward_from(ints, floats, constants, theta, start, work, psi, final):
    """Do what `forward` does for a start state; for plans that start from any."""
    multiply(ints, floats, constants, theta, work)
    clear(work, psi, 4 * ints[FULL])
    for i in range(start.size):
        at = psi + 8 * (i >> 2) + (i & 3)
        work[at] = start[i].real
        work[at + 4] = start[i].imag
    run(ints, work, psi)
    permute(ints, work, final, psi, False)


@njit(**OPTIONS)
def multiply(ints, floats, constants, theta, work):
    """Write cosines and sines of half the angles and the matrices of all operations to scratch."""
    turn_angles(ints, floats, theta, work)
    n4 = padded(ints[N_FACTORS])
    at = ints[FACTORS_AT]
    for k in range(ints[N_OPS]):
        row = ints[OPS_AT] + OP_SIZE * k
        a, b, c, d = complex(1.0, 0.0), complex(0.0, 0.0), complex(0.0, 0.0), complex(1.0, 0.0)
        for g in range(ints[row + FIRST_FACTOR], ints[row + FIRST_FACTOR] + ints[row + COUNT]):
            axis = ints[at + 3 * g]
            cos, sin = work[g], work[n4 + g]
            if axis == RX:
                p, q, r, s = complex(cos, 0.0), complex(0.0, -sin), complex(0.0, -sin), complex(cos, 0.0)
            elif axis == RY:
                p, q, r, s = complex(cos, 0.0), complex(-sin, 0.0), complex(sin, 0.0), complex(cos, 0.0)
            elif axis == FIXED:
                o = ints[at + 3 * g + 2]
                p, q = complex(constants[o], constants[o + 1]), complex(constants[o + 2], constants[o + 3])
                r, s = complex(constants[o + 4], constants[o + 5]), complex(constants[o + 6], constants[o + 7])
            else:
                p, q, r, s = complex(cos, -sin), complex(0.0, 0.0), complex(0.0, 0.0), complex(cos, sin)
            a, b, c, d = p * a + q * c, p * b + q * d, r * a + s * c, r * b + s * d
        lay_out(work, 2 * n4 + MATRIX_SIZE * k, ints[row + Z], a, b, c, d)


@njit(**OPTIONS)
def run(ints, work, psi):
    """Carry out all operations."""
    matrices = 2 * padded(ints[N_FACTORS])
    for k in range(ints[N_OPS]):
        row = ints[OPS_AT] + OP_SIZE * k
        m = matrices + MATRIX_SIZE * k
        opcode, size, x, z = ints[row + OPCODE], ints[row + SIZE], ints[row + X], ints[row + Z]
        if opcode == DIAGONAL:
            diagonal(work, psi, size, z, m)
        elif opcode == GROW:
            grow(work, psi, size, z, m)
        else:
            turn(work, psi, size, x, z, m)


@njit(**OPTIONS)
def clear(work, place, count):
    for k in range(place, place + count, 4):
        store(work, k, spread(0.0))


@njit(**OPTIONS)
def permute(ints, work, final, psi, back):
    """Write the plan's amplitudes to their places among those of all qubits, or fetch them from there."""
    images = ints[IMAGES_AT]
    to = 0
    for k in range(1 << ints[N_BITS]):
        here = psi + 8 * (k >> 2) + (k & 3)
        there = final + 8 * (to >> 2) + (to & 3)
        if back:
            work[here] = work[there]
            work[here + 4] = work[there + 4]
        else:
            work[there] = work[here]
            work[there + 4] = work[here + 4]
        low = trailing_zeros(k + 1)
        if low < ints[N_BITS]:
            to ^= ints[images + low]


@njit(**OPTIONS)
def run_back(ints, floats, constants, work, psi, lam, out):
    """Undo all operations on psi and lambda, and fill `out` with the gradient on the way."""
    for slot in range(ints[N_SLOTS]):
        out[slot] = 0.0
    matrices = 2 * padded(ints[N_FACTORS])
    for k in range(ints[N_OPS] - 1, -1, -1):
        row = ints[OPS_AT] + OP_SIZE * k
        m = matrices + MATRIX_SIZE * k
        opcode, size, x, z = ints[row + OPCODE], ints[row + SIZE], ints[row + X], ints[row + Z]
        if opcode == DIAGONAL:
            gx, gy, gz = diagonal_back(work, psi, lam, size, z, m)
        elif opcode == GROW:
            gx, gy, gz = grow_back(work, psi, lam, size, z, m)
        else:
            gx, gy, gz = turn_back(work, psi, lam, size, x, z, m)
        _slopes(ints, floats, constants, work, row, gx, gy, gz, out)


@njit(**OPTIONS)
def _slopes(ints, floats, constants, work, row, gx, gy, gz, out):
    """Add the derivatives of all rotations of an operation to `out`, from its overlaps; these go back factor by factor.

    If F is a factor, the overlap with P before it is the one with F P F^dagger after it.
    """
    n4 = padded(ints[N_FACTORS])
    at = ints[FACTORS_AT]
    for g in range(ints[row + FIRST_FACTOR] + ints[row + COUNT] - 1, ints[row + FIRST_FACTOR] - 1, -1):
        axis = ints[at + 3 * g]
        if axis == FIXED:
            r = ints[at + 3 * g + 2] + 8
            new_x = constants[r] * gx + constants[r + 3] * gy + constants[r + 6] * gz
            new_y = constants[r + 1] * gx + constants[r + 4] * gy + constants[r + 7] * gz
            gz = constants[r + 2] * gx + constants[r + 5] * gy + constants[r + 8] * gz
            gx = new_x
            gy = new_y
            continue
        slot = ints[at + 3 * g + 1]
        if slot >= 0:
            slope = gx if axis == RX else (gy if axis == RY else gz)
            out[slot] += 2.0 * floats[2 * g] * slope
        cos = work[g] * work[g] - work[n4 + g] * work[n4 + g]
        sin = 2.0 * work[g] * work[n4 + g]
        gx, gy, gz = turned_back(axis, cos, sin, gx, gy, gz)
