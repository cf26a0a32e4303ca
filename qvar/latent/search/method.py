"""What a search method is: frozen settings that start a searcher, which proposes circuits and is told their rewards."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from qvar.latent.search.candidates import Candidates, Indices, Rewards
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["Assignment", "PoolMethod", "PoolSearcher", "check_counts"]


@dataclass(frozen=True, eq=False)
class Assignment:
    """What a searcher is to do.

    Args:
        candidates: the circuits to choose from.
        threshold: least reward of a circuit that counts as a candidate solution.
        budget: evaluations in all, labels included.
        rng: all randomness of the searcher.
    """

    candidates: Candidates
    threshold: float
    budget: int
    rng: np.random.Generator


class PoolSearcher(Protocol):
    """A search under way (mutable).

    Each call of `propose` is answered by one of `tell` with the very circuits that were proposed.
    """

    def propose(self, most: int) -> Indices:
        """Return circuits to evaluate, at least one and `most` at most, all different and none proposed before."""

    def tell(self, indices: Indices, rewards: Rewards, /) -> None:
        """Take the rewards, shape (k,), of the circuits proposed last."""

    def remarks(self) -> dict[str, Any]:
        """Return figures of this method's own, as JSON data, once the search is over."""


class PoolMethod(Protocol):
    """A method that searches a pool: a frozen dataclass whose fields are its settings.

    Attributes:
        needs_torch: whether its searchers compute with PyTorch.
    """

    needs_torch: ClassVar[bool]

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher that has not proposed anything yet."""


def check_counts(settings: object, *names: str) -> None:
    """Raise a LatentError unless these settings of a method are whole numbers of at least 1."""
    for name in names:
        check_whole(f"{name} of {type(settings).__name__}", getattr(settings, name), error=LatentError)
