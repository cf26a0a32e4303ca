"""Each thing that makes the kernels fast gives the same numbers as the plain way."""

import multiprocessing
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix, SparsePauliOp, Statevector, random_density_matrix, random_statevector

import qvar.simulators
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
    amplitude_damping,
    depolarizing,
    thermal_relaxation,
)
from qvar.simulators.errors import CircuitError, EngineError
from qvar.simulators.kernels import compiled, fingerprint, layout, workspace
from tests.simulators import oracle

PAIR = depolarizing(0.02, n_qubits=2).then(thermal_relaxation(0.03, 0.05).tensor(thermal_relaxation(0.04, 0.03)))
NOISE = NoiseModel.from_channels(
    depolarizing(0.01).then(thermal_relaxation(0.02, 0.03, excited_population=0.1)),
    PAIR,
    readout=ReadoutError(0.01, 0.03),
)


def chain(n_qubits, n_layers):
    """Return RX, RY on all qubits and a chain of CX, repeated."""
    operations, slot = [], 0
    for _ in range(n_layers):
        for gate in ("rx", "ry"):
            for q in range(n_qubits):
                operations.append(Operation(gate, (q,), (Slot(slot),)))
                slot += 1
        operations += [Operation("cx", (q, q + 1)) for q in range(n_qubits - 1)]
    return Circuit(n_qubits, tuple(operations))


def header(objective):
    return objective._program.arguments[0]


@pytest.mark.parametrize("large", [1.0, 3e4, 1e9])
def test_angles_of_any_size_turn_as_far_as_the_standard_library_says(large):
    angles = np.random.default_rng(0).uniform(-large, large, 400)
    circuit = Circuit(1, (Operation("rx", (0,), (Slot(0),)),))
    z, y = (StatevectorSimulator().objective(circuit, Observable.from_terms({p: 1.0})) for p in "ZY")
    cosine, sine = (PauliTransferSimulator().objective(circuit, Observable.from_terms({p: 1.0})) for p in "ZY")
    for angle in angles:
        assert cosine([angle]) == pytest.approx(np.cos(angle), rel=0, abs=4e-16)
        assert sine([angle]) == pytest.approx(-np.sin(angle), rel=0, abs=4e-16)
        assert (z([angle]), y([angle])) == pytest.approx((np.cos(angle), -np.sin(angle)), rel=0, abs=1e-15)


@pytest.mark.parametrize("n_qubits", [5, 6])
def test_every_ordered_pair_of_a_larger_register_is_right(n_qubits):
    rng = np.random.default_rng(n_qubits)
    observable = oracle.random_observable(rng, n_qubits, 40)
    start = chain(n_qubits, 1)
    theta = oracle.random_angles(rng, start)
    for a in range(n_qubits):
        for b in range(n_qubits):
            if a == b:
                continue
            circuit = start.bind(theta).then([Operation("cx", (a, b)), Operation("ry", (a,), (0.3,))])
            expected = oracle.energy(circuit, observable)
            assert PauliTransferSimulator().objective(circuit, observable)([]) == pytest.approx(expected, abs=1e-12)


def test_qubits_that_never_meet_stay_apart():
    circuit = Circuit(4, (*(Operation("ry", (q,), (Slot(q),)) for q in range(4)), Operation("cx", (0, 2))))
    objective = PauliTransferSimulator(NOISE).objective(circuit, Observable.from_terms({"ZZZZ": 1.0, "XIXI": 0.5}))
    assert header(objective)[layout.N_ROOTS] == 3
    assert header(objective)[layout.STATE_SIZE] < 4**4


def test_gates_outside_the_light_cone_are_not_executed_and_have_no_gradient():
    circuit = chain(5, 1).then([Operation("cx", (3, 2))])
    inside = PauliTransferSimulator(NOISE).objective(circuit, Observable.from_terms({"IIIIZ": 1.0}))
    everything = PauliTransferSimulator(NOISE).objective(circuit, Observable.from_terms({"ZIIII": 1.0}))
    assert header(inside)[layout.N_OPS] < header(everything)[layout.N_OPS]
    _, gradient = inside.value_and_gradient(np.linspace(0.1, 1, 10))
    assert set(np.flatnonzero(np.abs(gradient) > 1e-12)) <= {0, 1, 5, 6}
    assert np.abs(gradient).max() > 0.01


