"""The greedy search grows circuits by what helps most, counts honestly, and comes back after a kill."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.envs import ActionTable, ArchitectureSearchEnv, StartCircuit, both_directions
from qvar.problems import molecule, unitary_compilation
from qvar.runs import RunFolder
from qvar.search import Greedy, Judge, configure, find_algorithm, run_search, search
from qvar.search.algorithms import make_environment
from qvar.search.gadgets import gadgets
from qvar.search.greedy import GreedySearcher, sinusoid_minimum
from qvar.search.searcher import Tracker
from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, Slot
from qvar.simulators import StatevectorSimulator as Ideal
from qvar.simulators.errors import RunError
from qvar.simulators.gates import PAULIS

OURENSE = PauliTransferSimulator(NoiseModel.named("ourense"))


@pytest.fixture(scope="module")
def greedy_h2():
    return replace(configure("qvar", molecule("h2-4"), Ideal(), algorithm=Greedy()), episodes=3, max_gates=20)


def matrix_of(circuit):
    """The unitary of a circuit, column by column."""
    size = 2**circuit.n_qubits
    objective = Ideal().objective
    columns = []
    for k in range(size):
        flips = tuple(Operation("x", (q,)) for q in range(circuit.n_qubits) if k >> q & 1)
        observable = Observable(("Z" * circuit.n_qubits,), (1.0,))
        columns.append(objective(Circuit(circuit.n_qubits, flips + circuit.operations), observable).state([]))
    return np.array(columns).T


def circuit_of(gadget, n_qubits, angle):
    cnots = [Operation("cx", pair) for pair in gadget.opening], [Operation("cx", pair) for pair in gadget.closing]
    return Circuit(n_qubits, (*cnots[0], Operation(gadget.rotation, (gadget.qubit,), (angle,)), *cnots[1]))


@pytest.mark.parametrize("edges", [None, [(0, 1), (1, 2), (1, 3)]], ids=["every pair", "a star"])
def test_gadgets_with_cnots_around_are_exponentials_of_pauli_strings(edges):
    pool = gadgets(ActionTable(4, None if edges is None else both_directions(edges)))
    closed = [gadget for gadget in pool if gadget.closing]
    strings = set()
    for gadget in closed:
        generator = 1j * (matrix_of(circuit_of(gadget, 4, np.pi)))  # exp(-i pi P / 2) = -i P
        letters = []
        for q in range(4):
            weights = [
                abs(np.trace(generator @ np.kron(np.eye(2 ** (3 - q)), np.kron(p, np.eye(2**q))))) for p in PAULIS
            ]
            letters.append(weights)
        assert np.allclose(generator @ generator, np.eye(16))
        assert np.allclose(generator, generator.conj().T)
        dense = Observable.from_qiskit(_pauli_sum(generator))
        assert len(dense.labels) == 1
        strings.add(dense.labels[0])
        half = matrix_of(circuit_of(gadget, 4, np.pi / 2))
        assert np.allclose(half, (np.eye(16) - 1j * generator) / np.sqrt(2))
    assert {"XXXY", "YXXX", "ZZZZ", "IIXY", "IIYX"} <= strings
    assert len({gadget.qubit for gadget in closed}) == 4


def _pauli_sum(matrix):
    from qiskit.quantum_info import Operator, SparsePauliOp

    return SparsePauliOp.from_operator(Operator(matrix)).simplify(atol=1e-9)


def test_gadgets_keep_to_the_coupling_map_and_to_their_size():
    edges = both_directions([(0, 1), (1, 2), (2, 3)])
    pool = gadgets(ActionTable(4, edges), max_qubits=3)
    pairs = {pair for gadget in pool for pair in gadget.opening + gadget.closing}
    assert pairs == set(edges)
    assert max(len({q for pair in gadget.opening for q in pair}) for gadget in pool) == 3
    assert len(set(pool)) == len(pool)
    assert {(g.rotation, g.qubit) for g in pool if not g.opening} == {
        (r, q) for r in ("rx", "ry", "rz") for q in range(4)
    }


def test_one_directed_coupling_gives_only_what_can_be_built():
    pool = gadgets(ActionTable(2, [(0, 1)]))
    assert {pair for gadget in pool for pair in gadget.opening} == {(0, 1)}


@pytest.mark.parametrize("engine", [Ideal(), OURENSE], ids=["noiseless", "ourense"])
def test_three_energies_tell_the_best_angle_of_a_rotation(engine):
    problem, rng = molecule("h2-4"), np.random.default_rng(3)
    start = Circuit(4, (Operation("ry", (0,), (0.7,)), Operation("cx", (0, 1)), Operation("rx", (2,), (2.5,))))
    circuit = start.then((Operation("cx", (1, 2)), Operation("ry", (1,), (Slot(0),)), Operation("cx", (1, 2))))
    objective = problem.objective(engine, circuit)
    angle, energy = sinusoid_minimum(*(objective([t]) for t in (0.0, np.pi / 2, -np.pi / 2)))
    assert objective([angle]) == pytest.approx(energy, abs=1e-12)
    assert all(objective([t]) >= energy - 1e-12 for t in rng.uniform(-np.pi, np.pi, 50))


def test_hydrogen_is_solved_from_the_empty_circuit_with_three_cnots(greedy_h2):
    result = run_search(greedy_h2)
    assert result.error < 1e-8
    assert result.circuit.n_two_qubit_gates == 3
    assert [r["end_reason"] for r in result.history] == ["stalled"] * 3


def test_the_simulator_may_be_noisy_and_its_coupling_map_is_kept(greedy_h2):
    noisy = replace(greedy_h2, engine=OURENSE, judge=Judge(by="noiseless"), episodes=2)
    result = run_search(noisy)
    pairs = {o.qubits for o in result.circuit.operations if o.gate == "cx"}
    assert pairs
    assert pairs <= set(OURENSE.noise.coupling_map)
    assert result.error < 1.6e-3
    measured = run_search(replace(noisy, judge=Judge()))
    assert measured.energy <= result.energy + 1e-6


def test_the_same_seed_gives_the_same_record_and_later_episodes_differ(greedy_h2, without_seconds):
    lithium = replace(greedy_h2, problem=molecule("lih-4"), max_gates=10, pruning=None)
    first, again, other = (run_search(replace(lithium, seed=seed)) for seed in (1, 1, 2))
    assert without_seconds(first.history) == without_seconds(again.history)
    assert first.history[0]["energy"] == other.history[0]["energy"]  # the first episode draws nothing
    assert len({r["energy"] for r in (*first.history, *other.history)}) > 1


def test_without_spread_there_is_one_episode(greedy_h2):
    result = run_search(replace(greedy_h2, algorithm=Greedy(spread=0.0)))
    assert len(result.history) == 1


def test_the_limit_of_gates_and_the_budget_are_kept(greedy_h2):
    lithium = replace(greedy_h2, problem=molecule("lih-4"), pruning=None)
    short = run_search(replace(lithium, max_gates=5))
    assert max(r["n_cnots"] + r["n_rotations"] for r in short.history) <= 5
    pool = len(gadgets(make_environment(lithium).action_table))
    poor = run_search(replace(lithium, max_energies=5 * pool))
    assert [r["end_reason"] for r in poor.history] == ["budget"]
    assert 5 * pool <= poor.cost.energies < 5 * pool + 3 * pool + 1000


@pytest.mark.parametrize("by", ["measured", "noiseless"])
def test_costs_are_what_the_engine_was_asked_for(greedy_h2, counting_engine, by):
    engine = counting_engine(OURENSE)
    result = run_search(replace(greedy_h2, engine=engine, pruning=None, episodes=1, judge=Judge(by=by)))
    assert engine.count.gradients == result.cost.gradients
    if by == "measured":
        assert engine.count.evaluations == result.cost.evaluations + 2  # one before, one to judge the outcome
    else:
        assert engine.count.evaluations < result.cost.evaluations  # screened without noise, which counts too


def test_shots_are_counted_and_growth_with_them_ends(greedy_h2):
    sampled = configure("qvar", molecule("h2-2"), Ideal(), shots=50)
    result = run_search(replace(sampled, algorithm=Greedy(spread=0.0), episodes=2, max_gates=4, pruning=None))
    assert result.cost.shots > 0
    assert len(result.history) == 2  # chance is left


def test_it_starts_from_the_start_circuit_of_the_environment(greedy_h2):
    problem = molecule("h2-4")
    env = ArchitectureSearchEnv(problem, Ideal(), max_gates=12, start=StartCircuit.basis_state(problem))
    tracker = Tracker(episodes=1, budget=None, judge=Judge(), evaluator=env.evaluator)
    searcher = GreedySearcher(Greedy(), env, tracker, np.random.SeedSequence(0))
    (record,) = searcher.play()
    assert record["error"] < 1e-6
    assert record["additions"] == 1  # one double excitation on top of the Hartree-Fock state
    empty = ArchitectureSearchEnv(problem, Ideal(), max_gates=12)
    assert GreedySearcher(Greedy(), empty, tracker, np.random.SeedSequence(0)).play()[0]["additions"] > 1


def test_resuming_from_every_episode_ends_with_the_record_of_an_unbroken_run(
    greedy_h2, tmp_path, monkeypatch, file_contents, read_run
):
    import qvar.search.run_in_progress as run_in_progress

    configuration = replace(greedy_h2, problem=molecule("lih-4"), max_gates=10, remember=50)
    snapshots, out = [], tmp_path / "run"
    monkeypatch.setattr(run_in_progress, "CHECKPOINT_SECONDS", 0.0)
    run_search(configuration, out=out, on_episode=lambda _: snapshots.append(file_contents(out)))
    expected = read_run(out)
    for number, snapshot in enumerate(snapshots):
        copy = tmp_path / f"copy{number}"
        copy.mkdir()
        for file, content in snapshot.items():
            (copy / file).write_bytes(content)
        run_search(configuration, out=copy, resume=True)
        assert read_run(copy) == expected
        states = [RunFolder.open(folder).load_checkpoint()[1]["searcher"] for folder in (out, copy)]
        assert states[0] == states[1]


def test_it_has_a_name_and_the_budget_of_every_other_algorithm():
    assert find_algorithm("greedy", Greedy(breadth=2)) == Greedy(breadth=2)
    greedy = configure("qvar", molecule("h2-2"), Ideal(), algorithm=Greedy())
    assert greedy.max_energies == configure("qvar", molecule("h2-2"), Ideal()).max_energies
    result = search("h2-2", Ideal(), Greedy(spread=0.0))
    assert result.error < 1e-6


@pytest.mark.parametrize(
    "changes",
    [{"max_qubits": 0}, {"breadth": 0}, {"cnot_weight": -1.0}, {"spread": np.nan}, {"min_gain": np.inf}],
)
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(RunError):
        Greedy(**changes)


def test_a_unitary_is_compiled_and_pruned_without_knowing_its_input(greedy_h2):
    target = Circuit(2, (Operation("ry", (0,), (0.4,)), Operation("rzz", (0, 1), (0.7,))))
    result = run_search(replace(greedy_h2, problem=unitary_compilation(target), max_gates=10))
    assert result.error < 1e-6
    overlap = abs(np.trace(matrix_of(target).conj().T @ matrix_of(result.circuit.bind(result.parameters)))) / 4
    assert overlap == pytest.approx(1, abs=1e-6)
    assert result.circuit.n_two_qubit_gates == 2


def test_a_budget_smaller_than_one_screening_is_kept():
    """On six qubits a look at every gadget takes 2,500 energies."""
    problem = molecule("lih-6")
    base = configure("qvar", problem, Ideal(), algorithm=Greedy())
    assert 3 * len(gadgets(make_environment(base).action_table)) > 2000
    result = run_search(replace(base, pruning=None, max_energies=300))
    (record,) = result.history
    assert record["end_reason"] == "budget"
    assert 300 <= result.cost.energies < 400
    assert result.noiseless_energy < problem.start_energy - 0.1  # the best of what it had seen by then is added
