"""Budgets of shots: what they cost, that they leave estimates unbiased, and that their standard errors are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2

from qvar.simulators import (
    AerSimulator,
    Circuit,
    Estimate,
    NoiseModel,
    Observable,
    Operation,
    OptimalAllocation,
    PauliTransferSimulator,
    PilotAllocation,
    ReadoutError,
    ShotBudget,
    Slot,
    StatevectorSimulator,
    UniformAllocation,
    WeightAllocation,
)
from qvar.simulators.channels import depolarizing
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.allocation import split
from tests.simulators import oracle

OBSERVABLE = Observable.from_terms(
    {"II": 0.7, "ZZ": 1.0, "ZI": -0.6, "IZ": 0.4, "XX": 0.15, "XI": 0.03, "YY": -0.25, "ZX": 0.02}
)
CIRCUIT = Circuit(
    2,
    (
        Operation("ry", (0,), (Slot(0),)),
        Operation("rx", (1,), (Slot(1),)),
        Operation("cx", (0, 1)),
        Operation("u", (1,), (Slot(1), 0.4, 0.9)),
    ),
)
THETA = np.array([0.7, 1.9])
NOISY = NoiseModel.from_channels(depolarizing(0.05), depolarizing(0.1, n_qubits=2), readout=ReadoutError(0.03, 0.08))
TOTAL = 400
RULES = [UniformAllocation(), WeightAllocation(), OptimalAllocation(), PilotAllocation(0.15)]
ENGINES = [PauliTransferSimulator(NOISY), StatevectorSimulator(), AerSimulator(NOISY)]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


def estimates(objective, n):
    return [objective.estimate(THETA) for _ in range(n)]


@every_rule
@every_engine
def test_estimates_are_unbiased_and_their_standard_errors_true(engine, rule):
    n = 1500 if engine.name != "aer-density-matrix" else 150
    exact = engine.objective(CIRCUIT, OBSERVABLE)
    found = estimates(exact.with_shots(ShotBudget(TOTAL, rule), np.random.default_rng(5)), n)
    values, variances = (np.array(x) for x in zip(*((e.value, e.standard_error**2) for e in found), strict=True))
    assert {e.shots for e in found} == {TOTAL}
    assert abs(values.mean() - exact(THETA)) < 4.5 * np.sqrt(values.var(ddof=1) / n)
    low, high = chi2.ppf([1e-5, 1 - 1e-5], n - 1) / (n - 1)
    assert low < values.var(ddof=1) / variances.mean() < high


@every_rule
def test_errors_of_shots_per_circuit_are_true_too(rule):
    exact = PauliTransferSimulator(NOISY).objective(CIRCUIT, OBSERVABLE)
    sampled = exact.with_shots(30, np.random.default_rng(6))
    found = estimates(sampled, 1500)
    low, high = chi2.ppf([1e-5, 1 - 1e-5], 1499) / 1499
    assert low < np.var([e.value for e in found], ddof=1) / sampled.exact_standard_error(THETA) ** 2 < high
    mean = np.mean([e.standard_error**2 for e in found])
    assert mean == pytest.approx(sampled.exact_standard_error(THETA) ** 2, rel=0.05)
    assert isinstance(found[0], Estimate)
    assert found[0].shots == sampled.shots_per_evaluation == 30 * exact.plan.n_groups


@pytest.mark.parametrize("rule", RULES[:3], ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("engine", ENGINES[:2], ids=lambda engine: engine.name)
def test_exact_standard_errors_are_what_repeated_estimates_scatter_by(engine, rule):
    sampled = engine.objective(CIRCUIT, OBSERVABLE).with_shots(ShotBudget(TOTAL, rule), np.random.default_rng(7))
    values = sampled.batch(np.tile(THETA, (3000, 1)))
    low, high = chi2.ppf([1e-5, 1 - 1e-5], 2999) / 2999
    assert low < values.var(ddof=1) / sampled.exact_standard_error(THETA) ** 2 < high


@pytest.mark.parametrize("shots", [50, *(ShotBudget(TOTAL, rule) for rule in RULES[:3])])
def test_exact_standard_errors_agree_between_engines(shots):
    rng = np.random.default_rng(8)
    for noise in (None, NOISY):
        circuit, observable = oracle.random_circuit(rng, 3, 20), oracle.random_observable(rng, 3, 15)
        theta = oracle.random_angles(rng, circuit)
        ours, aers = (
            engine(noise).objective(circuit, observable).with_shots(shots, rng).exact_standard_error(theta)
            for engine in (PauliTransferSimulator, AerSimulator)
        )
        assert aers == pytest.approx(ours, rel=1e-7)


def test_rules_that_know_more_scatter_less():
    exact = PauliTransferSimulator(NOISY).objective(CIRCUIT, OBSERVABLE)
    uniform, weighted, optimal = (
        exact.with_shots(ShotBudget(TOTAL, rule), np.random.default_rng(0)).exact_standard_error(THETA)
        for rule in RULES[:3]
    )
    pilot = exact.with_shots(ShotBudget(TOTAL, PilotAllocation(0.15)), np.random.default_rng(0))
    scatter = pilot.batch(np.tile(THETA, (2000, 1))).std()
    assert optimal < weighted < uniform
    assert optimal < scatter < uniform


@every_rule
@every_engine
def test_costs_are_the_total_of_the_budget(engine, rule):
    budget = ShotBudget(TOTAL, rule)
    sampled = engine.objective(CIRCUIT, OBSERVABLE).with_shots(budget, np.random.default_rng(0))
    assert sampled.shots_per_evaluation == TOTAL
    assert sampled.shots == budget
    assert sampled.with_shots(sampled.shots, np.random.default_rng(0)).shots_per_evaluation == TOTAL
    assert sampled.evaluations_per_gradient == 2 * 3 + 1


@every_rule
@every_engine
def test_the_same_seed_gives_the_same_record_under_a_budget(engine, rule):
    def record(seed):
        sampled = engine.objective(CIRCUIT, OBSERVABLE).with_shots(ShotBudget(TOTAL, rule), np.random.default_rng(seed))
        return [sampled(THETA), *sampled.batch([THETA, THETA]), *sampled.value_and_gradient(THETA)[1]]

    assert record(1) == record(1)
    assert record(1) != record(2)


@every_rule
@every_engine
def test_the_identity_costs_nothing_under_a_budget(engine, rule):
    objective = engine.objective(CIRCUIT, Observable.from_terms({"II": -1.5}))
    sampled = objective.with_shots(ShotBudget(TOTAL, rule), np.random.default_rng(0))
    assert sampled.estimate(THETA) == Estimate(-1.5, 0.0, 0)
    assert sampled(THETA) == -1.5


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), AerSimulator(), StatevectorSimulator()])
def test_eigenstates_have_no_error(engine):
    sampled = engine.objective(Circuit(1), Observable.from_terms({"Z": 2.0})).with_shots(5, np.random.default_rng(0))
    assert sampled.estimate([]) == Estimate(2.0, 0.0, 5)
    assert sampled.exact_standard_error([]) == pytest.approx(0, abs=1e-7)


def test_a_pilot_that_sees_no_scatter_does_not_take_a_circuit_for_certain():
    rare = Circuit(2, (Operation("ry", (0,), (0.2,)), Operation("ry", (1,), (1.0,))))  # qubit 0 reads 1 in 1 of 100
    observable = Observable.from_terms({"IX": 1e-3, "IZ": 1.0, "XI": 0.3})
    exact = PauliTransferSimulator().objective(rare, observable)
    sampled = exact.with_shots(ShotBudget(2000, PilotAllocation(0.05)), np.random.default_rng(0))
    uniform = exact.with_shots(ShotBudget(2000), np.random.default_rng(0))
    assert sampled.batch(np.zeros((1000, 0))).std() < uniform.exact_standard_error([])


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), AerSimulator()])
def test_what_cannot_be_estimated_is_refused(engine):
    exact = engine.objective(CIRCUIT, OBSERVABLE)
    rng = np.random.default_rng(0)
    with pytest.raises(EngineError, match="one shot per measured circuit"):
        exact.with_shots(1, rng).estimate(THETA)
    assert exact.with_shots(1, rng).exact_standard_error(THETA) > 0
    with pytest.raises(EngineError, match=r"estimate\(theta\) gives"):
        exact.with_shots(ShotBudget(100, PilotAllocation()), rng).exact_standard_error(THETA)
    with pytest.raises(EngineError, match=r"4 measured circuits need 2 shots each .* got 0 shots for the pilot and 7"):
        exact.with_shots(ShotBudget(7), rng)
    with pytest.raises(EngineError, match="got 4 shots for the pilot"):
        exact.with_shots(ShotBudget(40), rng).with_shots(ShotBudget(40, PilotAllocation(0.1)), rng)


@pytest.mark.parametrize("total", [0, -3, 2.5, "many"])
def test_impossible_budgets_are_refused(total):
    with pytest.raises(EngineError, match="a shot budget must be"):
        ShotBudget(total)


@pytest.mark.parametrize("pilot", [0.0, 1.0, -0.1, np.nan])
def test_impossible_pilots_are_refused(pilot):
    with pytest.raises(EngineError, match="between 0 and 1"):
        PilotAllocation(pilot)


def test_exact_methods_that_do_not_exist_cannot_allocate_optimally():
    objective = AerSimulator(NOISY, method="statevector").objective(CIRCUIT, OBSERVABLE)
    with pytest.raises(EngineError, match="no exact noisy value"):
        objective.with_shots(ShotBudget(TOTAL, OptimalAllocation()), np.random.default_rng(0))(THETA)
    pilot = objective.with_shots(ShotBudget(TOTAL, PilotAllocation()), np.random.default_rng(0)).estimate(THETA)
    exact = PauliTransferSimulator(NOISY).objective(CIRCUIT, OBSERVABLE)(THETA)
    assert abs(pilot.value - exact) < 5 * pilot.standard_error


@settings(max_examples=200, deadline=None)
@given(
    shares=arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.floats(0, 1e6)),
    spare=st.integers(0, 1000),
)
def test_budgets_are_met_exactly_and_in_proportion(shares, spare):
    n_groups = shares.shape[1]
    total = 2 * n_groups + spare
    shots = split(total, shares)
    assert (shots.sum(axis=1) == total).all()
    assert (shots >= 2).all()
    for row, numbers in zip(shares, shots, strict=True):
        fractions = row / row.sum() if row.sum() > 0 else np.full(n_groups, 1 / n_groups)
        assert (np.abs(numbers - 2 - fractions * spare) <= 1 + 1e-6).all()
