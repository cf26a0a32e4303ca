"""From Qiskit circuits and observables to objectives of an engine, each made once and remembered.

A training loop sends the same circuit and observables again and again. What is known of a circuit is found by its
contents (`circuit_key`), never by the identity of an object that may have changed since.
"""

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparseObservable

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import Engine, Objective
from qvar.simulators.errors import EngineError
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable, pauli_label
from qvar.simulators.primitives.circuits import NeedsValues, TranslatedCircuit, circuit_key, translate

__all__ = ["Compiler", "Piece", "PreparedCircuit", "Recent", "Terms"]

_CIRCUITS, _OBSERVABLES, _ENGINES, _OBJECTIVES = 512, 256, 64, 128

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A table that makes what it lacks and forgets what was not used for longest; safe to share between threads.

    Copies and pickles of it are empty.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._size,)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the entry of `key`, made by `make` if it is not there."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        entry = make()
        with self._lock:
            self._entries[key] = entry
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return entry


@dataclass(frozen=True, eq=False)
class Terms:
    """An observable as (letters, qubits, coefficient), qubits in the numbering of the Qiskit circuit."""

    terms: tuple[tuple[str, tuple[int, ...], float], ...]

    @classmethod
    def from_qiskit(cls, observable: SparseObservable) -> "Terms":
        """Read Qiskit's observable; projectors are written out in Pauli letters."""
        listed = observable.as_paulis().to_sparse_list()
        return cls(tuple((letters, tuple(qubits), float(np.real(c))) for letters, qubits, c in listed))

    @cached_property
    def qubits(self) -> frozenset[int]:
        """The qubits that some term acts on."""
        return frozenset(q for _, qubits, _ in self.terms for q in qubits)

    def on(self, qubits: Sequence[int]) -> Observable:
        """Return the observable on `qubits`, renumbered 0, 1, ... in the order given."""
        place = {q: k for k, q in enumerate(qubits)}
        pairs: list[tuple[str, float]] = []
        for letters, targets, coefficient in self.terms:
            placed = {place[q]: letter for letter, q in zip(letters, targets, strict=True)}
            pairs.append((pauli_label(placed, len(qubits)), coefficient))
        return Observable.from_terms(pairs)


class PreparedCircuit:
    """A translated circuit with the objectives made of it so far.

    Args:
        translated: the circuit.
        engine_on: gives the engine whose noise is that of some qubits, renumbered.
    """

    def __init__(self, translated: TranslatedCircuit, engine_on: Callable[[tuple[int, ...]], Engine]) -> None:
        self.translated = translated
        self._engine_on = engine_on
        self._made: Recent[Any, Any] = Recent(_OBJECTIVES)

    def qubits_with(self, others: Iterable[int]) -> tuple[int, ...]:
        """Return the active qubits and some others, ascending; circuits without gates have no active ones."""
        active = self.translated.qubits if self.translated.circuit.operations else ()
        return tuple(sorted({*active, *others})) or self.translated.qubits

    def make(self, kind: str, key: Any, qubits: tuple[int, ...], build: Callable[[Engine, Circuit], V]) -> V:
        """Return what `build` makes of the engine and the circuit on these qubits, remembered by kind and key."""
        made: V = self._made.get(
            (kind, key, qubits), lambda: build(self._engine_on(qubits), self.translated.on(qubits))
        )
        return made

    def objective(self, terms: Terms) -> Objective:
        """Return the objective of an observable on the active qubits and its own."""
        qubits = self.qubits_with(terms.qubits)
        return self.make(
            "objective", terms, qubits, lambda engine, circuit: engine.objective(circuit, terms.on(qubits))
        )


@dataclass(frozen=True)
class Piece:
    """Points of a pub that one prepared circuit serves; all of them unless gates need values to be defined.

    Attributes:
        prepared: the circuit.
        rows: indices of the points, shape (n,).
        points: their values of the parameters that `prepared` still has, shape (n, P').
        thetas: the resulting angles, shape (n, n_angles).
        columns: which of the pub's parameters these are, shape (P',).
    """

    prepared: PreparedCircuit
    rows: NDArray[np.int64]
    points: NDArray[np.float64]
    thetas: NDArray[np.float64]
    columns: NDArray[np.int64]


