"""Zero-noise extrapolation: contract, costs, gradients, and that it takes most of the error away."""

import importlib.util

import numpy as np
import pytest

from qvar.problems import molecule
from qvar.simulators import (
    AerSimulator,
    Circuit,
    Engine,
    ExponentialExtrapolation,
    LinearExtrapolation,
    LocalFolding,
    NoiseModel,
    Objective,
    Observable,
    Operation,
    OptimalAllocation,
    PauliTransferSimulator,
    PolynomialExtrapolation,
    RichardsonExtrapolation,
    ShotBudget,
    Slot,
    StatevectorSimulator,
    ZeroNoiseExtrapolation,
    depolarizing,
)
from qvar.simulators.errors import CircuitError, EngineError

needs_mitiq = pytest.mark.skipif(importlib.util.find_spec("mitiq") is None, reason="mitiq is an optional package")
NOISE = NoiseModel.from_numbers(p1=1e-3, p2=1e-2)
ENGINES = [PauliTransferSimulator(NOISE), AerSimulator(NOISE)]
H2 = molecule("h2-4").observable
THETA = np.array([0.3, -0.8, 1.1])
LINEAR = [LinearExtrapolation(), PolynomialExtrapolation(2), RichardsonExtrapolation()]


def ansatz(seed=None, n_layers=3):
    """Return layers of RY and CNOTs; random angles with a seed, else three free ones."""
    rng = np.random.default_rng(seed)
    operations = []
    for _ in range(n_layers):
        for q in range(4):
            angle = Slot(q % 3, 1.0, 0.1 * q) if seed is None else rng.uniform(-3, 3)
            operations.append(Operation("ry", (q,), (angle,)))
        operations += [Operation("cx", pair) for pair in ((0, 1), (1, 2), (1, 3))]
    return Circuit(4, tuple(operations))


def errors(engine, rule, n_circuits=8):
    """Return the mean error of the energy without and with extrapolation, and how often it became smaller."""
    mitigated = ZeroNoiseExtrapolation(engine, extrapolation=rule)
    before, after = [], []
    for seed in range(n_circuits):
        ideal = StatevectorSimulator().objective(ansatz(seed), H2)([])
        before.append(abs(engine.objective(ansatz(seed), H2)([]) - ideal))
        after.append(abs(mitigated.objective(ansatz(seed), H2)([]) - ideal))
    return np.mean(before), np.mean(after), sum(a < b for a, b in zip(after, before, strict=True))


@needs_mitiq
@pytest.mark.parametrize(
    ("rule", "gain"), [(LINEAR[0], 3), (RichardsonExtrapolation(), 20), (ExponentialExtrapolation(), 10)]
)
def test_extrapolation_takes_most_of_a_depolarizing_error_away(rule, gain):
    before, after, n_better = errors(PauliTransferSimulator(NOISE), rule)
    assert before > 0.01, "Hartree; the noise must be visible"
    assert after < before / gain
    assert n_better == 8


@needs_mitiq
@pytest.mark.parametrize("device", ["ourense", "mumbai-median"])
def test_extrapolation_takes_most_of_the_gate_error_of_a_device_away(device):
    noise = NoiseModel.named(device).without_coupling().without_readout()
    before, after, n_better = errors(PauliTransferSimulator(noise), RichardsonExtrapolation())
    assert after < before / 4
    assert n_better >= 7


@needs_mitiq
def test_readout_error_is_not_extrapolated_away():
    noise = NoiseModel.from_numbers(readout=0.05)
    z, flip = Observable.from_terms({"Z": 1.0}), Circuit(1, (Operation("x", (0,)),))
    mitigated = ZeroNoiseExtrapolation(PauliTransferSimulator(noise)).objective(flip, z)
    assert mitigated([]) == pytest.approx(-0.9)


