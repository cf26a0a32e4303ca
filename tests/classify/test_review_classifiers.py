"""What a hostile review of the classifiers found: numbers, counts, states and messages that were wrong."""

import copy
import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import UnitaryGate, efficient_su2
from qiskit.primitives import StatevectorSampler
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager
from sklearn import config_context
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qvar.classify import DataReuploadingClassifier, VariationalClassifier, storage
from qvar.classify.loss import CrossEntropy, find_loss
from qvar.classify.readout import Majority, ObservableReadout, OneQubit, Parity, Remainder
from qvar.classify.training_record import TrainingRecord
from qvar.optimizers import LBFGS, SPSA, Adam, AdamSPSA, Cobyla, QuantumNaturalGradient, Rotosolve
from qvar.simulators import NoiseModel, Observable, PauliTransferSimulator
from qvar.simulators.errors import ClassifierError
from qvar.simulators.primitives.parameter_values import AngleMap

QUICK = Adam(max_iterations=4, displacement=0.0)
UNTRAINED = Cobyla(max_evaluations=0)


@pytest.fixture(scope="module")
def moons():
    return make_moons(24, noise=0.1, random_state=7)


def model(**settings):
    return VariationalClassifier(**{"optimizer": QUICK, "ansatz_reps": 1, "random_state": 0, **settings})


def objective_of(fitted, X, y, **settings):
    rng, record = np.random.default_rng(0), TrainingRecord()
    chosen = {"calls_per_step": 1, "batch_size": None, **settings}
    weights = np.ones(len(y))
    return fitted._objective(fitted._network, fitted._scaled(X), np.asarray(y), weights, record, rng, **chosen)


# -- circuits --------------------------------------------------------------------------------------------------------


def twelve_rotations():
    """Parameters whose names sort otherwise than their numbers."""
    circuit = QuantumCircuit(4)
    for k in range(12):
        circuit.ry(Parameter(f"x{k}"), k % 4)
        circuit.cx(k % 4, (k + 1) % 4)
    return circuit


def awkward_features():
    circuit, x = QuantumCircuit(3), ParameterVector("theta", 2)
    circuit.initialize([0, 1], 1)
    circuit.ry(x[0], 0)
    circuit.ry(x[1] * x[0], 1)
    circuit.barrier()
    return circuit


def awkward_ansatz():
    """Shared, scaled and combined parameters, one in the global phase only, controlled and composite gates."""
    a, b = Parameter("a"), Parameter("x[0]")
    circuit = QuantumCircuit(3, global_phase=Parameter("phase"))
    circuit.rx(2 * a, 0)
    circuit.ry(a * b + 1, 1)
    circuit.barrier()
    circuit.crx(a - b, 0, 2)
    circuit.cp(b, 0, 1)
    circuit.u(a, b, a + b, 2)
    circuit.append(UnitaryGate(np.array([[0, 1], [1, 0]])), [0])
    circuit.swap(0, 2)
    circuit.cu(a, b, 0.3, 0.2, 1, 2)
    circuit.rxx(3 * a, 0, 1)
    circuit.ccx(0, 1, 2)
    return circuit


LINE = generate_preset_pass_manager(
    2, coupling_map=CouplingMap.from_line(6), basis_gates=["rz", "sx", "x", "cx"], seed_transpiler=3
)


@pytest.mark.parametrize("pass_manager", [None, LINE], ids=["as it is", "transpiled"])
@pytest.mark.parametrize(
    ("features", "ansatz"),
    [
        (twelve_rotations(), twelve_rotations()),
        (awkward_features(), awkward_ansatz()),
        (awkward_features(), efficient_su2(5, reps=1)),
    ],
    ids=["names", "awkward", "more qubits"],
)
def test_any_circuit_gives_what_qiskit_computes_and_its_gradient(features, ansatz, pass_manager):
    rng = np.random.default_rng(1)
    X, y = rng.uniform(size=(4, features.num_parameters)), np.array([0, 1, 1, 0])
    settings = {"feature_map": features, "ansatz": ansatz, "pass_manager": pass_manager, "feature_range": None}
    fitted = model(optimizer=UNTRAINED, **settings).fit(X, y)

    def by_qiskit(weights):
        circuits = [QuantumCircuit(ansatz.num_qubits) for _ in X]
        for circuit, row in zip(circuits, X, strict=True):
            circuit.compose(features.assign_parameters(row), range(features.num_qubits), inplace=True)
            circuit.compose(ansatz.assign_parameters(weights), inplace=True)
        return np.array([Statevector(circuit).probabilities([0]) for circuit in circuits])

    def loss(weights):
        return -np.log(by_qiskit(weights)[range(4), y]).mean()

    w = fitted.weights_
    assert np.allclose(fitted.predict_proba(X), by_qiskit(w), atol=1e-12)
    gradient = objective_of(fitted, X, y).value_and_gradient(w)[1]
    steps = 1e-5 * np.eye(len(w))
    assert np.allclose(gradient, [(loss(w + h) - loss(w - h)) / 2e-5 for h in steps], atol=1e-6)


