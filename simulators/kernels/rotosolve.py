"""Kernels of the Pauli-Liouville picture: exact coordinate minimization of all angles in a few passes.

In each angle the energy is a + b cos t + c sin t, noise included. Lambda depends on later operations only, the state on
earlier ones only, so one sweep back that keeps lambda and one forward that moves the angles do for all of them; parts
of a cluster are swept one after the other, since the lambda of one depends on the state of the other.
"""

import math

import numpy as np
from numba import njit

from qvar.simulators.kernels.angles import turned_back
from qvar.simulators.kernels.arrays import padded
from qvar.simulators.kernels.cluster_states import expectation, forward, observable, run, start
from qvar.simulators.kernels.lanes import load, spread, store, total
from qvar.simulators.kernels.layout import (
    CONSTANTS,
    COUNT,
    CX,
    FACTORS_AT,
    FIRST,
    FIXED,
    KEPT_OUT,
    LOCAL,
    MERGE,
    N_FACTORS,
    N_NODES,
    N_ROOTS,
    N_TERMS,
    NODE_END_OP,
    NODE_FIRST_OP,
    NODE_LARGE,
    NODE_PLACE,
    NODE_ROW,
    NODE_SIZE,
    NODE_SMALL,
    NODES_AT,
    OP_SIZE,
    OPCODE,
    OPS_AT,
    OPTIONS,
    PLACE,
    PREFIXES,
    ROOT_NODE,
    ROOT_PLACE,
    ROOT_ROW,
    ROOTS_AT,
    RX,
    RZ,
    SCRATCH,
    SECOND,
    SIZE,
    SMALL,
    STATE_SIZE,
)
from qvar.simulators.kernels.one_qubit import local, multiply, sums, transpose
from qvar.simulators.kernels.two_qubit import cx_back, dense


@njit(**OPTIONS)
def _overlaps(work, lam, r, size, s):
    """Return G[a, b] = sum lambda_a r_b over all other digits, a in X, Y, Z, as three rows of lanes b."""
    none = spread(0.0)
    if s == 1:
        gx, gy, gz = none, none, none
        for k in range(0, size, 4):
            v = load(work, r + k)
            gx = gx + work[lam + k + 1] * v
            gy = gy + work[lam + k + 2] * v
            gz = gz + work[lam + k + 3] * v
        return gx, gy, gz
    xi, xx, xy, xz = none, none, none, none
    yi, yx, yy, yz = none, none, none, none
    zi, zx, zy, zz = none, none, none, none
    shift = r - lam
    for k in range(lam, lam + size, 4 * s):
        for i in range(k, k + s, 4):
            v = load(work, i + shift)
            x = load(work, i + shift + s)
            y = load(work, i + shift + 2 * s)
            z = load(work, i + shift + 3 * s)
            a = load(work, i + s)
            b = load(work, i + 2 * s)
            c = load(work, i + 3 * s)
            xi = xi + a * v
            xx = xx + a * x
            xy = xy + a * y
            xz = xz + a * z
            yi = yi + b * v
            yx = yx + b * x
            yy = yy + b * y
            yz = yz + b * z
            zi = zi + c * v
            zx = zx + c * x
            zy = zy + c * y
            zz = zz + c * z
    return sums(xi, xx, xy, xz), sums(yi, yx, yy, yz), sums(zi, zx, zy, zz)


