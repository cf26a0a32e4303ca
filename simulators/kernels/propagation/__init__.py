"""Kernels of truncated Pauli propagation: an observable runs backwards through a whole circuit in one compiled call.

The observable is a sum of Pauli strings, one row of integers each: words x0, z0 (and x1, z1 above 64 qubits) with a bit
per qubit, Y = both bits; then a hash; then the coefficient, as the bits of a float64 (`vals` is the same memory seen as
floats). An open-addressing table finds the row of a string.

Clifford gates move no row. Rows are strings of a *frame*: `frame[2 q]` and `frame[2 q + 1]` hold the string (with hash
and power of i) that stands for the physical X and Z on qubit q, and a Clifford gate rewrites these few lines. A row has
an X part on q where it anticommutes with the line of Z, a Z part where it anticommutes with the line of X.

Everything else is one kernel, `mixing.mix`. It takes the real matrix A of a channel on one or two qubits in the
Heisenberg picture, c'[b] = sum_a A[b, a] c[a] over the strings that differ only in their letters there, and applies it
to all rows. Letters are numbered so that their product is XOR: I, X, Z, Y = 0, 1, 2, 3, second qubit times 4. Letters
that A does not connect are scaled in place; connected ones are looked up together. A rotation, a run of rotations with
their noise, a relaxation that spawns shorter strings, read-out error, a depolarizing factor and an arbitrary channel
differ in A only. A string of small coefficient is left out when it would be new; small amounts always join an existing
string.

What costs time is reading memory at random. So rows come in blocks, `reach` notes on which qubits the rows of a block
may act (a new row stands near those made by the same operation, so blocks stay local), blocks out of reach of an
operation are skipped, and the table entries that a block needs are read ahead together.

The gradient keeps a tape of the rows that each operation mixed and sweeps it backwards.

`run.propagate` is the only entry point; `strings` has the frame, `table` the rows' table, `matrices` A, `mixing` what A
does to the rows, `gradient` the way back. Nothing is checked here; `pauli_propagation` builds the arrays.
"""
