"""Commands that show records of what was done; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.options import Json, Markdown, Quiet

__all__ = ["records"]

records = typer.Typer()

_PANEL = "Look at results"


@records.command(rich_help_panel=_PANEL)
def report(
    records: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders and sweep folders; or a comparison of classifiers, or a latent space.",
            autocompletion=completion.records,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write a self-contained page (.html) or Markdown (.md).")] = None,
    figures: Annotated[str | None, typer.Option(metavar="PATH", help="Write every figure into this folder.")] = None,
    formats: Annotated[
        str | None,
        typer.Option("--format", help="What --figures writes: pdf (by default), svg and png, separated by commas."),
    ] = None,
    markdown: Markdown = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare runs and sweeps with each other and with published numbers; show any other record."""
    from qvar.cli.results.report import report_command

    report_command(records, out=out, figures=figures, formats=formats, as_markdown=markdown, as_json=json, quiet=quiet)


@records.command(rich_help_panel=_PANEL)
def dashboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, sweep folders, or folders that hold such.")],
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; by default any that is free.")] = None,
    refresh: Annotated[float, typer.Option(help="Seconds between looks at the records.")] = 2.0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Follow running searches on a page of this machine (needs the dashboard extra); Ctrl-C ends it."""
    from qvar.cli.results.dashboard import dashboard_command

    dashboard_command(runs, port=port, refresh_seconds=refresh, open_browser=open_, as_json=json, quiet=quiet)


@records.command("log", rich_help_panel=_PANEL)
def log_runs(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders and sweep folders.", autocompletion=completion.records)
    ],
    to: Annotated[str, typer.Option(help="Any of tensorboard, mlflow, wandb, separated by commas.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the records of runs, finished or not, to TensorBoard, MLflow or W&B; what they have is left out."""
    from qvar.cli.results.log import log_command

    log_command(runs, to=to, as_json=json, quiet=quiet)


@records.command(rich_help_panel=_PANEL)
def show(
    record: Annotated[
        Path,
        typer.Argument(
            help="The folder of a run, a sweep, a comparison of classifiers, or a latent space.",
            autocompletion=completion.records,
        ),
    ],
    json: Json = False,
) -> None:
    """Show what a run found, or what any other record holds."""
    from qvar.cli.results.show import show_run

    show_run(record, as_json=json)
