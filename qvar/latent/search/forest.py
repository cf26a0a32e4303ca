"""Active search by a forest of random trees, grown anew as rewards come in."""

from dataclasses import dataclass
from typing import Any, ClassVar

from qvar.latent.search.candidates import Indices, Rewards
from qvar.latent.search.evidence import Evidence, best_first, gain
from qvar.latent.search.method import Assignment, PoolSearcher, check_counts

__all__ = ["ForestSearch"]


@dataclass(frozen=True)
class ForestSearch:
    """Evaluate the circuits for which extremely randomized trees predict most: reward plus 1 for a candidate solution.

    Args:
        initial: random circuits first.
        growth: circuits per round, by circuits evaluated so far; at least 5.
        trees: in the forest.
        leaf: least number of circuits in a leaf.
        scored: circuits of the pool, drawn anew for each round, that are predicted.

    Source: Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006), as in scikit-learn.
    """

    needs_torch: ClassVar[bool] = False

    initial: int = 32
    growth: float = 0.1
    trees: int = 40
    leaf: int = 2
    scored: int = 20_000

    def __post_init__(self) -> None:
        check_counts(self, "initial", "trees", "leaf", "scored")

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher without trees."""
        return _Forest(self, assignment)


class _Forest:
    def __init__(self, settings: ForestSearch, assignment: Assignment) -> None:
        self._settings, self._evidence = settings, Evidence(assignment)

    def propose(self, most: int) -> Indices:
        from sklearn.ensemble import ExtraTreesRegressor

        settings, evidence = self._settings, self._evidence
        if len(evidence) < settings.initial:
            return evidence.sample(min(most, settings.initial - len(evidence)))
        forest = ExtraTreesRegressor(
            settings.trees,
            min_samples_leaf=settings.leaf,
            max_features=0.5,
            random_state=int(evidence.rng.integers(2**31)),
            n_jobs=1,
        )
        forest.fit(evidence.features, gain(evidence.rewards, evidence.threshold))
        scored = evidence.unvisited.sample(settings.scored, evidence.rng)
        predicted = forest.predict(evidence.unvisited.points[scored])
        return evidence.taken(scored[best_first(predicted, min(most, max(5, int(settings.growth * len(evidence)))))])

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        self._evidence.learn(indices, rewards)

    def remarks(self) -> dict[str, Any]:
        return {}
