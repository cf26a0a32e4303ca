"""Methods that decode circuits from latent vectors Z, one of length d for each node: shape (N, d)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.candidates import Rewards
from qvar.latent.search.generative.circuits import random_circuits
from qvar.latent.search.generative.contract import Draws, Generator, Task
from qvar.latent.search.generative.elites import Elites
from qvar.latent.search.method import check_counts
from qvar.latent.space import Structures
from qvar.simulators.errors import LatentError

__all__ = ["LatentCrossEntropy", "LatentGradient", "LatentPerturbation", "LatentPrior", "Perturbation"]

_Latents = NDArray[np.float32]


@dataclass(frozen=True)
class LatentPrior:
    """Decode draws from the rescaled prior: every node N(mean, std^2) of the training circuits' posterior means.

    Args:
        batch: circuits evaluated of one draw.
        draws: latent vectors per draw.

    Source: arch2vec (arXiv 2006.06936), for validity; as a search it is the base rate of what is decoded.
    """

    needs_torch: ClassVar[bool] = True

    batch: int = 100
    draws: int = 200

    def __post_init__(self) -> None:
        check_counts(self, "batch", "draws")

    def start(self, task: Task) -> Generator:
        """Return a generator that learns nothing."""
        return _Prior(self, task)


class _Prior:
    def __init__(self, settings: LatentPrior, task: Task) -> None:
        self._settings, self._task = settings, task

    def draw(self) -> Draws:
        mean, std = self._task.codec.scale()
        shape = (self._settings.draws, self._task.space.n_gates + 2, len(mean))
        return self._task.codec.decode(mean + std * self._task.rng.standard_normal(shape, dtype=np.float32))

    def tell(self, structures: Structures, rewards: Rewards, rows: NDArray[np.int64], /) -> None:
        pass

    def heed(self, invalid: float, known: float) -> None:
        pass


@dataclass(frozen=True)
class LatentPerturbation:
    """Decode vectors near the codes of the best circuits: Z = Z_elite + a * eps.

    The width of an axis is a share of its standard deviation over the training circuits. The share follows the decoder:
    it grows while draws come back as circuits already known, and shrinks while they are no circuits.

    Args:
        batch: circuits evaluated of one draw.
        draws: latent vectors per draw.
        initial: random circuits first.
        elites: circuits that are perturbed.
        width: first share.
        crossover: probability that a child takes every node from one of two elites, at random.

    Source: VBLE (arXiv 2311.17744) for the centre with a width per axis; the adaptation is ours.
    """

    needs_torch: ClassVar[bool] = True

    batch: int = 10
    draws: int = 64
    initial: int = 32
    elites: int = 20
    width: float = 0.5
    crossover: float = 0.0

    def __post_init__(self) -> None:
        check_counts(self, "batch", "draws", "initial", "elites")
        if not 0 <= self.crossover <= 1 or not self.width > 0:
            raise LatentError(f"crossover is a probability and width is positive, got {self.crossover}, {self.width}")

    def start(self, task: Task) -> Generator:
        """Return a generator without elites."""
        return Perturbation(self, task)


class Perturbation:
    """The elites, their codes and the width (mutable)."""

    def __init__(self, settings: LatentPerturbation, task: Task) -> None:
        self._settings, self._task, self._width = settings, task, settings.width
        self._elites = Elites(settings.elites)
        self._codes: _Latents = np.empty((0, 0, 0), dtype=np.float32)

    def draw(self) -> Draws:
        """Decode children of the elites."""
        if self._elites.n_told < self._settings.initial:
            return random_circuits(self._task, self._settings.batch)
        rng, settings = self._task.rng, self._settings
        mothers, fathers = self._codes[rng.integers(len(self._codes), size=(2, settings.draws))]
        crossed = (rng.random(settings.draws) < settings.crossover)[:, None, None]
        mixed = np.where(crossed & (rng.random((*mothers.shape[:2], 1)) < 0.5), fathers, mothers)
        width = np.float32(self._width) * self._task.codec.scale()[1]
        return self._task.codec.decode(mixed + width * rng.standard_normal(mixed.shape, dtype=np.float32))

    def tell(self, structures: Structures, rewards: Rewards, _: NDArray[np.int64], /) -> None:
        """Renew the elites."""
        self._elites.add(structures, rewards)
        self._codes, _spread = self._task.codec.encode(self._elites.structures)

    def heed(self, invalid: float, known: float) -> None:
        """Adapt the width."""
        if self._elites.n_told >= self._settings.initial:
            self._width = float(np.clip(self._width * np.exp(0.2 * (known - invalid)), 1e-3, 4.0))


@dataclass(frozen=True)
class LatentCrossEntropy:
    """Decode draws from a Gaussian over Z, fitted to the codes of the best circuits so far.

    It serves where good circuits are alike; between those that have little in common it finds nothing.

    Args:
        batch: circuits evaluated of one draw.
        draws: latent vectors per draw.
        initial: random circuits first.
        elites: circuits that the Gaussian is fitted to.
        floor: least standard deviation, by that of the axis over the training circuits; it grows and shrinks as the
            width of `LatentPerturbation`.

    Source: cross-entropy method (Rubinstein 1999), on posterior means.
    """

    needs_torch: ClassVar[bool] = True

    batch: int = 10
    draws: int = 64
    initial: int = 64
    elites: int = 30
    floor: float = 0.3

    def __post_init__(self) -> None:
        check_counts(self, "batch", "draws", "initial", "elites")
        if not self.floor > 0:
            raise LatentError(f"a least standard deviation is positive, got floor={self.floor}")

    def start(self, task: Task) -> Generator:
        """Return a generator with nothing to fit."""
        return _CrossEntropy(self, task)


class _CrossEntropy:
    def __init__(self, settings: LatentCrossEntropy, task: Task) -> None:
        self._settings, self._task, self._floor = settings, task, settings.floor
        self._elites = Elites(settings.elites)

    def draw(self) -> Draws:
        if self._elites.n_told < self._settings.initial:
            return random_circuits(self._task, self._settings.batch)
        codes, _ = self._task.codec.encode(self._elites.structures)
        width = np.maximum(codes.std(axis=0), np.float32(self._floor) * self._task.codec.scale()[1])
        noise = self._task.rng.standard_normal((self._settings.draws, *width.shape), dtype=np.float32)
        return self._task.codec.decode(codes.mean(axis=0) + width * noise)

    def tell(self, structures: Structures, rewards: Rewards, _: NDArray[np.int64], /) -> None:
        self._elites.add(structures, rewards)

    def heed(self, invalid: float, known: float) -> None:
        if self._elites.n_told >= self._settings.initial:
            self._floor = float(np.clip(self._floor * np.exp(0.2 * (known - invalid)), 1e-2, 4.0))


@dataclass(frozen=True)
class LatentGradient:
    """REINFORCE on Z ~ N(m, diag(s^2)), m of shape (N, d) and s of shape (d,), along the natural gradient.

    With eps = (Z - m) / s and advantages A_t (rewards of the batch, standardized): m += eta_m s mean(A eps),
    log s += eta_s / 2 mean(A (eps^2 - 1)). m starts at the code of the best of some random circuits.

    Args:
        batch: circuits evaluated of one draw.
        draws: latent vectors per draw.
        initial: random circuits first.
        rate: eta_m.
        width_rate: eta_s.
        width: first s, by the standard deviation of the axis over the training circuits.

    Source: Williams, Machine Learning 8, 229 (1992); separable natural evolution strategies (Wierstra et al., JMLR 15,
        2014).
    """

    needs_torch: ClassVar[bool] = True

    batch: int = 16
    draws: int = 48
    initial: int = 64
    rate: float = 1.0
    width_rate: float = 0.3
    width: float = 0.5

    def __post_init__(self) -> None:
        check_counts(self, "batch", "draws", "initial")
        if not self.width > 0:
            raise LatentError(f"a width is positive, got {self.width}")

    def start(self, task: Task) -> Generator:
        """Return a generator without a centre."""
        return _Gradient(self, task)


class _Gradient:
    def __init__(self, settings: LatentGradient, task: Task) -> None:
        self._settings, self._task, self._first = settings, task, Elites(1)
        self._std = task.codec.scale()[1]
        self._width = settings.width * self._std
        self._mean: _Latents | None = None
        self._noise: _Latents = np.empty((0, 0, 0), dtype=np.float32)

    def draw(self) -> Draws:
        if self._mean is None:
            return random_circuits(self._task, self._settings.batch)
        self._noise = self._task.rng.standard_normal((self._settings.draws, *self._mean.shape), dtype=np.float32)
        return self._task.codec.decode(self._mean + self._width * self._noise)

    def tell(self, structures: Structures, rewards: Rewards, rows: NDArray[np.int64], /) -> None:
        if self._mean is None:
            self._first.add(structures, rewards)
            if self._first.n_told >= self._settings.initial:
                self._mean = self._task.codec.encode(self._first.structures)[0][0]
        elif (rows >= 0).all():
            noise, settings = self._noise[rows], self._settings
            advantages = (rewards - rewards.mean()) / max(float(rewards.std()), 1e-3)
            weights = advantages.astype(np.float32)[:, None, None]
            self._mean = self._mean + settings.rate * self._width * (weights * noise).mean(axis=0)
            change = settings.width_rate / 2 * (weights * (noise**2 - 1)).mean(axis=(0, 1))
            self._widen(np.exp(change))

    def heed(self, invalid: float, known: float) -> None:
        if self._mean is not None:
            self._widen(np.float32(np.exp(0.1 * (known - invalid))))

    def _widen(self, factor: NDArray[np.float32] | np.float32) -> None:
        self._width = np.clip(self._width * factor, 1e-2 * self._std, 4 * self._std)
