"""Kernels of the pure-state picture: a whole noiseless circuit, and its exact gradient, in one compiled call.

`pure_planning` turns a circuit into rotations of Pauli strings on as few amplitudes as it visits, `amplitudes` carries
them out. The observable comes grouped by X mask: P|b> = i**n_y (-1)**|b & z| |b xor x>, so <H> = sum_x sum_b
conj(psi[b xor x]) D_x[b] psi[b] with one table D_x per mask x, real if every string has an even number of Y.

The gradient is the adjoint method: with psi after a rotation about P and lambda = U^dagger ... H |psi> at the same
cut, dE/dt = Im <lambda| P |psi>; both are un-computed operation by operation, which unitary gates allow. One operation
is a run of rotations on one qubit: its overlaps with X, Y and Z give all their derivatives.

Arguments of every entry point: the plan (`ints`, `floats`, see `pure_layout`), the `constants` of observable and gates,
the angles and a workspace. Nothing is checked here; the engine builds the arrays.
"""

import math

from numba import njit

from qvar.simulators.kernels.amplitudes import (
    diagonal,
    diagonal_back,
    flipped,
    grow,
    grow_back,
    lay_out,
    turn,
    turn_back,
)
from qvar.simulators.kernels.angles import turn as turn_angles
from qvar.simulators.kernels.bits import trailing_zeros
from qvar.simulators.kernels.lanes import load, spread, store, total
from qvar.simulators.kernels.layout import FIXED, OPTIONS, RX, RY
from qvar.simulators.kernels.planning import is_valid, padded
from qvar.simulators.kernels.pure_layout import (
    COUNT,
    DIAGONAL,
    FACTORS_AT,
    FIRST_FACTOR,
    FULL,
    GROW,
    IMAGES_AT,
    IS_COMPLEX,
    MASKS,
    MATRIX_SIZE,
    N_BITS,
    N_FACTORS,
    N_MASKS,
    N_OPS,
    N_SLOTS,
    OBSERVABLE_AT,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    SCRATCH,
    SIZE,
    X,
    Z,
)


@njit(**OPTIONS)
def _multiply(ints, floats, constants, theta, work):
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
def _run(ints, work, psi):
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
def _clear(work, place, count):
    for k in range(place, place + count, 4):
        store(work, k, spread(0.0))


@njit(**OPTIONS)
def _forward(ints, floats, constants, theta, work, psi, final):
    """Write the amplitudes as the plan numbers them to `psi`, and as qubits number them to `final`."""
    _multiply(ints, floats, constants, theta, work)
    _clear(work, psi, 8)
    work[psi] = 1.0
    _run(ints, work, psi)
    if ints[FULL] > 1 << ints[N_BITS]:
        _clear(work, final, 2 * ints[FULL])
    _permute(ints, work, final, psi, False)


@njit(**OPTIONS)
def _forward_from(ints, floats, constants, theta, start, work, psi, final):
    """Do what `_forward` does for a start state; for plans that start from any."""
    _multiply(ints, floats, constants, theta, work)
    _clear(work, psi, 4 * ints[FULL])
    for i in range(start.size):
        at = psi + 8 * (i >> 2) + (i & 3)
        work[at] = start[i].real
        work[at + 4] = start[i].imag
    _run(ints, work, psi)
    _permute(ints, work, final, psi, False)


@njit(**OPTIONS)
def _permute(ints, work, final, psi, back):
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
def _observe(ints, constants, work, final, lam):
    """Write H|psi> to `lam` and return <H>."""
    full = ints[FULL]
    at = ints[OBSERVABLE_AT]
    n_masks = ints[at + N_MASKS]
    _clear(work, lam, 2 * full)
    for k in range(n_masks):
        x = ints[at + MASKS + k]
        for i in range(full >> 2):
            source, target = final + 8 * (i ^ (x >> 2)), lam + 8 * i
            table = load(constants, k * full + 4 * i)
            a, b = flipped(load(work, source), x), flipped(load(work, source + 4), x)
            store(work, target, load(work, target) + table * a)
            store(work, target + 4, load(work, target + 4) + table * b)
    if ints[at + IS_COMPLEX] == 1:
        for k in range(n_masks):
            x = ints[at + MASKS + k]
            for i in range(full >> 2):
                source, target = final + 8 * (i ^ (x >> 2)), lam + 8 * i
                table = load(constants, (n_masks + k) * full + 4 * i)
                a, b = flipped(load(work, source), x), flipped(load(work, source + 4), x)
                store(work, target, load(work, target) - table * b)
                store(work, target + 4, load(work, target + 4) + table * a)
    value = spread(0.0)
    for i in range(0, 2 * full, 4):
        value = value + load(work, final + i) * load(work, lam + i)
    return total(value)


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


@njit(**OPTIONS)
def _read(work, final, out):
    """Copy amplitudes to a complex array."""
    for k in range(out.size):
        at = final + 8 * (k >> 2) + (k & 3)
        out[k] = complex(work[at], work[at + 4])


@njit(**OPTIONS)
def states(ints, floats, constants, thetas, work, out):
    """Fill `out` with the 2**n final amplitudes for each row of `thetas`; `work` as for an energy."""
    final = ints[SCRATCH] + 2 * ints[FULL]
    for k in range(thetas.shape[0]):
        _forward(ints, floats, constants, thetas[k], work, ints[SCRATCH], final)
        _read(work, final, out[k])


