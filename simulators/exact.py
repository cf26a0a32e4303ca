"""The objective of the compiled engines: exact values and gradients, one kernel call each."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.batches import (
    CompiledProgram,
    energies_of_pairs,
    energies_of_points,
    final_states,
    gradients_of_pairs,
    gradients_of_points,
    pulled_back_observables,
)
from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.errors import CircuitError, EngineError
from qvar.simulators.kernels import compiled, workspace
from qvar.simulators.kernels.layout import HARMLESS
from qvar.simulators.measurement.allocation import Shots
from qvar.simulators.measurement.normal import NormalShotObjective
from qvar.simulators.measurement.plan import MeasurementPlan
from qvar.simulators.measurement.shots import ShotObjective
from qvar.simulators.memory import check_memory
from qvar.simulators.metric import fubini_study_metric
from qvar.simulators.observable import Observable

__all__ = ["CompiledProgram", "ExactEngine", "ExactObjective", "PreparedObservable"]


class PreparedObservable(Protocol):
    """An observable in the form that a picture needs."""

    @property
    def observable(self) -> Observable:
        """The observable itself."""
        ...

    @property
    def plan(self) -> MeasurementPlan:
        """How it is measured with shots."""
        ...

    def probabilities(self, state: NDArray[Any]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group, shape (n_groups, 2**n_qubits), from a final state."""
        ...


class ExactEngine(Protocol):
    """What an exact objective asks of the engine that made it."""

    def objective(self, circuit: Circuit, observable: Observable) -> "ExactObjective":
        """Return the objective of another circuit."""
        ...

    def joined_program(self, circuit: Circuit, observable: Observable) -> CompiledProgram:
        """Return the program of the same objective for any start state."""
        ...

    def moments_program(self, circuit: Circuit, observable: Observable) -> CompiledProgram:
        """Return what the kernel `moments` takes, for the mean and the variance that shots have."""
        ...

    def states_program(self, circuit: Circuit) -> CompiledProgram:
        """Return what the kernel `states` takes, for the states after `circuit`, before read-out."""
        ...

    def start_states(self, states: ArrayLike, n_qubits: int) -> NDArray[Any]:
        """Return checked start states in this engine's picture, one a row."""
        ...


