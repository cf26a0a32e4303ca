"""A comparison trains every model on the same splits, sees no test row before its time, and hides no failure."""

import os
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from qvar.classify.comparison import (
    Cell,
    ComparisonPlan,
    ModelSpec,
    RepeatedFolds,
    ShuffleSplits,
    compare,
    find_features,
    find_model,
    model_names,
    run_comparison,
)
from qvar.classify.comparison.splits import subset
from qvar.simulators.errors import ClassifierError, RunError

from .comparisons import blobs, stand_in, trouble, without_times

SHORT = ShuffleSplits(3)


def test_splits_are_those_of_scikit_learn_with_one_seed_each():
    data = blobs()
    for i, (train, test) in enumerate(ShuffleSplits(4, 0.25).indices(data.y, seed=7)):
        expected = StratifiedShuffleSplit(n_splits=1, test_size=0.25, random_state=7 + i)
        one, other = next(expected.split(data.X, data.y))
        assert np.array_equal(train, one)
        assert np.array_equal(test, other)
    few, many = ShuffleSplits(2).indices(data.y, 3), ShuffleSplits(5).indices(data.y, 3)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(few, many, strict=False))


def test_repeated_folds_test_every_row_once_in_each_repetition():
    y = blobs(50).y
    splits = RepeatedFolds(5, 3)
    tests = [test for _, test in splits.indices(y, seed=0)]
    assert len(tests) == splits.n_splits == 15
    for r in range(3):
        assert sorted(np.concatenate(tests[5 * r : 5 * r + 5])) == list(range(50))
    assert sorted(tests[0]) != sorted(tests[5])


def test_smaller_training_parts_lie_in_greater_ones_and_keep_the_classes():
    y = np.repeat([0, 1], [60, 20])
    rows = np.arange(80)
    parts = [set(subset(rows, y, size, seed=1)) for size in (4, 20, 40, 80)]
    assert all(a < b for a, b in pairwise(parts))
    assert [sum(y[list(part)]) for part in parts] == [1, 5, 10, 20]
    assert set(subset(rows, y, 20, seed=2)) != parts[1]


def test_one_cell_has_the_numbers_of_a_pipeline_of_scikit_learn():
    data = blobs(distance=1.0)
    result = compare(data, models=["svm", "logistic-regression"], splits=SHORT, seed=4)
    for record in result.records:
        train, test = SHORT.indices(data.y, 4)[record["split"]]
        classifier = {"svm": SVC(random_state=0), "logistic-regression": LogisticRegression()}[record["model"]]
        pipeline = make_pipeline(StandardScaler(), classifier).fit(data.X[train], data.y[train])
        assert record["predicted"] == pipeline.predict(data.X[test]).tolist()
        assert record["test"]["accuracy"] == pipeline.score(data.X[test], data.y[test])
        assert record["train"]["accuracy"] == pipeline.score(data.X[train], data.y[train])
        assert record["labels"] == data.y[test].tolist()
        assert record["sizes"] == {"train": 64, "test": 16, "columns": 2, "test_rows_seen": 0}
        assert record["seed"] == 4 + record["split"]
        assert record["cost"] is None
        assert set(record["versions"]) == {"qvar", "python", "numpy", "scikit-learn"}


def test_tuning_chooses_as_a_grid_search_over_the_whole_pipeline():
    data = blobs(120, distance=1.2)
    result = compare(data, features=["pca"], n_components=2, models=["svm-tuned"], splits=SHORT, inner_folds=4)
    for record in result.records:
        train, test = SHORT.indices(data.y, 0)[record["split"]]
        pipeline = make_pipeline(StandardScaler(), PCA(2, random_state=0), StandardScaler(), SVC())
        grid = {f"svc__{name}": list(values) for name, values in find_model("svm").grid.items()}
        inner = StratifiedKFold(4, shuffle=True, random_state=record["split"])
        search = GridSearchCV(pipeline, grid, cv=inner).fit(data.X[train], data.y[train])
        scores = search.cv_results_["mean_test_score"]
        first = search.cv_results_["params"][np.flatnonzero(scores > scores.max() - 1e-12)[0]]
        assert record["parameters"] == {k.removeprefix("svc__"): v for k, v in first.items()}
        assert record["tuning"]["best"] == pytest.approx(search.best_score_)
        assert record["tuning"]["fits"] == 16 * 4
        chosen = pipeline.set_params(**first).fit(data.X[train], data.y[train])
        assert record["predicted"] == chosen.predict(data.X[test]).tolist()


