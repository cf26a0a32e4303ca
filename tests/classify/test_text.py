"""Features of texts: scikit-learn's own conformance checks, nothing learned from test rows, and known figures."""

import pickle
import sys
import types

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from qvar.classify import embeddings
from qvar.classify.cleaning import NEGATIONS
from qvar.classify.datasets import load_restaurant_reviews
from qvar.classify.text import (
    TEXT_FEATURES,
    PLSProjection,
    SentenceEmbeddings,
    TextCleaner,
    encode_sentences,
    text_features,
)
from qvar.simulators.errors import ClassifierError, DatasetError

REDUCED = [kind for kind in TEXT_FEATURES if kind not in ("tfidf", "embeddings")]


@pytest.fixture(scope="module")
def reviews(test_data):
    return load_restaurant_reviews(test_data)


@pytest.fixture(scope="module")
def embedder(test_data, reviews):
    return SentenceEmbeddings(vectors=test_data / "minilm_l6_1000x384.npy", texts=reviews.X)


def pipeline(kind, embedder, **settings):
    return text_features(kind, embedder=embedder if kind.startswith("embeddings") else None, **settings)


def split(reviews, seed=0):
    return train_test_split(reviews.X, reviews.y, test_size=0.2, stratify=reviews.y, random_state=seed)


def dense(features):
    return features.toarray() if hasattr(features, "toarray") else features


# ---- scikit-learn's conformance suite


def cross_fitted(estimator):
    if getattr(estimator, "cross_fit", None) is None:
        return {}
    reason = "fit_transform scores a row by directions found without it; transform knows them all"
    return dict.fromkeys(("check_transformer_general", "check_transformer_data_not_an_array"), reason)


@parametrize_with_checks(
    [PLSProjection(1), PLSProjection(2, scale=True), PLSProjection(1, cross_fit=2)],
    expected_failed_checks=cross_fitted,
)
def test_the_projection_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [TextCleaner(stem=False), SentenceEmbeddings()])
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
    ],
)
def test_transformers_of_texts_keep_the_part_of_the_contract_that_needs_no_numbers(estimator, check):
    check(type(estimator).__name__, estimator)


# ---- cleaning


def test_cleaning_keeps_letters_and_negations_and_cuts_to_stems():
    texts = ["It's NOT worth $11.99!!", "We'd never go back; without doubt.", "caf\u00e9", "12 !?"]
    assert TextCleaner().transform(texts).tolist() == ["not worth", "wed never without doubt", "caf", ""]
    assert TextCleaner(stop_words=False, stem=False).transform(["This isn\u2019t loved"]).tolist() == [
        "this isnt loved"
    ]


def test_stems_are_porters():
    # M. F. Porter (1980), examples of his steps 1a to 5b
    words = {"caresses": "caress", "ponies": "poni", "motoring": "motor", "hopping": "hop", "happy": "happi"}
    words |= {"relational": "relat", "triplicate": "triplic", "revival": "reviv", "controlling": "control"}
    cleaner = TextCleaner(stop_words=False)
    assert cleaner.transform(list(words)).tolist() == list(words.values())


def test_every_negation_of_the_stop_list_survives():
    assert TextCleaner(stem=False).transform(sorted(NEGATIONS)).tolist() == sorted(NEGATIONS)


@pytest.mark.parametrize("wrong", ["one text", ["a", 1], np.zeros((2, 2)), 3])
def test_what_is_not_a_list_of_texts_is_refused(wrong):
    with pytest.raises(DatasetError, match="one-dimensional array of strings"):
        TextCleaner().fit(wrong)


# ---- pipelines


@pytest.mark.parametrize("kind", TEXT_FEATURES)
def test_nothing_about_the_test_rows_moves_the_features_of_any_row(kind, reviews, embedder):
    X_train, X_test, y_train, _ = split(reviews)
    features = pipeline(kind, embedder)
    train = dense(features.fit_transform(X_train, y_train))
    test = dense(features.transform(X_test))
    assert np.array_equal(dense(features.transform(X_test[::-1])), test[::-1])
    alone = np.concatenate([dense(features.transform(X_test[i : i + 1])) for i in range(20)])
    np.testing.assert_allclose(alone, test[:20], atol=1e-12)
    again = clone(features)
    np.testing.assert_allclose(dense(again.fit_transform(X_train, y_train)), train, atol=1e-12)
    np.testing.assert_allclose(dense(again.transform(X_test)), test, atol=1e-12)


