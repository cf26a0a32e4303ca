"""The layout of the flat arrays that the kernels of the pure-state picture read, in one place.

A plan is two arrays. `ints` = header, then at the positions that it names: operations, factors (axis, slot, constants;
as in `layout`, whose header has the same numbers in the same places), images, and what the observable needs. `floats` =
half the scale and half the shift of each factor's angle.

The third array, `constants`, begins with the observable's tables; the matrices of gates follow.
"""

from qvar.simulators.kernels.layout import FACTORS_AT, N_FACTORS, N_OPS, N_SLOTS, OPS_AT

__all__ = ["FACTORS_AT", "N_FACTORS", "N_OPS", "N_SLOTS", "OPS_AT"]

N_BITS = 3  # the final state has 2**N_BITS amplitudes that may differ from 0
FULL = 4  # amplitudes of all qubits, at least 4
IMAGES_AT = 5  # of each bit: the exclusive or of the final states of this bit and all below
OBSERVABLE_AT = 6
SCRATCH = 9  # numbers of scratch in front of the states
COST = 10  # about the time of an energy, in numbers written
HEADER = 11

# Operations of a plan.
DIAGONAL = 0  # multiplies amplitudes
TURN = 1  # mixes amplitudes i and i ^ X
GROW = 2  # the same for X above all bits in use: as many amplitudes come in as there are

# Columns of an operation.
OPCODE = 0
X = 1
Z = 2  # amplitude i plays the part of |1> if i & Z has an odd number of bits
SIZE = 3  # amplitudes after it, at least 4
FIRST_FACTOR = 4
COUNT = 5
OP_SIZE = 6

# The observable: number of masks, 1 if there are tables of imaginary parts behind the real ones, masks. For shot noise:
# number of groups, letters.
N_MASKS = 0
IS_COMPLEX = 1
MASKS = 2

MATRIX_SIZE = 32  # numbers in a matrix laid out for lanes
