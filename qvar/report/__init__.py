"""What people look at: tables of results, tasks, devices and presets; summaries of sweeps; reports.

What belongs to classifiers is loaded when it is asked for; searches do without scikit-learn.
"""

from typing import TYPE_CHECKING

from qvar.report.searches.comparison import Group, Setting, Spread, compare
from qvar.report.searches.document import report_json, report_markdown
from qvar.report.searches.figures import run_figure
from qvar.report.searches.page import report_html
from qvar.report.searches.published import PUBLISHED, Published, published_for
from qvar.report.searches.records import RunRecord, read_runs
from qvar.report.searches.summary import write_summary
from qvar.report.seed_figures import seed_figure
from qvar.report.tables import comparison_table, device_table, family_table, preset_table, result_table, task_table
from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.report.channel_figures import channel_figure, pauli_vector_figure
    from qvar.report.classifiers.figures import accuracy_figure, boundary_figure
    from qvar.report.classifiers.page import classifier_html, write_comparison
    from qvar.report.classifiers.tables import classifier_json, classifier_markdown, classifier_table

_HOME = {
    "accuracy_figure": "classifiers.figures",
    "boundary_figure": "classifiers.figures",
    "channel_figure": "channel_figures",
    "classifier_html": "classifiers.page",
    "classifier_json": "classifiers.tables",
    "classifier_markdown": "classifiers.tables",
    "classifier_table": "classifiers.tables",
    "pauli_vector_figure": "channel_figures",
    "write_comparison": "classifiers.page",
}

__all__ = [
    "PUBLISHED",
    "Group",
    "Published",
    "RunRecord",
    "Setting",
    "Spread",
    "accuracy_figure",
    "boundary_figure",
    "channel_figure",
    "classifier_html",
    "classifier_json",
    "classifier_markdown",
    "classifier_table",
    "compare",
    "comparison_table",
    "device_table",
    "family_table",
    "pauli_vector_figure",
    "preset_table",
    "published_for",
    "read_runs",
    "report_html",
    "report_json",
    "report_markdown",
    "result_table",
    "run_figure",
    "seed_figure",
    "task_table",
    "write_comparison",
    "write_summary",
]

__getattr__, _ = lazy_names(__name__, _HOME, __all__)
