"""The training objective: values, gradients by every route, mini-batches, shots, counts."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qvar.classify.loss import CrossEntropy, Linear, SquaredError
from qvar.classify.network import Encoding, Network
from qvar.classify.readout import Majority, ObservableReadout, OneQubit, Parity, Remainder
from qvar.classify.training import TrainingData, TrainingObjective, frequencies
from qvar.classify.training_record import StopTraining, TrainingRecord
from qvar.simulators import (
    AerSimulator,
    NoiseModel,
    Observable,
    PauliTransferSimulator,
    PennyLaneSimulator,
    StatevectorSimulator,
)
from qvar.simulators.errors import ClassifierError

NOISE = NoiseModel.named("ourense").without_coupling()


def separable(n=2):
    """Data first, then weights, one of them shared by two gates and scaled."""
    x, w = ParameterVector("x", n), ParameterVector("w", 2 * n)
    circuit = QuantumCircuit(n)
    for q in range(n):
        circuit.h(q)
        circuit.rz(2 * x[q] * x[(q + 1) % n], q)
        circuit.ry(x[q] + 0.2, q)
    for q in range(n):
        circuit.ry(w[q], q)
        circuit.rz(0.5 * w[0] + w[n + q], q)
    for q in range(n - 1):
        circuit.cx(q, q + 1)
    for q in range(n):
        circuit.rx(2 * w[q], q)
    return Encoding(circuit, list(x), list(w))


def reuploading(n=2):
    x, w = ParameterVector("x", n), ParameterVector("w", 3 * n)
    circuit = QuantumCircuit(n)
    for layer in range(2):
        for q in range(n):
            circuit.ry(w[layer * n + q] * x[q] + w[2 * n + q], q)
        circuit.cz(0, n - 1)
    return Encoding(circuit, list(x), list(w))


def make(encoding, readout=None, loss=None, *, engine=None, n_classes=2, shots=None, seed=3, n_rows=7, **settings):
    rng = np.random.default_rng(seed)
    n_features = len(encoding.data)
    data = rng.uniform(-1, 1, size=(n_rows, n_features))
    network = Network.of(
        encoding,
        readout or OneQubit(),
        n_classes=n_classes,
        n_rows=n_rows,
        engine=engine,
        pass_manager=None,
        shots=shots,
    )
    model = network.model_for(rng)
    targets = np.eye(n_classes)[np.arange(n_rows) % n_classes]
    return TrainingObjective(
        model,
        network.readout,
        loss or CrossEntropy(),
        TrainingData(model.rows(data), targets, rng.uniform(0.5, 2.0, size=n_rows)),
        settings.pop("record", TrainingRecord()),
        rng,
        shots=shots,
        draws=network.draws,
        **settings,
    )


def differences(objective, weights, step=1e-5):
    return np.array(
        [(objective(weights + step * e) - objective(weights - step * e)) / (2 * step) for e in np.eye(len(weights))]
    )


OBSERVABLES = tuple(Observable.from_terms({label: 1.0}) for label in ("ZI", "IX", "ZZ"))


@pytest.mark.parametrize("encoding", [separable, reuploading])
@pytest.mark.parametrize("engine", [None, PauliTransferSimulator(NOISE)], ids=["pure", "noisy"])
@pytest.mark.parametrize(
    ("readout", "loss", "n_classes"),
    [
        (OneQubit(1), CrossEntropy(), 2),
        (Parity(), SquaredError(), 2),
        (Majority(), Linear(), 3),
        (ObservableReadout(OBSERVABLES), CrossEntropy(), 3),
        (ObservableReadout(OBSERVABLES[1:2]), SquaredError(), 2),
    ],
)
def test_gradients_are_those_of_finite_differences(encoding, engine, readout, loss, n_classes):
    objective = make(encoding(), readout, loss, engine=engine, n_classes=n_classes)
    weights = np.random.default_rng(5).normal(size=objective.n_parameters)
    value, gradient = objective.value_and_gradient(weights)
    assert value == pytest.approx(objective(weights), abs=1e-12)
    assert np.allclose(gradient, differences(objective, weights), atol=1e-7)
    assert np.allclose(objective.batch(np.array([weights, 0 * weights])), [value, objective(0 * weights)], atol=1e-12)


@pytest.mark.parametrize("encoding", [separable, reuploading])
def test_states_rows_and_shifts_give_what_pauli_vectors_give(encoding, monkeypatch):
    weights = np.random.default_rng(6).normal(size=make(encoding()).n_parameters)
    value, gradient = make(encoding(), Remainder(), n_classes=3).value_and_gradient(weights)
    engines = [AerSimulator(), PennyLaneSimulator("default.qubit")]
    monkeypatch.setattr("qvar.classify.model._MAX_STATE_BYTES", 0)  # one circuit per row from here on
    for engine in [StatevectorSimulator(), PauliTransferSimulator(), *engines]:
        objective = make(encoding(), Remainder(), n_classes=3, engine=engine)
        other_value, other_gradient = objective.value_and_gradient(weights)
        assert other_value == pytest.approx(value, abs=1e-9)
        assert np.allclose(other_gradient, gradient, atol=1e-9)
        assert objective.evaluations_per_gradient == (2 * objective.model.n_trainable + 1 if engine in engines else 1)


def test_shots_scatter_around_exact_values_with_the_variance_of_a_multinomial():
    p = np.array([0.2, 0.5, 0.3])
    drawn = frequencies(np.broadcast_to(p, (20_000, 3)), 50, np.random.default_rng(1))
    assert np.allclose(drawn.mean(axis=0), p, atol=5 * 0.5 / np.sqrt(50 * 20_000))
    assert np.allclose(drawn.var(axis=0), p * (1 - p) / 50, rtol=0.05)


def test_the_gradient_of_many_shots_approaches_the_exact_one():
    weights = np.random.default_rng(7).normal(size=4)
    exact = make(separable(), loss=SquaredError()).value_and_gradient(weights)[1]
    sampled = make(separable(), loss=SquaredError(), shots=200_000)
    assert np.allclose(sampled.value_and_gradient(weights)[1], exact, atol=0.01)
    assert not np.allclose(sampled.value_and_gradient(weights)[1], exact, atol=1e-6)
    observed = make(separable(), ObservableReadout(OBSERVABLES[:1]), SquaredError(), shots=200_000)
    exact = make(separable(), ObservableReadout(OBSERVABLES[:1]), SquaredError()).value_and_gradient(weights)[1]
    assert np.allclose(observed.value_and_gradient(weights)[1], exact, atol=0.02)


def test_circuits_shots_and_evaluations_are_counted_as_a_device_would():
    objective = make(separable(), shots=100)
    n_angles = objective.model.n_trainable
    objective(np.zeros(4))
    objective.batch(np.zeros((3, 4)))
    objective.value_and_gradient(np.zeros(4))
    cost = objective.record.cost
    evaluations = 1 + 3 + 2 * n_angles + 1
    assert (cost.evaluations, cost.gradients, cost.circuits) == (evaluations, 0, 7 * evaluations)
    assert cost.shots == 700 * evaluations
    exact = make(separable())
    exact.value_and_gradient(np.zeros(4))
    assert (exact.record.cost.evaluations, exact.record.cost.gradients) == (0, 1)
    assert exact.record.cost.circuits == 7 * (2 * n_angles + 1)


def test_training_stops_before_the_limit_of_circuits_is_exceeded():
    objective = make(separable(), record=TrainingRecord(max_circuits=20))
    objective(np.zeros(4))
    objective(np.zeros(4))
    with pytest.raises(StopTraining):
        objective(np.zeros(4))
    assert objective.record.cost.circuits == 14


def test_mini_batches_visit_every_row_once_per_epoch_and_change_after_whole_steps():
    objective = make(separable(), batch_size=3, calls_per_step=2, n_rows=7)
    seen = []
    for _ in range(3):
        seen.append(objective._chosen)
        objective(np.zeros(4))
        assert (objective._chosen == seen[-1]).all()  # the second call of a pair sees the same rows
        objective(np.zeros(4))
    assert sorted(np.concatenate(seen)) == list(range(7))


def test_a_mean_over_mini_batches_of_an_epoch_is_the_loss_of_all_rows():
    everything, parts = make(separable(), seed=9), make(separable(), seed=9, batch_size=3)
    weights = np.ones(4)
    total = 0.0
    for _ in range(3):
        share = len(parts._batch) / len(parts.data)
        total += share * parts.value_and_gradient(weights)[0]
    assert total == pytest.approx(everything(weights), abs=1e-12)


def test_callbacks_see_a_step_per_gradient_per_pair_or_per_evaluation():
    for calls, asked, expected in ((1, "value_and_gradient", 4), (2, "__call__", 2), (None, "__call__", 4)):
        steps = []
        objective = make(separable(), calls_per_step=calls, record=TrainingRecord(on_step=steps.append))
        for _ in range(4):
            getattr(objective, asked)(np.zeros(4))
        assert [step.step for step in steps] == list(range(1, expected + 1))
        assert 0 <= steps[0].accuracy <= 1
    pair = []
    objective = make(separable(), calls_per_step=2, record=TrainingRecord(on_step=pair.append))
    values = [objective(np.full(4, 1.0)), objective(np.full(4, 3.0))]
    assert pair[0].loss == pytest.approx(np.mean(values))
    assert (pair[0].weights == 2.0).all()


def test_a_callback_that_returns_something_true_ends_training():
    objective = make(separable(), record=TrainingRecord(on_step=lambda step: step.step == 2))
    objective.value_and_gradient(np.zeros(4))
    with pytest.raises(StopTraining):
        objective.value_and_gradient(np.zeros(4))


def test_wrong_weights_are_refused():
    objective = make(separable())
    for wrong in (np.zeros(3), np.full(4, np.nan)):
        with pytest.raises(ClassifierError, match="4 finite weights"):
            objective(wrong)
