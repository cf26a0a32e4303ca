"""Read OpenQASM and QPY that anybody may have written, and refuse what would unfold into far more than was written.

A line such as `qubit[100000000] q;`, a gate made of two gates made of two gates, or a file that states a wrong length
can keep an importer busy for hours or fill the memory. Sizes are therefore looked at before anything is made of them.
Files named by `include` are never opened; only the standard libraries of OpenQASM are known.
"""

import io
import re
import struct
from typing import TYPE_CHECKING, Any

from openqasm3 import ast
from openqasm3.visitor import QASMVisitor

from qvar.simulators.errors import CircuitError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = [
    "MOST_BITS",
    "MOST_BYTES",
    "MOST_GATES",
    "MOST_UNFOLDED",
    "check_length",
    "circuit_of_qpy",
    "circuit_of_text",
]

MOST_BYTES = 10_000_000
"""Bytes of a file, and characters of a program."""
MOST_BITS = 10_000
"""Qubits of a program, and classical bits."""
MOST_GATES = 200_000
"""Gates that applying gates to whole registers may stand for."""
MOST_UNFOLDED = 30_000
"""Gates inside of other gates, besides a hundred for each gate of the program itself."""

_POWER_QUBITS = 4  # a power is computed from a matrix of this many qubits
_PER_CONTROL = 250  # gates that controlling a gate takes, per gate and control qubit; at most 220 were seen
_OLD = re.compile(r"\s*(?://[^\n]*\n\s*)*OPENQASM\s+2")
_REGISTER = re.compile(r"\b[qc]reg\s+\w+\s*\[\s*(\d+)\s*\]")
_HEADER = struct.Struct("!6sBBBBQc")
_CIRCUIT = struct.Struct("!H1cHIIQIQ")
_OLDEST_QPY = 13  # before, expressions were text that sympy evaluated, or symengine's own pickles


def check_length(length: int, what: str) -> None:
    """Raise CircuitError if a circuit is longer than `MOST_BYTES`."""
    if length > MOST_BYTES:
        raise CircuitError(f"{what} has {length:,} bytes, at most {MOST_BYTES:,} are read; split the circuit")


def circuit_of_text(text: str) -> "tuple[QuantumCircuit, list[str]]":
    """Return the Qiskit circuit of an OpenQASM 2 or 3 program, and the names of its inputs in order.

    Raises:
        CircuitError: if the program is not valid, or too large.
    """
    check_length(len(text), "the program")
    version = 2 if _OLD.match(text) else 3
    try:
        return (_version_2(text), []) if version == 2 else _version_3(text)
    except CircuitError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # importers raise their parsers' own exceptions, and Rust's panics
        raise CircuitError(f"not a readable OpenQASM {version} program: {str(error)[:500]}") from error


def _version_2(text: str) -> "QuantumCircuit":
    from qiskit import qasm2

    plain = re.sub(r"//[^\n]*", "", text)
    sizes = [int(size) for size in _REGISTER.findall(plain)]
    _check_bits(sum(sizes))
    outside = re.sub(r"\{[^}]*\}", "", plain).split(";")
    whole = sum(any(not word.rstrip().endswith("]") for word in line.rpartition(")")[2].split(",")) for line in outside)
    _check_gates(whole * sum(sizes))
    return qasm2.loads(text, include_path=(), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)


def _version_3(text: str) -> "tuple[QuantumCircuit, list[str]]":
    import openqasm3
    import qiskit_qasm3_import

    program = openqasm3.parse(text)
    sizes = _Sizes()
    sizes.visit(program)
    sizes.check(len(program.statements))
    return qiskit_qasm3_import.convert(program), sizes.inputs


class _Sizes(QASMVisitor[None]):
    """Adds up what a program asks for, without making it (mutable)."""

    def __init__(self) -> None:
        self.inputs: list[str] = []
        self._registers: dict[str, int] = {}
        self._gates: dict[str, int] = {}
        self._n_qubits = self._n_bits = self._n_gates = self._n_unfolded = 0

    def check(self, n_statements: int) -> None:
        """Raise CircuitError if it is too much."""
        _check_bits(max(self._n_qubits, self._n_bits))
        _check_gates(self._n_gates)
        check_unfolded(self._n_unfolded, n_statements)

    def visit_QubitDeclaration(self, node: ast.QubitDeclaration) -> None:
        size = self._registers[node.qubit.name] = _size(node.size)
        self._n_qubits += size

    def visit_ClassicalDeclaration(self, node: ast.ClassicalDeclaration) -> None:
        if isinstance(node.type, ast.BitType):
            self._n_bits += _size(node.type.size)
        self.generic_visit(node)

    def visit_IODeclaration(self, node: ast.IODeclaration) -> None:
        self.inputs.append(node.identifier.name)

    def visit_AliasStatement(self, node: ast.AliasStatement) -> None:
        self._registers[node.target.name] = self._n_qubits
        self.generic_visit(node)

    def visit_Identifier(self, node: ast.Identifier) -> None:
        if node.name.startswith("$") and node.name[1:].isdecimal():
            self._n_qubits = max(self._n_qubits, int(node.name[1:9]) + 1)

    def visit_QuantumGateDefinition(self, node: ast.QuantumGateDefinition) -> None:
        before = self._n_unfolded
        for statement in node.body:
            self.visit(statement)
        self._gates[node.name.name] = min(1 + len(node.body) + self._n_unfolded - before, 10**9)
        self._n_unfolded = before

    def visit_QuantumGate(self, node: ast.QuantumGate) -> None:
        self._apply(node, self._gates.get(node.name.name, 0))

    def visit_QuantumPhase(self, node: ast.QuantumPhase) -> None:
        self._apply(node, 0)

    def _apply(self, node: Any, unfolded: int) -> None:
        controls = _controls(node)
        copies = max((self._width(operand) for operand in node.qubits), default=1)
        self._n_gates += copies
        self._n_unfolded += copies * ((1 + unfolded) * _PER_CONTROL * controls if controls else unfolded)
        self.generic_visit(node)

    def _width(self, operand: Any) -> int:
        """Return how many qubits an operand names at most."""
        if isinstance(operand, ast.Identifier):
            return self._registers.get(operand.name, 1)
        single = all(isinstance(index, list) and _is_single(index) for index in operand.indices)
        return 1 if single else max(1, self._n_qubits)

    def _refuse(self, node: ast.QASMNode) -> None:
        raise CircuitError(f"classical control and subroutines ({type(node).__name__}) are not supported")

    visit_ForInLoop = visit_WhileLoop = visit_BranchingStatement = visit_SwitchStatement = _refuse
    visit_Box = visit_SubroutineDefinition = _refuse


