"""Bayesian optimization over a pool by a Gaussian process; the acquisition is maximized over circuits of the pool."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.acquisition import log_expected_improvement, log_probability
from qvar.latent.search.candidates import Indices, Rewards
from qvar.latent.search.evidence import Evidence, best_first
from qvar.latent.search.method import Assignment, PoolSearcher, check_counts
from qvar.latent.search.trust_region import TrustRegion
from qvar.simulators.errors import LatentError

if TYPE_CHECKING:
    from qvar.latent.search.gaussian_process import Conditioned, Hyperparameters

__all__ = ["Acquisition", "BayesianOptimization"]

Acquisition = Literal["logei", "qlogei", "probability", "ucb"]

_GROWTH = 1.5
_MOST_FITTED = 200
_ELITES, _BEST, _NEAR = 5, 50, 100
_SHORTLIST = 48


@dataclass(frozen=True)
class BayesianOptimization:
    """Fit a Gaussian process to what is known, and evaluate the circuits of most acquisition, some at a time.

    A circuit's own value is the function at its feature plus what the feature does not tell; acquisitions are of that
    value, so its noise counts. After each circuit of a batch the model takes its mean for its value, and goes on.

    Args:
        acquisition: "logei": logarithm of the expected improvement on the best reward; "qlogei": that of the whole
            batch jointly, by BoTorch, among the best by "logei"; "probability": that the reward reaches the threshold,
            for as many candidate solutions as possible; "ucb": mean plus two standard deviations.
        trust_region: whether to keep to the circuits nearest to the best one, see `TrustRegion`.
        initial: random circuits first.
        batch: circuits per round.
        scored: circuits per round whose acquisition is computed: random ones, and neighbours of some of the best.
        remembered: most circuits that the model conditions on: the better half of the best rewards, and others drawn
            at random; inside a trust region the nearest ones.

    Source: BoTorch (Balandat et al., NeurIPS 2020) for length scales, noise and "qlogei"; arXiv 2401.11576 for
        the numbers of random circuits and of circuits per round.

    Differs from the sources: length scales have a narrower prior and noise a wider one than BoTorch's, see
        `qvar.latent.search.gaussian_process.botorch_model`; hyperparameters are fitted when the data has grown by
        half, not in every round.
    """

    needs_torch: ClassVar[bool] = True

    acquisition: Acquisition = "logei"
    trust_region: bool = False
    initial: int = 16
    batch: int = 5
    scored: int = 2000
    remembered: int = 400

    def __post_init__(self) -> None:
        check_counts(self, "initial", "batch", "scored", "remembered")
        if self.acquisition not in get_args(Acquisition):
            raise LatentError(f"an acquisition is one of {', '.join(get_args(Acquisition))}, got {self.acquisition!r}")
        if self.initial < 2 or self.remembered < self.initial:
            raise LatentError(
                f"a Gaussian process starts with at least 2 circuits and remembers as many, got initial={self.initial} "
                f"and remembered={self.remembered}"
            )

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher that knows nothing yet."""
        return _Optimizer(self, assignment)


class _Optimizer:
    """The data, and hyperparameters fitted to some of it."""

    def __init__(self, settings: BayesianOptimization, assignment: Assignment) -> None:
        self._settings, self._evidence = settings, Evidence(assignment)
        self._region = TrustRegion(self._evidence.unvisited) if settings.trust_region else None
        self._hyperparameters: Hyperparameters | None = None
        self._n_fitted, self._n_fits = 0, 0

    def propose(self, most: int) -> Indices:
        evidence, settings = self._evidence, self._settings
        if len(evidence) < settings.initial:
            return evidence.sample(min(most, settings.initial - len(evidence)))
        known = self._remembered()
        rewards = evidence.rewards[known]
        shift, scale = float(rewards.mean()), max(float(rewards.std()), 1e-6)
        model = self._model(evidence.features[known].astype(np.float64), (rewards - shift) / scale)
        scored = self._scored()
        points = evidence.unvisited.points[scored].astype(np.float64)
        best, least = ((value - shift) / scale for value in (evidence.rewards.max(), evidence.threshold))
        chosen = self._batch(model, points, float(best), float(least), min(most, settings.batch, len(scored)))
        return evidence.taken(scored[chosen])

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        if self._region is not None and len(self._evidence) >= self._settings.initial:
            self._region.adapt(bool((rewards > min(self._evidence.rewards.max(), self._evidence.threshold)).any()))
        self._evidence.learn(indices, rewards)

    def remarks(self) -> dict[str, Any]:
        return {"fits": self._n_fits}

    def _remembered(self) -> NDArray[np.int64]:
        """Return which evaluated circuits the model is to know."""
        evidence, most = self._evidence, self._settings.remembered
        if len(evidence) <= most:
            return np.arange(len(evidence))
        if self._region is not None:
            return best_first(-self._region.squared_distances(evidence.features, evidence.best(1)[0]), most)
        order = np.argsort(-evidence.rewards, kind="stable")
        others = evidence.rng.choice(order[most // 2 :], size=most - most // 2, replace=False)
        return np.concatenate([order[: most // 2], others])

    def _model(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> "Conditioned":
        """Return the model of standardized values y at x, its hyperparameters fitted if there is much new data."""
        from qvar.latent.search.gaussian_process import condition, fit_hyperparameters

        if self._hyperparameters is None or len(self._evidence) >= _GROWTH * self._n_fitted:
            some = self._evidence.rng.permutation(len(x))[:_MOST_FITTED]
            self._hyperparameters = fit_hyperparameters(x[some], y[some], start=self._hyperparameters)
            self._n_fitted, self._n_fits = len(self._evidence), self._n_fits + 1
            if self._region is not None:
                self._region.length_scales = self._hyperparameters.length_scales.astype(np.float32)
        return condition(self._hyperparameters, x, y)

    def _scored(self) -> Indices:
        """Return unvisited circuits that may be chosen."""
        evidence, settings = self._evidence, self._settings
        if self._region is not None:
            return self._region.members(evidence.best(1)[0], settings.scored, evidence.rng)
        elites = evidence.best(_BEST)
        near = [evidence.unvisited.near(elites[k], _NEAR) for k in evidence.rng.permutation(len(elites))[:_ELITES]]
        return np.unique(np.concatenate([*near, evidence.unvisited.sample(settings.scored, evidence.rng)]))

    def _batch(
        self, model: "Conditioned", points: NDArray[np.float64], best: float, least: float, count: int
    ) -> NDArray[np.int64]:
        """Return which points to evaluate."""
        posterior = model.at(points)
        if self._settings.acquisition == "qlogei":
            from qvar.latent.search.joint_improvement import best_joint_improvement

            single = log_expected_improvement(posterior.mean, posterior.deviation(), best)
            short = best_first(single, max(count, _SHORTLIST))
            seed = int(self._evidence.rng.integers(2**31))
            return short[best_joint_improvement(model, points[short], best, count, seed=seed)]
        chosen: list[int] = []
        while len(chosen) < count:
            scores = self._scores(posterior.mean, posterior.deviation(), best, least)
            scores[chosen] = -np.inf
            chosen.append(int(scores.argmax()))
            posterior.believe(chosen[-1])
        return np.array(chosen, dtype=np.int64)

    def _scores(
        self, mean: NDArray[np.float64], deviation: NDArray[np.float64], best: float, least: float
    ) -> NDArray[np.float64]:
        if self._settings.acquisition == "probability":
            return log_probability(mean, deviation, least)
        if self._settings.acquisition == "ucb":
            return mean + 2 * deviation
        return log_expected_improvement(mean, deviation, best)
