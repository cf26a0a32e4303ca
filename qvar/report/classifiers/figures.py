"""Figures of a comparison of classifiers: accuracy, ROC, confusion, loss, learning curves, decisions."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.classify.comparison.result import ComparisonResult, Row, Table
from qvar.report.classifiers.published import published_accuracies
from qvar.runs import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "CLASSIFIER_FIGURES",
    "accuracy_figure",
    "boundary_figure",
    "confusion_figure",
    "loss_figure",
    "mean_roc",
    "roc_figure",
    "training_size_figure",
]

_OF_KIND = {
    "quantum": (style.COLOURS[0], "o"),
    "classical": (style.COLOURS[1], "s"),
    "ablation": (style.COLOURS[2], "^"),
    "floor": (style.GREY, "v"),
}
_POINTS = 200
_MOST_CURVES = 10
"""More in one figure cannot be told apart."""
_MOST_LETTERS = 20
"""More do not fit side by side below a small panel."""


@style.styled
def accuracy_figure(result: ComparisonResult, table: Table) -> "Figure | None":
    """Draw the accuracy of every model with its interval, and beside it the difference to the reference.

    Returns None without any outcome.
    """
    rows = [row for row in table.rows if row.test["accuracy"] is not None]
    if not rows:
        return None
    published = [e for e in published_accuracies(result.config["dataset"]) if e.accuracy is not None]
    n = len(rows) + len(published)
    figure = style.new_figure(style.PAGE, 1.2 + 0.17 * n)
    left, right = figure.subplots(1, 2, sharey=True)
    for place, row in enumerate(rows):
        colour, mark = _OF_KIND[row.kind]
        _whisker(left, place, row.test["accuracy"], colour, mark)
        if row.difference is not None:
            _whisker(right, place, row.difference, colour, mark)
        elif row.model == table.reference:
            right.plot([0], [place], mark, color=colour, markerfacecolor="none")
    for place, entry in enumerate(published, start=len(rows)):
        low, high = entry.interval or (entry.accuracy, entry.accuracy)
        left.plot([low, high], [place, place], color=style.GREY, linestyle=":")
        left.plot([entry.accuracy], [place], "*", color=style.GREY)
    names = [row.model for row in rows] + [f"published: {entry.model}" for entry in published]
    left.set_yticks(range(n), names, parse_math=False)
    left.set_ylim(n - 0.5, -0.5)
    left.set_xlabel("accuracy on test rows")
    right.axvline(0, color="0.5", linewidth=1)
    right.set_xlabel(
        f"accuracy less that of {table.reference}" if table.reference else "no reference", parse_math=False
    )
    for axes in (left, right):
        axes.grid(axis="x")
    for kind in dict.fromkeys(row.kind for row in rows):
        colour, mark = _OF_KIND[kind]
        left.plot([], [], mark, color=colour, label=kind)
    figure.legend(loc="outside lower center", ncols=4)
    _title(figure, table, f"accuracy, {_interval(table)}")
    return figure


def _whisker(axes: "Axes", place: int, estimate: Any, colour: str, mark: str) -> None:
    if estimate.low is not None:
        axes.plot([estimate.low, estimate.high], [place, place], color=colour)
    axes.plot([estimate.mean], [place], mark, color=colour)


def mean_roc(cells: Sequence[Mapping[str, Any]], grid: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the true positive rate at every false positive rate of `grid`, averaged over the splits.

    For more than two classes each against the rest, averaged too. None if the model gives no scores.
    """
    from sklearn.metrics import roc_curve

    curves = []
    for cell in cells:
        labels, scores = np.array(cell["labels"]), np.array(cell["scores"]["values"])
        columns = [(1, scores)] if scores.ndim == 1 else list(enumerate(scores.T))
        for label, column in columns:
            if 0 < (labels == label).sum() < len(labels):
                false, true, _ = roc_curve(labels == label, column)
                curves.append(np.interp(grid, false, true))
                curves[-1][0] = 0.0
    return np.mean(curves, axis=0) if curves else None


