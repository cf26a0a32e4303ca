"""compare: output is for people or for machines, an interrupted comparison goes on, wrong input is one message."""

import io
import json

import pytest
from rich.console import Console
from sklearn.base import BaseEstimator, ClassifierMixin

from qvar.classify.comparison import ComparisonResult, ModelSpec
from qvar.cli.classify import compare as comparing
from qvar.cli.progress import ProgressLine, counted
from qvar.runs.sealed import parse_line

from .test_wrong_input import check

COMMAND = ("compare", "iris", "--models", "majority,logistic-regression", "--splits", 3, "--jobs", 1)


def test_a_comparison_prints_its_table_and_leaves_its_record(qvar, own_folder):
    outcome = qvar(*COMMAND, "--out", "mine")
    assert outcome.code == 0
    first, *lines = outcome.err.splitlines()
    assert first == "6 trainings: 1 feature set x 2 models x 3 splits, 1 at a time, in mine"
    assert len(lines) == 6
    assert lines[0].startswith("1 of 6 trainings, about ")
    assert ": raw, majority, split 0: accuracy 0.333, " in lines[0]
    assert lines[5].startswith("6 of 6 trainings: raw, logistic-regression, split 2: accuracy ")
    assert "iris, features raw: mean ± standard deviation, [95 % interval]" in outcome.words
    assert "majority 0.333 ± 0.000" in outcome.words
    assert "all numbers and plots in mine/report.html and mine/table.md" in outcome.out
    files = sorted(path.name for path in (own_folder / "mine").iterdir())
    assert files == [".lock", "cells.jsonl", "config.json", "report.html", "table.md"]
    assert "| logistic-regression | classical | 0.9" in (own_folder / "mine" / "table.md").read_text()


def test_json_is_json_alone(qvar):
    outcome = qvar(*COMMAND, "--json", "--out", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    data = json.loads(outcome.out)
    assert data["comparison"] == "mine"
    (table,) = data["tables"]
    assert table["reference"] == "logistic-regression"
    result = ComparisonResult.open("mine")
    assert table == json.loads(json.dumps(result.table("raw").to_dict()))


def test_quiet_is_the_table_alone(qvar, own_folder):
    outcome = qvar(*COMMAND, "--quiet")
    assert (outcome.code, outcome.err) == (0, "")
    assert [path.name for path in (own_folder / "comparisons").iterdir()] == ["iris-seed0"]


def test_options_reach_the_record(qvar, own_folder):
    outcome = qvar(
        *("compare", "wine", "--features", "pca,raw", "--components", 2, "--models", "logistic-regression,majority"),
        *("--splits", 2, "--test-size", 0.3, "--train-sizes", "60,90", "--tune", "--seed", 7, "--jobs", 1, "-q"),
        *("--html", "page.html"),
    )
    assert outcome.code == 0
    result = ComparisonResult.open(own_folder / "comparisons" / "wine-pca-raw-seed7")
    assert result.models == ("logistic-regression-tuned", "majority")
    assert (result.features, result.train_sizes, result.config["seed"]) == (("pca", "raw"), (60, 90), 7)
    assert result.config["splits"] == {"kind": "shuffle", "n_splits": 2, "test_size": 0.3}
    assert {(r["features"], r["sizes"]["columns"]) for r in result.records} == {("pca", 2), ("raw", 13)}
    assert (own_folder / "page.html").read_text() == (result.path / "report.html").read_text()


def test_a_comparison_goes_on_in_its_folder(qvar, own_folder):
    assert qvar(*COMMAND, "--out", "mine").code == 0
    file = own_folder / "mine" / "cells.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:4]))
    refused = qvar(*COMMAND, "--out", "mine")
    check(refused, "mine already exists", "--resume")
    again = qvar("compare", "--resume", "--out", "mine", "--jobs", 1)
    assert again.code == 0
    assert "(4 done before)" in again.err
    assert again.err.count("accuracy") == 2
    after = file.read_text().splitlines(keepends=True)
    assert after[:4] == lines[:4]
    same = [{**parse_line(line.encode()), "seconds": None} for line in lines]
    assert [{**parse_line(line.encode()), "seconds": None} for line in after] == same
    assert qvar(*COMMAND, "--out", "mine", "--resume").code == 0  # the whole command does it, too


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("", ["which data set? Give one (see `qvar compare --list`)"]),
        ("iriss", ["unknown data set 'iriss' (did you mean 'iris'?)"]),
        ("iris --models svm,svn", ["unknown model 'svn'; there are svm"]),
        ("iris --models svm,,mlp", ["--models takes different names, separated by commas"]),
        ("iris --models majority-tuned", ["majority-tuned has no grid"]),
        ("iris --features tfidf-pca", ["unknown features 'tfidf-pca' of numbers; there are raw, pca, pls"]),
        ("iris --features pca --components 9", ["1 to 4 components"]),
        ("iris --splits 0", ["n_splits must be at least 1"]),
        ("iris --test-size 1.5", ["test_size is a share between 0 and 1"]),
        ("iris --train-sizes a", ["--train-sizes takes whole numbers"]),
        ("iris --train-sizes 500", ["there are 120 rows to train on"]),
        ("iris --seed -1", ["seed must be at least 0"]),
        ("iris --path x", ["iris has no option path"]),
        ("iris --html nowhere/page.html", ["the folder nowhere for page.html does not exist"]),
        ("restaurant-reviews --path nothing.txt", ["no restaurant reviews at"]),
        ("--resume", ["which comparison? Give its folder"]),
        ("--resume --out nowhere", ["holds no comparison"]),
        ("--resume --out nowhere --seed 3", ["leave out --seed"]),
        ("iris --resume --out nowhere", ["holds no comparison"]),
    ],
)
def test_wrong_input_is_one_message_and_leaves_nothing(qvar, own_folder, arguments, parts):
    check(qvar("compare", *arguments.split()), *parts)
    assert list(own_folder.iterdir()) == []


