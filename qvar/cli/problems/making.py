"""The commands that write problem files: of a molecule, and of the largest cut of a graph."""

from pathlib import Path

from rich.console import Console

from qvar.cli.inputs import parse_integers
from qvar.cli.lookup.listing import task_row
from qvar.cli.outputs import check_new_file
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import waiting
from qvar.problems import max_cut, molecule_from_geometry
from qvar.simulators.errors import ProblemError

__all__ = ["make_max_cut", "make_molecule"]


def make_molecule(
    geometry: str,
    *,
    out: Path,
    basis: str,
    unit: str,
    charge: int,
    spin: int,
    active: str | None,
    mapping: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compute a molecular Hamiltonian and write it to a problem file."""
    check_new_file(out, ".json", what="a problem file")
    space = None
    if active is not None:
        numbers = parse_integers(active, option="--active")
        if len(numbers) != 2:
            raise ProblemError(f"--active takes two numbers, electrons and orbitals, got {active!r}")
        space = (numbers[0], numbers[1])
    with waiting("computing the Hamiltonian", visible=not (quiet or as_json)):
        problem = molecule_from_geometry(
            geometry, basis=basis, unit=unit, charge=charge, spin=spin, active_space=space, mapping=mapping
        )
    problem.to_json(out)
    if as_json:
        print_json({"file": str(out), **task_row(problem, family=None)})
        return
    print_line(f"{out}: {problem.title}, exact ground energy {problem.exact_energy:.8f} Ha", Console())
    if "electron_penalty" in problem.metadata:
        print_line(
            "note: a penalty keeps the molecule's own number of electrons lowest; see `source` in the file", Console()
        )


def make_max_cut(graph: str, *, out: Path, as_json: bool) -> None:
    """Write the problem file of the largest cut of a graph."""
    check_new_file(out, ".json", what="a problem file")
    problem = max_cut(graph)
    problem.to_json(out)
    if as_json:
        print_json({"file": str(out), **task_row(problem, family=None), "max_cut": problem.metadata["max_cut"]})
        return
    cut = f"{problem.metadata['max_cut']:g}"
    print_line(f"{out}: {problem.title}: {cut} ({problem.unit})", Console())
