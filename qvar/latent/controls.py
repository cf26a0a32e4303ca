"""Features of circuits that nobody trained: what a representation has to beat.

`flattened` keeps everything, gate after gate; `counted` keeps which gates act on which wires, without their order.
"""

import numpy as np
from numpy.typing import NDArray

from qvar.latent.space import CircuitSpace, Structures

__all__ = ["CONTROLS", "counted", "flattened"]


def flattened(space: CircuitSpace, structures: Structures) -> NDArray[np.float32]:
    """Return the one-hot gates and the -1/+1 wires of all slots side by side.

    Args:
        space: the circuits' space.
        structures: shape (P, n_gates, 3).

    Returns:
        Shape (P, n_gates * (len(gates) + n_qubits)).
    """
    return _slots(space, structures).reshape(len(structures), -1)


def counted(space: CircuitSpace, structures: Structures) -> NDArray[np.float32]:
    """Return the mean of the one-hot gates and wires over the slots, shape (P, len(gates) + n_qubits)."""
    return np.asarray(_slots(space, structures).mean(axis=1), dtype=np.float32)


def _slots(space: CircuitSpace, structures: Structures) -> NDArray[np.float32]:
    gates, first, second = np.moveaxis(structures.astype(np.int64), -1, 0)
    wires = np.eye(space.n_qubits, dtype=np.float32)
    is_pair = (second >= 0)[..., None]
    position = np.where(is_pair, wires[second] - wires[first], wires[first])  # control -1, target +1; one wire +1
    return np.concatenate([np.eye(len(space.gates), dtype=np.float32)[gates], position], axis=-1)


CONTROLS = {"flattened one-hot": flattened, "counted gates": counted}
"""The controls by name."""
