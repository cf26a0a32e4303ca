"""The parts under the primitives: outcome distributions, parameter expressions, translation, memory, imports."""

import copy
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, Gate, InverseModifier, Parameter, PowerModifier
from qiskit.circuit.library import HamiltonianGate, MCXGate, PauliEvolutionGate, QFTGate, RXGate, UGate
from qiskit.quantum_info import Operator, SparseObservable, SparsePauliOp, Statevector, random_clifford
from qiskit.transpiler.passes import HighLevelSynthesis

from qvar.simulators import (
    AerSimulator,
    Circuit,
    EstimatorV2,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.errors import CircuitError
from qvar.simulators.measurement.plan import MeasurementPlan
from qvar.simulators.primitives import parameter_values, pauli_values
from qvar.simulators.primitives.circuits import NeedsValues, circuit_key, translate
from qvar.simulators.primitives.compilation import Recent, Terms
from qvar.simulators.primitives.parameter_values import AngleMap, bound, linear_form
from qvar.simulators.primitives.pauli_values import PauliValues
from qvar.simulators.primitives.sampling import Outcomes, draw, estimate, subset_strings, walsh_hadamard
from tests.simulators import oracle
from tests.simulators.primitives.cases import random_circuit, random_values

A, B = Parameter("a"), Parameter("b")


@pytest.mark.parametrize("name", ["primitives", "compilation", "estimation", "registers", "sampling"])
def test_primitives_do_not_load_qiskit_machine_learning(name):
    code = f"import sys, qvar.simulators.primitives.{name}; print('qiskit_machine_learning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(st.integers(0, 4), st.integers(0, 10**6))
def test_the_walsh_hadamard_transform_is_a_product_of_two_by_two_sums(n, seed):
    values = np.random.default_rng(seed).normal(size=(2**n, 3))
    matrix = np.ones((1, 1))
    for _ in range(n):
        matrix = np.kron([[1, 1], [1, -1]], matrix)
    np.testing.assert_allclose(walsh_hadamard(values), matrix @ values, rtol=0, atol=1e-12)


def test_subsets_are_numbered_by_their_bits():
    assert subset_strings(3, [(0, "Z"), (2, "Y")]) == ["III", "IIZ", "YII", "YIZ"]


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 3), st.integers(0, 10**6))
def test_probabilities_from_strings_equal_those_from_the_state(n_qubits, seed):
    rng = np.random.default_rng(seed)
    noise = NoiseModel("n", readout={0: ReadoutError(0.1, 0.2)}, strict=False)
    circuit, observable = oracle.random_circuit(rng, n_qubits, 8), oracle.random_observable(rng, n_qubits, 4)
    thetas = np.array([oracle.random_angles(rng, circuit) for _ in range(2)])
    direct = Outcomes.of(PauliTransferSimulator(noise), circuit, observable)
    by_strings = Outcomes.of(AerSimulator(noise), circuit, observable)
    np.testing.assert_allclose(by_strings.at(thetas), direct.at(thetas), rtol=0, atol=1e-9)


def test_estimates_come_with_the_spread_they_have():
    plan = MeasurementPlan.of(oracle.Observable.from_terms({"ZI": 1.0, "ZZ": 0.5, "XX": 2.0, "II": -1.0}))
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), size=(1, 2)).repeat(5000, axis=0)
    values, errors = estimate(plan, probabilities, 7, np.random.default_rng(1))
    mean = -1 + (probabilities[0] * plan.values).sum()
    assert abs(values.mean() - mean) < 5 * errors[0] / np.sqrt(5000)
    assert values.std(ddof=1) == pytest.approx(errors[0], rel=0.05)
    assert np.ptp(errors) == 0


def test_draws_follow_their_probabilities_and_never_give_impossible_outcomes():
    probabilities = np.array([[0.0, 0.25, 0.0, 0.75], [1.0, 0.0, 0.0, 0.0]])
    drawn = draw(probabilities, 10_000, np.random.default_rng(0))
    frequencies = [np.bincount(row, minlength=4) / 10_000 for row in drawn]
    np.testing.assert_allclose(frequencies, probabilities, atol=5 * 0.5 / 100)
    assert set(drawn[0]) == {1, 3}


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_many_observables_from_one_state_equal_their_own_objectives(n_qubits, seed):
    rng = np.random.default_rng(seed)
    noise = NoiseModel.from_numbers(p1=0.02, p2=0.05, readout=0.1)
    engine = PauliTransferSimulator(noise)
    circuit = oracle.random_circuit(rng, n_qubits, 10)
    observables = [oracle.random_observable(rng, n_qubits, int(rng.integers(1, 6))) for _ in range(3)]
    thetas = np.array([oracle.random_angles(rng, circuit) for _ in range(4)])
    expected = np.transpose([engine.objective(circuit, observable).batch(thetas) for observable in observables])
    np.testing.assert_allclose(PauliValues(engine, circuit, observables).at(thetas), expected, rtol=0, atol=1e-12)


