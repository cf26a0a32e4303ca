"""Figures of experiments with one problem and noise: error and success against energies spent, error against CNOTs."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.report.comparison import Group, Setting
from qvar.report.pareto import ParetoPoint, front
from qvar.report.published import published_beside
from qvar.report.records import RunRecord, energies_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "FIGURES",
    "course",
    "error_figure",
    "on_grid",
    "pareto_figure",
    "run_figure",
    "shared_grid",
    "success_figure",
]

_Style = dict[str, Any]
_FLOOR = 1e-12  # logarithmic axes have no zero
_MOST_POINTS = 400

Course = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Energies spent, and the noiseless error of the best circuit (by energy with noise) then."""


def course(run: RunRecord) -> Course:
    """Return energies spent and the error of the best circuit after every episode, float64 arrays.

    What was spent after the last episode, on pruning, ends in the error of the result.
    """
    points = [(energies_of(record), record["best_error"]) for record in run.history]
    if run.result is not None and run.energies > points[-1][0]:
        points.append((run.energies, run.result["error"]))
    spent, errors = np.array(points, dtype=np.float64).T
    return spent, errors


def shared_grid(courses: Sequence[Course]) -> NDArray[np.float64]:
    """Return energies at which courses can be averaged: from where all have begun to where the last one ends."""
    points = np.unique(np.concatenate([spent for spent, _ in courses]))
    points = points[points >= max(spent[0] for spent, _ in courses)]
    chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), _MOST_POINTS)).round().astype(int))
    return np.asarray(points[chosen])


