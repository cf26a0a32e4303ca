"""The variational quantum eigensolver: the angles of one fixed circuit, optimized from random starts."""

import time

import numpy as np
from numpy.typing import NDArray

from qvar.envs.defaults import default_optimizer, find_problem
from qvar.optimizers import Optimizer
from qvar.problems import Problem
from qvar.search.result import Cost, SearchResult
from qvar.simulators import Circuit, Engine, StatevectorSimulator
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import RunError

__all__ = ["vqe"]


def vqe(
    problem: Problem | str,
    circuit: Circuit,
    engine: Engine,
    *,
    optimizer: Optimizer | None = None,
    shots: int | None = None,
    starts: int = 5,
    seed: int = 0,
) -> SearchResult:
    """Optimize the angles of a circuit and return the best of several starts.

    Args:
        problem: what to minimize, or a task's name.
        circuit: the ansatz.
        engine: where energies come from.
        optimizer: how; None for L-BFGS with exact gradients, with shots for Adam-SPSA.
        shots: shots per measured circuit, None for exact values.
        starts: random starts, uniform in (-pi, pi], at least 1.
        seed: seeds starts, optimizer and shots.

    Returns:
        The best circuit; `history` holds one record per start, `cost.steps` counts the starts.

    Raises:
        RunError: for no start or a negative seed.
    """
    problem = find_problem(problem)
    starts = check_whole("starts", starts, error=RunError)
    seed = check_whole("seed", seed, least=0, error=RunError)
    began = time.monotonic()
    method = default_optimizer(shots) if optimizer is None else optimizer
    start_rng, optimizer_rng, shots_rng = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
    exact = problem.objective(engine, circuit)
    objective = exact if shots is None else exact.with_shots(shots, shots_rng)
    ideal = problem.objective(StatevectorSimulator(), circuit)
    cost, history = Cost(), []
    best: tuple[float, NDArray[np.float64]] = (np.inf, np.zeros(circuit.n_parameters))
    for number in range(1, starts + 1):
        angles = start_rng.uniform(-np.pi, np.pi, size=circuit.n_parameters)
        minimum = method.minimize(objective, angles, optimizer_rng)
        spent = {"evaluations": minimum.evaluations, "gradients": minimum.gradients, "shots": minimum.shots}
        cost = cost.plus(spent, steps=1)
        if minimum.value < best[0]:
            best = (minimum.value, minimum.parameters)
        error = abs(ideal(minimum.parameters) - problem.exact_energy)
        history.append({"start": number, "energy": minimum.value, "error": error, **spent})
    return SearchResult(
        circuit=circuit,
        parameters=best[1],
        energy=exact(best[1]),
        noiseless_energy=ideal(best[1]),
        exact_energy=problem.exact_energy,
        unit=problem.unit,
        cost=cost,
        seconds=time.monotonic() - began,
        history=tuple(history),
    )
