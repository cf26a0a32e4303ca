"""Do the same jobs with other threads, workers, hash seeds, time zones, locales and folders: are the records the same?

Every job runs once per setting, in processes of its own. Files and printed results are compared bit by bit, without
the wall times that `records.WALL_TIMES` names. `--plant` adds a job whose record does depend on threads.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from records import PLACES, differences, record_of, without_times
from rich.progress import track

ROOT = Path(__file__).parents[2]


class JobFailed(Exception):
    """A job did not end as it should."""


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
    "search, double DQN": [f"{SEARCH} --algorithm ddqn --episodes 6"],
    "search, double DQN, 3 environments, shots": [f"{SEARCH} --episodes 6 --environments 3 --shots 500"],
    "search, PPO": [f"{SEARCH} --algorithm ppo --episodes 6"],
    "search, random": [f"{SEARCH} --algorithm random --episodes 6"],
    "search, annealing": [f"{SEARCH} --algorithm annealing --max-energies 3000"],
    "search, evolution": [f"{SEARCH} --algorithm evolution --max-energies 3000"],
    "search, greedy": [f"{SEARCH} --algorithm greedy --max-energies 3000"],
    "search, 6 qubits": ["search lih-6 --algorithm evolution --max-energies 4000 --out run --json --seed {seed}"],
    "sweep": [
        "sweep h2-2 --noise none,ourense --algorithm evolution,random --seeds 0-1 --max-energies 1500 --episodes 4 "
        "--jobs {workers} --out run --json"
    ],
    "vqe, exact": ["vqe h2-4 --noise mumbai-median --starts 2 --json --seed {seed}"],
    "vqe, shots": ["vqe h2-2 --noise ourense --shots 1000 --optimizer spsa --json --seed {seed}"],
    "vqe, Aer": ["vqe h2-2 --noise ourense --engine aer --optimizer cobyla --json --seed {seed}"],
    "latent: pool, training, rewards, studies": [
        "latent pretrain --qubits 4 --circuits 400 --epochs 2 --out lat --json --seed {seed}",
        "latent search lat --task ghz-4 --method random,reinforce,gp-logei --evaluations 24 --seeds 2 --jobs {workers} "
        "--json",
        "latent search lat --task ghz-4 --mode generative --evaluations 24 --seeds 2 --jobs {workers} --json",
    ],
    "compare": [
        "compare iris --models {models} --splits 2 --jobs {workers} --out run --json --seed {seed}",
    ],
    "hardware, fake backend": ["hardware run {circuit} h2-2 --on fake:manila --out run --json --seed {seed}"],
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
    circuit = ansatz("efficient_su2", 4, reps=1)
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
QASM = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; ry(0.4) q[0]; cx q[0], q[1]; rz(0.3) q[1];'


def carry_out(job: str, setting: Setting, seed: int) -> dict[str, str]:
    """Run a job in a new folder and return its record."""
    with tempfile.TemporaryDirectory() as parent:
        here = Path(parent, setting.place)
        here.mkdir(parents=True)
        (here / "circuit.qasm").write_text(QASM)
        printed = [_run(line, here, setting) for line in _lines(job, setting, seed)]
        texts = {f"printed {k}": hashlib.sha256(text.encode()).hexdigest() for k, text in enumerate(printed)}
        return record_of(here) | texts


def _lines(job: str, setting: Setting, seed: int) -> list[list[str]]:
    if job in FUNCTIONS:
        return [[sys.executable, __file__, "--inside", job, "--seed", str(seed)]]
    words = {
        "seed": seed,
        "workers": setting.workers,
        "circuit": "circuit.qasm",
        "models": "svm,random-forest,vqc-untrained,vqc-adam-100,quantum-kernel",
    }
    return [[sys.executable, "-m", "qvar", *line.format(**words).split()] for line in COMMANDS[job]]


def _run(line: list[str], here: Path, setting: Setting) -> str:
    done = subprocess.run(line, cwd=here, env=setting.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise JobFailed(f"{' '.join(line)}\n{done.stderr[-2000:]}")
    return json.dumps(without_times(json.loads(done.stdout), PLACES)) if done.stdout.startswith("{") else done.stdout


def examine(job: str, seed: int) -> tuple[str, bool]:
    """Return a row of the table, and whether the records were the same."""
    begun = time.monotonic()
    try:
        return _compared(job, seed, begun)
    except JobFailed as error:
        sys.stderr.write(f"{error}\n")
        return f"| {job} | | FAILED | {time.monotonic() - begun:.0f} |", False


def _compared(job: str, seed: int, begun: float) -> tuple[str, bool]:
    first = carry_out(job, FIRST, seed)
    different = {name: differences(first, carry_out(job, setting, seed)) for name, setting in OTHERS.items()}
    files = sorted({file for names in different.values() for file in names})
    verdict = "the same"
    if files:
        causes = [cause for cause, setting in CAUSES.items() if differences(first, carry_out(job, setting, seed))]
        verdict = f"DIFFERENT by {', '.join(causes) or 'chance'}: {', '.join(files[:4])}"
    return f"| {job} | {len(first)} | {verdict} | {time.monotonic() - begun:.0f} |", not files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", help="parts of the names of jobs, separated by commas; by default all")
    parser.add_argument("--plant", action="store_true", help="add a job whose record depends on threads")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        FUNCTIONS[asked.inside](Path(), asked.seed)
        return
    jobs = [job for job in (*COMMANDS, *FUNCTIONS) if asked.plant or job != "planted"]
    if asked.jobs:
        jobs = [job for job in jobs if any(part in job for part in asked.jobs.split(","))]
    rows = []
    for job in track(jobs, description="jobs", disable=not sys.stderr.isatty()):
        rows.append(examine(job, asked.seed))
        sys.stderr.write(f"{rows[-1][0]}\n")
    table = "\n".join(
        ("| job | files and results | records | seconds |", "|---|---|---|---|", *(row for row, _ in rows))
    )
    n_same = sum(same for _, same in rows)
    sys.stdout.write(f"{table}\n\n{n_same} of {len(rows)} jobs: the same record in all settings; seed {asked.seed}\n")
    raise SystemExit(not all(same for _, same in rows))


if __name__ == "__main__":
    main()
