"""A circuit whose angles are functions of data and of trainable weights, and where the data end if they come first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qvar.simulators import Circuit, Operation, Slot
from qvar.simulators.errors import ClassifierError
from qvar.simulators.measurement.parameter_shift import ParameterShift
from qvar.simulators.primitives.circuits import NeedsValues, translate
from qvar.simulators.primitives.parameter_values import AngleMap

__all__ = ["ParametrizedCircuit", "parametrize"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParametrizedCircuit:
    """A circuit in which every free angle belongs to one gate, and the map from data and weights to these angles.

    Since no angle is shared, the parameter-shift rule holds for each of them, and the chain rule leads to the weights.

    Attributes:
        circuit: the gates, with S slots, each used once and unscaled.
        angles: functions of data and weights that the angles are made of.
        source: which of these functions each angle follows, shape (S,); angle = scale * function + shift.
        scale: shape (S,).
        shift: shape (S,), radians.
        n_features: the first parameters of `angles` are the data.
        n_weights: the others.
    """

    circuit: Circuit
    angles: AngleMap
    source: NDArray[np.int64]
    scale: Floats
    shift: Floats
    n_features: int
    n_weights: int

    def values(self, data: Floats, weights: Floats) -> Floats:
        """Return the angles, shape (n_rows, S), for data of shape (n_rows, n_features) and one vector of weights."""
        return self.angles.values(self._points(data, weights))[:, self.source] * self.scale + self.shift

    def pull_back(self, data: Floats, weights: Floats, slopes: Floats) -> Floats:
        """Return derivatives by weight, summed over rows, from those by angle, shape (n_rows, S)."""
        by_function = np.zeros((len(data), len(self.angles.slots)))
        np.add.at(by_function.T, self.source, (slopes * self.scale).T)
        by_parameter = self.angles.pull_back(self._points(data, weights), by_function)
        return np.asarray(by_parameter[:, self.n_features :].sum(axis=0))

    def _points(self, data: Floats, weights: Floats) -> Floats:
        return np.concatenate([data, np.broadcast_to(weights, (len(data), len(weights)))], axis=1)

    @cached_property
    def _dependence(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each angle depends on data, and on weights."""
        data = set(self.angles.parameters[: self.n_features])
        names = [set(self.angles.slots[k].parameters) for k in self.source]
        return np.array([bool(n & data) for n in names], bool), np.array([bool(n - data) for n in names], bool)

    @property
    def trainable(self) -> NDArray[np.int64]:
        """The angles that depend on weights, shape (T,)."""
        return np.flatnonzero(self._dependence[1])

    @cached_property
    def occurrences_per_parameter(self) -> NDArray[np.int64]:
        """How many gates each weight drives, shape (n_weights,); a scaled or combined angle counts as two."""
        counts = np.zeros(self.n_weights, dtype=np.int64)
        where = {p: k for k, p in enumerate(self.angles.parameters[self.n_features :])}
        for k, function in enumerate(self.source):
            expression = self.angles.slots[function]
            plain = isinstance(expression, Parameter) and self.scale[k] == 1.0
            for parameter in expression.parameters:
                if parameter in where:
                    counts[where[parameter]] += 1 if plain else 2
        return counts

    def split(self) -> "tuple[ParametrizedCircuit, ParametrizedCircuit] | None":
        """Return the part that depends on data only and the rest; None if data come back behind weights."""
        by_data, by_weight = self._dependence
        tainted: set[int] = set()
        first, rest = [], []
        for operation in self.circuit.operations:
            slots = [p.index for p in operation.parameters if isinstance(p, Slot)]
            if tainted.isdisjoint(operation.qubits) and not by_weight[slots].any():
                first.append(operation)
                continue
            if by_data[slots].any():
                return None
            tainted.update(operation.qubits)
            rest.append(operation)
        n = self.n_features
        parameters = self.angles.parameters
        return self._part(first, parameters[:n], n, 0), self._part(rest, parameters[n:], 0, self.n_weights)

    def _part(
        self, operations: list[Operation], parameters: tuple[Parameter, ...], n_features: int, n_weights: int
    ) -> "ParametrizedCircuit":
        kept = [p.index for o in operations for p in o.parameters if isinstance(p, Slot)]
        number = {old: new for new, old in enumerate(kept)}
        renumbered = [
            o.with_parameters(Slot(number[p.index]) if isinstance(p, Slot) else p for p in o.parameters)
            for o in operations
        ]
        functions, source = np.unique(self.source[kept], return_inverse=True)
        slots = tuple(self.angles.slots[k] for k in functions)
        return ParametrizedCircuit(
            Circuit(self.circuit.n_qubits, tuple(renumbered)),
            AngleMap(parameters, slots),
            source,
            self.scale[kept],
            self.shift[kept],
            n_features,
            n_weights,
        )


def parametrize(
    circuit: QuantumCircuit, data: Sequence[Parameter], weights: Sequence[Parameter], pass_manager: Any = None
) -> tuple[ParametrizedCircuit, tuple[int, ...], tuple[int, ...]]:
    """Translate a Qiskit circuit whose parameters are data and weights.

    Args:
        circuit: gates only.
        data: its parameters that take features, in their order.
        weights: all its other parameters, in the order of the weights.
        pass_manager: transpiles the circuit for a device first; None to leave it as it is.

    Returns:
        The circuit on the qubits in use; which of these holds what qubit k of `circuit` held; and their numbers on
        the device.

    Raises:
        ClassifierError: if the circuit measures, or holds gates that are defined only for numbers.
    """
    if circuit.num_clbits:
        raise ClassifierError("a classifier's circuit holds gates only: its readout measures; remove the measurements")
    measured = circuit.copy()
    measured.measure_all()
    if pass_manager is not None:
        if not callable(getattr(pass_manager, "run", None)):
            raise ClassifierError(f"pass_manager is a PassManager of Qiskit or None, got {pass_manager!r}")
        measured = pass_manager.run(measured)
    translated = translate(measured)
    if isinstance(translated, NeedsValues):
        raise ClassifierError(
            "the circuit holds gates that are defined for numbers only, such as data encoded in amplitudes; use a "
            "feature map of rotations"
        )
    qubits = tuple(sorted({*translated.qubits, *translated.measured.values()}))
    shift = ParameterShift(translated.on(qubits))
    parametrized = ParametrizedCircuit(
        shift.circuit,
        AngleMap((*data, *weights), translated.angles.slots),
        np.array([slot.index for slot in shift.occurrences], dtype=np.int64),
        np.array([slot.scale for slot in shift.occurrences], dtype=np.float64),
        np.array([slot.shift for slot in shift.occurrences], dtype=np.float64),
        len(data),
        len(weights),
    )
    places = tuple(qubits.index(translated.measured[k]) for k in range(circuit.num_qubits))
    return parametrized, places, qubits
