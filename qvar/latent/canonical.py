"""When two structures are the same circuit: the canonical order of gates, and keys that are equal for equal circuits.

Gates on different wires commute as written lists do, so a circuit is a wire-labelled graph. Its canonical list has
the gates sorted by layer (each as soon as possible), then by lowest wire; wires of one layer are disjoint, so this
order is unique, and two lists have the same canonical list exactly if they are the same graph. Angles do not count.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.space import CircuitSpace, Structures
from qvar.simulators.errors import LatentError
from qvar.simulators.kernels import compiled

__all__ = ["angles_of", "are_in_place", "as_structures", "canonical", "depths", "is_in_space", "keys"]

_KERNELS = "qvar.latent.kernels"


def as_structures(space: CircuitSpace, structures: ArrayLike) -> Structures:
    """Return structures as a new int8 array of shape (P, n_gates, 3), gates and wires checked to exist.

    Raises:
        LatentError: for another shape, or entries that are no gate or no wire of the space.
    """
    given = np.asarray(structures)
    if given.ndim != 3 or given.shape[1:] != (space.n_gates, 3) or given.dtype.kind not in "iu":
        raise LatentError(
            f"structures are whole numbers of shape (P, {space.n_gates}, 3), got {given.dtype} of shape {given.shape}"
        )
    gate, first, second = given[..., 0], given[..., 1], given[..., 2]
    if not ((gate >= 0) & (gate < len(space.gates))).all():
        raise LatentError(f"gates are numbered 0..{len(space.gates) - 1}, got {gate.min()}..{gate.max()}")
    on_two = space.arities[gate] == 2
    exists = (first >= 0) & (first < space.n_qubits) & np.where(on_two, second < space.n_qubits, second == -1)
    if not (exists & (~on_two | ((second >= 0) & (second != first)))).all():
        raise LatentError(
            f"gates act on wires 0..{space.n_qubits - 1}, two different ones or one and -1; some of these do not"
        )
    return np.array(given, dtype=np.int8, order="C")


def canonical(space: CircuitSpace, structures: ArrayLike) -> Structures:
    """Return the canonical form of structures, shape (P, n_gates, 3), int8.

    Raises:
        LatentError: for structures that do not belong to the space's gates and wires.
    """
    ordered = as_structures(space, structures)
    compiled(_KERNELS, "canonical")(ordered, space.is_symmetric, space.n_qubits)
    return ordered


def keys(space: CircuitSpace, structures: ArrayLike) -> NDArray[np.uint64]:
    """Return 64 bits for each structure, shape (P,): equal for equal circuits, angles left aside.

    Different circuits share a key with probability 2**-64.
    """
    return keys_of_canonical(canonical(space, structures))


def keys_of_canonical(structures: Structures) -> NDArray[np.uint64]:
    """Return the keys of structures that are in canonical form."""
    out = np.empty(len(structures), dtype=np.uint64)
    compiled(_KERNELS, "keys")(np.ascontiguousarray(structures), out)
    return out


def depths(space: CircuitSpace, structures: ArrayLike) -> NDArray[np.int64]:
    """Return the depth of each structure, shape (P,)."""
    given = as_structures(space, structures)
    out = np.empty(len(given), dtype=np.int64)
    compiled(_KERNELS, "depths")(given, space.n_qubits, out)
    return out


def is_in_space(space: CircuitSpace, structures: ArrayLike) -> NDArray[np.bool_]:
    """Tell which structures belong to the space: every gate in one of its places, none too deep; shape (P,), bool.

    The order of the wires of symmetric gates does not matter.
    """
    given = canonical(space, structures)
    return np.asarray(are_in_place(space, given) & (depths(space, given) <= space.max_depth))


def are_in_place(space: CircuitSpace, structures: Structures) -> NDArray[np.bool_]:
    """Tell which structures, lower wires of symmetric gates first, have all gates in a place of the space; (P,)."""
    n = space.n_qubits
    allowed = np.zeros((len(space.gates), n, n + 1), dtype=bool)  # -1 is the last index
    for gate, name in enumerate(space.gates):
        places = space.placements(name)
        allowed[gate, places[:, 0], places[:, 1]] = True
    return np.asarray(allowed[structures[..., 0], structures[..., 1], structures[..., 2]].all(axis=1))


def angles_of(space: CircuitSpace, structures: ArrayLike, seed: int) -> NDArray[np.float64]:
    """Return angles for structures, shape (P, n_gates, 3), radians in [0, 2 pi); 0 where a gate has fewer than three.

    They depend on `seed` and on the circuit only: the same circuit, wherever it turns up, starts from the same angles.
    """
    given = canonical(space, structures)
    out = np.empty(given.shape, dtype=np.float64)
    word = np.uint64(seed % 2**64)
    compiled(_KERNELS, "angles")(given, keys_of_canonical(given), word, space.n_angles, out)
    return out
