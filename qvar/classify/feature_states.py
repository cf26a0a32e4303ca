"""The states that a feature map prepares from data, on an exact engine, and what one-qubit measurements see of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qvar.classify.parametrized import ParametrizedCircuit, parametrize
from qvar.simulators import Observable, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.engine import Engine
from qvar.simulators.errors import ClassifierError
from qvar.simulators.exact import ExactObjective
from qvar.simulators.memory import check_memory
from qvar.simulators.primitives.compilation import Compiler
from qvar.simulators.readout import letter_map

__all__ = ["FeatureStates", "preparation"]

Floats = NDArray[np.float64]
_CHUNK_BYTES = 2**26


def preparation(engine: Engine, circuit: ParametrizedCircuit) -> Callable[[Floats], NDArray[Any]]:
    """Return the function from data, float64 of shape (n_rows, n_features), to the states after a circuit of data only.

    The engine is `StatevectorSimulator` or `PauliTransferSimulator`; see `ExactObjective.states` for what it gives.
    """
    identity = Observable.from_terms({"I" * circuit.circuit.n_qubits: 1.0})
    objective: ExactObjective = engine.objective(circuit.circuit, identity)  # type: ignore[assignment]
    no_weights = np.empty(0)
    return lambda data: objective.states(circuit.values(data, no_weights))


class FeatureStates:
    """A feature map on an engine: rows of angles in, states out.

    Args:
        circuit: a Qiskit circuit of gates with one parameter per feature, in the order of the features.
        engine: `StatevectorSimulator` for pure states, `PauliTransferSimulator` for noisy ones. Its noise is numbered
            by the qubits of the circuit that is run, after the pass manager.
        pass_manager: a Qiskit pass manager that prepares the circuit for a device; None to run it as it is. Where its
            layout puts the qubits changes neither overlaps nor the set of one-qubit states.

    Raises:
        ClassifierError: for another engine, or a circuit that cannot be translated without numbers.
        NoiseModelError: if the noise model lacks one of the gates or qubits; `pass_manager` helps.

    Example:
        >>> from qvar.classify.circuits import feature_map_circuit
        >>> features = FeatureStates(feature_map_circuit("angle", 2, reps=1), StatevectorSimulator())
        >>> features.states(np.array([[0.0, np.pi]])).real.round(3).tolist()
        [[0.0, 0.0, 1.0, 0.0]]
        >>> (features.one_qubit_letters(np.array([[0.0, np.pi]])).round(3) + 0.0).tolist()
        [[[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]]
    """

    def __init__(self, circuit: QuantumCircuit, engine: Engine, pass_manager: Any = None) -> None:
        if not isinstance(engine, StatevectorSimulator | PauliTransferSimulator):
            raise ClassifierError(
                f"a quantum kernel needs the states themselves, which engine {getattr(engine, 'name', engine)!r} does "
                "not give; use StatevectorSimulator, or PauliTransferSimulator(noise): NoiseModel.from_aer and "
                "from_backend read the noise of others"
            )
        parametrized, _, qubits = parametrize(circuit, circuit.parameters, (), pass_manager)
        self.n_qubits = len(qubits)
        self.is_pure = isinstance(engine, StatevectorSimulator)
        here = Compiler(engine).engine_on(qubits)
        self._noise = here.noise
        self._prepare = preparation(here, parametrized)

    def states(self, angles: Floats) -> NDArray[Any]:
        """Return the states of all rows (see `ExactObjective.state`).

        Args:
            angles: float64 of shape (n_rows, n_features), radians.

        Returns:
            Amplitudes, complex128 of shape (n_rows, 2**n), if `is_pure`; otherwise Pauli expectation values, float64
            of shape (n_rows, 4**n).

        Raises:
            ClassifierError: if they do not fit into memory.
        """
        n_bytes = len(angles) * self._bytes_per_row
        what = f"the states of {len(angles)} rows on {self.n_qubits} qubits"
        advice = "use fewer rows or features, or the projected kernel (3 numbers a qubit)"
        check_memory(n_bytes, what, advice=advice, error=ClassifierError)
        return self._prepare(angles)

    def one_qubit_letters(self, angles: Floats) -> Floats:
        """Return <X>, <Y> and <Z> of every qubit as a device reads them, float64 of shape (n_rows, n_qubits, 3).

        Read-out error is included. States are made and dropped a few at a time.
        """
        step = max(1, _CHUNK_BYTES // self._bytes_per_row)
        parts = [self._letters(self.states(angles[k : k + step])) for k in range(0, len(angles), step)]
        return np.concatenate([np.empty((0, self.n_qubits, 3)), *parts])

    @property
    def _bytes_per_row(self) -> int:
        return int(16 * 2**self.n_qubits if self.is_pure else 8 * 4**self.n_qubits)

    def _letters(self, states: NDArray[Any]) -> Floats:
        letters = np.empty((len(states), self.n_qubits, 3))
        for q in range(self.n_qubits):
            true = _of_amplitudes(states, q) if self.is_pure else states[:, 4**q * np.arange(4)]
            letters[:, q] = true @ letter_map(self._noise, q)[1:].T
        return letters


def _of_amplitudes(amplitudes: NDArray[np.complex128], qubit: int) -> Floats:
    """Return <I>, <X>, <Y>, <Z> of one qubit, shape (n_rows, 4)."""
    split = amplitudes.reshape(len(amplitudes), -1, 2, 2**qubit)
    zero, one = split[:, :, 0], split[:, :, 1]
    coherence = 2 * (zero.conj() * one).sum(axis=(1, 2))
    weights = [(np.abs(part) ** 2).sum(axis=(1, 2)) for part in (zero, one)]
    return np.stack([weights[0] + weights[1], coherence.real, coherence.imag, weights[0] - weights[1]], axis=1)
