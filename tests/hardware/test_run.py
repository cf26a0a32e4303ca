"""The way of a request on a service that misbehaves: limits hold, and no job is paid for twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from qiskit.transpiler import generate_preset_pass_manager

from qvar.hardware import CostEstimate, DryRun, ExecutionOptions, HardwareRun, Limits, accept
from qvar.simulators.errors import HardwareError
from tests.hardware.work import CIRCUIT, OBSERVABLE


def energy(run, theta=1.1):
    return run.engine().objective(CIRCUIT, OBSERVABLE)([theta])


def states(run):
    return [entry.state for entry in run.ledger.entries()]


def test_a_job_carries_its_reservation_and_its_tag(hardware, service):
    run = hardware()
    energy(run)
    (job,) = service().read()["jobs"].values()
    (entry,) = run.ledger.entries()
    assert job["tags"] == [entry.tag]
    assert job["max_execution_time"] == entry.seconds == 5
    assert (entry.job_id, entry.state, entry.usage) == ("job0", "DONE", 5)


def test_a_second_start_takes_everything_from_the_record(hardware, service):
    first = [energy(hardware(), theta) for theta in (1.1, 1.2)]
    assert [energy(hardware(), theta) for theta in (1.1, 1.2)] == first
    assert service().billed == 10


def test_asking_twice_in_one_program_is_two_jobs_and_both_are_remembered(hardware, service):
    run = hardware()
    objective = run.engine().objective(CIRCUIT, OBSERVABLE)
    first = [objective([1.1]), objective([1.1])]
    assert service().billed == 10
    again = hardware().engine().objective(CIRCUIT, OBSERVABLE)
    assert [again([1.1]), again([1.1])] == first
    assert service().billed == 10


@pytest.mark.parametrize(
    "change",
    [{"shots": 65}, {"resilience_level": 1}, {"dynamical_decoupling": "XX"}, {"twirling": True}, {"seed_simulator": 1}],
)
def test_other_options_are_another_job(hardware, service, change):
    options = ExecutionOptions(shots=64)
    energy(hardware(options=options))
    energy(hardware(options=replace(options, **change)))
    assert len(service().inputs_seen) == 2


def test_how_a_job_is_carried_does_not_make_it_another(hardware, service):
    options = ExecutionOptions(shots=64)
    value = energy(hardware(options=options))
    assert energy(hardware(options=replace(options, mode="batch", max_execution_seconds=30))) == value
    assert service().billed == 5


@pytest.mark.parametrize("what", ["lose", "late-job"])
def test_a_lost_answer_is_looked_up_and_the_job_not_sent_again(hardware, service, what):
    scripted = service(script={0: what})
    energy(hardware(scripted))
    assert scripted.billed == 5
    assert len(scripted.inputs_seen) == 1


def test_a_refusal_that_passes_is_tried_again_under_the_same_reservation(hardware, service):
    scripted = service(script={0: "refuse", 1: "refuse"}, flaky=3)
    run = hardware(scripted)
    energy(run)
    assert scripted.billed == run.ledger.spent().qpu_seconds == 5
    assert states(run) == ["DONE"]


def test_a_service_that_stays_away_costs_nothing(hardware, service):
    scripted = service(script=dict.fromkeys(range(4), "refuse"))
    run = hardware(scripted)
    with pytest.raises(HardwareError, match="503"):
        energy(run)
    assert states(run) == ["RELEASED"]
    assert scripted.billed == run.ledger.spent().qpu_seconds == 0
    energy(run)  # the fifth attempt is taken
    assert scripted.billed == run.ledger.spent().qpu_seconds == 5


def test_a_request_that_the_service_finds_wrong_is_not_tried_again(hardware, service):
    scripted = service(script={0: "reject"})
    run = hardware(scripted)
    with pytest.raises(HardwareError, match="400"):
        energy(run)
    assert scripted.read()["attempts"] == 1
    assert states(run) == ["RELEASED"]


def test_a_failed_job_is_charged_and_tried_again_as_often_as_allowed(hardware, service):
    scripted = service(script={0: "fail", 1: "fail", 2: "fail"})
    run = hardware(scripted, options=ExecutionOptions(shots=64, max_retries=2))
    with pytest.raises(HardwareError, match="broke down"):
        energy(run)
    assert states(run) == ["FAILED"] * 3
    assert scripted.billed == run.ledger.spent().qpu_seconds == 3


def test_a_job_that_was_stopped_for_its_length_is_not_tried_again(hardware, service):
    scripted = service(script={0: "too-long"})
    with pytest.raises(HardwareError, match="ran longer"):
        energy(hardware(scripted, options=ExecutionOptions(shots=64, max_retries=5)))
    assert len(scripted.inputs_seen) == 1


def test_retries_and_loops_stop_at_the_limit(hardware, service):
    scripted = service(script=dict.fromkeys(range(0, 100, 2), "fail"))
    limits = Limits(max_qpu_seconds=20)
    options = ExecutionOptions(shots=64, max_retries=9)
    for k in range(3):
        energy(hardware(scripted, limits=limits, options=options), 0.1 * k)
    for k in range(3, 8):
        with pytest.raises(HardwareError, match="max_qpu_seconds=20"):
            energy(hardware(scripted, limits=limits, options=options), 0.1 * k)
    assert 15 < scripted.billed <= 20


def test_a_bill_above_the_maximum_stops_all_that_would_follow(hardware, service):
    scripted = service(script={0: "overcharge"})
    run = hardware(scripted, limits=Limits(max_qpu_seconds=40))
    energy(run)
    assert run.ledger.spent().qpu_seconds == scripted.billed == 50
    with pytest.raises(HardwareError, match="50 are spent"):
        energy(run, 1.2)
    assert len(scripted.inputs_seen) == 1


def test_a_bill_that_comes_late_counts_as_reserved_and_is_asked_for_when_it_matters(hardware, service):
    scripted = service(script={0: "late"})
    run = hardware(scripted, limits=Limits(max_qpu_seconds=7))
    energy(run)
    assert run.ledger.entries()[0].usage is None
    with pytest.raises(HardwareError, match="max_qpu_seconds=7"):
        energy(run, 1.2)
    with scripted.table() as content:
        content["jobs"]["job0"].update(what=None, billed=2)
    energy(run, 1.2)
    assert run.ledger.spent().qpu_seconds == 2 + 5 == scripted.billed


def test_a_result_that_is_gone_is_said_and_not_paid_for_again(hardware, service):
    scripted = service(script={0: "expire"})
    for _ in range(2):
        with pytest.raises(HardwareError, match="was paid for"):
            energy(hardware(scripted))
    assert len(scripted.inputs_seen) == 1


def test_a_warning_of_the_service_keeps_no_result_from_being_stored(hardware, service):
    with pytest.warns(UserWarning, match="not finite"):  # and it is shown, though warnings are errors here
        energy(hardware(service(script={0: "remark"})))
    assert states(hardware()) == ["DONE"]


def test_a_job_cancelled_elsewhere_is_reported_and_may_be_asked_for_anew(hardware, service):
    scripted = service(script={0: "cancel"})
    run = hardware(scripted)
    with pytest.raises(HardwareError, match="CANCELLED"):
        energy(run)
    energy(hardware(scripted))
    assert len(scripted.inputs_seen) == 2


def test_questions_that_fail_now_and_then_are_asked_again(hardware, service):
    scripted = service(flaky=2, polls=5)
    energy(hardware(scripted))
    assert scripted.billed == 5


def test_an_interrupted_submission_is_found_again(hardware, service):
    scripted = service(script={0: "interrupt"})
    with pytest.raises(KeyboardInterrupt):
        energy(hardware(scripted))
    energy(hardware(scripted))
    assert len(scripted.inputs_seen) == 1


@pytest.mark.parametrize("what", ["interrupt", "wait"])
def test_a_job_of_another_instance_is_not_looked_for_in_vain_and_sent_again(hardware, service, what):
    def stop(progress):
        raise KeyboardInterrupt

    scripted = service(script={0: "interrupt"} if what == "interrupt" else {})
    with pytest.raises(KeyboardInterrupt):
        energy(hardware(scripted, on_progress=stop))
    scripted._backend._instance = "crn:v1:another"
    with pytest.raises(HardwareError, match="another instance"):
        energy(hardware(scripted))
    assert len(scripted.inputs_seen) == 1


@pytest.mark.parametrize(("answer", "state"), [(True, "CANCELLED"), (False, "SUBMITTED"), (None, "SUBMITTED")])
def test_an_interrupted_wait_cancels_only_after_asking(hardware, service, answer, state):
    scripted, asked = service(polls=10), []

    def stop(progress):
        raise KeyboardInterrupt

    def ask(ids):
        asked.extend(ids)
        return answer

    run = hardware(scripted, on_progress=stop, on_interrupt=None if answer is None else ask)
    with pytest.raises(KeyboardInterrupt):
        energy(run)
    assert asked == ([] if answer is None else ["job0"])
    assert states(run) == [state]
    energy(hardware(scripted))
    assert len(scripted.inputs_seen) == (2 if answer else 1)


def test_a_job_that_nobody_waits_for_is_taken_over_by_who_asks_the_same(hardware, service):
    def submitted():
        run = hardware()
        circuit = run.pass_manager().run(CIRCUIT.to_qiskit())
        operator = OBSERVABLE.to_qiskit().apply_layout(circuit.layout)
        return run.estimator().run([(circuit, operator, [0.3])])

    first, second = submitted(), submitted()
    assert second.result()[0].data.evs == first.result()[0].data.evs
    assert service().billed == 5


def test_a_job_can_be_cancelled_and_says_so(hardware, service):
    run = hardware(service(polls=3))
    circuit = run.pass_manager().run(CIRCUIT.to_qiskit())
    job = run.estimator().run([(circuit, OBSERVABLE.to_qiskit().apply_layout(circuit.layout), [0.3])])
    job.cancel()
    assert job.cancelled()
    with pytest.raises(HardwareError, match="cancelled"):
        job.result()
    job.cancel()  # does nothing more
    assert states(run) == ["CANCELLED"]


def test_threads_that_ask_the_same_share_one_job(hardware, service, monkeypatch):
    scripted = service(polls=3)
    real = scripted._run

    def slowly(*arguments, **settings):
        time.sleep(0.1)
        return real(*arguments, **settings)

    monkeypatch.setattr(scripted, "_run", slowly)
    runs = [hardware(scripted) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(energy, runs))
    assert len(set(values)) == 1
    assert len(scripted.inputs_seen) == 1


def test_several_jobs_can_be_under_way_before_the_first_result_is_asked_for(hardware, service):
    run = hardware(options=ExecutionOptions(shots=64, mode="batch"))
    circuit = run.pass_manager().run(CIRCUIT.to_qiskit())
    operator = OBSERVABLE.to_qiskit().apply_layout(circuit.layout)
    jobs = [run.estimator().run([(circuit, operator, [theta])]) for theta in (0.0, np.pi)]
    assert [job.status() for job in jobs] == ["QUEUED", "QUEUED"]
    values = [float(job.result()[0].data.evs[()]) for job in jobs]
    assert values == pytest.approx([1.5, 0.5], abs=0.4)
    assert [job.job_id() for job in jobs] == ["job0", "job1"]
    assert all(job.done() and job.in_final_state() and not job.running() for job in jobs)


# --- before anything is submitted ---


def test_real_hardware_needs_a_limit_and_a_folder(service):
    with pytest.raises(HardwareError, match="max_qpu_seconds"):
        HardwareRun("ibm_scripted", service=service(), folder="x", confirm=accept)
    with pytest.raises(HardwareError, match="folder"):
        HardwareRun("ibm_scripted", service=service(), limits=Limits(max_qpu_seconds=1), confirm=accept)


def test_real_hardware_needs_consent(hardware, service):
    asked = []
    for consent in (None, lambda cost: asked.append(cost)):
        with pytest.raises(HardwareError, match="nothing"):
            energy(hardware(confirm=consent))
    assert service().billed == 0
    assert isinstance(asked[0], CostEstimate)
    assert asked[0].reserved_seconds == 5


def test_the_record_needs_no_consent(hardware):
    value = energy(hardware())
    assert energy(hardware(confirm=None)) == value


def test_a_dry_run_tells_the_cost_and_submits_nothing(hardware, service):
    with pytest.raises(DryRun) as refusal:
        energy(hardware(dry_run=True))
    assert refusal.value.estimate.jobs == 1
    assert service().read()["attempts"] == 0


def test_the_open_plan_has_no_sessions_but_batches(hardware, service):
    scripted = service(plan="open")
    with pytest.raises(HardwareError, match="open plan has no sessions"):
        hardware(scripted, options=ExecutionOptions(shots=64, mode="session", max_session_seconds=60))
    energy(hardware(scripted, options=ExecutionOptions(shots=64, mode="batch")))
    assert len(scripted.inputs_seen) == 1


def test_a_session_is_reserved_as_a_whole_before_it_opens(hardware, service):
    options = ExecutionOptions(shots=64, mode="session", max_session_seconds=60)
    run = hardware(options=options, limits=Limits(max_qpu_seconds=61))
    energy(run)
    energy(run, 1.2)
    assert run.ledger.spent().qpu_seconds == 60
    assert run.ledger.spent().jobs == 2
    run.close()
    with pytest.raises(HardwareError, match="max_qpu_seconds=61"):
        energy(hardware(options=options, limits=Limits(max_qpu_seconds=61)), 1.3)
    assert len(service().inputs_seen) == 2


def test_circuits_in_other_gates_are_refused_with_what_to_do(hardware, service):
    with pytest.raises(HardwareError, match="pass_manager"):
        hardware().estimator().run([(CIRCUIT.to_qiskit(), OBSERVABLE.to_qiskit(), [0.1])])
    assert service().read()["attempts"] == 0


def test_a_job_that_would_be_stopped_halfway_is_refused(hardware):
    with pytest.raises(HardwareError, match="max_execution_seconds is 2"):
        energy(hardware(options=ExecutionOptions(shots=64, max_execution_seconds=2)))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_estimate_counts_what_is_really_sent(hardware, service, level):
    from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS as CONVERTERS

    run = hardware(options=ExecutionOptions(shots=64, resilience_level=level, twirling=True if level else None))
    cost = run.engine().objective(CIRCUIT, OBSERVABLE).cost()
    circuit = generate_preset_pass_manager(2, run.backend, seed_transpiler=0).run(CIRCUIT.to_qiskit())
    operator = OBSERVABLE.to_qiskit().apply_layout(circuit.layout)
    run.estimator().run([(circuit, operator, [0.1])])
    (file,) = service().folder.glob("*.inputs")
    model = CONVERTERS["v2.0"].model.model_validate_json(file.read_text())
    program, _ = CONVERTERS["v2.0"].decoder(model)
    assert cost.shots == program.shots * sum(item.size() for item in program.items)
    assert cost.qpu_seconds == pytest.approx(2 + cost.shots * 350e-6)


def test_a_single_estimate_for_a_loop_adds_up(hardware):
    cost = hardware().engine().objective(CIRCUIT, OBSERVABLE).cost()
    assert cost.times(3).shots == (cost + cost + cost).shots == 192
    assert cost.times(3).qpu_seconds == pytest.approx(3 * cost.qpu_seconds)
