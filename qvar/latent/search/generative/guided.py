"""Decode many circuits, embed them, and evaluate those that a Gaussian process expects most of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.acquisition import log_expected_improvement, log_probability
from qvar.latent.search.candidates import Features, Rewards
from qvar.latent.search.generative.circuits import CircuitEvolution, random_circuits
from qvar.latent.search.generative.contract import Draws, Generator, Task
from qvar.latent.search.generative.decoding import LatentPerturbation
from qvar.latent.space import Structures

if TYPE_CHECKING:
    from qvar.latent.search.gaussian_process import Hyperparameters

__all__ = ["GuidedSearch"]

_GROWTH = 1.5
_MOST_FITTED = 200


@dataclass(frozen=True)
class GuidedSearch:
    """Rank proposals by a Gaussian process on their features.

    Args:
        batch: circuits evaluated of one draw.
        proposals: circuits proposed per draw: half by `source`, half random ones.
        source: "latent": decoded near the best circuits; "mutation": the best circuits with gates changed.
        acquisition: "logei" or "probability", see `BayesianOptimization`.
        initial: random circuits first.
        remembered: most circuits that the model conditions on: the better half the best, the others at random.

    Source: ours, after arXiv 2401.11576; BoTorch for the model.
    """

    needs_torch: ClassVar[bool] = True

    batch: int = 10
    proposals: int = 512
    source: Literal["latent", "mutation"] = "latent"
    acquisition: Literal["logei", "probability"] = "logei"
    initial: int = 32
    remembered: int = 400

    def start(self, task: Task) -> Generator:
        """Return a generator that knows nothing yet."""
        return _Guided(self, task)


class _Guided:
    """The source of proposals, the data, and hyperparameters fitted to some of it."""

    def __init__(self, settings: GuidedSearch, task: Task) -> None:
        self._settings, self._task = settings, task
        half = settings.proposals // 2
        self._source = (
            LatentPerturbation(draws=half, initial=settings.initial).start(task)
            if settings.source == "latent"
            else CircuitEvolution(batch=half // 4, initial=settings.initial).start(task)
        )
        self._features: Features = np.empty((0, task.codec.latent_size), dtype=np.float32)
        self._rewards: Rewards = np.empty(0, dtype=np.float64)
        self._hyperparameters: Hyperparameters | None = None
        self._n_fitted = 0

    def draw(self) -> Draws:
        near, valid = self._source.draw()
        if len(self._rewards) < self._settings.initial:
            return near, valid
        far, _ = random_circuits(self._task, self._settings.proposals // 2)
        drawn, valid = np.concatenate([near, far]), np.concatenate([valid, np.ones(len(far), dtype=bool)])
        scores = np.full(len(drawn), -np.inf)
        scores[valid] = self._scores(self._task.codec.embed(drawn[valid]))
        order = np.argsort(-scores, kind="stable")
        return drawn[order], valid[order]

    def _scores(self, features: Features) -> NDArray[np.float64]:
        from qvar.latent.search.gaussian_process import condition, fit_hyperparameters

        known = self._remembered()
        x, y = self._features[known].astype(np.float64), self._rewards[known]
        center, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        shift, scale = float(y.mean()), max(float(y.std()), 1e-6)
        x, y = (x - center) / spread, (y - shift) / scale
        if self._hyperparameters is None or len(self._rewards) >= _GROWTH * self._n_fitted:
            some = self._task.rng.permutation(len(x))[:_MOST_FITTED]
            self._hyperparameters = fit_hyperparameters(x[some], y[some], start=self._hyperparameters)
            self._n_fitted = len(self._rewards)
        posterior = condition(self._hyperparameters, x, y).at((features - center) / spread)
        if self._settings.acquisition == "probability":
            return log_probability(posterior.mean, posterior.deviation(), (self._task.threshold - shift) / scale)
        best = (float(self._rewards.max()) - shift) / scale
        return log_expected_improvement(posterior.mean, posterior.deviation(), best)

    def _remembered(self) -> NDArray[np.int64]:
        most = self._settings.remembered
        if len(self._rewards) <= most:
            return np.arange(len(self._rewards))
        order = np.argsort(-self._rewards, kind="stable")
        return np.concatenate(
            [order[: most // 2], self._task.rng.choice(order[most // 2 :], most - most // 2, replace=False)]
        )

    def tell(self, structures: Structures, rewards: Rewards, rows: NDArray[np.int64], /) -> None:
        self._source.tell(structures, rewards, rows)
        self._features = np.concatenate([self._features, self._task.codec.embed(structures)])
        self._rewards = np.concatenate([self._rewards, rewards])

    def heed(self, invalid: float, known: float) -> None:
        self._source.heed(invalid, known)
