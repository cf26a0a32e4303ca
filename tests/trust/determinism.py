"""Do the same jobs with other threads, workers, hash seeds, time zones, locales and folders: are the records the same?

One process per setting does all jobs, each in a new folder. Files and printed results are compared bit by bit, without
the wall times that `records.WALL_TIMES` names; a job that differs is done again with one thing changed at a time, to
say which one it is. `--plant` adds a job whose record does depend on threads.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from records import PLACES, differences, record_of, without_times
from rich.progress import Progress

ROOT = Path(__file__).parents[2]
_SAYS = "record of "


@dataclass(frozen=True)
class Setting:
    threads: int = 1
    workers: int = 1
    hash_seed: int = 0
    zone: str = "UTC"
    locale: str = "C"
    place: str = "a"

    def environment(self) -> dict[str, str]:
        threads = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        words = {"PYTHONHASHSEED": str(self.hash_seed), "TZ": self.zone, "LC_ALL": self.locale, "COLUMNS": "100"}
        return os.environ | dict.fromkeys(threads, str(self.threads)) | words | {"PYTHONPATH": str(ROOT)}


FIRST = Setting()
OTHERS = {
    "2 threads, 2 workers": Setting(2, 2, 1, "Asia/Kathmandu", "C.utf8", "b/c"),
    "4 threads, 3 workers": Setting(4, 3, 2, "America/St_Johns", "POSIX", "a long name, with blanks/d"),
}
CAUSES = {
    "threads": replace(FIRST, threads=4),
    "workers": replace(FIRST, workers=3),
    "hash seed": replace(FIRST, hash_seed=2),
    "zone, locale and folder": replace(FIRST, zone="America/St_Johns", locale="POSIX", place="d e"),
}

SEARCH = "search h2-2 --noise ourense --out run --json --seed {seed}"
COMMANDS = {
    "search, double DQN": [f"{SEARCH} --algorithm ddqn --episodes 4 --max-gates 6"],
    "search, double DQN, 3 environments, shots": [
        f"{SEARCH} --algorithm ddqn --episodes 4 --max-gates 5 --environments 3 --shots 500"
    ],
    "search, PPO": [f"{SEARCH} --algorithm ppo --episodes 4 --max-gates 6"],
    "search, random": [f"{SEARCH} --algorithm random --episodes 4 --max-gates 6"],
    "search, annealing": [f"{SEARCH} --algorithm annealing --max-energies 2000"],
    "search, evolution": [f"{SEARCH} --algorithm evolution --max-energies 2000"],
    "search, greedy": [f"{SEARCH} --algorithm greedy --max-energies 2000"],
    "search, 6 qubits": ["search lih-6 --algorithm evolution --max-energies 4000 --out run --json --seed {seed}"],
    "sweep": [
        "sweep h2-2 --noise none,ourense --algorithm evolution,random --seeds 0-1 --max-energies 1500 --episodes 4 "
        "--jobs {workers} --out run --json"
    ],
    "vqe, exact": ["vqe h2-2 --noise ourense --starts 2 --json --seed {seed}"],
    "vqe, shots": ["vqe h2-2 --noise ourense --shots 1000 --optimizer spsa --json --seed {seed}"],
    "vqe, Aer": ["vqe h2-2 --noise ourense --engine aer --optimizer cobyla --json --seed {seed}"],
    "latent: pool, training, rewards, studies": [
        "latent pretrain --qubits 4 --circuits 400 --epochs 2 --out lat --json --seed {seed}",
        "latent search lat --task ghz-4 --method random,reinforce,gp-logei --evaluations 24 --seeds 1-2 "
        "--jobs {workers} --json",
        "latent search lat --task ghz-4 --mode generative --evaluations 24 --seeds 1-2 --jobs {workers} --json",
    ],
    "compare": [
        "compare iris --models {models} --splits 2 --jobs {workers} --out run --json --seed {seed}",
    ],
    "hardware, fake backend": ["hardware run circuit.qasm h2-2 --on fake:FakeManilaV2 --out run --json --seed {seed}"],
}
"""Jobs of the command line, in a folder of their own."""


def kernels(out: Path, seed: int) -> None:
    """Batches, gradients, states and pulled-back observables of circuits that are worth threads."""
    from qvar.problems import find_problem
    from qvar.search import ansatz
    from qvar.simulators import NoiseModel, Observable, PauliTransferSimulator, StatevectorSimulator

    rng = np.random.default_rng(seed)
    found = {}
    for name, engine, n in (
        ("noisy", PauliTransferSimulator(NoiseModel.named("mumbai-median")), 6),
        ("noiseless", PauliTransferSimulator(), 5),
        ("pure", StatevectorSimulator(), 10),
    ):
        circuit = ansatz("efficient_su2", n, reps=2)
        observable = Observable.from_terms({"Z" * n: 1.0, "X" * n: 0.5, "I" * (n - 2) + "XY": 0.25})
        objective, thetas = engine.objective(circuit, observable), rng.normal(size=(403, circuit.n_parameters))
        values, gradients = objective.values_and_gradients(thetas[:101])
        found |= {f"{name}.batch": objective.batch(thetas), f"{name}.states": objective.states(thetas[:37])}
        found |= {f"{name}.values": values, f"{name}.gradients": gradients}
        if name != "pure":
            found[f"{name}.pulled_back"] = objective.pulled_back(thetas[:37])
    found["ground"] = np.array([find_problem("tfim-9-h0.5").observable.ground_energy()])
    np.savez(out / "kernels.npz", **found)


def shots(out: Path, seed: int) -> None:
    """Sampled energies of every engine that samples."""
    from qvar.problems import find_problem
    from qvar.search import ansatz
    from qvar.simulators import AerSimulator, NoiseModel, PauliTransferSimulator, PennyLaneSimulator

    noise, problem = NoiseModel.named("ourense"), find_problem("h2-4")
    circuit = ansatz("efficient_su2", 4, reps=1, coupling_map=noise.coupling_map)
    theta = np.random.default_rng(seed).normal(size=(3, circuit.n_parameters))
    engines = {
        "pauli_transfer": PauliTransferSimulator(noise),
        "aer density matrix": AerSimulator(noise),
        "aer trajectories": AerSimulator(noise, method="statevector"),
        "aer matrix product state": AerSimulator(noise, method="matrix_product_state"),
        "pennylane": PennyLaneSimulator(noise=noise),
    }
    found = {}
    for name, engine in engines.items():
        objective = engine.objective(circuit, problem.observable).with_shots(300, np.random.default_rng(seed))
        found[name] = objective.batch(theta)
    np.savez(out / "shots.npz", **found)


def environments(out: Path, seed: int) -> None:
    """Observations and rewards of single and vectorised environments under noise, and of gymnasium's vector."""
    import gymnasium as gym

    import qvar.envs  # noqa: F401

    seen = hashlib.sha256()
    envs = gym.make_vec("qvar/H2-v0", num_envs=3, vectorization_mode="sync")
    observations, info = envs.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(30):
        actions = [int(rng.choice(np.flatnonzero(mask))) for mask in info["action_mask"]]
        observations, rewards, _, _, info = envs.step(np.array(actions))
        seen.update(np.ascontiguousarray(observations).tobytes() + rewards.tobytes())
    (out / "seen.txt").write_text(seen.hexdigest())


