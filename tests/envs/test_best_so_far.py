"""The curriculum that follows the best energy: what counts as success, and that rewards stay fine near the best."""

import json

import numpy as np
import pytest

from qvar.envs import ArchitectureSearchEnv, BestSoFar, FixedThreshold
from qvar.optimizers import CompactLBFGS
from qvar.simulators.errors import ArchitectureError


def start(**settings):
    return BestSoFar(**settings).start(exact_energy=-1.0, lower_bound=-2.0)


def test_the_exact_energy_is_not_looked_at():
    states = [BestSoFar().start(exact_energy=exact, lower_bound=-2.0) for exact in (-1.0, 5.0)]
    for state in states:
        state.record_energy(-0.3)
        state.end_episode(False)
    assert states[0] == states[1]


def test_the_reference_moves_between_episodes_only():
    state = start(margin=0.01, improvement=0.0)
    for energy in (-0.5, -0.7, -0.6):
        state.record_energy(energy)
        assert state.reference == -2.0
    state.end_episode(False)
    assert state.reference == pytest.approx(-0.71)
    state.record_energy(-0.9)
    assert state.reference == pytest.approx(-0.71)


@pytest.mark.parametrize(
    ("energy", "is_success"), [(-0.7, False), (-0.7005, False), (-0.702, True), (-0.715, True), (-0.72, False)]
)
def test_success_is_a_new_best_by_at_least_the_improvement(energy, is_success):
    state = start(margin=0.01, improvement=1e-3)
    state.record_energy(-0.7)
    state.end_episode(False)
    assert (abs(energy - state.reference) < state.threshold) == is_success


def test_a_state_survives_json():
    state = start()
    for restored_from in (0, 1):
        if restored_from:
            state.record_energy(-0.4)
            state.end_episode(True)
        other = start()
        other.load_state_dict(json.loads(json.dumps(state.state_dict())))
        assert other == state


@pytest.mark.parametrize("state", [{}, {"reference": 1.0}, {"reference": 1.0, "best": 0.0, "more": 1}])
def test_another_state_is_refused(state):
    with pytest.raises(ArchitectureError, match="reference and best"):
        start().load_state_dict(state)


@pytest.mark.parametrize("settings", [{"margin": 0.0}, {"margin": 1e-4, "improvement": 1e-4}, {"improvement": -1e-9}])
def test_numbers_out_of_range_are_refused(settings):
    with pytest.raises(ArchitectureError, match="improvement < margin"):
        BestSoFar(**settings)


def test_near_the_best_energy_rewards_are_larger_than_from_a_lower_bound():
    """The same gates twice in a row: the second time, the best energy of the first is known."""
    sums = {}
    for curriculum in (BestSoFar(), FixedThreshold(1e-9, reference="lower_bound")):
        env = ArchitectureSearchEnv("lih-4", optimizer=CompactLBFGS(), curriculum=curriculum, max_gates=12)
        for episode in (1, 2):
            env.reset(seed=0)
            rng, rewards = np.random.default_rng(3), []
            for _ in range(12):
                _, reward, *_ = env.step(int(rng.choice(np.flatnonzero(env.action_masks()))))
                rewards.append(reward)
            assert rewards[-1] == -5.0  # the end, without success
            sums[type(curriculum), episode] = sum(abs(reward) for reward in rewards[:-1])
    assert sums[BestSoFar, 1] == sums[FixedThreshold, 1] == sums[FixedThreshold, 2]
    assert sums[BestSoFar, 2] > 10 * sums[BestSoFar, 1]


def test_finding_the_best_circuit_again_does_not_end_an_episode():
    env = ArchitectureSearchEnv("h2-2", optimizer=CompactLBFGS(), curriculum=BestSoFar(), max_gates=4)
    ends = []
    for _ in range(3):
        env.reset(seed=0)
        info = {"end_reason": None}
        for action in (3, 6, 0, 3):
            if info["end_reason"] is None:
                *_, info = env.step(action)
        ends.append(info["end_reason"])
    assert ends[1:] == ["limit", "limit"]
