"""Features that nothing was learned for: how often each gate acts on each wire. The control for learned features."""

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import canonical
from qvar.latent.space import CircuitSpace, Structures

__all__ = ["gate_counts"]


def gate_counts(space: CircuitSpace, structures: Structures) -> NDArray[np.float32]:
    """Return counts of gates by kind and wire, the two wires of a gate told apart where the gate does.

    Args:
        space: names the gates.
        structures: shape (P, n_gates, 3).

    Returns:
        Shape (P, 2 * len(gates) * n_qubits): first and second wires; the latter is 0 for one-qubit gates, and
        those that do not tell their wires apart count both among the first.
    """
    ordered = canonical(space, structures).astype(np.int64)
    gate, first, second = ordered[..., 0], ordered[..., 1], ordered[..., 2]
    n, shape = len(ordered), (len(ordered), 2, len(space.gates), space.n_qubits)
    rows = np.broadcast_to(np.arange(n)[:, None], gate.shape)
    side = np.where(space.is_symmetric[gate], 0, 1)
    on_two = second >= 0
    firsts = np.ravel_multi_index((rows, np.zeros_like(gate), gate, first), shape)
    seconds = np.ravel_multi_index((rows[on_two], side[on_two], gate[on_two], second[on_two]), shape)
    counts = np.bincount(np.concatenate([firsts.ravel(), seconds]), minlength=int(np.prod(shape)))
    return counts.reshape(n, -1).astype(np.float32)
