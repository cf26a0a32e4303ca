"""How far runs are, read from their folders, and how long the rest will take."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qvar.runs import RunStatus, SweepFolder, SweepRun
from qvar.runs.status import clear_failure, read_status, write_failure
from qvar.runs.sweep_folder import seconds_left
from qvar.simulators.errors import RunError

CONFIG = {"episodes": 10, "max_energies": None}
PLAN = {
    "combinations": {"a": {"labels": {"task": "h2-2"}, "configuration": CONFIG}},
    "seeds": [0, 1],
}


def test_a_run_waits_until_it_has_a_folder(tmp_path):
    assert read_status(tmp_path / "run", CONFIG) == RunStatus("waiting")


def test_the_status_follows_the_files(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert read_status(tmp_path, CONFIG) == RunStatus("unfinished")
    (tmp_path / "metrics.jsonl").write_text('{"episode": 5, "evaluations": 2, "gradients": 1, "seconds": 3}\n')
    assert read_status(tmp_path, CONFIG) == RunStatus("unfinished", 0.5, 3.0)
    write_failure(tmp_path, RunError("no luck\nat all"))
    assert read_status(tmp_path, CONFIG) == RunStatus("failed", 0.5, 3.0, "RunError: no luck at all")
    clear_failure(tmp_path)
    assert read_status(tmp_path, CONFIG).state == "unfinished"
    (tmp_path / "result.json").write_text("{}")
    assert read_status(tmp_path, CONFIG) == RunStatus("finished", 1.0, 3.0)


@pytest.mark.parametrize(
    ("episodes", "max_energies", "share"),
    [(10, None, 0.5), (None, 100, 0.2), (10, 100, 0.5), (10, 25, 0.8), (3, None, 1.0), (None, None, 0.0)],
)
def test_the_share_is_that_of_the_limit_that_is_used_up_more(tmp_path, episodes, max_energies, share):
    (tmp_path / "metrics.jsonl").write_text('{"episode": 5, "evaluations": 8, "gradients": 4, "seconds": 3}\n')
    config = {"episodes": episodes, "max_energies": max_energies}
    assert read_status(tmp_path, config).share == share


@pytest.mark.parametrize("text", ["", "\n", "[1]\n", "{broken\n", '{"episode": "many"}\n'])
def test_a_damaged_record_shows_no_progress(tmp_path, text):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "metrics.jsonl").write_text(text)
    assert read_status(tmp_path, CONFIG) == RunStatus("unfinished")


def test_a_failure_keeps_its_traceback(tmp_path):
    try:
        raise ValueError("here")
    except ValueError as error:
        write_failure(tmp_path, error)
    content = json.loads((tmp_path / "error.json").read_text())
    assert content["error"] == "ValueError: here"
    assert "test_status.py" in content["traceback"]


def runs(*combinations):
    path = Path("nowhere")
    return [SweepRun(name, {}, seed, {}, path / name / str(seed), path) for seed, name in enumerate(combinations)]


@pytest.mark.parametrize(
    ("statuses", "jobs", "expected"),
    [
        ([RunStatus("waiting")] * 4, 2, None),
        ([RunStatus("finished", 1.0, 10.0), *[RunStatus("waiting")] * 3], 1, 30.0),
        ([RunStatus("finished", 1.0, 10.0), *[RunStatus("waiting")] * 3], 3, 10.0),
        ([RunStatus("finished", 1.0, 10.0), *[RunStatus("waiting")] * 3], 16, 10.0),
        ([RunStatus("unfinished", 0.25, 5.0), *[RunStatus("waiting")] * 3], 1, 75.0),
        ([RunStatus("finished", 1.0, 10.0)] * 4, 2, 0.0),
        ([RunStatus("failed", 0.5, 10.0), *[RunStatus("finished", 1.0, 20.0)] * 3], 2, 0.0),
    ],
)
def test_the_time_left_follows_from_the_pace_of_the_runs(statuses, jobs, expected):
    left = seconds_left(dict(zip(runs("a", "a", "a", "a"), statuses, strict=True)), jobs=jobs)
    assert left == (None if expected is None else pytest.approx(expected))


def test_combinations_have_a_pace_of_their_own_and_strangers_the_mean():
    statuses = [
        RunStatus("finished", 1.0, 10.0),
        RunStatus("finished", 1.0, 100.0),
        *[RunStatus("waiting")] * 3,
    ]
    left = seconds_left(dict(zip(runs("fast", "slow", "fast", "slow", "new"), statuses, strict=True)), jobs=1)
    assert left == pytest.approx(10 + 100 + 55)


def test_a_sweep_goes_on_in_its_folder_and_gives_way_to_no_other(tmp_path):
    first = SweepFolder.prepare(tmp_path / "sweep", PLAN)
    before = (first.path / "sweep.json").read_bytes()
    again = SweepFolder.prepare(tmp_path / "sweep", PLAN)
    assert again.runs() == first.runs()
    other = {**PLAN, "combinations": {"a": {"labels": {"task": "h2-2"}, "configuration": {**CONFIG, "episodes": 11}}}}
    with pytest.raises(RunError, match=r"combinations.a.configuration.episodes: 10 there, 11 here"):
        SweepFolder.prepare(tmp_path / "sweep", other)
    with pytest.raises(RunError, match=r"seeds: \[0, 1\] there, \[0, 1, 2\] here"):
        SweepFolder.prepare(tmp_path / "sweep", {**PLAN, "seeds": [0, 1, 2]})
    assert (first.path / "sweep.json").read_bytes() == before


def test_runs_come_seed_by_seed_with_their_whole_configuration(tmp_path):
    plan = {**PLAN, "combinations": {**PLAN["combinations"], "b": PLAN["combinations"]["a"]}}
    found = SweepFolder.prepare(tmp_path / "sweep", plan).runs()
    assert [(run.combination, run.seed) for run in found] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert found[2].config == {**CONFIG, "seed": 1}
    assert found[2].path == tmp_path / "sweep" / "a" / "seed1"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-9], "is corrupted"),
        (lambda text: text.replace('"episodes": 10', '"episodes": 99'), "checksum"),
        (lambda text: text.replace("qvar-sweep", "other"), "checksum"),
        (lambda text: "[]", "is corrupted"),
    ],
)
def test_a_damaged_sweep_is_refused(tmp_path, damage, message):
    file = SweepFolder.prepare(tmp_path / "sweep", PLAN).path / "sweep.json"
    file.write_text(damage(file.read_text()))
    with pytest.raises(RunError, match=message):
        SweepFolder.open(tmp_path / "sweep")


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path):
    plan = {**PLAN, "combinations": {"../a": PLAN["combinations"]["a"]}}
    SweepFolder.prepare(tmp_path / "sweep", plan)
    with pytest.raises(RunError, match="was changed"):
        SweepFolder.open(tmp_path / "sweep")


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="not empty; nothing was overwritten"):
        SweepFolder.prepare(tmp_path, PLAN)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


HOLD = """
import sys
from pathlib import Path
from qvar.runs import SweepFolder
with SweepFolder.open(Path(sys.argv[1])).runs()[0].claimed():
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holding(folder):
    """Start a process that works on the first run of a sweep until its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_run_is_worked_on_by_one_process_at_a_time(tmp_path):
    run = SweepFolder.prepare(tmp_path / "sweep", PLAN).runs()[0]
    other, order = start_holding(tmp_path / "sweep"), []
    assert run.died_at_work  # or is at work

    told = []

    def claim():
        with pytest.warns(UserWarning, match="at work") as caught, run.claimed():
            order.append("claimed")
        told.extend(str(warning.message) for warning in caught)

    waiting = threading.Thread(target=claim)
    waiting.start()
    waiting.join(0.3)
    order.append("let go")
    other.communicate()
    waiting.join(60)
    assert order == ["let go", "claimed"]
    assert f"process {other.pid} on " in told[0]
    assert not run.died_at_work


def test_the_lock_of_a_killed_process_is_free_and_says_so(tmp_path):
    run = SweepFolder.prepare(tmp_path / "sweep", PLAN).runs()[0]
    other = start_holding(tmp_path / "sweep")
    other.kill()
    other.communicate()
    assert run.died_at_work
    with run.claimed():
        pass
    assert not run.died_at_work


@pytest.mark.parametrize("text", ["-5", "NaN", "Infinity", "1e999", "1" + 400 * "0"])
def test_a_time_that_cannot_be_is_none(tmp_path, text):
    (tmp_path / "metrics.jsonl").write_text(f'{{"episode": {text}, "evaluations": {text}, "seconds": {text}}}\n')
    assert read_status(tmp_path, {"episodes": 10, "max_energies": 100}) == RunStatus("unfinished")
