"""The commands `qvar tasks`, `qvar devices` and `qvar presets`: what goes by name."""

from typing import Any

from rich.console import Console

from qvar.cli.printing import print_json
from qvar.problems import FAMILIES, Problem, find_problem, molecule, tasks
from qvar.report import device_table, family_table, preset_table, task_table
from qvar.search import EXPERIMENTS
from qvar.simulators.devices import DEVICES, fake_backend_names

__all__ = ["list_devices", "list_presets", "list_tasks", "task_row"]


def list_tasks(*, as_json: bool) -> None:
    """Print the shipped molecules, and the families of names with an example each."""
    molecules = [task_row(molecule(key), family=None) for key in tasks()]
    families = [{**task_row(find_problem(f.example), family=f.form), "title": f.title} for f in FAMILIES]
    if as_json:
        print_json(molecules + families)
    else:
        Console().print(task_table(list(molecules)))
        Console().print(family_table(list(families)))


def task_row(problem: Problem, *, family: str | None) -> dict[str, Any]:
    """Return what is listed of a problem, and the form of its family's names."""
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
