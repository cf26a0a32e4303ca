"""Presets: complete settings of a search by name."""

from collections.abc import Callable

from qvar.agents import DoubleDQN
from qvar.envs import MovingThreshold, NegativeBinomialHalting, default_curriculum
from qvar.optimizers import LBFGS, AdamSPSA, Cobyla
from qvar.problems import Problem
from qvar.search.configuration import SearchConfiguration
from qvar.simulators import Engine
from qvar.simulators.errors import RunError

__all__ = ["PRESETS", "configure"]


def _laptop(problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """Minutes on two cores: a small network, exact gradients, short circuits, a threshold that moves soon."""
    paper = default_curriculum(problem.key, problem.observable)
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN(),
        optimizer=LBFGS(max_iterations=30, tolerance=1e-4, value_tolerance=1e-7) if shots is None else AdamSPSA(),
        curriculum=MovingThreshold(paper.initial_threshold, shift_every=20, successes=1, kappa=5),
        max_gates=max(10, 6 * problem.n_qubits),
        episodes=300,
        shots=shots,
    )


def _crlqas(problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """The published hyper-parameters (arXiv 2402.03500); they assume a GPU and days."""
    n, noisy = problem.n_qubits, engine.noise is not None
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN.paper(n_qubits=n, noisy=noisy),
        optimizer=Cobyla(100 if n <= 3 or noisy else 1000) if shots is None else AdamSPSA(),
        curriculum=default_curriculum(problem.key, problem.observable),
        halting=NegativeBinomialHalting(),
        max_gates=40 if n <= 4 else 70 if n <= 6 else 250,
        episodes=15_000 if noisy else {2: 10_000, 3: 15_000, 4: 20_000, 6: 40_000}.get(n, 50_000),
        shots=shots,
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
        shots: shots per measured circuit, None for exact values; decides between gradients and Adam-SPSA.

    Raises:
        RunError: for an unknown preset.
    """
    if preset not in PRESETS:
        raise RunError(f"unknown preset {preset!r}; known are {', '.join(PRESETS)}")
    return PRESETS[preset](problem, engine, shots)
