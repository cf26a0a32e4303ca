"""The states that a feature map prepares from data, on an exact engine, and what one-qubit measurements see of them."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qvar.simulators import Engine, Observable, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import ClassifierError
from qvar.simulators.exact import ExactObjective
from qvar.simulators.primitives.circuits import NeedsValues, translate
from qvar.simulators.primitives.compilation import Compiler
from qvar.simulators.readout import letter_map

__all__ = ["FeatureStates"]

Table = NDArray[np.float64]

_CHUNK_BYTES = 2**26
_MAX_BYTES = 2**32


class FeatureStates:
    """A feature map on an engine: rows of angles in, states out.

    Args:
        circuit: a Qiskit circuit with one parameter per feature, in the order of the features.
        engine: `StatevectorSimulator` for pure states, `PauliTransferSimulator` for noisy ones. Its noise is numbered
            by the qubits of the circuit that is run, after the pass manager.
        pass_manager: a Qiskit pass manager that prepares the circuit for a device; None to run it as it is. Where its
            layout puts the qubits, and which of them idle, changes neither overlaps nor one-qubit states.

    Raises:
        ClassifierError: for another engine, or a circuit that cannot be translated without numbers.
        NoiseModelError: if the noise model lacks one of the gates or qubits; `pass_manager` helps.

    Example:
        >>> from qvar.classify.circuits import feature_map_circuit
        >>> features = FeatureStates(feature_map_circuit("angle", 2, reps=1), StatevectorSimulator())
        >>> features.states(np.array([[0.0, np.pi]])).real.round(3).tolist()
        [[0.0, 0.0, 1.0, 0.0]]
        >>> features.one_qubit_letters(np.array([[0.0, np.pi]])).round(3).tolist()
        [[[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]]
    """

    def __init__(self, circuit: QuantumCircuit, engine: Engine, pass_manager: Any = None) -> None:
        if not isinstance(engine, StatevectorSimulator | PauliTransferSimulator):
            name = getattr(engine, "name", engine)
            raise ClassifierError(
                f"a quantum kernel needs the states themselves, and engine {name!r} does not give them; use "
                "StatevectorSimulator, or PauliTransferSimulator with a noise model (NoiseModel.from_aer and "
                "from_backend read the noise of others)"
            )
        self.engine = engine
        self._features = tuple(circuit.parameters)
        ready = circuit if pass_manager is None else pass_manager.run(circuit)
        self._translated = _translated(ready)
        self.qubits = self._translated.qubits
        Compiler(engine).pieces(ready, np.empty((0, ready.num_parameters)))  # finds what the noise model lacks

    @property
    def n_qubits(self) -> int:
        """Number of qubits that the circuit uses."""
        return len(self.qubits)

    @property
    def is_pure(self) -> bool:
        """Whether states are amplitudes, of shape (2**n,); otherwise Pauli expectation values, of shape (4**n,)."""
        return isinstance(self.engine, StatevectorSimulator)

    @cached_property
    def _objective(self) -> ExactObjective:
        engine: Any = Compiler(self.engine).engine_on(self.qubits)
        objective: ExactObjective = engine.objective(
            self._translated.circuit, Observable(("Z" * self.n_qubits,), (1.0,))
        )
        return objective

    def states(self, angles: Table) -> NDArray[Any]:
        """Return the states of all rows (see `ExactObjective.state`).

        Args:
            angles: float64 of shape (n_rows, n_features), radians.

        Returns:
            complex128 of shape (n_rows, 2**n), or float64 of shape (n_rows, 4**n).

        Raises:
            ClassifierError: if they would take more than 4 GiB.
        """
        n_bytes = len(angles) * self._bytes_per_row
        if n_bytes > _MAX_BYTES:
            raise ClassifierError(
                f"the states of {len(angles)} rows on {self.n_qubits} qubits take {n_bytes / 2**30:.0f} GiB, more than "
                f"{_MAX_BYTES >> 30}; use fewer rows or features, or the projected kernel, which keeps 3 numbers a qubit"
            )
        return self._run(angles)

    def one_qubit_letters(self, angles: Table) -> Table:
        """Return <X>, <Y> and <Z> of every qubit as a device reads them, float64 of shape (n_rows, n_qubits, 3).

        Read-out error is included. States are made and dropped a few at a time.
        """
        step = max(1, _CHUNK_BYTES // self._bytes_per_row)
        parts = [self._letters(self._run(angles[k : k + step])) for k in range(0, len(angles), step)]
        return np.concatenate([np.empty((0, self.n_qubits, 3)), *parts])

    @property
    def _bytes_per_row(self) -> int:
        return int(16 * 2**self.n_qubits if self.is_pure else 8 * 4**self.n_qubits)

    def _run(self, angles: Table) -> NDArray[Any]:
        columns = [self._features.index(parameter) for parameter in self._translated.angles.parameters]
        thetas = self._translated.angles.values(np.asarray(angles, dtype=np.float64)[:, columns])
        return _states(self._objective, thetas)

    def _letters(self, states: NDArray[Any]) -> Table:
        letters = np.empty((len(states), self.n_qubits, 3))
        noise = Compiler(self.engine).engine_on(self.qubits).noise
        for q in range(self.n_qubits):
            true = _of_pure(states, q) if self.is_pure else states[:, 4**q * np.arange(4)]
            letters[:, q] = true @ letter_map(noise, q)[1:].T
        return letters


def _translated(circuit: QuantumCircuit) -> Any:
    translated = translate(circuit)
    if isinstance(translated, NeedsValues):
        names = ", ".join(sorted(parameter.name for parameter in translated.parameters))
        raise ClassifierError(
            f"the feature map has gates without a definition until {names} have values; write them as gates with "
            "angles, or decompose the circuit first"
        )
    return translated


def _states(objective: ExactObjective, thetas: Table) -> NDArray[Any]:
    return np.array([objective.state(theta) for theta in thetas])


def _of_pure(amplitudes: NDArray[np.complex128], qubit: int) -> Table:
    """Return <I>, <X>, <Y>, <Z> of one qubit, shape (n_rows, 4)."""
    split = amplitudes.reshape(len(amplitudes), -1, 2, 2**qubit)
    zero, one = split[:, :, 0], split[:, :, 1]
    coherence = 2 * (zero.conj() * one).sum(axis=(1, 2))
    weights = [(np.abs(part) ** 2).sum(axis=(1, 2)) for part in (zero, one)]
    return np.stack([weights[0] + weights[1], coherence.real, coherence.imag, weights[0] - weights[1]], axis=1)
