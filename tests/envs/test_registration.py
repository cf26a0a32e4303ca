import subprocess
import sys

import gymnasium
import pytest

import qvar.envs
from qvar.envs.registration import ENVIRONMENT_IDS, register_environments


def test_every_promised_id_is_registered():
    assert set(ENVIRONMENT_IDS) <= set(gymnasium.registry)
    for name in ("ArchitectureSearch", "H2-2", "H2-3", "H2-4", "H2", "LiH-4", "LiH-6", "H2O-8-Bohr", "H2O-8"):
        assert f"qvar/{name}-v0" in ENVIRONMENT_IDS


def test_registering_twice_changes_nothing():
    before = dict(gymnasium.registry)
    register_environments()
    assert gymnasium.registry == before


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'torch', 'numba', 'qiskit', 'qiskit_aer', 'pennylane', 'pyscf', 'nlopt', 'stable_baselines3'}"
    code = f"import sys, qvar.envs; qvar.envs.ActionTable(2); sys.exit(str({heavy} & set(sys.modules)) != 'set()')"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_making_an_environment_never_loads_torch_or_qiskit():
    code = (
        "import sys, gymnasium, qvar.envs; gymnasium.make('qvar/H2-2-v0').reset(seed=0); "
        "sys.exit(bool({'torch', 'qiskit', 'pennylane'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_exported_name_exists_and_no_other():
    for name in qvar.envs.__all__:
        assert getattr(qvar.envs, name) is not None
    assert sorted(qvar.envs.__all__) == dir(qvar.envs)
    with pytest.raises(AttributeError, match="nonsense"):
        qvar.envs.nonsense  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    ("name", "n_qubits", "max_gates"),
    [
        ("H2", 4, 40),
        ("H2-2", 2, 40),
        ("H2-3", 3, 40),
        ("H2-4", 4, 40),
        ("LiH-4", 4, 40),
        ("LiH-6", 6, 70),
        ("H2O-8", 8, 250),
        ("H2O-8-Bohr", 8, 250),
    ],
)
def test_tasks_have_the_sizes_of_the_paper(name, n_qubits, max_gates):
    environment = gymnasium.make(f"qvar/{name}-v0").unwrapped
    assert (environment.problem.n_qubits, environment.max_gates) == (n_qubits, max_gates)
