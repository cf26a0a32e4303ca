"""The checkers of gymnasium and stable-baselines3, and their vector environments."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import qvar.envs
from qvar.envs import GateCostReward, StartCircuit, both_directions
from qvar.simulators import Circuit, NoiseModel, Operation, PauliTransferSimulator

CHAIN = both_directions([(0, 1), (1, 2), (1, 3)])


@pytest.fixture(params=["two qubits", "four coupled qubits", "two qubits with shots", "two qubits with a start"])
def environment(request, make_problem):
    if request.param == "four coupled qubits":
        problem, settings = make_problem({"ZZII": 1.0, "IXXI": 0.5, "IIZY": -0.3}), {"coupling_map": CHAIN}
    else:
        problem = make_problem({"ZZ": -1.0, "XI": 0.7, "IX": 0.4})
        settings = {"shots": 20} if "shots" in request.param else {}
        if "start" in request.param:
            circuit = Circuit(2, (Operation("ry", (1,), (0.4,)), Operation("cx", (1, 0))))
            settings = {"start": StartCircuit(circuit), "optimize_every": 2, "reward": GateCostReward()}
    return gymnasium.make("qvar/ArchitectureSearch-v0", problem=problem, max_gates=8, **settings)


def test_gymnasium_finds_no_fault(environment):
    check_env(environment.unwrapped)


def test_stable_baselines3_finds_no_fault(environment):
    from stable_baselines3.common.env_checker import check_env as check_sb3

    check_sb3(environment.unwrapped, skip_render_check=False)


def test_observations_stay_inside_their_space_and_wrappers_see_no_fault(environment):
    _, info = environment.reset(seed=0)
    environment.action_space.seed(0)
    for _ in range(60):
        action = environment.action_space.sample(mask=info["action_mask"])
        observation, _, terminated, truncated, info = environment.step(action)
        assert environment.observation_space.contains(observation)
        if terminated or truncated:
            _, info = environment.reset()


def test_every_environment_can_be_made_by_its_id():
    for identifier in qvar.envs.ENVIRONMENT_IDS:
        if identifier in ("qvar/ArchitectureSearch-v0", "qvar/H2O-8-v0", "qvar/H2O-8-Bohr-v0"):
            continue
        env = gymnasium.make(identifier)
        observation, _ = env.reset(seed=0)
        assert env.observation_space.contains(observation)
        assert env.spec.id == identifier


@pytest.mark.parametrize(
    ("identifier", "length", "n_actions"),
    [
        ("qvar/H2-2-v0", 401, 8),
        ("qvar/H2-3-v0", 721, 15),
        ("qvar/H2-4-v0", 1121, 24),
        ("qvar/H2-v0", 1121, 24),
        ("qvar/LiH-4-v0", 1121, 24),
        ("qvar/LiH-6-v0", 3781, 48),
        ("qvar/H2O-8-Bohr-v0", 22001, 80),
        ("qvar/H2O-8-v0", 22001, 80),
    ],
)
def test_molecular_tasks_have_the_published_sizes(identifier, length, n_actions):
    env = gymnasium.make(identifier)
    assert env.observation_space.shape == (length,)
    assert env.action_space.n == n_actions


def test_vector_environments_step_side_by_side():
    envs = gymnasium.make_vec("qvar/Probe-TwoRotations-v0", num_envs=2, vectorization_mode="sync")
    observations, infos = envs.reset(seed=[1, 2])
    assert observations.shape == (2, *envs.single_observation_space.shape)
    assert infos["action_mask"].shape == (2, 8)
    useless, first, second = 4, 3, 6  # RZ on qubit 0, RY on qubit 0 and on qubit 1
    envs.step(np.array([useless, first]))
    _, rewards, terminated, truncated, infos = envs.step(np.array([first, second]))
    assert rewards == pytest.approx([0.5, 5.0], abs=1e-6)
    assert terminated.tolist() == [False, True]
    assert not truncated.any()
    assert infos["end_reason"].tolist() == [None, "success"]
    envs.close()


def test_stable_baselines3_finds_the_masks_through_its_wrappers():
    from stable_baselines3.common.env_util import make_vec_env

    envs = make_vec_env("qvar/Probe-Bell-v0", n_envs=2, seed=0, env_kwargs={"render_mode": None})
    envs.reset()
    envs.step(np.array([0, 1]))
    masks = np.stack(envs.env_method("action_masks"))  # the call maskable policies make
    assert masks.tolist() == [[False] + [True] * 7, [True, False] + [True] * 6]


def test_an_environment_with_a_noisy_engine_knows_its_own_recipe(make_problem):
    engine = PauliTransferSimulator(NoiseModel.named("ourense"))
    problem = make_problem({"ZZII": 1.0, "IXXI": 0.5})
    env = gymnasium.make("qvar/ArchitectureSearch-v0", problem=problem, engine=engine)
    again = env.spec.make()
    assert again.reset(seed=0)[1]["energy"] == env.reset(seed=0)[1]["energy"]
