"""The energy of a compilation problem is one minus the process fidelity that matrices and Qiskit give."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import CCXGate, CXGate, HGate, QFTGate, RXGate
from qiskit.quantum_info import Operator, SuperOp, process_fidelity

from qvar.problems import find_problem, unitary_compilation
from qvar.problems.unitaries import named_unitary
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Operation,
    PauliPropagationSimulator,
    PauliTransferSimulator,
    PennyLaneSimulator,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.errors import NoiseModelError, ProblemError


def layers(n: int, *, reps: int = 2) -> Circuit:
    """Return RY and RZ on every qubit and a chain of CNOTs, repeated."""
    operations: list[Operation] = []
    for _ in range(reps):
        for q in range(n):
            for gate in ("ry", "rz"):
                operations.append(Operation(gate, (q,), (Slot(sum(o.gate != "cx" for o in operations)),)))
        operations += [Operation("cx", (q, q + 1)) for q in range(n - 1)]
    return Circuit(n, tuple(operations))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(0, 10**6))
def test_the_energy_is_one_minus_the_squared_overlap_of_the_matrices(n: int, seed: int) -> None:
    target = named_unitary(f"random-unitary-{n}-seed{seed}")
    circuit = layers(n)
    theta = np.random.default_rng(seed).uniform(-3, 3, circuit.n_parameters)
    matrix = Operator(circuit.to_qiskit(theta)).data
    expected = 1 - abs(np.trace(target.conj().T @ matrix)) ** 2 / 4**n
    problem = unitary_compilation(target)
    assert 1 - process_fidelity(Operator(matrix), Operator(target)) == pytest.approx(expected, abs=1e-9)
    for engine in (StatevectorSimulator(), PauliTransferSimulator()):
        assert problem.objective(engine, circuit)(theta) == pytest.approx(expected, abs=1e-10)
    assert problem.start_energy == pytest.approx(1 - abs(np.trace(target)) ** 2 / 4**n, abs=1e-10)
    assert problem.objective(StatevectorSimulator(), Circuit(n))([]) == pytest.approx(problem.start_energy, abs=1e-10)


def test_the_gradient_is_that_of_the_overlap() -> None:
    problem, circuit = find_problem("random-unitary-2-seed5"), layers(2)
    theta = np.random.default_rng(0).normal(size=circuit.n_parameters)
    for engine in (StatevectorSimulator(), PauliTransferSimulator(NoiseModel.named("ourense"))):
        objective = problem.objective(engine, circuit)
        _, gradient = objective.value_and_gradient(theta)
        steps = 1e-6 * np.eye(len(theta))
        differences = [(objective(theta + step) - objective(theta - step)) / 2e-6 for step in steps]
        assert gradient == pytest.approx(np.array(differences), abs=1e-8)


@pytest.mark.parametrize(("name", "gate"), [("toffoli", CCXGate()), ("qft-1", QFTGate(1)), ("qft-3", QFTGate(3))])
def test_named_unitaries_are_those_of_qiskit(name: str, gate: Any) -> None:
    assert named_unitary(name) == pytest.approx(Operator(gate).data, abs=1e-12)
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    compiled = Circuit.from_qiskit(circuit.decompose(reps=3))
    assert find_problem(name).objective(StatevectorSimulator(), compiled)([]) == pytest.approx(0.0, abs=1e-12)


def test_the_order_of_qubits_is_that_of_qiskit() -> None:
    there, back = (Circuit(2, (Operation("cx", pair),)) for pair in ((0, 1), (1, 0)))
    problem = unitary_compilation(CXGate())
    assert problem.objective(StatevectorSimulator(), there)([]) == pytest.approx(0.0, abs=1e-14)
    assert problem.objective(StatevectorSimulator(), back)([]) == pytest.approx(1 - 1 / 16, abs=1e-14)


def test_a_unitary_may_come_in_several_forms() -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    forms = [HGate(), circuit, Operator(HGate()), Circuit(1, (Operation("h", (0,)),)), Operator(HGate()).data.tolist()]
    problems = [unitary_compilation(form) for form in forms]
    for problem in problems:
        assert (problem.n_qubits, problem.n_references, problem.unit) == (1, 1, "infidelity")
        assert problem.observable.coefficients == pytest.approx(problems[0].observable.coefficients, abs=1e-12)
    assert problems[0] == problems[2]


def test_random_unitaries_are_unitary_and_drawn_by_their_seed() -> None:
    first, again, other = (named_unitary(f"random-unitary-2-seed{seed}") for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert first.conj().T @ first == pytest.approx(np.eye(4), abs=1e-12)


def noisy_map(circuit: Circuit, theta: Any, p1: float, p2: float) -> SuperOp:
    """Return the map of a circuit with depolarizing noise after every gate, gate by gate with Qiskit's matrices."""
    n = circuit.n_qubits
    total = SuperOp(np.eye(4**n))
    for operation in circuit.bind(theta).operations:
        gate = Circuit(
            len(operation.qubits),
            (Operation(operation.gate, tuple(range(len(operation.qubits))), operation.parameters),),
        )
        k = len(operation.qubits)
        p = p1 if k == 1 else p2
        mixing = np.outer(np.eye(2**k).ravel(), np.eye(2**k).ravel()) / 2**k
        noise = SuperOp((1 - p) * np.eye(4**k) + p * mixing)
        total = total.compose(SuperOp(Operator(gate.to_qiskit())), qargs=list(operation.qubits))
        total = total.compose(noise, qargs=list(operation.qubits))
    return total


