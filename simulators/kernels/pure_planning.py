"""Plan the execution of a noiseless circuit on amplitudes: CX costs nothing, and the state starts as a single number.

CX and SWAP only permute basis states, linearly over the bits. Pushed to the end of the circuit, they turn a rotation of
one qubit into that of a Pauli string: it mixes amplitudes i and i ^ x, of which the one with an odd number of bits in
i & z plays the part of |1>. All rotations of a qubit between two CX that concern them have the same x and z, and
become one operation.

What the x of all operations span is all that the state ever visits. Bits are numbered by the order in which operations
bring them in, so that the state of a circuit's beginning, or of a whole circuit with few rotations, is short.
"""

import numpy as np
from numba import njit

from qvar.simulators.kernels.arrays import filled, padded
from qvar.simulators.kernels.bits import parity
from qvar.simulators.kernels.layout import CX, FIXED, IN_SIZE, OPTIONS, RX, RZ, SWAP
from qvar.simulators.kernels.pure_layout import (
    COST,
    COUNT,
    DIAGONAL,
    FACTORS_AT,
    FIRST_FACTOR,
    FULL,
    GROW,
    HEADER,
    IMAGES_AT,
    MATRIX_SIZE,
    N_BITS,
    N_FACTORS,
    N_OPS,
    N_SLOTS,
    OBSERVABLE_AT,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    SCRATCH,
    SIZE,
    TURN,
    X,
    Z,
)

_ALONG_Z = 1  # what rotations that wait on a qubit consist of; others are both and neither
_ALONG_X = 2
_OTHER = 4


@njit(**OPTIONS)
def _kind(opcode, constants, c):
    """Tell whether an operation commutes with Z or with X, as a CX does on its control and on its target."""
    if opcode == RZ:
        return _ALONG_Z
    if opcode == RX:
        return _ALONG_X
    if opcode == FIXED and constants[c + 2] == 0 and constants[c + 3] == 0 and constants[c + 4] == 0:
        return _ALONG_Z if constants[c + 5] == 0 else _OTHER
    return _OTHER


@njit(**OPTIONS)
def _coordinates(x, basis, n_bits):
    """Return the bits of the mask `x`, adding one to the basis if it needs it, and the number of bits then.

    Rows of `basis`: vectors, the same after elimination, their pivots, and which vectors went into each.
    """
    rest = x
    bits = 0
    for k in range(n_bits):
        if rest & basis[2, k]:
            rest ^= basis[1, k]
            bits ^= basis[3, k]
    if rest == 0:
        return bits, n_bits
    new = np.int64(1) << n_bits
    basis[0, n_bits] = x
    basis[1, n_bits] = rest
    basis[2, n_bits] = rest & -rest
    basis[3, n_bits] = bits | new
    return new, n_bits + 1


@njit(**OPTIONS)
def _emit(ints, row, is_diagonal, x, z, basis, n_bits, first_factor, count):
    """Write the operation of a run of rotations; return the number of bits after it."""
    before = n_bits
    bits = np.int64(0)
    if not is_diagonal:
        bits, n_bits = _coordinates(x, basis, n_bits)
    ints[row + OPCODE] = DIAGONAL if is_diagonal else (GROW if n_bits > before and n_bits > 2 else TURN)
    ints[row + X] = bits
    ints[row + Z] = 0
    for k in range(n_bits):
        ints[row + Z] |= parity(z & basis[0, k]) << k
    ints[row + SIZE] = np.int64(1) << max(n_bits, 2)
    ints[row + FIRST_FACTOR] = first_factor
    ints[row + COUNT] = count
    return n_bits


