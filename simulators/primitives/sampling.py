"""Outcome probabilities of measured circuits for any engine, and samples drawn from them.

Own engines give probabilities from their final state. For any other, the expectation values of all products of the
measured letters are asked for, and a Walsh-Hadamard transform turns them into probabilities:
p(b) = 2**-n sum_s (-1)**(b.s) <prod_{q in s} P_q>. Read-out error is included either way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import Engine
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.plan import MeasurementPlan
from qvar.simulators.observable import Observable, pauli_label

__all__ = ["Outcomes", "draw", "estimate", "subset_strings", "walsh_hadamard"]

_MAX_STRINGS = 2**10
_LETTERS = "IXYZ"

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """What one finds when an observable is measured after a circuit.

    Attributes:
        plan: the measured groups, and the worth of each outcome.
        at: gives probabilities of shape (n_points, n_groups, 2**n_qubits) for angles of shape (n_points, n_angles);
            qubit 0 is the lowest bit of an outcome.
    """

    plan: MeasurementPlan
    at: Callable[[Table], Table]

    @classmethod
    def of(cls, engine: Engine, circuit: Circuit, observable: Observable) -> "Outcomes":
        """Prepare the measurement; nothing is simulated yet.

        Raises:
            EngineError: if the engine gives expectation values only and the circuit has more than 10 qubits.

        Example:
            >>> from qvar.simulators import Operation, StatevectorSimulator
            >>> bell = Circuit(2, (Operation("h", (0,)), Operation("cx", (0, 1))))
            >>> outcomes = Outcomes.of(StatevectorSimulator(), bell, Observable.from_terms({"ZZ": 1.0}))
            >>> outcomes.at(np.zeros((1, 0))).round(3).tolist()
            [[[0.5, 0.0, 0.0, 0.5]]]
        """
        objective: Any = engine.objective(circuit, observable)
        if hasattr(objective, "probabilities"):
            return cls(objective.plan, lambda thetas: _stacked(objective, thetas))
        plan = MeasurementPlan.of(observable)
        groups = [_string_values(engine, circuit, basis) for basis in plan.bases]
        return cls(plan, lambda thetas: _from_strings(groups, thetas, circuit.n_qubits))


def _stacked(objective: Any, thetas: Table) -> Table:
    shape = (len(thetas), objective.plan.n_groups, 2**objective.circuit.n_qubits)
    return np.array([objective.probabilities(theta) for theta in thetas], dtype=np.float64).reshape(shape)


def subset_strings(n_qubits: int, letters: Sequence[tuple[int, str]]) -> list[str]:
    """Return the 2**m products of some of m single-qubit letters as labels on n qubits.

    Args:
        n_qubits: length of the labels.
        letters: pairs (qubit, letter); the k-th belongs to the product of index s if bit k of s is set.
    """
    chosen = ((pair for k, pair in enumerate(letters) if s >> k & 1) for s in range(2 ** len(letters)))
    return [pauli_label(dict(pairs), n_qubits) for pairs in chosen]


def _string_values(engine: Engine, circuit: Circuit, basis: NDArray[np.int64]) -> list[Callable[[Table], Table]]:
    if 2**circuit.n_qubits > _MAX_STRINGS:
        raise EngineError(
            f"engine {engine.name!r} gives expectation values only; outcome probabilities of {circuit.n_qubits} qubits "
            f"would take 2**{circuit.n_qubits} of them, more than {_MAX_STRINGS}: use PauliTransferSimulator or "
            "StatevectorSimulator"
        )
    labels = subset_strings(circuit.n_qubits, [(q, _LETTERS[letter]) for q, letter in enumerate(basis)])
    return [engine.objective(circuit, Observable((label,), (1.0,))).batch for label in labels]


def _from_strings(groups: Sequence[Sequence[Callable[[Table], Table]]], thetas: Table, n_qubits: int) -> Table:
    result = np.empty((len(thetas), len(groups), 2**n_qubits))
    for g, strings in enumerate(groups):
        values = np.array([string(thetas) for string in strings])
        result[:, g] = np.maximum(walsh_hadamard(values).T / 2**n_qubits, 0.0)
    return np.asarray(result / result.sum(axis=2, keepdims=True))


def walsh_hadamard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sum_s (-1)**(b.s) values[s] for every b, along the first axis (a power of two long)."""
    size, rest = len(values), values.shape[1:]
    step = 1
    while step < size:
        split = values.reshape(-1, 2, step, *rest)
        values = np.concatenate([split[:, :1] + split[:, 1:], split[:, :1] - split[:, 1:]], axis=1)
        step *= 2
    return values.reshape(-1, *rest)


def estimate(
    plan: MeasurementPlan, probabilities: Table, shots: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw `shots` outcomes of every group at every point.

    Args:
        plan: the measured groups.
        probabilities: shape (n_points, n_groups, 2**n_qubits).
        shots: shots per group, at least 1.
        rng: source of randomness.

    Returns:
        Estimates of the observable and their standard errors, float64 of shape (n_points,) each. The errors are the
        true ones, covariances of terms measured together included: sqrt(sum_g Var_g / shots).
    """
    if plan.n_groups == 0:
        return np.full(len(probabilities), plan.constant), np.zeros(len(probabilities))
    counts = rng.multinomial(shots, probabilities)
    means = (probabilities * plan.values).sum(axis=2, keepdims=True)
    variances = (probabilities * (plan.values - means) ** 2).sum(axis=(1, 2))
    return plan.constant + (counts * plan.values).sum(axis=(1, 2)) / shots, np.sqrt(variances / shots)


def draw(probabilities: NDArray[np.float64], shots: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw outcomes shot by shot.

    Args:
        probabilities: shape (n_points, n_outcomes), rows adding up to 1.
        shots: outcomes per row.
        rng: source of randomness.

    Returns:
        Indices of outcomes, int64 of shape (n_points, shots).
    """
    edges = np.cumsum(probabilities, axis=1)
    edges /= edges[:, -1:]  # the last edge is exactly 1, above every number drawn
    numbers = rng.random((len(edges), shots))
    rows = [np.searchsorted(edge, number, side="right") for edge, number in zip(edges, numbers, strict=True)]
    return np.array(rows, dtype=np.int64).reshape(len(edges), shots)
