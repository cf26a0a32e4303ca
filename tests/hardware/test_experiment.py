"""experiment: what was asked and what came of it, as files; a begun experiment never changes what it runs."""

import json
import shutil

import pytest

from qvar.hardware import ExecutionOptions, HardwareRun, Limits, accept, experiment, open_backend
from qvar.hardware.experiment import Experiment, execute, open_experiment, plan
from qvar.hardware.record import HardwareRecord, read_record
from qvar.simulators import Circuit, Observable, Operation, Slot
from qvar.simulators.errors import HardwareError

from .found import FOUND, H2, h2_experiment
from .scripted_service import ScriptedService

LAGOS = "fake:FakeLagosV2"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment") / "out"
    asked = h2_experiment(LAGOS, shots=500, levels=(0, 1, 2))
    backend = open_backend(LAGOS)
    with HardwareRun(backend, folder=folder, options=asked.options) as run:
        record = execute(asked, plan(asked, backend), run)
    return asked, record, folder


@pytest.fixture
def done(finished, tmp_path):
    asked, record, folder = finished
    shutil.copytree(folder, tmp_path / "out")
    return asked, record, tmp_path / "out"


def test_an_experiment_and_its_record_survive_their_files(done):
    asked, record, folder = done
    assert open_experiment(folder) == asked
    assert read_record(folder) == record
    assert HardwareRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert Experiment.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked


def test_every_level_is_measured_and_mitigation_has_no_prediction(done):
    _, record, _ = done
    assert [m.resilience_level for m in record.measured] == [0, 1, 2]
    assert abs(record.deviation(record.measured[0])) < 5
    assert [record.deviation(m) for m in record.measured[1:]] == [None, None]
    plain, mitigated, _ = record.measured
    assert abs(mitigated.value - H2.exact_energy) < abs(plain.value - H2.exact_energy)
    assert len({m.job_id for m in record.measured}) == 3


def test_executing_again_gives_the_same_record_and_no_new_job(done):
    asked, record, folder = done
    backend = open_backend(LAGOS)
    with HardwareRun(backend, folder=folder, options=asked.options) as run:
        again = execute(asked, plan(asked, backend, folder), run)
        assert len(run.ledger.entries()) == 3
    assert again == record


def test_a_begun_experiment_is_not_transpiled_again(done, monkeypatch):
    asked, _, folder = done

    def refuse(*_, **__):
        raise AssertionError("transpiled again")

    monkeypatch.setattr(experiment, "device_circuit", refuse)
    backend = open_backend(LAGOS)
    requests = plan(asked, backend, folder).requests
    monkeypatch.undo()
    fresh = plan(asked, backend).requests
    assert {k: r.identity("b") for k, r in requests.items()} == {k: r.identity("b") for k, r in fresh.items()}


def test_a_folder_belongs_to_one_experiment_whose_limits_may_change(done):
    asked, _, folder = done
    backend = open_backend(LAGOS)
    other = h2_experiment(LAGOS, shots=501, levels=(0, 1, 2))
    with pytest.raises(HardwareError, match=r"holds another experiment \(options.shots: 500 there, 501 here\)"):
        plan(other, backend, folder)
    wider = h2_experiment(LAGOS, shots=500, levels=(0, 1, 2), limits=Limits(max_jobs=5))
    assert plan(wider, backend, folder).prediction == plan(asked, backend).prediction


@pytest.mark.parametrize("name", ["isa.qpy", "plan.json"])
def test_a_damaged_plan_is_refused(done, name):
    asked, _, folder = done
    (folder / name).write_bytes(b"broken")
    with pytest.raises(HardwareError, match=r"isa\.qpy or plan\.json in .* is missing or damaged"):
        plan(asked, open_backend(LAGOS), folder)


def test_a_new_calibration_does_not_make_a_paid_circuit_another_one(tmp_path):
    service = ScriptedService(tmp_path / "service")
    backend = service.backend("ibm_scripted")
    asked = h2_experiment("ibm_scripted", shots=200, limits=Limits(max_qpu_seconds=100))
    settings = {"folder": tmp_path / "out", "options": asked.options, "limits": asked.limits, "confirm": accept}
    with HardwareRun(backend, **settings) as run:
        record = execute(asked, plan(asked, backend), run)
    assert 4 in record.layout
    for pair in ((3, 4), (4, 3)):
        backend.target["cx"][pair].error = 0.9
    assert 4 not in plan(asked, backend).compiled.layout
    with HardwareRun(backend, **settings) as run:
        assert execute(asked, plan(asked, backend, tmp_path / "out"), run) == record
        assert len(run.ledger.entries()) == 1


def test_read_out_of_a_device_keeps_its_asymmetry_and_that_of_a_fake_does_not(tmp_path):
    real = ScriptedService(tmp_path).backend("ibm_scripted")
    fake = open_backend("fake:FakeManilaV2")
    asked = h2_experiment("ibm_scripted", shots=200)
    device, local = (plan(asked, backend).compiled for backend in (real, fake))
    assert device.qubits == local.qubits
    assert all(local.noise.readout_error(q).p01 == local.noise.readout_error(q).p10 for q in range(4))
    assert any(device.noise.readout_error(q).p01 != device.noise.readout_error(q).p10 for q in range(4))


def test_experiments_that_make_no_sense_are_refused():
    with pytest.raises(HardwareError, match=r"4 qubit.*observable 2"):
        Experiment("x", FOUND, Observable.from_terms({"ZZ": 1.0}), LAGOS)
    with pytest.raises(HardwareError, match="levels holds different"):
        h2_experiment(LAGOS, levels=(1, 1))
    with pytest.raises(HardwareError, match="resilience_level"):
        h2_experiment(LAGOS, levels=(3,))
    free = Circuit(1, (Operation("rx", (0,), (Slot(0),)),))
    with pytest.raises(HardwareError, match="free angle"):
        Experiment("x", free, Observable.from_terms({"Z": 1.0}), LAGOS, options=ExecutionOptions())
    with pytest.raises(HardwareError, match="not an experiment"):
        Experiment.from_dict({"format": "other"})
    with pytest.raises(HardwareError, match="incomplete or damaged"):
        Experiment.from_dict({k: v for k, v in h2_experiment(LAGOS).to_dict().items() if k != "tries"})
