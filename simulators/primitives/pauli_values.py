"""Many observables of one noisy circuit from one final state: all its Pauli expectation values are there already."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.observable import Observable
from qvar.simulators.pauli_transfer import PauliTransferSimulator
from qvar.simulators.readout import apply_letter_maps, letter_map

__all__ = ["PauliValues"]

_CHUNK = 2**21
"""Numbers held at a time, 16 MiB."""


class PauliValues:
    """Expectation values of several observables in one circuit, read-out error included.

    Args:
        engine: the engine; one of its programs serves all observables.
        circuit: the circuit.
        observables: at least one, each on as many qubits as the circuit.

    Example:
        >>> from qvar.simulators import Operation, Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
        >>> observables = [Observable.from_terms({letter: 1.0}) for letter in "XZ"]
        >>> PauliValues(PauliTransferSimulator(), circuit, observables).at([[0.0], [np.pi / 2]]).round(3).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """

    def __init__(self, engine: PauliTransferSimulator, circuit: Circuit, observables: Sequence[Observable]) -> None:
        n = circuit.n_qubits
        self._objective = engine.objective(circuit, observables[0])
        self._maps = np.array([letter_map(engine.noise, q) for q in range(n)])
        self._indices = np.concatenate([observable.digits @ 4 ** np.arange(n) for observable in observables])
        self._coefficients = np.concatenate([observable.vector for observable in observables])
        self._starts = np.cumsum([0, *(len(observable.labels) for observable in observables[:-1])])

    def at(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return values of shape (n_points, n_observables) at angles of shape (n_points, n_angles), radians."""
        angles = check_batch(thetas, self._objective.n_parameters)
        size = max(4 ** len(self._maps), len(self._indices))
        step = max(1, _CHUNK // size)
        chunks = [self._values(angles[k : k + step]) for k in range(0, len(angles), step)]
        return np.concatenate([np.empty((0, len(self._starts))), *chunks])

    def _values(self, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        states = np.array([self._objective.state(theta) for theta in thetas], dtype=np.float64)
        measured = apply_letter_maps(states, self._maps)  # the measured <P_d> of a qubit is sum_e F[d, e] <P_e>
        terms = measured[:, self._indices] * self._coefficients
        return np.asarray(np.add.reduceat(terms, self._starts, axis=1))
