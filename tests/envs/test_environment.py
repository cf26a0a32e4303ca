import json

import gymnasium
import numpy as np
import pytest

from qvar.envs import (
    ActionTable,
    ArchitectureSearchEnv,
    FixedThreshold,
    MovingThreshold,
    NegativeBinomialHalting,
    both_directions,
    decode,
    encode,
)
from qvar.simulators import NoiseModel, PauliTransferSimulator
from qvar.simulators.errors import ArchitectureError

Z = {"Z": 1.0}
ISING = {"ZZ": -1.0, "XI": 0.7, "IX": 0.4, "ZI": 0.1}


def play(env, actions, *, seed=None):
    """Return the transitions of one scripted episode, the reset first."""
    observation, info = env.reset(seed=seed)
    steps = [(observation, None, False, False, info)]
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2] or steps[-1][3]:
            break
    return steps


def play_at_random(env, rng):
    """Return observations and infos of one episode of random legal actions."""
    observation, info = env.reset()
    seen, over = [(observation, info)], False
    while not over:
        action = rng.choice(np.flatnonzero(info["action_mask"]))
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        seen.append((observation, info))
    return seen


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a[0], b[0]) and all(np.array_equal(a[-1][key], b[-1][key]) for key in a[-1])
        for a, b in zip(one, other, strict=True)
    )


def test_an_episode_starts_with_the_energy_of_the_empty_circuit(make_env):
    env = make_env(ISING)
    observation, info = env.reset(seed=1)
    assert not observation[:-1].any()
    assert observation[-1] == np.float32(info["energy"]) == np.float32(-0.9)
    assert info["action_mask"].all()
    assert (info["depth"], info["n_cnots"], info["n_rotations"]) == (0, 0, 0)


def test_observations_show_the_circuit_and_its_latest_energy(make_env):
    env = make_env(ISING)
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(5):
        observation, _, _, _, info = env.step(rng.integers(8))
        tensor = encode(env.circuit, env.parameters, max_gates=6)
        assert np.array_equal(observation[:-1], tensor[:, :5].ravel())
        assert observation[-1] == np.float32(info["energy"])
        circuit, parameters = decode(tensor)
        objective = env.engine.objective(circuit, env.problem.observable)
        assert objective(parameters) == pytest.approx(info["energy"], abs=1e-12)


def test_infos_count_gates_and_costs(make_env):
    env = make_env(ISING)
    table = env.action_table
    script = [table.index("cx", (0, 1)), table.index("ry", (0,)), table.index("cx", (1, 0))]
    infos = [step[-1] for step in play(env, script, seed=0)]
    assert [(i["depth"], i["n_cnots"], i["n_rotations"]) for i in infos] == [
        (0, 0, 0),
        (1, 1, 0),
        (2, 1, 1),
        (3, 2, 1),
    ]
    assert [i["evaluations"] for i in infos] == [1, 1, 11, 11]  # three sweeps of three, their check, ours
    assert all(i["gradients"] == 0 and i["shots"] == 0 for i in infos)
    assert infos[0].keys() == infos[-1].keys()


def test_every_counted_evaluation_was_asked_of_the_engine_and_none_else(make_env, dense):
    engine = dense.Engine()
    env = make_env(ISING, engine=engine)
    counted = sum(step[-1]["evaluations"] for step in play(env, [0, 3, 5, 1], seed=0))
    assert len(engine.evaluations) == counted


def test_shots_are_counted_with_the_final_evaluation(make_env):
    env = make_env(ISING, shots=100)
    infos = [step[-1] for step in play(env, [0, 3], seed=0)]
    assert [i["shots"] for i in infos] == [100 * i["evaluations"] for i in infos] == [100, 100, 1100]


def test_masked_actions_are_placed_like_any_other(make_env):
    env = make_env(ISING)
    _, _, _, _, info = play(env, [2], seed=0)[-1]
    assert info["action_mask"][2] == 0
    env.step(2)
    assert env.circuit.counts() == {"rx": 2}


