"""Published numbers carry their source, and stand beside runs of the same problem and noise only."""

from dataclasses import replace

import pytest

from qvar.problems import Problem, molecule, tasks
from qvar.report import PUBLISHED, compare, published_for, read_runs, report_markdown
from qvar.report.searches.beside import beside_published, published_statement, run_rows
from qvar.report.searches.published import published_beside
from qvar.simulators import NoiseModel
from qvar.simulators.devices import DEVICES


def test_every_entry_names_a_shipped_task_a_known_noise_and_its_source():
    for entry in PUBLISHED:
        assert entry.task in tasks()
        assert entry.noise == "none" or entry.noise in DEVICES
        assert "arXiv" in entry.source
        assert entry.error is None or 0 < entry.error < 0.1
    assert len({(entry.task, entry.noise, entry.method) for entry in PUBLISHED}) == len(PUBLISHED)


@pytest.mark.parametrize(
    ("task", "noise", "method", "numbers"),
    [  # error / depth / CNOTs / rotations, as printed in the sources named in qvar/report/searches/published.py
        ("h2o-8-bohr", "none", "CRLQAS", (1.8e-4, 75, 105, 35)),
        ("h2o-8-bohr", "none", "quantumDARTS", (3.1e-4, 64, 68, 151)),
        ("h2o-8-bohr", "none", "TensorRL-QAS, trainable start", (2.0e-4, 36, 30, 146)),
        ("h2o-8-bohr", "none", "random agent", (1.1e-3, 56, 87, 41)),
        ("h2-4", "none", "CRLQAS", (7.2e-8, None, None, 7)),
        ("lih-6", "none", "quantumDARTS", (2.9e-4, None, None, None)),
        ("lih-6", "none", "RL 2021, global COBYLA", (2.4e-3, 16, None, None)),
        ("h2-4", "ourense", "QCAS", (1.9e-2, None, None, None)),
    ],
)
def test_numbers_are_in_their_columns(task, noise, method, numbers):
    (entry,) = (entry for entry in published_for(task, noise) if entry.method == method)
    assert (entry.error, entry.depth, entry.n_cnots, entry.n_rotations) == numbers


def test_water_in_angstrom_is_beside_no_number_of_the_other_water():
    assert published_for("h2o-8", "none") == ()
    assert published_for("h2o-8-bohr", "none") != ()


def published_of(make_run, config):
    (run,) = read_runs([make_run("run", config, result={})])
    return [entry.method for entry in published_beside(run)]


def test_a_run_of_a_shipped_task_on_a_built_in_device_is_beside_its_numbers(make_run, make_config):
    assert "QCAS" in published_of(make_run, make_config("h2-4", "ourense"))


def test_another_problem_of_the_same_name_is_beside_none(make_run, make_config):
    shipped = molecule("h2-4")
    other = Problem.from_observable(shipped.observable.__class__.from_terms({"ZZZZ": 1.0, "XIII": 0.5}), key="h2-4")
    assert published_of(make_run, make_config(other, "ourense")) == []


@pytest.mark.parametrize("change", [NoiseModel.without_coupling, NoiseModel.without_readout])
def test_other_noise_of_the_same_name_is_beside_none(make_run, make_config, change):
    noise = replace(change(NoiseModel.named("ourense")), name="ourense")
    assert published_of(make_run, make_config("h2-4", noise)) == []


def test_what_is_not_published_is_a_question_mark(make_run, make_config):
    (setting,) = compare(read_runs([make_run("run", make_config("h2-4", "ourense"), result={})]))
    headings, rows = beside_published(setting)
    qcas = dict(zip(headings, next(row for row in rows if "QCAS" in row[0]), strict=True))
    assert qcas["noiseless error (Ha)"] == "1.9e-02"
    assert qcas["energy with noise (Ha)"] == "-0.963"
    assert (qcas["CNOTs"], qcas["energies"], qcas["budget or source"]) == ("?", "?", "arXiv 2402.03500")


def test_our_best_seed_stands_beside_the_mean(make_run, make_config):
    errors = {1: 2e-3, 2: 5e-4, 3: 1e-3}
    paths = [make_run(f"run{s}", make_config(seed=s), result={"error": e}) for s, e in errors.items()]
    (setting,) = compare(read_runs(paths))
    _, rows = beside_published(setting)
    assert rows[0][:3] == ("random: 3 runs", "2 of 3", "1.17e-03 ± 7.64e-04")
    assert rows[1][:3] == ("random: best, seed 2", "", "5.00e-04")


def test_a_pruned_run_shows_its_size_before_pruning(make_run):
    before = {"n_cnots": 9, "n_rotations": 8, "depth": 7, "energy": -1.0, "error": 0.1, "qasm": ""}
    pruned, other = read_runs([make_run("a", result={"before_pruning": before}), make_run("b", result={})])
    headings, rows = run_rows([pruned, other])
    column = headings.index("CNOTs / rotations / depth before pruning")
    assert [row[column] for row in rows] == ["9 / 8 / 7", "-"]


def test_the_report_says_that_published_numbers_are_of_other_budgets_or_that_there_are_none(make_run, make_config):
    (known,) = compare(read_runs([make_run("known", make_config("h2o-8-bohr"), result={})]))
    (unknown,) = compare(read_runs([make_run("unknown", make_config("h2o-8"), result={})]))
    assert "other budgets" in published_statement(known)
    assert "read as Bohr" in published_statement(known)
    assert published_statement(unknown) == "No published numbers are known for this problem and noise."
    assert "published: " not in report_markdown(unknown.groups[0].runs)
