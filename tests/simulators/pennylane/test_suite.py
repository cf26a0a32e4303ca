"""PennyLane's own conformance suite for devices, run on ours and on default.mixed, exactly and with shots."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pennylane as qml
import pytest
from pennylane.devices.tests import get_device_tests

import qvar
from qvar.simulators.pennylane.device import PauliTransferDevice

DEVICES = ("qvar.ptm", "default.mixed")


def test_the_device_is_found_by_name():
    names = {entry.name for entry in metadata.entry_points(group="pennylane.plugins")}
    assert "qvar.ptm" in names, "the installed package is older than this checkout: run `pip install -e .` again"
    assert isinstance(qml.device("qvar.ptm", wires=2, seed=1), PauliTransferDevice)


def start(device, shots, folder):
    """Start the suite in a process of its own; its pytest must not read this project's configuration."""
    suite = get_device_tests()
    command = [sys.executable, "-m", "pytest", suite, f"--device={device}", f"--shots={shots}"]
    # jax is no dependency: whether it is installed must not matter here. It takes half the time to compile, too.
    command += [f"--ignore={Path(suite) / 'test_gradients_jax.py'}"]
    command += ["--no-flaky-report", "--import-mode=append", "-p", "no:cacheprovider", "-q", "-W", "ignore"]
    command += ["--device-kwargs", "seed=7"]
    environment = os.environ | {"PYTHONPATH": str(Path(qvar.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def outcomes(process):
    text, _ = process.communicate(timeout=600)
    summary = text.strip().splitlines()[-1]
    counts = {kind.rstrip("s"): int(number) for number, kind in re.findall(r"(\d+) ([a-z]+)", summary)}
    assert "passed" in counts, text[-3000:]
    return counts, text


@pytest.mark.slow
@pytest.mark.parametrize("shots", ["None", "20000"])
def test_the_device_passes_as_many_tests_of_the_suite_as_default_mixed_and_fails_none(shots, tmp_path):
    running = {device: start(device, shots, tmp_path) for device in DEVICES}  # side by side, one core each
    results = {device: outcomes(process) for device, process in running.items()}
    ours, text = results["qvar.ptm"]
    assert not {"failed", "error"} & set(ours), text[-5000:]
    assert ours["passed"] >= results["default.mixed"][0]["passed"] > 300
