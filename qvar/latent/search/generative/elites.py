"""The best circuits of a generative search so far."""

import numpy as np

from qvar.latent.search.candidates import Rewards
from qvar.latent.space import Structures

__all__ = ["Elites"]


class Elites:
    """Keeps the `size` best circuits, the best first (mutable).

    Attributes:
        structures: shape (at most size, n_gates, 3).
        rewards: theirs.
        n_told: circuits seen.
    """

    def __init__(self, size: int) -> None:
        self.structures: Structures = np.empty((0, 0, 3), dtype=np.int8)
        self.rewards: Rewards = np.empty(0, dtype=np.float64)
        self.n_told = 0
        self._size = size

    def add(self, structures: Structures, rewards: Rewards) -> None:
        """Consider circuits that were just evaluated; of equals the newer ones stay, so that a search moves on."""
        known = self.structures.reshape(-1, *structures.shape[1:])
        joined, values = np.concatenate([structures, known]), np.concatenate([rewards, self.rewards])
        order = np.argsort(-values, kind="stable")[: self._size]
        self.structures, self.rewards = joined[order], values[order]
        self.n_told += len(rewards)
