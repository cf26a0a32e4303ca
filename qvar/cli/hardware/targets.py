"""What to execute on hardware: the circuit that a run found, or one in a file, with its observable."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from qvar.cli.inputs import find_problem, parse_integers, parse_observable, read_angles
from qvar.problems import Problem
from qvar.problems.catalogue import is_problem_name
from qvar.runs import RunFolder
from qvar.simulators import Circuit, Observable
from qvar.simulators.errors import HardwareError, RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["Target", "find_layout", "find_target"]

_NOISE_NAME = re.compile(r"(?P<device>[\w.-]+)(?: qubits (?P<qubits>\d+(?:,\d+)*))?")


@dataclass(frozen=True)
class Target:
    """A circuit without free angles and what to measure.

    Attributes:
        title: for tables and figures.
        circuit: on the qubits of the observable.
        observable: what to measure.
        home: folder below which records are put.
        unit: of the observable, "" if unknown.
        exact: its lowest eigenvalue, None if unknown.
        searched_on: device and physical qubits whose noise the circuit was found under; None if it was none of a
            device.
    """

    title: str
    circuit: Circuit
    observable: Observable
    home: Path
    unit: str = ""
    exact: float | None = None
    searched_on: tuple[str, tuple[int, ...]] | None = None


def find_target(path: Path, *, task: str | None, angles: str | None) -> Target:
    """Return what a run folder, or a file with a circuit, asks to execute.

    Args:
        path: a run folder, a .qasm file (OpenQASM) or a .qpy file (Qiskit).
        task: what to measure: a task, a problem file or Pauli strings; not for runs, which have one.
        angles: free angles of the circuit in a file, as text.

    Raises:
        HardwareError: if something is missing or too much.
        QvarError: if the run or file cannot be read.
    """
    if path.is_dir():
        if task is not None or angles is not None:
            raise HardwareError(f"{path} is a run and has its task and angles; leave out TASK and --angles")
        return _of_run(path)
    if task is None:
        raise HardwareError(
            f"what is to be measured in {path}? Give a task, a problem file, or Pauli strings: '0.5*ZZ - XI'"
        )
    circuit = Circuit.from_file(path)
    bound = circuit.bind(read_angles(angles, circuit))
    if task.endswith(".json") or is_problem_name(task):
        return _of_problem(find_problem(task), bound, Path("hardware"), path.stem)
    return Target(f"{path.stem}, {task}", bound, parse_observable(task), Path("hardware"))


def _of_run(path: Path) -> Target:
    folder = RunFolder.open(path)
    result = folder.result()
    try:
        problem = Problem.from_dict(folder.config["problem"])
        noise = folder.config["engine"]["noise"]
        circuit = Circuit.from_qasm(result["qasm"])
    except UNREADABLE as error:
        raise RunError(f"the record in {path} is incomplete or damaged: {error!r}") from None
    target = _of_problem(problem, circuit, path / "hardware", path.resolve().name)
    return replace(target, searched_on=None if noise is None else _searched_on(noise["name"], circuit.n_qubits))


def _of_problem(problem: Problem, circuit: Circuit, home: Path, name: str) -> Target:
    if problem.n_references:
        raise HardwareError(f"{problem.key} needs perfect reference qubits, which no device has; simulate it instead")
    title = f"{name}: {problem.title}"
    return Target(title, circuit, problem.observable, home, problem.unit, problem.exact_energy)


def _searched_on(name: str, n_qubits: int) -> tuple[str, tuple[int, ...]] | None:
    found = _NOISE_NAME.fullmatch(name)
    if found is None:
        return None
    qubits = tuple(range(n_qubits)) if found["qubits"] is None else tuple(map(int, found["qubits"].split(",")))
    return (found["device"], qubits) if len(qubits) == n_qubits else None


def find_layout(text: str, target: Target, device: str) -> tuple[int, ...] | None:
    """Return the initial layout that `--layout` asks for, None for a free choice.

    Args:
        text: "searched" for the qubits under whose noise the circuit was found if this is their device, else a free
            choice; "best" for a free choice; or physical qubits such as "1,2,3".
        target: what to execute.
        device: name of the backend.

    Raises:
        HardwareError: for another number of qubits than the circuit has.
    """
    if text == "best":
        return None
    if text == "searched":
        known = target.searched_on
        return known[1] if known is not None and known[0] == device else None
    layout = tuple(parse_integers(text, option="--layout"))
    if len(layout) != target.circuit.n_qubits:
        raise HardwareError(f"the circuit has {target.circuit.n_qubits} qubits, --layout names {len(layout)}")
    return layout
