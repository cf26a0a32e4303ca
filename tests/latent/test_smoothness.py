"""Smoothness: known dependences are found, noise gives nothing, and the numbers agree with slow routes."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from qvar.latent.controls import CONTROLS, flattened
from qvar.latent.distance import EditDistances, edit_distances
from qvar.latent.generation import generate_pool
from qvar.latent.nearness import distance_pairs, nearest
from qvar.latent.smoothness import Smoothness, smoothness
from qvar.latent.space import CircuitSpace
from qvar.simulators.errors import LatentError

SIZES = {"n_pairs": 2_000, "n_queries": 200, "n_compared": 80, "n_resamples": 200}


@pytest.fixture(scope="module")
def pool():
    return generate_pool(CircuitSpace(3, 6, 4), 1_500, seed=3)


@pytest.fixture(scope="module")
def rewards(pool):
    """The share of CNOTs and controlled Z, so that counts of gates determine it."""
    return np.isin(pool.structures[:, :, 0], (7, 8)).mean(axis=1)


def counted(space, structures):
    return CONTROLS["counted gates"](space, structures)


def measure(pool, features, rewards=None, seed=0, **changes):
    return smoothness(
        features,
        EditDistances(pool.space, pool.structures),
        rewards,
        rng=np.random.default_rng(seed),
        **{**SIZES, **changes},
    )


def test_features_that_hold_the_reward_explain_it(pool, rewards):
    found = measure(pool, rewards[:, None], rewards)
    assert found.latent_reward.value == pytest.approx(1.0, abs=1e-9)
    assert found.near_reward.high < 0.1
    assert found.knn_r2[4].value > 0.95


def test_noise_explains_nothing(pool, rewards):
    found = measure(pool, np.random.default_rng(1).normal(size=(len(pool), 8)), rewards)
    for one in (found.latent_edit, found.latent_reward, found.near_latent_edit):
        assert one.low < 0 < one.high
    assert found.near_edit.low < 1 < found.near_edit.high
    assert found.knn_r2[1].value == pytest.approx(-1.0, abs=0.25)
    assert found.knn_r2[64].high < 0.02
    assert found.overlap.value == pytest.approx(found.overlap_by_chance, abs=0.03)


@pytest.mark.parametrize("name", CONTROLS)
def test_the_controls_know_something_of_circuits(pool, rewards, name):
    found = measure(pool, CONTROLS[name](pool.space, pool.structures), rewards)
    assert found.latent_edit.low > 0.1
    assert found.near_edit.high < 0.95
    assert found.overlap.low > found.overlap_by_chance
    assert found.knn_r2[16].low > 0.1


def test_the_edit_distance_itself_as_feature_overlaps_fully_with_itself(pool):
    few = generate_pool(pool.space, 60, seed=4)
    i, j = np.indices((60, 60)).reshape(2, -1)
    table = edit_distances(few.space, few.structures[i], few.structures[j]).reshape(60, 60)
    table = np.minimum(table, table.T)
    eigenvalues, vectors = np.linalg.eigh(-0.5 * (table**2 - (table**2).mean(0) - (table**2).mean(1)[:, None]))
    keep = eigenvalues > 1e-9
    found = measure(few, vectors[:, keep] * np.sqrt(eigenvalues[keep]), n_queries=60, n_neighbours=5)
    assert found.latent_edit.value > 0.9
    assert found.overlap.value > 5 * found.overlap_by_chance


def test_spearman_is_that_of_scipy(pool, rewards):
    features = flattened(pool.space, pool.structures).astype(float)
    found = measure(pool, features, rewards)
    i, j = distance_pairs(len(pool), SIZES["n_pairs"], np.random.default_rng(0).spawn(3)[0])
    latent = np.linalg.norm(features[i] - features[j], axis=1)
    edit = edit_distances(pool.space, pool.structures[i], pool.structures[j])
    assert found.latent_edit.value == pytest.approx(spearmanr(latent, edit).statistic, abs=1e-12)
    gaps = abs(rewards[i] - rewards[j])
    assert found.latent_reward.value == pytest.approx(spearmanr(latent, gaps).statistic, abs=1e-12)


def test_intervals_cover_what_other_pairs_give(pool, rewards):
    features = counted(pool.space, pool.structures)
    many = [measure(pool, features, rewards, seed, n_pairs=700, n_queries=20, n_compared=20) for seed in range(20)]
    truth = np.mean([one.latent_reward.value for one in many])
    assert sum(one.latent_reward.low <= truth <= one.latent_reward.high for one in many) >= 16
    widths = [one.latent_reward.high - one.latent_reward.low for one in many]
    assert np.mean(widths) < 8 * np.std([one.latent_reward.value for one in many])


def test_nearest_is_that_of_a_full_sort():
    features = np.random.default_rng(2).normal(size=(50, 3))
    table = np.linalg.norm(features[:, None] - features, axis=2)
    np.fill_diagonal(table, np.inf)
    assert np.array_equal(nearest(features, np.arange(10, 20), 4), np.argsort(table, axis=1)[10:20, :4])


def test_pairs_are_of_two_circuits_and_share_none_as_long_as_possible():
    i, j = distance_pairs(101, 130, np.random.default_rng(0))
    assert (i != j).all()
    assert len(np.unique(np.concatenate([i[:50], j[:50]]))) == 100


def test_without_rewards_only_edit_distance_is_measured(pool):
    found = measure(pool, flattened(pool.space, pool.structures))
    assert (found.latent_reward, found.edit_reward, found.near_reward, found.knn_r2) == (None, None, None, {})
    assert found.latent_edit.value > 0


def test_equal_features_have_no_correlation(pool, rewards):
    found = measure(pool, np.zeros((len(pool), 2)), rewards)
    assert found.latent_edit is None
    assert found.near_latent_edit is None
    assert found.edit_reward is not None


def test_the_record_goes_through_json_and_the_same_seed_gives_it_again(pool, rewards):
    features = counted(pool.space, pool.structures)
    found = measure(pool, features, rewards)
    assert Smoothness.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found
    assert measure(pool, features, rewards) == found
    assert measure(pool, features, rewards, seed=1) != found


@pytest.mark.parametrize(
    ("features", "rewards", "part"),
    [
        (np.zeros((7, 2)), None, "go with structures"),
        (np.zeros(1_500), None, "go with structures"),
        (np.zeros((1_500, 2)), np.zeros(3), "rewards of shape"),
        (np.full((1_500, 2), np.nan), None, "finite"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(pool, features, rewards, part):
    with pytest.raises(LatentError, match=part):
        measure(pool, features, rewards)


def test_too_many_neighbours_are_refused(pool):
    with pytest.raises(LatentError, match="need at least 102 circuits, got 80"):
        measure(pool, np.zeros((len(pool), 2)), n_neighbours=100)


def test_flattened_features_tell_all_circuits_apart_and_counted_ones_forget_the_order(pool):
    flat = flattened(pool.space, pool.structures)
    assert flat.shape == (1_500, 6 * (11 + 3))
    assert len(np.unique(flat, axis=0)) == len(pool)
    turned = pool.structures[:, ::-1]
    assert np.allclose(counted(pool.space, pool.structures), counted(pool.space, turned))
