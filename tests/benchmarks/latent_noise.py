"""Latent search under the noise of a device: circuits are made and ranked by noisy rewards, and judged without noise.

Run: python tests/benchmarks/latent_noise.py [--seeds 10] [--budget 500]
"""

import argparse
import os
import sys

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

from qvar.latent.graph_vae import GraphVae, GraphVaeSettings
from qvar.latent.search.catalogue import GENERATIVE_METHODS
from qvar.latent.search.generative.oracle import TaskOracle
from qvar.latent.search.generative.running import search_generative
from qvar.latent.search.statistics import Spread
from qvar.latent.tasks import find_latent_task


def main() -> None:
    """Search and print one line for each task and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=500)
    arguments = parser.parse_args()
    sys.stdout.write(
        "| task | method | candidates | 95 % | best reward, noiseless | noisy |\n|---|---|---|---|---|---|\n"
    )
    for name in ("h2-4-accurate@ourense", "ghz-4@ourense"):
        task = find_latent_task(name)
        codec = GraphVae.untrained(task.space, GraphVaeSettings(), seed=1)  # these methods do not ask for it
        oracle = TaskOracle(task, task.space, seed=1)
        for method in ("random", "mutation", "forest-mutation-gates"):
            runs = [
                search_generative(
                    GENERATIVE_METHODS[method],
                    task.space,
                    codec,
                    oracle,
                    threshold=task.threshold,
                    budget=arguments.budget,
                    seed=seed,
                )
                for seed in range(1, arguments.seeds + 1)
            ]
            found = Spread.of([int((run.ideal_rewards >= task.threshold).sum()) for run in runs])
            ideal = Spread.of([float(run.ideal_rewards.max()) for run in runs])
            noisy = Spread.of([float(run.rewards.max()) for run in runs])
            sys.stdout.write(
                f"| {name} | {method} | {found.mean:.1f} | {found.low:.1f}-{found.high:.1f} | {ideal.mean:.3f} | "
                f"{noisy.mean:.3f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
