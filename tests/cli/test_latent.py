"""latent: from a pool to a report as a user makes them, in a folder; wrong input is one message."""

import csv
import json
import shutil

import numpy as np
import pytest

from qvar.classify.variational import VariationalClassifier
from qvar.cli import main
from qvar.cli.latent import pretrain as latent_pretraining
from qvar.cli.latent import search as latent_searching
from qvar.latent.controls import CONTROLS
from qvar.latent.folder import LatentFolder
from qvar.optimizers import Adam
from qvar.simulators import Circuit

from .test_wrong_input import check

PRETRAIN = ("latent", "pretrain", "--qubits", 3, "--gates", 5, "--depth", 4, "--circuits", 250, "--epochs", 2)
SIZES = ("--batch", 64, "--latent-size", 4, "--seed", 3)
SEARCH = ("--task", "w-3", "--method", "evolution", "--evaluations", 40, "--seeds", "1-2", "--jobs", 1)


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """A trained space with a study in it; copy it before changing anything."""
    path = tmp_path_factory.mktemp("latent") / "space"
    for command in ([*PRETRAIN, *SIZES, "--out", path], ["latent", "search", path, *SEARCH]):
        with pytest.raises(SystemExit) as left:
            main([*map(str, command), "--quiet"])
        assert not left.value.code
    return path


@pytest.fixture
def space(searched, own_folder):
    shutil.copytree(searched, own_folder / "space")
    return own_folder / "space"


def test_pretraining_prints_its_accuracy_and_leaves_its_record(qvar, own_folder):
    outcome = qvar(*PRETRAIN, *SIZES)
    assert outcome.code == 0
    first, *lines = outcome.err.splitlines()
    path = "latent/3q-5g-depth4-ours-seed3"
    assert first == f"250 circuits of 3 qubits, 5 gates, depth 4; 2 epochs, in {path}"
    assert next(line.split(",")[0] for line in lines if line.startswith("epoch")) == "epoch 1 of 2"
    assert "gates right" in outcome.words
    assert "Circuits decoded from latent draws" in outcome.words
    assert f"qvar latent search {path} --task TASK" in outcome.out
    assert LatentFolder.open(own_folder / path).is_pretrained


def test_pretraining_prints_json_alone(qvar):
    outcome = qvar(*PRETRAIN, *SIZES, "--json", "--out", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    data = json.loads(outcome.out)
    assert (data["latent"], data["last_epoch"]["epoch"]) == ("mine", 2)
    assert data["accuracy"]["reconstruction"]["n_circuits"] == 25


def test_options_reach_the_record(qvar, own_folder):
    options = (
        "--model",
        "v1",
        "--pooling",
        "late",
        "--encoding",
        "old_fixed",
        "--beta",
        0.5,
        "--prior",
        "ard",
        "--gate-pool",
        "h,rx,cx",
    )
    more = ("--coupling", "0-1,1-2", "--draw", "layers", "--batch", 32, "--quiet", "--out", "mine")
    assert qvar(*PRETRAIN, *options, *more).code == 0
    config = LatentFolder.open(own_folder / "mine").config
    assert (config["model"]["encoding"], config["model"]["beta"], config["model"]["nodes"]) == (
        "old_fixed",
        0.5,
        "bits",
    )
    assert config["model"]["pooling"] == "late"
    assert config["model"]["prior"]["kind"] != "standard-normal"
    assert (config["space"]["gates"], config["space"]["coupling"]) == (["h", "rx", "cx"], [[0, 1], [1, 2]])
    assert (config["pool"]["method"], config["training"]["batch_size"]) == ("layers", 32)


def test_a_space_may_be_that_of_a_task():
    plan = latent_pretraining.PretrainOptions(space="h2-4-accurate", circuits=500).plan()
    assert plan.space.gates == ("rx", "ry", "rz", "x", "cx")


def test_an_interrupted_training_says_how_to_go_on_and_goes_on(qvar, own_folder, monkeypatch):
    original = latent_pretraining._Display.note

    def interrupt(self, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(latent_pretraining._Display, "note", interrupt)
    outcome = qvar(*PRETRAIN, *SIZES, "--out", "mine")
    assert outcome.code == 130
    assert "interrupted; go on with: qvar latent pretrain --resume --out mine" in outcome.err
    monkeypatch.setattr(latent_pretraining._Display, "note", original)
    check(qvar(*PRETRAIN, *SIZES, "--out", "mine"), "mine already exists", "--resume")
    again = qvar("latent", "pretrain", "--resume", "--out", "mine")
    assert again.code == 0
    assert "epoch 2 of 2" in again.err
    assert "epoch 1 of 2" not in again.err
    check(qvar("latent", "pretrain", "--resume", "--out", "mine", "--epochs", 9), "leave out --epochs")


def test_features_are_written_for_people_and_for_programs(qvar, space):
    assert qvar("latent", "embed", space, "--out", "f.npz").code == 0
    assert qvar("latent", "embed", space, "--out", "f.csv").code == 0
    features = LatentFolder.open(space).features()
    with np.load("f.npz") as file:
        assert np.array_equal(file["features"], features)
        names = file["circuits"].tolist()
    with open("f.csv", encoding="utf-8") as file:  # noqa: PTH123
        heading, *rows = csv.reader(file)
    assert heading == ["circuit", "z0", "z1", "z2", "z3"]
    assert [row[0] for row in rows] == names
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=np.float32), features)


