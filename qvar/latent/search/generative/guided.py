"""Propose many circuits near the best ones, and evaluate those that a model fitted to all results expects most of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qvar.latent.features import gate_counts
from qvar.latent.search.acquisition import log_expected_improvement, log_probability
from qvar.latent.search.candidates import Features, Rewards
from qvar.latent.search.evidence import gain
from qvar.latent.search.generative.circuits import CircuitEvolution, random_circuits
from qvar.latent.search.generative.contract import Draws, Generator, Task
from qvar.latent.search.generative.decoding import LatentPerturbation
from qvar.latent.search.method import check_counts
from qvar.latent.space import Structures
from qvar.simulators.errors import LatentError

if TYPE_CHECKING:
    from qvar.latent.search.gaussian_process import Hyperparameters

__all__ = ["GuidedSearch"]

Source = Literal["latent", "mutation"]
Model = Literal["gp", "forest"]
FeatureKind = Literal["learned", "gates"]
Acquisition = Literal["logei", "probability"]

_GROWTH = 1.5
_MOST_FITTED = 200
_TREES, _VOTERS = 40, 4


@dataclass(frozen=True)
class GuidedSearch:
    """Rank proposals by what a model predicts from their features.

    Args:
        batch: circuits evaluated of one draw.
        proposals: circuits proposed per draw: half by `source`, half random ones.
        source: "latent": decoded near the best circuits; "mutation": the best circuits with gates changed.
        model: "gp", a Gaussian process; "forest", extremely randomized trees, which predict reward plus 1 for a
            candidate, see `ForestSearch`.
        features: "learned", those of the latent model; "gates", `qvar.latent.features.gate_counts`.
        acquisition: "logei" or "probability", see `BayesianOptimization`; for the Gaussian process.
        initial: random circuits first.
        remembered: most circuits that the Gaussian process conditions on: the better half the best, the others at
            random.

    Source: ours, after arXiv 2401.11576; BoTorch for the Gaussian process, scikit-learn for the trees.
    """

    needs_torch: ClassVar[bool] = True

    batch: int = 10
    proposals: int = 512
    source: Source = "latent"
    model: Model = "gp"
    features: FeatureKind = "learned"
    acquisition: Acquisition = "logei"
    initial: int = 32
    remembered: int = 400

    def __post_init__(self) -> None:
        check_counts(self, "batch", "proposals", "initial", "remembered")
        kinds = {"source": Source, "model": Model, "features": FeatureKind, "acquisition": Acquisition}
        for name, kind in kinds.items():
            if getattr(self, name) not in get_args(kind):
                raise LatentError(f"{name} is one of {', '.join(get_args(kind))}, got {getattr(self, name)!r}")
        if self.initial < 2 or self.proposals < 8:
            raise LatentError(
                f"a guided search needs 2 circuits first and 8 proposals, got initial={self.initial} and "
                f"proposals={self.proposals}"
            )

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
        n_counts = len(task.space.gates) * task.space.n_qubits
        n_features = task.codec.latent_size if settings.features == "learned" else n_counts
        self._features: Features = np.empty((0, n_features), dtype=np.float32)
        self._forest: Any = None
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
        features = self._embed(drawn[valid])
        scores[valid] = self._trees(features) if self._settings.model == "forest" else self._scores(features)
        order = np.argsort(-scores, kind="stable")
        return drawn[order], valid[order]

    def _embed(self, structures: Structures) -> Features:
        if self._settings.features == "gates":
            return gate_counts(self._task.space, structures)
        return self._task.codec.embed(structures)

    def _trees(self, features: Features) -> NDArray[np.float64]:
        """Return scores from trees, grown anew when there is a tenth more to learn from.

        The whole forest is sure of itself too early. So a few of its trees, drawn at random, choose each circuit of the
        batch; where trees disagree, choices differ.
        """
        from sklearn.ensemble import ExtraTreesRegressor

        rng = self._task.rng
        if self._forest is None or len(self._rewards) >= 1.1 * self._n_fitted:
            forest = ExtraTreesRegressor(
                _TREES, min_samples_leaf=2, max_features=0.5, random_state=int(rng.integers(2**31)), n_jobs=1
            )
            self._forest = forest.fit(self._features, gain(self._rewards, self._task.threshold))
            self._n_fitted = len(self._rewards)
        by_tree = np.stack([tree.predict(features) for tree in self._forest.estimators_])
        scores = by_tree.mean(axis=0)
        first = 1 + 2 * float(np.abs(by_tree).max(initial=0))
        for place in range(min(self._settings.batch, len(features))):
            few = by_tree[rng.choice(_TREES, size=_VOTERS, replace=False)].mean(axis=0)
            few[scores >= first] = -np.inf  # chosen before
            scores[few.argmax()] = first + self._settings.batch - place
        return np.asarray(scores)

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
        self._features = np.concatenate([self._features, self._embed(structures)])
        self._rewards = np.concatenate([self._rewards, rewards])

    def heed(self, invalid: float, known: float) -> None:
        self._source.heed(invalid, known)
