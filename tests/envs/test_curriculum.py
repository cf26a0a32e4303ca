import json

import numpy as np
import pytest

from qvar.envs import FixedThreshold, MovingThreshold, default_curriculum, paper_curriculum
from qvar.problems import Problem, find_problem, molecule
from qvar.simulators import Observable
from qvar.simulators.errors import ArchitectureError

MU, EXACT = -2.0, -1.5


def start(settings):
    return settings.start(exact_energy=EXACT, lower_bound=MU)


def published_algorithm(settings, history):
    """The pseudo-code of the method, step by step, over (energies, success) of every episode."""
    xi, wins, cuts, trace = settings.initial_threshold, 0, 0, []
    best = MU + xi
    switch = settings.initial_threshold if settings.switch is None else settings.switch
    for count, (energies, success) in enumerate(history, start=1):
        best = min([best, *energies])
        if success:
            wins += 1
            if wins >= settings.successes and cuts < settings.kappa and abs(MU - best) < switch:
                xi, wins, cuts = xi - settings.delta / settings.kappa, 0, cuts + 1
        if count > 10 and count % settings.shift_every == 0:
            xi, wins, cuts = abs(MU - best) + settings.delta, 0, 0
        trace.append(xi)
    return trace


@pytest.mark.parametrize(
    "settings",
    [
        MovingThreshold(1.0, shift_every=50, successes=3),
        MovingThreshold(1.0, switch=0.6, shift_every=4, successes=2, kappa=3, delta=0.01),
        MovingThreshold(0.7, switch=4.0, shift_every=500, successes=5, delta=1e-3),
        MovingThreshold(1.0, shift_every=25, kappa=0),
    ],
)
def test_thresholds_equal_the_published_algorithm_on_random_histories(settings):
    rng, state, trace = np.random.default_rng(3), start(settings), []
    floor = np.linspace(-1.2, EXACT, 600)
    history = [(rng.uniform(low, 0.0, size=5).tolist(), bool(rng.random() < 0.6)) for low in floor]
    for energies, success in history:
        for energy in energies:
            state.record_energy(energy)
        state.end_episode(success)
        trace.append(state.threshold)
    assert trace == published_algorithm(settings, history)
    assert len(set(trace)) > 3


@pytest.mark.parametrize("xi0", [-0.35119, 0.0, float("nan"), float("inf")])
def test_an_initial_threshold_that_is_not_positive_is_refused(xi0):
    with pytest.raises(ArchitectureError, match="must be positive"):
        MovingThreshold(xi0)
    with pytest.raises(ArchitectureError, match="must be positive"):
        FixedThreshold(xi0)


@pytest.mark.parametrize("success", [True, False])
def test_after_g_episodes_the_threshold_is_the_distance_of_the_best_seen_energy_plus_delta(success):
    state = start(MovingThreshold(1.0, shift_every=500))
    seen = np.random.default_rng(0).uniform(-1.4, 0.0, size=500)
    for energy in seen:
        assert state.threshold <= 1.0
        state.record_energy(float(energy))
        state.end_episode(success)
    assert state.best == seen.min()
    assert state.threshold == abs(MU - seen.min()) + 0.5e-3


def test_the_threshold_stays_put_before_the_eleventh_episode():
    state = start(MovingThreshold(1.0, shift_every=5))
    for _ in range(10):
        state.record_energy(-1.4)
        state.end_episode(False)
    assert state.threshold == 1.0
    for _ in range(5):
        state.end_episode(False)
    assert state.threshold == pytest.approx(0.6005)


def test_cuts_use_up_delta_and_no_more():
    state = start(MovingThreshold(1.0, shift_every=10_000, successes=2, kappa=4, delta=0.1))
    state.record_energy(-1.2)
    for _ in range(50):
        state.end_episode(True)
    assert state.threshold == pytest.approx(0.9)
    assert state.cuts == 4


def test_no_cut_happens_while_the_best_energy_is_no_better_than_the_start():
    state = start(MovingThreshold(1.0, successes=1))
    for _ in range(50):
        state.end_episode(True)
    assert (state.threshold, state.wins) == (1.0, 50)
    state.record_energy(-1.2)
    state.end_episode(True)
    assert state.threshold < 1.0


def test_patience_widens_the_threshold_and_is_off_by_default():
    patient = start(MovingThreshold(1.0, shift_every=20, patience=30))
    plain = start(MovingThreshold(1.0, shift_every=20))
    for state in (patient, plain):
        state.record_energy(-1.4)
        for _ in range(30):
            state.end_episode(False)
    assert plain.threshold == pytest.approx(0.6 + 0.5e-3)
    assert patient.threshold == pytest.approx(0.6 + 1e-3)
    patient.record_energy(-1.5)
    assert patient.stale == 0


def test_references_are_the_lower_bound_or_the_exact_energy():
    assert start(MovingThreshold(1.0)).reference == MU
    assert start(MovingThreshold(1.0, reference="exact")).reference == EXACT
    assert start(FixedThreshold()).reference == EXACT
    assert start(FixedThreshold(reference="lower_bound")).reference == MU


def test_a_fixed_threshold_never_moves():
    state = start(FixedThreshold(1.6e-3))
    for _ in range(2000):
        state.record_energy(-1.5)
        state.end_episode(True)
    assert state.threshold == 1.6e-3
    state.load_state_dict(json.loads(json.dumps(state.state_dict())))


