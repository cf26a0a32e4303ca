"""Circuits as bags of gates: counts of (gate, wires), on which the estimators of this package work.

A bag forgets the order of gates, so it is no substitute for the graph auto-encoder; it serves completion of partial
circuits by `MultVAE`, whose `reconstruct` ranks the gates to add, and quick looks at a pool with any other member.
"""

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import as_structures
from qvar.latent.space import CircuitSpace, Structures
from qvar.simulators.errors import LatentError

__all__ = ["bags", "tokens"]


def tokens(space: CircuitSpace) -> Structures:
    """Return every gate that the space may place, int8 rows (gate, first wire, second wire), shape (n_tokens, 3)."""
    rows = []
    for index, gate in enumerate(space.gates):
        placements = space.placements(gate)
        rows.append(np.column_stack([np.full(len(placements), index), placements]))
    return np.asarray(np.concatenate(rows), dtype=np.int8)


def bags(space: CircuitSpace, structures: Structures) -> NDArray[np.float64]:
    """Return how often each circuit holds each token of `tokens`, shape (P, n_tokens); rows add up to the gate count.

    The wires of gates that do not tell them apart may come in either order.

    Raises:
        LatentError: for structures of another space, or a gate where the space does not place it.
    """
    structures = as_structures(space, structures)
    known = tokens(space).astype(np.int64)
    numbers = np.full((len(space.gates), space.n_qubits, space.n_qubits + 1), -1)
    numbers[known[:, 0], known[:, 1], known[:, 2]] = np.arange(len(known))
    gate, first, second = np.moveaxis(structures.astype(np.int64), -1, 0)
    found = numbers[gate, first, second]
    swapped = numbers[gate, np.maximum(second, 0), first]
    found = np.where((found < 0) & (second >= 0) & space.is_symmetric[gate], swapped, found)
    if (found < 0).any():
        circuit, slot = np.argwhere(found < 0)[0]
        raise LatentError(
            f"circuit {circuit} holds {structures[circuit, slot].tolist()} in slot {slot}, not of this space"
        )
    counts = np.zeros((len(structures), len(known)))
    np.add.at(counts, (np.arange(len(structures))[:, None], found), 1.0)
    return counts
