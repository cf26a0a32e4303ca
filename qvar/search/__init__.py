"""Search for circuits: configure, run, get the best circuit and what it cost.

```python
from qvar.problems import molecule
from qvar.search import DoubleDQN, search
from qvar.simulators import NoiseModel, PauliTransferSimulator

engine = PauliTransferSimulator(NoiseModel.named("ourense"))
result = search(molecule("h2-4"), engine, algorithm=DoubleDQN(), episodes=50, seed=7)
```
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qvar.agents import DoubleDQN, MaskablePPO, RandomPolicy
from qvar.envs import GateCostReward, PaperReward, StartCircuit
from qvar.envs.defaults import find_problem
from qvar.problems import Problem
from qvar.runs import MetricSink
from qvar.search.annealing import Annealing
from qvar.search.ansatz import ansatz
from qvar.search.configuration import ALGORITHMS, Algorithm, SearchConfiguration, algorithm_name, find_algorithm
from qvar.search.evolution import Evolution
from qvar.search.experiments import EXPERIMENTS, Experiment
from qvar.search.greedy import Greedy
from qvar.search.judge import Judge
from qvar.search.presets import PRESETS, configure, limited, starting_from
from qvar.search.pruning import Pruned, Pruning, prune
from qvar.search.result import CHEMICAL_ACCURACY, GRADIENT_IN_ENERGIES, CircuitRecord, Cost, SearchResult
from qvar.search.running import EpisodeCallback, run_search
from qvar.search.simplify import simplify
from qvar.search.sweep import Combination, Labels, Sweep
from qvar.search.sweep_running import RunOutcome, SweepResult, sweep
from qvar.search.vqe import vqe
from qvar.simulators import Engine

__all__ = [
    "ALGORITHMS",
    "CHEMICAL_ACCURACY",
    "EXPERIMENTS",
    "GRADIENT_IN_ENERGIES",
    "PRESETS",
    "Algorithm",
    "Annealing",
    "CircuitRecord",
    "Combination",
    "Cost",
    "DoubleDQN",
    "Evolution",
    "Experiment",
    "GateCostReward",
    "Greedy",
    "Judge",
    "Labels",
    "MaskablePPO",
    "PaperReward",
    "Pruned",
    "Pruning",
    "RandomPolicy",
    "RunOutcome",
    "SearchConfiguration",
    "SearchResult",
    "StartCircuit",
    "Sweep",
    "SweepResult",
    "algorithm_name",
    "ansatz",
    "configure",
    "find_algorithm",
    "limited",
    "prune",
    "run_search",
    "search",
    "simplify",
    "starting_from",
    "sweep",
    "vqe",
]


def search(
    problem: Problem | str,
    engine: Engine,
    algorithm: Algorithm | None = None,
    *,
    preset: str = "qvar",
    episodes: int | None = None,
    max_gates: int | None = None,
    max_energies: int | None = None,
    shots: int | None = None,
    start: StartCircuit | None = None,
    reward: PaperReward | GateCostReward | None = None,
    judge: Judge | None = None,
    optimize_every: int = 1,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    on_episode: EpisodeCallback | None = None,
    sinks: Sequence[MetricSink] = (),
) -> SearchResult:
    """Search for a circuit that minimizes the energy of a problem, with the settings of a preset.

    For full control build a `SearchConfiguration` (or change one from `configure`) and call `run_search`.

    Args:
        problem: what to minimize, for example `molecule("h2-4")`, or just its name, such as "h2-4" or "ghz-3".
        engine: where energies come from; its noise model's coupling map says where CNOTs may go.
        algorithm: settings of the algorithm; None for that of the preset.
        preset: "qvar" or "crlqas" for everything not given here; see `configure` for all.
        episodes: circuits built from scratch, or generations, or rounds of proposals; without `max_energies` they end
            the search alone. None for the preset's number.
        max_gates: gates per circuit; None for the preset's number.
        max_energies: energies after which the search ends (a gradient counts as three); None for the preset's number.
        shots: shots per measured circuit, None for exact values.
        start: the circuit that the search begins with, such as `StartCircuit.basis_state(problem)`; None for the
            empty one. A moving threshold begins at its energy (`starting_from`).
        reward: what a gate is worth to an agent, such as `GateCostReward()` for short circuits; None for that of
            the preset.
        judge: how circuits are ranked, such as `Judge("noiseless")`; None for the preset's way.
        optimize_every: gates an agent places for one optimization of all angles; more makes episodes cheaper.
        seed: seeds everything; the same seed gives the same record.
        out: a folder for the run's record; None to keep nothing on disk.
        resume: go on with the unfinished run in `out`.
        on_episode: called with the record of every episode, for example `print`.
        sinks: where the numbers of the records go besides, such as `qvar.runs.TensorBoard()`; it needs `out`.

    Raises:
        RunError: if `out` is occupied, damaged, or holds a run of another configuration.
    """
    configuration = configure(preset, find_problem(problem), engine, shots=shots, algorithm=algorithm)
    if start is not None:
        configuration = starting_from(configuration, start)
    configuration = limited(configuration, episodes=episodes, max_energies=max_energies)
    given = {"max_gates": max_gates, "reward": reward, "judge": judge}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    configuration = replace(configuration, optimize_every=optimize_every, seed=seed, **changes)
    path = None if out is None else Path(out)
    return run_search(configuration, out=path, resume=resume, on_episode=on_episode, sinks=sinks)
