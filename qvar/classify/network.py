"""A circuit, an engine and a readout put together: class probabilities of rows of data, as functions of weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BaseSamplerV2

from qvar.classify.feature_states import preparation
from qvar.classify.model import Model, RowModel, make_model
from qvar.classify.parametrized import ParametrizedCircuit, parametrize
from qvar.classify.readers import EngineReader, SamplerReader
from qvar.classify.readout import Readout
from qvar.classify.training import frequencies
from qvar.simulators import Observable, StatevectorSimulator, fubini_study_metric
from qvar.simulators.engine import Engine
from qvar.simulators.errors import ClassifierError
from qvar.simulators.primitives.compilation import Compiler

__all__ = ["Encoding", "Network"]

Floats = NDArray[np.float64]
_NUMBERS_AT_ONCE = 2**24
"""Held at once for rows whose classes are predicted."""
_MAX_METRIC_QUBITS = 8


@dataclass(frozen=True, eq=False)
class Encoding:
    """A circuit, those of its parameters that take features, in their order, and its weights."""

    circuit: QuantumCircuit
    data: Sequence[Parameter]
    weights: Sequence[Parameter]


@dataclass(frozen=True, eq=False)
class Network:
    """Class probabilities of data under an engine.

    Attributes:
        model: gives expectation values.
        readout: turns them into probabilities.
        parametrized: the circuit.
        shots: per circuit; None for exact probabilities.
        circuits_per_row: circuits that a device needs for the values of a row.
        draws: whether shots are drawn from exact probabilities; otherwise the model measures.
        measuring: gives the model whose measurements draw from a generator, where an engine of ours measures.
    """

    model: Model
    readout: Readout
    parametrized: ParametrizedCircuit
    shots: int | None
    circuits_per_row: int
    draws: bool
    measuring: Callable[[np.random.Generator], Model] | None = None

    @classmethod
    def of(
        cls,
        encoding: Encoding,
        readout: Readout,
        *,
        n_classes: int,
        n_rows: int,
        engine: Engine | BaseSamplerV2 | None,
        pass_manager: Any,
        shots: int | None,
    ) -> "Network":
        """Put a network together.

        Raises:
            ClassifierError: if the parts do not fit together.
        """
        if isinstance(engine, BaseSamplerV2):
            return cls._measured(encoding, readout, n_classes, engine, pass_manager, shots)
        if engine is not None and (isinstance(engine, type) or not isinstance(engine, Engine)):
            raise ClassifierError(
                "an engine is one of qvar.simulators (StatevectorSimulator(), PauliTransferSimulator(noise), ...) or a "
                f"Qiskit V2 sampler, got {engine!r}"
            )
        observables = readout.observables(encoding.circuit.num_qubits, n_classes)
        parametrized, places, qubits = parametrize(encoding.circuit, encoding.data, encoding.weights, pass_manager)
        together = readout.outcome_values(encoding.circuit.num_qubits, n_classes) is not None
        n_circuits = 1 if together else len(observables)
        here = Compiler(engine or StatevectorSimulator()).engine_on(qubits)
        placed = [_placed(o, places, parametrized.circuit.n_qubits) for o in observables]
        if shots is not None and not readout.is_linear:  # observables need measurements of their own
            reader = EngineReader(here, parametrized, placed)

            def measuring(rng: np.random.Generator) -> Model:
                return RowModel(reader.with_shots(shots, rng), parametrized)

            exact = RowModel(reader, parametrized)
            return cls(exact, readout, parametrized, shots, n_circuits, draws=False, measuring=measuring)
        model = make_model(here, parametrized, placed, n_rows)
        return cls(model, readout, parametrized, shots, n_circuits, draws=shots is not None)

    @classmethod
    def _measured(
        cls, encoding: Encoding, readout: Readout, n_classes: int, sampler: Any, pass_manager: Any, shots: int | None
    ) -> "Network":
        outcome_values = readout.outcome_values(encoding.circuit.num_qubits, n_classes)
        if shots is None or outcome_values is None:
            raise ClassifierError(
                "a sampler measures bit strings: it needs shots=... and a readout of these, not of X or Y, got "
                f"shots={shots} and {readout}"
            )
        parametrized, _, _ = parametrize(encoding.circuit, encoding.data, encoding.weights)
        reader = SamplerReader(sampler, parametrized, outcome_values, shots=shots, pass_manager=pass_manager)
        return cls(RowModel(reader, parametrized), readout, parametrized, shots, 1, draws=False)

    def probabilities(self, weights: Floats, data: Floats, rng: np.random.Generator) -> Floats:
        """Return class probabilities, shape (N, C), for data of shape (N, n_features); frequencies with shots."""
        n = max(1, _NUMBERS_AT_ONCE >> 2 * self.parametrized.circuit.n_qubits)
        model = self.model_for(rng)
        parts = [model.values(weights[None, :], model.rows(data[k : k + n]))[0] for k in range(0, len(data), n)]
        p: Floats = np.clip(self.readout.probabilities(np.concatenate(parts)), 0.0, 1.0)
        p /= p.sum(axis=1, keepdims=True)
        return frequencies(p, self.shots, rng) if self.shots is not None and self.draws else p

    def model_for(self, rng: np.random.Generator) -> Model:
        """Return the model, its measurements drawn from `rng` if it measures on an engine of ours."""
        return self.model if self.measuring is None else self.measuring(rng)

    def metric(self, data: Floats) -> Callable[[Floats, NDArray[np.int64]], Floats] | None:
        """Return the Fubini-Study metric as a function of weights and rows of `data`; None where there is none."""
        parts = self.parametrized.split()
        if parts is None or self.parametrized.circuit.n_qubits > _MAX_METRIC_QUBITS:
            return None
        feature_part, part = parts
        states = preparation(StatevectorSimulator(), feature_part)(data)
        no_data = np.empty((1, 0))

        def metric(weights: Floats, chosen: NDArray[np.int64]) -> Floats:
            angles = part.values(no_data, weights)[0]
            by_angle = fubini_study_metric(part.circuit, angles, states[chosen])
            unit = np.eye(len(angles))
            jacobian = np.array([part.pull_back(no_data, weights, row[None, :]) for row in unit])
            return np.asarray(jacobian.T @ by_angle @ jacobian)

        return metric


def _placed(observable: Observable, places: Sequence[int], n_qubits: int) -> Observable:
    """Return the observable with qubit k at places[k] among `n_qubits`."""
    if tuple(places) == tuple(range(n_qubits)):
        return observable
    terms = {}
    for label, coefficient in zip(observable.labels, observable.coefficients, strict=True):
        letters = ["I"] * n_qubits
        for k, place in enumerate(places):
            letters[n_qubits - 1 - place] = label[len(label) - 1 - k]
        terms["".join(letters)] = coefficient
    return Observable.from_terms(terms)