@style.styled
def roc_figure(result: ComparisonResult, table: Table) -> "Figure | None":
    """Draw the ROC curve of the ten best models that give scores, averaged over the splits; None if there are none."""
    figure, axes = _axes(table, f"ROC, mean over {_splits(table)}")
    grid = np.asarray(np.linspace(0, 1, 201), dtype=np.float64)
    drawn = 0
    for row in table.rows:
        if drawn == _MOST_CURVES:
            break
        curve = mean_roc(result.cells(table.features, row.model, table.train_size), grid)
        if curve is not None:
            area = row.test["roc_auc"]
            words = "" if area is None else f", {area.mean:.3f}"
            axes.plot(grid, curve, label=f"{row.model}{words}", **style.line(drawn, marks=True))
            drawn += 1
    if not drawn:
        return None
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8, linestyle=":", label="chance")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_aspect("equal")
    style.legend(axes, title="model, area", outside=True)
    return figure


@style.styled
def confusion_figure(result: ComparisonResult, table: Table) -> "Figure | None":
    """Draw which class was taken for which, in shares of the true class, all splits together; None without outcome."""
    names = [str(name) for name in result.config["dataset"]["classes"]]
    panels = [(row, result.cells(table.features, row.model, table.train_size)) for row in table.rows]
    panels = [(row, cells) for row, cells in panels if cells]
    if not panels or len(names) > 12:  # more would be unreadable
        return None
    turned = 90 if len(names) * max(map(len, names)) > _MOST_LETTERS else 0
    figure, all_axes = _panels(table, len(panels), "true class (rows) taken for (columns)")
    for axes, (row, cells) in zip(all_axes, panels, strict=True):
        counts = np.sum([cell["confusion"] for cell in cells], axis=0)
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        axes.pcolormesh(shares, cmap="cividis", vmin=0, vmax=1)
        for (i, j), share in np.ndenumerate(shares):
            colour = "black" if share > 0.5 else "white"
            axes.text(j + 0.5, i + 0.5, f"{share:.0%}", ha="center", va="center", color=colour, fontsize=6)
        ticks = np.arange(len(names)) + 0.5
        axes.set_xticks(ticks, names, fontsize=6, rotation=turned, parse_math=False)
        axes.set_yticks(ticks, names, fontsize=6, parse_math=False)
        axes.invert_yaxis()
        axes.set_title(row.model, fontsize=7, parse_math=False)
    return figure


@style.styled
def loss_figure(result: ComparisonResult, table: Table) -> "Figure | None":
    """Draw the training loss of the ten best quantum models against what it cost: median and range over the splits.

    The cost of a training is taken to be spread evenly over its steps. None if no model keeps a course.
    """
    figure, axes = _axes(table, "training loss of quantum models")
    drawn = 0
    for row in table.rows:
        if drawn == _MOST_CURVES:
            break
        cells = [
            c
            for c in result.cells(table.features, row.model, table.train_size)
            if c["cost"] is not None and c["cost"]["circuits"] and c["loss_curve"] and len(c["loss_curve"]) > 1
        ]
        if not cells:
            continue
        spent = [c["cost"]["circuits"] for c in cells]
        first = 1 / max(len(c["loss_curve"]) for c in cells)
        share = np.asarray(np.geomspace(first, 1, _POINTS), dtype=np.float64)
        curves = np.array([_at_shares(c["loss_curve"], share) for c in cells])
        x = share * float(np.median(spent))
        axes.fill_between(x, curves.min(axis=0), curves.max(axis=0), **style.band(drawn))
        axes.plot(x, np.median(curves, axis=0), label=row.model, **style.line(drawn, marks=True))
        drawn += 1
    if not drawn:
        return None
    axes.set_xscale("log")
    axes.set_xlabel("circuits (one per row and evaluation)")
    axes.set_ylabel("training loss")
    style.legend(axes, title=f"median over {_splits(table)};\nband: least to greatest", outside=True)
    return figure


def _at_shares(curve: Sequence[float], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(shares, np.arange(1, len(curve) + 1) / len(curve), curve)


@style.styled
def training_size_figure(result: ComparisonResult, table: Table) -> "Figure | None":
    """Draw accuracy against the number of training rows with intervals; None without such trainings."""
    if not result.train_sizes or table.train_size is not None:
        return None
    figure, axes = _axes(table, "accuracy by training rows")
    tables = [result.table(table.features, train_size=size) for size in (*sorted(result.train_sizes), None)]
    for number, model in enumerate(result.models):
        points = []
        for one in tables:
            (row,) = (row for row in one.rows if row.model == model)
            cells = result.cells(table.features, model, one.train_size)
            if cells and row.test["accuracy"] is not None:
                points.append((cells[0]["sizes"]["train"], row.test["accuracy"]))
        if points:
            sizes = [size for size, _ in points]
            means = [e.mean for _, e in points]
            ends = [(e.mean if e.low is None else e.low, e.mean if e.high is None else e.high) for _, e in points]
            axes.fill_between(sizes, *np.array(ends).T, **style.band(number))
            mark = style.MARKS[number % len(style.MARKS)]
            axes.plot(sizes, means, label=model, marker=mark, markersize=3.5, **style.line(number))
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -0.02), min(high, 1.02))
    axes.set_xlabel("training rows")
    axes.set_ylabel("accuracy on test rows")
    style.legend(axes, title=_interval(table).replace(", ", ",\n"), outside=True)
    return figure


