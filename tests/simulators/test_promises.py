"""Small promises of the simulators that are easily broken: equality, copies, exact text, forgetting, clear types."""

import pickle
import pkgutil
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

import qvar.envs
import qvar.simulators
from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.errors import EngineError, NoiseModelError

ROOT = Path(__file__).parents[2]
CIRCUIT = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
ZZ = Observable.from_terms({"ZZ": 1.0, "XI": 0.5})


def test_models_with_the_same_numbers_are_equal_and_others_are_not():
    assert NoiseModel.named("mumbai-median") == NoiseModel.named("mumbai-median")
    assert hash(NoiseModel.named("ourense")) == hash(NoiseModel.named("ourense"))
    assert NoiseModel.named("mumbai-median") != NoiseModel.named("mumbai-max")
    assert NoiseModel.named("mumbai-max") != NoiseModel.named("mumbai-median")
    assert PauliTransferSimulator(NoiseModel.named("ourense")) == PauliTransferSimulator(NoiseModel.named("ourense"))


@pytest.mark.parametrize("engine", [StatevectorSimulator(), PauliTransferSimulator(NoiseModel.named("ourense"))])
def test_objectives_survive_pickling(engine):
    objective = engine.objective(CIRCUIT, ZZ)
    copy = pickle.loads(pickle.dumps(objective))  # noqa: S301 - our own bytes
    assert copy([0.7]) == objective([0.7])
    sampled = pickle.loads(pickle.dumps(objective.with_shots(10, np.random.default_rng(1))))  # noqa: S301
    assert sampled([0.7]) == objective.with_shots(10, np.random.default_rng(1))([0.7])


@pytest.mark.parametrize("angle", [7 * np.pi / 16 + 2e-11, 2 * np.pi / 3 + 1e-13, -1e-17, np.pi, 1e22])
def test_angles_keep_every_digit_in_openqasm(angle):
    circuit = Circuit(2, (Operation("rx", (1,), (angle,)), Operation("rz", (0,), (Slot(0, 0.5, 0.25),))))
    again = Circuit.from_qasm(circuit.to_qasm())
    assert again.operations[0].parameters == (angle,)
    assert again.key() == circuit.key()


def test_parameters_of_a_global_phase_alone_are_left_out():
    circuit = QuantumCircuit(1, global_phase=Parameter("a"))
    circuit.ry(Parameter("b"), 0)
    assert Circuit.from_qiskit(circuit).operations == (Operation("ry", (0,), (Slot(0),)),)


def test_only_the_latest_observables_are_remembered():
    engine = PauliTransferSimulator()
    for k in range(50):
        engine.objective(CIRCUIT, Observable.from_terms({"ZZ": 1.0 + k}))
    assert len(engine._prepared) <= 16
    assert engine.objective(CIRCUIT, ZZ)([0.0]) == pytest.approx(1.0)


def test_objects_of_other_packages_are_refused_with_a_hint():
    with pytest.raises(EngineError, match=r"Circuit\.from_qiskit"):
        StatevectorSimulator().objective(QuantumCircuit(1), ZZ)
    with pytest.raises(EngineError, match=r"Observable\.from_qiskit"):
        StatevectorSimulator().objective(CIRCUIT, SparsePauliOp("ZZ"))
    with pytest.raises(EngineError, match=r"NoiseModel\.named"):
        PauliTransferSimulator("ourense")


def test_a_second_entry_for_the_same_thing_is_refused():
    data = NoiseModel.from_numbers(p1=1e-3, readout=0.01).to_dict()
    with pytest.raises(NoiseModelError, match="two entries for all qubits"):
        NoiseModel.from_dict(data | {"readout": [*data["readout"], {"p01": 0.3, "p10": 0.3}]})
    with pytest.raises(NoiseModelError, match="two entries for cx"):
        NoiseModel.from_dict(data | {"channels": [*data["channels"], {"gate": "cx", "steps": []}]})


def test_new_gates_may_be_lowered_by_several_threads_at_once():
    def energies(engine, qubits):
        circuits = [Circuit(4, (Operation("h", (q,)), Operation("ecr", (q, (q + 1) % 4)))) for q in qubits]
        observable = Observable.from_terms({"XXYZ": 1.0, "ZIZI": 0.5})
        return [engine.objective(circuit, observable)([]) for circuit in circuits]

    noise = NoiseModel.named("mumbai-max")
    expected = energies(PauliTransferSimulator(noise), [0, 1, 2, 3] * 5)
    for _ in range(10):
        shared = PauliTransferSimulator(noise)
        with ThreadPoolExecutor(4) as pool:
            runs = [pool.submit(energies, shared, [0, 1, 2, 3] * 5) for _ in range(4)]
            assert all(run.result() == expected for run in runs)


@pytest.mark.slow
def test_kernels_run_where_no_compiled_code_can_be_kept(tmp_path):
    package = tmp_path / "qvar"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copytree(ROOT / "simulators", package / "simulators", ignore=shutil.ignore_patterns("__pycache__"))
    script = (
        "from qvar.simulators import Circuit, Observable, StatevectorSimulator as S\n"
        "print(S().objective(Circuit(1), Observable.from_terms({'Z': 1.0}))([]))"
    )
    environment = {"PATH": "", "HOME": "/dev/null", "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr
    assert "compiled anew for this process" in done.stderr


@pytest.fixture(scope="module")
def classes():
    """Every class that a module of the simulators or the environments defines."""
    modules = [
        import_module(found.name)
        for package in (qvar.simulators, qvar.envs)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    found = [(module, c) for module in modules for c in vars(module).values() if isinstance(c, type)]
    return {c for module, c in found if c.__module__ == module.__name__}


def test_all_dataclasses_are_frozen_but_for_a_few(classes):
    changeable = {c.__name__ for c in classes if is_dataclass(c) and not c.__dataclass_params__.frozen}
    assert changeable == {"BestSoFarState", "MovingThresholdState", "_ChainOptimizer", "_Course", "_Rows"}


def test_whatever_is_made_without_code_of_its_own_is_a_dataclass(classes):
    assert sum(map(is_dataclass, classes)) > 50
    assert not [c for c in classes if c.__bases__ == (object,) and "__init__" not in vars(c)]  # equal if of equal parts