def test_a_circuit_of_the_pool_is_its_own_nearest_neighbour(qvar, space, own_folder):
    pool = LatentFolder.open(space).pool()
    circuit, theta = pool.circuit(17)
    (own_folder / "c.qasm").write_text(circuit.to_qasm(theta))
    (row,) = json.loads(qvar("latent", "embed", space, "--qasm", "c.qasm", "--neighbours", 3, "--json").out)
    assert row["neighbours"][0]["index"] == 17
    assert row["neighbours"][0]["distance"] == pytest.approx(0, abs=1e-5)
    assert len(row["neighbours"]) == 3
    outcome = qvar("latent", "embed", space, "--qasm", "c.qasm")
    assert "c.qasm: its nearest circuits in the pool" in outcome.out


def test_a_search_leaves_its_record_and_the_best_circuit(qvar, space, own_folder):
    path = space / "searches" / "w-3"
    files = {file.name for file in path.iterdir()}
    expected = {"task.json", "rewards", "pool-40", "pool-40.json", "best.json", "best.qasm", "best.qpy", "ansatz.qasm"}
    assert expected <= files
    best = json.loads((path / "best.json").read_text())
    assert 0 < best["reward"] <= 1
    assert json.loads((path / "task.json").read_text())["base_rate"]["circuits"] == 250
    bound = Circuit.from_qasm((path / "best.qasm").read_text())
    free = Circuit.from_qasm((path / "ansatz.qasm").read_text())
    assert bound.n_parameters == 0
    assert free.n_parameters == len(best["angles"])
    started = qvar(
        "search", "w-3", "--start", path / "best.qasm", "--episodes", 1, "--max-gates", 30, "-q", "--out", "s"
    )
    assert started.code == 0
    assert qvar("vqe", "w-3", "--ansatz", path / "ansatz.qasm", "--starts", 1, "-q").code == 0


def test_the_best_circuit_is_an_ansatz_for_a_classifier(space):
    ansatz = Circuit.from_qasm((space / "searches" / "w-3" / "ansatz.qasm").read_text())
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    model = VariationalClassifier(ansatz=ansatz, optimizer=Adam(max_iterations=2), random_state=0).fit(x, x[:, 0] > 0)
    assert model.predict(x).shape == (20,)


def test_the_same_search_again_does_nothing_again(qvar, space, file_contents):
    before = file_contents(space)
    outcome = qvar("latent", "search", space, *SEARCH)
    assert outcome.code == 0
    assert "searches" in outcome.err.splitlines()[0]
    assert len(outcome.err.splitlines()) == 1
    assert file_contents(space) == before
    assert "evolution" in outcome.words
    assert "reference" in outcome.words


