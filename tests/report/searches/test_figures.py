"""Figures draw the numbers of the records."""

import json

import numpy as np
import pytest

from qvar.report import compare, read_runs
from qvar.report.searches.figures import (
    FIGURES,
    course,
    on_grid,
    pareto_figure,
    run_figure,
    shared_grid,
    success_figure,
)
from qvar.report.searches.pareto import ParetoPoint, front
from tests.report.conftest import record

COURSES = {1: [(10, 0.5), (40, 1e-2), (90, 1e-4)], 2: [(30, 0.1), (60, 1e-3)], 3: [(20, 0.2), (50, 0.02), (80, 0.01)]}


@pytest.fixture
def setting(make_run, make_config):
    paths = []
    for seed, points in COURSES.items():
        records = [record(number, *point) for number, point in enumerate(points, start=1)]
        spent = points[-1][0]
        result = {"error": points[-1][1], "n_cnots": seed, "evaluations": spent % 3, "gradients": spent // 3}
        paths.append(make_run(f"run{seed}", make_config(seed=seed), records=records, result=result))
    (found,) = compare(read_runs(paths))
    return found


def lines(figure):
    return {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines()}


def test_courses_meet_on_a_grid_by_their_last_values(setting):
    courses = [course(run) for run in setting.groups[0].runs]
    grid = shared_grid(courses)
    assert grid.tolist() == [30, 40, 50, 60, 80, 90]
    assert on_grid(courses, grid).tolist() == [
        [0.5, 1e-2, 1e-2, 1e-2, 1e-2, 1e-4],
        [0.1, 0.1, 0.1, 1e-3, 1e-3, 1e-3],
        [0.2, 0.2, 0.02, 0.02, 0.01, 0.01],
    ]


def test_what_pruning_spent_and_found_ends_a_course(make_run):
    result = {"evaluations": 50, "gradients": 0, "error": 1e-3}
    (run,) = read_runs([make_run("run", records=[record(1, 30, 1e-2)], result=result)])
    spent, errors = course(run)
    assert (spent.tolist(), errors.tolist()) == ([30, 50], [1e-2, 1e-3])


def test_a_long_course_is_drawn_with_few_points():
    spent = np.arange(1.0, 10_000.0)
    grid = shared_grid([(spent, 1 / spent)])
    assert len(grid) == 400
    assert (grid[0], grid[-1]) == (1, 9999)


def test_the_error_figure_holds_the_median(setting):
    drawn = lines(FIGURES["error"](setting))["random (3 seeds)"]
    assert drawn[:, 1].tolist() == [0.2, 0.1, 0.02, 1e-2, 1e-2, 1e-3]


def test_the_success_figure_holds_the_share_of_accurate_seeds(setting):
    drawn = lines(success_figure(setting))["random (3 seeds)"]
    assert drawn.tolist() == [[30, 0], [40, 0], [50, 0], [60, 1 / 3], [80, 1 / 3], [90, 2 / 3]]


def test_the_pareto_figure_holds_the_front_of_final_circuits_and_archives(setting, make_run):
    drawn = lines(pareto_figure(setting))["random"]
    assert drawn.tolist() == [[1, 1e-4]]
    first = setting.groups[0].runs[0]
    entries = [{"n_cnots": 0, "depth": 1, "n_rotations": 2, "energy": -1.0, "error": 0.3}]
    (first.path / "pareto.json").write_text(json.dumps(entries))
    (again,) = compare(read_runs([run.path for run in setting.groups[0].runs]))
    assert lines(pareto_figure(again))["random"].tolist() == [[0, 0.3], [1, 1e-4]]


def test_published_circuits_are_in_the_pareto_figure(make_run, make_config):
    (found,) = compare(read_runs([make_run("run", make_config("h2o-8-bohr"), result={})]))
    assert lines(pareto_figure(found))["published: CRLQAS"].tolist() == [[105, 1.8e-4]]


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        ([(3, 0.1), (1, 0.5), (4, 0.2), (1, 0.6)], [(1, 0.5), (3, 0.1)]),
        ([(2, 0.1), (2, 0.1)], [(2, 0.1)]),
        ([], []),
    ],
)
def test_a_front_keeps_what_no_other_beats(points, kept):
    assert front(ParetoPoint(*point) for point in points) == tuple(ParetoPoint(*point) for point in kept)


def test_without_finished_runs_there_is_no_figure(make_run):
    (found,) = compare(read_runs([make_run("run", records=[record(1, 5, 0.1)])]))
    assert [make(found) for make in FIGURES.values()] == [None, None, None]


def test_an_unfinished_run_has_a_figure_of_its_own_as_soon_as_it_has_a_record(make_run):
    with_record, without = read_runs([make_run("a", records=[record(1, 5, 0.1)]), make_run("b")])
    assert lines(run_figure(with_record))["best circuit so far"].tolist() == [[5, 0.1]]
    assert run_figure(without) is None


def test_experiments_that_share_an_algorithm_are_told_apart(make_run, make_config):
    paths = [
        make_run(str(gates), make_config(max_gates=gates), records=[record(1, 5, 0.1)], result={}) for gates in (5, 6)
    ]
    (found,) = compare(read_runs(paths))
    labels = [label for label in lines(FIGURES["error"](found)) if "random" in label]
    assert len(labels) == 2
    assert "5 gates" in labels[0]


@pytest.mark.parametrize(("error", "is_told"), [(1e-15, True), (1e-5, False)])
def test_errors_too_small_for_the_axis_are_said_to_be(make_run, error, is_told):
    (run,) = runs = read_runs([make_run("run", records=[record(1, 5, error)], result={"error": error, "n_cnots": 1})])
    (setting,) = compare(runs)
    for figure in (FIGURES["error"](setting), pareto_figure(setting), run_figure(run)):
        title = figure.axes[0].get_legend().get_title().get_text()
        assert ("below 1e-12: drawn at 1e-12" in title) == is_told
