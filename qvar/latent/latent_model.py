"""What a search asks of a latent model: circuits to latent vectors and back."""

import os
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from qvar.latent.space import CircuitSpace, Structures

__all__ = ["LatentModel"]


class LatentModel(Protocol):
    """A map between the circuits of a space and latent vectors, one of length d for each of N = n_gates + 2 nodes."""

    @property
    def space(self) -> CircuitSpace:
        """The circuits that it represents."""
        ...

    @property
    def latent_size(self) -> int:
        """Length d of a node's latent vector."""
        ...

    def encode(self, structures: Structures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the posteriors of circuits, means and natural logarithms of standard deviations, both (P, N, d).

        Args:
            structures: (P, n_gates, 3) int8.
        """
        ...

    def embed(self, structures: Structures) -> NDArray[np.float32]:
        """Return one feature vector per circuit, pooled from its nodes' posterior means, (P, d)."""
        ...

    def decode(self, z: NDArray[np.float32]) -> tuple[Structures, NDArray[np.bool_]]:
        """Return the circuits of latent vectors, and which of them are circuits of the space.

        Args:
            z: (P, N, d).

        Returns:
            Structures (P, n_gates, 3) int8, and bool (P,); a structure that is not valid is not to be used.
        """
        ...

    def scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and standard deviation of every latent axis over training circuits and nodes, both (d,)."""
        ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, atomically."""
        ...

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote."""
        ...
