"""Kernels of the Pauli-Liouville picture: states of clusters run forwards, lambda of clusters run backwards.

What these arrays hold is told in `pauli_transfer`, where the entry points are.
"""

from numba import njit

from qvar.simulators.kernels.angles import turn
from qvar.simulators.kernels.arrays import padded
from qvar.simulators.kernels.lanes import load, spread, store, total
from qvar.simulators.kernels.layout import (
    CONSTANTS,
    CX,
    FIRST,
    HARMLESS,
    KEPT_IN,
    KEPT_OUT,
    KEPT_SMALL,
    LEAF_ROW,
    LEAVES_AT,
    LOCAL,
    MERGE,
    N_FACTORS,
    N_LEAVES,
    N_OPS,
    N_ROOTS,
    N_SLOTS,
    N_TERMS,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    OPTIONS,
    PLACE,
    PREFIXES,
    ROOT_PLACE,
    ROOT_ROW,
    ROOT_SIZE,
    ROOTS_AT,
    SECOND,
    SIZE,
    SMALL,
    TERMS_AT,
)
from qvar.simulators.kernels.one_qubit import invert, local, local_back, multiply, slopes, transpose
from qvar.simulators.kernels.two_qubit import cx, cx_back, cx_undo, dense


@njit(**OPTIONS)
def start(work, place):
    work[place] = 1.0
    work[place + 1] = 0.0
    work[place + 2] = 0.0
    work[place + 3] = 1.0


@njit(inline="always", **OPTIONS)
def forward(ints, floats, constants, theta, work, base, kept):
    """Run the circuit from |0...0>, with states from `base` on, in place or kept."""
    turn(ints, floats, theta, work)
    for leaf in range(ints[N_LEAVES]):
        start(work, base + ints[ints[LEAVES_AT] + LEAF_ROW * leaf + (1 if kept else 0)])
    run(ints, constants, work, base, kept, 0, ints[N_OPS])


