"""tasks, devices, show, molecule and maxcut."""

import json
import shutil

import pytest

from qvar.problems import FAMILIES, Problem, find_problem, molecule, tasks
from qvar.runs import RunFolder
from qvar.simulators.devices import DEVICES


def test_tasks_lists_every_task_with_its_numbers(qvar):
    outcome = qvar("tasks")
    assert (outcome.code, outcome.err) == (0, "")
    for key in tasks():
        (line,) = (line for line in outcome.out.splitlines() if line.split()[:1] == [key])
        problem = molecule(key)
        assert line.split()[1:4] == [
            str(problem.n_qubits),
            str(len(problem.observable.labels)),
            f"{problem.exact_energy:.8f}",
        ]


def test_tasks_as_json_is_json_alone(qvar):
    outcome = qvar("tasks", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    rows = json.loads(outcome.out)
    assert [row["task"] for row in rows if row["family"] is None] == list(tasks())
    for row in rows[: len(tasks())]:
        problem = molecule(row["task"])
        assert (row["n_qubits"], row["exact_energy"]) == (problem.n_qubits, problem.exact_energy)
        assert row["n_terms"] == len(problem.observable.labels)
        assert row["hartree_fock_error"] == problem.hartree_fock_energy - problem.exact_energy
        assert row["recipe"] == problem.source


def test_presets_lists_every_published_experiment(qvar):
    outcome = qvar("presets")
    assert (outcome.code, outcome.err) == (0, "")
    assert "crlqas lih-4 depolarizing-1q-2q 1e7 15000 40" in outcome.words
    assert "crlqas-exact-halting lih-6 none none 50000 70" in outcome.words
    assert "crlqas * h2o-8 none none 50000 250" in outcome.words


def test_presets_as_json_is_json_alone(qvar):
    outcome = qvar("presets", "--json")
    rows = json.loads(outcome.out)
    (row,) = [row for row in rows if row["preset"] == "crlqas-no-halting"]
    assert (row["task"], row["noise"], row["max_evaluations"]) == ("h2-4", "ourense", 1000)
    assert (row["hidden"], row["halting"], row["published"]) == ([1000] * 5, False, True)


def test_tasks_lists_every_family_with_an_example_that_exists(qvar):
    rows = json.loads(qvar("tasks", "--json").out)[len(tasks()) :]
    assert [row["family"] for row in rows] == [family.form for family in FAMILIES]
    text = qvar("tasks").out
    for row in rows:
        problem = find_problem(row["task"])
        assert (row["n_qubits"], row["exact_energy"], row["unit"]) == (
            problem.n_qubits,
            problem.exact_energy,
            problem.unit,
        )
        assert row["hartree_fock_error"] is None
        assert row["family"] in text
        (line,) = (line for line in text.splitlines() if line.split()[:1] == [row["task"]] and len(line.split()) > 1)
        assert line.split()[1] == str(row["n_qubits"])
        assert line.split()[3] == row["unit"]


def test_maxcut_writes_a_problem_that_can_be_solved(qvar, own_folder):
    made = qvar("maxcut", "0-1, 1-2:0.5, 2-0", "--out", "triangle.json")
    assert (made.code, made.err) == (0, "")
    assert made.out == "triangle.json: largest cut of a graph of 3 nodes, 3 edges: 2 (weight)\n"
    solved = qvar("vqe", "triangle.json", "--starts", 3, "--json")
    assert json.loads(solved.out)["energy"] == pytest.approx(-2.0, abs=1e-6)
    assert "chemical" not in qvar("vqe", "triangle.json", "--starts", 1).out


@pytest.mark.parametrize("graph", ["", "0-0", "a-b", "0-1 0-1", "ring-2", "0-1:x"])
def test_a_graph_that_is_none_is_one_message_and_leaves_nothing(qvar, own_folder, graph):
    outcome = qvar("maxcut", graph, "--out", "graph.json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert list(own_folder.iterdir()) == []


def test_devices_lists_the_built_in_ones(qvar):
    outcome = qvar("devices")
    assert (outcome.code, outcome.err) == (0, "")
    for name in DEVICES:
        assert any(line.split()[:1] == [name] for line in outcome.out.splitlines())
    assert "0-1, 1-2, 1-3" in outcome.out
    assert "fake:NAME" in outcome.out


def test_devices_as_json_is_json_alone_with_the_fake_ones_on_request(qvar):
    outcome, with_fake = qvar("devices", "--json"), qvar("devices", "--json", "--fake")
    rows, all_rows = json.loads(outcome.out), json.loads(with_fake.out)
    assert [row["device"] for row in rows] == list(DEVICES)
    assert {row["device"]: row["n_qubits"] for row in rows}["ourense"] == 4
    assert all_rows[: len(rows)] == rows
    assert "fake:FakeSherbrooke" in {row["device"] for row in all_rows}
    assert (outcome.err, with_fake.err) == ("", "")


def test_show_prints_the_result_the_circuit_and_the_files(qvar, small_run):
    outcome = qvar("show", "run")
    result = RunFolder.open(small_run).result()
    assert (outcome.code, outcome.err) == (0, "")
    assert f"{result['energy']:.6f}" in outcome.out
    assert f"{result['exact_energy']:.6f}" in outcome.out
    assert "h2-2, no noise, seed 5" in outcome.out
    assert "q_0:" in outcome.out
    assert "best.qasm, best.qpy, checkpoint.npz" in outcome.out
    assert RunFolder.open(small_run).id in outcome.out


def test_show_as_json_is_the_stored_result_alone(qvar, small_run):
    outcome = qvar("show", "run", "--json")
    folder = RunFolder.open(small_run)
    assert json.loads(outcome.out) == {"id": folder.id, **folder.result()}
    assert outcome.err == ""


def test_show_of_an_unfinished_run_says_how_to_go_on(qvar, small_run):
    (small_run / "result.json").unlink()
    outcome = qvar("show", "run")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: the run in run is not finished; go on with: qvar search --resume --out run\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda result: result.pop("qasm"),
        lambda result: result.update(energy="low"),
        lambda result: result.update(qasm="not a circuit"),
        lambda result: result.update(error=None),
    ],
)
def test_show_of_a_damaged_result_is_one_message(qvar, small_run, damage):
    result = json.loads((small_run / "result.json").read_text())
    del result["sha256"]  # as of an earlier version
    damage(result)
    (small_run / "result.json").write_text(json.dumps(result))
    outcome = qvar("show", "run")
    assert outcome.code == 2
    assert outcome.err.startswith("error: the record in run is incomplete or damaged")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_show_of_a_result_that_is_no_result_is_one_message(qvar, small_run, flag):
    (small_run / "result.json").write_text("[1, 2]")
    outcome = qvar("show", "run", *flag)
    assert (outcome.code, outcome.out == "") == (2, not flag)
    assert outcome.err.startswith(
        "error: run/result.json is corrupted: a JSON object is needed, got [1, 2]; resume the"
    )
    assert outcome.err.count("\n") == 1


