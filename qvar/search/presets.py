"""Presets: complete settings of a search by name."""

from collections.abc import Callable
from dataclasses import dataclass

from qvar.agents import DoubleDQN
from qvar.envs import MovingThreshold, NegativeBinomialHalting, NoHalting, default_curriculum
from qvar.optimizers import LBFGS, AdamSPSA, Cobyla
from qvar.problems import Problem
from qvar.search.configuration import SearchConfiguration
from qvar.simulators import Engine
from qvar.simulators.errors import RunError

__all__ = ["PRESETS", "configure"]


def _laptop(problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """Minutes on two cores: a small network, exact gradients, short circuits, a threshold that moves soon."""
    start = default_curriculum(problem.key, problem.observable).initial_threshold
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN(),
        optimizer=LBFGS(max_iterations=30, tolerance=1e-4, value_tolerance=1e-7) if shots is None else AdamSPSA(),
        curriculum=MovingThreshold(start, shift_every=25, delta=min(2e-3, start / 2), successes=1, kappa=5),
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


def _spsa(
    budget: int, a: float, alpha: float, c: float, gamma: float, lam: float, beta1: float, beta2: float
) -> AdamSPSA:
    return AdamSPSA(max_evaluations=budget, a=a, alpha=alpha, c=c, gamma=gamma, lam=lam, beta1=beta1, beta2=beta2)


_H2_2_SHOTS = _spsa(200, 1.4934, 0.9931, 0.0612, 0.0253, 0.6104, 0.8804, 0.9979)
_H2_3_SHOTS = _spsa(250, 0.5597, 0.9958, 0.0901, 0.1530, 0.6535, 0.7006, 0.7719)
_H2_2_NOISY = _spsa(500, 1.2104, 0.9531, 0.1039, 0.0984, 0.9277, 0.9414, 0.9983)
_H2_3_NOISY = _spsa(500, 0.5188, 0.9859, 0.0938, 0.0974, 0.6483, 0.7160, 0.6265)
_PUBLISHED = {
    ("h2-2", "noiseless"): _Published(10_000, 40, 1000, 1e-4, 1, Cobyla(100)),
    ("h2-3", "noiseless"): _Published(15_000, 40, 1000, 1e-4, 1, Cobyla(100)),
    ("h2-4", "noiseless"): _Published(20_000, 40, 1000, 1e-4, 1, Cobyla(1000)),
    ("lih-4", "noiseless"): _Published(30_000, 40, 1000, 3e-4, 5, Cobyla(1000)),
    ("lih-6", "noiseless"): _Published(40_000, 70, 2000, 1e-4, 6, Cobyla(1000)),
    ("h2o-8-bohr", "noiseless"): _Published(50_000, 250, 5000, 1e-4, 6, Cobyla(1000)),
    ("h2-2", "shots"): _Published(10_000, 40, 1000, 1e-4, 1, _H2_2_SHOTS, 10_000),
    ("h2-3", "shots"): _Published(15_000, 40, 1000, 1e-4, 1, _H2_3_SHOTS, 100_000),
    ("h2-2", "noisy"): _Published(10_000, 40, 1000, 3e-4, 5, _H2_2_NOISY, 1000, halts=True),
    ("h2-3", "noisy"): _Published(15_000, 40, 1000, 3e-4, 5, _H2_3_NOISY, 10_000, halts=True),
    ("h2-4", "noisy"): _Published(15_000, 40, 1000, 3e-4, 5, Cobyla(100), halts=True),
}
"""The experiments of arXiv 2402.03500 whose angle optimizer is at hand (not those with three-stage Adam-SPSA)."""


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
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN.paper(width=row.width, learning_rate=row.learning_rate, n_step=row.n_step),
        optimizer=row.optimizer,
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
            it means their number.

    Raises:
        RunError: for an unknown preset, or an experiment that the paper does not have.
    """
    if preset not in PRESETS:
        raise RunError(f"unknown preset {preset!r}; known are {', '.join(PRESETS)}")
    return PRESETS[preset](problem, engine, shots)
