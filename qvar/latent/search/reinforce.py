"""REINFORCE in a latent space: an LSTM proposes points, the nearest unvisited circuit is evaluated."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from qvar.latent.search.candidates import Indices, Rewards, Unvisited
from qvar.latent.search.method import Assignment, PoolSearcher
from qvar.simulators.errors import LatentError

__all__ = ["Reinforce"]


@dataclass(frozen=True)
class Reinforce:
    """Learn by policy gradients where good circuits are: a ~ N(m, diag(s^2)), m from an LSTM.

    The state is the feature of the circuit proposed last. After each batch one step of Adam on
    mean_t(-log N(a_t; m_t, s) * A_t), with A_t = r_t - b and b <- momentum * b + (1 - momentum) * mean(r), updated
    before use; then the LSTM's state is forgotten.

    Args:
        hidden: width of the LSTM.
        learning_rate: of Adam.
        first_baseline: b before the first batch; None for the mean reward of the first batch.
        baseline_momentum: see above.
        first_batch: circuits in the first batch.
        levels: batches grow with the mean reward of the last one: `batches[k]` from the k-th level on. The threshold of
            the task is the last level, and need not be given.
        batches: sizes, one more than there are levels, the threshold included.
        penalty: whether rewards below the threshold are squared.
        learns_width: whether s is learned, one number per axis, starting at 1; else it is 1.
        normalizes: whether advantages are divided by the standard deviation of the batch's rewards.

    Source: arXiv 2401.11576, authors' code; `qvar.latent.search.published` has its settings task by task.

    Differs from the source, by default: the first baseline is measured, and batches grow only at the threshold. A
    learned width with normalized advantages finds fewer candidates than the source's unit width, which is far wider
    than the features and so picks circuits at the edge of the pool.
    """

    needs_torch: ClassVar[bool] = True

    hidden: int = 128
    learning_rate: float = 1e-2
    first_baseline: float | None = None
    baseline_momentum: float = 0.7
    first_batch: int = 16
    levels: tuple[float, ...] = ()
    batches: tuple[int, ...] = (16, 32)
    penalty: bool = False
    learns_width: bool = False
    normalizes: bool = False

    def __post_init__(self) -> None:
        if len(self.batches) != len(self.levels) + 2 or min(*self.batches, self.first_batch) < 1:
            raise LatentError(
                f"REINFORCE needs a batch size of at least 1 below each of its levels {self.levels}, below the "
                f"threshold and above it, got {self.batches}, the first {self.first_batch}"
            )

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher with an untrained policy."""
        return _Agent(self, assignment)


class _Agent:
    """The policy, its baseline and the batch under way."""

    def __init__(self, settings: Reinforce, assignment: Assignment) -> None:
        from qvar.latent.search.policy import GaussianPolicy  # loads PyTorch

        self._settings, self._threshold, self._rng = settings, assignment.threshold, assignment.rng
        candidates = assignment.candidates
        self._unvisited = Unvisited(candidates.features)
        self._policy = GaussianPolicy(
            candidates.size, settings.hidden, settings.learning_rate, settings.learns_width, self._rng
        )
        self._state = self._unvisited.points[self._rng.integers(len(candidates))]
        self._baseline = settings.first_baseline
        self._batch = settings.first_batch

    def propose(self, most: int) -> Indices:
        chosen = []
        for _ in range(min(most, self._batch)):
            index = self._unvisited.nearest(self._policy.act(self._state, self._rng))
            self._unvisited.take(np.array([index]))
            self._state = self._unvisited.points[index]
            chosen.append(index)
        return np.array(chosen, dtype=np.int64)

    def tell(self, _: Indices, rewards: Rewards) -> None:
        settings = self._settings
        if settings.penalty:
            rewards = np.where(rewards < self._threshold, rewards**2, rewards)
        mean = float(rewards.mean())
        before = mean if self._baseline is None else self._baseline
        self._baseline = settings.baseline_momentum * before + (1 - settings.baseline_momentum) * mean
        advantages = rewards - self._baseline
        if settings.normalizes:
            advantages = advantages / max(float(rewards.std()), 1e-3)
        self._policy.learn(advantages)
        self._batch = settings.batches[bisect_right((*settings.levels, self._threshold), mean)]

    def remarks(self) -> dict[str, Any]:
        return {"width": self._policy.width().tolist()}
