"""The command `qvar energy`: one circuit, under noise and without."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from qvar.cli.inputs import MakeObjective, find_engine, find_objective, read_angles
from qvar.cli.printing import print_json, print_line
from qvar.simulators import Circuit
from qvar.simulators.errors import EngineError
from qvar.simulators.pauli_propagation import PropagationObjective

__all__ = ["EnergyOptions", "energy_command"]


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
    circuit = Circuit.from_file(options.circuit)
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
