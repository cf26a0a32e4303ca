import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.envs import Action, PaperReward
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
