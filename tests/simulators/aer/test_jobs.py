"""Many circuits in one Aer job, and the part of the noise model that a job carries."""

import numpy as np
import pytest
from qiskit_aer import AerSimulator as QiskitAer
from qiskit_ibm_runtime import fake_provider

from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    OptimalAllocation,
    PauliTransferSimulator,
    PilotAllocation,
    ShotBudget,
    Slot,
    WeightAllocation,
)
from qvar.simulators.aer.noise import TrimmedNoise
from qvar.simulators.errors import EngineError
from tests.simulators import oracle

NOISE = NoiseModel.named("ourense").without_coupling()


def points(seed=0, n=6):
    """Return circuits of several sizes, with and without angles, and several points each."""
    rng = np.random.default_rng(seed)
    result = []
    for k in range(n):
        n_qubits = 1 + k % 3
        pairs = [(0, 1), (1, 2)][: n_qubits - 1]
        circuit = oracle.random_circuit(rng, n_qubits, 12, gates=["rx", "ry", "rz", "cx"], pairs=pairs, free=k % 2)
        thetas = rng.uniform(-3, 3, size=(1 + k % 3, circuit.n_parameters))
        result.append((circuit, oracle.random_observable(rng, n_qubits), thetas))
    return result


class Counting:
    """Count the jobs that an engine submits."""

    def __init__(self, engine, monkeypatch):
        self.jobs = 0
        submit = engine._backend.run

        def run(*args, **kwargs):
            self.jobs += 1
            return submit(*args, **kwargs)

        monkeypatch.setattr(engine._backend, "run", run)


def test_many_circuits_are_evaluated_exactly_in_one_job(monkeypatch):
    engine = AerSimulator(NOISE)
    counting = Counting(engine, monkeypatch)
    energies = engine.evaluate(points())
    assert counting.jobs == 1
    for (circuit, observable, thetas), found in zip(points(), energies, strict=True):
        expected = PauliTransferSimulator(NOISE).objective(circuit, observable).batch(thetas)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_many_circuits_are_sampled_in_one_job(monkeypatch):
    engine = AerSimulator(NOISE)
    counting = Counting(engine, monkeypatch)
    energies = engine.evaluate(points(), shots=2000, rng=np.random.default_rng(1))
    assert counting.jobs == 1
    for (circuit, observable, thetas), found in zip(points(), energies, strict=True):
        exact = PauliTransferSimulator(NOISE).objective(circuit, observable)
        sampled = exact.with_shots(2000, np.random.default_rng(0))
        errors = [sampled.exact_standard_error(theta) for theta in thetas]
        assert (np.abs(found - exact.batch(thetas)) < 5 * np.array(errors) + 1e-12).all()


def test_all_groups_and_points_of_one_objective_take_one_job(monkeypatch):
    engine = AerSimulator(NOISE)
    circuit, observable, _ = points()[5]
    sampled = engine.objective(circuit, observable).with_shots(50, np.random.default_rng(0))
    assert sampled.groups.n_groups > 1
    counting = Counting(engine, monkeypatch)
    sampled.batch(np.zeros((4, circuit.n_parameters)))
    assert counting.jobs == 1


@pytest.mark.parametrize("method", ["density_matrix", "statevector"])
def test_the_generator_decides_what_a_job_gives(method):
    engine = AerSimulator(NOISE, method=method)

    def record(seed):
        rng = np.random.default_rng(seed)
        return np.concatenate(
            engine.evaluate(points(), shots=30, rng=rng) + engine.evaluate(points(), shots=30, rng=rng)
        )

    np.testing.assert_array_equal(record(1), record(1))
    assert (record(1) != record(2)).any()
    first, second = np.split(record(1), 2)
    assert (first != second).any(), "consecutive jobs must not repeat"


def test_equal_circuits_of_a_job_are_sampled_independently():
    plus = Circuit(1, (Operation("h", (0,)),))
    x = Observable.from_terms({"Z": 1.0})
    energies = AerSimulator().evaluate([(plus, x, [[]])] * 400, shots=25, rng=np.random.default_rng(3))
    values = np.concatenate(energies)
    assert values.var() == pytest.approx(1 / 25, rel=0.3)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.2


