"""The variational classifier: against the textbook, other packages, devices, and over its whole life."""

import json
import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2, zz_feature_map
from qiskit.transpiler import generate_preset_pass_manager
from sklearn.datasets import load_iris, make_moons

from qvar.classify import DataReuploadingClassifier, VariationalClassifier
from qvar.classify.readout import Majority, ObservableReadout, OneQubit, Parity
from qvar.optimizers import AQGD, LBFGS, SPSA, Adam, AdamSPSA, Cobyla, QuantumNaturalGradient
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    PennyLaneSimulator,
    Slot,
)
from qvar.simulators.errors import ClassifierError, NoiseModelError
from qvar.simulators.primitives import SamplerV2
from tests.classify.oracle import efficient_su2_matrix, feature_states, probability_of_one

QUICK = Adam(max_iterations=15, displacement=0.0)


@pytest.fixture(scope="module")
def moons():
    return make_moons(40, noise=0.1, random_state=7)


def untrained(**settings):
    """A model whose weights are the start point: no step is allowed."""
    fixed = {"feature_map": "zz_feature_map", "optimizer": Cobyla(max_evaluations=0), "random_state": 1}
    return VariationalClassifier(**{**fixed, **settings})


@pytest.mark.parametrize("readout", [OneQubit(), Majority(), Parity()])
def test_probabilities_are_those_of_the_textbook(readout):
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(30, 5)), rng.integers(0, 2, 30)
    model = untrained(readout=readout, feature_range=None).fit(X, y)
    expected = probability_of_one(X, model.weights_, readout.classes_of_outcomes(5, 2) == 1)
    assert np.allclose(model.predict_proba(X)[:, 1], expected, atol=1e-12)


def test_probabilities_are_those_of_qiskit_machine_learning():
    from qiskit_machine_learning.neural_networks import SamplerQNN
    from qiskit_machine_learning.primitives import QMLSampler

    rng = np.random.default_rng(1)
    X, y = rng.uniform(size=(4, 5)), np.array([0, 1, 1, 0])
    feature_map, ansatz = zz_feature_map(5, reps=2), efficient_su2(5, reps=3)
    model = untrained(feature_map=feature_map, ansatz=ansatz, feature_range=None).fit(X, y)
    network = SamplerQNN(
        circuit=feature_map.compose(ansatz),
        sampler=QMLSampler(),
        input_params=feature_map.parameters,
        weight_params=ansatz.parameters,
        interpret=lambda outcome: outcome % 2,
        output_shape=2,
    )
    assert np.allclose(model.predict_proba(X), network.forward(X, model.weights_), atol=1e-10)


def test_training_lowers_the_loss_and_finds_the_moons(moons):
    X, y = moons
    model = VariationalClassifier(random_state=7).fit(X, y)
    assert model.loss_curve_[-1] < 0.75 * model.loss_curve_[0]
    assert model.score(X, y) > 0.75
    assert model.n_iter_ == len(model.loss_curve_) == model.cost_.gradients == 100
    shuffled = VariationalClassifier(random_state=7).fit(X, np.random.default_rng(1).permutation(y))
    assert shuffled.score(X, y) < model.score(X, y) - 0.1


@pytest.mark.parametrize(
    "optimizer",
    [
        Adam(20, displacement=0.0),
        AQGD(20),
        AQGD(20, gradient="loss-shift"),
        LBFGS(max_iterations=10),
        Cobyla(max_evaluations=150),
        SPSA(max_evaluations=300),
        AdamSPSA(max_evaluations=300),
        QuantumNaturalGradient(max_iterations=15),
    ],
    ids=lambda o: f"{type(o).__name__}-{getattr(o, 'gradient', '')}",
)
def test_every_optimizer_trains_and_tells_every_step(optimizer, moons):
    X, y = moons
    steps = []
    model = VariationalClassifier(ansatz_reps=1, optimizer=optimizer, callback=steps.append, random_state=7).fit(X, y)
    assert min(model.loss_curve_) < model.loss_curve_[0]
    assert [s.loss for s in steps] == model.loss_curve_
    assert model.cost_.circuits == steps[-1].cost.circuits or steps[-1].cost.circuits < model.cost_.circuits
    assert model.cost_.circuits >= len(X) * len(steps)


