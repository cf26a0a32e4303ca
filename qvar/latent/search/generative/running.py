"""Run one generative search: what is no circuit of the space or was evaluated before is dropped, and counted."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.agents.threads import limited_threads
from qvar.latent.canonical import canonical, is_in_space, keys
from qvar.latent.generation import generate_pool
from qvar.latent.search.candidates import Rewards
from qvar.latent.search.generative.contract import Codec, GenerativeMethod, GenerativeOracle, Generator, Task
from qvar.latent.search.running import checked_rewards
from qvar.latent.space import CircuitSpace, Structures
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["GenerativeRun", "search_generative"]

_PATIENCE = 20  # draws without a new circuit before one is drawn at random
_MOST_TRIES = 300  # random circuits drawn for one that is new


@dataclass(frozen=True, eq=False)
class GenerativeRun:
    """What one generative search did.

    Attributes:
        structures: circuits in canonical form in the order of evaluation, int8, shape (budget, n_gates, 3).
        rewards: theirs as the method saw them, float64, shape (budget,).
        ideal_rewards: theirs without noise, float64, shape (budget,).
        remarks: draws in all, how many were `invalid`, `known` already or `unused`, and how many evaluations went to
            circuits drawn at random in place of new ones (`replaced`).
        seconds: processor time, evaluations included; the only part that differs between equal runs.
    """

    structures: Structures
    rewards: Rewards
    ideal_rewards: Rewards
    remarks: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def search_generative(
    method: GenerativeMethod,
    space: CircuitSpace,
    codec: Codec,
    oracle: GenerativeOracle,
    *,
    threshold: float,
    budget: int,
    seed: int,
) -> GenerativeRun:
    """Search a space of circuits with one generative method until the budget is spent, exactly.

    A circuit is evaluated once. After 20 draws in a row without a new circuit, one is drawn at random.

    Args:
        method: the method with its settings.
        space: the circuits that count.
        codec: the latent model, unused by some methods.
        oracle: what circuits are worth.
        threshold: least reward of a candidate solution.
        budget: evaluations.
        seed: of everything random.

    Returns:
        The record, the same for the same seed, save its `seconds`.

    Raises:
        LatentError: for a budget of less than 1, rewards that are not finite, or a space that has no circuits left.
    """
    budget = check_whole("budget", budget, error=LatentError)
    began = time.process_time()
    with limited_threads(1, with_torch=method.needs_torch):
        rng = np.random.default_rng(seed)
        generator = method.start(Task(space, codec, threshold, budget, rng))
        search = _Search(space, oracle, rng)
        idle = 0
        while (left := budget - len(search.rewards)) > 0:
            idle = 0 if search.take_draw(generator, min(method.batch, left)) else idle + 1
            if idle == _PATIENCE:
                search.replace(generator)
                idle = 0
    seconds = time.process_time() - began
    structures, rewards = np.stack(search.structures), np.array(search.rewards, dtype=np.float64)
    return GenerativeRun(structures, rewards, oracle.ideal_rewards(structures), search.counts, seconds)


class _Search:
    """What was evaluated, and what became of all draws (mutable)."""

    def __init__(self, space: CircuitSpace, oracle: GenerativeOracle, rng: np.random.Generator) -> None:
        self.structures: list[Structures] = []
        self.rewards: list[float] = []
        self.counts = {"draws": 0, "invalid": 0, "known": 0, "unused": 0, "replaced": 0}
        self._space, self._oracle, self._rng = space, oracle, rng
        self._seen: set[int] = set()

    def take_draw(self, generator: Generator, most: int) -> bool:
        """Evaluate what is new in one draw, at most `most` circuits; tell whether there was any."""
        drawn, valid = generator.draw()
        rows = np.flatnonzero(valid)
        rows = rows[is_in_space(self._space, drawn[rows])] if len(rows) else rows
        ordered = canonical(self._space, drawn[rows])
        new = self._new(ordered)
        used = new[:most]
        known = len(rows) - len(new)
        self.counts["draws"] += len(drawn)
        self.counts["invalid"] += len(drawn) - len(rows)
        self.counts["known"] += known
        self.counts["unused"] += len(new) - len(used)
        generator.heed(1 - len(rows) / len(drawn), known / len(drawn))
        if len(used):
            self._evaluate(generator, ordered[used], rows[used])
        return len(used) > 0

    def replace(self, generator: Generator) -> None:
        """Evaluate a random circuit, as the generator has run dry."""
        for _ in range(_MOST_TRIES):
            drawn = generate_pool(self._space, 1, seed=int(self._rng.integers(2**31)), n_jobs=1).structures
            if len(self._new(drawn)):
                self.counts["replaced"] += 1
                return self._evaluate(generator, drawn, np.array([-1]))
        raise LatentError(
            f"after {len(self.rewards)} evaluations {_MOST_TRIES} random circuits in a row were known already; lower "
            "the budget, or widen the space"
        )

    def _new(self, ordered: Structures) -> NDArray[np.int64]:
        """Return the rows that hold a circuit for the first time."""
        found = keys(self._space, ordered).tolist()
        first = {key: row for row, key in reversed(list(enumerate(found)))}
        return np.array(sorted(row for key, row in first.items() if key not in self._seen), dtype=np.int64)

    def _evaluate(self, generator: Generator, structures: Structures, rows: NDArray[np.int64]) -> None:
        rewards = checked_rewards(self._oracle.rewards(structures), len(structures))
        self._seen.update(keys(self._space, structures).tolist())
        self.structures += list(structures)
        self.rewards += rewards.tolist()
        generator.tell(structures, rewards, rows)
