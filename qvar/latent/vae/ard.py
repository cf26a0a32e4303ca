"""ARD-VAE: a variational auto-encoder that finds how many latent axes the data need."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from qvar.latent.vae.estimator import LatentTransformer
from qvar.latent.vae.likelihoods import Likelihood
from qvar.latent.vae.priors import ArdPrior, Prior
from qvar.latent.vae.relevance import axis_relevance, relevant_axes
from qvar.latent.vae.training import Epoch
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["ArdVAE"]

Floats = NDArray[np.float64]
_JACOBIAN_ROWS = 100


class ArdVAE(LatentTransformer):
    """A variational auto-encoder whose prior learns the width of every axis, and which keeps the relevant axes only.

    The prior (`ArdPrior`) is refreshed before every epoch from posteriors of rows held out. After training, axes are
    ranked by `axis_relevance`; `transform` returns the fewest that make up `share` of the relevance, most relevant
    first, and `inverse_transform` sets the others to 0. `encode` gives all axes.

    Args:
        latent_size: number of axes to start from; more than the data need.
        hidden: widths of the hidden layers of the encoder; the decoder mirrors them.
        activation: "relu", "tanh" or "silu".
        likelihood: see `BetaVAE`.
        beta: weight of the divergence, lambda in the source; the smaller it is beside the scale of the
            reconstruction, the more axes are found relevant.
        share: share of the relevance that the axes kept must exceed.
        epochs: passes over the rows; too few leave axes alive that are not needed.
        batch_size: rows of a gradient step.
        learning_rate: of Adam at the start; it falls to 0 as half a cosine.
        weight_decay: factor of half the sum of squared weights in the loss.
        validation_fraction: share of the rows that the prior is learned from, > 0; they take no gradient step.
        callback: called with an `Epoch` after every epoch.
        random_state: seed of weights, batches and draws.

    Attributes:
        relevance_: relevance of every axis, shape (latent_size,).
        axes_: numbers of the axes kept, most relevant first.

    Source: Saha, Joshi and Whitaker, "ARD-VAE" (2025), arXiv 2501.10901.

    Differs from the source: where 10,000 rows apart from the training rows are not to be had, rows held out are drawn
    several times; the learning rate follows a cosine instead of falling on plateaus; see also `ArdPrior`.
    """

    def __init__(
        self,
        latent_size: int = 16,
        *,
        hidden: tuple[int, ...] = (64,),
        activation: str = "relu",
        likelihood: str | Likelihood = "squared-error",
        beta: float = 0.5,
        share: float = 0.99,
        epochs: int = 100,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.2,
        callback: Callable[[Epoch], object] | None = None,
        random_state: Any = None,
    ) -> None:
        self.latent_size = latent_size
        self.hidden = hidden
        self.activation = activation
        self.likelihood = likelihood
        self.beta = beta
        self.share = share
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.callback = callback
        self.random_state = random_state

    def transform(self, X: ArrayLike) -> Floats:
        """Return posterior means on the axes kept, most relevant first, float64 of shape (n_rows, latent_size_)."""
        return self.encode(X)[0][:, self.axes_]

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Return expected data of latents drawn at the mean and width of the axes kept, 0 on the others."""
        check_is_fitted(self)
        size = (check_whole("n_samples", n_samples, error=LatentError), len(self.axes_))
        noise = check_random_state(random_state).standard_normal(size)
        return self.inverse_transform(self.mean_[self.axes_] + self.prior_.std(self.latent_size)[self.axes_] * noise)

    def _prior(self) -> Prior:
        return ArdPrior()

    def _split(self, n_rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if not self.validation_fraction > 0:
            raise LatentError(
                f"the prior is learned from rows held out: validation_fraction > 0, got {self.validation_fraction}"
            )
        return super()._split(n_rows, generator)

    def _finish(self, data: Tensor, generator: torch.Generator) -> None:  # noqa: ARG002
        with torch.no_grad():
            mu = self.network_.encode(data).mu
        self.mean_ = mu.mean(dim=0).numpy()
        self.relevance_ = axis_relevance(self.network_.decode, mu[:_JACOBIAN_ROWS], self.prior_.std(self.latent_size))
        self.axes_ = relevant_axes(self.relevance_, self.share)
        self.latent_size_ = len(self.axes_)

    def _decoded(self, latents: Tensor) -> Floats:
        full = torch.zeros(len(latents), self.latent_size, dtype=latents.dtype)
        full[:, torch.from_numpy(self.axes_)] = latents
        return super()._decoded(full)

    def _extra_arrays(self) -> dict[str, NDArray[Any]]:
        return {"axes": self.axes_, "mean": self.mean_, "relevance": self.relevance_}

    def _take_extra_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        axes, size = arrays["axes"], self.latent_size
        if axes.ndim != 1 or axes.dtype.kind not in "iu" or not np.isin(axes, np.arange(size)).all():
            raise LatentError(f"the axes kept are whole numbers from 0 to {size - 1}, got {axes!r:.100}")
        self.axes_, self.mean_, self.relevance_ = axes, arrays["mean"], arrays["relevance"]
        self.latent_size_ = len(axes)