@njit(**OPTIONS)
def _solve(ints, floats, constants, theta, work, row, gx, gy, gz, flat, order, n_done):
    """Move the angles of a LOCAL to their optimum, one after another; return how many of all have been moved.

    E(t) = a + b cos t + c sin t in each, with b = l_p S_pp + l_q S_qq and c = l_q S_qp - l_p S_pq, S = L P^T: L from
    the factors after it, at their old angles, P from those before it, at their new ones.
    """
    n4 = padded(ints[N_FACTORS])
    at = ints[FACTORS_AT]
    scratch = 2 * n4
    first = ints[row + CONSTANTS]
    count = ints[row + COUNT]
    overlaps = scratch + PREFIXES + 12 * (ints[N_FACTORS] + 1)
    for k in range(first + count - 1, first - 1, -1):  # L after each factor
        place = overlaps + 12 * (k - first)
        store(work, place, gx)
        store(work, place + 4, gy)
        store(work, place + 8, gz)
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            new_x = constants[c + 1] * gx + constants[c + 5] * gy + constants[c + 9] * gz
            new_y = constants[c + 2] * gx + constants[c + 6] * gy + constants[c + 10] * gz
            gz = constants[c + 3] * gx + constants[c + 7] * gy + constants[c + 11] * gz
            gx = new_x
            gy = new_y
            continue
        gx = constants[c] * gx
        gy = constants[c + 1] * gy
        gz = constants[c + 2] * gz
        gx, gy, gz = turned_back(axis, work[k], work[n4 + k], gx, gy, gz)
    prefix = scratch + PREFIXES
    for j in range(12):
        work[prefix + j] = 1.0 if j == 1 or j == 6 or j == 11 else 0.0
    for k in range(first, first + count):
        axis = ints[at + 3 * k]
        c = ints[at + 3 * k + 2]
        if axis == FIXED:
            for j in range(4):
                x, y, z = work[prefix + j], work[prefix + 4 + j], work[prefix + 8 + j]
                for i in range(3):
                    value = constants[c + 4 * i + 1] * x + constants[c + 4 * i + 2] * y + constants[c + 4 * i + 3] * z
                    work[prefix + 4 * i + j] = value + (constants[c + 4 * i] if j == 0 else 0.0)
            continue
        p = 0 if axis == RZ else (1 if axis == RX else 2)
        q = (p + 1) % 3
        lp = load(work, overlaps + 12 * (k - first) + 4 * p)
        lq = load(work, overlaps + 12 * (k - first) + 4 * q)
        rp = load(work, prefix + 4 * p)
        rq = load(work, prefix + 4 * q)
        slot = ints[at + 3 * k + 1]
        if slot >= 0:
            b = total(constants[c + p] * (lp * rp) + constants[c + q] * (lq * rq))
            s = total(constants[c + q] * (lq * rp) - constants[c + p] * (lp * rq))
            size = math.hypot(b, s)
            order[n_done] = slot
            n_done += 1
            if size > flat:
                angle = math.atan2(-s, -b)
                theta[slot] = (angle - floats[2 * k + 1]) / floats[2 * k]
                work[k] = -b / size
                work[n4 + k] = -s / size
        cos = work[k]
        sin = work[n4 + k]
        store(work, prefix + 4 * p, constants[c + p] * (cos * rp - sin * rq))
        store(work, prefix + 4 * q, constants[c + q] * (sin * rp + cos * rq))
        other = 3 - p - q
        store(work, prefix + 4 * other, constants[c + other] * load(work, prefix + 4 * other))
        work[prefix + 8] += constants[c + 3]
    return n_done


_FLAT = 1e-14  # times the observable's coefficients: an angle on which the energy depends by less stays where it is


@njit(**OPTIONS)
def _weight(ints, floats):
    """Return the sum of the absolute coefficients of the observable."""
    weight = 0.0
    for t in range(ints[N_TERMS]):
        weight += abs(floats[2 * ints[N_FACTORS] + t])
    return weight


@njit(**OPTIONS)
def _sweep_back(ints, constants, work, node, lam, states, kept):
    """Bring lambda from the end of a cluster's operations to their start, and to its larger part."""
    scratch = 2 * padded(ints[N_FACTORS])
    line = ints[NODES_AT] + NODE_ROW * node
    for k in range(ints[line + NODE_END_OP] - 1, ints[line + NODE_FIRST_OP] - 1, -1):
        row = ints[OPS_AT] + OP_SIZE * k
        opcode = ints[row + OPCODE]
        place = lam + ints[row + PLACE]
        size = ints[row + SIZE]
        a = ints[row + FIRST]
        b = ints[row + SECOND]
        if opcode == LOCAL:
            multiply(ints, constants, work, row, False)
            transpose(work, place, kept + ints[row + KEPT_OUT], size, a, scratch)
        elif opcode == CX:
            cx_back(work, place, size, a, b, constants, ints[row + CONSTANTS])
        elif opcode == MERGE:
            small = states + ints[row + SMALL]
            for j in range(1, b):  # lambda[b, :] stays for b >= 1: the smaller part's lambda needs it later
                factor = work[small + j]
                for i in range(0, a, 4):
                    store(work, place + i, load(work, place + i) + factor * load(work, place + j * a + i))
        else:
            dense(work, place, size, a, b, constants, ints[row + CONSTANTS], True, scratch)