def classifiers(out: Path, seed: int) -> None:
    """Fits of a variational classifier, a kernel and a re-uploading one."""
    from sklearn.datasets import make_moons

    from qvar.classify import DataReuploadingClassifier, QuantumKernelClassifier, VariationalClassifier
    from qvar.simulators import NoiseModel, PauliTransferSimulator

    X, y = make_moons(60, noise=0.1, random_state=seed)
    engine = PauliTransferSimulator(NoiseModel.named("ourense"))
    models = {
        "variational": VariationalClassifier(random_state=seed),
        "noisy": VariationalClassifier(engine=engine, random_state=seed),
        "kernel": QuantumKernelClassifier(engine=engine, random_state=seed),
        "shots": QuantumKernelClassifier(shots=200, random_state=seed),
        "reuploading": DataReuploadingClassifier(random_state=seed),
    }
    found = {name: model.fit(X, y).predict_proba(X) for name, model in models.items()}
    np.savez(out / "probabilities.npz", **found)


def planted(out: Path, seed: int) -> None:
    """A job that is not deterministic: the negative control of this campaign."""
    (out / "planted.txt").write_text(f"{os.environ['OMP_NUM_THREADS']} {seed}")


FUNCTIONS = {
    "batches of kernels": kernels,
    "shots of all engines": shots,
    "environments": environments,
    "classifiers": classifiers,
    "planted": planted,
}
MODELS = "svm,random-forest,vqc-untrained,vqc-adam-100,quantum-kernel"
QASM = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; ry(0.4) q[0]; cx q[0], q[1]; rz(0.3) q[1];'


