"""Wrong input ends with exit code 2 and exactly one clear message, and changes nothing on disk."""

import json
import warnings

import numpy as np
import pytest

from qvar.problems import molecule
from qvar.runs import RunFolder
from qvar.runs.sealed import parse_json
from qvar.simulators import NoiseModel

NOT_TRACE_PRESERVING = np.diag([0.9, 1.0, 1.0, 1.0]).tolist()
NOT_POSITIVE = np.diag([1.0, 1.0, 1.0, -1.0]).tolist()


def noise_file(step=None, **changes):
    channels = [] if step is None else [{"gate": "rx", "steps": [step]}]
    return json.dumps({"format": "qvar-noise-model", "version": 1, "name": "mine", "channels": channels, **changes})


def problem_file(**changes):
    return json.dumps(molecule("h2-2").to_dict() | changes)


def check(outcome, *parts):
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.endswith("\n")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    for part in parts:
        assert part in outcome.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("search", ["which task?", "qvar tasks"]),
        ("search h2-9", ["unknown problem 'h2-9'", "did you mean", "lih-4", "ghz-4"]),
        ("vqe benzene", ["unknown problem 'benzene'", "h2-2"]),
        ("search h2-2 --noise ourens", ["unknown device 'ourens'", "did you mean 'ourense'"]),
        ("vqe h2-2 --noise nowhere", ["unknown device 'nowhere'", "mumbai-median", "fake:NAME"]),
        ("search h2-2 --noise fake:FakeSherbroke", ["FakeSherbroke", "did you mean FakeSherbrooke"]),
        ("search h2-2 --algorithm sarsa", ["unknown algorithm 'sarsa'", "ddqn, random"]),
        ("search h2-2 --preset quick", ["unknown preset 'quick'", "qvar, crlqas"]),
        ("search h2-2 --optimizer sgd", ["unknown optimizer 'sgd'", "lbfgs, cobyla, adam-spsa"]),
        ("vqe h2-2 --optimizer sgd", ["unknown optimizer 'sgd'", "lbfgs, cobyla, adam-spsa"]),
        ("search h2-2 --engine qpu", ["unknown engine 'qpu'", "pauli-transfer, statevector, aer"]),
        ("vqe h2-2 --engine qpu", ["unknown engine 'qpu'", "pauli-transfer, statevector, aer"]),
        ("vqe h2-2 --engine statevector --noise ourense", ["statevector engine has no noise", "pauli-transfer or aer"]),
        ("vqe h2-2 --ansatz uccsd", ["unknown ansatz 'uccsd'", "efficient_su2"]),
        ("vqe h2-2 --reps 0", ["at least one repetition, got 0"]),
        ("vqe h2-2 --starts 0", ["starts must be at least 1, got 0"]),
        ("vqe h2-2 --seed=-1", ["seed must be at least 0, got -1"]),
        ("vqe h2-2 --shots 0", ["shots must be a whole number >= 1, got 0"]),
        ("search h2-2 --episodes=-1", ["episodes must be at least 1, got -1"]),
        ("search h2-2 --episodes 0", ["episodes must be at least 1, got 0"]),
        ("search h2-2 --max-gates=-2", ["max_gates must be at least 1, got -2"]),
        ("search h2-2 --shots=-1000", ["shots must be at least 1, got -1000"]),
        ("search h2-2 --seed=-1", ["seed must be at least 0, got -1"]),
        ("search h2-2 --qubits 0,1", ["--qubits chooses qubits of a device", "--noise"]),
        ("search h2-4 --noise ourense --qubits 0,1", ["the problem has 4 qubits, --qubits names 2"]),
        ("search h2-2 --noise ourense --qubits 1,9", ["no qubit 9 in noise model 'ourense' of 4 qubit(s)"]),
        ("search h2-2 --noise ourense --qubits=-1,0", ["no qubit -1 in noise model 'ourense' of 4 qubit(s)"]),
        ("search h2-2 --noise ourense --qubits 1,1", ["each only once, got [1, 1]"]),
        ("search h2-2 --noise ourense --qubits 1,two", ["--qubits takes whole numbers", "'1,two'"]),
        ("search h2-2 --noise fake:FakeManilaV2 --qubits 1,5", ["fake_manila has qubits 0..4"]),
        ("search h2-2 --noise ourense --qubits 0,2", ["does not connect qubit(s) [1]"]),
        ("search lih-6 --noise ourense", ["'ourense' has 4 qubits, the problem needs 6"]),
        ("search --resume", ["which run?", "--resume --out RUN"]),
        ("search --resume --out nowhere", ["nowhere holds no run"]),
        ("show nowhere", ["nowhere does not exist"]),
        ("vqe ghz", ["unknown problem 'ghz'", "the form ghz-N, for example ghz-4"]),
        ("vqe tfim-1", ["at least 2 spins, got 1"]),
        ("search qft-3 --noise ourense --qubits 0,1", ["the problem has 3 qubits, --qubits names 2"]),
        ("search missing.json", ["cannot read the problem file 'missing.json'"]),
        ("search h2-2 --noise missing.json", ["cannot read the noise model missing.json"]),
        ("vqe h2-2 --ansatz missing.qasm", ["cannot read the circuit missing.qasm"]),
    ],
)
def test_a_wrong_option_is_one_message_and_leaves_nothing(qvar, own_folder, arguments, parts):
    check(qvar(*arguments.split()), *parts)
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("search h2-2 --episodes many", "--episodes"),
        ("search h2-2 --colour red", "--colour"),
        ("search h2-2 h2-4", "unexpected extra argument"),
        ("vqe", "Missing argument"),
        ("simulate", "No such command 'simulate'"),
    ],
)
def test_a_wrong_command_line_is_one_message_after_the_usage(qvar, own_folder, arguments, part):
    outcome = qvar(*arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    *usage, message = outcome.err.strip().splitlines()
    assert message.startswith("Error: ")
    assert part in message
    assert [line.split()[0] for line in usage if line] == ["Usage:", "Try"]
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("geometry", "options", "parts"),
    [
        ("H 0 0 0; H 0 0 0", (), ["coincide"]),
        ("H 0 0 0; H 0 0 0.01", (), ["coincide", "at least 0.1"]),
        ("H 0 0; H 0 0 1", (), ["three finite coordinates"]),
        ("Xx 0 0 0", (), ["Xx"]),
        ("H 0 0 nan", (), ["finite"]),
        ("", (), ["geometry"]),
        ("H 0 0 0", (), ["spin"]),
        ("H 0 0 0; H 0 0 0.74", ("--charge", 5), ["charge 5"]),
        ("H 0 0 0; H 0 0 0.74", ("--unit", "miles"), ["miles"]),
        ("H 0 0 0; H 0 0 0.74", ("--basis", "nonsense"), ["nonsense"]),
        ("H 0 0 0; H 0 0 0.74", ("--mapping", "nonsense"), ["nonsense", "jordan_wigner"]),
        ("H 0 0 0; H 0 0 0.74", ("--active", "2"), ["--active takes two numbers"]),
        ("H 0 0 0; H 0 0 0.74", ("--active", "a,b"), ["--active takes whole numbers"]),
        ("H 0 0 0; H 0 0 0.74", ("--active", "2,9"), ["active"]),
    ],
)
def test_an_impossible_molecule_is_one_message_and_leaves_nothing(qvar, own_folder, geometry, options, parts):
    check(qvar("molecule", geometry, "--out", "mine.json", *options), *parts)
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("out", "part"),
    [
        ("taken.json", "taken.json already exists; nothing was overwritten"),
        ("mine.txt", "a problem file ends in .json"),
        ("nowhere/mine.json", "the folder nowhere for mine.json does not exist"),
    ],
)
def test_a_molecule_goes_to_a_new_json_file_only(qvar, own_folder, file_contents, out, part):
    (own_folder / "taken.json").write_text("mine")
    check(qvar("molecule", "H 0 0 0; H 0 0 0.74", "--out", out), part)
    assert file_contents(own_folder) == {"taken.json": b"mine"}


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["cannot read the noise model bad.json"]),
        ("{", ["cannot read the noise model bad.json"]),
        ("[]", ["not a noise model"]),
        ('{"format": "something else"}', ["not a noise model"]),
        (noise_file(version=2), ["version 2 is not supported"]),
        (noise_file(chanels=[]), ["unknown key(s) chanels"]),
        (noise_file({"type": "ptm", "matrix": NOT_TRACE_PRESERVING}), ["mine", "trace"]),
        (noise_file({"type": "ptm", "matrix": NOT_POSITIVE}), ["mine", "not completely positive"]),
        (noise_file({"type": "depolarizing", "p": 1.5}), ["mine", "1.5"]),
        (noise_file({"type": "gremlins"}), ["unknown step type 'gremlins'"]),
        (noise_file(readout=[{"p01": -0.1, "p10": 0.0}]), ["read-out probabilities must lie in 0..1"]),
        (noise_file(n_qubits=1), ["has 1 qubits, the problem needs 2"]),
    ],
)
@pytest.mark.parametrize("command", ["search", "vqe"])
def test_a_bad_noise_file_is_one_message_and_leaves_nothing(qvar, own_folder, command, content, parts):
    (own_folder / "bad.json").write_text(content)
    check(qvar(command, "h2-2", "--noise", "bad.json"), *parts)
    assert [p.name for p in own_folder.iterdir()] == ["bad.json"]


