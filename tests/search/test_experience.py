"""The experience of one run fills the replay memory of another, which does not need it again."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

import qvar.search.run_in_progress
from qvar.agents import RandomPolicy
from qvar.agents.replay import ReplayBuffer
from qvar.envs import FixedThreshold
from qvar.optimizers import LBFGS
from qvar.problems import molecule
from qvar.runs import RunFolder
from qvar.search import run_search
from qvar.search.experience import Experience
from qvar.simulators import NoiseModel, PauliTransferSimulator
from qvar.simulators.errors import RunError


@pytest.fixture(scope="module")
def noiseless(exact_search, tmp_path_factory):
    """A finished noiseless run of 12 episodes of 4 gates; its memory holds the last 40 transitions."""
    out = tmp_path_factory.mktemp("noiseless") / "run"
    run_search(exact_search, out=out)
    return out


@pytest.fixture
def noisy(exact_search):
    return replace(
        exact_search, engine=PauliTransferSimulator(NoiseModel.from_numbers(p1=1e-3, p2=1e-2)), episodes=6, seed=8
    )


def memory_of(folder):
    return dict(Experience.read(folder).arrays)


def test_the_memory_begins_with_the_transitions_of_the_other_run(noisy, noiseless, tmp_path, monkeypatch):
    seen = []
    play = qvar.search.run_in_progress.RunInProgress.play

    def first_look(run):
        if not seen:
            seen.append({name: array.copy() for name, array in run._searcher.state()[0].items()})
        return play(run)

    monkeypatch.setattr(qvar.search.run_in_progress.RunInProgress, "play", first_look)
    result = run_search(noisy, replay_from=noiseless)
    given, memory = memory_of(noiseless), seen[0]
    assert len(given["actions"]) == 40
    for name in ("bits", "energies", "actions", "rewards", "bootstraps", "next_bits", "next_energies", "next_masks"):
        assert sorted(map(bytes, memory[f"agent.replay.{name}"])) == sorted(map(bytes, given[name]))
    assert result.history[0]["loss"] is not None  # there is enough to learn from at once
    assert run_search(noisy).history[0]["loss"] is None


def test_the_record_names_the_other_run_and_differs_from_a_run_of_its_own(noisy, noiseless, tmp_path, without_seconds):
    with_it = run_search(noisy, out=tmp_path / "run", replay_from=noiseless)
    without = run_search(noisy)
    assert RunFolder.open(tmp_path / "run").config["replay_from"] == RunFolder.open(noiseless).id
    assert without_seconds(with_it.history) != without_seconds(without.history)
    again = run_search(noisy, replay_from=noiseless)
    assert without_seconds(again.history) == without_seconds(with_it.history)


@pytest.mark.parametrize("n_played", [0, 3])
def test_a_killed_run_resumes_without_the_other_folder(
    noisy, noiseless, tmp_path, monkeypatch, file_contents, read_run, n_played
):
    other = shutil.copytree(noiseless, tmp_path / "other")
    out, snapshots = tmp_path / "run", []
    with monkeypatch.context() as patch:
        patch.setattr(qvar.search.run_in_progress, "CHECKPOINT_SECONDS", 0.0)
        run_search(noisy, out=out, replay_from=other, on_episode=lambda _: snapshots.append(file_contents(out)))
    shutil.rmtree(other)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file, content in snapshots[n_played].items():
        if n_played > 0 or file != "checkpoint.npz":  # killed before the first one, the run starts anew
            (copy / file).write_bytes(content)
    configuration = replace(noisy, replay_from=RunFolder.open(out).config["replay_from"])
    run_search(configuration, out=copy, resume=True)
    assert read_run(copy) == read_run(out)


def test_a_run_killed_before_it_kept_its_copy_asks_for_the_folder_once_more(noisy, noiseless, tmp_path, read_run):
    run_search(noisy, out=tmp_path / "run", replay_from=noiseless)
    killed = tmp_path / "killed"
    killed.mkdir()
    shutil.copy(tmp_path / "run" / "config.json", killed)
    configuration = replace(noisy, replay_from=RunFolder.open(noiseless).id)
    with pytest.raises(RunError, match=r"no copy of its experience.*--replay-from"):
        run_search(configuration, out=killed, resume=True)
    run_search(noisy, out=killed, resume=True, replay_from=noiseless)
    assert read_run(killed) == read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"problem": molecule("h2-3")}, "8 actions.*15"),
        ({"max_gates": 5}, "max_gates=4, this one 5"),
    ],
)
def test_experience_that_does_not_fit_is_refused_before_anything_is_written(noisy, noiseless, tmp_path, changes, named):
    with pytest.raises(RunError, match=named):
        run_search(replace(noisy, **changes), out=tmp_path / "run", replay_from=noiseless)
    assert not (tmp_path / "run").exists()


def test_cnots_on_other_pairs_do_not_fit(exact_search, tmp_path):
    """Ourense couples four qubits as a T; without noise every pair is free."""
    short = replace(
        exact_search, problem=molecule("h2-4"), episodes=4, optimizer=LBFGS(max_iterations=1), evaluate_every=None
    )
    run_search(short, out=tmp_path / "free")
    ourense = NoiseModel.named("ourense")
    with pytest.raises(RunError, match="24 actions, this one chooses among 18"):
        run_search(replace(short, engine=PauliTransferSimulator(ourense)), replay_from=tmp_path / "free")
    free = replace(short, engine=PauliTransferSimulator(ourense.without_coupling()))
    assert run_search(free, replay_from=tmp_path / "free").history


def test_an_unfinished_run_and_one_without_a_memory_are_refused(noisy, noiseless, tmp_path):
    unfinished = shutil.copytree(noiseless, tmp_path / "unfinished")
    (unfinished / "result.json").unlink()
    with pytest.raises(RunError, match="is not finished"):
        run_search(noisy, replay_from=unfinished)
    run_search(replace(noisy, algorithm=RandomPolicy()), out=tmp_path / "random")
    with pytest.raises(RunError, match=r"kept no transitions.*RandomPolicy"):
        run_search(noisy, replay_from=tmp_path / "random")
    with pytest.raises(RunError, match="holds no run"):
        run_search(noisy, replay_from=tmp_path / "nowhere")


def test_an_agent_without_a_memory_cannot_replay(noisy, noiseless):
    with pytest.raises(RunError, match="only DoubleDQN has a replay memory"):
        run_search(replace(noisy, algorithm=RandomPolicy()), replay_from=noiseless)


def test_a_configuration_that_names_another_run_is_refused(noisy, noiseless):
    with pytest.raises(RunError, match="replays from run 0123"):
        run_search(replace(noisy, replay_from="0123"), replay_from=noiseless)


def test_energies_of_other_runs_may_count_as_other_rewards(exact_search, noiseless):
    """Only actions and observations must fit; another curriculum is what replay is for."""
    other = replace(exact_search, curriculum=FixedThreshold(1e-2), episodes=2, seed=5)
    assert run_search(other, replay_from=noiseless).history


@pytest.mark.parametrize(("added", "capacity"), [(3, 8), (5, 5), (8, 5), (8, 3), (13, 20)])
def test_a_memory_takes_the_latest_transitions_of_another_in_their_order(added, capacity):
    def fill(buffer, n):
        from qvar.agents.replay import Transition

        zeros = np.zeros(4, np.float32)
        for k in range(n):
            buffer.add(Transition(zeros, 0, float(k), 0.0, zeros, np.ones(2, bool)))

    source, target = ReplayBuffer(5, 4, 2), ReplayBuffer(capacity, 4, 2)
    fill(source, added)
    rows = target.extend(source.state_arrays())
    expected = list(range(max(0, added - 5), added))[-capacity:]
    assert target.take(np.array(rows)).rewards.tolist() == expected
    fill(target, 1)  # and goes on behind them, over the oldest
    stored = target.state_arrays()["rewards"].tolist()
    assert sorted(stored) == sorted([*expected, 0.0][-capacity:])
