"""Plan the execution of a noisy circuit: which operations are needed, on how small a state each can act, and where.

Qubits start alone, each a Bloch vector of four numbers. A two-qubit operation across two clusters of qubits merges them
first, so most of a short circuit runs on small states. Runs of one-qubit operations become one operation, operations
outside the light cone of the observable are left out, and a cluster's pending one-qubit operations are done before it
grows.
"""

import math

import numpy as np
from numba import njit

from qvar.simulators.kernels.layout import (
    BATCH_SIZE,
    CONSTANTS,
    COST,
    COUNT,
    CX,
    DENSE,
    FACTORS_AT,
    FIRST,
    FIXED,
    FOURFOLD_SCRATCH,
    HEADER,
    IN_SIZE,
    KEPT_IN,
    KEPT_OUT,
    KEPT_SIZE,
    KEPT_SMALL,
    LARGEST_FOURFOLD,
    LEAF_ROW,
    LEAVES_AT,
    LOCAL,
    MERGE,
    N_FACTORS,
    N_LEAVES,
    N_NODES,
    N_OPS,
    N_ROOTS,
    N_SLOTS,
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
    ROOT_KEPT,
    ROOT_NODE,
    ROOT_PLACE,
    ROOT_ROW,
    ROOT_SIZE,
    ROOTS_AT,
    SCRATCH,
    SECOND,
    SIZE,
    SMALL,
    STATE_SIZE,
    SWAP,
    TERMS_AT,
    UNCOMPUTED,
)

_LEAST_FACTOR = 0.2  # un-computing loses digits below it
_LEAST_UNCOMPUTED = 4**9  # numbers in all states; smaller ones are faster kept


@njit(**OPTIONS)
def is_valid(theta, n_slots):
    """Tell whether `theta` has the right length and finite numbers only."""
    if theta.size != n_slots:
        return False
    for angle in theta:
        if not math.isfinite(angle):
            return False
    return True


@njit(**OPTIONS)
def filled(size, value):
    """Return an array of equal whole numbers; numba compiles this faster than NumPy's own functions."""
    array = np.empty(size, np.int64)
    for k in range(size):
        array[k] = value
    return array


@njit(**OPTIONS)
def padded(count):
    """Return `count` rounded up to a multiple of 4."""
    return (count + 3) // 4 * 4


@njit(**OPTIONS)
def scratch_size(n_factors):
    """Return how many numbers of scratch a plan needs."""
    return 2 * padded(n_factors) + PREFIXES + 24 * (n_factors + 1)


@njit(**OPTIONS)
def _needed(steps, support, n_qubits):
    """Return which steps lie in the light cone of `support`; channels keep the trace, so that others do nothing."""
    n_steps = steps.size // IN_SIZE
    needed = filled(n_steps, 0)
    active = filled(n_qubits, 0)
    for q in range(n_qubits):
        active[q] = 1 if support[q] else 0
    for k in range(n_steps - 1, -1, -1):
        base = IN_SIZE * k
        a, b = steps[base + 1], steps[base + 2]
        if steps[base] == SWAP:
            active[a], active[b] = active[b], active[a]
            needed[k] = 1
        elif steps[base] >= CX:
            if active[a] or active[b]:
                active[a] = active[b] = needed[k] = 1
        elif active[a]:
            needed[k] = 1
    return needed, active


