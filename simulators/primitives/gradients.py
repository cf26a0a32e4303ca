"""Gradient classes for qiskit-machine-learning on the exact reverse sweep, noise and read-out error included.

Qiskit's own gradients send one circuit per shifted angle; here one sweep gives all derivatives of a value. Derivatives
by angle become derivatives by parameter through the chain rule, whatever the expressions between them. Kept apart
from the primitives, because this module imports qiskit-machine-learning.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import Options
from qiskit_machine_learning.gradients import (
    BaseEstimatorGradient,
    BaseSamplerGradient,
    DerivativeType,
    EstimatorGradientResult,
    SamplerGradientResult,
)

from qvar.simulators.engine import Engine, Objective
from qvar.simulators.errors import CircuitError, EngineError
from qvar.simulators.observable import Observable
from qvar.simulators.primitives import EstimatorV2, SamplerV2
from qvar.simulators.primitives.compilation import Compiler, Piece
from qvar.simulators.primitives.registers import check_single_readout, register_bits
from qvar.simulators.primitives.sampling import subset_strings, walsh_hadamard

__all__ = ["ReverseEstimatorGradient", "ReverseSamplerGradient"]

_MAX_MEASURED = 12

Table = NDArray[np.float64]


class ReverseEstimatorGradient(BaseEstimatorGradient):  # type: ignore[misc]  # qiskit-machine-learning ships no types
    """Exact gradients of expectation values, for `EstimatorQNN(gradient=...)` and everything like it.

    Gradients are exact also where the estimator samples.

    Args:
        estimator: the estimator whose engine (and memory of circuits) to use, or an engine; None for
            `StatevectorSimulator()`.
        pass_manager: transpiles the circuits first, as for Qiskit's own gradients; observables follow the layout.

    Raises:
        EngineError: for an estimator of another make.

    Example:
        >>> from qiskit.quantum_info import SparsePauliOp
        >>> theta = Parameter("theta")
        >>> circuit = QuantumCircuit(1)
        >>> circuit.ry(2 * theta, 0) and None
        >>> job = ReverseEstimatorGradient().run([circuit], [SparsePauliOp("Z")], [[0.25]])
        >>> job.result().gradients[0].round(6).tolist()
        [-0.958851]
    """

    def __init__(self, estimator: EstimatorV2 | Engine | None = None, *, pass_manager: Any = None) -> None:
        own = estimator if isinstance(estimator, EstimatorV2) else EstimatorV2(estimator)
        super().__init__(own, derivative_type=DerivativeType.REAL, pass_manager=pass_manager)
        self._compiler: Compiler = own.compiler

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        observables: Sequence[Any],
        parameter_values: Any,
        parameters: Sequence[Sequence[Parameter]],
        **options: Any,
    ) -> EstimatorGradientResult:
        gradients: list[Any] = [None] * len(circuits)
        for rows in _alike(circuits, observables):
            batch = _Batch.of(circuits[rows[0]], np.array([parameter_values[r] for r in rows]), self._pass_manager)
            observable = observables[rows[0]]
            if self._pass_manager is not None:
                observable = observable.apply_layout(batch.circuit.layout)
            table = batch.derivatives(self._compiler, partial(self._by_angle, observable=observable))[0]
            for k, row in enumerate(rows):
                gradients[row] = batch.chosen(table[k], parameters[row])
        return EstimatorGradientResult(gradients, [{"parameters": p} for p in parameters], Options(**options))

    def _by_angle(self, piece: Piece, observable: Any) -> Table:
        return _swept(piece.prepared.objective(self._compiler.terms_of(observable)), piece.thetas)[None]


class ReverseSamplerGradient(BaseSamplerGradient):  # type: ignore[misc]  # qiskit-machine-learning ships no types
    """Exact gradients of outcome probabilities, for `SamplerQNN(gradient=...)`; up to 12 measured qubits.

    A probability is a sum of 2**m products of Z, p(b) = 2**-m sum_s (-1)**(b.s) <Z_s>, so one sweep per product gives
    all gradients. Outcomes are the integers of the register `meas`, or of all registers joined. Where a circuit was
    transpiled before all qubits of the device were measured, they are those of its own qubits, as in `SamplerQNN`.

    Args:
        sampler: the sampler whose engine (and memory of circuits) to use, or an engine; None for
            `StatevectorSimulator()`.
        pass_manager: transpiles the circuits first.

    Raises:
        EngineError: for a sampler of another make.

    Example:
        >>> theta = Parameter("theta")
        >>> circuit = QuantumCircuit(1)
        >>> circuit.ry(theta, 0) and circuit.measure_all()
        >>> (gradient,) = ReverseSamplerGradient().run([circuit], [[np.pi / 2]]).result().gradients[0]
        >>> {outcome: round(slope, 6) for outcome, slope in gradient.items()}
        {0: -0.5, 1: 0.5}
    """

    def __init__(self, sampler: SamplerV2 | Engine | None = None, *, pass_manager: Any = None) -> None:
        own = sampler if isinstance(sampler, SamplerV2) else SamplerV2(sampler)
        super().__init__(own, pass_manager=pass_manager)
        self._compiler: Compiler = own.compiler

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        parameter_values: Sequence[Sequence[float]],
        parameters: Sequence[Sequence[Parameter]],
        **options: Any,
    ) -> SamplerGradientResult:
        gradients: list[Any] = [None] * len(circuits)
        for rows in _alike(circuits, circuits):
            batch = _Batch.of(circuits[rows[0]], np.array([parameter_values[r] for r in rows]), self._pass_manager)
            qubits = _qubits_read(self._compiler, batch)
            distinct = tuple(sorted({q for q in qubits if q is not None}))
            table = batch.derivatives(self._compiler, partial(_by_outcome, read=distinct))
            outcomes = _integers(qubits, distinct)
            for k, row in enumerate(rows):
                slopes = batch.chosen(table[:, k], parameters[row]).T.tolist()
                gradients[row] = [dict(zip(outcomes, by_outcome, strict=True)) for by_outcome in slopes]
        return SamplerGradientResult(gradients, [{"parameters": p} for p in parameters], Options(**options))


@dataclass(frozen=True)
class _Batch:
    """One circuit and the points it is differentiated at.

    Attributes:
        circuit: the circuit as it runs.
        points: parameter values in the order of `circuit.parameters`, shape (n_points, P).
        columns: column of every parameter of the circuit.
        vanished: parameters that transpiling removed; nothing depends on them.
    """

    circuit: QuantumCircuit
    points: Table
    columns: dict[Parameter, int]
    vanished: frozenset[Parameter]

    @classmethod
    def of(cls, circuit: QuantumCircuit, points: Table, pass_manager: Any) -> "_Batch":
        before = list(circuit.parameters)
        runs = circuit if pass_manager is None else pass_manager.run(circuit)
        after = list(runs.parameters)
        values = np.asarray(points, dtype=np.float64)[:, [before.index(p) for p in after]]
        return cls(runs, values, {p: k for k, p in enumerate(after)}, frozenset(before).difference(after))

    def derivatives(self, compiler: Compiler, by_angle: Callable[[Piece], Table]) -> Table:
        """Return derivatives by parameter, shape (n_values, n_points, P); NaN where they do not exist.

        Args:
            compiler: translates the circuit.
            by_angle: gives derivatives by angle for a piece, shape (n_values, n_points of the piece, n_angles).
        """
        found = []
        for piece in compiler.pieces(self.circuit, self.points):
            angles = piece.prepared.translated.angles
            slopes = np.array([angles.pull_back(piece.points, table) for table in by_angle(piece)])
            found.append((piece, slopes))
        result = np.full((len(found[0][1]), *self.points.shape), np.nan)
        for piece, slopes in found:
            result[:, piece.rows[:, None], piece.columns] = slopes
        return result

    def chosen(self, slopes: Table, parameters: Sequence[Parameter]) -> Table:
        """Pick the derivatives (last axis of `slopes`) by some of the original circuit's parameters."""
        picked = np.zeros((*slopes.shape[:-1], len(parameters)))
        for k, parameter in enumerate(parameters):
            if parameter not in self.vanished:
                picked[..., k] = slopes[..., self.columns[parameter]]
        if np.isnan(picked).any():
            raise EngineError(
                "there is no gradient by parameters of a gate that is defined for numbers only (such as data encoded "
                "in amplitudes); ask for the others, for example with input_gradients=False"
            )
        return picked