NOISE = NoiseModel.from_numbers(p1=0.02, p2=0.06)
ENGINES = (
    PauliTransferSimulator(NOISE),
    AerSimulator(NOISE),
    PauliPropagationSimulator(NOISE),
    PennyLaneSimulator(noise=NOISE),
)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_under_noise_it_is_the_process_infidelity_of_the_noisy_map(engine: Any) -> None:
    circuit = layers(2, reps=1)
    theta = np.linspace(-1, 2, circuit.n_parameters)
    target = circuit.bind(theta + 0.1)
    problem = unitary_compilation(target)
    expected = 1 - process_fidelity(noisy_map(circuit, theta, 0.02, 0.06), Operator(target.to_qiskit()))
    assert problem.objective(engine, circuit)(theta) == pytest.approx(expected, abs=1e-8)
    assert expected > problem.objective(StatevectorSimulator(), circuit)(theta) + 0.05


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_without_gates_noise_changes_nothing_because_references_have_none(engine: Any) -> None:
    problem = find_problem("qft-2")
    assert problem.objective(engine, Circuit(2))([]) == pytest.approx(problem.start_energy, abs=1e-12)


def test_read_out_error_is_that_of_the_searched_qubits_alone() -> None:
    readout = NoiseModel.from_numbers(readout=0.1)
    problem, empty = unitary_compilation(np.eye(2)), Circuit(1)
    # 1 - (1 + X X - Y Y + Z Z) / 4 with every letter of the searched qubit damped once by 1 - 2 p
    assert problem.objective(PauliTransferSimulator(readout), empty)([]) == pytest.approx(1 - (1 + 3 * 0.8) / 4)


def test_a_device_with_coupled_pairs_needs_no_qubits_for_the_references() -> None:
    device = NoiseModel.named("ourense", qubits=[1, 2, 3])  # three qubits, 0-1 and 0-2 coupled
    engine, problem = PauliTransferSimulator(device), find_problem("toffoli")
    circuit = Circuit(3, (Operation("rx", (0,), (Slot(0),)), Operation("cx", (0, 1)), Operation("cx", (0, 2))))
    assert 0 < problem.objective(engine, circuit)([0.3]) < 1
    with pytest.raises(NoiseModelError, match="cannot execute 'cx' on \\(1, 2\\)"):
        problem.objective(engine, Circuit(3, (Operation("cx", (1, 2)),)))
    with pytest.raises(NoiseModelError, match="has 2 qubit\\(s\\), the circuit 3"):
        problem.objective(PauliTransferSimulator(device.on_qubits([0, 1])), circuit)


class Passing:
    """An engine that is no dataclass."""

    name = "passing"

    def __init__(self, noise: NoiseModel | None) -> None:
        self.noise = noise

    def objective(self, circuit: Any, observable: Any) -> Any:
        return StatevectorSimulator().objective(circuit, observable)


def test_an_engine_whose_noise_cannot_be_extended_is_refused_and_one_without_noise_is_not() -> None:
    problem = find_problem("qft-1")
    assert problem.objective(Passing(None), Circuit(1))([]) == pytest.approx(problem.start_energy)
    with pytest.raises(ProblemError, match="cannot be put beside the noise of a Passing"):
        problem.objective(Passing(NOISE), Circuit(1))


def test_a_circuit_of_another_size_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"the circuit has 4 qubit\(s\), 'qft-2' is searched on 2"):
        find_problem("qft-2").objective(StatevectorSimulator(), Circuit(4))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([[1, 1], [0, 1]], "not unitary"),
        (2 * np.eye(2), "not unitary"),
        (np.full((2, 2), np.nan), "not unitary"),
        (np.eye(3), "shape"),
        (np.eye(4)[:2], "shape"),
        ([1, 0], "shape"),
        (np.eye(1), "shape"),
        (None, "a target is a unitary matrix"),
        (QuantumCircuit(1, 1), None),
        (Circuit(1, (Operation("rx", (0,), (Slot(0),)),)), "without free angles"),
        (QuantumCircuit(20), "go to 10 qubits, reference qubits of a unitary included, got 40"),
        (np.eye(64), "got 12"),
        ("cnot", "unknown unitary 'cnot'"),
        ("qft-0", "at least 1"),
        ("qft-6", "got 12"),
        ("random-unitary-5-seed0", "Pauli strings"),
    ],
)
def test_unitaries_that_cannot_be_are_refused(target: Any, message: str | None) -> None:
    if message is None:  # an unused classical bit is no reason
        assert unitary_compilation(target).n_qubits == 1
        return
    with pytest.raises(ProblemError, match=message):
        unitary_compilation(target)


def test_a_measurement_is_no_unitary() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.append(RXGate(0.3), [0])
    circuit.measure(0, 0)
    with pytest.raises(ProblemError, match="a target is a unitary matrix"):
        unitary_compilation(circuit)
