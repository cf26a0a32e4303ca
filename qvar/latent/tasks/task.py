"""A task: what a circuit is worth once its angles are trained. Rewards lie in [0, 1], more is better."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.latent.space import CircuitSpace
from qvar.simulators import Circuit

__all__ = ["Evaluation", "Task"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came of training one circuit.

    Attributes:
        reward: what a search sees, in [0, 1].
        value: what the reward is made of: an energy, an infidelity, minus a cut, or an accuracy on validation rows.
        theta: trained angles, float64 of shape (n_parameters,), radians.
        ideal_reward: reward of the same angles without noise, which decides whether the circuit is a candidate.
        ideal_value: its value; the same as `value` without noise.
        calls: values and gradients that training took.
    """

    reward: float
    value: float
    theta: NDArray[np.float64]
    ideal_reward: float
    ideal_value: float
    calls: int


class Task(Protocol):
    """What searches and reward tables ask of a task. `to_dict` says all that a reward depends on."""

    @property
    def key(self) -> str:
        """Short name for files and tables."""
        ...

    @property
    def title(self) -> str:
        """The task in one line."""
        ...

    @property
    def n_qubits(self) -> int:
        """Qubits of a circuit."""
        ...

    @property
    def threshold(self) -> float:
        """A circuit is a candidate if its reward without noise is at least this."""
        ...

    @property
    def space(self) -> CircuitSpace:
        """The circuits that suit the task."""
        ...

    @property
    def source(self) -> str:
        """Where the task comes from."""
        ...

    @property
    def note(self) -> str:
        """What to know before quoting its numbers."""
        ...

    def evaluate(self, circuit: Circuit, start: NDArray[np.float64], rng: np.random.Generator) -> Evaluation:
        """Train a circuit from the angles `start` and judge it; chance, if any, comes from `rng`."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return all that rewards depend on as JSON data."""
        ...
