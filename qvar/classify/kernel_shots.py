"""What a quantum kernel is estimated to be from shots: fidelities, and one-qubit means, drawn from exact values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["KernelShots"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KernelShots:
    """Draws estimates, of a row always the same ones.

    Args:
        shots: per circuit.
        seed: of all draws.
        is_noisy: whether fidelities come from swap tests, as under noise, else from compute-uncompute circuits.
    """

    shots: int
    seed: int
    is_noisy: bool

    def gram(self, exact: Floats) -> Floats:
        """Return the kernel matrix of the training rows, each pair drawn once, made positive semidefinite."""
        upper = np.triu(self._fidelities(exact, np.random.default_rng(self.seed)))
        values, vectors = np.linalg.eigh(upper + np.triu(upper, 1).T)
        return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)

    def of_rows(self, exact: Floats, rows: Floats) -> Floats:
        """Return fidelities of rows with others, shape (n_rows, n_others), from exact ones and the rows' features."""
        return np.array([self._fidelities(k, self._rng_of(row)) for k, row in zip(exact, rows, strict=True)])

    def letters(self, exact: Floats, rows: Floats) -> Floats:
        """Return one-qubit means, shape (n_rows, n_means), from exact ones and the rows' features."""
        return np.array([self._signs(means, self._rng_of(row)) for means, row in zip(exact, rows, strict=True)])

    def _fidelities(self, exact: Floats, rng: np.random.Generator) -> Floats:
        """Draw counts of all zeros after compute-uncompute, or under noise the mean sign of swap tests."""
        if self.is_noisy:
            return self._signs(exact, rng)
        return np.asarray(rng.binomial(self.shots, np.clip(exact, 0.0, 1.0)) / self.shots)

    def _signs(self, means: Floats, rng: np.random.Generator) -> Floats:
        """Return means of `shots` outcomes +1 and -1 each."""
        return np.asarray(2 * rng.binomial(self.shots, np.clip((1 + means) / 2, 0.0, 1.0)) / self.shots - 1)

    def _rng_of(self, row: Floats) -> np.random.Generator:
        """Return the generator of a row, the same wherever the row stands."""
        return np.random.default_rng([self.seed, *(row + 0.0).view(np.uint32).tolist()])  # + 0.0: no -0.0
