"""Exact noiseless expectation values and gradients by state vector."""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_observable
from qvar.simulators.exact import CompiledProgram, ExactObjective
from qvar.simulators.gates import PAULIS
from qvar.simulators.input_states import amplitudes
from qvar.simulators.kernels import compiled
from qvar.simulators.kernels import pure_layout as layout
from qvar.simulators.measurement.plan import MeasurementPlan, apply_local
from qvar.simulators.memory import check_memory
from qvar.simulators.observable import Observable
from qvar.simulators.pictures import AMPLITUDES
from qvar.simulators.program import Lowering
from qvar.simulators.remembering import remembered

__all__ = ["StatevectorSimulator"]

_SECONDS_PER_NUMBER = 1e-10  # of a state, and operation; only used to decide whether threads are worth it
_REMEMBERED = 16  # observables

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

    _lowering: Lowering = field(
        default_factory=partial(Lowering, None, AMPLITUDES), init=False, repr=False, compare=False
    )
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
            EngineError: if the numbers of qubits differ, the circuit holds channels, or the observable's tables would
                not fit into memory.
        """
        check_observable(circuit, observable)
        prepared = self._prepare(observable)
        return ExactObjective(self, circuit, prepared, self._program(circuit, prepared.masks))

    def _prepare(self, observable: Observable) -> "_PreparedObservable":
        return remembered(self._prepared, observable, partial(_PreparedObservable, observable), most=_REMEMBERED)

    def _program(self, circuit: Circuit, observed: "_Tables", *, joined: bool = False) -> CompiledProgram:
        steps = self._lowering.steps(circuit)
        offset, constants = observed.followed_by(steps.constants)
        ints, floats = compiled("pure_planning", "plan")(
            steps.steps,
            steps.angles,
            circuit.n_qubits,
            circuit.n_parameters,
            observed.header,
            offset,
            int(joined),
            steps.constants,
        )
        full = int(ints[layout.FULL])
        numbers = int(ints[layout.SCRATCH]) + 4 * full
        seconds = (int(ints[layout.COST]) + 3 * offset) * _SECONDS_PER_NUMBER
        return CompiledProgram("statevector", (ints, floats, constants), numbers, numbers, numbers + 4 * full, seconds)

    def moments_program(self, circuit: Circuit, observable: Observable) -> CompiledProgram:
        """Return what the kernel `moments` needs for the mean and the variance that shots of `observable` have."""
        groups = self._prepare(observable).groups
        program = self._program(circuit, groups)
        turns = groups.header.size * 4 * 2**circuit.n_qubits  # one for each group and qubit
        return replace(program, seconds=program.seconds + turns * _SECONDS_PER_NUMBER)

    def states_program(self, circuit: Circuit) -> CompiledProgram:
        """Return what the kernel `states` takes, for the amplitudes after `circuit`."""
        return self._program(circuit, _Tables(np.empty(0, dtype=np.int64), np.empty(0)))

    def program_behind(self, tables: NDArray[np.float64], circuit: Circuit) -> CompiledProgram:
        """Return what kernels take for `circuit`, with `tables` in front of the constants and no observable."""
        return self._program(circuit, _Tables(np.empty(0, dtype=np.int64), tables))

    def joined_program(self, circuit: Circuit, observable: Observable) -> CompiledProgram:
        """Return the program of an objective for any start state (see `ExactObjective.batch`)."""
        return self._program(circuit, self._prepare(observable).masks, joined=True)

    def start_states(self, states: ArrayLike, n_qubits: int) -> NDArray[np.complex128]:
        """Return start states as complex amplitudes (see `ExactObjective.batch`)."""
        return amplitudes(states, n_qubits)


class _Tables:
    """Part of an observable as kernels read it: whole numbers for the plan, tables in front of the gates' constants.

    Holds the last joined constants, which change only when a new kind of gate comes in.
    """

    def __init__(self, header: NDArray[np.int64], tables: NDArray[np.float64]) -> None:
        self.header = header
        self._n_numbers = tables.size
        self._joined: tuple[NDArray[np.float64] | None, NDArray[np.float64]] = (None, tables)

    def followed_by(self, constants: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
        """Return where `constants` begin in the joined array, and that array."""
        own, joined = self._joined
        if own is not constants:
            joined = np.concatenate([joined[: self._n_numbers], constants])
            self._joined = constants, joined
        return self._n_numbers, joined


class _PreparedObservable:
    """An observable grouped by X mask: one table of 2**n phases and coefficients per mask."""

    def __init__(self, observable: Observable) -> None:
        n = observable.n_qubits
        place = 2 ** np.arange(n)
        x_masks = ((observable.digits == 1) | (observable.digits == 2)) @ place
        z_masks = ((observable.digits == 2) | (observable.digits == 3)) @ place
        n_y = (observable.digits == 2).sum(axis=1)
        self.observable = observable
        masks = np.unique(x_masks)
        is_complex = bool((n_y % 2).any())
        n_bytes = 16 * (1 + is_complex) * len(masks) << max(n, 2)  # when constants of gates come in, a copy is made
        n_bytes += 40 << max(n, 2)  # what makes the table of one string
        check_memory(n_bytes, f"the tables of this observable on {n} qubits", advice="use AerSimulator instead")
        states = np.arange(2 ** max(n, 2))
        tables = np.zeros((1 + is_complex, len(masks), len(states)))
        where = {int(mask): k for k, mask in enumerate(masks)}
        for x, z, y, coefficient in zip(x_masks, z_masks, n_y, observable.vector, strict=True):
            # H|psi> at b is the sum of D_x[b ^ x] psi[b ^ x]
            signs = 1 - 2 * (np.bitwise_count((states ^ x) & z).astype(np.int64) % 2)
            part = (1, 1, -1, -1)[y % 4] * coefficient * signs
            tables[y % 2, where[int(x)]] += part
        self.masks = _Tables(np.concatenate([[len(masks), is_complex], masks]), tables.ravel())

    @cached_property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured."""
        return MeasurementPlan.of(self.observable)

    @cached_property
    def groups(self) -> _Tables:
        """How it is measured, for the kernel `moments`."""
        values = np.zeros((self.plan.n_groups, 2 ** max(self.observable.n_qubits, 2)))
        values[:, : self.plan.values.shape[1]] = self.plan.values
        header = np.concatenate([[self.plan.n_groups], self.plan.bases.ravel()])
        return _Tables(header, np.append(values.ravel(), self.plan.constant))

    def probabilities(self, state: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group from the 2**n amplitudes."""
        copies = np.broadcast_to(state, (self.plan.n_groups, len(state)))
        raw = np.abs(apply_local(copies, _TO_BASIS[self.plan.bases])) ** 2
        return np.asarray(raw / raw.sum(axis=1, keepdims=True), dtype=np.float64)
