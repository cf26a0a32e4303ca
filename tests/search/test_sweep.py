"""A sweep runs every combination once, whatever breaks on the way, and ends with the records of lone runs."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from qvar.agents import DoubleDQN, RandomPolicy
from qvar.problems import molecule
from qvar.runs import RunFolder, SweepFolder
from qvar.runs.sealed import parse_json
from qvar.runs.workers import WorkerDied
from qvar.search import Labels, SearchConfiguration, Sweep, run_search, sweep
from qvar.search.sweep_running import RunOutcome, _outlive_deaths
from qvar.simulators import NoiseModel
from qvar.simulators.errors import RunError

SHORT = {"episodes": 4, "max_gates": 3}
NAMES = ["h2-2-none-qvar-random", "h2-2-ourense-qvar-random"]

TWO_AT_A_TIME = """
import sys
from qvar.search import Sweep, sweep
from qvar.simulators import NoiseModel

noise = (None, NoiseModel.named("ourense"))
plan = Sweep.product(["h2-2"], noise=noise, algorithms=["random"], seeds=[0], episodes=600)
sys.exit(len(sweep(plan, out=sys.argv[1], jobs=2).failures))
"""


@pytest.fixture(scope="module")
def plan():
    noise = (None, NoiseModel.named("ourense"))
    return Sweep.product(["h2-2"], noise=noise, algorithms=["random"], seeds=range(2), **SHORT)


@pytest.fixture(scope="module")
def unbroken(plan, tmp_path_factory):
    """The folder of a sweep that nothing disturbed."""
    out = tmp_path_factory.mktemp("unbroken") / "sweep"
    assert sweep(plan, out=out, jobs=1).failures == ()
    return out


def run_folders(plan, out):
    return [run.path for run in SweepFolder.prepare(out, plan.to_dict()).runs()]


def test_a_product_holds_every_combination_with_what_was_given():
    plan = Sweep.product(
        ["h2-2", molecule("h2-4")],
        noise=[None, NoiseModel.named("ourense")],
        algorithms=["ddqn", "random"],
        seeds=(3, 1),
        episodes=7,
        max_energies=900,
        max_gates=5,
        shots=20,
    )
    assert plan.n_runs == 16
    names = [combination.labels.name for combination in plan.combinations]
    assert names[:3] == ["h2-2-none-qvar-ddqn", "h2-2-none-qvar-random", "h2-2-ourense-qvar-ddqn"]
    for combination in plan.combinations:
        found, labels = combination.configuration, combination.labels
        assert (found.episodes, found.max_energies, found.max_gates, found.shots) == (7, 900, 5, 20)
        assert found.problem.key == labels.task
        assert (found.engine.noise.name if found.engine.noise else "none") == labels.noise
        assert isinstance(found.algorithm, RandomPolicy) == (labels.algorithm == "random")


def test_algorithms_may_have_names_of_ones_own_and_are_otherwise_those_of_the_preset():
    cautious, bold = DoubleDQN(epsilon_end=0.1), DoubleDQN(epsilon_end=0.9)
    mine = Sweep.product(["h2-2"], algorithms={"cautious": cautious, "bold": bold})
    assert [(each.labels.algorithm, each.configuration.algorithm) for each in mine.combinations] == [
        ("cautious", cautious),
        ("bold", bold),
    ]
    (presets,) = Sweep.product(["h2-2"], presets=["crlqas"]).combinations
    (named,) = Sweep.product(["h2-2"], presets=["crlqas"], algorithms=["ddqn"]).combinations
    assert presets == named
    assert presets.configuration.algorithm.n_step == 1  # as published for this task; the default is 5


def test_all_refused_combinations_are_named_at_once():
    with pytest.raises(RunError) as refusal:
        Sweep.product(
            ["h2-2", "lih-6"],
            noise=[None, NoiseModel.named("ourense")],
            presets=("qvar", "crlqas"),
            algorithms=["random"],
            shots=10,
        )
    text = str(refusal.value)
    assert "of 8 combinations cannot be run; nothing was started" in text
    assert "(lih-6, noise ourense, preset qvar, algorithm random): " in text
    assert "(lih-6, noise ourense, preset crlqas, algorithm random): preset crlqas has no experiment" in text
    assert "(h2-2, noise none, preset qvar" not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": (1, 1)}, "every seed once, got more of 1"),
        ({"seeds": ()}, "at least one combination and one seed"),
        ({"seeds": (-1,)}, "seed must be at least 0"),
        ({"problems": ("h2-2", "h2-2")}, "every problem once, got more of h2-2"),
        ({"problems": ()}, "at least one combination"),
        ({"noise": (None, None)}, "every noise once"),
    ],
)
def test_what_cannot_be_told_apart_or_is_nothing_is_refused(changes, message):
    settings = {"problems": ["h2-2"], "algorithms": ["random"], **changes}
    with pytest.raises(RunError, match=message):
        Sweep.product(settings.pop("problems"), **settings)


def test_names_are_fit_for_folders():
    labels = Labels("h2-2", "fake_manila qubits 2,3", "qvar", "a/../b")
    assert labels.name == "h2-2-fake_manila-qubits-2-3-qvar-a-..-b"


def test_a_sweep_ends_with_the_records_of_lone_runs(plan, unbroken, tmp_path, read_run):
    assert sorted(p.name for p in unbroken.iterdir() if not p.name.startswith(".")) == [*NAMES, "sweep.json"]
    for combination in plan.combinations:
        for seed in plan.seeds:
            alone = tmp_path / f"{combination.labels.name}-{seed}"
            run_search(replace(combination.configuration, seed=seed), out=alone)
            assert read_run(alone) == read_run(unbroken / combination.labels.name / f"seed{seed}")


@pytest.mark.slow
def test_processes_give_the_records_of_one_process(plan, unbroken, tmp_path, read_run):
    outcomes = []
    result = sweep(plan, out=tmp_path / "sweep", jobs=2, on_outcome=outcomes.append)
    assert result.failures == ()
    assert sorted(o.run.name for o in outcomes) == sorted(o.run.name for o in result.outcomes)
    for mine, other in zip(run_folders(plan, tmp_path / "sweep"), run_folders(plan, unbroken), strict=True):
        assert read_run(mine) == read_run(other)


def test_a_finished_sweep_is_only_read(plan, unbroken, file_contents):
    before = file_contents(unbroken)
    outcomes = []
    result = sweep(plan, out=unbroken, jobs=1, on_outcome=outcomes.append)
    assert tuple(outcomes) == result.outcomes
    stored = parse_json(before[f"{NAMES[0]}/seed0/result.json"])
    assert result.outcomes[0].result() == {name: value for name, value in stored.items() if name != "records"}
    assert file_contents(unbroken) == before


def test_a_sweep_stopped_halfway_goes_on(plan, unbroken, tmp_path, read_run):
    def stop(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(plan, out=tmp_path / "sweep", jobs=1, on_outcome=stop)
    finished = [path for path in run_folders(plan, tmp_path / "sweep") if (path / "result.json").exists()]
    assert len(finished) == 1
    sweep(plan, out=tmp_path / "sweep", jobs=1)
    for mine, other in zip(run_folders(plan, tmp_path / "sweep"), run_folders(plan, unbroken), strict=True):
        assert read_run(mine) == read_run(other)


def test_another_sweep_in_the_same_folder_is_refused_with_the_differences(unbroken, file_contents):
    before = file_contents(unbroken)
    other = Sweep.product(["h2-2"], algorithms=["random"], seeds=range(2), episodes=5, max_gates=3)
    with pytest.raises(RunError, match="holds another sweep") as refusal:
        sweep(other, out=unbroken, jobs=1)
    assert f"combinations.{NAMES[0]}.configuration.episodes: 4 there, 5 here" in str(refusal.value)
    assert file_contents(unbroken) == before


def test_a_run_that_fails_stops_no_other_and_is_tried_again(plan, unbroken, tmp_path, read_run):
    out = shutil.copytree(unbroken, tmp_path / "sweep")
    broken, undone = out / NAMES[0] / "seed1", out / NAMES[1] / "seed1"
    for folder in (broken, undone):
        shutil.rmtree(folder)
    broken.mkdir()
    (broken / "thesis.tex").write_text("years of work")
    for _ in range(2):  # a failure is no reason to fail otherwise the next time
        result = sweep(plan, out=out, jobs=1)
        (failure,) = result.failures
        assert (failure.run.combination, failure.run.seed) == (NAMES[0], 1)
        assert "not empty; nothing was overwritten" in failure.error
        assert failure.run.status().state == "failed"
        assert "Traceback" in json.loads((broken / "error.json").read_text())["traceback"]
        with pytest.raises(RunError):
            failure.result()
    assert (broken / "thesis.tex").read_text() == "years of work"
    assert read_run(undone) == read_run(unbroken / NAMES[1] / "seed1")
    (broken / "thesis.tex").unlink()
    assert sweep(plan, out=out, jobs=1).failures == ()
    assert read_run(broken) == read_run(unbroken / NAMES[0] / "seed1")


def test_a_damaged_result_is_a_failure_of_its_run(plan, unbroken, tmp_path):
    out = shutil.copytree(unbroken, tmp_path / "sweep")
    (out / NAMES[1] / "seed0" / "result.json").write_text("{")
    (failure,) = sweep(plan, out=out, jobs=1).failures
    assert "result.json is corrupted" in failure.error


def fake_runs(plan, out):
    return SweepFolder.prepare(out, plan.to_dict()).runs()


def test_runs_at_work_when_a_process_dies_are_tried_alone_and_only_the_guilty_one_fails(plan, tmp_path):
    runs = fake_runs(plan, tmp_path / "sweep")
    guilty, beside, calls = runs[1], runs[2], []

    def work(wanted):
        calls.append([run.name for run in wanted])
        for run in wanted:
            if run is guilty:
                for at_work in {guilty, beside} & set(wanted):
                    at_work.lock.parent.mkdir(exist_ok=True)
                    at_work.lock.write_text("4711\n")
                raise WorkerDied
            run.lock.parent.mkdir(exist_ok=True)
            run.lock.write_text("")
            yield RunOutcome(run)

    outcomes = {outcome.run: outcome.error for outcome in _outlive_deaths(work, runs)}
    assert set(outcomes) == set(runs)
    assert [run for run, error in outcomes.items() if error] == [guilty]
    assert "its process died twice" in outcomes[guilty]
    assert guilty.status().state == "failed"
    names = [run.name for run in runs]
    assert calls == [names, [names[1]], [names[2]], [names[3]]]


@pytest.mark.slow
def test_a_run_whose_process_is_killed_again_and_again_fails_alone(tmp_path):
    plan = Sweep.product(["h2-2"], algorithms=["random"], seeds=range(3), episodes=40, max_gates=3)
    victim = SweepFolder.prepare(tmp_path / "sweep", plan.to_dict()).runs()[1]
    is_over, killed = threading.Event(), []

    def kill():
        while not is_over.wait(0.002):
            text = victim.lock.read_text() if victim.lock.exists() else ""
            if text.endswith("\n") and (process := int(text.split()[1])) not in (os.getpid(), *killed):
                killed.append(process)
                os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        result = sweep(plan, out=tmp_path / "sweep", jobs=2)
    finally:
        is_over.set()
        killer.join()
    assert [failure.run.seed for failure in result.failures] == [1]
    assert len(killed) == 2
    assert [outcome.run.status().state for outcome in result.outcomes] == ["finished", "failed", "finished"]


def start_sweep(out):
    command = [sys.executable, "-c", TWO_AT_A_TIME, str(out)]
    return subprocess.Popen(command)


def wait_until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@pytest.mark.slow
def test_a_sweep_killed_with_its_runs_at_work_goes_on_to_the_same_records(tmp_path, read_run):
    out = tmp_path / "sweep"
    process = start_sweep(out)

    def are_at_work():
        lengths = [file.stat().st_size for file in out.glob("*/seed0/metrics.jsonl")]
        return len(lengths) == 2 and min(lengths) > 0

    wait_until(are_at_work)
    process.kill()
    process.wait()
    assert not list(out.glob("*/seed0/result.json"))
    assert start_sweep(out).wait() == 0  # the orphans end by themselves; it waits for them
    for name in NAMES:
        config = RunFolder.open(out / name / "seed0").config
        run_search(SearchConfiguration.from_dict(config), out=tmp_path / name)
        assert read_run(out / name / "seed0") == read_run(tmp_path / name)


@pytest.fixture
def cluster_address(tmp_path):
    """Start a Dask scheduler and two workers as on a real cluster; return the scheduler's address."""
    pytest.importorskip("distributed", reason="a cluster needs the extra cluster")
    file, log = tmp_path / "scheduler.json", tmp_path / "cluster.log"
    started = []

    def start(kind, *options):
        words = (f"distributed.cli.dask_{kind}", "--scheduler-file", str(file), "--no-dashboard", *options)
        with log.open("a") as stream:
            started.append(subprocess.Popen([sys.executable, "-m", *words], stdout=stream, stderr=stream))

    start("scheduler", "--port", "0", "--dashboard-address", ":0")
    wait_until(file.exists)
    start("worker", "--nworkers", "2", "--nthreads", "1", "--local-directory", str(tmp_path))
    wait_until(lambda: log.read_text().count("Registered to") == 2)
    yield json.loads(file.read_text())["address"]
    for process in reversed(started):
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_a_cluster_of_two_workers_gives_the_records_of_one_process(plan, unbroken, tmp_path, read_run, cluster_address):
    assert sweep(plan, out=tmp_path / "sweep", cluster=cluster_address).failures == ()
    for mine, other in zip(run_folders(plan, tmp_path / "sweep"), run_folders(plan, unbroken), strict=True):
        assert read_run(mine) == read_run(other)


