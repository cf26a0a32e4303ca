"""The command `qvar latent report`: how good a latent space is, and what searches in it found."""

from pathlib import Path

from rich.console import Console

from qvar.cli.outputs import check_file
from qvar.cli.printing import print_json, print_line
from qvar.latent.folder import LatentFolder
from qvar.latent.measuring import measure_smoothness
from qvar.report.latent import accuracy_tables, cost_rows, overview, rich_table, smoothness_table
from qvar.report.latent_page import Smooth, latent_html, latent_json, latent_markdown
from qvar.report.latent_searches import best_rows, read_studies, study_table
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically
from qvar.simulators.untrusted import refusing

__all__ = ["measure", "print_latent", "report_command"]


def report_command(path: Path, *, html: Path | None, as_markdown: bool, as_json: bool) -> None:
    """Measure what has not been measured, write the page, and print all tables."""
    if html is not None:
        check_file(html, ".html", ".htm", what="a page")
    if as_markdown and as_json:
        raise RunError("choose one of --markdown and --json")
    folder = LatentFolder.open(path)
    folder.check_pretrained()
    with folder.claimed():
        smooth = measure(folder, quiet=as_json)
        page = html
        if page is None and not (as_json or as_markdown):
            page = folder.path / "report.html"
        if page is not None:
            write_atomically(page, latent_html(folder, smooth).encode())
    if as_json:
        print_json(latent_json(folder, smooth))
        return
    out = Console()
    if as_markdown:
        print_line(latent_markdown(folder, smooth), out)
        return
    print_latent(folder, smooth, out)
    print_line(f"all numbers, and plots, in {page}", out)


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
