"""Small data and models for the tests of comparisons."""

import os
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import cloudpickle
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from qvar.classify.comparison import ModelSpec

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # worker processes cannot import the tests


def blobs(n_rows=80, n_classes=2, distance=2.0, seed=0, name="blobs"):
    """Clouds around corners; `distance` in units of their width."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    return SimpleNamespace(name=name, X=rng.normal(size=(n_rows, 2)) + distance * np.eye(n_classes, 2)[y], y=y)


@dataclass
class Cost:
    evaluations: int
    gradients: int
    circuits: int
    shots: int
    seconds: float = 0.0


class StandIn(ClassifierMixin, BaseEstimator):
    """Counts and keeps a course as quantum models do; learns as logistic regression."""

    def __init__(self, steps=5, random_state=None):
        self.steps = steps
        self.random_state = random_state

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        self.loss_curve_ = list(
            np.random.default_rng(self.random_state).random(self.steps) / np.arange(1, self.steps + 1)
        )
        self.n_iter_ = self.steps
        self.cost_ = Cost(3 * self.steps, 0, 3 * self.steps * len(X), 0)
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class Trouble(ClassifierMixin, BaseEstimator):
    """Fails, or dies with its process, when the seed is the fatal one."""

    def __init__(self, seed=0, fatal=1, how="raise"):
        self.seed = seed
        self.fatal = fatal
        self.how = how

    def fit(self, X, y):
        if self.seed == self.fatal and self.how == "raise":
            raise RuntimeError("no <b>luck</b>\ntoday")
        if self.seed == self.fatal:
            time.sleep(0.3)
            os._exit(9)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def stand_in(**settings):
    return ModelSpec("vqc-stand-in", "quantum", lambda seed: StandIn(random_state=seed, **settings), {"steps": [3, 4]})


def trouble(**settings):
    return ModelSpec("trouble", "quantum", lambda seed: Trouble(seed=seed, **settings))


def without_times(record):
    return {name: value for name, value in record.items() if name != "seconds"}
