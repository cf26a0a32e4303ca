"""Curriculum: how close to the reference energy counts as success, and how that tightens as the agent learns.

Settings are frozen (`MovingThreshold`, `FixedThreshold`); `settings.start(...)` gives the mutable state that
an environment carries through training. Energies in Hartree for molecules.

Source:
    Patel et al., ICLR 2024, arXiv 2402.03500; the moving threshold as its released code runs it.

Differs from the source:
    - An initial threshold <= 0 is refused. The released noisy H2 configurations hold an energy there, so that
      nothing succeeds for 500 episodes and the threshold then freezes.
    - `best` starts from the reference plus the threshold and is fed only energies measured afresh at the
      found angles, never the optimizer's own minimum over noisy values. With shots a running minimum of fresh
      estimates still drifts low by luck; `delta` has to cover it.
    - The patience rule of the text, absent from the released code, is an option and off by default. The text
      is not consistent about it; here it widens the threshold to |mu - best| + 2 delta.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from qvar.simulators.errors import ArchitectureError

__all__ = [
    "Curriculum",
    "CurriculumState",
    "FixedThreshold",
    "FixedThresholdState",
    "MovingThreshold",
    "MovingThresholdState",
    "ReferenceKind",
]

ReferenceKind = Literal["exact", "lower_bound"]


class CurriculumState(Protocol):
    """The mutable side of a curriculum."""

    @property
    def reference(self) -> float:
        """The reference energy mu."""
        ...

    @property
    def threshold(self) -> float:
        """The threshold xi; an environment reads it at reset."""
        ...

    def record_energy(self, energy: float) -> None:
        """Take note of the energy of one step, measured afresh."""
        ...

    def end_episode(self, success: bool) -> None:
        """Take note of how an episode ended."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the state as numbers that JSON can hold."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state given by `state_dict`."""
        ...


class Curriculum(Protocol):
    """A small frozen object holding the settings of a curriculum."""

    def start(self, *, exact_energy: float, lower_bound: float) -> CurriculumState:
        """Return the state at the beginning of training."""
        ...


@dataclass(frozen=True)
class FixedThreshold:
    """Success means |E - mu| < threshold, always.

    Args:
        threshold: xi > 0; the default is chemical accuracy, 1.6e-3 Hartree.
        reference: mu, the problem's exact energy or its lower bound.

    Raises:
        ArchitectureError: for a threshold that is not positive or an unknown reference.

    Example:
        >>> FixedThreshold().start(exact_energy=-1.137, lower_bound=-1.32).threshold
        0.0016
    """

    threshold: float = 1.6e-3
    reference: ReferenceKind = "exact"

    def __post_init__(self) -> None:
        _check_threshold(self.threshold)
        _check_reference(self.reference)

    def start(self, *, exact_energy: float, lower_bound: float) -> "FixedThresholdState":
        """Return the state at the beginning of training."""
        mu = exact_energy if self.reference == "exact" else lower_bound
        return FixedThresholdState(reference=float(mu), threshold=float(self.threshold))


@dataclass(frozen=True)
class FixedThresholdState:
    """The state of `FixedThreshold`: nothing ever changes."""

    reference: float
    threshold: float

    def record_energy(self, energy: float) -> None:
        """Do nothing."""

    def end_episode(self, success: bool) -> None:
        """Do nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Check that `state` is empty, the only state there is."""
        _check_keys(state, set())


@dataclass(frozen=True)
class MovingThreshold:
    """Start with a wide threshold xi and follow the best energy found.

    At every `shift_every`-th episode (from the 11th on): xi = |mu - best| + delta. After `successes` successes, while
    |mu - best| < switch and at most `kappa` times between two shifts: xi = xi - delta / kappa.

    Args:
        initial_threshold: xi at the start; must exceed delta, so that no cut makes it zero.
        switch: the cuts begin once |mu - best| is below this; None for the initial threshold.
        shift_every: episodes G between two shifts.
        delta: margin above the best energy, > 0.
        successes: successes K for one cut.
        kappa: number of cuts that use up delta; 0 for none.
        patience: episodes without a new best energy after which xi = |mu - best| + 2 delta; None for never.
        reference: mu, the problem's lower bound (the exact energy need not be known) or its exact energy.

    Raises:
        ArchitectureError: for numbers outside these ranges.

    Example:
        >>> state = MovingThreshold(0.97, shift_every=20).start(exact_energy=-1.137, lower_bound=-1.320)
        >>> state.record_energy(-1.12)
        >>> for _ in range(20):
        ...     state.end_episode(success=True)
        >>> round(state.threshold, 6)  # 1.320 - 1.12 + 0.5e-3
        0.2005
    """

    initial_threshold: float
    switch: float | None = None
    shift_every: int = 500
    delta: float = 0.5e-3
    successes: int = 25
    kappa: int = 10
    patience: int | None = None
    reference: ReferenceKind = "lower_bound"

    def __post_init__(self) -> None:
        _check_threshold(self.initial_threshold)
        _check_reference(self.reference)
        if not 0.0 < self.delta < self.initial_threshold:
            raise ArchitectureError(
                f"delta must be positive and below the initial threshold {self.initial_threshold}, got {self.delta}"
            )
        if self.switch is not None and not self.switch > 0.0:
            raise ArchitectureError(f"switch must be positive or None, got {self.switch}")
        if min(self.shift_every, self.successes) < 1 or self.kappa < 0:
            raise ArchitectureError(f"shift_every and successes must be >= 1 and kappa >= 0, got {self}")
        if self.patience is not None and self.patience < 1:
            raise ArchitectureError(f"patience must be >= 1 or None, got {self.patience}")

    def start(self, *, exact_energy: float, lower_bound: float) -> "MovingThresholdState":
        """Return the state at the beginning of training."""
        mu = exact_energy if self.reference == "exact" else lower_bound
        return MovingThresholdState(settings=self, reference=float(mu))


@dataclass
class MovingThresholdState:
    """The state of `MovingThreshold` (mutable).

    Attributes:
        threshold: xi for the next reset.
        best: lowest energy recorded, at first mu + initial threshold.
        wins: successes since the last cut or shift.
        cuts: cuts since the last shift.
        episodes: episodes that ended.
        stale: episodes that ended since `best` last fell or patience last ran out.
    """

    settings: MovingThreshold
    reference: float
    threshold: float = field(init=False)
    best: float = field(init=False)
    wins: int = 0
    cuts: int = 0
    episodes: int = 0
    stale: int = 0

    def __post_init__(self) -> None:
        self.threshold = float(self.settings.initial_threshold)
        self.best = self.reference + self.threshold

    def record_energy(self, energy: float) -> None:
        """Lower `best` to `energy` if that is lower."""
        if energy < self.best:
            self.best, self.stale = float(energy), 0

    def end_episode(self, success: bool) -> None:
        """Count an episode, then cut or shift the threshold by the rules of `MovingThreshold`."""
        settings, distance = self.settings, abs(self.reference - self.best)
        self.episodes += 1
        self.stale += 1
        if success:
            self.wins += 1
            switch = settings.initial_threshold if settings.switch is None else settings.switch
            if self.wins >= settings.successes and self.cuts < settings.kappa and distance < switch:
                self.threshold -= settings.delta / settings.kappa
                self.wins, self.cuts = 0, self.cuts + 1
        if self.episodes > 10 and self.episodes % settings.shift_every == 0:
            self._shift(distance + settings.delta)
        elif settings.patience is not None and self.stale >= settings.patience:
            self._shift(distance + 2 * settings.delta)
            self.stale = 0

    def _shift(self, threshold: float) -> None:
        self.threshold = threshold
        self.wins = self.cuts = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state as numbers that JSON can hold, without the settings."""
        return {name: getattr(self, name) for name in _MOVING_STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state given by `state_dict`.

        Raises:
            ArchitectureError: if an entry is missing or unknown.
        """
        _check_keys(state, set(_MOVING_STATE))
        for name, kind in _MOVING_STATE.items():
            setattr(self, name, kind(state[name]))


_MOVING_STATE: dict[str, type] = {
    "threshold": float,
    "best": float,
    "wins": int,
    "cuts": int,
    "episodes": int,
    "stale": int,
}


def _check_threshold(threshold: float) -> None:
    if not (threshold > 0.0 and math.isfinite(threshold)):
        raise ArchitectureError(
            f"a threshold is a distance from the reference energy and must be positive, got {threshold}"
        )


def _check_reference(reference: str) -> None:
    if reference not in ("exact", "lower_bound"):
        raise ArchitectureError(f"the reference is 'exact' or 'lower_bound', got {reference!r}")


def _check_keys(state: Mapping[str, Any], needed: set[str]) -> None:
    if set(state) != needed:
        raise ArchitectureError(
            f"this curriculum's state holds {sorted(needed)}, got {sorted(state)}; was it saved with other settings?"
        )
