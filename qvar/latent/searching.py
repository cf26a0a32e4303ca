"""Search the latent space of a folder for a task: rewards of the pool, a study of methods, and the best circuit found.

| file below searches/TASK | content |
|---|---|
| task.json | what the task is, how often a random circuit solves it, and what one evaluation costs |
| rewards/ | rewards of the whole pool, computed once |
| STUDY/ | methods and seeds at one budget, see `qvar.latent.search.study_folder` |
| STUDY.json | what they came to |
| best.qasm, best.qpy, circuit.png | the best circuit that any of them found, with its angles |
| ansatz.qasm | the same with free angles, to train on something else |
| best.json | its reward, value and angles |
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import angles_of, keys
from qvar.latent.conversion import circuit_of
from qvar.latent.folder import LatentFolder
from qvar.latent.pool import CircuitPool
from qvar.latent.search.candidates import Candidates
from qvar.latent.search.generative.contract import GenerativeMethod
from qvar.latent.search.generative.oracle import TaskOracle
from qvar.latent.search.generative.running import GenerativeRun
from qvar.latent.search.method import PoolMethod
from qvar.latent.search.predictors import Predictor
from qvar.latent.search.proxy_filter import ProxyFilter
from qvar.latent.search.running import PoolRun
from qvar.latent.search.study import Study, run_generative_study, run_study
from qvar.latent.search.study_folder import Run
from qvar.latent.search.study_result import StudyResult
from qvar.latent.tasks import Progress, RewardTable, Task, compute_rewards, evaluate
from qvar.latent.tasks.evaluating import check_fits
from qvar.runs.artifacts import write_circuit
from qvar.runs.sealed import write_json
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError
from qvar.simulators.files import write_atomically

__all__ = ["Mode", "check_search", "search_latent_space"]

Mode = Literal["pool", "generative"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_TAKEN = ("rewards", "task", "best")  # files and folders beside those of a study


def search_latent_space(
    folder: LatentFolder,
    task: Task,
    methods: Mapping[str, PoolMethod] | Mapping[str, GenerativeMethod],
    *,
    mode: Mode = "pool",
    budget: int = 1_000,
    seeds: Sequence[int] = tuple(range(1, 51)),
    name: str = "study",
    n_jobs: int = 1,
    on_rewards: Callable[[Progress], object] | None = None,
    on_run: Callable[[str, int, Run], None] | None = None,
) -> StudyResult:
    """Search with several methods, each with all seeds; what is in the folder is not done again.

    Args:
        folder: a trained latent space.
        task: what to search for, on as many qubits.
        methods: by name, all of the same mode.
        mode: "pool", to choose from the circuits of the folder, whose rewards are all computed at first; "generative",
            to make circuits, which are trained as they turn up.
        budget: evaluations of every search.
        seeds: of the searches.
        name: of the study, letters, digits, _ and -; not rewards, task or best.
        n_jobs: processes.
        on_rewards: told how far the rewards of the pool are.
        on_run: told after every search.

    Raises:
        LatentError: for a task of other qubits, a budget beyond the pool, or a name that no study can have.
        RunError: if the space is not trained, a study of that name is another, or another process is at work.
    """
    check_search(folder, task, methods.values(), mode=mode, budget=budget, name=name)
    study = Study(methods, task.threshold, budget, tuple(seeds), task.key)
    path = folder.search_path(task.key)
    with folder.claimed():
        path.mkdir(parents=True, exist_ok=True)
        pool = folder.pool()
        if mode == "pool":
            table = _rewards(task, pool, folder, n_jobs, on_rewards)
            candidates = Candidates(folder.features(), _proxies(methods, pool, n_jobs))
            ideal = table.ideal_rewards
            result = run_study(
                study, candidates, table.rewards, ideal=ideal, out=path / name, jobs=n_jobs, on_run=on_run
            )
        else:
            if not (path / "task.json").is_file():
                write_json(path / "task.json", _about(task))
            oracle = TaskOracle(task, pool.space, seed=pool.seed)
            result = run_generative_study(
                study, pool.space, folder.model(), oracle, out=path / name, jobs=n_jobs, on_run=on_run
            )
        write_json(path / f"{name}.json", result.to_dict())
        _write_best(task, pool, result, folder)
    return result


def check_search(
    folder: LatentFolder, task: Task, methods: Collection[object], *, mode: Mode, budget: int, name: str
) -> None:
    """Raise what `search_latent_space` would raise at once for these."""
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise LatentError(
            f"the name of a study is made of letters, digits, _ and -, and is none of {', '.join(_TAKEN)}; got {name!r}"
        )
    folder.check_pretrained()
    check_fits(task, folder.space)
    check_whole("budget", budget, error=LatentError)
    n_circuits = int(folder.config["pool"]["n_circuits"])
    if mode == "pool" and budget > n_circuits:
        raise LatentError(f"a search of {budget} evaluations exceeds the {n_circuits} circuits of the pool")
    for method in methods:
        if isinstance(method, Predictor):
            method.check_budget(budget)


def _rewards(
    task: Task, pool: CircuitPool, folder: LatentFolder, n_jobs: int, on_rewards: Callable[[Progress], object] | None
) -> RewardTable:
    seen: list[Progress] = []

    def note(progress: Progress) -> None:
        seen.append(progress)
        if on_rewards is not None:
            on_rewards(progress)

    path = folder.search_path(task.key)
    about = folder.read_json(f"searches/{task.key}/task.json") or {}
    table = compute_rewards(task, pool, folder=path / "rewards", n_jobs=n_jobs, progress=note)
    if seen or about.get("identity") != table.identity:
        cost = n_jobs * _seconds_per_circuit(seen) if seen else None
        measured = {"identity": table.identity, "base_rate": asdict(table.base_rate()), "seconds_per_evaluation": cost}
        write_json(path / "task.json", _about(task) | measured)
    return table


def _seconds_per_circuit(seen: Sequence[Progress]) -> float:
    first, last = seen[0], seen[-1]
    if last.done == first.done:
        return last.seconds / last.fresh
    return (last.seconds - first.seconds) / (last.done - first.done)


def _about(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in ("key", "title", "n_qubits", "threshold", "source", "note")}


def _proxies(
    methods: Mapping[str, PoolMethod] | Mapping[str, GenerativeMethod], pool: CircuitPool, n_jobs: int
) -> dict[str, NDArray[np.float64]]:
    """Return the scores that methods without training ask for; they take a while, and no other method sees them."""
    wanted = {proxy for m in methods.values() if isinstance(m, ProxyFilter) for proxy in (m.coarse, m.fine)}
    if not wanted:
        return {}
    from qvar.latent.proxies import entangling_capability, expressibility, path_counts

    makers: dict[str, Callable[[], NDArray[np.float64]]] = {
        "paths": lambda: path_counts(pool.space, pool.structures),
        "expressibility": lambda: -expressibility(pool, seed=0, n_pairs=100, n_jobs=n_jobs),
        "entanglement": lambda: entangling_capability(pool, seed=0, n_states=50, n_jobs=n_jobs),
    }
    return {proxy: makers[proxy]() for proxy in sorted(wanted)}


def _write_best(task: Task, pool: CircuitPool, result: StudyResult, folder: LatentFolder) -> None:
    """Train the circuit of highest reward without noise once more, and write it unless a better one is there."""
    best = max(
        ((run, method) for method, runs in result.runs.items() for run in runs),
        key=lambda pair: float(pair[0].ideal_rewards.max()),
    )
    run, method = best
    place = int(run.ideal_rewards.argmax())
    before = folder.read_json(f"searches/{task.key}/best.json")
    if before is not None and before["ideal_reward"] >= run.ideal_rewards[place]:
        return
    path = folder.search_path(task.key)
    index = int(run.indices[place]) if isinstance(run, PoolRun) else None
    structure = run.structures[place] if isinstance(run, GenerativeRun) else pool.structures[index]
    angles = angles_of(pool.space, structure[None], pool.seed)[0]
    outcome = evaluate(task, pool.space, structure, angles)
    circuit, _ = circuit_of(pool.space, structure, angles)
    write_circuit(path, circuit, outcome.theta)
    write_atomically(path / "ansatz.qasm", circuit.to_qasm().encode())
    write_json(
        path / "best.json",
        {
            "task": task.key,
            "method": method,
            "index": index,
            "key": f"{int(keys(pool.space, structure[None])[0]):016x}",
            "reward": outcome.reward,
            "value": outcome.value,
            "ideal_reward": outcome.ideal_reward,
            "ideal_value": outcome.ideal_value,
            "angles": outcome.theta.tolist(),
        },
    )
