"""What each member of the family does to the handwritten digits: one function per component, one dict per row.

The digits of scikit-learn, 1,797 images of 64 pixels from 0 to 16, are divided by 16 save where they are counts. Every
function takes a seed, which chooses test images, initial weights, batches and draws, and settings small enough for a
laptop; with the defaults a call takes from seconds to minutes on one core.
"""

import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from qvar.latent.vae.ard import ArdVAE
from qvar.latent.vae.beta import BetaVAE
from qvar.latent.vae.likelihoods import Gaussian
from qvar.latent.vae.multinomial import MultDAE, MultVAE
from qvar.latent.vae.ranking import hide, ndcg_at, recall_at
from qvar.latent.vae.vble import LatentPosterior, coverage, linear_observation, map_estimate

__all__ = ["completion", "digits", "known_dimension", "relevant_dimension", "restoration"]

Floats = NDArray[np.float64]
Row = dict[str, Any]

_N_TRAIN = 1400


def digits(seed: int) -> tuple[Floats, Floats]:
    """Return 1,400 training and 397 test images, pixels from 0 to 1."""
    X = load_digits().data / 16
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order[:_N_TRAIN]], X[order[_N_TRAIN:]]


def known_dimension(seed: int, *, dimension: int = 5) -> tuple[Floats, Floats]:
    """Return 1,400 training and 397 test outputs of a random multilayer perceptron with so many inputs, 64 each."""
    rng = np.random.default_rng(seed)
    hidden = np.tanh(rng.normal(size=(1797, dimension)) @ rng.normal(size=(dimension, 64)) / np.sqrt(dimension))
    X = hidden @ rng.normal(size=(64, 64)) / 8
    return X[:_N_TRAIN], X[_N_TRAIN:]


def relevant_dimension(
    seed: int,
    data: Literal["digits", "known"],
    *,
    latent_sizes: Sequence[int] = (8, 16, 32, 64),
    beta: float = 0.5,
    epochs: int = 900,
) -> list[Row]:
    """Return how many axes ARD-VAE keeps of so many, what pruning costs, and how many a plain one has active.

    The prior is learned from 280 held-out images, drawn 36 times each. The plain auto-encoder has the same weight of
    the divergence, and axes of mean KL > 0.01 count as active. Axes beyond the needed ones die late: after 300 epochs
    one run in eight on the digits still kept 12 of 64, after 900 epochs the same run kept 4.
    """
    train, test = digits(seed) if data == "digits" else known_dimension(seed)
    rows = []
    for size in latent_sizes:
        settings: dict[str, Any] = {
            "epochs": epochs,
            "learning_rate": 3e-3,
            "random_state": seed,
            "likelihood": "squared-error",
        }
        ard = ArdVAE(size, beta=beta, **settings).fit(train)
        plain = BetaVAE(size, beta=beta, **settings).fit(train)
        with torch.no_grad():
            full = ard.network_.decode(torch.from_numpy(ard.encode(test)[0])).numpy()
        kept, before = (float(((R - test) ** 2).sum(axis=1).mean()) for R in (ard.reconstruct(test), full))
        rows.append(
            {
                "data": data,
                "L": size,
                "relevant": ard.latent_size_,
                "error": before,
                "error pruned": kept,
                "change": kept / before - 1,
                "plain active": int((plain.kl(train).mean(axis=0) > 0.01).sum()),
                "plain error": float(((plain.reconstruct(test) - test) ** 2).sum(axis=1).mean()),
            }
        )
    return rows


def completion(
    seed: int,
    *,
    likelihoods: Sequence[str] = ("multinomial", "gaussian", "bernoulli"),
    caps: Sequence[float] = (0.0, 0.1, 0.2, 0.5, 1.0),
    latent_size: int = 16,
    epochs: int = 100,
) -> list[Row]:
    """Return how well auto-encoders of counts rank the inked pixels hidden from them, 20 to 50 % of each image.

    The multinomial models counts 0 to 16; Gaussian (standard deviation 1) and Bernoulli model counts / 16, so that
    equal caps are not equal weights across likelihoods. "DAE" is Mult-DAE, without a divergence.
    """
    train, test = digits(seed)
    rng = np.random.default_rng(seed)
    quarters = [
        hide(part * 16, rng, share=s) for s, part in zip((0.2, 0.3, 0.4, 0.5), np.array_split(test, 4), strict=True)
    ]
    visible, hidden = (np.concatenate([quarter[k] for quarter in quarters]) for k in (0, 1))
    settings: dict[str, Any] = {"epochs": epochs, "learning_rate": 3e-3, "random_state": seed}
    models: list[tuple[str, float | None, Any]] = [
        (name, cap, MultVAE(latent_size, likelihood=name, cap=cap, **settings)) for name in likelihoods for cap in caps
    ]
    rows = []
    for name, cap, model in [*models, ("DAE", None, MultDAE(latent_size, **settings))]:
        scale = 16 if name in ("multinomial", "DAE") else 1
        scores = model.fit(scale * train).reconstruct(visible / 16 * scale)
        rows.append(
            {
                "likelihood": name,
                "cap": cap,
                "NDCG@20": float(ndcg_at(20, scores, visible, hidden).mean()),
                "Recall@20": float(recall_at(20, scores, visible, hidden).mean()),
                "KL": float(model.history_[-1].kl.sum()),
            }
        )
    return rows


