"""Ansatz search for a classifier: which rows train, which reward, which judge."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.latent.generation import generate_pool
from qvar.latent.tasks import AnsatzTask, compute_rewards, find_latent_task, wide_space
from qvar.optimizers import Adam
from qvar.simulators import Circuit, Observable, Operation, Slot, StatevectorSimulator
from qvar.simulators.errors import DatasetError, LatentError

QUICK = Adam(max_iterations=8, learning_rate=0.3, displacement=0.0)
MOONS = AnsatzTask("moons", wide_space(4), optimizer=QUICK, most_rows=100)


@pytest.mark.parametrize(("name", "n_classes"), [("iris", 3), ("breast-cancer", 2), ("moons", 2)])
def test_the_parts_do_not_overlap_and_are_scaled_by_the_training_rows_alone(name, n_classes):
    split = find_latent_task(f"ansatz-{name}").split
    parts = (split.X_train, split.y_train), (split.X_validation, split.y_validation), (split.X_test, split.y_test)
    for X, y in parts:
        assert X.shape == (len(y), 4)
        assert set(y) == set(range(n_classes))
    assert np.abs(split.X_train).max() == pytest.approx(1)
    assert split.X_train.min(axis=0) == pytest.approx(-1)
    rows = [{tuple(row) for row in X} for X, _ in parts]
    if name != "iris":  # which holds equal flowers
        assert not rows[0] & rows[1]
        assert not rows[0] & rows[2]
        assert not rows[1] & rows[2]


def ansatz():
    operations = [Operation("ry", (q,), (Slot(q),)) for q in range(4)]
    operations += [Operation("cx", (q + 1, q)) for q in range(3)]
    operations += [Operation("ry", (q,), (Slot(4 + q),)) for q in range(4)]
    operations += [Operation("rz", (q,), (Slot(8 + q),)) for q in range(4)]  # more than ten, to test their order
    return Circuit(4, tuple(operations))


def test_trained_angles_go_back_into_the_circuit_in_their_order():
    start = np.random.default_rng(1).uniform(0, 2 * np.pi, 12)
    result = MOONS.evaluate(ansatz(), start, np.random.default_rng(0))
    split = MOONS.split
    z = Observable.from_terms({"IIIZ": 1.0})
    correct = 0
    for row, label in zip(split.X_validation, split.y_validation, strict=True):
        encoding = tuple(Operation("ry", (q,), (float(np.pi / 2 * row[q]),)) for q in range(4))
        whole = Circuit(4, (*encoding, *ansatz().operations))
        value = StatevectorSimulator().objective(whole, z)(result.theta)
        correct += (value < 0) == (label == 1)
    assert result.reward in (correct / len(split.y_validation), 1 - correct / len(split.y_validation))


def test_training_raises_the_reward_and_shuffled_labels_do_not():
    start = np.random.default_rng(1).uniform(0, 2 * np.pi, 12)
    task = replace(MOONS, optimizer=Adam(max_iterations=40, learning_rate=0.2, displacement=0.0))
    trained = task.evaluate(ansatz(), start, np.random.default_rng(0))
    assert trained.reward > 0.7
    assert task.test_accuracy(ansatz(), trained.theta) > 0.6
    shuffled = replace(MOONS)
    labels = np.random.default_rng(2).permutation(MOONS.split.y_train)
    shuffled.__dict__["split"] = replace(MOONS.split, y_train=labels)
    assert shuffled.evaluate(ansatz(), start, np.random.default_rng(0)).reward < trained.reward


def test_test_rows_have_no_part_in_a_reward():
    start = np.random.default_rng(1).uniform(0, 2 * np.pi, 12)
    changed = replace(MOONS)
    changed.__dict__["split"] = replace(MOONS.split, X_test=-MOONS.split.X_test, y_test=1 - MOONS.split.y_test)
    first, second = (task.evaluate(ansatz(), start, np.random.default_rng(0)) for task in (MOONS, changed))
    assert first.reward == second.reward
    np.testing.assert_array_equal(first.theta, second.theta)


def test_a_likelihood_tells_circuits_of_equal_accuracy_apart():
    pool = generate_pool(MOONS.space, 30, seed=1, n_jobs=1)
    accuracy, likelihood = (compute_rewards(replace(MOONS, measure=m), pool) for m in ("accuracy", "likelihood"))
    assert len(np.unique(likelihood.rewards)) > len(np.unique(accuracy.rewards))
    assert ((likelihood.rewards > 0) & (likelihood.rewards < 1)).all()
    assert (accuracy.calls >= 1).all()


def test_a_circuit_without_angles_is_scored_as_it_is():
    result = MOONS.evaluate(Circuit(4, (Operation("cx", (0, 1)),)), np.empty(0), np.random.default_rng(0))
    assert 0 <= result.reward <= 1
    assert result.theta.shape == (0,)


def test_wrong_settings_are_refused():
    with pytest.raises(LatentError, match="measure"):
        replace(MOONS, measure="loss")
    with pytest.raises(LatentError, match="threshold"):
        replace(MOONS, threshold=0.0)
    with pytest.raises(LatentError, match="qubit"):
        MOONS.evaluate(Circuit(3, ()), np.empty(0), np.random.default_rng(0))
    with pytest.raises(DatasetError, match="moons"):
        _ = replace(MOONS, dataset="irises").split
