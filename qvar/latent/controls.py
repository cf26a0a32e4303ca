"""Features of circuits that nobody trained: what a representation has to beat.

`flattened` keeps everything, gate after gate; `qvar.latent.features.gate_counts` keeps which gates act on which wires.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qvar.latent.features import gate_counts
from qvar.latent.space import CircuitSpace, Structures

__all__ = ["CONTROLS", "flattened"]


def flattened(space: CircuitSpace, structures: Structures) -> NDArray[np.float32]:
    """Return the one-hot gates and the -1/+1 wires of all slots side by side.

    Args:
        space: the circuits' space.
        structures: shape (P, n_gates, 3).

    Returns:
        Shape (P, n_gates * (len(gates) + n_qubits)).
    """
    gates, first, second = np.moveaxis(structures.astype(np.int64), -1, 0)
    wires = np.eye(space.n_qubits, dtype=np.float32)
    is_pair = (second >= 0)[..., None]
    position = np.where(is_pair, wires[second] - wires[first], wires[first])  # control -1, target +1; one wire +1
    slots = np.concatenate([np.eye(len(space.gates), dtype=np.float32)[gates], position], axis=-1)
    return np.asarray(slots.reshape(len(structures), -1), dtype=np.float32)


CONTROLS: dict[str, Callable[[CircuitSpace, Structures], NDArray[np.float32]]] = {
    "flattened one-hot": flattened,
    "counted gates": partial(gate_counts, decay=1.0),
    "gates, late ones more": gate_counts,
}
"""The controls by name."""
