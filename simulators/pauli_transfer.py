"""Exact noisy expectation values and gradients in the Pauli-Liouville picture; the default engine of every search."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_noise, check_noise_model, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.exact import ExactObjective, remembered
from qvar.simulators.kernel_loading import load_kernels
from qvar.simulators.measurement import MeasurementPlan, apply_local
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.program import Lowering, ptm_lowering
from qvar.simulators.readout import letter_map, measured_coefficients

__all__ = ["PauliTransferSimulator"]

_MAX_QUBITS = 12
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
        check_noise_model(self.noise)
        object.__setattr__(self, "_lowering", ptm_lowering(self.noise))
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
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        if circuit.n_qubits > _MAX_QUBITS:
            raise EngineError(
                f"the Pauli-transfer simulator holds 4**n numbers and takes up to {_MAX_QUBITS} qubits, got "
                f"{circuit.n_qubits}; larger circuits are simulated without noise: StatevectorSimulator, or "
                "AerSimulator with method='matrix_product_state'"
            )
        prepared = remembered(self._prepared, observable, partial(_PreparedObservable, noise=self.noise))
        program = self._lowering.program(circuit)
        header = np.array([circuit.n_qubits, len(program.ops), len(prepared.indices)], dtype=np.int64)
        size = 4**circuit.n_qubits
        return ExactObjective(
            circuit,
            prepared,
            kernels=load_kernels("ptm_kernels"),
            arguments=(
                np.concatenate([header, program.ops.ravel(), prepared.indices]),
                np.concatenate([program.angles.ravel(), prepared.coefficients]),
                program.constants,
            ),
            sizes=(size + _SCRATCH, (program.n_slots + 1) * size + _SCRATCH, size),
            dtype=np.float64,
            rebuild=partial(self.objective, observable=observable),
        )


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
