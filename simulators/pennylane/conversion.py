"""Translate circuits, channels and observables from and to PennyLane; every other PennyLane module builds on this one.

Qubit q is wire q. PennyLane orders states and matrices with the first wire most significant, this package with qubit 0
least significant: only matrices of more than one qubit have to be reordered, never circuits.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices.preprocess import decompose

from qvar.simulators.channels import Channel
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import ChannelError, CircuitError
from qvar.simulators.observable import Observable, pauli_label
from qvar.simulators.pennylane.tracing import angles_as_slots, tracer

__all__ = [
    "GateRule",
    "channel_from_pennylane",
    "channel_to_pennylane",
    "circuit_from_pennylane",
    "circuit_to_pennylane",
    "gate_rule",
    "is_native",
    "observable_from_pauli_sentence",
    "observable_to_pennylane",
    "operation_to_pennylane",
]

PHASES = frozenset({"GlobalPhase"})
"""Operations without an effect on a mixed state."""


class GateRule(NamedTuple):
    """The native gate of a PennyLane operation; each angle is a position in the operation's data or a fixed number."""

    gate: str
    angles: tuple[int | float, ...] = ()


_RULES = {
    ("RX", 1): GateRule("rx", (0,)),
    ("RY", 1): GateRule("ry", (0,)),
    ("RZ", 1): GateRule("rz", (0,)),
    ("MultiRZ", 1): GateRule("rz", (0,)),
    ("MultiRZ", 2): GateRule("rzz", (0,)),
    ("PhaseShift", 1): GateRule("p", (0,)),
    ("U1", 1): GateRule("p", (0,)),
    ("U2", 1): GateRule("u", (np.pi / 2, 0, 1)),
    ("U3", 1): GateRule("u", (0, 1, 2)),
    ("Rot", 1): GateRule("u", (1, 2, 0)),  # RZ(c) RY(b) RZ(a) is U3(b, c, a) up to a phase
    ("IsingXX", 2): GateRule("rxx", (0,)),
    ("IsingYY", 2): GateRule("ryy", (0,)),
    ("IsingZZ", 2): GateRule("rzz", (0,)),
    ("Identity", 1): GateRule("id"),
    ("PauliX", 1): GateRule("x"),
    ("PauliY", 1): GateRule("y"),
    ("PauliZ", 1): GateRule("z"),
    ("Hadamard", 1): GateRule("h"),
    ("S", 1): GateRule("s"),
    ("T", 1): GateRule("t"),
    ("SX", 1): GateRule("sx"),
    ("Adjoint(S)", 1): GateRule("sdg"),
    ("Adjoint(T)", 1): GateRule("tdg"),
    ("Adjoint(SX)", 1): GateRule("sxdg"),
    ("CNOT", 2): GateRule("cx"),
    ("CY", 2): GateRule("cy"),
    ("CZ", 2): GateRule("cz"),
    ("SWAP", 2): GateRule("swap"),
    ("ECR", 2): GateRule("ecr"),
}

NATIVE_NAMES = frozenset({name for name, _ in _RULES} | PHASES)
"""PennyLane's names of the native gates."""

_MAKERS: dict[str, Callable[..., Any]] = {
    "rx": qml.RX,
    "ry": qml.RY,
    "rz": qml.RZ,
    "p": qml.PhaseShift,
    "u": qml.U3,
    "rxx": qml.IsingXX,
    "ryy": qml.IsingYY,
    "rzz": qml.IsingZZ,
    "id": qml.Identity,
    "x": qml.PauliX,
    "y": qml.PauliY,
    "z": qml.PauliZ,
    "h": qml.Hadamard,
    "s": qml.S,
    "t": qml.T,
    "sx": qml.SX,
    "sdg": qml.adjoint(qml.S),
    "tdg": qml.adjoint(qml.T),
    "sxdg": qml.adjoint(qml.SX),
    "cx": qml.CNOT,
    "cy": qml.CY,
    "cz": qml.CZ,
    "swap": qml.SWAP,
    "ecr": qml.ECR,
}


def gate_rule(operation: Any) -> GateRule | None:
    """Return how a PennyLane operation reads as a native gate, None if it does not."""
    return _RULES.get((operation.name, len(operation.wires)))


def is_native(operation: Any) -> bool:
    """Tell whether a PennyLane operation needs no decomposition: a native gate, a small channel or a global phase."""
    return gate_rule(operation) is not None or operation.name in PHASES or is_channel(operation)


def is_channel(operation: Any) -> bool:
    """Tell whether a PennyLane operation is a channel, or a state to start from, on one or two wires."""
    is_map = isinstance(operation, qml.operation.Channel) or operation.name == "QubitDensityMatrix"
    return is_map and 1 <= len(operation.wires) <= 2


def channel_from_pennylane(operation: Any) -> Channel:
    """Return the channel of a PennyLane channel on one or two wires; the first wire is the channel's first qubit.

    A QubitDensityMatrix becomes the channel that replaces any state by the given one.

    Raises:
        CircuitError: for more wires, or if it is not completely positive and trace preserving.
    """
    if not is_channel(operation):
        raise CircuitError(f"channels act on one or two wires, got {operation.name!r} on {list(operation.wires)}")
    kraus = np.array(_kraus_matrices(operation), dtype=np.complex128)
    try:
        return Channel.from_kraus(list(_reversed_qubits(kraus)))
    except ChannelError as error:
        raise CircuitError(f"{operation.name!r} on {list(operation.wires)} is not a channel: {error}") from error


