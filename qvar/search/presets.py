"""Presets: complete settings of a search by name."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from qvar.agents import DoubleDQN
from qvar.envs import MovingThreshold, StartCircuit, default_curriculum
from qvar.optimizers import LBFGS, AdamSPSA
from qvar.problems import Problem
from qvar.search.configuration import Algorithm, SearchConfiguration
from qvar.search.experiments import EXPERIMENTS, find_experiment
from qvar.search.greedy import Greedy
from qvar.search.pruning import Pruning
from qvar.simulators import Engine
from qvar.simulators.errors import RunError

__all__ = ["PRESETS", "configure", "starting_from", "with_algorithm"]


def _laptop(problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """Minutes on two cores: a small network, exact gradients, short circuits, a threshold that moves soon."""
    start = default_curriculum(problem)
    xi, reference = start.initial_threshold, start.reference
    return SearchConfiguration(
        problem,
        engine,
        algorithm=DoubleDQN(),
        optimizer=LBFGS(max_iterations=30, tolerance=1e-4, value_tolerance=1e-7) if shots is None else AdamSPSA(),
        curriculum=MovingThreshold(
            xi, shift_every=25, delta=min(2e-3, xi / 2), successes=1, kappa=5, reference=reference
        ),
        max_gates=max(10, 6 * problem.n_qubits),
        episodes=300,
        shots=shots,
        pruning=Pruning(),
    )


def _published(preset: str, problem: Problem, engine: Engine, shots: int | None) -> SearchConfiguration:
    """The published hyper-parameters of an experiment, without pruning; they assume a GPU and days."""
    noise = None if engine.noise is None else engine.noise.name
    row = find_experiment(preset, problem.key, noise=noise, shots=shots)
    optimizer = row.optimizer
    if shots is not None and isinstance(optimizer, AdamSPSA):
        optimizer = optimizer.with_shots(shots)
    return SearchConfiguration(
        problem,
        engine,
        algorithm=row.algorithm,
        optimizer=optimizer,
        curriculum=row.curriculum,
        halting=row.halting,
        max_gates=row.max_gates,
        episodes=row.episodes,
        shots=row.shots if shots is None else shots,
    )


PRESETS: dict[str, Callable[[Problem, Engine, int | None], SearchConfiguration]] = {
    "laptop": _laptop,
    **{name: partial(_published, name) for name in dict.fromkeys(row.preset for row in EXPERIMENTS)},
}
"""The presets by name."""


def configure(preset: str, problem: Problem, engine: Engine, *, shots: int | None = None) -> SearchConfiguration:
    """Return the configuration of a preset for a problem and an engine.

    Args:
        preset: "laptop", or "crlqas" for a published experiment; "crlqas-halting", "crlqas-no-halting",
            "crlqas-exact" and "crlqas-exact-halting" for its published variants, with or without random halting and
            with the exact energy as reference (see `EXPERIMENTS`).
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


def starting_from(configuration: SearchConfiguration, start: StartCircuit) -> SearchConfiguration:
    """Return the configuration with a start circuit, its moving threshold no wider than the start.

    The energy of the start is the best one known at the beginning. Without this, any first gate would succeed until
    the threshold moves for the first time.

    Raises:
        EngineError: if the start has another number of qubits than the problem.
    """
    curriculum = configuration.curriculum
    if start.n_gates and isinstance(curriculum, MovingThreshold):
        problem = configuration.problem
        state = curriculum.start(exact_energy=problem.exact_energy, lower_bound=problem.lower_bound)
        energy = problem.objective(configuration.engine, start.circuit)(start.parameters)
        distance = max(abs(energy - state.reference), 2 * curriculum.delta)
        curriculum = replace(curriculum, initial_threshold=min(curriculum.initial_threshold, distance))
    return replace(configuration, start=start if start.n_gates else None, curriculum=curriculum)


GREEDY_EPISODES = 10
"""Each grows a whole circuit at once, and the first is no worse than most."""


def with_algorithm(configuration: SearchConfiguration, algorithm: Algorithm) -> SearchConfiguration:
    """Return a configuration with another algorithm; a greedy search gets ten episodes."""
    episodes = GREEDY_EPISODES if isinstance(algorithm, Greedy) else configuration.episodes
    return replace(configuration, algorithm=algorithm, episodes=episodes)