@pytest.mark.parametrize("kind", REDUCED)
def test_features_are_as_many_as_asked_and_training_rows_fill_the_unit_interval(kind, reviews, embedder):
    X_train, X_test, y_train, _ = split(reviews)
    features = pipeline(kind, embedder, n_components=3)
    train = features.fit_transform(X_train, y_train)
    assert train.shape == (800, 3)
    np.testing.assert_allclose([train.min(axis=0), train.max(axis=0)], [[0] * 3, [1] * 3], atol=1e-12)
    assert features.transform(X_test).shape == (200, 3)
    standard = pipeline(kind, embedder, n_components=3, scaling="standard").fit_transform(X_train, y_train)
    np.testing.assert_allclose([standard.mean(axis=0), standard.std(axis=0)], [[0] * 3, [1] * 3], atol=1e-9)


@pytest.mark.parametrize("kind", ["counts-pca", "tfidf-pca", "tfidf-svd", "tfidf", "embeddings-pca", "embeddings"])
def test_kinds_without_supervision_do_not_look_at_the_labels(kind, reviews, embedder):
    X_train, _, y_train, _ = split(reviews)
    true = dense(pipeline(kind, embedder).fit_transform(X_train, y_train))
    shuffled = np.random.default_rng(0).permutation(y_train)
    assert np.array_equal(dense(pipeline(kind, embedder).fit_transform(X_train, shuffled)), true)


@pytest.mark.parametrize("kind", ["chi2-words", "chi2-pca", "tfidf-pls", "embeddings-pls"])
def test_supervised_kinds_find_nothing_in_shuffled_labels(kind, reviews, embedder):
    shuffled = np.random.default_rng(1).permutation(reviews.y)
    model = make_pipeline(pipeline(kind, embedder, scaling="standard"), LogisticRegression())
    assert cross_val_score(model, reviews.X, shuffled, cv=5).mean() < 0.56


@pytest.mark.parametrize("kind", ["tfidf-pls", "embeddings-pls"])
def test_fitting_the_features_on_all_rows_would_leak_the_labels_of_the_test_rows(kind, reviews, embedder):
    shuffled = np.random.default_rng(1).permutation(reviews.y)
    leaked = pipeline(kind, embedder, scaling="standard").fit_transform(reviews.X, shuffled)
    assert cross_val_score(LogisticRegression(), leaked, shuffled, cv=5).mean() > 0.65


def test_pca_of_sparse_rows_is_pca_of_the_same_rows_made_dense(reviews):
    X_train, X_test, y_train, _ = split(reviews)
    features = text_features("tfidf-pca", scaling=None).fit(X_train, y_train)
    before = features[:-1].transform(X_train).toarray()
    mean = before.mean(axis=0)
    directions = np.linalg.svd(before - mean, full_matrices=False)[2][:5]
    expected = (features[:-1].transform(X_test).toarray() - mean) @ directions.T
    np.testing.assert_allclose(np.abs(features.transform(X_test)), np.abs(expected), atol=1e-8)


def test_full_tfidf_stays_sparse_whatever_the_scaling(reviews):
    for scaling in (None, "minmax", "standard"):
        features = text_features("tfidf", scaling=scaling).fit_transform(reviews.X)
        assert features.nnz < 0.01 * np.prod(features.shape)
    assert text_features("tfidf").fit_transform(reviews.X).max() == 1.0


def test_pipelines_survive_pickling_cloning_and_a_grid_search(reviews):
    X_train, X_test, y_train, _ = split(reviews)
    features = text_features("chi2-words").fit(X_train, y_train)
    again = pickle.loads(pickle.dumps(features))  # noqa: S301
    assert np.array_equal(again.transform(X_test), features.transform(X_test))
    model = make_pipeline(text_features("tfidf-pls", cross_fit=3), SVC())
    search = GridSearchCV(model, {"pipeline__reduce__n_components": [1, 2]}, cv=2).fit(X_train[:200], y_train[:200])
    assert search.best_score_ > 0.5


