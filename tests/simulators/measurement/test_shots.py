"""Shot noise: estimates are unbiased and scatter exactly as much as measuring commuting groups together implies."""

import itertools

import numpy as np
import pytest
from scipy.stats import chi2

from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.channels import depolarizing
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.plan import MeasurementPlan
from tests.simulators import oracle

# Groups that can be measured together, by hand; the identity needs no measurement.
GROUPS = [{"ZZ": 1.0, "ZI": -0.6, "IZ": 0.4}, {"XX": 0.5, "XI": 0.3}, {"YY": -0.25}]
OBSERVABLE = Observable.from_terms({"II": 0.7} | GROUPS[0] | GROUPS[1] | GROUPS[2])
CIRCUIT = Circuit(
    2,
    (
        Operation("ry", (0,), (Slot(0),)),
        Operation("rx", (1,), (Slot(1),)),
        Operation("cx", (0, 1)),
        Operation("rx", (0,), (Slot(0, 0.5, 0.2),)),
        Operation("u", (1,), (Slot(1), 0.4, 0.9)),
    ),
)
THETA = np.array([0.7, 1.9])
READOUT = ReadoutError(0.03, 0.08)
NOISY = NoiseModel.from_channels(depolarizing(0.1), depolarizing(0.1, n_qubits=2), readout=READOUT)
SHOTS = 60


def expected_moments(*, noisy):
    """Return mean and variance from the density matrix: Var = sum_g sum_ij c_i c_j (<P_i P_j> - <P_i><P_j>) / n."""
    kraus = {1: oracle.kraus_depolarizing(0.1), 2: oracle.kraus_depolarizing(0.1, 2)}
    rho = oracle.density_matrix(CIRCUIT, THETA, (lambda _, qubits: kraus[len(qubits)]) if noisy else None)
    readout = [READOUT] * 2 if noisy else []

    def value(label):
        return oracle.measured_string(rho, label, readout)

    def product(a, b):
        return "".join("I" if x == y else x if y == "I" else y for x, y in zip(a, b, strict=True))

    variance = sum(
        a * b * (value(product(p, q)) - value(p) * value(q))
        for group in GROUPS
        for p, a in group.items()
        for q, b in group.items()
    )
    return 0.7 + sum(c * value(label) for group in GROUPS for label, c in group.items()), variance / SHOTS


SAMPLERS = {
    "pauli-transfer, noisy": (PauliTransferSimulator(NOISY), True, 4000),
    "pauli-transfer, ideal": (PauliTransferSimulator(), False, 4000),
    "state vector, ideal": (StatevectorSimulator(), False, 4000),
    "aer, noisy": (AerSimulator(NOISY), True, 600),
    "aer, ideal": (AerSimulator(method="statevector"), False, 600),
}


@pytest.mark.parametrize(("engine", "noisy", "n"), SAMPLERS.values(), ids=SAMPLERS)
def test_estimates_are_unbiased_and_have_the_variance_of_measured_groups(engine, noisy, n):
    objective = engine.objective(CIRCUIT, OBSERVABLE).with_shots(SHOTS, np.random.default_rng(17))
    samples = objective.batch(np.tile(THETA, (n, 1)))
    mean, variance = expected_moments(noisy=noisy)
    assert abs(samples.mean() - mean) < 4.5 * np.sqrt(variance / n)
    low, high = chi2.ppf([1e-5, 1 - 1e-5], n - 1) / (n - 1)
    assert low < samples.var(ddof=1) / variance < high


def test_the_variance_bound_notices_terms_treated_as_if_measured_separately():
    _, together = expected_moments(noisy=True)
    rho = oracle.density_matrix(CIRCUIT, THETA)
    separate = sum(c**2 * (1 - oracle.measured_string(rho, p) ** 2) for group in GROUPS for p, c in group.items())
    low, high = chi2.ppf([1e-5, 1 - 1e-5], 599) / 599
    assert not low < separate / SHOTS / together < high


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), StatevectorSimulator(), AerSimulator()])
@pytest.mark.parametrize(("gates", "label", "value"), [((), "Z", 1), (("x",), "Z", -1), (("h",), "X", 1)])
def test_eigenstates_have_no_shot_noise(engine, gates, label, value):
    circuit = Circuit(1, tuple(Operation(gate, (0,)) for gate in gates))
    objective = engine.objective(circuit, Observable.from_terms({label: 2.0, "I": 0.25}))
    sampled = objective.with_shots(5, np.random.default_rng(0))
    np.testing.assert_allclose(sampled.batch(np.zeros((20, 0))), 2 * value + 0.25, rtol=0, atol=1e-14)