def test_tuned_costs_include_the_search():
    result = compare(blobs(), models=[stand_in(), stand_in().tuned()], splits=SHORT)
    rows = {row.model: row for row in result.table("raw").rows}
    assert rows["vqc-stand-in"].cost["evaluations"] == 15
    tuned = rows["vqc-stand-in-tuned"]
    (choice, n), *_ = tuned.parameters
    assert n == 3
    assert tuned.cost["evaluations"] == 3 * choice["steps"] + 5 * 3 * (3 + 4)
    assert tuned.cost["circuits"] == 64 * 3 * choice["steps"] + (5 - 1) * 64 * 3 * (3 + 4)


class Recorder(TransformerMixin, BaseEstimator):
    """Passes rows on and notes which ones it was fitted on."""

    fitted_on = []  # noqa: RUF012

    def fit(self, X, y):
        Recorder.fitted_on.append({tuple(row) for row in X})
        return self

    def transform(self, X):
        return X


def test_no_transformer_is_ever_fitted_on_a_test_row():
    data = blobs()
    Recorder.fitted_on.clear()
    one = ShuffleSplits(1)
    compare(data, features={"mine": Recorder()}, models=["svm-tuned"], splits=one, train_sizes=[40])
    ((train, test),) = one.indices(data.y, 0)
    assert len(Recorder.fitted_on) == 2 * (5 + 1)  # the inner folds and the training part, for both sizes
    allowed, hidden = {tuple(r) for r in data.X[train]}, {tuple(r) for r in data.X[test]}
    assert all(rows <= allowed and not rows & hidden for rows in Recorder.fitted_on)
    assert {32, 40, 51, 64} <= {len(rows) for rows in Recorder.fitted_on}


class Memory(TransformerMixin, BaseEstimator):
    """Learns the label of every row by heart and gives it away as a feature."""

    def fit(self, X, y):
        self.known_ = {tuple(row): label for row, label in zip(X, y, strict=True)}
        return self

    def transform(self, X):
        return np.array([[self.known_.get(tuple(row), -1)] for row in X], dtype=float)


def test_a_transformer_that_learns_labels_by_heart_gains_nothing_on_test_rows():
    data = blobs(200, distance=0.0)  # nothing to learn
    result = compare(data, features={"heart": Memory()}, models=["logistic-regression"], splits=ShuffleSplits(5))
    (row,) = result.table("heart").rows
    assert row.train["accuracy"].mean == 1.0
    assert row.test["accuracy"].mean == 0.5  # all test rows look alike


def test_that_transformer_would_be_perfect_if_it_saw_the_test_rows():
    data = blobs(200, distance=0.0)
    leaky = Memory().fit(data.X, data.y)
    A = leaky.transform(data.X)
    assert LogisticRegression().fit(A[:100], data.y[:100]).score(A[100:], data.y[100:]) == 1.0


@pytest.mark.parametrize("name", ["svm-shuffled", "mlp-shuffled", "logistic-regression-tuned-shuffled"])
def test_shuffled_labels_end_at_chance(name):
    data = blobs(200, distance=3.0)
    result = compare(data, models=[name, "logistic-regression"], splits=ShuffleSplits(20))
    rows = {row.model: row.test["accuracy"] for row in result.table("raw").rows}
    assert rows["logistic-regression"].low > 0.9
    assert rows[name].low < 0.5 < rows[name].high
    assert abs(rows[name].mean - 0.5) < 0.2  # two clouds are named rightly or wrongly as a whole
    assert result.table("raw").reference == "logistic-regression"  # no ablation is a reference


