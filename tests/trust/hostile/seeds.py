"""Valid files and folders of every kind, small, to make hostile ones from.

They are made by the project itself, all in one process that ends before the fuzzing starts: threads of the libraries
that make them must not be there when readers are forked.
"""

import contextlib
import io
import json
import multiprocessing
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["files_of", "make_all", "read_all"]

Tree = Mapping[str, bytes]
_made: dict[str, list[Tree]] = {}

_QASM3 = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float[64] theta_0;\ngate pair(t) a, b { rx(t) a; cx a, b; }\n'
    "qubit[2] q;\nbit[2] c;\nrx(theta_0) q[0];\npair(pi/2) q[0], q[1];\nctrl @ x q[0], q[1];\nh q;\nc = measure q;\n"
)
_QASM2 = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\ngate pair(t) a, b { rx(t) a; cx a, b; }\nqreg q[2];\ncreg c[2];\n'
    "u3(0.1,0.2,0.3) q[0];\npair(pi/2) q[0], q[1];\nh q;\nmeasure q -> c;\n"
)


def _texts(*texts: str) -> list[Tree]:
    return [{"text": text.encode()} for text in texts]


def qasm3() -> list[Tree]:
    return _texts(_QASM3, 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nrx(0.5) q[0];\ncx q[0], q[1];\n')


def qasm2() -> list[Tree]:
    return _texts(_QASM2)


def observables() -> list[Tree]:
    return _texts("0.5*ZZ - XI", "1e-3 XYZ + IIZ - 2 ZZI", "Z")


def problem_names() -> list[Tree]:
    return _texts(
        "h2-2",
        "tfim-6",
        "tfim-4-h0.5",
        "maxcut-ring-5",
        "maxcut-regular3-6-seed1",
        "heisenberg-4",
        "ghz-3",
        "w-3",
        "qft-2",
    )


def graphs() -> list[Tree]:
    return _texts("0-1, 1-2:0.5", "ring-5", "complete-4", "regular3-6-seed1")


def geometries() -> list[Tree]:
    return _texts("H 0 0 0; H 0 0 0.74", "Li 0 0 0\nH 0 0 1.6")


def device_names() -> list[Tree]:
    return _texts("mumbai-median", "fake:FakeManilaV2", "none", "ourense")


def numbers() -> list[Tree]:
    return _texts("0-4", "1,3,7-9", "0.1,0.2", "1,2")


def __getattr__(name: str) -> Callable[[], list[Tree]]:
    """Return what gives the trees that `make_all` made under this name."""
    if name.startswith("_"):
        raise AttributeError(name)
    return lambda: _made[name]


def make_all() -> None:
    """Make all folders, once, in a process of its own."""
    if _made:
        return
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_make, args=(theirs,))
    process.start()
    theirs.close()
    _made.update(ours.recv())
    process.join()