def test_wrong_names_and_options_are_refused():
    with pytest.raises(ClassifierError, match="unknown text features 'word2vec'; there are counts-pca"):
        text_features("word2vec")
    with pytest.raises(ClassifierError, match="cross_fit is for"):
        text_features("tfidf-pca", cross_fit=5)
    with pytest.raises(ClassifierError, match="counts words"):
        text_features("tfidf-pca", embedder=SentenceEmbeddings())
    with pytest.raises(ClassifierError, match="'minmax', 'standard' or None"):
        text_features("tfidf-pca", scaling="robust")


# ---- figures measured elsewhere for the same rows: accuracy over 10 stratified splits


@pytest.mark.parametrize(
    ("kind", "model", "accuracy", "deviation"),
    [
        ("tfidf-pca", SVC(), 0.641, 0.025),
        ("chi2-pca", LogisticRegression(), 0.738, 0.037),
        ("tfidf-pls", LogisticRegression(), 0.786, 0.024),
        ("embeddings-pca", LogisticRegression(), 0.853, 0.021),
        ("embeddings-pls", SVC(), 0.883, 0.020),
    ],
)
def test_plain_models_reach_the_accuracy_measured_independently(kind, model, accuracy, deviation, reviews, embedder):
    found = []
    for seed in range(10):
        X_train, X_test, y_train, y_test = split(reviews, seed)
        features = pipeline(kind, embedder, scaling="standard")
        fitted = clone(model).fit(features.fit_transform(X_train, y_train), y_train)
        found.append(fitted.score(features.transform(X_test), y_test))
    assert np.mean(found) == pytest.approx(accuracy, abs=deviation)


def test_cross_fitting_closes_the_gap_between_training_and_test_rows_and_helps_the_model(reviews):
    plain, crossed = [], []
    for seed in range(10):
        X_train, X_test, y_train, y_test = split(reviews, seed)
        for cross_fit, found in ((None, plain), (5, crossed)):
            features = text_features("tfidf-pls", scaling="standard", cross_fit=cross_fit)
            train = features.fit_transform(X_train, y_train)
            model = LogisticRegression().fit(train, y_train)
            found.append((model.score(features.transform(X_test), y_test), model.score(train, y_train)))
    (test_plain, train_plain), (test_crossed, train_crossed) = np.mean(plain, axis=0), np.mean(crossed, axis=0)
    assert train_plain > 0.97
    assert abs(train_crossed - test_crossed) < 0.03
    assert test_crossed > test_plain + 0.02


# ---- partial least squares


def test_the_first_direction_is_the_covariance_with_the_classes():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(40, 6)), rng.integers(0, 2, size=40)
    scores = PLSProjection(1).fit_transform(X, y)[:, 0]
    direction = (X - X.mean(axis=0)).T @ (y - y.mean())
    expected = (X - X.mean(axis=0)) @ direction / np.linalg.norm(direction)
    np.testing.assert_allclose(np.abs(scores), np.abs(expected), atol=1e-12)


def test_cross_fitted_scores_of_a_row_do_not_depend_on_its_own_label():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(60, 200)), np.arange(60) % 2
    plain = PLSProjection(2).fit_transform(X, y)
    crossed = PLSProjection(2, cross_fit=5).fit_transform(X, y)
    # Labels without meaning: plain scores part the rows that they were found from all the same, cross-fitted ones not.
    assert LogisticRegression(C=100.0).fit(plain, y).score(plain, y) > 0.95
    assert LogisticRegression(C=100.0).fit(crossed, y).score(crossed, y) < 0.75


@pytest.mark.parametrize("n_classes", [2, 3])
def test_cross_fitted_scores_keep_the_sign_and_length_of_the_final_directions(n_classes):
    rng = np.random.default_rng(5)
    y = np.arange(300) % n_classes
    X = rng.normal(size=(300, 5)) + 2.0 * np.eye(5)[y]
    plain = PLSProjection(1).fit_transform(X, y)[:, 0]
    crossed = PLSProjection(1, cross_fit=10, random_state=1).fit_transform(X, y)[:, 0]
    assert np.corrcoef(plain, crossed)[0, 1] > 0.98
    assert np.std(crossed) == pytest.approx(np.std(plain), rel=0.05)


