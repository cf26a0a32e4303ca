"""Presets: complete settings of a search by name."""

from collections.abc import Callable
from dataclasses import dataclass

from qvar.agents import DoubleDQN
from qvar.envs import BestSoFar, NegativeBinomialHalting, NoHalting, default_curriculum
from qvar.optimizers import LBFGS, AdamSPSA, Cobyla
from qvar.problems import Problem
from qvar.search.configuration import SearchConfiguration
from qvar.simulators import Engine
from qvar.simulators.errors import RunError

__all__ = ["PRESETS", "configure"]


def _laptop(problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """Minutes on two cores: a small network, exact gradients, short circuits, rewards relative to the best energy."""
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN(),
        optimizer=LBFGS(max_iterations=30, tolerance=1e-4, value_tolerance=1e-7) if shots is None else AdamSPSA(),
        curriculum=BestSoFar(),
        max_gates=max(10, 6 * problem.n_qubits),
        episodes=300,
        shots=shots,
    )


@dataclass(frozen=True)
class _Published:
    """One experiment of the paper; its optimizer decides whether energies are exact or sampled."""

    episodes: int
    max_gates: int
    width: int
    learning_rate: float
    n_step: int
    optimizer: Cobyla | AdamSPSA
    shots: int | None = None
    halts: bool = False


_PUBLISHED = {
    ("h2-2", "noiseless"): _Published(10_000, 40, 1000, 1e-4, 1, Cobyla(100)),
    ("h2-3", "noiseless"): _Published(15_000, 40, 1000, 1e-4, 1, Cobyla(100)),
    ("h2-4", "noiseless"): _Published(20_000, 40, 1000, 1e-4, 1, Cobyla(1000)),
    ("lih-4", "noiseless"): _Published(30_000, 40, 1000, 3e-4, 5, Cobyla(1000)),
    ("lih-6", "noiseless"): _Published(40_000, 70, 2000, 1e-4, 6, Cobyla(1000)),
    ("h2o-8-bohr", "noiseless"): _Published(50_000, 250, 5000, 1e-4, 6, Cobyla(1000)),
    ("h2-2", "shots"): _Published(10_000, 40, 1000, 1e-4, 1, AdamSPSA.published("h2-2"), 10**4),
    ("h2-3", "shots"): _Published(15_000, 40, 1000, 1e-4, 1, AdamSPSA.published("h2-3"), 10**5),
    ("lih-4", "shots"): _Published(15_000, 40, 1000, 3e-4, 5, AdamSPSA.published("lih-4"), 10**7),
    ("lih-6", "shots"): _Published(40_000, 70, 2000, 1e-4, 6, AdamSPSA.published("lih-6"), 10**9),
    ("h2-2", "noisy"): _Published(10_000, 40, 1000, 3e-4, 5, AdamSPSA.published("h2-2", noisy=True), 10**3, halts=True),
    ("h2-3", "noisy"): _Published(15_000, 40, 1000, 3e-4, 5, AdamSPSA.published("h2-3", noisy=True), 10**4, halts=True),
    ("h2-4", "noisy"): _Published(15_000, 40, 1000, 3e-4, 5, Cobyla(100), halts=True),
    ("lih-4", "noisy"): _Published(
        15_000, 40, 1000, 3e-4, 5, AdamSPSA.published("lih-4", noisy=True), 10**7, halts=True
    ),
}
"""The experiments of arXiv 2402.03500 by task and setting; those with the true energy as reference are left out."""


def _crlqas(problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """The published hyper-parameters of an experiment; they assume a GPU and days."""
    setting = "noisy" if engine.noise is not None else "noiseless" if shots is None else "shots"
    row = _PUBLISHED.get((problem.key, setting))
    if row is None or (shots is not None and row.shots is None):
        known = ", ".join(f"{key} {kind}" for key, kind in _PUBLISHED)
        raise RunError(
            f"preset crlqas has no experiment {problem.key} {setting}{'' if shots is None else ' with shots'}; it has "
            f"{known}. Use the preset laptop"
        )
    optimizer = row.optimizer
    if shots is not None and isinstance(optimizer, AdamSPSA):
        optimizer = optimizer.with_shots(shots)
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN.paper(width=row.width, learning_rate=row.learning_rate, n_step=row.n_step),
        optimizer=optimizer,
        curriculum=default_curriculum(problem.key, problem.observable),
        halting=NegativeBinomialHalting() if row.halts else NoHalting(),
        max_gates=row.max_gates,
        episodes=row.episodes,
        shots=row.shots if shots is None else shots,
    )


PRESETS: dict[str, Callable[[Problem, Engine, int | None], SearchConfiguration]] = {
    "laptop": _laptop,
    "crlqas": _crlqas,
}
"""The presets by name."""


def configure(preset: str, problem: Problem, engine: Engine, *, shots: int | None = None) -> SearchConfiguration:
    """Return the configuration of a preset for a problem and an engine.

    Args:
        preset: "laptop" or "crlqas".
        problem: what to minimize.
        engine: where energies come from.
        shots: shots per measured circuit. None for exact values, except in published experiments with shots, where
            it means their number. Stages of Adam-SPSA keep their shares of it.

    Raises:
        RunError: for an unknown preset, or an experiment that the paper does not have.
    """
    if preset not in PRESETS:
        raise RunError(f"unknown preset {preset!r}; known are {', '.join(PRESETS)}")
    return PRESETS[preset](problem, engine, shots)
