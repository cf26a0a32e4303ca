"""Qiskit Aer behind the same contract: an independent reference, and larger circuits than the own kernels hold."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator as QiskitAerSimulator

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch, check_noise, check_noise_model, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement import MeasurementPlan, ParameterShift, check_shots
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.readout import measured_observable

__all__ = ["AerObjective", "AerSimulator"]

_METHODS = ("density_matrix", "statevector", "matrix_product_state")


@dataclass(frozen=True)
class AerSimulator:
    """Simulate circuits with Qiskit Aer.

    Exact values come from Aer's density matrix (or, without noise, its state vector or matrix-product state) with
    read-out error applied to the observable, because Aer's exact expectation values leave it out. With shots, Aer
    samples measured circuits, gate noise and read-out error included. Gradients are by parameter shift.

    Args:
        noise: the noise model, None for none.
        method: "density_matrix", "statevector" or "matrix_product_state".

    Raises:
        EngineError: for another method, or for noise with a method that cannot give exact noisy values.
    """

    noise: NoiseModel | None = None
    method: str = "density_matrix"
    _backend: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_noise_model(self.noise)
        if self.method not in _METHODS:
            raise EngineError(f"unknown Aer method {self.method!r}; known are {', '.join(_METHODS)}")
        if self.noise is not None and self.method != "density_matrix":
            raise EngineError(f"exact noisy values need method='density_matrix', got {self.method!r}")
        model = None if self.noise is None else self.noise.to_aer()
        object.__setattr__(self, "_backend", QiskitAerSimulator(method=self.method, noise_model=model))

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return f"aer-{self.method.replace('_', '-')}"

    def objective(self, circuit: Circuit, observable: Observable) -> "AerObjective":
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ.
            NoiseModelError: if the noise model is a device that lacks one of the gates or has too few qubits.
        """
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        if self.noise is not None:
            for operation in circuit.operations:
                if operation.channel is None:
                    self.noise.channel(operation.gate, operation.qubits)
        return AerObjective(self, circuit, observable)

    def run(self, circuit: QuantumCircuit, binds: dict[Any, list[float]], **options: Any) -> list[Any]:
        """Run one circuit for every column of parameter values in a single job; return one result per column."""
        n_binds = len(next(iter(binds.values()))) if binds else 1
        job = self._backend.run(circuit, parameter_binds=[binds] if binds else None, **options)
        result = job.result()
        if not result.success:
            raise EngineError(f"Qiskit Aer failed: {result.status}")
        return [result.data(k) for k in range(n_binds)]


class AerObjective:
    """The expectation value of one observable in one circuit by Aer (see `qvar.simulators.engine.Objective`)."""

    def __init__(
        self,
        engine: AerSimulator,
        circuit: Circuit,
        observable: Observable,
        *,
        shots: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._engine = engine
        self.circuit = circuit
        self._observable = observable
        self.shots = None if shots is None else check_shots(shots)
        self._rng = rng
        self._qiskit = circuit.to_qiskit()
        self._plan = MeasurementPlan.of(observable) if shots is not None else None
        self.n_parameters = circuit.n_parameters

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured circuits, 0 when exact."""
        return 0 if self._plan is None or self.shots is None else self.shots * self._plan.n_groups

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs by parameter shift, value included."""
        return 2 * self._shift.n_occurrences + 1

    @cached_property
    def _shift(self) -> ParameterShift:
        return ParameterShift(self.circuit)

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians."""
        return float(self.batch(self.circuit.check_parameters(theta)[None, :])[0])

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its gradient per radian by parameter shift."""
        shifted = AerObjective(self._engine, self._shift.circuit, self._observable, shots=self.shots, rng=self._rng)
        return self(theta), self._shift.gradient(theta, shifted.batch)

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters) from one job."""
        values = check_batch(thetas, self.n_parameters)
        if len(values) == 0:  # Aer crashes on an empty job
            return np.empty(0)
        if self._plan is None:
            return self._exact(values)
        energies = np.full(len(values), self._plan.constant, dtype=np.float64)
        for group in range(self._plan.n_groups):
            energies += self._sampled(values, group)
        return energies

    def with_shots(self, shots: int, rng: np.random.Generator) -> "AerObjective":
        """Return the objective sampled by Aer with `shots` shots per measured circuit, seeded from `rng`."""
        return AerObjective(self._engine, self.circuit, self._observable, shots=shots, rng=rng)

    def _run(self, circuit: QuantumCircuit, thetas: NDArray[np.float64], **options: Any) -> list[Any]:
        if self.n_parameters == 0:
            return self._engine.run(circuit, {}, **options) * len(thetas)
        names = sorted(circuit.parameters, key=lambda parameter: parameter.index)
        return self._engine.run(circuit, {p: thetas[:, k].tolist() for k, p in enumerate(names)}, **options)

    @cached_property
    def _exact_circuit(self) -> QuantumCircuit:
        circuit = self._qiskit.copy()
        measured = measured_observable(self._observable, self._engine.noise)
        circuit.save_expectation_value(measured.to_qiskit(), range(self.circuit.n_qubits))
        return circuit

    def _exact(self, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        data = self._run(self._exact_circuit, thetas)
        return np.array([entry["expectation_value"] for entry in data], dtype=np.float64)

    def _sampled(self, thetas: NDArray[np.float64], group: int) -> NDArray[np.float64]:
        assert self._plan is not None
        assert self._rng is not None
        circuit = self._qiskit.copy()
        # Aer looks noise up by label: labelled basis changes stay noiseless, as in the exact value.
        for qubit, letter in enumerate(self._plan.bases[group]):
            if letter == 1:
                circuit.ry(-np.pi / 2, qubit, label="to Z")
            if letter == 2:
                circuit.rx(np.pi / 2, qubit, label="to Z")
        circuit.measure_all()
        # One job has one seed, from which Aer derives one per bind; without parameters there is nothing to bind.
        jobs = [thetas] if self.n_parameters else np.split(thetas, len(thetas))
        seeds = self._rng.integers(2**31, size=len(jobs)).tolist()
        data = [
            entry
            for rows, seed in zip(jobs, seeds, strict=True)
            for entry in self._run(circuit, rows, shots=self.shots, seed_simulator=seed)
        ]
        energies = [
            sum(count * self._plan.values[group][int(outcome, 16)] for outcome, count in entry["counts"].items())
            for entry in data
        ]
        return np.array(energies) / self.shots
