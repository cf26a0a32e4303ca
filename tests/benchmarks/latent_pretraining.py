"""Pre-training of graph auto-encoders: accuracy, validity and cost, as a table.

Run: python tests/benchmarks/latent_pretraining.py [--qubits 4 8 12] [--model ours version_3 version_3_late version_1]
     [--epochs N] [--circuits N] [--seed N] [--out DIR]

For each number of qubits a pool of the published space is drawn (seed 1), a model trained on 90 % of it, and measured
on the rest; one thread. With --out, pools, models, metrics and checkpoints stay in DIR/QUBITS, and a killed run goes
on where it stopped.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae import GraphVaeSettings, Metrics, Progress, Training, evaluate, pretrain
from qvar.latent.graph_vae.training import split
from qvar.latent.pool import CircuitPool
from qvar.latent.space import CircuitSpace

MODELS = {
    "ours": lambda _: GraphVaeSettings(),
    "version_3": GraphVaeSettings.version_3,
    "version_3_late": lambda n: replace(GraphVaeSettings.version_3(n), pooling="late"),
    "version_1": GraphVaeSettings.version_1,
}
ROWS = (
    ("reconstruction", "type_accuracy"),
    ("reconstruction", "wire_accuracy"),
    ("reconstruction", "wire_entry_accuracy"),
    ("reconstruction", "edge_accuracy"),
    ("reconstruction", "edge_mean"),
    ("reconstruction", "false_edge_mean"),
    ("reconstruction", "false_edge_rate"),
    ("reconstruction", "false_edges_per_circuit"),
    ("reconstruction", "gate_accuracy"),
    ("reconstruction", "circuit_accuracy"),
    ("reconstruction", "kl_nats"),
    ("reconstruction", "kl_scaled"),
    ("reconstruction", "active_axes"),
    *((kind, name) for kind in ("rescaled", "plain") for name in ("reference_validity", "validity", "uniqueness")),
    *((kind, name) for kind in ("rescaled", "plain") for name in ("repaired_validity", "repaired_uniqueness")),
    ("plain", "repaired_novelty"),
)


def run(n_qubits: int, model: str, arguments: argparse.Namespace, folder: Path) -> tuple[Metrics, dict[str, float]]:
    """Draw a pool, train and measure one model; return metrics and seconds."""
    space = CircuitSpace.published(n_qubits)
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    if (folder / "pool.npz").exists():
        pool = CircuitPool.load(folder / "pool.npz")
    else:
        pool = generate_pool(space, arguments.circuits, seed=1)
        pool.save(folder / "pool.npz")
    seconds = {"pool": time.perf_counter() - begun}
    training = Training.version_1() if model == "version_1" else Training()
    training = replace(training, seed=arguments.seed, epochs=arguments.epochs or training.epochs)
    rates: list[float] = []

    def tell(state: Progress) -> None:
        rates.append(state.circuits_per_second)
        loss, left = state.record["held_out_loss"], state.seconds_left / 60
        sys.stderr.write(
            f"{n_qubits} qubits, {model}, epoch {state.epoch} of {state.n_epochs}: held-out loss {loss:.4f}, "
            f"{rates[-1]:.0f} circuits/s, {left:.1f} min left\n"
        )

    begun = time.perf_counter()
    trained = pretrain(
        space,
        pool.structures,
        MODELS[model](n_qubits),
        training,
        checkpoint=folder / f"{model}.checkpoint.npz",
        progress=tell,
    )
    seconds["training"] = time.perf_counter() - begun
    trained.save(folder / f"{model}.npz")
    begun = time.perf_counter()
    trained.embed(pool.structures)
    seconds["embedding"] = time.perf_counter() - begun
    metrics = evaluate(trained, pool.structures[split(len(pool), training)[1]], pool.keys)
    seconds["circuits/s"] = rates[-1] if rates else float("nan")
    record = {"metrics": metrics.to_dict(), "seconds": seconds, "epochs": list(trained.epochs)}
    (folder / f"{model}.json").write_text(json.dumps(record, indent=1))
    return metrics, seconds


def main() -> None:
    """Run what the command line asks for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qubits", type=int, nargs="+", default=[4, 8, 12])
    parser.add_argument("--model", nargs="+", choices=MODELS, default=["ours"])
    parser.add_argument("--epochs", type=int, default=None, help="those of the model's own training if left out")
    parser.add_argument("--circuits", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="of training")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = arguments.out or Path(scratch)
        pairs = [(n, model) for n in arguments.qubits for model in arguments.model]
        results = [run(n, model, arguments, out / str(n)) for n, model in pairs]
    lines = ["| | " + " | ".join(f"{model}, {n} qubits" for n, model in pairs) + " |", "|---|" + "---|" * len(pairs)]
    for kind, name in ROWS:
        values = [getattr(getattr(metrics, kind), name) for metrics, _ in results]
        title = name if kind == "reconstruction" else f"{kind}: {name}"
        lines.append(f"| {title} | " + " | ".join(f"{value:.5g}" for value in values) + " |")
    for name in results[0][1]:
        title = name if "/" in name else f"seconds, {name}"
        lines.append(f"| {title} | " + " | ".join(f"{seconds[name]:.3g}" for _, seconds in results) + " |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
