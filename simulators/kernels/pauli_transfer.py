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

from qvar.simulators.kernels.angles import turn
from qvar.simulators.kernels.arrays import is_valid
from qvar.simulators.kernels.cluster_states import (
    distance_from_start,
    expectation,
    forward,
    is_undone,
    merge,
    observable,
    observables,
    run,
    run_back,
    run_transposed,
    sum_of_terms,
)
from qvar.simulators.kernels.fourfold import energy_of_four
from qvar.simulators.kernels.lanes import load, store
from qvar.simulators.kernels.layout import (
    HARMLESS,
    LARGEST_FOURFOLD,
    LEAVES_AT,
    N_OPS,
    N_ROOTS,
    N_SLOTS,
    N_TERMS,
    OPTIONS,
    ROOT_KEPT,
    ROOT_PLACE,
    ROOT_ROW,
    ROOT_SIZE,
    ROOTS_AT,
    SCRATCH,
    STATE_SIZE,
    TERMS_AT,
    UNCOMPUTED,
)


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
            values = energy_of_four(ints, floats, constants, thetas, first, work)
            store(out, first, values)
            first += 4
    for k in range(first, thetas.shape[0]):
        out[k] = energy(ints, floats, constants, thetas[k], work)


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
                merge(work, product, product, size, base + ints[row + ROOT_PLACE], ints[row + ROOT_SIZE])
                size *= ints[row + ROOT_SIZE]
        for i in range(order.size):
            out[k, i] = work[product + order[i]]


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
    observables(ints, floats, work, lam, states, column)
    run_back(ints, floats, constants, work, lam, states, uncompute, out)
    work[0] = distance_from_start(ints, work, states) if uncompute else 0.0
    return value


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
        observables(ints, floats, work, lam, base, column)
        run_back(ints, floats, constants, work, lam, base, uncompute, out[k])
        if uncompute and not is_undone(work, leaf, first):
            values[k] = math.nan


@njit(**OPTIONS)
def pulled_back(ints, floats, constants, thetas, work, out):
    """Fill `out` with lambda at the start of the circuit, one for each row of `thetas`; for plans with a single leaf.

    `work` holds SCRATCH + STATE_SIZE numbers.
    """
    lam = ints[SCRATCH]
    leaf = lam + ints[ints[LEAVES_AT]]
    for j in range(thetas.shape[0]):
        turn(ints, floats, thetas[j], work)
        observable(ints, floats, work, lam, lam, 0)
        run_transposed(ints, constants, work, lam)
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
    value = sum_of_terms(ints, floats, work, base, ROOT_PLACE, ints[bounds + 2 * n_groups], ints[N_TERMS])
    out[0] = 0.0
    for g in range(n_groups):
        at = bounds + 2 * g
        mean = sum_of_terms(ints, floats, work, base, ROOT_PLACE, ints[at], ints[at + 1])
        square = sum_of_terms(ints, floats, work, base, ROOT_PLACE, ints[at + 1], ints[at + 2])
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
