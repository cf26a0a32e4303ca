"""The training loss as an objective, so that every optimizer of `qvar.optimizers` trains a classifier unchanged."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.classify.loss import Loss
from qvar.classify.model import Model
from qvar.classify.readout import Readout
from qvar.classify.training_record import TrainingRecord
from qvar.simulators.errors import ClassifierError

__all__ = ["TrainingData", "TrainingObjective", "frequencies"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TrainingData:
    """Rows as the model wants them, one-hot targets of shape (N, C), and weights of the rows, shape (N,), mean 1."""

    rows: Any
    targets: Floats
    row_weights: Floats

    def __len__(self) -> int:
        return len(self.targets)


def frequencies(probabilities: Floats, shots: int, rng: np.random.Generator) -> Floats:
    """Return how often each class comes in `shots` shots, as a share, same shape as the probabilities (..., C)."""
    allowed = np.clip(probabilities, 0.0, None)
    return np.asarray(rng.multinomial(shots, allowed / allowed.sum(axis=-1, keepdims=True)) / shots)


@dataclass
class TrainingObjective:
    """The weighted mean loss over rows as a function of the weights (mutable: it moves from batch to batch).

    Row weights count relative to their mean over all rows, so that the loss of a mini-batch is an unbiased estimate.

    Fulfils `qvar.simulators.engine.Objective`. Gradients are exact reverse sweeps where the model has them and there
    are no shots; otherwise class probabilities are shifted, 2 T + 1 evaluations, and the chain rule leads to the loss.

    Args:
        model: from weights to expectation values.
        readout: from expectation values to class probabilities.
        loss: of class probabilities.
        data: all rows.
        record: counts and remembers; shared with copies of this objective.
        rng: draws shots and mini-batches.
        shots: shots per circuit; None for exact probabilities.
        circuits_per_row: circuits that a device needs for one evaluation of a row.
        draws: whether shots are drawn here, from exact probabilities; not if the model's values are measured.
        batch_size: rows of each step; None for all.
        calls_per_step: as the optimizer says; mini-batches change after as many calls. 1: every gradient is a step;
            2: a step is a pair of evaluations; None: each call is one.
        metric_of: gives the Fubini-Study metric at weights, averaged over rows of given numbers.
    """

    model: Model
    readout: Readout
    loss: Loss
    data: TrainingData
    record: TrainingRecord
    rng: np.random.Generator
    shots: int | None = None
    circuits_per_row: int = 1
    draws: bool = True
    batch_size: int | None = None
    calls_per_step: int | None = 1
    metric_of: Callable[[Floats, NDArray[np.int64]], Floats] | None = None

    def __post_init__(self) -> None:
        self._chosen: NDArray[np.int64] = np.arange(len(self.data))
        shares = self.data.row_weights / self.data.row_weights.max()  # so that huge weights have a sum
        self.data = replace(self.data, row_weights=shares / shares.mean())
        self._batch = self.data
        self._queue: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._calls = 0
        if self.batch_size is not None:
            self._next_batch()

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return self.model.n_weights

    @property
    def occurrences_per_parameter(self) -> NDArray[np.int64]:
        """How many gates each weight drives, for rules that shift the loss itself."""
        return self.model.occurrences_per_parameter

    @property
    def is_stochastic(self) -> bool:
        """Whether two evaluations at the same weights may differ."""
        return self.shots is not None or self.batch_size is not None

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one evaluation; 0 when exact."""
        return 0 if self.shots is None else self.shots * self.circuits_per_row * len(self._batch)

    @property
    def evaluations_per_gradient(self) -> int:
        """1 for reverse sweeps, 2 T + 1 for shifts."""
        return 1 if self._sweeps else 2 * self.model.n_trainable + 1

    @property
    def _sweeps(self) -> bool:
        return self.shots is None and self.model.has_reverse_sweep

    def __call__(self, theta: ArrayLike) -> float:
        """Return the loss at weights of shape (P,)."""
        weights = self._checked(theta, 1)
        self._charge(1)
        loss, accuracy = self._judged(self._probabilities(self.model.values(weights, self._batch.rows)))
        self.record.note(weights[0], float(loss[0]), is_stochastic=self.is_stochastic)
        note = {None: self.record.note_step, 2: self.record.note_half}.get(self.calls_per_step)
        if note is not None:
            note(weights[0], float(loss[0]), float(accuracy[0]))
        if self.calls_per_step == 2:
            self._advance()
        return float(loss[0])

    def batch(self, thetas: ArrayLike) -> Floats:
        """Return the losses at weights of shape (M, P); one step, at the first of them."""
        weights = self._checked(thetas, 2)
        self._charge(len(weights))
        losses, accuracies = self._judged(self._probabilities(self.model.values(weights, self._batch.rows)))
        if len(weights):
            self.record.note(weights[0], float(losses[0]), is_stochastic=self.is_stochastic)
            self.record.note_step(weights[0], float(losses[0]), float(accuracies[0]))
        return losses

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Floats]:
        """Return the loss and its gradient, shape (P,)."""
        weights = self._checked(theta, 1)
        self._charge(2 * self.model.n_trainable + 1, sweep=self._sweeps)
        values = self.model.values(weights, self._batch.rows)
        p = self._probabilities(values)
        loss, accuracy = self._judged(p)
        gradient = self._gradient(weights[0], values[0], self._slopes(p[0]))
        self.record.note(weights[0], float(loss[0]), is_stochastic=self.is_stochastic)
        self.record.note_step(weights[0], float(loss[0]), float(accuracy[0]))
        self._advance()
        return float(loss[0]), gradient

    def _slopes(self, p: Floats) -> Floats:
        """Return derivatives of the mean loss by probability, shape (N, C)."""
        shares = self._batch.row_weights / len(self._batch)
        return np.asarray(self.loss.slopes(p, self._batch.targets) * shares[:, None])

    def _gradient(self, weights: Floats, values: Floats, slopes: Floats) -> Floats:
        rows = self._batch.rows
        if self._sweeps:
            return self.model.pull_back(weights, rows, self.readout.pull_back(values, slopes))
        shifted = self.model.shifted_values(weights, rows)
        if self.readout.is_linear:
            differences, by = self._probabilities(shifted), slopes
        else:  # the shift rule holds for expectation values only
            differences, by = shifted, self.readout.pull_back(values, slopes)
        by_angle = (by * (differences[0] - differences[1])).sum(axis=-1) / 2
        return self.model.by_weight(weights, rows, by_angle)

    def _probabilities(self, values: Floats) -> Floats:
        p = self.readout.probabilities(values)
        return frequencies(p, self.shots, self.rng) if self.shots is not None and self.draws else p

    def _judged(self, p: Floats) -> tuple[Floats, Floats]:
        """Return loss and accuracy, shape (M,), of probabilities of shape (M, N, C)."""
        weights = self._batch.row_weights
        right = p.argmax(axis=-1) == self._batch.targets.argmax(axis=-1)
        return self.loss.values(p, self._batch.targets) @ weights / len(weights), right @ weights / weights.sum()

    def metric(self, theta: ArrayLike) -> Floats:
        """Return the Fubini-Study metric averaged over the rows in use, shape (P, P)."""
        if self.metric_of is None:
            raise ClassifierError(
                "the natural gradient needs data before weights, and a simulator of ours with at most 8 qubits; use "
                "Adam for this circuit"
            )
        self.record.charge_metric()
        return self.metric_of(self._checked(theta, 1)[0], self._chosen)

    def with_shots(self, shots: Any, rng: np.random.Generator) -> "TrainingObjective":
        """Return the same objective with other shots, counting on in the same record."""
        if not self.draws and (self.shots is not None or not self.readout.is_linear):
            raise ClassifierError(
                "stages change the shots of outcomes that an engine of ours draws, not those of a sampler or of "
                "observables; use an optimizer without stages"
            )
        return replace(self, shots=int(shots), rng=rng, draws=True)

    def _checked(self, theta: ArrayLike, n_dimensions: int) -> Floats:
        """Return a copy of shape (M, P)."""
        weights = np.array(theta, dtype=np.float64)
        if weights.ndim != n_dimensions or weights.shape[-1] != self.n_parameters or not np.isfinite(weights).all():
            raise ClassifierError(f"need {self.n_parameters} finite weights, got an array of shape {weights.shape}")
        return np.atleast_2d(weights)

    def _charge(self, evaluations: int, *, sweep: bool = False) -> None:
        circuits = evaluations * self.circuits_per_row * len(self._batch)
        self.record.charge(
            evaluations=0 if sweep else evaluations,
            gradients=int(sweep),
            circuits=circuits,
            shots=circuits * (self.shots or 0),
        )

    def _advance(self) -> None:
        """Go on to the next mini-batch once the step is complete."""
        self._calls += 1
        if self.batch_size is not None and self._calls % (self.calls_per_step or 1) == 0:
            self._next_batch()

    def _next_batch(self) -> None:
        """Take the next rows of a random order, made anew when it is used up."""
        if len(self._queue) == 0:
            self._queue = self.rng.permutation(len(self.data))
        n = self.batch_size or 0
        self._chosen, self._queue = self._queue[:n], self._queue[n:]
        self._batch = TrainingData(
            self.model.take(self.data.rows, self._chosen),
            self.data.targets[self._chosen],
            self.data.row_weights[self._chosen],
        )
