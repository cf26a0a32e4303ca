"""What people look at: tables of results, tasks, devices and presets; summaries of sweeps; reports."""

from qvar.report.comparison import Group, Setting, Spread, compare
from qvar.report.document import report_json, report_markdown
from qvar.report.page import report_html
from qvar.report.published import PUBLISHED, Published, published_for
from qvar.report.records import RunRecord, read_runs
from qvar.report.summary import write_summary
from qvar.report.tables import comparison_table, device_table, family_table, preset_table, result_table, task_table

__all__ = [
    "PUBLISHED",
    "Group",
    "Published",
    "RunRecord",
    "Setting",
    "Spread",
    "compare",
    "comparison_table",
    "device_table",
    "family_table",
    "preset_table",
    "published_for",
    "read_runs",
    "report_html",
    "report_json",
    "report_markdown",
    "result_table",
    "task_table",
    "write_summary",
]
