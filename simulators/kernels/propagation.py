"""Kernels of truncated Pauli propagation: an observable runs backwards through a whole circuit in one compiled call.

The observable is a sum of Pauli strings, one row of integers each: words x0, z0 (and x1, z1 above 64 qubits) with a bit
per qubit, Y = both bits; then a hash; then the coefficient, as the bits of a float64 (`vals` is the same memory seen as
floats). An open-addressing table finds the row of a string.

Clifford gates move no row. Rows are strings of a *frame*: `frame[2 q]` and `frame[2 q + 1]` hold the string (with hash
and power of i) that stands for the physical X and Z on qubit q, and a Clifford gate rewrites these few lines. A row has
an X part on q where it anticommutes with the line of Z, a Z part where it anticommutes with the line of X.

Everything else is one kernel, `_mix`. It takes the real matrix A of a channel on one or two qubits in the Heisenberg
picture, c'[b] = sum_a A[b, a] c[a] over the strings that differ only in their letters there, and applies it to all
rows. Letters are numbered so that their product is XOR: I, X, Z, Y = 0, 1, 2, 3, second qubit times 4. Letters that A
does not connect are scaled in place; connected ones are looked up together. A rotation, a run of rotations with their
noise, a relaxation that spawns shorter strings, read-out error, a depolarizing factor and an arbitrary channel differ
in A only. A string of small coefficient is left out when it would be new; small amounts always join an existing string.

What costs time is reading memory at random. So rows come in blocks, `reach` notes on which qubits the rows of a block
may act (a new row stands near those made by the same operation, so blocks stay local), blocks out of reach of an
operation are skipped, and the table entries that a block needs are read ahead together.

The gradient keeps a tape of the rows that each operation mixed and sweeps it backwards. Nothing is checked here;
`pauli_propagation` builds the arrays.
"""

import math

import numpy as np
from numba import float64, int64, njit, types
from numba.extending import intrinsic

from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.propagation_layout import (
    CLIFFORD,
    DROPPED_SQUARES,
    DROPPED_SUM,
    MIX2,
    N_DROPPED,
    N_FINAL,
    N_PEAK,
    OK,
    ROT2,
    STATUS,
    STOPPED_AT,
    TOO_LONG_TAPE,
    TOO_MANY_TERMS,
    VALUE,
)

BLOCK = 64

# The state of a run between operations.
N_ROWS, TAPE_INTS, TAPE_FLOATS, RESUME, JUNK, N_STATE = range(6)

_MIXER = -7046029254386353131  # odd, 2**64 divided by the golden ratio
_TAG = 0xFFFFFFFF
_ONE = np.uint64(1)


@intrinsic
def _popcount(typing_context, word):  # noqa: ARG001 - numba asks for these arguments
    """Return the number of set bits."""

    def code(context, builder, signature, arguments):  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return int64(int64), code


@njit(**OPTIONS)
def _slot(h, table):
    """Return where the search for a hash starts; the product breaks the linear structure of the hash."""
    return np.uint64((((h ^ (h >> 32)) * _MIXER) >> 20) & (len(table) - 1))


@njit(**OPTIONS)
def _find(rows, table, x0, z0, x1, z1, h, wide):
    """Return the row of a string, or -1 minus the free slot where it belongs."""
    last = len(table) - 1
    tag = _TAG & ~last
    slot = _slot(h, table)
    while True:
        entry = int64(table[slot])
        if entry == 0:
            return -1 - int64(slot)
        if (entry ^ h) & tag == 0:
            j = (entry & last) - 1
            u = np.uint64(j)
            if rows[u, 0] == x0 and rows[u, 1] == z0 and (not wide or (rows[u, 2] == x1 and rows[u, 3] == z1)):
                return j
        slot = (slot + _ONE) & np.uint64(last)


@njit(**OPTIONS)
def _enter(table, slot, h, row):
    """Note `row` in the first free slot from `slot` on: row + 1 in the low bits, bits of the hash above."""
    last = len(table) - 1
    free = np.uint64(slot)
    while table[free] != 0:
        free = (free + _ONE) & np.uint64(last)
    table[free] = (h & _TAG & ~last) | (row + 1)


