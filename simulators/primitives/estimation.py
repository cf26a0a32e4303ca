"""Expectation values of one estimator pub: its points and observables, sorted so that few calls serve them all.

Preparing finds every error that lies in the pub; what is prepared can then be computed in another thread.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import Engine
from qvar.simulators.errors import CircuitError
from qvar.simulators.pauli_transfer import PauliTransferSimulator
from qvar.simulators.primitives.compilation import Compiler, Piece, Terms
from qvar.simulators.primitives.pauli_values import PauliValues
from qvar.simulators.primitives.sampling import Outcomes, estimate

__all__ = ["prepare_exact", "prepare_sampled", "shots_for"]

_CHUNK = 2**21
"""Probabilities held at a time, 16 MiB."""

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Estimate = Callable[[], tuple[Values, Values]]
"""Computes values and standard errors, float64 of the pub's shape each."""


def shots_for(precision: float) -> int:
    """Return the shots per measured group for a target precision: 1 / precision**2, rounded up, as Qiskit does.

    The standard error of a single Pauli string is then at most the precision.
    """
    return math.ceil(1.0 / precision**2)


def prepare_exact(compiler: Compiler, pub: EstimatorPub) -> Estimate:
    """Prepare the exact values of a pub; their standard errors are zero.

    Raises:
        QvarError: if the circuit cannot be translated, measures, or does not fit the engine.
    """
    calls = [
        call
        for tasks in _tasks(compiler, pub)
        for call in (_joint_call(compiler.engine, tasks) or [_single_call(task) for task in tasks])
    ]
    shape: tuple[int, ...] = pub.shape

    def compute() -> tuple[Values, Values]:
        values = np.zeros(math.prod(shape))
        for positions, evaluate in calls:
            values[positions] = evaluate()
        return values.reshape(shape), np.zeros(shape)

    return compute


def prepare_sampled(compiler: Compiler, pub: EstimatorPub, shots: int, rng: np.random.Generator) -> Estimate:
    """Prepare estimates of a pub from `shots` shots per measured group of each observable, drawn with `rng`.

    Raises:
        QvarError: as for `prepare_exact`.
    """
    prepared = [(task, _outcomes(task)) for tasks in _tasks(compiler, pub) for task in tasks]
    shape: tuple[int, ...] = pub.shape

    def compute() -> tuple[Values, Values]:
        values, errors = np.zeros((2, math.prod(shape)))
        for task, outcomes in prepared:
            step = max(1, _CHUNK // max(outcomes.plan.values.size, 1))
            for k in range(0, len(task.positions), step):
                probabilities = outcomes.at(task.thetas[k : k + step])
                here = task.positions[k : k + step]
                values[here], errors[here] = estimate(outcomes.plan, probabilities, shots, rng)
        return values.reshape(shape), errors.reshape(shape)

    return compute


@dataclass(frozen=True)
class _Task:
    """One observable at some points of a piece.

    Attributes:
        piece: the circuit and its points.
        terms: the observable.
        points: which of the piece's points, shape (n,).
        positions: where in the flattened result their values go, shape (n,).
    """

    piece: Piece
    terms: Terms
    points: Indices
    positions: Indices

    @property
    def thetas(self) -> Values:
        return self.piece.thetas[self.points]

    @property
    def qubits(self) -> tuple[int, ...]:
        return self.piece.prepared.qubits_with(self.terms.qubits)


def _tasks(compiler: Compiler, pub: EstimatorPub) -> Iterator[list[_Task]]:
    """Yield the tasks of every piece of a pub."""
    bindings, circuit = pub.parameter_values, pub.circuit
    values = bindings.as_array(circuit.parameters).reshape(bindings.size, circuit.num_parameters)
    terms, observable_of = _distinct(compiler, pub.observables)
    point_of = np.arange(bindings.size).reshape(bindings.shape)
    points, which = (array.reshape(-1) for array in np.broadcast_arrays(point_of, observable_of))
    for piece in compiler.pieces(circuit, values):
        _check_unmeasured(piece)
        place = np.full(bindings.size, -1)
        place[piece.rows] = np.arange(len(piece.rows))
        yield [
            _Task(piece, terms[which[positions[0]]], place[points[positions]], positions)
            for positions in _grouped(which, np.flatnonzero(place[points] >= 0))
        ]


def _distinct(compiler: Compiler, observables: ObservablesArray) -> tuple[list[Terms], Indices]:
    """Return the different observables, and for every entry of the array which one it is."""
    number: dict[Terms, int] = {}
    array = observables.sparse_observables_array()
    which = [number.setdefault(compiler.terms(observable), len(number)) for observable in array.reshape(-1)]
    return list(number), np.array(which, dtype=np.int64).reshape(array.shape)


def _grouped(which: Indices, positions: Indices) -> list[Indices]:
    """Split positions by the observable that is asked for there."""
    ordered = positions[np.argsort(which[positions], kind="stable")]
    if not len(ordered):
        return []
    return np.split(ordered, np.flatnonzero(np.diff(which[ordered])) + 1)


def _check_unmeasured(piece: Piece) -> None:
    measured = piece.prepared.translated.measured
    if measured:
        raise CircuitError(
            f"the circuit measures qubits {sorted(set(measured.values()))}; an estimator chooses its measurements "
            "itself: remove them with circuit.remove_final_measurements()"
        )


def _single_call(task: _Task) -> tuple[Indices, Callable[[], Values]]:
    return task.positions, partial(task.piece.prepared.objective(task.terms).batch, task.thetas)


def _joint_call(engine: Engine, tasks: Sequence[_Task]) -> list[tuple[Indices, Callable[[], Values]]]:
    """Return one call for all observables at once, where they share points and qubits and the engine can; else none."""
    if not isinstance(engine, PauliTransferSimulator) or len(tasks) < 2:
        return []
    widest = max((task.qubits for task in tasks), key=len)
    first = tasks[0]
    if not all(set(widest).issuperset(task.qubits) and np.array_equal(task.points, first.points) for task in tasks):
        return []
    terms = tuple(task.terms for task in tasks)

    def build(moved: Engine, circuit: Circuit) -> PauliValues:
        assert isinstance(moved, PauliTransferSimulator)
        return PauliValues(moved, circuit, [one.on(widest) for one in terms])

    table = first.piece.prepared.make("joint", terms, widest, build)
    return [(np.concatenate([task.positions for task in tasks]), lambda: table.at(first.thetas).T.reshape(-1))]


def _outcomes(task: _Task) -> Outcomes:
    def build(engine: Engine, circuit: Circuit) -> Outcomes:
        return Outcomes.of(engine, circuit, task.terms.on(task.qubits))

    return task.piece.prepared.make("outcomes", task.terms, task.qubits, build)
