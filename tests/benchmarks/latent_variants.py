"""What each kind of auto-encoder does to reconstruction, active axes, validity, smoothness and search: one table.

Run: python tests/benchmarks/latent_variants.py --out DIR [--circuits 30000] [--epochs 5] [--seeds 20] [--jobs N]

The published space on 4 qubits, one pool, one seed of training; the task is h2-4, searched by `NeighbourSearch` at
1,000 evaluations. Graph auto-encoders differ in one setting from ours unless they are named after a version; the family
of `qvar.latent.vae` learns from `bags`. "gates" and "untrained" are the controls. Results stay in DIR, row by row.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
import torch
from numpy.typing import NDArray

from qvar.latent.distance import EditDistances
from qvar.latent.features import gate_counts
from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae import GraphVae, GraphVaeSettings, Training, evaluate, pretrain
from qvar.latent.graph_vae.training import split
from qvar.latent.pool import CircuitPool
from qvar.latent.search.candidates import Candidates
from qvar.latent.search.neighbours import NeighbourSearch
from qvar.latent.search.study import Study, run_study
from qvar.latent.smoothness import smoothness
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import RewardTable, compute_rewards, find_latent_task
from qvar.latent.vae import ArdVAE, BetaVAE, ConditionalVAE, HierarchicalVAE, MultVAE
from qvar.latent.vae.bags import bags
from qvar.latent.vae.collapse import active_units
from qvar.latent.vae.priors import ArdPrior
from qvar.latent.vae.schedules import KlSchedule

COLUMNS = (
    ("gates", "gates exact"),
    ("edges", "edges exact"),
    ("kl", "KL, nats"),
    ("active", "active axes"),
    ("valid", "valid, raw N(0,1)"),
    ("latent_edit", "rank corr. with edits"),
    ("latent_reward", "rank corr. with reward"),
    ("near_edit", "edits of neighbours"),
    ("knn_r2", "R^2 of 16 neighbours"),
    ("candidates", "candidates in 1,000"),
)


def graph_settings(n_steps: int) -> dict[str, GraphVaeSettings]:
    """Return the graph auto-encoders by name."""
    ours = GraphVaeSettings()
    annealed = {
        f"annealed to {cap:g}": replace(ours, beta=KlSchedule.reaching(cap, ramp=0.5, n_steps=n_steps))
        for cap in (0.1, 0.2, 0.5, 1.0)
    }
    return {
        "version 1, old encoding as coded": GraphVaeSettings.version_1(4),
        "version 1, old encoding": GraphVaeSettings.version_1(4, encoding="old_fixed"),
        "version 3": GraphVaeSettings.version_3(4),
        "ours, beta 0.02": ours,
        "ours, pooled by the mean": replace(ours, pooling="mean"),
        "version 3, late gates more": replace(GraphVaeSettings.version_3(4), pooling="late"),
        "linear decoder of gates": replace(ours, nodes="typed"),
        "linear decoder of gates, beta 0.1": replace(ours, nodes="typed", beta=0.1),
        "linear decoder, 16 axes": replace(ours, nodes="typed", latent_size=16),
        "beta as in version 1": replace(ours, beta="reference"),
        **annealed,
        "ARD prior, beta 0.1": replace(ours, beta=0.1, prior=ArdPrior()),
    }


def family() -> dict[str, Any]:
    """Return the estimators by name."""
    common = {"epochs": 20, "batch_size": 256, "random_state": 0}
    return {
        "bags: beta VAE, beta 0.1": BetaVAE(16, beta=0.1, **common),
        "bags: VAE": BetaVAE(16, **common),
        "bags: ARD VAE": ArdVAE(16, beta=0.1, epochs=20, batch_size=256, random_state=0),
        "bags: Mult-VAE": MultVAE(16, epochs=20, batch_size=256, random_state=0),
        "bags: conditional on two-qubit gates": ConditionalVAE(16, n_condition=1, beta=0.1, **common),
        "bags: hierarchical": HierarchicalVAE(16, beta=(0.1, 0.1), **common),
    }


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--circuits", type=int, default=30_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    pool = generate_pool(CircuitSpace.published(4), arguments.circuits, seed=1)
    table = compute_rewards(find_latent_task("h2-4"), pool, folder=arguments.out, n_jobs=arguments.jobs or 1)
    edits = EditDistances(pool.space, pool.structures)
    training = replace(Training(), epochs=arguments.epochs, batch_size=128)
    n_steps = arguments.epochs * (len(split(len(pool), training)[0]) // training.batch_size)

    makers: dict[str, Callable[[], tuple[NDArray[np.float32], dict[str, float]]]] = {
        "gates, late ones more": lambda: (gate_counts(pool.space, pool.structures), {}),
        "gates, counted": lambda: (gate_counts(pool.space, pool.structures, decay=1.0), {}),
        "untrained": lambda: (
            GraphVae.untrained(pool.space, GraphVaeSettings(), seed=1).embed(pool.structures),
            {},
        ),
    }
    for name, settings in graph_settings(n_steps).items():
        makers[name] = lambda settings=settings: graph_row(pool, settings, training)
    for name, estimator in family().items():
        makers[name] = lambda estimator=estimator: family_row(pool, estimator)

    sys.stdout.write("| representation | " + " | ".join(title for _, title in COLUMNS) + " |\n")
    sys.stdout.write("|---|" + "---|" * len(COLUMNS) + "\n")
    for name, make in makers.items():
        path = arguments.out / f"{name.replace(' ', '_').replace(':', '').replace(',', '')}.json"
        if not path.exists():
            features, figures = make()
            path.write_text(json.dumps(figures | measured(features, pool, edits, table, arguments)))
        figures = json.loads(path.read_text())
        cells = [figures.get(key, "") for key, _ in COLUMNS]
        sys.stdout.write(f"| {name} | " + " | ".join(c if isinstance(c, str) else f"{c:.4g}" for c in cells) + " |\n")
        sys.stdout.flush()


def graph_row(
    pool: CircuitPool, settings: GraphVaeSettings, training: Training
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Train a graph auto-encoder; return features and what reconstruction came to."""
    model = pretrain(pool.space, pool.structures, settings, training)
    found = evaluate(model, pool.structures[split(len(pool), training)[1]], pool.keys, n_draws=2000)
    return model.embed(pool.structures), {
        "gates": found.reconstruction.gate_accuracy,
        "edges": found.reconstruction.edge_accuracy,
        "kl": found.reconstruction.kl_nats,
        "active": found.reconstruction.active_axes,
        "valid": found.plain.validity,
    }