def _alike(circuits: Sequence[Any], others: Sequence[Any]) -> Iterator[list[int]]:
    """Yield the rows that hold the same two objects; a network repeats one circuit for all its data."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row, (circuit, other) in enumerate(zip(circuits, others, strict=True)):
        groups.setdefault((id(circuit), id(other)), []).append(row)
    yield from groups.values()


def _swept(objective: Objective, thetas: Table) -> Table:
    """Return gradients by angle, shape (n_points, n_angles)."""
    gradients = [objective.value_and_gradient(theta)[1] for theta in thetas]
    return np.array(gradients, dtype=np.float64).reshape(thetas.shape)


def _qubits_read(compiler: Compiler, batch: _Batch) -> list[int | None]:
    """Return the qubit that each bit of an outcome reads, lowest bit first; None for bits never written."""
    circuit = batch.circuit
    prepared = compiler.pieces(circuit, batch.points[:1])[0].prepared
    check_single_readout(compiler, prepared)
    registers = register_bits(circuit)
    clbits = registers.get("meas") or [clbit for register in registers.values() for clbit in register]
    layout = circuit.layout
    if layout is not None and len(clbits) == circuit.num_qubits:
        clbits = [clbits[q] for q in layout.final_index_layout(filter_ancillas=True)]
    qubits = [prepared.translated.measured.get(clbit) for clbit in clbits]
    n_distinct = len({q for q in qubits if q is not None})
    if not 0 < n_distinct <= _MAX_MEASURED:
        raise CircuitError(
            f"the circuit measures {n_distinct} qubits; gradients of outcome probabilities need 1 to {_MAX_MEASURED}"
        )
    return qubits


def _by_outcome(piece: Piece, read: tuple[int, ...]) -> Table:
    """Return gradients of the probabilities of all outcomes of some qubits, shape (2**m, n_points, n_angles)."""
    qubits = piece.prepared.qubits_with(read)
    labels = subset_strings(len(qubits), [(qubits.index(q), "Z") for q in read])
    objectives = piece.prepared.make(
        "strings",
        read,
        qubits,
        lambda engine, circuit: [engine.objective(circuit, Observable((label,), (1.0,))) for label in labels[1:]],
    )
    strings = [np.zeros(piece.thetas.shape), *(_swept(objective, piece.thetas) for objective in objectives)]
    return walsh_hadamard(np.array(strings)) / len(labels)


def _integers(qubits: Sequence[int | None], distinct: Sequence[int]) -> list[int]:
    """Return the integer that is read for every joint outcome of the distinct qubits."""
    place = [None if q is None else distinct.index(q) for q in qubits]
    return [
        sum((outcome >> k & 1) << bit for bit, k in enumerate(place) if k is not None)
        for outcome in range(2 ** len(distinct))
    ]
