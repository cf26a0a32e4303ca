"""A run killed at any moment resumes and ends with the record of an unbroken one."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import qvar.runs.folder
import qvar.runs.sealed
import qvar.search.run_in_progress
from qvar.runs import RunFolder
from qvar.search import run_search
from qvar.simulators.errors import RunError

EPISODES = 45

# Kill this very process by SIGKILL a little after an episode, while the run goes on.
RUN_AND_DIE = """
import json, os, signal, sys, threading
from pathlib import Path
import qvar.search.run_in_progress as run_in_progress
from qvar.search import SearchConfiguration, run_search

config, out, checkpoint_seconds, last_episode, delay, moment = sys.argv[1:]
run_in_progress.CHECKPOINT_SECONDS = float(checkpoint_seconds)
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

def on_episode(record):
    if record["episode"] == int(last_episode):
        if moment == "while a file is written":
            os.fsync = lambda _: die() if any(Path(out).glob("*.tmp")) else None
        else:
            threading.Timer(float(delay), die).start()

configuration = SearchConfiguration.from_dict(json.loads(Path(config).read_text()))
run_search(configuration, out=Path(out), resume=True, on_episode=on_episode)
"""


@pytest.fixture(scope="module")
def configuration(noisy_search):
    return replace(noisy_search, episodes=EPISODES)


@pytest.fixture(scope="module")
def unbroken(configuration, tmp_path_factory):
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    run_search(configuration, out=out)
    return out


@pytest.fixture
def start_and_kill(configuration, tmp_path):
    """Start or resume the run in a process of its own that dies by SIGKILL after an episode."""
    config = tmp_path / "configuration.json"
    config.write_text(json.dumps(configuration.to_dict()))

    def start(out, *, after, delay=0.0, checkpoint_seconds=0.0, moment=""):
        arguments = [config, out, checkpoint_seconds, after, delay, moment]
        done = subprocess.run(
            [sys.executable, "-c", RUN_AND_DIE, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not (out / "result.json").exists()

    return start


def test_a_run_killed_again_and_again_ends_with_the_record_of_an_unbroken_one(
    configuration, unbroken, start_and_kill, read_run, tmp_path
):
    out, rng = tmp_path / "run", np.random.default_rng(11)
    start_and_kill(out, after=8, checkpoint_seconds=1e9)
    assert not (out / "checkpoint.npz").exists()  # killed before the first one: the run starts anew
    assert (out / "metrics.jsonl").stat().st_size > 0
    for after in (5, 20):
        start_and_kill(out, after=after, delay=rng.uniform(0, 0.03))
        assert list(out.glob("checkpoint*.npz"))  # between both renames there is only the previous one
    start_and_kill(out, after=32, moment="while a file is written")
    assert [p.name for p in out.iterdir() if p.name.endswith(".tmp")]
    result = run_search(configuration, out=out, resume=True)
    assert read_run(out) == read_run(unbroken)
    assert result.to_dict() == RunFolder.open(out).result()


class Killed(BaseException):
    """Stands in for the end of the process."""


class Saboteur:
    """Lets a number of writes pass, then breaks the next one in the way asked for and ends the process."""

    def __init__(self, monkeypatch, *, passes, how):
        self.left, self.how = passes, how
        self.write, self.append = qvar.runs.sealed.write_atomically, RunFolder.append_metrics
        monkeypatch.setattr(qvar.search.run_in_progress, "CHECKPOINT_SECONDS", 0.0)
        monkeypatch.setattr(qvar.runs.folder, "write_atomically", self.write_or_die)
        monkeypatch.setattr(qvar.runs.sealed, "write_atomically", self.write_or_die)
        monkeypatch.setattr(RunFolder, "append_metrics", lambda folder, record: self.append_or_die(folder, record))
        for name in ("write_circuit", "write_learning_curve", "write_pareto"):  # slow, and not part of what is resumed
            monkeypatch.setattr(qvar.search.run_in_progress, name, lambda *args, **kwargs: None)

    def is_last(self):
        self.left -= 1
        return self.left < 0

    def write_or_die(self, path, data, **settings):
        if not self.is_last():
            return self.write(path, data, **settings)
        if self.how == "halfway":
            path.with_name(f".{path.name}.4711.tmp").write_bytes(data[: len(data) // 2])
        if self.how == "after":
            self.write(path, data, **settings)
        raise Killed

    def append_or_die(self, folder, record):
        if not self.is_last():
            return self.append(folder, record)
        if self.how == "halfway":
            line = json.dumps(record)
            with (folder.path / "metrics.jsonl").open("a") as file:
                file.write(line[: len(line) // 2])
        if self.how == "after":
            self.append(folder, record)
        raise Killed


@pytest.mark.parametrize("how", ["before", "halfway", "after"])
def test_a_process_that_dies_at_any_write_leaves_a_run_that_resumes(
    noisy_search, monkeypatch, tmp_path, without_seconds, how
):
    configuration = replace(noisy_search, episodes=4)
    expected = without_seconds(run_search(configuration).history)
    for passes in range(1000):
        out = tmp_path / f"run{passes}"
        with monkeypatch.context() as patch:
            Saboteur(patch, passes=passes, how=how)
            try:
                run_search(configuration, out=out)
            except Killed:
                pass
            else:
                break  # no write is left to die at
        with monkeypatch.context() as patch:
            Saboteur(patch, passes=10**6, how=how)
            result = run_search(configuration, out=out, resume=True)
        assert without_seconds(result.history) == expected
        assert without_seconds(RunFolder.open(out).metrics()) == expected
        assert RunFolder.open(out).is_finished
        assert [p.name for p in out.iterdir() if p.name.endswith(".tmp")] == []
    # configuration, metrics made empty, 4 records and checkpoints, the last checkpoint, the result
    assert passes == 1 + 1 + 4 * 2 + 1 + 1


@pytest.mark.parametrize("name", ["exact_search", "noisy_search"])
def test_resuming_from_every_checkpoint_gives_the_same_final_state(
    request, monkeypatch, tmp_path, file_contents, read_run, name
):
    """Networks, optimizer moments, replay memory and random streams included."""
    configuration = request.getfixturevalue(name)
    snapshots = []
    with monkeypatch.context() as patch:
        patch.setattr(qvar.search.run_in_progress, "CHECKPOINT_SECONDS", 0.0)
        out = tmp_path / "run"
        run_search(configuration, out=out, on_episode=lambda _: snapshots.append(file_contents(out)))
    expected, (arrays, state) = read_run(out), RunFolder.open(out).load_checkpoint()
    for snapshot in (snapshots[1], snapshots[6], snapshots[-1]):
        copy = tmp_path / f"after {len(snapshot['metrics.jsonl'])} bytes"
        copy.mkdir()
        for file, content in snapshot.items():
            (copy / file).write_bytes(content)
        run_search(configuration, out=copy, resume=True)
        assert read_run(copy) == expected
        final_arrays, final_state = RunFolder.open(copy).load_checkpoint()
        assert {k: v for k, v in final_state.items() if k != "seconds"} == {
            k: v for k, v in state.items() if k != "seconds"
        }
        assert final_arrays.keys() == arrays.keys()
        assert all(np.array_equal(final_arrays[k], arrays[k]) for k in arrays)


def test_negative_control_a_checkpoint_with_another_random_stream_ends_elsewhere(
    configuration, unbroken, tmp_path, monkeypatch, file_contents, read_run
):
    out, snapshots = tmp_path / "run", []
    monkeypatch.setattr(qvar.search.run_in_progress, "CHECKPOINT_SECONDS", 0.0)
    run_search(configuration, out=out, on_episode=lambda _: snapshots.append(file_contents(out)))
    assert read_run(out) == read_run(unbroken)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file, content in snapshots[5].items():
        (copy / file).write_bytes(content)
    folder = RunFolder.open(copy)
    arrays, state = folder.load_checkpoint()
    state["searcher"]["agent"]["explore_rng"]["state"]["state"] ^= 1
    folder.save_checkpoint(arrays, state)
    run_search(configuration, out=copy, resume=True)
    assert read_run(copy).metrics != read_run(unbroken).metrics


def test_resuming_a_finished_run_reads_it_and_writes_nothing(configuration, unbroken, file_contents, monkeypatch):
    def no_more_episodes(session):
        raise AssertionError("an episode was played")

    monkeypatch.setattr(qvar.search.run_in_progress.RunInProgress, "play", no_more_episodes)
    before, seen = file_contents(unbroken), []
    result = run_search(configuration, out=unbroken, resume=True, on_episode=seen.append)
    assert result.to_dict() == RunFolder.open(unbroken).result()
    assert seen == list(result.history) == RunFolder.open(unbroken).metrics()
    after = file_contents(unbroken)
    assert after == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 4}, "seed: 3 there, 4 here"),
        ({"episodes": 99}, "episodes: 45 there, 99 here"),
        ({"shots": 51}, "shots"),
    ],
)
def test_resuming_with_another_configuration_is_refused_and_nothing_changed(
    configuration, unbroken, file_contents, changes, named
):
    before = file_contents(unbroken)
    with pytest.raises(RunError, match=f"another configuration.*{named}"):
        run_search(replace(configuration, **changes), out=unbroken, resume=True)
    assert file_contents(unbroken) == before


def test_starting_in_an_occupied_folder_without_resume_is_refused_and_nothing_changed(
    configuration, unbroken, file_contents
):
    before = file_contents(unbroken)
    with pytest.raises(RunError, match="already exists and is not empty"):
        run_search(configuration, out=unbroken)
    assert file_contents(unbroken) == before


def copy_of(folder, target):
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_the_checkpoint_of_another_run_is_refused_and_nothing_changed(configuration, unbroken, tmp_path, file_contents):
    other = tmp_path / "other"
    run_search(replace(configuration, seed=4, episodes=2), out=other)
    mixed = copy_of(unbroken, tmp_path / "mixed")
    (mixed / "checkpoint.npz").write_bytes((other / "checkpoint.npz").read_bytes())
    before = file_contents(mixed)
    with pytest.raises(RunError, match="belongs to another run"):
        run_search(configuration, out=mixed, resume=True)
    assert file_contents(mixed) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays, state: state["tracker"].pop("best"),
        lambda arrays, state: state["searcher"].pop("agent"),
        lambda arrays, state: state["tracker"]["best"].update(operations=[["warp", [0], []]]),
        lambda arrays, state: state["searcher"]["environments"][0].pop("np_random"),
        lambda arrays, state: state["searcher"]["environments"][0]["curriculum"].pop("best"),
        lambda arrays, state: state["searcher"]["agent"].update(explore_rng={}),
        lambda arrays, state: state["tracker"].update(cost={"steps": 1, "euros": 3}),
        lambda arrays, state: arrays.pop("agent.policy.0.weight"),
        lambda arrays, state: arrays.update({"agent.policy.0.weight": np.zeros((2, 2), np.float32)}),
        lambda arrays, state: arrays.update({"agent.replay.bits": np.zeros((1, 1), np.uint8)}),
    ],
)
def test_a_checkpoint_that_does_not_fit_its_run_is_refused_and_nothing_changed(
    configuration, unbroken, tmp_path, file_contents, damage
):
    folder = RunFolder.open(copy_of(unbroken, tmp_path / "run"))
    arrays, state = folder.load_checkpoint()
    damage(arrays, state)
    folder.save_checkpoint(arrays, state)
    before = file_contents(folder.path)
    with pytest.raises(RunError, match="does not fit its run"):
        run_search(configuration, out=folder.path, resume=True)
    assert file_contents(folder.path) == before


def test_metrics_that_are_shorter_than_the_checkpoint_says_are_refused(
    configuration, unbroken, tmp_path, file_contents
):
    folder = copy_of(unbroken, tmp_path / "run")
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:10]))
    before = file_contents(folder)
    with pytest.raises(RunError, match="holds 10 records, its checkpoint says 45"):
        run_search(configuration, out=folder, resume=True)
    assert file_contents(folder) == before


def test_a_finished_run_without_its_checkpoint_is_run_anew(configuration, unbroken, tmp_path, read_run):
    short = replace(configuration, episodes=3)
    folder = tmp_path / "run"
    run_search(short, out=folder)
    expected = read_run(folder)
    (folder / "checkpoint.npz").unlink()
    run_search(short, out=folder, resume=True)
    assert read_run(folder) == expected


def test_resuming_where_there_is_no_run_starts_one(configuration, tmp_path, read_run):
    short = replace(configuration, episodes=2)
    run_search(short, out=tmp_path / "a", resume=True)
    run_search(short, out=tmp_path / "b")
    assert read_run(tmp_path / "a") == read_run(tmp_path / "b")


def test_a_finished_run_holds_the_documented_files(unbroken):
    assert sorted(p.name for p in Path(unbroken).iterdir()) == [
        ".lock",
        "best.qasm",
        "best.qpy",
        "checkpoint.npz",
        "circuit.png",
        "config.json",
        "learning_curve.png",
        "metrics.jsonl",
        "pareto.json",
        "pareto.png",
        "result.json",
    ]


def test_where_saving_takes_long_it_is_done_less_often(exact_search, tmp_path, monkeypatch):
    """A clock that stands still but for saving, which takes 10 s, and for episodes, which take 6 s."""
    import qvar.search.run_in_progress as run_in_progress

    clock, saved = [0.0], []
    monkeypatch.setattr(run_in_progress.time, "monotonic", lambda: clock[0])
    write = RunFolder.save_checkpoint

    def slow(folder, arrays, state):
        clock[0] += 10.0
        saved.append(state["episodes"])
        write(folder, arrays, state)

    monkeypatch.setattr(RunFolder, "save_checkpoint", slow)
    monkeypatch.setattr(
        run_in_progress.RunInProgress, "_record", _with_seconds(run_in_progress.RunInProgress._record, clock, 6.0)
    )
    run_search(replace(exact_search, episodes=40, evaluate_every=None), out=tmp_path / "run")
    assert saved[:2] == [1, 35]  # then 200 s, twenty times as long as the first took


def _with_seconds(method, clock, seconds):
    def slower(self, part):
        clock[0] += seconds
        return method(self, part)

    return slower
