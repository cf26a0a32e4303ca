"""One test for each known defect of the released CRLQAS code that an environment can have."""

import builtins
import io

import numpy as np
import pytest

from qvar.envs import ActionTable, ArchitectureSearchEnv, FixedThreshold, MovingThreshold
from qvar.problems import molecule
from qvar.simulators import NoiseModel, PauliTransferSimulator

Z = {"Z": 1.0}
ISING = {"ZZ": -1.0, "XI": 0.7, "IX": 0.4, "ZI": 0.1}
RX, RY, RZ = 0, 1, 2


class FixedLimit:
    """Halt every episode after the same number of gates."""

    def __init__(self, limit):
        self.limit = limit

    def draw(self, max_gates, rng):
        return self.limit


def play(env, actions):
    env.reset(seed=0)
    for action in actions:
        step = env.step(action)
    return step


@pytest.mark.parametrize("action", [RX, RY])
@pytest.mark.parametrize("optimizer", ["default", "sweeps"])
def test_a_new_rotation_is_optimised_and_rewarded_in_its_own_step(make_env, dense, action, optimizer):
    settings = {"engine": None, "optimizer": None} if optimizer == "default" else {}
    _, reward, terminated, _, info = play(make_env(Z, **settings), [action])
    assert info["energy"] == pytest.approx(-1.0, abs=1e-9)
    assert (reward, terminated, info["success"]) == (5.0, True, True)


def test_the_first_rotation_about_z_does_not_succeed(make_env):
    _, reward, terminated, truncated, info = play(make_env(Z), [RZ])
    assert (reward, terminated, truncated, info["success"]) == (0.0, False, False, False)


def test_the_last_gate_of_an_episode_is_evaluated(make_env):
    _, reward, terminated, truncated, _ = play(make_env(Z, max_gates=3), [RZ, RZ, RY])
    assert (reward, terminated, truncated) == (5.0, True, False)


@pytest.mark.parametrize(
    ("actions", "halt", "expected"),
    [
        ([RZ, RY], 4, (5.0, True, False, True, "success")),
        ([RZ, RZ, RZ, RZ], 4, (-5.0, False, True, False, "limit")),
        ([RZ, RZ], 2, (-5.0, False, True, False, "halted")),
        ([RZ, RY], 2, (5.0, True, False, True, "success")),
        ([RZ, RZ, RZ, RY], 4, (5.0, True, False, True, "success")),
        ([RZ], 4, (0.0, False, False, False, None)),
    ],
    ids=["success", "limit", "halted", "success while halting", "success at the limit", "going on"],
)
def test_success_limit_and_halting_end_an_episode_in_three_distinct_ways(make_env, actions, halt, expected):
    env = make_env(Z, max_gates=4, halting=FixedLimit(halt))
    _, reward, terminated, truncated, info = play(env, actions)
    assert (reward, terminated, truncated, info["success"], info["end_reason"]) == expected


@pytest.mark.parametrize("n_qubits", range(2, 9))
def test_the_mask_speaks_the_language_of_the_actions(make_problem, dense, n_qubits):
    problem = make_problem({"Z" * n_qubits: 1.0})
    env = ArchitectureSearchEnv(problem, optimizer=dense.ZeroIterations(), curriculum=FixedThreshold(1e-9), max_gates=2)
    assert env.action_space.n == len(env.action_table) == n_qubits * (n_qubits + 2)
    for action in range(len(env.action_table)):
        *_, info = play(env, [action])
        assert np.flatnonzero(info["action_mask"] == 0).tolist() == [action]


def test_a_table_in_another_order_would_be_noticed():
    table = ActionTable(3)
    shuffled = np.random.default_rng(0).permutation(len(table))
    wrong = [
        np.flatnonzero(~table.legal_mask(table.advance(table.no_actions(), a))).tolist() == [shuffled[a]]
        for a in range(len(table))
    ]
    assert not all(wrong)


def test_the_threshold_follows_the_best_energy_the_environment_has_seen(make_env):
    env = make_env(ISING, curriculum=MovingThreshold(1.3, shift_every=20), max_gates=4)
    rng, best = np.random.default_rng(2), np.inf
    env.reset(seed=2)
    for _ in range(20):
        over = False
        while not over:
            _, _, terminated, truncated, info = env.step(rng.integers(8))
            best, over = min(best, info["energy"]), terminated or truncated
        env.reset()
    mu = env.problem.lower_bound
    assert env.curriculum.threshold == pytest.approx(abs(mu - best) + 0.5e-3, abs=1e-12)
    assert env.curriculum.threshold > abs(env.problem.exact_energy - mu)


def test_a_zero_iteration_optimizer_gets_and_returns_exactly_the_stored_angles(make_env, dense):
    env = make_env(ISING, max_gates=8, curriculum=FixedThreshold(1e-9))
    play(env, [3, 0, 7])
    before = env.parameters
    idle = dense.ZeroIterations()
    env.evaluator.optimizer = idle
    for action in (1, 2, 0, 6):
        env.step(action)
    assert np.abs(before).max() > 0.1
    assert env.parameters.tolist() == [*before, 0.0, 0.0]
    for start in idle.starts:
        assert start.tolist() == [*before, 0.0, 0.0][: len(start)]
    assert len(idle.starts[0]) == len(before)  # a CNOT starts from the stored angles as they are


