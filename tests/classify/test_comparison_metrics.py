"""Metrics against counts by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from qvar.classify.comparison.metrics import METRICS, brief, class_scores, confusion, is_better, measure
from qvar.simulators.errors import ClassifierError


def test_two_classes_by_hand():
    truth, predicted = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    p = np.array([0.1, 0.4, 0.6, 0.9, 0.3])
    values = measure(truth, predicted, ("probability", p), 2)
    assert list(values) == list(METRICS)
    assert values["accuracy"] == pytest.approx(3 / 5)
    assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (values["precision"], values["recall"], values["f1"]) == pytest.approx((0.5, 0.5, 0.5))
    assert values["roc_auc"] == pytest.approx(4 / 6)  # 4 of the 6 pairs of a 1 and a 0 are in order
    assert values["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.4, 0.9, 0.3]).mean())
    assert confusion(truth, predicted, 2).tolist() == [[2, 1], [1, 1]]


def test_three_classes_agree_with_scikit_learn():
    rng = np.random.default_rng(3)
    truth, p = rng.integers(0, 3, 60), rng.dirichlet([1, 1, 1], 60)
    predicted = p.argmax(axis=1)
    values = measure(truth, predicted, ("probability", p), 3)
    assert values["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert values["f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert values["precision"] == pytest.approx(metrics.precision_score(truth, predicted, average="macro"))
    assert values["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, p, multi_class="ovr"))
    assert values["log_loss"] == pytest.approx(metrics.log_loss(truth, p))
    assert confusion(truth, predicted, 3).tolist() == metrics.confusion_matrix(truth, predicted).tolist()


@settings(max_examples=150)
@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_predictions_have_the_numbers_of_scikit_learn(n_classes, n_rows, seed):
    """Rare classes may be missing in truth or predictions; scores may have ties, and be 0 or 1."""
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, n_classes, (2, n_rows))
    p = np.round(rng.dirichlet([0.4] * n_classes, n_rows), 1)
    p[:, -1] = 1 - p[:, :-1].sum(axis=1).clip(max=1)
    p /= p.sum(axis=1, keepdims=True)
    values = measure(truth, predicted, ("probability", p[:, 1] if n_classes == 2 else p), n_classes)
    kind = {"labels": range(n_classes), "average": "binary" if n_classes == 2 else "macro", "zero_division": 0}
    assert values["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert values["f1"] == pytest.approx(metrics.f1_score(truth, predicted, **kind))
    assert values["precision"] == pytest.approx(metrics.precision_score(truth, predicted, **kind))
    assert values["recall"] == pytest.approx(metrics.recall_score(truth, predicted, **kind))
    recalls = metrics.recall_score(truth, predicted, labels=range(n_classes), average=None, zero_division=0)
    assert values["balanced_accuracy"] == pytest.approx(recalls[np.unique(truth)].mean())
    table = metrics.confusion_matrix(truth, predicted, labels=range(n_classes))
    assert np.array_equal(confusion(truth, predicted, n_classes), table)
    clipped = np.clip(p[np.arange(n_rows), truth], 1e-12, 1)
    assert values["log_loss"] == pytest.approx(-np.log(clipped).mean(), abs=1e-12)
    if len(np.unique(truth)) == n_classes:
        scores = p[:, 1] if n_classes == 2 else p
        assert values["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, scores, multi_class="ovr"))
    assert all(0 <= values[name] <= 1 for name in ("accuracy", "f1", "precision", "recall", "balanced_accuracy"))


def test_what_is_not_defined_is_none():
    values = measure(np.array([0, 0]), np.array([0, 1]), ("probability", np.array([0.2, 0.7])), 2)
    assert values["roc_auc"] is None  # one class alone
    values = measure(np.array([0, 1]), np.array([0, 1]), ("decision", np.array([-1.0, 2.0])), 2)
    assert (values["log_loss"], values["roc_auc"]) == (None, 1.0)
    values = measure(np.array([0, 1]), np.array([0, 1]), ("none", np.zeros((2, 0))), 2)
    assert (values["log_loss"], values["roc_auc"]) == (None, None)


def test_scores_are_probabilities_or_else_decisions():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    kind, scores = class_scores(LogisticRegression().fit(X, y), X, 2)
    assert (kind, scores.shape) == ("probability", (40,))
    assert class_scores(SVC().fit(X, y), X, 2)[0] == "decision"
    labels = np.arange(40) % 4
    assert class_scores(SVC(decision_function_shape="ovo").fit(X, labels), X, 4)[0] == "none"
    assert class_scores(SVC().fit(X, labels), X, 4)[1].shape == (40, 4)


class Broken:
    def __init__(self, rows):
        self.rows = np.array(rows)

    def predict_proba(self, X):
        return self.rows


@pytest.mark.parametrize("row", [[0.7, 0.7], [-0.2, 1.2], [np.nan, 1.0]])
def test_probabilities_that_are_none_are_refused(row):
    with pytest.raises(ClassifierError, match="predict_proba"):
        class_scores(Broken([row]), [[0.0]], 2)


def test_scores_are_kept_as_short_decimals_that_give_the_same_float32():
    values = np.random.default_rng(1).normal(size=50)
    assert np.array_equal(np.array(brief(values), dtype=np.float32), values.astype(np.float32))
    assert brief(np.array([0.1])) == [0.1]


def test_better_means_higher_but_for_losses():
    assert is_better("accuracy", 0.8, 0.7)
    assert not is_better("log_loss", 0.8, 0.7)
    assert not is_better("accuracy", 0.7, 0.7 + 1e-16)
