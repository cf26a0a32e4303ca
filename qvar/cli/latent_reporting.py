"""The command `qvar latent report`: how good a latent space is, and what searches in it found."""

from functools import partial
from pathlib import Path

from rich.console import Console

from qvar.cli.listing import print_json, print_line
from qvar.latent.folder import LatentFolder
from qvar.latent.measuring import measure_smoothness
from qvar.report.latent import overview, rich_table
from qvar.report.latent_page import latent_html, latent_json, latent_markdown, latent_sections
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically

__all__ = ["report_command"]


def report_command(path: Path, *, html: Path | None, as_markdown: bool, as_json: bool) -> None:
    """Measure what has not been measured, write the page, and print all tables."""
    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise RunError(f"the page {html} needs a folder that exists, and a name that is not a folder's")
    if as_markdown and as_json:
        raise RunError("choose one of --markdown and --json")
    folder = LatentFolder.open(path)
    folder.check_pretrained()
    console = Console(stderr=True)

    def note(task: str | None, name: str) -> None:
        if not as_json:
            print_line(f"measuring smoothness{'' if task is None else f' for {task}'}: {name}", console)

    with folder.claimed():
        smooth = {
            task: measure_smoothness(folder, task, on_features=partial(note, task))
            for task in (None, *folder.searched_tasks())
        }
        page = html or folder.path / "report.html"
        write_atomically(page, latent_html(folder, smooth).encode())
    if as_json:
        print_json(latent_json(folder, smooth))
        return
    out = Console()
    if as_markdown:
        print_line(latent_markdown(folder, smooth), out)
        return
    print_line(overview(folder), out)
    for heading, words, tables in latent_sections(folder, smooth):
        print_line(f"\n{heading}\n{words}", out)
        for rows in tables:
            out.print(rich_table(rows, title=""))
    print_line(f"all of this with plots: {page}", out)
