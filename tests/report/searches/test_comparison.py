"""Averages are those of the runs, and comparisons say what is equal and what is not."""

import csv
import io
import statistics

import pytest
from rich.console import Console

from qvar.report import compare, comparison_table, read_runs
from qvar.report.markdown import markdown_table
from qvar.report.searches.comparison import Spread, comparison_csv, comparison_markdown
from tests.report.conftest import record
from tests.report.test_tables import printed

ERRORS = (1e-3, 1e-4, 5e-3, 2e-3)


@pytest.fixture
def four_runs(make_run, make_config):
    paths = [
        make_run(f"run{seed}", make_config(seed=seed), result={"error": error, "n_cnots": seed})
        for seed, error in enumerate(ERRORS)
    ]
    return [*paths, make_run("failed", make_config(seed=8), error="broken"), make_run("late", make_config(seed=9))]


def only_group(paths):
    ((group,),) = [setting.groups for setting in compare(read_runs(paths))]
    return group


def test_a_group_averages_its_finished_runs(four_runs):
    group = only_group(four_runs)
    error = group.spread("error")
    assert error.mean == pytest.approx(statistics.mean(ERRORS))
    assert error.sd == pytest.approx(statistics.stdev(ERRORS))
    assert error.median == pytest.approx(statistics.median(ERRORS))
    assert (error.n, error.low, error.high) == (4, 1e-4, 5e-3)
    assert group.spread("energies").mean == 1000
    assert group.n_successes == 2
    assert (len(group.finished), len(group.failed), len(group.unfinished)) == (4, 1, 1)


def test_one_run_has_no_spread_and_no_run_no_mean():
    assert Spread.of([2.0]).sd is None
    assert Spread.of([]) is None


def test_every_table_marks_failures_and_unfinished_runs(four_runs):
    group = only_group(four_runs)
    assert "4, 1 FAILED, 1 unfinished" in comparison_markdown([group])
    shown = printed(comparison_table([group]))
    assert "1 FAILED" in shown
    assert "1 to do" in shown


def test_the_csv_holds_the_numbers_unrounded(four_runs):
    (row,) = csv.DictReader(io.StringIO(comparison_csv([only_group(four_runs)])))
    assert float(row["error_mean"]) == statistics.mean(ERRORS)
    assert float(row["n_cnots_mean"]) == 1.5
    assert (row["runs"], row["finished"], row["failed"], row["successes"]) == ("6", "4", "1", "2")


def test_a_group_without_finished_runs_has_empty_cells(make_run):
    group = only_group([make_run("late")])
    (row,) = csv.DictReader(io.StringIO(comparison_csv([group])))
    assert row["error_mean"] == ""
    assert "| 0, 1 unfinished | 0 of 0 | - |" in comparison_markdown([group])


def test_the_table_of_experiments_fits_eighty_columns(four_runs):
    stream = io.StringIO()
    Console(file=stream, width=80).print(comparison_table([only_group(four_runs)]))
    assert "…" not in stream.getvalue()
    assert "2.02e-03" in stream.getvalue()


@pytest.mark.parametrize(
    ("first", "second", "part"),
    [
        ({"max_energies": 500}, {"max_energies": 500, "remember": 3}, "Equal budgets of 500 energies"),
        ({}, {"remember": 3}, "Equal numbers of episodes (10), not of energies"),
        ({}, {"episodes": 20}, "Unequal budgets"),
        ({"max_energies": 500}, {"max_energies": 600}, "Unequal budgets"),
        ({"max_energies": 500}, {}, "Unequal budgets"),
        ({}, {"remember": 3, "max_gates": 9}, "Different gate limits"),
        ({}, {"remember": 3, "shots": 100}, "Different shots"),
    ],
)
def test_a_comparison_says_whether_budgets_are_equal(make_run, make_config, first, second, part):
    one = make_run("one", make_config(**first), result={})
    two = make_run("two", make_config(**second), result={"gradients": 500})
    (setting,) = compare(read_runs([one, two]))
    assert len(setting.groups) == 2
    assert part in setting.statement()
    assert "1,000 to 1,600 energies" in setting.statement()


def test_a_single_experiment_is_compared_with_nothing(make_run):
    (setting,) = compare(read_runs([make_run("one", result={}, records=[record(1, 3, 0.1)])]))
    assert "nothing here was measured beside it" in setting.statement()


def test_a_cell_of_a_markdown_table_cannot_leave_its_cell():
    text = markdown_table(["a"], [["x | y\nz <b> [l](u)"]])
    assert text.splitlines()[2] == "| x \\| y z \\<b\\> \\[l\\](u) |"