def _make(pipe: Connection) -> None:
    home = Path(tempfile.mkdtemp(prefix="qvar-seeds-"))
    os.chdir(home)
    try:
        found: dict[str, list[Tree]] = {}
        for make in (_circuits, _small_files, _searches, _latent, _classifiers, _hardware):
            found |= make(home)
        pipe.send(found)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def files_of(folder: Path, *, but: Sequence[str] = (".png", ".html", ".lock")) -> dict[str, bytes]:
    """Return every file below a folder."""
    files = (
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in but and path.name not in but
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def read_all(read: Callable[[Path], object], trees: Sequence[Tree]) -> None:
    """Read valid trees; what they hold may be refused, for some are meant for other readers of the same kind."""
    from qvar.simulators.errors import QvarError
    from tests.trust.hostile.sandbox import WorkBegins

    for tree in trees:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in tree.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_bytes(content)
            try:
                read(Path(folder))
            except (QvarError, WorkBegins):
                continue


def _circuits(home: Path) -> dict[str, list[Tree]]:
    from qiskit import QuantumCircuit, qpy
    from qiskit.circuit import Parameter

    plain = QuantumCircuit(2)
    plain.rx(0.5, 0)
    plain.cx(0, 1)
    theta = Parameter("t")
    free = QuantumCircuit(3, 1)
    free.ry(2 * theta + 1, 0)
    free.ccx(0, 1, 2)
    free.unitary(np.eye(4)[[0, 2, 1, 3]], (0, 1))
    free.append(plain.to_gate(label="both").control(1), (0, 1, 2))
    free.measure(2, 0)
    trees: list[Tree] = [{"a.qasm": _QASM3.encode()}, {"a.qasm": _QASM2.encode()}]
    for version in (13, 15, qpy.common.QPY_VERSION):
        for circuit in (plain, free):
            stream = io.BytesIO()
            qpy.dump(circuit, stream, version=version)
            trees.append({"a.qpy": stream.getvalue()})
    return {"circuit_files": trees}


def _small_files(home: Path) -> dict[str, list[Tree]]:
    from qvar.problems import find_problem
    from qvar.simulators import NoiseModel

    hand_written = {
        "format": "qvar-noise-model",
        "version": 1,
        "name": "by hand",
        "n_qubits": 2,
        "coupling_map": [[0, 1], [1, 0]],
        "channels": [
            {
                "gate": ["rx", "ry"],
                "steps": [{"type": "depolarizing", "p": 1e-3}, {"type": "amplitude_damping", "gamma": 0.1}],
            },
            {
                "gate": "cx",
                "qubits": [0, 1],
                "steps": [{"type": "thermal_relaxation", "tau1": 4e-3, "tau2": 5e-3, "on": 1}],
            },
        ],
        "readout": [{"qubit": 0, "p01": 0.01, "p10": 0.02}, {"state_flip": 0.01}],
        "strict": False,
    }
    noise = [{"noise.json": json.dumps(hand_written).encode()}]
    noise.append({"noise.json": json.dumps(NoiseModel.named("mumbai-median").to_dict()).encode()})
    problems = [
        {"problem.json": json.dumps(find_problem(name).to_dict()).encode()}
        for name in ("h2-2", "tfim-3", "maxcut-ring-4")
    ]
    rows = "".join(f"sentence number {k}, good or bad\t{k % 2}\n" for k in range(1000))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/a.txt", "text " * 100)
    array = io.BytesIO()
    np.save(array, np.eye(2))
    return {
        "noise": noise,
        "problem": problems,
        "reviews": [{"reviews.tsv": rows.encode()}],
        "archives": [{"archive.zip": stream.getvalue()}],
        "embeddings": [{"vectors.npy": array.getvalue()}],
    }


class _Killed(Exception):
    """Stands for a kill in the middle of the work."""


def _searches(home: Path) -> dict[str, list[Tree]]:
    from qvar.agents import DoubleDQN
    from qvar.problems import find_problem
    from qvar.runs import SweepFolder
    from qvar.search import RandomPolicy, SearchConfiguration, run_search
    from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator

    problem, noise = find_problem("h2-2"), NoiseModel.named("mumbai-median")
    agent = DoubleDQN(hidden=(8,), batch_size=4, buffer_size=50, learning_starts=4)
    settings: dict[str, Any] = {"episodes": 4, "max_gates": 3, "evaluate_every": 2}
    plans = {
        "agent": SearchConfiguration(problem, StatevectorSimulator(), agent, **settings),
        "random": SearchConfiguration(problem, PauliTransferSimulator(noise), RandomPolicy(), **settings),
    }
    for name, plan in plans.items():
        run_search(plan, out=home / name)
        with contextlib.suppress(_Killed):
            run_search(plan, out=home / f"{name}-unfinished", on_episode=_stop_after(2))
    config = {key: value for key, value in plans["random"].to_dict().items() if key != "seed"}
    labels = {"task": "h2-2", "noise": "mumbai-median", "preset": "qvar", "algorithm": "random"}
    sweep = SweepFolder.prepare(
        home / "sweep", {"combinations": {"all": {"labels": labels, "configuration": config}}, "seeds": [0, 1]}
    )
    run_search(plans["random"], out=sweep.runs()[0].path)
    (sweep.runs()[1].path).mkdir(parents=True)
    (sweep.runs()[1].path / "error.json").write_text('{"error": "it failed", "traceback": null}')
    runs = [files_of(home / name) for name in (*plans, *(f"{name}-unfinished" for name in plans), "sweep")]
    return {"runs": runs, "unfinished_runs": runs[2:4], "watched": [*runs, *_folders_in(home, runs)]}


def _folders_in(home: Path, runs: Sequence[Tree]) -> list[Tree]:
    return [{f"below/{name}": content for name, content in runs[0].items()}]


def _stop_after(number: int) -> Callable[[Any], None]:
    def stop(record: Any) -> None:
        if record["episode"] > number:
            raise _Killed

    return stop


def _latent(home: Path) -> dict[str, list[Tree]]:
    from qvar.latent.folder import LatentFolder
    from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
    from qvar.latent.measuring import measure_smoothness
    from qvar.latent.pretraining import LatentPlan, carry_out
    from qvar.latent.search import METHODS
    from qvar.latent.searching import search_latent_space
    from qvar.latent.space import CircuitSpace
    from qvar.latent.tasks import find_latent_task
    from qvar.latent.vae import ArdVAE

    model = GraphVaeSettings(latent_size=4, hidden=8, n_layers=2)
    plan = LatentPlan(CircuitSpace(3, 4, 3), model, Training(epochs=3, batch_size=32, seed=5), n_circuits=200, seed=5)
    folder = LatentFolder.create(home / "latent", plan.to_dict())
    carry_out(plan, folder)
    search_latent_space(
        folder, find_latent_task("w-3"), {"random": METHODS["random"]}, budget=5, seeds=(1,), name="study"
    )
    measure_smoothness(folder, (None, "w-3"))
    partly = LatentFolder.create(home / "partly", plan.to_dict())

    def stop(progress: Any) -> None:
        if progress.epoch == 2:
            raise _Killed

    with contextlib.suppress(_Killed):
        carry_out(plan, partly, on_epoch=stop)
    ArdVAE(epochs=1).fit(np.random.default_rng(0).random((20, 3))).save(home / "transformer.npz")
    whole = files_of(home / "latent")
    study = {
        name.removeprefix("searches/w-3/study/"): c
        for name, c in whole.items()
        if name.startswith("searches/w-3/study/")
    }
    return {
        "latent": [whole],
        "unfinished_latent": [files_of(home / "partly")],
        "studies": [study],
        "transformers": [{"transformer.npz": (home / "transformer.npz").read_bytes()}],
    }


def _classifiers(home: Path) -> dict[str, list[Tree]]:
    from types import SimpleNamespace

    from qvar.classify import QuantumKernelClassifier, VariationalClassifier
    from qvar.classify.comparison import ShuffleSplits, compare
    from qvar.optimizers import Cobyla
    from qvar.simulators import NoiseModel, PauliTransferSimulator

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    X[y == 1] += 2
    compare(
        SimpleNamespace(name="blobs", X=X, y=y),
        models=("majority", "logistic-regression"),
        splits=ShuffleSplits(3),
        out=home / "comparison",
        n_jobs=1,
    )
    engine = PauliTransferSimulator(NoiseModel.named("mumbai-median"))
    VariationalClassifier(optimizer=Cobyla(5), engine=engine, random_state=0).fit(X, y).save(home / "variational.json")
    QuantumKernelClassifier().fit(X[:10], y[:10]).save(home / "kernel.json")
    trees: list[Tree] = [{"model.json": (home / name).read_bytes()} for name in ("variational.json", "kernel.json")]
    return {"comparisons": [files_of(home / "comparison")], "classifiers": trees}


def _hardware(home: Path) -> dict[str, list[Tree]]:
    from qvar.hardware import ExecutionOptions, HardwareRun, open_backend
    from qvar.hardware.experiment import Experiment, execute, plan
    from qvar.hardware.journal import Journal
    from qvar.simulators import Circuit, Observable, Operation

    backend = open_backend("fake:FakeManilaV2")
    circuit = Circuit(2, (Operation("rx", (0,), (0.5,)), Operation("cx", (0, 1))))
    options = ExecutionOptions(shots=64, seed_transpiler=0, seed_simulator=0, optimization_level=1)
    observable = Observable.from_terms({"ZZ": 1.0})
    asked = Experiment("a", circuit, observable, "fake:FakeManilaV2", tries=1, options=options)
    with HardwareRun(backend, folder=home / "hardware", options=options) as run:
        execute(asked, plan(asked, backend), run)
    whole = files_of(home / "hardware")
    journal = Journal(home / "budget.journal.jsonl")
    with journal.locked():
        for line in Journal(home / "hardware" / next(name for name in whole if name.endswith("journal.jsonl"))).read():
            journal.append(line)
    limits = json.dumps({"max_qpu_seconds": 600, "max_shots": None, "max_jobs": 3}).encode()
    budget = {"budget.json": limits, "budget.journal.jsonl": journal.path.read_bytes()}
    return {"hardware": [whole], "budgets": [budget]}
