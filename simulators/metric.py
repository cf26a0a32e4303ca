"""The Fubini-Study metric: how far the state of a circuit moves when its angles do."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import EngineError
from qvar.simulators.gates import PAULIS, gate_matrix
from qvar.simulators.input_states import amplitudes

__all__ = ["fubini_study_metric"]

Complexes = NDArray[np.complex128]

_GENERATORS: dict[str, NDArray[Any]] = {
    **{gate: PAULIS[k] for gate, k in (("rx", 1), ("ry", 2), ("rz", 3))},
    **{gate: np.kron(PAULIS[k], PAULIS[k]) for gate, k in (("rxx", 1), ("ryy", 2), ("rzz", 3))},
}
_MAX_BYTES = 2**28  # of the vectors held at a time


def fubini_study_metric(circuit: Circuit, theta: ArrayLike, states: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return the Fubini-Study metric of the states that a circuit prepares, a quarter of their Fisher information.

    F_ij = Re[<d_i psi|d_j psi> - <d_i psi|psi><psi|d_j psi>], d_i the derivative by theta_i. Every rotation
    exp(-i t P / 2), moved to the front of the circuit, becomes the generator A = V^dagger P V / 2 with the unitary V of
    the circuit up to it; so F is the covariance of generators in the start state,
    F_ij = Re<A_i A_j> - <A_i><A_j>, and the chain rule serves angles that are shared or scaled. Phases that all
    amplitudes have in common drop out.

    Args:
        circuit: gates only, no channels.
        theta: angles, float array of shape (n_parameters,), radians.
        states: start states over which the metric is averaged, complex amplitudes of shape (n_states, 2**n) or (2**n,),
            qubit 0 least significant; None for |0...0>.

    Returns:
        float64 of shape (n_parameters, n_parameters), symmetric and positive semidefinite.

    Raises:
        EngineError: if the circuit holds channels, or for states of a wrong shape or norm.

    Example:
        >>> from qvar.simulators import Operation, Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)), Operation("rz", (0,), (Slot(1),))))
        >>> fubini_study_metric(circuit, [np.pi / 6, 0.3]).diagonal().round(6).tolist()
        [0.25, 0.0625]

    Source: Stokes, Izaac, Killoran and Carleo, arXiv 1909.02108.
    Differs from the source:
    - the whole metric, not its blocks by layers.
    """
    values = circuit.check_parameters(theta)
    if any(operation.channel is not None for operation in circuit.operations):
        raise EngineError("the Fubini-Study metric is that of pure states, and this circuit holds channels; drop them")
    size = 2**circuit.n_qubits
    starts = np.eye(1, size, dtype=np.complex128) if states is None else amplitudes(states, circuit.n_qubits)
    if len(starts) == 0:
        raise EngineError("the Fubini-Study metric is an average over start states, got none")
    turns = [turn for operation in circuit.operations for turn in _as_rotations(operation)]
    slots = [slot for turn in turns for slot in turn.parameters if isinstance(slot, Slot)]
    route = _led_through if len(starts) < size else _pulled_back
    covariance = np.zeros((len(slots), len(slots)))
    for vectors, tangents in route(turns, len(slots), values, starts):
        means = np.einsum("sa,ksa->ks", vectors.conj(), tangents).real
        flat = tangents.reshape(len(slots), vectors.size)
        covariance += (flat.conj() @ flat.T).real - means @ means.T
    chain = np.zeros((len(slots), circuit.n_parameters))
    for row, slot in zip(chain, slots, strict=True):
        row[slot.index] = slot.scale
    return np.asarray(chain.T @ covariance @ chain / (4 * len(starts)), dtype=np.float64)


def _led_through(
    turns: list[Operation], n_slots: int, theta: NDArray[np.float64], starts: Complexes
) -> Iterator[tuple[Complexes, Complexes]]:
    """Yield final states, shape (n_states, 2**n), and 2 i times their derivatives, (n_slots, n_states, 2**n).

    Every derivative is led through the rest of the circuit: cheapest where there are fewer states than dimensions.
    """
    vectors, used = np.empty((1 + n_slots, *starts.shape), dtype=np.complex128), 1
    vectors[0] = starts
    for turn in turns:
        vectors[:used] = _apply(_matrix(turn, theta), turn.qubits, vectors[:used])
        if _is_free(turn):
            vectors[used] = _apply(_GENERATORS[turn.gate], turn.qubits, vectors[0])
            used += 1
    yield vectors[0], vectors[1:]


def _pulled_back(
    turns: list[Operation], n_slots: int, theta: NDArray[np.float64], starts: Complexes
) -> Iterator[tuple[Complexes, Complexes]]:
    """Yield start states and what every generator, moved to the front of the circuit, makes of them; shapes as above.

    The circuit is passed once, as a unitary: cheapest where there are many states.
    """
    size = starts.shape[1]
    images = np.eye(size, dtype=np.complex128)  # row b is what the circuit so far makes of basis state b
    generators = []
    for turn in turns:
        images = _apply(_matrix(turn, theta), turn.qubits, images)
        if _is_free(turn):
            generators.append(images.conj() @ _apply(_GENERATORS[turn.gate], turn.qubits, images).T)
    n_parts = math.ceil(len(starts) * n_slots * size * 16 / _MAX_BYTES)
    for part in np.array_split(starts, max(n_parts, 1)):
        tangents = [part @ generator.T for generator in generators]
        yield part, np.array(tangents, dtype=np.complex128).reshape(n_slots, *part.shape)


def _as_rotations(operation: Operation) -> tuple[Operation, ...]:
    """Return gates with at most one angle each, equal to `operation` up to a phase of the whole state."""
    if operation.gate == "p":
        return (Operation("rz", operation.qubits, operation.parameters),)
    if operation.gate == "u":
        theta, phi, lam = operation.parameters
        order = (("rz", lam), ("ry", theta), ("rz", phi))
        return tuple(Operation(gate, operation.qubits, (angle,)) for gate, angle in order)
    return (operation,)


def _is_free(turn: Operation) -> bool:
    return any(isinstance(angle, Slot) for angle in turn.parameters)


def _matrix(turn: Operation, theta: NDArray[np.float64]) -> Complexes:
    return gate_matrix(turn.gate, [a.angle(theta) if isinstance(a, Slot) else a for a in turn.parameters])


def _apply(matrix: NDArray[Any], qubits: tuple[int, ...], vectors: Complexes) -> Complexes:
    """Return the vectors, shape (..., 2**n), after a gate."""
    shape, n, m = vectors.shape, vectors.shape[-1].bit_length() - 1, len(qubits)
    tensor = vectors.reshape((-1,) + (2,) * n)
    axes = [n - q for q in reversed(qubits)]  # most significant first, as in the rows and columns of the matrix
    moved = np.tensordot(matrix.reshape((2,) * (2 * m)), tensor, axes=(range(m, 2 * m), axes))
    return np.asarray(np.moveaxis(moved, range(m), axes).reshape(shape), dtype=np.complex128)
