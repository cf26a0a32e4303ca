"""Finding runs, sweeps and other work below folders, while they come and go."""

import json
import os
import shutil
from pathlib import Path

import pytest

from qvar.classify.comparison import RepeatedFolds, ShuffleSplits
from qvar.dashboard import Watcher, watcher
from qvar.dashboard.best import read_best
from qvar.dashboard.work import read_work
from qvar.problems import molecule
from qvar.runs import RunFolder, config_hash
from qvar.search import RandomPolicy, search
from qvar.simulators import StatevectorSimulator
from qvar.simulators.errors import QvarError, RunError

from .conftest import EXACT, RESULT, append, record


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Search the folders at every look."""
    monkeypatch.setattr(watcher, "_SEARCH_EVERY_SECONDS", 0.0)


def names(seen):
    return {row.name: row.state for row in seen.rows.values()}


def test_runs_are_found_below_a_folder_also_later(make_run, tmp_path):
    make_run("a", records=[record(1)])
    watching = Watcher([tmp_path / "runs"])
    assert names(watching.look()) == {"runs/a": "running"}
    make_run("deep/er/b", records=[record(1)], result=RESULT)
    assert names(watching.look()) == {"runs/a": "running", "runs/deep/er/b": "finished"}


def test_a_sweep_shows_its_runs_before_they_start(make_sweep, tmp_path):
    folder = make_sweep("s", [0, 1])
    watching = Watcher([folder.path])
    assert names(watching.look()) == {"s/all/seed0": "waiting", "s/all/seed1": "waiting"}
    run = folder.runs()[1]
    RunFolder.create(run.path, run.config)
    append(run.path, record(1))
    assert names(watching.look())["s/all/seed1"] == "running"


def test_a_damaged_sweep_is_named_and_hides_no_other(make_sweep, make_run, tmp_path):
    folder = make_sweep("s", [0])
    make_run("a", records=[record(1)])
    (folder.path / "sweep.json").write_text("{")
    seen = Watcher([tmp_path / "runs"]).look()
    assert names(seen) == {"runs/a": "running"}
    assert "sweep.json" in seen.problems[0]


def test_a_run_that_is_removed_is_no_error(make_run, tmp_path):
    path = make_run("a", records=[record(1)])
    watching = Watcher([tmp_path / "runs"])
    watching.look()
    shutil.rmtree(path)
    assert len(watching.look().rows) == 1


def test_long_records_are_read_in_pieces_that_add_up(make_run, tmp_path):
    paths = [make_run(name, records=[record(n) for n in range(1, 9001)]) for name in ("a", "b")]
    assert paths[0].joinpath("metrics.jsonl").stat().st_size > 2 << 20
    watching = Watcher([tmp_path / "runs"])
    seen, n_looks = watching.look(seconds=0.0), 1
    while seen.is_behind:
        seen, n_looks = watching.look(seconds=0.0), n_looks + 1
    assert n_looks > 4
    assert [row.episodes for row in seen.rows.values()] == [9000, 9000]


def test_links_are_not_followed(make_run, tmp_path):
    make_run("a", records=[record(1)])
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    assert names(Watcher([tmp_path / "runs"]).look()) == {"runs/a": "running"}


def test_a_folder_that_may_not_be_read_is_named_and_hides_no_other(make_run, tmp_path, monkeypatch):
    closed = make_run("closed", records=[record(1)])
    make_run("open", records=[record(1)])
    is_file = Path.is_file

    def guarded(path):
        if closed in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", guarded)
    seen = Watcher([tmp_path / "runs"]).look()
    assert names(seen) == {"runs/open": "running"}
    assert seen.problems == (f"{closed} cannot be read: Permission denied",)


def test_what_is_beyond_the_limit_of_folders_is_said(make_run, tmp_path, monkeypatch):
    monkeypatch.setattr(watcher, "_MAX_FOLDERS", 3)
    for name in "abcd":
        make_run(name, records=[record(1)])
    seen = Watcher([tmp_path / "runs"]).look()
    assert names(seen) == {"runs/a": "running", "runs/b": "running"}
    assert "only 3 folders" in seen.problems[0]


@pytest.mark.parametrize("plan", [{"all": 1}, {"all": {}}, {"all": {"labels": 1, "configuration": {"problem": 3}}}])
def test_a_hostile_sweep_hides_no_other(make_run, tmp_path, plan):
    make_run("a", records=[record(1)])
    content = {"combinations": plan, "seeds": [0]}
    sweep = {"format": "qvar-sweep", "version": 1, "id": config_hash(content), **content}
    (tmp_path / "runs" / "s").mkdir()
    (tmp_path / "runs" / "s" / "sweep.json").write_text(json.dumps(sweep))
    seen = Watcher([tmp_path / "runs"]).look()
    assert names(seen)["runs/a"] == "running"
    assert seen.problems or "damaged" in names(seen).values()


def test_a_total_beyond_measure_is_damage(tmp_path):
    folder = tmp_path / "runs" / "latent"
    folder.mkdir(parents=True)
    content = {"format": "qvar-latent", "config": {"training": {"epochs": 10**300}}}
    (folder / "config.json").write_text(json.dumps(content))
    (row,) = Watcher([tmp_path / "runs"]).look().work
    assert row.state == "damaged"


def test_latent_spaces_and_comparisons_are_rows_of_progress(tmp_path):
    latent = tmp_path / "runs" / "space"
    latent.mkdir(parents=True)
    (latent / "config.json").write_text(json.dumps({"format": "qvar-latent", "config": {"training": {"epochs": 5}}}))
    (latent / "metrics.jsonl").write_text('{"loss": 2.5, "held_out_loss": 3.5}\n')
    for name, splits in {"random": ShuffleSplits(3), "folds": RepeatedFolds(n_folds=5, n_repeats=2)}.items():
        comparison = tmp_path / "runs" / name
        comparison.mkdir()
        config = {"splits": splits.to_dict(), "features": {"x": {}}, "models": [1, 2], "train_sizes": [10]}
        (comparison / "config.json").write_text(json.dumps({"format": "qvar-comparison", "config": config}))
        (comparison / "cells.jsonl").write_text("{}\n{}\n{}")
    rows = {row.name: row for row in Watcher([tmp_path / "runs"]).look().work}
    assert (rows["runs/space"].done, rows["runs/space"].total, rows["runs/space"].note) == (
        1,
        5,
        "loss 2.5, held out 3.5",
    )
    assert (rows["runs/random"].done, rows["runs/random"].total) == (2, 12)
    assert (rows["runs/folds"].done, rows["runs/folds"].total) == (2, 40)


@pytest.mark.parametrize(
    ("date", "state"), [(1e9, "running"), (1e9 - 660, "stalled"), (4e9, "stalled"), (0, "stalled")]
)
def test_other_work_of_any_date_has_a_state(tmp_path, date, state):
    (tmp_path / "config.json").write_text(json.dumps({"format": "qvar-latent", "config": {"training": {"epochs": 5}}}))
    os.utime(tmp_path / "config.json", (date, date))
    assert read_work(tmp_path, "space", now=1e9).state == state


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(RunError, match="is no folder"):
        Watcher([tmp_path / "nowhere"])


def test_the_best_circuit_of_a_real_run_is_that_of_its_result_and_of_its_checkpoint(tmp_path):
    engine = StatevectorSimulator()
    result = search("h2-2", engine, RandomPolicy(), episodes=5, max_gates=4, seed=1, out=tmp_path / "run")
    final = read_best(tmp_path / "run", exact_energy=EXACT)
    assert final.is_final
    (tmp_path / "run" / "result.json").unlink()
    before = read_best(tmp_path / "run", exact_energy=EXACT)
    assert not before.is_final
    for best in (final, before):
        energy = engine.objective(best.circuit, molecule("h2-2").observable)(best.parameters)
        assert energy == pytest.approx(min(result.noiseless_energy, energy), abs=2e-6)
    assert [(c.n_cnots, c.depth) for c in final.candidates] == [(c.n_cnots, c.depth) for c in result.pareto]


@pytest.mark.parametrize("text", ["[", "{}", '{"qasm": 3}', '{"qasm": "import os"}'])
def test_a_damaged_result_is_an_error_in_words(make_run, text):
    path = make_run("a", records=[record(1)], result=RESULT)
    (path / "result.json").write_text(text)
    with pytest.raises(QvarError):
        read_best(path, exact_energy=EXACT)


def test_a_pickle_in_place_of_a_checkpoint_is_not_loaded(make_run, tmp_path):
    import numpy as np

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = make_run("a", records=[record(1)])
    np.savez(path / "checkpoint.npz", **{"state.json": np.array([Trap()], dtype=object)})
    with pytest.raises(QvarError, match="cannot be read"):
        read_best(path, exact_energy=EXACT)
    assert not (tmp_path / "sprung").exists()


def test_the_identity_of_a_run_is_still_checked(make_run, make_config, tmp_path):
    path = make_run("a", records=[record(1)])
    content = json.loads((path / "config.json").read_text())
    content["config"]["seed"] = 99
    (path / "config.json").write_text(json.dumps(content))
    assert content["id"] != config_hash(content["config"])
    assert names(Watcher([tmp_path / "runs"]).look()) == {"runs/a": "damaged"}
