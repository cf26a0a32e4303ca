"""Which clusters of qubits a noisy circuit makes, and the operations of each, as part of its plan.

`wire` says where a qubit was at the start, `node_of` which cluster a wire is in, `position` where in it; `nodes` are
the clusters, `members` their wires. Steps wait on a wire (`head`, `tail`, `after`) until another qubit needs them done.
"""

import numpy as np
from numba import njit

from qvar.simulators.kernels.arrays import filled
from qvar.simulators.kernels.layout import (
    CONSTANTS,
    COUNT,
    CX,
    FIRST,
    IN_SIZE,
    LOCAL,
    MERGE,
    NODE_LARGE,
    NODE_SIZE,
    NODE_SMALL,
    OPCODE,
    OPTIONS,
    SECOND,
    SIZE,
    SWAP,
)


@njit(**OPTIONS)
def needed_steps(steps, support, n_qubits):
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
def plant(active, joined, nodes, members, counts, node_of, position):
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
def grow(steps, angles, needed, n_nodes, ops, owner, factors, turns, nodes, members, counts, node_of, position, wire):
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
