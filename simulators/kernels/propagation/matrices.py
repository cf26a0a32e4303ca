"""Kernels of Pauli propagation: the matrix of an operation in the Heisenberg picture, and its derivatives.

Letters come in the order I, X, Z, Y.
"""

import math

import numpy as np
from numba import njit

from qvar.simulators.kernels.layout import OPTIONS
from qvar.simulators.kernels.propagation.layout import MIX2


@njit(**OPTIONS)
def operation_matrix(op, elements, angles, constants, theta, matrix, slopes, parts, taping):
    """Write the matrix of a mixing operation; return its size, 4 or 16."""
    if op[0] == MIX2:
        for b in range(16):
            for a in range(16):
                matrix[b, a] = constants[op[3] + 16 * b + a]
        slopes[:] = 0.0
        return 16
    _fuse(elements, angles, constants, op[3], op[6], theta, matrix, slopes, parts, taping)
    return 4


@njit(**OPTIONS)
def longest(ops):
    """Return the largest number of elements of an operation."""
    longest = 1
    for t in range(len(ops)):
        longest = max(longest, ops[t, 6])
    return longest


@njit(**OPTIONS)
def _fuse(elements, angles, constants, first, count, theta, matrix, slopes, parts, taping):
    """Multiply the elements of a one-qubit operation: matrix = e_last ... e_first, and bounds on its derivatives."""
    for k in range(count):
        _element(elements, angles, constants, first + k, theta, parts[k], False)
    _identity(matrix)
    for k in range(count):
        _premultiply(parts[k], matrix)
    slopes[:] = 0.0
    if taping:
        derivative = np.empty((4, 4))
        for k in range(count):
            if elements[first + k, 1] >= 0:
                write_derivative(elements, angles, constants, first, count, k, theta, parts, derivative)
                for b in range(4):
                    for a in range(4):
                        slopes[b, a] = max(slopes[b, a], abs(derivative[b, a]))


@njit(**OPTIONS)
def write_derivative(elements, angles, constants, first, count, k, theta, parts, out):
    """Write d(matrix) / d(angle of element k)."""
    one = np.empty((4, 4))
    _identity(out)
    for j in range(count):
        if j == k:
            _element(elements, angles, constants, first + k, theta, one, True)
            _premultiply(one, out)
        else:
            _premultiply(parts[j], out)


@njit(**OPTIONS)
def _element(elements, angles, constants, e, theta, out, differentiate):
    """Write the Heisenberg matrix of one element, letters in the order I, X, Z, Y, or its derivative."""
    kind, slot = elements[e, 0], elements[e, 1]
    if kind == 0:
        for b in range(4):
            for a in range(4):
                out[b, a] = constants[elements[e, 2] + 4 * b + a]
        return
    angle = angles[e, 1]
    if slot >= 0:
        angle += angles[e, 0] * theta[slot]
    cos, sin = math.cos(angle), math.sin(angle)
    p = 3 if kind == 1 else (2 if kind == 3 else 1)  # kind 1, 2, 3: the axis X, Z, Y
    q = 2 if kind == 1 else (3 if kind == 2 else 1)
    if differentiate:
        cos, sin = -sin, cos
        out[:] = 0.0
    else:
        _identity(out)
    out[p, p] = cos
    out[q, q] = cos
    out[p, q] = sin
    out[q, p] = -sin


@njit(**OPTIONS)
def _identity(out):
    for b in range(4):
        for a in range(4):
            out[b, a] = 1.0 if a == b else 0.0


@njit(**OPTIONS)
def _premultiply(left, out):
    for a in range(4):
        c0, c1, c2, c3 = out[0, a], out[1, a], out[2, a], out[3, a]
        for b in range(4):
            out[b, a] = left[b, 0] * c0 + left[b, 1] * c1 + left[b, 2] * c2 + left[b, 3] * c3