def test_the_rule_of_2021_shifts_the_loss_and_costs_81_evaluations_a_step():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(20, 5)), np.arange(20) % 2
    settings = {"feature_map": "zz_feature_map", "readout": "majority", "random_state": 0, "feature_range": None}
    shifted = VariationalClassifier(optimizer=AQGD(2, gradient="loss-shift"), **settings).fit(X, y)
    assert shifted.cost_.evaluations in (2 * 81, 2 * 81 + 1)
    start = np.random.default_rng(3).normal(size=40)
    settings["initial_point"] = start
    mask = Majority().classes_of_outcomes(5, 2) == 1

    def loss(theta):
        p = probability_of_one(X, theta, mask)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    shifts = np.pi / 2 * np.eye(40)
    by_shift = np.array([loss(start + s) - loss(start - s) for s in shifts]) / 2
    true = np.array([loss(start + 1e-5 * e) - loss(start - 1e-5 * e) for e in np.eye(40)]) / 2e-5
    one_step = {"momentum": 0.0, "eta": 0.01}
    for rule, gradient in (("loss-shift", by_shift), ("probability-shift", true)):
        seen = []
        optimizer = AQGD(2, gradient=rule, **one_step)
        VariationalClassifier(optimizer=optimizer, callback=seen.append, **settings).fit(X, y)
        assert np.allclose(seen[1].weights, start - 0.01 * gradient, atol=1e-7)


def test_device_noise_gives_what_aer_gives(moons):
    X, y = moons[0][:6], moons[1][:6]
    noise = NoiseModel.named("ourense", qubits=(0, 1))
    settings = {"feature_map_reps": 1, "ansatz_reps": 1, "feature_range": (0, 1)}
    ours = untrained(engine=PauliTransferSimulator(noise), **settings).fit(X, y)
    aer = untrained(engine=AerSimulator(noise), **settings).fit(X, y)
    pure = untrained(**settings).fit(X, y)
    assert np.array_equal(ours.weights_, aer.weights_)
    assert np.allclose(ours.predict_proba(X), aer.predict_proba(X), atol=1e-9)
    assert not np.allclose(ours.predict_proba(X), pure.predict_proba(X), atol=1e-3)


def test_training_works_on_every_engine(moons):
    X, y = moons
    weights = []
    for engine in (None, AerSimulator(), PennyLaneSimulator("default.qubit")):
        model = VariationalClassifier(
            engine=engine, feature_map_reps=1, ansatz_reps=1, optimizer=Adam(2, displacement=0.0), random_state=1
        )
        weights.append(model.fit(X[:6], y[:6]).weights_)
    assert np.allclose(weights, weights[0], atol=1e-8)


def test_a_transpiled_circuit_on_a_device_is_read_through_its_layout():
    from qiskit_ibm_runtime.fake_provider import FakeLagosV2

    backend = FakeLagosV2()
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(8, 3)), np.arange(8) % 2
    settings = {"readout": OneQubit(2), "feature_range": None, "ansatz_reps": 1}
    pass_manager = generate_preset_pass_manager(1, backend=backend, seed_transpiler=3, initial_layout=[4, 5, 6])
    ideal = untrained(**settings).fit(X, y).predict_proba(X)
    moved = untrained(pass_manager=pass_manager, **settings).fit(X, y).predict_proba(X)
    assert np.allclose(moved, ideal, atol=1e-10)
    noise = NoiseModel.from_backend(backend)
    engine = PauliTransferSimulator(noise)
    noisy = VariationalClassifier(
        "zz_feature_map", engine=engine, pass_manager=pass_manager, optimizer=QUICK, random_state=1, **settings
    )
    assert np.abs(noisy.fit(X, y).predict_proba(X) - ideal).max() > 0.001
    assert type(noisy._network.model).__name__ == "PauliModel"  # the data stay before the weights
    with pytest.raises(NoiseModelError):
        untrained(engine=engine, feature_map_entanglement="full", **settings).fit(X, y)


