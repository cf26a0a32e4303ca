"""What a device is expected to measure, computed exactly before anything is submitted.

The values are of the very circuit that the device executes, with the noise of the device on the qubits in use, and of
its measurement as the primitives make it: on every qubit RZ SX RZ SX RZ turn the letter to be measured into Z, then
the read-out errs. The pulses of this basis change carry noise too.

    <P> = <<w| B_P |rho>>   with w = (1 - p01 - p10) Z + (p10 - p01) I, B_P the noisy basis change for the letter P

Idle qubits are noiseless, as in Qiskit's local mode; on a real device they are not.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.hardware.device_circuit import DeviceCircuit
from qvar.simulators import AerSimulator, Circuit, NoiseModel, Observable, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.channels import unitary_to_ptm
from qvar.simulators.gates import gate_matrix
from qvar.simulators.readout import letter_map

__all__ = ["Prediction", "measured_by_primitives", "predict"]

_HALF = np.pi / 2
_BASIS_CHANGES = {"X": (0.0, _HALF, 0.0), "Y": (-_HALF, _HALF, -_HALF), "Z": (np.pi, np.pi, 0.0)}
"""Angles of RZ SX RZ SX RZ, in the order of execution, as qiskit-ibm-runtime's executor-based primitives choose them."""


@dataclass(frozen=True)
class Prediction:
    """Exact values of one observable, in its unit.

    Attributes:
        noiseless: of the original circuit.
        pauli_transfer: under the noise of the device, by our Pauli-transfer engine.
        aer: the same by the density matrix of Qiskit Aer.
    """

    noiseless: float
    pauli_transfer: float
    aer: float

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON-able data."""
        return asdict(self)


def predict(circuit: Circuit, compiled: DeviceCircuit, observable: Observable) -> Prediction:
    """Return what the device is expected to measure.

    Args:
        circuit: the original circuit, without free angles.
        compiled: the same for the device.
        observable: on the qubits of the original circuit.

    Raises:
        HardwareError: if the observable has another number of qubits.
    """
    placed = measured_by_primitives(compiled.place(observable), compiled.noise)
    gates = compiled.noise.without_readout()
    return Prediction(
        noiseless=StatevectorSimulator().objective(circuit, observable)([]),
        pauli_transfer=PauliTransferSimulator(gates).objective(compiled.circuit, placed)([]),
        aer=AerSimulator(gates).objective(compiled.circuit, placed)([]),
    )


def measured_by_primitives(observable: Observable, noise: NoiseModel) -> Observable:
    """Return the observable whose exact value is what the primitives measure for `observable`, on average.

    Args:
        observable: on the physical qubits of the noise model, in their order.
        noise: with the noise of `sx`; on qubits without an entry for it, basis changes are perfect.
    """
    terms = dict(zip(observable.labels, observable.coefficients, strict=True))
    for qubit in range(observable.n_qubits):
        rows = {letter: _measured_letter(letter, noise, qubit) for letter in _BASIS_CHANGES}
        terms = _replaced(terms, qubit, rows)
    return Observable.from_terms({"I" * observable.n_qubits: 0.0} | terms)


def _measured_letter(letter: str, noise: NoiseModel, qubit: int) -> NDArray[np.float64]:
    """Return what is measured for a letter as a sum over I, X, Y, Z, float64 of shape (4,)."""
    first, second, third = (unitary_to_ptm(gate_matrix("rz", (angle,))) for angle in _BASIS_CHANGES[letter])
    channel = noise.channel("sx", (qubit,))
    pulse = unitary_to_ptm(gate_matrix("sx"))
    pulse = pulse if channel is None else channel.ptm @ pulse
    row: NDArray[np.float64] = letter_map(noise, qubit)[3] @ third @ pulse @ second @ pulse @ first
    return np.where(np.abs(row) < 1e-15, 0.0, row)


def _replaced(terms: dict[str, float], qubit: int, rows: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """Replace the letter on a qubit in every string by the sum that is measured for it."""
    result: dict[str, float] = {}
    for label, coefficient in terms.items():
        place = len(label) - 1 - qubit
        if label[place] == "I":
            result[label] = result.get(label, 0.0) + coefficient
            continue
        for letter, factor in zip("IXYZ", rows[label[place]], strict=True):
            if factor:
                new = label[:place] + letter + label[place + 1 :]
                result[new] = result.get(new, 0.0) + coefficient * float(factor)
    return result
