"""Losses and their derivatives."""

import numpy as np
import pytest

from qvar.classify.loss import CrossEntropy, Linear, SquaredError, find_loss
from qvar.simulators.errors import ClassifierError


@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredError(), Linear()])
def test_slopes_are_those_of_finite_differences(loss):
    rng = np.random.default_rng(2)
    p, targets = rng.uniform(0.2, 0.8, size=(5, 3)), np.eye(3)[[0, 1, 2, 1, 0]]
    step = 1e-6
    for c in range(3):
        moved = p.copy()
        moved[:, c] += step
        slope = (loss.values(moved, targets) - loss.values(p, targets)) / step
        assert np.allclose(loss.slopes(p, targets)[:, c], slope, atol=1e-4)


def test_cross_entropy_is_in_nats_and_its_slope_is_not_that_of_a_softmax():
    p, target = np.array([[0.3, 0.7]]), np.array([[0.0, 1.0]])
    assert CrossEntropy().values(p, target) == pytest.approx(-np.log(0.7))
    assert CrossEntropy().slopes(p, target) == pytest.approx(np.array([[0.0, -1 / 0.7]]))


def test_the_squared_error_of_two_classes_is_that_of_the_probability_of_one():
    p, target = np.array([[0.3, 0.7]]), np.array([[0.0, 1.0]])
    assert SquaredError().values(p, target) == pytest.approx(0.09)


def test_a_class_never_seen_costs_what_the_clip_says():
    p, target = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert CrossEntropy().values(p, target) == pytest.approx(12 * np.log(10))
    assert CrossEntropy(clip=0.005).values(p, target) == pytest.approx(np.log(200))


def test_unknown_losses_and_clips_are_refused():
    for make in (lambda: find_loss("hinge"), lambda: find_loss(1), lambda: CrossEntropy(clip=0.0)):
        with pytest.raises(ClassifierError):
            make()
    assert find_loss("linear") == Linear()
