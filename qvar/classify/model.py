"""Expectation values of a parametrized circuit for many rows of data, and their derivatives by the weights.

Two ways. Where data enter before the first weight and the engine is exact, the state of a row does not depend on the
weights: it is computed once, and the observables are evolved backwards through the trainable part (`PauliModel`).
A value is then a scalar product in the space of Pauli strings, and a gradient over all rows is one sweep: noise
included, because channels act linearly on observables too. Everything else runs the whole circuit for each row
(`RowModel`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.classify.feature_states import preparation
from qvar.classify.parametrized import ParametrizedCircuit
from qvar.classify.readers import EngineReader, Reader
from qvar.simulators import Observable, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.engine import Engine

__all__ = ["Model", "PauliModel", "RowModel", "make_model"]

Floats = NDArray[np.float64]
_MAX_STATE_BYTES = 2**29
"""Pauli vectors of all rows together."""
_MAX_PAULI_QUBITS = {"noiseless": 6, "noisy": 8}
"""Up to here Pauli vectors are faster than a circuit per row."""


class Model(Protocol):
    """Values of K observables for rows of data, as functions of P weights."""

    @property
    def n_weights(self) -> int:
        """Number of weights, P."""
        ...

    @property
    def n_trainable(self) -> int:
        """Number of angles that depend on weights, T."""
        ...

    @property
    def occurrences_per_parameter(self) -> NDArray[np.int64]:
        """How many gates each weight drives, shape (P,)."""
        ...

    @property
    def has_reverse_sweep(self) -> bool:
        """Whether `pull_back` is exact and costs a few evaluations; otherwise shift angles."""
        ...

    def rows(self, data: Floats) -> Any:
        """Return what is needed of the data, float64 of shape (N, n_features), and can be reused."""
        ...

    def take(self, rows: Any, chosen: NDArray[np.int64]) -> Any:
        """Return some of the rows."""
        ...

    def values(self, weights: Floats, rows: Any) -> Floats:
        """Return values of shape (M, N, K) for weights of shape (M, P)."""
        ...

    def pull_back(self, weights: Floats, rows: Any, slopes: Floats) -> Floats:
        """Return the gradient, shape (P,), of sum(slopes * values), slopes of shape (N, K)."""
        ...

    def shifted_values(self, weights: Floats, rows: Any) -> Floats:
        """Return values of shape (2, T, N, K): every trainable angle shifted by pi/2 and by -pi/2, one at a time."""
        ...

    def by_weight(self, weights: Floats, rows: Any, by_angle: Floats) -> Floats:
        """Return derivatives by weight, shape (P,), from those by trainable angle, shape (T, N), summed over rows."""
        ...


class PauliModel:
    """Data first, weights after: rows are Pauli vectors, shape (N, 4**n), computed once."""

    has_reverse_sweep = True

    def __init__(
        self,
        engine: PauliTransferSimulator,
        parts: tuple[ParametrizedCircuit, ParametrizedCircuit],
        observables: Sequence[Observable],
    ) -> None:
        feature_part, self._part = parts
        self._prepare = preparation(engine, feature_part)
        self._objectives = [engine.objective(self._part.circuit, observable) for observable in observables]

    @property
    def n_weights(self) -> int:
        """Number of weights."""
        return self._part.n_weights

    @property
    def n_trainable(self) -> int:
        """Number of trainable angles."""
        return self._part.circuit.n_parameters

    @property
    def occurrences_per_parameter(self) -> NDArray[np.int64]:
        """How many gates each weight drives."""
        return self._part.occurrences_per_parameter

    def rows(self, data: Floats) -> Floats:
        """Return the Pauli vectors of the feature states, shape (N, 4**n)."""
        return self._prepare(data)

    def take(self, rows: Floats, chosen: NDArray[np.int64]) -> Floats:
        """Return some of the rows."""
        return rows[chosen]

    def values(self, weights: Floats, rows: Floats) -> Floats:
        """Return values of shape (M, N, K)."""
        return self._values_at(np.concatenate([self._angles(w) for w in weights]), rows)

    def _angles(self, weights: Floats) -> Floats:
        """Return the angles, shape (1, T)."""
        return self._part.values(np.empty((1, 0)), weights)

    def _values_at(self, angles: Floats, rows: Floats) -> Floats:
        evolved = np.stack([objective.pulled_back(angles) for objective in self._objectives], axis=1)
        m, k, size = evolved.shape
        return (rows @ evolved.reshape(m * k, size).T).reshape(len(rows), m, k).swapaxes(0, 1)

    def pull_back(self, weights: Floats, rows: Floats, slopes: Floats) -> Floats:
        """Return the gradient by one sweep per observable."""
        angles = self._angles(weights)
        mixtures = slopes.T @ rows
        by_angle = sum(
            objective.gradient_from(angles[0], mixture)[1]
            for objective, mixture in zip(self._objectives, mixtures, strict=True)
        )
        return self._part.pull_back(np.empty((1, 0)), weights, np.atleast_2d(by_angle))

    def shifted_values(self, weights: Floats, rows: Floats) -> Floats:
        """Return values of shape (2, T, N, K)."""
        shifts = np.pi / 2 * np.eye(self.n_trainable)
        angles = self._angles(weights)
        shifted = self._values_at(np.concatenate([angles + shifts, angles - shifts]), rows)
        return shifted.reshape(2, -1, *shifted.shape[1:])

    def by_weight(self, weights: Floats, rows: Floats, by_angle: Floats) -> Floats:  # noqa: ARG002
        """Return derivatives by weight."""
        return self._part.pull_back(np.empty((1, 0)), weights, by_angle.sum(axis=1)[None, :])


@dataclass(frozen=True)
class _Rows:
    data: Floats
    states: NDArray[Any] | None = None


class RowModel:
    """Every row runs a circuit: the trainable part from its feature state if `states` gives these, else the whole.

    Args:
        reader: of the observables in `circuit`.
        circuit: what runs for each row.
        prepare: gives the feature states of data, if `circuit` is the part behind them.
    """

    def __init__(
        self,
        reader: Reader,
        circuit: ParametrizedCircuit,
        prepare: Callable[[Floats], NDArray[Any]] | None = None,
    ) -> None:
        self._reader, self._circuit, self._prepare = reader, circuit, prepare

    @property
    def n_weights(self) -> int:
        """Number of weights."""
        return self._circuit.n_weights

    @property
    def n_trainable(self) -> int:
        """Number of trainable angles."""
        return len(self._circuit.trainable)

    @property
    def occurrences_per_parameter(self) -> NDArray[np.int64]:
        """How many gates each weight drives."""
        return self._circuit.occurrences_per_parameter

    @property
    def has_reverse_sweep(self) -> bool:
        """Whether the engine differentiates by itself."""
        return self._reader.has_reverse_sweep

    def rows(self, data: Floats) -> _Rows:
        """Return the data, with feature states where these are used."""
        return _Rows(data) if self._prepare is None else _Rows(data[:, :0], self._prepare(data))

    def take(self, rows: _Rows, chosen: NDArray[np.int64]) -> _Rows:
        """Return some of the rows."""
        return _Rows(rows.data[chosen], None if rows.states is None else rows.states[chosen])

    def values(self, weights: Floats, rows: _Rows) -> Floats:
        """Return values of shape (M, N, K)."""
        if rows.states is not None:
            return np.stack([self._reader.values(self._angles(w, rows), rows.states) for w in weights])
        angles = np.concatenate([self._angles(w, rows) for w in weights])
        values = self._reader.values(angles)
        return values.reshape(len(weights), len(rows.data), -1)

    def _angles(self, weights: Floats, rows: _Rows) -> Floats:
        """Return the angles of each row, or one for all that start from feature states."""
        return self._circuit.values(rows.data if rows.states is None else rows.data[:1], weights)

    def pull_back(self, weights: Floats, rows: _Rows, slopes: Floats) -> Floats:
        """Return the gradient by a sweep per row and observable."""
        by_angle = self._reader.gradients(self._angles(weights, rows), slopes, rows.states)
        return self._circuit.pull_back(rows.data, weights, by_angle)

    def shifted_values(self, weights: Floats, rows: _Rows) -> Floats:
        """Return values of shape (2, T, N, K)."""
        angles = self._angles(weights, rows)
        n_rows = len(rows.data)
        shifted = []
        for sign in (1, -1):
            for k in self._circuit.trainable:
                moved = angles.copy()
                moved[:, k] += sign * np.pi / 2
                shifted.append(moved)
        if rows.states is not None:
            values = np.stack([self._reader.values(moved, rows.states) for moved in shifted])
        else:
            values = self._reader.values(np.concatenate(shifted)).reshape(len(shifted), n_rows, -1)
        return values.reshape(2, self.n_trainable, n_rows, values.shape[-1])

    def by_weight(self, weights: Floats, rows: _Rows, by_angle: Floats) -> Floats:
        """Return derivatives by weight."""
        slopes = np.zeros((len(rows.data), self._circuit.circuit.n_parameters))
        slopes[:, self._circuit.trainable] = by_angle.T
        return self._circuit.pull_back(rows.data, weights, slopes)


def make_model(
    engine: Engine, circuit: ParametrizedCircuit, observables: Sequence[Observable], n_rows: int
) -> PauliModel | RowModel:
    """Return the fastest exact model that an engine and a circuit allow.

    Args:
        engine: any engine; its noise numbers qubits as `circuit` does.
        circuit: the whole circuit.
        observables: K of them.
        n_rows: rows to expect, which decides whether their Pauli vectors fit into memory.
    """
    parts = circuit.split()
    n_qubits = circuit.circuit.n_qubits
    if parts is None or not isinstance(engine, PauliTransferSimulator | StatevectorSimulator):
        return RowModel(EngineReader(engine, circuit, observables), circuit)
    most = _MAX_PAULI_QUBITS["noiseless" if engine.noise is None else "noisy"]
    if n_qubits <= most and 8 * n_rows * 4**n_qubits <= _MAX_STATE_BYTES:
        return PauliModel(PauliTransferSimulator(engine.noise), parts, observables)
    if isinstance(engine, StatevectorSimulator):
        return RowModel(EngineReader(engine, parts[1], observables), parts[1], preparation(engine, parts[0]))
    return RowModel(EngineReader(engine, circuit, observables), circuit)
