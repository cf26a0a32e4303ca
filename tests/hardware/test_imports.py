"""Importing the package is cheap, what is missing is said, and the examples in the docstrings are true."""

import doctest
import subprocess
import sys
from importlib import import_module

import pytest

from qvar.hardware import open_backend
from qvar.simulators.errors import HardwareError


def test_the_package_loads_nothing_heavy():
    code = (
        "import qvar.hardware, sys; print([m for m in ('qiskit', 'qiskit_ibm_runtime', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_runtime_is_said_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.executor_estimator", None)
    with pytest.raises(HardwareError, match="the extra ibm brings: pip install"):
        open_backend("fake:FakeManilaV2")


@pytest.mark.parametrize("module", ["connection", "engine"])
def test_the_examples_are_true(module):
    failed, tried = doctest.testmod(import_module(f"qvar.hardware.{module}"))
    assert (failed, tried > 0) == (0, True)