def test_many_points_take_the_memory_of_a_few(monkeypatch):
    circuit = Circuit(5, (Operation("ry", (4,), (Slot(0),)),))
    values = PauliValues(PauliTransferSimulator(), circuit, [Observable.from_terms({"ZIIII": 1.0})])
    monkeypatch.setattr(pauli_values, "_CHUNK", 4**5)
    thetas = np.linspace(-3, 3, 40)[:, None]  # whose states are 40 times as many numbers
    values.at(thetas[:1])
    tracemalloc.start()
    found = values.at(thetas)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(found, np.cos(thetas), rtol=0, atol=1e-12)
    assert peak < 8 * 4**5 * 10


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (A, (A, 1.0, 0.0)),
        (2 * A - 0.5, (A, 2.0, -0.5)),
        (A * 0 + 0.25, (A, 0.0, 0.25)),
        ((A - 1) * 3 - A, (A, 2.0, -3.0)),
        (A + B, None),
        (A * A, None),
        (A.sin(), None),
    ],
)
def test_linear_expressions_are_recognized(expression, expected):
    assert linear_form(expression) == expected


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_gradients_go_back_through_expressions_by_the_chain_rule(a, b):
    angles = AngleMap((A, B), (A, A * B, (A + B).cos(), B * B * B))
    points, h = np.array([[a, b]]), 1e-6
    weights = np.array([[1.0, -2.0, 0.5, 0.1]])
    quotient = [
        ((angles.values(points + step) - angles.values(points - step)) @ weights[0]).item() / (2 * h)
        for step in h * np.eye(2)
    ]
    np.testing.assert_allclose(angles.pull_back(points, weights)[0], quotient, atol=1e-7)


def test_values_are_computed_anew_when_the_points_change():
    angles = AngleMap((A, B), (A * B,))
    for a in (1.0, 2.0, 1.0):
        np.testing.assert_array_equal(angles.values(np.array([[a, 3.0], [a, 4.0]])), [[3 * a], [4 * a]])


@pytest.mark.parametrize(
    "expression",
    [(np.pi - A) * (np.pi - B) * 2, (A * B).sin(), A**B, abs(A - 1.2), A.sign() * B, (A / B).arctan(), (B - 2.5) ** 2],
)
def test_many_points_at_once_have_the_values_of_each(expression, monkeypatch):
    points = np.random.default_rng(3).uniform(0.5, 2, (20, 2))
    one_by_one = AngleMap((A, B), (expression,)).values(points)
    monkeypatch.setattr(parameter_values, "_MANY", 10)
    slow = parameter_values._one_by_one

    def few(expression, names, rows):
        assert len(rows) <= 4  # enough to check a compiled function; the others must not need it
        return slow(expression, names, rows)

    monkeypatch.setattr(parameter_values, "_one_by_one", few)
    np.testing.assert_allclose(AngleMap((A, B), (expression,)).values(points), one_by_one, rtol=1e-14)


@pytest.mark.parametrize("expression", [A**B, (A * B).sin(), abs(A - 1.2) * B, abs(A * B)])  # SymPy gives two up
def test_many_gradients_at_once_are_those_of_each(expression, monkeypatch):
    points, weights = np.random.default_rng(3).uniform(0.5, 2, (20, 2)), np.ones((20, 1))
    one_by_one = AngleMap((A, B), (expression,)).pull_back(points, weights)
    monkeypatch.setattr(parameter_values, "_MANY", 10)
    together = AngleMap((A, B), (expression,)).pull_back(points, weights)
    np.testing.assert_allclose(together, one_by_one, rtol=1e-13)


@pytest.mark.parametrize("expression", [1 / A, A.log(), (A * 1j) * 1, (A - 1).arcsin().arccos()])
def test_among_many_points_the_bad_one_is_named(expression, monkeypatch):
    monkeypatch.setattr(parameter_values, "_MANY", 10)
    points = np.array([[1.0]] * 15 + [[0.0]] + [[-4.0]])
    with pytest.raises(CircuitError, match=r"the angle .* at a=(0|1|-4)"):
        AngleMap((A,), (expression,)).values(points)


def test_a_sign_is_no_linear_expression():
    assert linear_form(A.sign()) is None  # Qiskit has no derivative of it


@pytest.mark.parametrize(("expression", "value"), [(1 / A, 0.0), (A.log(), -1.0), (A * 1j, 1.0), (A, np.inf)])
def test_values_that_are_no_finite_real_numbers_are_refused(expression, value):
    with pytest.raises(CircuitError, match=r"the angle .* a="):
        bound(expression, {A: value})


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_translated_circuits_are_the_same_unitary(n_qubits, seed):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n_qubits)
    translated = translate(circuit)
    values = random_values(rng, circuit, (1,))
    theta = translated.angles.values(values)[0]
    ours = translated.on(range(n_qubits)).to_qiskit(theta)
    assert Operator(ours).equiv(Operator(circuit.assign_parameters(values[0])))


