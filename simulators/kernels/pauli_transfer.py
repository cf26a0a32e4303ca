"""Kernels of the Pauli-Liouville picture: a whole noisy circuit, and its exact gradient, in one compiled call.

State of a cluster of m qubits: r[i] = Tr(P_i rho), float64 of length 4**m, i = sum_p d_p 4**p with digits 0, 1, 2, 3
for I, X, Y, Z; position p has stride S = 4**p. Three kinds of operation act on it: LOCAL, a run of rotations and
channels on one qubit, multiplied to one 3 x 4 matrix (I is never written); CX with its noise, a signed permutation,
diagonal factors and one affine term per qubit in one pass; DENSE, any other channel on two qubits. `planning` decides
what acts where.

With lambda the observable and E = lambda . r at every cut of the circuit, one sweep backwards with the transposed
operations gives all derivatives. For a LOCAL with matrix M, G = sum lambda (x) r (lambda after it, r before it, 3 x 4)
is all that its derivatives need: dE/dt = sum_ab G[a, b] dM[a, b]/dt, whatever the number of its rotations.

Entry points take the plan (`ints`, `floats`), the `constants` of gates and noise, the angles and a workspace. Nothing
is checked here; the engine builds the arrays.
"""

import math

from numba import njit

from qvar.simulators.kernels.angles import LARGEST_FAST_ANGLE, cos_sin, turn
from qvar.simulators.kernels.lanes import lanes_of, load, spread, store, total
from qvar.simulators.kernels.layout import (
    CONSTANTS,
    COUNT,
    CX,
    FACTORS_AT,
    FIRST,
    FIXED,
    FOURFOLD_SCRATCH,
    HARMLESS,
    KEPT_IN,
    KEPT_OUT,
    KEPT_SMALL,
    LARGEST_FOURFOLD,
    LEAF_ROW,
    LEAVES_AT,
    LOCAL,
    MATRIX,
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
    ROOT_KEPT,
    ROOT_PLACE,
    ROOT_ROW,
    ROOT_SIZE,
    ROOTS_AT,
    RX,
    RZ,
    SCRATCH,
    SECOND,
    SIZE,
    SMALL,
    STATE_SIZE,
    TERMS_AT,
    UNCOMPUTED,
)
from qvar.simulators.kernels.one_qubit import invert, local, local_back, multiply, slopes, transpose
from qvar.simulators.kernels.planning import is_valid, padded
from qvar.simulators.kernels.two_qubit import cx, cx_back, cx_undo, dense


@njit(**OPTIONS)
def _merge(work, target, large, n_large, small, n_small):
    """Write the product of two clusters; in place, the larger one already is its first part, for r_0 = 1."""
    for b in range(1 if target == large else 0, n_small):
        factor = work[small + b]
        for a in range(0, n_large, 4):
            store(work, target + b * n_large + a, factor * load(work, large + a))


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
def start(work, place):
    work[place] = 1.0
    work[place + 1] = 0.0
    work[place + 2] = 0.0
    work[place + 3] = 1.0


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
            _merge(work, target, source, a, base + ints[row + (KEPT_SMALL if kept else SMALL)], b)
        else:
            dense(work, target, size, a, b, constants, ints[row + CONSTANTS], False, 2 * padded(ints[N_FACTORS]))


@njit(inline="always", **OPTIONS)
def forward(ints, floats, constants, theta, work, base, kept):
    """Run the circuit from |0...0>, with states from `base` on, in place or kept."""
    turn(ints, floats, theta, work)
    for leaf in range(ints[N_LEAVES]):
        start(work, base + ints[ints[LEAVES_AT] + LEAF_ROW * leaf + (1 if kept else 0)])
    run(ints, constants, work, base, kept, 0, ints[N_OPS])


@njit(**OPTIONS)
def _sum_of_terms(ints, floats, work, base, column, first, end):
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
    return _sum_of_terms(ints, floats, work, base, column, 0, ints[N_TERMS])


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
def _observables(ints, floats, work, lam, states, column):
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


@njit(**OPTIONS)
def energy(ints, floats, constants, theta, work):
    """Return the expectation value, nan for bad angles; `work` holds SCRATCH + STATE_SIZE numbers."""
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    forward(ints, floats, constants, theta, work, ints[SCRATCH], False)
    return expectation(ints, floats, work, ints[SCRATCH], ROOT_PLACE)


