"""Random Qiskit circuits for the primitives: all kinds of gates, registers, measurements and parameter expressions."""

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

ONE_QUBIT = ("h", "x", "s", "sx", "tdg", "rx", "ry", "rz", "p")
TWO_QUBIT = ("cx", "cz", "swap", "ecr", "rzz", "crx", "cp")
ROTATIONS = ("rx", "ry", "rz", "p", "rzz", "crx", "cp")

EXPRESSIONS = (
    lambda a, b: a,
    lambda a, b: 2 * a - 0.3,
    lambda a, b: a + b,
    lambda a, b: a * b / 2,
    lambda a, b: a.sin() + 0.1 * b,
    lambda a, b: (1 + a * a).log(),
)


def random_circuit(rng, n_qubits, n_gates=8, n_parameters=2):
    """Return a circuit with up to `n_parameters` parameters in expressions, some gates inside a block."""
    parameters = ParameterVector("t", n_parameters)
    outer, inner = QuantumCircuit(n_qubits, global_phase=parameters[0]), QuantumCircuit(n_qubits)
    for circuit in (outer, inner):
        for _ in range(n_gates // 2):
            _append_random(rng, circuit, n_qubits, parameters)
    outer.barrier()
    outer.append(inner.to_instruction(), rng.permutation(n_qubits).tolist())
    return outer


def _append_random(rng, circuit, n_qubits, parameters):
    size = int(rng.integers(1, min(n_qubits, 2) + 1))
    gate = str(rng.choice(ONE_QUBIT if size == 1 else TWO_QUBIT))
    angles = []
    if gate in ROTATIONS:
        a, b = (parameters[k] for k in rng.integers(len(parameters), size=2))
        angles = [EXPRESSIONS[rng.integers(len(EXPRESSIONS))](a, b)]
    getattr(circuit, gate)(*angles, *rng.choice(n_qubits, size, replace=False).tolist())


def random_observable(rng, n_qubits, n_terms=3):
    labels = {"".join(rng.choice(list("IXYZ"), size=n_qubits)) for _ in range(n_terms)}
    return SparsePauliOp(sorted(labels), rng.normal(size=len(labels)))


def random_values(rng, circuit, shape):
    return rng.uniform(-2, 2, (*shape, circuit.num_parameters))


def measured_at_random(rng, circuit):
    """Return the circuit with some qubits measured into random bits of three registers."""
    registers = [ClassicalRegister(size, name) for size, name in ((2, "alpha"), (1, "beta"), (9, "gamma"))]
    result = QuantumCircuit(QuantumRegister(circuit.num_qubits, "q"), *registers)
    result.compose(circuit, range(circuit.num_qubits), inplace=True)
    n_measured = int(rng.integers(1, circuit.num_qubits + 1))
    qubits = rng.choice(circuit.num_qubits, n_measured, replace=False)
    clbits = rng.choice(result.num_clbits, n_measured, replace=False)
    result.measure(qubits.tolist(), clbits.tolist())
    return result


def counts_table(bit_array, index=()):
    """Return the counts of one entry of a BitArray, shape (2**n_bits,)."""
    counts = np.zeros(2**bit_array.num_bits)
    for outcome, count in bit_array[index].get_int_counts().items():
        counts[outcome] = count
    return counts
