"""Sealed files show every flipped bit and every cut; unsealed ones, of earlier versions, are read as they are."""

import contextlib
import io
import json
import os
import zipfile

import numpy as np
import pytest

from qvar.runs import RunFolder
from qvar.runs.claim import claim
from qvar.runs.sealed import (
    parse_json,
    parse_line,
    previous,
    read_arrays,
    read_latest,
    read_lines,
    read_sealed,
    sealed_json,
    sealed_line,
    write_arrays,
    write_json,
    write_sealed,
)
from qvar.simulators.errors import RunError

CONTENT = {"energy": -1.25, "angles": [0.1, 2.0], "name": "h2", "best": {"cost": 3}, "none": None}
ARRAYS = {"weights": np.linspace(0, 1, 7), "state.json": np.array('{"episodes": 3}')}


def damages(data):
    """Every single flipped bit, and every cut."""
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << (place % 8)
        yield bytes(flipped)
    yield from (data[:length] for length in range(len(data)))


@pytest.mark.parametrize(("write", "read"), [(sealed_json, parse_json), (sealed_line, parse_line)])
def test_a_damaged_object_is_noticed_unless_it_means_the_same(write, read):
    data, harmless = write(CONTENT), 0
    for damaged in damages(data):
        try:
            assert read(damaged) == CONTENT
            harmless += 1  # one kind of space became another, or the last line feed is missing
        except ValueError:
            pass
    assert harmless < 60
    assert read(data) == CONTENT


def test_negative_control_a_reader_without_checksum_takes_damaged_numbers():
    data = json.dumps(CONTENT).encode()
    taken = []
    for damaged in damages(data):
        with contextlib.suppress(ValueError):
            taken.append(json.loads(damaged))
    assert sum(content != CONTENT for content in taken) > 100


def test_a_damaged_archive_is_noticed(tmp_path):
    file = tmp_path / "a.npz"
    write_arrays(file, ARRAYS)
    data = file.read_bytes()
    for damaged in damages(data):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checksum|archive"):
            read_arrays(file)
    file.write_bytes(data)
    with np.load(file) as archive:  # as everybody reads it
        assert archive["weights"].tolist() == ARRAYS["weights"].tolist()
    assert zipfile.ZipFile(file).testzip() is None


def test_damaged_bytes_are_noticed_unless_the_mark_is_hit(tmp_path):
    file, content = tmp_path / "isa.qpy", b"QISKIT" + bytes(range(50))
    write_sealed(file, content)
    data = file.read_bytes()
    assert read_sealed(file) == content
    for place in range(8 * len(content)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << (place % 8)
        file.write_bytes(flipped)
        with pytest.raises(ValueError, match="checksum"):
            read_sealed(file)


def test_files_without_checksums_are_read_as_they_are(tmp_path):
    assert parse_json(json.dumps(CONTENT).encode()) == CONTENT
    np.savez(tmp_path / "old.npz", **ARRAYS)
    assert read_arrays(tmp_path / "old.npz")["weights"].tolist() == ARRAYS["weights"].tolist()
    (tmp_path / "old.qpy").write_bytes(b"QISKIT")
    assert read_sealed(tmp_path / "old.qpy") == b"QISKIT"


def test_a_run_of_an_earlier_version_opens_and_goes_on(run):
    """All its checksums taken away."""
    for name in ("config.json", "metrics.jsonl"):
        file = run.path / name
        texts = file.read_text().splitlines() if name.endswith("l") else [file.read_text()]
        plain = [{k: v for k, v in json.loads(text).items() if k not in ("sha256", "check")} for text in texts]
        file.write_text("".join(json.dumps(content) + "\n" for content in plain))
    arrays, _ = run.load_checkpoint()
    buffer = io.BytesIO()
    np.savez(buffer, **read_arrays(run.path / "checkpoint.npz"))
    (run.path / "checkpoint.npz").write_bytes(buffer.getvalue())
    old = RunFolder.open(run.path)
    assert old.load_checkpoint()[0].keys() == arrays.keys()
    assert [record["episode"] for record in old.keep_metrics(2)] == [1, 2]
    old.append_metrics({"episode": 3, "energy": -1.0, "loss": None})
    assert len(old.metrics()) == 3
    assert all('"check"' in line for line in (run.path / "metrics.jsonl").read_text().splitlines())


def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_the_user_is_told(run):
    run.save_checkpoint({"x": np.ones(3)}, {"episodes": 2, "new": True})
    file = run.path / "checkpoint.npz"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.warns(UserWarning, match=r"checkpoint.npz is corrupted.*used the state before it"):
        _, state = run.load_checkpoint()
    assert "new" not in state
    previous(file).write_bytes(b"")
    with pytest.raises(RunError, match=r"checkpoint.npz is corrupted"):
        run.load_checkpoint()


def test_metrics_that_are_damaged_give_way_to_an_earlier_checkpoint(run):
    run.append_metrics({"episode": 3, "energy": -1.0, "loss": None})
    run.save_checkpoint({"x": np.ones(3)}, {"episodes": 3})
    file = run.path / "metrics.jsonl"
    file.write_bytes(file.read_bytes().replace(b"-1.0", b"-2.0"))
    with pytest.warns(UserWarning, match=r"2 whole records, fewer than checkpoint.npz"):
        _, state = run.load_checkpoint()
    assert state["episodes"] == 2
    with pytest.warns(UserWarning, match=r"corrupted in line 3.*kept the 2 records"):
        run.keep_metrics(2)


def test_a_finished_run_knows_how_many_records_it_had(run):
    run.write_result({"energy": -1.0})
    assert run.result() == {"energy": -1.0}
    file = run.path / "metrics.jsonl"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(RunError, match=r"metrics.jsonl is corrupted: it holds 1 records, the run had 2"):
        run.metrics()


def test_a_kill_between_both_renames_leaves_the_state_before(run):
    file = run.path / "checkpoint.npz"
    file.replace(previous(file))
    assert run.load_checkpoint()[1]["episodes"] == 2


def test_of_lines_only_the_damaged_one_is_lost(tmp_path):
    lines = [sealed_line({"number": number}) for number in range(4)]
    lines[2] = lines[2].replace(b"2", b"7", 1)
    (tmp_path / "cells.jsonl").write_bytes(b"".join(lines) + b'{"number": 4')
    objects, found = read_lines(tmp_path / "cells.jsonl")
    assert objects == [{"number": 0}, {"number": 1}, None, {"number": 3}]
    assert len(found) == 1
    assert "line 3" in found[0]


def test_what_is_neither_there_nor_was_is_none(tmp_path):
    assert read_latest(tmp_path / "state.json", parse_json) is None


def test_a_claimed_folder_names_its_process_and_machine(tmp_path):
    message = rf"at work on the run.*: process {os.getpid()} on \S+"
    with claim(tmp_path, "run"), pytest.raises(RunError, match=message), claim(tmp_path, "run"):
        pass
    with claim(tmp_path, "run"):
        pass


def test_the_folder_reaches_the_disk_after_the_name(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(os.fstat(descriptor).st_ino))
    write_json(tmp_path / "a.json", {"x": 1})
    assert seen == [(tmp_path / "a.json").stat().st_ino, tmp_path.stat().st_ino]
