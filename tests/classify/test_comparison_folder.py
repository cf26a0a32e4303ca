"""A comparison survives a kill at any moment and ends with the same record; nothing is overwritten."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qvar.classify.comparison import ComparisonFolder, ComparisonResult, ShuffleSplits, compare
from qvar.runs.sealed import parse_line
from qvar.simulators.errors import RunError

from .comparisons import blobs, trouble, without_times

SHORT = ShuffleSplits(3)
MODELS = ("majority", "logistic-regression", "svm-tuned")

LONG = """
import sys
from types import SimpleNamespace
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.base import BaseEstimator, ClassifierMixin
from qvar.classify.comparison import ModelSpec, ShuffleSplits, compare
import time

class Slow(LogisticRegression):
    def fit(self, X, y):
        time.sleep(0.15)
        return super().fit(X, y)

rng = np.random.default_rng(0)
data = SimpleNamespace(name="d", X=rng.normal(size=(40, 2)), y=np.arange(40) % 2)
models = ["majority", ModelSpec("slow", "classical", lambda seed: Slow(random_state=seed))]
result = compare(data, models=models, splits=ShuffleSplits(10), out=sys.argv[1], n_jobs=int(sys.argv[2]))
sys.exit(len(result.failures))
"""


def lines(path):
    return [parse_line(line) for line in (path / "cells.jsonl").read_bytes().splitlines()]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "comparison"


def test_the_folder_holds_every_cell_in_order_and_can_be_read_back(folder):
    result = compare(blobs(), models=MODELS, splits=SHORT, out=folder, n_jobs=2)
    assert lines(folder) == list(result.records)
    again = ComparisonResult.open(folder)
    assert again.records == result.records
    assert again.table("raw") == result.table("raw")
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "cells.jsonl", "config.json"]


def test_a_finished_comparison_is_only_read(folder):
    first = compare(blobs(), models=MODELS, splits=SHORT, out=folder)
    second = compare(blobs(), models=MODELS, splits=SHORT, out=folder)
    assert second.records == first.records  # times included


@pytest.mark.parametrize("cut", [1, 200])
def test_a_line_cut_off_by_a_kill_is_carried_out_again(folder, cut):
    whole = compare(blobs(), models=MODELS, splits=SHORT, out=folder)
    text = (folder / "cells.jsonl").read_text()
    kept = text.splitlines(keepends=True)[:4]
    (folder / "cells.jsonl").write_text("".join(kept)[:-cut])
    again = compare(blobs(), models=MODELS, splits=SHORT, out=folder)
    assert [without_times(r) for r in again.records] == [without_times(r) for r in whole.records]
    assert list(again.records[:3]) == list(whole.records[:3])
    assert lines(folder) == list(again.records)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_comparison_goes_on_to_the_same_record(tmp_path, n_jobs):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(name):
        return subprocess.Popen([sys.executable, "-c", LONG, str(tmp_path / name), str(n_jobs)], env=environment)

    killed = start("killed")
    file = tmp_path / "killed" / "cells.jsonl"
    for _ in range(600):
        if file.exists() and file.read_bytes().count(b"\n") >= 5:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    n_before = file.read_bytes().count(b"\n")
    assert 5 <= n_before < 20
    assert start("killed").wait() == 0
    assert start("whole").wait() == 0
    mine, other = lines(tmp_path / "killed"), lines(tmp_path / "whole")
    assert len(mine) == 20
    assert [without_times(r) for r in mine] == [without_times(r) for r in other]


def test_failures_are_recorded_and_tried_again(folder):
    assert len(compare(blobs(), models=[trouble()], splits=SHORT, out=folder).failures) == 1
    assert [record["error"] is None for record in lines(folder)] == [True, False, True]
    before = lines(folder)
    assert len(compare(blobs(), models=[trouble()], splits=SHORT, out=folder).failures) == 1
    assert [lines(folder)[k] for k in (0, 2)] == [before[k] for k in (0, 2)]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"models": ("majority",)}, "models"),
        ({"splits": ShuffleSplits(4)}, "splits.n_splits: 3 there, 4 here"),
        ({"data": blobs(seed=1)}, "dataset.sha256"),
    ],
)
def test_another_comparison_in_the_same_folder_is_refused_with_the_differences(folder, changes, part):
    same = {"data": blobs(), "models": MODELS, "splits": SHORT}
    compare(**same, out=folder)
    before = (folder / "cells.jsonl").read_bytes()
    with pytest.raises(RunError, match="holds another comparison") as refusal:
        compare(**{**same, **changes}, out=folder)
    assert part in str(refusal.value)
    assert (folder / "cells.jsonl").read_bytes() == before


def test_other_files_are_not_overwritten(folder):
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="nothing was overwritten"):
        compare(blobs(), models=MODELS, splits=SHORT, out=folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_two_processes_do_not_work_on_one_comparison(folder):
    compare(blobs(), models=["majority"], splits=SHORT, out=folder)
    with ComparisonFolder.open(folder).claimed(), pytest.raises(RunError, match="another process is at work"):
        compare(blobs(), models=["majority"], splits=SHORT, out=folder)
    compare(blobs(), models=["majority"], splits=SHORT, out=folder)


def test_damage_is_named(folder):
    compare(blobs(), models=["majority"], splits=SHORT, out=folder)
    cells, config = folder / "cells.jsonl", folder / "config.json"
    good_cells, good = cells.read_text(), config.read_text()
    cells.write_text(good_cells.replace("{", "[", 1))
    with pytest.raises(RunError, match=r"cells.jsonl is corrupted in line 1"):
        ComparisonResult.open(folder)
    cells.write_text(good_cells)
    for text, message in (
        (good[:-9], "is corrupted"),
        (good.replace('"seed": 0', '"seed": 5'), "checksum"),
        (good.replace("qvar-comparison", "qvar-run"), "checksum"),
        ("[]", "is corrupted"),
    ):
        config.write_text(text)
        with pytest.raises(RunError, match=message):
            ComparisonResult.open(folder)
    with pytest.raises(RunError, match="holds no comparison"):
        ComparisonResult.open(Path(folder) / "nowhere")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make the folder"):
        compare(blobs(), models=["majority"], splits=SHORT, out=tmp_path / "file" / "below")
