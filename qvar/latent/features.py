"""Features of circuits that need no training, and the weights by which gates count towards a feature.

Gates near the end of a wire say more about what a circuit can prepare than those before them: what comes last is what
is measured. A gate's weight is `DECAY` to the power of the number of gates that follow it on its wire, averaged over
its wires.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.canonical import as_structures
from qvar.latent.space import CircuitSpace
from qvar.simulators.errors import LatentError

__all__ = ["DECAY", "gate_counts", "gate_weights"]

DECAY = 0.6


def gate_weights(space: CircuitSpace, structures: ArrayLike, *, decay: float = DECAY) -> NDArray[np.float32]:
    """Return the weight of every gate, shape (P, n_gates), in (0, 1].

    Args:
        space: names the gates.
        structures: shape (P, n_gates, 3), whole numbers.
        decay: weight of a gate that one other follows, in (0, 1]; 1 weighs all alike.

    Raises:
        LatentError: for structures of another space, or a decay out of range.
    """
    given = as_structures(space, structures)
    by_wire = _by_wire(space, given, _checked(decay))
    return np.asarray(by_wire.sum(axis=2) / space.arities[given[..., 0]], dtype=np.float32)


def gate_counts(space: CircuitSpace, structures: ArrayLike, *, decay: float = DECAY) -> NDArray[np.float32]:
    """Return how often each gate sits on each wire, later ones weighing more; shape (P, n_gate_types * n_qubits).

    The plainest feature of a circuit, and the control that a learned one has to beat. Entry g * n_qubits + w is for
    gate g of `space.gates` on wire w.

    Args:
        space: names the gates.
        structures: shape (P, n_gates, 3), whole numbers.
        decay: see `gate_weights`; 1 counts.

    Raises:
        LatentError: as `gate_weights`.
    """
    given = as_structures(space, structures)
    by_wire = _by_wire(space, given, _checked(decay))
    counts = np.zeros((len(given), len(space.gates) * space.n_qubits), dtype=np.float32)
    for column in (0, 1):
        rows, places = np.nonzero(given[..., 1 + column] >= 0)
        gates, wires = given[rows, places, 0].astype(np.intp), given[rows, places, 1 + column]
        np.add.at(counts, (rows, gates * space.n_qubits + wires), by_wire[rows, places, column])
    return counts


def _checked(decay: float) -> float:
    if not 0 < decay <= 1:
        raise LatentError(f"a decay lies above 0 and is at most 1, got {decay}")
    return decay


def _by_wire(space: CircuitSpace, structures: NDArray[np.int8], decay: float) -> NDArray[np.float32]:
    """Return the weight of every gate on its first and second wire, 0 without one; shape (P, n_gates, 2)."""
    weights = np.zeros((*structures.shape[:2], 2), dtype=np.float32)
    after = np.ones((len(structures), space.n_qubits), dtype=np.float32)  # weight of what comes next from behind
    for place in range(space.n_gates - 1, -1, -1):
        for column in (0, 1):
            rows = np.flatnonzero(structures[:, place, 1 + column] >= 0)
            wires = structures[rows, place, 1 + column]
            weights[rows, place, column] = after[rows, wires]
            after[rows, wires] *= decay
    return weights