def test_expressions_compiled_after_many_rows_keep_the_order_of_their_parameters():
    w, x, b = Parameter("w"), Parameter("x"), Parameter("b")
    angles = AngleMap((w, x, b), (w * x + b, w - x / 3 + b))
    rng = np.random.default_rng(0)
    for _ in range(40):
        points = rng.uniform(1, 2, size=(1000, 3))  # compiled from 8,192 on
        one, ones = np.ones((1000, 2)), np.ones(1000)
        by_hand = [points[:, 0] * points[:, 1] + points[:, 2], points[:, 0] - points[:, 1] / 3 + points[:, 2]]
        assert np.allclose(angles.values(points).T, by_hand)
        slopes = [points[:, 1] + ones, points[:, 0] - ones / 3, 2 * ones]
        assert np.allclose(angles.pull_back(points, one).T, slopes)


def test_training_on_many_rows_of_products_of_weights_and_data_is_the_same_every_time():
    X, y = make_moons(400, noise=0.1, random_state=7)
    chosen = {"n_layers": 2, "optimizer": Adam(25, displacement=0.0), "random_state": 0}
    fitted = [DataReuploadingClassifier(**chosen).fit(X, y) for _ in range(2)]
    assert np.array_equal(fitted[0].weights_, fitted[1].weights_)
    objective = objective_of(fitted[0], X, y)
    for _ in range(3):
        w = fitted[0].weights_ + 0.1
        gradient = objective.value_and_gradient(w)[1]
        steps = 1e-5 * np.eye(len(w))
        assert np.allclose(gradient, [(objective(w + h) - objective(w - h)) / 2e-5 for h in steps], atol=1e-6)


def test_a_circuit_without_weights_is_a_classifier_all_the_same(moons):
    for optimizer in (None, LBFGS()):
        assert model(ansatz=QuantumCircuit(2), optimizer=optimizer).fit(*moons).weights_.shape == (0,)


def test_the_last_of_nine_qubits_is_read_from_the_second_byte_of_a_shot(moons):
    X, y = moons
    settings = {"n_qubits": 9, "readout": OneQubit(8), "optimizer": UNTRAINED}
    exact = model(**settings).fit(X, y).predict_proba(X[:3])
    measured = model(engine=StatevectorSampler(seed=1), shots=4000, **settings).fit(X, y).predict_proba(X[:3])
    assert exact.min() > 0.05
    assert np.allclose(measured, exact, atol=5 * np.sqrt(0.25 / 4000))


def test_more_qubits_than_a_table_of_outcomes_can_hold_are_refused_at_once():
    X = np.random.default_rng(0).uniform(size=(4, 40))
    with pytest.raises(ClassifierError, match="at most 24 qubits, got 40"):
        model(n_qubits=40, engine=StatevectorSampler(), shots=10).fit(X, [0, 1, 0, 1])


# -- losses ----------------------------------------------------------------------------------------------------------


def test_losses_at_weights_1e_9_apart_differ(moons):
    objective = objective_of(model().fit(*moons), *moons)
    here = np.linspace(0.2, 1.4, objective.n_parameters)
    slope = objective.value_and_gradient(here)[1][0]
    there = here + 1e-9 * np.eye(len(here))[0]
    assert objective(there) != objective(here)
    assert (objective(there) - objective(here)) / 1e-9 == pytest.approx(slope, rel=1e-3)


def test_weights_changed_in_place_change_the_loss(moons):
    objective = objective_of(model().fit(*moons), *moons)
    weights = np.linspace(0.2, 1.4, objective.n_parameters)
    before = objective(weights)
    weights += 0.1
    assert abs(objective(weights) - before) > 1e-3
    assert not np.shares_memory(objective.record.last, weights)


