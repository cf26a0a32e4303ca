"""Encoding: a circuit as the three-dimensional tensor an agent sees, and the exact way back.

The tensor S has shape (D, N + 6, N): D moments, N qubits, everything zero where there is no gate.

| axis | index | content |
|---|---|---|
| 0 | m = 0..D-1 | moment; every gate is placed as soon as possible |
| 1 | 0..N-1 | CNOT block: S[m, target, control] = 1 |
| 1 | N, N+1, N+2 | RX, RY, RZ one-hot: S[m, N + a, qubit] = 1 |
| 1 | N+3, N+4, N+5 | the angle of that RX, RY, RZ, radians |
| 2 | 0..N-1 | qubit; for a CNOT the control |

Source:
    Patel et al., ICLR 2024, arXiv 2402.03500.

Differs from the source:
    - Qubit 0 is the least significant one throughout (the released code uses both orders).
"""

from dataclasses import dataclass
from typing import cast

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.envs.actions import ROTATIONS
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import ArchitectureError
from qvar.simulators.observable import Observable

__all__ = ["GateGrid", "decode", "encode", "observation", "observation_length", "observation_space"]


def encode(circuit: Circuit, theta: ArrayLike = (), *, max_gates: int) -> NDArray[np.float64]:
    """Return the tensor of a circuit made of CNOT, RX, RY and RZ.

    Args:
        circuit: the circuit, of depth at most `max_gates`.
        theta: its angles, shape (circuit.n_parameters,), radians.
        max_gates: number of moments D; a circuit of at most D gates always fits.

    Returns:
        Float64 array of shape (max_gates, n_qubits + 6, n_qubits), n_qubits = N of the table above.

    Raises:
        ArchitectureError: for another gate, or a circuit deeper than `max_gates`.
        CircuitError: for a wrong number of angles.

    Example:
        >>> bell = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
        >>> tensor = encode(bell, [1.5], max_gates=3)
        >>> tensor.shape, [tuple(map(int, place)) for place in np.argwhere(tensor)]
        ((3, 8, 2), [(0, 3, 0), (0, 6, 0), (1, 1, 0)])
    """
    values = circuit.check_parameters(theta)
    n = circuit.n_qubits
    tensor = np.zeros((max_gates, n + 6, n), dtype=np.float64)
    for moment, operation in zip(_check_moments(circuit, max_gates), circuit.operations, strict=True):
        row, qubit = _place(operation, n)
        tensor[moment, row, qubit] = 1.0
        if row >= n:
            parameter = operation.parameters[0]
            angle = parameter.angle(values) if isinstance(parameter, Slot) else parameter
            tensor[moment, row + 3, qubit] = angle
    return tensor


def decode(tensor: ArrayLike) -> tuple[Circuit, NDArray[np.float64]]:
    """Return the circuit and the angles of a tensor; the exact inverse of `encode`.

    Gates come moment by moment and within a moment by qubit, slots are numbered in that order: a circuit
    written in another order comes back with its slots renumbered, but bound to its angles it is the same
    circuit.

    Args:
        tensor: array of shape (D, n_qubits + 6, n_qubits).

    Returns:
        The circuit and its angles, float64 of shape (n_parameters,), radians.

    Raises:
        ArchitectureError: for an array that `encode` cannot have made: a wrong shape, two gates on one qubit
            in one moment, an angle without its gate, a gate that could be placed sooner.
    """
    array = np.asarray(tensor, dtype=np.float64)
    if array.ndim != 3 or array.shape[2] < 1 or array.shape[1] != array.shape[2] + 6:
        raise ArchitectureError(f"a circuit tensor has the shape (D, n_qubits + 6, n_qubits), got {array.shape}")
    n = array.shape[2]
    operations: list[Operation] = []
    angles: list[float] = []
    for moment, qubit, row in np.argwhere(array[:, : n + 3].transpose(0, 2, 1)).tolist():
        if row < n and row != qubit:
            operations.append(Operation("cx", (qubit, row)))
        elif row >= n:
            operations.append(Operation(ROTATIONS[row - n], (qubit,), (Slot(len(angles)),)))
            angles.append(float(array[moment, row + 3, qubit]))
    circuit, theta = Circuit(n, tuple(operations)), np.array(angles, dtype=np.float64)
    if not (np.isfinite(theta).all() and circuit.depth() <= len(array)) or not np.array_equal(
        encode(circuit, theta, max_gates=len(array)), array
    ):
        raise ArchitectureError(
            "not the tensor of a circuit: gates must be marked by 1 at distinct qubits, as soon as possible, "
            "and angles stand only below their rotation; build tensors with `encode`"
        )
    return circuit, theta


