"""The report as one HTML page that needs nothing else: no network, no scripts, figures and drawings inside."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qvar.report.beside import beside_published, published_statement, run_rows
from qvar.report.comparison import Setting, compare
from qvar.report.document import MEANING, TITLE, overview
from qvar.report.figures import FIGURES, run_figure
from qvar.report.records import RunRecord
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["render", "report_html", "svg_address"]

_PNG = b"\x89PNG\r\n\x1a\n"


def report_html(records: Sequence[RunRecord]) -> str:
    """Return the report as a self-contained HTML page; names and messages in it are escaped."""
    return render(
        "page.html.jinja",
        title=TITLE,
        overview=overview(records),
        meaning=MEANING,
        settings=[_setting(s) for s in compare(records)],
    )


def render(template: str, **content: Any) -> str:
    """Return a page of the folder templates, filled in; whatever is filled in is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("qvar.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)


def _setting(setting: Setting) -> dict[str, Any]:
    runs = [run for group in setting.groups for run in group.runs]
    return {
        "heading": setting.heading,
        "title": setting.first.title,
        "statement": setting.statement(),
        "published_statement": published_statement(setting),
        "comparison": beside_published(setting),
        "figures": [(name, svg_address(figure)) for name, make in FIGURES.items() if (figure := make(setting))],
        "table": run_rows(runs),
        "runs": [_run(run) for run in runs],
    }


def _run(run: RunRecord) -> dict[str, Any]:
    state = run.status.state
    return {
        "name": f"{', '.join(word for word in (run.algorithm, run.preset) if word)}, seed {run.seed}",
        "state": "not started" if state == "waiting" else state,
        "failure": run.status.error,
        "folder": str(run.path),
        "picture": (picture := _picture(run)),
        "drawing": None if picture else _drawing(run),
        "course": _course(run),
        "hardware": _hardware(run),
    }


def svg_address(figure: "Figure") -> str:
    """Return a figure as a data address, the same one every time."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": "qvar"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _picture(run: RunRecord) -> str | None:
    """Return the picture of a finished run's circuit as a data address, None if there is none."""
    if run.result is None:
        return None
    try:
        content = (run.path / "circuit.png").read_bytes()
    except OSError:
        return None
    return f"data:image/png;base64,{base64.b64encode(content).decode()}" if content.startswith(_PNG) else None


def _course(run: RunRecord) -> str | None:
    figure = run_figure(run)
    return None if figure is None else svg_address(figure)


def _hardware(run: RunRecord) -> str | None:
    """Return what hardware measured as a figure, None if it did not."""
    from qvar.report.hardware import hardware_figure

    return svg_address(hardware_figure(run.hardware)) if run.hardware else None


def _drawing(run: RunRecord) -> str | None:
    """Return the circuit of a finished run as text, None if there is none."""
    if run.result is None:
        return None
    try:
        return str(Circuit.from_qasm(run.result["qasm"]).draw(width=120))
    except (KeyError, QvarError):
        return None