def test_one_row_never_measured_in_its_class_does_not_end_a_training_with_shots():
    X, y = make_moons(60, noise=0.1, random_state=7)
    settings = {"optimizer": Adam(30, displacement=0.0), "ansatz_reps": 2, "feature_range": (-1.5, 1.5)}

    def true_loss(**more):
        found = model(shots=10, **settings, **more).fit(X, y)
        exact = model(**{**settings, "optimizer": UNTRAINED}, initial_point=found.weights_).fit(X, y)
        return exact.loss_curve_[0]

    assert true_loss() < 0.4 < 0.5 < true_loss(loss=CrossEntropy())  # the last: clipped at 1e-12
    assert find_loss("cross-entropy", 10) == CrossEntropy(0.5 / 11)
    assert find_loss("cross-entropy", 1) == CrossEntropy(0.25)
    assert find_loss("cross-entropy") == CrossEntropy(1e-12)


def test_row_weights_count_in_mini_batches_of_one_row(moons):
    X, y = moons

    def trained(weights):
        return model(batch_size=1, optimizer=Adam(24, displacement=0.0)).fit(X, y, weights).weights_

    heavy = np.where(y == 1, 10.0, 1.0)
    assert np.abs(trained(heavy) - trained(None)).max() > 0.01
    assert np.allclose(trained(1e300 * heavy), trained(heavy))  # only their ratios count


# -- what is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [Rotosolve(), Cobyla(max_evaluations=60), LBFGS(10), SPSA(max_evaluations=150)])
def test_with_shots_the_weights_are_those_the_optimizer_settled_on(optimizer, moons, monkeypatch):
    found = []
    kind = type(optimizer)
    minimize = kind.minimize

    def spied(self, *args):
        found.append(minimize(self, *args))
        return found[-1]

    monkeypatch.setattr(kind, "minimize", spied)
    fitted = model(shots=100, optimizer=optimizer).fit(*moons)
    assert np.array_equal(fitted.weights_, found[0].parameters)


def test_stages_draw_shots_from_exact_models_and_leave_no_lucky_point_of_theirs(moons):
    fitted = model(optimizer=AdamSPSA(stages=((60, 10), (20, None)))).fit(*moons)
    assert fitted.cost_.shots == 60 * 24 * 10
    exact = model(optimizer=UNTRAINED, initial_point=fitted.weights_).fit(*moons).loss_curve_[0]
    assert exact == pytest.approx(fitted.loss_curve_[-1], abs=0.05)
    with pytest.raises(ClassifierError, match="without stages"):
        model(optimizer=AdamSPSA(stages=((60, 10),)), engine=StatevectorSampler(), shots=5).fit(*moons)


def test_spsa_cut_short_leaves_the_point_between_its_pair(moons):
    steps = []
    fitted = model(shots=50, optimizer=SPSA(max_evaluations=200), callback=lambda s: steps.append(s) or s.step == 5)
    assert np.array_equal(fitted.fit(*moons).weights_, steps[-1].weights)


def test_a_limit_that_pays_for_no_evaluation_is_an_error_not_a_silent_model(moons):
    unfitted = model(max_circuits=5)
    with pytest.raises(
        ClassifierError, match="max_circuits=5 does not pay for the first evaluation of Adam on 24 rows"
    ):
        unfitted.fit(*moons)
    with pytest.raises(NotFittedError):
        unfitted.predict(moons[0])


def test_a_fit_that_fails_before_training_leaves_the_model_as_it_was(moons):
    X, y = moons
    fitted = model().fit(X, y)
    before = fitted.predict_proba(X)
    for wrong_X, wrong_y in ((X, np.zeros(24)), (np.c_[X, X, X][:2], ["a", "b", "c"]), (X[:, :1], y + 1j)):
        with pytest.raises(ValueError, match=r"class|inconsistent|Complex"):
            fitted.fit(wrong_X, wrong_y)
    with pytest.raises(ClassifierError):
        fitted.set_params(readout=OneQubit(7)).fit(np.c_[X, X], y + 5)
    assert np.array_equal(fitted.predict_proba(X), before)


class Failing(StatevectorSampler):
    """A sampler whose jobs fail from some job on."""

    def __init__(self, good_jobs):
        super().__init__(seed=1)
        self.left = good_jobs

    def run(self, pubs, *, shots=None):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the job failed")
        return super().run(pubs, shots=shots)