def test_both_kinds_of_mask_agree(make_env):
    env = make_env(ISING, max_gates=30, curriculum=FixedThreshold(1e-3, reference="lower_bound"))
    rng = np.random.default_rng(4)
    _, info = env.reset(seed=4)
    for _ in range(29):
        assert env.action_masks().dtype == np.bool_
        assert info["action_mask"].dtype == np.int8
        assert np.array_equal(env.action_masks(), info["action_mask"])
        assert np.array_equal(
            env.action_masks(), env.action_table.legal_mask(env.action_table.last_actions(env.circuit))
        )
        _, _, _, _, info = env.step(rng.choice(np.flatnonzero(env.action_masks())))


@pytest.mark.parametrize("action", [-1, 8, 2.5, None])
def test_actions_that_do_not_exist_raise_and_leave_the_episode_alone(make_env, action):
    env = make_env(ISING)
    env.reset(seed=0)
    with pytest.raises(ArchitectureError, match="action"):
        env.step(action)
    assert env.circuit.operations == ()
    env.step(0)


def test_steps_outside_an_episode_raise(make_env):
    env = make_env(Z)
    for call in (lambda: env.step(0), env.action_masks, lambda: env.circuit):
        with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
            call()
    play(env, [1], seed=0)
    with pytest.raises(gymnasium.error.ResetNeeded, match="over"):
        env.step(0)
    env.reset()
    env.step(2)


def test_the_same_seed_gives_the_same_trajectory_and_another_seed_another(make_env, dense):
    def trajectory(seed):
        env = make_env(ISING, optimizer=dense.RandomAngles(), halting=NegativeBinomialHalting(), shots=50)
        env.reset(seed=seed)
        return [step for episode in range(3) for step in play_at_random(env, np.random.default_rng(episode))]

    assert same(trajectory(1), trajectory(1))
    assert not same(trajectory(1), trajectory(2))


def test_the_chance_of_an_episode_does_not_depend_on_what_was_played_before(make_env, dense):
    settings = {"optimizer": dense.RandomAngles(), "halting": NegativeBinomialHalting(), "shots": 50}
    short, long = make_env(ISING, **settings), make_env(ISING, **settings)
    play(short, [0], seed=5)
    play(long, [0, 3, 1, 4, 6, 2], seed=5)
    short.reset()
    long.reset()
    assert same([short.step(2)], [long.step(2)])


def test_a_run_resumed_from_json_ends_as_the_run_that_went_on(make_env, dense):
    def fresh():
        return make_env(
            ISING,
            optimizer=dense.RandomAngles(),
            halting=NegativeBinomialHalting(),
            shots=50,
            curriculum=MovingThreshold(1.2, shift_every=12),
        )

    whole = fresh()
    whole.reset(seed=3)
    for episode in range(15):
        play_at_random(whole, np.random.default_rng(episode))
    saved = json.dumps(whole.state_dict())
    rest = [step for k in range(15) for step in play_at_random(whole, np.random.default_rng(100 + k))]
    resumed = fresh()
    resumed.load_state_dict(json.loads(saved))
    assert same(rest, [step for k in range(15) for step in play_at_random(resumed, np.random.default_rng(100 + k))])
    assert resumed.state_dict() == whole.state_dict()


def test_a_reset_alone_does_not_change_the_state_to_resume_from(make_env):
    # vector environments reset by themselves right after an end
    env = make_env(ISING, shots=50)
    play(env, [0, 3], seed=0)
    env.reset()
    play(env, [0, 1, 2, 0, 1, 2])
    after_the_end = env.state_dict()
    first = env.reset()
    assert env.state_dict() == after_the_end
    env.load_state_dict(after_the_end)
    assert same([first], [env.reset()])


def test_a_state_cannot_be_taken_in_the_middle_of_an_episode(make_env):
    env = make_env(ISING)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ArchitectureError, match="between episodes"):
        env.state_dict()
    with pytest.raises(ArchitectureError, match="holds curriculum and np_random"):
        env.load_state_dict({"curriculum": {}})


