"""Searches that go on from a start circuit: its cost, its threshold, its record."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.agents import RandomPolicy
from qvar.envs import FixedThreshold, GateCostReward, MovingThreshold, StartCircuit
from qvar.problems import Problem, molecule
from qvar.search import Annealing, Evolution, configure, run_search, search, starting_from
from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    StatevectorSimulator,
)
from qvar.simulators.errors import QvarError, RunError

IDEAL = StatevectorSimulator()
H2 = molecule("h2-4")


@pytest.fixture(scope="module")
def chain():
    return StartCircuit.low_bond_dimension(molecule("h2-2"), starts=3, rng=np.random.default_rng(0))


def test_the_cost_of_finding_the_start_counts_once(exact_search, chain):
    run = replace(exact_search, algorithm=RandomPolicy(), start=chain, max_gates=chain.n_gates + 2, evaluate_every=None)
    counted, free = (run_search(each).cost for each in (run, replace(run, start=replace(chain, gradients=0))))
    assert counted.gradients - free.gradients == chain.gradients > 0
    assert replace(counted, gradients=0) == replace(free, gradients=0)


def test_a_budget_that_the_start_uses_up_is_refused_before_anything_is_written(exact_search, chain, tmp_path):
    run = replace(exact_search, start=chain, max_gates=chain.n_gates + 2)
    cost = chain.evaluations + 3 * chain.gradients
    with pytest.raises(RunError, match=f"cost {cost} energies, which leaves nothing of max_energies={cost}"):
        run_search(replace(run, max_energies=cost), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert run_search(replace(run, max_energies=cost + 1)).cost.steps > 0


def test_every_circuit_of_a_search_goes_on_from_the_start(exact_search, chain):
    result = run_search(replace(exact_search, start=chain, max_gates=chain.n_gates + 3))
    assert result.circuit.operations[: chain.n_gates] == chain.circuit.operations
    assert all(record["n_cnots"] + record["n_rotations"] > chain.n_gates for record in result.history)


@pytest.mark.parametrize("algorithm", [Annealing(), Evolution()], ids=["annealing", "evolution"])
def test_local_searches_begin_with_the_start_too(exact_search, algorithm):
    problem = molecule("lih-4")
    chain = StartCircuit.low_bond_dimension(problem, starts=4, rng=np.random.default_rng(0))
    run = replace(exact_search, problem=problem, algorithm=algorithm, start=chain, max_gates=30, episodes=1)
    energy = problem.objective(IDEAL, chain.circuit)(chain.parameters)
    found = run_search(run)
    assert found.noiseless_energy <= energy + 1e-9
    assert run_search(replace(run, start=None)).noiseless_energy > energy + 1e-3  # one episode is not enough


def test_a_run_that_broke_off_goes_on_with_its_start_and_its_cost(noisy_search, chain, tmp_path, read_run, monkeypatch):
    monkeypatch.setattr("qvar.search.run_in_progress.CHECKPOINT_SECONDS", 0.0)
    run = replace(noisy_search, start=chain, max_gates=chain.n_gates + 4, optimize_every=2, reward=GateCostReward())
    run_search(run, out=tmp_path / "unbroken")

    def give_up(record):
        if record["episode"] == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(run, out=tmp_path / "broken", on_episode=give_up)
    run_search(run, out=tmp_path / "broken", resume=True)
    unbroken, resumed = (read_run(tmp_path / name) for name in ("unbroken", "broken"))
    assert resumed.metrics == unbroken.metrics
    assert resumed.result == unbroken.result


def test_optimizing_every_third_gate_costs_less_and_counts_optimizations_only(exact_search):
    base = replace(exact_search, algorithm=RandomPolicy(), max_gates=7, episodes=6, evaluate_every=None)
    always, seldom = (run_search(replace(base, optimize_every=every)) for every in (1, 3))
    assert always.cost.steps == 6 * 7
    assert seldom.cost.steps == 6 * 3  # at the third, the sixth and the last gate
    assert seldom.cost.energies < 0.7 * always.cost.energies


def test_a_moving_threshold_begins_at_the_energy_of_the_start():
    base = configure("crlqas", H2, IDEAL)
    hartree_fock = StartCircuit.basis_state(H2)
    begun = starting_from(base, hartree_fock)
    assert begun.start == hartree_fock
    assert begun.curriculum.initial_threshold == pytest.approx(H2.hartree_fock_energy - H2.lower_bound, abs=1e-9)
    assert begun.curriculum.initial_threshold < base.curriculum.initial_threshold
    assert replace(begun.curriculum, initial_threshold=1.0) == replace(base.curriculum, initial_threshold=1.0)


def test_a_start_above_the_threshold_leaves_it_as_it_is_and_noise_lifts_the_start():
    base = configure("crlqas", H2, IDEAL)
    bad = StartCircuit(Circuit(4, (Operation("rx", (2,), (2.0,)),)))
    assert starting_from(base, bad).curriculum == base.curriculum
    noisy = configure("crlqas", H2, PauliTransferSimulator(NoiseModel.named("mumbai-max")))
    hartree_fock = StartCircuit.basis_state(H2)
    thresholds = [starting_from(each, hartree_fock).curriculum.initial_threshold for each in (base, noisy)]
    assert thresholds[0] + 1e-3 < thresholds[1]


def test_a_start_at_the_reference_leaves_a_threshold_to_reach(chain):
    base = replace(configure("qvar", molecule("h2-2"), IDEAL), curriculum=MovingThreshold(0.5, reference="exact"))
    curriculum = starting_from(base, chain).curriculum
    assert curriculum.initial_threshold == 2 * curriculum.delta


def test_fixed_thresholds_and_empty_starts_change_nothing():
    base = configure("qvar", H2, IDEAL)
    assert starting_from(base, StartCircuit.empty(4)) == base
    fixed = replace(base, curriculum=FixedThreshold())
    assert starting_from(fixed, StartCircuit.basis_state(H2)).curriculum == FixedThreshold()


def test_a_start_of_another_size_is_refused():
    with pytest.raises(QvarError, match="qubit"):
        starting_from(configure("qvar", H2, IDEAL), StartCircuit.basis_state(molecule("lih-6")))


def test_search_takes_start_reward_and_optimize_every():
    start = StartCircuit.basis_state(H2)
    settings = {"reward": GateCostReward(), "optimize_every": 2, "episodes": 3, "max_gates": 6}
    result = search(H2, IDEAL, RandomPolicy(), start=start, **settings)
    expected = starting_from(configure("qvar", H2, IDEAL, algorithm=RandomPolicy()), start)
    again = run_search(replace(expected, max_energies=None, **settings))
    assert result.cost == again.cost
    assert result.energy == again.energy <= H2.hartree_fock_energy + 1e-9


def test_an_agent_that_makes_its_start_worse_ends_with_the_start(exact_search):
    """Under heavy noise each gate costs energy: the empty circuit is the best one, and it was evaluated."""
    engine = PauliTransferSimulator(NoiseModel.from_numbers(p1=0.05, p2=0.1))
    field = Problem.from_observable(Observable.from_terms({"ZI": -1.0, "IZ": -1.0, "ZZ": -0.5}), key="field")
    run = replace(exact_search, problem=field, engine=engine, algorithm=RandomPolicy(), episodes=3)
    result = run_search(run)
    assert result.circuit == Circuit(2)
    assert result.energy == pytest.approx(engine.objective(Circuit(2), field.observable)([]), abs=1e-12)
    assert all(record["energy"] > result.energy + 1e-3 for record in result.history)
    assert result.history[0]["best_energy"] == result.energy


def test_a_chain_that_has_lost_all_its_gates_still_costs_what_it_cost():
    solved = Problem.from_observable(Observable.from_terms({"ZI": -1.0, "IZ": -1.0, "ZZ": -0.5}), key="solved")
    chain = StartCircuit.low_bond_dimension(solved, starts=3, rng=np.random.default_rng(0))
    assert chain.n_gates == 0
    run = starting_from(replace(configure("qvar", solved, IDEAL), max_energies=10_000), chain)
    free = replace(run, start=None)
    with_chain, without = (run_search(replace(each, max_energies=None, episodes=1)).cost for each in (run, free))
    assert with_chain.gradients - without.gradients == chain.gradients > 0
