"""Bridges to qiskit-machine-learning and PennyLane: what they compute, what they count, and scikit-learn's contract."""

import subprocess
import sys

import numpy as np
import pennylane as qml
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_machine_learning.optimizers import COBYLA, OptimizerResult
from qiskit_machine_learning.utils import algorithm_globals
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from qvar.classify import QuantumKernelClassifier
from qvar.classify.bridges import PennyLaneClassifier, QiskitQSVC, QiskitVQC
from qvar.simulators import NoiseModel, PauliTransferSimulator
from qvar.simulators.errors import ClassifierError
from tests.classify.oracle import feature_states, probability_of_one

NOISE = NoiseModel.from_numbers(p1=0.02, p2=0.08)


def stays(fun, x0, jac=None, bounds=None):
    """An optimizer that looks once and goes nowhere."""
    result = OptimizerResult()
    result.x, result.fun = x0, fun(x0)
    return result


SMALL_VQC = {"feature_map": "angle", "feature_map_reps": 1, "ansatz": "real_amplitudes", "ansatz_reps": 1}


@parametrize_with_checks(
    [
        PennyLaneClassifier(steps=50, learning_rate=0.2),
        QiskitQSVC(feature_map="z_feature_map", feature_map_reps=1),
    ]
)
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


@pytest.mark.slow  # all checks together
@parametrize_with_checks([QiskitVQC(**SMALL_VQC, optimizer=stays)])
def test_scikit_learn_finds_no_fault_in_the_variational_one(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def moons():
    X, y = make_moons(24, noise=0.1, random_state=3)
    order = np.argsort(y, kind="stable").reshape(2, 12).T.ravel()  # classes in turns
    return X[order], y[order]


def test_qiskits_probabilities_are_those_of_textbook_states_read_at_qubit_0():
    rng = np.random.default_rng(11)
    X, theta = rng.uniform(0, 1, (6, 5)), rng.normal(size=40)
    y = np.arange(6) % 2
    model = QiskitVQC(optimizer=stays, initial_point=theta, feature_range=None).fit(X, y)
    bit_0 = np.arange(32) % 2 == 1
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], probability_of_one(X, theta, bit_0), atol=1e-10)
    network = model._vqc.neural_network
    np.testing.assert_allclose(network.forward(X, theta)[:, 1], probability_of_one(X, theta, bit_0), atol=1e-10)
    parity = np.bitwise_count(np.arange(32)) % 2 == 1
    assert np.abs(model.predict_proba(X)[:, 1] - probability_of_one(X, theta, parity)).max() > 0.05


def test_qiskits_kernel_classifier_decides_as_ours():
    X = np.random.default_rng(2).uniform(0, 1, (30, 3))
    for y in ((X[:, 0] > 0.5).astype(int), np.arange(30) % 3):
        theirs, ours = (
            QiskitQSVC(C=2.0, random_state=5).fit(X, y),
            QuantumKernelClassifier(C=2.0, random_state=5).fit(X, y),
        )
        np.testing.assert_allclose(theirs.decision_function(X), ours.decision_function(X), atol=1e-3)  # libsvm's
    states = feature_states(X)
    np.testing.assert_allclose(theirs._kernel(X, None), np.abs(states @ states.conj().T) ** 2, atol=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "evaluations", "gradients"),
    [("COBYLA", 8, 0), (COBYLA(maxiter=8), 8, 0), ("AQGD", 8, 8), ("ADAM", 0, 8)],
)
def test_losses_gradients_and_circuits_are_counted_for_every_optimizer(moons, optimizer, evaluations, gradients):
    X, y = moons
    model = QiskitVQC(**SMALL_VQC, optimizer=optimizer, max_iterations=8, random_state=1).fit(X[:4], y[:4])
    assert len(model.loss_curve_) == model.n_evaluations_ >= evaluations
    assert model.n_gradients_ == gradients
    shifts = 2 * 4 * len(model.weights_)  # both ways, 4 rows
    forward = model.n_circuits_ - gradients * shifts
    assert forward % 4 == 0
    assert forward // 4 >= max(evaluations, gradients)


