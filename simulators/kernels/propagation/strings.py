"""Kernels of Pauli propagation: products of Pauli strings, and the frame that Clifford gates rewrite.

A line is six integers: words x0, z0, x1, z1, a hash, a power of i. `frame[2 q]` and `frame[2 q + 1]` are the lines that
stand for the physical X and Z on qubit q; `inverse` maps the letters of rows to physical ones.
"""

import numpy as np
from numba import njit

from qvar.simulators.kernels.bits import popcount
from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.propagation.layout import MIX2, ROT2


@njit(**OPTIONS)
def _product_phase(a, b):
    """Return k with a b = i**k (a xor b) for Hermitian strings a and b, k modulo 4."""
    k = 0
    for w in (0, 2):
        k += popcount(a[w] & a[w + 1]) + popcount(b[w] & b[w + 1]) + 2 * popcount(a[w + 1] & b[w])
        k -= popcount((a[w] ^ b[w]) & (a[w + 1] ^ b[w + 1]))
    return k & 3


@njit(**OPTIONS)
def times(out, factor):
    """Multiply the line `out` (words, hash, power of i) by another from the right."""
    out[5] = (out[5] + factor[5] + _product_phase(out, factor)) & 3
    for w in range(5):
        out[w] ^= factor[w]


@njit(**OPTIONS)
def conjugate(frame, inverse, a, b, images, n_lines, lines):
    """Rewrite the frame for a Clifford gate on qubits a and b.

    `images[j]` = (letters, power of i, letters of the inverse image) for X_a, Z_a, X_b, Z_b; letters as four bits.
    """
    for j in range(n_lines):
        lines[j, :] = 0
        lines[j, 5] = images[j, 1]
        for k in range(n_lines):
            if (images[j, 0] >> k) & 1:
                times(lines[j], frame[2 * (a if k < 2 else b) + (k & 1)])
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
def support(inverse, x0, z0, x1, z1):
    """Return the qubits, as two words of bits, on which the string acts that a row stands for.

    `inverse` maps frame letters to physical ones.
    """
    p0, p1, p2, p3 = 0, 0, 0, 0
    for w in range(4):
        left = x0 if w == 0 else (z0 if w == 1 else (x1 if w == 2 else z1))
        while left != 0:
            low = left & -left
            left ^= low
            line = np.uint64(2 * (64 * (w >> 1) + popcount(low - 1)) + (w & 1))
            p0 ^= inverse[line, 0]
            p1 ^= inverse[line, 1]
            p2 ^= inverse[line, 2]
            p3 ^= inverse[line, 3]
    return p0 | p1, p2 | p3


@njit(**OPTIONS)
def weight(inverse, x0, z0, x1, z1):
    """Return on how many qubits the string acts that a row stands for."""
    low, high = support(inverse, x0, z0, x1, z1)
    return popcount(low) + popcount(high)


@njit(**OPTIONS)
def generators(frame, op, gen):
    """Write to gen[code] the line of the string with these letters on the operation's qubit(s)."""
    gen[0, :] = 0
    a, b = op[1], op[2]
    if op[0] == ROT2:  # gen[2] is the rotation's axis, gen[1] anticommutes with it
        first, second = op[4], op[5]
        gen[1] = frame[2 * a + (1 if first != 2 else 0)]
        _letter(frame, a, first, gen[2])
        _letter(frame, b, second, gen[3])
        times(gen[2], gen[3])
        gen[3] = gen[1]
        times(gen[3], gen[2])
        gen[3, 5] = (gen[3, 5] + 1) & 3
        return
    for code in range(1, 4):
        _letter(frame, a, code, gen[code])
    if op[0] == MIX2:
        for code in range(4, 16):
            _letter(frame, b, code >> 2, gen[code])
            if code & 3:
                times(gen[code], gen[code & 3])


@njit(**OPTIONS)
def _letter(frame, q, letter, out):
    """Write the line of the letter (1, 2, 3 for X, Z, Y) on qubit q."""
    out[:] = frame[2 * q + (1 if letter == 2 else 0)]
    if letter == 3:
        times(out, frame[2 * q + 1])
        out[5] = (out[5] + 1) & 3


@njit(**OPTIONS)
def letter_phase(b, a):
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
def _final_sign(frame, words, n_qubits, product):
    """Return the expectation value, 1, -1 or 0, of the row with these words in the state |0...0>."""
    for q in range(n_qubits):
        z = frame[2 * q + 1]
        t = (words[0] & z[1]) ^ (words[1] & z[0]) ^ (words[2] & z[3]) ^ (words[3] & z[2])
        if popcount(t) & 1:
            return 0.0
    product[:] = 0
    for q in range(n_qubits):
        x = frame[2 * q]
        t = (words[0] & x[1]) ^ (words[1] & x[0]) ^ (words[2] & x[3]) ^ (words[3] & x[2])
        if popcount(t) & 1:
            times(product, frame[2 * q + 1])
    return 1.0 - product[5]


@njit(**OPTIONS)
def final_signs(rows, n, frame, n_qubits, wide, signs):
    """Write the expectation value of every row in the state |0...0>."""
    words = np.zeros(6, dtype=np.int64)
    product = np.zeros(6, dtype=np.int64)
    for i in range(n):
        words[0], words[1] = rows[i, 0], rows[i, 1]
        if wide:
            words[2], words[3] = rows[i, 2], rows[i, 3]
        signs[i] = _final_sign(frame, words, n_qubits, product)
