"""Figures of experiments with one problem and noise: error and success against energies spent, error against CNOTs."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.report.searches.comparison import Group, Setting
from qvar.report.searches.pareto import ParetoPoint, front
from qvar.report.searches.published import published_beside
from qvar.report.searches.records import RunRecord, energies_of
from qvar.runs import style

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

_MOST_POINTS = 400
_MOST_DOTS = 30  # more are smaller as a picture
_SPENT = "energies spent (a reverse-sweep gradient counts as three)"

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


@style.styled
def error_figure(setting: Setting) -> "Figure | None":
    """Draw the error of the best circuit against energies spent: median over seeds, and the range of all seeds.

    Returns None if no run is finished.
    """

    def draw(axes: "Axes", grid: NDArray[np.float64], errors: NDArray[np.float64], number: int, label: str) -> None:
        shown = np.maximum(errors, style.FLOOR)
        where, low, high = _changes(grid, shown.min(axis=0), shown.max(axis=0))
        axes.fill_between(where, low, high, step="post", **style.band(number))
        axes.step(grid, np.median(shown, axis=0), where="post", label=label, **style.line(number, marks=True))

    figure, axes = _axes(setting, "noiseless error of the best circuit so far, against energies spent")
    if not _draw_courses(setting, axes, draw):
        return None
    axes.set_yscale("log")
    axes.set_ylabel(f"noiseless error ({_unit(setting)})", parse_math=False)
    _draw_accuracy(setting, axes)
    style.legend(axes, outside=True, title=_title(axes, "median of the seeds;", "band: least to greatest"))
    return figure


@style.styled
def success_figure(setting: Setting) -> "Figure | None":
    """Draw the share of seeds whose best circuit is accurate against energies spent.

    Returns None if no run is finished, or the problem has no conventional accuracy.
    """
    accuracy = setting.first.accuracy
    if accuracy is None:
        return None

    def draw(axes: "Axes", grid: NDArray[np.float64], errors: NDArray[np.float64], number: int, label: str) -> None:
        share = (errors <= accuracy).mean(axis=0)
        axes.step(grid, share, where="post", label=label, **style.line(number, marks=True))

    aim = f"{accuracy:g} {_unit(setting)}"
    figure, axes = _axes(setting, f"share of seeds with a noiseless error of at most {aim}, against energies spent")
    if not _draw_courses(setting, axes, draw):
        return None
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(f"share of seeds within {aim}", parse_math=False)
    style.legend(axes, outside=True)
    return figure


@style.styled
def pareto_figure(setting: Setting) -> "Figure | None":
    """Draw error against CNOTs: the front of all runs of each experiment, the final circuits, and published ones.

    Returns None if no run is finished.
    """
    from matplotlib.ticker import MaxNLocator

    if not any(group.finished for group in setting.groups):
        return None
    figure, axes = _axes(setting, "noiseless error against CNOTs")
    labels = _labels(setting.groups)
    for number, group in enumerate(setting.groups):
        final = [ParetoPoint.of(run.result) for run in group.finished if run.result is not None]
        if final:
            kept = front([*final, *(point for run in group.finished for point in run.pareto)])
            look = style.line(number)
            mark = style.MARKS[number % len(style.MARKS)]
            hollow: dict[str, Any] = {"marker": mark, "markerfacecolor": "none", "markersize": 5}
            (x, y), ends = _coordinates(kept), _coordinates(final)
            axes.step(x, y, where="post", label=labels[number], markevery=[], **look, **hollow)
            axes.plot(*ends, linestyle="", color=look["color"], **hollow)
    _draw_published(setting, axes)
    axes.set_yscale("log")
    axes.set_xlabel("CNOTs")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, round(low) - 0.5), max(high, round(high) + 0.5))  # integers around a single one
    axes.set_ylabel(f"noiseless error ({_unit(setting)})", parse_math=False)
    _draw_accuracy(setting, axes)
    style.legend(axes, outside=True, title=_title(axes, "lines: front over all seeds;", "marks: final circuits"))
    return figure


FIGURES: dict[str, Callable[[Setting], "Figure | None"]] = {
    "error": error_figure,
    "success": success_figure,
    "pareto": pareto_figure,
}
"""The figures of a setting by name."""


@style.styled
def run_figure(run: RunRecord) -> "Figure | None":
    """Draw the course of one run, finished or not: error by energies spent. None if it has no record."""
    from matplotlib.ticker import MaxNLocator

    if not run.history:
        return None
    figure = style.new_figure(style.COLUMN * 1.5, 2.4)
    axes = figure.subplots()
    spent, best = course(run)
    ends = [max(record["error"], style.FLOOR) for record in run.history]
    is_dense = len(ends) > _MOST_DOTS
    dots: dict[str, Any] = {"color": "0.7", "markersize": 2} if is_dense else {"color": style.GREY, "zorder": 3}
    axes.plot(spent[: len(ends)], ends, ".", label="end of episode", rasterized=is_dense, **dots)
    axes.step(spent, np.maximum(best, style.FLOOR), where="post", color=style.COLOURS[0], label="best circuit so far")
    axes.set_yscale("log")
    axes.set_xlabel(_SPENT)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel(f"noiseless error ({style.unit(run.unit)})", parse_math=False)
    style.legend(axes, title=_title(axes))
    figure.set_label(f"Noiseless error against energies spent: {run.task}, {run.algorithm}, seed {run.seed}")
    return figure


def _axes(setting: Setting, what: str) -> "tuple[Figure, Axes]":
    figure = style.new_figure()
    axes = figure.subplots()
    style.describe(
        figure, f"{setting.heading}: {what}", f"{setting.heading}: {what}. The table holds the final numbers."
    )
    axes.grid()
    return figure, axes


def _unit(setting: Setting) -> str:
    return style.unit(setting.first.unit)


def _draw_published(setting: Setting, axes: "Axes") -> None:
    entries = [(e.n_cnots, e.error, e.method) for e in published_beside(setting.first) if e.n_cnots is not None]
    for (n_cnots, error, method), marker in zip(entries, cycle("*P^vDX<>hdp8"), strict=False):
        if error is not None:
            axes.plot(
                [n_cnots],
                [max(error, style.FLOOR)],
                marker,
                color=style.GREY,
                markersize=6,
                label=f"published: {method}",
            )


def _draw_courses(setting: Setting, axes: "Axes", draw: Callable[..., None]) -> bool:
    """Draw every experiment that has finished runs; tell whether there was one."""
    labels, drawn = _labels(setting.groups), False
    for number, group in enumerate(setting.groups):
        courses = [course(run) for run in group.finished if run.history]
        if courses:
            grid = shared_grid(courses)
            seeds = f"{len(courses)} seed{'' if len(courses) == 1 else 's'}"
            draw(axes, grid, on_grid(courses, grid), number, f"{labels[number]} ({seeds})")
            drawn = True
    axes.set_xscale("log")
    axes.set_xlabel(_SPENT)
    return drawn


def _labels(groups: Sequence[Group]) -> list[str]:
    """Return the shortest words that tell experiments apart: algorithm, preset, budget."""
    parts = [(group.first.algorithm, group.first.preset, group.budget) for group in groups]
    for length in (1, 2):
        words = [", ".join(word for word in part[:length] if word) for part in parts]
        if len(set(words)) == len(words):
            return words
    return [",\n".join(word for word in part if word) for part in parts]


def _title(axes: "Axes", *lines: str) -> str | None:
    """Return the title of a legend: what is drawn, and where the axis ends if something lies below; None if nothing."""
    note = [f"below {style.FLOOR:g}: drawn at {style.FLOOR:g}"] if axes.dataLim.y0 <= style.FLOOR else []
    return "\n".join([*lines, *note]) or None


def _draw_accuracy(setting: Setting, axes: "Axes") -> None:
    accuracy = setting.first.accuracy
    if accuracy is not None:
        axes.axhline(
            accuracy, color=style.GREY, linestyle=":", linewidth=1, label=f"accuracy, {accuracy:g} {_unit(setting)}"
        )


def _changes(grid: NDArray[np.float64], *values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return a grid and values on it without the points at which no value changes; steps look the same."""
    kept = np.any([np.diff(row, prepend=np.nan) != 0 for row in values], axis=0)
    kept[-1] = True
    return [row[kept] for row in (grid, *values)]


def _coordinates(points: Sequence[Any]) -> tuple[list[int], list[float]]:
    return [point.n_cnots for point in points], [max(point.error, style.FLOOR) for point in points]
