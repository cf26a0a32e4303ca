"""Names of the numbers that Pauli propagation's kernel takes and gives back."""

# What an operation of a program is.
MIX1, ROT2, MIX2, CLIFFORD = range(4)

# Statistics that a run reports.
VALUE, DROPPED_SUM, DROPPED_SQUARES, N_DROPPED, N_FINAL, N_PEAK, STATUS, STOPPED_AT, N_STATISTICS = range(9)

# Values of STATUS.
OK, TOO_MANY_TERMS, TOO_LONG_TAPE = range(3)