@pytest.mark.parametrize("allocation", [WeightAllocation(), OptimalAllocation(), PilotAllocation(0.2)])
def test_budgets_work_for_many_circuits(allocation):
    engine, budget = AerSimulator(NOISE), ShotBudget(3000, allocation)
    energies = engine.evaluate(points(), shots=budget, rng=np.random.default_rng(2))
    for (circuit, observable, thetas), found in zip(points(), energies, strict=True):
        exact = PauliTransferSimulator(NOISE).objective(circuit, observable)
        sampled = exact.with_shots(ShotBudget(3000), np.random.default_rng(0))
        errors = [sampled.exact_standard_error(theta) for theta in thetas]
        assert (np.abs(found - exact.batch(thetas)) < 6 * np.array(errors) + 1e-12).all()


def test_nothing_to_evaluate_is_no_job():
    engine = AerSimulator(NOISE)
    assert engine.evaluate([]) == []
    assert engine.evaluate([], shots=10, rng=np.random.default_rng(0)) == []
    circuit, observable = Circuit(1, (Operation("rx", (0,), (Slot(0),)),)), Observable.from_terms({"I": 2.0})
    rng = np.random.default_rng(0)
    assert engine.evaluate([(circuit, observable, np.zeros((0, 1)))])[0].shape == (0,)
    assert engine.evaluate([(circuit, observable, np.zeros((2, 1)))], shots=10, rng=rng)[0].tolist() == [2.0, 2.0]


def test_shots_without_a_generator_are_refused():
    with pytest.raises(EngineError, match="shots need a generator"):
        AerSimulator().evaluate([], shots=10)


def test_failures_of_aer_carry_its_reason(monkeypatch):
    monkeypatch.setattr("qvar.simulators.aer.engine.check_memory", lambda *_, **__: None)  # which would refuse first
    with pytest.raises(EngineError, match=r"Qiskit Aer failed: .*[Ii]nsufficient memory"):
        AerSimulator(method="statevector").objective(Circuit(40), Observable.from_terms({"Z" * 40: 1.0}))([])


def test_a_job_carries_the_noise_of_its_gates_and_qubits_only():
    noise = NoiseModel.from_backend(fake_provider.FakeJakartaV2())
    circuit = Circuit(3, (Operation("sx", (1,)), Operation("cx", (1, 2)), Operation("rz", (0,), (0.3,))))
    trimmed = TrimmedNoise(noise, pauli_only=False)
    model = trimmed.model([circuit])
    held = {(gate, qubits) for gate, errors in model._local_quantum_errors.items() for qubits in errors}
    assert held == {("sx", (1,)), ("cx", (1, 2))}, "rz is noiseless"
    assert set(model._local_readout_errors) == {(0,), (1,), (2,)}
    assert model._default_quantum_errors == {}
    assert trimmed.model([circuit]) is model, "the latest models are kept"


def test_trimmed_noise_gives_the_energies_of_the_whole_model():
    noise = NoiseModel.from_backend(fake_provider.FakeJakartaV2())
    rng = np.random.default_rng(0)
    circuit = oracle.random_circuit(rng, 3, 20, gates=["sx", "rz", "cx"], pairs=[(0, 1), (1, 2)], free=0)
    observable = oracle.random_observable(rng, 3)
    whole = circuit.to_qiskit()
    whole.save_expectation_value(observable.to_qiskit(), range(3))
    backend = QiskitAer(method="density_matrix", noise_model=noise.to_aer())
    expected = backend.run(whole).result().data()["expectation_value"]
    ours = AerSimulator(noise.without_readout()).objective(circuit, observable)([])
    assert ours == pytest.approx(expected, rel=0, abs=1e-10)


def test_only_the_latest_noise_models_are_kept():
    trimmed = TrimmedNoise(NoiseModel.from_numbers(p1=0.1), pauli_only=False)
    for q in range(40):
        trimmed.model([Circuit(40, (Operation("x", (q,)),))])
    assert len(trimmed._models) <= 16