def test_a_noise_file_of_random_bytes_or_a_folder_is_one_message(qvar, own_folder):
    (own_folder / "bad.json").write_bytes(b"\xff\xfe\x80")
    (own_folder / "folder.json").mkdir()
    check(qvar("vqe", "h2-2", "--noise", "bad.json"), "cannot read the noise model bad.json")
    check(qvar("vqe", "h2-2", "--noise", "folder.json"), "cannot read the noise model folder.json")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["holds no valid problem"]),
        ("[]", ["holds no valid problem", "JSON object"]),
        (problem_file(terms={"ZZ": [0.0, 1.0]}), ["coefficient of 'ZZ' must be a finite real number"]),
        (problem_file(terms={"ZZ": "1j"}), ["coefficient of 'ZZ' must be a finite real number"]),
        (problem_file(terms={"ZQ": 1.0}), ["I, X, Y, Z"]),
        (problem_file(terms={"ZZ": 1.0, "Z": 1.0}), ["same length"]),
        (problem_file(terms={}), ["holds no observable"]),
        (problem_file(exact_energy=-100.0), ["cannot be the lowest eigenvalue"]),
        (problem_file(exact_energy=None), ["exact_energy must be a finite real number"]),
        (problem_file(title=""), ["title"]),
        (problem_file(key="../../etc"), ["key"]),
        (problem_file(version=9), ["version 9"]),
        (problem_file(colour="red"), ["colour"]),
        (problem_file().replace("-1.1372701746609035", "NaN"), ["NaN is not a finite number"]),
    ],
)
@pytest.mark.parametrize("command", ["search", "vqe"])
def test_a_bad_problem_file_is_one_message_and_leaves_nothing(qvar, own_folder, command, content, parts):
    (own_folder / "bad.json").write_text(content)
    check(qvar(command, "bad.json"), "bad.json", *parts)
    assert [p.name for p in own_folder.iterdir()] == ["bad.json"]


