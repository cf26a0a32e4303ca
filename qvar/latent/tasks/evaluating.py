"""Evaluate single circuits on a task: a pure function of task, structure and angles, and a memory around it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.canonical import angles_of, canonical, keys_of_canonical
from qvar.latent.conversion import circuit_of
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks.task import Evaluation, Task
from qvar.simulators.errors import LatentError

__all__ = ["Evaluator", "check_fits", "evaluate"]


def evaluate(
    task: Task,
    space: CircuitSpace,
    structure: ArrayLike,
    angles: ArrayLike,
    rng: np.random.Generator | None = None,
) -> Evaluation:
    """Train one circuit from its start angles and score it.

    Args:
        task: what to train on.
        space: names the gates.
        structure: shape (n_gates, 3), whole numbers.
        angles: start, shape (n_gates, 3), radians.
        rng: chance for the optimizer; None for a generator that depends on the circuit alone, so that the same circuit
            with the same angles always gets the same reward.

    Raises:
        LatentError: if task and space differ in qubits, or for a structure that does not belong to the space.
    """
    check_fits(task, space)
    ordered = canonical(space, np.asarray(structure)[None])
    return evaluate_keyed(task, space, structure, angles, int(keys_of_canonical(ordered)[0]), rng)


def evaluate_keyed(
    task: Task,
    space: CircuitSpace,
    structure: ArrayLike,
    angles: ArrayLike,
    key: int,
    rng: np.random.Generator | None = None,
) -> Evaluation:
    """Do what `evaluate` does for a circuit whose key is known."""
    circuit, theta = circuit_of(space, structure, angles)
    return task.evaluate(circuit, theta, np.random.default_rng(key) if rng is None else rng)


def check_fits(task: Task, space: CircuitSpace) -> None:
    """Raise a LatentError unless circuits of the space can be judged by the task."""
    if task.n_qubits != space.n_qubits:
        raise LatentError(f"task {task.key!r} has {task.n_qubits} qubit(s), the circuits have {space.n_qubits}")


class Evaluator:
    """Evaluate circuits that a search makes up, each only once.

    Holds mutable state: what is known, by canonical key; and how often it was asked.

    Args:
        task: what to train on.
        space: where the circuits come from.
        seed: of the start angles, which depend on it and on the circuit alone, as in a pool of that seed.

    Attributes:
        calls: evaluations asked for.
    """

    def __init__(self, task: Task, space: CircuitSpace, *, seed: int) -> None:
        check_fits(task, space)
        self.task = task
        self.space = space
        self.seed = seed
        self.calls = 0
        self._known: dict[int, Evaluation] = {}

    def __len__(self) -> int:
        """Return the number of different circuits evaluated."""
        return len(self._known)

    def __contains__(self, structure: ArrayLike) -> bool:
        """Tell whether a structure was evaluated."""
        return self._ordered(structure)[1] in self._known

    def __call__(self, structure: ArrayLike) -> Evaluation:
        """Return the evaluation of a structure, shape (n_gates, 3), from memory if there is one."""
        ordered, key = self._ordered(structure)
        self.calls += 1
        if key not in self._known:
            angles = angles_of(self.space, ordered[None], self.seed)[0]
            self._known[key] = evaluate_keyed(self.task, self.space, ordered, angles, key)
        return self._known[key]

    def _ordered(self, structure: ArrayLike) -> tuple[NDArray[np.int8], int]:
        ordered = canonical(self.space, np.asarray(structure)[None])
        return ordered[0], int(keys_of_canonical(ordered)[0])
