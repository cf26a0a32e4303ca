"""Gradients from shifted energies, for objectives that offer nothing better: shots and engines of others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit, Slot

__all__ = ["ParameterShift"]


class ParameterShift:
    """The parameter-shift rule for circuits whose slots may be shared, scaled and shifted.

    Every occurrence of a slot becomes an angle of its own; dE/dphi = [E(phi + pi/2) - E(phi - pi/2)] / 2 holds for
    each, and the chain rule adds them up. Exact for every native gate, noise included.

    Attributes:
        circuit: the circuit in which every free angle belongs to one gate, unscaled.
        occurrences: the slot that each of these angles had.
    """

    def __init__(self, circuit: Circuit) -> None:
        occurrences: list[Slot] = []
        operations = []
        for operation in circuit.operations:
            parameters: list[float | Slot] = []
            for parameter in operation.parameters:
                if isinstance(parameter, Slot):
                    parameters.append(Slot(len(occurrences)))
                    occurrences.append(parameter)
                else:
                    parameters.append(parameter)
            operations.append(operation.with_parameters(parameters))
        self.circuit = Circuit(circuit.n_qubits, tuple(operations))
        self._original = circuit
        self.occurrences = occurrences

    @property
    def n_occurrences(self) -> int:
        """Number of gates with a free angle."""
        return len(self.occurrences)

    def gradient(
        self, theta: ArrayLike, energies: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return dE/dtheta; `energies` evaluates `self.circuit` for rows of angles."""
        values = self._original.check_parameters(theta)
        angles = np.array([slot.angle(values) for slot in self.occurrences])
        steps = np.eye(self.n_occurrences) * (np.pi / 2)
        gradient = np.zeros(self._original.n_parameters)
        if self.n_occurrences == 0:
            return gradient
        shifted = energies(np.concatenate([angles + steps, angles - steps]))
        differences = (shifted[: self.n_occurrences] - shifted[self.n_occurrences :]) / 2
        for slot, difference in zip(self.occurrences, differences, strict=True):
            gradient[slot.index] += slot.scale * difference
        return gradient
