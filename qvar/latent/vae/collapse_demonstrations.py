"""Posterior collapse on the handwritten digits: what theory predicts of linear models, and what training finds.

The digits of scikit-learn, 1,797 images of 64 pixels from 0 to 16, are divided by 16. A seed chooses initial weights,
batches and draws; with the defaults a call takes minutes on one core.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from qvar.latent.vae.beta import BetaVAE
from qvar.latent.vae.collapse import active_units, conditional_theta, linear_theta, linear_vae, two_level_vae
from qvar.latent.vae.conditional import ConditionalVAE
from qvar.latent.vae.hierarchical import HierarchicalVAE
from qvar.latent.vae.likelihoods import Gaussian

__all__ = [
    "CONDITIONAL_POINTS",
    "LINEAR_POINTS",
    "TWO_LEVEL_POINTS",
    "conditional_collapse",
    "linear_collapse",
    "two_level_collapse",
]

Floats = NDArray[np.float64]
Row = dict[str, Any]

_BATCH = 180  # of linear models
_ACTIVE = 0.1  # singular values of an axis in use exceed it at every point below; of a collapsed axis they tend to 0

LINEAR_POINTS = ((0.03, 0.25), (0.134, 0.25), (0.25, 0.5), (0.33, 0.5), (0.47, 0.5), (2.0, 1.0), (16.0, 2.0))
"""beta * eta_dec^2 and eta_dec: between the eigenvalues of the digits, from all 16 axes active to none."""

CONDITIONAL_POINTS = ((0.1, 0.5), (0.4, 0.5), (0.75, 0.5))
"""The same between eigenvalues of the lower half of the digits, and of what the upper half leaves over of it."""

TWO_LEVEL_POINTS = ((0.8, 0.5), (0.25, 1.0), (0.4, 0.5))
"""sigma_1 and eta_dec of cases 1, 2 and 3 on the digits, weights 1."""


def linear_collapse(
    seed: int,
    *,
    points: Sequence[tuple[float, float]] = LINEAR_POINTS,
    latent_size: int = 16,
    steps: int = 10_000,
    data: Floats | None = None,
) -> list[Row]:
    """Return predicted and measured singular values and active axes of linear auto-encoders of the digits.

    One draw per image and step; an axis counts as active if its singular value in the decoder is > 0.1.
    """
    X = load_digits().data / 16 if data is None else data
    theta = linear_theta(X)[:latent_size]
    rows = []
    for threshold, std in points:
        beta = threshold / std**2
        model = BetaVAE(latent_size, beta=beta, posterior_std="shared", **_linear(std, len(X), steps, seed)).fit(X)
        found, theory = _singular(model.network_.decoder[0].weight), linear_vae(theta, beta=beta, decoder_std=std)
        rows.append({"beta": beta, "eta_dec": std, **_compared(found, theory.decoder, "omega")})
        rows[-1]["active units"] = active_units(model.transform(X))
    return rows


def conditional_collapse(
    seed: int, *, points: Sequence[tuple[float, float]] = CONDITIONAL_POINTS, latent_size: int = 12, steps: int = 10_000
) -> list[Row]:
    """Return the same for the lower half of the digits, alone and given the upper half."""
    X = load_digits().data / 16
    upper, lower = X[:, :32], X[:, 32:]
    alone, given = linear_theta(lower)[:latent_size], conditional_theta(upper, lower)[:latent_size]
    rows = []
    for threshold, std in points:
        beta, settings = threshold / std**2, _linear(std, len(X), steps, seed)
        settings = {**settings, "beta": beta, "posterior_std": "shared"}
        plain = BetaVAE(latent_size, **settings).fit(lower)
        conditional = ConditionalVAE(latent_size, n_condition=32, **settings).fit(X)
        for name, weight, theta in (
            ("VAE", plain.network_.decoder[0].weight, alone),
            ("CVAE", conditional.network_.decoder[0].weight[:, :latent_size], given),
        ):
            theory = linear_vae(theta, beta=beta, decoder_std=std)
            row = _compared(_singular(weight), theory.decoder, "omega")
            rows.append({"model": name, "beta": beta, "eta_dec": std, **row})
    return rows


def two_level_collapse(
    seed: int,
    *,
    points: Sequence[tuple[float, float]] = TWO_LEVEL_POINTS,
    latent_size: int = 4,
    steps: int = 20_000,
) -> list[Row]:
    """Return predicted and measured singular values of linear two-level auto-encoders, one point in each case."""
    X = load_digits().data / 16
    theta = linear_theta(X)[:latent_size]
    rows = []
    for lower_std, std in points:
        model = HierarchicalVAE(
            latent_size,
            upper_size=latent_size,
            upper_hidden=(),
            prior_std=std,
            posterior_std=lower_std,
            upper_posterior_std="shared",
            **_linear(std, len(X), steps, seed),
        ).fit(X)
        theory = two_level_vae(theta, lower_std=lower_std, decoder_std=std)
        row: Row = {"case": int(theory.case[0]), "sigma_1": lower_std, "eta_dec": std}
        row |= _compared(linear_theta(model.transform(X)), theory.encoder, "lambda")
        row |= _compared(_singular(model.network_.upper_decoder[0].weight), theory.upper_decoder, "omega")
        rows.append(row)
    return rows


def _linear(std: float, n_rows: int, steps: int, seed: int) -> dict[str, Any]:
    """Return the settings of a linear model, trained for so many steps."""
    return {
        "hidden": (),
        "bias": False,
        "likelihood": Gaussian(std),
        "epochs": steps // -(-n_rows // _BATCH),
        "batch_size": _BATCH,
        "learning_rate": 1e-2,
        "random_state": seed,
    }


def _singular(weight: torch.Tensor) -> Floats:
    return np.asarray(np.linalg.svd(weight.numpy(), compute_uv=False))


def _compared(found: Floats, theory: Floats, name: str) -> Row:
    return {
        f"{name} predicted": int((theory > 0).sum()),
        f"{name} measured": int((found > _ACTIVE).sum()),
        f"{name} difference": float(np.abs(found - theory).mean()),
    }
