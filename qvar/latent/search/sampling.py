"""Random search: the base rate beside which every other method is to be read."""

from dataclasses import dataclass
from typing import Any, ClassVar

from qvar.latent.search.candidates import Indices, Rewards, Unvisited
from qvar.latent.search.method import Assignment, PoolSearcher

__all__ = ["RandomSampling"]


@dataclass(frozen=True)
class RandomSampling:
    """Draw circuits of the pool uniformly, without replacement.

    Source: arXiv 2401.11576, authors' code.
    """

    needs_torch: ClassVar[bool] = False

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher that looks at nothing."""
        return _Sampler(assignment)


class _Sampler:
    """Walks along a random order of the pool."""

    def __init__(self, assignment: Assignment) -> None:
        self._order = Unvisited(assignment.candidates.features).sample(assignment.budget, assignment.rng)
        self._done = 0

    def propose(self, most: int) -> Indices:
        self._done += most
        return self._order[self._done - most : self._done]

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        pass

    def remarks(self) -> dict[str, Any]:
        return {}