@pytest.mark.parametrize("content", ["not a circuit", "OPENQASM 3.0;\nqubit[2] q;\nwarp q[0];\n"])
def test_a_bad_circuit_file_is_one_message(qvar, own_folder, content):
    (own_folder / "bad.qasm").write_text(content)
    check(qvar("vqe", "h2-2", "--ansatz", "bad.qasm"), "bad.qasm", "OpenQASM 3")


def test_an_occupied_folder_is_left_byte_by_byte(qvar, small_run, file_contents):
    before = file_contents(small_run)
    check(qvar("search", "h2-2", "--out", "run"), "run already exists and is not empty; nothing was overwritten")
    assert file_contents(small_run) == before


def test_a_folder_with_other_files_is_left_byte_by_byte(qvar, own_folder, file_contents):
    (own_folder / "mine").mkdir()
    (own_folder / "mine" / "thesis.tex").write_text("years of work")
    for flags in ((), ("--resume",)):
        check(qvar("search", "h2-2", "--out", "mine", *flags), "not empty; nothing was overwritten")
    assert file_contents(own_folder) == {"mine/thesis.tex": b"years of work"}


def test_a_file_where_a_folder_should_be_is_left_alone(qvar, own_folder, file_contents):
    (own_folder / "mine").write_text("years of work")
    check(qvar("search", "h2-2", "--out", "mine"), "mine already exists")
    check(qvar("search", "h2-2", "--out", "mine/run"), "mine")
    assert file_contents(own_folder) == {"mine": b"years of work"}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--seed", 6), "seed: 5 there, 6 here"),
        (("--seed", 5, "--episodes", 9), "episodes: 3 there, 9 here"),
        (("--seed", 5, "--noise", "ourense"), 'engine.name: "statevector" there, "pauli-transfer" here'),
    ],
)
def test_resuming_with_other_options_is_refused_and_changes_nothing(qvar, small_run, file_contents, arguments, part):
    before = file_contents(small_run)
    command = ("search", "h2-2", "--episodes", 3, "--max-gates", 3, "--resume", "--out", "run", *arguments)
    check(qvar(*command), "another configuration", part, "nothing was overwritten")
    assert file_contents(small_run) == before


