"""Latent search: candidates found at one budget, method by method, with intervals over seeds.

Run: python tests/benchmarks/latent_search.py --out DIR [--tasks h2-4 maxcut-4 ...] [--seeds 50] [--budget 1000]
     [--jobs N] [--methods NAME ...]

DIR/4, DIR/8 and DIR/12 hold pools and models of the published spaces, as tests/benchmarks/latent_pretraining.py --out
DIR leaves them; a task with a space of its own draws its pool, and searches that without a learned representation
unless DIR/TASK holds one. Rewards and searches stay in DIR, and a killed run goes on where it stopped. METHOD+gates
uses `qvar.latent.features.gate_counts` in place of learned features, METHOD+v3 those of the published model pooled as
ours (the pre-training's model version_3_late), METHOD+untrained those of an encoder with random weights.
"""

import argparse
import os
import sys
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
from numpy.typing import NDArray

from qvar.latent.features import gate_counts
from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae import GraphVae, GraphVaeSettings
from qvar.latent.pool import CircuitPool
from qvar.latent.search.candidates import Candidates
from qvar.latent.search.catalogue import GENERATIVE_METHODS, METHODS, find_methods
from qvar.latent.search.generative.oracle import TaskOracle
from qvar.latent.search.statistics import Spread
from qvar.latent.search.study import Study, run_generative_study, run_study
from qvar.latent.search.study_result import StudyResult
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import Task, compute_rewards, find_latent_task

DEFAULT_TASKS = (
    *("h2-4", "maxcut-4", "fidelity-4-c", "tfim-8", "maxcut-8", "tfim-12", "maxcut-12"),
    *("h2-4-accurate", "ghz-4", "lih-4-accurate"),
)
POOL_METHODS = (
    "random",
    "reinforce-published",
    "reinforce-published+v3",
    "reinforce-width",
    "neighbours",
    "neighbours+v3",
    "neighbours+gates",
    "gnn",
    "gsqas",
)
MADE_METHODS = ("mutation", "forest-latent", "forest-mutation-gates")
COLUMNS = "| method | circuits | candidates | 95 % | min-max | above random | best reward | first candidate | CPU s |"


def main() -> None:
    """Run the studies and print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=list(DEFAULT_TASKS))
    parser.add_argument("--methods", nargs="+", default=[*POOL_METHODS, *MADE_METHODS])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--circuits", type=int, default=100_000, help="in the pool of a task with a space of its own")
    parser.add_argument("--jobs", type=int, default=None)
    arguments = parser.parse_args()
    for name in arguments.tasks:
        run_task(find_latent_task(name), arguments)


def run_task(task: Task, arguments: argparse.Namespace) -> None:
    """Search for one task with every method and print what they found."""
    pool, model = pool_and_model(task, arguments)
    table = compute_rewards(task, pool, folder=arguments.out / "rewards", n_jobs=arguments.jobs or 2)
    rate = table.base_rate()
    sys.stdout.write(
        f"\n### {task.key}\n\n{len(pool):,} circuits, {rate.candidates:,} of them candidates: "
        f"{1000 * rate.rate:.1f} in 1,000. Threshold {task.threshold}.\n\n{COLUMNS}\n|{'---|' * 9}\n"
    )
    seeds = tuple(range(1, arguments.seeds + 1))
    views: dict[str, Candidates] = {}
    beside: StudyResult | None = None
    for name in arguments.methods:
        stem, _, kind = name.partition("+")
        out = arguments.out / "studies" / f"{task.key}-{arguments.budget}-{name}"
        if stem in GENERATIVE_METHODS and name != "random":
            if model is None and not stem.endswith(("mutation", "gates")):
                continue
            study = Study({name: GENERATIVE_METHODS[stem]}, task.threshold, arguments.budget, seeds, task.key)
            oracle = TaskOracle(task, pool.space, seed=pool.seed)
            codec = model if model is not None else GraphVae.untrained(pool.space, settings_of(model), seed=1)
            result = run_generative_study(study, pool.space, codec, oracle, out=out, jobs=arguments.jobs)
        elif kind == "v3" and not (folder_of(task, arguments) / "version_3_late.npz").exists():
            sys.stderr.write(
                f"{task.key}: {name} is left out, as {folder_of(task, arguments)} has no version_3_late.npz\n"
            )
            continue
        else:
            view = kind or ("learned" if model is not None else "gates")
            if view not in views:
                views[view] = Candidates(features(view, pool, model, folder_of(task, arguments)))
            method = METHODS.get(stem) or find_methods([stem], task=task.key)[stem]
            study = Study({name: method}, task.threshold, arguments.budget, seeds, task.key)
            result = run_study(
                study, views[view], table.rewards, ideal=table.ideal_rewards, out=out, jobs=arguments.jobs
            )
        beside = result if name == "random" else beside
        sys.stdout.write(row(name, result, beside, made=stem in GENERATIVE_METHODS and name != "random"))
        sys.stdout.flush()


def pool_and_model(task: Task, arguments: argparse.Namespace) -> tuple[CircuitPool, GraphVae | None]:
    """Return the circuits to choose from, and the model that represents them if there is one."""
    folder = folder_of(task, arguments)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pool.npz"
    pool = CircuitPool.load(path) if path.exists() else generate_pool(task.space, arguments.circuits, seed=1)
    if not path.exists():
        pool.save(path)
    return pool, GraphVae.load(folder / "ours.npz") if (folder / "ours.npz").exists() else None


def folder_of(task: Task, arguments: argparse.Namespace) -> Path:
    """Return where the pool of a task and its models are kept."""
    n = task.n_qubits
    published = n in (4, 8, 12) and task.space == CircuitSpace.published(n)
    return arguments.out / (str(n) if published else task.key.partition("@")[0])


def settings_of(model: GraphVae | None) -> GraphVaeSettings:
    """Return settings for an encoder with random weights."""
    return GraphVaeSettings() if model is None else model.settings


def features(kind: str, pool: CircuitPool, model: GraphVae | None, folder: Path) -> NDArray[np.float32]:
    """Return the features of a pool, (P, d)."""
    if kind == "gates":
        return gate_counts(pool.space, pool.structures)
    if kind == "untrained":
        return GraphVae.untrained(pool.space, settings_of(model), seed=1).embed(pool.structures)
    if kind == "v3":
        model = GraphVae.load(folder / "version_3_late.npz")
    assert model is not None
    return model.embed(pool.structures)


def row(name: str, result: StudyResult, beside: StudyResult | None, *, made: bool) -> str:
    """Return one line of the table."""
    figures = result.figures(name)
    found = figures.candidates
    more = "" if beside is None else more_than(result, beside, name)
    first = "none" if figures.first is None else f"{figures.first.mean:.0f} ({100 * figures.found:.0f} % of seeds)"
    return (
        f"| {name} | {'made' if made else 'pool'} | {found.mean:.1f} | {found.low:.1f}-{found.high:.1f} | "
        f"{found.least:.0f}-{found.most:.0f} | {more} | {figures.best.mean:.4f} | {first} | {figures.seconds:.1f} |\n"
    )


def more_than(result: StudyResult, beside: StudyResult, name: str) -> str:
    """Return the paired difference to random search with its interval."""
    own, other = result.achievements[name], beside.achievements["random"]
    spread = Spread.of([a.candidates - b.candidates for a, b in zip(own, other, strict=True)])
    return f"{spread.mean:+.1f} [{spread.low:+.1f}, {spread.high:+.1f}]"


if __name__ == "__main__":
    main()