def test_a_noiseless_swap_costs_nothing_and_relabels_qubits():
    turns = (Operation("ry", (0,), (0.3,)), Operation("ry", (1,), (1.1,)))
    swapped = Circuit(2, (*turns, Operation("swap", (0, 1)), Operation("rx", (0,), (0.4,))))
    objective = PauliTransferSimulator().objective(swapped, Observable.from_terms({"IZ": 1.0}))
    assert objective([]) == pytest.approx(np.cos(1.1) * np.cos(0.4), abs=1e-15)
    assert header(objective)[layout.STATE_SIZE] == 4
    state = objective.state([])
    np.testing.assert_allclose(state, pauli_values(swapped), atol=1e-15)


def pauli_values(circuit):
    """Return all Pauli expectation values after a circuit, by Qiskit."""
    n, rho = circuit.n_qubits, DensityMatrix(circuit.to_qiskit())
    labels = ["".join("IXYZ"[(i >> (2 * q)) & 3] for q in reversed(range(n))) for i in range(4**n)]
    return [rho.expectation_value(SparsePauliOp(label)).real for label in labels]


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4, 5])
def test_a_batch_gives_what_its_rows_give_one_by_one(n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit = chain(n_qubits, 2).then(
        [Operation("h", (0,)), Operation("channel", (0,), channel=amplitude_damping(0.2))]
    )
    if n_qubits > 1:
        pair = amplitude_damping(0.1).tensor(amplitude_damping(0.3))
        circuit = circuit.then([Operation("channel", (n_qubits - 1, 0), channel=pair), Operation("ry", (1,), (0.2,))])
    objective = PauliTransferSimulator(NOISE).objective(circuit, oracle.random_observable(rng, n_qubits, 8))
    thetas = rng.normal(scale=3, size=(11, objective.n_parameters))
    thetas[5] *= 1e6  # beyond the fast range of angles
    single = [objective(theta) for theta in thetas]
    np.testing.assert_allclose(objective.batch(thetas), single, rtol=0, atol=1e-13)
    assert np.ptp(single) > 1e-3


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISE), StatevectorSimulator()])
def test_a_large_batch_is_shared_among_threads_and_gives_the_same(engine):
    circuit = chain(6, 3)
    objective = engine.objective(circuit, oracle.random_observable(np.random.default_rng(0), 6, 20))
    thetas = np.random.default_rng(1).normal(size=(400, objective.n_parameters))
    energies = objective.batch(thetas)
    if objective._program.seconds * 400 > 2e-3:
        assert any(thread.name.startswith("qvar-batch") for thread in threading.enumerate())
    np.testing.assert_allclose(energies[::37], [objective(theta) for theta in thetas[::37]], rtol=0, atol=1e-13)


def _batch_in_child(queue, objective, thetas):
    queue.put(objective.batch(thetas).tolist())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_may_run_batches_after_its_parent_has():
    objective = PauliTransferSimulator(NOISE).objective(chain(6, 3), Observable.from_terms({"ZZZZZZ": 1.0}))
    thetas = np.random.default_rng(1).normal(size=(400, objective.n_parameters))
    expected = objective.batch(thetas)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_batch_in_child, args=(queue, objective, thetas))
    child.start()
    np.testing.assert_array_equal(queue.get(timeout=60), expected)
    child.join(timeout=60)
    assert child.exitcode == 0


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4, 5, 6])
def test_a_gradient_that_undoes_states_equals_one_that_keeps_them(n_qubits):
    rng = np.random.default_rng(n_qubits)
    down = [Operation("cx", (q + 1, q)) for q in range(n_qubits - 1)]
    circuit = chain(n_qubits, 3).then([*down, *chain(n_qubits, 1).operations])
    objective = PauliTransferSimulator(NOISE).objective(circuit, oracle.random_observable(rng, n_qubits, 10))
    theta = oracle.random_angles(rng, circuit)
    value, kept = objective.value_and_gradient(theta)
    ints, floats, constants = objective._program.arguments
    assert ints[layout.UNCOMPUTED] == 0
    undone_plan, undone = ints.copy(), np.empty_like(kept)
    undone_plan[layout.UNCOMPUTED] = 1
    work = workspace(int(ints[layout.SCRATCH] + 2 * ints[layout.STATE_SIZE] + ints[layout.KEPT_SIZE]))
    again = compiled("pauli_transfer", "gradient")(undone_plan, floats, constants, theta, work, undone)
    assert again == pytest.approx(value, rel=0, abs=1e-13)
    np.testing.assert_allclose(undone, kept, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("p2", "expected"), [(0.05, 1), (0.9, 0)])
