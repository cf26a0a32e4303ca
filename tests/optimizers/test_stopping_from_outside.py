"""An objective may end any minimization by an exception of its own, at any call: callbacks and budgets do."""

import nlopt
import numpy as np
import pytest

from qvar.optimizers import AQGD, LBFGS, SPSA, Adam, AdamSPSA, Cobyla, CompactLBFGS, QuantumNaturalGradient, Rotosolve
from tests.optimizers.objectives import Recording, exact

OPTIMIZERS = {
    "cobyla": Cobyla(),
    "l-bfgs": LBFGS(),
    "compact l-bfgs": CompactLBFGS(),
    "adam": Adam(),
    "aqgd": AQGD(),
    "aqgd, loss shift": AQGD(gradient="loss-shift"),
    "natural gradient": QuantumNaturalGradient(),
    "rotosolve": Rotosolve(),
    "spsa": SPSA(),
    "adam-spsa": AdamSPSA(),
    "adam-spsa, stages": AdamSPSA(stages=((4, None), (200, None))),
}


class StopTrainingError(Exception):
    """Not one of qvar."""


class Quit(BaseException):
    """Not even an error."""


# those that NLopt, SciPy and iteration give a meaning to, and some that they do not know
REASONS = (StopTrainingError, Quit, StopIteration, KeyboardInterrupt, FloatingPointError, ValueError, RuntimeError)
NLOPTS = (nlopt.ForcedStop, nlopt.RoundoffLimited)


class Stopping(Recording):
    """Raise at one call, whatever is called, and count the calls."""

    def __init__(self, objective, reason, at):
        super().__init__(objective)
        self.reason, self.at, self.calls = reason, at, 0

    def count(self):
        self.calls += 1
        if self.calls >= self.at:
            raise self.reason

    def __call__(self, theta):
        self.count()
        return self.objective(theta)

    def value_and_gradient(self, theta):
        self.count()
        return self.objective.value_and_gradient(theta)

    def batch(self, thetas):
        self.count()
        return self.objective.batch(thetas)

    def metric(self, theta):
        self.count()
        return self.objective.metric(theta)


@pytest.mark.parametrize("at", [1, 2, 7])
@pytest.mark.parametrize("kind", REASONS + NLOPTS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_exception_comes_through_unchanged_and_nothing_is_asked_after_it(optimizer, kind, at):
    reason = kind("enough")
    objective = Stopping(exact(), reason, at)
    with pytest.raises(kind) as caught:
        optimizer.minimize(objective, [0.4, 0.3, -0.2, 0.1], np.random.default_rng(0))
    assert caught.value is reason
    assert caught.value.__cause__ is None
    assert objective.calls == at


def test_the_last_call_of_a_minimization_can_be_stopped_too():
    for optimizer in OPTIMIZERS.values():
        counting = Stopping(exact(), None, np.inf)
        optimizer.minimize(counting, [0.4, 0.3, -0.2, 0.1], np.random.default_rng(0))
        objective = Stopping(exact(), StopTrainingError("enough"), counting.calls)
        with pytest.raises(StopTrainingError):
            optimizer.minimize(objective, [0.4, 0.3, -0.2, 0.1], np.random.default_rng(0))
        assert objective.calls == counting.calls
