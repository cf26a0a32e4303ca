"""Any PennyLane device behind the engine contract: an independent reference, and a way to simulators and hardware."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray
from pennylane.devices import ExecutionConfig

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch, check_noise, check_noise_model, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.allocation import Shots, check_generator, check_number
from qvar.simulators.measurement.parameter_shift import ParameterShift
from qvar.simulators.measurement.plan import MeasurementPlan
from qvar.simulators.memory import check_memory
from qvar.simulators.noise import NoiseModel, ReadoutError
from qvar.simulators.observable import Observable
from qvar.simulators.pennylane.conversion import observable_to_pennylane
from qvar.simulators.pennylane.noise import noisy_operations
from qvar.simulators.readout import measured_observable

__all__ = ["PennyLaneObjective", "PennyLaneSimulator"]

_CHUNK = 2**22
"""How many density-matrix entries one broadcast tape may hold."""
_NUMBERS = {"default.mixed": 4, "default.qubit": 2, "lightning.qubit": 2}
"""Complex numbers that a state has for every qubit, to be multiplied."""
_EXACT_METHODS = ("device", "backprop", "adjoint")


@dataclass(frozen=True)
class PennyLaneSimulator:
    """Run circuits on a PennyLane device.

    Gate noise is inserted as channels after the gates, so noise needs a device that executes channels. Read-out error
    is part of the observable for exact values, and flips the sampled bits with shots. Gradients are the device's own or
    backpropagated where it offers that, else by parameter shift.

    Args:
        device: a PennyLane device, or the name of one, then made with as many wires as the circuit has qubits.
        noise: the noise model, None for none.
        options: further arguments for a device given by name.

    Raises:
        EngineError: for something that is no device, an unknown name, or options beside a device object.

    Example:
        >>> from qvar.simulators import Circuit, Operation, Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
        >>> objective = PennyLaneSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
        >>> round(objective([np.pi]), 6)
        -1.0
    """

    device: Any = "default.mixed"
    noise: NoiseModel | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_noise_model(self.noise)
        if not isinstance(self.device, (str, qml.devices.Device)):
            raise EngineError(f"device is a PennyLane device or the name of one, got {self.device!r}")
        if self.options and not isinstance(self.device, str):
            raise EngineError("options are for a device given by name; give them to the device object itself")

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return f"pennylane-{self.device if isinstance(self.device, str) else self.device.name}"

    def objective(self, circuit: Circuit, observable: Observable) -> "PennyLaneObjective":
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ, or the device lacks wires or channels.
            NoiseModelError: if the noise model is a device that lacks one of the gates or has too few qubits.
        """
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        return PennyLaneObjective(self, circuit, observable)

    def check_memory(self, n_qubits: int, *, n_states: int = 2) -> None:
        """Raise EngineError if so many states at once, of a device known by name, do not fit into memory."""
        size = _NUMBERS.get(self.name.removeprefix("pennylane-"), 0) ** n_qubits
        what = f"{self.name} with {n_qubits} qubits" if n_states == 2 else f"the gradient on {n_qubits} qubits"
        advice = "take a device without full states, a simulator of ours, or fewer qubits or gates"
        check_memory(16 * size * n_states, what, advice=advice)

    def make_device(self, n_qubits: int, *, seed: int | None = None) -> Any:
        """Return the device for circuits of `n_qubits` qubits; a device object as it is."""
        if not isinstance(self.device, str):
            wires = self.device.wires
            if wires is not None and not set(range(n_qubits)) <= set(wires):
                raise EngineError(f"the device {self.name!r} needs wires 0..{n_qubits - 1}, it has {list(wires)}")
            return self.device
        if seed is not None:
            try:
                return qml.device(self.device, wires=n_qubits, **({"seed": seed} | dict(self.options)))
            except TypeError:  # not every device takes a seed
                pass
        try:
            return qml.device(self.device, wires=n_qubits, **self.options)
        except (qml.exceptions.DeviceError, TypeError) as error:
            raise EngineError(f"cannot make the PennyLane device {self.device!r}: {error}") from error


