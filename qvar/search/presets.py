"""Presets: complete settings of a search by name."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from qvar.envs import BestSoFar, MovingThreshold, StartCircuit
from qvar.optimizers import AdamSPSA, CompactLBFGS
from qvar.problems import Problem
from qvar.search.annealing import Annealing
from qvar.search.configuration import Algorithm, SearchConfiguration
from qvar.search.evolution import Evolution
from qvar.search.experiments import EXPERIMENTS, find_experiment
from qvar.search.greedy import Greedy
from qvar.search.judge import Judge
from qvar.search.pruning import Pruning
from qvar.simulators import Engine, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import RunError

__all__ = ["PRESETS", "configure", "limited", "starting_from"]


BUDGET = 500_000
"""Energies that a search of the preset `qvar` spends: seconds to minutes on a laptop."""

SHOTS_BUDGET = 5_000_000
"""The same for energies with shots, where optimizing one circuit takes hundreds of them."""

_LOCAL = (Annealing, Evolution, Greedy)


def _qvar(problem: Problem, engine: Engine, shots: int | None, algorithm: Algorithm | None) -> SearchConfiguration:
    """Our best: annealing unless another algorithm is asked for, and the same budget for each."""
    chosen = Annealing() if algorithm is None else algorithm
    is_local = isinstance(chosen, _LOCAL)
    # Local searches draw the angles of new gates at random; agents place them at 0, where the slope may vanish.
    displacement, restarts = (0.0, 0) if is_local else (1.0, 1)
    exact = CompactLBFGS(max_iterations=30, value_tolerance=1e-8, displacement=displacement, restarts=restarts)
    has_normal_shots = isinstance(engine, PauliTransferSimulator | StatevectorSimulator)
    return SearchConfiguration(
        problem,
        engine,
        algorithm=chosen,
        optimizer=exact if shots is None else AdamSPSA(),
        curriculum=BestSoFar(),
        judge=Judge(cnot_price=1e-5, rotation_price=3e-6),
        pruning=Pruning(),
        max_gates=max(10, (10 if is_local else 6) * problem.n_qubits),
        episodes=None,
        max_energies=BUDGET if shots is None else SHOTS_BUDGET,
        shots=shots,
        sampling="normal" if shots is not None and has_normal_shots else "multinomial",
    )


def _published(
    preset: str, problem: Problem, engine: Engine, shots: int | None, algorithm: Algorithm | None
) -> SearchConfiguration:
    """The published hyper-parameters of an experiment, without pruning; they assume a GPU and days."""
    noise = None if engine.noise is None else engine.noise.name
    row = find_experiment(preset, problem.key, noise=noise, shots=shots)
    optimizer = row.optimizer
    if shots is not None and isinstance(optimizer, AdamSPSA):
        optimizer = optimizer.with_shots(shots)
    return SearchConfiguration(
        problem,
        engine,
        algorithm=row.algorithm if algorithm is None else algorithm,
        optimizer=optimizer,
        curriculum=row.curriculum,
        halting=row.halting,
        max_gates=row.max_gates,
        episodes=row.episodes,
        shots=row.shots if shots is None else shots,
    )


PRESETS: dict[str, Callable[[Problem, Engine, int | None, Algorithm | None], SearchConfiguration]] = {
    "qvar": _qvar,
    **{name: partial(_published, name) for name in dict.fromkeys(row.preset for row in EXPERIMENTS)},
}
"""The presets by name."""


def configure(
    preset: str, problem: Problem, engine: Engine, *, shots: int | None = None, algorithm: Algorithm | None = None
) -> SearchConfiguration:
    """Return the configuration of a preset for a problem and an engine.

    Args:
        preset: "qvar" for our best, or "crlqas" for a published experiment; "crlqas-halting", "crlqas-no-halting",
            "crlqas-exact" and "crlqas-exact-halting" for its published variants, with or without random halting and
            with the exact energy as reference (see `EXPERIMENTS`).
        problem: what to minimize.
        engine: where energies come from.
        shots: shots per measured circuit. None for exact values, except in published experiments with shots, where
            it means their number. Stages of Adam-SPSA keep their shares of it.
        algorithm: settings of the algorithm, None for that of the preset.

    Raises:
        RunError: for an unknown preset, or an experiment that the paper does not have.
    """
    if preset not in PRESETS:
        raise RunError(f"unknown preset {preset!r}; known are {', '.join(PRESETS)}")
    return PRESETS[preset](problem, engine, shots, algorithm)


def limited(
    configuration: SearchConfiguration, *, episodes: int | None, max_energies: int | None
) -> SearchConfiguration:
    """Return the configuration with other limits, None for those it has; episodes alone lift its budget of energies."""
    if episodes is not None:
        configuration = replace(configuration, episodes=episodes, max_energies=None)
    return configuration if max_energies is None else replace(configuration, max_energies=max_energies)


def starting_from(configuration: SearchConfiguration, start: StartCircuit) -> SearchConfiguration:
    """Return the configuration with a start circuit, its moving threshold no wider than the start.

    The energy of the start is the best one known at the beginning. Without this, any first gate would succeed until
    the threshold moves for the first time.

    Raises:
        RunError: if the start has another number of qubits than the problem.
    """
    curriculum, problem = configuration.curriculum, configuration.problem
    if start.circuit.n_qubits != problem.n_qubits:
        raise RunError(f"the start has {start.circuit.n_qubits} qubit(s), the problem {problem.n_qubits}")
    if start.n_gates and isinstance(curriculum, MovingThreshold):
        state = curriculum.start(exact_energy=problem.exact_energy, lower_bound=problem.lower_bound)
        energy = problem.objective(configuration.engine, start.circuit)(start.parameters)
        distance = max(abs(energy - state.reference), 2 * curriculum.delta)
        curriculum = replace(curriculum, initial_threshold=min(curriculum.initial_threshold, distance))
    is_nothing = start == StartCircuit.empty(start.circuit.n_qubits)  # one without gates may still have cost something
    return replace(configuration, start=None if is_nothing else start, curriculum=curriculum)