@njit(**OPTIONS)
def _is_invertible(ops, n_ops, factors, n_factors, constants):
    """Tell whether undoing every operation is harmless: none shrinks a component to less than a fifth."""
    for k in range(n_ops):
        c = ops[k, CONSTANTS]
        if ops[k, OPCODE] == DENSE:
            return False
        if ops[k, OPCODE] == CX:
            first = min(constants[c + 1], constants[c + 2])
            second = min(constants[c + 4], constants[c + 5])
            if min(first, second, constants[c] * first * second) < _LEAST_FACTOR:
                return False
    for k in range(n_factors):
        c = factors[k, 2]
        if factors[k, 0] != FIXED:
            if min(constants[c], constants[c + 1], constants[c + 2]) < _LEAST_FACTOR:
                return False
        else:
            x, y, z = constants[c + 1 : c + 4], constants[c + 5 : c + 8], constants[c + 9 : c + 12]
            volume = x[0] * (y[1] * z[2] - y[2] * z[1]) - x[1] * (y[0] * z[2] - y[2] * z[0])
            volume += x[2] * (y[0] * z[1] - y[1] * z[0])
            if volume < _LEAST_FACTOR:
                return False
    return True


@njit(**OPTIONS)
def _emit_pending(w, ops, owner, n_ops, factors, turns, n_factors, steps, angles, head, after, node, size, stride):
    """Make one LOCAL of the steps that wait on wire `w`; return the number of factors."""
    ops[n_ops, OPCODE] = LOCAL
    ops[n_ops, SIZE] = size
    ops[n_ops, FIRST] = stride
    ops[n_ops, SECOND] = 0
    ops[n_ops, CONSTANTS] = n_factors
    g = head[w]
    while g >= 0:
        factors[n_factors, 0] = steps[IN_SIZE * g]
        factors[n_factors, 1] = steps[IN_SIZE * g + 3]
        factors[n_factors, 2] = steps[IN_SIZE * g + 4]
        turns[n_factors, 0] = angles[2 * g]
        turns[n_factors, 1] = angles[2 * g + 1]
        n_factors += 1
        g = after[g]
    ops[n_ops, COUNT] = n_factors - ops[n_ops, CONSTANTS]
    owner[n_ops] = node
    head[w] = -1
    return n_factors


@njit(**OPTIONS)
def _join(na, nb, new, nodes, members, counts, node_of, position):
    """Make the cluster `new` of two; the larger one's qubits keep their positions."""
    if counts[nb] > counts[na]:
        na, nb = nb, na
    for j in range(counts[na]):
        members[new, j] = members[na, j]
        node_of[members[na, j]] = new
    for j in range(counts[nb]):
        w = members[nb, j]
        members[new, counts[na] + j] = w
        position[w] += counts[na]
        node_of[w] = new
    counts[new] = counts[na] + counts[nb]
    nodes[new, NODE_LARGE] = na
    nodes[new, NODE_SMALL] = nb
    nodes[new, NODE_SIZE] = nodes[na, NODE_SIZE] * nodes[nb, NODE_SIZE]


@njit(**OPTIONS)
def _plant(active, joined, nodes, members, counts, node_of, position):
    """Make the clusters that the circuit starts from; return their number."""
    n_qubits = active.size
    n_nodes = 0
    for w in range(n_qubits):
        node_of[w] = 0 if joined else -1
        position[w] = w if joined else 0
        if joined:
            members[0, w] = w
        elif active[w]:
            node_of[w] = n_nodes
            members[n_nodes, 0] = w
            counts[n_nodes] = 1
            nodes[n_nodes, NODE_LARGE] = nodes[n_nodes, NODE_SMALL] = -1
            nodes[n_nodes, NODE_SIZE] = 4
            n_nodes += 1
    if joined:
        counts[0] = n_qubits
        nodes[0, NODE_LARGE] = nodes[0, NODE_SMALL] = -1
        nodes[0, NODE_SIZE] = 1 << (2 * n_qubits)
        n_nodes = 1
    return n_nodes


