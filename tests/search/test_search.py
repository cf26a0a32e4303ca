"""Searches as a whole: reproducible, honestly judged, honestly counted."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from qvar.agents import RandomPolicy
from qvar.envs import FixedThreshold, MovingThreshold
from qvar.optimizers import AdamSPSA, Cobyla
from qvar.problems import molecule
from qvar.search import CHEMICAL_ACCURACY, Greedy, Judge, configure, limited, run_search, search
from qvar.simulators import AerSimulator, Circuit, NoiseModel, PauliTransferSimulator, StatevectorSimulator


@pytest.fixture
def noisy_h2_3(exact_search):
    """Three qubits, asymmetric and with a coupling map."""
    return replace(
        exact_search,
        problem=molecule("h2-3"),
        engine=PauliTransferSimulator(NoiseModel.named("ourense")),
        curriculum=FixedThreshold(1e-9),
        episodes=4,
        max_gates=6,
    )


@pytest.mark.parametrize("name", ["exact_search", "noisy_search"])
def test_the_same_seed_gives_the_same_record_and_another_seed_another(request, without_seconds, name):
    configuration = request.getfixturevalue(name)
    first, again = run_search(configuration), run_search(configuration)
    other = run_search(replace(configuration, seed=4))
    assert without_seconds(first.history) == without_seconds(again.history)
    assert first.circuit == again.circuit
    assert first.parameters.tolist() == again.parameters.tolist()
    assert first.cost == again.cost
    assert without_seconds(first.history) != without_seconds(other.history)


def test_a_run_on_disk_is_the_same_as_one_in_memory(noisy_search, tmp_path, without_seconds, read_run):
    kept, free = run_search(noisy_search, out=tmp_path / "run"), run_search(noisy_search)
    assert without_seconds(kept.history) == without_seconds(free.history)
    assert read_run(tmp_path / "run").metrics == without_seconds(free.history)
    assert (kept.run, free.run) == (tmp_path / "run", None)


def test_what_happened_before_in_the_process_does_not_matter(exact_search, without_seconds):
    short = replace(exact_search, episodes=5)
    first = run_search(short)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(6)
    run_search(replace(short, seed=99))
    assert without_seconds(run_search(short).history) == without_seconds(first.history)


def test_evaluations_without_exploration_do_not_change_the_training(noisy_search):
    with_them = run_search(noisy_search).history
    without = run_search(replace(noisy_search, evaluate_every=None)).history
    same = ("return", "energy", "end_reason", "threshold", "epsilon", "loss")
    assert [{n: r[n] for n in same} for r in with_them] == [{n: r[n] for n in same} for r in without]
    assert [r["episode"] for r in with_them if r["evaluation"] is not None] == [5, 10]
    assert all(r["evaluation"] is None for r in without)
    assert with_them[-1]["steps"] > without[-1]["steps"]


def test_the_number_of_threads_of_the_caller_is_restored(exact_search):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run_search(replace(exact_search, episodes=1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_result_is_what_the_saved_circuit_gives_on_an_independent_simulator(noisy_h2_3, tmp_path):
    result = run_search(noisy_h2_3, out=tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    problem, noise = noisy_h2_3.problem, noisy_h2_3.engine.noise
    saved = Circuit.from_qasm((tmp_path / "run" / "best.qasm").read_text())
    noisy = AerSimulator(noise).objective(saved, problem.observable)([])
    noiseless = AerSimulator().objective(saved, problem.observable)([])
    assert noisy - noiseless > 1e-3
    for found in (stored["energy"], result.energy):
        assert found == pytest.approx(noisy, abs=1e-8)
    for found in (stored["noiseless_energy"], result.noiseless_energy):
        assert found == pytest.approx(noiseless, abs=1e-8)
    assert stored["error"] == result.error == abs(result.noiseless_energy - problem.exact_energy)
    assert stored["exact_energy"] == problem.exact_energy
    assert result.error != pytest.approx(abs(result.noiseless_energy - problem.lower_bound), abs=1e-3)
    from_text = Circuit.from_qasm(stored["qasm"])
    assert AerSimulator(noise).objective(from_text, problem.observable)([]) == pytest.approx(noisy, abs=1e-12)
    assert (stored["depth"], stored["n_cnots"]) == (saved.depth(), saved.n_two_qubit_gates)
    assert stored["n_rotations"] == saved.n_rotations == len(result.parameters)


def test_errors_in_the_record_are_noiseless_distances_to_the_exact_energy(noisy_h2_3):
    result = run_search(noisy_h2_3)
    exact = noisy_h2_3.problem.exact_energy
    assert result.history[-1]["best_error"] == pytest.approx(result.error, abs=1e-12)
    assert all(r["error"] != pytest.approx(abs(r["energy"] - exact), abs=1e-6) for r in result.history)
    ideal = run_search(replace(noisy_h2_3, engine=StatevectorSimulator()))
    assert all(r["error"] == pytest.approx(r["energy"] - exact, abs=1e-12) for r in ideal.history)


@pytest.mark.parametrize(("energy", "is_accurate"), [(1.5e-3, True), (-1.5e-3, True), (1.7e-3, False)])
def test_chemical_accuracy_is_1_6_millihartree_of_the_noiseless_energy(exact_search, energy, is_accurate):
    result = run_search(replace(exact_search, episodes=1))
    shifted = replace(result, noiseless_energy=result.exact_energy + energy, energy=0.0)
    assert CHEMICAL_ACCURACY == 1.6e-3
    assert shifted.is_chemically_accurate == shifted.to_dict()["chemically_accurate"] == is_accurate


def test_the_final_energy_with_shots_is_the_exact_one_and_not_the_luckiest_sample(noisy_search):
    result = run_search(noisy_search)
    exact = noisy_search.engine.objective(result.circuit, noisy_search.problem.observable)(result.parameters)
    assert result.energy == exact
    assert result.energy != result.history[-1]["best_energy"]


def test_the_best_energy_never_rises_by_more_than_a_tie(exact_search):
    history = run_search(exact_search).history
    best = [r["best_energy"] for r in history]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(best))
    assert all(r["best_energy"] <= r["energy"] + 1e-6 for r in history)


@pytest.mark.parametrize(
    ("shots", "optimizer"),
    [(None, None), (None, Cobyla(max_evaluations=15)), (30, AdamSPSA(max_evaluations=10)), (30, None)],
    ids=["gradients", "cobyla", "shots with SPSA", "shots with parameter shift"],
)
def test_costs_are_what_the_engine_was_really_asked_for(exact_search, counting_engine, shots, optimizer):
    engine, seen = counting_engine(PauliTransferSimulator(NoiseModel.named("ourense"))), []
    configuration = replace(
        exact_search,
        engine=engine,
        shots=shots,
        optimizer=exact_search.optimizer if optimizer is None else optimizer,
        episodes=5,
    )
    result = run_search(configuration, on_episode=lambda record: seen.append((record, replace(engine.count))))
    for record, count in seen:
        assert record["evaluations"] == count.evaluations - 1  # the one that tells whether the engine gives any
        assert record["gradients"] == count.gradients
        assert record["shots"] == count.shots
    last = seen[-1][0]
    assert (result.cost.evaluations, result.cost.gradients, result.cost.shots) == (
        last["evaluations"],
        last["gradients"],
        last["shots"],
    )
    # not search: the final judgement, and with shots that of the circuits which nothing dominates
    judged = engine.count.evaluations - result.cost.evaluations - 1
    assert judged == 1 if shots is None else judged >= 1 + len(result.pareto)
    assert (result.cost.shots > 0) == (shots is not None)
    assert (result.cost.gradients > 0) == (shots is None and optimizer is None)


def test_steps_count_every_gate_placed_in_training_and_in_evaluations(exact_search):
    result = run_search(exact_search)
    played = [*result.history, *(r["evaluation"] for r in result.history if r["evaluation"] is not None)]
    assert len(played) == 14
    assert result.cost.steps == sum(r["n_cnots"] + r["n_rotations"] for r in played)
    steps = [r["steps"] for r in result.history]
    assert steps == sorted(steps)


def test_the_record_of_an_episode_is_what_the_environment_said(exact_search):
    history = run_search(exact_search).history
    assert [r["episode"] for r in history] == list(range(1, 13))
    assert {r["end_reason"] for r in history} <= {"success", "limit"}
    for record in history:
        assert record["success"] == (record["end_reason"] == "success")
        assert record["n_cnots"] + record["n_rotations"] <= 4
        assert (record["return"] > 0) or not record["success"]
        assert record["success"] or record["return"] <= -5 + 3
    learning = [r["loss"] is not None for r in history]
    assert learning == sorted(learning)  # once learning has begun, it goes on
    assert any(learning)
    assert not all(learning)
    assert history[-1]["epsilon"] < history[0]["epsilon"] == 1.0


def test_the_threshold_in_the_record_moves(exact_search):
    easy = replace(exact_search, curriculum=MovingThreshold(0.97, shift_every=11), episodes=12, max_gates=6)
    history = run_search(easy).history
    assert [r["threshold"] for r in history[:11]] == [0.97] * 11
    best = min(r["energy"] for r in history[:11])
    assert history[11]["threshold"] <= abs(easy.problem.lower_bound - best) + 0.5e-3 + 1e-12
    assert history[11]["threshold"] < 0.97


def test_the_coupling_map_of_the_device_is_kept_unless_told_otherwise(noisy_h2_3):
    problem, random = molecule("h2-4"), RandomPolicy()
    ourense = replace(noisy_h2_3, problem=problem, algorithm=random, episodes=6, max_gates=12, optimizer=Cobyla(0))
    pairs = set()
    run_search(ourense, on_episode=lambda record: None)
    for seed in range(3):
        result = run_search(replace(ourense, seed=seed))
        pairs |= {o.qubits for o in result.circuit.operations if o.gate == "cx"}
    assert pairs <= set(ourense.engine.noise.coupling_map)
    free = replace(ourense, engine=PauliTransferSimulator(ourense.engine.noise.without_coupling()))
    assert run_search(free).cost.steps > 0


def test_a_random_policy_is_a_search_too(exact_search):
    result = run_search(replace(exact_search, algorithm=RandomPolicy()))
    assert {r["epsilon"] for r in result.history} == {1.0}
    assert {r["loss"] for r in result.history} == {None}


def test_search_takes_the_preset_and_what_is_given_instead(without_seconds):
    problem, engine, seen = molecule("h2-2"), StatevectorSimulator(), []
    result = search(problem, engine, RandomPolicy(), episodes=2, max_gates=3, shots=20, seed=5, on_episode=seen.append)
    assert without_seconds(seen) == without_seconds(result.history)
    assert len(seen) == 2
    assert result.cost.shots > 0
    assert all(r["n_cnots"] + r["n_rotations"] <= 3 for r in seen)
    other = search(problem, engine, RandomPolicy(), episodes=2, max_gates=3, shots=20, seed=6)
    assert without_seconds(other.history) != without_seconds(result.history)


def test_search_takes_a_folder_as_text_and_resumes_it(tmp_path, without_seconds):
    def run(*, resume):
        return search(
            molecule("h2-2"),
            StatevectorSimulator(),
            RandomPolicy(),
            episodes=2,
            max_gates=2,
            out=str(tmp_path / "run"),
            resume=resume,
        )

    first, again = run(resume=False), run(resume=True)
    assert without_seconds(first.history) == without_seconds(again.history)


def test_a_search_ranks_circuits_by_the_judge_it_is_given():
    engine = PauliTransferSimulator(NoiseModel.named("ourense"))
    given = search("h2-3", engine, Greedy(), judge=Judge("noiseless"), max_energies=2_000)
    configuration = limited(
        configure("qvar", molecule("h2-3"), engine, algorithm=Greedy()), episodes=None, max_energies=2_000
    )
    built = run_search(replace(configuration, judge=Judge("noiseless")))
    by_default = search("h2-3", engine, Greedy(), max_energies=2_000)
    assert given.circuit == built.circuit
    assert given.error <= by_default.error
