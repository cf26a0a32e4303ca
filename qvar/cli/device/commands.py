"""The commands of `qvar device`; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.options import Json, Quiet

__all__ = ["device"]

device = typer.Typer(
    help="The noise of devices as files, for search and simulation without them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@device.callback()
def _device() -> None:
    """The noise of devices as files, for search and simulation without them."""


@device.command()
def snapshot(
    backend: Annotated[
        str,
        typer.Argument(help="fake:NAME, or the name of a device of your account.", autocompletion=completion.backends),
    ],
    out: Annotated[Path, typer.Option(help="The noise file to write (.json).")],
    qubits: Annotated[
        str | None, typer.Option(help="Physical qubits in order, such as 1,2,3,4; all of them if left out.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the noise of a device to a file; search under it with `qvar search TASK --noise FILE`."""
    from qvar.cli.device.snapshot import snapshot_command

    snapshot_command(backend, out=out, qubits=qubits, as_json=json, quiet=quiet)
