"""The command `qvar report`: runs and sweeps beside each other and beside published numbers."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from qvar.cli.listing import print_json, print_line
from qvar.report import compare, comparison_table, read_runs, report_html, report_json, report_markdown
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically

__all__ = ["report_command"]

_MARKDOWN = (".md", ".markdown")
_HTML = (".html", ".htm")


def report_command(runs: Sequence[Path], *, out: Path | None, as_markdown: bool, as_json: bool) -> None:
    """Print a report, and write it to a file if `out` is given, as HTML or Markdown by its ending."""
    if as_markdown and as_json:
        raise RunError("--markdown and --json both print to the screen; choose one")
    _check_out(out)
    records = read_runs(runs)
    if out is not None:
        text = report_html(records) if out.suffix in _HTML else report_markdown(records)
        write_atomically(out, text.encode())
    console = Console()
    if as_json:
        print_json(report_json(records))
    elif as_markdown:
        console.file.write(report_markdown(records))
    else:
        console.print(comparison_table([group for setting in compare(records) for group in setting.groups]))
        if out is not None:
            print_line(f"report in {out}", console)


def _check_out(out: Path | None) -> None:
    if out is None:
        return
    if out.suffix not in (*_HTML, *_MARKDOWN):
        raise RunError(f"a report ends in {', '.join((*_HTML, *_MARKDOWN))}, got {out}")
    if out.is_dir() or not out.parent.is_dir():
        raise RunError(f"the report {out} needs a folder that exists, and a name that is not a folder's")
