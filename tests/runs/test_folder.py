"""Run folders: what is written comes back, and nothing is overwritten."""

import hashlib
import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.runs import RunFolder, config_hash
from qvar.runs.claim import claim
from qvar.simulators.errors import RunError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
configs = st.dictionaries(st.text(max_size=5), values, min_size=1, max_size=5)


def shuffled(value, rng):
    if isinstance(value, dict):
        items = list(value.items())
        rng.shuffle(items)
        return {name: shuffled(inner, rng) for name, inner in items}
    return [shuffled(inner, rng) for inner in value] if isinstance(value, list) else value


@given(configs, st.integers(0, 99))
def test_the_identity_does_not_depend_on_the_order_of_keys(config, seed):
    assert config_hash(shuffled(config, random.Random(seed))) == config_hash(config)


@given(configs)
def test_the_identity_survives_json_and_changes_with_the_content(config):
    assert config_hash(json.loads(json.dumps(config))) == config_hash(config)
    assert config_hash(config | {"one more entry": 1}) != config_hash(config)


def test_the_identity_is_the_hash_of_the_canonical_json():
    text = '{"config": {"a": [1, null], "b": 0.5}, "format": "qvar-run", "version": 1}'
    assert config_hash({"b": 0.5, "a": [1, None]}) == hashlib.sha256(text.encode()).hexdigest()[:32]


@pytest.mark.parametrize("changed", [{"seed": 8}, {"shots": 0}, {"problem": {"key": "h2-2", "terms": {"ZZ": 0.5}}}])
def test_another_configuration_has_another_identity(config, changed):
    assert config_hash(config | changed) != config_hash(config)


def test_a_new_run_can_be_opened_again(tmp_path, config):
    created = RunFolder.create(tmp_path / "deep" / "run", config)
    opened = RunFolder.open(tmp_path / "deep" / "run")
    assert opened.config == created.config == config
    assert opened.id == created.id == config_hash(config)
    assert [p.name for p in opened.path.iterdir()] == ["config.json"]
    assert not opened.is_finished
    assert opened.metrics() == []
    assert opened.load_checkpoint() is None


def test_an_empty_folder_may_hold_a_new_run(tmp_path, config):
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(tmp_path / "empty", config).config == config


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "config.json", ".notes.tmp"])
def test_a_folder_with_any_file_is_refused_and_left_as_it_is(tmp_path, config, contents, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match="not empty; nothing was overwritten"):
        RunFolder.create(tmp_path, config)
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_in_place_of_the_folder_is_refused_and_left_as_it_is(tmp_path, config):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunError, match="already exists"):
        RunFolder.create(tmp_path / "run", config)
    assert (tmp_path / "run").read_text() == "mine"


def test_what_a_kill_during_creation_left_behind_does_not_occupy_a_folder(tmp_path, config):
    (tmp_path / ".config.json.4711.tmp").write_text('{"format": "qvar-r')
    RunFolder.create(tmp_path, config)
    with claim(tmp_path, "run"):
        assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "config.json"]


def test_only_leftovers_are_removed(run):
    (run.path / ".checkpoint.npz.99.tmp").write_bytes(b"half")
    kept = {p.name for p in run.path.iterdir()} - {".checkpoint.npz.99.tmp"} | {".mine.tmp", "x.1.tmp", ".lock"}
    (run.path / ".mine.tmp").write_text("mine")
    (run.path / "x.1.tmp").write_text("mine")
    with claim(run.path, "run"):
        pass
    assert {p.name for p in run.path.iterdir()} == kept


def test_a_configuration_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        RunFolder.create(tmp_path / "run", {"energy": float("nan")})
    assert not (tmp_path / "run" / "config.json").exists()


def test_the_same_configuration_in_another_order_is_the_same_run(run, config):
    run.check_same(dict(reversed(config.items())))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 8}, "seed: 7 there, 8 here"),
        ({"shots": 100}, "shots: null there, 100 here"),
        ({"problem": {"key": "h2-2", "terms": {"ZZ": 0.5}}}, "problem.terms.ZZ: 0.25 there, 0.5 here"),
        ({"problem": {"key": "h2-2"}}, r'problem.terms: {"ZZ": 0.25} there, null here'),
    ],
)
def test_another_configuration_is_refused_naming_what_differs(run, config, changes, named):
    with pytest.raises(RunError, match=rf"another configuration \({named}\); nothing was overwritten"):
        run.check_same(config | changes)


def test_many_differences_are_cut_short(run, config):
    with pytest.raises(RunError) as caught:
        run.check_same(config | {f"x{k}": "y" * 500 for k in range(100)})
    assert "and 92 more" in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_metrics_come_back_in_order(run):
    assert run.metrics() == [
        {"episode": 1, "energy": -0.5, "loss": None},
        {"episode": 2, "energy": -0.75, "loss": 0.1},
    ]
    assert RunFolder.open(run.path).metrics() == run.metrics()


@given(energies=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_numbers_in_metrics_come_back_exactly(tmp_path_factory, energies):
    folder = RunFolder.create(tmp_path_factory.mktemp("runs") / "run", {})
    for energy in energies:
        folder.append_metrics({"energy": energy})
    assert [record["energy"] for record in folder.metrics()] == energies


def test_a_record_with_a_number_json_cannot_hold_is_refused_and_nothing_written(run):
    before = run.metrics()
    with pytest.raises(ValueError, match="JSON"):
        run.append_metrics({"energy": float("inf")})
    assert run.metrics() == before


@pytest.mark.parametrize("n_records", [0, 1, 2])
def test_metrics_after_the_checkpoint_are_dropped(run, n_records):
    before = run.metrics()
    assert run.keep_metrics(n_records) == before[:n_records]
    assert run.metrics() == before[:n_records]
    run.append_metrics({"episode": 99})
    assert run.metrics() == [*before[:n_records], {"episode": 99}]


def test_fewer_metrics_than_the_checkpoint_says_are_refused(run):
    with pytest.raises(RunError, match="holds 2 records, its checkpoint says 3"):
        run.keep_metrics(3)
    assert len(run.metrics()) == 2


def test_checkpoints_come_back_bit_by_bit(run):
    arrays, state = run.load_checkpoint()
    assert sorted(arrays) == ["bits", "step", "weights"]
    assert np.array_equal(arrays["weights"], np.linspace(0, 1, 12).reshape(3, 4))
    assert arrays["bits"].dtype == np.uint8
    assert arrays["step"].shape == ()
    assert state == {"episodes": 2, "rng": {"state": 2**127 + 1}, "epsilon": 0.1 + 0.2}


def test_a_checkpoint_replaces_the_one_before(run):
    run.save_checkpoint({"other": np.zeros(2)}, {"episodes": 5})
    for number in range(3, 6):
        run.append_metrics({"episode": number, "energy": 0.0, "loss": None})
    arrays, state = run.load_checkpoint()
    assert list(arrays) == ["other"]
    assert state == {"episodes": 5}


def test_a_run_with_a_result_is_finished(run):
    run.write_result({"energy": -1.0})
    assert run.is_finished
    assert RunFolder.open(run.path).result() == {"energy": -1.0}


def test_the_result_of_an_unfinished_run_is_refused_saying_how_to_go_on(run):
    with pytest.raises(RunError, match=r"not finished; go on with: qvar search --resume --out .*run"):
        run.result()
