"""Compare methods at one budget over many seeds that they share; killed at any moment, a study goes on from there."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from qvar.latent.generation import generate_pool
from qvar.latent.search.candidates import Candidates, Rewards
from qvar.latent.search.catalogue import method_to_dict
from qvar.latent.search.generative.contract import Codec, GenerativeMethod, GenerativeOracle
from qvar.latent.search.generative.running import search_generative
from qvar.latent.search.method import PoolMethod
from qvar.latent.search.running import TableOracle, search_pool
from qvar.latent.search.study_folder import Run, StudyFolder
from qvar.latent.search.study_result import StudyResult
from qvar.latent.space import CircuitSpace
from qvar.runs.claim import claim
from qvar.runs.workers import WorkerDied, usable_cores, workers
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError, RunError
from qvar.simulators.untrusted import refusing

__all__ = ["Study", "load_study", "run_generative_study", "run_study"]

_Cell = tuple[str, int]
_OnRun = Callable[[str, int, Run], None]
_FINGERPRINT_CIRCUITS = 16


@dataclass(frozen=True)
class Study:
    """What to compare.

    Args:
        methods: by the names that tables and folders are to give them; all choose from a pool, or all make circuits.
        threshold: least reward of a candidate solution.
        budget: evaluations of every search, labels included.
        seeds: every method runs once with each of them.
        name: of the task, for tables.

    Raises:
        LatentError: if there is nothing to compare.
    """

    methods: Mapping[str, PoolMethod] | Mapping[str, GenerativeMethod]
    threshold: float
    budget: int = 1000
    seeds: tuple[int, ...] = field(default=tuple(range(1, 51)))
    name: str = "task"

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", check_whole("budget", self.budget, error=LatentError))
        seeds = tuple(check_whole("seed", seed, least=0, error=LatentError) for seed in self.seeds)
        object.__setattr__(self, "seeds", seeds)
        if not np.isfinite(self.threshold):
            raise LatentError(f"a threshold is a finite number, got {self.threshold}")
        if not self.methods or not seeds or len(set(seeds)) < len(seeds):
            raise LatentError(f"a study needs methods and different seeds, got {list(self.methods)} and {seeds}")

    def to_dict(self) -> dict[str, Any]:
        """Return the study as JSON data."""
        return {
            "name": self.name,
            "methods": {name: method_to_dict(method) for name, method in self.methods.items()},
            "threshold": float(self.threshold),
            "budget": self.budget,
            "seeds": list(self.seeds),
        }


def run_study(
    study: Study,
    candidates: Candidates | Mapping[str, Candidates],
    table: Rewards,
    *,
    ideal: Rewards | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    on_run: _OnRun | None = None,
) -> StudyResult:
    """Carry out a study, or what is left of it.

    Results do not depend on `jobs`, nor on interruptions, save for the seconds that runs took.

    Args:
        study: what to compare.
        candidates: the pool as all methods see it, or as each method sees it, by its name.
        table: rewards of all circuits of the pool as methods see them, shape (P,).
        ideal: rewards without noise, by which methods are judged, shape (P,); None where there is no noise.
        out: folder for the record; if it holds this very study, that one goes on. None for no record.
        jobs: searches at a time, each in a process of its own; 1 for this process, None for one per core.
        on_run: called with name, seed and record of every search that finishes.

    Raises:
        LatentError: if candidates and table do not fit each other or the study.
        RunError: if `out` holds something else, or a worker process died.
    """
    oracle = TableOracle(table, ideal)
    judged = oracle.ideal_rewards(np.arange(len(oracle.table)))
    views = candidates if isinstance(candidates, Mapping) else dict.fromkeys(study.methods, candidates)
    _check(study, views, oracle.table)
    plan = study.to_dict() | {"features": _fingerprints(views, study), "rewards": _hash(oracle.table, judged)}
    plan["optimum"] = float(judged.max())
    plan["base_rate"] = float((judged >= study.threshold).mean())
    return _complete(study, plan, partial(_search_pool, study=study, views=views, oracle=oracle), out, jobs, on_run)


def run_generative_study(
    study: Study,
    space: CircuitSpace,
    codec: Codec,
    oracle: GenerativeOracle,
    *,
    out: str | Path | None = None,
    jobs: int | None = None,
    on_run: _OnRun | None = None,
) -> StudyResult:
    """Carry out a study of methods that make circuits, or what is left of it.

    Args:
        study: what to compare.
        space: the circuits that count.
        codec: the latent model.
        oracle: what circuits are worth.
        out: folder for the record; if it holds this very study, that one goes on. None for no record.
        jobs: searches at a time, each in a process of its own; 1 for this process, None for one per core.
        on_run: called with name, seed and record of every search that finishes.

    Raises:
        LatentError: for rewards that are not finite.
        RunError: if `out` holds something else, or a worker process died.
    """
    probe = codec.embed(generate_pool(space, _FINGERPRINT_CIRCUITS, seed=0, n_jobs=1).structures)
    plan = study.to_dict() | {"space": space.to_dict(), "oracle": oracle.to_dict(), "optimum": None, "base_rate": None}
    plan["codec"] = _hash(np.round(np.asarray(probe, dtype=np.float64), 3) + 0.0)
    search = partial(_search_generative, study=study, space=space, codec=codec, oracle=oracle)
    return _complete(study, plan, search, out, jobs, on_run)


@refusing("the study", RunError)
def load_study(path: str | Path) -> StudyResult:
    """Return what a study in a folder has come to.

    Raises:
        RunError: if there is none, or it has not finished.
    """
    folder = StudyFolder.open(Path(path))
    runs: dict[_Cell, Run] = {}
    for name in folder.plan["methods"]:
        for seed in folder.plan["seeds"]:
            run = folder.read(name, seed)
            if run is None:
                raise RunError(f"the study in {path} has not finished: {name}, seed {seed} is missing; run it again")
            runs[name, seed] = run
    return StudyResult.of(folder.plan, runs)


def _complete(
    study: Study,
    plan: dict[str, Any],
    search: Callable[[_Cell], tuple[_Cell, Run]],
    out: str | Path | None,
    jobs: int | None,
    on_run: _OnRun | None,
) -> StudyResult:
    """Read what is finished, search what is not, seed by seed, and keep every search as it finishes."""
    at_a_time = usable_cores() if jobs is None else check_whole("jobs", jobs, error=LatentError)
    folder = None if out is None else StudyFolder.prepare(Path(out), plan)
    with nullcontext() if folder is None else claim(folder.path, "study"):
        runs = _carry_out_missing(study, search, folder, at_a_time, on_run)
    return StudyResult.of(plan, runs)


def _carry_out_missing(
    study: Study,
    search: Callable[[_Cell], tuple[_Cell, Run]],
    folder: StudyFolder | None,
    at_a_time: int,
    on_run: _OnRun | None,
) -> dict[_Cell, Run]:
    runs: dict[_Cell, Run] = {}
    left: list[_Cell] = []
    for cell in ((name, seed) for seed in study.seeds for name in study.methods):
        run = None if folder is None else folder.read_whole(*cell)
        if run is None:
            left.append(cell)
        else:
            runs[cell] = run
    for cell, run in _carry_out(search, left, min(at_a_time, max(1, len(left)))):
        if folder is not None:
            folder.write(*cell, run)
        if on_run is not None:
            on_run(*cell, run)
        runs[cell] = run
    return runs


def _carry_out(
    search: Callable[[_Cell], tuple[_Cell, Run]], cells: list[_Cell], jobs: int
) -> Iterator[tuple[_Cell, Run]]:
    try:
        with workers(jobs) as work:
            yield from work(search, cells)
    except WorkerDied:
        raise RunError("a worker process died, perhaps for want of memory; start the study again to go on") from None


def _search_pool(
    cell: _Cell, *, study: Study, views: Mapping[str, Candidates], oracle: TableOracle
) -> tuple[_Cell, Run]:
    name, seed = cell
    method = cast(PoolMethod, study.methods[name])
    return cell, search_pool(method, views[name], oracle, threshold=study.threshold, budget=study.budget, seed=seed)


def _search_generative(
    cell: _Cell, *, study: Study, space: CircuitSpace, codec: Codec, oracle: GenerativeOracle
) -> tuple[_Cell, Run]:
    name, seed = cell
    method = cast(GenerativeMethod, study.methods[name])
    return cell, search_generative(
        method, space, codec, oracle, threshold=study.threshold, budget=study.budget, seed=seed
    )


def _check(study: Study, views: Mapping[str, Candidates], table: Rewards) -> None:
    missing = [name for name in study.methods if name not in views]
    if missing:
        raise LatentError(f"no candidates were given for {', '.join(missing)}")
    for name in study.methods:
        if len(views[name]) != len(table):
            raise LatentError(f"{len(table)} rewards do not fit the {len(views[name])} circuits that {name} sees")


def _fingerprints(views: Mapping[str, Candidates], study: Study) -> dict[str, str]:
    known: dict[int, str] = {}
    for name in study.methods:
        view = views[name]
        if id(view) not in known:
            arrays: list[NDArray[Any]] = [view.features, *(view.proxies[key] for key in sorted(view.proxies))]
            known[id(view)] = _hash(*arrays)
    return {name: known[id(views[name])] for name in study.methods}


def _hash(*arrays: NDArray[Any]) -> str:
    """Return 16 hexadecimal digits that tell arrays from others."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]
