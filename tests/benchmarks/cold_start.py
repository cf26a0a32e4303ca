"""How long until the first energy: on a machine that never ran qvar, and in every process after that.

Run: python tests/benchmarks/cold_start.py [--rounds N] [--json]

Fresh processes, wall time, imports apart (numba's too, which qvar puts off until the first energy). "Cold" starts with
an empty folder of compiled kernels (NUMBA_CACHE_DIR points to a temporary one), "warm" finds what the cold process left
there. Then the same for the first gradient, batch and noiseless energy, each of which compiles or loads a kernel of its
own. The minimum counts: whatever else the machine does only adds to it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

AIMS = {"cold": 8.0, "warm": 0.5}
"""Seconds to the first energy: cold all in all, warm beyond imports."""

PROGRAM = """
import json, sys, time
began = time.perf_counter()
import numpy as np
from qvar.simulators import Circuit, NoiseModel, Observable, Operation, Slot
from qvar.simulators import PauliTransferSimulator, StatevectorSimulator
times = {"import qvar.simulators": time.perf_counter() - began}

def lap(name, function):
    began = time.perf_counter()
    result = function()
    times[name] = time.perf_counter() - began
    return result

def first_energy(engine):
    objective = engine.objective(circuit, Observable.from_terms({"ZZ": 1.0, "XX": 0.5}))
    objective(np.array([0.5]))
    return objective

lap("import numba", lambda: __import__("numba"))
circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
noise = lap("noise model", lambda: NoiseModel.named("mumbai-median"))
objective = lap("first energy", lambda: first_energy(PauliTransferSimulator(noise)))
lap("first gradient", lambda: objective.value_and_gradient([0.5]))
lap("first batch", lambda: objective.batch(np.zeros((64, 1))))
lap("first noiseless energy", lambda: first_energy(StatevectorSimulator()))
json.dump(times, sys.stdout)
"""


def run(folder):
    environment = os.environ | {"NUMBA_CACHE_DIR": folder}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure(rounds):
    found = {"cold": [], "warm": []}
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found["cold"].append(run(folder))
            found["warm"] += [run(folder), run(folder)]
        sys.stderr.write(f"round {number + 1} of {rounds}: done\n")
    return {state: {name: min(r[name] for r in runs) for name in runs[0]} for state, runs in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    times = measure(arguments.rounds)
    if arguments.json:
        sys.stdout.write(json.dumps(times, indent=1) + "\n")
        return
    lines = ["| seconds | cold | warm |", "| --- | --- | --- |"]
    lines += [f"| {name} | {times['cold'][name]:.2f} | {times['warm'][name]:.2f} |" for name in times["cold"]]
    beyond = {state: t["noise model"] + t["first energy"] for state, t in times.items()}
    imports = times["cold"]["import qvar.simulators"] + times["cold"]["import numba"]
    spent = {"cold": imports + beyond["cold"], "warm": beyond["warm"]}
    lines.append("")
    for state, what in (("cold", "in total"), ("warm", "beyond imports")):
        word = "met" if spent[state] <= AIMS[state] else "missed"
        lines.append(f"- {word}: first energy, {state}, {what}: {spent[state]:.2f} s, aim {AIMS[state]:g} s")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