def test_a_new_threshold_takes_effect_at_the_next_reset(make_env):
    env = make_env(ISING, curriculum=MovingThreshold(1.5, shift_every=11), max_gates=1)
    thresholds = [play(env, [2], seed=0 if k == 0 else None)[-1][-1]["threshold"] for k in range(12)]
    assert thresholds[:11] == [1.5] * 11
    assert thresholds[11] == env.curriculum.threshold < 1.5


def test_coupling_maps_come_from_the_argument_or_the_noise(make_problem):
    four = make_problem({"ZZZZ": 1.0, "XXII": 0.5})
    ourense = PauliTransferSimulator(NoiseModel.named("ourense"))
    edges = both_directions([(0, 1), (1, 2), (2, 3)])
    assert ArchitectureSearchEnv(four).action_space.n == 24
    assert ArchitectureSearchEnv(four, ourense).action_space.n == 18
    assert ArchitectureSearchEnv(four, ourense, coupling_map="all").action_space.n == 24
    assert ArchitectureSearchEnv(four, coupling_map=edges).action_table == ActionTable(4, edges)


def test_a_larger_device_lends_its_first_qubits(make_problem):
    env = ArchitectureSearchEnv(make_problem({"ZZ": 1.0}), PauliTransferSimulator(NoiseModel.named("ourense")))
    assert env.action_space.n == 8
    _, info = env.reset(seed=0)
    _, _, _, _, info = env.step(env.action_table.index("cx", (1, 0)))
    assert info["n_cnots"] == 1


def test_two_engines_agree_on_every_ordered_cnot_and_basis_state(make_problem, dense):
    # an asymmetric observable, so that swapped qubits or a swapped control and target would show
    problem = make_problem({"IIZ": 1.0, "IZI": 0.3, "ZII": 0.07, "XIZ": 0.2})
    flips = [(q, "rx") for q in range(3)]
    for engine in (None, dense.Engine()):
        env = ArchitectureSearchEnv(problem, engine, optimizer=Flip(), curriculum=FixedThreshold(1e-9))
        table, energies = env.action_table, []
        for prepared in range(8):
            for control, target in [(c, t) for c in range(3) for t in range(3) if c != t]:
                script = [table.index(gate, (q,)) for q, gate in flips if prepared >> q & 1]
                info = play(env, [*script, table.index("cx", (control, target))], seed=0)[-1][-1]
                bits = prepared ^ ((prepared >> control & 1) << target)
                expected = sum(c * (1 - 2 * (bits >> q & 1)) for q, c in enumerate((1.0, 0.3, 0.07)))
                energies.append(abs(info["energy"] - expected))
        assert max(energies) < 1e-12


class Flip:
    """Turn every rotation into a full flip."""

    def minimize(self, objective, start, rng):
        from types import SimpleNamespace

        theta = np.full(len(start), np.pi)
        return SimpleNamespace(parameters=theta, value=objective(theta), evaluations=1, gradients=0, shots=0)


def test_rendering_draws_the_circuit_as_text(make_env):
    env = make_env(ISING, render_mode="ansi")
    play(env, [0, 3], seed=0)
    drawing = env.render()
    assert "Ry" in drawing
    assert "X" in drawing
    silent = make_env(ISING)
    silent.reset(seed=0)
    assert silent.render() is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_gates": 0}, "max_gates"),
        ({"shots": 0}, "shots"),
        ({"render_mode": "human"}, "render_mode"),
        ({"coupling_map": "none"}, "coupling_map"),
        ({"coupling_map": []}, "does not connect"),
        ({"coupling_map": [(0, 2)]}, "distinct qubits"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make_env, settings, message):
    with pytest.raises(ArchitectureError, match=message):
        make_env(ISING, **settings)


def test_unknown_reset_options_are_refused(make_env):
    with pytest.raises(ArchitectureError, match="threshold"):
        make_env(ISING).reset(options={"threshold": 0.1})


def test_an_episode_has_forty_gates_at_most_unless_told_otherwise(make_problem, dense):
    assert ArchitectureSearchEnv(make_problem(Z), dense.Engine()).max_gates == 40
