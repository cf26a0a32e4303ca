"""Run one search of a pool: a method, an oracle, a budget and a seed give a record."""

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from qvar.agents.threads import limited_threads
from qvar.latent.search.candidates import Candidates, Indices, Rewards
from qvar.latent.search.method import Assignment, PoolMethod
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["Oracle", "PoolRun", "TableOracle", "checked_rewards", "search_pool"]


class Oracle(Protocol):
    """Knows what circuits of a pool are worth; every answer is an evaluation."""

    def rewards(self, indices: Indices) -> Rewards:
        """Return the rewards, shape (k,), of the circuits `indices` of the pool, as a search sees them."""

    def ideal_rewards(self, indices: Indices) -> Rewards:
        """Return their rewards without noise, by which searches are judged; no search sees them."""


@dataclass(frozen=True, eq=False)
class TableOracle:
    """An oracle that reads the rewards of all circuits from a table.

    Args:
        table: rewards as a search sees them, shape (P,).
        ideal: rewards without noise, shape (P,); None where there is no noise.

    Raises:
        LatentError: unless there is one finite reward for each circuit.
    """

    table: Rewards
    ideal: Rewards | None = None

    def __post_init__(self) -> None:
        table = np.asarray(self.table, dtype=np.float64)
        ideal = table if self.ideal is None else np.asarray(self.ideal, dtype=np.float64)
        if table.ndim != 1 or ideal.shape != table.shape or not np.isfinite([table, ideal]).all():
            raise LatentError(
                f"a table has one finite reward per circuit, got shape {table.shape}, and {ideal.shape} without noise"
            )
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "ideal", ideal)

    def rewards(self, indices: Indices) -> Rewards:
        """Return the rewards of some circuits."""
        return self.table[indices]

    def ideal_rewards(self, indices: Indices) -> Rewards:
        """Return their rewards without noise."""
        return self.table[indices] if self.ideal is None else self.ideal[indices]


@dataclass(frozen=True, eq=False)
class PoolRun:
    """What one search did.

    Attributes:
        indices: circuits in the order of evaluation, int64, shape (budget,).
        rewards: theirs as the method saw them, float64, shape (budget,).
        ideal_rewards: theirs without noise, float64, shape (budget,).
        remarks: figures of the method's own, JSON data.
        seconds: processor time, evaluations included; the only part that differs between equal runs.
    """

    indices: Indices
    rewards: Rewards
    ideal_rewards: Rewards
    remarks: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def search_pool(
    method: PoolMethod, candidates: Candidates, oracle: Oracle, *, threshold: float, budget: int, seed: int
) -> PoolRun:
    """Search a pool with one method until the budget is spent, exactly.

    Args:
        method: the method with its settings.
        candidates: the circuits.
        oracle: what they are worth.
        threshold: least reward of a candidate solution.
        budget: evaluations, labels for predictors included; at most the size of the pool.
        seed: of everything random.

    Returns:
        The record, the same for the same seed, save its `seconds`.

    Raises:
        LatentError: for a budget beyond the pool, rewards that are not finite, or a method that breaks its contract.
    """
    budget = check_whole("budget", budget, error=LatentError)
    if budget > len(candidates):
        raise LatentError(f"a budget of {budget} exceeds the {len(candidates)} circuits of the pool")
    began = time.process_time()
    visited = np.zeros(len(candidates), dtype=bool)
    indices = np.empty(budget, dtype=np.int64)
    rewards = np.empty(budget, dtype=np.float64)
    done = 0
    with limited_threads(1, with_torch=method.needs_torch):
        searcher = method.start(Assignment(candidates, threshold, budget, np.random.default_rng(seed)))
        while done < budget:
            chosen = np.asarray(searcher.propose(budget - done), dtype=np.int64)
            last = done + len(chosen)
            if not done < last <= budget or visited[chosen].any() or len(np.unique(chosen)) < len(chosen):
                raise LatentError(f"{method} broke its contract: it proposed {chosen} with {budget - done} to go")
            visited[chosen] = True
            worth = checked_rewards(oracle.rewards(chosen), len(chosen))
            searcher.tell(chosen, worth)
            indices[done:last], rewards[done:last] = chosen, worth
            done = last
        seconds = time.process_time() - began
        return PoolRun(indices, rewards, oracle.ideal_rewards(indices), searcher.remarks(), seconds)


def checked_rewards(given: ArrayLike, count: int) -> Rewards:
    """Return the answer of an oracle, checked to be one finite reward per circuit."""
    rewards = np.asarray(given, dtype=np.float64)
    if rewards.shape != (count,) or not np.isfinite(rewards).all():
        raise LatentError(f"an oracle gives one finite reward per circuit, got {rewards} for {count} circuits")
    return rewards
