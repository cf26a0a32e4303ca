"""Kernels of the overlap with a target state: 1 - |<t|psi>|^2 and its gradient, at the cost of the circuit alone.

The observable 1 - |t><t| has up to 4**n Pauli strings. Its expectation value needs but the amplitudes that the circuit
visits: lambda = H|psi> is -t <t|psi>, up to a multiple of psi, which has no share in gradients.

Entry points as in `qvar.simulators.kernels.statevector`, with the target's amplitudes in front of the constants: all
real parts, then all imaginary parts.
"""

import math

from numba import njit

from qvar.simulators.kernels.arrays import is_valid
from qvar.simulators.kernels.bits import trailing_zeros
from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.pure_layout import (
    FULL,
    IMAGES_AT,
    N_BITS,
    N_SLOTS,
    SCRATCH,
)
from qvar.simulators.kernels.pure_states import clear, multiply, run, run_back


@njit(**OPTIONS)
def _overlap(ints, floats, constants, theta, work, psi, lam):
    """Write the amplitudes to `psi` and the target, numbered alike, to `lam`; return <t|psi>."""
    multiply(ints, floats, constants, theta, work)
    clear(work, psi, 8)
    clear(work, lam, 8)
    work[psi] = 1.0
    run(ints, work, psi)
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
    run_back(ints, floats, constants, work, psi, lam, out)
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
