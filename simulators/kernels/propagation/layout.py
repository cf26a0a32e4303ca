"""Names of the numbers that the kernels of Pauli propagation take, hand to each other and give back."""

BLOCK = 64  # rows that are looked at together

# What an operation of a program is.
MIX1, ROT2, MIX2, CLIFFORD = range(4)

# Statistics that a run reports.
VALUE, DROPPED_SUM, DROPPED_SQUARES, N_DROPPED, N_FINAL, N_PEAK, STATUS, STOPPED_AT, N_STATISTICS = range(9)

# Values of STATUS.
OK, TOO_MANY_TERMS, TOO_LONG_TAPE = range(3)

# The state of a run between operations.
N_ROWS, TAPE_INTS, TAPE_FLOATS, RESUME, JUNK, N_STATE = range(6)
