"""Where it is not certain what became of a job, nothing is sent again unasked; and a question stays one question."""

import json
import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qvar.hardware import ExecutionOptions, Ledger, Limits, standing_budget
from qvar.hardware.request import Request
from qvar.simulators.errors import HardwareError
from tests.hardware.test_run import energy, states
from tests.hardware.work import CIRCUIT, OBSERVABLE


def submitted(run, theta=0.3):
    circuit = run.pass_manager().run(CIRCUIT.to_qiskit())
    return run.estimator().run([(circuit, OBSERVABLE.to_qiskit().apply_layout(circuit.layout), [theta])])


# --- an answer that never came ---


def test_a_submission_without_an_answer_is_not_repeated_unasked(hardware, service):
    scripted = service(script={0: "refuse"})
    run = hardware(scripted)
    for asked in (run, run, hardware(scripted)):  # in the same program, and in the next
        with pytest.raises(HardwareError, match=r"not certain.*--resubmit"):
            energy(asked)
    assert scripted.read()["attempts"] == 1
    assert states(run) == ["SENDING"]
    assert run.ledger.spent().qpu_seconds == 5  # it may be running


def test_it_is_sent_again_when_the_user_says_so(hardware, service):
    scripted = service(script={0: "refuse", 1: "refuse"})
    for resubmit in (False, True):  # agreed to once, it is sent once
        with pytest.raises(HardwareError, match="not certain"):
            energy(hardware(scripted, resubmit=resubmit))
    assert scripted.read()["attempts"] == 2
    run = hardware(scripted, resubmit=True)
    energy(run)
    assert states(run) == ["DONE"]
    assert scripted.billed == run.ledger.spent().qpu_seconds == 5


def test_a_job_that_the_service_shows_much_later_is_found_by_the_next_start(hardware, service):
    scripted = service(script={0: "lose"})
    with scripted.table() as content:
        content["hide"] = True
    with pytest.raises(HardwareError, match="not certain"):
        energy(hardware(scripted))
    with scripted.table() as content:
        content["hide"] = False
    energy(hardware(scripted))
    assert len(scripted.inputs_seen) == 1


def test_two_jobs_of_one_question_are_both_in_the_books_and_one_is_cancelled(hardware, service):
    scripted = service(script={0: "lose", 1: "interrupt"})
    with scripted.table() as content:
        content["hide"] = True
    with pytest.raises(HardwareError, match="not certain"):
        energy(hardware(scripted))
    with pytest.raises(KeyboardInterrupt):
        energy(hardware(scripted, resubmit=True))  # the user was wrong
    with scripted.table() as content:
        content["hide"] = False
    run = hardware(scripted)
    energy(run)
    assert [job["state"] for job in scripted.read()["jobs"].values()] == ["DONE", "CANCELLED"]
    assert states(run) == ["DONE", "CANCELLED"]
    assert run.ledger.spent().qpu_seconds == scripted.billed == 10


def test_of_a_reservation_that_was_never_sent_nothing_is_uncertain(hardware, service, monkeypatch):
    def killed(*arguments, **settings):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "begin_sending", killed)
        with pytest.raises(KeyboardInterrupt):
            energy(hardware())
    run = hardware()
    assert states(run) == ["RESERVED"]
    energy(run)
    assert service().billed == run.ledger.spent().qpu_seconds == 5


def test_a_job_reserved_in_a_session_that_ended_is_reserved_anew_outside_of_it(hardware, service, monkeypatch):
    def killed(*arguments, **settings):
        raise KeyboardInterrupt

    session = ExecutionOptions(shots=64, mode="session", max_session_seconds=20)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "begin_sending", killed)
        with pytest.raises(KeyboardInterrupt):
            energy(hardware(options=session))
    with pytest.raises(HardwareError, match="max_qpu_seconds=20"):  # the session may still be open, and takes it all
        energy(hardware(limits=Limits(max_qpu_seconds=20)))
    run = hardware()
    energy(run)
    assert states(run) == ["SUBMITTED", "RELEASED", "DONE"]
    assert run.ledger.spent().qpu_seconds == 20 + 5
    assert len(service().inputs_seen) == 1


def test_a_job_sent_again_and_refused_stays_in_the_books(hardware, service):
    scripted = service(script={0: "refuse", 1: "reject"})
    for resubmit, message in ((False, "not certain"), (True, "400")):
        run = hardware(scripted, resubmit=resubmit)
        with pytest.raises(HardwareError, match=message):
            energy(run)
    assert states(run) == ["SENDING"]
    assert run.ledger.spent().qpu_seconds == 5


# --- the ledger as arbiter, without lock files ---


def test_the_ledger_lets_one_process_send_even_when_the_lock_files_are_deleted(hardware, service):
    scripted = service(polls=3)
    first = hardware(scripted)
    job = submitted(first)
    for file in first.folder.rglob("*.lock"):
        file.unlink()
    second = hardware(scripted)
    assert submitted(second).result()[0].data.evs == job.result()[0].data.evs
    assert len(scripted.inputs_seen) == 1
    entry = replace(first.ledger.entries()[0], tag="another")
    with pytest.raises(HardwareError, match="another process is at this request"):
        first.ledger.reserve(entry, Limits(), once=True)
    with pytest.raises(HardwareError, match="another process is at this job"):
        first.ledger.begin_sending(first.ledger.entries()[0].tag, again=False)


