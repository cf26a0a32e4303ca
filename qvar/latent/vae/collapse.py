"""Which latent axes collapse onto their prior: theory for linear models, and measures for any model.

An axis that a variational auto-encoder does not use has a posterior equal to its prior. For linear encoders and
decoders, x -> N(W x, diag sigma^2) and z -> N(U z, eta_dec^2), prior N(0, eta_enc^2) and weight beta of the divergence,
the optimum is known in closed form: one formula per singular value theta_i of the data, largest first. Nothing here
loads torch.

Source: Dang et al., "Posterior Collapse in Linear Conditional and Hierarchical Variational Autoencoders" (ICLR 2024),
arXiv 2306.05023, Theorems 1 to 3.

Differs from the source: for sigma of the conditional model the authors' code compares an eigenvalue with
sqrt(beta) * eta_dec; here it is compared with beta * eta_dec^2, as the optimum requires.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.errors import LatentError

__all__ = [
    "LinearOptimum",
    "TwoLevelOptimum",
    "active_units",
    "collapse_curve",
    "conditional_theta",
    "linear_theta",
    "linear_vae",
    "linear_vae_fixed_std",
    "predicted_active_axes",
    "two_level_vae",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinearOptimum:
    """The optimum of a linear variational auto-encoder, one entry per axis.

    Attributes:
        decoder: omega_i, singular values of the decoder U.
        encoder: lambda_i, singular values of the encoder on data of unit covariance.
        std: sigma_i, posterior standard deviations.
    """

    decoder: Floats
    encoder: Floats
    std: Floats

    @property
    def n_active(self) -> int:
        """How many axes are in use."""
        return int(np.count_nonzero(self.decoder > 0))


@dataclass(frozen=True)
class TwoLevelOptimum:
    """The optimum of a linear two-level variational auto-encoder, one entry per axis.

    Attributes:
        encoder: lambda_i, singular values of the encoder to z1.
        upper_decoder: omega_i, singular values of the decoder from z2 to z1.
        case: 1, 2 or 3, which row of the theorem holds.
    """

    encoder: Floats
    upper_decoder: Floats
    case: NDArray[np.int64]


def linear_theta(data: ArrayLike) -> Floats:
    """Return theta_i of auto-encoding: square roots of the eigenvalues of E[x x^T], not centred, largest first.

    Args:
        data: rows, shape (n, features).
    """
    X = np.asarray(data, dtype=np.float64)
    return np.asarray(np.linalg.svd(X, compute_uv=False) / np.sqrt(len(X)))


def conditional_theta(condition: ArrayLike, target: ArrayLike) -> Floats:
    """Return theta_i of a conditional model, here as for `linear_theta` square roots of eigenvalues.

    The eigenvalues are those of the second moments of the target that linear regression on the condition, without
    offset, leaves over: E = D (I - Z^T Z) D^T in the source, whose theta_i are the eigenvalues themselves.

    Args:
        condition: x, shape (n, features).
        target: y, shape (n, others).
    """
    X, Y = np.asarray(condition, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if len(X) != len(Y):
        raise LatentError(f"condition and target are rows of the same samples, got {len(X)} and {len(Y)} rows")
    coefficients = np.linalg.lstsq(X, Y, rcond=None)[0]
    return linear_theta(Y - X @ coefficients)


def linear_vae(
    theta: ArrayLike, *, beta: float = 1.0, decoder_std: float = 1.0, prior_std: float = 1.0
) -> LinearOptimum:
    """Return the optimum with learned posterior widths (Theorems 1 and 2).

    omega = sqrt(theta^2 - beta eta_dec^2) / eta_enc, lambda = eta_enc sqrt(theta^2 - beta eta_dec^2) / theta,
    sigma = sqrt(beta) eta_enc eta_dec / theta where theta^2 > beta eta_dec^2; 0, 0 and eta_enc elsewhere.

    Args:
        theta: singular values, from `linear_theta` or, for a conditional model, `conditional_theta`; as many as the
            model has axes.
        beta: weight of the divergence, > 0.
        decoder_std: eta_dec, > 0.
        prior_std: eta_enc, > 0.
    """
    theta = _checked(theta, beta=beta, decoder_std=decoder_std, prior_std=prior_std)
    excess = np.sqrt(np.maximum(0.0, theta**2 - beta * decoder_std**2))
    safe = np.where(excess > 0, theta, 1.0)
    std = np.where(excess > 0, np.sqrt(beta) * prior_std * decoder_std / safe, prior_std)
    return LinearOptimum(excess / prior_std, prior_std * excess / safe, std)


def linear_vae_fixed_std(
    theta: ArrayLike, std: ArrayLike, *, beta: float = 1.0, decoder_std: float = 1.0, prior_std: float = 1.0
) -> LinearOptimum:
    """Return the optimum with given posterior widths.

    With c = eta_dec / eta_enc: omega^2 = sqrt(beta) c (theta - sqrt(beta) c sigma) / sigma and lambda^2 =
    sigma (theta - sqrt(beta) c sigma) / (sqrt(beta) c), both 0 where theta <= sqrt(beta) c sigma.

    Args:
        theta: singular values, largest first.
        std: sigma_i, > 0; they are sorted, the largest theta goes with the smallest sigma.
        beta: weight of the divergence, > 0.
        decoder_std: eta_dec, > 0.
        prior_std: eta_enc, > 0.
    """
    theta = _checked(theta, beta=beta, decoder_std=decoder_std, prior_std=prior_std)
    sigma = np.sort(np.broadcast_to(np.asarray(std, dtype=np.float64), theta.shape))
    if not (sigma > 0).all():
        raise LatentError("posterior widths are > 0")
    scale = np.sqrt(beta) * decoder_std / prior_std
    excess = np.maximum(0.0, theta - scale * sigma)
    return LinearOptimum(np.sqrt(scale * excess / sigma), np.sqrt(sigma * excess / scale), sigma)


def two_level_vae(
    theta: ArrayLike,
    *,
    lower_std: float,
    beta: tuple[float, float] = (1.0, 1.0),
    decoder_std: float = 1.0,
    prior_std: float = 1.0,
) -> TwoLevelOptimum:
    """Return the optimum of x -> z1 -> z2 with given width of q(z1|x) and learned widths of q(z2|z1) (Theorem 3).

    p(x|z1) and p(z1|z2) both have standard deviation `decoder_std`, p(z2) has `prior_std`.

    Args:
        theta: singular values, from `linear_theta`.
        lower_std: sigma_1, width of q(z1|x) on every axis, > 0.
        beta: weights of the divergences of level 1 and 2, > 0.
        decoder_std: eta_dec, > 0.
        prior_std: eta_enc, > 0.
    """
    b1, b2 = beta
    theta = _checked(theta, beta=min(b1, b2, lower_std), decoder_std=decoder_std, prior_std=prior_std)
    s2, dec2, enc2 = lower_std**2, decoder_std**2, prior_std**2
    upper = s2 * theta**2 / (b2 * dec2)  # second moment of z1 on an axis that is encoded
    case = np.where(s2 >= b2 / b1 * dec2, 1, np.where(upper < b2 / b1 * dec2, 2, 3))
    encoded = lower_std / np.sqrt(b2 * dec2) * np.sqrt(np.maximum(0.0, theta**2 - b2 * dec2))
    alone = np.sqrt(np.maximum(0.0, lower_std / np.sqrt(b1) * (theta - np.sqrt(b1) * lower_std)))
    omega2 = np.maximum(0.0, np.where(case == 1, np.maximum(s2, upper), upper) - b2 / b1 * dec2) / enc2
    return TwoLevelOptimum(np.where(case == 2, alone, encoded), np.sqrt(np.where(case == 2, 0.0, omega2)), case)


def predicted_active_axes(
    theta: ArrayLike, *, beta: float = 1.0, decoder_std: float = 1.0, latent_size: int | None = None
) -> int:
    """Return how many axes a linear model with learned widths uses: #{i <= latent_size : theta_i^2 > beta eta_dec^2}.

    For other models, a graph auto-encoder of circuits for example, it is a guide only.
    """
    return linear_vae(np.asarray(theta)[:latent_size], beta=beta, decoder_std=decoder_std).n_active


def active_units(mu: ArrayLike, *, threshold: float = 0.01) -> int:
    """Return on how many axes posterior means differ between samples: Var(mu_l) > threshold.

    Args:
        mu: posterior means, shape (..., axes); leading dimensions are samples.
        threshold: in squared units of the latents.
    """
    mu = np.asarray(mu, dtype=np.float64)
    return int(np.count_nonzero(mu.reshape(-1, mu.shape[-1]).var(axis=0) > threshold))


def collapse_curve(kl: ArrayLike, epsilons: ArrayLike, *, delta: float = 0.01) -> Floats:
    """Return which share of the axes is (epsilon, delta)-collapsed: KL_l < epsilon on at least 1 - delta of samples.

    Args:
        kl: divergence of every sample and axis, nats, shape (n, axes).
        epsilons: where to take the curve, shape (m,).
        delta: share of samples that may exceed it, 0 to 1.

    Returns:
        Float64 of shape (m,), rising from 0 to 1.
    """
    kl, epsilons = np.asarray(kl, dtype=np.float64), np.asarray(epsilons, dtype=np.float64)
    below = (kl[None] < epsilons[:, None, None]).mean(axis=1)
    return np.asarray((below >= 1 - delta).mean(axis=1))


def _checked(theta: ArrayLike, *, beta: float, decoder_std: float, prior_std: float) -> Floats:
    theta = np.asarray(theta, dtype=np.float64)
    if not (min(beta, decoder_std, prior_std) > 0 and (theta >= 0).all()):
        raise LatentError("weights and standard deviations are > 0, singular values >= 0")
    return theta
