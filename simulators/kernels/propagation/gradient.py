"""Kernels of Pauli propagation: the tape of a run swept backwards, for the gradient."""

import numpy as np
from numba import njit

from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.propagation.matrices import longest, operation_matrix, write_derivative


@njit(**OPTIONS)
def sweep_back(ops, elements, angles, constants, theta, adjoint, ints, floats, events, gradient):
    """Run the tape backwards and add up the gradient; `adjoint` holds the final values of the rows."""
    parts = np.zeros((longest(ops), 4, 4))
    matrix, slopes, sums, derivative = np.zeros((16, 16)), np.zeros((16, 16)), np.zeros((4, 4)), np.zeros((4, 4))
    end = events[len(ops), 0]
    for t in range(len(ops) - 1, -1, -1):
        op = ops[t]
        if events[t, 0] < 0:
            continue
        size = operation_matrix(op, elements, angles, constants, theta, matrix, slopes, parts, False)
        _mix_back(adjoint, ints, floats, events[t, 0], end, events[t, 1], matrix, size, sums)
        end = events[t, 0]
        if size == 4:
            for k in range(op[6]):
                e = op[3] + k
                if elements[e, 1] >= 0:
                    write_derivative(elements, angles, constants, op[3], op[6], k, theta, parts, derivative)
                    gradient[elements[e, 1]] += angles[e, 0] * (sums * derivative).sum()
        if events[t, 2] >= 0:
            end = events[t, 2]
            longer = np.zeros(ints[end])
            for i in range(ints[end + 1]):
                longer[ints[end + 2 + i]] = adjoint[i]
            adjoint = longer


@njit(**OPTIONS)
def _mix_back(adjoint, ints, floats, at, end, at_float, matrix, size, sums):
    """Turn adjoints after an operation into those before it; sums[b, a] = sum of adjoint[b] coefficient[a]."""
    sums[:] = 0.0
    late = np.zeros(16)
    early = np.zeros(16)
    while at < end:
        mask = ints[at]
        place = at + 1
        for b in range(size):
            if (mask >> b) & 1:
                late[b] = 0.0 if ints[place] < 0 else adjoint[ints[place] >> 1] * (1 - 2 * (ints[place] & 1))
                place += 1
        for a in range(1, size):
            if not (mask >> a) & 1:
                continue
            total = 0.0
            for b in range(size):
                if (mask >> b) & 1:
                    total += matrix[b, a] * late[b]
                    if size == 4:
                        sums[b, a] += late[b] * floats[at_float]
            early[a] = total
            if size == 4:
                at_float += 1
        place = at + 1
        for b in range(size):
            if (mask >> b) & 1:
                if b > 0 and ints[place] >= 0:
                    adjoint[ints[place] >> 1] = early[b] * (1 - 2 * (ints[place] & 1))
                place += 1
        at = place
