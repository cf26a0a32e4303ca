"""The command `qvar latent report`: how good a latent space is, and what searches in it found."""

from pathlib import Path

from rich.console import Console

from qvar.cli.printing import print_line
from qvar.cli.results.report import report_command as report
from qvar.latent.folder import LatentFolder
from qvar.latent.measuring import measure_smoothness
from qvar.report.latent.page import Smooth
from qvar.report.latent.searches import best_rows, read_studies, study_table
from qvar.report.latent.tables import accuracy_tables, cost_rows, overview, rich_table, smoothness_table
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import refusing

__all__ = ["measure", "print_latent", "report_command"]


def report_command(path: Path, *, out: Path | None, as_markdown: bool, as_json: bool, quiet: bool) -> None:
    """Do as `qvar report` does for a latent space, and write a page into its folder where nothing else is asked for."""
    LatentFolder.open(path).check_pretrained()
    page = path / "report.html" if out is None and not (as_json or as_markdown) else out
    report([path], out=page, figures=None, formats=None, as_markdown=as_markdown, as_json=as_json, quiet=quiet)


@refusing("the record", RunError)
def measure(folder: LatentFolder, *, quiet: bool) -> Smooth:
    """Return how smooth a latent space is, for all its tasks; measured once."""
    console = Console(stderr=True)
    searched = tuple(task for task in folder.searched_tasks() if folder.has_rewards(task))
    return measure_smoothness(
        folder,
        searched or (None,),
        on_features=lambda name: None if quiet else print_line(f"measuring smoothness: {name}", console),
    )


@refusing("the record", RunError)
def print_latent(folder: LatentFolder, smooth: Smooth, out: Console) -> None:
    """Print all tables of a latent space."""
    print_line(overview(folder), out)
    tables = [*accuracy_tables(folder), rich_table(cost_rows(folder), title="Cost")]
    for task, measured in smooth.items():
        tables.append(smoothness_table(measured, task))
    for task in folder.searched_tasks():
        tables += [study_table(result) for result in read_studies(folder, task).values()]
        best = best_rows(folder, task)
        tables += [rich_table(best, title=f"{task}, the best circuit")] if best else []
    for table in tables:
        out.print(table)
        out.print()