def test_names_in_brackets_are_printed_as_they_are(qvar, small_run, own_folder):
    (own_folder / "[bold]run").mkdir()
    shutil.move(small_run, own_folder / "[bold]run" / "nothing]")
    outcome = qvar("show", "[bold]run/nothing]")
    assert outcome.code == 0
    assert "in [bold]run/nothing]: best.qasm" in outcome.out


def test_molecule_writes_a_problem_that_can_be_solved(qvar, own_folder):
    made = qvar("molecule", "H 0 0 0; H 0 0 0.7414", "--out", "h2.json", "--mapping", "parity_reduced")
    assert (made.code, made.err) == (0, "")
    assert made.out == "h2.json: H2, sto-3g, 2 qubits, exact ground energy -1.13727017 Ha\n"
    problem = Problem.from_json(own_folder / "h2.json")
    assert problem.exact_energy == pytest.approx(molecule("h2-2").exact_energy, abs=1e-8)
    solved = qvar("vqe", "h2.json", "--starts", 2, "--json")
    assert json.loads(solved.out)["error"] < 1e-6


def test_molecule_takes_units_charge_and_active_space(qvar, own_folder):
    made = qvar(
        *("molecule", "He 0 0 0; H 0 0 1.4632", "--unit", "bohr", "--charge", 1, "--out", "heh.json"),
        *("--active", "2,2", "--basis", "sto-3g"),
    )
    assert (made.code, made.err) == (0, "")
    metadata = Problem.from_json(own_folder / "heh.json").metadata
    assert (metadata["charge"], metadata["geometry_unit"], metadata["active_orbitals"]) == (1, "bohr", [0, 1])