def test_another_comparison_is_not_resumed(qvar):
    assert qvar(*COMMAND, "--out", "mine", "-q").code == 0
    check(qvar(*COMMAND, "--out", "mine", "--seed", 1, "--resume"), "holds another comparison", "seed: 0 there, 1 here")


class Unlucky(ClassifierMixin, BaseEstimator):
    def __init__(self, seed):
        self.seed = seed

    def fit(self, X, y):
        raise RuntimeError("no luck")


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["default", "json"])
def test_a_failing_training_is_shown_and_ends_with_exit_code_1(qvar, monkeypatch, flags):
    monkeypatch.setattr(comparing, "find_models", lambda names: [ModelSpec(names[0], "classical", Unlucky)])
    outcome = qvar("compare", "iris", "--models", "unlucky", "--splits", 1, "--jobs", 1, *flags)
    assert outcome.code == 1
    assert "FAILED: raw, unlucky, split 0: RuntimeError: no luck" in outcome.err
    assert "Traceback" not in outcome.err
    if "--json" in flags:
        assert json.loads(outcome.out)["failures"]
    else:
        assert "splits: 0, 1 FAILED" in outcome.out
        assert "1 trainings failed; --resume --out comparisons/iris-seed0 tries them again" in outcome.err


def test_an_interrupted_comparison_says_how_to_go_on(qvar, own_folder, monkeypatch):
    def interrupted(plan, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(comparing, "run_comparison", interrupted)
        outcome = qvar(*COMMAND, "--out", "my comparison")
    assert (outcome.code, outcome.out) == (130, "")
    last = outcome.err.splitlines()[-1]
    assert last == "interrupted; go on with: qvar compare --resume --out 'my comparison'"
    assert qvar("compare", "--resume", "--out", "my comparison", "-q").code == 0


def test_the_list_names_what_there_is(qvar):
    outcome = qvar("compare", "--list")
    for name in ("restaurant-reviews", "iris", "tfidf-pls", "raw", "svm", "vqc-aqgd-100", "-shuffled"):
        assert name in outcome.out
    data = json.loads(qvar("compare", "--list", "--json").out)
    assert data["models"]["majority"].startswith("floor: ")


def test_on_a_terminal_there_is_a_live_line_with_the_time_left(own_folder):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    record = {"features": "raw", "model": "svm", "split": 0, "train_size": None, "error": None, "seconds": {"fit": 8.0}}
    record["test"] = {"accuracy": 0.9}
    with ProgressLine(console, visible=True, total=8, done=2, columns=counted()) as line:
        display = comparing._Display(line, n_cells=8, n_done=2, jobs=2)
        display.note(record)
        assert display.seconds_left() == 5 * 8 / 2
        display.note({**record, "model": "majority", "seconds": {"fit": 0.0}})
        assert display.seconds_left() == 4 * 4 / 2
    assert "4 of 8 trainings, about 8 s left" in stream.getvalue()


def test_help_loads_no_classifier(qvar_process):
    outcome = qvar_process("compare", "--help")
    assert outcome.code == 0
    assert "--train-sizes" in outcome.out
