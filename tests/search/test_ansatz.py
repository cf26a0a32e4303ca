"""Fixed circuits: Qiskit's families, kept to the couplings of a device, or a file."""

import numpy as np
import pytest
from qiskit.circuit import library
from qiskit.quantum_info import Operator

from qvar.search import ansatz
from qvar.search.ansatz import ANSATZES
from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, Slot
from qvar.simulators.errors import CircuitError


@pytest.mark.parametrize("name", ANSATZES)
@pytest.mark.parametrize(("n_qubits", "reps"), [(1, 1), (2, 2), (3, 1), (4, 3)])
def test_the_families_are_qiskit_s_with_a_chain_of_entanglers(name, n_qubits, reps):
    ours = ansatz(name, n_qubits, reps=reps)
    theirs = getattr(library, name)(n_qubits, reps=reps, entanglement="linear")
    assert ours.n_parameters == theirs.num_parameters
    theta = np.linspace(-3, 3, ours.n_parameters)
    assert Operator(ours.to_qiskit(theta)).equiv(Operator(theirs.assign_parameters(theta)))


def entanglers(circuit):
    return {operation.qubits for operation in circuit.operations if len(operation.qubits) == 2}


def test_entanglers_keep_to_the_coupling_map_each_pair_once():
    noise = NoiseModel.named("ourense")
    circuit = ansatz("efficient_su2", 4, reps=1, coupling_map=noise.coupling_map)
    assert entanglers(circuit) == {(0, 1), (1, 2), (1, 3)}
    assert circuit.n_two_qubit_gates == 3
    PauliTransferSimulator(noise).objective(circuit, Observable(("ZZZZ",), (1.0,)))


def test_a_pair_that_a_device_can_execute_in_one_direction_only_keeps_it():
    circuit = ansatz("real_amplitudes", 3, reps=1, coupling_map=[(1, 0), (1, 2), (2, 1)])
    assert entanglers(circuit) == {(1, 0), (1, 2)}


def test_couplings_beyond_the_problem_are_left_out():
    assert entanglers(ansatz("efficient_su2", 2, coupling_map=[(0, 1), (1, 5), (4, 5)])) == {(0, 1)}


def test_without_couplings_only_rotations_remain():
    circuit = ansatz("efficient_su2", 3, coupling_map=[])
    assert entanglers(circuit) == set()
    assert circuit.n_parameters == 18


def test_a_file_is_read_with_its_free_angles(tmp_path):
    circuit = Circuit(
        2, (Operation("ry", (1,), (Slot(0),)), Operation("cx", (1, 0)), Operation("rz", (0,), (Slot(1),)))
    )
    (tmp_path / "mine.qasm").write_text(circuit.to_qasm())
    assert ansatz(str(tmp_path / "mine.qasm"), 2) == circuit


def test_a_file_of_another_size_is_refused(tmp_path):
    (tmp_path / "mine.qasm").write_text(Circuit(3).to_qasm())
    with pytest.raises(CircuitError, match=r"mine.qasm has 3 qubit\(s\), the problem 2"):
        ansatz(str(tmp_path / "mine.qasm"), 2)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CircuitError, match="cannot read the circuit"):
        ansatz(str(tmp_path / "missing.qasm"), 2)


@pytest.mark.parametrize("content", [b"not a circuit", b"OPENQASM 3.0;\nqubit[2] q;\nfoo q[0];\n"])
def test_a_file_that_is_no_circuit_is_refused(tmp_path, content):
    (tmp_path / "bad.qasm").write_bytes(content)
    with pytest.raises(CircuitError, match=r"cannot read the circuit .*bad.qasm: not a readable OpenQASM 3 program"):
        ansatz(str(tmp_path / "bad.qasm"), 2)


def test_a_file_of_random_bytes_is_refused(tmp_path):
    (tmp_path / "bad.qasm").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(CircuitError, match="cannot read the circuit"):
        ansatz(str(tmp_path / "bad.qasm"), 2)


def test_an_unknown_name_is_refused_naming_the_known_ones():
    with pytest.raises(CircuitError, match="unknown ansatz 'uccsd'; known are efficient_su2, real_amplitudes"):
        ansatz("uccsd", 2)


@pytest.mark.parametrize("reps", [0, -1])
def test_without_repetitions_there_is_no_ansatz(reps):
    with pytest.raises(CircuitError, match=f"at least one repetition, got {reps}"):
        ansatz("efficient_su2", 2, reps=reps)
