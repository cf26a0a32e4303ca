"""Plans of noiseless circuits: CX is free, runs are one operation, states are short; and nothing of it shows."""

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qvar.simulators import Circuit, Observable, Operation, PauliTransferSimulator, Slot, StatevectorSimulator
from qvar.simulators.kernels import pure_layout as layout
from tests.simulators import oracle

X, Y, Z = (Observable.from_terms({letter * 2: 1.0}) for letter in "XYZ")


def turn(gate, qubit, slot):
    return Operation(gate, (qubit,), (Slot(slot),))


def cx(control, target):
    return Operation("cx", (control, target))


def plan_of(circuit, observable=None):
    """The number of operations, their opcodes, and the number of bits of the final state."""
    observable = Observable.from_terms({"Z" * circuit.n_qubits: 1.0}) if observable is None else observable
    ints = StatevectorSimulator().objective(circuit, observable).program.arguments[0]
    opcodes = ints[ints[layout.OPS_AT] :][: layout.OP_SIZE * ints[layout.N_OPS] : layout.OP_SIZE]
    return opcodes.tolist(), int(ints[layout.N_BITS])


def random_circuit(rng, n_qubits, n_gates):
    """Gates of every kind that the plan tells apart, few of them fixed."""
    operations, slot = [], 0
    for _ in range(n_gates):
        a, b = (int(q) for q in rng.permutation(n_qubits)[:2])
        gate = rng.choice(["cx", "cx", "swap", "rx", "ry", "rz", "h", "s", "sx", "t", "rzz", "ecr", "cy"])
        if gate in ("rx", "ry", "rz", "rzz"):
            qubits = (a, b) if gate == "rzz" else (a,)
            again = slot > 0 and rng.random() < 0.2
            use = int(rng.integers(slot)) if again else slot
            operations.append(Operation(gate, qubits, (Slot(use, rng.choice([-1.0, 0.5, 2.0]), rng.normal()),)))
            slot += 0 if again else 1
        else:
            operations.append(Operation(gate, (a, b) if gate in ("cx", "swap", "ecr", "cy") else (a,)))
    return Circuit(n_qubits, tuple(operations))