@njit(**OPTIONS)
def _grow(steps, angles, needed, n_nodes, ops, owner, factors, turns, nodes, members, counts, node_of, position, wire):
    """Turn steps into operations on growing clusters; return the numbers of operations, factors and clusters."""
    n_qubits = wire.size
    n_steps = needed.size
    head = filled(n_qubits, -1)  # the first and last step that waits on a wire, and which comes after which
    tail = filled(n_qubits, -1)
    after = filled(n_steps + 1, -1)
    n_ops = np.int64(0)
    n_factors = np.int64(0)
    for k in range(n_steps + 1):
        last = k == n_steps
        if not last and needed[k] == 0:
            continue
        base = IN_SIZE * k
        opcode = -1 if last else steps[base]
        if opcode == SWAP:
            a, b = steps[base + 1], steps[base + 2]
            wire[a], wire[b] = wire[b], wire[a]
            continue
        if 0 <= opcode < CX:
            w = wire[steps[base + 1]]
            if head[w] < 0:
                head[w] = k
            else:
                after[tail[w]] = k
            tail[w] = k
            continue
        na = nb = -1
        wa = wb = 0
        if not last:
            wa, wb = wire[steps[base + 1]], wire[steps[base + 2]]
            na, nb = node_of[wa], node_of[wb]
        for w in range(n_qubits):  # what waits is done now: for the two qubits, for clusters that grow, for all at last
            if head[w] < 0 or not (last or w == wa or w == wb or (na != nb and (node_of[w] == na or node_of[w] == nb))):
                continue
            size, stride = nodes[node_of[w], NODE_SIZE], 1 << (2 * position[w])
            n_factors = _emit_pending(
                w, ops, owner, n_ops, factors, turns, n_factors, steps, angles, head, after, node_of[w], size, stride
            )
            n_ops += 1
        if last:
            break
        if na != nb:
            _join(na, nb, n_nodes, nodes, members, counts, node_of, position)
            ops[n_ops, OPCODE] = MERGE
            ops[n_ops, SIZE] = nodes[n_nodes, NODE_SIZE]
            ops[n_ops, FIRST] = nodes[nodes[n_nodes, NODE_LARGE], NODE_SIZE]
            ops[n_ops, SECOND] = nodes[nodes[n_nodes, NODE_SMALL], NODE_SIZE]
            ops[n_ops, COUNT] = 0
            owner[n_ops] = n_nodes
            n_ops += 1
            n_nodes += 1
        ops[n_ops, OPCODE] = opcode
        ops[n_ops, SIZE] = nodes[node_of[wa], NODE_SIZE]
        ops[n_ops, FIRST] = 1 << (2 * position[wa])
        ops[n_ops, SECOND] = 1 << (2 * position[wb])
        ops[n_ops, CONSTANTS] = steps[base + 4]
        ops[n_ops, COUNT] = 0
        owner[n_ops] = node_of[wa]
        n_ops += 1
    return n_ops, n_factors, n_nodes


@njit(**OPTIONS)
def _place(nodes, n_nodes, is_root):
    """Give clusters their places: one that grew lies where its larger part lay, the smaller part behind all others."""
    for node in range(n_nodes):
        if nodes[node, NODE_LARGE] >= 0:
            is_root[nodes[node, NODE_LARGE]] = is_root[nodes[node, NODE_SMALL]] = 0
    place = 0
    for node in range(n_nodes - 1, -1, -1):
        if is_root[node]:
            nodes[node, NODE_PLACE] = place
            place += nodes[node, NODE_SIZE]
        large, small = nodes[node, NODE_LARGE], nodes[node, NODE_SMALL]
        if large >= 0:
            nodes[large, NODE_PLACE] = nodes[node, NODE_PLACE]
            nodes[small, NODE_PLACE] = place
            place += nodes[small, NODE_SIZE]
    return place


