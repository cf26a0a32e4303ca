from itertools import product

import gymnasium
import pytest

from qvar.envs import PROBES, make_probe, probe_problem
from qvar.envs.registration import ENVIRONMENT_IDS
from qvar.simulators.errors import ArchitectureError


def returns(key, length, dense):
    """Play every sequence of `length` actions; return the largest return and whether any succeeds."""
    env = make_probe(key, engine=dense.Engine(), optimizer=dense.Sweeps())
    best, solved = -100.0, False
    for actions in product(range(env.action_space.n), repeat=length):
        env.reset(seed=0)
        total = 0.0
        for action in actions:
            _, reward, terminated, truncated, info = env.step(action)
            total += reward
            if terminated or truncated:
                break
        solved |= info["success"]
        best = max(best, total)
    return best, solved


@pytest.mark.parametrize("key", list(PROBES))
def test_stated_energies_are_the_lowest_eigenvalues(key):
    problem = probe_problem(key)
    assert problem.exact_energy == pytest.approx(problem.observable.ground_energy(), abs=1e-12)


@pytest.mark.parametrize("key", [key for key, probe in PROBES.items() if probe.n_gates is not None])
def test_shortest_circuits_and_best_returns_are_as_stated(key, dense):
    probe = PROBES[key]
    best, solved = returns(key, probe.n_gates, dense)
    assert solved
    assert best == pytest.approx(probe.best_return, abs=1e-9)
    if probe.n_gates > 1:
        assert not returns(key, probe.n_gates - 1, dense)[1]


def test_the_unreachable_probe_fails_whatever_is_played(dense):
    best, solved = returns("unreachable", PROBES["unreachable"].max_gates, dense)
    assert not solved
    assert best == pytest.approx(PROBES["unreachable"].best_return, abs=1e-6)


def test_the_bell_probe_needs_its_cnot(dense):
    env = make_probe("bell", engine=dense.Engine(), optimizer=dense.Sweeps(), max_gates=8)
    rotations = [a for a in range(8) if env.action_table[a].is_rotation]
    env.reset(seed=0)
    for action in rotations:
        *_, info = env.step(action)
    assert info["energy"] > -1.0 - 1e-9


@pytest.mark.parametrize(
    ("name", "actions", "reward"),
    [
        ("SingleRotation", [0], 5.0),
        ("TwoRotations", [2, 6], 5.0),
        ("Bell", [3, 0], 5.0),
        ("AlreadySolved", [0], 5.0),
        ("Unreachable", [1, 1], -5.0),
    ],
)
def test_registered_probes_end_as_stated_with_the_default_optimizer(name, actions, reward):
    env = gymnasium.make(f"qvar/Probe-{name}-v0")
    env.reset(seed=0)
    for action in actions:
        _, last, terminated, truncated, info = env.step(action)
    assert last == reward
    assert terminated is info["success"] is (reward > 0)
    assert truncated is (reward < 0)


def test_every_probe_has_an_id():
    assert sum("Probe-" in identifier for identifier in ENVIRONMENT_IDS) == len(PROBES)


def test_unknown_probes_are_refused():
    with pytest.raises(ArchitectureError, match="single-rotation"):
        make_probe("double-rotation")
