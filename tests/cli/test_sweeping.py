"""sweep: lists of names become runs, output is for people or for machines, and the same command goes on."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from qvar.cli.durations import duration
from qvar.cli.inputs import parse_seeds
from qvar.cli.progress import ProgressLine, counted
from qvar.cli.search import sweep as sweeping
from qvar.cli.search.sweep import SweepOptions
from qvar.problems import molecule
from qvar.runs import RunFolder, SweepFolder
from qvar.simulators.errors import QvarError

from .test_wrong_input import check

COMMAND = ("sweep", "h2-2", "--algorithm", "random", "--seeds", "0-1", "--episodes", 3, "--max-gates", 3, "--jobs", 1)


def test_a_sweep_prints_its_table_and_leaves_its_record(qvar, own_folder):
    outcome = qvar(*COMMAND, "--noise", "none,ourense", "--out", "mine")
    assert outcome.code == 0
    first, *lines = [line for line in outcome.err.splitlines() if not line.startswith("about ")]
    assert first == "4 runs: 1 task x 2 noise x 1 preset x 1 algorithm x 2 seeds, 1 at a time, in mine"
    assert len(lines) == 4
    assert lines[0].startswith("1 of 4: h2-2-none-qvar-random, seed 0: noiseless error ")
    assert "s left, " in lines[0]
    assert lines[3].startswith("4 of 4: h2-2-ourense-qvar-random, seed 1: ")
    assert "h2-2 ourense qvar random" in outcome.words
    assert "h2-2, no noise: One experiment" in outcome.out
    assert "tables and plots in mine; beside published numbers: qvar report mine" in outcome.out
    with (own_folder / "mine" / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["noise"], row["finished"]) for row in rows] == [("none", "2"), ("ourense", "2")]
    results = [RunFolder.open(own_folder / "mine" / "h2-2-none-qvar-random" / f"seed{s}").result() for s in (0, 1)]
    assert float(rows[0]["error_mean"]) == pytest.approx(sum(result["error"] for result in results) / 2)
    assert f"{float(rows[0]['error_mean']):.2e}" in outcome.out
    assert len(list((own_folder / "mine" / "plots").iterdir())) == 6


def test_the_same_command_goes_on_and_repeats_nothing(qvar, own_folder, file_contents):
    command = (*COMMAND, "--out", "mine")
    assert qvar(*command).code == 0
    before = file_contents(own_folder / "mine" / "h2-2-none-qvar-random")
    (own_folder / "mine" / "h2-2-none-qvar-random" / "seed1" / "result.json").unlink()
    again = qvar(*command)
    assert (
        "2 runs: 1 task x 1 noise x 1 preset x 1 algorithm x 2 seeds (1 finished before, 1 to be resumed)" in again.err
    )
    assert again.err.count(" of 2: ") == 1
    assert "nothing is left to run" in qvar(*command).err
    after = file_contents(own_folder / "mine" / "h2-2-none-qvar-random")
    assert after.keys() == before.keys()
    same = [name for name in before if name.startswith("seed0") or name.endswith(".qasm")]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_a_sweep_says_how_long_it_will_take_and_how_that_is_known(qvar, own_folder, monkeypatch):
    monkeypatch.setattr(sweeping, "forecast_runs", lambda runs, *, jobs: 45.0 * len(runs) / jobs)
    expected = (
        "about 90 s and the tables, by trying the beginning of the searches; half or twice as long would be no surprise"
    )
    assert expected in qvar(*COMMAND, "--out", "mine").err.splitlines()
    (own_folder / "mine" / "h2-2-none-qvar-random" / "seed1" / "result.json").unlink()
    monkeypatch.setattr(sweeping, "seconds_left", lambda statuses, *, jobs: 7.2)
    expected = "about 7 s of searching, by the runs so far; half or twice as long would be no surprise"
    assert expected in qvar(*COMMAND, "--out", "mine").err.splitlines()


@pytest.mark.parametrize(("seconds", "is_said"), [(1.9, False), (2.0, True)])
def test_a_sweep_that_takes_a_moment_says_nothing_of_its_time(qvar, monkeypatch, seconds, is_said):
    monkeypatch.setattr(sweeping, "forecast_runs", lambda runs, *, jobs: seconds)
    assert ("about 2 s" in qvar(*COMMAND, "--out", "mine").err) is is_said


def test_json_is_json_alone_with_every_run(qvar, own_folder):
    outcome = qvar(*COMMAND, "--json", "--out", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    data = json.loads(outcome.out)
    assert data["sweep"] == "mine"
    (setting,) = data["settings"]
    assert [(run["seed"], run["state"]) for run in setting["runs"]] == [(0, "finished"), (1, "finished")]
    result = RunFolder.open(own_folder / "mine" / "h2-2-none-qvar-random" / "seed0").result()
    assert setting["runs"][0]["result"] == result


def test_quiet_is_the_table_alone(qvar):
    outcome = qvar(*COMMAND, "--quiet", "--out", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    assert "h2-2 none qvar random" in outcome.words


def test_options_reach_every_run(qvar, own_folder):
    molecule("h2-2").to_json(own_folder / "mine.json")
    outcome = qvar(
        *("sweep", "mine.json", "--noise", "fake:FakeManilaV2", "--algorithm", "random,ddqn", "--preset", "qvar"),
        *("--seeds", "3", "--episodes", 2, "--max-energies", 30, "--max-gates", 2, "--shots", 10, "--jobs", 1, "-q"),
    )
    assert outcome.code == 0
    (folder,) = (own_folder / "sweeps").iterdir()
    assert folder.name == "mine-fake-FakeManilaV2-qvar-random+ddqn"
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith("mine")) == [
        "mine-fake-FakeManilaV2-qvar-ddqn",
        "mine-fake-FakeManilaV2-qvar-random",
    ]
    for run in SweepFolder.open(folder).runs():
        config = RunFolder.open(run.path).config
        names = ("episodes", "max_energies", "max_gates", "shots", "seed")
        assert tuple(config[name] for name in names) == (2, 30, 2, 10, 3)
        assert config["engine"]["noise"]["name"].startswith("fake_manila")
        assert config["problem"]["key"] == "h2-2"


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", [0, 1, 2, 3, 4]), ("7", [7]), ("1,3,7-9", [1, 3, 7, 8, 9]), ("2-2", [2])]
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-1", "1,", "-1", "1-2-3", "0..3"])
def test_other_seeds_are_refused(text):
    with pytest.raises(QvarError, match="--seeds takes seeds and rising ranges"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            "h2-2,benzene --algorithm random",
            ["1 of 2 combinations cannot be run", "(benzene, noise none", "benzene'"],
        ),
        ("lih-6 --noise none,ourense", ["(lih-6, noise ourense", "has 4 qubits, the problem needs 6"]),
        ("h2-4 --preset qvar,crlqas --shots 10", ["preset crlqas", "1 of 2 combinations"]),
        ("h2-2 --algorithm sarsa", ["unknown algorithm 'sarsa'"]),
        ("h2-2 --preset quick", ["unknown preset 'quick'"]),
        ("h2-2,h2-2", ["task: give different names, separated by commas"]),
        ("h2-2, --algorithm random", ["task: give different names"]),
        ("h2-2 --seeds 1,1", ["every seed once"]),
        ("h2-2 --seeds x", ["--seeds takes seeds and rising ranges"]),
        ("h2-2 --max-energies 0", ["max_energies must be at least 1"]),
        ("h2-2 --episodes 0", ["episodes must be at least 1"]),
    ],
)
def test_what_cannot_be_run_is_one_message_and_leaves_nothing(qvar, own_folder, arguments, parts):
    check(qvar("sweep", *arguments.split()), *parts)
    assert list(own_folder.iterdir()) == []


def test_there_is_at_least_one_run_at_a_time(qvar, own_folder):
    outcome = qvar("sweep", "h2-2", "--jobs", 0)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--jobs" in outcome.err
    assert list(own_folder.iterdir()) == []


def test_another_sweep_in_the_same_folder_is_refused_with_the_differences(qvar, own_folder, file_contents):
    assert qvar(*COMMAND, "--out", "mine").code == 0
    before = file_contents(own_folder)
    outcome = qvar(*COMMAND, "--out", "mine", "--episodes", 4)
    check(outcome, "mine holds another sweep", "episodes: 3 there, 4 here", "--out", "qvar report")
    assert file_contents(own_folder) == before


@pytest.mark.parametrize("flags", [(), ("--json",), ("--quiet",)], ids=["default", "json", "quiet"])
def test_a_failing_run_is_shown_and_ends_with_exit_code_1(qvar, own_folder, flags):
    folder = own_folder / "mine" / "h2-2-none-qvar-random" / "seed1"
    interrupt_before_start(own_folder / "mine")
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work")
    outcome = qvar(*COMMAND, "--out", "mine", *flags)
    assert outcome.code == 1
    assert "FAILED: h2-2-none-qvar-random, seed 1: RunError: " in outcome.err
    assert "not empty; nothing was overwritten" in outcome.err
    if "--json" in flags:
        runs = json.loads(outcome.out)["settings"][0]["runs"]
        assert [run["state"] for run in runs] == ["finished", "failed"]
        assert "not empty" in runs[1]["error_message"]
    else:
        assert "1 FAILED" in outcome.out
        assert "1 of 2 runs failed; the same command tries them again" in outcome.err
    assert "FAILED: h2-2-none-qvar-random/seed1" in (own_folder / "mine" / "summary.md").read_text().replace("\\", "")
    (folder / "thesis.tex").unlink()
    again = qvar(*COMMAND, "--out", "mine")
    assert again.code == 0
    assert "(1 finished before, 1 that failed to be tried again)" in again.err


def interrupt_before_start(path):
    """Leave a sweep of `COMMAND` that has not begun."""
    options = SweepOptions("h2-2", algorithm="random", seeds="0-1", episodes=3, max_gates=3)
    SweepFolder.prepare(path, options.plan().to_dict())


def test_an_interrupted_sweep_says_how_to_go_on(qvar, own_folder, monkeypatch):
    def interrupted(plan, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweeping, "sweep", interrupted)
        outcome = qvar(*COMMAND, "--out", "my sweep", "--cluster", "tcp://host:8786")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.splitlines()[-1] == (
        "interrupted; go on with: qvar sweep h2-2 --algorithm random --seeds 0-1 --episodes 3 --max-gates 3 "
        "--out 'my sweep' --jobs 1 --cluster tcp://host:8786"
    )
    assert (own_folder / "my sweep" / "sweep.json").exists()


def has_ended(group):
    """Wait until no process of a group is left, half a minute at most."""
    for _ in range(300):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_and_says_how_to_go_on(own_folder):
    command = [
        "sweep",
        "h2-2",
        "--noise",
        "none,ourense",
        "--algorithm",
        "random",
        "--seeds",
        "0",
        "--episodes",
        "99999",
    ]
    command = [sys.executable, "-m", "qvar", *command, "--out", "mine", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    process = subprocess.Popen(command, start_new_session=True, **pipes)
    for _ in range(1200):
        if len([file for file in own_folder.glob("mine/*/seed0/metrics.jsonl") if file.stat().st_size]) == 2:
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out.strip()) == (130, "")
    assert "interrupted; go on with: qvar sweep h2-2 --noise none,ourense" in err
    assert "Traceback" not in err
    assert has_ended(process.pid)
    assert [run.status().state for run in SweepFolder.open(own_folder / "mine").runs()] == ["unfinished"] * 2


def test_on_a_terminal_there_is_a_live_line_with_the_time_left(own_folder, qvar):
    assert qvar(*COMMAND, "--out", "mine").code == 0
    (own_folder / "mine" / "h2-2-none-qvar-random" / "seed1" / "result.json").unlink()
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    line = ProgressLine(console, visible=True, total=2, columns=counted())
    with line, sweeping._Display(SweepFolder.open(own_folder / "mine"), line, console, jobs=1):
        for _ in range(100):
            if "runs," in stream.getvalue():
                break
            time.sleep(0.1)
    assert "0 of 2 runs, about 0 s left" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (150, "2 min"), (5400, "90 min"), (7200, "2 h"), (3 * 86_400, "3 days")],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