def _is_single(index: list[Any]) -> bool:
    return not any(isinstance(part, ast.RangeDefinition) for part in index)


def _controls(node: Any) -> int:
    """Return how many control qubits modifiers add, or raise for what would be computed from large matrices."""
    names = [modifier.modifier for modifier in node.modifiers]
    if ast.GateModifierName.pow in names and len(node.qubits) > _POWER_QUBITS:
        raise CircuitError(f"powers are taken of gates on up to {_POWER_QUBITS} qubits, got one on {len(node.qubits)}")
    added = [
        _size(modifier.argument)
        for modifier in node.modifiers
        if modifier.modifier in (ast.GateModifierName.ctrl, ast.GateModifierName.negctrl)
    ]
    if sum(added) > len(node.qubits):
        raise CircuitError(f"a gate on {len(node.qubits)} qubit(s) cannot have {sum(added)} controls")
    return sum(added)


def _size(node: Any) -> int:
    if node is None:
        return 1
    if not isinstance(node, ast.IntegerLiteral):
        raise CircuitError("sizes and numbers of controls are written as whole numbers, such as qubit[4]")
    return int(node.value)


def _check_bits(number: int) -> None:
    if number > MOST_BITS:
        raise CircuitError(f"the program has {number:,} qubits or bits; at most {MOST_BITS:,} are read from a file")


def _check_gates(number: int) -> None:
    if number > MOST_GATES:
        raise CircuitError(
            f"the program stands for up to {number:,} gates by naming whole registers; at most {MOST_GATES:,} are read"
        )


def check_unfolded(number: int, n_gates: int) -> None:
    """Raise CircuitError if there are too many gates inside of the `n_gates` gates of a program."""
    most = MOST_UNFOLDED + 100 * n_gates
    if number > most:
        raise CircuitError(
            f"its {n_gates:,} gates are made of more than {most:,} others, defined in one another; write them out, or "
            "build the circuit in Qiskit and pass it to Circuit.from_qiskit"
        )


def circuit_of_qpy(data: bytes) -> "QuantumCircuit":
    """Return the one circuit in the bytes of a QPY file, of version 13 (Qiskit 1.3) or later.

    Raises:
        CircuitError: if the file is damaged, older or newer, holds another number of circuits, or too large ones.
    """
    from qiskit import qpy

    check_length(len(data), "the QPY file")
    _check_qpy(data)
    try:
        (circuit,) = qpy.load(io.BytesIO(data))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a damaged file raises whatever its reader meets first, Rust's panics too
        raise CircuitError(f"not a readable QPY file: {str(error)[:500]}") from error
    return circuit


def _check_qpy(data: bytes) -> None:
    """Raise CircuitError unless the head of a QPY file is one that can be read, and fits its length."""
    try:
        name, version, *_, n_programs, _ = _HEADER.unpack_from(data)
        start = _HEADER.size + 1 + (8 if version >= 16 else 0)
        *_, n_qubits, n_bits, metadata, n_registers, n_instructions = _CIRCUIT.unpack_from(data, start)
    except struct.error:
        raise CircuitError("not a readable QPY file: it is cut off in its head") from None
    if name != b"QISKIT" or version < _OLDEST_QPY:
        raise CircuitError(
            f"not a QPY file of version {_OLDEST_QPY} (Qiskit 1.3) or later; read it with Qiskit and write it anew"
        )
    if n_programs != 1:
        raise CircuitError(f"a QPY file with one circuit is needed, this one has {n_programs:,}")
    _check_bits(max(n_qubits, n_bits))
    if max(metadata, n_registers, n_instructions) > len(data):
        raise CircuitError("not a readable QPY file: it is shorter than its head says")