class PennyLaneObjective:
    """The expectation value of one observable on a PennyLane device (see `qvar.simulators.engine.Objective`)."""

    def __init__(
        self,
        engine: PennyLaneSimulator,
        circuit: Circuit,
        observable: Observable,
        *,
        shots: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._engine = engine
        self.circuit = circuit
        self._observable = observable
        self.shots = shots
        self._rng = rng
        engine.check_memory(circuit.n_qubits)
        self._device = engine.make_device(circuit.n_qubits)
        self._quantum_function = circuit.to_pennylane()
        self._plan = MeasurementPlan.of(observable) if shots is not None else None
        self.n_parameters = circuit.n_parameters
        self._tape(np.zeros(self.n_parameters), [])  # raises where the noise model lacks a gate

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured circuits, 0 when exact."""
        return 0 if self._plan is None or self.shots is None else self.shots * self._plan.n_groups

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs: 1 by the device or by backpropagation, else those of parameter shift."""
        return 1 if self._method is not None else 2 * self._shift.n_occurrences + 1

    @cached_property
    def _shift(self) -> ParameterShift:
        return ParameterShift(self.circuit)

    @cached_property
    def _shifted(self) -> "PennyLaneObjective":
        return PennyLaneObjective(self._engine, self._shift.circuit, self._observable, shots=self.shots, rng=self._rng)

    @cached_property
    def _measurement(self) -> Any:
        return qml.expval(observable_to_pennylane(measured_observable(self._observable, self._engine.noise)))

    @cached_property
    def _dense_measurement(self) -> Any:
        """The measurement as one matrix: PennyLane's mixed states have no derivative where an outcome has none."""
        matrix = qml.matrix(self._measurement.obs, wire_order=range(self.circuit.n_qubits))
        return qml.expval(qml.Hermitian(matrix, wires=range(self.circuit.n_qubits)))

    @cached_property
    def _method(self) -> str | None:
        """The device's exact way to differentiate, None if it has none."""
        if self.shots is not None or self.n_parameters == 0:
            return None
        tape = self._tape(qml.numpy.zeros(self.n_parameters), [self._measurement])
        config = ExecutionConfig(gradient_method="best", interface="autograd")
        if not self._device.supports_derivatives(config, tape):
            return None
        method = self._device.setup_execution_config(config, tape).gradient_method
        return method if method in _EXACT_METHODS else None

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians."""
        values = self.circuit.check_parameters(theta)
        if self.shots is not None:
            return float(self._sampled(values[None, :])[0])
        return float(self._execute([self._tape(values, [self._measurement])], self._device)[0])

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its gradient per radian."""
        values = self.circuit.check_parameters(theta)
        if self._method is None:
            return self(values), self._shift.gradient(values, self._shifted.batch)

        if self._method == "backprop":
            self._engine.check_memory(self.circuit.n_qubits, n_states=len(self.circuit.operations) + 4)
        measurement = self._dense_measurement if self._method == "backprop" else self._measurement

        def energy(angles: Any) -> Any:
            return self._execute([self._tape(angles, [measurement])], self._device, self._method)[0]

        differentiate = qml.grad(energy)
        with warnings.catch_warnings():  # of autograd, which takes the real part of a complex cotangent
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            gradient = differentiate(qml.numpy.array(values, requires_grad=True))
        return float(differentiate.forward), np.array(gradient, dtype=np.float64)

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters), float64 of shape (n_points,)."""
        values = check_batch(thetas, self.n_parameters)
        if self.shots is not None:
            return self._sampled(values)
        if self.n_parameters == 0 or len(values) < 2:
            return np.array([self(row) for row in values], dtype=np.float64)
        size = max(2, _CHUNK // 4**self.circuit.n_qubits)
        chunks = [values[start : start + size] for start in range(0, len(values), size)]
        tapes = [self._tape(chunk.T if len(chunk) > 1 else chunk[0], [self._measurement]) for chunk in chunks]
        return np.concatenate([np.atleast_1d(energies) for energies in self._execute(tapes, self._device)])

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> "PennyLaneObjective":
        """Return the objective sampled with `shots` shots per measured circuit.

        A device given by name is seeded from `rng`; a device object draws from its own generator.

        Raises:
            EngineError: for a `ShotBudget`, or a number that is not whole and positive.
        """
        number = check_number(shots)
        return PennyLaneObjective(self._engine, self.circuit, self._observable, shots=number, rng=check_generator(rng))

    def _tape(self, theta: Any, measurements: list[Any], *, basis: Sequence[int] = (), shots: int | None = None) -> Any:
        """Return the circuit, with noise and changes to the basis given by letters, as a tape."""
        with qml.QueuingManager.stop_recording():
            gates = self._quantum_function(theta)
            index = {q: q for q in range(self.circuit.n_qubits)}
            operations = noisy_operations(gates, index, self._engine.noise)
            for qubit, letter in enumerate(basis):
                if letter == 1:
                    operations.append(qml.RY(-np.pi / 2, qubit))
                if letter == 2:
                    operations.append(qml.RX(np.pi / 2, qubit))
            tape = qml.tape.QuantumScript(operations, measurements, shots=shots)
        tape.trainable_params = qml.math.get_trainable_indices(tape.get_parameters(trainable_only=False))
        return tape

    def _execute(self, tapes: list[Any], device: Any, method: str | None = None) -> Any:
        try:
            return qml.execute(tapes, device, diff_method=method)
        except (qml.exceptions.DeviceError, qml.exceptions.WireError) as error:
            raise EngineError(
                f"{self._engine.name} cannot run this circuit: {error}; noise and channels need a device that "
                "executes channels, such as 'default.mixed' or 'qvar.ptm'"
            ) from error

    def _sampled(self, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self._plan is not None
        assert self._rng is not None
        energies = np.full(len(thetas), self._plan.constant, dtype=np.float64)
        if self._plan.n_groups == 0 or len(thetas) == 0:
            return energies
        device = self._engine.make_device(self.circuit.n_qubits, seed=int(self._rng.integers(2**31)))
        measured = qml.sample(wires=range(self.circuit.n_qubits))
        for basis, values in zip(self._plan.bases, self._plan.values, strict=True):
            tapes = [self._tape(theta, [measured], basis=basis, shots=self.shots) for theta in thetas]
            for k, bits in enumerate(self._execute(tapes, device)):
                energies[k] += values[self._outcomes(np.asarray(bits), basis)].mean()
        return energies

    def _outcomes(self, bits: NDArray[Any], basis: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return outcomes, qubit 0 the lowest bit, from bits of shape (shots, n_qubits), with read-out error."""
        assert self._rng is not None
        bits = bits.reshape(-1, self.circuit.n_qubits).astype(np.int64)
        for qubit, letter in enumerate(basis):
            error = None if self._engine.noise is None else self._engine.noise.readout_error(qubit)
            if error is None:
                continue
            if isinstance(error, ReadoutError):
                flip = np.where(bits[:, qubit] == 0, error.p01, error.p10)
            else:
                flip = np.full(len(bits), error.p if letter != 1 else 0.0)
            bits[:, qubit] ^= self._rng.random(len(bits)) < flip
        return np.asarray(bits @ (1 << np.arange(self.circuit.n_qubits)), dtype=np.int64)
