"""Settings of the learning agents: small frozen objects, and the settings of the paper."""

import math
from dataclasses import dataclass

from qvar.simulators.checks import check_whole
from qvar.simulators.errors import QvarError

__all__ = ["DoubleDQN", "MaskablePPO"]


@dataclass(frozen=True)
class DoubleDQN:
    """Double deep Q-learning with n-step returns, masked actions and, on request, prioritized replay.

    The defaults suit two CPU cores; `DoubleDQN.paper(...)` gives the published settings, which assume a GPU.

    Args:
        hidden: widths of the hidden layers.
        learning_rate: of Adam.
        gamma: discount per step; None for 0.005 ** (1 / max_gates), rounded to two digits.
        n_step: rewards summed before bootstrapping.
        batch_size: transitions per learner step.
        buffer_size: transitions kept for replay.
        learning_starts: transitions stored before the first learner step.
        learn_every: environment steps between two turns of learning.
        learner_steps: learner steps per turn.
        target_every: learner steps between copies to the target network.
        epsilon_start, epsilon_end: chance of a random legal action, at first and at last.
        epsilon_decay: factor per learner step.
        epsilon_share: share of the run, by episodes or by budget, over which epsilon falls in a straight line, instead
            of by `epsilon_decay`; None to decay by learner steps.
        double: the policy network chooses the action that the target network values; False for plain DQN, where the
            target network does both.
        priority_exponent: alpha of prioritized replay: a transition is drawn with a probability proportional to
            (|TD error| + 1e-6) ** alpha; 0 for uniform replay.
        importance_exponent: beta of prioritized replay at the start of the run; grows in a straight line to 1 at its
            end. Not used by uniform replay.
        bootstrap_halted: bootstrap through randomly halted episodes (an ablation; the failure reward stays).
        threads: CPU threads of the network; one is fastest for small networks and keeps runs reproducible.

    Source: van Hasselt, Guez and Silver 2016; Schaul et al., arXiv 1511.05952; Patel et al., arXiv 2402.03500.
    """

    hidden: tuple[int, ...] = (128, 128)
    learning_rate: float = 1e-3
    gamma: float | None = None
    n_step: int = 5
    batch_size: int = 64
    buffer_size: int = 20_000
    learning_starts: int = 200
    learn_every: int = 1
    learner_steps: int = 1
    target_every: int = 250
    epsilon_start: float = 1.0
    epsilon_end: float = 0.05
    epsilon_decay: float = 0.9995
    epsilon_share: float | None = 0.5
    double: bool = True
    priority_exponent: float = 0.0
    importance_exponent: float = 0.4
    bootstrap_halted: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        for name in _COUNTS:
            object.__setattr__(self, name, check_whole(name, getattr(self, name)))
        if not self.hidden:
            raise QvarError("the network needs at least one hidden layer, got hidden=()")
        object.__setattr__(self, "hidden", tuple(check_whole("hidden", width) for width in self.hidden))
        if self.learning_starts > self.buffer_size:
            raise QvarError(
                f"learning_starts={self.learning_starts} transitions never fit into buffer_size={self.buffer_size}"
            )
        if not 0 < self.learning_rate < math.inf or not 0 < self.epsilon_decay <= 1:
            raise QvarError(
                f"learning_rate must be positive and epsilon_decay in (0, 1], got {self.learning_rate}, "
                f"{self.epsilon_decay}"
            )
        if not 0 <= self.epsilon_end <= self.epsilon_start <= 1:
            raise QvarError(
                f"need 0 <= epsilon_end <= epsilon_start <= 1, got {self.epsilon_end}, {self.epsilon_start}"
            )
        if self.epsilon_share is not None and not 0 < self.epsilon_share <= 1:
            raise QvarError(f"epsilon_share is a share of the run, in (0, 1], or None, got {self.epsilon_share}")
        if not 0 <= self.priority_exponent < math.inf or not 0 <= self.importance_exponent <= 1:
            raise QvarError(
                f"priority_exponent must be at least 0 and importance_exponent in 0..1, got {self.priority_exponent}, "
                f"{self.importance_exponent}"
            )
        if self.gamma is not None and not 0 <= self.gamma <= 1:
            raise QvarError(f"gamma must lie in 0..1, got {self.gamma}")

    @classmethod
    def paper(cls, *, width: int, learning_rate: float, n_step: int) -> "DoubleDQN":
        """Return the settings of Patel et al.: five layers of `width` units, batches of 1000.

        At width 1000 a learner step takes about a second on two CPU cores.
        """
        return cls(
            hidden=(width,) * 5,
            learning_rate=learning_rate,
            n_step=n_step,
            batch_size=1000,
            learning_starts=1000,
            target_every=500,
            epsilon_end=0.05,
            epsilon_decay=0.99995,
            epsilon_share=None,
            threads=2,
        )

    def discount(self, max_gates: int) -> float:
        """Return gamma for episodes of at most `max_gates` steps."""
        return _discount(self.gamma, max_gates)


@dataclass(frozen=True)
class MaskablePPO:
    """Proximal policy optimization with masked actions, by sb3-contrib (the extra `sb3`).

    The policy and the value network learn from whole episodes, as soon as enough steps have been collected.

    Args:
        hidden: widths of the hidden layers of either network.
        learning_rate: of Adam.
        gamma: discount per step; None for 0.005 ** (1 / max_gates), rounded to two digits.
        gae_lambda: weight of long returns in the advantage, 0 to 1.
        rollout_steps: steps collected, in whole episodes, before the networks learn from them.
        batch_size: steps per learner step; one more where a single step would be left over.
        epochs: times that every step is learned from.
        clip_range: largest change of the probability ratio that is rewarded.
        entropy_weight, value_weight: of these terms in the loss.
        max_gradient: norm to which gradients are clipped.
        threads: CPU threads of the networks.

    Source: Schulman et al., arXiv 1707.06347; Huang and Ontanon, arXiv 2006.14171.
    """

    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 3e-4
    gamma: float | None = None
    gae_lambda: float = 0.95
    rollout_steps: int = 256
    batch_size: int = 64
    epochs: int = 10
    clip_range: float = 0.2
    entropy_weight: float = 0.01
    value_weight: float = 0.5
    max_gradient: float = 0.5
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("rollout_steps", "batch_size", "epochs", "threads"):
            object.__setattr__(self, name, check_whole(name, getattr(self, name)))
        if not self.hidden or self.rollout_steps < 2 or self.batch_size < 2:
            raise QvarError(f"need a hidden layer, rollout_steps >= 2 and batch_size >= 2, got {self}")
        object.__setattr__(self, "hidden", tuple(check_whole("hidden", width) for width in self.hidden))
        for name in ("learning_rate", "clip_range", "max_gradient"):
            if not 0 < getattr(self, name) < math.inf:
                raise QvarError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("entropy_weight", "value_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise QvarError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 <= self.gae_lambda <= 1 or (self.gamma is not None and not 0 <= self.gamma <= 1):
            raise QvarError(f"gamma and gae_lambda must lie in 0..1, got {self.gamma}, {self.gae_lambda}")

    def discount(self, max_gates: int) -> float:
        """Return gamma for episodes of at most `max_gates` steps."""
        return _discount(self.gamma, max_gates)


def _discount(gamma: float | None, max_gates: int) -> float:
    return round(0.005 ** (1 / max_gates), 2) if gamma is None else gamma


_COUNTS = (
    "n_step",
    "batch_size",
    "buffer_size",
    "learning_starts",
    "learn_every",
    "learner_steps",
    "target_every",
    "threads",
)
