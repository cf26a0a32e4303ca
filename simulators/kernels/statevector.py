"""Kernels of the pure-state picture: a whole noiseless circuit, and its exact gradient, in one compiled call.

State: complex128 amplitudes of length 2**n, qubit q has place value 2**q. The observable comes grouped by X mask: P|b>
= i**n_y (-1)**|b & z| |b xor x>, so <H> = sum_x sum_b conj(psi[b xor x]) D_x[b] psi[b] with one table D_x per mask x.
The gradient is the adjoint method: with psi after a rotation about P and lambda = U^dagger ... H |psi> at the same
cut, dE/dt = Im <lambda| P |psi>; both are un-computed gate by gate, which unitary gates allow.

Arguments of every entry point: `ints` = [n_qubits, n_steps, n_masks, n_slots, steps..., masks...], `floats` = scale and
shift per step, `constants` (matrices as real and imaginary parts, row-major), `tables` = the D_x one after another, the
angles and a workspace, in which amplitudes lie as real and imaginary parts. Nothing is checked here; the engine builds
the arrays.
"""

import math

import numpy as np
from numba import njit

from qvar.simulators.kernels.layout import CX, FIXED, IN_SIZE, OPTIONS, RX, RY, RZ, SWAP
from qvar.simulators.kernels.planning import is_valid

HEADER = 4


@njit(**OPTIONS)
def _rotate(psi, size, s, axis, cos, sin):
    """Apply exp(-i t P / 2) with cos = cos(t/2), sin = sin(t/2) to the qubit of place value `s`."""
    for k in range(0, size, 2 * s):
        for i in range(k, k + s):
            a = psi[i]
            b = psi[i + s]
            if axis == RX:
                psi[i] = cos * a - 1j * sin * b
                psi[i + s] = cos * b - 1j * sin * a
            elif axis == RY:
                psi[i] = cos * a - sin * b
                psi[i + s] = cos * b + sin * a
            else:
                psi[i] = (cos - 1j * sin) * a
                psi[i + s] = (cos + 1j * sin) * b


@njit(**OPTIONS)
def _overlap(lam, psi, size, s, axis):
    """Return Im <lam| P |psi> for a Pauli letter P on the qubit of place value `s`."""
    total = 0.0
    for k in range(0, size, 2 * s):
        for i in range(k, k + s):
            a = psi[i]
            b = psi[i + s]
            if axis == RX:
                c, d = b, a
            elif axis == RY:
                c, d = -1j * b, 1j * a
            else:
                c, d = a, -b
            total += lam[i].real * c.imag - lam[i].imag * c.real
            total += lam[i + s].real * d.imag - lam[i + s].imag * d.real
    return total


@njit(**OPTIONS)
def _cx(psi, size, a, b):
    low, high = min(a, b), max(a, b)
    for k in range(0, size, 2 * high):
        for m in range(k, k + high, 2 * low):
            for i in range(m + a, m + a + low):
                psi[i], psi[i + b] = psi[i + b], psi[i]


@njit(**OPTIONS)
def _entry(m, dimension, row, column, dagger):
    if dagger:
        o = 2 * (column * dimension + row)
        return complex(m[o], -m[o + 1])
    o = 2 * (row * dimension + column)
    return complex(m[o], m[o + 1])


@njit(**OPTIONS)
def _fixed(psi, size, s, m, dagger):
    m00 = _entry(m, 2, 0, 0, dagger)
    m01 = _entry(m, 2, 0, 1, dagger)
    m10 = _entry(m, 2, 1, 0, dagger)
    m11 = _entry(m, 2, 1, 1, dagger)
    for k in range(0, size, 2 * s):
        for i in range(k, k + s):
            a = psi[i]
            b = psi[i + s]
            psi[i] = m00 * a + m01 * b
            psi[i + s] = m10 * a + m11 * b


@njit(**OPTIONS)
def _dense(psi, size, a, b, m, dagger):
    low, high = min(a, b), max(a, b)
    for k in range(0, size, 2 * high):
        for h in range(k, k + high, 2 * low):
            for i in range(h, h + low):
                v0 = psi[i]
                v1 = psi[i + a]
                v2 = psi[i + b]
                v3 = psi[i + a + b]
                for row in range(4):
                    psi[i + (row & 1) * a + (row >> 1) * b] = (
                        _entry(m, 4, row, 0, dagger) * v0
                        + _entry(m, 4, row, 1, dagger) * v1
                        + _entry(m, 4, row, 2, dagger) * v2
                        + _entry(m, 4, row, 3, dagger) * v3
                    )


@njit(**OPTIONS)
def _angle(ints, floats, theta, g):
    slot = ints[HEADER + g * IN_SIZE + 3]
    shift = floats[2 * g + 1]
    return shift if slot < 0 else floats[2 * g] * theta[slot] + shift