def test_equal_rows_on_both_sides_are_counted():
    data = blobs(40)
    data.X[20:] = data.X[:20]
    data.y[20:] = data.y[:20]
    result = compare(data, models=["majority"], splits=ShuffleSplits(1))
    ((train, test),) = ShuffleSplits(1).indices(data.y, 0)
    seen = sum(tuple(row) in {tuple(r) for r in data.X[train]} for row in data.X[test])
    assert result.records[0]["sizes"]["test_rows_seen"] == seen > 0


def test_texts_are_features_of_the_training_rows():
    words = ["good", "bad", "nice", "awful"]
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    X = np.array([f"the food was {words[2 * rng.integers(2) + (1 - label)]} {k % 7}" for k, label in enumerate(y)])
    data = blobs(60, name="texts")
    data.X, data.y = X.astype(object), y
    result = compare(data, features=["tfidf-pls", "tfidf"], n_components=2, models=["svm"], splits=SHORT)
    assert not result.failures
    assert {record["sizes"]["columns"] for record in result.records if record["features"] == "tfidf-pls"} == {2}
    assert result.table("tfidf-pls").rows[0].test["accuracy"].mean > 0.9


def test_three_classes_and_names():
    data = blobs(90, n_classes=3, distance=4.0)
    data.y = np.array(["c", "a", "b"])[data.y]
    result = compare(data, models=["svm", "logistic-regression", stand_in()], splits=SHORT)
    assert result.config["dataset"]["classes"] == ["a", "b", "c"]
    record = result.records[0]
    assert np.sum(record["confusion"]) == record["sizes"]["test"]
    assert np.trace(record["confusion"]) / 18 == record["test"]["accuracy"]


def test_the_record_does_not_depend_on_the_number_of_processes():
    data = blobs()
    models = ["logistic-regression-tuned", "random-forest", stand_in()]
    one = compare(data, models=models, splits=SHORT, train_sizes=[30])
    two = compare(data, models=models, splits=SHORT, train_sizes=[30], n_jobs=2)
    assert [without_times(r) for r in one.records] == [without_times(r) for r in two.records]
    other = compare(data, models=models, splits=SHORT, train_sizes=[30], seed=9)
    assert [r["labels"] for r in one.records] != [r["labels"] for r in other.records]


def test_warnings_are_part_of_the_record():
    class Worried(LogisticRegression):
        def fit(self, X, y):
            warnings.warn("not sure\nat all", UserWarning, stacklevel=1)
            return super().fit(X, y)

    model = ModelSpec("worried", "classical", lambda _: Worried())
    result = compare(blobs(), models=[model], splits=SHORT)
    assert result.table("raw").rows[0].warnings == {"UserWarning: not sure at all": 3}


def test_a_failure_stops_no_other_cell_and_is_shown():
    result = compare(blobs(), models=["svm", trouble()], splits=SHORT)
    (failure,) = result.failures
    assert (failure["model"], failure["split"], failure["error"]) == (
        "trouble",
        1,
        "RuntimeError: no <b>luck</b> today",
    )
    assert "Traceback" in failure["traceback"]
    row = next(row for row in result.table("raw").rows if row.model == "trouble")
    assert (row.n_cells, dict(row.failures)) == (2, {1: "RuntimeError: no <b>luck</b> today"})
    assert row.test["accuracy"].n == 2
    assert row.difference.wins + row.difference.ties + row.difference.losses == 2


