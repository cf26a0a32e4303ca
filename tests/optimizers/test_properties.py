"""What holds for every optimizer on any smooth periodic function: never above the start, honest counts, symmetries.

The functions are random trigonometric polynomials, with minima, maxima and saddles that nobody chose.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.optimizers import AQGD, LBFGS, SPSA, Adagrad, Adam, AdamSPSA, Cobyla, CompactLBFGS, Rotosolve

DESCENTS = {
    "cobyla": Cobyla(max_evaluations=60),
    "l-bfgs": LBFGS(max_iterations=15),
    "compact l-bfgs": CompactLBFGS(max_iterations=15),
    "adagrad": Adagrad(max_iterations=25),
    "adam": Adam(max_iterations=25),
}
"""Those that return the best point they have seen, or the start."""
BY_GRADIENT = {name: DESCENTS[name] for name in ("l-bfgs", "compact l-bfgs", "adagrad", "adam")}
OTHERS = {
    "aqgd": AQGD(max_iterations=8),
    "rotosolve": Rotosolve(max_sweeps=2),
    "spsa": SPSA(max_evaluations=40, calibration=4),
    "adam-spsa": AdamSPSA(max_evaluations=40),
}
functions = given(st.integers(1, 4), st.integers(0, 2**32 - 1))


class Waves:
    """f(x) = sum_k a_k prod_j cos(n_kj x_j - c_kj), n_kj 0 or 1: an expectation value's dependence on its angles."""

    shots, shots_per_evaluation, evaluations_per_gradient = None, 0, 1

    def __init__(self, n_parameters, seed):
        rng = np.random.default_rng(seed)
        self.n_parameters, self.calls, self.gradients = n_parameters, 0, 0
        self._waves = rng.integers(0, 2, size=(6, n_parameters))
        self._phases = np.where(self._waves, rng.uniform(-np.pi, np.pi, size=(6, n_parameters)), 0.0)
        self._heights = rng.normal(size=6)
        self.start = rng.uniform(-np.pi, np.pi, size=n_parameters)

    def value(self, x):
        return float(self._heights @ np.cos(self._waves * x - self._phases).prod(axis=1))

    def slope(self, x):
        inner = self._waves * x - self._phases
        by_angle = [np.delete(np.cos(inner), j, axis=1).prod(axis=1) * np.sin(inner[:, j]) for j in range(len(x))]
        return np.array([-self._heights @ (self._waves[:, j] * s) for j, s in enumerate(by_angle)])

    def __call__(self, x):
        self.calls += 1
        return self.value(np.asarray(x))

    def value_and_gradient(self, x):
        self.gradients += 1
        return self.value(np.asarray(x)), self.slope(np.asarray(x))

    def batch(self, points):
        self.calls += len(points)
        return np.array([self.value(x) for x in np.asarray(points)])

    def with_order(self, order):
        """Return the same function of its angles in another order."""
        other = object.__new__(type(self))
        other.__dict__ = self.__dict__ | {"_waves": self._waves[:, order], "_phases": self._phases[:, order]}
        other.start = self.start[order]
        return other


def minimized(optimizer, function, start=None, seed=0):
    return optimizer.minimize(function, function.start if start is None else start, np.random.default_rng(seed))


@settings(max_examples=15)
@functions
def test_the_slope_of_the_test_functions_is_right(n_parameters, seed):
    function, h = Waves(n_parameters, seed), 1e-5
    steps = h * np.eye(n_parameters)
    by_difference = [(function.value(function.start + e) - function.value(function.start - e)) / (2 * h) for e in steps]
    assert function.slope(function.start) == pytest.approx(by_difference, abs=1e-8)


@pytest.mark.parametrize("optimizer", DESCENTS.values(), ids=DESCENTS)
@settings(max_examples=25)
@functions
def test_the_end_is_never_above_the_start(optimizer, n_parameters, seed):
    function = Waves(n_parameters, seed)
    outcome = minimized(optimizer, function)
    assert outcome.value <= function.value(function.start) + 1e-12
    assert outcome.value == pytest.approx(function.value(outcome.parameters), abs=1e-12)
    assert outcome.value <= min(outcome.history) + 1e-12


@settings(max_examples=25)
@functions
def test_sweeps_of_rotosolve_never_end_above_the_start(n_parameters, seed):
    function = Waves(n_parameters, seed)
    assert minimized(OTHERS["rotosolve"], function).value <= function.value(function.start) + 1e-12


@pytest.mark.parametrize("optimizer", [*DESCENTS.values(), *OTHERS.values()], ids=[*DESCENTS, *OTHERS])
@settings(max_examples=10)
@functions
def test_counts_are_those_of_the_function_itself(optimizer, n_parameters, seed):
    function = Waves(n_parameters, seed)
    outcome = minimized(optimizer, function)
    assert (outcome.evaluations, outcome.gradients) == (function.calls, function.gradients)
    assert outcome.shots == 0
    assert np.isfinite(outcome.history).all()


@pytest.mark.parametrize("optimizer", BY_GRADIENT.values(), ids=BY_GRADIENT)
@settings(max_examples=10)
@functions
def test_whole_turns_of_the_start_change_nothing(optimizer, n_parameters, seed):
    """Only the first values are compared: rounding grows along a path, and a line search may amplify it at once."""
    function = Waves(n_parameters, seed)
    turns = 2 * np.pi * np.random.default_rng(seed).integers(-2, 3, size=n_parameters)
    here, there = minimized(optimizer, function), minimized(optimizer, function, function.start + turns)
    assert there.history[:4] == pytest.approx(here.history[:4], abs=1e-6)


@pytest.mark.parametrize("optimizer", BY_GRADIENT.values(), ids=BY_GRADIENT)
@settings(max_examples=10)
@functions
def test_the_order_of_the_angles_changes_nothing(optimizer, n_parameters, seed):
    function = Waves(n_parameters, seed)
    order = np.random.default_rng(seed).permutation(n_parameters)
    here, there = minimized(optimizer, function), minimized(optimizer, function.with_order(order))
    assert there.history[:4] == pytest.approx(here.history[:4], abs=1e-6)


def test_negative_control_a_function_that_counts_wrongly_is_noticed():
    function = Waves(2, 3)
    outcome = minimized(DESCENTS["cobyla"], function)
    function(function.start)
    assert outcome.evaluations != function.calls
