"""Translate circuits from and to Qiskit, OpenQASM and QPY."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ControlFlowOp, Gate, Parameter, ParameterExpression, ParameterVector
from qiskit.quantum_info import PTM, Kraus, Operator, SuperOp

from qvar.simulators.channels import Channel
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.circuit_files import check_length, check_unfolded, circuit_of_qpy, circuit_of_text
from qvar.simulators.errors import CircuitError
from qvar.simulators.gates import GATES, gate_matrix

__all__ = ["circuit_from_file", "circuit_from_qasm", "circuit_from_qiskit", "circuit_to_qasm", "circuit_to_qiskit"]

_IDLE = "idle"
_SYNONYMS = {"u3": "u", "u1": "p", "i": "id", "cnot": "cx", _IDLE: "id"}
_REFUSED = {"reset", "delay", "initialize", "roerror"}
_CHANNELS = {"kraus", "superop", "quantum_channel"}


def circuit_from_qiskit(circuit: QuantumCircuit) -> Circuit:
    """Translate a Qiskit circuit (see `Circuit.from_qiskit`)."""
    return _convert(circuit, circuit.parameters)


def _convert(circuit: QuantumCircuit, parameters: Iterable[Parameter], *, is_bounded: bool = False) -> Circuit:
    """Translate a Qiskit circuit; slot k is the k-th of `parameters`. `is_bounded` limits gates in gates."""
    slots = {parameter: index for index, parameter in enumerate(parameters)}
    operations: list[Operation] = []
    course = _Course(n_gates=len(circuit.data) if is_bounded else None)
    _translate(circuit, list(range(circuit.num_qubits)), slots, operations, course)
    used = sorted({p.index for o in operations for p in o.parameters if isinstance(p, Slot)})
    if len(used) < len(slots):  # the others occur in a global phase only
        number = {old: new for new, old in enumerate(used)}
        operations = [o.with_parameters(_renumbered(p, number) for p in o.parameters) for o in operations]
    return Circuit(circuit.num_qubits, tuple(operations))


@dataclass
class _Course:
    """What a translation has seen so far (mutable).

    Attributes:
        n_gates: gates of the circuit itself, which say how many may be inside of them; None for no limit.
        measured: qubits that are measured.
        n_unfolded: gates met inside of other gates.
    """

    n_gates: int | None
    measured: set[int] = field(default_factory=set)
    n_unfolded: int = 0

    def unfold(self, number: int) -> None:
        """Count gates inside of another, and raise CircuitError if there are too many."""
        self.n_unfolded += number
        if self.n_gates is not None:
            check_unfolded(self.n_unfolded, self.n_gates)

    def unfold_all(self, circuit: QuantumCircuit) -> None:
        """Count the gates of a circuit, and those inside of them."""
        self.unfold(len(circuit.data))
        for instruction in circuit.data:
            if type(instruction.operation) is Gate and instruction.operation.definition is not None:
                self.unfold_all(instruction.operation.definition)


def _renumbered(parameter: float | Slot, number: dict[int, int]) -> float | Slot:
    return replace(parameter, index=number[parameter.index]) if isinstance(parameter, Slot) else parameter


def _translate(
    circuit: QuantumCircuit,
    wires: list[int],
    slots: dict[Parameter, int],
    out: list[Operation],
    course: "_Course",
) -> None:
    for instruction in circuit.data:
        gate = instruction.operation
        qubits = tuple(wires[circuit.find_bit(q).index] for q in instruction.qubits)
        name = _SYNONYMS.get(gate.name, gate.name)
        if name == "barrier":
            continue
        if name == "measure":
            course.measured.update(qubits)
            continue
        _check_supported(gate, name, qubits, course.measured)
        if name in _CHANNELS:
            out.append(Operation("channel", qubits, channel=_channel(gate, qubits)))
        elif _is_native(gate, name, course):
            out.append(Operation(name, qubits, tuple(_angle(p, slots) for p in gate.params)))
        elif gate.definition is None:
            raise CircuitError(f"gate {gate.name!r} is not native and Qiskit has no decomposition for it")
        else:
            course.unfold(len(gate.definition.data))
            _translate(gate.definition, list(qubits), slots, out, course)


def _channel(instruction: Any, qubits: tuple[int, ...]) -> Channel:
    if len(qubits) > 2:
        raise CircuitError(f"channels act on one or two qubits, got one on {qubits}")
    return Channel(PTM(SuperOp(instruction)).data)


def _is_native(gate: Any, name: str, course: _Course) -> bool:
    """Tell whether a gate is the native one called `name`; a user's own gate may have the same name."""
    if name not in GATES or getattr(gate, "ctrl_state", 1) not in (None, 2 ** getattr(gate, "num_ctrl_qubits", 1) - 1):
        return False
    if type(gate) is not Gate or gate.definition is None:
        return True
    angles = [p for p in gate.params if isinstance(p, ParameterExpression)]
    free = {parameter: 0.3 + 0.7 * k for k, parameter in enumerate(q for p in angles for q in p.parameters)}
    bound = [_bound(p, free) for p in gate.params]
    if (gate.num_qubits, len(bound)) != (GATES[name].n_qubits, GATES[name].n_parameters):
        return False
    course.unfold_all(gate.definition)
    definition = gate.definition.assign_parameters(free, strict=False)
    return bool(Operator(definition).equiv(Operator(gate_matrix(name, bound))))


