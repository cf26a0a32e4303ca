"""A latent space in tables: how well it was learned, how smooth it is, and what it cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qvar.latent.bootstrap import Interval
from qvar.latent.folder import LatentFolder
from qvar.latent.smoothness import Smoothness

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = [
    "Rows",
    "accuracy_rows",
    "accuracy_tables",
    "cost_rows",
    "overview",
    "pretraining_json",
    "rich_table",
    "smoothness_rows",
    "smoothness_table",
    "validity_rows",
]

Rows = tuple[tuple[str, ...], Sequence[tuple[str, ...]]]
"""Headings and rows of a table as text."""

_SHARES = {
    "type_accuracy": ("gate types right", "share of nodes; Acc_ops of the publication"),
    "wire_accuracy": ("wires right", "share of nodes all of whose positions are right, rounded; Acc_qubit"),
    "wire_entry_accuracy": ("entries of wires right", "share of single positions"),
    "edge_accuracy": ("edges right", "share of places above the diagonal, rounded; Acc_adj"),
    "gate_accuracy": ("gates right", "share of gates that come back on the same wires"),
    "circuit_accuracy": ("circuits right", "share of circuits that come back whole"),
    "repaired_accuracy": ("circuits right, decoded within the space", "only gates that fit are considered"),
    "false_edge_rate": ("false edges", "share of places without an edge where one is decoded"),
}
_NUMBERS = {
    "edge_mean": ("decoded edge where one is", "mean; mean_corr_adj"),
    "false_edge_mean": ("decoded edge where none is", "mean; Falpos_mean as in the authors' code"),
    "false_edges_per_circuit": ("false edges per circuit", "count"),
    "kl_nats": ("divergence of a node", "nats; from the model's prior"),
    "kl_scaled": ("divergence as weighed in the loss", "times beta"),
}
_COUNTS = {
    "false_edges": ("false edges in all", "count"),
    "active_axes": ("latent axes in use", "variance of the posterior mean above 0.01"),
    "n_circuits": ("circuits held out", "from which all of these are measured"),
}
_VALIDITY = {
    "reference_validity": "valid by the publication's rule",
    "validity": "circuits of the space",
    "uniqueness": "different, of those",
    "novelty": "not in the pool, of the different ones",
    "repaired_validity": "circuits of the space, decoded within it",
    "repaired_uniqueness": "different, of those",
    "repaired_novelty": "not in the pool, of the different ones",
}
_DRAWS = {"rescaled": "as the posteriors spread", "plain": "from the prior"}
_STEPS = {
    "generation": "drawing the circuits",
    "training": "training the model",
    "accuracy": "measuring accuracy and validity",
    "embedding": "embedding the pool",
}


def overview(folder: LatentFolder) -> str:
    """Return in one sentence what the latent space is of."""
    space, pool = folder.space, folder.config["pool"]
    model = folder.config["model"]
    joined = "any pair" if space.coupling is None else f"{len(space.coupling)} pairs"
    ring = ", CNOTs along a ring" if space.ring_cx else ""
    return (
        f"{pool['n_circuits']:,} circuits of {space.n_qubits} qubits and {space.n_gates} gates "
        f"({', '.join(space.gates)}; {joined}{ring}), depth at most {space.max_depth}, seed {pool['seed']}; "
        f"encoding {model['encoding']}, {model['encoder']} encoder of {model['n_layers']} layers, "
        f"{model['latent_size']} numbers per node, pooling {model['pooling']}, beta {model['beta']}, "
        f"{folder.config['training']['epochs']} epochs"
    )


def accuracy_rows(accuracy: Mapping[str, Any]) -> Rows:
    """Return how well circuits come back, with what each number is."""
    found = accuracy["reconstruction"]
    rows = [(name, _percent(found[key]), note) for key, (name, note) in _SHARES.items()]
    rows += [(name, _number(found[key]), note) for key, (name, note) in _NUMBERS.items()]
    rows += [(name, f"{found[key]:,}", note) for key, (name, note) in _COUNTS.items()]
    return ("of circuits held out", "value", "what it is"), rows


def validity_rows(accuracy: Mapping[str, Any]) -> Rows:
    """Return what draws from the latent space decode to, and which rules of a circuit's graph they obey."""
    draws = [accuracy[key] for key in _DRAWS]
    rows = [(name, *(_percent(draw[key]) for draw in draws)) for key, name in _VALIDITY.items()]
    rules = dict.fromkeys(rule for draw in draws for rule in draw["rules"])
    rows += [
        (f"rule {rule.replace('_', ' ')}", *(_percent(draw["rules"].get(rule)) for draw in draws)) for rule in rules
    ]
    n = accuracy["rescaled"]["n_draws"]
    return (f"share of {n:,} latent draws", *_DRAWS.values()), rows