@njit(**OPTIONS)
def energy(ints, floats, constants, theta, work):
    """Return the expectation value, nan for bad angles; `work` holds SCRATCH + 4 FULL numbers."""
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    final = ints[SCRATCH] + 2 * ints[FULL]
    _forward(ints, floats, constants, theta, work, ints[SCRATCH], final)
    return _observe(ints, constants, work, final, ints[SCRATCH])


@njit(**OPTIONS)
def energies(ints, floats, constants, thetas, work, out):
    """Fill `out` with the expectation values for each row of `thetas`; `work` as for an energy."""
    for k in range(thetas.shape[0]):
        out[k] = energy(ints, floats, constants, thetas[k], work)


@njit(**OPTIONS)
def energies_from(ints, floats, constants, thetas, states, work, out):
    """Fill `out` with the expectation values for start states, rows of `states`; for plans that start from any."""
    psi = ints[SCRATCH]
    final = psi + 2 * ints[FULL]
    for k in range(out.size):
        theta = thetas[k if thetas.shape[0] > 1 else 0]
        _forward_from(ints, floats, constants, theta, states[k if states.shape[0] > 1 else 0], work, psi, final)
        out[k] = _observe(ints, constants, work, final, psi)


@njit(inline="always", **OPTIONS)
def _back(ints, floats, constants, work, psi, final, out):
    """Return the expectation value in the final state; undo it and fill `out` with the gradient on the way."""
    lam = final + 2 * ints[FULL]
    observed = lam + 2 * ints[FULL]
    value = _observe(ints, constants, work, final, observed)
    if ints[N_BITS] < 2:
        _clear(work, lam, 8)
    _permute(ints, work, observed, lam, True)
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
    return value


@njit(**OPTIONS)
def gradient(ints, floats, constants, theta, work, out):
    """Return the expectation value, nan for bad angles, and fill `out` with its gradient.

    `work` holds SCRATCH + 8 FULL numbers.
    """
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    psi = ints[SCRATCH]
    final = psi + 2 * ints[FULL]
    _forward(ints, floats, constants, theta, work, psi, final)
    return _back(ints, floats, constants, work, psi, final, out)


@njit(**OPTIONS)
def gradients(ints, floats, constants, thetas, work, values, out):
    """Fill `values` and the rows of `out` with what `gradient` gives for each row of `thetas`."""
    for k in range(values.size):
        values[k] = gradient(ints, floats, constants, thetas[k], work, out[k])


@njit(**OPTIONS)
def gradients_from(ints, floats, constants, thetas, states, work, values, out):
    """Do what `gradients` does for start states, rows of `states`; for plans that start from any."""
    psi = ints[SCRATCH]
    final = psi + 2 * ints[FULL]
    for k in range(values.size):
        theta = thetas[k if thetas.shape[0] > 1 else 0]
        _forward_from(ints, floats, constants, theta, states[k if states.shape[0] > 1 else 0], work, psi, final)
        values[k] = _back(ints, floats, constants, work, psi, final, out[k])


# -- shot noise --------------------------------------------------------------------------------------------------------

_HALF = math.sqrt(0.5)


@njit(**OPTIONS)
def moments(ints, floats, constants, theta, work, out):
    """Return the expectation value, nan for bad angles; out[0] is its variance with one shot for each measured group.

    What the plan holds of the observable is the number of groups and, group by group, the letters 1-3 (X, Y, Z) in
    which the qubits are measured. `constants` begin with the values of all outcomes of each group, FULL numbers each,
    then the constant term. `work` as for an energy.
    """
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    psi = ints[SCRATCH]
    full = ints[FULL]
    final = psi + 2 * full
    _forward(ints, floats, constants, theta, work, psi, final)
    groups = ints[OBSERVABLE_AT]
    n_groups = ints[groups]
    m = psi - MATRIX_SIZE  # free scratch behind the last matrix
    n_qubits = (ints.size - groups - 1) // max(n_groups, 1)
    value = constants[n_groups * full]
    out[0] = 0.0
    for g in range(n_groups):
        for i in range(0, 2 * full, 4):
            store(work, psi + i, load(work, final + i))
        for q in range(n_qubits):
            letter = ints[groups + 1 + g * n_qubits + q]
            if letter == 3:
                continue
            phase = complex(_HALF, 0.0) if letter == 1 else complex(0.0, -_HALF)
            lay_out(work, m, 1 << q, complex(_HALF, 0.0), phase, complex(_HALF, 0.0), -phase)
            turn(work, psi, full, 1 << q, 1 << q, m)
        mean, square = spread(0.0), spread(0.0)
        for i in range(full >> 2):
            re, im = load(work, psi + 8 * i), load(work, psi + 8 * i + 4)
            worth = load(constants, g * full + 4 * i)
            part = worth * (re * re + im * im)
            mean = mean + part
            square = square + worth * part
        value += total(mean)
        out[0] += max(total(square) - total(mean) * total(mean), 0.0)
    return value


_ARRAYS = "int64[::1], float64[::1], float64[::1]"
SIGNATURES = {
    "states": f"void({_ARRAYS}, float64[:, ::1], float64[::1], complex128[:, ::1])",
    "energy": f"float64({_ARRAYS}, float64[::1], float64[::1])",
    "energies": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1])",
    "energies_from": f"void({_ARRAYS}, float64[:, ::1], complex128[:, ::1], float64[::1], float64[::1])",
    "gradient": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
    "gradients": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])",
    "gradients_from": f"void({_ARRAYS}, float64[:, ::1], complex128[:, ::1], float64[::1], float64[::1], "
    "float64[:, ::1])",
    "moments": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
}
