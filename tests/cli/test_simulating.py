"""qvar energy and qvar compile."""

import json
import subprocess
import sys

import pytest

from qvar.cli.inputs import find_objective, parse_observable
from qvar.problems import find_problem, molecule
from qvar.simulators import Circuit, NoiseModel, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import QvarError

PROGRAM = """OPENQASM 3.0;
include "stdgates.inc";
input float a;
qubit[2] q;
ry(a) q[0];
cx q[0], q[1];
"""


@pytest.fixture
def circuit(tmp_path):
    path = tmp_path / "bell.qasm"
    path.write_text(PROGRAM)
    return path


def test_the_energy_of_a_circuit_under_noise_and_without(qvar, circuit):
    outcome = qvar("energy", circuit, "0.5*ZZ - XX", "--angles", "0.3", "--noise", "ourense", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    row = json.loads(outcome.out)
    observable, ours = parse_observable("0.5*ZZ - XX"), Circuit.from_qasm(PROGRAM)
    noisy = PauliTransferSimulator(NoiseModel.named("ourense", qubits=[0, 1])).objective(ours, observable)
    assert row["energy"] == pytest.approx(noisy([0.3]), abs=1e-14)
    assert row["noiseless_energy"] == StatevectorSimulator().objective(ours, observable)([0.3])


@pytest.mark.parametrize("engine", ["aer", "aer:automatic", "propagation", "pennylane:default.mixed"])
def test_every_engine_gives_the_same_energy(qvar, circuit, engine):
    command = ("energy", circuit, "ZZ + 0.3*XI", "--angles", "0.7", "--noise", "ourense", "--json")
    one, other = (json.loads(qvar(*command, "--engine", name).out) for name in ("pauli-transfer", engine))
    assert other["engine"] != one["engine"]
    assert other["energy"] == pytest.approx(one["energy"], abs=1e-6)


def test_shots_come_with_their_seed(qvar, circuit):
    command = ("energy", circuit, "h2-2", "--angles", "0.7", "--shots", "100")
    first, again, other = (qvar(*command, "--seed", seed) for seed in ("1", "1", "2"))
    assert first.code == 0, first.err
    assert "100 shots per measured circuit, seed 1" in first.out
    assert first.out == again.out
    assert first.out.split()[0] != other.out.split()[0]


def test_an_observable_is_a_task_or_a_sum_of_pauli_strings():
    ours, ideal = Circuit.from_qasm(PROGRAM), StatevectorSimulator()
    expected = ideal.objective(ours, molecule("h2-2").observable)([0.3])
    assert find_objective("h2-2")(ideal, ours)([0.3]) == expected
    assert find_objective("ZZ")(ideal, ours)([0.3]) == ideal.objective(ours, parse_observable("ZZ"))([0.3])
    terms = parse_observable("ZZ -0.5 XI + 2e-1*YY")
    assert dict(zip(terms.labels, terms.coefficients, strict=True)) == {"ZZ": 1.0, "XI": -0.5, "YY": 0.2}
    for text in ("", "0.5ZZ XX", "ZZ + 3", "zz", "h2-9"):
        with pytest.raises(QvarError):
            find_objective(text)


def test_the_energy_of_a_compiled_unitary_is_its_process_infidelity(qvar, circuit):
    outcome = qvar("energy", circuit, "qft-2", "--angles", "0.3", "--noise", "ourense", "--json")
    row, ours, problem = json.loads(outcome.out), Circuit.from_qasm(PROGRAM), find_problem("qft-2")
    assert (outcome.code, outcome.err) == (0, "")
    noisy = PauliTransferSimulator(NoiseModel.named("ourense", qubits=[0, 1]))
    assert row["energy"] == pytest.approx(problem.objective(noisy, ours)([0.3]), abs=1e-14)
    assert row["noiseless_energy"] == problem.objective(StatevectorSimulator(), ours)([0.3])
    assert row["noiseless_energy"] < row["energy"] < 1


def test_impossible_numbers_in_a_name_are_named(qvar, circuit):
    outcome = qvar("energy", circuit, "tfim-1", "--angles", "0.3")
    assert outcome.code == 2
    assert "at least 2 spins, got 1" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ZZ",), "1 free angle(s), --angles gives 0"),
        (("ZZ", "--angles", "x"), "numbers separated by commas"),
        (("ZZZ", "--angles", "0.1"), "3"),
        (("ZZ", "--angles", "0.1", "--engine", "magic"), "known: pauli-transfer"),
    ],
)
def test_wrong_input_is_refused_without_a_traceback(qvar, circuit, arguments, message):
    outcome = qvar("energy", circuit, *arguments)
    assert outcome.code != 0
    assert message in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err


def test_propagation_says_how_far_its_value_can_be_trusted(qvar, tmp_path):
    path = tmp_path / "chain.qasm"
    links = "".join(f"cx q[{k}], q[{k + 1}];\n" for k in range(39))
    path.write_text(f'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[40] q;\nrx(0.7) q[0];\n{links}')
    noise = tmp_path / "noise.json"
    NoiseModel.from_numbers(p1=1e-3, p2=1e-2).to_json(noise)
    command = ("energy", path, "Z" + 39 * "I", "--engine", "propagation", "--noise", noise)
    assert "truncated, error about" in qvar(*command).out
    row = json.loads(qvar(*command, "--json").out)
    assert row["noiseless_energy"] == pytest.approx(0.7648421872844885, abs=1e-9)
    assert row["error_estimate"] >= 0
    assert 0 < row["energy"] < row["noiseless_energy"]


def test_a_missing_circuit_file_is_named(qvar, tmp_path):
    outcome = qvar("energy", tmp_path / "none.qasm", "ZZ")
    assert outcome.code != 0
    assert "none.qasm" in outcome.err


def test_commands_load_pennylane_and_aer_only_for_their_engines():
    code = (
        "import sys; from qvar.cli.inputs import find_engine; "
        "find_engine(None, noise='none', qubits=None, n_qubits=2); "
        "find_engine('propagation', noise='ourense', qubits=None, n_qubits=2); "
        "sys.exit(' '.join({'pennylane', 'qiskit_aer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_compile_makes_every_kernel_ready(qvar):
    outcome = qvar("compile")
    assert outcome.code == 0
    assert "kernels ready" in outcome.out