@njit(**OPTIONS)
def _sweep_forward(ints, floats, constants, theta, work, node, states, kept, flat, order, n_done):
    """Run a cluster's operations, moving every angle to its optimum on the way; return how many have been moved."""
    scratch = 2 * padded(ints[N_FACTORS])
    line = ints[NODES_AT] + NODE_ROW * node
    for k in range(ints[line + NODE_FIRST_OP], ints[line + NODE_END_OP]):
        row = ints[OPS_AT] + OP_SIZE * k
        if ints[row + OPCODE] != LOCAL:
            run(ints, constants, work, states, False, k, k + 1)
            continue
        place = states + ints[row + PLACE]
        size = ints[row + SIZE]
        gx, gy, gz = _overlaps(work, kept + ints[row + KEPT_OUT], place, size, ints[row + FIRST])
        n_done = _solve(ints, floats, constants, theta, work, row, gx, gy, gz, flat, order, n_done)
        multiply(ints, constants, work, row, False)
        local(work, place, place, size, ints[row + FIRST], scratch)
    return n_done


@njit(**OPTIONS)
def _sweep_cluster(ints, floats, constants, theta, work, root, lam, states, kept, flat, order, n_done):
    """Sweep a final cluster, whose lambda is in place: first its larger part, then its smaller, then itself.

    The lambda of a part depends on the state of the other, so it is worked out anew after the other has been swept.
    """
    waiting = np.empty(2 * ints[N_NODES] + 2, np.int64)
    waiting[0] = 3 * root
    n_waiting = 1
    while n_waiting:
        n_waiting -= 1
        node = waiting[n_waiting] // 3
        stage = waiting[n_waiting] % 3
        line = ints[NODES_AT] + NODE_ROW * node
        large = ints[line + NODE_LARGE]
        if stage == 0:
            _sweep_back(ints, constants, work, node, lam, states, kept)
            if large >= 0:
                waiting[n_waiting] = 3 * node + 1
                waiting[n_waiting + 1] = 3 * large
                n_waiting += 2
                continue
            start(work, states + ints[line + NODE_PLACE])
        elif stage == 1:
            small = ints[line + NODE_SMALL]
            place = ints[line + NODE_PLACE]
            small_place = ints[ints[NODES_AT] + NODE_ROW * small + NODE_PLACE]
            a = ints[ints[NODES_AT] + NODE_ROW * large + NODE_SIZE]
            for j in range(ints[ints[NODES_AT] + NODE_ROW * small + NODE_SIZE]):
                value = spread(0.0)
                if j > 0:
                    for i in range(0, a, 4):
                        value = value + load(work, lam + place + j * a + i) * load(work, states + place + i)
                work[lam + small_place + j] = total(value)
            waiting[n_waiting] = 3 * node + 2
            waiting[n_waiting + 1] = 3 * small
            n_waiting += 2
            continue
        n_done = _sweep_forward(ints, floats, constants, theta, work, node, states, kept, flat, order, n_done)
    return n_done


@njit(**OPTIONS)
def rotosolve(ints, floats, constants, theta, work, max_sweeps, tolerance, history, order):
    """Minimize angle after angle, each exactly, until a sweep gains less than `tolerance`; return the sweeps done.

    Every slot must drive one rotation, with a scale other than 0. `theta` ends at the minimum; history[k] is the energy
    after k sweeps, history[0] that of the start; `order` tells in which order the slots were moved. `work` holds
    SCRATCH + 2 STATE_SIZE + KEPT_SIZE numbers.
    """
    lam = ints[SCRATCH]
    states = lam + ints[STATE_SIZE]
    kept = states + ints[STATE_SIZE]
    forward(ints, floats, constants, theta, work, states, False)
    flat = _FLAT * max(1.0, _weight(ints, floats))
    history[0] = expectation(ints, floats, work, states, ROOT_PLACE)
    for sweep in range(1, max_sweeps + 1):
        n_done = 0
        for j in range(ints[N_ROOTS]):
            observable(ints, floats, work, lam, states, j)
            root = ints[ints[ROOTS_AT] + ROOT_ROW * j + ROOT_NODE]
            n_done = _sweep_cluster(ints, floats, constants, theta, work, root, lam, states, kept, flat, order, n_done)
        history[sweep] = expectation(ints, floats, work, states, ROOT_PLACE)
        if history[sweep - 1] - history[sweep] < tolerance:
            return sweep
    return max_sweeps


_ARRAYS = "int64[::1], float64[::1], float64[::1]"
SIGNATURES = {
    "rotosolve": f"int64({_ARRAYS}, float64[::1], float64[::1], int64, float64, float64[::1], int64[::1])",
}
