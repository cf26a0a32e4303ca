"""How many threads want to work at once in a command, with the number of workers that it was given?

Every 20 ms the threads of the command and of all its workers that are running or waiting for a core are counted.
Libraries may hold more threads that sleep; those cost nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
from interrupts import PRETRAIN, environment, left_over, run_to_end

COMMANDS = {
    "search, double DQN": ("search h2-2 --noise ourense --algorithm ddqn --episodes 4 --max-gates 6 --out run -q", 1),
    "sweep, 1 worker": ("sweep h2-2 --algorithm evolution --seeds 0-3 --max-energies 6000 --jobs 1 --out run -q", 1),
    "sweep, 2 workers": ("sweep h2-2 --algorithm evolution --seeds 0-3 --max-energies 6000 --jobs 2 --out run -q", 2),
    "compare, 1 worker": ("compare iris --models svm,vqc-adam-100 --splits 2 --jobs 1 --out run -q", 1),
    "compare, 2 workers": ("compare iris --models svm,vqc-adam-100 --splits 2 --jobs 2 --out run -q", 2),
    "latent search, 1 worker": ("latent search lat --task ghz-4 --evaluations 40 --seeds 1-2 --jobs 1 -q", 1),
    "latent search, 2 workers": ("latent search lat --task ghz-4 --evaluations 40 --seeds 1-2 --jobs 2 -q", 2),
}
"""Command lines with the number of workers that they ask for."""


def busy(mark: str) -> tuple[int, int]:
    """Return how many threads of a command are at work or want to be, and how many it holds."""
    states = []
    for pid in left_over(mark):
        for path in Path(f"/proc/{pid}/task").glob("*/stat"):
            try:
                states.append(path.read_text().rpartition(")")[2].split()[0])
            except OSError:
                continue
    return states.count("R"), len(states)


def watch(line: str, here: Path) -> tuple[float, int, int]:
    """Run a command and return the mean and the most threads at work, and the most held."""
    mark, counts = uuid4().hex, []
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    given = {name: value for name, value in environment(mark).items() if name not in limits}
    words = [sys.executable, "-m", "qvar", *line.split()]
    with subprocess.Popen(words, cwd=here, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            counts.append(busy(mark))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{line}: exit code {process.returncode}")
    running = np.array([count for count, _ in counts])
    return float(running.mean()), int(np.percentile(running, 99)), max(held for _, held in counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", help="parts of the names of commands, separated by semicolons; by default all")
    asked = parser.parse_args()
    parts = asked.commands.split(";") if asked.commands else [""]
    sys.stdout.write(f"{os.cpu_count()} cores; limits of libraries unset\n\n")
    sys.stdout.write("| command | workers | at work, mean | at work, 99 % | held |\n|---|---|---|---|---|\n")
    for name, (line, workers) in COMMANDS.items():
        if not any(part in name for part in parts):
            continue
        with tempfile.TemporaryDirectory() as folder:
            if "latent" in name:
                run_to_end(PRETRAIN, Path(folder))
            mean, most, held = watch(line, Path(folder))
        sys.stdout.write(f"| {name} | {workers} | {mean:.1f} | {most} | {held} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