def _bound(angle: Any, values: dict[Parameter, float]) -> float:
    if not isinstance(angle, ParameterExpression):
        return float(angle)
    return float(angle.bind({parameter: values[parameter] for parameter in angle.parameters}))


def _check_supported(gate: Any, name: str, qubits: tuple[int, ...], measured: set[int]) -> None:
    if measured & set(qubits):
        raise CircuitError(
            f"gate {gate.name!r} on {qubits} follows a measurement; mid-circuit measurement is not supported: "
            "measure at the end, or defer the measurement with an ancilla"
        )
    if isinstance(gate, ControlFlowOp) or getattr(gate, "condition", None) is not None:
        raise CircuitError(f"classical control ({gate.name!r} on {qubits}) is not supported")
    if name in _REFUSED:
        raise CircuitError(f"instruction {gate.name!r} on {qubits} is not a unitary gate and is not supported")


def _angle(value: Any, slots: dict[Parameter, int]) -> float | Slot:
    if not isinstance(value, ParameterExpression):
        return float(value)
    if not value.parameters:
        return float(value)
    if len(value.parameters) > 1:
        raise CircuitError(
            f"the angle {value} mixes several parameters; only a * parameter + b is supported: "
            "bind data first with assign_parameters"
        )
    (parameter,) = value.parameters
    slope = value.gradient(parameter)
    if isinstance(slope, ParameterExpression) and slope.parameters:
        raise CircuitError(f"the angle {value} is not linear in {parameter}; only a * parameter + b is supported")
    return Slot(slots[parameter], float(slope), float(value.bind({parameter: 0.0})))


def circuit_to_qiskit(circuit: Circuit) -> QuantumCircuit:
    """Return the Qiskit circuit (see `Circuit.to_qiskit`)."""
    theta = ParameterVector("theta", circuit.n_parameters)
    result = QuantumCircuit(circuit.n_qubits)
    for operation in circuit.operations:
        if operation.channel is not None:
            result.append(Kraus(list(operation.channel.kraus())).to_instruction(), operation.qubits)
            continue
        angles = [_expression(p, theta) for p in operation.parameters]
        getattr(result, operation.gate)(*angles, *operation.qubits)
    return result


def _expression(parameter: float | Slot, theta: ParameterVector) -> Any:
    if not isinstance(parameter, Slot):
        return parameter
    expression = theta[parameter.index]
    if parameter.scale != 1.0:
        expression = parameter.scale * expression
    return expression + parameter.shift if parameter.shift != 0.0 else expression


def circuit_to_qasm(circuit: Circuit) -> str:
    """Return the OpenQASM 3 program (see `Circuit.to_qasm`)."""
    numbers: dict[str, float] = {}  # Qiskit rounds numbers near fractions of pi; ours go in as names first
    result = QuantumCircuit(circuit.n_qubits)
    theta = ParameterVector("theta", circuit.n_parameters)
    for operation in circuit.operations:
        if operation.channel is not None:
            raise CircuitError("OpenQASM cannot express channels; put the noise into a NoiseModel instead")
        angles = [_expression(p, theta) if isinstance(p, Slot) else _named(p, numbers) for p in operation.parameters]
        if operation.gate == "id":
            result.append(_idle_gate(), operation.qubits)
        else:
            getattr(result, operation.gate)(*angles, *operation.qubits)
    text = re.sub(r"input [^;]*\bfixed_\d+;\n", "", str(qasm3.dumps(result)))
    return re.sub(r"\bfixed_\d+\b", lambda match: repr(numbers[match.group()]), text)


def _named(angle: float, numbers: dict[str, float]) -> Parameter:
    name = f"fixed_{len(numbers)}"
    numbers[name] = float(angle)
    return Parameter(name)


def _idle_gate() -> Gate:
    """Return an identity with a name of its own: Qiskit reads OpenQASM's `id` as U(0, 0, 0), which devices execute."""
    gate = Gate(_IDLE, 1, [])
    gate.definition = QuantumCircuit(1)
    return gate


def circuit_from_qasm(text: str) -> Circuit:
    """Read an OpenQASM 2 or 3 program (see `Circuit.from_qasm`)."""
    parsed, inputs = circuit_of_text(text)
    # Qiskit sorts parameters by name, which puts theta_10 before theta_2; their declarations have the order we wrote.
    declared = {name: k for k, name in enumerate(inputs)}
    return _from_file(parsed, sorted(parsed.parameters, key=lambda parameter: declared.get(parameter.name, -1)))


def circuit_from_file(path: Path) -> Circuit:
    """Read an OpenQASM or QPY file (see `Circuit.from_file`)."""
    try:
        check_length(path.stat().st_size, str(path))
        data = path.read_bytes()
        if path.suffix != ".qpy":
            return circuit_from_qasm(data.decode("utf-8-sig"))
        parsed = circuit_of_qpy(data)
        return _from_file(parsed, parsed.parameters)
    except OSError as error:
        raise CircuitError(f"cannot read the circuit {path}: {error.strerror}; give an OpenQASM or .qpy file") from None
    except (UnicodeDecodeError, CircuitError) as error:
        raise CircuitError(f"cannot read the circuit {path}: {error}; give an OpenQASM or .qpy file") from None


def _from_file(circuit: QuantumCircuit, parameters: Iterable[Parameter]) -> Circuit:
    try:
        return _convert(circuit, parameters, is_bounded=True)
    except CircuitError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # definitions are made only now, by importers and by Qiskit
        raise CircuitError(f"the circuit cannot be translated: {type(error).__name__}: {str(error)[:500]}") from error
