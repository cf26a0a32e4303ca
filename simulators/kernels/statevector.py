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

from qvar.simulators.kernels.amplitudes import flipped, lay_out, turn
from qvar.simulators.kernels.arrays import is_valid
from qvar.simulators.kernels.lanes import load, spread, store, total
from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.pure_layout import (
    FULL,
    IS_COMPLEX,
    MASKS,
    MATRIX_SIZE,
    N_BITS,
    N_MASKS,
    N_SLOTS,
    OBSERVABLE_AT,
    SCRATCH,
)
from qvar.simulators.kernels.pure_states import clear, forward, forward_from, permute, run_back


@njit(**OPTIONS)
def _observe(ints, constants, work, final, lam):
    """Write H|psi> to `lam` and return <H>."""
    full = ints[FULL]
    at = ints[OBSERVABLE_AT]
    n_masks = ints[at + N_MASKS]
    clear(work, lam, 2 * full)
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
        forward(ints, floats, constants, thetas[k], work, ints[SCRATCH], final)
        _read(work, final, out[k])


@njit(**OPTIONS)
def energy(ints, floats, constants, theta, work):
    """Return the expectation value, nan for bad angles; `work` holds SCRATCH + 4 FULL numbers."""
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    final = ints[SCRATCH] + 2 * ints[FULL]
    forward(ints, floats, constants, theta, work, ints[SCRATCH], final)
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
        forward_from(ints, floats, constants, theta, states[k if states.shape[0] > 1 else 0], work, psi, final)
        out[k] = _observe(ints, constants, work, final, psi)


@njit(inline="always", **OPTIONS)
def _back(ints, floats, constants, work, psi, final, out):
    """Return the expectation value in the final state; undo it and fill `out` with the gradient on the way."""
    lam = final + 2 * ints[FULL]
    observed = lam + 2 * ints[FULL]
    value = _observe(ints, constants, work, final, observed)
    if ints[N_BITS] < 2:
        clear(work, lam, 8)
    permute(ints, work, observed, lam, True)
    run_back(ints, floats, constants, work, psi, lam, out)
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
    forward(ints, floats, constants, theta, work, psi, final)
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
        forward_from(ints, floats, constants, theta, states[k if states.shape[0] > 1 else 0], work, psi, final)
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
    forward(ints, floats, constants, theta, work, psi, final)
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
