"""scikit-learn's own conformance suite, and the tools around it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from qvar.classify import DataReuploadingClassifier, VariationalClassifier
from qvar.classify.readout import Parity
from qvar.optimizers import LBFGS, Adam


@parametrize_with_checks(
    [
        VariationalClassifier(random_state=0),
        DataReuploadingClassifier(random_state=0),
    ]
)
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:A worker stopped")  # loky starts one anew that has grown; an error would hang it
def test_grid_search_pipelines_and_cross_validation_work():
    X, y = make_moons(60, noise=0.1, random_state=7)
    model = VariationalClassifier(optimizer=Adam(20, displacement=0.0), random_state=7)
    pipeline = make_pipeline(StandardScaler(), model)
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.7
    grid = {"variationalclassifier__bandwidth": [0.01, 1.0], "variationalclassifier__readout": ["parity", "one-qubit"]}
    found = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert found.best_params_["variationalclassifier__bandwidth"] == 1.0
    assert found.best_score_ > 0.7


def test_a_clone_has_the_same_settings_and_no_memory():
    model = VariationalClassifier(readout=Parity(), optimizer=LBFGS(max_iterations=3), random_state=1)
    X, y = make_moons(20, random_state=1)
    copy = clone(model.fit(X, y))
    assert not hasattr(copy, "weights_")
    assert np.array_equal(copy.fit(X, y).weights_, model.weights_)


def test_classes_may_have_any_names():
    X, y = make_moons(40, noise=0.1, random_state=3)
    names = np.array(["good", "bad"], dtype=object)[y]
    model = VariationalClassifier(random_state=7).fit(X, names)
    assert list(model.classes_) == ["bad", "good"]
    assert model.score(X, names) > 0.7
    numbers = VariationalClassifier(random_state=7).fit(X, 1 - y)
    assert np.array_equal(model.predict_proba(X), numbers.predict_proba(X))


@pytest.mark.parametrize("kind", [VariationalClassifier, DataReuploadingClassifier])
def test_the_same_seed_gives_the_same_model_and_another_seed_another(kind):
    X, y = make_moons(30, noise=0.1, random_state=3)
    first, again, other = (
        kind(optimizer=Adam(5, displacement=0.0), random_state=seed).fit(X, y).weights_ for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
