"""The objective of the compiled engines: exact values and gradients, one kernel call each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.errors import CircuitError, EngineError
from qvar.simulators.input_states import check_pairing
from qvar.simulators.kernels import compiled, workspace
from qvar.simulators.measurement.allocation import Shots
from qvar.simulators.measurement.normal import NormalShotObjective
from qvar.simulators.measurement.plan import MeasurementPlan, ShotObjective
from qvar.simulators.metric import fubini_study_metric
from qvar.simulators.observable import Observable
from qvar.simulators.threads import in_parallel

__all__ = ["CompiledProgram", "ExactEngine", "ExactObjective", "PreparedObservable", "energies_of_pairs", "remembered"]

_MAX_GIGABYTES = 8
_HARMLESS = 1e-9  # distance from |0> after undoing a circuit; the gradient was never seen to be off by more


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


_Prepared = TypeVar("_Prepared", bound=PreparedObservable)
_REMEMBERED = 16


def remembered(
    table: dict[Observable, _Prepared], observable: Observable, prepare: Callable[[Observable], _Prepared]
) -> _Prepared:
    """Return the prepared observable, from `table` if it is there; the table forgets the oldest of more than 16."""
    prepared = table.get(observable)
    if prepared is None:
        prepared = prepare(observable)
        while len(table) >= _REMEMBERED:
            table.pop(next(iter(table)), None)
        table[observable] = prepared
    return prepared


@dataclass(frozen=True, slots=True)
class CompiledProgram:
    """A circuit and an observable, ready for the kernels of one picture.

    Attributes:
        picture: the kernel module.
        arguments: what its entry points take before angles and workspace.
        energy_numbers: float64 numbers in the workspace of an energy.
        batch_numbers: float64 numbers in the workspace of a batch.
        gradient_numbers: float64 numbers in the workspace of a gradient.
        seconds: roughly what one energy takes.
    """

    picture: str
    arguments: tuple[NDArray[Any], ...]
    energy_numbers: int
    batch_numbers: int
    gradient_numbers: int
    seconds: float
    kept: "CompiledProgram | None" = None
    """The same with every state kept, for gradients that cannot be trusted to undo them; None if they keep them."""


class ExactEngine(Protocol):
    """What an exact objective asks of the engine that made it."""

    def objective(self, circuit: Circuit, observable: Observable) -> "ExactObjective":
        """Return the objective of another circuit."""
        ...

    def final_state(self, circuit: Circuit, theta: NDArray[np.float64]) -> NDArray[Any]:
        """Return the state after `circuit`, before read-out."""
        ...

    def energies_from(
        self, circuit: Circuit, observable: Observable, thetas: NDArray[np.float64], states: ArrayLike
    ) -> NDArray[np.float64]:
        """Return the expectation values for start states."""
        ...


def energies_of_pairs(
    program: CompiledProgram, thetas: NDArray[np.float64], starts: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the expectation values of parameter vectors and start states, shared among threads."""
    energies = np.empty(check_pairing(thetas, starts))
    kernel = compiled(program.picture, "energies_from")

    def part(first: int, end: int) -> None:
        rows = [array if len(array) == 1 else array[first:end] for array in (thetas, starts)]
        kernel(*program.arguments, *rows, workspace(program.energy_numbers), energies[first:end])

    in_parallel(part, len(energies), program.seconds)
    return energies


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
    def moments_program(self) -> CompiledProgram | None:
        """What the kernel `moments` takes, None if the picture has no such kernel."""
        prepare: Callable[..., CompiledProgram] | None = getattr(self._engine, "moments_program", None)
        return None if prepare is None else prepare(self.circuit, self._prepared.observable)

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable would be measured with shots."""
        return self._prepared.plan

    @cached_property
    def _energy(self) -> Callable[..., float]:
        return compiled(self._program.picture, "energy")

    @cached_property
    def _gradient(self) -> Callable[..., float]:
        gigabytes = self._program.gradient_numbers * 8 / 2**30
        if gigabytes > _MAX_GIGABYTES:
            raise EngineError(
                f"the gradient of this circuit needs {gigabytes:.1f} GiB of memory, more than {_MAX_GIGABYTES}; use "
                "fewer qubits or rotations"
            )
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
            EngineError: if the states that the sweep stores would not fit into 8 GiB.
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
        if kept is not None and not work[0] < _HARMLESS:
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
                `PauliTransferSimulator` also density matrices, shape (n_points, 2**n, 2**n).

        Returns:
            float64 of shape (n_points,).
        """
        values = check_batch(thetas, self.n_parameters)
        if states is not None:
            return self._engine.energies_from(self.circuit, self._prepared.observable, values, states)
        energies = np.empty(len(values))
        kernel = compiled(self._program.picture, "energies")

        def part(first: int, end: int) -> None:
            work = workspace(self._program.batch_numbers)
            kernel(*self._arguments, values[first:end], work, energies[first:end])

        in_parallel(part, len(values), self._program.seconds)
        return energies

    def state(self, theta: ArrayLike) -> NDArray[Any]:
        """Return the final state in the engine's picture, before read-out.

        For `StatevectorSimulator` the amplitudes, complex128 of shape (2**n,), qubit 0 least significant. For
        `PauliTransferSimulator` all Pauli expectation values Tr(P_i rho), float64 of shape (4**n,); index
        i = sum_q d_q 4**q with digits d_q = 0, 1, 2, 3 for I, X, Y, Z on qubit q.
        """
        return self._engine.final_state(self.circuit, self.circuit.check_parameters(theta))

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
