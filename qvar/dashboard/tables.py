"""The tables of the page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qvar.dashboard.run import RunRow
from qvar.dashboard.work import WorkRow

__all__ = ["record_table", "run_table", "work_table"]

_MAX_ROWS = 300
_ORDER = ("running", "stalled", "damaged", "failed", "waiting", "finished")
_RUN_HEADS = (
    "run",
    "state",
    "task",
    "noise",
    "algorithm",
    "seed",
    "episodes",
    "energies",
    "used",
    "error as measured",
    "noiseless error",
    "elapsed",
    "left",
)


def run_table(rows: Mapping[str, RunRow], chosen: str | None) -> Any:
    """Return the table of runs, those at work first; a run's name chooses it."""
    from dash import html

    order = sorted(rows, key=lambda key: _ORDER.index(rows[key].state))
    body = [_run_row(key, rows[key], is_chosen=key == chosen) for key in order[:_MAX_ROWS]]
    table = html.Table([_head(_RUN_HEADS), html.Tbody(body)], className="runs")
    hidden = len(order) - _MAX_ROWS
    return [table, html.P(f"{hidden} more runs are not shown; give fewer folders")] if hidden > 0 else table


def _run_row(key: str, row: RunRow, *, is_chosen: bool) -> Any:
    from dash import html

    state = html.Span(row.state, className=f"state {row.state}")
    cells: list[Any] = [html.A(row.name, href=f"#{key}"), [state, *([html.Small(row.note)] if row.note else [])]]
    numbers = [
        "" if row.seed is None else str(row.seed),
        _of(row.episodes, row.max_episodes),
        _of(row.energies, row.max_energies),
        _bar(row.share),
        _error(row.measured, row.unit),
        _error(row.noiseless, row.unit),
        _duration(row.seconds) if row.seconds else "",
        "" if row.seconds_left is None else _duration(row.seconds_left),
    ]
    left = [html.Td(cell) for cell in (*cells, row.task, row.noise, row.algorithm)]
    right = [html.Td(cell, className="number") for cell in numbers]
    return html.Tr([*left, *right], className="chosen" if is_chosen else "", key=key)


def record_table(records: Iterable[Mapping[str, Any]]) -> Any:
    """Return the last records of a run, the newest first."""
    from dash import html

    shown = list(records)[::-1]
    if not shown:
        return html.P("no records yet")
    heads = list(dict.fromkeys(name for record in shown for name in record))
    body = [html.Tr([html.Td(_value(r.get(name)), className="number") for name in heads]) for r in shown]
    return html.Table([_head(heads), html.Tbody(body)], className="records")


def work_table(rows: Sequence[WorkRow]) -> Any:
    """Return how far other work is; nothing if there is none."""
    from dash import html

    if not rows:
        return []
    heads = ("other work", "kind", "state", "done", "")
    body = [
        html.Tr(
            [
                html.Td(row.name),
                html.Td(row.kind),
                html.Td(html.Span(row.state, className=f"state {row.state}")),
                html.Td(f"{_of(row.done, row.total)} {row.parts}", className="number"),
                html.Td(row.note),
            ]
        )
        for row in rows[:_MAX_ROWS]
    ]
    return html.Div(html.Table([_head(heads), html.Tbody(body)]), className="scroll")


def _head(names: Iterable[str]) -> Any:
    from dash import html

    return html.Thead(html.Tr([html.Th(name) for name in names]))


def _bar(share: float) -> Any:
    from dash import html

    return html.Span(
        [html.Progress(value=f"{share:.4f}", max="1"), f" {share:.0%}"],
        title="of episodes or energies",
        className="share",
    )


def _of(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"


def _error(error: float | None, unit: str) -> str:
    if error is None:
        return ""
    return f"{1e3 * error:,.3g} mHa" if unit == "Ha" else f"{error:.3g} {unit}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
