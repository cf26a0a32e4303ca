"""What a training has gone through and cost, and what a callback learns of each of its steps."""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cost", "StopTraining", "TrainingRecord", "TrainingStep"]

Floats = NDArray[np.float64]


class StopTraining(Exception):
    """Raised inside an evaluation to end a training; what was found stays."""


@dataclass(frozen=True)
class Cost:
    """What a training has cost.

    Attributes:
        evaluations: evaluations of the loss, those of parameter shifts included.
        gradients: gradients by reverse sweep, which only simulators have.
        circuits: circuits that a device would run for the same: one per row and evaluation (one per observable, where
            the readout's observables are not all read from the same outcomes), and 2 T + 1 times as many for a gradient
            in T angles, whichever way it was computed.
        shots: shots drawn, 0 for exact probabilities.
        seconds: wall time.
        metrics: Fubini-Study metrics of the natural gradient; a simulation of the circuit without noise gives them, and
            what they would cost on a device is not among the circuits.
    """

    evaluations: int = 0
    gradients: int = 0
    circuits: int = 0
    shots: int = 0
    seconds: float = 0.0
    metrics: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class TrainingStep:
    """What a callback learns of each step.

    A step is one gradient; for SPSA and Adam-SPSA a pair of evaluations; for optimizers without gradients one
    evaluation.

    Attributes:
        step: its number, from 1.
        loss: the loss there (of the mini-batch in use); of a pair the mean, which lies above that of the point between.
        accuracy: share of the rows classified rightly, weighted as the loss is.
        weights: the weights, shape (P,); of a pair the point between.
        cost: what the training has cost up to here.
    """

    step: int
    loss: float
    accuracy: float
    weights: Floats
    cost: Cost


@dataclass
class TrainingRecord:
    """What happened so far (mutable).

    Attributes:
        max_circuits: circuits after which training stops; None for no such limit.
        on_step: learns of every step; training stops if it returns something true.
        cost: what it has cost.
        losses: the loss of each step.
        is_stochastic: whether one of the losses was an estimate.
        last: weights evaluated last; of a pair the point between.
        best: weights of the lowest loss seen.
        best_loss: that loss.
    """

    max_circuits: int | None = None
    on_step: Callable[[TrainingStep], object] | None = None
    cost: Cost = field(default_factory=Cost)
    losses: list[float] = field(default_factory=list)
    is_stochastic: bool = False
    last: Floats | None = None
    best: Floats | None = None
    best_loss: float = np.inf

    def __post_init__(self) -> None:
        self._begin = time.perf_counter()
        self._half: tuple[Floats, float, float] | None = None

    def charge_metric(self) -> None:
        """Count a metric."""
        self.cost = replace(self.cost, metrics=self.cost.metrics + 1)

    def charge(self, *, evaluations: int, gradients: int, circuits: int, shots: int) -> None:
        """Count what comes next.

        Raises:
            StopTraining: if it would exceed the limit of circuits.
        """
        total = self.cost.circuits + circuits
        if self.max_circuits is not None and total > self.max_circuits:
            raise StopTraining
        before = self.cost
        self.cost = replace(
            before,
            evaluations=before.evaluations + evaluations,
            gradients=before.gradients + gradients,
            circuits=total,
            shots=before.shots + shots,
        )

    def final_cost(self) -> Cost:
        """Return the cost up to now."""
        return replace(self.cost, seconds=time.perf_counter() - self._begin)

    def note(self, weights: Floats, loss: float, *, is_stochastic: bool) -> None:
        """Remember a point."""
        self.last = weights
        self.is_stochastic |= is_stochastic
        if loss < self.best_loss:
            self.best, self.best_loss = weights, loss

    def note_half(self, weights: Floats, loss: float, accuracy: float) -> None:
        """Remember one of two points that make a step."""
        if self._half is None:
            self._half = weights, loss, accuracy
            return
        other, other_loss, other_accuracy = self._half
        self._half = None
        self.last = (weights + other) / 2
        self.note_step(self.last, (loss + other_loss) / 2, (accuracy + other_accuracy) / 2)

    def note_step(self, weights: Floats, loss: float, accuracy: float) -> None:
        """Tell the callback of a step.

        Raises:
            StopTraining: if the callback asks for it.
        """
        self.losses.append(loss)
        if self.on_step is None:
            return
        if self.on_step(TrainingStep(len(self.losses), loss, accuracy, weights, self.final_cost())):
            raise StopTraining
