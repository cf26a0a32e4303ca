"""The synthetic families have the geometry that their descriptions promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from qvar.classify.datasets import (
    make_bars_and_stripes,
    make_hidden_manifold,
    make_hyperplanes_parity,
    make_linearly_separable,
    make_two_curves,
)
from qvar.simulators.errors import DatasetError

WITH_FEATURES = (make_linearly_separable, make_two_curves, make_hidden_manifold, make_hyperplanes_parity)


@settings(deadline=None, max_examples=25)
@given(n_samples=st.integers(2, 41), n_features=st.integers(1, 7), seed=st.integers(0, 99))
def test_every_family_is_balanced_finite_and_fixed_by_its_seed(n_samples, n_features, seed):
    for make in WITH_FEATURES:
        X, y = make(n_samples, n_features, random_state=seed)
        again, labels = make(n_samples, n_features, random_state=seed)
        assert X.shape == (n_samples, n_features)
        assert np.isfinite(X).all()
        assert np.bincount(y).tolist() == [(n_samples + 1) // 2, n_samples // 2]
        assert np.array_equal(X, again)
        assert np.array_equal(y, labels)


def test_rows_come_in_random_order():
    for make in (*WITH_FEATURES, make_bars_and_stripes):
        y = make(100, random_state=1)[1]
        assert 20 < np.abs(np.diff(y)).sum() < 80


def test_separable_rows_keep_the_margin_and_a_linear_model_parts_them():
    X, y = make_linearly_separable(200, 6)
    assert np.abs(X.sum(axis=1)).min() > 0.02 * 6
    assert np.array_equal(y == 1, X.sum(axis=1) > 0)
    assert np.abs(X).max() <= 1
    assert LogisticRegression(C=1e4, max_iter=1000).fit(X, y).score(X, y) == 1.0


def test_a_wider_margin_is_kept_and_one_without_room_is_refused():
    X, _ = make_linearly_separable(50, 3, margin=1.0)
    assert np.abs(X.sum(axis=1)).min() > 1.0
    with pytest.raises(DatasetError, match="below n_features"):
        make_linearly_separable(50, 3, margin=3.0)
    with pytest.raises(DatasetError, match="too little"):
        make_linearly_separable(50, 3, margin=2.999)


def test_the_curves_without_noise_are_one_fourier_series_shifted_by_the_offset():
    degree, offset = 3, 0.25
    # The series spans 2 D + 1 functions of a hidden t, so the shifted-back coordinates span as many dimensions.
    wide, labels = make_two_curves(400, 20, degree=degree, offset=offset, noise=0.0, random_state=5)
    singular = np.linalg.svd(wide - offset * labels[:, None], compute_uv=False)
    assert (singular > 1e-9 * singular[0]).sum() == 2 * degree + 1
    not_shifted_back = np.linalg.svd(wide, compute_uv=False)
    assert (not_shifted_back > 1e-9 * singular[0]).sum() == 2 * degree + 2


def test_without_offset_the_curves_cannot_be_told_apart_and_a_large_one_parts_them():
    def score(offset):
        return cross_val_score(SVC(), *make_two_curves(300, 3, offset=offset, random_state=2), cv=5).mean()

    assert score(0.0) < 0.6
    assert score(1.0) > 0.95


def test_the_degree_makes_curves_harder_for_a_linear_model_of_low_dimension():
    def score(degree):
        seeds = range(5)
        sets = (make_two_curves(300, 2, degree=degree, offset=0.1, random_state=seed) for seed in seeds)
        return np.mean([cross_val_score(SVC(), X, y, cv=5).mean() for X, y in sets])

    assert score(1) > score(8) + 0.1


def test_the_hidden_manifold_lies_inside_the_cube_of_the_tanh_and_can_be_learned():
    X, y = make_hidden_manifold(600, 10, random_state=4)
    assert np.abs(X).max() < 1
    assert cross_val_score(SVC(), X, y, cv=5).mean() > 0.7
    shuffled = np.random.default_rng(0).permutation(y)
    assert cross_val_score(SVC(), X, shuffled, cv=5).mean() < 0.6


def test_rows_in_more_dimensions_than_the_manifold_lie_on_a_manifold_of_its_dimension():
    X, _ = make_hidden_manifold(200, 12, manifold_dimension=3, random_state=1)
    before_tanh = np.arctanh(X)
    singular = np.linalg.svd(before_tanh - before_tanh.mean(axis=0), compute_uv=False)
    assert (singular > 1e-9 * singular[0]).sum() == 3


def test_the_rows_of_the_hyperplanes_span_the_space_that_the_planes_live_in():
    X, y = make_hyperplanes_parity(200, 10, hyperplane_dimension=3, random_state=1)
    assert np.linalg.matrix_rank(X) == 3
    assert set(y) == {0, 1}


def test_one_hyperplane_is_learned_by_a_linear_model_and_many_are_not():
    def score(n_hyperplanes):
        X, y = make_hyperplanes_parity(400, 5, n_hyperplanes=n_hyperplanes, random_state=6)
        return cross_val_score(make_pipeline(StandardScaler(), LogisticRegression(C=100.0)), X, y, cv=5).mean()

    assert score(1) > 0.95
    assert score(6) < 0.85


def test_pictures_without_noise_are_bars_or_stripes_and_never_both():
    X, y = make_bars_and_stripes(100, height=3, width=5, noise=0.0)
    pictures = X.reshape(-1, 3, 5)
    is_bars = (np.ptp(pictures, axis=1) == 0).all(axis=1)
    is_stripes = (np.ptp(pictures, axis=2) == 0).all(axis=1)
    assert np.array_equal(is_bars, y == 0)
    assert np.array_equal(is_stripes, y == 1)
    assert set(np.unique(X)) == {-1.0, 1.0}


def test_sizes_that_make_no_sense_are_refused_by_name():
    for make in WITH_FEATURES:
        with pytest.raises(DatasetError, match="n_samples"):
            make(1)
        with pytest.raises(DatasetError, match="n_features"):
            make(10, 0)
    with pytest.raises(DatasetError, match="degree"):
        make_two_curves(degree=0)
    with pytest.raises(DatasetError, match="noise"):
        make_two_curves(noise=-1.0)
    with pytest.raises(DatasetError, match="manifold_dimension"):
        make_hidden_manifold(manifold_dimension=0)
    with pytest.raises(DatasetError, match="n_hyperplanes"):
        make_hyperplanes_parity(n_hyperplanes=0)
    with pytest.raises(DatasetError, match="2 x 2"):
        make_bars_and_stripes(width=1)


def test_a_generator_may_stand_for_the_seed():
    X, _ = make_two_curves(20, random_state=np.random.default_rng(9))
    assert np.array_equal(X, make_two_curves(20, random_state=9)[0])
