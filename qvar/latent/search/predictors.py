"""Predictor-based search: label random circuits, train a network on them once, evaluate what it lets through."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from qvar.latent.search.candidates import Indices, Rewards, Unvisited
from qvar.latent.search.evidence import best_first
from qvar.latent.search.method import Assignment, PoolSearcher, check_counts
from qvar.latent.search.network import SmallNetwork
from qvar.simulators.errors import LatentError

__all__ = ["Predictor"]

_NETWORKS: dict[str, dict[str, Any]] = {
    "gnn": {"hidden": (64, 32), "dropout": 0.2},
    "gsqas": {"hidden": (20,), "normalizes": True},
}
_EPOCHS = {"gnn": 300, "gsqas": 200}


@dataclass(frozen=True)
class Predictor:
    """Spend some evaluations on labels, then draw from the circuits that are predicted to be good.

    Args:
        network: "gnn": layers 64 and 32, ReLU, dropout 0.2, 300 epochs; "gsqas": one layer of 20, batch-normalized,
            ReLU, 200 epochs. Both end in a sigmoid and are trained on the mean squared error of rewards in [0, 1].
        labels: circuits labelled, drawn at random; they count as evaluations. None for half the budget.
        passes: least prediction of a circuit that may be drawn, at random; once none is left, circuits come in the
            order of their predictions. None for that order from the start.
        batch: of the training.
        learning_rate: of Adam.

    Source: baselines of arXiv 2401.11576 on the embeddings, settings of the authors' code.
    """

    needs_torch: ClassVar[bool] = False

    network: Literal["gnn", "gsqas"] = "gnn"
    labels: int | None = None
    passes: float | None = None
    batch: int = 32
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        check_counts(self, "batch")
        if self.network not in _NETWORKS:
            raise LatentError(f"a predictor is one of {', '.join(_NETWORKS)}, got {self.network!r}")
        if self.labels is not None and self.labels < 2:
            raise LatentError(f"a predictor needs at least 2 labels, got {self.labels}")

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher that begins with labels.

        Raises:
            LatentError: as `check_budget`.
        """
        self.check_budget(assignment.budget)
        return _Filter(self, assignment)

    def check_budget(self, budget: int) -> None:
        """Raise LatentError if labels would spend the whole budget, so that all circuits would be random ones."""
        if self.labels is not None and self.labels >= budget:
            raise LatentError(
                f"a predictor with labels={self.labels} needs a budget beyond that, got {budget}: labels count"
            )


class _Filter:
    """First labels, then draws along a fixed order."""

    def __init__(self, settings: Predictor, assignment: Assignment) -> None:
        self._settings, self._rng = settings, assignment.rng
        self._features = assignment.candidates.features
        self._unvisited = Unvisited(self._features)
        labels = assignment.budget // 2 if settings.labels is None else settings.labels
        self._labels = self._unvisited.sample(max(2, labels), self._rng)
        self._rest = assignment.budget - len(self._labels)
        self._seen: list[tuple[Indices, Rewards]] = []
        self._remarks: dict[str, Any] = {"labels": min(len(self._labels), assignment.budget)}

    def propose(self, most: int) -> Indices:
        chosen = self._ranked()[:most] if self._seen else self._labels[:most]
        self._unvisited.take(chosen)
        return chosen

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        self._seen.append((indices, rewards))

    def _ranked(self) -> Indices:
        indices, rewards = self._seen[0]
        network = SmallNetwork(
            self._features.shape[1],
            activation="relu",
            output="sigmoid",
            rng=self._rng,
            **_NETWORKS[self._settings.network],
        )
        network.fit(
            self._features[indices],
            rewards,
            epochs=_EPOCHS[self._settings.network],
            batch=self._settings.batch,
            learning_rate=self._settings.learning_rate,
        )
        self._predicted = network.predict(self._features)
        left = self._unvisited.free()
        predicted = self._predicted[left]
        least = np.inf if self._settings.passes is None else self._settings.passes
        good = left[predicted >= least]
        if self._settings.passes is not None:
            self._remarks["passed"] = len(good)
        drawn = self._rng.permutation(good)[: self._rest]
        others = left[predicted < least]
        return np.concatenate([drawn, others[best_first(predicted[predicted < least], self._rest - len(drawn))]])

    def remarks(self) -> dict[str, Any]:
        if len(self._seen) < 2:
            return self._remarks
        indices, rewards = self._seen[1]
        spread = float(self._predicted[indices].std() * rewards.std())
        pairs = (self._predicted[indices] - self._predicted[indices].mean()) * (rewards - rewards.mean())
        return self._remarks | {"correlation": float(pairs.mean()) / spread if spread > 0 else 0.0}