def test_any_sampler_measures(moons):
    X, y = moons[0][:10], moons[1][:10]
    settings = {"feature_map_reps": 1, "ansatz_reps": 1, "readout": "parity"}
    exact = untrained(**settings).fit(X, y)
    measured = untrained(engine=SamplerV2(seed=1), shots=4000, **settings).fit(X, y)
    assert np.allclose(measured.predict_proba(X), exact.predict_proba(X), atol=5 * 0.5 / np.sqrt(4000))
    trained = VariationalClassifier(
        engine=SamplerV2(seed=1), shots=50, optimizer=SPSA(max_evaluations=60), random_state=1, **settings
    ).fit(X, y)
    assert trained.cost_.shots == 50 * 10 * trained.cost_.evaluations
    with pytest.raises(ClassifierError, match="shots"):
        untrained(engine=SamplerV2(), **settings).fit(X, y)


def test_a_sampler_measures_pauli_strings_from_the_outcomes_of_one_circuit():
    X, y = load_iris(return_X_y=True)
    X, y = X[::15], y[::15]
    exact = untrained(feature_map="angle", ansatz_reps=1).fit(X, y)
    measured = untrained(feature_map="angle", ansatz_reps=1, engine=SamplerV2(seed=1), shots=20_000).fit(X, y)
    assert np.allclose(measured.predict_proba(X), exact.predict_proba(X), atol=0.05)
    assert measured.cost_.shots == 20_000 * len(X)


def test_observables_that_need_circuits_of_their_own_are_counted_so():
    X, y = load_iris(return_X_y=True)
    X, y = X[::15], y[::15]
    for labels, n_circuits in ((("IIIZ", "IIZI", "ZZII"), 1), (("IIIZ", "IIIX", "ZZII"), 3)):
        readout = ObservableReadout(tuple(Observable.from_terms({label: 1.0}) for label in labels))
        model = untrained(feature_map="angle", readout=readout, shots=10).fit(X, y)
        assert model.cost_.circuits == n_circuits * len(X)
        assert model.cost_.shots == 10 * model.cost_.circuits


def test_the_runtime_sampler_measures_on_a_fake_backend(moons):
    from qiskit_ibm_runtime.executor_sampler import Sampler
    from qiskit_ibm_runtime.fake_provider import FakeOurenseV2

    X, y = moons[0][:4], moons[1][:4]
    backend = FakeOurenseV2()
    pass_manager = generate_preset_pass_manager(1, backend=backend, seed_transpiler=0)
    settings = {"feature_map_reps": 1, "ansatz_reps": 1, "pass_manager": pass_manager, "readout": "parity"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the runtime's own
        measured = untrained(engine=Sampler(mode=backend), shots=4000, **settings).fit(X, y).predict_proba(X)
    noise = PauliTransferSimulator(NoiseModel.from_backend(backend))
    assert np.allclose(measured, untrained(engine=noise, **settings).fit(X, y).predict_proba(X), atol=0.06)


def test_shots_are_drawn_anew_in_training_and_alike_in_prediction(moons):
    X, y = moons
    model = VariationalClassifier(shots=100, optimizer=Adam(5, displacement=0.0), random_state=1).fit(X, y)
    assert np.array_equal(model.predict_proba(X), model.predict_proba(X))
    assert set(np.round(model.predict_proba(X).ravel() * 100, 9) % 1) == {0.0}
    again = VariationalClassifier(shots=100, optimizer=Adam(5, displacement=0.0), random_state=1).fit(X, y)
    assert np.array_equal(model.weights_, again.weights_)


def test_three_classes_are_told_apart():
    X, y = load_iris(return_X_y=True)
    model = VariationalClassifier(optimizer=LBFGS(max_iterations=60), random_state=0).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) > 0.9
    observables = tuple(Observable.from_terms({label: 1.0}) for label in ("IIIZ", "IIZI", "IZII"))
    observed = VariationalClassifier(
        readout=ObservableReadout(observables),
        optimizer=LBFGS(max_iterations=60),
        random_state=0,
    ).fit(X[::2], y[::2])
    assert observed.score(X[1::2], y[1::2]) > 0.9


