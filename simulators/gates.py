"""The native gates: names, sizes and matrices, the single table every converter and engine reads.

Qubit 0 of a gate is its least significant one (Qiskit's order), so `matrix("cx", ())` has the control as low bit.
Angles are in radians.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import CircuitError

__all__ = ["GATES", "PAULIS", "Gate", "check_gate", "gate_matrix"]

ComplexMatrix = NDArray[np.complex128]

PAULIS: tuple[ComplexMatrix, ...] = (
    np.eye(2, dtype=np.complex128),
    np.array([[0, 1], [1, 0]], dtype=np.complex128),
    np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    np.array([[1, 0], [0, -1]], dtype=np.complex128),
)
"""The matrices I, X, Y, Z."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A native gate: its size, its number of angles and its matrix as a function of the angles."""

    name: str
    n_qubits: int
    n_parameters: int
    matrix: Callable[..., ComplexMatrix]


def _constant(matrix: Sequence[Sequence[complex]]) -> Callable[[], ComplexMatrix]:
    array = np.array(matrix, dtype=np.complex128)
    return lambda: array


def _rotation(generator: NDArray[np.complexfloating]) -> Callable[[float], ComplexMatrix]:
    """Return exp(-i t G / 2) for a generator with G**2 = 1."""
    identity = np.eye(len(generator), dtype=np.complex128)
    return lambda t: np.cos(t / 2) * identity - 1j * np.sin(t / 2) * generator


def _u(theta: float, phi: float, lam: float) -> ComplexMatrix:
    c, s = np.cos(theta / 2), np.sin(theta / 2)
    return np.array(
        [[c, -np.exp(1j * lam) * s], [np.exp(1j * phi) * s, np.exp(1j * (phi + lam)) * c]],
        dtype=np.complex128,
    )


def _phase(lam: float) -> ComplexMatrix:
    return np.diag([1, np.exp(1j * lam)]).astype(np.complex128)


_I, _X, _Y, _Z = PAULIS
_H = (_X + _Z) / np.sqrt(2)
_SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]], dtype=np.complex128) / 2
_T = np.exp(1j * np.pi / 4)

GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate("rx", 1, 1, _rotation(_X)),
        Gate("ry", 1, 1, _rotation(_Y)),
        Gate("rz", 1, 1, _rotation(_Z)),
        Gate("p", 1, 1, _phase),
        Gate("u", 1, 3, _u),
        Gate("id", 1, 0, lambda: _I),
        Gate("x", 1, 0, lambda: _X),
        Gate("y", 1, 0, lambda: _Y),
        Gate("z", 1, 0, lambda: _Z),
        Gate("h", 1, 0, lambda: _H),
        Gate("s", 1, 0, _constant([[1, 0], [0, 1j]])),
        Gate("sdg", 1, 0, _constant([[1, 0], [0, -1j]])),
        Gate("t", 1, 0, _constant([[1, 0], [0, _T]])),
        Gate("tdg", 1, 0, _constant([[1, 0], [0, np.conj(_T)]])),
        Gate("sx", 1, 0, lambda: _SX),
        Gate("sxdg", 1, 0, lambda: _SX.conj().T),
        Gate("cx", 2, 0, _constant([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]])),
        Gate("cy", 2, 0, _constant([[1, 0, 0, 0], [0, 0, 0, -1j], [0, 0, 1, 0], [0, 1j, 0, 0]])),
        Gate("cz", 2, 0, lambda: np.diag([1, 1, 1, -1]).astype(np.complex128)),
        Gate("swap", 2, 0, _constant([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])),
        Gate("ecr", 2, 0, lambda: (np.kron(_I, _X) - np.kron(_X, _Y)) / np.sqrt(2)),
        Gate("rxx", 2, 1, _rotation(np.kron(_X, _X))),
        Gate("ryy", 2, 1, _rotation(np.kron(_Y, _Y))),
        Gate("rzz", 2, 1, _rotation(np.kron(_Z, _Z))),
    )
}
"""Native gates by name; names and conventions are Qiskit's (`u` is the general one-qubit gate, also called U3)."""


def check_gate(name: str) -> Gate:
    """Return the native gate called `name`.

    Raises:
        CircuitError: if there is none.
    """
    try:
        return GATES[name]
    except KeyError:
        raise CircuitError(f"unknown gate {name!r}; native gates are {', '.join(sorted(GATES))}") from None


def gate_matrix(name: str, angles: Sequence[float] = ()) -> ComplexMatrix:
    """Return the unitary matrix of a gate, complex128 of shape (2**m, 2**m), first qubit least significant."""
    gate = check_gate(name)
    if len(angles) != gate.n_parameters:
        raise CircuitError(f"gate {name!r} takes {gate.n_parameters} angle(s), got {len(angles)}")
    return gate.matrix(*angles)