@pytest.mark.parametrize(
    ("threads", "message"),
    [
        ({}, "has no workers; start some with: dask worker tcp://127.0.0.1"),
        ({"a": 1, "b": 4}, "run up to 4 searches in one process.* --nthreads 1"),
    ],
)
def test_a_cluster_whose_workers_do_not_suit_is_refused(plan, tmp_path, monkeypatch, threads, message):
    client = SimpleNamespace(nthreads=lambda: threads)
    module = SimpleNamespace(Client=lambda *_, **__: contextlib.nullcontext(client))
    monkeypatch.setitem(sys.modules, "distributed", module)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(RunError, match=message):
        sweep(plan, out=tmp_path / "sweep", cluster=f"tcp://127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("address", "part"),
    [("tcp://127.0.0.1:9", "refused"), ("nowhere", "an address reads tcp://host:8786"), ("tcp://a:b", "Port")],
)
def test_a_cluster_that_does_not_answer_is_an_error_at_once(plan, tmp_path, address, part):
    pytest.importorskip("distributed", reason="a cluster needs the extra cluster")
    with pytest.raises(RunError, match="no Dask scheduler answers") as refusal:
        sweep(plan, out=tmp_path / "sweep", cluster=address)
    assert part in str(refusal.value)


def test_without_dask_the_extra_is_named(plan, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match="the extra cluster brings: pip install"):
        sweep(plan, out=tmp_path / "sweep", cluster="tcp://127.0.0.1:9")


def test_jobs_must_be_a_number_of_processes(plan, tmp_path):
    with pytest.raises(RunError, match="jobs must be at least 1, got 0"):
        sweep(plan, out=tmp_path / "sweep", jobs=0)
    assert not (tmp_path / "sweep").exists()


def test_the_record_of_a_sweep_names_everything_but_the_seed(plan, unbroken):
    content = json.loads((unbroken / "sweep.json").read_text())
    assert content["seeds"] == [0, 1]
    assert content["combinations"][NAMES[1]]["labels"] == {
        "task": "h2-2",
        "noise": "ourense",
        "preset": "qvar",
        "algorithm": "random",
    }
    config = RunFolder.open(unbroken / NAMES[1] / "seed1").config
    assert content["combinations"][NAMES[1]]["configuration"] == {k: v for k, v in config.items() if k != "seed"}
