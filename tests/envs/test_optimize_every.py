"""Angles optimized once per several gates: what it costs, and that no episode ends on angles left as they were."""

from dataclasses import dataclass

import numpy as np
import pytest

from qvar.envs import FixedThreshold
from qvar.simulators.errors import ArchitectureError

ISING = {"ZZ": -1.0, "XI": 0.7, "IX": 0.4, "ZI": 0.1}
HARD = FixedThreshold(1e-12)
RX0, RY0, RZ0, RX1, RY1, RZ1 = range(2, 8)


@dataclass(frozen=True)
class Around:
    """A curriculum whose reference may be any energy, also one that is not the lowest."""

    reference: float
    threshold: float

    def start(self, *, exact_energy, lower_bound):
        return self

    def record_energy(self, energy):
        pass

    def end_episode(self, success):
        pass


class Halt:
    def draw(self, max_gates, rng):
        return 2


def infos(env, actions):
    env.reset(seed=0)
    return [env.step(action)[-1] for action in actions]


def test_between_optimizations_a_gate_costs_one_energy(make_env):
    script = [RY0, RY1, RX0, RX1, RZ0, RZ1]
    seen = infos(make_env(ISING, optimize_every=3, curriculum=HARD, max_gates=7), script)
    assert [i["optimized"] for i in seen] == [False, False, True, False, False, True]
    assert [i["evaluations"] for i in seen] == [1, 1, 9 * 3 + 2, 1, 1, 9 * 6 + 2]
    every = infos(make_env(ISING, curriculum=HARD, max_gates=7), script)
    assert all(i["optimized"] for i in every)
    assert sum(i["evaluations"] for i in every) > 2 * sum(i["evaluations"] for i in seen)


def test_between_optimizations_a_new_rotation_stays_at_zero_and_the_energy_is_that_of_the_circuit(make_env):
    env = make_env(ISING, optimize_every=2, curriculum=HARD, max_gates=7)
    waiting, optimized = infos(env, [RY0, RY1])
    assert waiting["energy"] == pytest.approx(-0.9, abs=1e-12)  # that of |00>
    assert optimized["energy"] < -1.0
    before = env.parameters
    env.step(RX0)
    assert env.parameters.tolist() == [*before, 0.0]


@pytest.mark.parametrize("halting", [None, Halt()], ids=["at the limit", "at a halting step"])
def test_the_last_gate_of_an_episode_is_always_optimized(make_env, halting):
    env = make_env(ISING, optimize_every=5, curriculum=HARD, max_gates=2 if halting is None else 6, halting=halting)
    seen = infos(env, [RY0, RY1])
    assert [i["end_reason"] for i in seen] == [None, "limit" if halting is None else "halted"]
    assert [i["optimized"] for i in seen] == [False, True]


def test_a_success_between_optimizations_is_optimized_and_then_judged(make_env):
    env = make_env(ISING, optimize_every=5, curriculum=FixedThreshold(1.0), max_gates=6)
    (info,) = infos(env, [RY0])
    assert (info["success"], info["optimized"]) == (True, True)
    assert info["evaluations"] == 1 + 9 + 2  # tried, three sweeps of three and their check, the fresh one
    assert np.abs(env.parameters).max() > 0.01
    assert info["energy"] < -0.9 - 1e-3


def test_a_success_that_optimization_takes_away_is_none(make_env):
    env = make_env(ISING, optimize_every=5, curriculum=Around(-0.9, 1e-3), max_gates=6)
    (info,) = infos(env, [RY0])
    assert (info["success"], info["optimized"], info["end_reason"]) == (False, True, None)


def test_shots_of_a_gate_tried_twice_are_counted(make_env):
    env = make_env(ISING, optimize_every=5, curriculum=FixedThreshold(1.0), max_gates=6, shots=100)
    (info,) = infos(env, [RY0])
    assert info["shots"] == 100 * info["evaluations"] == 1200


def test_every_evaluation_was_asked_of_the_engine(make_env, dense):
    engine = dense.Engine()
    env = make_env(ISING, engine=engine, optimize_every=3, curriculum=HARD, max_gates=5)
    seen = infos(env, [RY0, 0, RX1, 1, RZ0])
    assert len(engine.evaluations) == 1 + sum(i["evaluations"] for i in seen)


def test_optimizing_less_often_than_never_is_refused(make_env):
    with pytest.raises(ArchitectureError, match="optimize_every"):
        make_env(ISING, optimize_every=0)
