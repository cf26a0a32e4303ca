"""Who reads the values of observables in a circuit, row by row: an engine of ours, or any Qiskit sampler."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.classify.parametrized import ParametrizedCircuit
from qvar.simulators import Observable
from qvar.simulators.engine import Engine
from qvar.simulators.errors import ClassifierError
from qvar.simulators.exact import ExactObjective

__all__ = ["EngineReader", "Reader", "SamplerReader"]

Floats = NDArray[np.float64]


class Reader(Protocol):
    """Whatever gives values of K observables in a circuit for rows of angles."""

    @property
    def has_reverse_sweep(self) -> bool:
        """Whether `gradients` is there."""
        ...

    def values(self, angles: Floats, states: NDArray[Any] | None = None) -> Floats:
        """Return values of shape (B, K) for angles of shape (B, S), or one row of angles and B start states."""
        ...

    def gradients(self, angles: Floats, slopes: Floats, states: NDArray[Any] | None = None) -> Floats:
        """Return derivatives by angle, shape (B, S), of sum_k slopes[b, k] * values[b, k]."""
        ...


class EngineReader:
    """The observables' objectives of an engine."""

    def __init__(self, engine: Engine, circuit: ParametrizedCircuit, observables: Sequence[Observable]) -> None:
        self._objectives: list[Any] = [engine.objective(circuit.circuit, observable) for observable in observables]
        self.has_reverse_sweep = all(isinstance(o, ExactObjective) for o in self._objectives)

    def with_shots(self, shots: int, rng: np.random.Generator) -> "EngineReader":
        """Return the reader that measures every observable with `shots` shots per circuit."""
        sampled = object.__new__(EngineReader)
        sampled._objectives = [objective.with_shots(shots, rng) for objective in self._objectives]
        sampled.has_reverse_sweep = False
        return sampled

    def values(self, angles: Floats, states: NDArray[Any] | None = None) -> Floats:
        """Return values of shape (B, K)."""
        given = {} if states is None else {"states": states}
        return np.stack([objective.batch(angles, **given) for objective in self._objectives], axis=1)

    def gradients(self, angles: Floats, slopes: Floats, states: NDArray[Any] | None = None) -> Floats:
        """Return derivatives by angle, shape (B, S)."""
        by_angle = np.zeros((len(slopes), angles.shape[1]))
        for objective, slope in zip(self._objectives, slopes.T, strict=True):
            by_angle += slope[:, None] * objective.values_and_gradients(angles, states)[1]
        return by_angle


class SamplerReader:
    """Measures every row on a `BaseSamplerV2` and averages what the outcomes are worth.

    Args:
        sampler: any V2 sampler.
        circuit: what runs for each row.
        outcome_values: values of the K observables at every outcome, shape (K, 2**n_qubits).
        shots: per circuit.
        pass_manager: transpiles the circuit once; None if the sampler takes it as it is.
        rows_per_job: at most so many circuits go out together, one job after another. A job that fails ends the
            evaluation; the training keeps what it had found before.
    """

    has_reverse_sweep = False

    def __init__(
        self,
        sampler: Any,
        circuit: ParametrizedCircuit,
        outcome_values: Floats,
        *,
        shots: int,
        pass_manager: Any = None,
        rows_per_job: int = 1000,
    ) -> None:
        measured = circuit.circuit.to_qiskit()
        angles = list(measured.parameters)
        measured.measure_all()
        self._circuit = measured if pass_manager is None else pass_manager.run(measured)
        self._columns = [angles.index(p) for p in self._circuit.parameters]
        self._sampler, self._shots, self._rows_per_job = sampler, shots, rows_per_job
        self._outcome_values = outcome_values

    def values(self, angles: Floats, states: NDArray[Any] | None = None) -> Floats:
        """Return the means over the shots, shape (B, K), for angles of shape (B, S)."""
        assert states is None
        n = self._rows_per_job
        return np.concatenate([self._run(angles[k : k + n, self._columns]) for k in range(0, len(angles), n)])

    def gradients(self, angles: Floats, slopes: Floats, states: NDArray[Any] | None = None) -> Floats:  # noqa: ARG002
        """Refuse: a device gives no derivatives but by shifts."""
        raise ClassifierError("a sampler has no reverse sweep; shift the angles instead")

    def _run(self, angles: Floats) -> Floats:
        measured = self._sampler.run([(self._circuit, angles)], shots=self._shots).result()[0].data.meas
        bits = np.asarray(measured.array)  # bytes of each shot, most significant first: (B, shots, n_bytes)
        outcomes = bits @ (256 ** np.arange(bits.shape[-1])[::-1])
        return np.asarray(self._outcome_values[:, outcomes].mean(axis=-1).T)