def test_more_classes_than_the_features_qubits_can_tell_get_more_qubits():
    X, y = np.linspace(0, 1, 40)[:, None], np.repeat([0, 1, 2, 3], 10)
    model = VariationalClassifier(optimizer=QUICK, random_state=0).fit(X, y)
    assert model._network.parametrized.circuit.n_qubits == 3
    assert model.predict_proba(X).shape == (40, 4)


def test_more_features_than_qubits_are_encoded_one_after_another():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(-1, 1, size=(12, 5)), np.arange(12) % 2
    model = untrained(n_qubits=2, feature_map="angle", feature_range=None).fit(X, y)
    merged = np.stack([X[:, 0] + X[:, 2] + X[:, 4], X[:, 1] + X[:, 3]], axis=1)  # RY angles on a qubit add up
    plain = untrained(feature_map="angle", feature_range=None, initial_point=model.weights_).fit(merged, y)
    assert np.allclose(model.predict_proba(X), plain.predict_proba(merged), atol=1e-12)
    wide = VariationalClassifier("zz_feature_map", optimizer=QUICK, random_state=0).fit(
        rng.uniform(size=(8, 30)), y[:8]
    )
    assert wide.predict(rng.uniform(size=(2, 30))).shape == (2,)


def test_a_circuit_found_by_a_search_is_an_ansatz(moons):
    found = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1)), Operation("rx", (1,), (Slot(1),))))
    model = VariationalClassifier(ansatz=found, optimizer=QUICK, random_state=0).fit(*moons)
    assert model.weights_.shape == (2,)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_class_weights_move_the_decision(moons):
    X, y = moons
    scores = [
        VariationalClassifier(optimizer=QUICK, class_weight=weight, random_state=0).fit(X, y).predict(X).mean()
        for weight in ({0: 20.0, 1: 1.0}, {0: 1.0, 1: 20.0})
    ]
    assert scores[0] < scores[1] - 0.3


def test_a_row_of_weight_two_counts_like_two_rows(moons):
    X, y = moons
    weights = np.arange(len(y)) % 3
    repeated = np.repeat(np.arange(len(y)), weights)
    model = VariationalClassifier(optimizer=QUICK, feature_range=None, random_state=0)
    weighted = model.fit(X, y, sample_weight=weights).weights_
    assert np.allclose(model.fit(X[repeated], y[repeated]).weights_, weighted, atol=1e-9)


def test_mini_batches_train_and_line_searches_refuse_them(moons):
    X, y = moons
    settings = {"batch_size": 10, "random_state": 7}
    for optimizer in (Adam(150, displacement=0.0), SPSA(max_evaluations=600)):
        model = VariationalClassifier(optimizer=optimizer, **settings).fit(X, y)
        assert model.score(X, y) > 0.7
    for optimizer in (LBFGS(), Cobyla(), AQGD(gradient="loss-shift")):
        with pytest.raises(ClassifierError, match="mini-batches"):
            VariationalClassifier(optimizer=optimizer, **settings).fit(X, y)


def test_the_limit_of_circuits_holds_for_every_optimizer(moons):
    X, y = moons
    for optimizer in (Adam(), Cobyla(), SPSA()):
        model = VariationalClassifier(optimizer=optimizer, max_circuits=3000, random_state=0).fit(X, y)
        assert 0 < model.cost_.circuits <= 3000
        assert model.predict(X).shape == y.shape


