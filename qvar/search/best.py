"""Which of two circuits is better, and how the better one is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators import Circuit, Operation, Slot

__all__ = ["BestCircuit"]

TIE = 1e-6
"""Values closer than this count as equal; then the circuit with fewer CNOTs, then fewer gates, wins."""


@dataclass(frozen=True)
class BestCircuit:
    """A circuit with its angles, its energy as the search saw it, and its value by which circuits are compared."""

    circuit: Circuit
    parameters: NDArray[np.float64]
    energy: float
    value: float

    def is_better_than(self, other: "BestCircuit") -> bool:
        """Tell whether this circuit has the lower value or, within 1e-6, the fewer gates."""
        if abs(self.value - other.value) > TIE:
            return self.value < other.value
        return self._size() < other._size()

    def _size(self) -> tuple[int, int]:
        return self.circuit.n_two_qubit_gates, len(self.circuit.operations)

    def to_dict(self) -> dict[str, Any]:
        """Return the circuit as JSON-able data."""
        operations = [
            [o.gate, list(o.qubits), [p.index if isinstance(p, Slot) else {"angle": p} for p in o.parameters]]
            for o in self.circuit.operations
        ]
        return {
            "n_qubits": self.circuit.n_qubits,
            "operations": operations,
            "parameters": self.parameters.tolist(),
            "energy": self.energy,
            "value": self.value,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "BestCircuit":
        """Rebuild what `to_dict` gave."""
        operations = tuple(
            Operation(gate, tuple(qubits), tuple(p["angle"] if isinstance(p, dict) else Slot(p) for p in parameters))
            for gate, qubits, parameters in data["operations"]
        )
        circuit = Circuit(int(data["n_qubits"]), operations)
        parameters = np.array(data["parameters"], dtype=np.float64)
        return cls(circuit, parameters, float(data["energy"]), float(data["value"]))
