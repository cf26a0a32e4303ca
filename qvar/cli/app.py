"""The command `qvar`: all commands and groups of commands in the order of its help."""

from typing import Annotated

import typer

from qvar.cli.classify.commands import classification
from qvar.cli.device.commands import device
from qvar.cli.hardware.commands import hardware
from qvar.cli.latent.commands import latent
from qvar.cli.lookup.commands import lookup
from qvar.cli.problems.commands import problems
from qvar.cli.results.commands import records
from qvar.cli.search.commands import searching
from qvar.cli.simulate.commands import simulation

__all__ = ["app"]

app = typer.Typer(
    name="qvar",
    help="Noisy simulation, variational algorithms and quantum architecture search on a laptop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (searching, simulation, classification, records, lookup, problems):
    app.registered_commands.extend(commands.registered_commands)
app.add_typer(latent, name="latent", rich_help_panel="Latent search")
app.add_typer(hardware, name="hardware", rich_help_panel="Hardware")
app.add_typer(device, name="device", rich_help_panel="Hardware")


def _version(wanted: bool) -> None:
    if wanted:
        import qvar

        typer.echo(f"qvar {qvar.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Noisy simulation, variational algorithms and quantum architecture search on a laptop."""