def test_callbacks_stop_training_and_errors_in_them_lose_nothing(moons):
    X, y = moons
    stopped = VariationalClassifier(callback=lambda step: step.step == 4, random_state=0).fit(X, y)
    assert stopped.n_iter_ == 4

    def broken(step):
        if step.step == 6:
            raise KeyboardInterrupt

    model = VariationalClassifier(callback=broken, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert model.n_iter_ == 6
    assert model.predict(X).shape == y.shape


def test_a_warm_start_goes_on_where_training_ended(moons):
    X, y = moons
    model = VariationalClassifier(optimizer=QUICK, warm_start=True, random_state=0).fit(X, y)
    first = min(model.loss_curve_)
    model.fit(X, y)
    assert model.loss_curve_[0] == pytest.approx(first)
    cold = VariationalClassifier(optimizer=QUICK, random_state=0).fit(X, y)
    assert cold.fit(X, y).loss_curve_[0] > first


def test_partial_fit_takes_the_steps_of_adam(moons):
    X, y = moons
    whole = VariationalClassifier(optimizer=Adam(12, displacement=0.0), random_state=3, callback=(seen := []).append)
    whole.fit(X, y)
    part = VariationalClassifier(optimizer=Adam(12, displacement=0.0), random_state=3)
    for _ in range(11):
        part.partial_fit(X, y, classes=[0, 1])
    assert np.allclose(part.weights_, seen[11].weights, atol=1e-9)
    assert part.n_iter_ == 11
    one_class = part.partial_fit(X[y == 0], y[y == 0])
    assert one_class.n_iter_ == 12
    with pytest.raises(ClassifierError, match="classes"):
        VariationalClassifier().partial_fit(X, y)
    with pytest.raises(ClassifierError, match="Adam"):
        VariationalClassifier(optimizer=LBFGS()).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ClassifierError, match="not among"):
        part.partial_fit(X, y + 1)


def test_a_file_brings_the_same_classifier_back(moons, tmp_path):
    X, y = moons
    names = np.array(["no", "yes"])[y]
    noise = PauliTransferSimulator(NoiseModel.named("ourense", qubits=(0, 1)))
    found = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1)), Operation("rx", (1,), (Slot(1),))))
    for settings in (
        {},
        {"engine": noise},
        {"ansatz": found, "readout": Parity(), "class_weight": {"no": 2.0, "yes": 1}},
    ):
        model = VariationalClassifier(optimizer=QUICK, random_state=0, **settings).fit(X, names)
        model.save(tmp_path / "model.json")
        copy = VariationalClassifier.load(tmp_path / "model.json")
        assert np.array_equal(copy.predict_proba(X), model.predict_proba(X))
        assert list(copy.predict(X)) == list(model.predict(X))
        assert copy.cost_ == model.cost_
        assert copy.get_params()["optimizer"] == QUICK
    reuploading = DataReuploadingClassifier(optimizer=QUICK, random_state=0).fit(X, y)
    reuploading.save(tmp_path / "other.json")
    assert np.array_equal(
        DataReuploadingClassifier.load(tmp_path / "other.json").predict_proba(X), reuploading.predict_proba(X)
    )


def test_a_loaded_classifier_runs_on_another_engine_and_trains_on(moons, tmp_path):
    X, y = moons
    model = VariationalClassifier(optimizer=QUICK, random_state=0).fit(X, y)
    model.save(tmp_path / "model.json")
    noise = NoiseModel.named("ourense", qubits=(0, 1))
    noisy = VariationalClassifier.load(tmp_path / "model.json", engine=PauliTransferSimulator(noise))
    assert 0.001 < np.abs(noisy.predict_proba(X) - model.predict_proba(X)).max() < 0.3
    again = VariationalClassifier.load(tmp_path / "model.json", warm_start=True).fit(X, y)
    assert again.loss_curve_[0] == pytest.approx(min(model.loss_curve_))


def test_what_a_file_cannot_hold_is_asked_for(moons, tmp_path):
    X, y = moons
    feature_map = zz_feature_map(2)
    model = VariationalClassifier(feature_map=feature_map, optimizer=QUICK, random_state=0).fit(X, y)
    model.save(tmp_path / "model.json")
    with pytest.raises(ClassifierError, match="feature_map"):
        VariationalClassifier.load(tmp_path / "model.json")
    copy = VariationalClassifier.load(tmp_path / "model.json", feature_map=feature_map)
    assert np.array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_damaged_and_foreign_files_are_refused(moons, tmp_path):
    X, y = moons
    path = tmp_path / "model.json"
    VariationalClassifier(optimizer=QUICK, random_state=0).fit(X, y).save(path)
    text = path.read_text()
    document = json.loads(text)
    document["fitted"]["n_iter_"] += 1
    foreign = json.dumps({**json.loads(text), "class": "Other"})
    for content in (text[:-30], json.dumps(document), foreign, "{}", "[]", "\x00", '{"format": 1}'):
        path.write_text(content)
        with pytest.raises(ClassifierError):
            VariationalClassifier.load(path)
    with pytest.raises(ClassifierError):
        VariationalClassifier.load(tmp_path / "missing.json")


