"""A circuit is an immutable list of operations; this is the type every other part speaks about."""

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.channels import Channel
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import CircuitError
from qvar.simulators.gates import check_gate

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Circuit", "Operation", "Slot"]

ROTATION_GATES = frozenset({"rx", "ry", "rz", "p", "u", "rxx", "ryy", "rzz"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A free angle: `scale * theta[index] + shift`, in radians."""

    index: int
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "index", index(self.index))
            object.__setattr__(self, "scale", _plain(self.scale))
            object.__setattr__(self, "shift", _plain(self.shift))
        except TypeError:
            raise CircuitError(f"a parameter slot needs a whole index and real scale and shift, got {self}") from None
        if self.index < 0:
            raise CircuitError(f"a parameter slot needs an index >= 0, got {self.index}")
        if not (math.isfinite(self.scale) and math.isfinite(self.shift)):
            raise CircuitError(f"a parameter slot needs finite scale and shift, got {self}")

    def angle(self, theta: Sequence[float] | NDArray[np.float64]) -> float:
        """Return the angle for the parameter vector `theta`."""
        return self.scale * float(theta[self.index]) + self.shift


@dataclass(frozen=True, slots=True)
class Operation:
    """One gate, or one explicit channel, on some qubits.

    Args:
        gate: a native gate name (see `qvar.simulators.gates.GATES`), or "channel".
        qubits: the qubits it acts on; for `cx` control, then target.
        parameters: one entry per angle of the gate, either a fixed number (radians) or a `Slot`.
        channel: for "channel", the channel that acts there; noise models add nothing to it.

    Raises:
        CircuitError: for an unknown gate, repeated or negative qubits, or a wrong number of angles.
    """

    gate: str
    qubits: tuple[int, ...]
    parameters: tuple[float | Slot, ...] = ()
    channel: Channel | None = None

    def __post_init__(self) -> None:
        if (self.gate == "channel") != isinstance(self.channel, Channel):
            raise CircuitError(
                f"gate 'channel', and no other, takes a Channel; got gate {self.gate!r} and channel {self.channel!r}"
            )
        n_qubits, n_parameters = _size(self.gate, self.channel)
        try:
            qubits = tuple(index(q) for q in self.qubits)
            angles = tuple(p if isinstance(p, Slot) else _plain(p) for p in self.parameters)
        except TypeError:
            raise CircuitError(
                f"gate {self.gate!r} needs tuples of whole qubit numbers and of angles (real numbers or Slots), got "
                f"{self.qubits!r} and {self.parameters!r}"
            ) from None
        object.__setattr__(self, "qubits", qubits)
        object.__setattr__(self, "parameters", angles)
        if len(self.qubits) != n_qubits or len(set(self.qubits)) != n_qubits:
            raise CircuitError(f"gate {self.gate!r} acts on {n_qubits} distinct qubit(s), got {self.qubits}")
        if min(self.qubits) < 0:
            raise CircuitError(f"gate {self.gate!r} got a negative qubit: {self.qubits}")
        if len(self.parameters) != n_parameters:
            raise CircuitError(f"gate {self.gate!r} takes {n_parameters} angle(s), got {len(self.parameters)}")
        for parameter in self.parameters:
            if not isinstance(parameter, Slot) and not math.isfinite(parameter):
                raise CircuitError(f"gate {self.gate!r} on {self.qubits} got the angle {parameter}; it must be finite")

    def with_parameters(self, parameters: Iterable[float | Slot]) -> "Operation":
        """Return the operation with other angles."""
        return Operation(self.gate, self.qubits, tuple(parameters), self.channel)


def _size(gate: str, channel: Channel | None) -> tuple[int, int]:
    """Return the numbers of qubits and of angles."""
    if channel is not None:
        return channel.n_qubits, 0
    native = check_gate(gate)
    return native.n_qubits, native.n_parameters


@dataclass(frozen=True)
class Circuit:
    """An immutable quantum circuit on `n_qubits` qubits, all starting in |0>.

    Qubit 0 is the least significant one, as in Qiskit. Free angles are numbered slots 0 .. n_parameters - 1; every
    number must be in use, and one slot may serve several gates.

    Args:
        n_qubits: number of qubits, at least 1.
        operations: the gates in order of execution.

    Raises:
        CircuitError: for a qubit out of range or unused parameter slots.

    Example:
        >>> bell = Circuit(2, (Operation("h", (0,)), Operation("cx", (0, 1))))
        >>> bell.depth(), bell.counts()
        (2, {'h': 1, 'cx': 1})
    """

    n_qubits: int
    operations: tuple[Operation, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_qubits", check_whole("n_qubits", self.n_qubits, error=CircuitError))
        object.__setattr__(self, "operations", tuple(self.operations))
        object.__setattr__(self, "_n_parameters", _check_operations(self.operations, self.n_qubits, 0))

    @property
    def n_parameters(self) -> int:
        """Number of free angles."""
        return int(self._n_parameters)  # type: ignore[attr-defined]

    def slots(self) -> tuple[Slot, ...]:
        """Return every occurrence of a free angle, in the order of the gates."""
        return tuple(p for o in self.operations for p in o.parameters if isinstance(p, Slot))

    def then(self, operations: Iterable[Operation]) -> "Circuit":
        """Return this circuit followed by more operations; only those are checked again."""
        more = tuple(operations)
        longer = object.__new__(Circuit)
        object.__setattr__(longer, "n_qubits", self.n_qubits)
        object.__setattr__(longer, "operations", self.operations + more)
        object.__setattr__(longer, "_n_parameters", _check_operations(more, self.n_qubits, self.n_parameters))
        return longer

    def bind(self, theta: ArrayLike) -> "Circuit":
        """Return the circuit with every slot replaced by its angle.

        Args:
            theta: float array of shape (n_parameters,), radians.
        """
        values = self.check_parameters(theta)
        bound = (
            o.with_parameters(p.angle(values) if isinstance(p, Slot) else p for p in o.parameters)
            for o in self.operations
        )
        return Circuit(self.n_qubits, tuple(bound))

    def check_parameters(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return `theta` as a contiguous float64 vector of length `n_parameters`.

        Raises:
            CircuitError: for a wrong shape or numbers that are not finite.
        """
        try:
            given = np.asarray(theta)
            if given.size and given.dtype.kind not in "biuf":
                raise TypeError(f"numbers of type {given.dtype}")
            values = np.array(given, dtype=np.float64)  # a copy: kernels take no read-only arrays
        except (TypeError, ValueError, RuntimeError) as error:
            raise CircuitError(f"parameters must be a vector of real numbers, got {theta!r}: {error}") from None
        if values.shape != (self.n_parameters,):
            raise CircuitError(
                f"this circuit has {self.n_parameters} parameter(s), got an array of shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise CircuitError(f"parameters must be finite, got {values}")
        return values

    def moments(self) -> tuple[int, ...]:
        """Return the moment (0, 1, ...) of every operation when each is placed as soon as possible."""
        free = [0] * self.n_qubits
        placed = []
        for operation in self.operations:
            moment = max(free[q] for q in operation.qubits)
            placed.append(moment)
            for q in operation.qubits:
                free[q] = moment + 1
        return tuple(placed)

    def depth(self) -> int:
        """Return the number of moments."""
        return max(self.moments(), default=-1) + 1

    def counts(self) -> dict[str, int]:
        """Return how often each gate occurs, most frequent first."""
        return dict(Counter(o.gate for o in self.operations).most_common())

    @property
    def n_two_qubit_gates(self) -> int:
        """Number of gates on two qubits (CNOTs in circuits found by search)."""
        return sum(len(o.qubits) == 2 and o.channel is None for o in self.operations)

    @property
    def n_rotations(self) -> int:
        """Number of gates with an angle."""
        return sum(o.gate in ROTATION_GATES for o in self.operations)

    @cached_property
    def _key(self) -> str:
        order = sorted(zip(self.moments(), self.operations, strict=True), key=lambda pair: (pair[0], pair[1].qubits))
        text = f"{self.n_qubits};" + ";".join(_operation_text(operation) for _, operation in order)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def key(self) -> str:
        """Return the canonical identity of the circuit, 32 hexadecimal digits.

        The order in which gates of one moment were written does not matter; the numbering of slots does, because it
        says which entry of theta drives which gate.
        """
        return self._key

    def draw(self, *, width: int = 120) -> Any:
        """Return a text drawing of the circuit (Qiskit's), folded at `width` characters."""
        return self.to_qiskit().draw("text", fold=width)

    @classmethod
    def from_qiskit(cls, circuit: "QuantumCircuit") -> "Circuit":
        """Translate a Qiskit circuit; gates that are not native go through Qiskit's own decomposition.

        Quantum channels of one or two qubits (Kraus, SuperOp and the like, appended as instructions) are kept.
        Parameters become slots in the order of `circuit.parameters`; those that occur in a global phase only are left
        out. Final measurements are dropped.

        Raises:
            CircuitError: for mid-circuit measurement, reset, classical control, or an angle that is not linear in a
                single parameter.
        """
        from qvar.simulators.conversion import circuit_from_qiskit

        return circuit_from_qiskit(circuit)

    def to_qiskit(self, theta: ArrayLike | None = None) -> "QuantumCircuit":
        """Return a Qiskit circuit, with angles `theta` if given, else with a ParameterVector named theta."""
        from qvar.simulators.conversion import circuit_to_qiskit

        return circuit_to_qiskit(self if theta is None else self.bind(theta))

    @classmethod
    def from_pennylane(cls, source: Any, *arguments: Any, wires: int | Iterable[Any] | None = None) -> "Circuit":
        """Translate a PennyLane tape, quantum function or QNode; what is not native goes through PennyLane.

        Wire k becomes qubit k. Of a quantum function, floating-point arguments (numbers and arrays) become slots,
        numbered in the order of the arguments and of the entries of each array; integers, strings and tensors with
        `requires_grad=False` are fixed. Of a tape, the trainable angles become slots in the same way:
        `theta = numpy.concatenate([numpy.ravel(p) for p in tape.get_parameters()])` if all of them are angles.
        Parameters of channels, unitaries and prepared states are fixed, and measurements are left out.

        Args:
            source: a QuantumScript, a quantum function or a QNode.
            arguments: example arguments of the quantum function; the values of free ones do not matter.
            wires: number of wires, or their labels in the order of qubits. None for the wires of a QNode's device;
                otherwise 0, 1, ... up to the highest in use or, for other labels, in order of appearance.

        Raises:
            CircuitError: for mid-circuit measurement, classical control, channels on more than two wires, an angle
                that is not linear in a single parameter, or a parameter that drives no gate.
        """
        from qvar.simulators.pennylane.conversion import circuit_from_pennylane

        return circuit_from_pennylane(source, *arguments, wires=wires)

    def to_pennylane(self, theta: ArrayLike | None = None) -> Callable[..., list[Any]]:
        """Return a PennyLane quantum function that applies the circuit, qubit q on wire q.

        It takes the angles (an array or a tensor of any PennyLane interface), or nothing if `theta` is given here or
        there are none; it returns the list of operations.
        """
        from qvar.simulators.pennylane.conversion import circuit_to_pennylane

        return circuit_to_pennylane(self if theta is None else self.bind(theta))

    @classmethod
    def from_qasm(cls, text: str) -> "Circuit":
        """Read an OpenQASM 3 or OpenQASM 2 program; the text may come from anywhere.

        Of included files only `stdgates.inc` and `qelib1.inc` are known; no file is opened.

        Raises:
            CircuitError: if the text is not a valid program of the supported kind, or too large: more than 10,000
                qubits or bits, 10 million characters, 200,000 gates by naming whole registers, or 30,000 gates (and a
                hundred for each one written) inside of other gates.
        """
        from qvar.simulators.conversion import circuit_from_qasm

        return circuit_from_qasm(text)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "Circuit":
        """Read the circuit in a file: QPY, which Qiskit writes, if its name ends in .qpy, else OpenQASM 2 or 3.

        The file may come from anywhere. QPY before version 13 (Qiskit 1.3) is refused: it holds formulas as text that
        would be evaluated.

        Raises:
            CircuitError: if the file cannot be read, holds no circuit of the supported kind, more than one, or one that
                is too large (see `from_qasm`).
        """
        from qvar.simulators.conversion import circuit_from_file

        return circuit_from_file(Path(path))

    def to_qasm(self, theta: ArrayLike | None = None) -> str:
        """Return the circuit as an OpenQASM 3 program, with angles `theta` if given, else with input parameters.

        Raises:
            CircuitError: if the circuit contains channels, which OpenQASM cannot express.
        """
        from qvar.simulators.conversion import circuit_to_qasm

        return circuit_to_qasm(self if theta is None else self.bind(theta))


def _check_operations(operations: tuple[Operation, ...], n_qubits: int, n_parameters: int) -> int:
    """Return the number of free angles after operations that follow others with `n_parameters`, or raise."""
    slots: set[int] = set()
    for operation in operations:
        if not isinstance(operation, Operation):
            raise CircuitError(f"a circuit holds Operations, got {operation!r}")
        if max(operation.qubits) >= n_qubits:
            raise CircuitError(
                f"gate {operation.gate!r} acts on qubit(s) {operation.qubits}, out of range for a circuit "
                f"of {n_qubits} qubit(s) (0..{n_qubits - 1})"
            )
        for parameter in operation.parameters:
            if isinstance(parameter, Slot):
                slots.add(parameter.index)
    highest = max(slots, default=-1)
    missing = sorted(set(range(n_parameters, highest)) - slots)
    if missing:
        raise CircuitError(f"parameter slots must be 0..{highest} without gaps; missing {missing}")
    return max(n_parameters, highest + 1)


def _plain(number: float) -> float:
    """Return a Python float, with 0.0 for -0.0: equal angles must give equal keys."""
    return float(number) + 0.0


def _operation_text(operation: Operation) -> str:
    angles = ",".join(
        f"t{p.index}*{p.scale!r}+{p.shift!r}" if isinstance(p, Slot) else repr(p) for p in operation.parameters
    )
    name = operation.gate if operation.channel is None else f"channel {operation.channel.key()}"
    return f"{name}{operation.qubits}[{angles}]"