@njit(**OPTIONS)
def energies(ints, floats, constants, thetas, work, out):
    """Fill `out` with the expectation values for each row of `thetas`; `work` holds BATCH_SIZE numbers.

    Small states run four rows at a time, one in each lane.
    """
    first = 0
    if ints[STATE_SIZE] <= LARGEST_FOURFOLD:
        while first + 4 <= thetas.shape[0]:
            values = _energy_of_four(ints, floats, constants, thetas, first, work)
            store(out, first, values)
            first += 4
    for k in range(first, thetas.shape[0]):
        out[k] = energy(ints, floats, constants, thetas[k], work)


@njit(**OPTIONS)
def _turn_four(ints, floats, thetas, first, work):
    n = ints[N_FACTORS]
    at = ints[FACTORS_AT]
    for k in range(n):
        slot = ints[at + 3 * k + 1]
        angle = spread(floats[2 * k + 1])
        largest = abs(floats[2 * k + 1])
        if slot >= 0:
            scale = floats[2 * k]
            a, b = thetas[first, slot], thetas[first + 1, slot]
            c, d = thetas[first + 2, slot], thetas[first + 3, slot]
            angle = angle + scale * lanes_of(a, b, c, d)
            largest += abs(scale) * max(max(abs(a), abs(b)), max(abs(c), abs(d)))
        if largest > LARGEST_FAST_ANGLE:
            store(work, 4 * k, angle)
            for j in range(4):
                work[4 * n + 4 * k + j] = math.sin(work[4 * k + j])
                work[4 * k + j] = math.cos(work[4 * k + j])
        else:
            cosines, sines = cos_sin(angle)
            store(work, 4 * k, cosines)
            store(work, 4 * n + 4 * k, sines)


@njit(**OPTIONS)
def _multiply_four(ints, constants, work, row):
    """Multiply the factors of a LOCAL; write rows X, Y, Z of the product to scratch, lanes for numbers."""
    n = ints[N_FACTORS]
    at = ints[FACTORS_AT]
    m = 8 * n + MATRIX
    for j in range(12):
        store(work, m + 4 * j, spread(1.0 if j == 1 or j == 6 or j == 11 else 0.0))
    for k in range(ints[row + CONSTANTS], ints[row + CONSTANTS] + ints[row + COUNT]):
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            for j in range(4):
                x = load(work, m + 4 * j)
                y = load(work, m + 16 + 4 * j)
                z = load(work, m + 32 + 4 * j)
                for i in range(3):
                    e = c + 4 * i
                    value = constants[e + 1] * x + constants[e + 2] * y + constants[e + 3] * z
                    store(work, m + 16 * i + 4 * j, value + (constants[e] if j == 0 else 0.0))
            continue
        p = m + (0 if axis == RZ else (16 if axis == RX else 32))
        q = m + (16 if axis == RZ else (32 if axis == RX else 0))
        cos = load(work, 4 * k)
        sin = load(work, 4 * n + 4 * k)
        for j in range(0, 16, 4):
            a = load(work, p + j)
            b = load(work, q + j)
            store(work, p + j, cos * a - sin * b)
            store(work, q + j, sin * a + cos * b)
            for i in range(3):
                store(work, m + 16 * i + j, constants[c + i] * load(work, m + 16 * i + j))
        store(work, m + 32, load(work, m + 32) + constants[c + 3])


@njit(**OPTIONS)
def _local_four(work, place, size, s, m):
    """Apply the matrix at `m`, lanes for numbers, to the qubit of stride `s`; `size` and `s` count lanes as four."""
    for k in range(place, place + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i)
            x = load(work, i + s)
            y = load(work, i + 2 * s)
            z = load(work, i + 3 * s)
            for row in range(3):
                e = m + 16 * row
                value = load(work, e) * v + load(work, e + 4) * x + load(work, e + 8) * y + load(work, e + 12) * z
                store(work, i + (row + 1) * s, value)


