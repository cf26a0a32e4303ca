"""The quantum kernel classifier: its kernels by other routes, scikit-learn's contract, shots, noise and devices."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, partial_trace
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from sklearn.base import clone
from sklearn.datasets import make_circles, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from qvar.classify import QuantumKernelClassifier, storage
from qvar.classify.calibration import fitted_scale, probabilities
from qvar.classify.circuits import feature_map_circuit
from qvar.classify.feature_states import FeatureStates
from qvar.classify.kernel_shots import KernelShots
from qvar.simulators import AerSimulator, NoiseModel, PauliTransferSimulator, ReadoutError, StatevectorSimulator
from qvar.simulators.errors import ClassifierError, NoiseModelError
from tests.classify.oracle import feature_states

NOISE = NoiseModel.from_numbers(p1=0.02, p2=0.08)


@parametrize_with_checks(
    [
        QuantumKernelClassifier(random_state=0),
        QuantumKernelClassifier(kernel="projected", feature_map="z_feature_map", random_state=0),
        QuantumKernelClassifier(shots=50, feature_map="z_feature_map", random_state=0),
    ]
)
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def three_classes():
    rng = np.random.default_rng(5)
    X = rng.uniform(0, 1, (90, 3))
    return X, np.array(["low", "mid", "top"])[(X.sum(axis=1) > 1.2).astype(int) + (X.sum(axis=1) > 1.7)]


def aer_density_matrices(circuit, X, noise):
    from qiskit import transpile
    from qiskit_aer import AerSimulator as Aer

    backend = Aer(method="density_matrix", noise_model=noise.to_aer())
    result = []
    for row in X:
        bound = circuit.assign_parameters(row)
        bound.save_density_matrix()
        run = backend.run(transpile(bound, backend, optimization_level=0))
        result.append(np.asarray(run.result().data()["density_matrix"]))
    return np.array(result)


def test_the_fidelity_kernel_is_the_squared_overlap_of_textbook_states():
    X = np.random.default_rng(1).uniform(0, 1, (30, 4))
    model = QuantumKernelClassifier(feature_range=None, bandwidth=1.5).fit(X, np.arange(30) % 2)
    states = feature_states(1.5 * X)
    expected = np.abs(states @ states.conj().T) ** 2
    np.testing.assert_allclose(model.kernel_matrix(X), expected, atol=1e-12)
    np.testing.assert_allclose(model.kernel_matrix(X[:7], X[7:]), expected[:7, 7:], atol=1e-12)
    plain = QuantumKernelClassifier(feature_range=None).fit(X, np.arange(30) % 2)
    assert not np.allclose(plain.kernel_matrix(X), expected, atol=1e-3)  # the bandwidth matters


def test_noisy_kernels_are_traces_of_aers_density_matrices():
    X = np.random.default_rng(2).uniform(0, 1, (8, 3))
    y = np.arange(8) % 2
    circuit = feature_map_circuit("angle", 3)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    settings = {"feature_map": circuit, "feature_range": None, "engine": PauliTransferSimulator(NOISE)}
    rho = aer_density_matrices(circuit, X, NOISE)
    traces = np.einsum("aij,bji->ab", rho, rho).real
    model = QuantumKernelClassifier(**settings).fit(X, y)
    np.testing.assert_allclose(model.kernel_matrix(X), traces, atol=1e-10)
    purity = np.sqrt(np.diag(traces))
    model = QuantumKernelClassifier(**settings, normalized=True).fit(X, y)
    np.testing.assert_allclose(model.kernel_matrix(X), traces / np.outer(purity, purity), atol=1e-10)
    model = QuantumKernelClassifier(**settings, kernel="projected", gamma=0.7).fit(X, y)
    np.testing.assert_allclose(model.kernel_matrix(X), projected(rho, 0.7), atol=1e-10)


def projected(rho, gamma):
    n = int(np.log2(rho.shape[1]))
    distance = 0.0
    for q in range(n):
        others = [k for k in range(n) if k != q]
        one = np.array([partial_trace(DensityMatrix(r), others).data for r in rho])
        distance = distance + (np.abs(one[:, None] - one[None]) ** 2).sum(axis=(2, 3))
    return np.exp(-gamma * distance)


def test_the_projected_kernel_is_that_of_partial_traces():
    X = np.random.default_rng(3).uniform(0, 1, (10, 3))
    states = feature_states(X)
    rho = states[:, :, None] * states[:, None, :].conj()
    model = QuantumKernelClassifier(kernel="projected", gamma=2.0, feature_range=None).fit(X, np.arange(10) % 2)
    np.testing.assert_allclose(model.kernel_matrix(X), projected(rho, 2.0), atol=1e-12)


def test_read_out_error_shrinks_one_qubit_states_and_leaves_fidelities_alone():
    X = np.random.default_rng(4).uniform(0, 1, (6, 2))
    noise = NoiseModel("read-out only", default_readout=ReadoutError(0.1, 0.2), strict=False)
    circuit = feature_map_circuit("zz_feature_map", 2)
    exact = FeatureStates(circuit, StatevectorSimulator())
    noisy = FeatureStates(circuit, PauliTransferSimulator(noise))
    np.testing.assert_allclose(
        noisy.one_qubit_letters(X), 0.7 * exact.one_qubit_letters(X) + 0.1, atol=1e-12
    )  # 1 - p01 - p10, and p10 - p01
    states = exact.states(X)
    np.testing.assert_allclose(
        noisy.states(X) @ noisy.states(X).T / 4, np.abs(states @ states.conj().T) ** 2, atol=1e-12
    )


def test_decisions_are_those_of_scikit_learns_machine(three_classes):
    X, names = three_classes
    for y in (names, names == "mid"):
        model = QuantumKernelClassifier(C=3.0, class_weight="balanced").fit(X[:60], y[:60])
        peer = SVC(kernel="precomputed", C=3.0, class_weight="balanced", break_ties=True)
        peer.fit(model.kernel_matrix(X[:60]), y[:60])
        kernel = model.kernel_matrix(X[60:], X[:60])
        np.testing.assert_allclose(model.decision_function(X[60:]), peer.decision_function(kernel), atol=1e-10)
        assert np.array_equal(model.predict(X[60:]), peer.predict(kernel))
        assert np.array_equal(model.n_support_, peer.n_support_)
        assert model.score(X[60:], y[60:]) > 0.7


def test_probabilities_never_contradict_predictions(three_classes):
    X, names = three_classes
    for y in (names, names == "top"):
        model = QuantumKernelClassifier(random_state=1).fit(X, y)
        p = model.predict_proba(X)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        assert np.array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))


def test_the_scale_of_probabilities_is_found_again():
    rng = np.random.default_rng(6)
    for decisions in (rng.normal(size=20000), rng.normal(size=(20000, 3))):
        p = probabilities(decisions, 1.7)
        codes = (rng.random(len(p))[:, None] > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
        assert fitted_scale(decisions, codes) == pytest.approx(1.7, rel=0.05)
        assert fitted_scale(decisions, rng.permutation(codes)) < 0.1  # nothing to be sure of


def test_grid_search_pipelines_and_cross_validation_work():
    X, y = make_circles(60, noise=0.05, factor=0.4, random_state=7)
    pipeline = make_pipeline(StandardScaler(), QuantumKernelClassifier(bandwidth=2.0, random_state=7))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.9
    grid = {"quantumkernelclassifier__bandwidth": [0.01, 2.0], "quantumkernelclassifier__kernel": ["fidelity"]}
    found = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss").fit(X, y)
    assert found.best_params_["quantumkernelclassifier__bandwidth"] == 2.0
    rng = np.random.default_rng(7)
    shuffled = [cross_val_score(pipeline, X, rng.permutation(y), cv=3).mean() for _ in range(6)]
    assert np.mean(shuffled) < 0.65


@pytest.mark.parametrize("kernel", ["fidelity", "projected"])
def test_shots_are_seeded_per_row_and_average_to_the_exact_kernel(kernel):
    X, y = make_moons(40, noise=0.1, random_state=3)
    settings = {"kernel": kernel, "feature_range": (0, 2), "gamma": 1.0}
    model = QuantumKernelClassifier(**settings, shots=200, random_state=1).fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    whole = model.decision_function(X)
    np.testing.assert_allclose(model.decision_function(X[order]), whole[order], atol=1e-12)
    np.testing.assert_allclose(model.decision_function(X[5:6]), whole[5:6], atol=1e-12)
    assert np.array_equal(clone(model).fit(X, y).decision_function(X), whole)
    other = QuantumKernelClassifier(**settings, shots=200, random_state=2).fit(X, y)
    assert not np.allclose(other.decision_function(X), whole)
    exact = QuantumKernelClassifier(**settings).fit(X, y).decision_function(X)
    many = QuantumKernelClassifier(**settings, shots=10**7, random_state=1).fit(X, y).decision_function(X)
    assert np.abs(many - exact).max() < 0.02 < np.abs(whole - exact).max()


@pytest.mark.parametrize(("is_noisy", "variance"), [(False, 0.21), (True, 0.91)])
def test_a_fidelity_of_shots_scatters_as_its_circuit_does(is_noisy, variance):
    """p (1 - p) for the frequency of all zeros, 1 - F**2 for the mean sign of a swap test."""
    shots = KernelShots(100, seed=1, is_noisy=is_noisy)
    drawn = shots.of_rows(np.full((400, 100), 0.3), np.arange(400.0)[:, None])
    assert drawn.mean() == pytest.approx(0.3, abs=0.003)
    assert drawn.var() * 100 == pytest.approx(variance, rel=0.03)


def test_a_device_takes_the_feature_map_only_after_transpilation():
    X, y = make_moons(16, noise=0.1, random_state=3)
    X = np.column_stack([X, X[:, 0] * X[:, 1]])  # qubits 0 and 2 are not coupled
    backend = FakeManilaV2()
    noise = NoiseModel.from_backend(backend)
    passes = generate_preset_pass_manager(
        1, backend=backend, initial_layout=[3, 2, 4], seed_transpiler=1, approximation_degree=1.0
    )
    with pytest.raises(NoiseModelError, match="couple"):
        QuantumKernelClassifier(engine=PauliTransferSimulator(noise)).fit(X, y)
    ideal = QuantumKernelClassifier().fit(X, y)
    moved = clone(ideal).set_params(pass_manager=passes).fit(X, y)
    np.testing.assert_allclose(moved.kernel_matrix(X), ideal.kernel_matrix(X), atol=1e-10)
    noisy = QuantumKernelClassifier(engine=PauliTransferSimulator(noise), pass_manager=passes).fit(X, y)
    difference = np.abs(noisy.kernel_matrix(X) - ideal.kernel_matrix(X))
    assert 0.01 < difference.max() < 0.5
    assert noisy.score(X, y) >= 0.8


def test_a_file_holds_the_whole_classifier(tmp_path, three_classes):
    X, y = three_classes
    for settings in ({}, {"kernel": "projected", "shots": 100}, {"engine": PauliTransferSimulator(NOISE)}):
        model = QuantumKernelClassifier(**settings, feature_map="z_feature_map", random_state=3).fit(X, y)
        model.save(tmp_path / "model.json")
        loaded = QuantumKernelClassifier.load(tmp_path / "model.json")
        np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-12)
        assert np.array_equal(loaded.predict(X), model.predict(X))


def test_a_device_would_run_a_circuit_per_pair_or_three_per_row():
    X, y = make_moons(20, random_state=3)
    assert QuantumKernelClassifier().fit(X, y).n_circuits_ == 190
    assert QuantumKernelClassifier(kernel="projected").fit(X, y).n_circuits_ == 60


def test_more_features_than_qubits_are_encoded_one_after_another():
    X = np.random.default_rng(2).uniform(0, 1, (10, 4))
    model = QuantumKernelClassifier(feature_map="angle", feature_map_reps=1, n_qubits=2, feature_range=None)
    angles = X[:, :2] + X[:, 2:]  # RY angles on one qubit add up
    half = (angles[:, None] - angles[None]) / 2
    kernel = model.fit(X, np.arange(10) % 2).kernel_matrix(X)
    np.testing.assert_allclose(kernel, (np.cos(half) ** 2).prod(axis=2), atol=1e-12)


def test_ones_own_circuits_and_functions_are_feature_maps():
    X, y = make_moons(20, random_state=3)
    circuit = feature_map_circuit("zz_feature_map", 2)
    expected = QuantumKernelClassifier().fit(X, y).kernel_matrix(X)
    for source in (circuit, lambda n: feature_map_circuit("zz_feature_map", n)):
        model = QuantumKernelClassifier(feature_map=source).fit(X, y)
        np.testing.assert_allclose(model.kernel_matrix(X), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel": "swap"}, "kernel is 'fidelity' or 'projected'"),
        ({"gamma": -1.0}, "gamma is a positive number"),
        ({"gamma": "auto"}, "gamma is a positive number"),
        ({"bandwidth": 0.0}, "bandwidth is a positive number"),
        ({"shots": 0.5}, "shots is a whole number"),
        ({"shots": 10, "normalized": True}, "exact purities"),
        ({"feature_range": (1, 0)}, "feature_range is"),
        ({"feature_map": "rainbow"}, "unknown feature map"),
        ({"feature_map": QuantumCircuit(2)}, "0 parameter"),
        ({"engine": AerSimulator()}, "needs the states themselves, which engine"),
        ({"engine": "aer"}, "needs the states themselves"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_fit(settings, message):
    X, y = make_moons(20, random_state=3)
    with pytest.raises(ClassifierError, match=message):
        QuantumKernelClassifier(**settings).fit(X, y)


def test_states_beyond_memory_are_refused_before_they_are_made():
    features = FeatureStates(feature_map_circuit("angle", 12, n_qubits=12, reps=1), PauliTransferSimulator())
    with pytest.raises(ClassifierError, match="would take 125 GiB of memory"):
        features.states(np.zeros((1000, 12)))


def test_a_file_gives_a_kernel_classifier_no_attributes_but_its_own(tmp_path):
    path = tmp_path / "model.json"
    X = np.linspace(0, 1, 8)[:, None]
    QuantumKernelClassifier(random_state=0).fit(X, np.arange(8) % 2).save(path)
    document = json.loads(path.read_text())
    document["fitted"]["predict"] = 1
    content = {name: document[name] for name in ("class", "parameters", "left_out", "fitted")}
    path.write_text(json.dumps({**document, "sha256": storage._digest(content)}))
    with pytest.raises(ClassifierError, match="predict"):
        QuantumKernelClassifier.load(path)
