"""Qiskit circuits as the primitives see them: gates on active qubits, free angles, and measurements at the end.

Wider than `Circuit.from_qiskit`: idle qubits of a large device are left out, any parameter expression is taken, and
it is known which classical bit reads which qubit. What no unitary circuit can express is refused by name.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Gate, Instruction, Parameter, ParameterExpression
from qiskit.exceptions import QiskitError
from qiskit.transpiler.passes import HighLevelSynthesis

from qvar.simulators.circuit import ROTATION_GATES, Circuit, Operation
from qvar.simulators.errors import CircuitError
from qvar.simulators.primitives.parameter_values import AngleMap, linear_form

__all__ = ["NeedsValues", "TranslatedCircuit", "circuit_key", "translate"]

_ROTATIONS = ROTATION_GATES | {"u1", "u3"}
_CHANNELS = {"kraus", "superop", "quantum_channel"}
_UNDEFINABLE = (QiskitError, TypeError, ValueError)
"""What gates raise when asked for a definition that they do not have yet."""


@dataclass(frozen=True, eq=False)
class TranslatedCircuit:
    """What the primitives need to know of a Qiskit circuit.

    Attributes:
        circuit: its gates, on the active qubits renumbered 0, 1, ...
        qubits: the active qubits in the numbering of the Qiskit circuit, ascending; at least one.
        angles: the slots of `circuit` as functions of the Qiskit parameters.
        measured: the qubit that each written classical bit reads, both in the numbering of the Qiskit circuit.
        has_delays: whether the circuit lets qubits wait.
    """

    circuit: Circuit
    qubits: tuple[int, ...]
    angles: AngleMap
    measured: Mapping[int, int]
    has_delays: bool

    def on(self, qubits: Sequence[int]) -> Circuit:
        """Return the gates on `qubits`, a superset of the active ones, renumbered in the order given."""
        if tuple(qubits) == self.qubits:
            return self.circuit
        place = {q: k for k, q in enumerate(qubits)}
        moved = (
            Operation(o.gate, tuple(place[self.qubits[q]] for q in o.qubits), o.parameters, o.channel)
            for o in self.circuit.operations
        )
        return Circuit(len(qubits), tuple(moved))


@dataclass(frozen=True)
class NeedsValues:
    """A circuit with gates that are defined only once these parameters have values."""

    parameters: frozenset[Parameter]


def translate(circuit: QuantumCircuit) -> TranslatedCircuit | NeedsValues:
    """Translate a Qiskit circuit.

    Barriers are ignored, composite gates decomposed, and global phases dropped. `reset` and `initialize` are taken
    where nothing happened before, because every qubit starts in |0>.

    Raises:
        CircuitError: for mid-circuit measurement, reset, control flow, gates without a definition, or channels on more
            than two qubits.

    Example:
        >>> qiskit_circuit = QuantumCircuit(27)
        >>> qiskit_circuit.cx(12, 5) and None
        >>> translate(qiskit_circuit).qubits
        (5, 12)
    """
    walk = _Walk()
    walk.through(circuit, range(circuit.num_qubits), range(circuit.num_clbits))
    if walk.undefined:
        return NeedsValues(frozenset(walk.undefined))
    qubits = tuple(sorted(walk.touched)) or (0,)
    place = {q: k for k, q in enumerate(qubits)}
    flat = QuantumCircuit(len(qubits))
    for operation, targets in walk.operations:
        flat.append(operation, [place[q] for q in targets])
    angles = AngleMap(tuple(circuit.parameters), tuple(walk.slots))
    return TranslatedCircuit(Circuit.from_qiskit(flat), qubits, angles, walk.measured, walk.has_delays)


class _Walk:
    """Collect the operations of a circuit and of the blocks inside it."""

    def __init__(self) -> None:
        self.operations: list[tuple[Any, tuple[int, ...]]] = []
        self.touched: set[int] = set()
        self.measured: dict[int, int] = {}
        self.undefined: set[Parameter] = set()
        self.has_delays = False
        self.slots: dict[ParameterExpression, Parameter] = {}

    def through(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> None:
        for instruction in circuit.data:
            targets = tuple(qubits[circuit.find_bit(q).index] for q in instruction.qubits)
            written = tuple(clbits[circuit.find_bit(c).index] for c in instruction.clbits)
            self._visit(instruction.operation, targets, written)

    def _visit(self, operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...]) -> None:
        name = operation.name
        if isinstance(operation, ControlFlowOp) or getattr(operation, "condition", None) is not None:
            raise CircuitError(f"control flow ({name!r} on {qubits}) is not supported")
        if name == "barrier":
            return
        if name == "measure":
            self.measured[clbits[0]] = qubits[0]
        elif name == "delay":
            self.has_delays = True
        elif name == "reset":
            self._check_untouched(qubits)
        else:
            self._check_unmeasured(name, qubits)
            self._apply(operation, qubits, clbits)

    def _check_untouched(self, qubits: tuple[int, ...]) -> None:
        if self.touched.intersection(qubits) or set(self.measured.values()).intersection(qubits):
            raise CircuitError(
                f"'reset' on {qubits} follows other operations; only a reset of fresh qubits is supported: "
                "use another qubit instead"
            )

    def _check_unmeasured(self, name: str, qubits: tuple[int, ...]) -> None:
        if set(self.measured.values()).intersection(qubits):
            raise CircuitError(
                f"{name!r} on {qubits} follows a measurement; mid-circuit measurement is not supported: measure at "
                "the end, or defer the measurement with an ancilla"
            )

    def _apply(self, operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...]) -> None:
        angles = getattr(operation, "params", ())
        free = [p for p in angles if isinstance(p, ParameterExpression) and p.parameters]
        if not free and (isinstance(operation, Gate) or operation.name in _CHANNELS):
            self._append(operation, qubits)
        elif operation.name in _ROTATIONS and type(operation) is not Gate:
            self._append(operation.base_class(*(self._angle(p) for p in angles)), qubits)
        else:
            self._expand(operation, qubits, clbits, free)

    def _expand(self, operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...], free: list[Any]) -> None:
        try:
            definition = _definition(operation)
        except _UNDEFINABLE as error:
            if not free:
                raise CircuitError(f"{operation.name!r} on {qubits} cannot be decomposed: {error}") from error
            self.undefined.update(parameter for expression in free for parameter in expression.parameters)
            return
        if definition is None:
            raise CircuitError(f"{operation.name!r} on {qubits} is not native and Qiskit has no decomposition for it")
        self.through(definition, qubits, clbits)

    def _append(self, operation: Any, qubits: tuple[int, ...]) -> None:
        self.operations.append((operation, qubits))
        self.touched.update(qubits)

    def _angle(self, value: Any) -> Any:
        """Return the angle as a number or a linear function of a slot's own parameter."""
        if not isinstance(value, ParameterExpression) or not value.parameters:
            return value
        linear = linear_form(value)
        if linear is None:
            return self._slot(value)
        parameter, scale, shift = linear
        return scale * self._slot(parameter) + shift

    def _slot(self, expression: ParameterExpression) -> Parameter:
        if expression not in self.slots:
            self.slots[expression] = Parameter(f"slot{len(self.slots):09d}")  # Qiskit sorts parameters by name
        return self.slots[expression]