@njit(**OPTIONS)
def _rebuild(rows, table, n):
    table[:] = 0
    at = rows.shape[1] - 2
    for i in range(n):
        _enter(table, _slot(rows[i, at], table), rows[i, at], i)


@njit(**OPTIONS)
def _product_phase(a, b):
    """Return k with a b = i**k (a xor b) for Hermitian strings a and b, k modulo 4."""
    k = 0
    for w in (0, 2):
        k += _popcount(a[w] & a[w + 1]) + _popcount(b[w] & b[w + 1]) + 2 * _popcount(a[w + 1] & b[w])
        k -= _popcount((a[w] ^ b[w]) & (a[w + 1] ^ b[w + 1]))
    return k & 3


@njit(**OPTIONS)
def _times(out, factor):
    """Multiply the line `out` (words, hash, power of i) by another from the right."""
    out[5] = (out[5] + factor[5] + _product_phase(out, factor)) & 3
    for w in range(5):
        out[w] ^= factor[w]


@njit(**OPTIONS)
def _conjugate(frame, inverse, a, b, images, n_lines, lines):
    """Rewrite the frame for a Clifford gate on qubits a and b.

    `images[j]` = (letters, power of i, letters of the inverse image) for X_a, Z_a, X_b, Z_b; letters as four bits.
    """
    for j in range(n_lines):
        lines[j, :] = 0
        lines[j, 5] = images[j, 1]
        for k in range(n_lines):
            if (images[j, 0] >> k) & 1:
                _times(lines[j], frame[2 * (a if k < 2 else b) + (k & 1)])
    for j in range(n_lines):
        frame[2 * (a if j < 2 else b) + (j & 1)] = lines[j]
    for i in range(len(inverse)):
        code = 0
        for k in range(n_lines):
            q = a if k < 2 else b
            code |= ((inverse[i, 2 * (q >> 6) + (k & 1)] >> (q & 63)) & 1) << k
        image = 0
        for k in range(n_lines):
            if (code >> k) & 1:
                image ^= images[k, 2]
        change = code ^ image
        for k in range(n_lines):
            q = a if k < 2 else b
            inverse[i, 2 * (q >> 6) + (k & 1)] ^= ((change >> k) & 1) << (q & 63)


@njit(**OPTIONS)
def _support(inverse, x0, z0, x1, z1):
    """Return the qubits, as two words of bits, on which the string acts that a row stands for.

    `inverse` maps frame letters to physical ones.
    """
    p0, p1, p2, p3 = 0, 0, 0, 0
    for w in range(4):
        left = x0 if w == 0 else (z0 if w == 1 else (x1 if w == 2 else z1))
        while left != 0:
            low = left & -left
            left ^= low
            line = np.uint64(2 * (64 * (w >> 1) + _popcount(low - 1)) + (w & 1))
            p0 ^= inverse[line, 0]
            p1 ^= inverse[line, 1]
            p2 ^= inverse[line, 2]
            p3 ^= inverse[line, 3]
    return p0 | p1, p2 | p3


@njit(**OPTIONS)
def _weight(inverse, x0, z0, x1, z1):
    """Return on how many qubits the string acts that a row stands for."""
    low, high = _support(inverse, x0, z0, x1, z1)
    return _popcount(low) + _popcount(high)


@njit(**OPTIONS)
def _generators(frame, op, gen):
    """Write to gen[code] the line of the string with these letters on the operation's qubit(s)."""
    gen[0, :] = 0
    a, b = op[1], op[2]
    if op[0] == ROT2:  # gen[2] is the rotation's axis, gen[1] anticommutes with it
        first, second = op[4], op[5]
        gen[1] = frame[2 * a + (1 if first != 2 else 0)]
        _letter(frame, a, first, gen[2])
        _letter(frame, b, second, gen[3])
        _times(gen[2], gen[3])
        gen[3] = gen[1]
        _times(gen[3], gen[2])
        gen[3, 5] = (gen[3, 5] + 1) & 3
        return
    for code in range(1, 4):
        _letter(frame, a, code, gen[code])
    if op[0] == MIX2:
        for code in range(4, 16):
            _letter(frame, b, code >> 2, gen[code])
            if code & 3:
                _times(gen[code], gen[code & 3])