def test_a_job_that_fails_loses_its_step_only(moons):
    X, y = moons[0][:4], moons[1][:4]
    first = model(engine=Failing(0), shots=20)
    with pytest.raises(RuntimeError, match="failed"):
        first.fit(X, y)
    assert not hasattr(first, "weights_")
    third = model(engine=Failing(5), shots=20, warm_start=True)  # two jobs a step
    with pytest.raises(RuntimeError, match="failed"):
        third.fit(X, y)
    assert third.n_iter_ == 2
    kept = third.weights_
    third.set_params(engine=StatevectorSampler(seed=1), optimizer=UNTRAINED).fit(X, y)
    assert np.array_equal(third.weights_, kept)


# -- partial_fit -----------------------------------------------------------------------------------------------------


def test_fit_begins_the_moments_of_partial_fit_anew(moons):
    X, y = moons
    used, fresh = model().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y), model()
    assert np.array_equal(used.fit(X, y).partial_fit(X, y).weights_, fresh.fit(X, y).partial_fit(X, y).weights_)
    wider = np.c_[X, X]
    assert used.fit(wider, y).partial_fit(wider, y).weights_.shape == (16,)


def test_each_call_of_partial_fit_draws_its_own_shots_and_a_file_goes_on_the_same_way(moons, tmp_path):
    X, y = moons
    still = {"optimizer": Adam(learning_rate=1e-12, displacement=0.0), "shots": 20, "random_state": 3}
    fitted = model(**still)
    for _ in range(4):
        fitted.partial_fit(X, y, classes=[0, 1])
    assert len(set(fitted.loss_curve_)) == 4
    first = model(**still).partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
    first.save(tmp_path / "half.json")
    second = VariationalClassifier.load(tmp_path / "half.json").partial_fit(X, y).partial_fit(X, y)
    assert second.loss_curve_ == fitted.loss_curve_
    assert np.array_equal(second.predict_proba(X), fitted.predict_proba(X))


def test_partial_fit_refuses_what_a_part_of_the_data_cannot_tell(moons):
    X, y = moons
    with pytest.raises(ClassifierError, match="balance"):
        model(class_weight="balanced").partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ClassifierError, match="since the first call"):
        model().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, classes=[0, 1, 2])


# -- shots in prediction ---------------------------------------------------------------------------------------------


def test_shots_of_observables_are_drawn_alike_in_every_prediction_and_copy(moons):
    X, _ = moons
    readout = ObservableReadout((Observable.from_terms({"ZI": 1.0}),))
    fitted = model(shots=20, readout=readout).fit(*moons)
    first = fitted.predict_proba(X)
    assert np.array_equal(fitted.predict_proba(X), first)
    assert np.array_equal(copy.deepcopy(fitted).predict_proba(X), first)
    assert not np.array_equal(model(shots=20, readout=readout, random_state=1).fit(*moons).predict_proba(X), first)


def test_a_sampler_is_declared_not_deterministic():
    assert model(engine=StatevectorSampler(), shots=10).__sklearn_tags__().non_deterministic
    assert not model(shots=10).__sklearn_tags__().non_deterministic


# -- costs -----------------------------------------------------------------------------------------------------------


def test_the_metrics_of_the_natural_gradient_are_counted_apart(moons):
    cost = model(optimizer=QuantumNaturalGradient(3)).fit(*moons).cost_
    assert (cost.metrics, cost.gradients) == (3, 3)
    assert model().fit(*moons).cost_.metrics == 0


# -- files -----------------------------------------------------------------------------------------------------------


def unused_parameter():
    circuit = QuantumCircuit(2, global_phase=Parameter("a"))
    circuit.ry(Parameter("b"), 0)
    return circuit


