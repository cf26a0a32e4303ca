"""Commands that make problem files; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli.options import Json, Quiet

__all__ = ["problems"]

problems = typer.Typer()

_PANEL = "Make problems"


@problems.command(rich_help_panel=_PANEL)
def molecule(
    geometry: Annotated[str, typer.Argument(help='Atoms and positions, such as "H 0 0 0; H 0 0 0.74".')],
    out: Annotated[Path, typer.Option(help="The problem file to write (.json).")],
    basis: Annotated[str, typer.Option(help="Basis set.")] = "sto-3g",
    unit: Annotated[str, typer.Option(help="angstrom or bohr.")] = "angstrom",
    charge: Annotated[int, typer.Option(help="Total charge.")] = 0,
    spin: Annotated[int, typer.Option(help="Unpaired electrons.")] = 0,
    active: Annotated[str | None, typer.Option(help="Active electrons and orbitals, such as 2,3.")] = None,
    mapping: Annotated[
        str, typer.Option(help="jordan_wigner, parity, parity_reduced, checksum or checksum_per_spin.")
    ] = "jordan_wigner",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a problem file of any molecule (needs the chemistry extra); search it with `qvar search FILE`."""
    from qvar.cli.problems.making import make_molecule

    make_molecule(
        geometry,
        out=out,
        basis=basis,
        unit=unit,
        charge=charge,
        spin=spin,
        active=active,
        mapping=mapping,
        as_json=json,
        quiet=quiet,
    )


@problems.command(rich_help_panel=_PANEL)
def maxcut(
    graph: Annotated[
        str, typer.Argument(help='Edges, weighted or not, such as "0-1, 1-2:0.5", or a graph such as ring-6.')
    ],
    out: Annotated[Path, typer.Option(help="The problem file to write (.json).")],
    json: Json = False,
) -> None:
    """Make a problem file of the largest cut of a graph; search it with `qvar search FILE`."""
    from qvar.cli.problems.making import make_max_cut

    make_max_cut(graph, out=out, as_json=json)
