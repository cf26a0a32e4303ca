"""The summary that a sweep leaves in its folder: one table as Markdown, CSV and JSON, and figures."""

import json
from pathlib import Path

from qvar.report.markdown import markdown_text
from qvar.report.searches.comparison import compare, comparison_csv, comparison_markdown
from qvar.report.searches.document import MEANING, overview, report_json
from qvar.report.searches.figure_files import setting_figures, write_figures
from qvar.report.searches.records import RunRecord, read_runs
from qvar.simulators.files import write_atomically

__all__ = ["write_summary"]


def write_summary(sweep: Path) -> tuple[RunRecord, ...]:
    """Write summary.md, summary.csv, summary.json and the folder plots into a sweep folder; return its runs.

    Raises:
        RunError: if there is no sweep.
    """
    records = read_runs([sweep])
    settings = compare(records)
    groups = [group for setting in settings for group in setting.groups]
    notes = [f"{setting.heading}: {setting.statement()}" for setting in settings]
    notes += [f"FAILED: {r.path.relative_to(sweep)}: {r.status.error}" for r in records if r.status.error]
    items = "".join(f"- {markdown_text(note)}\n" for note in notes)
    text = f"{overview(records)}.\n\n{comparison_markdown(groups)}\n{MEANING}\n\n{items}"
    write_atomically(sweep / "summary.md", text.encode())
    write_atomically(sweep / "summary.csv", comparison_csv(groups).encode())
    write_atomically(sweep / "summary.json", json.dumps(report_json(records), indent=1, allow_nan=False).encode())
    for setting in settings:
        write_figures(sweep / "plots", setting_figures(setting), ["png"])
    return records
