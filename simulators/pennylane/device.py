"""The simulator as a PennyLane device: `qml.device("qvar.ptm", wires=n)`."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices import Device, ExecutionConfig
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.measurements import ExpectationMP, VarianceMP
from pennylane.transforms.core import CompilePipeline

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_noise_model
from qvar.simulators.errors import EngineError, NoiseModelError
from qvar.simulators.noise import NoiseModel
from qvar.simulators.pauli_transfer import PauliTransferSimulator
from qvar.simulators.pennylane.preprocessing import NativeForm, native_form
from qvar.simulators.pennylane.tapes import TapeSimulation, read_tape
from qvar.simulators.remembering import remembered

__all__ = ["PauliTransferDevice"]

_REMEMBERED = 128  # structures of tapes


@simulator_tracking
@single_tape_support
class PauliTransferDevice(Device):  # type: ignore[misc]
    """A PennyLane device that simulates noisy circuits by their Pauli expectation values.

    Exact values, samples, channels, and exact gradients of all angles in one reverse sweep
    (`diff_method="best"` or `"device"`) for expectation values, variances and probabilities. For everything else
    `diff_method="best"` is parameter shift; `"backprop"` runs PennyLane's own, slower routines with the same noise,
    for derivatives of any order and of states.

    Noise acts on native gates (`qvar.simulators.gates`), after decomposition:
    - an operation that is native, such as RX, Rot, CNOT or IsingZZ, carries the noise of one gate; a `Rot` is one gate;
    - other operations, templates, state preparations and mid-circuit measurements (deferred) are first decomposed by
      PennyLane, and every native gate that results carries its noise. Two ways to write one unitary can therefore
      have different noise. BasisState and StatePrep are circuits like any other;
    - channels and QubitDensityMatrix get no noise of their own; nor do changes of basis before a measurement;
    - read-out error applies to everything that is measured: sums of Pauli words letter by letter, other observables
      in their eigenbasis as PennyLane diagonalizes them. Variances and samples of sums are read in PennyLane's
      diagonal basis too. States, density matrices and entropies are those before read-out;
    - wire k of the device is qubit k of the noise model. A device with coupling map does not route: apply
      `qml.transforms.transpile` first.

    `qml.state()` gives amplitudes if neither the noise model nor the circuit holds a channel, as `default.qubit` does,
    else the density matrix, as `default.mixed` does.

    With shots, each term of a measured sum is sampled in its group of commuting terms, `shots` shots per group.

    Args:
        wires: number of wires, or their labels; at most 12 in one circuit. None, for whatever a tape acts on, needs
            `noise=None`.
        shots: default number of shots, None for exact values (PennyLane prefers `qml.set_shots`).
        noise: the noise model, None for none.
        seed: seed or generator of the samples.

    Raises:
        NoiseModelError: if the noise model is a device with fewer qubits than `wires`.
        EngineError: if `noise` is no noise model, or given without `wires`.

    Example:
        >>> import pennylane as qml
        >>> device = PauliTransferDevice(wires=1)
        >>> circuit = qml.QNode(lambda x: [qml.RX(x, 0), qml.expval(qml.Z(0))][1], device)
        >>> float(round(circuit(np.pi), 6))
        -1.0
    """

    def __init__(
        self,
        wires: Any = None,
        shots: Any = None,
        *,
        noise: NoiseModel | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(wires=wires, shots=shots)
        check_noise_model(noise)
        self.noise = noise
        if noise is not None and self.wires is None:
            raise EngineError("a device with noise needs its wires: wire k is qubit k of the noise model")
        if noise is not None and noise.n_qubits is not None and len(self.wires) > noise.n_qubits:
            raise NoiseModelError(
                f"device {noise.name!r} has {noise.n_qubits} qubit(s), but {len(self.wires)} wires were asked for; "
                "use a larger device"
            )
        self._rng = np.random.default_rng(seed)
        self._position = {} if self.wires is None else {wire: q for q, wire in enumerate(self.wires)}
        self._engines: dict[tuple[int, ...], PauliTransferSimulator] = {}
        self._simulations: dict[Any, TapeSimulation] = {}
        self._verdicts: dict[Any, bool] = {}
        self._gradient_form = NativeForm(self.name, self.wires, noise, expands_broadcasts=True)
        self._pipelines = {False: CompilePipeline(), True: CompilePipeline()}
        self._pipelines[False].add_transform(
            native_form, NativeForm(self.name, self.wires, noise, expands_broadcasts=False)
        )
        self._pipelines[True].add_transform(native_form, self._gradient_form)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.wires, self.noise, self._rng)  # what is remembered is found again

    @property
    def name(self) -> str:
        """Name of the device."""
        return "qvar.ptm"

    def supports_derivatives(self, execution_config: Any = None, circuit: Any = None) -> bool:
        """Tell whether the device differentiates a circuit by the configured method, of "device" and "backprop"."""
        if execution_config is None:
            return True
        method = execution_config.gradient_method
        if method == "backprop":
            return circuit is None or not circuit.shots
        if method not in ("best", "device") or execution_config.derivative_order != 1:
            return False
        return circuit is None or self._has_gradient(circuit)

    def supports_vjp(self, execution_config: Any = None, circuit: Any = None) -> bool:
        """Tell whether the device computes vector-Jacobian products: where it has Jacobians."""
        is_backprop = execution_config is not None and execution_config.gradient_method == "backprop"
        return not is_backprop and self.supports_derivatives(execution_config, circuit)

    supports_jvp = supports_vjp

    def _has_gradient(self, circuit: Any) -> bool:
        if circuit.shots:
            return False
        key = self._gradient_form.structure(circuit), tuple(circuit.trainable_params)
        if key not in self._verdicts:
            verdict = self._find_gradient(circuit)
            depends_on_words = any(isinstance(m, VarianceMP) for m in circuit.measurements)
            if depends_on_words or not self._gradient_form.is_native(circuit):
                return verdict
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = verdict
        return self._verdicts[key]

    def _find_gradient(self, circuit: Any) -> bool:
        try:
            tapes, _ = self._gradient_form.apply(circuit)
        except (qml.exceptions.DeviceError, qml.exceptions.WireError):
            return False
        for tape in tapes:
            if tape is not circuit:
                parameters = tape.get_parameters(trainable_only=False)
                tape.trainable_params = qml.math.get_trainable_indices(parameters)
        return all(self._simulation(tape)[0].has_gradient(tape) for tape in tapes)

    def setup_execution_config(self, config: Any = None, circuit: Any = None) -> Any:
        """Return the configuration with gradient method and its timing decided."""
        config = config or ExecutionConfig()
        if config.gradient_method == "backprop":
            return dataclasses.replace(config, use_device_gradient=True, grad_on_execution=False)
        if config.gradient_method in ("best", "device"):
            at_once = config.grad_on_execution
            if at_once is None:  # a gradient costs a few energies, the Jacobian of probabilities many
                at_once = circuit is None or all(isinstance(m, ExpectationMP) for m in circuit.measurements)
            return dataclasses.replace(
                config, gradient_method="device", use_device_gradient=True, grad_on_execution=at_once
            )
        return config

    def preprocess_transforms(self, execution_config: Any = None) -> CompilePipeline:
        """Return the transform to native gates; it splits broadcast tapes where they may be differentiated."""
        config = execution_config or ExecutionConfig()
        splits = config.gradient_method == "device" and config.interface != qml.math.Interface.NUMPY
        return self._pipelines[splits]

    def execute(self, circuits: Sequence[Any], execution_config: Any = None) -> tuple[Any, ...]:
        """Return the results of native tapes."""
        if execution_config is not None and execution_config.gradient_method == "backprop":
            interface = execution_config.interface
            return tuple(self._simulation(tape)[0].transparent_results(tape, interface) for tape in circuits)
        return tuple(self._result(tape) for tape in circuits)

    def _result(self, tape: Any) -> Any:
        simulation, angles = self._simulation(tape)
        theta = _angle_rows(angles)
        if tape.shots:
            return simulation.samples(tape, theta, self._rng)
        return simulation.results(tape, theta)

    def execute_and_compute_derivatives(
        self,
        circuits: Sequence[Any],
        execution_config: Any = None,  # noqa: ARG002 - PennyLane's signature
    ) -> Any:
        """Return the results and the Jacobians of native tapes."""
        pairs = []
        for tape in circuits:
            simulation, angles = self._simulation(tape)
            pairs.append(simulation.results_and_jacobians(tape, _angle_rows(angles)))
        return tuple(value for value, _ in pairs), tuple(jacobian for _, jacobian in pairs)

    def compute_derivatives(self, circuits: Sequence[Any], execution_config: Any = None) -> Any:
        """Return the Jacobians of native tapes, per measurement and trainable parameter."""
        return self.execute_and_compute_derivatives(circuits, execution_config)[1]

    def compute_vjp(self, circuits: Sequence[Any], cotangents: Any, execution_config: Any = None) -> Any:
        """Return the cotangents pulled back to the trainable parameters of each tape."""
        return self.execute_and_compute_vjp(circuits, cotangents, execution_config)[1]

    def execute_and_compute_vjp(self, circuits: Sequence[Any], cotangents: Any, execution_config: Any = None) -> Any:
        """Return the results and the pulled-back cotangents of each tape."""
        results, jacobians = self.execute_and_compute_derivatives(circuits, execution_config)
        products = []
        for tape, cotangent, jacobian in zip(circuits, cotangents, jacobians, strict=True):
            is_single = len(tape.measurements) == 1
            rule = qml.gradients.compute_vjp_single if is_single else qml.gradients.compute_vjp_multi
            products.append(tuple(rule(cotangent, jacobian)))
        return results, tuple(products)

    def compute_jvp(self, circuits: Sequence[Any], tangents: Any, execution_config: Any = None) -> Any:
        """Return the tangents pushed forward to the results of each tape."""
        return self.execute_and_compute_jvp(circuits, tangents, execution_config)[1]

    def execute_and_compute_jvp(self, circuits: Sequence[Any], tangents: Any, execution_config: Any = None) -> Any:
        """Return the results and the pushed-forward tangents of each tape."""
        results, jacobians = self.execute_and_compute_derivatives(circuits, execution_config)
        products = []
        for tape, tangent, jacobian in zip(circuits, tangents, jacobians, strict=True):
            is_single = len(tape.measurements) == 1
            rule = qml.gradients.compute_jvp_single if is_single else qml.gradients.compute_jvp_multi
            products.append(rule(tangent, jacobian))
        return results, tuple(products)

    def _simulation(self, tape: Any) -> tuple[TapeSimulation, list[Any]]:
        """Return the simulation of a native tape, made at first use of its structure, and the tape's angles."""
        structure, angles = read_tape(tape)
        make = partial(self._make_simulation, tape)
        return remembered(self._simulations, structure, make, most=_REMEMBERED), angles

    def _make_simulation(self, tape: Any) -> TapeSimulation:
        wires = self._ordered_wires(tape)
        qubits = tuple(self._position.get(wire, q) for q, wire in enumerate(wires))
        if qubits not in self._engines:
            noise = None if self.noise is None else self.noise.on_qubits(qubits)
            self._engines[qubits] = PauliTransferSimulator(noise)
        simulation = TapeSimulation(tape, wires, self._engines[qubits])
        self._check_gates(simulation.circuit, qubits)
        return simulation

    def _check_gates(self, circuit: Circuit, qubits: tuple[int, ...]) -> None:
        """Raise NoiseModelError, in the numbering of the whole device, for a gate that the noise model lacks."""
        for operation in circuit.operations:
            if self.noise is not None and operation.channel is None:
                self.noise.channel(operation.gate, tuple(qubits[q] for q in operation.qubits))

    def _ordered_wires(self, tape: Any) -> list[Any]:
        """Return the wires of a tape, least qubit first: in the device's order or, without one, PennyLane's."""
        if self._position:
            return sorted(tape.wires, key=self._position.__getitem__)
        standard = tape.map_to_standard_wires().wires
        return [wire for _, wire in sorted(zip(standard, tape.wires, strict=True))]


def _rebuild(wires: Any, noise: NoiseModel | None, rng: np.random.Generator) -> PauliTransferDevice:
    """Make a device without default shots, which PennyLane has deprecated, for copying and pickling."""
    return PauliTransferDevice(wires, noise=noise, seed=rng)


def _angle_rows(angles: list[Any]) -> NDArray[np.float64]:
    """Return angles as an array of shape (n_angles,) or, if some are arrays, (n_points, n_angles)."""
    n_points = {len(angle) for angle in angles if getattr(angle, "ndim", 0)}
    if not n_points:
        return np.array(angles, dtype=np.float64)
    (size,) = n_points
    return np.stack([np.broadcast_to(np.asarray(angle, dtype=np.float64), size) for angle in angles], axis=1)
