"""A target state as something to aim at: the fidelity with it, for twelve qubits and more as for four."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.problems import Problem, state_preparation
from qvar.simulators import Circuit, Engine, Objective, Observable, StatevectorSimulator
from qvar.simulators.errors import LatentError
from qvar.simulators.exact import ExactObjective
from qvar.simulators.measurement.plan import MeasurementPlan

__all__ = ["TargetState"]

_MOST_QUBITS = 16


@dataclass(frozen=True, eq=False)
class TargetState:
    """Prepare a state: the value of a circuit is 1 - |<t|psi>|^2.

    On `StatevectorSimulator` a value costs what the circuit costs. Other engines get the observable 1 - |t><t|, for
    up to 8 qubits (see `qvar.problems.state_preparation`).

    Attributes:
        key: short name.
        title: in one line.
        amplitudes: t, complex128 of shape (2**n_qubits,), qubit 0 least significant, normalized.
        source: where the state comes from.

    Raises:
        LatentError: for amplitudes that are no normalized state of 1 to 16 qubits.
    """

    key: str
    title: str
    amplitudes: NDArray[np.complex128]
    source: str = ""

    unit = "infidelity"
    exact_energy = 0.0

    def __post_init__(self) -> None:
        state = np.array(self.amplitudes, dtype=np.complex128)
        size = len(state) if state.ndim == 1 else 0
        if size < 2 or size & (size - 1) or size > 2**_MOST_QUBITS:
            raise LatentError(f"a target on 1 to {_MOST_QUBITS} qubits has shape (2**n,), got {state.shape}")
        if not abs(np.linalg.norm(state) - 1.0) <= 1e-8:
            raise LatentError(f"a target state is normalized, this one has the norm {np.linalg.norm(state)}")
        state.flags.writeable = False
        object.__setattr__(self, "amplitudes", state)

    @classmethod
    def of_circuit(cls, circuit: Circuit, theta: ArrayLike, *, key: str, title: str, source: str) -> "TargetState":
        """Return the state that a circuit prepares from |0...0>."""
        observable = Observable.from_terms({"I" * circuit.n_qubits: 1.0})
        state = StatevectorSimulator().objective(circuit, observable).state(theta)
        return cls(key, title, state / np.linalg.norm(state), source)

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return len(self.amplitudes).bit_length() - 1

    @cached_property
    def problem(self) -> Problem:
        """The same as a problem with an observable.

        Raises:
            ProblemError: where the observable would have too many Pauli strings.
        """
        return state_preparation(self.amplitudes)

    def objective(self, engine: Engine, circuit: Circuit) -> Objective:
        """Return the infidelity of `circuit` as a function of its angles."""
        if not isinstance(engine, StatevectorSimulator):
            return self.problem.objective(engine, circuit)
        if circuit.n_qubits != self.n_qubits:
            raise LatentError(f"the circuit has {circuit.n_qubits} qubit(s), the target {self.key!r} {self.n_qubits}")
        program = engine.program_behind(self._tables, circuit)
        return ExactObjective(engine, circuit, _Prepared(self), replace(program, picture="qvar.latent.tasks.kernels"))

    @cached_property
    def _tables(self) -> NDArray[np.float64]:
        """Real and imaginary parts, each at least four numbers."""
        tables = np.zeros((2, max(len(self.amplitudes), 4)))
        tables[:, : len(self.amplitudes)] = self.amplitudes.real, self.amplitudes.imag
        return tables.ravel()

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the target as JSON data."""
        rounded = np.round(self.amplitudes, 10) + 0.0  # no -0.0
        digest = hashlib.sha256(rounded.astype("<c16").tobytes()).hexdigest()
        return {"key": self.key, "n_qubits": self.n_qubits, "amplitudes": digest}


class _Prepared:
    """The target where an exact objective wants an observable: only what goes beyond values and gradients asks."""

    def __init__(self, target: TargetState) -> None:
        self._target = target

    @property
    def observable(self) -> Observable:
        return self._target.problem.observable

    @cached_property
    def _whole(self) -> ExactObjective:
        empty = Circuit(self._target.n_qubits, ())
        return StatevectorSimulator().objective(empty, self.observable)

    @property
    def plan(self) -> MeasurementPlan:
        return self._whole.plan

    def probabilities(self, state: NDArray[Any]) -> NDArray[np.float64]:
        return self._whole._prepared.probabilities(state)
