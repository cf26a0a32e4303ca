"""hardware and device: from a run to its value on a device, as a user does it; nothing is submitted unasked."""

import json
import shutil

import pytest

from qvar.cli import main
from qvar.cli.hardware import run as hardware_running
from qvar.cli.simulate import hardware_vqe
from qvar.hardware import Patience, connection, experiment
from qvar.hardware import run as hardware_run
from tests.hardware.scripted_service import ScriptedService

from .test_wrong_input import check

LAGOS = "fake:FakeLagosV2"
QASM = 'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float alpha;\nqubit[2] q;\nry(alpha) q[0];\ncx q[0], q[1];\n'
QUICK = ("--shots", 400, "--tries", 1)


@pytest.fixture(scope="session")
def searched_on_lagos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lagos")
    snapshot = ["device", "snapshot", LAGOS, "--out", folder / "device.json", "--qubits", "3,5"]
    search = ["search", "h2-2", "--noise", folder / "device.json", "--episodes", 2, "--max-gates", 3, "--quiet"]
    for command in (snapshot, [*search, "--algorithm", "random", "--out", folder / "run"]):
        with pytest.raises(SystemExit) as left:
            main(list(map(str, command)))
        assert not left.value.code
    return folder


@pytest.fixture
def run(searched_on_lagos, own_folder):
    shutil.copytree(searched_on_lagos / "run", own_folder / "run")
    return own_folder / "run"


@pytest.fixture
def bell(own_folder):
    (own_folder / "bell.qasm").write_text(QASM)
    return own_folder / "bell.qasm"


@pytest.fixture
def device(monkeypatch, tmp_path):
    """A device of a made-up service behind the name ibm_scripted."""
    service = ScriptedService(tmp_path / "service")
    monkeypatch.setattr(hardware_running, "open_backend", lambda name: service.backend(name))
    monkeypatch.setattr(hardware_vqe, "open_backend", lambda name: service.backend(name))
    monkeypatch.setattr(hardware_run, "Patience", lambda: Patience(poll_seconds=0.01, settle_seconds=0.05))
    return service


def jobs_of(device):
    path = device.folder / "jobs.json"
    return json.loads(path.read_text())["jobs"] if path.exists() else {}