def unusual_gates():
    """Operations that need more than a look at their name, most of them not defined by circuits of standard gates."""
    x = SparsePauliOp(["XY", "ZI"], [0.3, 0.8])
    return {
        "Clifford": (random_clifford(2, seed=3), 2),
        "annotated gate": (AnnotatedOperation(RXGate(0.4), [ControlModifier(1, 0), PowerModifier(3)]), 2),
        "annotated gate with a parameter": (AnnotatedOperation(RXGate(A), [ControlModifier(1), InverseModifier()]), 2),
        "evolution for a free time": (HamiltonianGate(x.to_matrix(), A), 2),
        "evolution in Pauli rotations": (PauliEvolutionGate(x, A), 2),
        "controlled gate": (MCXGate(3), 4),
        "rotation by numbers and a parameter": (UGate(A, 0.3, -0.8), 1),
        "Fourier transform": (QFTGate(3), 3),
    }


@pytest.mark.parametrize("name", unusual_gates())
def test_gates_of_every_kind_are_taken(name):
    operation, n_qubits = unusual_gates()[name]
    circuit = QuantumCircuit(n_qubits)
    for q in range(n_qubits):
        circuit.ry(0.3 + q, q)
    circuit.append(operation, range(n_qubits)[::-1])
    values = np.full(circuit.num_parameters, 0.7)
    ours = EstimatorV2().run([(circuit, ["Z" * n_qubits, "X" * n_qubits], values)]).result()[0].data.evs
    bound_circuit = HighLevelSynthesis()(circuit.assign_parameters(values))
    state = Statevector(bound_circuit)
    for value, letter in zip(ours, "ZX", strict=True):
        assert value == pytest.approx(state.expectation_value(SparsePauliOp(letter * n_qubits)).real, abs=1e-10)


def test_cliffords_that_differ_have_different_keys():
    keys = set()
    for seed in (1, 2, 1):
        circuit = QuantumCircuit(2)
        circuit.append(random_clifford(2, seed=seed), [0, 1])
        keys.add(circuit_key(circuit))
    assert len(keys) == 2


def test_linear_angles_share_the_slot_of_their_parameter_and_others_share_equal_expressions():
    circuit = QuantumCircuit(1)
    circuit.rx(2 * A, 0)
    circuit.rx(A * B, 0)
    circuit.u(A, B - 1, A * B, 0)
    translated = translate(circuit)
    assert translated.angles.slots == (A, A * B, B)
    angles = [parameter for operation in translated.circuit.operations for parameter in operation.parameters]
    assert angles == [Slot(0, 2.0), Slot(1), Slot(0), Slot(2, 1.0, -1.0), Slot(1)]


def test_active_qubits_and_measurements_keep_their_numbers():
    circuit = QuantumCircuit(6, 3)
    circuit.cx(4, 1)
    circuit.barrier()
    circuit.measure([4, 5], [2, 0])
    translated = translate(circuit)
    assert translated.qubits == (1, 4)
    assert translated.measured == {2: 4, 0: 5}
    assert translated.circuit.operations[0].qubits == (1, 0)
    assert translated.on((0, 1, 4)).operations[0].qubits == (2, 1)
    assert translate(QuantumCircuit(3)).qubits == (0,)


def test_gates_without_a_definition_say_so():
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, [A]), [0])
    with pytest.raises(CircuitError, match=r"'mystery' on \(0,\) is not native and Qiskit has no decomposition"):
        translate(circuit)


def test_gates_that_need_values_say_of_which_parameters():
    from qiskit_machine_learning.circuit.library import raw_feature_vector

    circuit = raw_feature_vector(2)
    assert translate(circuit) == NeedsValues(frozenset(circuit.parameters))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(0, 10**6))
def test_the_key_of_a_circuit_depends_on_its_contents_only(n_qubits, seed):
    circuit = random_circuit(np.random.default_rng(seed), n_qubits)
    again = circuit.copy()
    again.name, again.metadata, again.global_phase = "other", {"x": 1}, circuit.global_phase
    assert circuit_key(again) == circuit_key(circuit)
    assert hash(circuit_key(again)) == hash(circuit_key(circuit))
    again.x(0)
    assert circuit_key(again) != circuit_key(circuit)


def test_observables_are_read_in_qiskits_order_and_projectors_written_out():
    terms = Terms.from_qiskit(SparseObservable.from_list([("XIZ", 0.5), ("III", 2.0)]))
    assert terms.on((0, 2)).labels == ("XZ", "II")
    assert terms.on((2, 0)).labels == ("ZX", "II")
    assert terms.qubits == {0, 2}
    projector = Terms.from_qiskit(SparseObservable("1")).on((0,))
    assert dict(zip(projector.labels, projector.coefficients, strict=True)) == {"I": 0.5, "Z": -0.5}


def test_the_least_recently_used_entry_is_forgotten():
    table, made = Recent(2), []

    def make(key):
        made.append(key)
        return key.upper()

    for key in "abacab":
        assert table.get(key, lambda key=key: make(key)) == key.upper()
    assert made == ["a", "b", "c", "b"]
    assert len(table) == 2


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])  # noqa: S301
def test_copies_of_a_memory_are_empty(duplicate):
    table = Recent(2)
    table.get("a", lambda: StatevectorSimulator())
    assert len(duplicate(table)) == 0
    assert len(table) == 1
