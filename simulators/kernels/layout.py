"""The layout of the flat arrays that kernels read, in one place.

A plan is two arrays. `ints` = header, then at the positions that it names: operations, factors (axis, slot, constants),
leaves (single qubits at the start), roots (clusters of qubits at the end), nodes (all clusters that ever were) and the
observable's indices, one per root and term. `floats` = scale and shift of each factor's angle, then the observable's
coefficients.
"""

# Operations of a circuit as they come in; rows of (opcode, first qubit, second qubit, slot, constants).
RX = 0
RY = 1
RZ = 2
FIXED = 3  # an affine map of X, Y, Z: 12 constants
CX = 4
DENSE = 5  # a two-qubit map: 256 constants
SWAP = 6
IN_SIZE = 5

# Operations of a plan.
LOCAL = 0
MERGE = 3

# Header: numbers of things, where they start in `ints`, and what the workspace must hold.
N_OPS = 0
N_FACTORS = 1
N_SLOTS = 2
N_TERMS = 3
N_ROOTS = 4
N_LEAVES = 5
N_NODES = 6
OPS_AT = 7
FACTORS_AT = 8
ROOTS_AT = 9
LEAVES_AT = 10
NODES_AT = 11
TERMS_AT = 12
STATE_SIZE = 13  # numbers in the states of all clusters at once
KEPT_SIZE = 14  # numbers in all states that a gradient keeps
SCRATCH = 15  # numbers of scratch in front of the states
COST = 16  # about the time of an energy, in numbers of a state written
UNCOMPUTED = 17  # 1 if a gradient un-computes states on its way back instead of keeping them
BATCH_SIZE = 18  # numbers in the workspace of a batch
HEADER = 19

# Columns of an operation; places count from the start of the states.
OPCODE = 0
SIZE = 1  # numbers in the state it acts on, after a merge
FIRST = 2  # stride of its first qubit; MERGE: size of the larger cluster
SECOND = 3  # stride of its second qubit; MERGE: size of the smaller cluster
CONSTANTS = 4  # LOCAL: its first factor
COUNT = 5  # LOCAL: number of factors
PLACE = 6  # its state; MERGE: the larger cluster's, which grows in place
SMALL = 7  # MERGE: the smaller cluster's
KEPT_OUT = 8  # the same for states that are kept
KEPT_IN = 9
KEPT_SMALL = 10
OP_SIZE = 11

# Columns of a root.
ROOT_PLACE = 0
ROOT_KEPT = 1
ROOT_SIZE = 2
ROOT_NODE = 3
ROOT_ROW = 4

# Columns of a node.
NODE_FIRST_OP = 0
NODE_END_OP = 1
NODE_LARGE = 2  # the node it grew from, -1 for a single qubit
NODE_SMALL = 3  # the node it took in
NODE_PLACE = 4
NODE_SIZE = 5
NODE_ROW = 6

LEAF_ROW = 2  # place, kept place

# A batch of small states runs four parameter vectors at once: each number of scratch and states is four lanes.
LARGEST_FOURFOLD = 6000  # numbers in all states; beyond, four states at once do not stay in the cache
FOURFOLD_SCRATCH = 400  # numbers of scratch after the cosines and sines, so that it holds MATRIX and DENSE_*

# Scratch: cosines and sines of all factors (each padded to a multiple of 4), then at these distances:
MATRIX = 0  # rows X, Y, Z of a LOCAL's matrix, 4 numbers each
COLUMNS = 16  # its columns
DENSE_COLUMNS = 32  # columns of a DENSE's matrix
DENSE_INPUT = 288  # 16 lanes
INVERSE = 352  # rows X, Y, Z of a LOCAL's inverse, then its columns
PREFIXES = 380  # matrices of the first 0, 1, ... factors of a LOCAL, 12 numbers each; then as many overlaps

HARMLESS = 1e-9  # distance from the start after undoing a circuit; no gradient was ever seen to be off by more

OPTIONS = {"nogil": True, "error_model": "numpy", "boundscheck": False}
