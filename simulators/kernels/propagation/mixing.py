"""Kernels of Pauli propagation: what one channel does to all rows, and how small ones are left out."""

import numpy as np
from numba import njit

from qvar.simulators.kernels.bits import popcount
from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.propagation.layout import (
    BLOCK,
    DROPPED_SQUARES,
    DROPPED_SUM,
    JUNK,
    N_DROPPED,
    N_ROWS,
    RESUME,
    TAPE_FLOATS,
    TAPE_INTS,
)
from qvar.simulators.kernels.propagation.strings import letter_phase, support, weight
from qvar.simulators.kernels.propagation.table import enter, find, rebuild, slot_of


@njit(**OPTIONS)
def plan(gen, matrix, slopes, size, comp, letters, n_letters, phases):
    """Work out per letter code what `mix` does: n_letters[c] = 0 nothing, 1 scale, else mix letters[c, :n_letters[c]].

    phases[c, b] is the part of the power of i that the row itself does not decide.
    """
    _components(matrix, slopes, size, comp)
    for c in range(size):
        n_letters[c] = 0
        for b in range(size):
            if (comp[c] >> b) & 1:
                letters[c, n_letters[c]] = b
                n_letters[c] += 1
                g = gen[b ^ c]
                own = popcount(g[0] & g[1]) + popcount(g[2] & g[3])
                phases[c, b] = letter_phase(b, c) + g[5] + own
        if n_letters[c] == 1 and matrix[c, c] == 1.0 and slopes[c, c] == 0.0:
            n_letters[c] = 0


@njit(**OPTIONS)
def _components(matrix, slopes, size, comp):
    """Write to comp[a] the letters that `matrix` or its derivatives connect with a, as bits; bit 0: it reaches I."""
    for a in range(size):
        comp[a] = 1 << a
    for a in range(1, size):
        for b in range(1, size):
            if matrix[b, a] != 0 or slopes[b, a] != 0:
                joint = comp[a] | comp[b]
                for c in range(1, size):
                    if (joint >> c) & 1:
                        comp[c] = joint
    for a in range(1, size):
        if matrix[0, a] != 0 or slopes[0, a] != 0:
            for c in range(1, size):
                if (comp[c] >> a) & 1 and c != a:
                    comp[c] |= 1
            comp[a] |= 1


