"""Limits and options say no to what makes no sense, and survive being written down."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.hardware import ExecutionOptions, Limits
from qvar.simulators.errors import HardwareError


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -1e-9, True, "60", [1]])
@pytest.mark.parametrize("name", ["max_qpu_seconds", "max_shots", "max_jobs"])
def test_a_limit_is_a_finite_number_that_is_not_negative(name, value):
    with pytest.raises(HardwareError, match=name):
        Limits(**{name: value})


@pytest.mark.parametrize("name", ["max_shots", "max_jobs"])
def test_shots_and_jobs_are_whole(name):
    with pytest.raises(HardwareError, match="whole number"):
        Limits(**{name: 1.5})


@given(st.builds(Limits, st.none() | st.floats(0, 1e6), st.none() | st.integers(0, 10**9), st.none() | st.integers(0)))
def test_limits_survive_a_file(limits):
    assert Limits.from_dict(limits.to_dict()) == limits


@pytest.mark.parametrize("content", [[], {"max_qpu_second": 1}, {"max_qpu_seconds": math.nan}, "60"])
def test_other_content_is_no_limit(content):
    with pytest.raises(HardwareError):
        Limits.from_dict(content)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("shots", 0),
        ("shots", 10.0),
        ("shots", True),
        ("precision", 0.0),
        ("precision", math.nan),
        ("precision", 2.0),
        ("mode", "dedicated"),
        ("mode", "session"),  # without max_session_seconds
        ("resilience_level", 3),
        ("twirling", "on"),
        ("dynamical_decoupling", "XYXY"),
        ("optimization_level", 4),
        ("seed_transpiler", -1),
        ("initial_layout", (0, 0)),
        ("initial_layout", (-1, 0)),
        ("max_execution_seconds", 0),
        ("max_execution_seconds", 1.5),
        ("seed_simulator", -3),
        ("max_retries", -1),
    ],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(HardwareError):
        ExecutionOptions(**{setting: value})


def test_options_survive_a_file_and_unknown_ones_are_refused():
    options = ExecutionOptions(shots=100, initial_layout=[3, 1], twirling=True, dynamical_decoupling="XY4")
    assert ExecutionOptions.from_dict(options.to_dict()) == options
    assert options.initial_layout == (3, 1)
    with pytest.raises(HardwareError, match="token"):
        ExecutionOptions.from_dict({"token": "x"})


def test_a_precision_asks_for_its_inverse_square_of_shots():
    assert ExecutionOptions(shots=7).shots_for_precision == 7
    assert ExecutionOptions(precision=0.01).shots_for_precision == 10_000