@njit(**OPTIONS)
def _letter(frame, q, letter, out):
    """Write the line of the letter (1, 2, 3 for X, Z, Y) on qubit q."""
    out[:] = frame[2 * q + (1 if letter == 2 else 0)]
    if letter == 3:
        _times(out, frame[2 * q + 1])
        out[5] = (out[5] + 1) & 3


@njit(**OPTIONS)
def _letter_phase(b, a):
    """Return k with L_b L_a = i**k L_(b xor a) for letters of two qubits."""
    k = 0
    for _ in range(2):
        p, q = b & 3, a & 3
        if p != 0 and q != 0 and p != q:
            k += 1 if (p == 1 and q == 3) or (p == 3 and q == 2) or (p == 2 and q == 1) else 3
        b >>= 2
        a >>= 2
    return k & 3


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
def _plan(gen, matrix, slopes, size, comp, letters, n_letters, phases):
    """Work out per letter code what `_mix` does: n_letters[c] = 0 nothing, 1 scale, else mix letters[c, :n_letters[c]].

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
                own = _popcount(g[0] & g[1]) + _popcount(g[2] & g[3])
                phases[c, b] = _letter_phase(b, c) + g[5] + own
        if n_letters[c] == 1 and matrix[c, c] == 1.0 and slopes[c, c] == 0.0:
            n_letters[c] = 0


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
        code = (_popcount(s) & 1) | ((_popcount(t) & 1) << 1)
        if size == 16:
            s = (a0 & gen[8, 1]) ^ (a1 & gen[8, 0])
            t = (a0 & gen[4, 1]) ^ (a1 & gen[4, 0])
            if wide:
                s ^= (rows[u, 2] & gen[8, 3]) ^ (rows[u, 3] & gen[8, 2])
                t ^= (rows[u, 2] & gen[4, 3]) ^ (rows[u, 3] & gen[4, 2])
            code |= ((_popcount(s) & 1) << 2) | ((_popcount(t) & 1) << 3)
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
                ahead[n] = _slot(rows[i, key] ^ gen[g, 4], table)
                n += 1
    junk = 0
    for k in range(n):  # tight loops keep more reads in flight
        ahead[k] = np.uint64(table[np.uint64(ahead[k])]) & last
    for k in range(n):
        if ahead[k] != 0:
            junk ^= rows[np.uint64(ahead[k] - 1), 0]
    return junk


@njit(**OPTIONS)
def _mix(
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
            n_y = _popcount(k0 & k1) + _popcount(k2 & k3)
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
                j = _find(rows, table, w0, w1, w2, w3, h ^ gen[g, 4], wide)
                phase = phases[c, b] + n_y + 2 * _popcount(g1 & k0) - _popcount(w0 & w1)
                if wide:
                    phase += 2 * _popcount(g3 & k2) - _popcount(w2 & w3)
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
                if importance > eps and (max_weight >= 128 or _weight(inverse, w0, w1, w2, w3) <= max_weight):
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
                    _enter(table, -1 - j, h ^ gen[g, 4], n)
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
def _compact(rows, vals, sens, table, reach, n, inverse, max_weight, eps, taping, wide, renew, statistics, kept):
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
            low, high = _support(inverse, rows[i, 0], rows[i, 1], x1, z1)
            keep = _popcount(low) + _popcount(high) <= max_weight
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
        _rebuild(rows, table, m)
    return m


@njit(**OPTIONS)
def _fuse(elements, angles, constants, first, count, theta, matrix, slopes, parts, taping):
    """Multiply the elements of a one-qubit operation: matrix = e_last ... e_first, and bounds on its derivatives."""
    for k in range(count):
        _element(elements, angles, constants, first + k, theta, parts[k], False)
    _identity(matrix)
    for k in range(count):
        _premultiply(parts[k], matrix)
    slopes[:] = 0.0
    if taping:
        derivative = np.empty((4, 4))
        for k in range(count):
            if elements[first + k, 1] >= 0:
                _derivative(elements, angles, constants, first, count, k, theta, parts, derivative)
                for b in range(4):
                    for a in range(4):
                        slopes[b, a] = max(slopes[b, a], abs(derivative[b, a]))


@njit(**OPTIONS)
def _derivative(elements, angles, constants, first, count, k, theta, parts, out):
    """Write d(matrix) / d(angle of element k)."""
    one = np.empty((4, 4))
    _identity(out)
    for j in range(count):
        if j == k:
            _element(elements, angles, constants, first + k, theta, one, True)
            _premultiply(one, out)
        else:
            _premultiply(parts[j], out)


@njit(**OPTIONS)
def _element(elements, angles, constants, e, theta, out, differentiate):
    """Write the Heisenberg matrix of one element, letters in the order I, X, Z, Y, or its derivative."""
    kind, slot = elements[e, 0], elements[e, 1]
    if kind == 0:
        for b in range(4):
            for a in range(4):
                out[b, a] = constants[elements[e, 2] + 4 * b + a]
        return
    angle = angles[e, 1]
    if slot >= 0:
        angle += angles[e, 0] * theta[slot]
    cos, sin = math.cos(angle), math.sin(angle)
    p = 3 if kind == 1 else (2 if kind == 3 else 1)  # kind 1, 2, 3: the axis X, Z, Y
    q = 2 if kind == 1 else (3 if kind == 2 else 1)
    if differentiate:
        cos, sin = -sin, cos
        out[:] = 0.0
    else:
        _identity(out)
    out[p, p] = cos
    out[q, q] = cos
    out[p, q] = sin
    out[q, p] = -sin


@njit(**OPTIONS)
def _identity(out):
    for b in range(4):
        for a in range(4):
            out[b, a] = 1.0 if a == b else 0.0


@njit(**OPTIONS)
def _premultiply(left, out):
    for a in range(4):
        c0, c1, c2, c3 = out[0, a], out[1, a], out[2, a], out[3, a]
        for b in range(4):
            out[b, a] = left[b, 0] * c0 + left[b, 1] * c1 + left[b, 2] * c2 + left[b, 3] * c3


@njit(**OPTIONS)
def _operation_matrix(op, elements, angles, constants, theta, matrix, slopes, parts, taping):
    """Write the matrix of a mixing operation; return its size, 4 or 16."""
    if op[0] == MIX2:
        for b in range(16):
            for a in range(16):
                matrix[b, a] = constants[op[3] + 16 * b + a]
        slopes[:] = 0.0
        return 16
    _fuse(elements, angles, constants, op[3], op[6], theta, matrix, slopes, parts, taping)
    return 4


@njit(**OPTIONS)
def _final_sign(frame, words, n_qubits, product):
    """Return the expectation value, 1, -1 or 0, of the row with these words in the state |0...0>."""
    for q in range(n_qubits):
        z = frame[2 * q + 1]
        t = (words[0] & z[1]) ^ (words[1] & z[0]) ^ (words[2] & z[3]) ^ (words[3] & z[2])
        if _popcount(t) & 1:
            return 0.0
    product[:] = 0
    for q in range(n_qubits):
        x = frame[2 * q]
        t = (words[0] & x[1]) ^ (words[1] & x[0]) ^ (words[2] & x[3]) ^ (words[3] & x[2])
        if _popcount(t) & 1:
            _times(product, frame[2 * q + 1])
    return 1.0 - product[5]


@njit(**OPTIONS)
def _final_signs(rows, n, frame, n_qubits, wide, signs):
    """Write the expectation value of every row in the state |0...0>."""
    words = np.zeros(6, dtype=np.int64)
    product = np.zeros(6, dtype=np.int64)
    for i in range(n):
        words[0], words[1] = rows[i, 0], rows[i, 1]
        if wide:
            words[2], words[3] = rows[i, 2], rows[i, 3]
        signs[i] = _final_sign(frame, words, n_qubits, product)


@njit(**OPTIONS)
def _longer(array, length):
    out = np.empty(length, dtype=array.dtype)
    out[: len(array)] = array
    return out


@njit(**OPTIONS)
def _value(rows, vals, n, frame, n_qubits, signs):
    wide = n_qubits > 64
    key = 4 if wide else 2
    _final_signs(rows, n, frame, n_qubits, wide, signs)
    total = 0.0
    for i in range(n):
        if signs[i] != 0.0:
            total += signs[i] * vals[i, key + 1]
    return total


@njit(**OPTIONS)
def _mix_back(adjoint, ints, floats, at, end, at_float, matrix, size, sums):
    """Turn adjoints after an operation into those before it; sums[b, a] = sum of adjoint[b] coefficient[a]."""
    sums[:] = 0.0
    late = np.zeros(16)
    early = np.zeros(16)
    while at < end:
        mask = ints[at]
        place = at + 1
        for b in range(size):
            if (mask >> b) & 1:
                late[b] = 0.0 if ints[place] < 0 else adjoint[ints[place] >> 1] * (1 - 2 * (ints[place] & 1))
                place += 1
        for a in range(1, size):
            if not (mask >> a) & 1:
                continue
            total = 0.0
            for b in range(size):
                if (mask >> b) & 1:
                    total += matrix[b, a] * late[b]
                    if size == 4:
                        sums[b, a] += late[b] * floats[at_float]
            early[a] = total
            if size == 4:
                at_float += 1
        place = at + 1
        for b in range(size):
            if (mask >> b) & 1:
                if b > 0 and ints[place] >= 0:
                    adjoint[ints[place] >> 1] = early[b] * (1 - 2 * (ints[place] & 1))
                place += 1
        at = place


@njit(**OPTIONS)
def _sweep_back(ops, elements, angles, constants, theta, adjoint, ints, floats, events, gradient):
    """Run the tape backwards and add up the gradient; `adjoint` holds the final values of the rows."""
    parts = np.zeros((_longest(ops), 4, 4))
    matrix, slopes, sums, derivative = np.zeros((16, 16)), np.zeros((16, 16)), np.zeros((4, 4)), np.zeros((4, 4))
    end = events[len(ops), 0]
    for t in range(len(ops) - 1, -1, -1):
        op = ops[t]
        if events[t, 0] < 0:
            continue
        size = _operation_matrix(op, elements, angles, constants, theta, matrix, slopes, parts, False)
        _mix_back(adjoint, ints, floats, events[t, 0], end, events[t, 1], matrix, size, sums)
        end = events[t, 0]
        if size == 4:
            for k in range(op[6]):
                e = op[3] + k
                if elements[e, 1] >= 0:
                    _derivative(elements, angles, constants, op[3], op[6], k, theta, parts, derivative)
                    gradient[elements[e, 1]] += angles[e, 0] * (sums * derivative).sum()
        if events[t, 2] >= 0:
            end = events[t, 2]
            longer = np.zeros(ints[end])
            for i in range(ints[end + 1]):
                longer[ints[end + 2 + i]] = adjoint[i]
            adjoint = longer


@njit(**OPTIONS)
def _longest(ops):
    """Return the largest number of elements of an operation."""
    longest = 1
    for t in range(len(ops)):
        longest = max(longest, ops[t, 6])
    return longest


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
    _rebuild(rows, table, n)
    n_compacted = n
    n_renewed = n
    statistics[N_PEAK] = n

    gen = np.zeros((16, 6), dtype=np.int64)
    lines = np.zeros((4, 6), dtype=np.int64)
    matrix, slopes = np.zeros((16, 16)), np.zeros((16, 16))
    parts = np.zeros((_longest(ops), 4, 4))
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
            _conjugate(frame, inverse, op[1], op[2], cliffords[op[3]], op[4], lines)
            continue
        if n > 1.25 * n_compacted + 64 or n > max_terms:
            if taping:
                kept = np.empty(n, dtype=np.int32)
            renew = n > 2 * n_renewed
            if renew:
                n_renewed = n
            m = _compact(
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
        size = _operation_matrix(op, elements, angles, constants, theta, matrix, slopes, parts, taping)
        _generators(frame, op, gen)
        _plan(gen, matrix, slopes, size, comp, letters, n_letters, phases)
        events[t, 0] = state[TAPE_INTS]
        events[t, 1] = state[TAPE_FLOATS]
        state[N_ROWS] = n
        state[RESUME] = 0
        n_old = n
        while not _mix(
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
                _rebuild(rows, table, n)
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
        _sweep_back(ops, elements, angles, constants, theta, adjoint, tape_ints, tape_floats, events, gradient)


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
