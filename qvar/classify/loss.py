"""Losses of class probabilities, each with its true derivative."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import ClassifierError

__all__ = ["LOSSES", "CrossEntropy", "Linear", "Loss", "SquaredError", "find_loss"]

Floats = NDArray[np.float64]


class Loss(Protocol):
    """A small frozen object: loss of each row, and its derivatives by the probabilities."""

    def values(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return the loss of every row, shape (..., N), from two arrays of shape (..., N, C); targets are one-hot."""
        ...

    def slopes(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return the derivatives of every row's loss by its probabilities, shape (..., N, C)."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """-ln of the probability of the true class, in nats.

    Args:
        clip: probabilities are kept at least this far from 0, where the loss is infinite. With shots a class may never
            be seen: 1e-12, Aqua's value, then means a slope of 1e12, and a single such row ends the training.
    """

    clip: float = 1e-12

    def __post_init__(self) -> None:
        if not 0 < self.clip < 0.5:
            raise ClassifierError(f"cross entropy needs a clip between 0 and 0.5, got {self.clip}")

    def values(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return the loss of every row."""
        return np.asarray(-(targets * np.log(np.clip(probabilities, self.clip, 1.0))).sum(axis=-1))

    def slopes(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return -t_c / p_c."""
        return np.asarray(-targets / np.clip(probabilities, self.clip, 1.0))


@dataclass(frozen=True)
class SquaredError:
    """Half the squared distance of the probabilities from the truth; (p_1 - y)**2 for two classes (Brier score)."""

    def values(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return the loss of every row."""
        return np.asarray(0.5 * ((probabilities - targets) ** 2).sum(axis=-1))

    def slopes(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return p_c - t_c."""
        return probabilities - targets


@dataclass(frozen=True)
class Linear:
    """The probability of a wrong class; the one loss for which shifting the loss itself gives its gradient."""

    def values(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return the loss of every row."""
        return np.asarray(1.0 - (probabilities * targets).sum(axis=-1))

    def slopes(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return -t_c."""
        return np.broadcast_to(-targets, probabilities.shape)


LOSSES: dict[str, type[Loss]] = {"cross-entropy": CrossEntropy, "linear": Linear, "squared-error": SquaredError}
"""Losses that go by a name."""


def find_loss(loss: "Loss | str", shots: int | None = None) -> Loss:
    """Return the loss of a name.

    With shots, "cross-entropy" takes a class that was never seen for half a count: its clip is 1 / (2 (shots + 1)).

    Raises:
        ClassifierError: for an unknown name or anything that is no loss.
    """
    if loss == "cross-entropy" and shots is not None:
        return CrossEntropy(0.5 / (shots + 1))
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ClassifierError(f"unknown loss {loss!r}; there are {', '.join(LOSSES)}")
        return LOSSES[loss]()
    if isinstance(loss, type) or not hasattr(loss, "slopes"):
        raise ClassifierError(f"a loss is a name or a loss object, got {loss!r}")
    return loss
