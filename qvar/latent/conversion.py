"""Structures of a space as circuits, and circuits of any origin as structures."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.canonical import is_in_space
from qvar.latent.space import CircuitSpace, Structures
from qvar.simulators import Circuit, Operation, Slot
from qvar.simulators.errors import LatentError

__all__ = ["circuit_of", "structure_of"]


def circuit_of(space: CircuitSpace, structure: ArrayLike, angles: ArrayLike) -> tuple[Circuit, NDArray[np.float64]]:
    """Return the circuit of one structure, every angle a slot of its own, and the values of these slots.

    Args:
        space: names the gates.
        structure: shape (n_gates, 3), whole numbers.
        angles: shape (n_gates, 3), radians.

    Returns:
        The circuit, and a float64 array of shape (n_parameters,).
    """
    operations: list[Operation] = []
    theta: list[float] = []
    for (gate, first, second), values in zip(np.asarray(structure).tolist(), np.asarray(angles).tolist(), strict=True):
        n_angles = int(space.n_angles[gate])
        slots = tuple(Slot(len(theta) + k) for k in range(n_angles))
        wires = (first,) if second < 0 else (first, second)
        operations.append(Operation(space.gates[gate], wires, slots))
        theta += values[:n_angles]
    return Circuit(space.n_qubits, tuple(operations)), np.array(theta, dtype=np.float64)


def structure_of(
    space: CircuitSpace, circuit: Circuit, theta: ArrayLike | None = None
) -> tuple[Structures, NDArray[np.float64]]:
    """Return a circuit as a structure of a space, and its angles: the inverse of `circuit_of`.

    Args:
        space: a space that holds the circuit.
        circuit: its gates in any order of execution.
        theta: its free angles, shape (circuit.n_parameters,), radians; None for zeros.

    Returns:
        Structure, shape (n_gates, 3), and angles, float64 of the same shape, 0 where a gate has fewer than three.

    Raises:
        LatentError: for a circuit with other qubits, gates or places than the space has, or too deep.

    Example:
        >>> from qvar.simulators import Operation
        >>> structure_of(CircuitSpace(2, 2, 2), Circuit(2, (Operation("h", (0,)), Operation("cx", (0, 1)))))[0]
        array([[ 3,  0, -1],
               [ 7,  0,  1]], dtype=int8)
    """
    if (circuit.n_qubits, len(circuit.operations)) != (space.n_qubits, space.n_gates):
        raise LatentError(
            f"circuits of this space have {space.n_qubits} qubits and {space.n_gates} gates, this one has "
            f"{circuit.n_qubits} and {len(circuit.operations)}"
        )
    strange = sorted({operation.gate for operation in circuit.operations} - set(space.gates))
    if strange:
        raise LatentError(f"this space has the gates {', '.join(space.gates)}, not {', '.join(strange)}")
    bound = circuit.bind(np.zeros(circuit.n_parameters) if theta is None else theta)
    structure = np.array(
        [(space.gates.index(o.gate), o.qubits[0], o.qubits[1] if len(o.qubits) > 1 else -1) for o in bound.operations],
        dtype=np.int8,
    )
    if not is_in_space(space, structure[None])[0]:
        raise LatentError(f"this circuit is deeper than {space.max_depth}, or joins wires that this space does not")
    angles = np.zeros(structure.shape)
    for row, operation in zip(angles, bound.operations, strict=True):
        row[: len(operation.parameters)] = operation.parameters
    return structure, angles
