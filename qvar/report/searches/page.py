"""The report of searches as one HTML page.

A page of many runs draws the best one of every experiment alone, and shows the picture of the best circuit of all.
"""

import base64
from collections.abc import Sequence
from typing import Any

from qvar.report.pages import drawn, render
from qvar.report.searches.beside import beside_published, published_statement, run_rows
from qvar.report.searches.comparison import Setting, best_run, compare
from qvar.report.searches.document import MEANING, TITLE, overview
from qvar.report.searches.figures import FIGURES, run_figure
from qvar.report.searches.records import RunRecord
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError, RunError
from qvar.simulators.untrusted import refusing

__all__ = ["report_html"]

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_DRAWN = 12
_LEFT_OUT = (
    "Below are the best run of every experiment, and all that failed; for the circuit and the course of any other one: "
    "qvar show FOLDER, or circuit.png and learning_curve.png in its folder."
)


@refusing("the record", RunError)
def report_html(records: Sequence[RunRecord]) -> str:
    """Return the report as a self-contained HTML page; names and messages in it are escaped."""
    is_large = len(records) > _MOST_DRAWN
    return render(
        "page.html.jinja",
        title=TITLE,
        overview=overview(records),
        meaning=MEANING,
        left_out=_LEFT_OUT if is_large else "",
        settings=[_setting(s, is_large=is_large) for s in compare(records)],
    )


def _setting(setting: Setting, *, is_large: bool) -> dict[str, Any]:
    runs = [run for group in setting.groups for run in group.runs]
    return {
        "heading": setting.heading,
        "title": setting.first.title,
        "statement": setting.statement(),
        "published_statement": published_statement(setting),
        "comparison": beside_published(setting),
        "figures": [drawn(figure) for make in FIGURES.values() if (figure := make(setting))],
        "hardware": [_hardware(run) for run in runs if run.hardware],
        "table": run_rows(runs),
        "runs": _chosen(setting, runs) if is_large else [_run(run) for run in runs],
    }


def _chosen(setting: Setting, runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return the best run of every experiment, the best one of all with its picture, and what failed."""
    best = best_run(runs)
    found = [run for group in setting.groups if (run := best_run(group.runs)) is not None]
    failed = [run for run in runs if run.status.state == "failed"]
    return [_run(run, with_picture=run is best) for run in (*found, *failed)]


def _run(run: RunRecord, *, with_picture: bool = True) -> dict[str, Any]:
    state = run.status.state
    figure = run_figure(run)
    picture = _picture(run) if with_picture else None
    return {
        "name": _name(run),
        "state": "not started" if state == "waiting" else state,
        "failure": run.status.error,
        "folder": str(run.path),
        "picture": picture,
        "drawing": None if picture else _drawing(run),
        "course": None if figure is None else drawn(figure),
    }


def _name(run: RunRecord) -> str:
    return f"{run.method}, seed {run.seed}"


def _picture(run: RunRecord) -> str | None:
    """Return the picture of a finished run's circuit as a data address, None if there is none."""
    if run.result is None:
        return None
    try:
        content = (run.path / "circuit.png").read_bytes()
    except OSError:
        return None
    return f"data:image/png;base64,{base64.b64encode(content).decode()}" if content.startswith(_PNG) else None


def _hardware(run: RunRecord) -> dict[str, Any]:
    """Return what hardware measured for the circuit of a run, beside the predictions."""
    from qvar.report.hardware import hardware_cells, hardware_figure

    return {"name": _name(run), "table": hardware_cells(run.hardware), "figure": drawn(hardware_figure(run.hardware))}


def _drawing(run: RunRecord) -> str | None:
    """Return the circuit of a finished run as text, None if there is none."""
    if run.result is None:
        return None
    try:
        return str(Circuit.from_qasm(run.result["qasm"]).draw(width=120))
    except (KeyError, QvarError):
        return None