def test_options_that_resuming_without_a_task_would_ignore_are_refused(qvar, small_run, file_contents):
    before = file_contents(small_run)
    outcome = qvar("search", "--resume", "--out", "run", "--episodes", 9, "--max-gates", 4, "--ignore-coupling")
    check(outcome, "leave out --ignore-coupling, --episodes, --max-gates")
    assert file_contents(small_run) == before


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("config.json", b"{", "config.json is corrupted"),
        ("config.json", b"\xff\xfe", "config.json is corrupted"),
        ("checkpoint.npz", b"PK\x03\x04 broken", "checkpoint.npz is corrupted"),
        ("metrics.jsonl", b"{broken}\n{}\n", "metrics.jsonl is corrupted in line 1"),
        ("metrics.jsonl", b"", "holds 0 records, its checkpoint says 3"),
    ],
)
def test_a_corrupted_run_is_one_message_and_changes_nothing(qvar, small_run, file_contents, name, content, part):
    (small_run / name).write_bytes(content)
    before = file_contents(small_run)
    check(qvar("search", "--resume", "--out", "run"), part)
    assert file_contents(small_run) == before


def test_a_configuration_changed_by_hand_is_one_message(qvar, small_run):
    file = small_run / "config.json"
    file.write_text(file.read_text().replace('"episodes": 3', '"episodes": 300'))
    for command in (("search", "--resume", "--out", "run"), ("show", "run")):
        check(qvar(*command), "config.json is corrupted", "its content does not match its checksum")


def test_a_corrupted_result_is_written_anew_and_the_user_is_told(qvar, small_run, file_contents):
    before = file_contents(small_run)
    (small_run / "result.json").write_bytes(b"[]")
    with pytest.warns(UserWarning, match=r"result.json is corrupted; the run writes it anew"):
        assert qvar("search", "--resume", "--out", "run").code == 0
    assert RunFolder.open(small_run).result()["energy"] == parse_json(before["result.json"])["energy"]


def test_the_checkpoint_of_another_configuration_is_one_message_and_changes_nothing(
    qvar, small_run, own_folder, file_contents
):
    assert qvar("search", "h2-2", "--episodes", 2, "--max-gates", 3, "--out", "other").code == 0
    (small_run / "checkpoint.npz").write_bytes((own_folder / "other" / "checkpoint.npz").read_bytes())
    before = file_contents(small_run)
    check(qvar("search", "--resume", "--out", "run"), "checkpoint.npz belongs to another run")
    assert file_contents(small_run) == before


def test_a_device_that_cannot_run_a_circuit_is_one_message(qvar, own_folder):
    NoiseModel("rx only", default=NoiseModel.from_numbers(p1=0.1).default, n_qubits=2).without_readout().to_json(
        own_folder / "all.json"
    )
    text = (own_folder / "all.json").read_text().replace('"cx", ', "").replace(', "cx"', "")
    (own_folder / "no-cx.json").write_text(text)
    check(qvar("vqe", "h2-2", "--noise", "no-cx.json"), "has no noise data for 'cx'")


def test_a_warning_is_one_line_and_one_for_programmers_names_its_place(qvar):
    qvar("tasks", "--json")
    assert warnings.formatwarning("look out", UserWarning, "file.py", 7) == "warning: look out\n"
    assert warnings.formatwarning("old", DeprecationWarning, "file.py", 7) == "file.py:7: DeprecationWarning: old\n"
