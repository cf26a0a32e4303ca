"""VQE: one fixed circuit from several starts, judged and counted honestly."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.optimizers import AdamSPSA, Cobyla
from qvar.problems import molecule
from qvar.search import ansatz, vqe
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.errors import EngineError, RunError

H2 = molecule("h2-2")
CIRCUIT = ansatz("efficient_su2", 2, reps=1)
IDEAL = StatevectorSimulator()


def test_hydrogen_on_two_qubits_reaches_chemical_accuracy():
    result = vqe(H2, CIRCUIT, IDEAL, starts=3)
    assert result.is_chemically_accurate
    assert result.error < 1e-6
    assert result.energy >= H2.exact_energy - 1e-10
    assert result.energy == result.noiseless_energy


def test_negative_control_a_circuit_without_entanglement_does_not():
    product = Circuit(2, tuple(Operation("ry", (q,), (Slot(q),)) for q in range(2)))
    result = vqe(H2, product, IDEAL, starts=5)
    assert not result.is_chemically_accurate
    assert result.noiseless_energy == pytest.approx(H2.hartree_fock_energy, abs=1e-6)


def test_the_history_has_one_record_per_start_and_the_best_one_counts():
    result = vqe(H2, CIRCUIT, IDEAL, optimizer=Cobyla(max_evaluations=12), starts=6)
    assert [record["start"] for record in result.history] == [1, 2, 3, 4, 5, 6]
    energies = [record["energy"] for record in result.history]
    assert len(set(energies)) == 6
    assert result.energy == pytest.approx(min(energies), abs=1e-12)
    for record in result.history:
        assert record["error"] == pytest.approx(record["energy"] - H2.exact_energy, abs=1e-12)


def test_more_starts_begin_with_the_same_ones():
    few, many = (vqe(H2, CIRCUIT, IDEAL, optimizer=Cobyla(max_evaluations=12), starts=n) for n in (2, 4))
    assert many.history[:2] == few.history
    assert many.energy <= few.energy


def test_the_same_seed_gives_the_same_result_and_another_seed_another():
    options = {"optimizer": AdamSPSA(max_evaluations=20), "shots": 40, "starts": 2}
    first, again, other = (vqe(H2, CIRCUIT, IDEAL, seed=seed, **options) for seed in (1, 1, 2))
    assert first.history == again.history
    assert first.parameters.tolist() == again.parameters.tolist()
    assert first.history != other.history


def test_energies_are_re_evaluated_exactly_with_and_without_noise():
    noise = NoiseModel.named("ourense")
    result = vqe(H2, CIRCUIT, PauliTransferSimulator(noise), optimizer=AdamSPSA(60), shots=100, starts=2)
    bound = Circuit.from_qasm(result.to_dict()["qasm"])
    noisy = AerSimulator(noise).objective(bound, H2.observable)([])
    assert result.energy == pytest.approx(noisy, abs=1e-8)
    assert result.noiseless_energy == pytest.approx(AerSimulator().objective(bound, H2.observable)([]), abs=1e-8)
    assert result.error == abs(result.noiseless_energy - H2.exact_energy)
    assert min(record["energy"] for record in result.history) != result.energy


@pytest.mark.parametrize("shots", [None, 25])
@pytest.mark.parametrize("optimizer", [None, Cobyla(20), AdamSPSA(20)], ids=["default", "cobyla", "spsa"])
def test_costs_are_what_the_engine_was_really_asked_for(counting_engine, shots, optimizer):
    engine = counting_engine(IDEAL)
    result = vqe(H2, CIRCUIT, engine, optimizer=optimizer, shots=shots, starts=3)
    cost = result.cost
    assert cost.steps == 3
    for name in ("evaluations", "gradients", "shots"):
        assert getattr(cost, name) == sum(record[name] for record in result.history)
    assert engine.count == replace(
        engine.count, evaluations=cost.evaluations + 1, gradients=cost.gradients, shots=cost.shots
    )
    assert (cost.shots > 0) == (shots is not None)


def test_a_circuit_without_free_angles_is_evaluated_as_it_is():
    fixed = Circuit(2, (Operation("x", (0,)),))
    result = vqe(H2, fixed, IDEAL, starts=1)
    assert result.energy == IDEAL.objective(fixed, H2.observable)([])
    assert result.parameters.shape == (0,)


def test_starts_cover_the_circle(monkeypatch):
    starts = []

    class Recorder(Cobyla):
        def minimize(self, objective, start, rng):
            starts.append(np.array(start))
            return super().minimize(objective, start, rng)

    vqe(H2, CIRCUIT, IDEAL, optimizer=Recorder(0), starts=60)
    angles = np.concatenate(starts)
    assert np.abs(angles).max() <= np.pi
    assert np.histogram(angles, bins=4, range=(-np.pi, np.pi))[0].min() > 60


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"starts": 0}, RunError, "starts must be at least 1, got 0"),
        ({"seed": -1}, RunError, "seed must be at least 0, got -1"),
        ({"shots": 0}, EngineError, "shots must be a whole number >= 1, got 0"),
        ({"shots": -3}, EngineError, "shots"),
    ],
)
def test_wrong_calls_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        vqe(H2, CIRCUIT, IDEAL, **options)


def test_a_circuit_of_another_size_is_refused():
    with pytest.raises(EngineError, match="3 qubit"):
        vqe(H2, ansatz("efficient_su2", 3), IDEAL)