def test_a_state_restored_from_json_goes_on_as_the_original():
    settings = MovingThreshold(1.0, shift_every=13, successes=2, patience=5)
    rng, original, copy = np.random.default_rng(9), start(settings), start(settings)
    for episode in range(60):
        original.record_energy(float(rng.uniform(-1.5, -1.0)))
        original.end_episode(bool(rng.random() < 0.5))
        if episode == 30:
            copy.load_state_dict(json.loads(json.dumps(original.state_dict())))
            rng_copy = np.random.default_rng()
            rng_copy.bit_generator.state = rng.bit_generator.state
    for _ in range(29):
        copy.record_energy(float(rng_copy.uniform(-1.5, -1.0)))
        copy.end_episode(bool(rng_copy.random() < 0.5))
    assert copy == original


def test_foreign_states_are_refused():
    with pytest.raises(ArchitectureError, match="other settings"):
        start(FixedThreshold()).load_state_dict(start(MovingThreshold(1.0)).state_dict())
    with pytest.raises(ArchitectureError, match="other settings"):
        start(MovingThreshold(1.0)).load_state_dict({})


@pytest.mark.parametrize(
    "settings",
    [
        {"delta": 0.0},
        {"delta": 1.0},
        {"switch": 0.0},
        {"shift_every": 0},
        {"successes": 0},
        {"kappa": -1},
        {"patience": 0},
        {"reference": "hartree-fock"},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ArchitectureError):
        MovingThreshold(1.0, **settings)


TASKS = ["h2-2", "h2-3", "h2-4", "lih-4", "lih-6", "h2o-8-bohr", "h2o-8"]


@pytest.mark.parametrize("key", TASKS)
def test_every_task_can_be_solved_at_its_initial_threshold(key):
    problem = molecule(key)
    state = paper_curriculum(key).start(exact_energy=problem.exact_energy, lower_bound=problem.lower_bound)
    assert abs(problem.exact_energy - state.reference) < state.threshold


@pytest.mark.parametrize(
    ("key", "ceiling"),
    [
        ("h2-2", -0.350),
        ("h2-3", -0.354),
        ("h2-4", -0.974),
        ("lih-4", -7.622),
        ("lih-6", -7.235),
        ("h2o-8-bohr", -72.89),
    ],
)
def test_success_starts_at_the_published_energies(key, ceiling):
    # ceilings as published, rounded to three digits (two for water)
    digits = 2 if key.startswith("h2o") else 3
    assert round(molecule(key).lower_bound + paper_curriculum(key).initial_threshold, digits) == ceiling


def test_published_settings_are_kept():
    assert paper_curriculum("lih-4").switch == 4.0
    large = paper_curriculum("lih-6", reference="exact")
    assert (large.initial_threshold, large.shift_every, large.delta, large.successes) == (
        5e-3,
        2000,
        1e-3,
        50,
    )


@pytest.mark.parametrize(("key", "reference"), [("beh2-6", "lower_bound"), ("h2-4", "exact")])
def test_tasks_without_published_settings_are_refused(key, reference):
    with pytest.raises(ArchitectureError, match="no published curriculum"):
        paper_curriculum(key, reference=reference)


def test_the_default_curriculum_asks_for_any_improvement_over_the_empty_circuit():
    observable = Observable.from_terms({"ZI": 1.0, "XX": 0.5, "II": -3.0})
    problem = Problem.from_observable(observable, key="mine")
    settings = default_curriculum(problem)
    state = settings.start(exact_energy=problem.exact_energy, lower_bound=problem.lower_bound)
    start_energy = problem.start_energy
    assert start_energy == -2.0
    assert abs(start_energy - state.reference) > state.threshold
    assert abs(start_energy - 1e-3 - state.reference) < state.threshold


def test_the_default_curriculum_stays_positive_where_the_empty_circuit_is_optimal():
    problem = Problem.from_observable(Observable.from_terms({"ZZ": -1.0}), key="mine")
    assert default_curriculum(problem).initial_threshold == 1e-3


def test_the_default_curriculum_of_a_published_task_is_the_published_one():
    assert default_curriculum(molecule("h2-4")) == paper_curriculum("h2-4")


@pytest.mark.parametrize(("name", "start"), [("ghz-3", 0.5), ("w-3", 1.0), ("qft-2", 0.875), ("toffoli", 0.4375)])
def test_the_default_curriculum_of_an_infidelity_counts_from_zero(name, start):
    problem = find_problem(name)
    settings = default_curriculum(problem)
    state = settings.start(exact_energy=problem.exact_energy, lower_bound=problem.lower_bound)
    assert (state.reference, settings.reference) == (0.0, "exact")
    assert state.threshold == pytest.approx(start - settings.delta, abs=1e-12)


@pytest.mark.parametrize("name", ["tfim-4", "heisenberg-3", "maxcut-ring-5"])
def test_the_default_curriculum_elsewhere_does_not_use_the_exact_energy(name):
    problem = find_problem(name)
    settings = default_curriculum(problem)
    state = settings.start(exact_energy=float("nan"), lower_bound=problem.lower_bound)
    assert abs(problem.start_energy - state.reference) - state.threshold == pytest.approx(settings.delta, abs=1e-12)