def test_a_job_and_its_forked_copy_submit_nothing_twice(hardware, service):
    scripted = service(script={0: "fail"}, polls=20)
    job = submitted(hardware(scripted))
    child = multiprocessing.get_context("fork").Process(target=job.result)
    child.start()
    job.result()
    child.join()
    assert child.exitcode == 0
    assert len(scripted.inputs_seen) == 2  # the failed one, and one retry


def test_a_forked_child_that_lives_on_keeps_no_lock(hardware, service):
    run = hardware(service(polls=3))
    job = submitted(run)
    context = multiprocessing.get_context("fork")
    end = context.Event()
    child = context.Process(target=end.wait)
    child.start()
    try:
        job.result()
        assert submitted(hardware()).result() is not None
    finally:
        end.set()
        child.join()


# --- asking again after an error ---


def test_asking_again_after_an_error_is_the_same_question(hardware, service, monkeypatch):
    scripted = service(polls=1)
    run = hardware(scripted)

    def away(self):
        raise ConnectionError("the network is down")

    with monkeypatch.context() as patch:
        patch.setattr("tests.hardware.scripted_service.ScriptedJob.status", away)
        with pytest.raises(HardwareError, match="down"):
            energy(run)
    first = energy(run)
    assert len(scripted.inputs_seen) == 1
    energy(run)
    assert len(scripted.inputs_seen) == 2  # answered, it may be asked once more
    assert energy(hardware(scripted)) == first


# --- results on the disk ---


@pytest.mark.parametrize("damage", ["cut", "flip", "swap", "remove"])
def test_a_damaged_result_is_fetched_again_and_not_paid_for_again(hardware, service, damage):
    run = hardware()
    values = [energy(run, theta) for theta in (1.1, 2.9)]
    first, second = [run.folder / "results" / f"{entry.tag}.npz" for entry in run.ledger.entries()]
    content = first.read_bytes()
    if damage == "cut":
        first.write_bytes(content[:-9])
    elif damage == "flip":
        first.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    elif damage == "swap":
        first.write_bytes(second.read_bytes())
    else:
        first.unlink()
    again = hardware(confirm=None)
    with pytest.warns(UserWarning, match="fetching it from the service again"):
        assert [energy(again, theta) for theta in (1.1, 2.9)] == values
    assert first.read_bytes() is not None
    assert len(service().inputs_seen) == 2


def test_a_tag_cannot_lead_out_of_the_folder(hardware):
    run = hardware()
    energy(run)
    with pytest.raises(HardwareError, match="a tag is made of"):
        replace(run.ledger.entries()[0], tag="../../outside")


@pytest.mark.parametrize("room", range(1, 9))
def test_a_disk_that_is_full_at_any_moment_costs_one_job_in_the_end(hardware, service, monkeypatch, room):
    run = hardware()
    job = submitted(run, 0.1)  # so that the folder and its circuit are there
    job.result()
    real, left = os.fsync, [room]

    def fsync(descriptor):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        real(descriptor)

    failed = 0
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        try:
            submitted(run).result()
        except OSError:
            failed = 1
    assert failed == (room <= 6)  # reserved, sending, submitted, result and its folder, done
    run = hardware(resubmit=room == 2)  # then it is in the journal that it was being sent
    assert submitted(run).result() is not None
    assert len(service().inputs_seen) == 2
    assert service().billed == run.ledger.spent().qpu_seconds == 10


# --- what makes two questions the same ---


def identity(circuit, values, backend="b", *, is_real=True):
    return Request.of("sampler", [(circuit, values)], ExecutionOptions()).identity(backend, is_real=is_real)


def test_minus_zero_is_zero_and_other_delays_are_other_questions():
    def waiting(unit):
        circuit = QuantumCircuit(1, 1)
        circuit.delay(100, 0, unit)
        circuit.measure(0, 0)
        return circuit

    measured = CIRCUIT.to_qiskit()
    measured.measure_all()
    assert identity(measured, [0.0]) == identity(measured.copy(), [-0.0])
    assert identity(measured, [0.0]) != identity(measured, [0.0], is_real=False)
    assert identity(waiting("dt"), []) != identity(waiting("ns"), [])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_angles_that_are_no_numbers_are_refused(hardware, service, value):
    with pytest.raises(HardwareError, match="not a number"):
        submitted(hardware(), value)
    assert service().read()["attempts"] == 0


def test_control_flow_is_refused():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    circuit.measure(0, 0)
    with pytest.raises(HardwareError, match="control flow"):
        Request.of("sampler", [circuit], ExecutionOptions())


# --- the books ---


def test_a_budget_that_is_younger_than_a_job_counts_it_and_stays_readable(hardware, service, tmp_path, monkeypatch):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        energy(hardware(service(polls=2), on_progress=stop))
    file = tmp_path / "budget.json"
    file.write_text(json.dumps({"max_qpu_seconds": 12}))
    monkeypatch.setenv("QVAR_HARDWARE_BUDGET", str(file))
    energy(hardware())
    assert standing_budget().ledger.spent().qpu_seconds == 5
    energy(hardware(), 1.2)
    assert standing_budget().ledger.spent().qpu_seconds == 10


def test_a_job_cancelled_on_request_counts_as_reserved_until_it_has_a_bill(hardware, service):
    run = hardware(service(polls=3))
    submitted(run).cancel()
    assert run.ledger.entries()[0].usage is None
    assert run.ledger.spent().qpu_seconds == 5


def test_limits_take_the_numbers_of_numpy():
    limits = Limits(np.float32(2.5), np.int64(7), np.int32(3))
    assert json.loads(json.dumps(limits.to_dict())) == {"max_qpu_seconds": 2.5, "max_shots": 7, "max_jobs": 3}
