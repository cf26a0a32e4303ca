"""The report as JSON and as Markdown: every problem and noise, what was found, what is published, every single run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from qvar.report.markdown import markdown_table, markdown_text
from qvar.report.searches.beside import beside_published, published_statement, run_rows
from qvar.report.searches.comparison import compare
from qvar.report.searches.published import published_beside
from qvar.report.searches.records import RunRecord
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import refusing

__all__ = ["MEANING", "TITLE", "overview", "report_json", "report_markdown"]

TITLE = "qvar report"

MEANING = (
    "Errors are those of the noiseless energy of a circuit against the exact one. The circuit is the one that its "
    "search preferred: by the energy with noise, unless its budget says otherwise. Rows show mean ± standard deviation "
    "over the finished runs, seeds being all that differs between them. Energies count a reverse-sweep gradient as "
    "three."
)


def overview(records: Sequence[RunRecord]) -> str:
    """Return how many runs there are in which state."""
    counts = Counter[str](record.status.state for record in records)
    words = {"finished": "finished", "unfinished": "unfinished", "waiting": "not started", "failed": "FAILED"}
    return f"{len(records)} run{'' if len(records) == 1 else 's'}: " + ", ".join(
        f"{counts[state]} {word}" for state, word in words.items() if counts[state]
    )


@refusing("the record", RunError)
def report_markdown(records: Sequence[RunRecord]) -> str:
    """Return the report as Markdown."""
    parts = [f"# {TITLE}\n", f"{overview(records)}.\n", f"{MEANING}\n"]
    for setting in compare(records):
        runs = [run for group in setting.groups for run in group.runs]
        parts += [
            f"## {markdown_text(setting.heading)}\n",
            f"{markdown_text(setting.first.title)}\n",
            f"{setting.statement()} {published_statement(setting)}\n",
            markdown_table(*beside_published(setting)),
            markdown_table(*run_rows(runs)),
            *_failures(runs),
            *_hardware(runs),
        ]
    return "\n".join(parts)


def _failures(runs: Iterable[RunRecord]) -> list[str]:
    failed = [f"{run.algorithm}, seed {run.seed}: {run.status.error}" for run in runs if run.status.error]
    return ["".join(f"- FAILED: {markdown_text(text)}\n" for text in failed)] if failed else []


def _hardware(runs: Iterable[RunRecord]) -> list[str]:
    """Return what hardware measured for the circuits of runs, beside the predictions."""
    from qvar.report.hardware import hardware_cells

    parts = []
    for run in runs:
        if run.hardware:
            parts.append(f"On hardware: {markdown_text(f'{run.method}, seed {run.seed}')}\n")
            parts.append(markdown_table(*hardware_cells(run.hardware)))
    return parts


@refusing("the record", RunError)
def report_json(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the report as JSON-able data."""
    return {
        "overview": overview(records),
        "settings": [
            {
                "task": setting.first.task,
                "noise": setting.first.noise,
                "unit": setting.first.unit,
                "comparison": setting.statement(),
                "experiments": [group.to_dict() for group in setting.groups],
                "published": [entry.to_dict() for entry in published_beside(setting.first)],
                "runs": [_run(run) for group in setting.groups for run in group.runs],
            }
            for setting in compare(records)
        ],
    }


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "path": str(run.path),
        "preset": run.preset,
        "algorithm": run.algorithm,
        "seed": run.seed,
        "state": run.status.state,
        "share": run.status.share,
        "error_message": run.status.error,
        "energies": run.energies,
        "result": None if run.result is None else dict(run.result),
        "hardware": [record.to_dict() for record in run.hardware],
    }
