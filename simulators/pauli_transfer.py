"""Exact noisy expectation values and gradients in the Pauli-Liouville picture; the default engine of every search."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch, check_noise, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.kernel_loading import load_kernels, workspace
from qvar.simulators.measurement import MeasurementPlan, ShotObjective, apply_local
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.program import Lowering, Program, ptm_lowering
from qvar.simulators.readout import letter_map, measured_coefficients

__all__ = ["PauliTransferObjective", "PauliTransferSimulator"]

_MAX_QUBITS = 12
_MAX_BYTES = 8 * 2**30
_SCRATCH = 16


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
        object.__setattr__(self, "_lowering", ptm_lowering(self.noise))
        object.__setattr__(self, "_prepared", {})

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return "pauli-transfer"

    def objective(self, circuit: Circuit, observable: Observable) -> "PauliTransferObjective":
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ, or the state would not fit into memory.
            NoiseModelError: if the noise model is a device that lacks one of the gates or has too few qubits.
        """
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        if circuit.n_qubits > _MAX_QUBITS:
            raise EngineError(
                f"the Pauli-transfer simulator holds 4**n numbers and takes up to {_MAX_QUBITS} qubits, got "
                f"{circuit.n_qubits}; use AerSimulator with a matrix-product state for larger circuits"
            )
        prepared = self._prepared.get(observable)
        if prepared is None:
            prepared = self._prepared[observable] = _PreparedObservable(observable, self.noise)
        return PauliTransferObjective(self, circuit, prepared, self._lowering.program(circuit))


class _PreparedObservable:
    """An observable as indices into the state, with read-out error folded into its coefficients."""

    def __init__(self, observable: Observable, noise: NoiseModel | None) -> None:
        self.observable = observable
        self.letter_maps = [letter_map(noise, q) for q in range(observable.n_qubits)]
        coefficients = measured_coefficients(observable, noise)
        self.indices = np.flatnonzero(coefficients).astype(np.int64)
        self.coefficients = coefficients[self.indices]
        self._plan: MeasurementPlan | None = None
        self._gather: NDArray[np.int64] | None = None
        self._to_outcomes: NDArray[np.float64] | None = None

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured, worked out once."""
        if self._plan is None:
            self._plan = MeasurementPlan.of(self.observable)
            outcomes = np.arange(2**self.observable.n_qubits)
            bits = (outcomes[:, None] >> np.arange(self.observable.n_qubits)) & 1
            self._gather = (self._plan.bases[:, None, :] * bits) @ (4 ** np.arange(self.observable.n_qubits))
            maps = np.array(self.letter_maps)
            qubits = np.arange(self.observable.n_qubits)
            read = np.zeros((self._plan.n_groups, self.observable.n_qubits, 2, 2))
            read[..., 0, 0] = 1.0
            read[..., 1, 0] = maps[qubits, self._plan.bases, 0]
            read[..., 1, 1] = maps[qubits, self._plan.bases, self._plan.bases]
            self._to_outcomes = np.array([[0.5, 0.5], [0.5, -0.5]]) @ read
        return self._plan

    def probabilities(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group from the 4**n expectation values."""
        assert self.plan is not None  # sets the two tables
        assert self._gather is not None
        assert self._to_outcomes is not None
        raw = apply_local(state[self._gather], self._to_outcomes).real
        clipped = np.maximum(raw, 0.0)
        return np.asarray(clipped / clipped.sum(axis=1, keepdims=True), dtype=np.float64)


class PauliTransferObjective:
    """The noisy expectation value of one observable in one circuit (see `qvar.simulators.engine.Objective`)."""

    def __init__(
        self,
        engine: PauliTransferSimulator,
        circuit: Circuit,
        prepared: _PreparedObservable,
        program: Program,
    ) -> None:
        self._engine = engine
        self._prepared = prepared
        self._program = program
        self._kernels = load_kernels("ptm_kernels")
        self.circuit = circuit
        self.n_parameters = circuit.n_parameters
        header = np.array([circuit.n_qubits, len(program.ops), len(prepared.indices)], dtype=np.int64)
        self._ints = np.concatenate([header, program.ops.ravel(), prepared.indices])
        self._floats = np.concatenate([program.angles.ravel(), prepared.coefficients])
        self._size = 4**circuit.n_qubits

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
        work = workspace(self._size + _SCRATCH, np.float64)
        return float(self._kernels.energy(self._ints, self._floats, self._program.constants, values, work))

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its exact gradient per radian, float64 of shape (n_parameters,)."""
        values = self.circuit.check_parameters(theta)
        size = (self._program.n_slots + 1) * self._size + _SCRATCH
        if 8 * size > _MAX_BYTES:
            raise EngineError(
                f"the gradient of this circuit needs {8 * size / 2**30:.1f} GiB for its stored states, more than "
                f"{_MAX_BYTES / 2**30:.0f}; use fewer qubits or rotations"
            )
        gradient = np.empty(self.n_parameters)
        work = workspace(size, np.float64)
        constants = self._program.constants
        value = self._kernels.gradient(self._ints, self._floats, constants, values, work, gradient)
        return float(value), gradient

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters), float64 of shape (n_points,)."""
        values = check_batch(thetas, self.n_parameters)
        energies = np.empty(len(values))
        work = workspace(self._size + _SCRATCH, np.float64)
        self._kernels.energies(self._ints, self._floats, self._program.constants, values, work, energies)
        return energies

    def pauli_expectations(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return all Pauli expectation values Tr(P_i rho) before read-out, float64 of shape (4**n,).

        Index i = sum_q d_q 4**q with digits 0, 1, 2, 3 for I, X, Y, Z on qubit q.
        """
        values = self.circuit.check_parameters(theta)
        work = np.empty(self._size + _SCRATCH)
        self._kernels.state(self._ints, self._floats, self._program.constants, values, work)
        return work[: self._size]

    def probabilities(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcome probabilities per measured group, shape (n_groups, 2**n_qubits)."""
        return self._prepared.probabilities(self.pauli_expectations(theta))

    def for_circuit(self, circuit: Circuit) -> "PauliTransferObjective":
        """Return the objective of the same observable and noise for another circuit."""
        return self._engine.objective(circuit, self._prepared.observable)

    def with_shots(self, shots: int, rng: np.random.Generator) -> ShotObjective:
        """Return the objective estimated from `shots` shots per measured group."""
        return ShotObjective(self, shots, rng)
