"""Compiled loops over whole pools of structures: draw, put in canonical order, key, give angles.

Random numbers come from SplitMix64, a counter of 64 bits behind a mixing function, so that a block of circuits depends
on its seed only. Places are rows of `CircuitSpace.placements`, gate after gate: (first wire, second wire or -1).
Entry points check nothing; `qvar.latent.generation` and `qvar.latent.canonical` build the arrays.

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (constants of Stafford).
"""

import math

import numpy as np
from numba import njit, types

from qvar.simulators.kernels.layout import OPTIONS

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


@njit(**OPTIONS)
def _mix(state):
    """Return 64 well-mixed bits."""
    z = (state ^ (state >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@njit(**OPTIONS)
def _unit(bits):
    """Return a number in [0, 1)."""
    return float(bits >> _S11) * _UNIT


@njit(**OPTIONS)
def _below(state, n):
    """Step the generator `state[0]` and return a whole number in 0 .. n - 1."""
    state[0] += _GOLDEN
    return int(_unit(_mix(state[0])) * n)


@njit(**OPTIONS)
def _place(structure, row, gate, first, second, depths):
    """Write a gate and return the depth that it reaches."""
    structure[row, 0] = gate
    structure[row, 1] = first
    structure[row, 2] = second
    depth = depths[first]
    if second >= 0 and depths[second] > depth:
        depth = depths[second]
    depths[first] = depth + 1
    if second >= 0:
        depths[second] = depth + 1
    return depth + 1


@njit(**OPTIONS)
def _draw_gates(structure, state, places, starts, max_depth, depths):
    """Draw gate after gate; return whether the circuit is shallow enough."""
    depths[:] = 0
    for row in range(structure.shape[0]):
        gate = _below(state, starts.size - 1)
        k = starts[gate] + _below(state, starts[gate + 1] - starts[gate])
        if _place(structure, row, gate, places[k, 0], places[k, 1], depths) > max_depth:
            return False
    return True


@njit(**OPTIONS)
def _draw_layers(structure, state, places, starts, max_depth, depths, busy, order):
    """Draw layers of one gate type each; return whether the circuit is shallow enough."""
    depths[:] = 0
    row = 0
    while row < structure.shape[0]:
        gate = _below(state, starts.size - 1)
        n = starts[gate + 1] - starts[gate]
        for k in range(n):
            order[k] = starts[gate] + k
        for k in range(n - 1, 0, -1):
            other = _below(state, k + 1)
            order[k], order[other] = order[other], order[k]
        parity = _below(state, 2) if busy.size > 1 else 0
        busy[:] = 0
        for k in range(n):
            first, second = places[order[k], 0], places[order[k], 1]
            if row == structure.shape[0] or busy[first] or (second >= 0 and busy[second]):
                continue
            if second < 0 and first % 2 != parity:
                continue
            busy[first] = 1
            if second >= 0:
                busy[second] = 1
            if _place(structure, row, gate, first, second, depths) > max_depth:
                return False
            row += 1
    return True


@njit(**OPTIONS)
def draw(structures, seed, places, starts, n_qubits, max_depth, by_layers, most_draws):
    """Fill `structures` with circuits from `seed`; return how many there are and how many were too deep.

    It stops short of the full number after `most_draws` circuits.
    """
    state = np.empty(1, np.uint64)
    state[0] = seed
    depths = np.zeros(n_qubits, np.int64)
    busy = np.zeros(n_qubits, np.int64)
    order = np.zeros(places.shape[0], np.int64)
    done, deep = 0, 0
    while done < structures.shape[0] and done + deep < most_draws:
        if by_layers:
            good = _draw_layers(structures[done], state, places, starts, max_depth, depths, busy, order)
        else:
            good = _draw_gates(structures[done], state, places, starts, max_depth, depths)
        done += good
        deep += not good
    return done, deep


@njit(**OPTIONS)
def _layers(structure, free, layers):
    """Fill `layers` with the layer of every gate when each is placed as soon as possible; return the depth."""
    free[:] = 0
    depth = 0
    for row in range(structure.shape[0]):
        first, second = structure[row, 1], structure[row, 2]
        layer = free[first]
        if second >= 0 and free[second] > layer:
            layer = free[second]
        layers[row] = layer
        free[first] = layer + 1
        if second >= 0:
            free[second] = layer + 1
        depth = max(depth, layer + 1)
    return depth


@njit(**OPTIONS)
def depths(structures, n_qubits, out):
    """Fill `out` with the depth of each structure."""
    free = np.zeros(n_qubits, np.int64)
    layers = np.zeros(structures.shape[1], np.int64)
    for k in range(structures.shape[0]):
        out[k] = _layers(structures[k], free, layers)


@njit(**OPTIONS)
def canonical(structures, symmetric, n_qubits):
    """Put every structure in canonical order, in place."""
    n_gates = structures.shape[1]
    free = np.zeros(n_qubits, np.int64)
    layers = np.zeros(n_gates, np.int64)
    ranks = np.zeros(n_gates, np.int64)
    for k in range(structures.shape[0]):
        structure = structures[k]
        _layers(structure, free, layers)
        for row in range(n_gates):
            first, second = structure[row, 1], structure[row, 2]
            if symmetric[structure[row, 0]] and second < first:
                structure[row, 1], structure[row, 2] = second, first
            ranks[row] = layers[row] * n_qubits + (min(first, second) if second >= 0 else first)
        ordered = structure[np.argsort(ranks)].copy()  # ranks differ: gates of one layer share no wire
        structure[:] = ordered


@njit(**OPTIONS)
def keys(structures, out):
    """Fill `out` with 64 bits for each structure, equal for equal rows."""
    for k in range(structures.shape[0]):
        bits = np.uint64(structures.shape[1])
        for row in range(structures.shape[1]):
            gate = np.uint64(structures[k, row, 0])
            first, second = np.uint64(structures[k, row, 1]), np.uint64(structures[k, row, 2] + 1)
            bits = _mix((bits + _GOLDEN) ^ ((gate * np.uint64(256) + first) * np.uint64(256) + second))
        out[k] = bits


@njit(**OPTIONS)
def angles(structures, structure_keys, seed, n_angles, out):
    """Fill `out`, shape (P, G, 3), with angles in [0, 2 pi) that depend on seed, key and gate only; 0 where none is."""
    for k in range(structures.shape[0]):
        start = _mix(structure_keys[k] ^ _mix(seed + _GOLDEN))
        for row in range(structures.shape[1]):
            for slot in range(3):
                out[k, row, slot] = 0.0
                if slot < n_angles[structures[k, row, 0]]:
                    bits = _mix(start + _GOLDEN * np.uint64(3 * row + slot + 1))
                    out[k, row, slot] = 2.0 * math.pi * _unit(bits)


@njit(**OPTIONS)
def _edits(nodes, left, right, matching):
    """Return the cost of a matching of nodes: nodes changed, edges more and less."""
    cost = 0.0
    for i in range(matching.size):
        cost += nodes[i, matching[i]]
        for j in range(matching.size):
            cost += abs(left[i, j] - right[matching[i], matching[j]])
    return cost


@njit(**OPTIONS)
def improve(nodes, left, right, matching):
    """Exchange pairs of a matching, in place, as long as that makes it cheaper; return its cost."""
    best = _edits(nodes, left, right, matching)
    improved = True
    while improved:
        improved = False
        for i in range(matching.size):
            for j in range(i):
                matching[i], matching[j] = matching[j], matching[i]
                cost = _edits(nodes, left, right, matching)
                if cost < best - 1e-9:
                    best = cost
                    improved = True
                else:
                    matching[i], matching[j] = matching[j], matching[i]
    return best


_STRUCTURES = types.int8[:, :, ::1]
_KEYS = types.uint64[::1]
_BOOLS = types.boolean[::1]

SIGNATURES = {
    "draw": (
        _STRUCTURES,
        types.uint64,
        types.int8[:, ::1],
        types.int64[::1],
        types.int64,
        types.int64,
        types.boolean,
        types.int64,
    ),
    "depths": (_STRUCTURES, types.int64, types.int64[::1]),
    "canonical": (_STRUCTURES, _BOOLS, types.int64),
    "keys": (_STRUCTURES, _KEYS),
    "improve": (types.float64[:, ::1], types.int64[:, ::1], types.int64[:, ::1], types.int64[::1]),
    "angles": (_STRUCTURES, _KEYS, types.uint64, types.int8[::1], types.float64[:, :, ::1]),
}
