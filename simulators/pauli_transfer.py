"""Exact noisy expectation values and gradients in the Pauli-Liouville picture; the default engine of every search."""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_noise, check_noise_model, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.exact import CompiledProgram, ExactObjective
from qvar.simulators.input_states import start_vectors
from qvar.simulators.kernels import compiled, layout
from qvar.simulators.measurement.normal import moment_terms
from qvar.simulators.measurement.plan import MeasurementPlan, apply_local
from qvar.simulators.memory import available_bytes, check_memory, gib
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.pictures import PAULI_TRANSFER
from qvar.simulators.program import Lowering
from qvar.simulators.readout import letter_map, measured_coefficients
from qvar.simulators.remembering import remembered

__all__ = ["PauliTransferSimulator"]

_MAX_QUBITS = 12
_REMEMBERED = 16  # observables
_BYTES_PER_NUMBER = 24  # of the state: state and scratch, or the observable as it is prepared
_SECONDS_PER_NUMBER = 1e-10  # of a state, and operation; only used to decide whether threads are worth it


@dataclass(frozen=True)
class PauliTransferSimulator:
    """Simulate noisy circuits by their Pauli expectation values, 4**n real numbers.

    Exact: gate noise, read-out error and gradients carry no sampling or truncation error. One energy of a 4-qubit
    circuit takes microseconds, because gates use their structure and a circuit runs in one compiled call.

    Args:
        noise: the noise model, None for none.

    Source: the picture is that of Patel et al., arXiv 2402.03500.
    Differs from the source:
    - local operations on the tensor of expectation values instead of 4**n x 4**n matrices;
    - no compilation per circuit; float64 throughout; the trace is preserved exactly.

    Example:
        >>> from qvar.simulators import Circuit, Operation, Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
        >>> objective = PauliTransferSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
        >>> round(objective([np.pi]), 6)
        -1.0
    """

    noise: NoiseModel | None = None
    _lowering: Lowering = field(init=False, repr=False, compare=False)
    _prepared: dict[Observable, "_PreparedObservable"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_noise_model(self.noise)
        object.__setattr__(self, "_lowering", Lowering(self.noise, PAULI_TRANSFER))
        object.__setattr__(self, "_prepared", {})

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return "pauli-transfer"

    def objective(self, circuit: Circuit, observable: Observable) -> ExactObjective:
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ, or the state would not fit into memory.
            NoiseModelError: if the noise model is a device that lacks one of the gates or has too few qubits.
        """
        prepared = self._prepare(circuit, observable)
        return ExactObjective(self, circuit, prepared, self._program(circuit, prepared))

    def _prepare(self, circuit: Circuit, observable: Observable) -> "_PreparedObservable":
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        if circuit.n_qubits > _MAX_QUBITS:
            raise EngineError(
                f"the Pauli-transfer simulator holds 4**n numbers and takes up to {_MAX_QUBITS} qubits, got "
                f"{circuit.n_qubits}, which would take {gib(_BYTES_PER_NUMBER * 4**circuit.n_qubits)} of memory "
                f"({gib(available_bytes())} are free here); larger circuits: PauliPropagationSimulator (truncated), or "
                "without noise StatevectorSimulator or AerSimulator with method='matrix_product_state'"
            )
        n_bytes = _BYTES_PER_NUMBER * 4**circuit.n_qubits
        check_memory(n_bytes, f"{circuit.n_qubits} qubits under noise", advice="use PauliPropagationSimulator")
        make = partial(_PreparedObservable, observable, self.noise)
        return remembered(self._prepared, observable, make, most=_REMEMBERED)

    def _program(self, circuit: Circuit, prepared: "_PreparedObservable", *, joined: bool = False) -> CompiledProgram:
        (ints, floats, _), constants = self._plan(
            circuit, prepared.support, prepared.digits, prepared.coefficients, joined=joined
        )
        numbers = ints[layout.SCRATCH] + ints[layout.STATE_SIZE]
        kept = CompiledProgram(
            "pauli_transfer",
            (ints, floats, constants),
            int(numbers),
            int(ints[layout.BATCH_SIZE]),
            int(numbers + ints[layout.KEPT_SIZE]),
            float(ints[layout.COST]) * _SECONDS_PER_NUMBER,
        )
        if not ints[layout.UNCOMPUTED]:
            return kept
        keeping = ints.copy()
        keeping[layout.UNCOMPUTED] = 0
        return replace(
            kept,
            gradient_numbers=int(numbers + ints[layout.STATE_SIZE]),
            kept=replace(kept, arguments=(keeping, floats, constants)),
        )

    def moments_program(self, circuit: Circuit, observable: Observable) -> CompiledProgram:
        """Return what the kernel `moments` needs for the mean and the variance that shots of `observable` have."""
        digits, coefficients, bounds = self._prepare(circuit, observable).moment_terms
        support = (digits != 0).any(axis=0).astype(np.uint8)
        (ints, floats, _), constants = self._plan(circuit, support, digits, coefficients)
        numbers = int(ints[layout.SCRATCH] + ints[layout.STATE_SIZE])
        seconds = float(ints[layout.COST] + len(coefficients)) * _SECONDS_PER_NUMBER
        arguments = (np.concatenate([ints, bounds]), floats, constants)
        return CompiledProgram("pauli_transfer", arguments, numbers, numbers, numbers, seconds)

    def _plan(
        self,
        circuit: Circuit,
        support: NDArray[np.uint8],
        digits: NDArray[np.int64],
        coefficients: NDArray[np.float64],
        *,
        joined: bool = False,
    ) -> tuple[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]:
        """Return the plan (see `kernels.planning.plan`) and the constants that it points into."""
        steps = self._lowering.steps(circuit)
        plan = compiled("planning", "plan")(
            steps.steps, steps.angles, support, digits, coefficients, circuit.n_parameters, int(joined), steps.constants
        )
        return plan, steps.constants

    def states_program(self, circuit: Circuit) -> CompiledProgram:
        """Return what the kernel `states` takes, for all Pauli expectation values after `circuit`."""
        n = circuit.n_qubits
        everything = np.ones(n, dtype=np.uint8)
        nothing = np.empty((0, n), dtype=np.int64)
        (ints, floats, wires), constants = self._plan(circuit, everything, nothing, np.empty(0))
        axes = n - 1 - np.argsort(wires)[::-1]
        order = np.arange(4**n, dtype=np.int32).reshape((4,) * n).transpose(axes).ravel()
        numbers = int(ints[layout.SCRATCH] + ints[layout.STATE_SIZE]) + 4**n
        seconds = float(ints[layout.COST] + 4 ** (n + 1)) * _SECONDS_PER_NUMBER
        arguments = (ints, floats, constants, order)
        return CompiledProgram("pauli_transfer", arguments, numbers, numbers, numbers, seconds)

    def joined_program(self, circuit: Circuit, observable: Observable) -> CompiledProgram:
        """Return the program of an objective for any start state (see `ExactObjective.batch`)."""
        return self._program(circuit, self._prepare(circuit, observable), joined=True)

    def start_states(self, states: ArrayLike, n_qubits: int) -> NDArray[np.float64]:
        """Return the Pauli vectors of start states (see `ExactObjective.batch`)."""
        return start_vectors(states, n_qubits)


class _PreparedObservable:
    """An observable as indices into the state, with read-out error folded into its coefficients."""

    def __init__(self, observable: Observable, noise: NoiseModel | None) -> None:
        self.observable = observable
        self.letter_maps = [letter_map(noise, q) for q in range(observable.n_qubits)]
        coefficients = measured_coefficients(observable, noise)
        indices = np.flatnonzero(coefficients)
        self.coefficients = coefficients[indices]
        self.digits = ((indices[:, None] >> (2 * np.arange(observable.n_qubits))) & 3).astype(np.int64)
        self.support = (self.digits != 0).any(axis=0).astype(np.uint8)

    @cached_property
    def moment_terms(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """The groups' means and mean squares as Pauli strings (see `measurement.normal.moment_terms`)."""
        return moment_terms(self.plan, self._to_outcomes)

    @cached_property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured."""
        return MeasurementPlan.of(self.observable)

    @cached_property
    def _gather(self) -> NDArray[np.int64]:
        """Where in a state the strings of each group stand, one for each set of qubits, (n_groups, 2**n_qubits)."""
        qubits = np.arange(self.observable.n_qubits)
        bits = (np.arange(2**self.observable.n_qubits)[:, None] >> qubits) & 1
        return np.asarray((self.plan.bases[:, None, :] * bits) @ (4**qubits), dtype=np.int64)

    @cached_property
    def _to_outcomes(self) -> NDArray[np.float64]:
        """From (1, <P>) of each qubit to the probabilities of reading 0 and 1, (n_groups, n_qubits, 2, 2)."""
        bases, maps, qubits = self.plan.bases, np.array(self.letter_maps), np.arange(self.observable.n_qubits)
        read = np.zeros((*bases.shape, 2, 2))
        read[..., 0, 0] = 1.0
        read[..., 1, 0] = maps[qubits, bases, 0]
        read[..., 1, 1] = maps[qubits, bases, bases]
        return np.asarray(np.array([[0.5, 0.5], [0.5, -0.5]]) @ read, dtype=np.float64)

    def probabilities(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group from the 4**n expectation values."""
        raw = apply_local(state[self._gather], self._to_outcomes).real
        clipped = np.maximum(raw, 0.0)
        return np.asarray(clipped / clipped.sum(axis=1, keepdims=True), dtype=np.float64)
