"""The commands that only simulate: the energy of a given circuit, and compiling kernels ahead."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from qvar.cli.inputs import find_engine, find_problem
from qvar.cli.listing import print_json, print_line
from qvar.problems.catalogue import is_problem_name
from qvar.simulators import Circuit, Engine, Objective, Observable
from qvar.simulators.errors import CircuitError, EngineError, QvarError
from qvar.simulators.pauli_propagation import PropagationObjective

__all__ = ["EnergyOptions", "compile_command", "energy_command", "read_angles", "read_circuit"]

_KERNELS = (
    "qvar.simulators.kernels.planning",
    "qvar.simulators.kernels.pauli_transfer",
    "qvar.simulators.kernels.rotosolve",
    "qvar.simulators.kernels.statevector",
    "qvar.simulators.kernels.propagation.run",
    "qvar.optimizers.kernels",
)
MakeObjective = Callable[[Engine, Circuit], Objective]
"""Makes the objective of a circuit on an engine."""

_TERM = re.compile(r"\s*([+-]?)\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*\*?\s*)?([IXYZ]+)\s*")


@dataclass(frozen=True)
class EnergyOptions:
    """What `qvar energy` was asked."""

    circuit: Path
    observable: str
    angles: str | None
    noise: str
    qubits: str | None
    engine: str | None
    shots: int | None
    seed: int


def energy_command(options: EnergyOptions, *, as_json: bool) -> None:
    """Print the energy of a circuit, under noise and without."""
    circuit = read_circuit(options.circuit)
    make_objective = find_objective(options.observable)
    theta = read_angles(options.angles, circuit)
    engine = find_engine(options.engine, noise=options.noise, qubits=options.qubits, n_qubits=circuit.n_qubits)
    objective = make_objective(engine, circuit)
    how = "exact" if options.shots is None else f"{options.shots} shots per measured circuit, seed {options.seed}"
    row: dict[str, Any] = {
        "circuit": str(options.circuit),
        "engine": engine.name,
        "noise": options.noise,
        "shots": options.shots,
        "seed": options.seed if options.shots else None,
    }
    if options.shots is not None:
        objective = objective.with_shots(options.shots, np.random.default_rng(options.seed))
    if isinstance(objective, PropagationObjective):
        found = objective.propagate(theta)
        row |= {"energy": found.value, "error_estimate": found.error_estimate, "error_bound": found.error_bound}
        how = f"truncated, error about {found.error_estimate:.1g}"
    else:
        row["energy"] = objective(theta)
    row["noiseless_energy"] = None if options.noise == "none" else _noiseless(options, circuit, make_objective, theta)
    if as_json:
        print_json(row)
        return
    console = Console()
    print_line(f"{row['energy']:.10f}  {engine.name}, noise {options.noise}, {how}", console)
    if row["noiseless_energy"] is not None:
        print_line(f"{row['noiseless_energy']:.10f}  without noise", console)


def _noiseless(
    options: EnergyOptions, circuit: Circuit, make_objective: MakeObjective, theta: NDArray[np.float64]
) -> float | None:
    """Return the energy without noise by the same engine, or None if it cannot tell."""
    try:
        engine = find_engine(options.engine, noise="none", qubits=None, n_qubits=circuit.n_qubits)
        return make_objective(engine, circuit)(theta)
    except EngineError:
        return None


def find_objective(text: str) -> MakeObjective:
    """Return what makes the objective of a task, a problem file, or a sum of Pauli strings."""
    if text.endswith(".json") or is_problem_name(text):
        return find_problem(text).objective
    observable = parse_observable(text)
    return lambda engine, circuit: engine.objective(circuit, observable)


def parse_observable(text: str) -> Observable:
    """Return the sum of Pauli strings that `text` spells out."""
    terms: dict[str, float] = {}
    end = 0
    while end < len(text):
        match = _TERM.match(text, end)
        if match is None or (terms and not match[1]):
            raise QvarError(
                f"an observable is a task (see `qvar tasks`), a problem file (.json), or a sum of Pauli strings such "
                f"as '0.5*ZZ - XI'; got {text!r}"
            )
        terms[match[3]] = terms.get(match[3], 0.0) + float(match[1] + (match[2] or "1"))
        end = match.end()
    return Observable.from_terms(terms)


def read_circuit(path: Path) -> Circuit:
    """Return the circuit in an OpenQASM 3 file."""
    try:
        return Circuit.from_qasm(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CircuitError(f"cannot read the circuit {path}: {error.strerror}; give an OpenQASM 3 file") from None
    except UnicodeDecodeError as error:
        raise CircuitError(f"cannot read the circuit {path}: {error}; give an OpenQASM 3 file") from None


def read_angles(text: str | None, circuit: Circuit) -> NDArray[np.float64]:
    """Return the free angles of a circuit from text such as 0.1,0.2."""
    try:
        angles = [] if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise QvarError(f"--angles takes numbers separated by commas, got {text!r}") from None
    if len(angles) != circuit.n_parameters:
        raise QvarError(f"the circuit has {circuit.n_parameters} free angle(s), --angles gives {len(angles)}")
    return circuit.check_parameters(angles)


def compile_command(*, as_json: bool) -> None:
    """Compile every kernel that is not on disk yet."""
    from qvar.simulators.kernels import compiled

    start = time.perf_counter()
    n_kernels = 0
    for module in _KERNELS:
        for function in import_module(module).SIGNATURES:
            compiled(module, function)
            n_kernels += 1
    seconds = time.perf_counter() - start
    if as_json:
        print_json({"n_kernels": n_kernels, "seconds": seconds})
    else:
        print_line(f"{n_kernels} kernels ready after {seconds:.1f} s", Console())
