"""Data sets by name, scikit-learn's sets, and what every data set promises."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets as sklearn_datasets

from qvar.classify.comparison.plan import fingerprint
from qvar.classify.datasets import DATASETS, Dataset, load_bundled, load_dataset
from qvar.simulators.errors import DatasetError

WITHOUT_FILES = [name for name in DATASETS if name != "restaurant-reviews"]


def dataset(**changes):
    fields = {
        "name": "two",
        "X": np.array([[0.0], [1.0]]),
        "y": np.array([0, 1]),
        "target_names": ("no", "yes"),
        "feature_names": ("x",),
        "source": "by hand",
        "citation": "",
        "licence": "",
    }
    return Dataset(**fields | changes)


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_every_set_has_rows_of_every_class_a_source_and_a_recipe_that_makes_it_again(name):
    data = load_dataset(name)
    assert data.name == name
    assert data.X.dtype == np.float64
    assert np.bincount(data.y).min() > 0
    assert len(data.feature_names) == data.X.shape[1]
    assert data.source
    assert data.citation
    assert data.licence
    assert data.recipe
    again = load_dataset(name)
    assert fingerprint(again) == fingerprint(data)
    assert np.array_equal(again.X, data.X)


@pytest.mark.parametrize("name", WITHOUT_FILES[4:])
def test_the_recipe_of_a_synthetic_set_is_a_call_that_returns_its_rows(name):
    import qvar.classify.datasets as module

    data = load_dataset(name, n_samples=40, random_state=3)
    X, y = eval(data.recipe, vars(module))
    assert "random_state=3" in data.recipe
    assert np.array_equal(X, data.X)
    assert np.array_equal(y, data.y)


def test_another_seed_gives_other_rows_and_another_digest():
    assert fingerprint(load_dataset("two-curves")) != fingerprint(load_dataset("two-curves", random_state=1))


def test_a_set_of_scikit_learn_arrives_unchanged():
    data, theirs = load_dataset("wine"), sklearn_datasets.load_wine()
    assert np.array_equal(data.X, theirs.data)
    assert np.array_equal(data.y, theirs.target)
    assert data.feature_names == tuple(theirs.feature_names)


def test_chosen_classes_become_0_and_1_in_the_order_given():
    theirs = sklearn_datasets.load_digits()
    data = load_bundled("digits", classes=(5, 3))
    assert data.name == "digits-5-3"
    assert data.target_names == ("5", "3")
    assert np.array_equal(data.X[data.y == 0], theirs.data[theirs.target == 5])
    assert np.array_equal(data.X[data.y == 1], theirs.data[theirs.target == 3])
    assert fingerprint(load_dataset("digits-5-3")) == fingerprint(data)


@pytest.mark.parametrize("classes", [(0,), (0, 0), (0, 3)])
def test_classes_that_the_set_does_not_have_are_refused(classes):
    with pytest.raises(DatasetError, match="0 to 2"):
        load_bundled("iris", classes=classes)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("two_curves", "two-curves"),
        ("hidden-manifolds", "hidden-manifold"),
        ("Restaurant-Review", "restaurant-reviews"),
    ],
)
def test_an_unknown_name_is_answered_with_all_names_and_the_nearest(name, near):
    with pytest.raises(DatasetError, match=f"did you mean '{near}'") as raised:
        load_dataset(name)
    assert all(known in str(raised.value) for known in DATASETS)


def test_an_unknown_option_is_answered_with_those_there_are():
    with pytest.raises(DatasetError, match="no option colour; it has n_samples, n_features, margin, random_state"):
        load_dataset("linearly-separable", colour=1)
    with pytest.raises(DatasetError, match="already"):
        load_dataset("digits-3-5", classes=(1, 2))
    with pytest.raises(DatasetError, match="whole number"):
        load_dataset("two-curves", random_state=np.random.default_rng(1))


def test_rows_and_labels_cannot_be_written_to_and_do_not_follow_the_callers_array():
    X = np.array([[0.0], [1.0]])
    data = dataset(X=X)
    X[0, 0] = 7.0
    assert data.X[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        data.X[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        data.y[0] = 1


@pytest.mark.parametrize(
    "changes",
    [
        {"X": np.zeros(2)},
        {"y": np.array([0, 1, 1])},
        {"y": np.array([0, 0])},
        {"y": np.array([-1, 1])},
        {"X": np.array([[0.0], [np.nan]])},
        {"feature_names": ("a", "b")},
        {"X": np.array(["a", 1], dtype=object), "feature_names": ()},
    ],
)
def test_rows_labels_and_names_that_do_not_fit_are_refused(changes):
    with pytest.raises(DatasetError):
        dataset(**changes)


def test_the_digest_of_rows_tells_texts_labels_and_their_order_apart():
    def texts(rows, labels):
        return fingerprint(dataset(X=np.array(rows, dtype=object), y=np.array(labels), feature_names=()))

    digests = {
        texts(["a", "b"], [0, 1]),
        texts(["b", "a"], [0, 1]),
        texts(["a", "b"], [1, 0]),
        texts(["a", "b "], [0, 1]),
    }
    assert len(digests) == 4


def test_looking_at_the_catalogue_does_not_load_scikit_learn():
    code = "import sys, qvar.classify.datasets; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