@njit(**OPTIONS)
def mix(
    rows, vals, sens, marks, table, reach, state, tape_ints, tape_floats, n_old, gen, bits, matrix, slopes, size,
    comp, letters, n_letters, phases, inverse, max_weight, eps, taping, wide, statistics, scratch, index,
):  # fmt: skip
    """Apply a channel to all rows; return early, with the place to resume at, when an array is too short."""
    n = state[N_ROWS]
    key = np.uint64(4 if wide else 2)
    at = np.uint64(5 if wide else 3)
    before, after, sign, old_sens, new_sens = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    spot, found, codes = index[0], index[1], index[2]
    ahead = index[3:].reshape(-1)
    for start in range(state[RESUME], n_old, BLOCK):
        stop = min(start + BLOCK, n_old)
        here = start // BLOCK
        if reach[here, 0] & bits[0] == 0 and reach[here, 1] & bits[1] == 0:
            continue
        if n + (size - 1) * BLOCK > len(rows) or (
            taping
            and (state[TAPE_INTS] + 17 * BLOCK > len(tape_ints) or state[TAPE_FLOATS] + 3 * BLOCK > len(tape_floats))
        ):
            state[N_ROWS] = n
            state[RESUME] = start
            return False
        n_found = _codes(rows, start, stop, gen, size, wide, n_letters, found, codes)
        state[JUNK] += _touch(rows, table, gen, n_found, found, codes, letters, n_letters, marks, ahead, key)
        for k in range(n_found):
            i, c = np.uint64(found[k]), np.uint64(codes[k])
            if marks[i] != 0:
                marks[i] = 0
                continue
            if n_letters[c] == 1:
                if taping:
                    spot[c], sign[c], before[c] = found[k], 1.0, vals[i, at]
                    sens[i] = max(sens[i] * abs(matrix[c, c]), abs(before[c]) * slopes[c, c])
                    _record(tape_ints, tape_floats, state, 1 << codes[k], size, spot, sign, before)
                vals[i, at] *= matrix[c, c]
                continue
            k0, k1 = rows[i, 0], rows[i, 1]
            k2, k3 = 0, 0
            if wide:
                k2, k3 = rows[i, 2], rows[i, 3]
            h = rows[i, key]
            n_y = popcount(k0 & k1) + popcount(k2 & k3)
            for m in range(n_letters[c]):
                b = np.uint64(letters[c, m])
                g = b ^ c
                if g == 0:
                    spot[b] = found[k]
                    sign[b] = 1.0
                    before[b] = vals[i, at]
                    if taping:
                        old_sens[b] = sens[i]
                    continue
                g0, g1, g2, g3 = gen[g, 0], gen[g, 1], gen[g, 2], gen[g, 3]
                w0, w1, w2, w3 = k0 ^ g0, k1 ^ g1, k2 ^ g2, k3 ^ g3
                j = find(rows, table, w0, w1, w2, w3, h ^ gen[g, 4], wide)
                phase = phases[c, b] + n_y + 2 * popcount(g1 & k0) - popcount(w0 & w1)
                if wide:
                    phase += 2 * popcount(g3 & k2) - popcount(w2 & w3)
                spot[b] = j
                sign[b] = 1.0 - (phase & 3)
                before[b] = 0.0
                old_sens[b] = 0.0
                if j >= 0:
                    before[b] = sign[b] * vals[np.uint64(j), at]
                    if taping:
                        old_sens[b] = sens[j]
                    if b != 0 and j < n_old:
                        marks[np.uint64(j)] = 1
            for m in range(n_letters[c]):
                b = np.uint64(letters[c, m])
                value = before[0] if b == 0 else 0.0
                most = old_sens[0] if b == 0 else 0.0
                for other in range(n_letters[c]):
                    a = np.uint64(letters[c, other])
                    if a != 0:
                        value += matrix[b, a] * before[a]
                        if taping:
                            most = max(most, abs(matrix[b, a]) * old_sens[a], slopes[b, a] * abs(before[a]))
                after[b] = value
                new_sens[b] = most
            for m in range(n_letters[c]):
                b = np.uint64(letters[c, m])
                j = spot[b]
                if j >= 0:
                    vals[np.uint64(j), at] = sign[b] * after[b]
                    if taping:
                        sens[j] = new_sens[b]
                    continue
                g = b ^ c
                w0, w1, w2, w3 = k0 ^ gen[g, 0], k1 ^ gen[g, 1], k2 ^ gen[g, 2], k3 ^ gen[g, 3]
                importance = max(abs(after[b]), new_sens[b])
                if importance > eps and (max_weight >= 128 or weight(inverse, w0, w1, w2, w3) <= max_weight):
                    new = np.uint64(n)
                    rows[new, 0] = w0
                    rows[new, 1] = w1
                    if wide:
                        rows[new, 2] = w2
                        rows[new, 3] = w3
                    rows[new, key] = h ^ gen[g, 4]
                    vals[new, at] = sign[b] * after[b]
                    marks[new] = 0
                    if taping:
                        sens[new] = new_sens[b]
                    enter(table, -1 - j, h ^ gen[g, 4], n)
                    reach[n // BLOCK, 0] |= reach[here, 0] | bits[0]
                    reach[n // BLOCK, 1] |= reach[here, 1] | bits[1]
                    spot[b] = n
                    n += 1
                elif after[b] != 0.0:
                    statistics[DROPPED_SUM] += abs(after[b])
                    statistics[DROPPED_SQUARES] += after[b] * after[b]
                    statistics[N_DROPPED] += 1
            if taping:
                _record(tape_ints, tape_floats, state, comp[c], size, spot, sign, before)
    state[N_ROWS] = n
    state[RESUME] = 0
    return True


@njit(**OPTIONS)
def _codes(rows, start, stop, gen, size, wide, n_letters, found, codes):
    """List the rows of a block that the operation changes, with their letter codes; return how many."""
    x0, z0, x1, z1 = gen[2, 1], gen[2, 0], gen[2, 3], gen[2, 2]
    p0, q0, p1, q1 = gen[1, 1], gen[1, 0], gen[1, 3], gen[1, 2]
    n = 0
    for i in range(start, stop):
        u = np.uint64(i)
        a0, a1 = rows[u, 0], rows[u, 1]
        s = (a0 & x0) ^ (a1 & z0)
        t = (a0 & p0) ^ (a1 & q0)
        if wide:
            b0, b1 = rows[u, 2], rows[u, 3]
            s ^= (b0 & x1) ^ (b1 & z1)
            t ^= (b0 & p1) ^ (b1 & q1)
        code = (popcount(s) & 1) | ((popcount(t) & 1) << 1)
        if size == 16:
            s = (a0 & gen[8, 1]) ^ (a1 & gen[8, 0])
            t = (a0 & gen[4, 1]) ^ (a1 & gen[4, 0])
            if wide:
                s ^= (rows[u, 2] & gen[8, 3]) ^ (rows[u, 3] & gen[8, 2])
                t ^= (rows[u, 2] & gen[4, 3]) ^ (rows[u, 3] & gen[4, 2])
            code |= ((popcount(s) & 1) << 2) | ((popcount(t) & 1) << 3)
        v = np.uint64(n)
        found[v] = i
        codes[v] = code
        if n_letters[np.uint64(code)] > 0:
            n += 1
    return n


@njit(**OPTIONS)
def _touch(rows, table, gen, n_found, found, codes, letters, n_letters, marks, ahead, key):
    """Read what is about to be looked up: many cache misses at a time are cheaper than one after the other."""
    n = 0
    last = np.uint64(len(table) - 1)
    for k in range(n_found):
        i, c = np.uint64(found[k]), np.uint64(codes[k])
        if n_letters[c] == 1 or marks[i] != 0:
            continue
        for m in range(n_letters[c]):
            g = np.uint64(letters[c, m]) ^ c
            if g != 0 and n < len(ahead):
                ahead[n] = slot_of(rows[i, key] ^ gen[g, 4], table)
                n += 1
    junk = 0
    for k in range(n):  # tight loops keep more reads in flight
        ahead[k] = np.uint64(table[np.uint64(ahead[k])]) & last
    for k in range(n):
        if ahead[k] != 0:
            junk ^= rows[np.uint64(ahead[k] - 1), 0]
    return junk


@njit(**OPTIONS)
def _record(tape_ints, tape_floats, state, mask, size, index, sign, before):
    """Note on the tape which rows a group ended in (2 row + sign, -1 for none) and its coefficients before."""
    at, at_float = state[TAPE_INTS], state[TAPE_FLOATS]
    tape_ints[at] = mask
    at += 1
    for b in range(size):
        if (mask >> b) & 1:
            tape_ints[at] = -1 if index[b] < 0 else 2 * index[b] + (1 if sign[b] < 0 else 0)
            at += 1
            if size == 4 and b > 0:
                tape_floats[at_float] = before[b]
                at_float += 1
    state[TAPE_INTS] = at
    state[TAPE_FLOATS] = at_float


@njit(**OPTIONS)
def compact(rows, vals, sens, table, reach, n, inverse, max_weight, eps, taping, wide, renew, statistics, kept):
    """Drop the rows that are too small or too heavy; return how many remain. `kept[new]` = old row, if taping.

    `renew`: work out anew which qubits the rows of each block act on.
    """
    key = 4 if wide else 2
    m = 0
    for i in range(n):
        if i % BLOCK == 0:
            reach0, reach1 = reach[i // BLOCK]
            reach[i // BLOCK] = 0
        size = abs(vals[i, key + 1])
        if taping:
            size = max(size, sens[i])
        keep = size > eps
        low, high = reach0, reach1
        if keep and (renew or max_weight < 128):
            x1, z1 = (rows[i, 2], rows[i, 3]) if wide else (0, 0)
            low, high = support(inverse, rows[i, 0], rows[i, 1], x1, z1)
            keep = popcount(low) + popcount(high) <= max_weight
        if keep:
            if taping:
                kept[m] = i
                sens[m] = sens[i]
            for w in range(key + 2):
                rows[m, w] = rows[i, w]
            reach[m // BLOCK, 0] |= low
            reach[m // BLOCK, 1] |= high
            m += 1
        elif vals[i, key + 1] != 0.0:
            statistics[DROPPED_SUM] += abs(vals[i, key + 1])
            statistics[DROPPED_SQUARES] += vals[i, key + 1] ** 2
            statistics[N_DROPPED] += 1
    if m < n:
        rebuild(rows, table, m)
    return m