def test_large_gradients_undo_states_unless_noise_is_too_strong(p2, expected):
    circuit = chain(9, 1)
    noise = NoiseModel.from_numbers(p1=0.001, p2=p2)
    objective = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({"Z" * 9: 1.0}))
    assert header(objective)[layout.UNCOMPUTED] == expected
    theta = np.linspace(0.1, 0.9, circuit.n_parameters)
    value, gradient = objective.value_and_gradient(theta)
    assert value == pytest.approx(objective(theta), rel=0, abs=1e-14)
    for k in (0, 9, 17):
        step = np.eye(circuit.n_parameters)[k] * np.pi / 2
        assert gradient[k] == pytest.approx((objective(theta + step) - objective(theta - step)) / 2, rel=0, abs=1e-12)


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_start_states_replace_the_ground_state(n_qubits):
    circuit = chain(n_qubits, 2)
    observable = oracle.random_observable(np.random.default_rng(n_qubits), n_qubits, 6)
    thetas = np.random.default_rng(0).normal(size=(4, circuit.n_parameters))
    states = np.array([random_statevector(2**n_qubits, seed=k).data for k in range(4)])
    matrices = np.array([random_density_matrix(2**n_qubits, seed=k).data for k in range(4)])
    expected = [
        Statevector(state).evolve(circuit.to_qiskit(theta)).expectation_value(observable.to_qiskit()).real
        for state, theta in zip(states, thetas, strict=True)
    ]
    for engine in (PauliTransferSimulator(), StatevectorSimulator()):
        objective = engine.objective(circuit, observable)
        np.testing.assert_allclose(objective.batch(thetas, states=states), expected, rtol=0, atol=1e-12)
        one = objective.batch(thetas[1:2], states=states)
        assert one[1] == pytest.approx(expected[1], rel=0, abs=1e-12)
        assert objective.batch(thetas, states=states[2:3])[2] == pytest.approx(expected[2], rel=0, abs=1e-12)
    mixed = PauliTransferSimulator().objective(circuit, observable).batch(thetas, states=matrices)
    for value, matrix, theta in zip(mixed, matrices, thetas, strict=True):
        evolved = DensityMatrix(matrix).evolve(circuit.to_qiskit(theta))
        assert value == pytest.approx(evolved.expectation_value(observable.to_qiskit()).real, rel=0, abs=1e-12)


def test_start_states_of_the_wrong_kind_are_refused():
    objective = PauliTransferSimulator().objective(chain(2, 1), Observable.from_terms({"ZZ": 1.0}))
    theta = np.zeros((2, 4))
    with pytest.raises(EngineError, match="shape"):
        objective.batch(theta, states=np.ones((2, 3)))
    with pytest.raises(EngineError, match="normalized"):
        objective.batch(theta, states=np.ones((2, 4)))
    with pytest.raises(EngineError, match="2 parameter vectors and 3 start states"):
        objective.batch(theta, states=np.eye(4)[:3])
    with pytest.raises(EngineError, match="Hermitian"):
        objective.batch(theta, states=np.triu(np.ones((4, 4)))[None] / 4)