def _kraus_matrices(operation: Any) -> list[NDArray[np.complex128]]:
    if operation.name != "QubitDensityMatrix":
        with warnings.catch_warnings():  # of PauliError, which casts matrices it does not use
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            return list(operation.kraus_matrices())
    weights, vectors = np.linalg.eigh(np.asarray(operation.data[0], dtype=np.complex128))
    basis = np.eye(len(weights))
    return [
        np.sqrt(weight) * np.outer(vector, bra)
        for weight, vector in zip(np.maximum(weights, 0.0), vectors.T, strict=True)
        for bra in basis
    ]


def _reversed_qubits(kraus: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Exchange the two qubits of operators of shape (k, 4, 4); leave one-qubit operators alone."""
    if kraus.shape[-1] != 4:
        return kraus
    order = [0, 2, 1, 3]
    return kraus[:, order][:, :, order]


def channel_to_pennylane(channel: Channel, wires: Sequence[Any]) -> Any:
    """Return the channel as a PennyLane QubitChannel; `wires` in the order of the channel's qubits."""
    return qml.QubitChannel(list(_reversed_qubits(channel.kraus())), wires=list(wires))


def operation_to_pennylane(operation: Operation, angles: Iterable[Any]) -> Any:
    """Return one operation as PennyLane's, with numbers, arrays or tensors for angles; qubit q on wire q."""
    if operation.channel is not None:
        return channel_to_pennylane(operation.channel, operation.qubits)
    return _MAKERS[operation.gate](*angles, wires=list(operation.qubits))


def circuit_to_pennylane(circuit: Circuit) -> Callable[..., list[Any]]:
    """Return the quantum function of a circuit (see `Circuit.to_pennylane`)."""
    return partial(_apply, circuit)


def _apply(circuit: Circuit, theta: Any = ()) -> list[Any]:
    n_given = qml.math.shape(theta)[:1]
    if n_given != (circuit.n_parameters,):
        raise CircuitError(f"this circuit has {circuit.n_parameters} parameter(s), got {n_given or 'a number'}")
    return [operation_to_pennylane(o, (_angle(p, theta) for p in o.parameters)) for o in circuit.operations]


def _angle(parameter: float | Slot, theta: Any) -> Any:
    if not isinstance(parameter, Slot):
        return parameter
    return parameter.scale * theta[parameter.index] + parameter.shift


def circuit_from_pennylane(source: Any, *arguments: Any, wires: int | Iterable[Any] | None = None) -> Circuit:
    """Translate a tape, a quantum function or a QNode (see `Circuit.from_pennylane`)."""
    n_free, trace = tracer(source, arguments)
    labels = _wire_labels(source, trace(None), wires)
    index = {label: q for q, label in enumerate(labels)}
    return Circuit(len(labels), angles_as_slots(n_free, lambda theta: _operations(trace(theta), index)))


def _wire_labels(source: Any, tape: Any, wires: int | Iterable[Any] | None) -> list[Any]:
    if wires is None:
        wires = getattr(getattr(source, "device", None), "wires", None)
    if isinstance(wires, int):
        return list(range(wires))
    if wires is not None:
        return list(wires)
    labels = list(tape.wires)
    if not labels:
        raise CircuitError("the tape acts on no wire; say how many there are with wires=...")
    if all(isinstance(label, int) and label >= 0 for label in labels):
        return list(range(max(labels) + 1))
    return labels


def _operations(tape: Any, index: Mapping[Any, int]) -> list[Operation]:
    """Return the operations of a tape whose parameters are numbers."""
    _check_no_measurement(tape)
    try:
        (native,), _ = decompose(tape, is_native, skip_initial_state_prep=False, name="qvar")
    except qml.exceptions.DeviceError as error:
        raise CircuitError(f"the tape cannot be written in native gates: {error}") from error
    _check_no_measurement(native)
    missing = [label for label in native.wires if label not in index]
    if missing:
        raise CircuitError(f"the tape acts on wires {missing}, which are not among {list(index)}; pass wires=...")
    return [_operation(o, index) for o in native.operations if o.name not in PHASES]


def _check_no_measurement(tape: Any) -> None:
    for operation in tape.operations:
        if isinstance(operation, (qml.ops.MidMeasure, qml.ops.Conditional)):
            raise CircuitError(
                f"mid-circuit measurement and classical control ({operation}) are not supported; apply "
                "qml.defer_measurements first, or run the quantum function on the device 'qvar.ptm'"
            )


def _operation(operation: Any, index: Mapping[Any, int]) -> Operation:
    qubits = tuple(index[wire] for wire in operation.wires)
    rule = gate_rule(operation)
    if rule is None:
        return Operation("channel", qubits, channel=channel_from_pennylane(operation))
    data = [float(angle) for angle in operation.data]
    return Operation(rule.gate, qubits, tuple(data[a] if isinstance(a, int) else a for a in rule.angles))


def observable_from_pauli_sentence(sentence: Any, index: Mapping[Any, int], n_qubits: int) -> Observable:
    """Return the observable of a PennyLane PauliSentence.

    Args:
        sentence: Pauli words with coefficients.
        index: qubit of each wire.
        n_qubits: number of qubits.

    Raises:
        ObservableError: if a coefficient is not real.
    """
    terms = []
    for word, coefficient in sentence.items():
        letters = {index[wire]: letter for wire, letter in word.items()}
        terms.append((pauli_label(letters, n_qubits), coefficient))
    return Observable.from_terms(terms or {"I" * n_qubits: 0.0})


def observable_to_pennylane(observable: Observable) -> Any:
    """Return the observable as a PennyLane operator, qubit q on wire q."""
    words: dict[Any, float] = {}
    for label, coefficient in zip(observable.labels, observable.coefficients, strict=True):
        words[qml.pauli.PauliWord(dict(enumerate(reversed(label))))] = coefficient
    return qml.pauli.PauliSentence(words).operation(wire_order=range(observable.n_qubits))
