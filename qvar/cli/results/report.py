"""The command `qvar report`, for any record: runs and sweeps, a comparison of classifiers, a latent space."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from qvar.cli.outputs import check_file
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import waiting
from qvar.report import compare, comparison_table, read_runs, report_html, report_json, report_markdown
from qvar.report.kinds import record_kind
from qvar.report.searches.figure_files import check_figure_folder, run_figures, write_figures
from qvar.runs.style import parse_formats
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Report", "find_report", "report_command"]

_MARKDOWN = (".md", ".markdown")
_HTML = (".html", ".htm")


@dataclass(frozen=True)
class Report:
    """What there is to say of some records; nothing is computed before it is called.

    Attributes:
        html: makes a page.
        markdown: makes Markdown.
        data: makes JSON-able data.
        show: prints tables.
        figures: makes names and figures.
    """

    html: Callable[[], str]
    markdown: Callable[[], str]
    data: Callable[[], dict[str, Any]]
    show: Callable[[Console], None]
    figures: "Callable[[], Iterable[tuple[str, Figure]]]"


def report_command(
    paths: Sequence[Path],
    *,
    out: Path | None,
    figures: str | None,
    formats: str | None,
    as_markdown: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print a report, write it to a file if `out` is given, as HTML or Markdown by its ending, and its figures."""
    if as_markdown and as_json:
        raise RunError("--markdown and --json both print to the screen; choose one")
    if out is not None:
        check_file(out, *_HTML, *_MARKDOWN, what="a report")
    place, kinds = _figure_folder(figures, formats)
    written: list[Path] = []
    with waiting("reading and drawing", visible=not (quiet or as_json)):
        report = find_report(paths, quiet=quiet or as_json)
        if out is not None:
            write_atomically(out, (report.html() if out.suffix in _HTML else report.markdown()).encode())
        if place is not None:
            written = write_figures(place, report.figures(), kinds)
    if as_json:
        print_json(report.data())
        return
    console = Console()
    if as_markdown:
        console.file.write(report.markdown())
        return
    report.show(console)
    if out is not None:
        print_line(f"report in {out}", console)
    if place is not None:
        print_line(f"{len(written) // len(kinds)} figures in {place}, as {', '.join(kinds)}", console)


def _figure_folder(figures: str | None, formats: str | None) -> tuple[Path | None, tuple[str, ...]]:
    """Return where figures go, None for nowhere, and in which formats."""
    if figures is None:
        if formats is not None:
            raise RunError(f"--format {formats} says what --figures writes; give a folder with --figures, too")
        return None, ()
    if not figures.strip():
        raise RunError("--figures takes a folder, got an empty name")
    kinds = parse_formats("pdf" if formats is None else formats)
    check_figure_folder(Path(figures))
    return Path(figures), kinds


def find_report(paths: Sequence[Path], *, quiet: bool, measure: bool = True) -> Report:
    """Return what there is to say of records, by what they are of.

    Args:
        paths: run folders and sweep folders, or one comparison, or one latent space.
        quiet: whether to be silent while measuring.
        measure: whether to measure the smoothness of a latent space, which may take a minute, once.

    Raises:
        RunError: if a folder holds no record, or records do not go together.
    """
    kinds = [record_kind(path) for path in paths]
    if set(kinds) <= {"run", "sweep"}:
        return _of_runs(paths)
    if len(paths) > 1:
        words = ", ".join(f"{path} ({kind})" for path, kind in zip(paths, kinds, strict=True))
        raise RunError(f"runs and sweeps go into one report, anything else has its own, got {words}")
    return _of_comparison(paths[0]) if kinds == ["comparison"] else _of_latent(paths[0], quiet=quiet, measure=measure)


def _of_runs(paths: Sequence[Path]) -> Report:
    records = read_runs(paths)
    return Report(
        html=lambda: report_html(records),
        markdown=lambda: report_markdown(records),
        data=lambda: report_json(records),
        show=lambda console: console.print(comparison_table([g for s in compare(records) for g in s.groups])),
        figures=lambda: run_figures(records),
    )


def _of_comparison(path: Path) -> Report:
    from qvar.classify.comparison.result import ComparisonResult
    from qvar.cli.classify.compare import print_comparison
    from qvar.report.classifiers.page import classifier_figures, classifier_html
    from qvar.report.classifiers.tables import classifier_json, classifier_markdown

    result = ComparisonResult.open(path)
    return Report(
        html=lambda: classifier_html(result),
        markdown=lambda: classifier_markdown(result),
        data=lambda: {"comparison": str(path), **classifier_json(result)},
        show=lambda console: print_comparison(result, console),
        figures=lambda: classifier_figures(result),
    )


def _of_latent(path: Path, *, quiet: bool, measure: bool) -> Report:
    from qvar.cli.latent import report as latent_report
    from qvar.latent.folder import LatentFolder
    from qvar.report.latent.page import Smooth, latent_figures, latent_html, latent_json, latent_markdown

    folder = LatentFolder.open(path)
    folder.check_pretrained()
    smooth: Smooth = {}
    if measure:
        with folder.claimed():
            smooth = latent_report.measure(folder, quiet=quiet)
    return Report(
        html=lambda: latent_html(folder, smooth),
        markdown=lambda: latent_markdown(folder, smooth),
        data=lambda: latent_json(folder, smooth),
        show=lambda console: latent_report.print_latent(folder, smooth, console),
        figures=lambda: (
            (f"{s}-{n}", figure) for s, group in latent_figures(folder).items() for n, figure in group.items()
        ),
    )
