"""Circuits in OpenQASM and QPY that anybody may have written: what is read, and what would unfold and is refused."""

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator

from qvar.simulators import Circuit
from qvar.simulators.circuit_files import check_unfolded
from qvar.simulators.errors import CircuitError

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
OLD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'


def saved(circuit, path, **settings):
    with path.open("wb") as file:
        qpy.dump(circuit, file, **settings)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "qubit[10000000] q;",
        "bit[10000000] c;",
        "qreg q[10000000];",
        "h $100000000;",
        "qubit[10000] q;" + "h q;" * 30,
        "gate g0 a {x a; x a;}\n"
        + "".join(f"gate g{k} a {{g{k - 1} a; g{k - 1} a;}}\n" for k in range(1, 40))
        + "qubit q; g39 q;",
        "qubit[20] q; pow(0.5) @ ctrl(14) @ x " + ",".join(f"q[{k}]" for k in range(15)) + ";",
        "qubit q; ctrl(1000000000) @ x q;",
        "for int i in [0:1000000000] {}",
        "qubit q; rx(" + "(" * 2000 + "1" + ")" * 2000 + ") q;",
    ],
    ids=range(10),
)
def test_a_program_that_would_unfold_is_refused_before_it_does(text):
    with pytest.raises(CircuitError):
        Circuit.from_qasm(HEAD + text)


@pytest.mark.parametrize(
    "text",
    [
        "qreg q[10000000];",
        "qreg q[10000]; " + "h q; " * 30,
        "gate g0 a {x a; x a;}\n"
        + "".join(f"gate g{k} a {{g{k - 1} a; g{k - 1} a;}}\n" for k in range(1, 18))
        + "qreg q[1]; g17 q[0];",
        'include "/etc/passwd";',
    ],
    ids=range(4),
)
def test_an_old_program_that_would_unfold_is_refused_before_it_does(text):
    with pytest.raises(CircuitError):
        Circuit.from_qasm(OLD + text)


def test_programs_within_the_limits_are_read_as_qiskit_reads_them():
    old = Circuit.from_qasm(OLD + "gate pair(t) a, b { rx(t) a; cx a, b; }\nqreg q[3];\npair(0.5) q[0], q[2]; h q;")
    new = Circuit.from_qasm(HEAD + "gate pair(t) a, b { rx(t) a; cx a, b; }\nqubit[3] q;\npair(0.5) q[0], q[2]; h q;")
    assert old == new
    assert [o.gate for o in new.operations] == ["rx", "cx", "h", "h", "h"]
    controlled = HEAD + "qubit[9] q; ctrl(8) @ x " + ",".join(f"q[{k}]" for k in range(9)) + ";"
    assert len(Circuit.from_qasm(controlled).operations) > 8


def test_inputs_keep_the_order_of_their_declarations_whatever_comments_say():
    text = HEAD + "// input float b;\ninput float b;\ninput float a;\nqubit q;\nrx(a) q;\nry(b) q;\n"
    circuit = Circuit.from_qasm(text)
    assert [o.parameters[0].index for o in circuit.operations] == [1, 0]


@pytest.fixture
def qpy_file(tmp_path):
    circuit = QuantumCircuit(2)
    circuit.rx(2 * Parameter("t") + 1, 0)
    circuit.cx(0, 1)
    return saved(circuit, tmp_path / "a.qpy")


def test_a_qpy_file_gives_its_circuit(qpy_file):
    circuit = Circuit.from_file(qpy_file)
    assert [(o.gate, o.qubits) for o in circuit.operations] == [("rx", (0,)), ("cx", (0, 1))]
    assert (circuit.operations[0].parameters[0].scale, circuit.operations[0].parameters[0].shift) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [(6, b"\x0c", "version 13"), (10, b"\xff" * 8, "one circuit"), (0, b"PICKLE", "QPY"), (33, b"\xff" * 4, "qubits")],
)
def test_a_qpy_file_with_another_head_is_refused(qpy_file, place, value, message):
    data = bytearray(qpy_file.read_bytes())
    data[place : place + len(value)] = value
    qpy_file.write_bytes(data)
    with pytest.raises(CircuitError, match=message):
        Circuit.from_file(qpy_file)


@pytest.mark.parametrize("length", [0, 6, 20, 60])
def test_a_qpy_file_that_is_cut_off_is_refused(qpy_file, length):
    qpy_file.write_bytes(qpy_file.read_bytes()[:length])
    with pytest.raises(CircuitError):
        Circuit.from_file(qpy_file)


def test_gates_inside_of_others_are_limited_by_what_is_written():
    for n_written, most in ((1, 30_100), (50, 35_000)):
        check_unfolded(most, n_written)
        with pytest.raises(CircuitError, match=f"more than {most:,} others"):
            check_unfolded(most + 1, n_written)


def test_a_gate_of_hundreds_of_others_is_read():
    text = HEAD + "gate long a { " + "h a; " * 700 + "}\nqubit q; long q;"
    assert len(Circuit.from_qasm(text).operations) == 700


def test_powers_are_taken_of_gates_on_up_to_four_qubits():
    chain = HEAD + "gate chain(t) a, b, c, d { ry(t) a; cx a, b; cx b, c; cx c, d; }\n"
    squared = Circuit.from_qasm(chain + "qubit[4] q; pow(2) @ chain(0.4) q[0], q[1], q[2], q[3];")
    twice = Circuit.from_qasm(chain + "qubit[4] q;" + "chain(0.4) q[0], q[1], q[2], q[3];" * 2)
    assert Operator(squared.to_qiskit()).equiv(Operator(twice.to_qiskit()))
    with pytest.raises(CircuitError, match="up to 4 qubits, got one on 5"):
        Circuit.from_qasm(chain + "qubit[5] q; pow(2) @ ctrl @ chain(0.4) q[0], q[1], q[2], q[3], q[4];")


@pytest.mark.parametrize("version", range(13, qpy.common.QPY_VERSION + 1))
def test_qpy_of_every_version_that_qiskit_writes_is_read(version, tmp_path):
    circuit = QuantumCircuit(3)
    circuit.ry(0.25, 2)
    circuit.cx(2, 0)
    read = Circuit.from_file(saved(circuit, tmp_path / "a.qpy", version=version))
    assert read == Circuit.from_qiskit(circuit)
