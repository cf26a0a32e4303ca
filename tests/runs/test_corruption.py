"""Damaged, foreign and malicious run folders end in one clear error, never in other numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qvar.runs import RunFolder
from qvar.simulators.errors import RunError

each_example_restores_the_file = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"holds no run: config.json is missing"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="holds no run"):
        RunFolder.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", ["", "{", "not JSON", "[]", "null", "{}", '{"config": 3, "id": "x", "format": "qvar-run", "version": 1}']
)
def test_a_configuration_that_is_no_configuration_is_refused(run, text):
    (run.path / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"config.json is corrupted"):
        RunFolder.open(run.path)


def test_a_configuration_of_random_bytes_is_refused(run):
    (run.path / "config.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(RunError, match=r"config.json is corrupted"):
        RunFolder.open(run.path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"seed": 7', '"seed": 8', "does not match its checksum"),
        ('"ZZ": 0.25', '"ZZ": 0.250001', "does not match its checksum"),
        ('"episodes": 3', '"episodes": NaN', "is corrupted"),
        ('"version": 1', '"version": 2', "does not match its checksum"),
        ('"qvar-run"', '"other-run"', "does not match its checksum"),
    ],
)
def test_a_changed_configuration_is_refused(run, old, new, message):
    file = run.path / "config.json"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    with pytest.raises(RunError, match=message):
        RunFolder.open(run.path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"seed": 7', '"seed": 8', "does not match its identity"),
        ('"version": 1', '"version": 2', "not a run of this version"),
        ('"qvar-run"', '"other-run"', "not a run of this version"),
    ],
)
def test_a_changed_configuration_of_an_earlier_version_is_refused(run, old, new, message):
    file = run.path / "config.json"
    content = {name: value for name, value in json.loads(file.read_text()).items() if name != "sha256"}
    file.write_text(json.dumps(content).replace(old, new))
    with pytest.raises(RunError, match=message):
        RunFolder.open(run.path)


@pytest.mark.parametrize("rest", ["{", '{"episode": 3, "ener', '{"episode": 3, "energy": -1.0}'])
def test_a_last_line_cut_off_by_a_kill_is_dropped(run, rest):
    before = run.metrics()
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(rest)
    assert run.metrics() == before
    assert run.keep_metrics(2) == before
    assert not (run.path / "metrics.jsonl").read_text().endswith(rest)


@pytest.mark.parametrize("line", [b"", b"{", b"7", b"[1]", b'{"energy": NaN}', b"\x00" * 20, b"\xff\xfe"], ids=repr)
def test_any_other_damaged_line_is_refused_with_its_number(run, line):
    file = run.path / "metrics.jsonl"
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([lines[0], line, lines[1], b""]))
    damaged = file.read_bytes()
    with pytest.raises(RunError, match=r"metrics.jsonl is corrupted in line 2"):
        run.metrics()
    with pytest.raises(RunError, match="line 2"):
        run.keep_metrics(2)
    assert file.read_bytes() == damaged
    with pytest.warns(UserWarning, match=r"line 2.*kept the 1 records before it"):
        assert [record["episode"] for record in run.keep_metrics(1)] == [1]
    assert file.read_bytes() == lines[0] + b"\n"


@each_example_restores_the_file
@given(data=st.data())
def test_a_truncated_checkpoint_is_refused(run, data):
    file = run.path / "checkpoint.npz"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(RunError, match=r"checkpoint.npz is corrupted.*remove it to start the run anew"):
            run.load_checkpoint()
    finally:
        file.write_bytes(whole)


@each_example_restores_the_file
@given(data=st.data())
def test_a_flipped_byte_in_a_checkpoint_is_refused_or_changes_nothing(run, data):
    file = run.path / "checkpoint.npz"
    whole, (arrays, state) = file.read_bytes(), run.load_checkpoint()
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        file.write_bytes(damaged)
        try:
            found, found_state = run.load_checkpoint()
        except RunError as error:
            assert "checkpoint.npz is corrupted" in str(error)  # noqa: PT017 - some bytes of a zip file mean nothing
            return
        assert found_state == state
        assert found.keys() == arrays.keys()
        assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    finally:
        file.write_bytes(whole)


@pytest.mark.parametrize(
    "content",
    [
        lambda file: np.savez(file, weights=np.zeros(3)),
        lambda file: np.savez(file, **{"state.json": np.array("[1]")}),
        lambda file: np.savez(file, **{"state.json": np.array("{}")}),
        lambda file: np.savez(file, **{"state.json": np.array("{")}),
        lambda file: np.savez(file, **{"state.json": np.arange(3)}),
        lambda file: np.save(file, np.zeros(3)),
        lambda file: file.write(b"not a checkpoint"),
    ],
    ids=["no state", "a list", "empty", "not JSON", "numbers", "no archive", "text"],
)
def test_an_archive_that_is_no_checkpoint_is_refused(run, content):
    with (run.path / "checkpoint.npz").open("wb") as file:
        content(file)
    with pytest.raises(RunError, match=r"checkpoint.npz is corrupted"):
        run.load_checkpoint()


def test_the_checkpoint_of_another_run_is_refused(run, config, tmp_path):
    other = RunFolder.create(tmp_path / "other", config | {"seed": 8})
    other.save_checkpoint({}, {"episodes": 2})
    (run.path / "checkpoint.npz").write_bytes((other.path / "checkpoint.npz").read_bytes())
    with pytest.raises(RunError, match=rf"belongs to another run \({other.id}, not {run.id}\)"):
        run.load_checkpoint()


class Payload:
    """Unpickling this creates a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_pickled_objects_in_a_checkpoint_are_refused_and_never_run(run, tmp_path):
    marker = tmp_path / "the payload ran"
    state = json.dumps({"run": run.id, "state": {"episodes": 2}})
    evil = np.empty(1, dtype=object)
    evil[0] = Payload(marker)
    np.savez(run.path / "checkpoint.npz", **{"state.json": np.array(state), "weights": evil})
    with pytest.raises(RunError, match="allow_pickle=False"):
        run.load_checkpoint()
    assert not marker.exists()
    with np.load(run.path / "checkpoint.npz", allow_pickle=True) as archive:
        archive["weights"]
    assert marker.exists()  # the trap works


def test_a_pickled_state_is_refused_and_never_run(run, tmp_path):
    marker = tmp_path / "the payload ran"
    evil = np.empty((), dtype=object)
    evil[()] = Payload(marker)
    np.savez(run.path / "checkpoint.npz", **{"state.json": evil})
    with pytest.raises(RunError, match="allow_pickle=False"):
        run.load_checkpoint()
    assert not marker.exists()


def test_objects_cannot_be_saved_either(run):
    before = (run.path / "checkpoint.npz").read_bytes()
    with pytest.raises(ValueError, match="allow_pickle=False"):
        run.save_checkpoint({"weights": np.array([object()])}, {"episodes": 2})
    assert (run.path / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"energy": NaN}', b"\xff\xfe"], ids=repr)
def test_a_damaged_result_is_refused(run, content):
    (run.path / "result.json").write_bytes(content)
    with pytest.raises(RunError, match=r"result.json is corrupted"):
        run.result()
