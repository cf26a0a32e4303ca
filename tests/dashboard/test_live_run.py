"""One run as the dashboard sees it: its numbers, its state, and what is damaged."""

import json
import os
import time
from itertools import pairwise

import pytest

from qvar.dashboard import LiveRun
from qvar.dashboard.curve import Curve, CurvePoint

from .conftest import RESULT, append, record


def test_the_row_holds_the_numbers_of_the_last_record(make_run):
    run = LiveRun(make_run("a", records=[record(1), record(4)], max_energies=2000, seed=3), "a")
    run.read()
    row = run.row()
    assert (row.task, row.noise, row.algorithm, row.seed) == ("h2-2", "none", "random", 3)
    assert (row.state, row.episodes, row.energies, row.max_energies) == ("running", 4, 400, 2000)
    assert row.noiseless == pytest.approx(0.025)
    assert row.measured == pytest.approx(0.035)
    assert row.share == pytest.approx(0.4)  # 4 of 10 episodes; 400 of 2000 energies
    assert row.seconds_left == pytest.approx(3.0)  # 2 seconds for 40 %


def test_new_records_are_seen_and_the_curve_grows(make_run):
    path = make_run("a", records=[record(1)])
    run = LiveRun(path, "a")
    run.read()
    append(path, record(2), record(3, error=0.05))  # the third changes nothing
    run.read()
    assert [(p.energies, p.noiseless) for p in run.curve.points] == [(100, 0.1), (200, 0.05), (300, 0.05)]
    assert [each["episode"] for each in run.records] == [1, 2, 3]


def test_a_run_that_was_resumed_is_read_anew(make_run):
    path = make_run("a", records=[record(1), record(2, error=0.01)])
    run = LiveRun(path, "a")
    run.read()
    (path / "new").write_text(json.dumps(record(1)) + "\n")
    (path / "new").replace(path / "metrics.jsonl")
    run.read()
    assert [p.energies for p in run.curve.points] == [100]
    assert run.row().episodes == 1


def test_states_are_told_apart(make_run):
    records = [record(1), record(2)]
    running, finished = make_run("a", records=records), make_run("b", records=records, result=RESULT)
    failed = make_run("c", records=records)
    (failed / "error.json").write_text(json.dumps({"error": "MemoryError: too large"}))
    states = {}
    for path in (running, finished, failed):
        run = LiveRun(path, path.name)
        run.read()
        states[path.name] = run.row().state, run.row(now=time.time() + 3600).state
    assert states == {"a": ("running", "stalled"), "b": ("finished",) * 2, "c": ("failed",) * 2}


def test_a_slow_run_has_longer_until_it_counts_as_stalled(make_run):
    run = LiveRun(make_run("a", records=[record(1), record(2, seconds=600.5)]), "a")
    run.read()
    assert run.row(now=time.time() + 3600).state == "running"
    assert run.row(now=time.time() + 7200).state == "stalled"


def date(path, when):
    for file in path.iterdir():
        os.utime(file, (when, when))


def test_a_run_from_the_future_is_stalled_when_nothing_new_comes(make_run):
    path = make_run("a", records=[record(1), record(2)])
    date(path, 4e9)
    run = LiveRun(path, "a")
    run.read()
    assert [run.row(now=2e9 + later).state for later in (0, 50, 70)] == ["running", "running", "stalled"]


def test_a_run_of_1970_is_stalled_until_it_writes(make_run):
    path = make_run("a", records=[record(1), record(2)])
    date(path, 0)
    run = LiveRun(path, "a")
    run.read()
    assert run.row(now=2e9).state == "stalled"
    date(path, 60)  # a file server whose clock was never set
    assert [run.row(now=2e9 + later).state for later in (10, 50, 80)] == ["running", "running", "stalled"]


def test_a_clock_that_goes_back_makes_no_run_young_for_long(make_run):
    path = make_run("a", records=[record(1), record(2)])
    date(path, 2e9)
    run = LiveRun(path, "a")
    run.read()
    assert [run.row(now=2e9 + later).state for later in (10, 70)] == ["running", "stalled"]
    assert [run.row(now=1e9 + later).state for later in (0, 70)] == ["running", "stalled"]


@pytest.mark.parametrize("bad", ["nonsense", '{"episode": 2}', json.dumps(record(2, best_error="<b>low</b>")), "[]"])
def test_damaged_records_make_a_row_that_says_so(make_run, bad):
    path = make_run("a", records=[record(1)])
    with (path / "metrics.jsonl").open("a") as file:
        file.write(bad + "\n")
    run = LiveRun(path, "a")
    run.read()
    run.read()
    assert run.row().state == "damaged"
    assert "metrics.jsonl" in run.row().note
    assert run.row().energies == 100  # what was read before stays


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"config": {}}', '{"format": "x", "config": 3, "id": 4}'])
def test_a_damaged_configuration_makes_a_row_that_says_so(make_run, text):
    path = make_run("a", records=[record(1)])
    (path / "config.json").write_text(text)
    run = LiveRun(path, "a")
    run.read()
    assert run.row().state == "damaged"
    assert "config.json" in run.row().note


@pytest.mark.parametrize("text", ["[" * 100_000, '{"config": ' * 100_000])
def test_json_nested_without_end_is_damage(make_run, text):
    path = make_run("a", records=[record(1)])
    (path / "metrics.jsonl").write_text(text + "\n")
    (path / "error.json").write_text(text)
    run = LiveRun(path, "a")
    run.read()
    assert run.row().state == "damaged"
    (path / "config.json").write_text(text)
    assert LiveRun(path, "a").row().state == "damaged"


@pytest.mark.parametrize("name", ["episode", "evaluations", "gradients", "seconds", "best_error", "best_energy"])
@pytest.mark.parametrize("value", [None, [1], {}, "x", 1e308, "huge"])
def test_no_number_of_a_record_brings_the_page_down(make_run, name, value):
    odd = {**record(2), name: 10**400 if value == "huge" else value}
    run = LiveRun(make_run("a", records=[record(1), odd]), "a")
    run.read()
    row = run.row()
    assert max(row.energies, row.episodes, row.seconds, row.seconds_left or 0) <= 2**53
    assert row.state == "damaged" or (name.startswith("best") and value == 1e308)


def test_a_pipe_in_place_of_a_record_is_not_waited_for(make_run):
    path = make_run("a")
    (path / "metrics.jsonl").unlink()
    os.mkfifo(path / "metrics.jsonl")
    run = LiveRun(path, "a")
    run.read()
    assert run.row().state == "running"


def test_the_status_is_read_again_when_a_file_changes(make_run):
    path = make_run("a", records=[record(1)])
    run = LiveRun(path, "a")
    assert run.row().state == "running"
    (path / "error.json").write_text('{"error": "first"}')
    assert run.row().note == "first"
    (path / "error.json").write_text('{"error": "second time"}')
    assert run.row().note == "second time"
    (path / "error.json").unlink()
    assert run.row().state == "running"


def test_a_curve_of_a_million_records_keeps_its_ends_and_its_shape():
    curve = Curve(limit=100)
    for number in range(100_000):
        curve.add(CurvePoint(number, 1 / (number + 1), 2 / (number + 1)))
    points = curve.points
    assert len(points) <= 202
    assert (points[0].energies, points[-1].energies) == (0, 99_999)
    assert all(a.energies < b.energies for a, b in pairwise(points))
    assert all(point.noiseless == 1 / (point.energies + 1) for point in points)
