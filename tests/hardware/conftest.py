"""A scripted service, runs on it, and processes that can be killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import qvar
from qvar.hardware import ExecutionOptions, HardwareRun, Limits, Patience, accept
from tests.hardware.scripted_service import ScriptedService

QUICK = Patience(poll_seconds=0.005, attempts=4, first_delay=0.005, longest_delay=0.02, settle_seconds=0.05)


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    """Hide the account and the budget of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QVAR_HARDWARE_BUDGET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service(tmp_path):
    """Make a scripted service; all made in one test share their job table."""

    def make(**settings):
        return ScriptedService(tmp_path / "service", **settings)

    return make


@pytest.fixture
def hardware(tmp_path, service):
    """Make a run on the scripted service in the folder of the test."""

    def make(scripted=None, *, limits=Limits(max_qpu_seconds=100), folder="run", **settings):  # noqa: B008
        settings = {"confirm": accept, "patience": QUICK, "options": ExecutionOptions(shots=64), **settings}
        return HardwareRun(
            "ibm_scripted", service=scripted or service(), folder=tmp_path / folder, limits=limits, **settings
        )

    return make


class Workers:
    """Processes that are forked, with everything imported, from one that has nothing else to do."""

    def __init__(self):
        roots = [str(Path(qvar.__file__).parents[1]), str(Path(__file__).parents[2])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
        command = [sys.executable, "-m", "tests.hardware.worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=roots[1]
        )

    def run(self, *works):
        """Run works at the same time and return (exit code, what it wrote) of each; -9 for one that was killed."""
        self._process.stdin.write(json.dumps(works) + "\n")
        self._process.stdin.flush()
        return [tuple(pair) for pair in json.loads(self._process.stdout.readline())]

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture(scope="session")
def workers():
    workers = Workers()
    yield workers
    workers.close()