@njit(**OPTIONS)
def _sort(ops, n_ops, owner, nodes, n_nodes, ints):
    """Write operations in the order of their clusters: each comes after those of its parts, and without a break."""
    first = filled(n_nodes + 1, 0)
    for k in range(n_ops):
        first[owner[k] + 1] += 1
    for node in range(n_nodes):
        first[node + 1] += first[node]
        nodes[node, NODE_FIRST_OP] = first[node]
        nodes[node, NODE_END_OP] = first[node + 1]
    for k in range(n_ops):
        row = HEADER + OP_SIZE * first[owner[k]]
        first[owner[k]] += 1
        for j in range(PLACE):
            ints[row + j] = ops[k, j]
        ints[row + PLACE] = nodes[owner[k], NODE_PLACE]
        ints[row + SMALL] = 0
        if ops[k, OPCODE] == MERGE:
            ints[row + SMALL] = nodes[nodes[owner[k], NODE_SMALL], NODE_PLACE]


@njit(**OPTIONS)
def _keep(nodes, n_nodes, n_leaves, leaves_at, where, ints):
    """Give states that are kept their places: every LOCAL and MERGE writes to a new one. Return their size."""
    kept = 0
    for leaf in range(n_leaves):
        where[leaf] = kept
        ints[leaves_at + LEAF_ROW * leaf] = nodes[leaf, NODE_PLACE]
        ints[leaves_at + LEAF_ROW * leaf + 1] = kept
        kept += nodes[leaf, NODE_SIZE]
    for node in range(n_nodes):
        for k in range(nodes[node, NODE_FIRST_OP], nodes[node, NODE_END_OP]):
            row = HEADER + OP_SIZE * k
            ints[row + KEPT_IN] = where[node]
            ints[row + KEPT_SMALL] = 0
            if ints[row + OPCODE] == MERGE:
                ints[row + KEPT_IN] = where[nodes[node, NODE_LARGE]]
                ints[row + KEPT_SMALL] = where[nodes[node, NODE_SMALL]]
            if ints[row + OPCODE] == MERGE or ints[row + OPCODE] == LOCAL:
                where[node] = kept
                kept += ints[row + SIZE]
            ints[row + KEPT_OUT] = where[node]
    return kept


@njit(**OPTIONS)
def _root(nodes, node, root, n_roots, where, members, counts, wire, digits, wires, n_wires, ints):
    """Write a final cluster and the observable's indices into it; return the number of qubits placed so far."""
    row = ints[ROOTS_AT] + ROOT_ROW * root
    ints[row + ROOT_PLACE] = nodes[node, NODE_PLACE]
    ints[row + ROOT_KEPT] = where[node]
    ints[row + ROOT_SIZE] = nodes[node, NODE_SIZE]
    ints[row + ROOT_NODE] = node
    for j in range(counts[node]):
        for q in range(wire.size):
            if wire[q] == members[node, j]:
                wires[n_wires + j] = q
    for t in range(digits.shape[0]):
        index = 0
        for j in range(counts[node]):
            index |= digits[t, wires[n_wires + j]] << (2 * j)
        ints[ints[TERMS_AT] + t * n_roots + root] = index
    return n_wires + counts[node]


