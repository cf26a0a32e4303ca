"""A comparison of classifiers as one HTML page that needs nothing else, and the files it leaves in its folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qvar.classify.comparison.result import ComparisonResult, Table
from qvar.report.classifiers.figures import CLASSIFIER_FIGURES
from qvar.report.classifiers.tables import (
    classifier_markdown,
    classifier_rows,
    failures,
    heading,
    overview,
    published_note,
    statement,
)
from qvar.report.pages import drawn, render
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["classifier_figures", "classifier_html", "write_comparison"]


@refusing("the record", RunError)
def classifier_html(result: ComparisonResult) -> str:
    """Return a comparison as a self-contained HTML page; names and messages in it are escaped."""
    return render(
        "classifiers.html.jinja",
        title=f"Classifiers on {result.config['dataset']['name']}",
        overview=overview(result),
        published_note=published_note(result),
        failures=failures(result),
        tables=[_table(result, result.table(features)) for features in result.features],
        settings=[_settings(model) for model in result.config["models"]],
        features=[(name, _words(settings)) for name, settings in result.config["features"].items()],
    )


def write_comparison(result: ComparisonResult, folder: Path) -> None:
    """Write table.md and report.html into a folder."""
    write_atomically(folder / "table.md", classifier_markdown(result).encode())
    write_atomically(folder / "report.html", classifier_html(result).encode())


def classifier_figures(result: ComparisonResult) -> "Iterator[tuple[str, Figure]]":
    """Yield all figures by name."""
    with refusing("the record", RunError):
        for features in result.features:
            table = result.table(features)
            for name, make in CLASSIFIER_FIGURES.items():
                figure = make(result, table)
                if figure is not None:
                    yield f"{result.config['dataset']['name']}-{features}-{name}", figure


def _table(result: ComparisonResult, table: Table) -> dict[str, Any]:
    figures = (make(result, table) for make in CLASSIFIER_FIGURES.values())
    return {
        "heading": heading(result, table),
        "statement": statement(result, table),
        "rows": classifier_rows(result, table),
        "figures": [drawn(figure) for figure in figures if figure is not None],
        "warnings": [(row.model, text, n) for row in table.rows for text, n in row.warnings.items()],
    }


def _settings(model: Mapping[str, Any]) -> tuple[str, str, str, str]:
    grid = _words(model["grid"]) if model["is_tuned"] else "not tuned"
    return model["name"], str(model["class"]).rsplit(".", 1)[-1], _words(model["parameters"]), grid


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())
