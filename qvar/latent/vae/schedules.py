"""How the weight of the divergence changes while a variational auto-encoder is trained."""

from dataclasses import dataclass

from qvar.simulators.errors import LatentError

__all__ = ["KlSchedule"]


@dataclass(frozen=True)
class KlSchedule:
    """The weight of the divergence: constant, or rising from 0 and held at a cap.

    beta_t = min(cap, t / steps) after t gradient steps.

    Attributes:
        cap: the highest weight, >= 0.
        steps: gradient steps in which the weight would rise from 0 to 1; 0 for `cap` from the start.

    Example:
        >>> annealed = KlSchedule(cap=0.2, steps=1000)
        >>> [annealed(t) for t in (0, 100, 200, 1000)]
        [0.0, 0.1, 0.2, 0.2]
        >>> KlSchedule(cap=4.0)(0)
        4.0

    Source: Liang, Krishnan, Hoffman and Jebara, "Variational Autoencoders for Collaborative Filtering" (WWW 2018),
    arXiv 1802.05814, section 2.2.2, where cap = 0.2 and steps = 200,000.
    """

    cap: float = 1.0
    steps: int = 0

    def __post_init__(self) -> None:
        if not self.cap >= 0 or self.steps < 0:
            raise LatentError(f"a schedule needs cap >= 0 and steps >= 0, got {self}")

    def __call__(self, step: int) -> float:
        """Return the weight after so many gradient steps, 0 for the first."""
        return self.cap if self.steps == 0 else min(self.cap, step / self.steps)

    @classmethod
    def reaching(cls, cap: float, *, ramp: float, n_steps: int) -> "KlSchedule":
        """Return the schedule that rises to `cap` in this share of `n_steps`, 0 <= ramp <= 1."""
        if not 0 <= ramp <= 1:
            raise LatentError(f"ramp is a share of the training, from 0 to 1, got {ramp}")
        return cls(cap, round(ramp * n_steps / cap) if cap > 0 else 0)