@pytest.mark.parametrize("n_qubits", [2, 3, 4, 5, 7])
def test_amplitudes_are_those_of_qiskit_up_to_a_phase(n_qubits):
    for seed in range(30):
        rng = np.random.default_rng([n_qubits, seed])
        circuit = random_circuit(rng, n_qubits, 5 + 2 * seed)
        theta = rng.uniform(-3, 3, circuit.n_parameters)
        objective = StatevectorSimulator().objective(circuit, Observable.from_terms({"Z" * n_qubits: 1.0}))
        expected = Statevector(circuit.to_qiskit(theta)).data
        assert abs(np.vdot(expected, objective.state(theta))) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("n_qubits", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("real", [True, False])
def test_values_and_gradients_are_those_of_the_other_picture(n_qubits, real):
    seen = set()
    for seed in range(20):
        rng = np.random.default_rng([n_qubits, seed, real])
        circuit = random_circuit(rng, n_qubits, 5 + 3 * seed)
        theta = rng.uniform(-3, 3, circuit.n_parameters)
        labels = ("".join(rng.choice(list("IXYZ"), size=n_qubits)) for _ in range(200))
        chosen = [label for label in labels if not real or label.count("Y") % 2 == 0][:20]
        observable = Observable.from_terms((label, rng.normal()) for label in chosen)
        pure, mixed = (e.objective(circuit, observable) for e in (StatevectorSimulator(), PauliTransferSimulator()))
        value, gradient = pure.value_and_gradient(theta)
        expected, slopes = mixed.value_and_gradient(theta)
        assert value == pytest.approx(expected, abs=1e-12)
        assert pure(theta) == pytest.approx(expected, abs=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-12)
        seen |= set(plan_of(circuit, observable)[0])
    assert seen >= ({layout.DIAGONAL, layout.TURN} | ({layout.GROW} if n_qubits > 2 else set()))


def test_cx_and_swap_are_no_operations_and_do_not_enlarge_the_state():
    entanglers = (cx(0, 1), cx(1, 2), Operation("swap", (2, 3)), cx(3, 0))
    assert plan_of(Circuit(4, entanglers)) == ([], 0)
    circuit = Circuit(4, (*entanglers, turn("ry", 0, 0), *entanglers, turn("ry", 0, 1), *entanglers))
    assert plan_of(circuit)[1] == 2, "two rotations span four basis states"


def test_rotations_of_a_qubit_up_to_a_cx_that_concerns_them_are_one_operation():
    run = (turn("rx", 0, 0), turn("rz", 0, 1), Operation("h", (0,)), turn("ry", 0, 2))
    assert plan_of(Circuit(2, run)) == ([layout.TURN], 1)
    apart = (*run, cx(1, 0), turn("ry", 0, 3))
    assert plan_of(Circuit(2, apart)) == ([layout.TURN, layout.TURN], 1)
    elsewhere = (*run, cx(1, 2), turn("ry", 0, 3))
    assert plan_of(Circuit(3, elsewhere)) == ([layout.TURN], 1)


def test_what_commutes_with_a_cx_waits():
    through_control = (turn("rz", 0, 0), cx(0, 1), turn("rz", 0, 1))
    assert plan_of(Circuit(2, through_control)) == ([layout.DIAGONAL], 0)
    through_target = (turn("rx", 1, 0), cx(0, 1), turn("rx", 1, 1))
    assert plan_of(Circuit(2, through_target)) == ([layout.TURN], 1)
    stopped = (turn("rx", 0, 0), cx(0, 1), turn("rx", 0, 1))
    assert plan_of(Circuit(2, stopped)) == ([layout.TURN, layout.TURN], 2)


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 5])
def test_the_kernel_of_moments_agrees_with_outcome_probabilities(n_qubits):
    rng = np.random.default_rng(n_qubits)
    observable = oracle.random_observable(rng, n_qubits, 12)
    for _ in range(5):
        circuit = oracle.random_circuit(rng, n_qubits, 15)
        theta = oracle.random_angles(rng, circuit)
        exact = StatevectorSimulator().objective(circuit, observable)
        expected = oracle.shot_moments(exact, theta)
        moments = exact.with_normal_shots(1, np.random.default_rng(0)).moments(theta)
        assert moments == pytest.approx(expected, abs=1e-11)
        assert expected[1] > 1e-3


@pytest.mark.parametrize("engine", [StatevectorSimulator(), PauliTransferSimulator()])
def test_a_circuit_is_lowered_the_same_way_whatever_came_before(engine):
    rng = np.random.default_rng(0)
    whole = random_circuit(rng, 4, 40).operations
    circuits = []
    for _ in range(60):
        length = int(rng.integers(len(whole) + 1))
        chosen = whole[:length] + tuple(o for o in whole[length:] if not o.parameters and rng.random() < 0.5)
        used = {p.index for o in chosen for p in o.parameters}
        if used == set(range(len(used))):
            circuits.append(Circuit(4, chosen))
    assert len(circuits) > 30
    observable = Observable.from_terms({"ZZZZ": 1.0, "XXYY": 0.5})
    for circuit in circuits:
        ours = engine.objective(circuit, observable).program.arguments
        fresh = type(engine)().objective(Circuit(4, circuit.operations), observable)
        theta = rng.normal(size=circuit.n_parameters)
        assert engine.objective(circuit, observable)(theta) == pytest.approx(fresh(theta), abs=1e-14)
        np.testing.assert_array_equal(ours[1], fresh.program.arguments[1])


def test_new_kinds_of_gates_do_not_disturb_objectives_made_before():
    engine = StatevectorSimulator()
    first = engine.objective(Circuit(2, (Operation("h", (0,)), cx(0, 1), turn("ry", 1, 0))), X)
    before = first([0.3]), first.value_and_gradient([0.3])[1]
    second = engine.objective(Circuit(2, (Operation("sx", (0,)), Operation("t", (0,)), turn("ry", 1, 0))), X)
    fresh = StatevectorSimulator().objective(second.circuit, X)
    assert second([0.3]) == pytest.approx(fresh([0.3]), abs=1e-15)
    assert (first([0.3]), first.value_and_gradient([0.3])[1]) == before
