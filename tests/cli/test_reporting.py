"""report: pages and tables of runs and sweeps, for people and for machines."""

import json
import os
import shutil

import pytest

from qvar.runs import RunFolder

from .test_wrong_input import check


def test_a_report_is_a_table_and_a_page(qvar, small_run, own_folder):
    outcome = qvar("report", "run", "--out", "report.html")
    assert (outcome.code, outcome.err) == (0, "")
    assert "h2-2 none annealing" in outcome.words
    assert "report in report.html" in outcome.out
    page = (own_folder / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "h2-2, no noise" in page
    assert "published: random policy, reference code" in page


def test_a_report_in_markdown_is_the_same_on_screen_and_in_a_file(qvar, small_run, own_folder):
    outcome = qvar("report", "run", "--markdown", "--out", "report.md")
    assert outcome.code == 0
    assert outcome.out == (own_folder / "report.md").read_text()
    assert outcome.out.startswith("# qvar report\n\n1 run: 1 finished.")


def test_a_report_as_json_is_json_alone(qvar, small_run):
    outcome = qvar("report", "run", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    (run,) = json.loads(outcome.out)["settings"][0]["runs"]
    assert (run["path"], run["seed"], run["state"]) == ("run", 5, "finished")
    assert run["result"] == RunFolder.open(small_run).result()


def test_runs_and_sweeps_are_reported_together(qvar, small_run):
    sweep = ("sweep", "h2-2", "--algorithm", "random", "--seeds", "0", "--episodes", 3, "--max-gates", 3, "--jobs", 1)
    assert qvar(*sweep, "--out", "sweep", "--quiet").code == 0
    data = json.loads(qvar("report", "run", "sweep", "run", "--json").out)
    (setting,) = data["settings"]
    assert [group["algorithm"] for group in setting["experiments"]] == ["annealing", "random"]
    assert "Equal numbers of episodes (3)" in setting["comparison"]


def test_a_damaged_run_is_reported_as_such(qvar, small_run, own_folder):
    shutil.copytree(small_run, own_folder / "broken")
    (own_folder / "broken" / "result.json").write_text("[")
    outcome = qvar("report", "run", "broken", "--markdown")
    assert outcome.code == 0
    assert "2 runs: 1 finished, 1 FAILED." in outcome.out
    assert "result.json is corrupted" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("nowhere",), ["nowhere does not exist"]),
        (("run", "nowhere"), ["nowhere does not exist"]),
        (("run", "--out", "report.pdf"), ["a report ends in .html, .htm, .md or .markdown, got report.pdf"]),
        (("run", "--out", "missing/report.html"), ["the folder missing for report.html does not exist"]),
        (("run", "--figures", "missing/figures"), ["missing/figures is none and cannot be made"]),
        (("run", "--figures", "figures", "--format", "gif"), ["pdf, svg, png", "'gif'"]),
    ],
)
def test_a_wrong_report_is_one_message_and_changes_nothing(
    qvar, small_run, own_folder, file_contents, arguments, parts
):
    before = file_contents(own_folder)
    check(qvar("report", *arguments), *parts)
    assert file_contents(own_folder) == before


def test_a_report_for_people_and_for_machines_at_once_is_refused(qvar, small_run):
    outcome = qvar("report", "run", "--markdown", "--json")
    assert outcome.code == 2
    assert "choose one" in json.loads(outcome.out)["error"]["message"]


def test_every_figure_of_a_report_is_a_file_the_same_one_again(qvar, small_run, own_folder, file_contents):
    outcome = qvar("report", "run", "--figures", "figures", "--format", "pdf,svg", "--quiet")
    assert (outcome.code, outcome.err) == (0, "")
    names = {"error", "success", "pareto", "best-course", "best-circuit"}
    assert {path.name for path in (own_folder / "figures").iterdir()} == {
        f"h2-2-none-{name}.{kind}" for name in names for kind in ("pdf", "svg")
    }
    assert "5 figures in figures, as pdf, svg" in outcome.out
    before = file_contents(own_folder / "figures")
    assert all(content.startswith((b"%PDF", b"<?xml")) for content in before.values())
    qvar("report", "run", "--figures", "figures", "--format", "pdf,svg", "--quiet")
    assert file_contents(own_folder / "figures") == before


@pytest.mark.parametrize("arguments", [("--figures", "run"), ("--figures", "new"), ("--out", "new.html")])
def test_a_place_that_may_not_be_written_to_is_named_before_the_work(
    qvar, small_run, own_folder, file_contents, monkeypatch, arguments
):
    monkeypatch.setattr(
        "os.access", lambda path, mode: not mode & os.W_OK
    )  # whoever runs the tests may be allowed everything
    before = file_contents(own_folder)
    check(qvar("report", "run", *arguments), "cannot be written", "no permission to write in", arguments[1])
    assert file_contents(own_folder) == before


def test_what_the_system_refuses_is_told_without_its_numbers_and_temporary_files(qvar, small_run, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    outcome = qvar("report", "run", "--out", "report.html")
    assert (outcome.code, outcome.err) == (2, "error: report.html: No space left on device\n")


def test_show_and_report_take_a_sweep_and_a_comparison_too(qvar, own_folder):
    sweep = ("sweep", "h2-2", "--algorithm", "random", "--seeds", "0", "--episodes", 2, "--max-gates", 2, "--jobs", 1)
    assert qvar(*sweep, "--out", "sweep", "--quiet").code == 0
    assert json.loads(qvar("show", "sweep", "--json").out) == json.loads(qvar("report", "sweep", "--json").out)
    compare = ("compare", "iris", "--models", "majority", "--splits", 2, "--jobs", 1, "--out", "iris", "--quiet")
    assert qvar(*compare).code == 0
    data = json.loads(qvar("report", "iris", "--json").out)
    assert data["comparison"] == "iris"
    assert json.loads(qvar("show", "iris", "--json").out) == data
    assert "majority" in qvar("show", "iris").out
    assert qvar("report", "iris", "--out", "iris.html").code == 0
    assert (own_folder / "iris.html").read_text() == (own_folder / "iris" / "report.html").read_text()
    assert qvar("report", "iris", "--markdown").out == (own_folder / "iris" / "table.md").read_text()
    check(qvar("report", "iris", "sweep"), "runs and sweeps go into one report", "iris (comparison)")
