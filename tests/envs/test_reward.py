import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.envs import Action, GateCostReward, PaperReward
from qvar.simulators.errors import ArchitectureError

ENERGY = st.floats(-100.0, 100.0)
CNOT, ROTATION = Action("cx", (0, 1)), Action("ry", (1,))


def shaped(previous, energy, mu):
    step = {"energy": energy, "previous_energy": previous, "reference": mu, "success": False, "failure": False}
    return PaperReward()(gate=CNOT, **step)


@given(ENERGY, ENERGY, ENERGY)
def test_above_the_reference_the_reward_is_the_papers_formula(previous, energy, mu):
    if previous > mu and energy >= mu:
        assert shaped(previous, energy, mu) == max((previous - energy) / (previous - mu), -1.0)


@given(ENERGY, ENERGY, ENERGY)
def test_shaped_rewards_stay_within_one_and_have_the_sign_of_the_decrease(previous, energy, mu):
    reward = shaped(previous, energy, mu)
    assert -1.0 <= reward <= 1.0
    assert reward * (previous - energy) >= 0.0


def test_success_and_failure_have_their_own_rewards_and_success_wins():
    reward, step = PaperReward(), {"gate": CNOT, "energy": 0.0, "previous_energy": 1.0, "reference": -1.0}
    assert reward(**step, success=True, failure=False) == 5.0
    assert reward(**step, success=False, failure=True) == -5.0
    assert reward(**step, success=True, failure=True) == 5.0


def test_a_previous_energy_equal_to_the_reference_divides_by_nothing():
    assert [shaped(-1.0, e, -1.0) for e in (-2.0, -1.0, 0.0)] == [1.0, 0.0, -1.0]


def test_rewards_that_are_not_finite_are_refused():
    with pytest.raises(ArchitectureError, match="finite"):
        PaperReward(success_reward=float("inf"))


@given(ENERGY, ENERGY, ENERGY, st.booleans(), st.booleans(), st.sampled_from([CNOT, ROTATION]))
def test_gates_cost_what_they_cost_on_top_of_the_papers_reward(previous, energy, mu, success, failure, gate):
    step = {"energy": energy, "previous_energy": previous, "reference": mu, "success": success, "failure": failure}
    cost = PaperReward()(gate=gate, **step) - GateCostReward(cnot=0.25, rotation=0.125)(gate=gate, **step)
    assert cost == pytest.approx(0.25 if gate is CNOT else 0.125, abs=1e-12)


def test_cnots_are_dearer_than_rotations_by_default_and_an_episode_can_still_be_worth_it():
    reward = GateCostReward()
    assert reward.cnot > reward.rotation > 0
    assert 40 * reward.cnot < reward.success_reward - reward.failure_reward


def test_an_environment_names_the_gate_to_its_reward(make_env):
    env = make_env({"ZZ": -1.0, "XI": 0.7}, reward=GateCostReward(cnot=0.25, rotation=0.125))
    plain = make_env({"ZZ": -1.0, "XI": 0.7})
    costs = []
    for action in (env.action_table.index("cx", (1, 0)), env.action_table.index("rx", (1,))):
        rewards = []
        for each in (plain, env):
            each.reset(seed=0)
            rewards.append(each.step(action)[1])
        costs.append(rewards[0] - rewards[1])
    assert costs == pytest.approx([0.25, 0.125])


@pytest.mark.parametrize(
    "settings", [{"cnot": -0.1}, {"rotation": float("nan")}, {"cnot": float("inf")}, {"failure_reward": float("nan")}]
)
def test_costs_that_make_no_sense_are_refused(settings):
    with pytest.raises(ArchitectureError):
        GateCostReward(**settings)


def test_episodes_earn_five_at_success_and_lose_five_at_failure_by_default():
    for reward in (PaperReward(), GateCostReward(0.0, 0.0)):
        step = {"gate": Action("cx", (0, 1)), "energy": -1.0, "previous_energy": 0.0, "reference": -2.0}
        assert reward(**step, success=True, failure=False) == 5.0
        assert reward(**step, success=False, failure=True) == -5.0
    assert (GateCostReward().cnot, GateCostReward().rotation) == (0.05, 0.01)
