"""Problems of every family go through a search and a VQE like molecules do, and keep their units in the records."""

import json
from dataclasses import replace

import pytest

from qvar.optimizers import LBFGS
from qvar.problems import FAMILIES, find_problem
from qvar.search import RandomPolicy, SearchConfiguration, ansatz, configure, run_search, search, vqe
from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import ArchitectureError

EXAMPLES = [family.example for family in FAMILIES]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_short_search_improves_on_the_empty_circuit_where_one_gate_can(name):
    problem = find_problem(name)
    result = search(name, StatevectorSimulator(), RandomPolicy(), episodes=6, max_gates=8, seed=1)
    assert result.exact_energy - 1e-9 <= result.energy <= problem.start_energy + 1e-9
    assert result.circuit.n_qubits == problem.n_qubits
    assert result.energy == pytest.approx(
        problem.objective(PauliTransferSimulator(), result.circuit)(result.parameters), abs=1e-9
    )
    if name != "toffoli":  # the identity is a local optimum of the infidelity with a Toffoli gate
        assert result.energy < problem.start_energy - 1e-3
    assert not result.is_chemically_accurate
    assert (result.is_accurate is None) == (problem.unit != "infidelity")


@pytest.mark.parametrize(
    ("name", "reps", "tolerance"),
    [
        ("tfim-4", 2, 1e-3),
        ("heisenberg-3", 2, 1e-6),
        ("maxcut-ring-6", 1, 1e-6),
        ("ghz-3", 1, 1e-6),
        ("w-3", 2, 1e-6),
        ("random-state-3-seed1", 3, 1e-6),
        ("random-unitary-1-seed1", 1, 1e-6),
        ("qft-2", 4, 1e-6),
        ("random-unitary-2-seed1", 4, 1e-6),
    ],
)
def test_vqe_reaches_the_exact_energy(name, reps, tolerance):
    n_qubits = find_problem(name).n_qubits
    result = vqe(name, ansatz("efficient_su2", n_qubits, reps=reps), StatevectorSimulator(), starts=6, seed=0)
    assert -1e-9 <= result.noiseless_energy - result.exact_energy <= tolerance
    assert not result.is_chemically_accurate
    record = result.to_dict()
    assert (record["unit"], record["chemically_accurate"]) == (find_problem(name).unit, False)


@pytest.mark.parametrize("name", ["ghz-3", "qft-2", "tfim-3"])
def test_a_search_under_the_noise_of_a_device_uses_its_coupled_pairs_and_noise(name):
    n = find_problem(name).n_qubits
    engine = PauliTransferSimulator(NoiseModel.named("ourense", qubits=list(range(n))))
    result = search(name, engine, RandomPolicy(), episodes=4, max_gates=6, seed=2)
    pairs = {o.qubits for o in result.circuit.operations if o.gate == "cx"}
    assert pairs <= set(engine.noise.coupling_map)
    assert result.energy > result.noiseless_energy
    assert result.energy == pytest.approx(find_problem(name).objective(engine, result.circuit)(result.parameters))


def test_a_device_that_does_not_connect_the_searched_qubits_is_refused():
    engine = PauliTransferSimulator(NoiseModel.named("ourense", qubits=[0, 2]))
    with pytest.raises(ArchitectureError, match="does not connect"):
        search("qft-2", engine, RandomPolicy(), episodes=1, max_gates=2)


@pytest.mark.parametrize("shots", [None, 40])
def test_a_compilation_run_keeps_through_its_record_and_resumes(tmp_path, shots):
    engine = PauliTransferSimulator(NoiseModel.named("ourense", qubits=[1, 2]))
    configuration = replace(
        configure("qvar", find_problem("qft-2"), engine, shots=shots),
        algorithm=RandomPolicy(),
        optimizer=LBFGS(max_iterations=3),
        episodes=3,
        max_gates=4,
    )
    assert SearchConfiguration.from_dict(json.loads(json.dumps(configuration.to_dict()))) == configuration
    result = run_search(configuration, out=tmp_path / "run")
    again = run_search(configuration, out=tmp_path / "run", resume=True)
    assert again.energy == result.energy
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (stored["unit"], stored["accurate"], stored["chemically_accurate"]) == ("infidelity", False, False)
    assert (tmp_path / "run" / "learning_curve.png").exists()
