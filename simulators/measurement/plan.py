"""Which bases an observable is measured in, and what each outcome is worth.

Terms that share a measurement basis qubit by qubit are measured together (see `measurement.grouping`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.measurement.grouping import PauliGroups
from qvar.simulators.memory import check_memory
from qvar.simulators.observable import Observable

__all__ = ["MeasurementPlan", "apply_local"]

_ADVICE = "use AerSimulator, which keeps only the outcomes that occur, or fewer qubits"


@dataclass(frozen=True)
class MeasurementPlan:
    """Which bases to measure an observable in, and what each outcome is worth.

    Attributes:
        bases: int64 of shape (n_groups, n_qubits), the letter (1, 2, 3 for X, Y, Z) each qubit is measured in.
        values: float64 of shape (n_groups, 2**n_qubits), the energy of each outcome, qubit 0 the lowest bit.
        constant: coefficient of the identity, known without measuring.
        weights: float64 of shape (n_groups,), the sum of the absolute coefficients in each group.
    """

    bases: NDArray[np.int64]
    values: NDArray[np.float64]
    constant: float
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, observable: Observable) -> "MeasurementPlan":
        """Group the terms (see `qvar.simulators.measurement.grouping`) and tabulate what the outcomes are worth."""
        groups = PauliGroups.of(observable)
        n = observable.n_qubits
        n_bytes = (8 * groups.n_groups + 24 * n) << n
        check_memory(n_bytes, f"the outcomes of {groups.n_groups} measured groups", advice=_ADVICE)
        bits = (np.arange(2**observable.n_qubits)[:, None] >> np.arange(observable.n_qubits)) & 1
        values = np.zeros((groups.n_groups, len(bits)))
        for group, row in enumerate(values):
            row += groups.outcome_values(group, bits)
        return cls(groups.bases, values, observable.identity_coefficient, groups.weights)

    @property
    def n_groups(self) -> int:
        """Number of circuits that must be measured."""
        return len(self.bases)


def apply_local(vectors: NDArray[Any], matrices: NDArray[Any]) -> NDArray[Any]:
    """Apply a 2x2 matrix to every qubit of every row.

    Args:
        vectors: shape (n_groups, 2**n_qubits), qubit 0 the lowest bit.
        matrices: shape (n_groups, n_qubits, 2, 2).

    Returns:
        Array of the shape of `vectors`.
    """
    n_groups, size = vectors.shape
    for q in range(matrices.shape[1]):
        split = vectors.reshape(n_groups, size >> (q + 1), 2, 1 << q)
        vectors = np.einsum("gij,gajb->gaib", matrices[:, q], split).reshape(n_groups, size)
    return vectors
