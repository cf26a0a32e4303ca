"""Importing is cheap, the public names exist, and the examples in the docstrings are true."""

import doctest
import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import qvar.optimizers
import qvar.simulators
from qvar.simulators import errors

HEAVY = ("numba", "qiskit", "qiskit_aer", "torch", "pennylane", "qiskit_ibm_runtime", "matplotlib", "scipy", "nlopt")
MODULES = [f"qvar.simulators.{module.name}" for module in pkgutil.iter_modules(qvar.simulators.__path__)]


def loaded_after(statements):
    """Run statements in a fresh interpreter and return which heavy packages they have loaded."""
    code = f"{statements}\nimport json, sys\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import qvar, qvar.simulators, qvar.optimizers") == set()


def test_circuits_observables_and_noise_need_neither_numba_nor_qiskit():
    statements = """
from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator
engine = PauliTransferSimulator(NoiseModel.named("ourense"))
Circuit(2, (Operation("cx", (0, 1)),)).key(), Observable.from_terms({"ZZ": 1.0}).lower_bound(), engine.noise.key()
"""
    assert loaded_after(statements) == set()


def test_an_energy_loads_numba_and_nothing_else_heavy():
    statements = """
from qvar.simulators import Circuit, Observable, PauliTransferSimulator
assert PauliTransferSimulator().objective(Circuit(1), Observable.from_terms({"Z": 1.0}))([]) == 1
"""
    assert loaded_after(statements) - {"scipy"} == {"numba"}  # numba itself looks for SciPy


@pytest.mark.parametrize("package", [qvar.simulators, qvar.optimizers])
def test_every_public_name_of_a_package_exists_and_no_other(package):
    assert dir(package) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Toffoli'"):
        _ = package.Toffoli


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_a_module_exists(name):
    module = import_module(name)
    for public in getattr(module, "__all__", []):
        assert hasattr(module, public), public


def test_every_error_is_public_and_in_the_documented_tree():
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.QvarError)
        assert name in errors.__doc__
    assert issubclass(errors.QvarError, ValueError)


WITH_EXAMPLES = [name for name in MODULES if ">>>" in Path(import_module(name).__file__).read_text(encoding="utf-8")]


def test_there_are_examples_to_run():
    assert {"qvar.simulators.circuit", "qvar.simulators.noise", "qvar.simulators.pauli_transfer"} <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_are_true(name):
    outcome = doctest.testmod(import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