def test_reported_energies_are_unbiased_whatever_luck_the_optimizer_had(make_problem, dense):
    lucky, recorded = dense.LuckyOptimizer(), []
    env = ArchitectureSearchEnv(
        make_problem({"I": -1.0}),  # every circuit has the energy -1
        dense.Engine(),
        optimizer=lucky,
        max_gates=10,
        shots=100,
        curriculum=Recorded(recorded),
    )
    energies = []
    for episode in range(60):
        env.reset(seed=episode)
        energies += [env.step(RZ)[-1]["energy"] for _ in range(10)]
    standard_error = 0.1 / np.sqrt(len(energies))
    assert abs(np.mean(energies) + 1.0) < 4 * standard_error
    assert recorded == energies
    assert np.mean(lucky.values) < -1.0 - 30 * standard_error  # what would be reported without a fresh evaluation


class Recorded:
    """A curriculum that keeps what it is told and never lets an episode succeed."""

    reference, threshold = -1.0, 0.0

    def __init__(self, energies):
        self.energies = energies

    def start(self, *, exact_energy, lower_bound):
        return self

    def record_energy(self, energy):
        self.energies.append(energy)

    def end_episode(self, success):
        pass


def test_the_reported_error_is_the_noiseless_distance_to_the_exact_energy(make_problem):
    problem = make_problem({"IZ": 1.0, "ZI": 0.5, "XX": 0.25})
    noisy = PauliTransferSimulator(NoiseModel.from_numbers(p1=0.02, p2=0.05))
    env = ArchitectureSearchEnv(problem, noisy, curriculum=FixedThreshold(1e-9))
    _, info = env.reset(seed=0)
    assert problem.lower_bound < problem.exact_energy - 1e-2
    assert info["error"] == pytest.approx(1.5 - problem.exact_energy, abs=1e-12)
    table = env.action_table
    for action in (table.index("ry", (0,)), table.index("ry", (1,)), table.index("cx", (0, 1))):
        *_, info = env.step(action)
    # RY(pi) on both qubits gives |11>, which the CNOT with control 0 turns into |01>; the angles follow
    assert info["error"] == pytest.approx(info["noiseless_energy"] - problem.exact_energy, abs=1e-12)
    assert info["energy"] > info["noiseless_energy"] + 1e-3


def test_chemical_accuracy_can_be_seen_in_info_though_never_against_the_lower_bound(dense):
    problem = molecule("h2-2")
    env = ArchitectureSearchEnv(problem, curriculum=MovingThreshold(0.185), max_gates=12)
    rng, errors = np.random.default_rng(1), []
    for episode in range(5):
        _, info = env.reset(seed=episode)
        over = False
        while not over:
            action = rng.choice(np.flatnonzero(info["action_mask"]))
            _, _, terminated, truncated, info = env.step(action)
            over = terminated or truncated
            errors.append(info["error"])
            assert abs(info["energy"] - problem.lower_bound) > 0.18
    assert min(errors) < 1.6e-3


def test_reset_touches_no_file_and_evaluates_the_empty_circuit_once(make_env, dense, monkeypatch):
    engine = dense.Engine()
    env = make_env(ISING, engine=engine)
    shipped = ArchitectureSearchEnv("h2-4")
    play(env, [0, 3, 4])
    shipped.reset(seed=0)

    def no_files(*args, **kwargs):
        raise AssertionError(f"a file was opened: {args}")

    engine.evaluations.clear()
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", no_files)
        patch.setattr(io, "open", no_files)
        with pytest.raises(AssertionError, match="a file was opened"):
            open("anything")  # noqa: PTH123, SIM115 - the trap must work
        for _ in range(5):
            env.reset()
            shipped.reset()
    assert engine.evaluations == [0] * 5


def test_the_work_of_an_evaluation_grows_with_the_gates_and_not_with_the_gate_limit(make_env, dense):
    logs = []
    for max_gates in (5, 500):
        engine = dense.Engine()
        play(make_env(ISING, engine=engine, max_gates=max_gates, curriculum=FixedThreshold(1e-9)), [0, 3, 7, 1])
        logs.append(engine.evaluations)
    assert logs[0] == logs[1]
    assert max(logs[0]) == 4


def test_energies_at_reset_come_from_the_same_estimator_as_all_later_ones(make_problem):
    readout = PauliTransferSimulator(NoiseModel.named("ourense"))
    env = ArchitectureSearchEnv(make_problem({"ZZ": 1.0}), readout)
    _, info = env.reset(seed=0)
    assert info["noiseless_energy"] == 1.0
    assert info["energy"] < 0.95
    shots = ArchitectureSearchEnv(make_problem({"ZZ": 1.0}), readout, shots=200)
    drawn = {shots.reset(seed=seed)[1]["energy"] for seed in range(20)}
    assert len(drawn) > 3