def test_transform_after_cross_fitting_is_that_of_the_plain_fit():
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(30, 4)), np.array(["no", "yes"])[np.arange(30) % 2]
    plain, crossed = PLSProjection(2).fit(X, y), PLSProjection(2, cross_fit=3)
    first = crossed.fit_transform(X, y)
    assert np.array_equal(crossed.transform(X), plain.transform(X))
    assert np.array_equal(clone(crossed).fit_transform(X, y), first)
    assert not np.array_equal(clone(crossed).set_params(random_state=1).fit_transform(X, y), first)
    assert crossed.get_feature_names_out().tolist() == ["plsprojection0", "plsprojection1"]


def test_directions_beyond_a_complete_explanation_are_zero():
    X, y = np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1.0, 1.0, 2.0]]), [0, 1, 0, 1]
    scores = PLSProjection(2).fit_transform(X, y)
    assert np.ptp(scores[:, 0]) > 0
    assert np.array_equal(scores[:, 1], np.zeros(4))
    assert np.isfinite(make_pipeline(PLSProjection(2, cross_fit=2), StandardScaler()).fit_transform(X, y)).all()


def test_projections_that_cannot_be_are_refused():
    X, y = np.random.default_rng(0).normal(size=(6, 3)), [0, 0, 0, 1, 1, 1]
    with pytest.raises(ClassifierError, match="n_components must be at least 1"):
        PLSProjection(4).fit(X, y)
    with pytest.raises(ClassifierError, match="the smallest class, 3, got 4"):
        PLSProjection(1, cross_fit=4).fit(X, y)
    with pytest.raises(ClassifierError, match="1 class"):
        PLSProjection(1).fit(X, [0] * 6)


# ---- embeddings


def test_vectors_are_found_by_their_texts_in_any_order(test_data, reviews, embedder):
    vectors = np.load(test_data / "minilm_l6_1000x384.npy")
    rows = [7, 3, 3, 999]
    assert np.array_equal(embedder.fit_transform(reviews.X[rows]), vectors[rows].astype(float))


def test_a_text_without_a_vector_is_named(reviews, embedder):
    with pytest.raises(DatasetError, match="'Who knows"):
        clone(embedder).fit(reviews.X).transform(["Who knows?"])


@pytest.mark.parametrize(
    ("settings", "trouble"),
    [
        ({"vectors": np.eye(2)}, "together"),
        ({"texts": ["a"]}, "together"),
        ({"vectors": np.eye(2), "texts": ["a"]}, "2 vectors do not belong to 1 texts"),
        ({"vectors": np.ones(2), "texts": ["a", "b"]}, "shape"),
        ({"vectors": [[np.nan]], "texts": ["a"]}, "finite"),
        ({"vectors": "nowhere.npy", "texts": ["a"]}, "not a readable .npy"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(settings, trouble):
    with pytest.raises(DatasetError, match=trouble):
        SentenceEmbeddings(**settings).fit(["a"])


def test_a_file_with_pickled_objects_is_not_opened(tmp_path):
    path = tmp_path / "vectors.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DatasetError, match="not a readable"):
        SentenceEmbeddings(vectors=path, texts=["a"]).fit(["a"])


def test_without_sentence_transformers_the_error_says_how_to_get_it(monkeypatch):
    embeddings._model.cache_clear()
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(DatasetError, match=r"install what the extra embeddings brings: pip install"):
        SentenceEmbeddings().fit(["a"])


def test_with_sentence_transformers_texts_are_encoded_to_unit_length(monkeypatch):
    class SentenceTransformer:
        """A stand-in with the method of the real one that is used."""

        def __init__(self, name):
            if name != "all-MiniLM-L6-v2":
                raise OSError("no such model")

        def encode(self, texts, *, normalize_embeddings, show_progress_bar):
            raw = np.array([[len(text), 1.0] for text in texts], dtype=np.float32)
            return raw / np.linalg.norm(raw, axis=1, keepdims=True) if normalize_embeddings else raw

    embeddings._model.cache_clear()
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = SentenceTransformer
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    texts = ["aaa", "b"]
    encoded = SentenceEmbeddings().fit_transform(texts)
    np.testing.assert_allclose(np.linalg.norm(encoded, axis=1), 1.0, rtol=1e-6)
    assert np.array_equal(encoded, encode_sentences(texts))
    assert np.array_equal(SentenceEmbeddings(vectors=encoded, texts=texts).fit_transform(texts[::-1]), encoded[::-1])
    with pytest.raises(DatasetError, match="'other' cannot be had"):
        SentenceEmbeddings(model="other").fit(texts)
    embeddings._model.cache_clear()
