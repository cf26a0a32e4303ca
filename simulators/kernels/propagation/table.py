"""Kernels of Pauli propagation: the open-addressing table that finds the row of a string."""

import numpy as np
from numba import int64, njit

from qvar.simulators.kernels.layout import OPTIONS

_MIXER = -7046029254386353131  # odd, 2**64 divided by the golden ratio
_TAG = 0xFFFFFFFF
_ONE = np.uint64(1)


@njit(**OPTIONS)
def slot_of(h, table):
    """Return where the search for a hash starts; the product breaks the linear structure of the hash."""
    return np.uint64((((h ^ (h >> 32)) * _MIXER) >> 20) & (len(table) - 1))


@njit(**OPTIONS)
def find(rows, table, x0, z0, x1, z1, h, wide):
    """Return the row of a string, or -1 minus the free slot where it belongs."""
    last = len(table) - 1
    tag = _TAG & ~last
    slot = slot_of(h, table)
    while True:
        entry = int64(table[slot])
        if entry == 0:
            return -1 - int64(slot)
        if (entry ^ h) & tag == 0:
            j = (entry & last) - 1
            u = np.uint64(j)
            if rows[u, 0] == x0 and rows[u, 1] == z0 and (not wide or (rows[u, 2] == x1 and rows[u, 3] == z1)):
                return j
        slot = (slot + _ONE) & np.uint64(last)


@njit(**OPTIONS)
def enter(table, slot, h, row):
    """Note `row` in the first free slot from `slot` on: row + 1 in the low bits, bits of the hash above."""
    last = len(table) - 1
    free = np.uint64(slot)
    while table[free] != 0:
        free = (free + _ONE) & np.uint64(last)
    table[free] = (h & _TAG & ~last) | (row + 1)


@njit(**OPTIONS)
def rebuild(rows, table, n):
    table[:] = 0
    at = rows.shape[1] - 2
    for i in range(n):
        enter(table, slot_of(rows[i, at], table), rows[i, at], i)