def cost_rows(folder: LatentFolder) -> Rows:
    """Return how long each step took."""
    costs = folder.read_json("costs.json") or {}
    rows = [(name, f"{costs[step]:,.1f}") for step, name in _STEPS.items() if step in costs]
    return ("step", "seconds"), [*rows, ("together", f"{sum(costs.values()):,.1f}")]


def smoothness_rows(measured: Mapping[str, Smoothness]) -> Rows:
    """Return the smoothness of representations, one column for each.

    Args:
        measured: by name of the representation.
    """
    columns = list(measured.values())
    rows: list[tuple[str, ...]] = [
        (
            "rank correlation of distance, random pairs: with edit distance",
            *(_interval(c.latent_edit) for c in columns),
        ),
        ("... with difference of rewards", *(_interval(c.latent_reward) for c in columns)),
        ("... of edit distance with difference of rewards", *(_interval(c.edit_reward) for c in columns)),
        ("rank correlation among neighbours: with edit distance", *(_interval(c.near_latent_edit) for c in columns)),
        ("... with difference of rewards", *(_interval(c.near_latent_reward) for c in columns)),
        ("edit distance of neighbours, by that of random pairs", *(_interval(c.near_edit) for c in columns)),
        ("difference of rewards of neighbours, by that of random pairs", *(_interval(c.near_reward) for c in columns)),
    ]
    for k in sorted({k for c in columns for k in c.knn_r2}):
        rows.append((f"R2 of the reward from {k} neighbours", *(_interval(c.knn_r2.get(k)) for c in columns)))
    rows.append(
        (
            "neighbours shared with edit distance (by chance)",
            *(f"{_interval(c.overlap)} ({c.overlap_by_chance:.3f})" for c in columns),
        )
    )
    return ("smoothness", *measured), rows


def smoothness_table(measured: Mapping[str, Smoothness], task: str | None) -> "RichTable":
    """Return the smoothness of representations for a terminal, without intervals; 80 columns are enough."""

    def text(interval: Interval | None) -> str:
        return "-" if interval is None else f"{interval.value:.3f}"

    def best(one: Smoothness) -> str:
        found = {k: interval.value for k, interval in one.knn_r2.items()}
        return f"{max(found.values()):.3f}" if found else "-"

    rows = [
        (name, text(c.latent_edit), text(c.latent_reward), text(c.near_edit), text(c.near_reward), best(c))
        for name, c in measured.items()
    ]
    headings = ("features", "rank corr. edit", "... reward", "near/any edit", "... reward", "best kNN R2")
    return rich_table((headings, rows), title=f"Smoothness{'' if task is None else f' for {task}'}")


def pretraining_json(folder: LatentFolder) -> dict[str, Any]:
    """Return what was made and how good it is as JSON-able data."""
    epochs = folder.metrics()
    return {
        "id": folder.id,
        "config": folder.config,
        "accuracy": folder.read_json("accuracy.json"),
        "last_epoch": epochs[-1] if epochs else None,
        "costs": folder.read_json("costs.json"),
    }


def accuracy_tables(folder: LatentFolder) -> "list[RichTable]":
    """Return accuracy and validity of a model for a terminal; 80 columns are enough."""
    accuracy = folder.read_json("accuracy.json")
    if accuracy is None:
        return []
    headings, rows = accuracy_rows(accuracy)
    drawn_headings, drawn = validity_rows(accuracy)
    return [
        rich_table((headings[:2], [row[:2] for row in rows]), title="Accuracy"),
        rich_table((drawn_headings, drawn[: len(_VALIDITY)]), title="Circuits decoded from latent draws"),
    ]


def rich_table(rows: Rows, *, title: str) -> "RichTable":
    """Return rows as a table for a terminal, words to the left and numbers to the right."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="table.title"), title_justify="left", box=SIMPLE, show_edge=False)
    for number, heading in enumerate(rows[0]):
        is_words = number == 0 or any(row[number][:1].isalpha() for row in rows[1])
        table.add_column(Text(heading), justify="left" if is_words else "right")
    for row in rows[1]:
        table.add_row(*map(Text, row))
    return table


def _percent(share: float | None) -> str:
    """Return a share such that 100 % means all of them."""
    if share is None:
        return "-"
    return "100 %" if share == 1 else f"{min(share, 0.999999):.2%}".replace("100.00%", "99.99%").replace("%", " %")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
