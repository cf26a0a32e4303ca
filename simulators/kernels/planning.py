"""Plan the execution of a noisy circuit: which operations are needed, on how small a state each can act, and where.

Qubits start alone, each a Bloch vector of four numbers. A two-qubit operation across two clusters of qubits merges them
first, so most of a short circuit runs on small states. Runs of one-qubit operations become one operation, operations
outside the light cone of the observable are left out, and a cluster's pending one-qubit operations are done before it
grows.
"""

import numpy as np
from numba import njit

from qvar.simulators.kernels.arrays import filled, padded
from qvar.simulators.kernels.cluster_growth import grow, needed_steps, plant
from qvar.simulators.kernels.layout import (
    BATCH_SIZE,
    CONSTANTS,
    COST,
    CX,
    DENSE,
    FACTORS_AT,
    FIXED,
    FOURFOLD_SCRATCH,
    HEADER,
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
    SIZE,
    SMALL,
    STATE_SIZE,
    TERMS_AT,
    UNCOMPUTED,
)

_LEAST_FACTOR = 0.2  # un-computing loses digits below it
_LEAST_UNCOMPUTED = 4**9  # numbers in all states; smaller ones are faster kept


@njit(**OPTIONS)
def plan(steps, angles, support, digits, coefficients, n_slots, joined, constants):
    """Return the plan (ints, floats, wires) of a circuit and an observable.

    `steps` holds rows of IN_SIZE, `angles` scale and shift of each; `support` says which qubits the observable needs,
    `digits` (terms, qubits) its letters 0-3, `coefficients` their factors. With `joined`, the circuit starts from any
    state of all qubits, a single cluster, instead of from |0...0>. `wires` gives, for each root and position, the qubit
    it holds at the end, roots one after another.
    """
    n_qubits = support.size
    needed, active = needed_steps(steps, support, n_qubits)
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
    n_leaves = plant(active, joined, nodes, members, counts, node_of, position)
    n_ops, n_factors, n_nodes = grow(
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


@njit(**OPTIONS)
def scratch_size(n_factors):
    """Return how many numbers of scratch a plan needs."""
    return 2 * padded(n_factors) + PREFIXES + 24 * (n_factors + 1)


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


SIGNATURES = {
    "plan": "Tuple((int64[::1], float64[::1], int64[::1]))"
    "(int64[::1], float64[::1], uint8[::1], int64[:, ::1], float64[::1], int64, int64, float64[::1])",
}
