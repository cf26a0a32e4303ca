"""Posteriors around an optimized point, against the exact ones of linear decoders."""

import numpy as np
import pytest
import torch

from qvar.latent.vae.vble import LatentPosterior, coverage, linear_observation, map_estimate
from qvar.simulators.errors import LatentError

NOISE = 0.5
AXES = np.array([[2.0, 0.0], [0.0, 0.5], [0.0, 0.0]])  # orthogonal columns: the exact posterior has independent axes


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(200, 2))
    observed = truth @ AXES.T + NOISE * rng.normal(size=(200, 3))
    variance = 1 / (1 + (AXES**2).sum(axis=0) / NOISE**2)
    mean = variance * (observed @ AXES) / NOISE**2
    decode = torch.from_numpy(AXES)
    energy = linear_observation(lambda z: z @ decode.T, np.eye(3), observed, NOISE)
    return energy, truth, mean, np.sqrt(variance)


def test_the_gaussian_posterior_is_the_exact_one(problem):
    energy, truth, mean, std = problem
    rng = np.random.default_rng(1)
    found = LatentPosterior.fit(energy, np.zeros_like(mean), rng, steps=1500, learning_rate=0.02, average_last=500)
    assert np.abs(found.centre - mean).max() < 0.1
    assert found.width.mean(axis=0) == pytest.approx(std, rel=0.05)
    assert coverage(found.sample(400, rng), truth).mean() == pytest.approx(0.9, abs=0.05)


def test_the_uniform_posterior_has_the_width_that_minimizes_its_divergence(problem):
    energy, _, mean, std = problem
    rng = np.random.default_rng(1)
    found = LatentPosterior.fit(
        energy, np.zeros_like(mean), rng, family="uniform", steps=1500, learning_rate=0.02, average_last=500
    )
    assert np.abs(found.centre - mean).max() < 0.15
    assert found.width.mean(axis=0) == pytest.approx(np.sqrt(12) * std, rel=0.05)  # equal variance


def test_the_best_point_is_the_exact_mean_and_a_point_covers_nothing(problem):
    energy, truth, mean, _ = problem
    best = map_estimate(energy, np.zeros_like(mean), steps=1500, learning_rate=0.02)
    assert np.abs(best - mean).max() < 1e-3
    assert coverage(np.repeat(best[None], 50, axis=0), truth).max() == 0


def test_the_same_generator_gives_the_same_posterior(problem):
    energy, _, mean, _ = problem
    first, again, other = (
        LatentPosterior.fit(energy, mean, np.random.default_rng(s), steps=20, average_last=5).centre for s in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_operators_may_differ_between_rows():
    operators = np.stack([np.eye(2), np.zeros((2, 2))])
    energy = linear_observation(lambda z: z, operators, np.ones((2, 2)), 1.0)
    assert energy(torch.zeros(2, 2, dtype=torch.float64)).tolist() == [1.0, 1.0]
    assert energy(torch.ones(2, 2, dtype=torch.float64)).tolist() == [0.0, 1.0]


def test_nonsense_is_refused(problem):
    energy, _, mean, _ = problem
    rng = np.random.default_rng(0)
    with pytest.raises(LatentError, match="family"):
        LatentPosterior.fit(energy, mean, rng, family="laplace")
    with pytest.raises(LatentError, match="average_last"):
        LatentPosterior.fit(energy, mean, rng, steps=10, average_last=11)
    with pytest.raises(LatentError, match="shape"):
        map_estimate(energy, mean[0])
    with pytest.raises(LatentError, match="prior_std is > 0"):
        map_estimate(energy, mean, prior_std=0.0)
    with pytest.raises(LatentError, match="prior_std is > 0"):
        LatentPosterior.fit(energy, mean, rng, prior_std=-1.0)
    with pytest.raises(LatentError, match="not finite"):
        map_estimate(lambda z: z.sum(dim=1) * torch.nan, mean)