@needs_mitiq
@pytest.mark.parametrize("rule", LINEAR, ids=lambda rule: type(rule).__name__)
def test_noise_that_grows_like_the_rules_own_curve_vanishes(rule):
    """For small p the value is a polynomial in the scale factor up to terms of higher order."""
    p, n_gates = 1e-5, 3
    noise = NoiseModel.from_channels(depolarizing(p), depolarizing(0.0, n_qubits=2))
    circuit, z = Circuit(1, (Operation("x", (0,)),) * n_gates), Observable.from_terms({"Z": 1.0})
    mitigated = ZeroNoiseExtrapolation(PauliTransferSimulator(noise), extrapolation=rule)
    order = 1 if isinstance(rule, LinearExtrapolation) else 2
    assert mitigated.objective(circuit, z)([]) == pytest.approx(
        -1, rel=0, abs=100 * (n_gates * p) ** (order + 1) + 1e-13
    )


@needs_mitiq
def test_a_polynomial_of_no_given_degree_is_a_parabola():
    scales = [1.0, 2.0, 3.0, 5.0]
    rule = PolynomialExtrapolation()
    assert rule.n_least == 3
    parabola, cubic = [0.7 - 0.2 * s + 0.03 * s**2 for s in scales], [s**3 for s in scales]
    assert rule.extrapolate(scales, parabola, limit=0.0) == pytest.approx(0.7)
    assert abs(rule.extrapolate(scales, cubic, limit=0.0)) > 0.1


@needs_mitiq
def test_without_noise_nothing_changes():
    exact = StatevectorSimulator().objective(ansatz(), H2)
    mitigated = ZeroNoiseExtrapolation(StatevectorSimulator()).objective(ansatz(), H2)
    assert mitigated(THETA) == pytest.approx(exact(THETA), rel=0, abs=1e-11)
    np.testing.assert_allclose(mitigated.value_and_gradient(THETA)[1], exact.value_and_gradient(THETA)[1], atol=1e-10)


@needs_mitiq
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_mitigated_engines_honour_the_contracts(engine):
    mitigated = ZeroNoiseExtrapolation(engine)
    assert isinstance(mitigated, Engine)
    assert mitigated.name == f"zne-{engine.name}"
    assert mitigated.noise == NOISE
    objective = mitigated.objective(ansatz(), H2)
    assert isinstance(objective, Objective)
    assert isinstance(objective.with_shots(10, np.random.default_rng(0)), Objective)
    assert objective.n_parameters == 3
    assert (objective.shots, objective.shots_per_evaluation) == (None, 0)
    thetas = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(objective.batch(thetas), [objective(theta) for theta in thetas], rtol=0, atol=1e-12)
    assert objective.batch(thetas[:0]).shape == (0,)
    nested = ZeroNoiseExtrapolation(mitigated, (1, 3), LinearExtrapolation())
    assert nested.name == f"zne-zne-{engine.name}"


@needs_mitiq
@pytest.mark.parametrize("folding", ["global", "local"])
@pytest.mark.parametrize("rule", LINEAR, ids=lambda rule: type(rule).__name__)
def test_gradients_are_those_of_the_extrapolated_value(rule, folding):
    engine = ZeroNoiseExtrapolation(PauliTransferSimulator(NOISE), extrapolation=rule)
    if folding == "local":
        engine = ZeroNoiseExtrapolation(PauliTransferSimulator(NOISE), (1, 2, 3), rule, LocalFolding())
    objective = engine.objective(ansatz(), H2)
    value, gradient = objective.value_and_gradient(THETA)
    h = 1e-5
    difference = [(objective(THETA + h * e) - objective(THETA - h * e)) / (2 * h) for e in np.eye(3)]
    assert value == pytest.approx(objective(THETA), rel=0, abs=1e-12)
    np.testing.assert_allclose(gradient, difference, rtol=0, atol=1e-8)


@needs_mitiq
def test_costs_are_the_sums_over_the_scale_factors():
    exact = ZeroNoiseExtrapolation(PauliTransferSimulator(NOISE)).objective(ansatz(), H2)
    n_groups = exact.parts[0].plan.n_groups
    assert exact.evaluations_per_gradient == 1, "three sweeps, three energies"
    sampled = exact.with_shots(100, np.random.default_rng(0))
    assert sampled.shots == 100
    assert sampled.shots_per_evaluation == 3 * 100 * n_groups
    n_rotations = 12
    gradients = [2 * scale * n_rotations + 1 for scale in (1, 3, 5)]
    assert sampled.evaluations_per_gradient == np.ceil(sum(gradients) / 3)
    budget = exact.with_shots(ShotBudget(1000, OptimalAllocation()), np.random.default_rng(0))
    assert budget.shots_per_evaluation == 3000


