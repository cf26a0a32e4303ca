"""What each member of the family of variational auto-encoders does to handwritten digits, as markdown tables.

Run: python tests/benchmarks/vae.py [relevance | linear | conditional | two-level | completion | restoration ...]
     [--seeds 3]

Means and standard deviations over seeds; one core. A seed takes roughly a quarter of an hour for relevance, and minutes
for each of the others.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import sys
import time

import numpy as np
import torch

from qvar.latent.vae import collapse_demonstrations as collapse
from qvar.latent.vae import demonstrations as demo

PARTS = {
    "relevance": lambda seed: [*demo.relevant_dimension(seed, "known"), *demo.relevant_dimension(seed, "digits")],
    "linear": collapse.linear_collapse,
    "conditional": collapse.conditional_collapse,
    "two-level": collapse.two_level_collapse,
    "completion": demo.completion,
    "restoration": demo.restoration,
}
KEYS = {"data", "L", "beta", "eta_dec", "sigma_1", "case", "model", "likelihood", "cap", "task", "method"}


def cell(name, values):
    """Return one key, or mean ± standard deviation between seeds."""
    if values[0] is None:
        return "-"
    if name in KEYS:
        return f"{values[0]:.4g}" if isinstance(values[0], float) else str(values[0])
    if all(isinstance(value, int) for value in values):
        return ", ".join(str(value) for value in values)
    spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.4g}{spread}"


def table(runs):
    """Return the rows of all seeds as one markdown table; whole numbers seed by seed."""
    names = list(dict.fromkeys(name for row in runs[0] for name in row))
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for rows in zip(*runs, strict=True):
        cells = [cell(name, [row.get(name) for row in rows]) for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for part in arguments.parts:
        began = time.perf_counter()
        runs = [PARTS[part](seed) for seed in range(arguments.seeds)]
        seconds = time.perf_counter() - began
        print(f"\n## {part} ({arguments.seeds} seeds, {seconds:.0f} s)\n\n{table(runs)}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
