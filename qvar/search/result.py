"""What a search gives back: the circuit found, judged with noise and without, and what it cost."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.problems.problem import ACCURACY
from qvar.simulators import Circuit

__all__ = ["CHEMICAL_ACCURACY", "CircuitRecord", "Cost", "SearchResult"]

CHEMICAL_ACCURACY = ACCURACY["Ha"]
"""Chemical accuracy in Hartree, always of the noiseless energy against the exact one."""

GRADIENT_IN_ENERGIES = 3
"""What a gradient by reverse sweep counts in energies; it takes as long as 1.6 to 3.9 of them."""


@dataclass(frozen=True)
class Cost:
    """What a run spent.

    Attributes:
        steps: optimizations of all angles: in a search one after every gate placed (or every `optimize_every`-th), in
            a VQE one per start.
        evaluations: energies evaluated, those of gradients by parameter shift included.
        gradients: gradients by reverse sweep.
        shots: shots in all, 0 for exact values.
    """

    steps: int = 0
    evaluations: int = 0
    gradients: int = 0
    shots: int = 0

    @property
    def energies(self) -> int:
        """The cost in energies, the currency of budgets: a gradient by reverse sweep counts as three."""
        return self.evaluations + GRADIENT_IN_ENERGIES * self.gradients

    def plus(self, info: Mapping[str, Any], *, steps: int) -> "Cost":
        """Return the cost after adding what an environment's `info` reports."""
        return Cost(
            steps=self.steps + steps,
            evaluations=self.evaluations + int(info["evaluations"]),
            gradients=self.gradients + int(info["gradients"]),
            shots=self.shots + int(info["shots"]),
        )


@dataclass(frozen=True)
class CircuitRecord:
    """A circuit in a table of circuits.

    Attributes:
        n_cnots: gates on two qubits.
        n_rotations: gates with an angle.
        depth: moments.
        energy: exact value under the run's noise and read-out error, in the problem's unit.
        error: distance of the noiseless energy from the exact one.
        qasm: the circuit with its angles, OpenQASM 3.
    """

    n_cnots: int
    n_rotations: int
    depth: int
    energy: float
    error: float
    qasm: str

    @classmethod
    def of(cls, circuit: Circuit, parameters: NDArray[np.float64], *, energy: float, error: float) -> "CircuitRecord":
        """Return the record of a circuit with its angles."""
        return cls(
            n_cnots=circuit.n_two_qubit_gates,
            n_rotations=circuit.n_rotations,
            depth=circuit.depth(),
            energy=energy,
            error=error,
            qasm=circuit.to_qasm(parameters),
        )


@dataclass(frozen=True)
class SearchResult:
    """The best circuit of a search.

    Attributes:
        circuit: the circuit, its rotations being free angles.
        parameters: its angles, float64 of shape (circuit.n_parameters,), radians.
        energy: exact value under the run's noise and read-out error, fresh, in the problem's unit.
        noiseless_energy: the same circuit and angles without noise.
        exact_energy: lowest eigenvalue of the observable.
        unit: unit of the energies, as the problem has it.
        cost: what the search spent.
        seconds: wall time, that before interruptions included.
        history: one record per episode, as in metrics.jsonl.
        run: the run folder, None if nothing was written.
        before_pruning: the best circuit as the search found it; None if it was not pruned.
        pareto: the circuits tried that none beats in energy, CNOTs and depth at once, by falling energy.
    """

    circuit: Circuit
    parameters: NDArray[np.float64]
    energy: float
    noiseless_energy: float
    exact_energy: float
    unit: str
    cost: Cost
    seconds: float
    history: tuple[Mapping[str, Any], ...] = field(repr=False)
    run: Path | None = None
    before_pruning: CircuitRecord | None = None
    pareto: tuple[CircuitRecord, ...] = field(default=(), repr=False)

    @property
    def error(self) -> float:
        """Distance of the noiseless energy from the exact one."""
        return abs(self.noiseless_energy - self.exact_energy)

    @property
    def is_chemically_accurate(self) -> bool:
        """Whether the error is at most 1.6e-3 Hartree; never in another unit."""
        return self.unit == "Ha" and self.error <= CHEMICAL_ACCURACY

    @property
    def is_accurate(self) -> bool | None:
        """Whether the error is at most what to aim at in this unit, None where there is no such number."""
        aim = ACCURACY.get(self.unit)
        return None if aim is None else self.error <= aim

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON-able data, without the history and the other circuits."""
        pruned = {} if self.before_pruning is None else {"before_pruning": asdict(self.before_pruning)}
        return {
            "qasm": self.circuit.to_qasm(self.parameters),
            "parameters": self.parameters.tolist(),
            "energy": self.energy,
            "noiseless_energy": self.noiseless_energy,
            "exact_energy": self.exact_energy,
            "error": self.error,
            "unit": self.unit,
            "accurate": self.is_accurate,
            "chemically_accurate": self.is_chemically_accurate,
            "depth": self.circuit.depth(),
            "n_cnots": self.circuit.n_two_qubit_gates,
            "n_rotations": self.circuit.n_rotations,
            **asdict(self.cost),
            "seconds": self.seconds,
            **pruned,
        }