class ExactObjective:
    """The expectation value of one observable in one circuit (see `qvar.simulators.engine.Objective`)."""

    def __init__(
        self, engine: ExactEngine, circuit: Circuit, prepared: PreparedObservable, program: CompiledProgram
    ) -> None:
        self.circuit = circuit
        self.n_parameters = circuit.n_parameters
        self._engine = engine
        self._prepared = prepared
        self._program = program
        self._arguments = program.arguments
        self._energy_numbers = program.energy_numbers

    def __reduce__(self) -> tuple[Any, ...]:
        return self._engine.objective, (self.circuit, self._prepared.observable)

    @property
    def shots(self) -> None:
        """None: values are exact."""
        return None

    @property
    def shots_per_evaluation(self) -> int:
        """Zero: values are exact."""
        return 0

    @property
    def evaluations_per_gradient(self) -> int:
        """One: a gradient is one sweep forward and one back."""
        return 1

    @property
    def program(self) -> CompiledProgram:
        """What kernels take."""
        return self._program

    @cached_property
    def moments_program(self) -> CompiledProgram:
        """What the kernel `moments` takes."""
        return self._engine.moments_program(self.circuit, self._prepared.observable)

    @cached_property
    def _joined(self) -> CompiledProgram:
        return self._engine.joined_program(self.circuit, self._prepared.observable)

    @cached_property
    def _states(self) -> CompiledProgram:
        return self._engine.states_program(self.circuit)

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable would be measured with shots."""
        return self._prepared.plan

    @cached_property
    def _energy(self) -> Callable[..., float]:
        check_memory(8 * self._energy_numbers, "the state of this circuit", advice="use fewer qubits")
        return compiled(self._program.picture, "energy")

    @cached_property
    def _gradient(self) -> Callable[..., float]:
        check_memory(8 * self._program.gradient_numbers, "the gradient of this circuit")
        return compiled(self._program.picture, "gradient")

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians."""
        try:  # the kernel itself refuses other types, and answers nan to a wrong length or numbers that are not finite
            value = self._energy(*self._arguments, theta, workspace(self._energy_numbers))
        except (TypeError, ValueError):
            value = math.nan
        if value == value:
            return value
        return self._energy(*self._arguments, self._careful(theta), workspace(self._energy_numbers))

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its exact gradient per radian, float64 of shape (n_parameters,).

        Raises:
            EngineError: if the states that the sweep stores would not fit into memory.
        """
        gradient = np.empty(self.n_parameters)
        sweep, work = self._gradient, workspace(self._program.gradient_numbers)
        try:  # as for an energy
            value = sweep(*self._arguments, theta, work, gradient)
        except (TypeError, ValueError):
            value = math.nan
        if value != value:
            value = sweep(*self._arguments, self._careful(theta), work, gradient)
        kept = self._program.kept
        if kept is not None and not work[0] < HARMLESS:
            exact = ExactObjective(self._engine, self.circuit, self._prepared, kept)
            return exact.value_and_gradient(theta)
        return value, gradient

    def _careful(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return angles that a kernel did not take as they are."""
        values = self.circuit.check_parameters(theta)
        if not all(math.isfinite(slot.angle(values)) for slot in self.circuit.slots()):
            raise CircuitError("these parameters, scaled and shifted as the circuit says, exceed the range of float64")
        return values

    def batch(self, thetas: ArrayLike, states: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the energies of many parameter vectors, or of many start states, shared among threads.

        Args:
            thetas: float array of shape (n_points, n_parameters), radians.
            states: start states instead of |0...0>, one per point; or one for all points, or many with one point. For
                both engines complex amplitudes, shape (n_points, 2**n), qubit 0 least significant; for
                `PauliTransferSimulator` also density matrices, shape (n_points, 2**n, 2**n), or real Pauli vectors
                Tr(P_i rho), shape (n_points, 4**n), indices as in `state`. A Pauli vector may be that of any linear
                combination of states, so it need neither be normalized nor positive; values are linear in it.

        Returns:
            float64 of shape (n_points,).

        Raises:
            EngineError: for arrays of a wrong shape, numbers that are not finite, states that are none, or Pauli
                vectors that do not fit into memory.
            CircuitError: for angles that, scaled as the circuit says, exceed the range of float64.
        """
        values = check_batch(thetas, self.n_parameters)
        if states is None:
            energies = energies_of_points(self._program, values)
        else:
            starts = self._engine.start_states(states, self.circuit.n_qubits)
            energies = energies_of_pairs(self._joined, values, starts)
        self._refuse_nan(energies, values)
        return energies

    def values_and_gradients(
        self, thetas: ArrayLike, states: ArrayLike | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the energies of many points and their exact gradients, shared among threads.

        Each row is what `value_and_gradient` gives, or gives from that start state.

        Args:
            thetas: float array of shape (n_points, n_parameters), radians.
            states: start states instead of |0...0>, as in `batch`.

        Returns:
            float64 of shapes (n_points,) and (n_points, n_parameters), the second per radian.

        Raises:
            EngineError: as in `batch`, and if gradients and the states that a sweep stores would not fit into memory.
            CircuitError: for angles that, scaled as the circuit says, exceed the range of float64.
        """
        points = check_batch(thetas, self.n_parameters)
        if states is None:
            values, gradients = gradients_of_points(self._program, points)
        else:
            starts = self._engine.start_states(states, self.circuit.n_qubits)
            values, gradients = gradients_of_pairs(self._joined, points, starts)
        self._refuse_nan(values, points)
        return values, gradients

    def gradient_from(self, theta: ArrayLike, vector: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the value at a Pauli vector and its exact gradient, by one sweep; for `PauliTransferSimulator`.

        The value is `pulled_back([theta])[0] @ vector`. With vector = sum_k w_k r_k, weights w_k times the Pauli
        vectors r_k of many states, this is the gradient of sum_k w_k E_k for the price of one state: what
        back-propagating a loss over many data rows needs.

        Args:
            theta: float array of shape (n_parameters,), radians.
            vector: float64 of shape (4**n,), any linear combination of Pauli vectors; indices as in `state`.

        Returns:
            The value, and float64 of shape (n_parameters,), per radian.

        Raises:
            EngineError: as in `values_and_gradients`, and for an engine without Pauli vectors.
            CircuitError: for angles of a wrong shape, or out of range.
        """
        size = 4**self.circuit.n_qubits
        if np.shape(vector) != (size,):
            raise EngineError(f"a Pauli vector has shape ({size},), got {np.shape(vector)}")
        self._need_pauli_vectors()
        values, gradients = self.values_and_gradients(self.circuit.check_parameters(theta)[None], vector)
        return float(values[0]), gradients[0]

    def pulled_back(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the measured observable evolved backwards through the circuit; for `PauliTransferSimulator`.

        Heisenberg's picture, with gate noise and read-out error: row o of the result belongs to the operator
        O(theta) = sum_i o_i P_i, so that the energy from a start state rho is Tr(O(theta) rho) = o @ r with
        r_i = Tr(P_i rho). No factor is left: o_i is the coefficient of P_i as in an `Observable`. The energies of
        all start states, rows of R, at all points are `R @ pulled_back(thetas).T`.

        Args:
            thetas: float array of shape (n_points, n_parameters), radians.

        Returns:
            float64 of shape (n_points, 4**n), indices as in `state`.

        Raises:
            EngineError: for a wrong shape, numbers that are not finite, a result that does not fit into memory, or an
                engine without Pauli vectors.
            CircuitError: for angles that, scaled as the circuit says, exceed the range of float64.

        Example:
            >>> from qvar.simulators import Circuit, Observable, Operation, PauliTransferSimulator, Slot
            >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
            >>> objective = PauliTransferSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
            >>> objective.pulled_back([[0.0]]).tolist()  # I, X, Y, Z
            [[0.0, 0.0, 0.0, 1.0]]
        """
        self._need_pauli_vectors()
        points = check_batch(thetas, self.n_parameters)
        effects = pulled_back_observables(self._joined, points, self.circuit.n_qubits)
        self._refuse_nan(effects[:, 0], points)  # whatever is nan gets there: the transpose of a channel adds to it
        return effects

    def states(self, thetas: ArrayLike) -> NDArray[Any]:
        """Return the final states from |0...0> for many points, before read-out, shared among threads.

        Args:
            thetas: float array of shape (n_points, n_parameters), radians.

        Returns:
            One state a row, as `state` returns it: complex128 of shape (n_points, 2**n) or float64 of shape
            (n_points, 4**n). The latter can be given to `batch` and `values_and_gradients` of another objective.

        Raises:
            EngineError: for a wrong shape, numbers that are not finite, or states that do not fit into memory.
            CircuitError: for angles that, scaled as the circuit says, exceed the range of float64.
        """
        points = check_batch(thetas, self.n_parameters)
        states = final_states(self._states, points, self.circuit.n_qubits)
        self._refuse_nan(states.sum(axis=1), points)
        return states

    def _need_pauli_vectors(self) -> None:
        if self._program.picture != "pauli_transfer":
            raise EngineError("this engine has no Pauli vectors; use PauliTransferSimulator")

    def _refuse_nan(self, values: NDArray[Any], points: NDArray[np.float64]) -> None:
        """Raise if values are nan because angles are bad."""
        for k in np.flatnonzero(np.isnan(values)):
            self._careful(points[k if len(points) > 1 else 0])

    def state(self, theta: ArrayLike) -> NDArray[Any]:
        """Return the final state in the engine's picture, before read-out.

        For `StatevectorSimulator` the amplitudes, complex128 of shape (2**n,), qubit 0 least significant. For
        `PauliTransferSimulator` all Pauli expectation values Tr(P_i rho), float64 of shape (4**n,); index
        i = sum_q d_q 4**q with digits d_q = 0, 1, 2, 3 for I, X, Y, Z on qubit q.
        """
        state: NDArray[Any] = self.states(self.circuit.check_parameters(theta)[None])[0]
        return state

    def metric(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return the Fubini-Study metric at `theta`, for natural gradients, shape (n_parameters, n_parameters).

        It is that of the circuit without the noise of the engine, as is usual, from |0...0>; see
        `qvar.simulators.fubini_study_metric`.

        Raises:
            EngineError: if the circuit holds channels.
        """
        return fubini_study_metric(self.circuit, theta)

    def probabilities(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group, read-out error included, shape (n_groups, 2**n_qubits)."""
        return self._prepared.probabilities(self.state(theta))

    def for_circuit(self, circuit: Circuit) -> "ExactObjective":
        """Return the objective of the same observable and noise for another circuit."""
        return self._engine.objective(circuit, self._prepared.observable)

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> ShotObjective:
        """Return the objective estimated from `shots` shots per measured group, or from a `ShotBudget`."""
        return ShotObjective(self, shots, rng)

    def with_normal_shots(self, shots: int, rng: np.random.Generator) -> NormalShotObjective:
        """Return the objective with normal noise of the mean and variance that `shots` shots per group have."""
        return NormalShotObjective(self, shots, rng)
