"""Long jobs at a small scale: each is started and resumed by one function of its folder, and its record can be read.

A record is all that a job's own readers give back of its folder, without the times that it took: `seconds` in records,
costs.json, `seconds_per_evaluation`, and of hardware the tags and times of jobs.
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import qiskit_aer  # noqa: F401 - imported before any child is forked, as the next two
import qiskit_ibm_runtime.executor_estimator
import qiskit_ibm_runtime.executor_sampler  # noqa: F401
import torch

from qvar.classify.comparison import ComparisonResult, ModelSpec, ShuffleSplits, compare
from qvar.latent.folder import LatentFolder
from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
from qvar.latent.pool import CircuitPool
from qvar.latent.pretraining import LatentPlan, carry_out
from qvar.latent.search import METHODS
from qvar.latent.search.study import load_study
from qvar.latent.searching import search_latent_space
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import RewardTable, compute_rewards, find_latent_task, rewards
from qvar.optimizers import LBFGS
from qvar.problems import molecule
from qvar.report.searches.pareto import read_pareto
from qvar.runs import RunFolder, SweepFolder, style
from qvar.search import SearchConfiguration, Sweep, run_in_progress, run_search, sweep
from qvar.simulators import NoiseModel, PauliTransferSimulator
from qvar.simulators.errors import RunError
from tests.hardware.scripted_service import ScriptedService
from tests.hardware.work import energies
from tests.search.conftest import AGENT

__all__ = ["JOBS", "Job", "start_folder", "warm_up"]

_TIMES = ("seconds", "sha256", "check", "seconds_per_evaluation")


@dataclass(frozen=True)
class Job:
    """A long job.

    Attributes:
        name: for tables.
        run: starts it in a folder, or goes on with it there: the same command again.
        record: what its readers say of a finished folder, JSON-able, without times.
        prepare: makes what it needs beforehand, in a folder that is copied for every start; None for nothing.
        shared: whether two processes may work on the folder, each on what the other has not begun.
        warms: whether it may be done in a process that forks later: it leaves no thread behind.
        others: files below its folder that are not qvar's.
    """

    name: str
    run: Callable[[Path], object]
    record: Callable[[Path], Any]
    prepare: Callable[[Path], object] | None = None
    shared: bool = False
    warms: bool = True
    others: tuple[str, ...] = ()


# --- searches ---

_SEARCH = SearchConfiguration(
    molecule("h2-2"),
    PauliTransferSimulator(NoiseModel.named("ourense")),
    algorithm=AGENT,
    optimizer=LBFGS(max_iterations=10),
    episodes=20,
    max_gates=4,
    shots=50,
    seed=3,
)
_CHECKPOINT_SECONDS = 0.02


def _search(folder: Path) -> None:
    run_in_progress.CHECKPOINT_SECONDS = _CHECKPOINT_SECONDS
    run_search(_SEARCH, out=folder, resume=True)


def _record_of_search(path: Path) -> Any:
    folder = RunFolder.open(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays, state = folder.load_checkpoint() or ({}, {})
    return {
        "config": folder.config,
        "metrics": folder.metrics(),
        "result": folder.result(),
        "checkpoint": {name: _digest(array) for name, array in sorted(arrays.items())},
        "state": state,
        "pareto": [vars(point) for point in read_pareto(path)],
        "qasm": RunFolder.open(path).result()["qasm"],
    }


_SWEEP = Sweep.product(["ghz-2"], algorithms=["annealing", "random"], seeds=range(2), max_energies=300)


def _sweep(folder: Path) -> None:
    run_in_progress.CHECKPOINT_SECONDS = _CHECKPOINT_SECONDS
    results = sweep(_SWEEP, out=folder, jobs=1)
    for failed in results.failures:
        raise RunError(failed.error)


def _record_of_sweep(path: Path) -> Any:
    records = {run.name: _record_of_search(run.path) for run in SweepFolder.open(path).runs()}
    for record in records.values():  # of a finished run, a sweep reads no checkpoint
        del record["checkpoint"], record["state"]
    return records


# --- latent spaces ---

_PLAN = LatentPlan(
    CircuitSpace(3, 4, 3),
    GraphVaeSettings(latent_size=4, hidden=8, n_layers=2),
    Training(epochs=5, batch_size=32, seed=5),
    n_circuits=200,
    seed=5,
)


def _latent(path: Path) -> LatentFolder:
    there = (path / "config.json").is_file()
    return LatentFolder.open(path) if there else LatentFolder.create(path, _PLAN.to_dict())


def _pretrain(path: Path) -> None:
    carry_out(_PLAN, _latent(path))


def _record_of_latent(path: Path) -> Any:
    folder = LatentFolder.open(path)
    model = folder.model()
    return {
        "config": folder.config,
        "pool": _pool(folder.pool()),
        "metrics": folder.metrics(),
        "accuracy": folder.read_json("accuracy.json"),
        "epochs": list(model.epochs),
        "embedded": _digest(model.embed(folder.pool().structures)),
        "features": _digest(folder.features()),
    }


def _pool(pool: CircuitPool) -> Any:
    return [pool.space.to_dict(), pool.seed, _digest(pool.structures)]


_SPACE, _TASK = CircuitSpace(4, 6, 4), "maxcut-4"


def _rewards(path: Path) -> None:
    rewards._BLOCK = 20
    file = path / "pool.npz"
    if not file.is_file():
        path.mkdir(exist_ok=True)
        generate_pool(_SPACE, 200, seed=1).save(file)
    task = find_latent_task(_TASK)
    pool = CircuitPool.load(file)
    compute_rewards(task, pool, folder=path / "rewards", keep_angles=True)


def _record_of_rewards(path: Path) -> Any:
    (file,) = (path / "rewards").glob("*.npz")
    table = RewardTable.load(file)
    numbers = {name: _digest(value) for name, value in vars(table).items() if isinstance(value, np.ndarray)}
    return [_pool(CircuitPool.load(path / "pool.npz")), table.identity, table.threshold, numbers]


_STUDIED = {name: METHODS[name] for name in ("random", "reinforce-width")}


def _study(path: Path) -> None:
    rewards._BLOCK = 50
    task = find_latent_task(_TASK)
    search_latent_space(LatentFolder.open(path), task, _STUDIED, budget=40, seeds=(1, 2), name="study")


def _prepare_study(path: Path) -> None:
    plan = replace(_PLAN, space=_SPACE, training=replace(_PLAN.training, epochs=1))
    carry_out(plan, LatentFolder.create(path, plan.to_dict()))


def _record_of_study(path: Path) -> Any:
    folder, below = LatentFolder.open(path), f"searches/{_TASK}"
    (table,) = (path / below / "rewards").glob("*.npz")
    files = {name: folder.read_json(f"{below}/{name}.json") for name in ("task", "study", "best")}
    for part in files.values():
        if part is None:
            raise AssertionError("a file is missing")
    found = load_study(path / below / "study").runs
    runs = [
        [name, _digest(run.indices), _digest(run.rewards), _digest(run.ideal_rewards)]
        for name, several in found.items()
        for run in several
    ]
    return [files, runs, _digest(RewardTable.load(table).rewards)]


# --- classifiers ---


def _compare(path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    data = SimpleNamespace(name="blobs", X=rng.normal(size=(60, 2)) + 2.0 * np.eye(2)[y], y=y)
    models: list[ModelSpec | str] = ["majority", "logistic-regression", "svm", "vqc-product"]
    compare(data, models=models, splits=ShuffleSplits(4), out=path)


def _record_of_comparison(path: Path) -> Any:
    result = ComparisonResult.open(path)
    order = sorted(result.records, key=lambda record: (record["model"], record["split"]))
    return [dict(result.config), order, len(result.records)]


# --- hardware ---


def _hardware(path: Path) -> None:
    outcome = energies(
        {
            "service": str(path / "service"),
            "folder": str(path / "run"),
            "limits": {"max_qpu_seconds": 100},
            "thetas": [0.3, 1.1, 1.9, 2.2, 0.7, 1.1],
            "resubmit": True,
        }
    )
    (path / "outcome.json").write_text(json.dumps(outcome))


def _record_of_hardware(path: Path) -> Any:
    outcome = json.loads((path / "outcome.json").read_text())
    service = ScriptedService(path / "service")
    outcome["billed"], outcome["jobs"] = service.billed, len(service.inputs_seen)
    return outcome


def _digest(array: Any) -> str:
    array = np.asarray(array)
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()[:16]


def _without_times(record: Any) -> Any:
    if isinstance(record, dict):
        return {str(name): _without_times(value) for name, value in record.items() if name not in _TIMES}
    return [_without_times(value) for value in record] if isinstance(record, list | tuple) else record


def _plain(record: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda path: _without_times(json.loads(json.dumps(record(path))))


JOBS = {
    job.name: job
    for job in (
        Job("search", _search, _plain(_record_of_search)),
        Job("sweep", _sweep, _plain(_record_of_sweep), shared=True),
        Job("latent pretrain", _pretrain, _plain(_record_of_latent)),
        Job("pool and rewards", _rewards, _plain(_record_of_rewards)),
        Job("latent search", _study, _plain(_record_of_study), prepare=_prepare_study),
        Job("compare", _compare, _plain(_record_of_comparison)),
        Job(
            "hardware",
            _hardware,
            _plain(_record_of_hardware),
            prepare=Path.mkdir,
            shared=True,
            warms=False,
            others=("service/", "outcome.json"),
        ),
    )
}
"""All kinds of long jobs."""


def start_folder(prepared: Path | None, path: Path) -> Path:
    """Make the folder that a job starts in, with what was prepared."""
    if prepared is not None:
        shutil.copytree(prepared, path)
    return path


def warm_up(job: Job, folder: Path) -> None:
    """Do a job in this process, so that its children find kernels loaded; no picture is drawn from now on."""
    style.image = lambda *_, **__: b"a picture"  # drawing takes longer than all else, and goes through the same writer
    torch.set_num_threads(1)
    if job.warms:
        if job.prepare is not None:
            job.prepare(folder)
        job.run(folder)