@pytest.mark.parametrize("engine", [PauliTransferSimulator, AerSimulator])
@pytest.mark.parametrize(("letter", "gates"), [("X", ("h",)), ("Y", ("h", "s"))])
def test_turning_to_the_measured_basis_is_free_of_gate_noise(engine, letter, gates):
    ruinous = NoiseModel("n", default=dict.fromkeys(("rx", "ry", "rz", "u"), depolarizing(1.0)), strict=False)
    circuit = Circuit(1, tuple(Operation(gate, (0,)) for gate in gates))
    objective = engine(ruinous).objective(circuit, Observable.from_terms({letter: 1.0}))
    assert objective([]) == pytest.approx(1)
    assert objective.with_shots(20, np.random.default_rng(0))([]) == 1


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), StatevectorSimulator(), AerSimulator()])
def test_the_identity_is_known_without_measuring(engine):
    objective = engine.objective(CIRCUIT, Observable.from_terms({"II": -1.5}))
    sampled = objective.with_shots(10, np.random.default_rng(0))
    assert sampled(THETA) == -1.5
    assert sampled.shots_per_evaluation == 0


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISY), StatevectorSimulator(), AerSimulator(NOISY)])
def test_shots_are_counted_per_measured_group(engine):
    exact = engine.objective(CIRCUIT, OBSERVABLE)
    sampled = exact.with_shots(SHOTS, np.random.default_rng(0))
    assert exact.shots_per_evaluation == 0
    assert sampled.shots_per_evaluation == 3 * SHOTS
    assert sampled.with_shots(10, np.random.default_rng(0)).shots_per_evaluation == 30
    assert sampled.evaluations_per_gradient == 2 * 4 + 1


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISY), StatevectorSimulator(), AerSimulator(NOISY)])
def test_the_same_seed_gives_the_same_record_and_another_seed_another(engine):
    def record(seed):
        objective = engine.objective(CIRCUIT, OBSERVABLE).with_shots(SHOTS, np.random.default_rng(seed))
        return [
            objective(THETA),
            objective(THETA),
            *objective.batch([THETA, THETA]),
            *objective.value_and_gradient(THETA)[1],
        ]

    assert record(1) == record(1)
    assert record(1) != record(2)
    assert len(set(record(1)[:4])) > 1, "consecutive estimates must not repeat"


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISY), AerSimulator(NOISY)])
def test_circuits_without_angles_are_sampled_afresh_in_a_batch(engine):
    objective = engine.objective(CIRCUIT.bind(THETA), OBSERVABLE).with_shots(SHOTS, np.random.default_rng(3))
    assert len(set(objective.batch(np.zeros((6, 0))))) > 3


def test_sampled_gradients_are_unbiased():
    exact = PauliTransferSimulator(NOISY).objective(CIRCUIT, OBSERVABLE)
    sampled = exact.with_shots(SHOTS, np.random.default_rng(8))
    gradients = np.array([sampled.value_and_gradient(THETA)[1] for _ in range(400)])
    error = gradients.std(axis=0, ddof=1) / np.sqrt(len(gradients))
    assert (error > 0).all()
    assert (np.abs(gradients.mean(axis=0) - exact.value_and_gradient(THETA)[1]) < 4.5 * error).all()


@pytest.mark.parametrize("free", [0, 1, 2])
def test_sampled_gradients_have_an_entry_for_every_angle_however_few(free):
    """cos a cos b at angles where shots leave no doubt: the slopes are as steep as can be or nothing."""
    angles = [Slot(0) if free else np.pi / 2, Slot(1) if free > 1 else 0.0]
    circuit = Circuit(1, (Operation("ry", (0,), angles[:1]), Operation("rx", (0,), angles[1:])))
    exact = StatevectorSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
    _, gradient = exact.with_shots(10, np.random.default_rng(0)).value_and_gradient([np.pi / 2, 0.0][:free])
    assert gradient.shape == (free,)
    assert gradient[:1] == pytest.approx([-1.0][:free])


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), AerSimulator()])
@pytest.mark.parametrize("shots", [0, -5, 2.5, True])
def test_impossible_numbers_of_shots_are_refused(engine, shots):
    with pytest.raises(EngineError, match="shots must be a whole number >= 1"):
        engine.objective(CIRCUIT, OBSERVABLE).with_shots(shots, np.random.default_rng(0))


def test_a_plan_measures_every_term_in_a_basis_that_reads_it():
    observable = oracle.random_observable(np.random.default_rng(4), 3, 20)
    plan = MeasurementPlan.of(observable)
    assert plan.n_groups < len(observable.labels)
    assert plan.constant == observable.identity_coefficient
    for digits in observable.digits[[bool(row.any()) for row in observable.digits]]:
        assert any(((digits == 0) | (digits == basis)).all() for basis in plan.bases)


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISY), StatevectorSimulator()])
def test_outcome_probabilities_reproduce_the_exact_value(engine):
    objective = engine.objective(CIRCUIT, OBSERVABLE)
    probabilities = objective.probabilities(THETA)  # asked for first, before any shots
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-14)
    value = objective.plan.constant + (probabilities * objective.plan.values).sum()
    assert value == pytest.approx(objective(THETA), rel=0, abs=1e-13)


@pytest.mark.parametrize("engine", [PauliTransferSimulator(), StatevectorSimulator()])
def test_outcomes_have_the_probabilities_of_the_projectors_of_every_basis(engine):
    letters = {1: [[0, 1], [1, 0]], 2: [[0, -1j], [1j, 0]], 3: [[1, 0], [0, -1]]}
    rho = oracle.density_matrix(CIRCUIT, THETA)
    for first, second in itertools.product("XYZ", repeat=2):
        objective = engine.objective(CIRCUIT, Observable.from_terms({second + first: 1.0}))
        (basis,), (found,) = objective.plan.bases, objective.probabilities(THETA)
        for outcome in range(4):
            signs = [1 - 2 * (outcome & 1), 1 - 2 * (outcome >> 1)]
            low, high = (
                (np.eye(2) + sign * np.array(letters[int(k)])) / 2 for k, sign in zip(basis, signs, strict=True)
            )
            assert found[outcome] == pytest.approx(np.trace(np.kron(high, low) @ rho).real, rel=0, abs=1e-12)


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISY), StatevectorSimulator()])
def test_the_square_of_a_standard_error_is_unbiased_even_for_few_shots(engine):
    n = 800
    objective = engine.objective(CIRCUIT, OBSERVABLE).with_shots(3, np.random.default_rng(5))
    squares = np.array([objective.estimate(THETA).standard_error ** 2 for _ in range(n)])
    _, variance = expected_moments(noisy=engine.noise is not None)
    assert squares.mean() == pytest.approx(variance * SHOTS / 3, abs=4.5 * squares.std() / np.sqrt(n))
    assert squares.std() / np.sqrt(n) < 0.05 * squares.mean(), "else the test would notice nothing"
