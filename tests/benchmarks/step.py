"""What does one step of the search environment cost, and how low are the energies? Optimizers side by side.

Run: python tests/benchmarks/step.py [--tasks h2-2 lih-4 ...] [--episodes 3] [--seed 0] [--json]

A step places a gate, optimizes all angles and evaluates. A random policy builds circuits of full length; an episode's
gates are the same for all optimizers, each of which goes on from its own angles. COBYLA has the budget of the
published experiment, and is what ratios refer to. Milliseconds are process time of one thread, all of `env.step`
included, means over steps with medians in parentheses; a gradient counts as three energies. Energies are lower or
higher than COBYLA's after the same gates if they differ by more than 0.1 mHa. The published row quotes the
milliseconds per step of the reference's own environment with SciPy's COBYLA of the same budget, one thread on a
comparable machine.
"""

import argparse
import json
import os
import platform
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from qvar.envs import ArchitectureSearchEnv, FixedThreshold
from qvar.optimizers import LBFGS, Cobyla, CompactLBFGS
from qvar.problems import molecule

TASKS = {  # gates of an episode, COBYLA's budget, spans of steps, published ms per step: all, and those known by span
    "h2-2": (40, 100, ((0, 5), (10, 20), (30, 40)), 11.4, {}),
    "lih-4": (40, 1000, ((0, 5), (10, 20), (30, 40)), 34.2, {(0, 5): 6.3, (10, 20): 17.8, (30, 40): 71.1}),
    "lih-6": (70, 1000, ((0, 5), (10, 20), (30, 40), (60, 70)), 39.4, {}),
    "h2o-8-bohr": (160, 1000, ((0, 40), (40, 80), (80, 120), (120, 160)), 119.0, {}),
}
LOOSE = {"max_iterations": 30, "tolerance": 1e-4, "value_tolerance": 1e-7}
GRADIENT = 3
"""Energies that a gradient by reverse sweep counts as."""
LEVEL = 1e-4
"""Hartree; energies closer than this are equal."""


def optimizers(budget):
    """The candidates by name, the reference first."""
    return {
        f"COBYLA, {budget} energies": Cobyla(budget),
        "L-BFGS (SciPy), preset": LBFGS(**LOOSE),
        "compact L-BFGS, preset": CompactLBFGS(**LOOSE),
        "compact L-BFGS": CompactLBFGS(),
        "compact, one restart, preset": CompactLBFGS(**LOOSE, displacement=1.0, restarts=1),
        "compact, one restart": CompactLBFGS(displacement=1.0, restarts=1),
        "compact, four restarts": CompactLBFGS(displacement=1.0, restarts=4),
    }


def environment(task, optimizer):
    """An environment in which no episode ends before its last gate."""
    return ArchitectureSearchEnv(
        molecule(task), optimizer=optimizer, max_gates=TASKS[task][0], curriculum=FixedThreshold(1e-15)
    )


def episode(env, seed):
    """Steps of one episode: seconds, energies spent, error."""
    rng = np.random.default_rng([seed, 1])
    _, info = env.reset(seed=seed)
    steps, over = [], False
    while not over:
        action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        before = time.process_time()
        _, _, terminated, truncated, info = env.step(action)
        seconds = time.process_time() - before
        spent = info["evaluations"] + GRADIENT * info["gradients"]
        steps.append((seconds, spent, info["energy"] - env.problem.exact_energy))
        over = terminated or truncated
    return steps


def measured(task, arguments):
    """Return, by optimizer, an array of shape (episodes, steps, 3)."""
    found = {}
    for name, optimizer in optimizers(TASKS[task][1]).items():
        env = environment(task, optimizer)
        episode(env, arguments.seed)  # loads machine code, fills what is remembered
        seeds = range(arguments.seed, arguments.seed + arguments.episodes)
        found[name] = np.array([episode(env, seed) for seed in seeds])
        sys.stderr.write(f"{task}, {name}: {1e3 * found[name][..., 0].mean():.3f} ms per step\n")
    return found


def record(task, name, steps, reference):
    """What one row of the table says."""
    seconds, spent, errors = steps[..., 0], steps[..., 1], steps[..., 2]
    difference = errors - reference[..., 2]
    return {
        "task": task,
        "optimizer": name,
        "ms": 1e3 * seconds.mean(),
        "ms_median": 1e3 * float(np.median(seconds)),
        "ms_by_span": {f"{a}-{b}": 1e3 * seconds[:, a:b].mean() for a, b in TASKS[task][2]},
        "ratio": reference[..., 0].mean() / seconds.mean(),
        "published_ratio": TASKS[task][3] / (1e3 * seconds.mean()),
        "energies": spent.mean(),
        "error_mha": 1e3 * errors.mean(),
        "final_error_mha": 1e3 * errors[:, -1].mean(),
        "lowest_error_mha": 1e3 * errors.min(axis=1).mean(),
        "lower": float((difference < -LEVEL).mean()),
        "higher": float((difference > LEVEL).mean()),
    }


def table(task, records, arguments):
    gates, _, spans, published, by_span = TASKS[task]
    heads = [
        "ms per step",
        *(f"steps {a}-{b}" for a, b in spans),
        "times COBYLA",
        "times published",
        "energies per step",
    ]
    heads += [
        "mean error, mHa",
        "final error, mHa",
        "lowest of an episode, mHa",
        "lower / higher than COBYLA, % of steps",
    ]
    cells = [f"{by_span[span]:.1f}" if span in by_span else "" for span in spans]
    lines = [f"| {task}, {gates} gates | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    lines.append(
        "| published, COBYLA | " + " | ".join([f"{published:.1f}", *cells, *[""] * (len(heads) - 1 - len(cells))])
    )
    lines[-1] += " |"
    for row in records:
        cells = [f"{row['ms']:.3f} ({row['ms_median']:.3f})", *(f"{ms:.3f}" for ms in row["ms_by_span"].values())]
        cells += [f"{row['ratio']:.0f}", f"{row['published_ratio']:.0f}", f"{row['energies']:.0f}"]
        cells += [f"{row[key]:.2f}" for key in ("error_mha", "final_error_mha", "lowest_error_mha")]
        cells.append(f"{100 * row['lower']:.0f} / {100 * row['higher']:.0f}")
        lines.append(f"| {row['optimizer']} | " + " | ".join(cells) + " |")
    first = arguments.seed
    last = first + arguments.episodes - 1
    return "\n".join(
        [*lines, "", f"Seeds {first}-{last}, one episode each; Python {platform.python_version()}.", "", ""]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for task in arguments.tasks:
        found = measured(task, arguments)
        reference = next(iter(found.values()))
        rows += (of_task := [record(task, name, steps, reference) for name, steps in found.items()])
        if not arguments.json:
            sys.stdout.write(table(task, of_task, arguments))
            sys.stdout.flush()
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
