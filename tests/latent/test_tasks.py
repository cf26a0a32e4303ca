"""Tasks: published constants and thresholds, rewards of known circuits, names, and noise."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.latent.canonical import angles_of
from qvar.latent.conversion import circuit_of
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import Evaluator, LatentTask, evaluate, find_latent_task, latent_task_names, task_from_problem
from qvar.latent.tasks.catalogue import CUT_EDGES, TARGET_SEEDS
from qvar.latent.tasks.scores import Accuracy, CutRatio, EnergyRatio, Fidelity, ShiftedCutRatio
from qvar.optimizers import Adagrad
from qvar.problems import find_problem
from qvar.simulators import Circuit, NoiseModel, Operation, PauliTransferSimulator, Slot
from qvar.simulators.errors import LatentError, NoiseModelError


def basis_state(n_qubits, ones):
    return Circuit(n_qubits, tuple(Operation("x", (q,)) for q in ones))


def outcome(name, circuit, theta=()):
    return find_latent_task(name).evaluate(circuit, np.array(theta, dtype=float), np.random.default_rng(0))


def test_every_name_leads_to_a_task_that_fits_its_space():
    for name in latent_task_names():
        task = find_latent_task(name)
        assert task.key == name
        assert task.n_qubits == task.space.n_qubits
        assert 0 < task.threshold <= 1
        assert task.title
        assert task.source
    assert set(latent_task_names()) == {*latent_task_names("published"), *latent_task_names("stronger")}


@pytest.mark.parametrize(
    ("name", "threshold", "steps", "n_gates"),
    [
        ("fidelity-4", 0.95, 50, 10),
        ("fidelity-8", 0.75, 50, 20),
        ("maxcut-4", 0.95, 50, 10),
        ("maxcut-8", 0.925, 50, 20),
        ("h2-4", 0.95, 100, 10),
        ("tfim-8", 0.90, 100, 20),
    ],
)
def test_published_tasks_have_the_published_settings(name, threshold, steps, n_gates):
    task = find_latent_task(name)
    assert task.threshold == threshold
    assert task.optimizer == Adagrad(steps, learning_rate=0.5, epsilon=1e-8, tolerance=1e-6, displacement=0.0)
    assert (task.space.n_gates, task.space.ring_cx) == (n_gates, True)


def test_the_largest_cuts_are_those_found_by_trying_all():
    for n, text in CUT_EDGES.items():
        edges = [tuple(map(int, edge.split("-"))) for edge in text.split(", ")]
        assert len(set(map(frozenset, edges))) == len(edges)
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        cuts = sum((bits[:, a] ^ bits[:, b]) for a, b in edges)
        assert cuts.max() == -find_latent_task(f"maxcut-{n}").problem.exact_energy
    assert [-find_latent_task(f"maxcut-{n}").problem.exact_energy for n in (4, 8)] == [4, 12]
    assert len(CUT_EDGES[8].split(", ")) == 15


def test_a_best_cut_and_no_cut_have_the_rewards_that_the_constants_say():
    assert outcome("maxcut-4", basis_state(4, (0, 2))).reward == 1.0
    assert outcome("maxcut-4", basis_state(4, ())).reward == pytest.approx(1 / 5)
    assert outcome("maxcut-4-ratio", basis_state(4, ())).reward == 0.0
    assert outcome("maxcut-4-ratio", basis_state(4, (0,))).reward == pytest.approx(1 / 2)
    # the authors' objective is -(n/2)(1 + cut), with ground energies -10 and -52
    assert [n / 2 * (1 + cut) for n, cut in ((4, 4), (8, 12))] == [10, 52]


def test_hartree_fock_passes_the_published_threshold_and_fails_the_stronger_one():
    published, stronger = (outcome(name, basis_state(4, (0, 1))) for name in ("h2-4", "h2-4-accurate"))
    assert published.value == pytest.approx(-1.117349, abs=1e-6)
    assert published.reward == pytest.approx(0.98358, abs=1e-5)
    assert published.reward > find_latent_task("h2-4").threshold
    assert stronger.reward < find_latent_task("h2-4-accurate").threshold / 2


def test_a_product_state_passes_the_published_ising_threshold_and_fails_the_stronger_one():
    angle = np.pi / 6  # X expectation -1/2, Z expectation +- cos(pi/6) in turn
    operations = tuple(Operation("ry", (q,), (Slot(q),)) for q in range(8))
    theta = [-angle if q % 2 else np.pi + angle for q in range(8)]
    published = outcome("tfim-8", Circuit(8, operations), theta)
    assert published.value == pytest.approx(-10.0, abs=1e-9)
    assert published.reward == pytest.approx(1.0)
    stronger = outcome("tfim-8-accurate", Circuit(8, operations), theta)
    assert stronger.reward == pytest.approx(10 / 10.251662, abs=1e-6)
    assert stronger.reward < find_latent_task("tfim-8-accurate").threshold


def test_the_large_molecule_has_its_known_energies():
    task = find_latent_task("lih-12")
    assert task.problem.exact_energy == pytest.approx(-7.882324, abs=1e-6)
    hartree_fock = outcome("lih-12", basis_state(12, (0, 1, 2, 3)))
    assert hartree_fock.value == pytest.approx(task.problem.hartree_fock_energy, abs=1e-8)
    assert hartree_fock.value == pytest.approx(-7.861865, abs=1e-6)


def test_targets_are_the_states_of_their_seeds_and_reached_by_their_own_circuits():
    from qvar.latent.generation import generate_pool

    for letter, seed in TARGET_SEEDS.items():
        task = find_latent_task(f"fidelity-4-{letter}")
        circuit, theta = generate_pool(CircuitSpace.published(4), 1, seed=seed).circuit(0)
        assert task.evaluate(circuit, theta, np.random.default_rng(0)).reward == pytest.approx(1, abs=1e-9)
    assert find_latent_task("fidelity-4").key == "fidelity-4-a"
    digests = [find_latent_task(f"fidelity-4-{letter}").problem.to_dict()["amplitudes"][:8] for letter in TARGET_SEEDS]
    assert digests == PINNED  # published rates hold for these states only


PINNED = ["0966a733", "6f717b1a", "3a75b721", "a053dd61", "a1422dc5"]


def test_a_ghz_circuit_solves_its_task():
    circuit = Circuit(4, (Operation("ry", (0,), (Slot(0),)), *(Operation("cx", (q, q + 1)) for q in range(3))))
    assert outcome("ghz-4", circuit, [0.3]).reward == pytest.approx(1, abs=1e-6)
    assert outcome("ghz-4", basis_state(4, ())).reward == pytest.approx(0.5)


def test_scores_map_values_to_rewards():
    assert Fidelity()(0.25) == 0.75
    assert EnergyRatio(-2.0)(-1.0) == 0.5
    assert EnergyRatio(-2.0)(1.0) == 0.0
    assert CutRatio(4.0)(-1.0) == 0.25
    assert ShiftedCutRatio(4.0)(-1.0) == pytest.approx(0.4)
    accuracy = Accuracy(-1.0, 1.6e-3)
    assert accuracy(-1.0) == 1.0
    assert accuracy(-1.0 + 1.6e-3) == pytest.approx(0.5)
    assert accuracy(-1.0 + 81 * 1.6e-3) == pytest.approx(0.1)
    errors = np.logspace(-6, 1, 40)
    assert (np.diff([accuracy(-1.0 + error) for error in errors]) < 0).all()
    for bad in (lambda: EnergyRatio(1.0), lambda: CutRatio(0.0), lambda: Accuracy(-1.0, -1e-3)):
        with pytest.raises(LatentError, match="below 0"):
            bad()


def test_problems_of_other_names_become_tasks():
    assert find_latent_task("maxcut-ring-6").score == CutRatio(6.0)
    assert find_latent_task("heisenberg-4").score == EnergyRatio(find_problem("heisenberg-4").exact_energy)
    assert find_latent_task("w-5").n_qubits == 5
    assert find_latent_task("lih-4").threshold == 0.5
    with pytest.raises(LatentError, match="reference"):
        task_from_problem(find_problem("qft-2"))


def test_unknown_names_get_a_hint():
    with pytest.raises(LatentError, match="did you mean 'maxcut-4'"):
        find_latent_task("maxcut4")
    with pytest.raises(LatentError, match=r"did you mean .*h2-4-accurate"):
        find_latent_task("h2-4-acurate")
    with pytest.raises(LatentError, match="text"):
        find_latent_task(4)
    with pytest.raises(LatentError, match="kind"):
        latent_task_names("other")


def test_a_noisy_search_sees_noisy_rewards_and_is_judged_without_noise():
    noisy = find_latent_task("h2-4-accurate@ourense")
    assert isinstance(noisy.engine, PauliTransferSimulator)
    again = find_latent_task("h2-4-accurate", noise="ourense")
    assert again.to_dict() == noisy.to_dict() != find_latent_task("h2-4-accurate").to_dict()
    circuit = Circuit(4, (Operation("x", (0,)), Operation("x", (1,)), Operation("ry", (2,), (Slot(0),))))
    result = noisy.evaluate(circuit, np.array([0.1]), np.random.default_rng(0))
    ideal = find_latent_task("h2-4-accurate").problem.objective(find_latent_task("h2-4").engine, circuit)
    assert result.value > result.ideal_value == pytest.approx(ideal(result.theta), abs=1e-12)
    assert result.reward < result.ideal_reward
    with pytest.raises(LatentError, match="qubit"):
        find_latent_task("lih-6-accurate@ourense")
    with pytest.raises(NoiseModelError):
        find_latent_task("h2-4@nowhere")
    odd = replace(NoiseModel.from_numbers(p1=1e-3, p2=1e-2), name="a/b c")
    assert find_latent_task("h2-4", noise=odd).key == "h2-4@a-b-c"  # it names a folder
    with pytest.raises(LatentError, match="no device after"):
        find_latent_task("h2-4@")
    with pytest.raises(LatentError, match="leave noise out"):
        find_latent_task("h2-4@ourense", noise="ourense")
    with pytest.raises(LatentError, match="noise goes with"):
        find_latent_task("ansatz-iris", noise="ourense")


def test_a_task_that_makes_no_sense_is_refused():
    task = find_latent_task("h2-4")
    with pytest.raises(LatentError, match="threshold"):
        LatentTask("k", "t", task.problem, task.score, 1.5, task.space)
    with pytest.raises(LatentError, match="must agree"):
        LatentTask("k", "t", task.problem, task.score, 0.5, CircuitSpace.published(8))


STRUCTURE = [[4, 0, -1], [7, 0, 1], [5, 1, -1], [7, 1, 2], [4, 3, -1], [0, 2, -1], [3, 3, -1], [2, 0, -1], [6, 1, -1]]
STRUCTURE = np.array([*STRUCTURE, [9, 2, -1]], dtype=np.int8)


def test_an_evaluation_depends_on_task_structure_and_angles_alone():
    task = find_latent_task("h2-4-accurate")
    space = CircuitSpace.published(4)
    angles = angles_of(space, STRUCTURE[None], 3)[0]
    first, second = (evaluate(task, space, STRUCTURE, angles) for _ in range(2))
    assert first.value == second.value
    np.testing.assert_array_equal(first.theta, second.theta)
    circuit, theta = circuit_of(space, STRUCTURE, angles)
    assert first.value <= task.problem.objective(task.engine, circuit)(theta)
    assert task.problem.objective(task.engine, circuit)(first.theta) == pytest.approx(first.value, abs=1e-12)


def test_an_evaluator_trains_equal_circuits_once():
    space = CircuitSpace.published(4)
    evaluator = Evaluator(find_latent_task("maxcut-4"), space, seed=3)
    first = evaluator(STRUCTURE)
    order = [4, *range(4), *range(5, 10)]  # the gate on wire 3 written first: the same circuit
    assert evaluator(STRUCTURE[order]) is first
    assert (len(evaluator), evaluator.calls) == (1, 2)
    assert STRUCTURE in evaluator
    other = STRUCTURE.copy()
    other[0, 0] = 5
    assert other not in evaluator
    assert evaluator(other) is not first
    with pytest.raises(LatentError, match="qubit"):
        Evaluator(find_latent_task("maxcut-8"), space, seed=3)
