"""Commands that list what there is; the work is in the modules they call."""

from typing import Annotated

import typer

from qvar.cli.options import Json

__all__ = ["lookup"]

lookup = typer.Typer()

_PANEL = "Look up"


@lookup.command(rich_help_panel=_PANEL)
def tasks(json: Json = False) -> None:
    """List the molecules that are shipped, and the families of other problems."""
    from qvar.cli.lookup.listing import list_tasks

    list_tasks(as_json=json)


@lookup.command(rich_help_panel=_PANEL)
def devices(
    fake: Annotated[bool, typer.Option("--fake", help="List the fake IBM backends too (needs the ibm extra).")] = False,
    json: Json = False,
) -> None:
    """List the devices whose noise is built in."""
    from qvar.cli.lookup.listing import list_devices

    list_devices(as_json=json, fake=fake)


@lookup.command(rich_help_panel=_PANEL)
def presets(json: Json = False) -> None:
    """List the presets of `qvar search`: one row for every published experiment."""
    from qvar.cli.lookup.listing import list_presets

    list_presets(as_json=json)
