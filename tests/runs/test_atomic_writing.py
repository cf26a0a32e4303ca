"""A write that fails, at whatever moment, leaves the old file whole and no other file behind."""

import os
from pathlib import Path

import numpy as np
import pytest

from qvar.runs import write_circuit, write_learning_curve
from qvar.simulators import Circuit, Operation, Slot

CIRCUIT = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
HISTORY = [
    {"episode": 1, "energy": -0.5, "best_energy": -0.5, "error": 0.5, "best_error": 0.5, "evaluation": None},
]
WRITES = {
    "checkpoint": lambda run: run.save_checkpoint({"x": np.arange(3)}, {"episodes": 9}),
    "result": lambda run: run.write_result({"energy": -9.0}),
    "metrics": lambda run: run.keep_metrics(1),
    "circuit": lambda run: write_circuit(run.path, CIRCUIT, np.array([0.5])),
    "curve": lambda run: write_learning_curve(run.path, HISTORY, exact_energy=-1.0, title="new"),
}


@pytest.fixture
def complete(run):
    """The run with every file it can have."""
    run.write_result({"energy": -1.0})
    run.save_checkpoint({"x": np.arange(2)}, {"episodes": 2})  # the second one, so that there is a previous one
    write_circuit(run.path, CIRCUIT, np.array([0.25]))
    write_learning_curve(run.path, HISTORY, exact_energy=-1.0, title="old")
    return run


def fail(*args, **kwargs):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", WRITES)
def test_no_temporary_file_remains_after_writing(complete, contents, name):
    before = contents(complete.path)
    WRITES[name](complete)
    after = contents(complete.path)
    gone = {"checkpoint.previous.npz"} if name == "result" else set()  # a finished run needs one checkpoint
    assert after.keys() == before.keys() - gone
    assert after != before


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("stage", ["flushing to disk", "replacing the old file"])
def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(complete, contents, monkeypatch, name, stage):
    before = contents(complete.path)
    with monkeypatch.context() as patch:
        if stage == "flushing to disk":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            WRITES[name](complete)
    assert contents(complete.path) == before


def test_a_reader_never_sees_a_part_of_a_file(complete, monkeypatch):
    """At the moment of replacement the old file is still whole and the new one complete under another name."""
    seen, replace = [], Path.replace

    def watch(self, target):
        seen.append((Path(target).read_bytes(), self.read_bytes()))
        return replace(self, target)

    old = (complete.path / "result.json").read_bytes()
    monkeypatch.setattr(Path, "replace", watch)
    complete.write_result({"energy": -9.0})
    assert seen == [(old, (complete.path / "result.json").read_bytes())]
