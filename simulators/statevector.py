"""Exact noiseless expectation values and gradients by state vector."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.gates import PAULIS
from qvar.simulators.kernel_loading import load_kernels, workspace
from qvar.simulators.measurement import MeasurementPlan, ShotObjective, apply_local
from qvar.simulators.observable import Observable
from qvar.simulators.program import Lowering, Program, pure_lowering

__all__ = ["StatevectorObjective", "StatevectorSimulator"]

_MAX_BYTES = 4 * 2**30


@dataclass(frozen=True)
class StatevectorSimulator:
    """Simulate noiseless circuits by their 2**n amplitudes, with exact gradients by the adjoint method.

    Example:
        >>> from qvar.simulators import Circuit, Operation, Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
        >>> objective = StatevectorSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
        >>> round(objective([np.pi]), 6)
        -1.0
    """

    _lowering: Lowering = field(default_factory=pure_lowering, init=False, repr=False, compare=False)
    _prepared: dict[Observable, "_PreparedObservable"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return "statevector"

    @property
    def noise(self) -> None:
        """None: this engine is ideal."""
        return None

    def objective(self, circuit: Circuit, observable: Observable) -> "StatevectorObjective":
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ, or the observable's tables would not fit into memory.
        """
        check_observable(circuit, observable)
        prepared = self._prepared.get(observable)
        if prepared is None:
            prepared = self._prepared[observable] = _PreparedObservable(observable)
        return StatevectorObjective(self, circuit, prepared, self._lowering.program(circuit))


class _PreparedObservable:
    """An observable grouped by X mask: one table of 2**n phases and coefficients per mask."""

    def __init__(self, observable: Observable) -> None:
        n = observable.n_qubits
        place = 2 ** np.arange(n)
        x_masks = ((observable.digits == 1) | (observable.digits == 2)) @ place
        z_masks = ((observable.digits == 2) | (observable.digits == 3)) @ place
        self.observable = observable
        self.masks, owner = np.unique(x_masks, return_inverse=True)
        if 16 * len(self.masks) << n > _MAX_BYTES:
            raise EngineError(
                f"this observable on {n} qubits needs {16 * len(self.masks) << n >> 30} GiB of tables, more than "
                f"{_MAX_BYTES >> 30}; use AerSimulator instead"
            )
        states = np.arange(2**n)
        self.tables = np.zeros((len(self.masks), 2**n), dtype=np.complex128)
        n_y = (observable.digits == 2).sum(axis=1)
        for k, (z_mask, coefficient) in enumerate(zip(z_masks, observable.vector, strict=True)):
            signs = 1 - 2 * (np.bitwise_count(states & z_mask).astype(np.int64) % 2)
            self.tables[owner[k]] += coefficient * 1j ** int(n_y[k]) * signs
        self._plan: MeasurementPlan | None = None

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured, worked out once."""
        if self._plan is None:
            self._plan = MeasurementPlan.of(self.observable)
        return self._plan


_TO_BASIS = np.array(
    [np.eye(2), (PAULIS[1] + PAULIS[3]) / np.sqrt(2), np.array([[1, -1j], [1, 1j]]) / np.sqrt(2), np.eye(2)]
)
"""Unitaries that turn a measurement of the letter I, X, Y, Z into one of Z."""


class StatevectorObjective:
    """The ideal expectation value of one observable in one circuit (see `qvar.simulators.engine.Objective`)."""

    def __init__(
        self, engine: StatevectorSimulator, circuit: Circuit, prepared: _PreparedObservable, program: Program
    ) -> None:
        self._engine = engine
        self._prepared = prepared
        self._program = program
        self._kernels = load_kernels("statevector_kernels")
        self.circuit = circuit
        self.n_parameters = circuit.n_parameters
        header = np.array([circuit.n_qubits, len(program.ops), len(prepared.masks)], dtype=np.int64)
        self._ints = np.concatenate([header, program.ops.ravel(), prepared.masks.astype(np.int64)])
        self._floats = program.angles.ravel()
        self._tables = prepared.tables.ravel()
        self._size = 2**circuit.n_qubits

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
        work = workspace(self._size, np.complex128)
        constants = self._program.constants
        return float(self._kernels.energy(self._ints, self._floats, constants, self._tables, values, work))

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its exact gradient per radian, float64 of shape (n_parameters,)."""
        values = self.circuit.check_parameters(theta)
        gradient = np.empty(self.n_parameters)
        work = workspace(2 * self._size, np.complex128)
        constants = self._program.constants
        value = self._kernels.gradient(self._ints, self._floats, constants, self._tables, values, work, gradient)
        return float(value), gradient

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters), float64 of shape (n_points,)."""
        values = check_batch(thetas, self.n_parameters)
        energies = np.empty(len(values))
        work = workspace(self._size, np.complex128)
        constants = self._program.constants
        self._kernels.energies(self._ints, self._floats, constants, self._tables, values, work, energies)
        return energies

    def amplitudes(self, theta: ArrayLike) -> NDArray[np.complex128]:
        """Return the final state, complex128 of shape (2**n,), qubit 0 least significant."""
        values = self.circuit.check_parameters(theta)
        work = np.empty(self._size, dtype=np.complex128)
        self._kernels.state(self._ints, self._floats, self._program.constants, values, work)
        return work

    def probabilities(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group, shape (n_groups, 2**n_qubits)."""
        state = np.broadcast_to(self.amplitudes(theta), (self.plan.n_groups, self._size))
        raw = np.abs(apply_local(state, _TO_BASIS[self.plan.bases])) ** 2
        return np.asarray(raw / raw.sum(axis=1, keepdims=True), dtype=np.float64)

    def for_circuit(self, circuit: Circuit) -> "StatevectorObjective":
        """Return the objective of the same observable for another circuit."""
        return self._engine.objective(circuit, self._prepared.observable)

    def with_shots(self, shots: int, rng: np.random.Generator) -> ShotObjective:
        """Return the objective estimated from `shots` shots per measured group."""
        return ShotObjective(self, shots, rng)