def on_grid(courses: Sequence[Course], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the error of each course at each point of the grid, shape (n_courses, len(grid)).

    Between its records a course keeps its last value; a finished run keeps it to the end of the grid.
    """
    rows = [errors[np.searchsorted(spent, grid, side="right") - 1] for spent, errors in courses]
    return np.array(rows)


def error_figure(setting: Setting) -> "Figure | None":
    """Draw the error of the best circuit against energies spent: median over seeds, and the range of all seeds.

    Returns None if no run is finished.
    """

    def draw(axes: "Axes", grid: NDArray[np.float64], errors: NDArray[np.float64], label: str, style: _Style) -> None:
        shown = np.maximum(errors, _FLOOR)
        axes.fill_between(
            grid, shown.min(axis=0), shown.max(axis=0), step="post", alpha=0.15, color=style["color"], linewidth=0
        )
        axes.step(grid, np.median(shown, axis=0), where="post", label=label, **style)

    figure, axes = _axes(setting, "best circuit so far: median and range over the seeds")
    if not _draw_courses(setting, axes, draw):
        return None
    axes.set_yscale("log")
    axes.set_ylabel(f"noiseless error ({setting.first.unit})", parse_math=False)
    _draw_accuracy(setting, axes)
    _finish(figure, axes)
    return figure


def success_figure(setting: Setting) -> "Figure | None":
    """Draw the share of seeds whose best circuit is accurate against energies spent.

    Returns None if no run is finished, or the problem has no conventional accuracy.
    """
    accuracy = setting.first.accuracy
    if accuracy is None:
        return None

    def draw(axes: "Axes", grid: NDArray[np.float64], errors: NDArray[np.float64], label: str, style: _Style) -> None:
        share = (errors <= accuracy).mean(axis=0)
        axes.step(grid, share, where="post", label=f"{label} ({len(errors)} seeds)", **style)

    figure, axes = _axes(setting, f"share of seeds with an error of at most {accuracy:g} {setting.first.unit}")
    if not _draw_courses(setting, axes, draw):
        return None
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("success probability")
    _finish(figure, axes)
    return figure


def pareto_figure(setting: Setting) -> "Figure | None":
    """Draw error against CNOTs: the front of all runs of each experiment, the final circuits, and published ones.

    Returns None if no run is finished.
    """
    from matplotlib.ticker import MaxNLocator

    if not any(group.finished for group in setting.groups):
        return None
    figure, axes = _axes(setting, "error against CNOTs: fronts over all seeds (lines), final circuits (dots)")
    labels = _labels(setting.groups)
    for number, group in enumerate(setting.groups):
        final = [ParetoPoint.of(run.result) for run in group.finished if run.result is not None]
        if final:
            kept = front([*final, *(point for run in group.finished for point in run.pareto)])
            style = _style(number)
            axes.step(*_coordinates(kept), where="post", marker="s", markersize=4, label=labels[number], **style)
            axes.plot(*_coordinates(final), "o", color=style["color"], markersize=8, markerfacecolor="none")
    _draw_published(setting, axes)
    axes.set_yscale("log")
    axes.set_xlabel("CNOTs")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, round(low) - 0.5), max(high, round(high) + 0.5))  # integers around a single one
    axes.set_ylabel(f"noiseless error ({setting.first.unit})", parse_math=False)
    _draw_accuracy(setting, axes)
    _finish(figure, axes)
    return figure


FIGURES: dict[str, Callable[[Setting], "Figure | None"]] = {
    "error": error_figure,
    "success": success_figure,
    "pareto": pareto_figure,
}
"""The figures of a setting by name."""


def run_figure(run: RunRecord) -> "Figure | None":
    """Draw the course of one run, finished or not: error by energies spent. None if it has no record."""
    from matplotlib.figure import Figure

    if not run.history:
        return None
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    spent, best = course(run)
    ends = [max(record["error"], _FLOOR) for record in run.history]
    axes.plot(spent[: len(ends)], ends, ".", color="0.7", markersize=3, label="end of episode", rasterized=True)
    axes.step(spent, np.maximum(best, _FLOOR), where="post", color="C0", label="best circuit so far")
    axes.set_yscale("log")
    axes.set_xlabel("energies spent")
    axes.set_ylabel(f"noiseless error ({run.unit})", parse_math=False)
    axes.legend(fontsize="small")
    return figure


def _axes(setting: Setting, what: str) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.set_title(f"{setting.heading}\n{what}", parse_math=False, fontsize="medium")  # names are no formulas
    axes.grid(alpha=0.3)
    return figure, axes


def _style(number: int) -> _Style:
    """Return the line of an experiment; equal values of two stay visible by their dashes."""
    return {"color": f"C{number}", "linestyle": ("-", "--", "-.", (0, (1, 1)))[number % 4]}


def _draw_published(setting: Setting, axes: "Axes") -> None:
    entries = [(e.n_cnots, e.error, e.method) for e in published_beside(setting.first) if e.n_cnots is not None]
    for (n_cnots, error, method), marker in zip(entries, cycle("*P^vDX<>hdp8"), strict=False):
        if error is not None:
            axes.plot([n_cnots], [max(error, _FLOOR)], marker, color="0.45", label=f"published: {method}")


def _draw_courses(setting: Setting, axes: "Axes", draw: Callable[..., None]) -> bool:
    """Draw every experiment that has finished runs; tell whether there was one."""
    labels, drawn = _labels(setting.groups), False
    for number, group in enumerate(setting.groups):
        courses = [course(run) for run in group.finished if run.history]
        if courses:
            grid = shared_grid(courses)
            draw(axes, grid, on_grid(courses, grid), labels[number], _style(number))
            drawn = True
    axes.set_xscale("log")
    axes.set_xlabel("energies spent (a reverse-sweep gradient counts as three)")
    return drawn


def _labels(groups: Sequence[Group]) -> list[str]:
    """Return the shortest words that tell experiments apart: algorithm, preset, budget."""
    parts = [(group.first.algorithm, group.first.preset, group.budget) for group in groups]
    for length in (1, 2):
        words = [", ".join(word for word in part[:length] if word) for part in parts]
        if len(set(words)) == len(words):
            return words
    return [", ".join(word for word in part if word) for part in parts]


def _draw_accuracy(setting: Setting, axes: "Axes") -> None:
    accuracy = setting.first.accuracy
    if accuracy is not None:
        axes.axhline(accuracy, color="0.4", linestyle=":", label=f"accuracy, {accuracy:g} {setting.first.unit}")


def _finish(figure: "Figure", axes: "Axes") -> None:
    if len(axes.get_legend_handles_labels()[1]) > 6:  # beside the plot; inside there is no room
        legend = axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.set_size_inches(9.5, 4.4)
    else:
        legend = axes.legend(fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)


def _coordinates(points: Sequence[Any]) -> tuple[list[int], list[float]]:
    return [point.n_cnots for point in points], [max(point.error, _FLOOR) for point in points]
