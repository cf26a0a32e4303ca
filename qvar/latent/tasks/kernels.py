"""Kernels of the overlap with a target state: 1 - |<t|psi>|^2 and its gradient, at the cost of the circuit alone.

The observable 1 - |t><t| has up to 4**n Pauli strings. Its expectation value needs but the amplitudes that the circuit
visits: lambda = H|psi> is -t <t|psi>, up to a multiple of psi, which has no share in gradients.

Entry points as in `qvar.simulators.kernels.statevector`, with the target's amplitudes in front of the constants: all
real parts, then all imaginary parts.
"""

import math

from numba import njit

from qvar.simulators.kernels.amplitudes import diagonal_back, grow_back, turn_back
from qvar.simulators.kernels.bits import trailing_zeros
from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.planning import is_valid, padded
from qvar.simulators.kernels.pure_layout import (
    DIAGONAL,
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
    SCRATCH,
    SIZE,
    X,
    Z,
)
from qvar.simulators.kernels.statevector import _clear, _multiply, _run, _slopes


@njit(**OPTIONS)
def _overlap(ints, floats, constants, theta, work, psi, lam):
    """Write the amplitudes to `psi` and the target, numbered alike, to `lam`; return <t|psi>."""
    _multiply(ints, floats, constants, theta, work)
    _clear(work, psi, 8)
    _clear(work, lam, 8)
    work[psi] = 1.0
    _run(ints, work, psi)
    images, full = ints[IMAGES_AT], ints[FULL]
    re, im = 0.0, 0.0
    there = 0
    for k in range(1 << ints[N_BITS]):
        at = 8 * (k >> 2) + (k & 3)
        a, b = constants[there], constants[full + there]
        p, q = work[psi + at], work[psi + at + 4]
        work[lam + at] = a
        work[lam + at + 4] = b
        re += a * p + b * q
        im += a * q - b * p
        low = trailing_zeros(k + 1)
        if low < ints[N_BITS]:
            there ^= ints[images + low]
    return re, im


@njit(**OPTIONS)
def energy(ints, floats, constants, theta, work):
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    psi = ints[SCRATCH]
    re, im = _overlap(ints, floats, constants, theta, work, psi, psi + 2 * ints[FULL])
    return 1.0 - re * re - im * im


@njit(**OPTIONS)
def energies(ints, floats, constants, thetas, work, out):
    for k in range(thetas.shape[0]):
        out[k] = energy(ints, floats, constants, thetas[k], work)


@njit(**OPTIONS)
def gradient(ints, floats, constants, theta, work, out):
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    psi = ints[SCRATCH]
    lam = psi + 2 * ints[FULL]
    re, im = _overlap(ints, floats, constants, theta, work, psi, lam)
    for k in range(max(1 << ints[N_BITS], 4)):
        at = lam + 8 * (k >> 2) + (k & 3)
        a, b = work[at], work[at + 4]
        work[at] = im * b - re * a
        work[at + 4] = -re * b - im * a
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
    return 1.0 - re * re - im * im


@njit(**OPTIONS)
def gradients(ints, floats, constants, thetas, work, values, out):
    for k in range(values.size):
        values[k] = gradient(ints, floats, constants, thetas[k], work, out[k])


_ARRAYS = "int64[::1], float64[::1], float64[::1]"
SIGNATURES = {
    "energy": f"float64({_ARRAYS}, float64[::1], float64[::1])",
    "energies": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1])",
    "gradient": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
    "gradients": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])",
}
