"""Exact noiseless expectation values and gradients by state vector."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.exact import CompiledProgram, ExactObjective, energies_of_pairs, remembered
from qvar.simulators.gates import PAULIS
from qvar.simulators.input_states import amplitudes
from qvar.simulators.kernels import compiled
from qvar.simulators.measurement.plan import MeasurementPlan, apply_local
from qvar.simulators.observable import Observable
from qvar.simulators.program import STEP_SIZE, Lowering, pure_lowering

__all__ = ["StatevectorSimulator"]

_MAX_BYTES = 4 * 2**30
_SECONDS_PER_NUMBER = 5e-10  # of a state, and operation; only used to decide whether threads are worth it


_TO_BASIS = np.array(
    [np.eye(2), (PAULIS[1] + PAULIS[3]) / np.sqrt(2), np.array([[1, -1j], [1, 1j]]) / np.sqrt(2), np.eye(2)]
)
"""Unitaries that turn a measurement of the letter I, X, Y, Z into one of Z."""


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

    def objective(self, circuit: Circuit, observable: Observable) -> ExactObjective:
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ, or the observable's tables would not fit into memory.
        """
        check_observable(circuit, observable)
        if any(operation.channel is not None for operation in circuit.operations):
            raise EngineError("a state vector cannot hold channels; use PauliTransferSimulator or AerSimulator")
        prepared = remembered(self._prepared, observable, _PreparedObservable)
        return ExactObjective(self, circuit, prepared, self._program(circuit, prepared.masks, prepared.tables))

    def _program(self, circuit: Circuit, masks: NDArray[np.int64], tables: NDArray[np.complex128]) -> CompiledProgram:
        steps = self._lowering.steps(circuit)
        n_steps = len(steps.steps) // STEP_SIZE
        header = np.array([circuit.n_qubits, n_steps, len(masks), circuit.n_parameters], dtype=np.int64)
        ints = np.concatenate([header, steps.steps, masks])
        size = 2 * 2**circuit.n_qubits
        seconds = size * (n_steps + len(masks)) * _SECONDS_PER_NUMBER
        return CompiledProgram(
            "statevector", (ints, steps.angles, steps.constants, tables), size, size, 2 * size, seconds
        )

    def final_state(self, circuit: Circuit, theta: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return the amplitudes after `circuit` (see `ExactObjective.state`)."""
        program = self._program(circuit, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.complex128))
        work = np.empty(program.energy_numbers)
        compiled("statevector", "state")(*program.arguments, theta, work)
        return work.view(np.complex128)

    def energies_from(
        self, circuit: Circuit, observable: Observable, thetas: NDArray[np.float64], states: ArrayLike
    ) -> NDArray[np.float64]:
        """Return the expectation values for start states (see `ExactObjective.batch`)."""
        prepared = remembered(self._prepared, observable, _PreparedObservable)
        program = self._program(circuit, prepared.masks, prepared.tables)
        return energies_of_pairs(program, thetas, amplitudes(states, circuit.n_qubits))


class _PreparedObservable:
    """An observable grouped by X mask: one table of 2**n phases and coefficients per mask."""

    def __init__(self, observable: Observable) -> None:
        n = observable.n_qubits
        place = 2 ** np.arange(n)
        x_masks = ((observable.digits == 1) | (observable.digits == 2)) @ place
        z_masks = ((observable.digits == 2) | (observable.digits == 3)) @ place
        self.observable = observable
        masks, owner = np.unique(x_masks, return_inverse=True)
        self.masks = masks.astype(np.int64)
        if 16 * len(self.masks) << n > _MAX_BYTES:
            raise EngineError(
                f"this observable on {n} qubits needs {16 * len(self.masks) << n >> 30} GiB of tables, more than "
                f"{_MAX_BYTES >> 30}; use AerSimulator instead"
            )
        states = np.arange(2**n)
        tables = np.zeros((len(self.masks), 2**n), dtype=np.complex128)
        n_y = (observable.digits == 2).sum(axis=1)
        for k, (z_mask, coefficient) in enumerate(zip(z_masks, observable.vector, strict=True)):
            signs = 1 - 2 * (np.bitwise_count(states & z_mask).astype(np.int64) % 2)
            tables[owner[k]] += coefficient * 1j ** int(n_y[k]) * signs
        self.tables = tables.ravel()
        self._plan: MeasurementPlan | None = None

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured, worked out once."""
        if self._plan is None:
            self._plan = MeasurementPlan.of(self.observable)
        return self._plan

    def probabilities(self, state: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group from the 2**n amplitudes."""
        copies = np.broadcast_to(state, (self.plan.n_groups, len(state)))
        raw = np.abs(apply_local(copies, _TO_BASIS[self.plan.bases])) ** 2
        return np.asarray(raw / raw.sum(axis=1, keepdims=True), dtype=np.float64)
