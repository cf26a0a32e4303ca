"""Search by evolution: a population of circuits, children by crossing and random edits, the best survive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.envs import ArchitectureSearchEnv
from qvar.search.local import Individual, LocalSearch
from qvar.search.searcher import Tracker
from qvar.search.sequences import Gates
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import RunError

__all__ = ["Evolution", "EvolutionSearcher"]


@dataclass(frozen=True)
class Evolution:
    """A (mu + lambda) evolution strategy over circuits.

    A generation makes `children` from parents chosen by tournaments: with probability `crossing` the beginning of one
    parent and the end of another, else one parent; then one or more random edits (see
    `qvar.search.sequences.mutate`; one more with probability 1/2 each time); then all angles are optimized from where
    they were. The `population` best of parents and children, by the run's `Judge`, live on; of circuits with the same
    gates only the best does.

    Args:
        population: circuits that live on, at least 2.
        children: circuits made per generation (one episode), at least 1.
        tournament: circuits drawn for each parent, of which the best is taken; at least 1.
        crossing: probability of two parents.

    Source: Rattew et al., arXiv 1910.09694 (evolution of circuits with re-optimized angles); Schwefel's (mu + lambda).
    """

    population: int = 20
    children: int = 40
    tournament: int = 3
    crossing: float = 0.2

    def __post_init__(self) -> None:
        for name, least in (("population", 2), ("children", 1), ("tournament", 1)):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least=least, error=RunError))
        if not 0 <= self.crossing <= 1:
            raise RunError(f"crossing is a probability, got {self.crossing!r}")


class EvolutionSearcher:
    """Runs `Evolution` (mutable): see `qvar.search.searcher.Searcher`."""

    is_exhausted = False

    def __init__(
        self, settings: Evolution, env: ArchitectureSearchEnv, tracker: Tracker, seed: np.random.SeedSequence
    ) -> None:
        self._settings = settings
        self._tracker = tracker
        self._local = LocalSearch(env, tracker, seed)
        self._population = [self._local.first()]

    def play(self) -> Sequence[Mapping[str, Any]]:
        """Make one generation and return a record of its best circuit."""
        children: list[Individual] = []
        for _ in range(self._settings.children):
            if self._tracker.is_over:
                break
            children.append(self._local.try_out(self._child()))
        self._population = self._survivors(self._population + children)
        best = self._population[0]
        values = [individual.value for individual in self._population]
        return ({**self._local.outcome(best), "population_spread": float(np.ptp(values))},)

    def _child(self) -> Gates:
        rng = self._local.rng
        gates = self._parent().gates
        if rng.random() < self._settings.crossing:
            gates = self._local.crossed(gates, self._parent().gates)
        gates = self._local.mutated(gates)
        while rng.random() < 0.5:
            gates = self._local.mutated(gates)
        return gates

    def _parent(self) -> Individual:
        drawn = self._local.rng.integers(len(self._population), size=self._settings.tournament)
        return self._population[int(drawn.min())]  # the population is sorted

    def _survivors(self, individuals: list[Individual]) -> list[Individual]:
        best: dict[tuple[int, ...], Individual] = {}
        for individual in sorted(individuals, key=lambda i: i.value):
            best.setdefault(tuple(gate.action for gate in individual.gates), individual)
        return list(best.values())[: self._settings.population]

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the population and the random streams."""
        return self._local.state(self._population)

    def load_state(self, arrays: dict[str, NDArray[Any]], data: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self._population = self._local.load_state(arrays, data)
