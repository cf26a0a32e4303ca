"""A task as an oracle for circuits that a search makes."""

from typing import Any

import numpy as np

from qvar.latent.search.candidates import Rewards
from qvar.latent.space import CircuitSpace, Structures
from qvar.latent.tasks import Evaluator, Task

__all__ = ["TaskOracle"]


class TaskOracle:
    """Trains circuits on a task, each once (mutable: it remembers them).

    Args:
        task: what circuits are worth.
        space: where they come from.
        seed: of the start angles, as of a `CircuitPool`; a circuit of the pool of that seed has the reward that it has
            in the pool's table.
    """

    def __init__(self, task: Task, space: CircuitSpace, *, seed: int) -> None:
        self._evaluator = Evaluator(task, space, seed=seed)

    def rewards(self, structures: Structures) -> Rewards:
        """Return rewards as a search sees them, shape (k,)."""
        return np.array([self._evaluator(each).reward for each in structures], dtype=np.float64)

    def ideal_rewards(self, structures: Structures) -> Rewards:
        """Return rewards without noise, shape (k,)."""
        return np.array([self._evaluator(each).ideal_reward for each in structures], dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return task and seed as JSON data."""
        return {"task": self._evaluator.task.to_dict(), "seed": self._evaluator.seed}
