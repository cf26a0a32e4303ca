"""Tables for people: what a search, a VQE or a sweep found, which tasks and devices there are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qvar.problems.problem import ACCURACY
from qvar.report.searches.comparison import QUANTITIES, Group, accuracy_count, format_spread
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["comparison_table", "device_table", "family_table", "preset_table", "result_table", "task_table"]


def result_table(result: Mapping[str, Any], *, title: str, unit: str = "Ha") -> "Table":
    """Return the final table of a run from its result (see `SearchResult.to_dict`)."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="table.title"), title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right")
    aim = ACCURACY.get(unit)
    verdict = ""
    if aim is not None:
        name = "chemical accuracy" if unit == "Ha" else f"the aim of {aim:g}"
        verdict = f", {'within' if result['error'] <= aim else 'outside'} {name}"
    rows = [
        (f"energy with noise ({unit})", f"{result['energy']:.6f}"),
        (f"same circuit without noise ({unit})", f"{result['noiseless_energy']:.6f}"),
        (f"exact ground energy ({unit})", f"{result['exact_energy']:.6f}"),
        (f"noiseless error ({unit})", f"{result['error']:.2e}{verdict}"),
        ("depth", str(result["depth"])),
        ("CNOTs", str(result["n_cnots"])),
        ("rotations", str(result["n_rotations"])),
        ("optimizations", f"{result['steps']:,}"),
        ("energy evaluations", f"{result['evaluations']:,}"),
        ("gradient evaluations", f"{result['gradients']:,}"),
        ("shots", f"{result['shots']:,}" if result["shots"] else "none (exact values)"),
        ("seconds", f"{result['seconds']:.1f}"),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


@refusing("the record", RunError)
def comparison_table(groups: Sequence[Group]) -> "Table":
    """Return the table of experiments: mean ± standard deviation over their finished runs; 80 columns are enough."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    units = sorted({group.first.unit for group in groups})
    title = f"Mean ± standard deviation over the seeds; errors and energies in {', '.join(units)}"
    table = Table(title=Text(title, style="table.title"), title_justify="left", box=SIMPLE, padding=0)
    table.add_column("search")
    for heading in ("accurate", "error", "energy", "CNOTs", "rot.", "depth", "energies", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in groups:
        spreads = [(group.spread(name), pattern) for name, (_, pattern, _) in QUANTITIES.items()]
        numbers = [format_spread(spread, pattern).replace(" ± ", "\n± ") for spread, pattern in spreads]
        first = group.first
        name = " ".join(word for word in (first.task, first.noise, first.preset, first.algorithm) if word)
        unhappy = [f"{len(group.failed)} FAILED"] if group.failed else []
        unhappy += [f"{len(group.unfinished)} to do"] if group.unfinished else []
        accurate = Text("\n".join([accuracy_count(group), *unhappy]), style="bold red" if group.failed else "")
        table.add_row(Text(name), accurate, *map(Text, numbers))
    return table


def task_table(rows: list[Mapping[str, Any]]) -> "Table":
    """Return the table of the shipped molecules."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="Tasks", box=SIMPLE)
    for name in ("task", "qubits", "terms", "exact energy (Ha)", "HF error", "what"):
        table.add_column(name, justify="left" if name in ("task", "what") else "right", no_wrap=name != "what")
    for row in rows:
        error = row["hartree_fock_error"]
        table.add_row(
            row["task"],
            str(row["n_qubits"]),
            str(row["n_terms"]),
            f"{row['exact_energy']:.8f}",
            "" if error is None else f"{error:.2e}",
            row["title"],
        )
    return table


def family_table(rows: list[Mapping[str, Any]]) -> "Table":
    """Return the table of the families of problems, an example in each row."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title="Families of tasks: of the names, capitals are numbers and brackets may be left out", box=SIMPLE
    )
    for name in ("example", "qubits", "exact energy", "what, and how names are built"):
        is_text = name.startswith(("example", "what"))
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=not name.startswith("what"), overflow="fold"
        )
    for row in rows:
        energy = f"{row['exact_energy']:.6g} {row['unit']}"
        table.add_row(row["task"], str(row["n_qubits"]), energy, Text(f"{row['title']}\n{row['family']}"))
    return table


def device_table(rows: list[Mapping[str, Any]]) -> "Table":
    """Return the table of devices."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="Devices", box=SIMPLE)
    for name in ("device", "qubits", "coupled pairs", "what"):
        table.add_column(name, no_wrap=name == "device")
    for row in rows:
        table.add_row(row["device"], str(row["n_qubits"] or "any"), row["coupling"], row["title"])
    return table


def preset_table(rows: list[Mapping[str, Any]]) -> "Table":
    """Return the table of published experiments (see `Experiment.to_dict`)."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="Presets", box=SIMPLE, padding=0)
    for name in ("preset", "task", "noise", "shots", "episodes", "gates"):
        table.add_column(name, justify="right" if name in ("shots", "episodes", "gates") else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row["preset"] if row["published"] else f"{row['preset']} *",
            row["task"],
            row["noise"] or "none",
            "none" if row["shots"] is None else f"{row['shots']:.0e}".replace("e+0", "e"),
            str(row["episodes"]),
            str(row["max_gates"]),
        )
    return table
