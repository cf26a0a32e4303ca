"""Pruned circuits are shorter, hardly worse, and their cost is what the engine was asked for."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from qvar.agents import RandomPolicy
from qvar.optimizers import LBFGS
from qvar.problems import molecule, unitary_compilation
from qvar.search import Judge, Pruning, configure, prune, run_search
from qvar.simulators import AerSimulator, Circuit, NoiseModel, Operation, PauliTransferSimulator, Slot
from qvar.simulators import StatevectorSimulator as Ideal
from qvar.simulators.channels import depolarizing
from qvar.simulators.errors import RunError

H2 = molecule("h2-4")
NOISY = PauliTransferSimulator(NoiseModel.from_numbers(p1=1e-3, p2=1e-2, readout=0.02))


def random_circuit(n_qubits, n_gates, seed):
    """CNOTs and rotations in equal parts."""
    rng, operations, slot = np.random.default_rng(seed), [], 0
    for k in range(n_gates):
        if k % 2:
            operations.append(Operation("cx", tuple(int(q) for q in rng.choice(n_qubits, 2, replace=False))))
        else:
            gate = str(rng.choice(["rx", "ry", "rz"]))
            operations.append(Operation(gate, (int(rng.integers(n_qubits)),), (Slot(slot),)))
            slot += 1
    return Circuit(n_qubits, tuple(operations))


def optimized(problem, engine, circuit, seed=0):
    rng = np.random.default_rng(seed)
    objective = problem.objective(engine, circuit)
    starts = (rng.normal(size=circuit.n_parameters) for _ in range(5))
    return min((LBFGS().minimize(objective, start, rng) for start in starts), key=lambda m: m.value).parameters


@pytest.fixture(scope="module")
def exact_h2():
    """The ground state of hydrogen by one double excitation, RY and three CNOTs, from the Hartree-Fock state."""
    gates = [
        Operation("rx", (0,), (Slot(0),)),
        Operation("rx", (1,), (Slot(1),)),
        Operation("ry", (2,), (Slot(2),)),
        Operation("cx", (2, 0)),
        Operation("cx", (2, 1)),
        Operation("cx", (2, 3)),
    ]
    circuit = Circuit(4, tuple(gates))
    parameters = optimized(H2, Ideal(), circuit)
    assert H2.objective(Ideal(), circuit)(parameters) == pytest.approx(H2.exact_energy, abs=1e-8)
    return circuit, parameters


def padded(circuit, parameters, rng):
    """The same state with gates in between that do nothing: CNOT pairs, and rotations that undo each other."""
    operations = list(circuit.bind(parameters).operations)
    for _ in range(4):
        place = int(rng.integers(len(operations) + 1))
        pair, qubit = tuple(int(q) for q in rng.choice(4, 2, replace=False)), int(rng.integers(4))
        angle = float(rng.normal())
        operations[place:place] = [Operation("cx", pair)] * 2
        operations[place:place] = [Operation("ry", (qubit,), (angle,)), Operation("ry", (qubit,), (-angle,))]
    return Circuit(4, tuple(operations))


@pytest.mark.parametrize("seed", range(3))
def test_gates_that_do_nothing_are_all_found_and_the_others_stay(exact_h2, seed):
    longer = padded(*exact_h2, np.random.default_rng(seed))
    assert len(longer.operations) == 22
    pruned = prune(H2, Ideal(), longer, [])
    assert pruned.energy == pytest.approx(H2.exact_energy, abs=1e-6)
    assert pruned.circuit.counts() == {"rx": 2, "ry": 1, "cx": 3}
    assert pruned.before.circuit == longer
    assert pruned.before.energy == pytest.approx(H2.exact_energy, abs=1e-8)


def test_negative_control_a_gate_that_is_needed_cannot_go(exact_h2):
    pruned = prune(H2, Ideal(), *exact_h2)
    assert pruned.circuit == exact_h2[0]
    loose = prune(H2, Ideal(), *exact_h2, tolerance=0.1)  # the correlation energy is 0.019
    assert loose.circuit.n_two_qubit_gates == 0
    assert loose.energy == pytest.approx(H2.hartree_fock_energy, abs=1e-6)


@pytest.mark.parametrize("engine", [Ideal(), NOISY], ids=["noiseless", "noisy"])
@pytest.mark.parametrize("tolerance", [0.0, 1e-6, 1e-3])
def test_the_energy_rises_by_no_more_than_the_tolerance_and_is_what_the_engine_says(engine, tolerance):
    circuit = random_circuit(4, 24, seed=5)
    parameters = optimized(H2, engine, circuit)
    given = H2.objective(engine, circuit)(parameters)
    pruned = prune(H2, engine, circuit, parameters, tolerance=tolerance)
    assert pruned.energy <= given + tolerance
    assert pruned.energy == H2.objective(engine, pruned.circuit)(pruned.parameters)
    assert len(pruned.circuit.operations) < len(circuit.operations)
    assert pruned.circuit.n_parameters == pruned.circuit.n_rotations == len(pruned.parameters)


def test_an_independent_simulator_agrees_about_what_is_left():
    circuit = random_circuit(4, 24, seed=6)
    pruned = prune(H2, NOISY, circuit, optimized(H2, NOISY, circuit))
    aer = AerSimulator(NOISY.noise).objective(pruned.circuit, H2.observable)
    assert pruned.energy == pytest.approx(aer(pruned.parameters), abs=1e-8)


def test_under_noise_pruning_lowers_the_energy_because_every_gate_costs(exact_h2):
    longer = padded(*exact_h2, np.random.default_rng(1))
    given = H2.objective(NOISY, longer)([])
    pruned = prune(H2, NOISY, longer, [])
    assert pruned.energy < given - 0.05


def test_a_noiseless_judge_keeps_what_noise_would_have_taken(exact_h2):
    measured = prune(H2, NOISY, *exact_h2)
    noiseless = prune(H2, NOISY, *exact_h2, judge=Judge(by="noiseless"))
    assert measured.circuit.n_two_qubit_gates == 0
    assert noiseless.circuit.n_two_qubit_gates == 3
    assert noiseless.after.value == H2.objective(Ideal(), noiseless.circuit)(noiseless.parameters)
    assert noiseless.after.value < H2.exact_energy + 1.6e-3


def test_a_price_on_gates_lets_go_of_what_is_worth_less(exact_h2):
    cheap, dear = (prune(H2, Ideal(), *exact_h2, judge=Judge(cnot_price=price)) for price in (1e-4, 1e-2))
    assert (cheap.circuit.n_two_qubit_gates, dear.circuit.n_two_qubit_gates) == (3, 0)


def test_the_cost_is_what_the_engine_was_asked_for(counting_engine, exact_h2):
    engine = counting_engine(NOISY)
    pruned = prune(H2, engine, *exact_h2)
    assert (pruned.cost.evaluations, pruned.cost.gradients) == (engine.count.evaluations, engine.count.gradients)
    assert pruned.cost.steps > 0
    assert pruned.cost.shots == 0


def test_fixed_and_shared_angles_and_other_gates_are_taken_and_channels_kept():
    noise = Operation("channel", (0,), channel=depolarizing(1e-3))
    circuit = Circuit(
        4,
        (
            Operation("x", (0,)),
            Operation("rx", (1,), (0.0,)),
            Operation("ry", (2,), (Slot(0, scale=2.0),)),
            Operation("ry", (3,), (Slot(0),)),
            noise,
            Operation("u", (1,), (0.1, 0.2, 0.3)),
            Operation("cz", (0, 1)),
        ),
    )
    aer = AerSimulator()
    given = H2.objective(PauliTransferSimulator(), circuit)([0.1])
    pruned = prune(H2, PauliTransferSimulator(), circuit, [0.1])
    assert pruned.energy < given
    assert noise in pruned.circuit.operations
    assert pruned.energy == pytest.approx(aer.objective(pruned.circuit, H2.observable)(pruned.parameters), abs=1e-8)


def test_a_cnot_of_a_compiled_unitary_stays_though_its_control_would_start_in_zero():
    cnot = Operation("cx", (0, 1))
    problem = unitary_compilation(Circuit(2, (cnot,)))
    pruned = prune(problem, Ideal(), Circuit(2, (Operation("rz", (1,), (0.0,)), cnot, cnot, cnot)), [])
    assert pruned.circuit.operations == (cnot,)


def test_the_empty_circuit_stays_empty():
    pruned = prune(H2, Ideal(), Circuit(4), [])
    assert pruned.circuit == Circuit(4)


@pytest.mark.parametrize(
    "changes", [{"tolerance": -1e-9}, {"tolerance": np.nan}, {"tolerance": np.inf}, {"tries": 0}, {"tries": 1.5}]
)
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(RunError):
        Pruning(**changes)


def test_an_engine_that_only_estimates_is_refused(exact_h2):
    class Sampling:
        name, noise = "sampling", None

        def objective(self, circuit, observable):
            return Ideal().objective(circuit, observable).with_shots(10, np.random.default_rng(0))

    with pytest.raises(RunError, match="sampling estimates them from shots"):
        prune(H2, Sampling(), *exact_h2)


@pytest.fixture(scope="module")
def random_search():
    """Random circuits on hydrogen, the best of them pruned."""
    return replace(
        configure("qvar", H2, Ideal(), algorithm=RandomPolicy()),
        episodes=4,
        max_gates=16,
        evaluate_every=None,
        seed=2,
    )


def test_a_search_ends_with_its_best_circuit_pruned_and_tells_what_it_was_before(random_search, tmp_path):
    assert random_search.pruning == Pruning()
    plain = run_search(replace(random_search, pruning=None))
    pruned = run_search(random_search, out=tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    before = pruned.before_pruning
    assert plain.before_pruning is None
    assert "before_pruning" not in plain.to_dict()
    assert stored["before_pruning"] == asdict(before)
    assert (before.energy, before.error, before.depth) == (plain.energy, plain.error, plain.circuit.depth())
    assert before.n_cnots + before.n_rotations > stored["n_cnots"] + stored["n_rotations"]
    assert stored["energy"] <= before.energy + 1e-6
    from_text = Circuit.from_qasm(before.qasm)
    assert H2.objective(Ideal(), from_text)([]) == pytest.approx(before.energy, abs=1e-12)
    assert pruned.cost.energies > plain.cost.energies
    assert [r["energy"] for r in pruned.history] == [r["energy"] for r in plain.history]


def test_a_search_with_shots_is_pruned_by_exact_energies(random_search):
    sampled = replace(random_search, shots=200, optimizer=configure("qvar", H2, Ideal(), shots=200).optimizer)
    result = run_search(replace(sampled, episodes=1))
    assert result.energy <= result.before_pruning.energy + 1e-6
    assert result.cost.gradients > 0  # pruning, while the search had only samples
    assert run_search(replace(sampled, episodes=1, pruning=None)).cost.gradients == 0


def test_the_published_presets_are_not_pruned():
    assert configure("crlqas", H2, Ideal()).pruning is None


def test_a_run_killed_while_it_is_pruned_ends_with_the_same_record(random_search, tmp_path, monkeypatch, read_run):
    import qvar.search.run_in_progress as run_in_progress

    run_search(random_search, out=tmp_path / "unbroken")

    class Killed(BaseException):
        pass

    def die(*args, **kwargs):
        raise Killed

    moments = {"prune": tmp_path / "in pruning", "write_circuit": tmp_path / "after pruning"}
    for name, out in moments.items():
        with monkeypatch.context() as patch:
            patch.setattr(run_in_progress, "CHECKPOINT_SECONDS", 0.0)
            patch.setattr(run_in_progress, name, die)
            with pytest.raises(Killed):
                run_search(random_search, out=out)
        resumed = run_search(random_search, out=out, resume=True)
        assert read_run(out) == read_run(tmp_path / "unbroken")
        again = run_search(random_search, out=out, resume=True)
        assert again.to_dict() == resumed.to_dict()
        assert again.pareto == resumed.pareto