def test_a_found_circuit_goes_from_a_snapshot_to_its_report(qvar, run):
    outcome = qvar("hardware", "run", run, "--on", LAGOS, "--resilience", "0,1", *QUICK, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    record = json.loads(outcome.out)
    predicted = record["prediction"]
    assert predicted["pauli_transfer"] == pytest.approx(predicted["aer"], abs=1e-8)
    plain, mitigated = record["measured"]
    assert abs(plain["value"] - predicted["pauli_transfer"]) < 5 * plain["error"]
    assert (plain["resilience_level"], mitigated["resilience_level"]) == (0, 1)
    assert record["qubits"] == [3, 5]  # those under whose noise it was searched
    assert record["layout"] == [3, 5]
    folder = run / "hardware"
    assert [json.loads(f.read_text())["title"] for f in folder.glob("*/hardware.json")] == [record["title"]]
    shown = qvar("show", run)
    assert "predicted, Pauli transfer" in shown.words
    assert f"{plain['value']:.5f}" in shown.words
    assert json.loads(qvar("show", run, "--json").out)["hardware"][0]["measured"] == record["measured"]
    assert qvar("report", run, "--out", "page.html").code == 0
    assert "Hardware beside predictions" in (run.parent / "page.html").read_text()
    assert f"{mitigated['value']:.5f}" in qvar("report", run, "--markdown").out
    data = json.loads(qvar("report", run, "--json").out)
    assert data["settings"][0]["runs"][0]["hardware"][0]["backend"] == LAGOS


def test_the_same_command_goes_on_and_so_does_resume(qvar, run):
    first = json.loads(qvar("hardware", "run", run, "--on", LAGOS, *QUICK, "--json").out)
    again = json.loads(qvar("hardware", "run", run, "--on", LAGOS, *QUICK, "--json").out)
    assert again == first
    assert json.loads(qvar("hardware", "resume", first["folder"], "--json").out) == first
    listed = json.loads(qvar("hardware", "jobs", first["folder"], "--json").out)
    assert [job["job_id"] for job in listed["jobs"]] == [first["measured"][0]["job_id"]]
    assert listed["spent"]["jobs"] == 1
    assert first["measured"][0]["job_id"] in qvar("hardware", "jobs", first["folder"]).words


def test_other_qubits_can_be_asked_for(qvar, run):
    best = json.loads(qvar("hardware", "estimate", run, "--on", LAGOS, "--layout", "best", "--json").out)
    named = json.loads(qvar("hardware", "estimate", run, "--on", LAGOS, "--layout", "6,5", "--json").out)
    assert named["layout"] == [6, 5]
    assert best["fidelity"] >= named["fidelity"]
    other = json.loads(qvar("hardware", "estimate", run, "--on", "fake:FakePerth", "--json").out)
    assert other["fidelity"] > 0.5
    check(
        qvar("hardware", "estimate", run, "--on", LAGOS, "--layout", "1"), "the circuit has 2 qubits, --layout names 1"
    )


def test_an_estimate_prices_and_predicts_and_submits_nothing(qvar, bell, own_folder):
    outcome = qvar(
        "hardware", "estimate", bell, "ZZ + 0.5*XX", "--angles", "0.7", "--on", "fake:FakeFez", "--shots", 1000
    )
    assert outcome.code == 0
    assert "Pauli transfer" in outcome.words
    assert "2 circuits, 2 s + 2000 executions x 350 us = 2.70 s" in outcome.words
    assert "nothing was submitted" in outcome.words
    dry = qvar("hardware", "run", bell, "ZZ", "--angles", "0.7", "--on", "fake:FakeFez", "--dry-run", "--json")
    assert json.loads(dry.out)["estimate"]["jobs"] == 1
    assert sorted(p.name for p in own_folder.iterdir()) == ["bell.qasm"]


def test_a_circuit_of_qiskit_runs_too(qvar, bell, own_folder):
    from qiskit import QuantumCircuit, qpy

    circuit = QuantumCircuit(1)
    circuit.x(0)
    with (own_folder / "flip.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    outcome = qvar("hardware", "run", "flip.qpy", "Z", "--on", LAGOS, "--shots", 1000, "--json", "--out", "mine")
    assert json.loads(outcome.out)["measured"][0]["value"] < -0.5
    assert (own_folder / "mine" / "hardware.json").is_file()


def test_fake_backends_are_listed_without_an_account(qvar, monkeypatch):
    monkeypatch.setattr(connection, "fake_backend_names", lambda: ("FakeAachen", "FakeFez", "FakeLagosV2"))
    rows = json.loads(qvar("hardware", "list", "--fake", "--min-qubits", 140, "--json").out)
    assert {row["name"] for row in rows} == {"fake:FakeFez", "fake:FakeAachen"}
    assert all(row["qubits"] == 156 and row["kind"] == "fake" for row in rows)
    assert "fake:FakeLagosV2 7" in qvar("hardware", "list", "--fake").words


def test_nothing_reaches_a_device_without_consent(qvar, bell, device):
    command = ("hardware", "run", bell, "ZZ", "--angles", "0.7", "--on", "ibm_scripted", *QUICK)
    check(qvar(*command), "say what may be spent")
    check(qvar(*command, "--max-qpu-seconds", 60), "no terminal to ask in: give --yes")
    check(qvar(*command, "--yes"), "say what may be spent")
    session = ("--mode", "session", "--max-session-seconds", 40)
    check(qvar(*command, *session, "--max-qpu-seconds", 60), "in a session that is billed while it is open, up to 40 s")
    check(qvar(*command, "--yes", "--max-qpu-seconds", 1), "max_qpu_seconds=1 does not allow for this job")
    assert jobs_of(device) == {}
    outcome = qvar(*command, "--yes", "--max-qpu-seconds", 60, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["is_real"] is True
    assert len(jobs_of(device)) == 1
    assert qvar(*command, "--max-qpu-seconds", 60).code == 0  # the answer is in the record: no consent is needed
    assert len(jobs_of(device)) == 1


def test_a_submission_without_an_answer_is_repeated_only_on_request(qvar, bell, device):
    device.script = {0: "refuse"}
    command = ("hardware", "run", bell, "ZZ", "--angles", "0.7", "--on", "ibm_scripted", "--out", "mine", *QUICK)
    check(qvar(*command, "--yes", "--max-qpu-seconds", 60), "not certain whether ibm_scripted has taken a job")
    check(qvar("hardware", "resume", "mine", "--yes"), "--resubmit")
    assert "SENDING" in qvar("hardware", "jobs", "mine").words
    assert jobs_of(device) == {}
    assert qvar("hardware", "resume", "mine", "--yes", "--resubmit").code == 0
    assert len(jobs_of(device)) == 1


def test_an_interrupt_says_how_to_go_on_and_the_job_is_found_again(qvar, bell, device, monkeypatch):
    command = ("hardware", "run", bell, "ZZ", "--angles", "0.7", "--on", "ibm_scripted", "--out", "mine", *QUICK)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(experiment, "_measured", interrupt)
        outcome = qvar(*command, "--yes", "--max-qpu-seconds", 60)
    assert (outcome.code, outcome.err) == (130, "interrupted; go on with: qvar hardware resume mine\n")
    assert len(jobs_of(device)) == 1
    assert qvar("hardware", "resume", "mine", "--json").code == 0
    assert len(jobs_of(device)) == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["run", "bell.qasm", "--on", LAGOS], "what is to be measured in bell.qasm?"),
        (["run", "bell.qasm", "ZZ", "--on", LAGOS], "the circuit has 1 free angle(s), --angles gives 0"),
        (["run", "bell.qasm", "ZZZ", "--angles", "1", "--on", LAGOS], "2 qubit(s) and the observable 3"),
        (["run", "bell.qasm", "ZZ", "--angles", "1", "--on", "fake:FakeNowhere"], "unknown fake backend"),
        (["run", "bell.qasm", "ZZ", "--angles", "1", "--on", LAGOS, "--resilience", "7"], "resilience_level"),
        (["run", "bell.qasm", "ZZ", "--angles", "1", "--on", LAGOS, "--mode", "fast"], "mode is one of"),
        (["run", "none.qasm", "ZZ", "--on", LAGOS], "cannot read the circuit none.qasm"),
        (["run", "bad.qpy", "ZZ", "--on", LAGOS], "bad.qpy: not a readable QPY file"),
        (["jobs", "."], "holds no jobs"),
        (["resume", "."], "holds no experiment.json"),
    ],
)
def test_wrong_input_is_one_message(qvar, bell, own_folder, command, message):
    (own_folder / "bad.qpy").write_bytes(b"no")
    check(qvar("hardware", *command), message)


