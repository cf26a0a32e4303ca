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
    needed = np.zeros(n_steps, np.uint8)
    active = np.zeros(n_qubits, np.uint8)
    for q in range(n_qubits):
        active[q] = support[q] != 0
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
    max_ops = n_steps + 3 * n_qubits + 2 * n_steps + 8
    ops = np.empty((max_ops, OP_SIZE), np.int64)
    owner = np.empty(max_ops, np.int64)
    factors = np.empty((n_steps, 3), np.int64)
    turns = np.empty((n_steps, 2), np.float64)
    nodes = np.empty((2 * n_qubits, NODE_ROW), np.int64)
    node_of = np.empty(n_qubits, np.int64)  # by wire; a noiseless SWAP exchanges the wires of two qubits
    position = np.zeros(n_qubits, np.int64)
    wire = np.arange(n_qubits)
    members = np.zeros((2 * n_qubits, n_qubits), np.int64)
    counts = np.zeros(2 * n_qubits, np.int64)
    head = np.full(n_qubits, -1, np.int64)
    tail = np.full(n_qubits, -1, np.int64)
    after = np.full(n_steps + 1, -1, np.int64)
    n_nodes = 0
    for w in range(n_qubits):
        node_of[w] = -1
    if joined:
        for q in range(n_qubits):
            node_of[q] = 0
            position[q] = q
            members[0, q] = q
        counts[0] = n_qubits
        nodes[0, NODE_LARGE] = nodes[0, NODE_SMALL] = -1
        nodes[0, NODE_SIZE] = 1 << (2 * n_qubits)
        n_nodes = 1
    for q in range(n_qubits):
        if active[q] and not joined:  # the qubits that the light cone reaches at the start
            node_of[q] = n_nodes
            members[n_nodes, 0] = q
            counts[n_nodes] = 1
            nodes[n_nodes, NODE_LARGE] = nodes[n_nodes, NODE_SMALL] = -1
            nodes[n_nodes, NODE_SIZE] = 4
            n_nodes += 1
    n_leaves = n_nodes
    n_ops = 0
    n_factors = 0

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
        for w in range(
            n_qubits
        ):  # do what is pending: for the two qubits, or all of clusters that grow, or all in the end
            if head[w] < 0 or not (last or w == wa or w == wb or (na != nb and (node_of[w] == na or node_of[w] == nb))):
                continue
            node = node_of[w]
            ops[n_ops, OPCODE] = LOCAL
            ops[n_ops, SIZE] = nodes[node, NODE_SIZE]
            ops[n_ops, FIRST] = 1 << (2 * position[w])
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
            n_ops += 1
            head[w] = -1
        if last:
            break
        if na != nb:
            if counts[nb] > counts[na]:
                na, nb = nb, na
            for j in range(counts[na]):
                members[n_nodes, j] = members[na, j]
                node_of[members[na, j]] = n_nodes
            for j in range(counts[nb]):
                w = members[nb, j]
                members[n_nodes, counts[na] + j] = w
                position[w] += counts[na]
                node_of[w] = n_nodes
            counts[n_nodes] = counts[na] + counts[nb]
            nodes[n_nodes, NODE_LARGE] = na
            nodes[n_nodes, NODE_SMALL] = nb
            nodes[n_nodes, NODE_SIZE] = nodes[na, NODE_SIZE] * nodes[nb, NODE_SIZE]
            ops[n_ops, OPCODE] = MERGE
            ops[n_ops, SIZE] = nodes[n_nodes, NODE_SIZE]
            ops[n_ops, FIRST] = nodes[na, NODE_SIZE]
            ops[n_ops, SECOND] = nodes[nb, NODE_SIZE]
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

    # Places: a grown cluster lies where its larger part lay, its smaller part behind everything else.
    is_root = np.ones(n_nodes, np.uint8)
    for node in range(n_nodes):
        if nodes[node, NODE_LARGE] >= 0:
            is_root[nodes[node, NODE_LARGE]] = is_root[nodes[node, NODE_SMALL]] = 0
    place = 0
    n_roots = 0
    for node in range(n_nodes - 1, -1, -1):
        if is_root[node]:
            nodes[node, NODE_PLACE] = place
            place += nodes[node, NODE_SIZE]
            n_roots += 1
        large, small = nodes[node, NODE_LARGE], nodes[node, NODE_SMALL]
        if large >= 0:
            nodes[large, NODE_PLACE] = nodes[node, NODE_PLACE]
            nodes[small, NODE_PLACE] = place
            place += nodes[small, NODE_SIZE]
    state_size = place

    ops_at = HEADER
    factors_at = ops_at + OP_SIZE * n_ops
    roots_at = factors_at + 3 * n_factors
    leaves_at = roots_at + ROOT_ROW * n_roots
    nodes_at = leaves_at + LEAF_ROW * n_leaves
    terms_at = nodes_at + NODE_ROW * n_nodes
    ints = np.empty(terms_at + n_terms * n_roots, np.int64)
    floats = np.empty(2 * n_factors + n_terms, np.float64)

    # Operations in order of their nodes: a cluster's come together, and after those of its parts.
    first = np.zeros(n_nodes + 1, np.int64)
    for k in range(n_ops):
        first[owner[k] + 1] += 1
    for node in range(n_nodes):
        first[node + 1] += first[node]
        nodes[node, NODE_FIRST_OP] = first[node]
        nodes[node, NODE_END_OP] = first[node + 1]
    for k in range(n_ops):
        row = ops_at + OP_SIZE * first[owner[k]]
        first[owner[k]] += 1
        for j in range(PLACE):
            ints[row + j] = ops[k, j]
        ints[row + PLACE] = nodes[owner[k], NODE_PLACE]
        if ops[k, OPCODE] == MERGE:
            ints[row + SMALL] = nodes[nodes[owner[k], NODE_SMALL], NODE_PLACE]

    # Places of states that are kept: every LOCAL and MERGE writes to a new one.
    kept = 0
    where = np.empty(n_nodes, np.int64)
    for leaf in range(n_leaves):
        where[leaf] = kept
        ints[leaves_at + LEAF_ROW * leaf] = nodes[leaf, NODE_PLACE]
        ints[leaves_at + LEAF_ROW * leaf + 1] = kept
        kept += nodes[leaf, NODE_SIZE]
    for node in range(n_nodes):
        for k in range(nodes[node, NODE_FIRST_OP], nodes[node, NODE_END_OP]):
            row = ops_at + OP_SIZE * k
            if ints[row + OPCODE] == MERGE:
                ints[row + KEPT_IN] = where[nodes[node, NODE_LARGE]]
                ints[row + KEPT_SMALL] = where[nodes[node, NODE_SMALL]]
            else:
                ints[row + KEPT_IN] = where[node]
                ints[row + KEPT_SMALL] = 0
            if ints[row + OPCODE] == MERGE or ints[row + OPCODE] == LOCAL:
                where[node] = kept
                kept += ints[row + SIZE]
            ints[row + KEPT_OUT] = where[node]
    for k in range(n_factors):
        for j in range(3):
            ints[factors_at + 3 * k + j] = factors[k, j]
        floats[2 * k] = turns[k, 0]
        floats[2 * k + 1] = turns[k, 1]
    for node in range(n_nodes):
        for j in range(NODE_ROW):
            ints[nodes_at + NODE_ROW * node + j] = nodes[node, j]

    wires = np.empty(n_qubits, np.int64)
    n_wires = 0
    qubit_of = np.empty(n_qubits, np.int64)
    for q in range(n_qubits):
        qubit_of[wire[q]] = q
    root = 0
    for node in range(n_nodes):
        if not is_root[node]:
            continue
        row = roots_at + ROOT_ROW * root
        ints[row + ROOT_PLACE] = nodes[node, NODE_PLACE]
        ints[row + ROOT_KEPT] = where[node]
        ints[row + ROOT_SIZE] = nodes[node, NODE_SIZE]
        ints[row + ROOT_NODE] = node
        for j in range(counts[node]):
            wires[n_wires + j] = qubit_of[members[node, j]]
        for t in range(n_terms):
            index = 0
            for j in range(counts[node]):
                index |= digits[t, wires[n_wires + j]] << (2 * j)
            ints[terms_at + t * n_roots + root] = index
        n_wires += counts[node]
        root += 1
    for t in range(n_terms):
        floats[2 * n_factors + t] = coefficients[t]

    ints[N_OPS] = n_ops
    ints[N_FACTORS] = n_factors
    ints[N_SLOTS] = n_slots
    ints[N_TERMS] = n_terms
    ints[N_ROOTS] = n_roots
    ints[N_LEAVES] = n_leaves
    ints[N_NODES] = n_nodes
    ints[OPS_AT] = ops_at
    ints[FACTORS_AT] = factors_at
    ints[ROOTS_AT] = roots_at
    ints[LEAVES_AT] = leaves_at
    ints[NODES_AT] = nodes_at
    ints[TERMS_AT] = terms_at
    ints[STATE_SIZE] = state_size
    ints[KEPT_SIZE] = kept
    ints[SCRATCH] = scratch_size(n_factors)
    ints[BATCH_SIZE] = scratch_size(n_factors) + state_size
    if state_size <= LARGEST_FOURFOLD:
        ints[BATCH_SIZE] += FOURFOLD_SCRATCH + 8 * n_factors + 4 * state_size
    uncomputed = state_size >= _LEAST_UNCOMPUTED and _is_invertible(ops, n_ops, factors, n_factors, constants)
    ints[UNCOMPUTED] = 1 if uncomputed else 0
    ints[COST] = 100 * n_factors
    for k in range(n_ops):
        ints[COST] += 100 + ops[k, SIZE]
    return ints, floats, wires[:n_wires]


SIGNATURES = {
    "plan": "Tuple((int64[::1], float64[::1], int64[::1]))"
    "(int64[::1], float64[::1], uint8[::1], int64[:, ::1], float64[::1], int64, int64, float64[::1])",
}