def test_another_study_needs_a_name(qvar, space):
    other = ("--task", "w-3", "--method", "neighbours", "--evaluations", 40, "--seeds", "1-2", "--jobs", 1, "--quiet")
    check(qvar("latent", "search", space, *other), "holds another study")
    outcome = qvar("latent", "search", space, *other, "--name", "mine", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    data = json.loads(outcome.out)
    assert set(data["study"]["figures"]) == {"random", "neighbours"}
    assert data["task"]["key"] == "w-3"
    assert data["best"]["reward"] > 0


def test_circuits_can_be_made_that_nobody_drew(qvar, space):
    options = ("--task", "w-3", "--mode", "generative", "--method", "prior", "--evaluations", 10, "--seeds", 1)
    outcome = qvar("latent", "search", space, *options, "--jobs", 1)
    assert outcome.code == 0
    assert "circuits are made, not chosen from the pool" in outcome.words
    assert (space / "searches" / "w-3" / "generative-10" / "prior" / "seed1.npz").is_file()


def test_an_interrupted_search_goes_on_with_the_same_command(qvar, space, monkeypatch):
    def interrupt(self, method, seed, run):
        raise KeyboardInterrupt

    command = ("latent", "search", space, *SEARCH, "--name", "other")
    with monkeypatch.context() as patch:
        patch.setattr(latent_searching._Display, "note_run", interrupt)
        outcome = qvar(*command)
    assert outcome.code == 130
    assert "interrupted; the same command goes on from here" in outcome.err
    again = qvar(*command)
    assert again.code == 0
    assert sum("searches" in line for line in again.err.splitlines()) == 4  # the heading, and three of four


@pytest.mark.slow
def test_a_report_is_one_page_and_tables(qvar, space):
    options = ("--task", "w-3", "--mode", "generative", "--method", "prior", "--evaluations", 10, "--seeds", 1)
    assert qvar("latent", "search", space, *options, "--jobs", 1).code == 0
    outcome = qvar("latent", "report", space)
    assert outcome.code == 0
    for part in ("Smoothness for w-3", "untrained encoder", "evolution", "the best circuit"):
        assert part in outcome.words
    page = (space / "report.html").read_text()
    assert page.count("<svg") == 2 + 2 + 4 + 3  # no regret without a pool
    assert "http" not in page.split("<body>")[1].replace("http://www.w3.org", "")
    markdown = qvar("latent", "report", space, "--markdown")
    assert markdown.code == 0
    assert "| of circuits held out | value |" in markdown.out
    assert markdown.err == ""  # nothing is measured twice
    data = json.loads(qvar("latent", "report", space, "--json", "--out", "page.html").out)
    assert set(data["smoothness"]["w-3"]) == {"trained", "untrained encoder", *CONTROLS}
    assert [one["study"]["plan"]["budget"] for one in data["searches"]["w-3"]] == [10, 40]


def test_tasks_methods_and_spaces_are_listed(qvar):
    outcome = qvar("latent", "tasks")
    assert outcome.code == 0
    for part in ("maxcut-4", "gp-logei", "published, 12 qubits", "cross-entropy"):
        assert part in outcome.words
    data = json.loads(qvar("latent", "tasks", "--json").out)
    assert {task["task"] for task in data["tasks"]} >= {"h2-4", "fidelity-4-a"}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("latent pretrain --qubits 5", ["4, 8 and 12 qubits are published", "--gates and --depth"]),
        ("latent pretrain --model v9", ["unknown model 'v9'", "ours, v3, v1"]),
        ("latent pretrain --prior flat", ["unknown prior 'flat'", "standard, ard"]),
        ("latent pretrain --beta heavy", ["--beta takes a number or reference, got 'heavy'"]),
        ("latent pretrain --beta nan", ["weights are finite and >= 0, got beta=nan"]),
        ("latent pretrain --beta -1", ["weights are finite and >= 0, got beta=-1"]),
        ("latent pretrain --space h2-4-accurate --qubits 6", ["has 4 qubits, not 6"]),
        ("latent pretrain --encoding newest", ["encoding", "newest"]),
        ("latent pretrain --model v1 --encoding new", ["sigmoid"]),
        ("latent pretrain --draw lots", ["--draw takes gates or layers, got 'lots'"]),
        ("latent pretrain --space nowhere", ["unknown task 'nowhere'"]),
        ("latent pretrain --gate-pool rx,warp", ["warp"]),
        ("latent pretrain --coupling 0:1", ["--coupling takes pairs of wires such as 0-1,1-2"]),
        ("latent pretrain --circuits 10", ["not one batch"]),
        ("latent pretrain --circuits 0", ["n_circuits", "0"]),
        ("latent pretrain --resume", ["which latent space?", "--resume --out FOLDER"]),
        ("latent pretrain --resume --out nowhere", ["nowhere holds no latent space"]),
        ("latent embed nowhere --out f.npz", ["nowhere holds no latent space"]),
        ("latent embed nowhere --out f.txt", ["ends in .npz or .csv, got f.txt"]),
        ("latent search nowhere --task h2-4", ["nowhere holds no latent space"]),
        ("latent report nowhere", ["nowhere holds no latent space"]),
        ("latent report nowhere --out gone/page.html", ["nowhere holds no latent space"]),
    ],
)
def test_a_wrong_option_is_one_message_and_leaves_nothing(qvar, own_folder, arguments, parts):
    check(qvar(*arguments.split()), *parts)
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("--task h2-9", ["unknown task 'h2-9'"]),
        ("--task h2-4", ["has 4 qubit(s), the circuits have 3"]),
        ("--task w-3 --method random,magic", ["unknown method(s) magic"]),
        ("--task w-3 --method random,", ["separated by commas"]),
        ("--task w-3 --mode dream", ["pool or generative, got 'dream'"]),
        ("--task w-3 --mode generative --method neighbours", ["unknown method(s) neighbours"]),
        ("--task w-3 --evaluations 300", ["300 evaluations exceeds the 250 circuits"]),
        ("--task w-3 --evaluations 0", ["budget", "0"]),
        ("--task w-3 --seeds 5-1", ["--seeds takes seeds and rising ranges", "'5-1'"]),
        ("--task w-3 --noise nowhere", ["unknown device 'nowhere'"]),
        ("--task w-3 --name rewards", ["none of rewards, task, best; got 'rewards'"]),
        ("--task w-3 --name ../elsewhere", ["letters, digits, _ and -", "'../elsewhere'"]),
        ("--task w-3 --name best.json", ["letters, digits, _ and -"]),
        ("--task w-3 --name=", ["letters, digits, _ and -"]),
    ],
)
def test_a_wrong_search_is_one_message_and_changes_nothing(qvar, space, file_contents, arguments, parts):
    before = file_contents(space)
    check(qvar("latent", "search", "space", *arguments.split()), *parts)
    assert file_contents(space) == before


