"""Noise models as PennyLane channels, for PennyLane's own mixed-state routines and devices.

Gate noise follows the native gates. Read-out error of a Pauli letter is folded into observables elsewhere
(`qvar.simulators.readout`); here it acts on outcomes, after the change of basis that PennyLane chooses.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices.qubit_mixed import apply_operation, get_final_state, measure
from pennylane.devices.qubit_mixed.measure import full_dot_products_density_matrix, state_diagonalizing_gates
from pennylane.measurements import ExpectationMP, ProbabilityMP, VarianceMP

from qvar.simulators.noise import NoiseModel, ReadoutError, StateFlip
from qvar.simulators.pennylane.conversion import channel_to_pennylane, gate_rule

__all__ = [
    "flip_maps",
    "has_readout_error",
    "is_read_out",
    "measure_with_readout",
    "noisy_operations",
    "noisy_results",
    "readout_channels",
]

ReadoutChannels = list[Callable[[int], Any]]


def has_readout_error(noise: NoiseModel | None, n_qubits: int) -> bool:
    """Tell whether any of the qubits is read with errors."""
    return noise is not None and any(noise.readout_error(q) is not None for q in range(n_qubits))


def is_read_out(measurement: Any) -> bool:
    """Tell whether read-out error applies to an analytic measurement; states and entropies are not read out."""
    return isinstance(measurement, (ExpectationMP, VarianceMP, ProbabilityMP))


def readout_channels(noise: NoiseModel | None, n_qubits: int) -> ReadoutChannels | None:
    """Return `ReadoutError`s as PennyLane's mixed-state routines want them: one function from a wire to a channel."""
    kraus = {}
    for q in range(n_qubits):
        error = None if noise is None else noise.readout_error(q)
        if isinstance(error, ReadoutError):
            confusion = np.sqrt([[1 - error.p01, error.p10], [error.p01, 1 - error.p10]])
            unit = np.eye(2)
            kraus[q] = [confusion[i, j] * np.outer(unit[i], unit[j]) for i in (0, 1) for j in (0, 1)]
    if not kraus:
        return None
    return [lambda wire: qml.QubitChannel(kraus[wire], wires=wire) if wire in kraus else qml.Identity(wire)]


def flip_maps(noise: NoiseModel | None, n_qubits: int) -> NDArray[np.float64]:
    """Return what `StateFlip`s make of the Pauli letters of the final state, shape (n_qubits, 4, 4)."""
    errors = [None if noise is None else noise.readout_error(q) for q in range(n_qubits)]
    return np.array([error.letter_map() if isinstance(error, StateFlip) else np.eye(4) for error in errors])


def measure_with_readout(measurement: Any, rho: Any, is_batched: bool, readout: ReadoutChannels | None) -> Any:
    """Return an analytic result from a density matrix, each term of a sum read in its own eigenbasis with errors.

    Args:
        measurement: the measurement, on wires 0 .. n - 1.
        rho: the density matrix in PennyLane's form, of any interface.
        is_batched: whether `rho` has a leading batch axis.
        readout: read-out errors, None for none.
    """
    obs = measurement.obs
    if readout is None and isinstance(measurement, ExpectationMP) and obs is not None and obs.has_matrix:
        # A trace; PennyLane's way through probabilities has no derivative where one of them is zero.
        return full_dot_products_density_matrix(measurement, rho, is_batched)
    if readout is None or not is_read_out(measurement):
        return measure(measurement, rho, is_batched)
    if isinstance(measurement, ExpectationMP) and isinstance(obs, (qml.ops.Sum, qml.ops.LinearCombination)):
        pairs = zip(*obs.terms(), strict=True)
        return sum(c * measure_with_readout(ExpectationMP(term), rho, is_batched, readout) for c, term in pairs)
    return state_diagonalizing_gates(measurement, rho, is_batched, readout)


def noisy_operations(operations: Iterable[Any], index: Mapping[Any, int], noise: NoiseModel | None) -> list[Any]:
    """Return native PennyLane operations on wires 0 .. n - 1, each followed by its noise.

    Raises:
        NoiseModelError: if the noise model is a device that lacks one of the gates.
    """
    result = []
    for operation in operations:
        mapped = operation.map_wires(dict(index))
        result.append(mapped)
        rule = gate_rule(operation)
        if noise is not None and rule is not None:
            channel = noise.channel(rule.gate, tuple(mapped.wires))
            if channel is not None:
                result.append(channel_to_pennylane(channel, mapped.wires))
    return result


def noisy_results(tape: Any, index: Mapping[Any, int], noise: NoiseModel | None, interface: Any) -> Any:
    """Return the results of an analytic tape of native operations, simulated by PennyLane with the noise inserted.

    Slow, but tensors of any interface can be traced through it, so it can be differentiated as often as wanted.
    """
    n = len(index)
    idle = [qml.Identity(q) for q in range(n)]  # so that PennyLane keeps the numbering of the wires
    measurements = [m.map_wires(dict(index)) for m in tape.measurements]
    script = qml.tape.QuantumScript([*idle, *noisy_operations(tape.operations, index, noise)], measurements)
    rho, is_batched = get_final_state(script, interface=interface)
    flipped = rho
    for q in range(n):
        error = None if noise is None else noise.readout_error(q)
        if isinstance(error, StateFlip):
            flipped = apply_operation(qml.BitFlip(error.p, q), flipped, is_state_batched=is_batched)
    readout = readout_channels(noise, n)
    values = tuple(
        measure_with_readout(m, flipped if is_read_out(m) else rho, is_batched, readout) for m in measurements
    )
    return values[0] if len(values) == 1 else values
