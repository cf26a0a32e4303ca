"""The part of a noise model that some circuits need, as Aer takes it.

Aer reads the whole noise model again for every job: with the model of a 127-qubit device, a job of one 4-qubit circuit
takes seconds. Only the channels that follow the gates of the circuits at hand, and the read-out errors of their qubits,
are handed over; each is translated once and kept, and so are the models of the latest circuits.
"""

from collections.abc import Iterable
from functools import partial

import numpy as np
from qiskit.quantum_info import Kraus, Pauli
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import QuantumError

from qvar.simulators.backends import KeptError, confusion_matrix
from qvar.simulators.channels import Channel
from qvar.simulators.circuit import Circuit, Operation
from qvar.simulators.errors import EngineError
from qvar.simulators.noise import NoiseModel
from qvar.simulators.remembering import remembered

__all__ = ["TrimmedNoise"]

_LETTERS = "IXYZ"
_COMMUTES = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
"""Sign of P_j rho P_j in the expectation value of P_i, for letters i and j."""
_REMEMBERED = 16  # noise models


class TrimmedNoise:
    """A noise model that hands out what some circuits need; keeps what it has translated.

    Args:
        noise: the whole model.
        pauli_only: whether channels are given as mixtures of Pauli operators, as stabilizer methods need them.

    Raises:
        NoiseModelError: for `StateFlip` read-out, which Aer cannot express.
    """

    def __init__(self, noise: NoiseModel, *, pauli_only: bool) -> None:
        self._noise = noise
        self._pauli_only = pauli_only
        self._errors: dict[tuple[str, tuple[int, ...]], QuantumError | None] = {}
        self._models: dict[tuple[frozenset[tuple[str, tuple[int, ...]]], int], AerNoiseModel] = {}
        for error in (*noise.readout.values(), noise.default_readout):
            if error is not None:
                confusion_matrix(error)

    def error(self, operation: Operation) -> QuantumError | None:
        """Return what follows a gate, None for nothing.

        Raises:
            NoiseModelError: if the noise model is a device that lacks the gate.
            EngineError: for a channel that is not a mixture of Pauli operators where only those are possible.
        """
        if operation.channel is not None:
            return None
        key = (operation.gate, operation.qubits)
        if key not in self._errors:
            channel = self._noise.channel(*key)
            if channel is None or channel.is_identity():
                self._errors[key] = None
            elif self._pauli_only:
                self._errors[key] = pauli_mixture(channel, operation)
            else:
                self._errors[key] = KeptError(Kraus(list(channel.kraus())))
        return self._errors[key]

    def model(self, circuits: Iterable[Circuit]) -> AerNoiseModel:
        """Return Aer's noise model for these circuits and no others."""
        circuits = tuple(circuits)
        operations = (operation for circuit in circuits for operation in circuit.operations)
        needed = frozenset((o.gate, o.qubits) for o in operations if self.error(o) is not None)
        key = (needed, max((circuit.n_qubits for circuit in circuits), default=0))
        return remembered(self._models, key, partial(self._build, *key), most=_REMEMBERED)

    def _build(self, needed: frozenset[tuple[str, tuple[int, ...]]], n_qubits: int) -> AerNoiseModel:
        model = AerNoiseModel()
        for gate, qubits in sorted(needed):
            model.add_quantum_error(self._errors[gate, qubits], gate, list(qubits), warnings=False)
        for q in range(n_qubits):
            readout = self._noise.readout_error(q)
            if readout is not None:
                model.add_readout_error(confusion_matrix(readout), [q], warnings=False)
        return model


def pauli_mixture(channel: Channel, operation: Operation) -> QuantumError:
    """Return a channel as Pauli operators with probabilities.

    Raises:
        EngineError: if it is not such a mixture.
    """
    factors = np.diag(channel.ptm)
    if np.abs(channel.ptm - np.diag(factors)).max() > 1e-10:
        raise EngineError(
            f"stabilizer methods take Pauli noise only; the channel after {operation.gate!r} on {operation.qubits} is "
            "none: take method='density_matrix', or 'statevector' or 'matrix_product_state' with shots"
        )
    signs = _COMMUTES if channel.n_qubits == 1 else np.kron(_COMMUTES, _COMMUTES)
    probabilities = np.maximum(signs @ factors / len(factors), 0.0)
    labels = [_label(index, channel.n_qubits) for index in range(len(factors))]
    total = probabilities.sum()
    return KeptError([(Pauli(label), p / total) for label, p in zip(labels, probabilities, strict=True) if p > 0])


def _label(index: int, n_qubits: int) -> str:
    return "".join(_LETTERS[(index >> (2 * q)) & 3] for q in reversed(range(n_qubits)))
