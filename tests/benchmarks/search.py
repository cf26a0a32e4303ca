"""What does a search find, and what does the agent add to chance? One table, seeds and spread beside every number.

Run: python tests/benchmarks/search.py [--task h2-4] [--noise ourense] [--episodes 300] [--seeds 5] [--json]

Rows at an equal budget of episodes and gates, same environment, optimizer and seeds: the double-DQN agent of the
preset `laptop`, and the random policy. For scale: VQE of a fixed hardware-efficient circuit on the device's coupling
map, and the Hartree-Fock state, which needs no search. Failures are counted, not hidden.
"""

import argparse
import json
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from qvar.problems import molecule
from qvar.search import DoubleDQN, RandomPolicy, ansatz, search, vqe
from qvar.simulators import NoiseModel, PauliTransferSimulator


def runs(arguments):
    problem = molecule(arguments.task)
    engine = PauliTransferSimulator(NoiseModel.named(arguments.noise))
    circuit = ansatz("efficient_su2", problem.n_qubits, coupling_map=engine.noise.coupling_map)
    routes = {
        "double DQN": lambda seed: search(problem, engine, DoubleDQN(), episodes=arguments.episodes, seed=seed),
        "random policy": lambda seed: search(problem, engine, RandomPolicy(), episodes=arguments.episodes, seed=seed),
        "VQE, efficient_su2, 5 starts": lambda seed: vqe(problem, circuit, engine, seed=seed),
    }
    for name, route in routes.items():
        for seed in range(arguments.seeds):
            yield {"method": name, "seed": seed, **route(seed).to_dict()}


def spread(values, pattern):
    return f"{pattern} ± {pattern}".format(np.mean(values), np.std(values, ddof=1) if len(values) > 1 else 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="h2-4")
    parser.add_argument("--noise", default="ourense")
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    records = []
    for record in runs(arguments):
        records.append(record)
        sys.stderr.write(
            f"{record['method']}, seed {record['seed']}: {record['energy']:.6f}, {record['seconds']:.0f} s\n"
        )
    if arguments.json:
        sys.stdout.write(json.dumps(records, indent=1) + "\n")
        return
    columns = (
        ("noisy energy (Ha)", "energy", "{:.4f}"),
        ("noiseless error (mHa)", "error_mha", "{:.2f}"),
        ("depth", "depth", "{:.1f}"),
        ("CNOTs", "n_cnots", "{:.1f}"),
        ("rotations", "n_rotations", "{:.1f}"),
        ("gates placed", "steps", "{:.0f}"),
        ("energies + gradients", "spent", "{:.0f}"),
        ("seconds", "seconds", "{:.1f}"),
    )
    lines = ["| method | chemically accurate | " + " | ".join(title for title, _, _ in columns) + " |"]
    lines.append("|" + "---|" * (len(columns) + 2))
    for method in dict.fromkeys(record["method"] for record in records):
        rows = [r | {"error_mha": 1e3 * r["error"], "spent": r["evaluations"] + r["gradients"]} for r in records]
        rows = [row for row in rows if row["method"] == method]
        good = sum(row["chemically_accurate"] for row in rows)
        cells = [spread([row[key] for row in rows], pattern) for _, key, pattern in columns]
        lines.append(f"| {method} | {good} of {len(rows)} | " + " | ".join(cells) + " |")
    problem = molecule(arguments.task)
    lines += [
        "",
        f"{arguments.task} under {arguments.noise}, {arguments.episodes} episodes, seeds 0-{arguments.seeds - 1}; "
        f"mean ± standard deviation. Exact {problem.exact_energy:.6f} Ha, Hartree-Fock error "
        f"{1e3 * (problem.hartree_fock_energy - problem.exact_energy):.2f} mHa.",
        "",
    ]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