def test_a_cell_that_kills_its_process_fails_alone():
    result = compare(blobs(), models=["majority", trouble(how="die")], splits=SHORT, n_jobs=2)
    (failure,) = result.failures
    assert (failure["model"], failure["split"]) == ("trouble", 1)
    assert "its process died twice" in failure["error"]
    assert len(result.records) == 6


class NotFinite(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


def test_numbers_that_are_none_are_failures():
    model = ModelSpec("nan", "quantum", lambda _: NotFinite())
    result = compare(blobs(), models=[model], splits=ShuffleSplits(1))
    assert "not finite" in result.failures[0]["error"]
    assert result.table("raw").rows[0].test["accuracy"] is None


def test_a_single_split_has_intervals_of_its_test_rows():
    result = compare(blobs(200, distance=1.0), models=["svm", "majority"], splits=ShuffleSplits(1))
    table = result.table("raw")
    best = table.rows[0]
    accuracy, f1 = best.test["accuracy"], best.test["f1"]
    assert accuracy.low < accuracy.mean < accuracy.high
    assert f1.low < f1.mean < f1.high
    difference = next(row.difference for row in table.rows if row.difference)
    assert difference.low < difference.mean < difference.high
    assert difference.p is None


def test_the_table_is_sorted_and_compares_with_what_it_is_told():
    result = compare(blobs(distance=1.0), models=["majority", "svm", "logistic-regression"], splits=SHORT)
    for metric, order in (("accuracy", -1), ("log_loss", 1)):
        table = result.table("raw", metric=metric)
        means = [row.test[metric].mean for row in table.rows if row.test[metric] is not None]
        assert means == sorted(means, key=lambda mean: order * mean)
    table = result.table("raw", reference="majority")
    svm = next(row for row in table.rows if row.model == "svm")
    accuracies = [[cell["test"]["accuracy"] for cell in result.cells("raw", name)] for name in ("svm", "majority")]
    assert svm.difference.mean == pytest.approx(np.subtract(*accuracies).mean())
    assert svm.difference.p <= svm.difference.p_holm <= 1
    with pytest.raises(ClassifierError, match="unknown reference 'x'; there are majority, svm"):
        result.table("raw", reference="x")
    with pytest.raises(ClassifierError, match="unknown features 'x'"):
        result.table("x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ()}, "at least one kind of features and one model"),
        ({"models": ("svm", "svm")}, "got svm more than once"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"scoring": "luck"}, "tuned by one of accuracy"),
        ({"train_sizes": (1,)}, "training size must be at least 2"),
        ({"train_sizes": (65,)}, "training size of 65 is too great; there are 64"),
        ({"train_sizes": (8, 8)}, "must differ"),
        ({"train_sizes": (4,), "models": ("svm-tuned",)}, "5 stratified folds need 5 rows of every class"),
        ({"splits": ShuffleSplits(1, 0.001)}, "cannot split 80 rows"),
        ({"inner_folds": 1}, "inner_folds must be at least 2"),
        ({"n_jobs": 0}, "n_jobs must be at least 1"),
        ({"features": ["nothing"]}, "unknown features 'nothing'"),
        ({"features": ["pca"], "n_components": 3}, "pca needs 1 to 2 components"),
    ],
)
def test_plans_that_make_no_sense_are_refused_at_once(changes, message):
    with pytest.raises((ClassifierError, RunError), match=message):
        compare(blobs(), **{"models": ("svm",), **changes})