def family_row(pool: CircuitPool, estimator: Any) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Fit an estimator to 20,000 bags or fewer; return features and how many axes are in use."""
    counts = bags(pool.space, pool.structures)
    if isinstance(estimator, ConditionalVAE):
        n_two = (pool.structures[..., 2] >= 0).sum(axis=1, keepdims=True)
        counts = np.hstack([n_two.astype(np.float64), counts])
    estimator.fit(counts[: min(20_000, len(counts) - 2_000)])
    features = np.asarray(estimator.transform(counts), dtype=np.float32)
    kl = estimator.kl(counts[-2_000:])
    return features, {"kl": float(np.asarray(kl).sum(axis=-1).mean()), "active": active_units(features)}


def measured(
    features: NDArray[np.float32],
    pool: CircuitPool,
    edits: EditDistances,
    table: RewardTable,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Return smoothness and candidates found."""
    smooth = smoothness(
        features,
        edits,
        table.rewards,
        rng=np.random.default_rng(1),
        n_pairs=20_000,
        n_queries=300,
        n_compared=50,
        n_resamples=300,
    )
    study = Study({"neighbours": NeighbourSearch()}, 0.95, 1000, tuple(range(1, arguments.seeds + 1)), "h2-4")
    found = run_study(study, Candidates(features), table.rewards, jobs=arguments.jobs).figures("neighbours").candidates
    return {
        "latent_edit": _value(smooth.latent_edit),
        "latent_reward": _value(smooth.latent_reward),
        "near_edit": _value(smooth.near_edit),
        "knn_r2": _value(smooth.knn_r2[16]),
        "candidates": f"{found.mean:.0f} ({found.low:.0f}-{found.high:.0f})",
    }


def _value(interval: Any) -> str:
    return "" if interval is None else f"{interval.value:.3f} ({interval.low:.3f}-{interval.high:.3f})"


if __name__ == "__main__":
    main()