def observation_length(n_qubits: int, max_gates: int) -> int:
    """Return the length D (N + 3) N + 1 of the flat observation, D = max_gates, N = n_qubits.

    Example:
        >>> observation_length(2, 40), observation_length(8, 250)
        (401, 22001)
    """
    return max_gates * (n_qubits + 3) * n_qubits + 1


def observation(circuit: Circuit, energy: float, *, max_gates: int) -> NDArray[np.float32]:
    """Return what an agent sees: the gates of the circuit, without angles, and its energy.

    Args:
        circuit: the circuit, of depth at most `max_gates`.
        energy: its energy, in the unit of the observable, not normalized.
        max_gates: number of moments D.

    Returns:
        Float32 array of length D (N + 3) N + 1: rows 0..N+2 of the tensor, flattened row by row, then the
        energy.
    """
    return GateGrid.of(circuit, max_gates=max_gates).observation(energy)


@dataclass(frozen=True)
class GateGrid:
    """Where the gates of a growing circuit stand: rows 0..N+2 of the tensor, which one more gate changes in one place.

    Attributes:
        bits: read-only float32 array of shape (D, N + 3, N).
        free: the next free moment of every qubit.

    Example:
        >>> grid = GateGrid.of(Circuit(2), max_gates=3).then(Operation("cx", (0, 1)))
        >>> grid.depth, [tuple(map(int, place)) for place in np.argwhere(grid.bits)]
        (1, [(0, 1, 0)])
    """

    bits: NDArray[np.float32]
    free: tuple[int, ...]

    @classmethod
    def of(cls, circuit: Circuit, *, max_gates: int) -> "GateGrid":
        """Return the grid of a circuit of depth at most `max_gates`."""
        n = circuit.n_qubits
        grid = cls(np.zeros((max_gates, n + 3, n), dtype=np.float32), (0,) * n)
        for operation in circuit.operations:
            grid = grid.then(operation)
        return grid

    def then(self, operation: Operation) -> "GateGrid":
        """Return the grid with one more gate, placed as soon as possible."""
        moment = max(self.free[q] for q in operation.qubits)
        if moment >= len(self.bits):
            raise ArchitectureError(_too_deep(moment + 1, len(self.bits)))
        bits = self.bits.copy()
        bits[(moment, *_place(operation, len(self.free)))] = 1.0
        bits.flags.writeable = False
        return GateGrid(bits, tuple(moment + 1 if q in operation.qubits else m for q, m in enumerate(self.free)))

    @property
    def depth(self) -> int:
        """The number of moments in use."""
        return max(self.free)

    def observation(self, energy: float) -> NDArray[np.float32]:
        """Return the bits, flattened row by row, then the energy (see `observation`)."""
        return np.append(self.bits, np.float32(energy))


def observation_space(
    observable: Observable, *, max_gates: int, n_qubits: int | None = None
) -> gymnasium.Space[NDArray[np.float32]]:
    """Return the box of all observations: bits, then one energy.

    No state has an energy outside c_I +- sum |c_k|; twice that distance is allowed, for estimators that
    overshoot because of shots or error mitigation, and for the rounding to float32.

    Args:
        observable: whose energies are observed.
        max_gates: number of moments D.
        n_qubits: qubits of the circuits; None for all that the observable speaks about.
    """
    size = observation_length(observable.n_qubits if n_qubits is None else n_qubits, max_gates)
    centre = observable.identity_coefficient
    spread = 2 * (centre - observable.lower_bound()) + 1e-3
    low = np.zeros(size, dtype=np.float32)
    high = np.ones_like(low)
    low[-1], high[-1] = centre - spread, centre + spread
    space = gymnasium.spaces.Box(low=low, high=high, dtype=np.float32)
    return cast("gymnasium.Space[NDArray[np.float32]]", space)


def _place(operation: Operation, n_qubits: int) -> tuple[int, int]:
    """Return row and column of the 1 that marks a gate."""
    if operation.gate == "cx":
        control, target = operation.qubits
        return target, control
    if operation.gate in ROTATIONS:
        return n_qubits + ROTATIONS.index(operation.gate), operation.qubits[0]
    raise ArchitectureError(f"the encoding knows the gates cx, rx, ry, rz, got {operation.gate!r}")


def _check_moments(circuit: Circuit, max_gates: int) -> tuple[int, ...]:
    moments = circuit.moments()
    if max(moments, default=-1) >= max_gates:
        raise ArchitectureError(_too_deep(max(moments) + 1, max_gates))
    return moments


def _too_deep(depth: int, max_gates: int) -> str:
    return f"the circuit is {depth} moments deep, the encoding has {max_gates}; raise max_gates"