def test_a_circuit_with_a_parameter_of_no_gate_is_not_stored_with_one_weight_less(moons, tmp_path):
    X, y = moons
    fitted = model(ansatz=unused_parameter()).fit(X, y)
    fitted.save(tmp_path / "model.json")
    with pytest.raises(ClassifierError, match="ansatz"):
        VariationalClassifier.load(tmp_path / "model.json")
    loaded = VariationalClassifier.load(tmp_path / "model.json", ansatz=unused_parameter())
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_a_file_keeps_the_type_of_labels_and_another_circuit_is_noticed(moons, tmp_path):
    X, y = moons
    fitted = model().fit(X, np.array(["no", "yes"])[y])
    fitted.save(tmp_path / "model.json")
    assert VariationalClassifier.load(tmp_path / "model.json").predict(X).dtype == fitted.predict(X).dtype
    with pytest.raises(ClassifierError, match="12 weights, and 8 were trained"):
        VariationalClassifier.load(tmp_path / "model.json", ansatz_reps=2).predict(X)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("fitted", "weights_", {"array": [1.0], "dtype": "V100000000000"}),
        ("fitted", "weights_", {"array": [1], "dtype": "M8[ns]"}),
        ("fitted", "weights_", {"array": ["a"], "dtype": "U100000000"}),
        ("fitted", "weights_", {"array": [[1.0], [1.0, 2.0]], "dtype": "<f8"}),
        ("fitted", "predict", 3),
        ("fitted", "cost_", {"dict": [["price", 1]]}),
        ("parameters", "price", 3),
        ("parameters", "class_weight", {"dict": [[[1], 1.0]]}),
        ("parameters", "optimizer", {"settings": ["Adam"], "fields": {}}),
        ("parameters", "optimizer", {"settings": "Adam", "fields": {"price": 1}}),
        (None, "left_out", 3),
        (None, "parameters", []),
        (None, "fitted", {}),
    ],
)
def test_a_forged_file_with_a_right_checksum_is_refused_with_an_error_of_ours(part, name, value, moons, tmp_path):
    path = tmp_path / "model.json"
    model().fit(*moons).save(path)
    document = json.loads(path.read_text())
    (document if part is None else document[part])[name] = value
    content = {key: document[key] for key in ("class", "parameters", "left_out", "fitted")}
    path.write_text(json.dumps({**document, "sha256": storage._digest(content)}))
    with pytest.raises(ClassifierError):
        VariationalClassifier.load(path)


# -- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"feature_range": (0, 1, 2)}, "feature_range"),
        ({"feature_range": "01"}, "feature_range"),
        ({"feature_range": 1}, "feature_range"),
        ({"bandwidth": "1"}, "bandwidth"),
        ({"bandwidth": np.inf}, "bandwidth"),
        ({"optimizer": Adam}, r"such as Adam\(\)"),
        ({"loss": CrossEntropy}, "loss object"),
        ({"readout": Parity}, "readout object"),
        ({"engine": PauliTransferSimulator}, "an engine is one of"),
        ({"ansatz_reps": 1.5}, "repetitions of the ansatz"),
        ({"feature_map_reps": "2"}, "repetitions of the feature map"),
        ({"ansatz_entanglement": "everything"}, "'everything' of the ansatz"),
        ({"callback": 3}, "callback"),
        ({"class_weight": {0: 0.0, 1: 1.0}}, "weights > 0"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_spent(settings, message, moons):
    with pytest.raises(ClassifierError, match=message):
        model(**settings).fit(*moons)


def test_a_warm_start_into_another_circuit_says_where_the_weights_came_from(moons):
    fitted = model(warm_start=True).fit(*moons)
    with pytest.raises(ClassifierError, match="12 finite weights; the last training"):
        fitted.set_params(ansatz_reps=2).fit(*moons)


@pytest.mark.parametrize("readout", [Parity(), Majority(), Remainder()])
def test_a_sampler_is_refused_a_readout_that_leaves_a_class_without_outcomes(readout):
    X, y = np.random.default_rng(0).uniform(size=(8, 2)), np.arange(8) % 5
    with pytest.raises(ClassifierError):
        DataReuploadingClassifier(n_qubits=2, readout=readout, shots=10, engine=StatevectorSampler()).fit(X, y)


# -- beside others ---------------------------------------------------------------------------------------------------


def test_weights_are_routed_through_pipelines_and_grids_in_two_processes(moons):
    X, y = moons
    weights = np.ones(len(y))
    noisy = PauliTransferSimulator(NoiseModel.named("mumbai-median"))
    with config_context(enable_metadata_routing=True):
        asked = model(engine=noisy).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), asked)
        if hasattr(pipeline, "set_score_request"):  # scikit-learn before 1.9 asks at each level
            pipeline.set_score_request(sample_weight=True)
        grid = {"variationalclassifier__optimizer": [Adam(2, displacement=0.0), QUICK]}
        search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise")
        assert search.fit(X, y, sample_weight=weights).best_params_["variationalclassifier__optimizer"] == QUICK


def test_read_only_foreign_and_single_precision_arrays_give_the_same_model(moons):
    X, y = moons
    single = X.astype(np.float32)
    frozen = np.asfortranarray(np.repeat(single.astype(np.float64), 2, axis=0))[::2]
    frozen.flags.writeable = False
    assert np.array_equal(model().fit(single, y).weights_, model().fit(frozen, y.astype(bool)).weights_)