def test_stochastic_optimizers_are_seeded_and_leave_the_global_seed_alone(moons):
    X, y = moons
    algorithm_globals.random_seed = 99
    settings = {**SMALL_VQC, "optimizer": "SPSA", "max_iterations": 2}
    first, again, other = (QiskitVQC(**settings, random_state=s).fit(X[:4], y[:4]).weights_ for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert algorithm_globals.random_seed == 99
    algorithm_globals.random_seed = None


def test_training_reduces_the_loss_and_more_classes_are_all_reachable(moons):
    X, y = moons
    model = QiskitVQC(**SMALL_VQC, feature_range=(0, np.pi), max_iterations=25, random_state=3).fit(X, y)
    assert min(model.loss_curve_) < model.loss_curve_[0] - 0.1
    assert model.score(X, y) > 0.7
    three = QiskitVQC(**SMALL_VQC, optimizer=stays, random_state=3).fit(X[:6], ["a", "b", "c"] * 2)
    p = three.predict_proba(X)
    assert p.shape == (24, 3)
    assert (p > 1e-3).any(axis=0).all()


def test_our_engines_and_any_sampler_train_it(moons):
    X, y = moons[0][:6], moons[1][:6]
    settings = {**SMALL_VQC, "optimizer": stays, "random_state": 4}
    exact = QiskitVQC(**settings).fit(X, y).predict_proba(X)
    for extra in ({"shots": 4096}, {"sampler": StatevectorSampler(default_shots=4096, seed=1)}):
        assert np.abs(QiskitVQC(**settings, **extra).fit(X, y).predict_proba(X) - exact).max() < 0.05
    noisy = QiskitVQC(**settings, engine=PauliTransferSimulator(NOISE), shots=2**16).fit(X, y)
    p = noisy.predict_proba(X)
    assert np.array_equal(p, noisy.predict_proba(X))
    assert np.abs(p - 0.5).mean() < np.abs(exact - 0.5).mean()
    with pytest.raises(ClassifierError, match="either it or these"):
        QiskitVQC(**settings, sampler=StatevectorSampler(), shots=100).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "Rotosolve"}, "no optimizer 'Rotosolve'"),
        ({"optimizer": 3}, "an optimizer is a name"),
        ({"initial_point": np.zeros(3)}, "has 4 weights, the start point has shape"),
    ],
)
def test_settings_that_qiskit_would_trip_over_are_refused(moons, settings, message):
    with pytest.raises(ClassifierError, match=message):
        QiskitVQC(**{**SMALL_VQC, **settings}).fit(moons[0][:4], moons[1][:4])


@pytest.mark.parametrize("embedding", ["angle", "iqp"])
def test_pennylane_trains_alike_on_its_own_device_and_on_ours(moons, embedding):
    X, y = moons[0][:6], moons[1][:6]
    settings = {"embedding": embedding, "n_layers": 1, "steps": 3, "random_state": 2}
    theirs = PennyLaneClassifier(**settings).fit(X, y)
    ours = PennyLaneClassifier(**settings, device="qvar.ptm").fit(X, y)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, atol=1e-10)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)
    noisy = PennyLaneClassifier(**settings, device=lambda n: qml.device("qvar.ptm", wires=n, noise=NOISE)).fit(X, y)
    assert np.abs(noisy.predict_proba(X) - theirs.predict_proba(X)).max() > 1e-3


def test_a_pennylane_circuit_learns_and_shuffled_labels_do_not_generalize(moons):
    X, y = make_moons(120, noise=0.1, random_state=5)
    model = make_pipeline(StandardScaler(), PennyLaneClassifier(steps=40, learning_rate=0.2, random_state=5))
    assert cross_val_score(model, X, y, cv=2).mean() > 0.8
    shuffled = np.random.default_rng(1).permutation(y)
    assert cross_val_score(model, X, shuffled, cv=2).mean() < 0.65


def test_mini_batches_classes_and_start_points_of_pennylane(moons):
    X, y = moons
    start = np.full((1, 2, 3), 0.3)
    model = PennyLaneClassifier(n_layers=1, steps=4, batch_size=5, initial_point=start, random_state=1)
    first, again = model.fit(X, y).weights_, clone(model).fit(X, y).weights_
    assert np.array_equal(first, again)
    assert not np.array_equal(clone(model).set_params(random_state=2).fit(X, y).weights_, first)
    assert np.array_equal(start, np.full((1, 2, 3), 0.3))
    three = PennyLaneClassifier(n_layers=1, steps=1).fit(X, np.array(["a", "b", "c"])[np.arange(24) % 3])
    np.testing.assert_allclose(three.predict_proba(X).sum(axis=1), 1.0)
    for settings, message in (
        ({"embedding": "basis"}, "embedding is one of"),
        ({"initial_point": np.zeros(2)}, "the weights have shape"),
    ):
        with pytest.raises(ClassifierError, match=message):
            PennyLaneClassifier(**settings).fit(X, y)
    with pytest.raises(ClassifierError, match="5 classes need 3 qubits"):
        PennyLaneClassifier().fit(X, np.arange(24) % 5)


def test_the_bridges_load_nothing_before_they_are_trained():
    code = (
        "import sys; from qvar.classify.bridges import PennyLaneClassifier, QiskitQSVC, QiskitVQC; "
        "PennyLaneClassifier(); QiskitQSVC(); QiskitVQC(); "
        "print([m for m in ('pennylane', 'torch', 'qiskit_machine_learning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
