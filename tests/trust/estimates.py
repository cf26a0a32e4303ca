"""Are memory and time what they are said to be beforehand?

Memory: every case runs in two child processes. In the first nothing is free, so that it is refused with what it would
take, and tried again with that much; in the second its peak is measured. Time: sweeps are carried out, which
say how long they will take.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.progress import track

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def noisy_energy(n: int) -> None:
    _objective("noisy", n)(np.full(3 * n, 0.1))


def noisy_gradient(n: int) -> None:
    _objective("noisy", n).value_and_gradient(np.full(3 * n, 0.1))


def noisy_states(n: int) -> None:
    objective = _objective("noisy", n)
    objective.states(np.full((8, 3 * n), 0.1))


def pure_energy(n: int) -> None:
    _objective("pure", n)(np.full(3 * n, 0.1))


def pure_shots(n: int) -> None:
    _objective("pure", n).with_shots(10, np.random.default_rng(0))(np.full(3 * n, 0.1))


def aer_density_matrix(n: int) -> None:
    _objective("aer", n)(np.full(3 * n, 0.1))


def pennylane(n: int) -> None:
    _objective("pennylane", n)(np.full(3 * n, 0.1))


def matrix(n: int) -> None:
    from qvar.problems import find_problem

    find_problem(f"tfim-{n}-h0.5").observable.to_sparse()


def kernel_matrix(n: int) -> None:
    from qvar.classify import QuantumKernelClassifier

    rng = np.random.default_rng(0)
    model = QuantumKernelClassifier(random_state=0)
    model._check_settings()
    states = rng.normal(size=(n, 4)) + 0j
    model._kernel(states, states)


def _objective(kind: str, n: int):
    from qvar.search import ansatz
    from qvar.simulators import (
        AerSimulator,
        NoiseModel,
        Observable,
        PauliTransferSimulator,
        PennyLaneSimulator,
        StatevectorSimulator,
        depolarizing,
    )

    noise = NoiseModel.from_channels(depolarizing(1e-3), depolarizing(1e-2, n_qubits=2))
    engines = {
        "noisy": lambda: PauliTransferSimulator(noise),
        "pure": StatevectorSimulator,
        "aer": lambda: AerSimulator(noise),
        "pennylane": lambda: PennyLaneSimulator(noise=noise),
    }
    circuit = ansatz("real_amplitudes", n, reps=2)
    return engines[kind]().objective(circuit, Observable.from_terms({"Z" * n: 1.0, "X" * n: 0.5}))


CASES: dict[str, tuple[Callable[[int], None], int, int]] = {
    "noisy energy, 11 qubits": (noisy_energy, 11, 4),
    "noisy gradient, 10 qubits": (noisy_gradient, 10, 4),
    "8 noisy states, 10 qubits": (noisy_states, 10, 4),
    "pure energy, 21 qubits": (pure_energy, 21, 4),
    "pure energy with shots, 18 qubits": (pure_shots, 18, 4),
    "Aer's density matrix, 11 qubits": (aer_density_matrix, 11, 4),
    "PennyLane's mixed states, 10 qubits": (pennylane, 10, 4),
    "matrix of an observable, 16 qubits": (matrix, 16, 4),
    "kernel matrix, 3000 rows": (kernel_matrix, 3000, 4),
}
"""What to do, how large, and how small to load what it needs."""


def said(name: str) -> float:
    """Return the most bytes that a case is refused with, as more and more is free."""
    import qvar.simulators.memory as memory
    from qvar.simulators.errors import QvarError

    work, size, _ = CASES[name]
    free = 0.0
    memory.available_bytes = lambda: int(free)
    memory._WORTH_ASKING = 2**20
    while True:
        try:
            work(size)
        except QvarError as error:
            free = float(re.findall(r"([\d.,]+) GiB of memory", str(error))[0].replace(",", "")) * 2**30 * 1.05
        else:
            return free / 1.05


def taken(name: str) -> float:
    """Return the bytes of memory that a case adds at its peak."""
    work, size, _ = CASES[name]
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = _resident("VmRSS")
    work(size)
    return _resident("VmHWM") - before


def apart(function: Callable[[str], float], name: str) -> float:
    """Return what a function gives in a process that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, f"{function(name):.0f}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return float(text or "nan")


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def memory_row(name: str) -> tuple[str, float]:
    """Return a row of the table, and the estimate over the measured peak."""
    work, _, small = CASES[name]
    work(small)  # loads what it needs
    numbers = apart(said, name), apart(taken, name)
    ratio = numbers[0] / numbers[1]
    return f"| {name} | {numbers[0] / 2**20:,.0f} | {numbers[1] / 2**20:,.0f} | {ratio:.2f} |", ratio


SWEEPS = (
    "h2-4 --noise ourense --algorithm evolution --seeds 0-1 --max-energies 400000 --jobs 1",
    "lih-4 --algorithm annealing --seeds 0-3 --max-energies 100000 --jobs 2",
    "h2-2 --noise none,ourense --algorithm ddqn --seeds 0 --episodes 500 --jobs 2",
)


def time_rows() -> Iterator[str]:
    """Carry out sweeps, and compare what they say that they will take with the time from then to their end."""
    for words in SWEEPS:
        with TemporaryDirectory() as folder:
            line = [sys.executable, "-m", "qvar", "sweep", *words.split(), "--out", f"{folder}/sweep"]
            with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
                said, begun = None, time.monotonic()
                for text in process.stderr or ():
                    if said is None and (found := re.match(r"about (\d+) (s|min) and the tables", text)):
                        said, begun = int(found[1]) * {"s": 1, "min": 60}[found[2]], time.monotonic()
            seconds = time.monotonic() - begun
        if process.returncode or said is None:
            raise RuntimeError(f"qvar sweep {words}: exit code {process.returncode}, forecast {said}")
        yield f"| `{words}` | {said} | {seconds:.1f} | {said / seconds:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", help="parts of the names of cases, separated by semicolons; by default all")
    parser.add_argument("--no-times", action="store_true", help="memory only")
    asked = parser.parse_args()
    parts = asked.cases.split(";") if asked.cases else [""]
    names = [name for name in CASES if any(part in name for part in parts)]
    ratios = []
    sys.stdout.write("| request | said, MiB | taken, MiB | ratio |\n|---|---|---|---|\n")
    for name in track(names, description="memory", disable=not sys.stderr.isatty()):
        row, ratio = memory_row(name)
        ratios.append(ratio)
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
    if not asked.no_times:
        sys.stdout.write("\n| sweep | said, s | taken, s | ratio |\n|---|---|---|---|\n")
        for row in time_rows():
            sys.stdout.write(f"{row}\n")
    raise SystemExit(any(not 0.5 <= ratio <= 2.5 for ratio in ratios))


if __name__ == "__main__":
    main()