@pytest.mark.parametrize("name", ["task.json", "best.json"])
def test_a_damaged_record_of_searches_is_named(qvar, space, name):
    damaged = next((space / "searches").iterdir()) / name
    damaged.write_text("{")
    again = ("--method", "random", "--evaluations", "20", "--seeds", "1", "--name", "again", "--jobs", "1")
    outcome = qvar("latent", "search", "space", "--task", damaged.parent.name, *again, "--quiet")
    check(outcome, str(damaged.relative_to(space)), "is corrupted")


def test_a_circuit_that_does_not_fit_is_one_message(qvar, space, own_folder):
    (own_folder / "c.qasm").write_text('OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nh q[0];\n')
    check(qvar("latent", "embed", "space", "--qasm", "c.qasm"), "c.qasm", "5 gates, this one has 3 and 1")
    check(qvar("latent", "embed", "space", "--qasm", "gone.qasm"), "gone.qasm")
    check(qvar("latent", "embed", "space"), "where to?")
    check(qvar("latent", "embed", "space", "--out", "space/pool.npz"), "already exists; nothing was overwritten")


def test_a_space_that_is_not_trained_says_so(qvar, space):
    (space / "features.npz").unlink()
    for command in (("search", "space", "--task", "w-3"), ("report", "space"), ("embed", "space", "--out", "f.npz")):
        check(qvar("latent", *command), "is not trained; go on with: qvar latent pretrain --resume --out space")