@njit(**OPTIONS)
def plan(steps, angles, support, digits, coefficients, n_slots, joined, constants):
    """Return the plan (ints, floats, wires) of a circuit and an observable.

    `steps` holds rows of IN_SIZE, `angles` scale and shift of each; `support` says which qubits the observable needs,
    `digits` (terms, qubits) its letters 0-3, `coefficients` their factors. With `joined`, the circuit starts from any
    state of all qubits, a single cluster, instead of from |0...0>. `wires` gives, for each root and position, the qubit
    it holds at the end, roots one after another.
    """
    n_qubits = support.size
    needed, active = _needed(steps, support, n_qubits)
    n_steps = needed.size
    n_terms = coefficients.size
    most_ops = 3 * n_steps + 3 * n_qubits + 8
    ops = np.empty((most_ops, OP_SIZE), np.int64)
    owner = filled(most_ops, 0)  # the cluster of each operation
    factors = np.empty((n_steps, 3), np.int64)
    turns = np.empty((n_steps, 2), np.float64)
    nodes = np.empty((2 * n_qubits, NODE_ROW), np.int64)
    members = np.empty(
        (2 * n_qubits, n_qubits), np.int64
    )  # wires of a cluster; a wire is where a qubit was at the start
    counts = filled(2 * n_qubits, 0)
    node_of = filled(n_qubits, -1)
    position = filled(n_qubits, 0)
    wire = filled(n_qubits, 0)  # of a qubit; a noiseless SWAP exchanges two, and nothing else happens
    for q in range(n_qubits):
        wire[q] = q
    n_leaves = _plant(active, joined, nodes, members, counts, node_of, position)
    n_ops, n_factors, n_nodes = _grow(
        steps, angles, needed, n_leaves, ops, owner, factors, turns, nodes, members, counts, node_of, position, wire
    )
    is_root = filled(n_nodes, 1)
    state_size = _place(nodes, n_nodes, is_root)
    n_roots = np.int64(0)
    for node in range(n_nodes):
        n_roots += is_root[node]

    factors_at = HEADER + OP_SIZE * n_ops
    roots_at = factors_at + 3 * n_factors
    leaves_at = roots_at + ROOT_ROW * n_roots
    nodes_at = leaves_at + LEAF_ROW * n_leaves
    terms_at = nodes_at + NODE_ROW * n_nodes
    ints = np.empty(terms_at + n_terms * n_roots, np.int64)
    floats = np.empty(2 * n_factors + n_terms, np.float64)
    ints[N_OPS] = n_ops
    ints[N_FACTORS] = n_factors
    ints[N_SLOTS] = n_slots
    ints[N_TERMS] = n_terms
    ints[N_ROOTS] = n_roots
    ints[N_LEAVES] = n_leaves
    ints[N_NODES] = n_nodes
    ints[OPS_AT] = HEADER
    ints[FACTORS_AT] = factors_at
    ints[ROOTS_AT] = roots_at
    ints[LEAVES_AT] = leaves_at
    ints[NODES_AT] = nodes_at
    ints[TERMS_AT] = terms_at
    ints[STATE_SIZE] = state_size
    ints[SCRATCH] = scratch_size(n_factors)
    ints[BATCH_SIZE] = scratch_size(n_factors) + state_size
    if state_size <= LARGEST_FOURFOLD:
        ints[BATCH_SIZE] += FOURFOLD_SCRATCH + 8 * n_factors + 4 * state_size
    uncomputed = state_size >= _LEAST_UNCOMPUTED and _is_invertible(ops, n_ops, factors, n_factors, constants)
    ints[UNCOMPUTED] = 1 if uncomputed else 0
    ints[COST] = 100 * n_factors
    for k in range(n_ops):
        ints[COST] += 100 + ops[k, SIZE]

    where = filled(n_nodes, 0)
    _sort(ops, n_ops, owner, nodes, n_nodes, ints)
    ints[KEPT_SIZE] = _keep(nodes, n_nodes, n_leaves, leaves_at, where, ints)
    for k in range(n_factors):
        for j in range(3):
            ints[factors_at + 3 * k + j] = factors[k, j]
        floats[2 * k] = turns[k, 0]
        floats[2 * k + 1] = turns[k, 1]
    for node in range(n_nodes):
        for j in range(NODE_ROW):
            ints[nodes_at + NODE_ROW * node + j] = nodes[node, j]
    wires = filled(n_qubits, 0)
    n_wires = np.int64(0)
    root = np.int64(0)
    for node in range(n_nodes):
        if is_root[node]:
            n_wires = _root(nodes, node, root, n_roots, where, members, counts, wire, digits, wires, n_wires, ints)
            root += 1
    for t in range(n_terms):
        floats[2 * n_factors + t] = coefficients[t]
    return ints, floats, wires[:n_wires]


SIGNATURES = {
    "plan": "Tuple((int64[::1], float64[::1], int64[::1]))"
    "(int64[::1], float64[::1], uint8[::1], int64[:, ::1], float64[::1], int64, int64, float64[::1])",
}
