"""The page: what stands where, and what changes when new records come. All text from files is shown as text."""

import threading
from pathlib import Path
from typing import Any

import numpy as np

from qvar.dashboard.best import Best, read_best
from qvar.dashboard.drawing import draw_circuit
from qvar.dashboard.figures import Line, curve_figure, pareto_figure
from qvar.dashboard.reading import file_stamp
from qvar.dashboard.run import LiveRun, RunRow
from qvar.dashboard.tables import record_table, run_table, work_table
from qvar.dashboard.watcher import Snapshot, Watcher
from qvar.simulators.errors import QvarError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["make_app"]

_MAX_LINES = 12
_MAX_PROBLEMS = 20
_GRAPH: dict[str, Any] = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def make_app(watcher: Watcher, *, refresh_seconds: float) -> Any:
    """Return the Dash application that shows what a watcher sees, anew every `refresh_seconds`."""
    from dash import Dash, Input, Output, dcc, html

    app = Dash(
        "qvar",
        assets_folder=str(Path(__file__).with_name("assets")),
        title="qvar dashboard",
        update_title="",
        serve_locally=True,
    )
    app.layout = html.Div(
        [
            dcc.Location(id="chosen"),
            dcc.Interval(id="clock", interval=round(1000 * refresh_seconds)),
            html.Header([html.H1("qvar dashboard"), html.P(id="overview")]),
            html.Div(id="runs", className="scroll"),
            html.Section(
                [html.H2(id="curves-title"), dcc.Graph(id="curves", config=_GRAPH, style={"height": "440px"})]
            ),
            html.Div(id="detail"),
            html.Div(id="work"),
        ]
    )
    pictures = _Pictures()

    @app.callback(  # type: ignore[untyped-decorator,unused-ignore]
        Output("overview", "children"),
        Output("runs", "children"),
        Output("curves-title", "children"),
        Output("curves", "figure"),
        Output("detail", "children"),
        Output("work", "children"),
        Input("clock", "n_intervals"),
        Input("chosen", "hash"),
    )
    def update(_: int | None, fragment: str | None) -> tuple[Any, ...]:
        seen = watcher.look()
        key = _chosen(seen, fragment)
        title, figure = _curves(watcher, seen, key)
        run = None if key is None else watcher.run(key)
        detail = [] if run is None or key is None else _detail(run, pictures.of(key, run))
        return _overview(seen), run_table(seen.rows, key), title, figure, detail, work_table(seen.work)

    return app


def _chosen(seen: Snapshot, fragment: str | None) -> str | None:
    """Return the key of the run in the address, else of one that is running, else of the first that has records."""
    key = (fragment or "").removeprefix("#")
    if key in seen.rows:
        return key
    going = [k for k, row in seen.rows.items() if row.state == "running" and row.noiseless is not None]
    return next(iter([*going, *(k for k, row in seen.rows.items() if row.noiseless is not None)]), None)


def _overview(seen: Snapshot) -> list[Any]:
    from dash import html

    states = [row.state for row in seen.rows.values()]
    counts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    text = f"{len(states)} run{'' if len(states) == 1 else 's'}: {', '.join(counts)}" if states else "no runs yet"
    behind = "; still reading long records" if seen.is_behind else ""
    return [text + behind, *(html.Span(problem, className="problem") for problem in seen.problems[:_MAX_PROBLEMS])]


def _curves(watcher: Watcher, seen: Snapshot, key: str | None) -> tuple[str, dict[str, Any]]:
    """Return the title and the figure of the curves: the chosen run and others of its task."""
    chosen = None if key is None else watcher.run(key)
    if key is None or chosen is None:
        return "", {"data": [], "layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}
    row = seen.rows[key]
    same = [k for k, r in seen.rows.items() if (r.task, r.unit) == (row.task, row.unit) and r.noiseless is not None]
    shown = set(sorted(same, key=lambda k: (k != key, seen.rows[k].state != "running"))[:_MAX_LINES])
    runs = [(k, seen.rows[k], watcher.run(k)) for k in same if k in shown]
    lines = [Line(_legend(r), run.curve.points, is_chosen=k == key) for k, r, run in runs if run is not None]
    left_out = f" ({len(lines)} of {len(same)} runs)" if len(same) > len(lines) else ""
    title = f"Noiseless error of the best circuit, {row.task}{left_out}"
    return title, curve_figure(lines, unit=row.unit, accuracy=chosen.accuracy)


def _legend(row: RunRow) -> str:
    return f"{row.algorithm}, noise {row.noise}, seed {row.seed}"


def _detail(run: LiveRun, picture: "_Picture") -> list[Any]:
    from dash import dcc, html

    parts: list[Any] = [html.H2(run.name)]
    boxes = [html.Section([html.H3("Best circuit"), *picture.shown()], className="box")]
    best = picture.best
    if best is not None and best.candidates:
        unit = "" if run.config is None else str(run.config["problem"]["unit"])
        figure = pareto_figure(best.candidates, unit=unit, accuracy=run.accuracy, final=best.is_final)
        graph = dcc.Graph(figure=figure, config=_GRAPH, style={"height": "320px"}, id="pareto")
        boxes.append(html.Section([html.H3("Circuits that no other beats"), graph], className="box"))
    parts.append(html.Div(boxes, className="boxes"))
    parts += [html.H3("Last records"), html.Div(record_table(run.records), className="scroll")]
    return parts


class _Picture:
    """The best circuit of a run, drawn; kept until the file it came from changes."""

    def __init__(self, run: LiveRun, stamp: object, before: "_Picture | None") -> None:
        self.stamp = stamp
        self.best: Best | None = None
        self.url: str | None = None
        self.note = "none yet: it is saved with the first checkpoint"
        try:
            exact = 0.0 if run.config is None else float(run.config["problem"]["exact_energy"])
            self.best = read_best(run.path, exact_energy=exact)
            if self.best is not None:
                if before is not None and _is_same(self.best, before.best):
                    self.url = before.url
                else:
                    self.url = draw_circuit(self.best.circuit, self.best.parameters)
                self.note = _describe(self.best)
        except (QvarError, *UNREADABLE) as error:
            self.note = str(error)

    def shown(self) -> list[Any]:
        from dash import html

        picture = [] if self.url is None else [html.Img(src=self.url, alt="the best circuit", className="circuit")]
        return [html.P(self.note), html.Div(picture, className="scroll")]


def _is_same(best: Best, other: Best | None) -> bool:
    """Tell whether two pictures would be the same; drawing takes long, and most checkpoints bring no better circuit."""
    return other is not None and best.circuit == other.circuit and np.array_equal(best.parameters, other.parameters)


def _describe(best: Best) -> str:
    circuit = best.circuit
    where = "the result" if best.is_final else "as of the last checkpoint"
    return (
        f"{circuit.n_qubits} qubits, {len(circuit.operations)} gates, {circuit.n_two_qubit_gates} of them on two "
        f"qubits, depth {circuit.depth()}; {where}"
    )


class _Pictures:
    """The last picture of every run (mutable, shared by threads)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Picture] = {}

    def of(self, key: str, run: LiveRun) -> _Picture:
        """Return the picture of a run, drawn anew only if its result or checkpoint is newer."""
        stamp = tuple(file_stamp(run.path / name) for name in ("result.json", "checkpoint.npz"))
        with self._lock:
            if key not in self._kept or self._kept[key].stamp != stamp:
                self._kept[key] = _Picture(run, stamp, self._kept.get(key))
            return self._kept[key]
