"""Runs are read as they are: finished, unfinished, failed, damaged; each once."""

from dataclasses import replace

import pytest

from qvar.problems import Problem, molecule
from qvar.report import read_runs
from qvar.simulators import NoiseModel, Observable
from qvar.simulators.errors import RunError
from tests.report.conftest import record


def test_a_finished_run_shows_its_numbers(make_run, make_config):
    path = make_run("run", make_config(noise="ourense", seed=7), records=[record(1, 50, 1e-2)], result={})
    (run,) = read_runs([str(path)])  # a text will do
    assert (run.task, run.noise, run.algorithm, run.seed, run.unit) == ("h2-2", "ourense", "random", 7, "Ha")
    assert run.status.state == "finished"
    assert run.energies == 100 + 3 * 300
    assert (run.accuracy, run.preset, run.pareto) == (1.6e-3, "", ())


def test_an_unfinished_run_shows_how_far_it_is(make_run):
    path = make_run("run", records=[record(1, 50, 1e-2), record(4, 100, 1e-3)])
    (run,) = read_runs([path])
    assert run.result is None
    assert (run.status.state, run.status.share, run.status.seconds) == ("unfinished", 0.4, 2.0)
    assert run.energies == 100


def test_of_episodes_and_energies_the_one_used_up_more_is_the_share(make_run, make_config):
    path = make_run("run", make_config(max_energies=200), records=[record(4, 150, 1e-3)])
    (run,) = read_runs([path])
    assert run.status.share == 0.75


def test_a_record_cut_off_by_a_kill_does_not_count(make_run):
    path = make_run("run", records=[record(1, 50, 1e-2)])
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"episode": 9, "ener')
    (run,) = read_runs([path])
    assert (run.status.share, len(run.history)) == (0.1, 1)


def test_a_failed_run_shows_why(make_run):
    (run,) = read_runs([make_run("run", error="MemoryError: too small")])
    assert (run.status.state, run.status.error) == ("failed", "MemoryError: too small")


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("result.json", "{", "result.json is corrupted"),
        ("result.json", '{"energy": -1.0}', "lacks noiseless_energy"),
        ("metrics.jsonl", "{broken}\n{}\n", "metrics.jsonl is corrupted in line 1"),
        ("pareto.json", "[1]", "pareto.json is corrupted"),
    ],
)
def test_a_damaged_run_counts_as_failed_and_hides_no_other(make_run, name, content, part):
    damaged, whole = make_run("damaged", result={}), make_run("whole", result={})
    (damaged / name).write_text(content)
    first, second = read_runs([damaged, whole])
    assert (first.status.state, second.status.state) == ("failed", "finished")
    assert part in first.status.error


def test_the_runs_of_a_sweep_are_all_there_whatever_their_state(make_sweep, make_config):
    sweep = make_sweep("sweep", [(("h2-2", "none", "qvar", "random"), make_config())], seeds=(3, 4))
    runs = read_runs([sweep.path])
    assert [(run.seed, run.status.state, run.preset, run.algorithm) for run in runs] == [
        (3, "waiting", "qvar", "random"),
        (4, "waiting", "qvar", "random"),
    ]


def test_a_run_named_twice_is_read_once(make_run, tmp_path):
    path = make_run("run", result={})
    assert len(read_runs([path, tmp_path / "." / "run"])) == 1


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(RunError, match="neither a run nor a sweep"):
        read_runs([tmp_path])


def test_what_differs_by_the_seed_alone_is_one_experiment(make_run, make_config):
    one, two, other = read_runs(
        [
            make_run("a", make_config(seed=1)),
            make_run("b", make_config(seed=2)),
            make_run("c", make_config(seed=1, max_gates=6)),
        ]
    )
    assert one.experiment == two.experiment != other.experiment
    assert one.setting == two.setting == other.setting


def test_noise_or_problems_that_share_a_name_alone_are_not_compared(make_run, make_config):
    ourense = NoiseModel.named("ourense")
    quiet = replace(ourense.without_readout(), name="ourense")
    mine = Problem.from_observable(Observable.from_terms({"ZZ": 1.0, "XI": 0.2}), key="h2-2")
    configs = [make_config(noise=ourense), make_config(noise=quiet), make_config(mine, ourense)]
    runs = read_runs([make_run(str(number), config) for number, config in enumerate(configs)])
    assert [(run.task, run.noise) for run in runs] == [("h2-2", "ourense")] * 3
    assert len({run.setting for run in runs}) == 3
    assert molecule("h2-2").exact_energy != mine.exact_energy
