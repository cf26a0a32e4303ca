"""The engine and the primitives on fake backends: the same code as on devices, used like everything else."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

import qvar.hardware
from qvar.hardware import ExecutionOptions, HardwareRun, Limits, RuntimeSimulator, list_backends, open_backend
from qvar.hardware.transpiling import Transpiler
from qvar.optimizers import SPSA, Rotosolve
from qvar.simulators import AerSimulator, Circuit, Engine, NoiseModel, Objective, Observable, Operation, Slot
from qvar.simulators.errors import EngineError, HardwareError

BACKEND = "fake:FakeManilaV2"
CIRCUIT = Circuit(
    2,
    (
        Operation("ry", (0,), (Slot(0),)),
        Operation("cx", (0, 1)),
        Operation("rz", (1,), (Slot(1, scale=2.0),)),
        Operation("rx", (1,), (Slot(0, shift=0.4),)),
    ),
)
OBSERVABLE = Observable.from_terms({"ZZ": 1.0, "XI": -0.5, "IZ": 0.25, "II": 0.3})
THETA = np.array([0.7, -0.3])


@pytest.fixture
def placed(tmp_path):
    """A run that puts two qubits where their noise is known."""
    options = ExecutionOptions(shots=20_000, seed_simulator=1, optimization_level=0, initial_layout=(0, 1))
    return HardwareRun(BACKEND, folder=tmp_path / "placed", options=options)


@pytest.fixture
def run(tmp_path):
    return HardwareRun(BACKEND, folder=tmp_path / "run", options=ExecutionOptions(shots=2_000, seed_simulator=1))


@pytest.fixture
def objective(placed):
    return placed.engine().objective(CIRCUIT, OBSERVABLE)


def test_engine_and_objective_keep_the_contract(placed, objective):
    assert isinstance(placed.engine(), Engine)
    assert isinstance(objective, Objective)
    assert (objective.n_parameters, objective.shots, objective.evaluations_per_gradient) == (2, 20_000, 7)
    assert objective.shots_per_evaluation == 40_000


def test_energies_agree_with_aer_under_the_noise_of_the_same_device(objective):
    noise = NoiseModel.named(BACKEND).on_qubits([0, 1])
    exact = AerSimulator(noise).objective(CIRCUIT, OBSERVABLE)
    estimate = objective.estimate(THETA)
    assert 0.001 < estimate.standard_error < 0.02
    # gates are decomposed before they run, which makes the device a little noisier than the model of the bare circuit
    assert estimate.value == pytest.approx(exact(THETA), abs=5 * estimate.standard_error + 0.02)
    wrong = abs(estimate.value - exact(THETA + 0.4))
    assert wrong > 10 * estimate.standard_error


def test_a_gradient_is_one_job_and_agrees_with_the_exact_one(placed, objective):
    value, gradient = objective.value_and_gradient(THETA)
    exact = AerSimulator(NoiseModel.named(BACKEND).on_qubits([0, 1])).objective(CIRCUIT, OBSERVABLE)
    expected = exact.value_and_gradient(THETA)
    assert value == pytest.approx(expected[0], abs=0.06)
    assert gradient == pytest.approx(expected[1], abs=0.08)
    assert placed.ledger.spent().jobs == 1


def test_a_batch_is_one_job(placed, objective):
    values = objective.batch([THETA, THETA + 1.0, THETA])
    assert values.shape == (3,)
    assert abs(values[0] - values[1]) > 0.1
    assert placed.ledger.spent().jobs == 1


def test_a_circuit_is_transpiled_once(placed, objective, monkeypatch):
    real, calls = Transpiler._pass_manager, []
    monkeypatch.setattr(Transpiler, "_pass_manager", lambda self: calls.append(1) or real(self))
    objective(THETA)
    objective.batch([THETA, THETA])
    objective.value_and_gradient(THETA)
    objective.with_shots(100, np.random.default_rng(0))(THETA)
    assert calls == [1]


def test_a_resumed_program_sends_the_circuits_of_its_first_day(tmp_path, monkeypatch):
    def made(level):
        options = ExecutionOptions(shots=100, seed_simulator=1, optimization_level=level)
        run = HardwareRun(BACKEND, folder=tmp_path, options=options)
        return run.engine().objective(CIRCUIT, OBSERVABLE)([0.3, 0.4]), run.ledger.spent().jobs

    first = made(2)
    # a calibration of another day: the transpiler finds another place on the device
    monkeypatch.setattr(
        Transpiler,
        "_pass_manager",
        lambda self: generate_preset_pass_manager(
            backend=self._run.backend, optimization_level=0, initial_layout=[3, 4], seed_transpiler=9
        ),
    )
    assert made(2) == first
    assert made(3)[1] == 2  # other options are another circuit: the new place is used, and paid for


def test_a_stored_circuit_that_was_damaged_is_refused(tmp_path):
    run = HardwareRun(BACKEND, folder=tmp_path)
    run.engine().objective(CIRCUIT, OBSERVABLE).cost()
    (file,) = (tmp_path / "circuits").iterdir()
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(HardwareError, match="damaged"):
        run.engine().objective(CIRCUIT, OBSERVABLE).cost()


def test_shots_and_their_seed_are_those_of_the_generator(objective):
    def draw(seed):
        fewer = objective.with_shots(100, np.random.default_rng(seed))
        return fewer.shots, fewer(THETA), fewer(THETA)

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    assert draw(3)[1] != draw(3)[2]
    for shots in (0, 1.5, True, "many"):
        with pytest.raises(EngineError, match="shots"):
            objective.with_shots(shots, np.random.default_rng(0))


def test_the_same_seed_gives_the_same_record_in_another_folder(tmp_path):
    def values(folder, seed):
        options = ExecutionOptions(shots=200, seed_simulator=seed)
        made = HardwareRun(BACKEND, folder=tmp_path / folder, options=options).engine().objective(CIRCUIT, OBSERVABLE)
        return [made(THETA), made(THETA)]

    assert values("a", 5) == values("b", 5)
    assert values("a", 5) != values("c", 6)
    assert len(set(values("a", 5))) == 2  # each job has shots of its own


@pytest.mark.parametrize(
    "optimizer", [SPSA(max_evaluations=4, a=0.1), Rotosolve(max_sweeps=1)], ids=lambda o: type(o).__name__
)
def test_an_optimization_is_replayed_from_its_record(tmp_path, optimizer):
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))

    def minimize():
        options = ExecutionOptions(shots=100, seed_simulator=2)
        made = HardwareRun(BACKEND, folder=tmp_path, options=options)
        found = optimizer.minimize(
            made.engine().objective(circuit, Observable.from_terms({"Z": 1.0})), [0.4], np.random.default_rng(0)
        )
        return found.value, list(found.parameters), made.ledger.spent()

    assert minimize() == minimize()


def test_angles_of_a_circuit_without_any_are_no_trouble(run):
    objective = run.engine().objective(Circuit(1, (Operation("x", (0,)),)), Observable.from_terms({"Z": 1.0}))
    value, gradient = objective.value_and_gradient([])
    assert value == pytest.approx(-0.95, abs=0.06)
    assert gradient.shape == (0,)
    assert objective.batch(np.zeros((0, 0))).shape == (0,)


@pytest.mark.parametrize("level", [0, 1])
def test_readout_mitigation_acts_locally_too(tmp_path, level):
    options = ExecutionOptions(shots=8_000, resilience_level=level, seed_simulator=3, initial_layout=(1,))
    run = HardwareRun(BACKEND, folder=tmp_path, options=options)
    value = run.engine().objective(Circuit(1, (Operation("x", (0,)),)), Observable.from_terms({"Z": 1.0}))([])
    error = 2 * run.backend.target["measure"][(1,)].error
    assert abs(value + 1) < 0.3 * error if level else abs(value + 1) > 0.5 * error


def test_every_field_of_a_mitigated_result_survives_the_folder(tmp_path):
    def result():
        options = ExecutionOptions(shots=64, resilience_level=2, seed_simulator=3, optimization_level=0)
        run = HardwareRun(BACKEND, folder=tmp_path, options=options)
        circuit = QuantumCircuit(2)
        circuit.h(0)
        circuit.cx(0, 1)
        isa = run.pass_manager().run(circuit)
        observables = [SparsePauliOp(label).apply_layout(isa.layout) for label in ("ZZ", "XX")]
        return run.estimator().run([(isa, observables)]).result()

    first, again = result()[0].data, result()[0].data
    assert set(first) == set(again)
    assert {"evs", "stds", "evs_noise_factors", "evs_extrapolated"} <= set(first)
    assert first.shape == (2,)
    for name in first:
        assert np.array_equal(first[name], again[name])


def test_the_largest_circuit_and_a_larger_one(run):
    run.engine().objective(Circuit(5), Observable.from_terms({"ZZZZZ": 1.0}))
    with pytest.raises(HardwareError, match="6 qubits"):
        run.engine().objective(Circuit(6), Observable.from_terms({"ZZZZZZ": 1.0}))


def test_limits_hold_on_fake_backends_too(tmp_path):
    run = HardwareRun(BACKEND, folder=tmp_path, options=ExecutionOptions(shots=100), limits=Limits(max_qpu_seconds=6))
    objective = run.engine().objective(CIRCUIT, OBSERVABLE)
    objective(THETA)
    objective(THETA)
    with pytest.raises(HardwareError, match="max_qpu_seconds=6"):
        objective(THETA)


def test_an_engine_of_a_name_alone_needs_no_folder():
    engine = RuntimeSimulator(BACKEND)
    assert engine.name == "fake_manila"
    folder = engine.run.folder
    assert folder.parent.is_dir()
    del engine
    assert not folder.exists()


# --- Qiskit's own users of primitives ---


def test_an_estimator_qnn_trains_through_the_limits(run):
    from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    circuit = QuantumCircuit(1)
    circuit.ry(x[0], 0)
    circuit.ry(w[0], 0)
    estimator, manager = run.estimator(), run.pass_manager()
    isa = manager.run(circuit)
    qnn = EstimatorQNN(
        circuit=isa,
        observables=SparsePauliOp("Z").apply_layout(isa.layout),
        input_params=x,
        weight_params=w,
        estimator=estimator,
        gradient=ParamShiftEstimatorGradient(estimator, pass_manager=manager),
        default_precision=0.05,
    )
    assert qnn.forward([0.3], [0.5]) == pytest.approx(np.array([[np.cos(0.8)]]), abs=0.25)
    _, gradient = qnn.backward([0.3], [0.5])
    assert gradient == pytest.approx(np.array([[[-np.sin(0.8)]]]), abs=0.25)
    assert run.ledger.spent().jobs == 2


def test_a_sampler_counts_bits_of_every_register(run):
    circuit = QuantumCircuit(2, 1)
    circuit.x(1)
    circuit.measure(1, 0)
    isa = run.pass_manager().run(circuit)
    data = run.sampler().run([(isa, None, 500)]).result()[0].data
    assert data.c.num_shots == 500
    assert data.c.get_counts()["1"] > 400


def test_our_classifier_runs_on_the_guarded_sampler(run):
    from qvar.classify import VariationalClassifier

    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 2))
    labels = [0, 1, 0, 1]
    classifier = VariationalClassifier(
        engine=run.sampler(),
        pass_manager=run.pass_manager(),
        shots=64,
        ansatz_reps=1,
        optimizer=SPSA(max_evaluations=2, a=0.1),
        random_state=0,
    )
    classifier.fit(features, labels)
    assert classifier.predict(features).shape == (4,)
    assert run.ledger.spent().jobs >= 2


# --- finding devices ---


def test_fake_backends_are_listed_without_an_account_and_can_be_opened(monkeypatch):
    some = ("FakeArmonkV2", "FakeLagosV2", "FakeManilaV2")
    monkeypatch.setattr("qvar.hardware.connection.fake_backend_names", lambda: some)
    rows = list_backends(fake=True, min_qubits=5)
    assert [row.name for row in rows] == ["fake:FakeLagosV2", "fake:FakeManilaV2"]
    assert all(row.kind == "fake" and row.queue is None for row in rows)
    row = rows[0]
    assert open_backend(row.name).num_qubits == row.qubits
    assert 0 < row.two_qubit_error < 0.1
    assert 0 < row.readout_error < 0.2


def test_devices_of_a_service_are_listed_with_queue_and_errors(service):
    (row,) = list_backends(service=service())
    assert (row.name, row.qubits, row.queue, row.operational, row.kind) == ("ibm_scripted", 5, 3, True, "device")
    assert "cx" in row.native_gates


@pytest.mark.parametrize("name", ["fake:FakeManilla", "ibm_nowhere", 3, None])
def test_a_backend_that_does_not_exist_is_refused(name, service):
    with pytest.raises(HardwareError):
        open_backend(name, service=service())


def test_every_public_name_exists_and_is_documented():
    assert dir(qvar.hardware) == sorted(qvar.hardware.__all__)
    for name in qvar.hardware.__all__:
        assert getattr(qvar.hardware, name).__doc__
    with pytest.raises(AttributeError, match="no attribute"):
        _ = qvar.hardware.Nothing


def test_pairs_that_are_out_of_order_are_not_used_even_where_the_layout_asks_for_them():
    backend = open_backend("fake:FakeSherbrooke")
    broken = [pair for pair, gate in backend.target["ecr"].items() if gate.error >= 1]
    assert broken, "this calibration has a pair out of order"
    circuit = Circuit(2, (Operation("cx", (0, 1)),)).to_qiskit()
    options = ExecutionOptions(initial_layout=broken[0])
    with pytest.raises(HardwareError, match="layout"):  # it cuts the device in two
        HardwareRun(backend, options=options).pass_manager().run(circuit)
    for seed in range(3):
        isa = HardwareRun(backend, options=ExecutionOptions(seed_transpiler=seed)).pass_manager().run(circuit)
        used = {tuple(isa.find_bit(q).index for q in i.qubits) for i in isa.data if i.operation.num_qubits == 2}
        assert used
        assert used.isdisjoint(broken)
