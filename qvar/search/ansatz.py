"""Fixed circuits for comparison with found ones: Qiskit's hardware-efficient families, or a file."""

from collections.abc import Sequence

from qvar.simulators import Circuit
from qvar.simulators.errors import CircuitError

__all__ = ["ANSATZES", "ansatz"]

ANSATZES = ("efficient_su2", "real_amplitudes")
"""Names of the circuit families, as in qiskit.circuit.library."""


def ansatz(
    name: str, n_qubits: int, *, reps: int = 2, coupling_map: Sequence[tuple[int, int]] | None = None
) -> Circuit:
    """Return a circuit by name or from a file.

    Args:
        name: a name in `ANSATZES`, or the path of a .qasm or .qpy file with free or fixed angles.
        n_qubits: number of qubits.
        reps: repetitions of rotations and entanglers, at least 1.
        coupling_map: pairs (control, target) for the entanglers, each coupled pair used once; None for a chain.

    Raises:
        CircuitError: for an unknown name, an unreadable file, or a circuit of another size.
    """
    if name.endswith((".qasm", ".qpy")):
        circuit = Circuit.from_file(name)
        if circuit.n_qubits != n_qubits:
            raise CircuitError(f"{name} has {circuit.n_qubits} qubit(s), the problem {n_qubits}")
        return circuit
    if name not in ANSATZES:
        raise CircuitError(f"unknown ansatz {name!r}; known are {', '.join(ANSATZES)}, or a .qasm or .qpy file")
    if reps < 1:
        raise CircuitError(f"an ansatz needs at least one repetition, got {reps}")
    from qiskit.circuit import library

    pairs = [(q, q + 1) for q in range(n_qubits - 1)]
    if coupling_map is not None:
        usable = {(a, b) for a, b in coupling_map if max(a, b) < n_qubits}
        pairs = sorted((a, b) for a, b in usable if a < b or (b, a) not in usable)
    return Circuit.from_qiskit(getattr(library, name)(n_qubits, reps=reps, entanglement=pairs))
