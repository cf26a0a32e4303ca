"""A latent space and the searches in it as one HTML page that needs nothing else, as Markdown, and as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qvar.latent.distance import edit_distances
from qvar.latent.folder import LatentFolder
from qvar.latent.measuring import read_rewards
from qvar.latent.nearness import distance_pairs, nearest
from qvar.latent.search.study_result import Curve, StudyResult
from qvar.latent.smoothness import Smoothness
from qvar.report.latent.figures import course_figure, distance_figure, latent_map, reward_figure, training_figure
from qvar.report.latent.searches import best_rows, read_studies, search_json, study_rows, study_title
from qvar.report.latent.tables import (
    Rows,
    accuracy_rows,
    cost_rows,
    overview,
    pretraining_json,
    smoothness_rows,
    validity_rows,
)
from qvar.report.markdown import markdown_table, markdown_text
from qvar.report.pages import drawn, render
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError, RunError
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Smooth", "latent_figures", "latent_html", "latent_json", "latent_markdown", "latent_sections"]

Smooth = Mapping[str | None, Mapping[str, Smoothness]]
"""Smoothness by task (None for edit distance alone) and by representation."""

_PAIRS = 5_000  # drawn, not measured
_QUERIES = 200
_CURVES: dict[Curve, str] = {
    "candidates": "candidates found",
    "best": "best reward so far",
    "regret": "regret of the best so far",
    "mean": "mean reward of the last 100",
}


def latent_sections(folder: LatentFolder, smooth: Smooth) -> list[tuple[str, str, list[Rows]]]:
    """Return headings, words and tables of all that is in a folder."""
    sections: list[tuple[str, str, list[Rows]]] = []
    accuracy = folder.read_json("accuracy.json")
    if accuracy is not None:
        words = "Measured on circuits that took no gradient steps, from their posterior means."
        sections.append(("Accuracy", words, [accuracy_rows(accuracy), validity_rows(accuracy)]))
    sections.append(("Cost", "Wall time on the machine that made it.", [cost_rows(folder)]))
    sections.append(("Smoothness", _SMOOTHNESS, [smoothness_rows(smooth[None])] if None in smooth else []))
    for task in folder.searched_tasks():
        sections.append(_task_section(folder, task, smooth))
    return sections


_SMOOTHNESS = (
    "Distance is L2 between features. Rank correlations are Spearman's, intervals 95 % by bootstrap over pairs, or "
    "over circuits with all their neighbours. Edit distances are upper bounds by matching gates."
)


def _task_section(folder: LatentFolder, task: str, smooth: Smooth) -> tuple[str, str, list[Rows]]:
    about = folder.read_json(f"searches/{task}/task.json") or {}
    costs = sum((folder.read_json("costs.json") or {}).values())
    tables: list[Rows] = []
    words = [f"{about.get('title', task)}. {about.get('note', '')}", f"Source: {about.get('source', '-')}."]
    for name, result in read_studies(folder, task).items():
        each = about.get("seconds_per_evaluation")
        headings, rows = study_rows(result, costs=costs, seconds_per_evaluation=each)
        tables.append(((f"study {name}", *headings[1:]), rows))
        words.append(study_title(result) + ".")
    best = best_rows(folder, task)
    tables += [best] if best else []
    if task in smooth:
        tables.append(smoothness_rows(smooth[task]))
    return f"Task {task}", " ".join(words), tables


@refusing("the record", RunError)
def latent_markdown(folder: LatentFolder, smooth: Smooth) -> str:
    """Return all tables as Markdown."""
    parts = [f"# {markdown_text(folder.path.name)}\n", f"{markdown_text(overview(folder))}.\n"]
    for heading, words, tables in latent_sections(folder, smooth):
        parts += [f"## {markdown_text(heading)}\n", f"{markdown_text(words)}\n"]
        parts += [markdown_table(*rows) for rows in tables]
    return "\n".join(parts)


@refusing("the record", RunError)
def latent_json(folder: LatentFolder, smooth: Smooth) -> dict[str, Any]:
    """Return all numbers as JSON-able data."""
    return {
        "latent": str(folder.path),
        **pretraining_json(folder),
        "smoothness": {
            task or "edit distance": {name: one.to_dict() for name, one in measured.items()}
            for task, measured in smooth.items()
        },
        "searches": {
            task: [search_json(folder, task, name) for name in read_studies(folder, task)]
            for task in folder.searched_tasks()
        },
    }


@refusing("the record", RunError)
def latent_html(folder: LatentFolder, smooth: Smooth) -> str:
    """Return a self-contained HTML page; names in it are escaped."""
    figures = latent_figures(folder)
    return render(
        "latent.html.jinja",
        title=f"Latent space {folder.path.name}",
        overview=overview(folder),
        sections=[
            {
                "heading": heading,
                "words": words,
                "tables": tables,
                "figures": [drawn(figure) for figure in figures.get(heading, {}).values()],
                "drawing": _drawing(folder, heading.removeprefix("Task ")) if heading.startswith("Task ") else None,
            }
            for heading, words, tables in latent_sections(folder, smooth)
        ],
    )


@refusing("the record", RunError)
def latent_figures(folder: LatentFolder) -> "dict[str, dict[str, Figure]]":
    """Return all figures by heading of their section and name."""
    figures = {"Accuracy": _training(folder), "Smoothness": _distances(folder)}
    return figures | {f"Task {task}": _task_figures(folder, task) for task in folder.searched_tasks()}


def _training(folder: LatentFolder) -> dict[str, Any]:
    records = folder.metrics()
    epochs = [record["epoch"] for record in records]

    def curves(names: Mapping[str, str]) -> dict[str, tuple[list[int], list[float]]]:
        return {label: (epochs, [r[name] for r in records]) for name, label in names.items() if records}

    figure = training_figure(
        {
            "loss": curves({"loss": "training", "held_out_loss": "held out"}),
            "reconstruction per circuit": curves({"held_out_nodes": "nodes", "held_out_edges": "edges"}),
            "divergence per node (nats)": curves({"kl": "training", "held_out_kl": "held out"}),
        },
        logarithmic=("loss", "reconstruction per circuit"),
    )
    return {} if figure is None else {"training": figure}


def _distances(folder: LatentFolder) -> dict[str, Any]:
    pool, features = folder.pool(), folder.features().astype(np.float64)
    rng = np.random.default_rng(0)
    i, j = distance_pairs(len(pool), _PAIRS, rng)
    queries = rng.permutation(len(pool))[:_QUERIES]
    a, b = np.repeat(queries, 5), nearest(features, queries, 5).ravel()
    latent, near = (np.linalg.norm(features[x] - features[y], axis=1) for x, y in ((i, j), (a, b)))
    edit, near_edit = (edit_distances(pool.space, pool.structures[x], pool.structures[y]) for x, y in ((i, j), (a, b)))
    figure = distance_figure(latent, edit, near, near_edit, title="edit distance against latent distance")
    return {"distances": figure}


def _task_figures(folder: LatentFolder, task: str) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if folder.has_rewards(task):
        table = read_rewards(folder, task)
        figures["map"] = latent_map(folder.features(), table.ideal_rewards, title="the pool by its features")
        figures["rewards"] = reward_figure(table.ideal_rewards, table.threshold)
    for name, result in read_studies(folder, task).items():
        figures |= {f"{name}: {what}": figure for what, figure in _courses(name, result).items() if figure is not None}
    return figures


def _courses(study: str, result: StudyResult) -> dict[str, Any]:
    return {
        what: course_figure(
            {name: result.curves(name, what) for name in result.methods},
            ylabel=label,
            by_chance=result.plan["base_rate"] if what == "candidates" else None,
            logarithmic=what == "regret",
            n_seeds=len(result.plan["seeds"]),
            title=f"{study}: {label}",
        )
        for what, label in _CURVES.items()
        if what != "regret" or result.plan["optimum"] is not None
    }


def _drawing(folder: LatentFolder, task: str) -> str | None:
    """Return the best circuit of a task as text, None if there is none."""
    try:
        text = Path(folder.search_path(task) / "best.qasm").read_text(encoding="utf-8")
        return str(Circuit.from_qasm(text).draw(width=120))
    except (OSError, QvarError):
        return None