def test_a_run_has_its_task_already(qvar, run):
    check(qvar("hardware", "run", run, "ZZ", "--on", LAGOS), "is a run and has its task and angles")


def test_a_snapshot_is_searched_under_exactly_and_never_overwrites(qvar, searched_on_lagos, run):
    noise = json.loads((run / "config.json").read_text())["config"]["engine"]["noise"]
    saved = json.loads((searched_on_lagos / "device.json").read_text())
    assert noise == saved
    assert saved["source"] == "calibration of fake_lagos 1.6.6, 2024-05-27 15:51"
    check(qvar("device", "snapshot", LAGOS, "--out", searched_on_lagos / "device.json"), "already exists")
    check(
        qvar("device", "snapshot", LAGOS, "--out", "none/device.json"), "the folder none for device.json does not exist"
    )
    outcome = qvar("device", "snapshot", LAGOS, "--out", "all.json", "--json")
    assert json.loads(outcome.out)["n_qubits"] == 7


VQE = ("vqe", "h2-2", "--ansatz", "real_amplitudes", "--reps", 1, "--shots", 200, "--evaluations", 6)


def test_angles_are_optimized_on_hardware_and_nothing_is_asked_twice(qvar, own_folder):
    first = json.loads(qvar(*VQE, "--engine", f"runtime:{LAGOS}", "--json").out)
    assert first["evaluations"] == 7  # one more for the value at the end
    assert first["spent"]["jobs"] == 8
    assert first["energy"] > first["exact_energy"]
    again = json.loads(qvar(*VQE, "--engine", f"runtime:{LAGOS}", "--json").out)
    assert {**again, "seconds": 0} == {**first, "seconds": 0}
    other = json.loads(qvar(*VQE, "--engine", f"runtime:{LAGOS}", "--seed", 1, "--json").out)
    assert other["parameters"] != first["parameters"]
    assert "8 jobs" in qvar(*VQE, "--engine", f"runtime:{LAGOS}").words


def test_optimizing_on_hardware_keeps_the_limits_and_needs_consent(qvar, device):
    command = (*VQE, "--engine", "runtime:ibm_scripted", "--out", "mine")
    check(qvar(*command), "say what may be spent")
    check(qvar(*command, "--max-qpu-seconds", 900), "It would be 8 jobs")
    assert jobs_of(device) == {}
    check(qvar(*command, "--max-qpu-seconds", 900, "--max-jobs", 3, "--yes"), "max_jobs=3 does not allow for this job")
    assert len(jobs_of(device)) == 3
    assert qvar(*command, "--max-qpu-seconds", 900, "--max-jobs", 8, "--yes").code == 0
    assert len(jobs_of(device)) == 8


def test_an_engine_of_hardware_is_for_commands_that_keep_limits(qvar, bell):
    check(qvar("energy", bell, "ZZ", "--angles", 1, "--engine", f"runtime:{LAGOS}"), "use it with qvar vqe")
    check(qvar(*VQE, "--engine", f"runtime:{LAGOS}", "--noise", "ourense"), "a device has its own noise")
    check(qvar(*VQE, "--engine", f"runtime:{LAGOS}", "--optimizer", "lbfgs"), "no budget of energies")