def test_a_file_can_make_nothing_but_known_settings(moons, tmp_path):
    from qvar.classify import storage

    path = tmp_path / "model.json"
    VariationalClassifier(optimizer=QUICK, random_state=0).fit(*moons).save(path)
    document = json.loads(path.read_text())
    document["parameters"]["optimizer"] = {"settings": "Popen", "fields": {"args": "true"}}
    content = {k: document[k] for k in ("class", "parameters", "left_out", "fitted")}
    path.write_text(json.dumps({**document, "sha256": storage._digest(content)}))
    with pytest.raises(ClassifierError, match="Popen"):
        VariationalClassifier.load(path)


def test_the_natural_gradient_uses_the_metric_of_the_feature_states():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(5, 2)), np.arange(5) % 2
    model = VariationalClassifier(
        "zz_feature_map",
        feature_range=None,
        ansatz_reps=1,
        optimizer=QuantumNaturalGradient(max_iterations=1),
        random_state=0,
    ).fit(X, y)
    theta = np.random.default_rng(4).normal(size=8)
    metric = model._network.metric(X)(theta, np.arange(5))
    states, step = feature_states(X), 1e-5

    def evolved(t):
        return states @ efficient_su2_matrix(t, 2, reps=1).T

    slopes = np.array([(evolved(theta + step * e) - evolved(theta - step * e)) / (2 * step) for e in np.eye(8)])
    psi = evolved(theta)
    overlaps = np.einsum("irz,jrz->ijr", slopes.conj(), slopes)
    along = np.einsum("irz,rz->ir", slopes.conj(), psi)
    expected = (overlaps - along[:, None, :] * along.conj()[None, :, :]).real.mean(axis=2)
    assert np.allclose(metric, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"feature_map": "fourier"}, ClassifierError, "zz_feature_map"),
        ({"ansatz": "ucc"}, ClassifierError, "efficient_su2"),
        ({"feature_map": zz_feature_map(3)}, ClassifierError, "3 parameter"),
        ({"ansatz": efficient_su2(1)}, ClassifierError, "1 qubit"),
        ({"readout": "vote"}, ClassifierError, "parity"),
        ({"loss": "hinge"}, ClassifierError, "cross-entropy"),
        ({"engine": "statevector"}, ClassifierError, "StatevectorSimulator"),
        ({"optimizer": "adam"}, ClassifierError, "Adam"),
        ({"shots": 0}, ClassifierError, "shots"),
        ({"batch_size": 0}, ClassifierError, "batch_size"),
        ({"initial_point": [1.0, 2.0]}, ClassifierError, "16 finite weights"),
        ({"feature_range": (1.0, 0.0)}, ClassifierError, "feature_range"),
        ({"bandwidth": 0.0}, ClassifierError, "bandwidth"),
        ({"n_qubits": 0}, ClassifierError, "n_qubits"),
        ({"ansatz_reps": 0}, ClassifierError, "repetition"),
        ({"class_weight": "heavy"}, ValueError, "balanced"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_training(settings, error, message, moons):
    with pytest.raises(error, match=message):
        VariationalClassifier(**settings).fit(*moons)


def test_circuits_that_measure_or_need_numbers_are_refused(moons):
    measuring = zz_feature_map(2)
    measuring.measure_all()
    with pytest.raises(ClassifierError, match="measure"):
        VariationalClassifier(feature_map=measuring).fit(*moons)
    fixed = QuantumCircuit(2)
    fixed.rx(Parameter("a"), 0)
    with pytest.raises(ClassifierError, match="1 parameter"):
        VariationalClassifier(feature_map=fixed).fit(*moons)


def test_a_progress_bar_comes_only_when_asked_for(moons, capsys):
    VariationalClassifier(optimizer=QUICK, random_state=0).fit(*moons)
    assert capsys.readouterr().out == ""
    VariationalClassifier(optimizer=QUICK, random_state=0, verbose=1).fit(*moons)
    assert "loss" in capsys.readouterr().out
