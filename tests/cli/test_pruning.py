"""qvar prune, and the pruning at the end of qvar search."""

import json

import pytest

from qvar.problems import molecule
from qvar.runs import RunFolder
from qvar.simulators import Circuit, StatevectorSimulator

PROGRAM = """OPENQASM 3.0;
include "stdgates.inc";
input float a;
qubit[2] q;
x q[0];
cx q[0], q[1];
cx q[1], q[0];
cx q[1], q[0];
ry(a) q[0];
rz(0.0) q[1];
"""


@pytest.fixture
def circuit(own_folder):
    path = own_folder / "long.qasm"
    path.write_text(PROGRAM)
    return path


def test_a_circuit_is_pruned_and_written(qvar, circuit, own_folder):
    outcome = qvar("prune", circuit, "h2-2", "--angles", "0.2", "--out", "short.qasm")
    assert (outcome.code, outcome.err) == (0, "")
    left = Circuit.from_qasm((own_folder / "short.qasm").read_text())
    energy = StatevectorSimulator().objective(left, molecule("h2-2").observable)([])
    assert left.n_two_qubit_gates <= 1
    assert f"after: energy {energy:.8f} Ha" in outcome.out
    assert "before: energy" in outcome.out
    assert "3 CNOTs" in outcome.out
    assert "q_0:" in outcome.out


def test_as_json_both_circuits_and_the_cost_are_told(qvar, circuit):
    command = ("prune", circuit, "h2-2", "--angles", "0.2", "--noise", "ourense", "--json")
    rows = json.loads(qvar(*command).out)
    assert rows["after"]["energy"] < rows["before"]["energy"]
    assert rows["evaluations"] > 0
    kept = json.loads(qvar(*command, "--judge", "noiseless").out)
    assert kept["after"]["error"] <= kept["before"]["error"]
    loose = json.loads(qvar(*command, "--tolerance", "5").out)
    assert loose["after"]["depth"] <= rows["after"]["depth"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--angles", "0.2", "--tolerance", "-1"), "tolerance is an energy of at least 0, got -1.0"),
        (("--angles", "0.2", "--judge", "luck"), "circuits are judged by measured or noiseless, got 'luck'"),
        ((), "the circuit has 1 free angle(s), --angles gives 0"),
        (("--angles", "0.2", "--out", "long.qasm"), "long.qasm already exists; nothing was overwritten"),
    ],
)
def test_wrong_input_is_refused_in_one_line_and_nothing_is_written(qvar, circuit, file_contents, options, message):
    before = file_contents(circuit.parent)
    outcome = qvar("prune", circuit, "h2-2", *options)
    assert (outcome.code, outcome.err) == (2, f"error: {message}\n")
    assert file_contents(circuit.parent) == before


@pytest.mark.parametrize(("option", "is_pruned"), [((), True), (("--no-prune",), False), (("--prune",), True)])
def test_a_search_is_pruned_unless_told_otherwise(qvar, own_folder, option, is_pruned):
    short = ("--algorithm", "greedy", "--episodes", 1, "--max-gates", 4)
    outcome = qvar("search", "h2-2", *short, *option, "--out", "run")
    assert outcome.code == 0, outcome.err
    folder = RunFolder.open(own_folder / "run")
    assert (folder.config["pruning"] is not None) == is_pruned
    assert ("before_pruning" in folder.result()) == is_pruned
    assert ("before pruning: energy" in outcome.out) == is_pruned


def test_a_file_that_could_not_be_written_is_refused_before_the_work(qvar, circuit, monkeypatch):
    monkeypatch.setattr("qvar.cli.simulate.prune.prune", None)  # which would raise another error
    outcome = qvar("prune", circuit, "h2-2", "--angles", "0.2", "--out", "nowhere/short.qasm")
    assert outcome.code == 2
    assert "the folder nowhere for short.qasm does not exist" in outcome.err
