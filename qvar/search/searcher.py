"""What a run asks of a search algorithm, and the one place where algorithms report the circuits they try."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.envs import CircuitEvaluator, Evaluation
from qvar.search.best import BestCircuit
from qvar.search.judge import Judge
from qvar.search.pareto import ParetoArchive
from qvar.search.result import Cost
from qvar.simulators import Circuit

__all__ = ["Searcher", "Tracker", "outcome"]


class Tracker:
    """Keeps the best circuit seen, those that nothing dominates, and the cost so far (mutable).

    Args:
        budget: energies that the search may spend (`Cost.energies`), None for no limit.
        episodes: episodes that it may play, None for no limit.
        judge: how circuits are valued.
        evaluator: gives noiseless energies to a judge who asks for them.
    """

    def __init__(self, *, episodes: int | None, budget: int | None, judge: Judge, evaluator: CircuitEvaluator) -> None:
        self.judge = judge
        self._evaluator = evaluator
        self._episodes = episodes
        self._budget = budget
        self.cost = Cost()
        self.played = 0
        self.best: BestCircuit | None = None
        self.archive = ParetoArchive()

    @property
    def progress(self) -> float:
        """Share of episodes or budget that is used up, the larger one, 0 to 1; schedules follow it."""
        spent = 0.0 if self._budget is None else self.cost.energies / self._budget
        played = 0.0 if self._episodes is None else self.played / self._episodes
        return min(1.0, max(spent, played))

    @property
    def episodes_left(self) -> int | None:
        """Episodes that may still be played, None for no limit."""
        return None if self._episodes is None else self._episodes - self.played

    @property
    def is_over(self) -> bool:
        """Whether episodes or budget are used up."""
        return self.progress >= 1.0

    def note(self, tried: Evaluation) -> float:
        """Take note of a circuit that was optimized and return its value, the lower the better."""
        spent = {"evaluations": tried.evaluations, "gradients": tried.gradients, "shots": tried.shots}
        self.spend(spent, steps=1)
        return self.offer(tried.circuit, tried.parameters, tried.energy)

    def spend(self, spent: Mapping[str, Any], *, steps: int) -> None:
        """Add evaluations, gradients and shots to the cost."""
        self.cost = self.cost.plus(spent, steps=steps)

    def offer(self, circuit: Circuit, parameters: NDArray[np.float64], energy: float) -> float:
        """Judge a circuit by its energy as measured, keep it if it is the best so far, and return its value.

        It joins the archive if none there is at once as low in energy, noiseless if judged so, as small and as shallow.
        """
        yardstick = self._yardstick(circuit, parameters, energy)
        self.archive.offer(BestCircuit(circuit, parameters, energy, yardstick))
        value = yardstick + self.judge.price(circuit)
        candidate = BestCircuit(circuit, parameters, energy, value)
        if self.best is None or candidate.is_better_than(self.best):
            self.best = candidate
        return value

    def value(self, circuit: Circuit, parameters: NDArray[np.float64], energy: float) -> float:
        """Judge a circuit by its energy as measured and return its value, without keeping it."""
        return self._yardstick(circuit, parameters, energy) + self.judge.price(circuit)

    def _yardstick(self, circuit: Circuit, parameters: NDArray[np.float64], energy: float) -> float:
        if self.judge.by == "measured" or self._evaluator.is_noiseless:
            return energy
        self.spend({"evaluations": 1, "gradients": 0, "shots": 0}, steps=0)
        return self._evaluator.noiseless_energy(circuit, parameters)

    def state(self) -> dict[str, Any]:
        """Return what is kept, and the cost, as JSON-able data."""
        best = None if self.best is None else self.best.to_dict()
        return {"cost": asdict(self.cost), "best": best, "archive": self.archive.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.cost = Cost(**state["cost"])
        self.best = None if state["best"] is None else BestCircuit.from_dict(state["best"])
        self.archive.load_state(state["archive"])


class Searcher(Protocol):
    """An algorithm that proposes circuits, episode by episode (mutable).

    An episode is what the algorithm repeats: a circuit built from scratch, a generation, a sweep of proposals.
    """

    def play(self) -> Sequence[Mapping[str, Any]]:
        """Play one round of episodes and return their records, JSON-able.

        A record holds `energy`, `error` (noiseless), `depth`, `n_cnots` and `n_rotations` of the episode's outcome,
        and whatever else the algorithm wants to show. Every circuit tried goes to the tracker.
        """
        ...

    @property
    def is_exhausted(self) -> bool:
        """Whether there is nothing left to try."""
        ...

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the whole state between rounds: arrays, and JSON-able data."""
        ...

    def load_state(self, arrays: dict[str, NDArray[Any]], data: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        ...


def outcome(tried: Evaluation, error: float) -> dict[str, Any]:
    """Return what every record says about the outcome of an episode."""
    return {
        "energy": tried.energy,
        "error": error,
        "depth": tried.circuit.depth(),
        "n_cnots": tried.circuit.n_two_qubit_gates,
        "n_rotations": tried.circuit.n_rotations,
    }
