"""Options that several commands for hardware share."""

from typing import Annotated

import typer

__all__ = ["MaxJobs", "MaxQpuSeconds", "MaxShots", "Resubmit", "Yes"]

MaxQpuSeconds = Annotated[
    float | None,
    typer.Option(help="Seconds of quantum processor that all jobs together may cost; needed for real hardware."),
]
MaxShots = Annotated[int | None, typer.Option(help="Executions of circuits that all jobs together may take.")]
MaxJobs = Annotated[int | None, typer.Option(help="Jobs that may be submitted.")]
Resubmit = Annotated[
    bool,
    typer.Option(
        "--resubmit",
        help="Send jobs again whose submission had no answer and that are not found at IBM; look there yourself first.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Submit to real hardware without asking, within the limits.")]
