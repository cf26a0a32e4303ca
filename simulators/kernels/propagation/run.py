"""Kernel of Pauli propagation: a whole run, from the observable to its value and gradient."""

import numpy as np
from numba import float64, int64, njit, types

from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.propagation.gradient import sweep_back
from qvar.simulators.kernels.propagation.layout import (
    BLOCK,
    CLIFFORD,
    N_FINAL,
    N_PEAK,
    N_ROWS,
    N_STATE,
    OK,
    RESUME,
    STATUS,
    STOPPED_AT,
    TAPE_FLOATS,
    TAPE_INTS,
    TOO_LONG_TAPE,
    TOO_MANY_TERMS,
    VALUE,
)
from qvar.simulators.kernels.propagation.matrices import longest, operation_matrix
from qvar.simulators.kernels.propagation.mixing import compact, mix, plan
from qvar.simulators.kernels.propagation.strings import conjugate, final_signs, generators
from qvar.simulators.kernels.propagation.table import rebuild

_INTS = int64[:, ::1]
_FLOATS = float64[::1]


@njit(**OPTIONS)
def propagate(
    ops, elements, angles, constants, cliffords, terms, coefficients, bit_hashes, settings, eps,
    theta, statistics, gradient, taping,
):  # fmt: skip
    """Write value and statistics of a run; if `taping`, also add the gradient of the truncated value to `gradient`."""
    n_qubits, max_weight, max_terms, max_tape = settings[0], settings[1], settings[2], settings[3]
    wide = n_qubits > 64
    key = 4 if wide else 2
    capacity = 8192
    while capacity < 4 * len(terms):
        capacity *= 2
    rows = np.empty((capacity, key + 2), dtype=np.int64)
    vals = rows.view(np.float64)
    marks = np.zeros(capacity, dtype=np.uint8)
    reach = np.zeros((capacity // BLOCK, 2), dtype=np.int64)
    bits = np.zeros(2, dtype=np.int64)
    sens = np.zeros(capacity if taping else 1)
    table = np.zeros(2 * capacity, dtype=np.uint32)
    tape_ints = np.empty(1232 * BLOCK if taping else 1, dtype=np.int32)
    tape_floats = np.empty(32 * BLOCK if taping else 1)
    events = np.full((len(ops) + 1, 3), -1, dtype=np.int64)
    state = np.zeros(N_STATE, dtype=np.int64)

    frame = np.zeros((2 * n_qubits, 6), dtype=np.int64)
    for q in range(n_qubits):
        for part in range(2):
            frame[2 * q + part, 2 * (q >> 6) + part] = 1 << (q & 63)
            frame[2 * q + part, 4] = bit_hashes[2 * q + part]
    inverse = np.zeros((2 * n_qubits, 4), dtype=np.int64)
    for i in range(len(inverse)):
        inverse[i] = frame[i, :4]
    n = len(terms)
    for i in range(n):
        h = 0
        for w in range(key):
            rows[i, w] = terms[i, w]
        for q in range(n_qubits):
            for part in range(2):
                if (terms[i, 2 * (q >> 6) + part] >> (q & 63)) & 1:
                    h ^= bit_hashes[2 * q + part]
        rows[i, key] = h
        vals[i, key + 1] = coefficients[i]
        reach[i // BLOCK, 0] |= terms[i, 0] | terms[i, 1]
        reach[i // BLOCK, 1] |= terms[i, 2] | terms[i, 3]
        if taping:
            sens[i] = 0.0
    rebuild(rows, table, n)
    n_compacted = n
    n_renewed = n
    statistics[N_PEAK] = n

    gen = np.zeros((16, 6), dtype=np.int64)
    lines = np.zeros((4, 6), dtype=np.int64)
    matrix, slopes = np.zeros((16, 16)), np.zeros((16, 16))
    parts = np.zeros((longest(ops), 4, 4))
    comp, n_letters = np.zeros(16, dtype=np.int64), np.zeros(16, dtype=np.int64)
    letters, phases = np.zeros((16, 16), dtype=np.int64), np.zeros((16, 16), dtype=np.int64)
    scratch = np.zeros((5, 16))
    index = np.zeros((6, BLOCK), dtype=np.int64)
    kept = np.zeros(1, dtype=np.int32)

    for t in range(len(ops)):
        op = ops[t]
        bits[:] = 0
        bits[op[1] >> 6] |= 1 << (op[1] & 63)
        bits[op[2] >> 6] |= 1 << (op[2] & 63)
        if op[0] == CLIFFORD:
            for k in range((n + BLOCK - 1) // BLOCK if op[4] == 4 else 0):
                if reach[k, 0] & bits[0] != 0 or reach[k, 1] & bits[1] != 0:
                    reach[k, 0] |= bits[0]
                    reach[k, 1] |= bits[1]
            conjugate(frame, inverse, op[1], op[2], cliffords[op[3]], op[4], lines)
            continue
        if n > 1.25 * n_compacted + 64 or n > max_terms:
            if taping:
                kept = np.empty(n, dtype=np.int32)
            renew = n > 2 * n_renewed
            if renew:
                n_renewed = n
            m = compact(
                rows, vals, sens, table, reach, n, inverse, max_weight, eps, taping, wide, renew, statistics, kept
            )
            if taping and m < n:
                if state[TAPE_INTS] + m + 2 > len(tape_ints):
                    tape_ints = _longer(tape_ints, 2 * len(tape_ints) + m + 2)
                events[t, 2] = state[TAPE_INTS]
                tape_ints[state[TAPE_INTS]] = n
                tape_ints[state[TAPE_INTS] + 1] = m
                for i in range(m):
                    tape_ints[state[TAPE_INTS] + 2 + i] = kept[i]
                state[TAPE_INTS] += m + 2
            n = m
            n_compacted = n
        if n > max_terms:
            statistics[STATUS] = TOO_MANY_TERMS
            statistics[STOPPED_AT] = t
            break
        size = operation_matrix(op, elements, angles, constants, theta, matrix, slopes, parts, taping)
        generators(frame, op, gen)
        plan(gen, matrix, slopes, size, comp, letters, n_letters, phases)
        events[t, 0] = state[TAPE_INTS]
        events[t, 1] = state[TAPE_FLOATS]
        state[N_ROWS] = n
        state[RESUME] = 0
        n_old = n
        while not mix(
            rows, vals, sens, marks, table, reach, state, tape_ints, tape_floats, n_old, gen, bits, matrix, slopes,
            size, comp, letters, n_letters, phases, inverse, max_weight, eps, taping, wide, statistics, scratch, index,
        ):  # fmt: skip
            n = state[N_ROWS]
            if n > 2 * max_terms:
                statistics[STATUS] = TOO_MANY_TERMS
            if n + (size - 1) * BLOCK > len(rows):
                capacity = 2 * len(rows)
                wider = np.empty((capacity, key + 2), dtype=np.int64)
                wider[:n] = rows[:n]
                rows = wider
                vals = rows.view(np.float64)
                fresh = np.zeros(capacity, dtype=np.uint8)
                fresh[:n] = marks[:n]
                marks = fresh
                farther = np.zeros((capacity // BLOCK, 2), dtype=np.int64)
                farther[: len(reach)] = reach
                reach = farther
                if taping:
                    sens = _longer(sens, capacity)
                table = np.zeros(2 * capacity, dtype=np.uint32)
                rebuild(rows, table, n)
            if taping and state[TAPE_INTS] + 17 * BLOCK > len(tape_ints):
                tape_ints = _longer(tape_ints, 2 * len(tape_ints))
            if taping and state[TAPE_FLOATS] + 3 * BLOCK > len(tape_floats):
                tape_floats = _longer(tape_floats, 2 * len(tape_floats))
            if taping and 4 * state[TAPE_INTS] + 8 * state[TAPE_FLOATS] > max_tape:
                statistics[STATUS] = TOO_LONG_TAPE
            if statistics[STATUS] != OK:
                break
        n = state[N_ROWS]
        statistics[N_PEAK] = max(statistics[N_PEAK], n)
        if statistics[STATUS] != OK:
            statistics[STOPPED_AT] = t
            break
    statistics[N_FINAL] = n
    if statistics[STATUS] != OK:
        return
    adjoint = np.empty(n)
    statistics[VALUE] = _value(rows, vals, n, frame, n_qubits, adjoint)
    if taping:
        events[len(ops), 0] = state[TAPE_INTS]
        sweep_back(ops, elements, angles, constants, theta, adjoint, tape_ints, tape_floats, events, gradient)


@njit(**OPTIONS)
def _longer(array, length):
    out = np.empty(length, dtype=array.dtype)
    out[: len(array)] = array
    return out


@njit(**OPTIONS)
def _value(rows, vals, n, frame, n_qubits, signs):
    wide = n_qubits > 64
    key = 4 if wide else 2
    final_signs(rows, n, frame, n_qubits, wide, signs)
    total = 0.0
    for i in range(n):
        if signs[i] != 0.0:
            total += signs[i] * vals[i, key + 1]
    return total


SIGNATURES = {
    "propagate": types.void(
        _INTS,
        _INTS,
        float64[:, ::1],
        _FLOATS,
        int64[:, :, ::1],
        _INTS,
        _FLOATS,
        int64[::1],
        int64[::1],
        float64,
        _FLOATS,
        _FLOATS,
        _FLOATS,
        types.boolean,
    ),
}