@njit(**OPTIONS)
def _apply(ints, constants, psi, size, g, angle, dagger):
    """Apply operation `g`, or its inverse."""
    base = HEADER + g * IN_SIZE
    opcode = ints[base]
    a = 1 << ints[base + 1]
    if opcode <= RZ:
        half = -angle / 2 if dagger else angle / 2
        _rotate(psi, size, a, opcode, math.cos(half), math.sin(half))
    elif opcode == CX:
        _cx(psi, size, a, 1 << ints[base + 2])
    elif opcode == SWAP:
        b = 1 << ints[base + 2]
        for i in range(size):
            if i & a and not i & b:
                psi[i], psi[i - a + b] = psi[i - a + b], psi[i]
    elif opcode == FIXED:
        _fixed(psi, size, a, constants[ints[base + 4] :], dagger)
    else:
        _dense(psi, size, a, 1 << ints[base + 2], constants[ints[base + 4] :], dagger)


@njit(**OPTIONS)
def _forward(ints, floats, constants, theta, psi):
    psi[: 1 << ints[0]] = 0.0
    psi[0] = 1.0
    _run(ints, floats, constants, theta, psi)


@njit(**OPTIONS)
def _run(ints, floats, constants, theta, psi):
    size = 1 << ints[0]
    for g in range(ints[1]):
        _apply(ints, constants, psi, size, g, _angle(ints, floats, theta, g), False)


@njit(**OPTIONS)
def _expectation(ints, tables, psi):
    size = 1 << ints[0]
    masks = ints[HEADER + ints[1] * IN_SIZE :]
    total = 0.0
    for k in range(ints[2]):
        table = tables[k * size : (k + 1) * size]
        x = masks[k]
        for b in range(size):
            value = table[b] * psi[b]
            left = psi[b ^ x]
            total += left.real * value.real + left.imag * value.imag
    return total


@njit(**OPTIONS)
def state(ints, floats, constants, tables, theta, work):  # noqa: ARG001
    """Leave the final amplitudes in the first 2**n places of `work`."""
    if not is_valid(theta, ints[3]):
        return math.nan
    _forward(ints, floats, constants, theta, work.view(np.complex128))
    return 0.0


@njit(**OPTIONS)
def energy(ints, floats, constants, tables, theta, work):
    """Return the expectation value, nan for bad angles; `work` holds 2**n amplitudes."""
    if not is_valid(theta, ints[3]):
        return math.nan
    psi = work.view(np.complex128)
    _forward(ints, floats, constants, theta, psi)
    return _expectation(ints, tables, psi)


@njit(**OPTIONS)
def energies(ints, floats, constants, tables, thetas, work, out):
    """Fill `out` with the expectation values for each row of `thetas`; `work` holds 2**n amplitudes."""
    for k in range(thetas.shape[0]):
        out[k] = energy(ints, floats, constants, tables, thetas[k], work)


@njit(**OPTIONS)
def energies_from(ints, floats, constants, tables, thetas, states, work, out):
    """Fill `out` with the expectation values for start states, rows of `states`."""
    psi = work.view(np.complex128)
    for k in range(out.size):
        psi[: 1 << ints[0]] = states[k if states.shape[0] > 1 else 0]
        _run(ints, floats, constants, thetas[k if thetas.shape[0] > 1 else 0], psi)
        out[k] = _expectation(ints, tables, psi)


@njit(**OPTIONS)
def gradient(ints, floats, constants, tables, theta, work, out):
    """Return the expectation value, nan for bad angles, and fill `out` with its gradient.

    `work` holds 2 * 2**n amplitudes.
    """
    if not is_valid(theta, ints[3]):
        return math.nan
    size = 1 << ints[0]
    amplitudes = work.view(np.complex128)
    psi = amplitudes[:size]
    lam = amplitudes[size : 2 * size]
    _forward(ints, floats, constants, theta, psi)
    lam[:] = 0.0
    masks = ints[HEADER + ints[1] * IN_SIZE :]
    for k in range(ints[2]):
        table = tables[k * size : (k + 1) * size]
        for b in range(size):
            lam[b ^ masks[k]] += table[b] * psi[b]
    value = 0.0
    for b in range(size):
        value += psi[b].real * lam[b].real + psi[b].imag * lam[b].imag
    out[:] = 0.0
    for g in range(ints[1] - 1, -1, -1):
        base = HEADER + g * IN_SIZE
        slot = ints[base + 3]
        angle = _angle(ints, floats, theta, g)
        if slot >= 0:
            out[slot] += floats[2 * g] * _overlap(lam, psi, size, 1 << ints[base + 1], ints[base])
        _apply(ints, constants, psi, size, g, angle, True)
        _apply(ints, constants, lam, size, g, angle, True)
    return value


_ARRAYS = "int64[::1], float64[::1], float64[::1], complex128[::1]"
SIGNATURES = {
    "state": f"float64({_ARRAYS}, float64[::1], float64[::1])",
    "energy": f"float64({_ARRAYS}, float64[::1], float64[::1])",
    "energies": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1])",
    "energies_from": f"void({_ARRAYS}, float64[:, ::1], complex128[:, ::1], float64[::1], float64[::1])",
    "gradient": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
}
