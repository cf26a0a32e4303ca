"""snapshot: the noise of a device as a file, exactly, with the date of its calibration."""

import json

import numpy as np
import pytest

from qvar.hardware import open_backend
from qvar.hardware.snapshot import device_snapshot
from qvar.simulators import Circuit, NoiseModel, PauliTransferSimulator
from qvar.simulators.errors import NoiseModelError

from .found import FOUND, H2
from .scripted_service import ScriptedService

ROTATIONS = Circuit(4, tuple(o for o in FOUND.operations if len(o.qubits) == 1))


@pytest.mark.parametrize("name", ["FakeLagosV2", "FakePeekskill", "FakeFractionalBackend"])
def test_a_snapshot_read_back_is_the_noise_of_the_device(name, tmp_path):
    backend = open_backend(f"fake:{name}")
    qubits = (1, 0, 2)
    model = device_snapshot(backend, qubits=qubits)
    model.to_json(tmp_path / "device.json")
    read = NoiseModel.from_json(tmp_path / "device.json")
    assert read == NoiseModel.from_backend(backend, qubits=qubits)
    assert (read.name, read.source) == (model.name, model.source)
    for key, channel in model.local.items():
        assert np.array_equal(read.local[key].ptm, channel.ptm)


def test_a_snapshot_says_which_calibration_it_is():
    assert device_snapshot(open_backend("fake:FakeLagosV2")).source == (
        "calibration of fake_lagos 1.6.6, 2024-05-27 15:51"
    )


def test_a_snapshot_gives_the_energies_of_the_device(tmp_path):
    backend = open_backend("fake:FakeCairoV2")
    device_snapshot(backend, qubits=(1, 2, 3, 4)).to_json(tmp_path / "device.json")
    values = [
        PauliTransferSimulator(noise.without_coupling()).objective(ROTATIONS, H2.observable)([])
        for noise in (
            NoiseModel.from_json(tmp_path / "device.json"),
            NoiseModel.named("fake:FakeCairoV2", qubits=[1, 2, 3, 4]),
        )
    ]
    assert values[0] == values[1]
    assert values[0] > H2.exact_energy + 1e-3


def test_a_real_device_is_read_without_submitting_anything(tmp_path):
    service = ScriptedService(tmp_path)
    model = device_snapshot(service.backend("ibm_scripted"))
    assert model.n_qubits == 5
    assert model.readout_error(0).p01 != model.readout_error(0).p10
    jobs = tmp_path / "jobs.json"
    assert not jobs.exists() or not json.loads(jobs.read_text())


def test_qubits_that_are_not_there_are_refused():
    with pytest.raises(NoiseModelError, match=r"has qubits 0\.\.6"):
        device_snapshot(open_backend("fake:FakeLagosV2"), qubits=(0, 7))