class Compiler:
    """Everything that the primitives of one engine remember.

    Args:
        engine: the engine; its noise is numbered like the qubits of the Qiskit circuits.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._circuits: Recent[Any, PreparedCircuit | NeedsValues] = Recent(_CIRCUITS)
        self._observables: Recent[tuple[Any, ...], Terms] = Recent(_OBSERVABLES)
        self._engines: Recent[tuple[int, ...], Engine] = Recent(_ENGINES)

    def pieces(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[Piece]:
        """Translate a circuit and the values of its parameters, float64 of shape (n_points, P).

        Raises:
            CircuitError: if the circuit cannot be translated, or an angle is not finite.
            EngineError: if it waits (delays) and the engine is noisy.
            NoiseModelError: if the noise model is a device that lacks one of the gates or qubits.
        """
        prepared = self._circuits.get(circuit_key(circuit), lambda: self._prepare(circuit))
        everything = np.arange(len(values))
        if isinstance(prepared, PreparedCircuit):
            columns = np.arange(values.shape[1])
            return [Piece(prepared, everything, values, prepared.translated.angles.values(values), columns)]
        return self._split(circuit, values, prepared.parameters)

    def _split(self, circuit: QuantumCircuit, values: NDArray[np.float64], needed: frozenset[Parameter]) -> list[Piece]:
        """Bind the parameters that gates need; points that agree in them share a circuit."""
        parameters = list(circuit.parameters)
        fixed = [k for k, parameter in enumerate(parameters) if parameter in needed]
        free = np.array([k for k, parameter in enumerate(parameters) if parameter not in needed], dtype=np.int64)
        settings, owner = np.unique(values[:, fixed], axis=0, return_inverse=True)
        result = []
        for index, setting in enumerate(settings):
            rows = np.flatnonzero(owner.reshape(-1) == index)
            bound = circuit.assign_parameters({parameters[k]: v for k, v in zip(fixed, setting, strict=True)})
            for piece in self.pieces(bound, values[np.ix_(rows, free)]):
                result.append(dataclasses.replace(piece, rows=rows[piece.rows], columns=free[piece.columns]))
        return result

    def _prepare(self, circuit: QuantumCircuit) -> PreparedCircuit | NeedsValues:
        translated = translate(circuit)
        if isinstance(translated, NeedsValues):
            return translated
        if self.engine.noise is not None:
            _check_noise(translated, self.engine.noise)
        return PreparedCircuit(translated, self.engine_on)

    def terms(self, observable: SparseObservable) -> Terms:
        """Return Qiskit's observable in our form."""
        arrays = (observable.coeffs, observable.bit_terms, observable.indices, observable.boundaries)
        key = (observable.num_qubits, *(np.asarray(array).tobytes() for array in arrays))
        return self._observables.get(key, partial(Terms.from_qiskit, observable))

    def terms_of(self, observable: Any) -> Terms:
        """Return anything that Qiskit takes for an observable (SparsePauliOp, Pauli, label, ...) in our form."""
        return self.terms(ObservablesArray.coerce_observable(observable))

    def engine_on(self, qubits: tuple[int, ...]) -> Engine:
        """Return the engine with the noise of these qubits, renumbered 0, 1, ...

        Raises:
            EngineError: if the engine has noise but no field `noise` to exchange it.
            NoiseModelError: if the noise model does not have these qubits.
        """
        if self.engine.noise is None or qubits == tuple(range(len(qubits))):
            return self.engine
        return self._engines.get(qubits, lambda: self._moved(qubits))

    def _moved(self, qubits: tuple[int, ...]) -> Engine:
        engine: Any = self.engine
        fields = dataclasses.fields(engine) if dataclasses.is_dataclass(engine) else ()
        if not any(field.name == "noise" and field.init for field in fields):
            raise EngineError(
                f"the circuit uses qubits {qubits} of its device, and the noise of engine {self.engine.name!r} cannot "
                "be moved to them: number the qubits in use 0, 1, ..., or use PauliTransferSimulator"
            )
        exchange: Callable[..., Engine] = dataclasses.replace
        return exchange(engine, noise=engine.noise.on_qubits(qubits))


def _check_noise(translated: TranslatedCircuit, noise: NoiseModel) -> None:
    """Refuse what the noise model does not know, in the numbering of the Qiskit circuit."""
    if translated.has_delays:
        raise EngineError(
            f"the circuit holds delays, and noise model {noise.name!r} says nothing about waiting; remove the delays "
            "or use an engine without noise"
        )
    for operation in translated.circuit.operations:
        if operation.channel is None:
            noise.channel(operation.gate, tuple(translated.qubits[q] for q in operation.qubits))
