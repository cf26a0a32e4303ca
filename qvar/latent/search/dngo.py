"""Bayesian optimization by DNGO: a small network, and Bayesian linear regression on its last hidden layer."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from qvar.latent.search.acquisition import expected_improvement, log_expected_improvement
from qvar.latent.search.candidates import Indices, Rewards, Unvisited
from qvar.latent.search.evidence import best_first
from qvar.latent.search.method import Assignment, PoolSearcher, check_counts
from qvar.latent.search.network import SmallNetwork
from qvar.simulators.errors import LatentError

__all__ = ["Dngo"]

_WINDOW = 20_000
_BATCH, _LEARNING_RATE = 10, 0.01


@dataclass(frozen=True)
class Dngo:
    """Evaluate the circuits of most expected improvement under a network with a Bayesian last layer.

    The network is Linear(d, hidden) - tanh - Linear(hidden, 1), trained on the mean squared error (Adam 0.01, batches
    of 10, inputs standardized). Its weights precision alpha and noise precision beta maximize the marginal likelihood.

    Args:
        hidden: width of the layer.
        epochs: of the first training, and of every one if `epochs_after` is None.
        epochs_after: of later trainings, which go on from the network of the round before; None to start afresh.
        target: what an improvement is measured from; None for the best reward so far.
        variance_as_deviation: whether the variance stands where the standard deviation belongs.
        initial: random circuits first.
        batch: circuits per round, the best of those left among the best `2 * batch` of all that are scored.
        scored: circuits scored per round, drawn at random; None for the whole pool, visited ones included.
        penalty: whether rewards below the threshold are squared.

    Source: Snoek et al., "Scalable Bayesian optimization using deep neural networks", ICML 2015; settings of the
    authors' code of arXiv 2401.11576, see `Dngo.reference`.

    Differs from the source, by default: later trainings go on with the old network, improvements are measured from the
    best reward by the true standard deviation (the authors' code has a fixed target and the variance), and a part of
    the pool is scored. Where all of the best `2 * batch` were visited, the best circuit that is left is evaluated.
    """

    needs_torch: ClassVar[bool] = False

    hidden: int = 128
    epochs: int = 100
    epochs_after: int | None = 10
    target: float | None = None
    variance_as_deviation: bool = False
    initial: int = 16
    batch: int = 5
    scored: int | None = 5000
    penalty: bool = False

    def __post_init__(self) -> None:
        check_counts(self, "hidden", "epochs", "batch", *(["scored"] if self.scored is not None else []))
        if self.initial < 2:
            raise LatentError(f"DNGO needs at least 2 circuits first, got initial={self.initial}")

    @classmethod
    def reference(cls, *, target: float = 0.9, batch: int = 5, penalty: bool = False) -> "Dngo":
        """Return DNGO as the authors' code of arXiv 2401.11576 has it, its two defects included."""
        return cls(
            epochs_after=None,
            target=target,
            variance_as_deviation=True,
            batch=batch,
            scored=None,
            penalty=penalty,
        )

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher that knows nothing yet."""
        return _Dngo(self, assignment)


class _Dngo:
    """The data, and the network of the last round."""

    def __init__(self, settings: Dngo, assignment: Assignment) -> None:
        self._settings, self._rng, self._threshold = settings, assignment.rng, assignment.threshold
        self._points = assignment.candidates.features
        self._unvisited = Unvisited(self._points)
        self._known = np.empty(0, dtype=np.int64)
        self._rewards = np.empty(0, dtype=np.float64)
        self._network: SmallNetwork | None = None

    def propose(self, most: int) -> Indices:
        settings = self._settings
        if len(self._known) < settings.initial:
            chosen = self._unvisited.sample(min(most, settings.initial - len(self._known)), self._rng)
        else:
            chosen = self._best(min(most, settings.batch))
        self._unvisited.take(chosen)
        return chosen

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        if self._settings.penalty:
            rewards = np.where(rewards < self._threshold, rewards**2, rewards)
        self._known = np.concatenate([self._known, indices])
        self._rewards = np.concatenate([self._rewards, rewards])

    def remarks(self) -> dict[str, Any]:
        return {}

    def _best(self, count: int) -> Indices:
        settings = self._settings
        known = self._points[self._known]
        shift, scale = known.mean(axis=0), np.maximum(known.std(axis=0), np.float32(1e-6))
        network = self._trained((known - shift) / scale)
        last_layer = _BayesianLayer.fit(
            network.last_hidden((known - shift) / scale).astype(np.float64), self._rewards, self._rng
        )
        whole = settings.scored is None
        scored = np.arange(len(self._points)) if whole else self._unvisited.sample(settings.scored or 0, self._rng)
        scores = np.concatenate(
            [
                self._improvement(last_layer, network.last_hidden((self._points[part] - shift) / scale))
                for part in np.array_split(scored, -(-len(scored) // _WINDOW))
            ]
        )
        best = scored[best_first(scores, 2 * settings.batch)]
        left = best[self._unvisited.is_free[best]]
        if not len(left):
            scores[~self._unvisited.is_free[scored]] = -np.inf
            left = scored[[scores.argmax()]]
        return left[:count]

    def _trained(self, x: NDArray[np.float32]) -> SmallNetwork:
        settings, epochs = self._settings, self._settings.epochs
        if self._network is None or settings.epochs_after is None:
            self._network = SmallNetwork(x.shape[1], (settings.hidden,), activation="tanh", rng=self._rng)
        else:
            epochs = settings.epochs_after
        self._network.fit(x, self._rewards, epochs=epochs, batch=_BATCH, learning_rate=_LEARNING_RATE)
        return self._network

    def _improvement(self, layer: "_BayesianLayer", hidden: NDArray[np.float32]) -> NDArray[np.float64]:
        mean, variance = layer.predict(hidden)
        deviation = variance if self._settings.variance_as_deviation else np.sqrt(variance)
        if self._settings.target is not None:
            return expected_improvement(mean, deviation, self._settings.target)
        return log_expected_improvement(mean, deviation, float(self._rewards.max()))


@dataclass(frozen=True, eq=False)
class _BayesianLayer:
    """Bayesian linear regression on features of the last hidden layer, without an offset."""

    mean: NDArray[np.float32]
    factor: NDArray[np.float32]
    noise: float

    @classmethod
    def fit(cls, hidden: NDArray[np.float64], y: Rewards, rng: np.random.Generator) -> "_BayesianLayer":
        """Maximize the marginal likelihood over log alpha and log beta by the simplex method.

        With the eigenvalues of hidden' hidden every step is a sum over them.
        """
        values, vectors = np.linalg.eigh(hidden.T @ hidden)
        values = np.maximum(values, 0.0)
        projected = vectors.T @ (hidden.T @ y)
        n, width, square = len(y), hidden.shape[1], float(y @ y)

        def cost(logs: NDArray[np.float64]) -> float:
            alpha, beta = np.exp(np.clip(logs, -20, 20))
            precisions = alpha + beta * values
            misfit = beta * square - beta**2 * float((projected**2 / precisions).sum())
            evidence = width * np.log(alpha) + n * np.log(beta) - misfit - np.log(precisions).sum()
            return float(-0.5 * (evidence - n * np.log(2 * np.pi)))

        start = np.array([rng.normal(0, 1), -rng.normal(-3, 1)])
        found = minimize(cost, start, method="Nelder-Mead", options={"maxiter": 200})
        alpha, beta = np.exp(np.clip(found.x, -20, 20))
        precisions = alpha + beta * values
        return cls(
            mean=(vectors @ (beta * projected / precisions)).astype(np.float32),
            factor=(vectors / np.sqrt(precisions)).astype(np.float32),
            noise=float(1 / beta),
        )

    def predict(self, hidden: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and variances, noise included."""
        spread = hidden @ self.factor
        variance = np.einsum("ij,ij->i", spread, spread).astype(np.float64) + self.noise
        return (hidden @ self.mean).astype(np.float64), variance