@style.styled
def boundary_figure(result: ComparisonResult, table: Table) -> "Figure | None":
    """Draw what models of two features decide all over the plane, on the first split; None for other features."""
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap

    panels: list[tuple[Row, Mapping[str, Any]]] = []
    for row in table.rows:
        cells = result.cells(table.features, row.model, table.train_size)
        panels += [(row, cell) for cell in cells if cell["split"] == 0 and cell["boundary"] is not None]
    if not panels:
        return None
    n_classes = len(result.config["dataset"]["classes"])
    figure, all_axes = _panels(table, len(panels), "decisions on the first split; dots: its test rows")
    two = LinearSegmentedColormap.from_list("two", [style.COLOURS[0], "white", style.COLOURS[1]])
    for axes, (row, cell) in zip(all_axes, panels, strict=True):
        boundary = cell["boundary"]
        values = np.array(boundary["values"])
        x, y = (np.linspace(boundary["low"][k], boundary["high"][k], len(values)) for k in (0, 1))
        if boundary["kind"] == "class":
            colours = ListedColormap([style.COLOURS[k % len(style.COLOURS)] for k in range(n_classes)])
            axes.contourf(x, y, values, levels=np.arange(n_classes + 1) - 0.5, cmap=colours, alpha=0.4)
        else:
            middle = 0.5 if boundary["kind"] == "probability" else 0.0
            reach = max(float(np.abs(values - middle).max()), 1e-9)
            axes.contourf(x, y, values, levels=np.linspace(middle - reach, middle + reach, 21), cmap=two, alpha=0.6)
            if values.min() < middle < values.max():
                axes.contour(x, y, values, levels=[middle], colors="black", linewidths=1)
        points, labels = np.array(boundary["test"]), np.array(cell["labels"])
        for k in range(n_classes):
            chosen = points[labels == k]
            colour, mark = style.COLOURS[k % len(style.COLOURS)], style.MARKS[k % len(style.MARKS)]
            axes.plot(*chosen.T, mark, color=colour, markersize=3.5, markeredgecolor="black", markeredgewidth=0.4)
        accuracy = cell["test"]["accuracy"]
        axes.set_title(f"{row.model}, {accuracy:.2f}", fontsize=7, parse_math=False)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


CLASSIFIER_FIGURES: dict[str, Callable[[ComparisonResult, Table], "Figure | None"]] = {
    "accuracy": accuracy_figure,
    "roc": roc_figure,
    "confusion": confusion_figure,
    "loss": loss_figure,
    "training-size": training_size_figure,
    "boundary": boundary_figure,
}
"""The figures of a table by name."""


def _splits(table: Table) -> str:
    return f"{table.n_splits} split{'' if table.n_splits == 1 else 's'}"


def _interval(table: Table) -> str:
    return f"mean over {_splits(table)}, 95 % interval" if table.n_splits > 1 else "one split, 95 % interval"


def _axes(table: Table, what: str) -> "tuple[Figure, Axes]":
    figure = style.new_figure()
    axes = figure.subplots()
    axes.grid()
    _title(figure, table, what)
    return figure, axes


def _panels(table: Table, n: int, what: str) -> "tuple[Figure, list[Axes]]":
    columns = min(n, 4)
    rows = -(-n // columns)
    figure = style.new_figure(style.PAGE * columns / 4, 1.75 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in grid[n:]:
        axes.remove()
    _title(figure, table, what)
    return figure, grid[:n]


def _title(figure: "Figure", table: Table, what: str) -> None:
    size = "" if table.train_size is None else f", {table.train_size} training rows"
    text = f"{table.features}{size}: {what}"
    style.describe(figure, text, text)