def test_a_change_in_any_kernel_source_makes_new_machine_code(tmp_path):
    sources = Path(qvar.simulators.__path__[0]) / "kernels"
    shutil.copytree(sources, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    before = fingerprint(tmp_path / "kernels")
    assert before == fingerprint(sources)
    for path in sorted((tmp_path / "kernels").glob("*.py")):
        original = path.read_text()
        path.write_text(original + "\n")
        assert fingerprint(tmp_path / "kernels") != before, path.name
        path.write_text(original)


def test_another_version_of_numba_makes_new_machine_code(tmp_path, monkeypatch):
    before = fingerprint(tmp_path)
    monkeypatch.setattr("qvar.simulators.kernels.version", lambda package: f"another {package}")
    assert fingerprint(tmp_path) != before


@pytest.mark.parametrize(("gamma", "n_layers", "trusted"), [(0.02, 4, True), (0.5, 4, False), (0.3, 8, False)])
def test_a_gradient_that_undoing_would_spoil_is_taken_from_kept_states(gamma, n_layers, trusted):
    damping = amplitude_damping(gamma)
    noise = NoiseModel.from_channels(damping, damping.tensor(damping))
    circuit = chain(9, n_layers)
    objective = PauliTransferSimulator(noise).objective(
        circuit, Observable.from_terms({"Z" * 9: 1.0, "XX" + "I" * 7: 1.0})
    )
    theta = np.random.default_rng(0).normal(size=circuit.n_parameters)
    assert header(objective)[layout.UNCOMPUTED] == 1
    _, gradient = objective.value_and_gradient(theta)
    some = np.eye(circuit.n_parameters)[[0, 4, 20, -1]] * np.pi / 2
    energies = objective.batch(np.concatenate([theta + some, theta - some]))
    np.testing.assert_allclose(gradient[[0, 4, 20, -1]], (energies[:4] - energies[4:]) / 2, rtol=0, atol=1e-12)
    work = workspace(objective._program.gradient_numbers)
    compiled("pauli_transfer", "gradient")(*objective._program.arguments, theta, work, gradient)
    assert (work[0] < 1e-9) is np.bool_(trusted)


def test_channels_inside_circuits_leave_no_trace_in_the_engine():
    engine = PauliTransferSimulator(NOISE)
    z = Observable.from_terms({"Z": 1.0})
    for gamma in np.linspace(0.1, 0.9, 50):
        circuit = Circuit(1, (Operation("x", (0,)), Operation("channel", (0,), channel=amplitude_damping(gamma))))
        engine.objective(circuit, z)
    assert len(engine._lowering._numbers) < 50


def test_read_only_start_states_are_taken_and_unphysical_ones_refused():
    circuit, z = chain(1, 1), Observable.from_terms({"Z": 1.0})
    states = np.eye(2, dtype=complex)
    states.setflags(write=False)
    for engine in (StatevectorSimulator(), PauliTransferSimulator()):
        objective = engine.objective(circuit, z)
        np.testing.assert_allclose(objective.batch([[0.0, 0.0]], states=states), [1, -1], atol=1e-15)
        assert objective.batch([[0.0, 0.0]], states=np.empty((0, 2))).shape == (0,)
        with pytest.raises(EngineError, match="normalized"):
            objective.batch([[0.0, 0.0]], states=np.eye(2) * (1 + 1e-6))
    with pytest.raises(EngineError, match="positive"):
        PauliTransferSimulator().objective(circuit, z).batch([[0.0, 0.0]], states=np.diag([2.0, -1.0])[None])


@pytest.mark.parametrize("theta", [["a", "b"], {"x": 1}, [1j, 0], [[0.1], [0.2, 0.3]], [None, 1.0]])
def test_angles_of_the_wrong_kind_are_refused(theta):
    objective = PauliTransferSimulator().objective(chain(1, 1), Observable.from_terms({"Z": 1.0}))
    for call in (objective, objective.value_and_gradient):
        with pytest.raises(CircuitError):
            call(theta)


def test_angles_beyond_the_range_of_numbers_are_refused():
    circuit = Circuit(1, (Operation("rx", (0,), (Slot(0, 10.0),)),))
    for engine in (PauliTransferSimulator(), StatevectorSimulator()):
        with pytest.raises(CircuitError, match="range of float64"):
            engine.objective(circuit, Observable.from_terms({"Z": 1.0}))([1e308])


def test_shots_need_a_generator():
    for engine in (PauliTransferSimulator(), StatevectorSimulator(), AerSimulator()):
        objective = engine.objective(chain(1, 1), Observable.from_terms({"Z": 1.0}))
        with pytest.raises(EngineError, match="default_rng"):
            objective.with_shots(10, None)
