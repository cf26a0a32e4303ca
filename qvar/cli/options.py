"""Options that several commands share."""

from typing import Annotated

import typer

__all__ = ["Json", "Log", "Quiet", "Seed"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; if it fails, one with the key error.")]
Log = Annotated[
    str | None,
    typer.Option("--log", help="Log the numbers to these, too: tensorboard, mlflow, wandb, separated by commas."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")]
Seed = Annotated[int, typer.Option(help="Seeds everything; the same seed gives the same record.")]
