"""What a generative method is: frozen settings that start a generator, which makes circuits and is told rewards."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.candidates import Rewards
from qvar.latent.space import CircuitSpace, Structures

__all__ = ["Codec", "Draws", "GenerativeMethod", "GenerativeOracle", "Generator", "Task"]

Draws = tuple[Structures, NDArray[np.bool_]]
"""Structures (n, n_gates, 3), the most promising first, and which of them are circuits at all (n,)."""


class Codec(Protocol):
    """The part of `qvar.latent.latent_model.LatentModel` that searches use."""

    @property
    def latent_size(self) -> int:
        """Length d of a node's latent vector."""

    def encode(self, structures: Structures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return means and logarithms of standard deviations of posteriors, both (P, N, d)."""

    def embed(self, structures: Structures) -> NDArray[np.float32]:
        """Return one feature per circuit, (P, d)."""

    def decode(self, z: NDArray[np.float32]) -> Draws:
        """Return the circuits of latent vectors (P, N, d), and which of them are valid."""

    def scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and standard deviation of each latent axis over training circuits, both (d,)."""


class GenerativeOracle(Protocol):
    """Knows what circuits are worth; every answer is an evaluation."""

    def rewards(self, structures: Structures) -> Rewards:
        """Return the rewards, shape (k,), of structures (k, n_gates, 3), the same for the same circuit."""

    def ideal_rewards(self, structures: Structures) -> Rewards:
        """Return their rewards without noise, by which searches are judged; no search sees them."""

    def to_dict(self) -> dict[str, Any]:
        """Return all that rewards depend on as JSON data."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a generator is to do.

    Args:
        space: the circuits that count.
        codec: the latent model.
        threshold: least reward of a circuit that counts as a candidate solution.
        budget: evaluations in all.
        rng: all randomness of the generator.
    """

    space: CircuitSpace
    codec: Codec
    threshold: float
    budget: int
    rng: np.random.Generator


class Generator(Protocol):
    """A search under way (mutable)."""

    def draw(self) -> Draws:
        """Make circuits; those that are new are evaluated in their order, at most `GenerativeMethod.batch` of them."""

    def tell(self, structures: Structures, rewards: Rewards, rows: NDArray[np.int64], /) -> None:
        """Take rewards.

        Args:
            structures: evaluated circuits in canonical form, shape (k, n_gates, 3).
            rewards: theirs, shape (k,).
            rows: the rows of the last draw that they came from, shape (k,); -1 for a circuit drawn in place of others.
        """

    def heed(self, invalid: float, known: float) -> None:
        """Take which shares of the last draw were no circuits of the space, and had turned up before."""


class GenerativeMethod(Protocol):
    """A method that makes circuits: a frozen dataclass whose fields are its settings.

    Attributes:
        needs_torch: whether its generators compute with PyTorch.
    """

    needs_torch: ClassVar[bool]

    @property
    def batch(self) -> int:
        """Most circuits evaluated of one draw."""

    def start(self, task: Task) -> Generator:
        """Return a generator that has not made anything yet."""
