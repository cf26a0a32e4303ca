"""Killed at any moment and started again, a program ends with its results, each job billed once and within limits."""

import itertools
import random

import pytest

from tests.hardware.scripted_service import ScriptedService

THETAS = [1.1, 1.9, 1.1]  # the third asks the same as the first again, and is a job of its own


@pytest.fixture
def task(tmp_path):
    def make(**settings):
        work = {
            "service": str(tmp_path / "service"),
            "folder": str(tmp_path / "run"),
            "limits": {"max_qpu_seconds": 100},
            "thetas": THETAS,
        }
        return {**work, **settings}

    return make


def billed_within(service, spent, jobs=3):
    assert len(service.inputs_seen) == jobs
    assert service.billed == spent["qpu_seconds"]


@pytest.fixture
def undisturbed(workers, task, tmp_path):
    """The energies of a program that nobody kills."""
    place = {"service": str(tmp_path / "calm-service"), "folder": str(tmp_path / "calm-run")}
    ((code, output),) = workers.run(task(**place))
    assert code == 0
    return output["energies"]


@pytest.mark.slow
def test_a_program_killed_at_every_single_moment_pays_once_for_each_job(workers, task, tmp_path, undisturbed):
    for moment in itertools.count(1):
        place = {"service": str(tmp_path / f"service{moment}"), "folder": str(tmp_path / f"run{moment}")}
        ((code, _),) = workers.run(task(**place, thetas=THETAS[:2], kill_at=moment))
        ((resumed, output),) = workers.run(task(**place, thetas=THETAS[:2]))
        assert resumed == 0
        assert output["energies"] == undisturbed[:2]
        billed_within(ScriptedService(place["service"]), output["spent"], jobs=2)
        if code == 0:  # the program ended before that moment came
            break
    assert moment > 26


def test_a_program_killed_again_and_again_goes_on_where_it_was(workers, task, service, undisturbed):
    for moment in range(1, 30):
        ((code, _),) = workers.run(task(kill_at=moment, script={"1": "lose"}, flaky=5))
        if code == 0:
            break
    ((code, output),) = workers.run(task())
    assert (code, output["energies"]) == (0, undisturbed)
    billed_within(service(), output["spent"])


def test_a_program_killed_at_random_times_pays_once_for_each_job(workers, task, service, undisturbed):
    rng = random.Random(5)
    for _ in range(20):
        workers.run(task(kill_after=rng.uniform(0.0, 0.25)))
    ((code, output),) = workers.run(task())
    assert (code, output["energies"]) == (0, undisturbed)
    billed_within(service(), output["spent"])


def test_four_processes_on_one_folder_share_their_jobs(workers, task, service, undisturbed):
    outputs = workers.run(*[task()] * 4)
    assert [(code, output["energies"]) for code, output in outputs] == [(0, undisturbed)] * 4
    billed_within(service(), outputs[0][1]["spent"])


def test_four_processes_with_other_questions_stay_within_the_limits_together(workers, task, service):
    limits = {"max_qpu_seconds": 22}  # four jobs of 5 seconds; a fifth needs 3
    outputs = workers.run(*[task(thetas=[0.1 + k, 0.2 + k, 0.3 + k], limits=limits) for k in range(4)])
    assert all(code == 0 for code, _ in outputs)
    assert sum("max_qpu_seconds=22 does not allow" in output.get("error", "") for _, output in outputs) >= 3
    assert service().billed <= 22
    assert len(set(service().inputs_seen)) == len(service().inputs_seen) == 4


def test_the_check_notices_a_job_that_is_billed_twice(workers, task, service):
    workers.run(task(), task(folder=task()["folder"] + "-other"))
    with pytest.raises(AssertionError):
        billed_within(service(), {"qpu_seconds": 15.0})