@njit(inline="always", **OPTIONS)
def run(ints, constants, work, base, kept, first, end):
    """Run some operations forwards on states from `base` on: in place, or the state before LOCAL and MERGE kept."""
    for k in range(first, end):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        target = base + ints[row + (KEPT_OUT if kept else PLACE)]
        source = base + ints[row + (KEPT_IN if kept else PLACE)]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        if opcode == LOCAL:
            scratch = multiply(ints, constants, work, row, False)
            local(work, source, target, size, a, scratch)
        elif opcode == CX:
            cx(work, target, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            merge(work, target, source, a, base + ints[row + (KEPT_SMALL if kept else SMALL)], b)
        else:
            dense(work, target, size, a, b, constants, ints[row + CONSTANTS], False, 2 * padded(ints[N_FACTORS]))


@njit(**OPTIONS)
def merge(work, target, large, n_large, small, n_small):
    """Write the product of two clusters; in place, the larger one already is its first part, for r_0 = 1."""
    for b in range(1 if target == large else 0, n_small):
        factor = work[small + b]
        for a in range(0, n_large, 4):
            store(work, target + b * n_large + a, factor * load(work, large + a))


@njit(**OPTIONS)
def sum_of_terms(ints, floats, work, base, column, first, end):
    """Return the value of the observable's terms first ... end - 1; `column` of a root says where its state lies."""
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    terms = ints[TERMS_AT]
    coefficients = 2 * ints[N_FACTORS]
    value = 0.0
    if n_roots == 1:
        place = base + ints[roots + column]
        for t in range(first, end):
            value += floats[coefficients + t] * work[place + ints[terms + t]]
        return value
    for t in range(first, end):
        product = floats[coefficients + t]
        for j in range(n_roots):
            product *= work[base + ints[roots + ROOT_ROW * j + column] + ints[terms + t * n_roots + j]]
        value += product
    return value


@njit(inline="always", **OPTIONS)
def expectation(ints, floats, work, base, column):
    """Return the observable's value from the final clusters."""
    return sum_of_terms(ints, floats, work, base, column, 0, ints[N_TERMS])


@njit(**OPTIONS)
def observable(ints, floats, work, lam, states, root):
    """Write lambda of one final cluster, given the states of the others."""
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    terms = ints[TERMS_AT]
    coefficients = 2 * ints[N_FACTORS]
    place = lam + ints[roots + ROOT_ROW * root + ROOT_PLACE]
    for i in range(0, ints[roots + ROOT_ROW * root + ROOT_SIZE], 4):
        store(work, place + i, spread(0.0))
    for t in range(ints[N_TERMS]):
        product = floats[coefficients + t]
        for other in range(n_roots):
            if other != root:
                product *= work[
                    states + ints[roots + ROOT_ROW * other + ROOT_PLACE] + ints[terms + t * n_roots + other]
                ]
        work[place + ints[terms + t * n_roots + root]] += product


@njit(**OPTIONS)
def observables(ints, floats, work, lam, states, column):
    """Write lambda of all final clusters; the products over all others come from both ends of a term."""
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    coefficients = 2 * ints[N_FACTORS]
    later = 2 * padded(ints[N_FACTORS]) + PREFIXES  # products over the clusters after each
    for root in range(n_roots):
        place = lam + ints[roots + ROOT_ROW * root + ROOT_PLACE]
        for i in range(0, ints[roots + ROOT_ROW * root + ROOT_SIZE], 4):
            store(work, place + i, spread(0.0))
    for t in range(ints[N_TERMS]):
        indices = ints[TERMS_AT] + t * n_roots
        product = 1.0
        for root in range(n_roots - 1, -1, -1):
            work[later + root] = product
            product *= work[states + ints[roots + ROOT_ROW * root + column] + ints[indices + root]]
        product = floats[coefficients + t]
        for root in range(n_roots):
            row = roots + ROOT_ROW * root
            work[lam + ints[row + ROOT_PLACE] + ints[indices + root]] += product * work[later + root]
            product *= work[states + ints[row + column] + ints[indices + root]]


@njit(inline="always", **OPTIONS)
def run_back(ints, floats, constants, work, lam, states, uncompute, out):
    """Bring lambda from the end to the start, undoing the states if they were not kept; fill `out` with all slopes."""
    for slot in range(ints[N_SLOTS]):
        out[slot] = 0.0
    scratch = 2 * padded(ints[N_FACTORS])
    for k in range(ints[N_OPS] - 1, -1, -1):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = lam + ints[row + PLACE]
        state_place = states + ints[row + PLACE] if uncompute else states + ints[row + KEPT_IN]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        c = ints[row + CONSTANTS]
        if opcode == LOCAL:
            multiply(ints, constants, work, row, True)
            if uncompute:
                invert(work, scratch)
            gx, gy, gz = local_back(work, place, state_place, size, a, scratch, uncompute)
            slopes(ints, floats, constants, work, row, gx, gy, gz, out)
        elif opcode == CX:
            cx_back(work, place, size, a, b, constants, c)
            if uncompute:
                cx_undo(work, state_place, size, a, b, constants, c)
        elif opcode == MERGE:
            small = states + (ints[row + SMALL] if uncompute else ints[row + KEPT_SMALL])
            _merge_back(work, place, lam + ints[row + SMALL], state_place, a, small, b)
        else:
            dense(work, place, size, a, b, constants, c, True, scratch)


@njit(**OPTIONS)
def _merge_back(work, lam, lam_small, large, n_large, small, n_small):
    """Split lambda: lambda_small[b] = sum_a lambda[b, a] large[a], lambda_large[a] = sum_b lambda[b, a] small[b]."""
    work[lam_small] = 0.0  # nothing depends on the identity's coefficient
    for b in range(1, n_small):  # small[0] = 1, and lambda_large lies where lambda[0] lay
        factor = work[small + b]
        value = spread(0.0)
        for a in range(0, n_large, 4):
            given = load(work, lam + b * n_large + a)
            value = value + given * load(work, large + a)
            store(work, lam + a, load(work, lam + a) + factor * given)
        work[lam_small + b] = total(value)


@njit(**OPTIONS)
def run_transposed(ints, constants, work, lam):
    """Bring lambda from the end to the start without any state; for plans with a single leaf, which never merge."""
    scratch = 2 * padded(ints[N_FACTORS])
    for k in range(ints[N_OPS] - 1, -1, -1):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = lam + ints[row + PLACE]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        if opcode == LOCAL:
            multiply(ints, constants, work, row, False)
            transpose(work, place, place, size, a, scratch)
        elif opcode == CX:
            cx_back(work, place, size, a, ints[row + SECOND], constants, ints[row + CONSTANTS])
        else:
            dense(work, place, size, a, ints[row + SECOND], constants, ints[row + CONSTANTS], True, scratch)


@njit(**OPTIONS)
def distance_from_start(ints, work, states):
    """Return how far the qubits are from |0> after every operation has been undone, nan included."""
    worst = 0.0
    for leaf in range(ints[N_LEAVES]):
        place = states + ints[ints[LEAVES_AT] + LEAF_ROW * leaf]
        for k in range(4):
            distance = abs(work[place + k] - (1.0 if k == 0 or k == 3 else 0.0))
            if not distance <= worst:
                worst = distance
    return worst


@njit(**OPTIONS)
def is_undone(work, place, first):
    """Tell whether the state is back at the start, up to what is harmless for numbers of its size; nan is not."""
    largest = 0.0
    for i in range(first.size):
        largest = max(largest, abs(first[i]))
    for i in range(first.size):
        if not abs(work[place + i] - first[i]) <= HARMLESS * largest:
            return False
    return True