def _definition(operation: Any) -> QuantumCircuit | None:
    """Return the circuit that an operation stands for; None if it does not say."""
    if isinstance(operation, Instruction):
        return operation.definition
    alone = QuantumCircuit(operation.num_qubits)  # Cliffords, annotated gates and the like are left to the transpiler
    alone.append(operation, range(operation.num_qubits))
    synthesized = HighLevelSynthesis()(alone)
    return None if any(type(i.operation) is type(operation) for i in synthesized.data) else synthesized


def circuit_key(circuit: QuantumCircuit) -> Hashable:
    """Return what makes two Qiskit circuits the same to a primitive, whichever objects they are.

    Equal keys mean equal gates with equal numbers, in equal order on equal qubits, and equal parameters (Qiskit
    tells parameters of one name apart); changing a circuit in place changes its key. Names, metadata, registers and
    global phases do not count.
    """
    qubits = {bit: k for k, bit in enumerate(circuit.qubits)}
    clbits = {bit: k for k, bit in enumerate(circuit.clbits)}
    entries = [
        (
            i.name,
            tuple([qubits[q] for q in i.qubits]),
            tuple([clbits[c] for c in i.clbits]) if i.clbits else (),
            tuple(map(_frozen, i.params)) if i.is_standard_gate() else _contents(i.operation),
        )
        for i in circuit.data
    ]
    return (circuit.num_qubits, tuple(entries), tuple(circuit.parameters))


def _contents(operation: Any) -> Hashable:
    """Return everything that defines an operation outside Qiskit's set of standard gates."""
    kind: type = type(operation)
    parts: list[Hashable] = [kind, *map(_frozen, getattr(operation, "params", ()))]
    if not isinstance(operation, ControlFlowOp) and operation.name not in ("measure", "barrier", *_CHANNELS):
        try:
            definition = _definition(operation)
        except _UNDEFINABLE:
            definition = None
        if definition is not None:
            parts.append(circuit_key(definition))
    return tuple(parts)


def _frozen(parameter: Any) -> Hashable:
    if isinstance(parameter, float):
        return parameter
    if isinstance(parameter, ParameterExpression):
        return str(parameter)  # numbers in full; the parameters themselves are compared beside it, and this is fast
    if isinstance(parameter, np.ndarray):
        return (parameter.shape, parameter.dtype.str, parameter.tobytes())
    if isinstance(parameter, QuantumCircuit):
        return circuit_key(parameter)
    if isinstance(parameter, Iterable) and not isinstance(parameter, str):
        return tuple(map(_frozen, parameter))
    return parameter if isinstance(parameter, Hashable) else _Itself(parameter)


class _Itself:
    """An object that equals itself only, kept alive so that no other can take its place."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._held is other._held

    def __hash__(self) -> int:
        return id(self._held)
