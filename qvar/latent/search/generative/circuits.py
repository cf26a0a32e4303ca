"""Methods that need no latent space: random circuits, and evolution by mutated gates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import is_in_space
from qvar.latent.generation import generate_pool
from qvar.latent.search.candidates import Rewards
from qvar.latent.search.generative.contract import Draws, Generator, Task
from qvar.latent.search.generative.elites import Elites
from qvar.latent.search.method import check_counts
from qvar.latent.space import Structures
from qvar.simulators.errors import LatentError

__all__ = ["CircuitEvolution", "RandomCircuits"]

_AT_ONCE = 200


@dataclass(frozen=True)
class RandomCircuits:
    """Draw circuits from the generator that pools come from.

    Source: arXiv 2401.11576.
    """

    needs_torch: ClassVar[bool] = False

    batch: int = 100

    def __post_init__(self) -> None:
        check_counts(self, "batch")

    def start(self, task: Task) -> Generator:
        """Return a generator that learns nothing."""
        return _Random(task)


class _Random:
    def __init__(self, task: Task) -> None:
        self._task = task

    def draw(self) -> Draws:
        return random_circuits(self._task, _AT_ONCE)

    def tell(self, structures: Structures, rewards: Rewards, rows: NDArray[np.int64], /) -> None:
        pass

    def heed(self, invalid: float, known: float) -> None:
        pass


@dataclass(frozen=True)
class CircuitEvolution:
    """Mutate the best circuits: another gate in some place, or other wires for the gate there.

    Args:
        batch: children evaluated per generation.
        initial: random circuits first.
        elites: circuits that have children.
        mutations: mean number of gates changed beyond the first (Poisson).

    Source: ours.
    """

    needs_torch: ClassVar[bool] = False

    batch: int = 10
    initial: int = 32
    elites: int = 20
    mutations: float = 0.5

    def __post_init__(self) -> None:
        check_counts(self, "batch", "initial", "elites")
        if not self.mutations >= 0:
            raise LatentError(f"a mean number of mutations is at least 0, got {self.mutations}")

    def start(self, task: Task) -> Generator:
        """Return a generator without elites."""
        return _Evolution(self, task)


class _Evolution:
    def __init__(self, settings: CircuitEvolution, task: Task) -> None:
        self._settings, self._task, self._elites = settings, task, Elites(settings.elites)
        self._places = [task.space.placements(gate) for gate in task.space.gates]

    def draw(self) -> Draws:
        if self._elites.n_told < self._settings.initial:
            return random_circuits(self._task, self._settings.batch)
        rng = self._task.rng
        parents = self._elites.structures
        children = parents[rng.integers(len(parents), size=4 * self._settings.batch)].copy()
        for child in children:
            for _ in range(1 + rng.poisson(self._settings.mutations)):
                row = rng.integers(len(child))
                gate = child[row, 0] if rng.random() < 0.5 else rng.integers(len(self._places))
                child[row] = gate, *self._places[gate][rng.integers(len(self._places[gate]))]
        return children, is_in_space(self._task.space, children)

    def tell(self, structures: Structures, rewards: Rewards, _: NDArray[np.int64], /) -> None:
        self._elites.add(structures, rewards)

    def heed(self, invalid: float, known: float) -> None:
        pass


def random_circuits(task: Task, count: int) -> Draws:
    """Return random circuits of the space."""
    drawn = generate_pool(task.space, count, seed=int(task.rng.integers(2**31)), n_jobs=1).structures
    return drawn, np.ones(len(drawn), dtype=bool)
