"""What is reserved and spent adds up, and nothing goes beyond the limits."""

import json
import random

import pytest

from qvar.hardware import Entry, HardwareRun, Ledger, Limits, standing_budget
from qvar.simulators.errors import HardwareError
from tests.hardware.conftest import QUICK
from tests.hardware.work import CIRCUIT, OBSERVABLE


def entry(tag, seconds=10.0, estimated=4.0, shots=100):
    return Entry(tag, f"request-{tag}", "estimator", "ibm_scripted", True, seconds, estimated, shots)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_a_job_counts_as_reserved_until_its_bill_is_known(ledger):
    limits = Limits(max_qpu_seconds=25)
    ledger.reserve(entry("a"), limits)
    ledger.note("a", "SUBMITTED", job_id="j")
    assert ledger.spent().qpu_seconds == 10
    ledger.note("a", "DONE", result="a.npz", usage=None)
    assert ledger.spent().qpu_seconds == 10
    ledger.note("a", "UPDATE", usage=3.0)
    assert ledger.spent().qpu_seconds == 3
    (known,) = ledger.entries()
    assert (known.state, known.job_id, known.result) == ("DONE", "j", "a.npz")


def test_a_job_that_never_left_costs_nothing(ledger):
    ledger.reserve(entry("a"), Limits())
    ledger.note("a", "RELEASED", reason="refused")
    assert vars(ledger.spent()) == {"qpu_seconds": 0, "shots": 0, "jobs": 0}


def test_the_last_job_gets_the_seconds_that_are_left_but_not_fewer_than_it_needs(ledger):
    limits = Limits(max_qpu_seconds=15.9)
    assert ledger.reserve(entry("a"), limits).seconds == 10
    assert ledger.reserve(entry("b"), limits).seconds == 5
    with pytest.raises(HardwareError, match="nothing was submitted"):
        ledger.reserve(entry("c"), limits)
    assert len(ledger.entries()) == 2


@pytest.mark.parametrize("limits", [Limits(max_jobs=2), Limits(max_shots=250)])
def test_jobs_and_shots_are_limited_too(ledger, limits):
    ledger.reserve(entry("a"), limits)
    ledger.reserve(entry("b"), limits)
    with pytest.raises(HardwareError, match="does not allow"):
        ledger.reserve(entry("c"), limits)


def test_reserving_a_tag_again_changes_nothing(ledger):
    first = ledger.reserve(entry("a"), Limits())
    assert ledger.reserve(entry("a", seconds=99.0), Limits()) == first
    assert ledger.spent().jobs == 1


def test_whatever_happens_reservations_stay_within_the_limit(ledger):
    rng = random.Random(2)
    limits = Limits(max_qpu_seconds=200)
    for k in range(150):
        try:
            ledger.reserve(entry(str(k), seconds=rng.randint(1, 30), estimated=rng.uniform(0.1, 1)), limits)
        except HardwareError:
            assert ledger.spent().qpu_seconds + 1 > 200
            continue
        if rng.random() < 0.7:
            ledger.note(str(k), "DONE", result="x", usage=rng.uniform(0, 1))
        assert ledger.spent().qpu_seconds <= 200


@pytest.fixture
def budget_file(tmp_path, monkeypatch):
    file = tmp_path / "budget.json"
    file.write_text(json.dumps({"max_qpu_seconds": 12}))
    monkeypatch.setenv("QVAR_HARDWARE_BUDGET", str(file))
    return file


def test_folders_share_the_standing_budget_of_the_user(budget_file, hardware, service):
    for number in range(2):
        hardware(folder=f"run{number}").engine().objective(CIRCUIT, OBSERVABLE)([0.3])
    with pytest.raises(HardwareError, match=r"max_qpu_seconds=12.*budget\.journal"):
        hardware(folder="run2").engine().objective(CIRCUIT, OBSERVABLE)([0.3])
    assert service().billed == standing_budget().ledger.spent().qpu_seconds == 10
    (released,) = hardware(folder="run2").ledger.entries()
    assert released.state == "RELEASED"


def test_what_a_kill_kept_from_the_budget_is_told_at_the_next_start(budget_file, hardware):
    run = hardware()
    run.engine().objective(CIRCUIT, OBSERVABLE)([0.3])
    tag = run.ledger.entries()[0].tag
    run.ledger.note(tag, "UPDATE", usage=2.0)
    hardware()
    assert standing_budget().ledger.spent().qpu_seconds == 2


@pytest.mark.parametrize("content", ["", "{", '{"max_qpu_seconds": NaN}', '{"seconds": 3}', "[]"])
def test_an_unreadable_budget_stops_everything(budget_file, hardware, content):
    budget_file.write_text(content)
    with pytest.raises(HardwareError, match="budget"):
        hardware()
    budget_file.unlink()
    with pytest.raises(HardwareError, match="budget"):
        hardware()


def test_fake_backends_do_not_count_in_the_budget(budget_file):
    run = HardwareRun("fake:FakeManilaV2", limits=Limits(max_jobs=1), patience=QUICK)
    objective = run.engine().objective(CIRCUIT, OBSERVABLE)
    objective([0.3])
    assert standing_budget().ledger.entries() == ()
    with pytest.raises(HardwareError, match="max_jobs=1"):
        objective([0.3])


def test_an_edited_ledger_is_refused_before_anything_is_submitted(hardware, service):
    run = hardware()
    run.engine().objective(CIRCUIT, OBSERVABLE)([0.3])
    path = run.ledger.path
    path.write_text(path.read_text().replace('"usage": 5', '"usage": 0'))
    with pytest.raises(HardwareError, match="edited"):
        hardware()
    with pytest.raises(HardwareError, match="edited"):
        run.engine().objective(CIRCUIT, OBSERVABLE)([0.4])
    assert service().billed == 5
