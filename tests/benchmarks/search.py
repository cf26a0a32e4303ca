"""What do searches find? Every algorithm at the same budget of energies, five seeds, beside published numbers.

Run: python tests/benchmarks/search.py [--out sweeps/benchmark] [--seeds 5] [--max-energies 300000] [--only lih]

Prints one Markdown table per task and noise: mean ± standard deviation and the best seed of each algorithm of the
preset `qvar`, then the published results. The run folders stay in `--out`; killed, the same command goes on. Under
noise, circuits are ranked by their noiseless energy at the angles found with noise, as published circuits are; rows
"measured" rank them by the noisy energy, which is all that a device tells. Failures are shown as failures.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from qvar.problems import find_problem
from qvar.report import compare
from qvar.report.markdown import markdown_table
from qvar.report.searches.beside import beside_published
from qvar.report.searches.records import read_runs
from qvar.search import Annealing, Judge, Labels, Sweep, configure, find_algorithm, limited, sweep
from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator

ALGORITHMS = ("annealing", "greedy", "evolution", "ddqn", "random")
NOISELESS = ("h2-2", "h2-3", "h2-4", "lih-4", "lih-6", "h2o-8-bohr", "h2o-8")
NOISY = (
    *((task, f"mumbai-{kind}") for task in ("h2-2", "h2-3") for kind in ("median", "max", "10max")),
    ("h2-4", "ourense"),
    ("lih-4", "mumbai-median"),
)
COMPACT = "ten times the budget, colder start, at most 32 gates"


def combinations():
    for task in NOISELESS:
        yield from (Labels(task, "none", "qvar", name) for name in ALGORITHMS)
    for task, noise in NOISY:
        yield from (Labels(task, noise, "qvar", name) for name in ALGORITHMS)
        yield Labels(task, noise, "measured", "annealing")
    yield Labels("h2-4", "ourense", COMPACT, "annealing")


def configuration(labels, max_energies):
    problem = find_problem(labels.task)
    engine = StatevectorSimulator()
    if labels.noise != "none":
        engine = PauliTransferSimulator(NoiseModel.named(labels.noise))
    base = configure("qvar", problem, engine)
    base = configure("qvar", problem, engine, algorithm=find_algorithm(labels.algorithm, base.algorithm))
    base = limited(base, episodes=None, max_energies=max_energies)
    if labels.noise != "none" and labels.preset != "measured":
        base = replace(base, judge=replace(base.judge, by="noiseless"))
    if labels.preset == COMPACT:
        cheap = Judge("noiseless", cnot_price=1e-6, rotation_price=3e-7)
        cold = Annealing(temperature_start=3e-3)
        base = replace(base, algorithm=cold, judge=cheap, max_gates=32, max_energies=10 * max_energies)
    return base


def show(outcome):
    run = outcome.run
    text = f"FAILED: {outcome.error}" if outcome.error else f"error {outcome.result()['error']:.1e}"
    sys.stderr.write(f"{run.path.parent.name} {run.path.name}: {text}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sweeps/benchmark"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--max-energies", type=int, default=300_000)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--only", default="", help="combinations whose names contain this text")
    arguments = parser.parse_args()
    wanted = [labels for labels in combinations() if arguments.only in labels.name]
    plan = Sweep.collect(
        wanted, lambda labels: configuration(labels, arguments.max_energies), seeds=range(arguments.seeds)
    )
    result = sweep(plan, out=arguments.out, jobs=arguments.jobs, on_outcome=show)
    for setting in compare(read_runs([result.path])):
        first = setting.first
        sys.stdout.write(f"\n### {first.task}, {'no noise' if first.noise == 'none' else first.noise}\n\n")
        sys.stdout.write(markdown_table(*beside_published(setting)))


if __name__ == "__main__":
    main()