@njit(**OPTIONS)
def _energy_of_four(ints, floats, constants, thetas, first, work):
    """Return the expectation values of four rows as lanes, nan for angles that are not finite."""
    n = ints[N_FACTORS]
    base = 8 * n + FOURFOLD_SCRATCH
    _turn_four(ints, floats, thetas, first, work)
    for leaf in range(ints[N_LEAVES]):
        place = base + 4 * ints[ints[LEAVES_AT] + LEAF_ROW * leaf]
        for j in range(4):
            store(work, place + 4 * j, spread(1.0 if j == 0 or j == 3 else 0.0))
    for k in range(ints[N_OPS]):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = base + 4 * ints[row + PLACE]
        size = 4 * ints[row + SIZE]
        a = 4 * ints[row + FIRST]
        b = 4 * ints[row + SECOND]
        if opcode == LOCAL:
            _multiply_four(ints, constants, work, row)
            _local_four(work, place, size, a, 8 * n + MATRIX)
        elif opcode == CX:
            cx(work, place, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            small = base + 4 * ints[row + SMALL]
            for j in range(4, b, 4):
                factor = load(work, small + j)
                for i in range(0, a, 4):
                    store(work, place + j * a // 4 + i, factor * load(work, place + i))
        else:
            dense(work, place, size, a, b, constants, ints[row + CONSTANTS], False, 8 * n)
    n_roots = ints[N_ROOTS]
    roots = ints[ROOTS_AT]
    terms = ints[TERMS_AT]
    values = spread(0.0)
    for t in range(ints[N_TERMS]):
        product = spread(floats[2 * n + t])
        for j in range(n_roots):
            index = ints[roots + ROOT_ROW * j + ROOT_PLACE] + ints[terms + t * n_roots + j]
            product = product * load(work, base + 4 * index)
        values = values + product
    return values


@njit(**OPTIONS)
def energies_from(ints, floats, constants, thetas, states, work, out):
    """Fill `out` with the expectation values for start states, rows of `states`; for plans with a single leaf."""
    base = ints[SCRATCH] + ints[ints[LEAVES_AT]]
    for k in range(out.size):
        theta = thetas[k if thetas.shape[0] > 1 else 0]
        turn(ints, floats, theta, work)
        work[base : base + states.shape[1]] = states[k if states.shape[0] > 1 else 0]
        run(ints, constants, work, ints[SCRATCH], False, 0, ints[N_OPS])
        out[k] = expectation(ints, floats, work, ints[SCRATCH], ROOT_PLACE)


@njit(**OPTIONS)
def states(ints, floats, constants, order, thetas, work, out):
    """Fill `out` with the final states of all qubits, one for each row of `thetas`.

    Number i of a state is number order[i] of the product of the final clusters, the first of which has the lowest
    digits. `work` holds SCRATCH + STATE_SIZE numbers and one such product.
    """
    roots = ints[ROOTS_AT]
    base = ints[SCRATCH]
    for k in range(thetas.shape[0]):
        forward(ints, floats, constants, thetas[k], work, base, False)
        product = base + ints[roots + ROOT_PLACE]
        if ints[N_ROOTS] > 1:
            product = base + ints[STATE_SIZE]
            size = ints[roots + ROOT_SIZE]
            first = base + ints[roots + ROOT_PLACE]
            for i in range(0, size, 4):
                store(work, product + i, load(work, first + i))
            for row in range(roots + ROOT_ROW, roots + ROOT_ROW * ints[N_ROOTS], ROOT_ROW):
                _merge(work, product, product, size, base + ints[row + ROOT_PLACE], ints[row + ROOT_SIZE])
                size *= ints[row + ROOT_SIZE]
        for i in range(order.size):
            out[k, i] = work[product + order[i]]


@njit(inline="always", **OPTIONS)
def _back(ints, floats, constants, work, lam, states, uncompute, out):
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
def gradient(ints, floats, constants, theta, work, out):
    """Return the expectation value, nan for bad angles, and fill `out` with its gradient.

    `work` holds the scratch, lambda of all clusters and their states, STATE_SIZE numbers each. Unless UNCOMPUTED, the
    states are KEPT_SIZE numbers: every LOCAL writes to a new place on the way forward, so its input is at hand on the
    way back and nothing is ever divided by a damping factor. Un-computing amplifies rounding by the damping of the
    whole circuit; work[0] ends as the distance of the un-computed qubits from |0>, which tells whether it was harmless.
    """
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    lam = ints[SCRATCH]
    states = lam + ints[STATE_SIZE]
    uncompute = ints[UNCOMPUTED] == 1
    column = ROOT_PLACE if uncompute else ROOT_KEPT
    forward(ints, floats, constants, theta, work, states, not uncompute)
    value = expectation(ints, floats, work, states, column)
    _observables(ints, floats, work, lam, states, column)
    _back(ints, floats, constants, work, lam, states, uncompute, out)
    work[0] = _distance_from_start(ints, work, states) if uncompute else 0.0
    return value


@njit(**OPTIONS)
def _distance_from_start(ints, work, states):
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
def _is_undone(work, place, first):
    """Tell whether the state is back at the start, up to what is harmless for numbers of its size; nan is not."""
    largest = 0.0
    for i in range(first.size):
        largest = max(largest, abs(first[i]))
    for i in range(first.size):
        if not abs(work[place + i] - first[i]) <= HARMLESS * largest:
            return False
    return True


@njit(**OPTIONS)
def gradients(ints, floats, constants, thetas, work, values, out):
    """Fill `values` and the rows of `out` with what `gradient` gives for each row of `thetas`.

    Values are nan where undoing was harmful, or angles bad.
    """
    for k in range(values.size):
        values[k] = gradient(ints, floats, constants, thetas[k], work, out[k])
        if not work[0] < HARMLESS:
            values[k] = math.nan


@njit(**OPTIONS)
def gradients_from(ints, floats, constants, thetas, states, work, values, out):
    """Do what `gradients` does for start states, rows of `states`; for plans with a single leaf."""
    lam = ints[SCRATCH]
    base = lam + ints[STATE_SIZE]
    uncompute = ints[UNCOMPUTED] == 1
    column = ROOT_PLACE if uncompute else ROOT_KEPT
    leaf = base + ints[ints[LEAVES_AT] + (0 if uncompute else 1)]
    for k in range(values.size):
        turn(ints, floats, thetas[k if thetas.shape[0] > 1 else 0], work)
        first = states[k if states.shape[0] > 1 else 0]
        work[leaf : leaf + first.size] = first
        run(ints, constants, work, base, not uncompute, 0, ints[N_OPS])
        values[k] = expectation(ints, floats, work, base, column)
        _observables(ints, floats, work, lam, base, column)
        _back(ints, floats, constants, work, lam, base, uncompute, out[k])
        if uncompute and not _is_undone(work, leaf, first):
            values[k] = math.nan


@njit(**OPTIONS)
def pulled_back(ints, floats, constants, thetas, work, out):
    """Fill `out` with lambda at the start of the circuit, one for each row of `thetas`; for plans with a single leaf.

    `work` holds SCRATCH + STATE_SIZE numbers.
    """
    lam = ints[SCRATCH]
    scratch = 2 * padded(ints[N_FACTORS])
    for j in range(thetas.shape[0]):
        turn(ints, floats, thetas[j], work)
        observable(ints, floats, work, lam, lam, 0)
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
        leaf = lam + ints[ints[LEAVES_AT]]
        out[j] = work[leaf : leaf + out.shape[1]]


# -- shot noise --------------------------------------------------------------------------------------------------------


@njit(**OPTIONS)
def moments(ints, floats, constants, theta, work, out):
    """Return the expectation value, nan for bad angles; out[0] is its variance with one shot for each measured group.

    Behind the plan, `ints` holds 2 n_groups + 1 bounds: terms from bounds[2 g] on give the mean of group g, from
    bounds[2 g + 1] on the mean of its square; terms behind the last bound are known without measuring. `work` holds
    SCRATCH + STATE_SIZE numbers.
    """
    if not is_valid(theta, ints[N_SLOTS]):
        return math.nan
    base = ints[SCRATCH]
    forward(ints, floats, constants, theta, work, base, False)
    bounds = ints[TERMS_AT] + ints[N_TERMS] * ints[N_ROOTS]
    n_groups = (ints.size - bounds) // 2
    value = _sum_of_terms(ints, floats, work, base, ROOT_PLACE, ints[bounds + 2 * n_groups], ints[N_TERMS])
    out[0] = 0.0
    for g in range(n_groups):
        at = bounds + 2 * g
        mean = _sum_of_terms(ints, floats, work, base, ROOT_PLACE, ints[at], ints[at + 1])
        square = _sum_of_terms(ints, floats, work, base, ROOT_PLACE, ints[at + 1], ints[at + 2])
        value += mean
        out[0] += max(square - mean * mean, 0.0)
    return value


_ARRAYS = "int64[::1], float64[::1], float64[::1]"
SIGNATURES = {
    "energy": f"float64({_ARRAYS}, float64[::1], float64[::1])",
    "energies": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1])",
    "energies_from": f"void({_ARRAYS}, float64[:, ::1], float64[:, ::1], float64[::1], float64[::1])",
    "states": f"void({_ARRAYS}, int32[::1], float64[:, ::1], float64[::1], float64[:, ::1])",
    "gradient": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
    "gradients": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])",
    "gradients_from": f"void({_ARRAYS}, float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])",
    "pulled_back": f"void({_ARRAYS}, float64[:, ::1], float64[::1], float64[:, ::1])",
    "moments": f"float64({_ARRAYS}, float64[::1], float64[::1], float64[::1])",
}