@njit(**OPTIONS)
def plan(steps, angles, n_qubits, n_slots, observable, offset, joined, constants):
    """Return the plan (ints, floats) of a circuit.

    `steps` holds rows of IN_SIZE, `angles` scale and shift of each; `observable` is copied to the end of the plan;
    `constants` are those of the steps, which will stand `offset` numbers further on. With `joined`, the circuit starts
    from any state of all qubits instead of from |0...0>.
    """
    n_steps = steps.size // IN_SIZE
    xs = np.empty(n_qubits, np.int64)  # of X and of Z on each qubit, in terms of the start's
    zs = np.empty(n_qubits, np.int64)
    basis = np.empty((4, n_qubits), np.int64)
    for q in range(n_qubits):
        xs[q] = zs[q] = np.int64(1) << q
        basis[:, q] = xs[q]
    n_bits = n_qubits if joined else np.int64(0)
    head = filled(n_qubits, -1)  # the first and last step that waits on a qubit, and which comes after which
    tail = filled(n_qubits, -1)
    kinds = filled(n_qubits, 0)
    after = filled(n_steps, -1)
    n_factors = np.int64(0)
    for k in range(n_steps):
        opcode = steps[IN_SIZE * k]
        n_factors += 1 if opcode != CX and opcode != SWAP else 0
    ops_at = HEADER + 3 * n_factors  # there are no more operations than factors
    work = np.empty(ops_at + OP_SIZE * n_factors + n_qubits + observable.size, np.int64)
    floats = np.empty(2 * n_factors, np.float64)
    factor = np.int64(0)
    n_ops = np.int64(0)
    cost = np.int64(0)
    for k in range(n_steps + 1):
        last = k == n_steps
        opcode = -1 if last else steps[IN_SIZE * k]
        a = b = np.int64(0)
        if not last:
            a, b = steps[IN_SIZE * k + 1], steps[IN_SIZE * k + 2]
        if opcode >= 0 and opcode != CX and opcode != SWAP:
            if head[a] < 0:
                head[a] = k
            else:
                after[tail[a]] = k
            tail[a] = k
            kinds[a] |= _kind(opcode, constants, steps[IN_SIZE * k + 4])
            continue
        if opcode == SWAP:
            for array in (xs, zs, head, tail, kinds):
                array[a], array[b] = array[b], array[a]
            continue
        for q in range(n_qubits):
            concerned = last or (q == a and kinds[q] != _ALONG_Z) or (q == b and kinds[q] != _ALONG_X)
            if head[q] < 0 or not concerned:
                continue
            first = factor
            g = head[q]
            while g >= 0:
                row = HEADER + 3 * factor
                work[row] = steps[IN_SIZE * g]
                work[row + 1] = steps[IN_SIZE * g + 3]
                work[row + 2] = steps[IN_SIZE * g + 4] + offset
                floats[2 * factor] = 0.5 * angles[2 * g]
                floats[2 * factor + 1] = 0.5 * angles[2 * g + 1]
                factor += 1
                g = after[g]
            row = ops_at + OP_SIZE * n_ops
            is_diagonal = kinds[q] == _ALONG_Z
            n_bits = _emit(work, row, is_diagonal, xs[q], zs[q], basis, n_bits, first, factor - first)
            cost += 100 + 4 * work[row + SIZE]
            n_ops += 1
            head[q] = -1
            kinds[q] = 0
        if not last:
            zs[b] ^= zs[a]
            xs[a] ^= xs[b]
    return _finished(work, ops_at, n_ops, n_factors, basis, n_bits, zs, n_slots, observable, cost), floats


@njit(**OPTIONS)
def _finished(work, ops_at, n_ops, n_factors, basis, n_bits, zs, n_slots, observable, cost):
    """Write header, images and observable, and return the plan."""
    n_qubits = zs.size
    images_at = ops_at + OP_SIZE * n_ops
    work[N_OPS] = n_ops
    work[N_FACTORS] = n_factors
    work[N_SLOTS] = n_slots
    work[N_BITS] = n_bits
    work[FULL] = np.int64(1) << max(n_qubits, 2)
    work[OPS_AT] = ops_at
    work[FACTORS_AT] = HEADER
    work[IMAGES_AT] = images_at
    work[OBSERVABLE_AT] = images_at + n_bits
    work[SCRATCH] = (2 * padded(n_factors) + MATRIX_SIZE * (n_ops + 1) + 7) // 8 * 8
    work[COST] = cost + 20 * (np.int64(1) << n_bits)
    below = np.int64(0)
    for k in range(n_bits):
        for q in range(n_qubits):  # qubit q of the final state is the parity of what its Z has become
            below ^= parity(zs[q] & basis[0, k]) << q
        work[images_at + k] = below
    for k in range(observable.size):
        work[images_at + n_bits + k] = observable[k]
    return work[: images_at + n_bits + observable.size]


SIGNATURES = {
    "plan": "Tuple((int64[::1], float64[::1]))"
    "(int64[::1], float64[::1], int64, int64, int64[::1], int64, int64, float64[::1])",
}
