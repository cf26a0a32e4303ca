"""Make the noise of a circuit stronger without changing what it computes: play parts of it back and forth.

A circuit C becomes C (C^-1 C)^k, or every gate G becomes G (G^-1 G)^k; both have 2 k + 1 times the gates. Free angles
stay free, which is why folding is done here: mitiq folds through OpenQASM 2, which has no parameters.

Source: Giurgica-Tiron et al., Digital zero noise extrapolation for quantum error mitigation, 2020, arXiv 2005.10921.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import CircuitError

__all__ = ["Folding", "GlobalFolding", "LocalFolding", "inverse"]

_INVERSES = {"s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t", "sx": "sxdg", "sxdg": "sx"}


class Folding(Protocol):
    """A way to lengthen a circuit."""

    def fold(self, circuit: Circuit, scale_factor: float) -> Circuit:
        """Return a circuit of about `scale_factor` times the gates that computes the same."""
        ...


@dataclass(frozen=True, slots=True)
class GlobalFolding:
    """Play the whole circuit back and forth, and its last gates once more for what is missing to the scale factor.

    Example:
        >>> bell = Circuit(2, (Operation("h", (0,)), Operation("cx", (0, 1))))
        >>> [o.gate for o in GlobalFolding().fold(bell, 2.0).operations]
        ['h', 'cx', 'cx', 'cx']
    """

    def fold(self, circuit: Circuit, scale_factor: float) -> Circuit:
        """Return the folded circuit.

        Raises:
            CircuitError: for a scale factor below 1, or a circuit with channels, which have no inverse.
        """
        whole, part = _folds(circuit, scale_factor)
        back = [inverse(operation) for operation in reversed(circuit.operations)]
        operations = list(circuit.operations)
        for _ in range(whole):
            operations += [*back, *circuit.operations]
        if part:
            operations += [*back[:part], *circuit.operations[-part:]]
        return Circuit(circuit.n_qubits, tuple(operations))


@dataclass(frozen=True, slots=True)
class LocalFolding:
    """Play every gate back and forth, and some evenly spread ones once more for what is missing to the scale factor.

    Example:
        >>> bell = Circuit(2, (Operation("h", (0,)), Operation("cx", (0, 1))))
        >>> [o.gate for o in LocalFolding().fold(bell, 3.0).operations]
        ['h', 'h', 'h', 'cx', 'cx', 'cx']
    """

    def fold(self, circuit: Circuit, scale_factor: float) -> Circuit:
        """Return the folded circuit.

        Raises:
            CircuitError: for a scale factor below 1, or a circuit with channels, which have no inverse.
        """
        whole, part = _folds(circuit, scale_factor)
        n_gates = len(circuit.operations)
        extra = {(2 * k + 1) * n_gates // (2 * part) for k in range(part)}
        operations: list[Operation] = []
        for k, operation in enumerate(circuit.operations):
            operations += [operation, *[inverse(operation), operation] * (whole + (k in extra))]
        return Circuit(circuit.n_qubits, tuple(operations))


def inverse(operation: Operation) -> Operation:
    """Return the gate that undoes another; free angles stay free.

    Raises:
        CircuitError: for a channel.
    """
    if operation.channel is not None:
        raise CircuitError(
            "a channel has no inverse, so that a circuit with channels cannot be folded; put the noise into the noise "
            "model of the engine"
        )
    angles = [replace(p, scale=-p.scale, shift=-p.shift) if isinstance(p, Slot) else -p for p in operation.parameters]
    if operation.gate == "u":  # U(theta, phi, lambda)^-1 = U(-theta, -lambda, -phi)
        angles = [angles[0], angles[2], angles[1]]
    gate = _INVERSES.get(operation.gate, operation.gate)
    return Operation(gate, operation.qubits, tuple(angles))


def _folds(circuit: Circuit, scale_factor: float) -> tuple[int, int]:
    """Return how often all gates are folded, and how many of them once more."""
    if not (np.isfinite(scale_factor) and scale_factor >= 1):
        raise CircuitError(f"folding multiplies the gates by a finite number >= 1, got {scale_factor}")
    whole, rest = divmod((scale_factor - 1) / 2, 1)
    return int(whole), round(rest * len(circuit.operations))
