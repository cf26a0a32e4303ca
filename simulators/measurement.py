"""Estimate an observable from a finite number of shots, with the statistics a device would show.

Terms that share a measurement basis qubit by qubit are measured together. Outcomes of each such group are drawn from
their exact probabilities, so the estimate has the right distribution: its variance includes the covariance of terms
measured together, it vanishes for eigenstates, and the identity has none. Shots are counted per group: one energy with
`shots` shots costs `shots * n_groups` in total.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit, Slot
from qvar.simulators.engine import check_batch
from qvar.simulators.errors import EngineError
from qvar.simulators.observable import Observable

__all__ = ["ExactDistribution", "MeasurementPlan", "ParameterShift", "ShotObjective", "apply_local"]


@dataclass(frozen=True)
class MeasurementPlan:
    """Which bases to measure an observable in, and what each outcome is worth.

    Attributes:
        bases: int64 of shape (n_groups, n_qubits), the letter (1, 2, 3 for X, Y, Z) each qubit is measured in.
        values: float64 of shape (n_groups, 2**n_qubits), the energy of each outcome, qubit 0 the lowest bit.
        constant: coefficient of the identity, known without measuring.
    """

    bases: NDArray[np.int64]
    values: NDArray[np.float64]
    constant: float

    @classmethod
    def of(cls, observable: Observable) -> "MeasurementPlan":
        """Group the terms greedily, largest coefficient first."""
        order = np.argsort(-np.abs(observable.vector), kind="stable")
        groups: list[tuple[NDArray[np.int64], list[int]]] = []
        for k in order:
            letters = observable.digits[k]
            if not letters.any():
                continue
            for basis, members in groups:
                shared = (basis != 0) & (letters != 0)
                if (basis[shared] == letters[shared]).all():
                    basis[letters != 0] = letters[letters != 0]
                    members.append(int(k))
                    break
            else:
                groups.append((letters.copy(), [int(k)]))
        outcomes = np.arange(2**observable.n_qubits)
        values = np.zeros((len(groups), len(outcomes)))
        for row, (_, members) in zip(values, groups, strict=True):
            for k in members:
                mask = sum(1 << q for q in np.flatnonzero(observable.digits[k]))
                row += observable.vector[k] * (1 - 2 * (np.bitwise_count(outcomes & mask).astype(np.int64) % 2))
        bases = np.array([np.where(basis == 0, 3, basis) for basis, _ in groups], dtype=np.int64)
        return cls(bases.reshape(len(groups), observable.n_qubits), values, observable.identity_coefficient)

    @property
    def n_groups(self) -> int:
        """Number of circuits that must be measured."""
        return len(self.bases)


def apply_local(vectors: NDArray[Any], matrices: NDArray[Any]) -> NDArray[Any]:
    """Apply a 2x2 matrix to every qubit of every row.

    Args:
        vectors: shape (n_groups, 2**n_qubits), qubit 0 the lowest bit.
        matrices: shape (n_groups, n_qubits, 2, 2).

    Returns:
        Array of the shape of `vectors`.
    """
    n_groups, size = vectors.shape
    for q in range(matrices.shape[1]):
        split = vectors.reshape(n_groups, size >> (q + 1), 2, 1 << q)
        vectors = np.einsum("gij,gajb->gaib", matrices[:, q], split).reshape(n_groups, size)
    return vectors


class ExactDistribution(Protocol):
    """What a shot objective needs of an exact one."""

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        ...

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured."""
        ...

    def probabilities(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcome probabilities per group, read-out error included, shape (n_groups, 2**n_qubits)."""
        ...

    def for_circuit(self, circuit: Circuit) -> "ExactDistribution":
        """Return the same observable and noise for another circuit."""
        ...


class ShotObjective:
    """An objective estimated from shots; holds the generator it draws from."""

    def __init__(self, exact: ExactDistribution, shots: int, rng: np.random.Generator) -> None:
        self._exact = exact
        self.shots = check_shots(shots)
        self._rng = rng

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        return self._exact.circuit

    @property
    def n_parameters(self) -> int:
        """Number of angles."""
        return self._exact.circuit.n_parameters

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured groups."""
        return self.shots * self._exact.plan.n_groups

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs by parameter shift, value included."""
        return 2 * self._shift.n_occurrences + 1

    @cached_property
    def _shift(self) -> "ParameterShift":
        return ParameterShift(self._exact.circuit)

    @cached_property
    def _shifted(self) -> ExactDistribution:
        return self._exact.for_circuit(self._shift.circuit)

    def __call__(self, theta: ArrayLike) -> float:
        """Return one estimate of the energy."""
        return self._sample(self._exact, self._exact.circuit.check_parameters(theta))

    def _sample(self, exact: ExactDistribution, theta: NDArray[np.float64]) -> float:
        plan = exact.plan
        if plan.n_groups == 0:
            return plan.constant
        counts = self._rng.multinomial(self.shots, exact.probabilities(theta))
        return plan.constant + float((counts * plan.values).sum()) / self.shots

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return estimates of the energy and of its gradient by parameter shift."""
        gradient = self._shift.gradient(
            theta, lambda angles: np.array([self._sample(self._shifted, row) for row in angles])
        )
        return self(theta), gradient

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return one estimate for each row of `thetas`."""
        return np.array([self(theta) for theta in check_batch(thetas, self.n_parameters)], dtype=np.float64)

    def with_shots(self, shots: int, rng: np.random.Generator) -> "ShotObjective":
        """Return the objective with another number of shots."""
        return ShotObjective(self._exact, shots, rng)


def check_shots(shots: int) -> int:
    """Return `shots`, or raise EngineError unless it is a positive whole number."""
    if isinstance(shots, bool) or int(shots) != shots or shots < 1:
        raise EngineError(f"shots must be a whole number >= 1, got {shots!r}; leave shots out for exact values")
    return int(shots)


class ParameterShift:
    """The parameter-shift rule for circuits whose slots may be shared, scaled and shifted.

    Every occurrence of a slot becomes an angle of its own; dE/dphi = [E(phi + pi/2) - E(phi - pi/2)] / 2 holds for
    each, and the chain rule adds them up. Exact for every native gate, noise included.
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
        self._occurrences = occurrences

    @property
    def n_occurrences(self) -> int:
        """Number of gates with a free angle."""
        return len(self._occurrences)

    def gradient(
        self, theta: ArrayLike, energies: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return dE/dtheta; `energies` evaluates `self.circuit` for rows of angles."""
        values = self._original.check_parameters(theta)
        angles = np.array([slot.angle(values) for slot in self._occurrences])
        steps = np.eye(self.n_occurrences) * (np.pi / 2)
        gradient = np.zeros(self._original.n_parameters)
        if self.n_occurrences == 0:
            return gradient
        shifted = energies(np.concatenate([angles + steps, angles - steps]))
        differences = (shifted[: self.n_occurrences] - shifted[self.n_occurrences :]) / 2
        for slot, difference in zip(self._occurrences, differences, strict=True):
            gradient[slot.index] += slot.scale * difference
        return gradient
