"""What local searches share: individuals made from gates, tried out at a cost, and saved with their random streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.envs import ArchitectureSearchEnv, Evaluation
from qvar.search.searcher import Tracker, outcome
from qvar.search.sequences import Gates, PlacedGate, circuit_of, cross, mutate, with_angles

__all__ = ["Individual", "LocalSearch"]


@dataclass(frozen=True)
class Individual:
    """Gates with optimized angles, their energy as measured, and their value, the lower the better."""

    gates: Gates
    energy: float
    value: float


class LocalSearch:
    """Tries circuits of an environment's actions; holds the random streams (mutable).

    Args:
        env: its action table, gate limit and evaluator are what every algorithm works with.
        tracker: is told every circuit.
        seed: seeds edits, optimizer and shots.
    """

    def __init__(self, env: ArchitectureSearchEnv, tracker: Tracker, seed: np.random.SeedSequence) -> None:
        self._env = env
        self._tracker = tracker
        self.rng, self._optimizer_rng, self._shots_rng = map(np.random.default_rng, seed.spawn(3))

    def first(self) -> Individual:
        """Return the empty circuit, tried out."""
        return self.try_out(())

    def mutated(self, gates: Gates) -> Gates:
        """Return the gates after one random edit."""
        return mutate(gates, self._env.action_table, self.rng, max_gates=self._env.max_gates)

    def crossed(self, left: Gates, right: Gates) -> Gates:
        """Return a child of two sequences."""
        return cross(left, right, self.rng, max_gates=self._env.max_gates)

    def try_out(self, gates: Gates) -> Individual:
        """Optimize all angles from where they are, and let the tracker judge."""
        circuit, angles = circuit_of(gates, self._env.action_table)
        tried = self._env.evaluator.optimize(
            circuit, angles, optimizer_rng=self._optimizer_rng, shots_rng=self._shots_rng
        )
        value = self._tracker.note(tried)
        return Individual(with_angles(gates, tried.parameters, self._env.action_table), tried.energy, value)

    def outcome(self, individual: Individual) -> dict[str, Any]:
        """Return what a record says about an individual."""
        circuit, angles = circuit_of(individual.gates, self._env.action_table)
        noiseless = self._env.evaluator.noiseless_energy(circuit, angles)
        tried = Evaluation(circuit, angles, individual.energy, 0, 0, 0)
        return outcome(tried, abs(noiseless - self._env.problem.exact_energy))

    def state(self, individuals: Sequence[Individual]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return individuals, random streams and what the evaluator remembers."""
        streams = (self.rng, self._optimizer_rng, self._shots_rng)
        data = {
            "individuals": [
                {"gates": [list(gate) for gate in i.gates], "energy": i.energy, "value": i.value} for i in individuals
            ],
            "streams": [dict(stream.bit_generator.state) for stream in streams],
        }
        return dict(self._env.evaluator.state()), data

    def load_state(self, arrays: Mapping[str, NDArray[Any]], data: Mapping[str, Any]) -> list[Individual]:
        """Take over what `state` gave and return the individuals."""
        self._env.evaluator.load_state(arrays)
        for stream, saved in zip((self.rng, self._optimizer_rng, self._shots_rng), data["streams"], strict=True):
            stream.bit_generator.state = saved
        return [
            Individual(
                tuple(PlacedGate(int(action), float(angle)) for action, angle in row["gates"]),
                float(row["energy"]),
                float(row["value"]),
            )
            for row in data["individuals"]
        ]
