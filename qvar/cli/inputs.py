"""Turn the words of the command line into problems, engines, circuits and numbers, or say what is wrong with them."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qvar import problems, simulators
from qvar.optimizers import AQGD, LBFGS, SPSA, Adagrad, Adam, AdamSPSA, Cobyla, CompactLBFGS, Optimizer, Rotosolve
from qvar.problems import Problem
from qvar.problems.catalogue import is_problem_name
from qvar.simulators import Circuit, Engine, NoiseModel, Objective, Observable
from qvar.simulators.errors import EngineError, NoiseModelError, OptimizerError, QvarError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "MakeObjective",
    "find_engine",
    "find_objective",
    "find_optimizer",
    "find_problem",
    "given_options",
    "parse_integers",
    "parse_names",
    "parse_observable",
    "parse_seeds",
    "read_angles",
]

_MOST_SEEDS = 100_000

MakeObjective = Callable[[Engine, Circuit], Objective]
"""Makes the objective of a circuit on an engine."""

_TERM = re.compile(r"\s*([+-]?)\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*\*?\s*)?([IXYZ]+)\s*")

_OPTIMIZERS: dict[str, Optimizer] = {
    "lbfgs": LBFGS(),
    "compact-lbfgs": CompactLBFGS(),
    "cobyla": Cobyla(),
    "adam-spsa": AdamSPSA(),
    "spsa": SPSA(),
    "rotosolve": Rotosolve(),
    "adam": Adam(),
    "adagrad": Adagrad(),
    "aqgd": AQGD(),
}


def find_problem(task: str) -> Problem:
    """Return the problem of that name, or the one in a file."""
    return Problem.from_json(Path(task)) if task.endswith(".json") else problems.find_problem(task)


def find_engine(
    name: str | None, *, noise: str, qubits: str | None, n_qubits: int, ignore_coupling: bool = False
) -> Engine:
    """Return an engine with the noise of a device.

    Args:
        name: "pauli-transfer", "statevector", "aer", "aer:METHOD", "propagation" or "pennylane:DEVICE"; None for the
            first with noise, the second without.
        noise: a device as `NoiseModel.named` takes it, or "none".
        qubits: physical qubits as text, such as "1,2,3,4"; None for the first ones.
        n_qubits: qubits of the problem.
        ignore_coupling: drop the device's coupling map.
    """
    model = None if noise == "none" else _find_noise(noise, qubits, n_qubits)
    if model is None and qubits is not None:
        raise NoiseModelError("--qubits chooses qubits of a device; give the device with --noise")
    if model is not None and ignore_coupling:
        model = model.without_coupling()
    if name is None:
        name = "statevector" if model is None else "pauli-transfer"
    # Names resolve one by one: Qiskit Aer and PennyLane take seconds to load.
    if name == "pauli-transfer":
        return simulators.PauliTransferSimulator(model)
    if name == "aer":
        return simulators.AerSimulator(model)
    if name.startswith("aer:"):
        return simulators.AerSimulator(model, method=name.removeprefix("aer:"))
    if name == "propagation":
        return simulators.PauliPropagationSimulator(model)
    if name.startswith("pennylane:"):
        return simulators.PennyLaneSimulator(name.removeprefix("pennylane:"), noise=model)
    if name == "statevector":
        if model is not None:
            raise EngineError("the statevector engine has no noise; use --engine pauli-transfer or aer")
        return simulators.StatevectorSimulator()
    if name.startswith("runtime:"):
        raise EngineError(
            f"{name!r} is hardware, where every energy is a job; use it with qvar vqe or qvar hardware run"
        )
    raise EngineError(
        f"unknown engine {name!r}; known: pauli-transfer, statevector, aer, aer:METHOD, propagation, pennylane:DEVICE"
    )


def _find_noise(noise: str, qubits: str | None, n_qubits: int) -> NoiseModel:
    chosen = None if qubits is None else parse_integers(qubits, option="--qubits")
    if chosen is not None and len(chosen) != n_qubits:
        raise NoiseModelError(f"the problem has {n_qubits} qubits, --qubits names {len(chosen)}")
    if chosen is None and noise.startswith("fake:"):
        chosen = list(range(n_qubits))
    model = NoiseModel.named(noise, qubits=chosen)
    if model.n_qubits is not None and model.n_qubits < n_qubits:
        raise NoiseModelError(f"device {noise!r} has {model.n_qubits} qubits, the problem needs {n_qubits}")
    return model


def find_optimizer(name: str | None) -> Optimizer | None:
    """Return the optimizer called `name`, None for None."""
    if name is None:
        return None
    if name not in _OPTIMIZERS:
        raise OptimizerError(f"unknown optimizer {name!r}; known are {', '.join(_OPTIMIZERS)}")
    return _OPTIMIZERS[name]


def parse_integers(text: str, *, option: str) -> list[int]:
    """Return the comma-separated whole numbers in `text`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise QvarError(f"{option} takes whole numbers separated by commas, got {text!r}") from None


def parse_seeds(text: str) -> list[int]:
    """Return the seeds in a text such as "0-4" or "1,3,7-9".

    Raises:
        QvarError: if it is not made of whole numbers and rising ranges.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            numbers = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            numbers = range(0)
        if not numbers:
            raise QvarError(f"--seeds takes seeds and rising ranges, such as 0-4 or 1,3,7-9, got {text[:60]!r}")
        if numbers[-1] - numbers[0] >= _MOST_SEEDS:
            raise QvarError(f"--seeds {part} asks for more than {_MOST_SEEDS:,} seeds; give fewer")
        seeds += numbers
    return seeds


def parse_names(text: str, *, option: str) -> tuple[str, ...]:
    """Return the comma-separated names in `text`, which must differ."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise QvarError(f"{option} takes different names, separated by commas, got {text!r}")
    return names


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


def read_angles(text: str | None, circuit: Circuit) -> NDArray[np.float64]:
    """Return the free angles of a circuit from text such as 0.1,0.2."""
    try:
        angles = [] if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise QvarError(f"--angles takes numbers separated by commas, got {text!r}") from None
    if len(angles) != circuit.n_parameters:
        raise QvarError(f"the circuit has {circuit.n_parameters} free angle(s), --angles gives {len(angles)}")
    return circuit.check_parameters(angles)


def given_options(options: "DataclassInstance") -> list[str]:
    """Return the options of a command that are not at their defaults, as they are typed: --max-gates for max_gates."""
    given = [f.name for f in fields(options) if getattr(options, f.name) != f.default]
    return [f"--{name.replace('_', '-')}" for name in given]
