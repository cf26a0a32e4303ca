"""Search for circuits: configure, run, get the best circuit and what it cost.

```python
from qvar.problems import molecule
from qvar.search import DoubleDQN, search
from qvar.simulators import NoiseModel, PauliTransferSimulator

engine = PauliTransferSimulator(NoiseModel.named("ourense"))
result = search(molecule("h2-4"), engine, algorithm=DoubleDQN(), episodes=50, seed=7)
```
"""

from dataclasses import replace
from pathlib import Path

from qvar.agents import DoubleDQN, MaskablePPO, RandomPolicy
from qvar.envs.defaults import find_problem
from qvar.problems import Problem
from qvar.search.annealing import Annealing
from qvar.search.ansatz import ansatz
from qvar.search.configuration import ALGORITHMS, Algorithm, SearchConfiguration, algorithm_name, find_algorithm
from qvar.search.evolution import Evolution
from qvar.search.judge import Judge
from qvar.search.presets import PRESETS, configure
from qvar.search.result import CHEMICAL_ACCURACY, GRADIENT_IN_ENERGIES, Cost, SearchResult
from qvar.search.running import EpisodeCallback, run_search
from qvar.search.vqe import vqe
from qvar.simulators import Engine

__all__ = [
    "ALGORITHMS",
    "CHEMICAL_ACCURACY",
    "GRADIENT_IN_ENERGIES",
    "PRESETS",
    "Algorithm",
    "Annealing",
    "Cost",
    "DoubleDQN",
    "Evolution",
    "Judge",
    "MaskablePPO",
    "RandomPolicy",
    "SearchConfiguration",
    "SearchResult",
    "algorithm_name",
    "ansatz",
    "configure",
    "find_algorithm",
    "run_search",
    "search",
    "vqe",
]


def search(
    problem: Problem | str,
    engine: Engine,
    algorithm: Algorithm | None = None,
    *,
    preset: str = "laptop",
    episodes: int | None = None,
    max_gates: int | None = None,
    max_energies: int | None = None,
    shots: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    on_episode: EpisodeCallback | None = None,
) -> SearchResult:
    """Search for a circuit that minimizes the energy of a problem, with the settings of a preset.

    For full control build a `SearchConfiguration` (or change one from `configure`) and call `run_search`.

    Args:
        problem: what to minimize, for example `molecule("h2-4")`, or just the task's name.
        engine: where energies come from; its noise model's coupling map says where CNOTs may go.
        algorithm: settings of the algorithm; None for that of the preset.
        preset: "laptop" or "crlqas" for everything not given here.
        episodes: circuits built from scratch, or generations, or rounds of proposals; None for the preset's number.
        max_gates: gates per circuit; None for the preset's number.
        max_energies: energies after which the search ends (a gradient counts as three); None for no limit.
        shots: shots per measured circuit, None for exact values.
        seed: seeds everything; the same seed gives the same record.
        out: a folder for the run's record; None to keep nothing on disk.
        resume: go on with the unfinished run in `out`.
        on_episode: called with the record of every episode, for example `print`.

    Raises:
        RunError: if `out` is occupied, damaged, or holds a run of another configuration.
    """
    configuration = replace(configure(preset, find_problem(problem), engine, shots=shots), seed=seed)
    if algorithm is not None:
        configuration = replace(configuration, algorithm=algorithm)
    if episodes is not None:
        configuration = replace(configuration, episodes=episodes)
    if max_gates is not None:
        configuration = replace(configuration, max_gates=max_gates)
    if max_energies is not None:
        configuration = replace(configuration, max_energies=max_energies)
    return run_search(configuration, out=None if out is None else Path(out), resume=resume, on_episode=on_episode)