def test_data_without_two_classes_or_with_too_few_labels_is_refused():
    data = blobs()
    data.y = np.zeros(80, dtype=int)
    with pytest.raises(ClassifierError, match="at least two classes"):
        compare(data, models=["svm"])
    data.y = np.arange(79) % 2
    with pytest.raises(ClassifierError, match="80 rows have 79 labels"):
        compare(data, models=["svm"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: ModelSpec("a b", "classical", lambda _: SVC()),
        lambda: ModelSpec("", "classical", lambda _: SVC()),
        lambda: ModelSpec("a", "magic", lambda _: SVC()),
        lambda: ModelSpec("a", "classical", lambda _: SVC(), {"C": []}),
        lambda: ModelSpec("a", "classical", lambda _: SVC(), {"kernel": "rbf"}),
        lambda: ModelSpec("a", "classical", lambda _: SVC(), {"C": range(101)}),
        lambda: ModelSpec("a", "classical", lambda _: SVC()).tuned(),
        lambda: find_model("svm-tunde"),
        lambda: find_model("majority-tuned"),
        lambda: ShuffleSplits(0),
        lambda: ShuffleSplits(1, 1.0),
        lambda: RepeatedFolds(1),
    ],
)
def test_models_and_splits_that_make_no_sense_are_refused(make):
    with pytest.raises(ClassifierError):
        make()


def test_models_go_by_name_with_their_variants():
    assert {"svm", "gradient-boosting", "random-forest", "logistic-regression", "mlp", "majority"} <= set(model_names())
    both = find_model("svm-tuned-shuffled")
    assert (both.is_tuned, both.is_shuffled, both.kind) == (True, True, "ablation")
    assert find_model("svm").tuned().tuned().name == "svm-tuned"


def test_every_classical_model_is_what_scikit_learn_makes_of_its_grid():
    for name in ("svm", "gradient-boosting", "random-forest", "logistic-regression", "mlp"):
        model = find_model(name)
        for parameter, values in model.grid.items():
            for value in values:
                model.make(0).set_params(**{parameter: value})
        assert model.to_dict()["name"] == name


def test_settings_in_the_record_hold_no_addresses_and_no_seeds():
    class Odd(KNeighborsClassifier):
        pass

    model = ModelSpec("odd", "classical", lambda _: Odd(metric=lambda a, b: 0.0))
    assert model.to_dict() == model.to_dict()
    assert "0x" not in str(model.to_dict())
    assert "random_state" not in find_model("mlp").to_dict()["parameters"]


def test_the_identity_of_the_data_is_in_the_plan():
    def digest(data):
        plan = ComparisonPlan(data, find_features(["raw"], data.X), (find_model("svm"),))
        return plan.to_dict()["dataset"]["sha256"]

    data = blobs()
    assert digest(data) == digest(blobs())
    data.X[0, 0] += 1e-12
    assert digest(data) != digest(blobs())
    data = blobs()
    data.y = 1 - data.y
    assert digest(data) != digest(blobs())


def test_cells_go_split_by_split():
    plan = ComparisonPlan(blobs(), {"a": StandardScaler(), "b": StandardScaler()}, (find_model("svm"),), SHORT)
    cells = plan.cells()
    assert [cell.split for cell in cells] == [0, 0, 1, 1, 2, 2]
    assert str(cells[1]) == "b, svm, split 0"
    assert str(Cell("b", "svm", 0, 20)).endswith("20 rows")


def test_every_record_is_told_as_it_comes():
    seen = []
    plan = ComparisonPlan(blobs(), {"raw": StandardScaler()}, (find_model("svm"),), SHORT)
    result = run_comparison(plan, on_cell=seen.append)
    assert seen == list(result.records)


def test_processes_of_their_own_carry_out_cells():
    class Where(KNeighborsClassifier):
        @property
        def n_iter_(self):
            return os.getpid()

    model = ModelSpec("where", "classical", lambda _: Where())
    result = compare(blobs(), models=[model], splits=SHORT, n_jobs=2)
    assert os.getpid() not in {record["n_iter"] for record in result.records}


def test_ctrl_c_within_a_compiled_function_is_no_failure():
    def interrupted(seed):
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    plan = ComparisonPlan(blobs(), {"raw": StandardScaler()}, (find_model("svm"),), SHORT)
    plan = replace(plan, models=(ModelSpec("svm", "classical", lambda seed: interrupted(seed)),))
    with pytest.raises(KeyboardInterrupt):
        run_comparison(plan)
