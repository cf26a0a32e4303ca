"""What a device is expected to measure, computed exactly before anything is submitted.

The values are of the very circuits that the primitives send: for each measured basis the circuit in the gates of the
device, with the basis change RZ SX RZ SX RZ on every qubit, into which gates at the end of the circuit may be merged.
Every gate carries its noise, those of the basis change too, and the read-out errs.

Idle qubits are noiseless, as in Qiskit's local mode; on a real device they are not.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.hardware.active import on_active_qubits
from qvar.hardware.device_circuit import DeviceCircuit
from qvar.hardware.options import ExecutionOptions
from qvar.hardware.record import Prediction
from qvar.hardware.request import Request
from qvar.hardware.submission import program
from qvar.simulators import AerSimulator, Circuit, Observable, PauliTransferSimulator, StatevectorSimulator

__all__ = ["MAX_QUBITS", "predict"]

MAX_QUBITS = 10
"""Qubits in use up to which predictions under noise are made; they need 4**n numbers."""

_LETTERS = "IZXY"  # samplomatic numbers the letters of a measured basis like this


def predict(circuit: Circuit, compiled: DeviceCircuit, observable: Observable) -> Prediction:
    """Return what the device is expected to measure without mitigation.

    Args:
        circuit: the original circuit, without free angles.
        compiled: the same for the device.
        observable: on the qubits of the original circuit.

    Raises:
        HardwareError: if the observable has another number of qubits.
    """
    placed = compiled.place(observable)
    noiseless = StatevectorSimulator().objective(circuit, observable)([])
    if len(compiled.qubits) > MAX_QUBITS:
        return Prediction(noiseless, None, None)
    measured = list(_measured_circuits(compiled, placed))
    ours, aer = PauliTransferSimulator(compiled.noise), AerSimulator(compiled.noise)
    means = [ours.objective(sent, letters)([]) for sent, letters in measured]
    squares = [ours.objective(sent, _squared(letters))([]) for sent, letters in measured]
    points: list[tuple[Circuit, Observable, Any]] = [(sent, letters, np.zeros((1, 0))) for sent, letters in measured]
    return Prediction(
        noiseless,
        math.fsum(means),
        math.fsum(float(values[0]) for values in aer.evaluate(points)),
        math.sqrt(math.fsum(max(0.0, square - mean**2) for mean, square in zip(means, squares, strict=True))),
    )


def _squared(letters: Observable) -> Observable:
    """Return the square of a sum of strings of the letters I and Z."""
    terms = list(zip(letters.labels, letters.coefficients, strict=True))
    return Observable.from_terms(
        ("".join("I" if x == y else "Z" for x, y in zip(a, b, strict=True)), c * d) for a, c in terms for b, d in terms
    )


def _measured_circuits(compiled: DeviceCircuit, observable: Observable) -> Iterator[tuple[Circuit, Observable]]:
    """Yield the circuit of each measured basis with the part of the observable that it measures, as letters Z."""
    pub = (on_active_qubits(compiled.isa, compiled.qubits), observable.to_qiskit())
    request = Request.of("estimator", [pub], ExecutionOptions(resilience_level=0, twirling=False))
    item = program(request, compiled.backend).items[0]
    (bases,) = (name for name in item.samplex_arguments if name.startswith("basis_changes."))
    left = dict(zip(observable.labels, observable.coefficients, strict=True))
    for index in np.ndindex(item.samplex_arguments.shape):
        arguments = item.samplex_arguments[index]
        letters = [_LETTERS[number] for number in arguments[bases]]
        basis = "".join(reversed(letters))
        taken = {label: left.pop(label) for label in list(left) if _is_measured(label, basis)}
        if not taken:
            continue
        sample = item.samplex.sample(arguments, num_randomizations=1, rng=np.random.default_rng(0))
        angles: NDArray[np.float64] = np.asarray(sample["parameter_values"], dtype=np.float64).reshape(-1)
        terms = [("".join("I" if letter == "I" else "Z" for letter in label), c) for label, c in taken.items()]
        yield Circuit.from_qiskit(item.circuit.assign_parameters(angles)), Observable.from_terms(terms)
    assert not left, f"no measured basis holds {sorted(left)}"


def _is_measured(label: str, basis: str) -> bool:
    return all(letter in ("I", other) for letter, other in zip(label, basis, strict=True))
