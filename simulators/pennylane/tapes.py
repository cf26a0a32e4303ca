"""Run PennyLane tapes of native operations: one object per tape structure, whatever the angles.

An optimizer evaluates the same tape again and again with other angles. The first time, its structure becomes a circuit
with one slot per angle; later only the angles are read off the tape.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pennylane.devices import qubit
from pennylane.devices.qubit_mixed import measure_with_samples
from pennylane.measurements import ClassicalShadowMP, ExpectationMP, ShadowExpvalMP, StateMP

from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import EngineError
from qvar.simulators.exact import ExactObjective
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.pauli_transfer import PauliTransferSimulator
from qvar.simulators.pennylane.conversion import (
    PHASES,
    channel_from_pennylane,
    gate_rule,
)
from qvar.simulators.pennylane.measurements import (
    LinearMeasurement,
    density_matrices,
    linear_measurement,
    measurement_key,
)
from qvar.simulators.pennylane.noise import (
    flip_maps,
    is_read_out,
    measure_with_readout,
    noisy_results,
    readout_channels,
)
from qvar.simulators.readout import apply_letter_maps, letter_map
from qvar.simulators.remembering import remembered

__all__ = ["TapeSimulation", "read_tape"]

_SHADOWS = (ClassicalShadowMP, ShadowExpvalMP)
_REMEMBERED = 64  # objectives, and measurements


def read_tape(tape: Any) -> tuple[Any, list[Any]]:
    """Return the structure of a native tape, equal for tapes that differ in angles only, and its angles in order."""
    structure: list[Any] = []
    angles: list[Any] = []
    for operation in tape.operations:
        wires = operation.wires.labels
        if gate_rule(operation) is not None:
            structure.append((operation.name, wires))
            angles.extend(operation.data)
        elif operation.name not in PHASES:
            fixed = tuple(np.asarray(value).tobytes() for value in operation.data)
            structure.append((operation.name, wires, fixed, str(operation.hyperparameters)))
    for measurement in tape.measurements:
        structure.append(measurement.wires.labels)
    return tuple(structure), angles


class TapeSimulation:
    """The simulation of all tapes of one structure; remembers objectives and measurements.

    Args:
        tape: a tape of native operations, for its structure.
        wires: the wires to simulate; wire k is qubit k.
        engine: simulates circuits on these qubits.
    """

    def __init__(self, tape: Any, wires: Sequence[Any], engine: PauliTransferSimulator) -> None:
        self.index = {wire: q for q, wire in enumerate(wires)}
        self.n_qubits = len(wires)
        self.engine = engine
        self.noise: NoiseModel | None = engine.noise
        self.slots: list[int | None] = []
        """For every parameter of the tape's operations: its slot, -1 for a phase without effect, None for a channel."""
        self.circuit = Circuit(self.n_qubits, tuple(self._operations(tape)))
        self.is_pure = self.noise is None and all(o.channel is None for o in self.circuit.operations)
        self._readout = readout_channels(self.noise, self.n_qubits)
        self._flips = flip_maps(self.noise, self.n_qubits)
        self._letters = np.array([letter_map(self.noise, q) for q in range(self.n_qubits)])
        self._objectives: dict[Observable, ExactObjective] = {}
        self._linear: dict[Any, LinearMeasurement | None] = {}

    def _operations(self, tape: Any) -> list[Operation]:
        operations = []
        n_slots = 0
        for operation in tape.operations:
            rule = gate_rule(operation)
            qubits = tuple(self.index[wire] for wire in operation.wires)
            if rule is not None:
                angles = (Slot(n_slots + a) if isinstance(a, int) else a for a in rule.angles)
                operations.append(Operation(rule.gate, qubits, tuple(angles)))
                self.slots += range(n_slots, n_slots + len(operation.data))
                n_slots += len(operation.data)
            elif operation.name in PHASES:
                self.slots += [-1] * len(operation.data)
            else:
                operations.append(Operation("channel", qubits, channel=channel_from_pennylane(operation)))
                self.slots += [None] * len(operation.data)
        return operations

    def objective(self, observable: Observable) -> ExactObjective:
        """Return the objective of an observable, made once."""
        make = partial(self.engine.objective, self.circuit, observable)
        return remembered(self._objectives, observable, make, most=_REMEMBERED)

    def linear(self, measurement: Any) -> LinearMeasurement | None:
        """Return the measurement as a function of Pauli sums, None if it is not one."""
        make = partial(linear_measurement, measurement, self.index, self.n_qubits, self.noise)
        key = measurement_key(measurement)
        return make() if key is None else remembered(self._linear, key, make, most=_REMEMBERED)

    def states(self, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Pauli expectation values for rows of angles, shape (n_points, 4**n_qubits)."""
        objective = self.objective(Observable(("I" * self.n_qubits,), (1.0,)))
        return np.array([objective.state(theta) for theta in thetas])

    # ---- exact results -------------------------------------------------------------------------------------------

    def results(self, tape: Any, theta: NDArray[np.float64]) -> Any:
        """Return the results of an analytic tape; `theta` of shape (n_slots,) or, broadcast, (n_points, n_slots)."""
        is_batched = theta.ndim == 2
        linear = [self.linear(m) for m in tape.measurements]
        if len(linear) == 1 and linear[0] is not None and len(linear[0].observables) == 1:
            objective = self.objective(linear[0].observables[0])
            return objective.batch(theta) if is_batched else np.float64(objective(theta))
        states = self.states(theta if is_batched else theta[None, :])
        rho = None
        values = []
        for measurement, function in zip(tape.measurements, linear, strict=True):
            if function is not None:
                value = function.from_states(states)
                values.append(value if is_batched else value[0])
                continue
            if rho is None:
                rho = density_matrices(states)
            values.append(self._by_density_matrix(tape, measurement, rho, states, is_batched))
        return values[0] if len(values) == 1 else tuple(values)

    def _by_density_matrix(
        self, tape: Any, measurement: Any, rho: NDArray[Any], states: NDArray[np.float64], is_batched: bool
    ) -> Any:
        if type(measurement) is StateMP and self.is_pure:
            return qubit.simulate(tape.copy(measurements=[measurement]))  # amplitudes carry the phase
        mapped = measurement.map_wires(self.index)
        if is_read_out(measurement) and (self._flips != np.eye(4)).any():
            rho = density_matrices(apply_letter_maps(states, self._flips))
        return measure_with_readout(mapped, rho if is_batched else rho[0], is_batched, self._readout)

    def transparent_results(self, tape: Any, interface: Any) -> Any:
        """Return the results of an analytic tape by PennyLane's routines, which an interface can differentiate."""
        if self.is_pure:
            return qubit.simulate(tape, interface=interface)
        return noisy_results(tape, self.index, self.noise, interface)

    # ---- derivatives ---------------------------------------------------------------------------------------------

    def has_gradient(self, tape: Any) -> bool:
        """Tell whether all trainable parameters are angles and all measurements functions of Pauli sums."""
        n_parameters = len(self.slots)
        trainable = all(k < n_parameters and self.slots[k] is not None for k in tape.trainable_params)
        return trainable and all(self.linear(m) is not None for m in tape.measurements)

    def results_and_jacobians(self, tape: Any, theta: NDArray[np.float64]) -> tuple[Any, Any]:
        """Return the results of an analytic tape and its Jacobian, by one reverse sweep per Pauli sum.

        Raises:
            EngineError: if a trainable parameter is no angle, or a measurement no function of Pauli sums.
        """
        if theta.ndim == 2 or not self.has_gradient(tape):
            raise EngineError(
                "the device differentiates expectation values, variances and probabilities with respect to angles of "
                "gates, one parameter vector at a time; use diff_method='parameter-shift' for other tapes"
            )
        values, jacobians = [], []
        for measurement in tape.measurements:
            function = self.linear(measurement)
            assert function is not None
            sweeps = [self.objective(observable).value_and_gradient(theta) for observable in function.observables]
            moments = np.array([value for value, _ in sweeps])
            slopes = np.array([slope for _, slope in sweeps])
            value, jacobian = function.with_jacobian(moments, slopes)
            values.append(value)
            jacobians.append(self._per_parameter(tape, jacobian))
        if len(values) == 1:
            return values[0], jacobians[0]
        return tuple(values), tuple(jacobians)

    def _per_parameter(self, tape: Any, jacobian: NDArray[np.float64]) -> Any:
        columns = []
        for k in tape.trainable_params:
            slot = self.slots[k]
            assert slot is not None
            columns.append(np.array(jacobian[..., slot]) if slot >= 0 else np.zeros(jacobian.shape[:-1]))
        return columns[0] if len(columns) == 1 else tuple(columns)

    # ---- samples -------------------------------------------------------------------------------------------------

    def samples(self, tape: Any, theta: NDArray[np.float64], rng: np.random.Generator) -> Any:
        """Return the results of a tape with shots."""
        is_batched = theta.ndim == 2
        if len(tape.measurements) == 1 and isinstance(tape.measurements[0], ExpectationMP):
            function = self.linear(tape.measurements[0])
            if function is not None:
                return self._sampled_expectation(tape.shots, function.observables[0], theta, rng)
        states = self.states(theta if is_batched else theta[None, :])
        shadows = [isinstance(m, _SHADOWS) for m in tape.measurements]
        results: list[Any] = [None] * len(shadows)
        for kind in set(shadows):
            places = [k for k, is_shadow in enumerate(shadows) if is_shadow is kind]
            measured = [tape.measurements[k].map_wires(self.index) for k in places]
            # Shadows measure random Pauli letters: read-out error is what it makes of the letters.
            rho = density_matrices(apply_letter_maps(states, self._letters if kind else self._flips))
            found = measure_with_samples(
                measured,
                rho if is_batched else rho[0],
                tape.shots,
                is_state_batched=is_batched,
                rng=rng,
                readout_errors=None if kind else self._readout,
            )
            per_measurement = zip(*found, strict=True) if tape.shots.has_partitioned_shots else found
            for k, value in zip(places, per_measurement, strict=True):
                results[k] = value
        if tape.shots.has_partitioned_shots:
            results = list(zip(*results, strict=True))
            return tuple(copy[0] if len(copy) == 1 else copy for copy in results)
        return results[0] if len(results) == 1 else tuple(results)

    def _sampled_expectation(
        self, shots: Any, observable: Observable, theta: NDArray[np.float64], rng: np.random.Generator
    ) -> Any:
        exact = self.objective(observable)
        estimates = []
        for n_shots in shots:
            sampled = exact.with_shots(n_shots, rng)
            estimates.append(sampled.batch(theta) if theta.ndim == 2 else np.float64(sampled(theta)))
        return tuple(estimates) if shots.has_partitioned_shots else estimates[0]
