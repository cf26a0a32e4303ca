"""The commands that list and show tasks, devices and runs, and those that make problem files."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from qvar.cli.inputs import parse_integers
from qvar.problems import FAMILIES, Problem, find_problem, max_cut, molecule, molecule_from_geometry, tasks
from qvar.report import device_table, family_table, preset_table, result_table, task_table
from qvar.report.hardware import hardware_table, records_of_run
from qvar.report.kinds import record_kind
from qvar.runs import RunFolder
from qvar.search import EXPERIMENTS
from qvar.simulators import Circuit
from qvar.simulators.devices import DEVICES, fake_backend_names
from qvar.simulators.errors import ProblemError, RunError

__all__ = [
    "list_devices",
    "list_presets",
    "list_tasks",
    "make_max_cut",
    "make_molecule",
    "print_circuit",
    "print_json",
    "print_line",
    "show_run",
]


def print_json(data: Any) -> None:
    """Print JSON on standard output."""
    sys.stdout.write(json.dumps(data, indent=1) + "\n")


def list_tasks(*, as_json: bool) -> None:
    """Print the shipped molecules, and the families of names with an example each."""
    molecules = [_task_row(molecule(key), family=None) for key in tasks()]
    families = [{**_task_row(find_problem(f.example), family=f.form), "title": f.title} for f in FAMILIES]
    if as_json:
        print_json(molecules + families)
    else:
        Console().print(task_table(list(molecules)))
        Console().print(family_table(list(families)))


def _task_row(problem: Problem, *, family: str | None) -> dict[str, Any]:
    hartree_fock = problem.hartree_fock_energy
    return {
        "task": problem.key,
        "family": family,
        "title": problem.title,
        "n_qubits": problem.n_qubits,
        "n_terms": len(problem.observable.labels),
        "exact_energy": problem.exact_energy,
        "unit": problem.unit,
        "hartree_fock_error": None if hartree_fock is None else hartree_fock - problem.exact_energy,
        "recipe": problem.source,
    }


def list_devices(*, as_json: bool, fake: bool) -> None:
    """Print the built-in devices and, on request, the fake backends."""
    rows: list[dict[str, Any]] = [
        {
            "device": name,
            "n_qubits": numbers.n_qubits,
            "coupling": "all" if numbers.edges is None else ", ".join(f"{a}-{b}" for a, b in numbers.edges),
            "title": numbers.title,
        }
        for name, numbers in DEVICES.items()
    ]
    if fake:
        names = fake_backend_names()
        title = "calibration snapshot of qiskit-ibm-runtime"
        rows += [{"device": f"fake:{n}", "n_qubits": None, "coupling": "as the device", "title": title} for n in names]
    if as_json:
        print_json(rows)
    else:
        Console().print(device_table(list(rows)))
        if not fake:
            Console().print(
                "Also: fake:NAME for a fake IBM backend (list: qvar devices --fake), or a .json noise file."
            )


def list_presets(*, as_json: bool) -> None:
    """Print the published experiments."""
    rows: list[dict[str, Any]] = [experiment.to_dict() for experiment in EXPERIMENTS]
    if as_json:
        print_json(rows)
        return
    Console().print(preset_table(list(rows)))
    Console().print(
        "Run a row with: qvar search TASK --preset PRESET --noise NOISE --shots SHOTS; leave out what is none. "
        "Episodes are halted at random with -halting and, but for -no-halting, with noise; -exact has the exact energy "
        "as reference. * is not published and takes the row of h2o-8-bohr. Agents and optimizers: --json. The default "
        "preset is not in the list: it suits any problem, noise and shots."
    )


def print_circuit(circuit: Circuit, console: Console) -> None:
    """Print the text drawing of a circuit, folded to the console."""
    console.print(str(circuit.draw(width=console.width)), highlight=False, markup=False)


def print_line(text: str, console: Console) -> None:
    """Print a line as it is: names and paths in it are neither markup nor wrapped."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_run(path: Path, *, as_json: bool) -> None:
    """Print the result, the circuit and the files of a run; of any other record its tables."""
    if record_kind(path) != "run":
        from qvar.cli.reporting import find_report

        report = find_report([path], quiet=True, measure=False)
        print_json(report.data()) if as_json else report.show(Console())
        return
    folder = RunFolder.open(path)
    result = folder.result()
    if as_json:
        executed = [record.to_dict() for record in records_of_run(path)]
        print_json({"id": folder.id, **result} | ({"hardware": executed} if executed else {}))
        return
    console = Console()
    try:
        problem, engine = folder.config["problem"], folder.config["engine"]
        device = "no noise" if engine["noise"] is None else engine["noise"]["name"]
        title = f"{problem['key']}, {device}, seed {folder.config['seed']}"
        console.print(result_table(result, title=title, unit=problem["unit"]))
        print_circuit(Circuit.from_qasm(result["qasm"]), console)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"the record in {path} is incomplete or damaged: {error!r}") from error
    if records := records_of_run(path):
        console.print(hardware_table(records))
    print_line(f"run {folder.id} in {path}: {', '.join(sorted(p.name for p in path.iterdir()))}", console)


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
) -> None:
    """Compute a molecular Hamiltonian and write it to a problem file."""
    _check_new_file(out)
    space = None
    if active is not None:
        numbers = parse_integers(active, option="--active")
        if len(numbers) != 2:
            raise ProblemError(f"--active takes two numbers, electrons and orbitals, got {active!r}")
        space = (numbers[0], numbers[1])
    problem = molecule_from_geometry(
        geometry, basis=basis, unit=unit, charge=charge, spin=spin, active_space=space, mapping=mapping
    )
    problem.to_json(out)
    if as_json:
        print_json({"file": str(out), **_task_row(problem, family=None)})
        return
    print_line(f"{out}: {problem.title}, exact ground energy {problem.exact_energy:.8f} Ha", Console())
    if "electron_penalty" in problem.metadata:
        print_line(
            "note: a penalty keeps the molecule's own number of electrons lowest; see `source` in the file", Console()
        )


def make_max_cut(graph: str, *, out: Path, as_json: bool) -> None:
    """Write the problem file of the largest cut of a graph."""
    _check_new_file(out)
    problem = max_cut(graph)
    problem.to_json(out)
    if as_json:
        print_json({"file": str(out), **_task_row(problem, family=None), "max_cut": problem.metadata["max_cut"]})
        return
    cut = f"{problem.metadata['max_cut']:g}"
    print_line(f"{out}: {problem.title}: {cut} ({problem.unit})", Console())


def _check_new_file(out: Path) -> None:
    if out.exists():
        raise ProblemError(f"{out} already exists; nothing was overwritten")
    if out.suffix != ".json":
        raise ProblemError(f"a problem file ends in .json, got {out}")
    if not out.parent.is_dir():
        raise ProblemError(f"the folder {out.parent} for {out.name} does not exist; make it first")
