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

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.latent.folder import LatentFolder
from qvar.latent.pool import CircuitPool, circuit_of
from qvar.latent.search.candidates import Candidates
from qvar.latent.search.method import PoolMethod
from qvar.latent.search.proxy_filter import ProxyFilter
from qvar.latent.search.running import PoolRun
from qvar.latent.search.study import Study, run_study
from qvar.latent.search.study_result import StudyResult
from qvar.latent.tasks import Progress, RewardTable, Task, compute_rewards, evaluate
from qvar.runs.artifacts import write_circuit
from qvar.simulators.errors import LatentError
from qvar.simulators.files import write_atomically

__all__ = ["search_latent_space"]


def search_latent_space(
    folder: LatentFolder,
    task: Task,
    methods: Mapping[str, PoolMethod],
    *,
    budget: int = 1_000,
    seeds: Sequence[int] = tuple(range(1, 51)),
    name: str = "study",
    n_jobs: int = 1,
    on_rewards: Callable[[Progress], object] | None = None,
    on_run: Callable[[str, int, PoolRun], None] | None = None,
) -> StudyResult:
    """Search with several methods, each with all seeds; what is in the folder is not done again.

    Args:
        folder: a trained latent space.
        task: what to search for, on as many qubits.
        methods: by name.
        budget: evaluations of every search.
        seeds: of the searches.
        name: of the study, a folder's name.
        n_jobs: processes.
        on_rewards: told how far the rewards of the pool are.
        on_run: told after every search.

    Raises:
        LatentError: for a task of other qubits, or a budget beyond the pool.
        RunError: if the space is not trained, a study of that name is another, or another process is at work.
    """
    folder.check_pretrained()
    if task.n_qubits != folder.space.n_qubits:
        raise LatentError(
            f"task {task.key!r} has {task.n_qubits} qubits, the circuits of {folder.path} {folder.space.n_qubits}"
        )
    study = Study(methods, task.threshold, budget, tuple(seeds), task.key)
    n_circuits = int(folder.config["pool"]["n_circuits"])
    if study.budget > n_circuits:
        raise LatentError(f"a search of {study.budget} evaluations exceeds the {n_circuits} circuits of the pool")
    path = folder.search_path(task.key)
    with folder.claimed():
        path.mkdir(parents=True, exist_ok=True)
        pool = folder.pool()
        table = _rewards(task, pool, path, n_jobs, on_rewards)
        candidates = Candidates(folder.features(), _proxies(methods, pool, n_jobs))
        result = run_study(study, candidates, table.rewards, out=path / name, jobs=n_jobs, on_run=on_run)
        _write_json(path / f"{name}.json", result.to_dict())
        _write_best(task, pool, result, path)
    return result


def _rewards(
    task: Task, pool: CircuitPool, path: Path, n_jobs: int, on_rewards: Callable[[Progress], object] | None
) -> RewardTable:
    seen: list[Progress] = []

    def note(progress: Progress) -> None:
        seen.append(progress)
        if on_rewards is not None:
            on_rewards(progress)

    known = path / "task.json"
    table = compute_rewards(task, pool, folder=path / "rewards", n_jobs=n_jobs, progress=note)
    if seen or not known.is_file():
        cost = None if not seen else n_jobs * _seconds_per_circuit(seen)
        _write_json(known, _about(task, table) | {"seconds_per_evaluation": cost})
    return table


def _seconds_per_circuit(seen: Sequence[Progress]) -> float:
    first, last = seen[0], seen[-1]
    if last.done == first.done:
        return last.seconds / last.done
    return (last.seconds - first.seconds) / (last.done - first.done)


def _about(task: Task, table: RewardTable) -> dict[str, Any]:
    about = {name: getattr(task, name) for name in ("key", "title", "n_qubits", "threshold", "source", "note")}
    return {**about, "identity": table.identity, "base_rate": asdict(table.base_rate())}


def _proxies(methods: Mapping[str, PoolMethod], pool: CircuitPool, n_jobs: int) -> dict[str, NDArray[np.float64]]:
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


def _write_best(task: Task, pool: CircuitPool, result: StudyResult, path: Path) -> None:
    """Train the best circuit of all searches once more, and write it unless a better one is there."""
    found = [
        (run.rewards.max(), -run.indices[run.rewards.argmax()], name)
        for name in result.runs
        for run in result.runs[name]
    ]
    reward, index, method = max(found)
    known = path / "best.json"
    if known.is_file() and json.loads(known.read_text(encoding="utf-8"))["reward"] >= reward:
        return
    row = -int(index)
    outcome = evaluate(task, pool.space, pool.structures[row], pool.angles[row])
    circuit, _ = circuit_of(pool.space, pool.structures[row], pool.angles[row])
    write_circuit(path, circuit, outcome.theta)
    write_atomically(path / "ansatz.qasm", circuit.to_qasm().encode())
    _write_json(
        known,
        {
            "task": task.key,
            "method": method,
            "index": row,
            "key": f"{int(pool.keys[row]):016x}",
            "reward": outcome.reward,
            "value": outcome.value,
            "ideal_reward": outcome.ideal_reward,
            "ideal_value": outcome.ideal_value,
            "angles": outcome.theta.tolist(),
        },
    )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False).encode())
