"""The figures of the dashboard as plain data for Plotly, in colours that colour-blind readers tell apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from qvar.dashboard.best import Candidate
from qvar.dashboard.curve import CurvePoint
from qvar.runs.style import COLOURS, FLOOR

__all__ = ["Line", "curve_figure", "pareto_figure"]

_DASHES = ("solid", "dash", "dot", "dashdot")
_SHOWN_POINTS = 400


@dataclass(frozen=True)
class Line:
    """The course of one run.

    Attributes:
        name: what the legend calls it.
        points: see `Curve.points`.
        is_chosen: whether it is the run that was chosen, drawn stronger and with its energy as measured.
    """

    name: str
    points: Sequence[CurvePoint]
    is_chosen: bool = False


def curve_figure(lines: Sequence[Line], *, unit: str, accuracy: float | None) -> dict[str, Any]:
    """Return the errors of runs against the energies they spent.

    Args:
        lines: at most as many as one can tell apart.
        unit: unit of the errors, the same for all.
        accuracy: the error aimed at, drawn as a line; None for no line.
    """
    traces = []
    for number, line in enumerate(lines):
        style = {
            "color": COLOURS[number % len(COLOURS)],
            "dash": _DASHES[number // len(COLOURS) % len(_DASHES)],
            "width": 3 if line.is_chosen else 1.6,
            "shape": "hv",
        }
        traces.append(_trace(line.points, "noiseless", _plain(line.name), style))
        if line.is_chosen:
            name = f"{_plain(line.name)}, as measured"
            traces.append(_trace(line.points, "measured", name, {**style, "width": 1.2, "dash": "dot"}))
    layout = _layout("energies spent", f"error ({_plain(unit)})")
    layout["xaxis"]["type"] = "log"
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "font": {"size": 11}}
    layout |= {"legend": legend, "showlegend": True, "uirevision": "as the user left it"}
    return {"data": traces, "layout": layout | _threshold(accuracy, unit)}


def pareto_figure(candidates: Sequence[Candidate], *, unit: str, accuracy: float | None, final: bool) -> dict[str, Any]:
    """Return the error of the circuits that nothing dominates against their CNOTs; colour tells the depth."""
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [each.n_cnots for each in candidates],
        "y": [max(each.error, FLOOR) for each in candidates],
        "text": [f"{each.n_cnots} CNOTs, depth {each.depth}" for each in candidates],
        "hovertemplate": "%{text}<br>error %{y:.3g}<extra></extra>",
        "marker": {
            "size": 10,
            "color": [each.depth for each in candidates],
            "colorscale": "Viridis",
            "showscale": True,
            "colorbar": {"title": {"text": "depth"}, "thickness": 12} | _whole([each.depth for each in candidates]),
        },
    }
    what = "noiseless error" if final else "error as the search values it"
    layout = _layout("CNOTs", f"{what} ({_plain(unit)})")
    layout["xaxis"] |= {"rangemode": "tozero", "tickformat": "d"} | _whole([each.n_cnots for each in candidates])
    return {"data": [trace], "layout": layout | _threshold(accuracy, unit)}


def _trace(points: Sequence[CurvePoint], which: str, name: str, style: dict[str, Any]) -> dict[str, Any]:
    step = max(1, len(points) // _SHOWN_POINTS)
    shown = [*points[:-1:step], *points[-1:]]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [max(point.energies, 1) for point in shown],
        "y": [max(getattr(point, which), FLOOR) for point in shown],
        "line": style,
        "hovertemplate": "%{x:,} energies<br>error %{y:.3g}<extra>%{fullData.name}</extra>",
    }


def _layout(x_title: str, y_title: str) -> dict[str, Any]:
    axis = {"showgrid": True, "gridcolor": "#e6e6e6", "zeroline": False, "linecolor": "#888", "ticks": "outside"}
    return {
        "xaxis": {**axis, "title": {"text": x_title}, "automargin": True},
        "yaxis": {**axis, "title": {"text": y_title}, "type": "log", "exponentformat": "power", "automargin": True},
        "margin": {"l": 60, "r": 16, "t": 16, "b": 48},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#222"},
        "hoverlabel": {"namelength": -1},
        "showlegend": False,
        "autosize": True,
    }


def _whole(numbers: Sequence[int]) -> dict[str, Any]:
    """Return settings by which an axis of few whole numbers has no ticks between them."""
    return {"dtick": 1} if max(numbers, default=0) <= 10 else {}


def _threshold(accuracy: float | None, unit: str) -> dict[str, Any]:
    if accuracy is None:
        return {}
    words = f"chemical accuracy, {1e3 * accuracy:g} mHa" if unit == "Ha" else f"aim, {accuracy:g} {_plain(unit)}"
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": accuracy, "y1": accuracy}
    note = {"xref": "paper", "x": 1, "xanchor": "right", "yref": "y", "y": math.log10(accuracy), "yanchor": "bottom"}
    return {
        "shapes": [{**line, "line": {"color": "#555", "width": 1.2, "dash": "dash"}}],
        "annotations": [{**note, "text": words, "showarrow": False, "font": {"size": 11, "color": "#555"}}],
    }


def _plain(text: str) -> str:
    """Return text that Plotly shows as it is, and not as the HTML that it otherwise understands."""
    return escape(text, quote=False)
