"""What the members of the family share: scikit-learn's transformer contract around a network and its training."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from qvar.latent.vae import storage
from qvar.latent.vae.likelihoods import Likelihood, find_likelihood
from qvar.latent.vae.networks import Encoder, PosteriorStd, Vae, dense
from qvar.latent.vae.priors import Prior, StandardNormal, gaussian_kl, prior_from_dict
from qvar.latent.vae.schedules import KlSchedule
from qvar.latent.vae.training import Epoch, TrainingSettings, train
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["LatentTransformer"]

Floats = NDArray[np.float64]
_SCORE_DRAWS = 8


class LatentTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the variational auto-encoders: rows of features to latent means, and back (see `BetaVAE`).

    A subclass stores the parameters declared here, and may say what network, prior or weight of the divergence it has.

    Attributes:
        network_: the trained network.
        prior_: the prior of the latent axes.
        history_: one `Epoch` per pass over the rows.
        latent_size_: number of columns that `transform` returns.
        n_features_in_: number of columns of the data.
    """

    latent_size: int
    hidden: tuple[int, ...]
    activation: str
    likelihood: str | Likelihood
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    validation_fraction: float
    callback: Any
    random_state: Any

    network_: Any
    prior_: Prior
    history_: list[Epoch]
    latent_size_: int
    n_features_in_: int

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ARG002
        """Train on the rows of `X`, shape (n_rows, n_features).

        Raises:
            ValueError: for data that scikit-learn would refuse.
            LatentError: for settings or data that make no sense, or a loss that is no longer finite.
        """
        data = torch.from_numpy(np.array(validate_data(self, X, dtype=np.float64, ensure_min_samples=2)))
        generator = self._generator()
        held_out, rows = self._split(len(data), generator)
        settings = self._settings()
        self.network_ = self._build(self.n_features_in_, generator)
        self._check(data)
        n_steps = settings.epochs * -(-len(rows) // settings.batch_size)
        self.prior_, self.history_ = train(
            self.network_,
            data[rows],
            settings=settings,
            prior=self._prior(),
            schedule=self._schedule(n_steps),
            generator=generator,
            held_out=data[held_out] if len(held_out) else None,
            on_epoch=self.callback,
        )
        self.network_.requires_grad_(False).eval()
        self._finish(data[held_out if len(held_out) else rows], generator)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the posterior mean of every row, float64 of shape (n_rows, latent_size_)."""
        return self.encode(X)[0]

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Return the expected data of latents, what `transform` returns, as float64 of shape (n_rows, n_features)."""
        check_is_fitted(self)
        Z = check_array(X, dtype=np.float64)
        if Z.shape[1] != self.latent_size_:
            raise LatentError(f"X has {Z.shape[1]} columns, but latents have {self.latent_size_}")
        return self._decoded(torch.from_numpy(Z))

    def encode(self, X: ArrayLike) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the posterior on all axes, float64 of shape (n_rows, latent_size)."""
        data = self._tensor(X)
        with torch.no_grad():
            posterior = self.network_.encode(data)
        return posterior.mu.numpy(), torch.exp(posterior.log_std).numpy()

    def kl(self, X: ArrayLike) -> Floats:
        """Return the divergence from the prior of every row and axis, nats, float64 of shape (n_rows, latent_size)."""
        data = self._tensor(X)
        with torch.no_grad():
            posterior = self.network_.encode(data)
            variances = torch.from_numpy(self.prior_.std(posterior.mu.shape[1]) ** 2)
            return np.asarray(gaussian_kl(posterior.mu, posterior.log_std, variances))

    def reconstruct(self, X: ArrayLike) -> Floats:
        """Return the expected data of each row's posterior mean, float64 of shape (n_rows, n_features)."""
        return self.inverse_transform(self.transform(X))

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Return expected data of latents drawn from the prior, float64 of shape (n_samples, n_features)."""
        check_is_fitted(self)
        rng = check_random_state(random_state)
        size = (check_whole("n_samples", n_samples, error=LatentError), self.latent_size)
        return self._decoded(torch.from_numpy(self.prior_.std(self.latent_size) * rng.standard_normal(size)))

    def score(self, X: ArrayLike, y: Any = None) -> float:  # noqa: ARG002
        """Return the mean evidence lower bound of the rows in nats, the divergence with weight 1; higher is better.

        It averages over eight draws of the latents of every row, the same ones in every call.
        """
        data = self._tensor(X)
        self._check(data)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            terms = [self.network_.terms(data, self.prior_, generator) for _ in range(_SCORE_DRAWS)]
        return -float(np.mean([float(t.reconstruction + t.kl.sum()) for t in terms]))

    def save(self, path: str | Path) -> None:
        """Write the fitted transformer to a NumPy archive (.npz), atomically; no pickle, no code.

        The callback is left out, and a random state that is not a whole number.
        """
        check_is_fitted(self)
        parameters = {name: value for name, value in self.get_params(deep=False).items() if name != "callback"}
        if not isinstance(self.random_state, int | np.integer | None):
            parameters["random_state"] = None
        facts = {"n_features_in_": self.n_features_in_, "prior_": self.prior_.to_dict()}
        arrays = {"weights/" + k: v.numpy() for k, v in self.network_.state_dict().items()}
        storage.write(path, type(self).__name__, {"parameters": parameters, **facts}, arrays | self._extra_arrays())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; `history_` is empty.

        Raises:
            LatentError: if the file is missing, damaged or of another class.
        """
        facts, arrays = storage.read(path, cls.__name__)
        try:
            loaded = cls(**facts["parameters"])
            loaded.n_features_in_ = facts["n_features_in_"]
            loaded.prior_ = prior_from_dict(facts["prior_"])
            loaded.history_ = []
            loaded.network_ = loaded._build(loaded.n_features_in_, torch.Generator())
            weights = {k.removeprefix("weights/"): torch.from_numpy(v) for k, v in arrays.items() if "/" in k}
            loaded.network_.load_state_dict(weights)
            loaded.network_.requires_grad_(False).eval()
            loaded._take_extra_arrays(arrays)
        except UNREADABLE as error:
            raise LatentError(f"{path} does not hold a {cls.__name__} of this version: {error}") from error
        return loaded

    # -- what a subclass may say otherwise -------------------------------------------------------------------------

    def _build(self, n_features: int, generator: torch.Generator) -> nn.Module:
        """Return the untrained network for data of so many features."""
        encoder, decoder = self._pair(n_features, generator)
        return Vae(encoder, decoder, find_likelihood(self.likelihood))

    def _prior(self) -> Prior:
        return StandardNormal()

    def _schedule(self, n_steps: int) -> KlSchedule:  # noqa: ARG002
        """Return the weight of the divergence for a training of so many gradient steps: `beta` throughout."""
        return self.beta if isinstance(self.beta, KlSchedule) else KlSchedule(self.beta)

    def _check(self, data: Tensor) -> None:
        self.network_.likelihood.check(data)

    def _finish(self, data: Tensor, generator: torch.Generator) -> None:  # noqa: ARG002
        """Learn what comes after training, from the rows that took no gradient step if there are any."""
        self.latent_size_ = self.latent_size

    def _extra_arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def _take_extra_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:  # noqa: ARG002
        self.latent_size_ = self.latent_size

    def _decoded(self, latents: Tensor) -> Floats:
        with torch.no_grad():
            return np.asarray(self.network_.decode(latents))

    # -- parts -----------------------------------------------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        return self.latent_size_

    def _pair(
        self, n_features: int, generator: torch.Generator, *, bias: bool = True, posterior_std: PosteriorStd = "network"
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder and the decoder that mirrors it."""
        size = check_whole("latent_size", self.latent_size, error=LatentError)
        hidden = tuple(check_whole("hidden", width, error=LatentError) for width in self.hidden)
        encoder = Encoder(
            n_features,
            hidden,
            size,
            generator,
            activation=self.activation,
            bias=bias,
            posterior_std=posterior_std,
        )
        return encoder, dense((size, *hidden[::-1], n_features), generator, activation=self.activation, bias=bias)

    def _settings(self) -> TrainingSettings:
        return TrainingSettings(self.epochs, self.batch_size, self.learning_rate, self.weight_decay)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(int(check_random_state(self.random_state).randint(2**31 - 1)))

    def _split(self, n_rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the numbers of the rows held out, and of those to train on."""
        if not 0 <= self.validation_fraction < 1:
            raise LatentError(f"validation_fraction is from 0 to below 1, got {self.validation_fraction}")
        n_held_out = min(round(self.validation_fraction * n_rows), n_rows - 1)
        order = torch.randperm(n_rows, generator=generator)
        return order[:n_held_out], order[n_held_out:]

    def _tensor(self, X: ArrayLike) -> Tensor:
        check_is_fitted(self)
        return torch.from_numpy(np.array(validate_data(self, X, reset=False, dtype=np.float64)))