@needs_mitiq
@pytest.mark.parametrize("shots", [200, ShotBudget(2000, OptimalAllocation())])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_sampled_values_are_unbiased_and_their_standard_errors_true(engine, shots):
    exact = ZeroNoiseExtrapolation(engine).objective(ansatz(), H2)
    sampled, n = exact.with_shots(shots, np.random.default_rng(2)), 800 if engine is ENGINES[0] else 30
    found = [sampled.estimate(THETA) for _ in range(n)]
    values = np.array([e.value for e in found])
    assert abs(values.mean() - exact(THETA)) < 4.5 * values.std() / np.sqrt(n)
    expected = np.sqrt(np.mean([e.standard_error**2 for e in found]))
    assert values.std(ddof=1) == pytest.approx(expected, rel=5 / np.sqrt(2 * n))
    assert {e.shots for e in found} == {sampled.shots_per_evaluation}


@needs_mitiq
def test_the_same_seed_gives_the_same_record():
    exact = ZeroNoiseExtrapolation(PauliTransferSimulator(NOISE)).objective(ansatz(), H2)

    def record(seed):
        sampled = exact.with_shots(50, np.random.default_rng(seed))
        return [sampled(THETA), *sampled.batch([THETA, THETA]), *sampled.value_and_gradient(THETA)[1]]

    assert record(1) == record(1)
    assert record(1) != record(2)


@needs_mitiq
def test_rules_that_are_not_linear_have_no_gradient_and_say_so():
    engine = ZeroNoiseExtrapolation(PauliTransferSimulator(NOISE), extrapolation=ExponentialExtrapolation())
    objective = engine.objective(ansatz(), H2)
    with pytest.raises(EngineError, match="take LinearExtrapolation"):
        objective.value_and_gradient(THETA)
    with pytest.raises(EngineError, match="no standard error"):
        objective.with_shots(100, np.random.default_rng(0)).estimate(THETA)


@needs_mitiq
def test_exponential_decay_is_extrapolated_exactly():
    noise = NoiseModel.from_channels(depolarizing(0.05), depolarizing(0.0, n_qubits=2))
    circuit = Circuit(1, (Operation("x", (0,)),) * 5)
    observable = Observable.from_terms({"Z": 1.0, "I": 0.25})
    for asymptote in (None, 0.25):
        rule = ExponentialExtrapolation(asymptote)
        engine = ZeroNoiseExtrapolation(PauliTransferSimulator(noise), (1, 3), rule)
        assert engine.objective(circuit, observable)([]) == pytest.approx(-0.75, rel=0, abs=1e-9)


@needs_mitiq
def test_wrong_settings_are_refused():
    engine = PauliTransferSimulator(NOISE)
    for scales in ((), (3, 5), (1, 1), (1, 3, 2), (1, np.inf), (1, np.nan)):
        with pytest.raises(EngineError, match="increase from 1"):
            ZeroNoiseExtrapolation(engine, scales)
    with pytest.raises(EngineError, match="PolynomialExtrapolation needs 4 scale factors"):
        ZeroNoiseExtrapolation(engine, (1, 3, 5), PolynomialExtrapolation(3))
    with pytest.raises(EngineError, match="degree of at least 1"):
        PolynomialExtrapolation(0)
    with pytest.raises(EngineError, match="wraps an engine"):
        ZeroNoiseExtrapolation("pauli-transfer")
    noisy = Circuit(1, (Operation("channel", (0,), channel=depolarizing(0.1)),))
    with pytest.raises(CircuitError, match="cannot be folded"):
        ZeroNoiseExtrapolation(engine).objective(noisy, Observable.from_terms({"Z": 1.0}))
    with pytest.raises(EngineError, match="an exact value has no standard error"):
        ZeroNoiseExtrapolation(engine).objective(ansatz(), H2).estimate(THETA)


def test_without_mitiq_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("qvar.simulators.mitigation.zero_noise.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="the extra mitigation brings: pip install"):
        ZeroNoiseExtrapolation(PauliTransferSimulator(NOISE))
