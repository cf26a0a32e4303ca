"""The objective of the compiled engines: exact values and gradients, one kernel call each."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.errors import EngineError
from qvar.simulators.kernel_loading import workspace
from qvar.simulators.measurement import MeasurementPlan, ShotObjective
from qvar.simulators.observable import Observable

__all__ = ["ExactObjective", "PreparedObservable", "remembered"]

_MAX_GIGABYTES = 8


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


class ExactObjective:
    """The expectation value of one observable in one circuit (see `qvar.simulators.engine.Objective`).

    Args:
        circuit: the circuit.
        prepared: the observable.
        kernels: the kernel module of the picture.
        arguments: what its entry points take before angles and workspace.
        sizes: numbers in the workspace of an energy and of a gradient, and in a state.
        dtype: type of these numbers.
        rebuild: makes the objective of the same observable for another circuit.
    """

    def __init__(
        self,
        circuit: Circuit,
        prepared: PreparedObservable,
        *,
        kernels: ModuleType,
        arguments: tuple[NDArray[Any], ...],
        sizes: tuple[int, int, int],
        dtype: type[np.generic],
        rebuild: Callable[[Circuit], "ExactObjective"],
    ) -> None:
        self.circuit = circuit
        self.n_parameters = circuit.n_parameters
        self._prepared = prepared
        self._kernels = kernels
        self._arguments = arguments
        self._energy_size, self._gradient_size, self._state_size = sizes
        self._dtype = dtype
        self._rebuild = rebuild

    def __reduce__(self) -> tuple[Any, ...]:
        return self._rebuild, (self.circuit,)  # kernels cannot be pickled; they are loaded again

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
    def plan(self) -> MeasurementPlan:
        """How the observable would be measured with shots."""
        return self._prepared.plan

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians."""
        values = self.circuit.check_parameters(theta)
        work = workspace(self._energy_size, self._dtype)
        return float(self._kernels.energy(*self._arguments, values, work))

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its exact gradient per radian, float64 of shape (n_parameters,).

        Raises:
            EngineError: if the states that the sweep stores would not fit into 8 GiB.
        """
        values = self.circuit.check_parameters(theta)
        gigabytes = self._gradient_size * np.dtype(self._dtype).itemsize / 2**30
        if gigabytes > _MAX_GIGABYTES:
            raise EngineError(
                f"the gradient of this circuit needs {gigabytes:.1f} GiB of memory, more than {_MAX_GIGABYTES}; use "
                "fewer qubits or rotations"
            )
        gradient = np.empty(self.n_parameters)
        work = workspace(self._gradient_size, self._dtype)
        value = self._kernels.gradient(*self._arguments, values, work, gradient)
        return float(value), gradient

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters), float64 of shape (n_points,)."""
        values = check_batch(thetas, self.n_parameters)
        energies = np.empty(len(values))
        work = workspace(self._energy_size, self._dtype)
        self._kernels.energies(*self._arguments, values, work, energies)
        return energies

    def state(self, theta: ArrayLike) -> NDArray[Any]:
        """Return the final state in the engine's picture, before read-out.

        For `StatevectorSimulator` the amplitudes, complex128 of shape (2**n,), qubit 0 least significant. For
        `PauliTransferSimulator` all Pauli expectation values Tr(P_i rho), float64 of shape (4**n,); index
        i = sum_q d_q 4**q with digits d_q = 0, 1, 2, 3 for I, X, Y, Z on qubit q.
        """
        values = self.circuit.check_parameters(theta)
        work = np.empty(self._energy_size, dtype=self._dtype)
        self._kernels.state(*self._arguments[:3], values, work)
        return work[: self._state_size]

    def probabilities(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group, read-out error included, shape (n_groups, 2**n_qubits)."""
        return self._prepared.probabilities(self.state(theta))

    def for_circuit(self, circuit: Circuit) -> "ExactObjective":
        """Return the objective of the same observable and noise for another circuit."""
        return self._rebuild(circuit)

    def with_shots(self, shots: int, rng: np.random.Generator) -> ShotObjective:
        """Return the objective estimated from `shots` shots per measured group."""
        return ShotObjective(self, shots, rng)