def restoration(
    seed: int, *, noise_std: float = 0.1, latent_size: int = 16, epochs: int = 200, steps: int = 300, n_draws: int = 100
) -> list[Row]:
    """Return how well and how surely images are restored from half of their pixels, and from blurred ones.

    Encoder: the auto-encoder applied to a rough image (missing pixels replaced by their mean). MAP: `map_estimate`.
    VBLE: `LatentPosterior`, mean of decoded draws. Coverage: share of pixels within the central 90 % of the draws,
    decoded ("of D(z)"), and decoded with noise of the size of the decoder's residuals on the training images added,
    pixel by pixel; "missing" counts the unobserved pixels only.
    """
    train, test = digits(seed)
    rng = np.random.default_rng(seed + 10_000)
    model = BetaVAE(
        latent_size,
        hidden=(128,),
        likelihood=Gaussian(0.15),
        epochs=epochs,
        learning_rate=3e-3,
        random_state=seed,
    ).fit(train)
    mu, std = model.encode(train)
    residual = train - model.inverse_transform(mu + std * rng.standard_normal(mu.shape))
    residual_std = np.sqrt((residual**2).mean(axis=0))
    rows = []
    seen = rng.random(test.shape) < 0.5
    noise = noise_std * rng.standard_normal(test.shape)
    masked, blurred = seen * (test + noise), test @ _blur().T + noise
    mask = seen[:, :, None] * np.eye(test.shape[1])
    for task, operator, observed, rough, missing in (
        ("inpainting", mask, masked, np.where(seen, masked, train.mean(axis=0)), ~seen),
        ("deblurring", _blur(), blurred, blurred, np.ones_like(seen)),
    ):
        energy = linear_observation(model.network_.decode, operator, observed, noise_std)
        start = model.transform(rough)
        rows.append({"task": task, "method": "encoder", "PSNR": _psnr(model.inverse_transform(start), test)})
        began = time.perf_counter()
        best = map_estimate(energy, start, steps=steps, learning_rate=0.02)
        seconds = time.perf_counter() - began
        rows.append({"task": task, "method": "MAP", "PSNR": _psnr(model.inverse_transform(best), test)})
        rows[-1]["ms per image"] = 1e3 * seconds / len(test)
        for family in ("gaussian", "uniform"):
            began = time.perf_counter()
            posterior = LatentPosterior.fit(energy, start, rng, family=family, steps=steps, learning_rate=0.02)
            fitted = time.perf_counter()
            latents = posterior.sample(n_draws, rng).reshape(-1, latent_size)
            draws = model.inverse_transform(latents).reshape(n_draws, *test.shape)
            ended = time.perf_counter()
            noisy = draws + residual_std * rng.standard_normal(draws.shape)
            rows.append(
                {
                    "task": task,
                    "method": f"VBLE {family}",
                    "PSNR": _psnr(draws.mean(axis=0), test),
                    "PSNR of centre": _psnr(model.inverse_transform(posterior.centre), test),
                    "coverage": float(coverage(noisy, test).mean()),
                    "coverage of D(z)": float(coverage(draws, test).mean()),
                    "coverage, missing": _coverage_where(noisy, test, missing),
                    "ms per image": 1e3 * (fitted - began) / len(test),
                    "µs per draw": 1e6 * (ended - fitted) / len(latents),
                }
            )
    return rows


def _blur(width: float = 0.8) -> Floats:
    """Return a Gaussian blur of 8 x 8 images as a matrix, rows adding up to 1."""
    y, x = np.divmod(np.arange(64), 8)
    kernel = np.exp(-((y[:, None] - y) ** 2 + (x[:, None] - x) ** 2) / (2 * width**2))
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True))


def _psnr(images: Floats, truth: Floats) -> float:
    """Return the peak signal-to-noise ratio in dB for pixels from 0 to 1, mean over images."""
    return float(np.mean(-10 * np.log10(((images - truth) ** 2).mean(axis=1))))


def _coverage_where(draws: Floats, truth: Floats, where: NDArray[np.bool_]) -> float:
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    return float(((low <= truth) & (truth <= high))[where].mean())