def carry_out(jobs: list[str], setting: Setting, seed: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Do jobs in one new process, and give the record of each as soon as it is there; {} if it failed."""
    with tempfile.TemporaryDirectory() as parent:
        here = Path(parent, setting.place)
        here.mkdir(parents=True)
        line = [sys.executable, __file__, "--inside", *jobs, "--seed", str(seed), "--workers", str(setting.workers)]
        with subprocess.Popen(line, cwd=here, env=setting.environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for text in process.stdout:
                if text.startswith(_SAYS):
                    job, record = json.loads(text.removeprefix(_SAYS))
                    yield job, record


def do_inside(jobs: list[str], seed: int, workers: int) -> None:
    """Do jobs in this process and print the record of each as a line."""
    home = Path.cwd()
    for k, job in enumerate(jobs):
        folder = home / f"job{k}"
        folder.mkdir()
        os.chdir(folder)
        try:
            record = _texts(job, seed, workers) | record_of(folder)
        except Exception as error:
            sys.stderr.write(f"{job}: {error!r}\n")
            record = {}
        os.chdir(home)
        shutil.rmtree(folder)
        sys.stdout.write(f"{_SAYS}{json.dumps([job, record])}\n")
        sys.stdout.flush()


def _texts(job: str, seed: int, workers: int) -> dict[str, str]:
    """Do a job here and return hashes of what it printed."""
    if job in FUNCTIONS:
        FUNCTIONS[job](Path(), seed)
        return {}
    Path("circuit.qasm").write_text(QASM)
    words = {"seed": seed, "workers": workers, "models": MODELS}
    printed = [_printed(line.format(**words).split()) for line in COMMANDS[job]]
    return {f"printed {k}": hashlib.sha256(text.encode()).hexdigest() for k, text in enumerate(printed)}


def _printed(arguments: list[str]) -> str:
    from qvar.cli import main

    out = io.StringIO()
    try:
        with redirect_stdout(out):
            main(arguments)
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"{' '.join(arguments)}: exit code {ended.code}") from None
    return json.dumps(without_times(json.loads(out.getvalue()), (*PLACES, "job_id")))


def causes(job: str, first: dict[str, str], seed: int) -> str:
    """Return what changes the record of a job, each thing changed alone."""
    found = [
        cause
        for cause, setting in CAUSES.items()
        for _, record in carry_out([job], setting, seed)
        if differences(first, record)
    ]
    return ", ".join(found) or "chance, or several at once"


def verdict(job: str, records: list[dict[str, str]], seed: int) -> tuple[str, bool]:
    """Return a row of the table, and whether the records are all there and the same."""
    if len(records) <= len(OTHERS) or not all(records):
        return f"| {job} | | FAILED |", False
    files = sorted({file for record in records[1:] for file in differences(records[0], record)})
    found = f"DIFFERENT by {causes(job, records[0], seed)}: {', '.join(files[:4])}" if files else "the same"
    return f"| {job} | {len(records[0])} | {found} |", not files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", help="parts of the names of jobs, separated by semicolons; by default all")
    parser.add_argument("--plant", action="store_true", help="add a job whose record depends on threads")
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        do_inside(asked.inside, asked.seed, asked.workers)
        return
    jobs = [job for job in (*COMMANDS, *FUNCTIONS) if asked.plant or job != "planted"]
    if asked.jobs:
        jobs = [job for job in jobs if any(part in job for part in asked.jobs.split(";"))]
    records: dict[str, list[dict[str, str]]] = {job: [] for job in jobs}
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("jobs", total=len(jobs) * (1 + len(OTHERS)))
        for setting in (FIRST, *OTHERS.values()):
            for job, record in carry_out(jobs, setting, asked.seed):
                records[job].append(record)
                progress.advance(task)
    rows = [verdict(job, found, asked.seed) for job, found in records.items()]
    table = "\n".join(("| job | files and results | records |", "|---|---|---|", *(row for row, _ in rows)))
    n_same = sum(same for _, same in rows)
    sys.stdout.write(f"{table}\n\n{n_same} of {len(rows)} jobs: the same record in all settings; seed {asked.seed}\n")
    raise SystemExit(n_same < len(rows))


if __name__ == "__main__":
    main()
