"""The closed forms of linear auto-encoders against numerical minima of the loss of one mode."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_digits

from qvar.latent.vae.collapse import (
    active_units,
    collapse_curve,
    conditional_theta,
    linear_theta,
    linear_vae,
    linear_vae_fixed_std,
    predicted_active_axes,
    two_level_vae,
)
from qvar.simulators.errors import LatentError

SETTINGS = [  # theta, beta, decoder_std, prior_std
    (2.0, 1.0, 1.0, 1.0),
    (1.3, 0.5, 0.7, 1.5),
    (0.9, 2.0, 0.5, 0.6),
    (3.1, 4.0, 1.2, 1.0),
    (0.8, 1.0, 1.0, 1.0),
    (1.0, 4.0, 0.6, 2.0),
]


def minimum(loss, n):
    """Return the lowest point of many descents."""
    rng = np.random.default_rng(0)
    runs = [minimize(loss, rng.normal(size=n), method="BFGS", options={"gtol": 1e-9}) for _ in range(12)]
    return min(runs, key=lambda run: run.fun).x


def mode_loss(u, w, s, theta, beta, dec, enc):
    return ((u * w) ** 2 - 2 * u * w * theta + u**2 * s) / dec**2 + beta * ((w**2 + s) / enc**2 - np.log(s))


@pytest.mark.parametrize(("theta", "beta", "dec", "enc"), SETTINGS)
def test_learned_widths_give_the_minimum_of_the_loss(theta, beta, dec, enc):
    u, w, log_s = minimum(lambda p: mode_loss(p[0], p[1], np.exp(p[2]), theta, beta, dec, enc), 3)
    found = linear_vae([theta], beta=beta, decoder_std=dec, prior_std=enc)
    assert (abs(u), abs(w), np.exp(log_s / 2)) == pytest.approx(
        (found.decoder[0], found.encoder[0], found.std[0]), abs=1e-3
    )
    assert found.n_active == int(theta**2 > beta * dec**2)


@pytest.mark.parametrize("std", [0.3, 1.1])
@pytest.mark.parametrize(("theta", "beta", "dec", "enc"), SETTINGS)
def test_given_widths_give_the_minimum_of_the_loss(theta, beta, dec, enc, std):
    u, w = minimum(lambda p: mode_loss(p[0], p[1], std**2, theta, beta, dec, enc), 2)
    found = linear_vae_fixed_std([theta], std, beta=beta, decoder_std=dec, prior_std=enc)
    assert (abs(u), abs(w)) == pytest.approx((found.decoder[0], found.encoder[0]), abs=1e-3)


TWO_LEVELS = [  # theta, sigma_1, b1, b2, decoder_std, prior_std, case
    (2.0, 1.2, 1.0, 1.0, 1.0, 1.0, 1),
    (0.5, 1.2, 1.0, 1.0, 1.0, 0.7, 1),
    (1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 2),
    (0.3, 0.5, 1.0, 1.0, 1.0, 1.0, 2),
    (3.0, 0.5, 1.0, 1.0, 1.0, 1.3, 3),
    (2.5, 0.35, 1.0, 0.5, 0.8, 1.0, 3),
]


@pytest.mark.parametrize(("theta", "s1", "b1", "b2", "dec", "enc", "case"), TWO_LEVELS)
def test_two_levels_give_the_minimum_of_the_loss_in_each_case(theta, s1, b1, b2, dec, enc, case):
    def loss(p):
        u1, lam, w2, u2, log_s = p
        v, s = lam**2 + s1**2, np.exp(log_s)
        fit = ((theta - u1 * lam) ** 2 + u1**2 * s1**2) / dec**2
        level_1 = b1 * ((1 - u2 * w2) ** 2 * v + u2**2 * s) / dec**2
        return fit + level_1 + b2 * ((w2**2 * v + s) / enc**2 - np.log(s))

    _, lam, _, u2, _ = minimum(loss, 5)
    found = two_level_vae([theta], lower_std=s1, beta=(b1, b2), decoder_std=dec, prior_std=enc)
    assert found.case[0] == case
    assert (abs(lam), abs(u2)) == pytest.approx((found.encoder[0], found.upper_decoder[0]), abs=2e-3)


def test_a_wrong_formula_would_be_noticed():
    theta, beta, dec, enc = SETTINGS[0]
    u = abs(minimum(lambda p: mode_loss(p[0], p[1], np.exp(p[2]), theta, beta, dec, enc), 3)[0])
    assert abs(u - linear_vae([theta], beta=1.1 * beta, decoder_std=dec, prior_std=enc).decoder[0]) > 1e-2


def test_singular_values_are_those_of_the_second_moments():
    X = load_digits().data / 16
    eigenvalues = np.linalg.eigvalsh(X.T @ X / len(X))[::-1]
    assert linear_theta(X) ** 2 == pytest.approx(np.maximum(eigenvalues, 0), abs=1e-9)


def test_a_condition_leaves_fewer_axes_the_more_it_tells():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(4000, 6))
    counts = []
    for noise in (10.0, 0.5, 0.01):
        Y = X + noise * rng.normal(size=X.shape)
        scale = Y.std()
        counts.append(predicted_active_axes(conditional_theta(X / scale, Y / scale), decoder_std=0.5))
    assert counts[0] == 6
    assert counts[-1] == 0
    assert counts == sorted(counts, reverse=True)


def test_the_moments_left_over_agree_with_the_whitened_form():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(500, 3))
    Y = X @ rng.normal(size=(3, 4)) + rng.normal(size=(500, 4))
    whiten = lambda M: np.linalg.inv(np.linalg.cholesky(M.T @ M / len(M))).T  # noqa: E731
    Z = (X @ whiten(X)).T @ (Y @ whiten(Y)) / len(X)
    D = np.linalg.cholesky(Y.T @ Y / len(Y))
    E = D @ (np.eye(4) - Z.T @ Z) @ D.T
    assert conditional_theta(X, Y) ** 2 == pytest.approx(np.linalg.eigvalsh(E)[::-1], rel=1e-8)


def test_fewer_axes_are_active_at_a_larger_weight_and_none_beyond_the_largest_value():
    theta = linear_theta(load_digits().data / 16)
    counts = [predicted_active_axes(theta, beta=beta, decoder_std=0.1) for beta in (1e-12, 0.1, 1, 10, 1e6)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == np.count_nonzero(theta > 1e-7)
    assert counts[-1] == 0
    assert predicted_active_axes(theta, beta=1e-9, latent_size=8) == 8


def test_measures_tell_collapsed_from_active_axes():
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(50, 7, 4)) * [1.0, 0.5, 0.01, 0.0]
    assert active_units(mu) == 2
    kl = np.abs(rng.normal(size=(1000, 3))) * [1.0, 1e-3, 0.0]
    curve = collapse_curve(kl, [1e-9, 0.01, 10.0])
    assert curve == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_nonsense_is_refused():
    with pytest.raises(LatentError, match="> 0"):
        linear_vae([1.0], beta=0.0)
    with pytest.raises(LatentError, match="same samples"):
        conditional_theta(np.ones((3, 2)), np.ones((4, 2)))
