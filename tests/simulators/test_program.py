"""Lowering: structured noise and dense matrices compute the same, and each gate is lowered once."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, Slot, pauli_transfer
from qvar.simulators.channels import depolarizing, thermal_relaxation
from qvar.simulators.kernels.layout import CX, DENSE, FIXED, IN_SIZE, RX, RY, RZ
from qvar.simulators.pictures import PAULI_TRANSFER
from qvar.simulators.program import Lowering
from tests.simulators import oracle


def structured_noise():
    """Device-like noise: every channel has a short record."""
    first, second = thermal_relaxation(0.02, 0.03, excited_population=0.1), thermal_relaxation(0.01, 0.006)
    pair = depolarizing(0.02, n_qubits=2).then(first.tensor(second))
    return NoiseModel.from_channels(depolarizing(0.01).then(first), pair)


def rotations_and_cx(rng, n_qubits):
    return oracle.random_circuit(rng, n_qubits, 40, gates=["rx", "ry", "rz", "p", "u", "cx"])


@pytest.mark.parametrize("n_qubits", [2, 4])
def test_noise_records_and_dense_matrices_give_equal_energies_and_gradients(n_qubits, monkeypatch):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = rotations_and_cx(rng, n_qubits), oracle.random_observable(rng, n_qubits)
    theta, noise = oracle.random_angles(rng, circuit), structured_noise()
    fused = PauliTransferSimulator(noise).objective(circuit, observable)
    assert opcodes(Lowering(noise, PAULI_TRANSFER), circuit) <= {RX, RY, RZ, CX}
    without_records = replace(PAULI_TRANSFER, records=lambda channel: None)
    monkeypatch.setattr(pauli_transfer, "PAULI_TRANSFER", without_records)
    assert {FIXED, DENSE} <= opcodes(Lowering(noise, without_records), circuit)
    dense = PauliTransferSimulator(noise).objective(circuit, observable)
    assert fused(theta) == pytest.approx(dense(theta), rel=0, abs=1e-13)
    value, gradient = fused.value_and_gradient(theta)
    dense_value, dense_gradient = dense.value_and_gradient(theta)
    assert value == pytest.approx(dense_value, rel=0, abs=1e-13)
    np.testing.assert_allclose(gradient, dense_gradient, rtol=0, atol=1e-13)


def opcodes(lowering, circuit):
    return set(lowering.steps(circuit).steps[::IN_SIZE].tolist())


def test_channels_without_structure_fall_back_on_dense_matrices():
    rng = np.random.default_rng(0)
    channel = oracle.Channel.from_kraus(oracle.random_kraus(rng, 2))
    noise = NoiseModel("n", default={"cx": channel}, strict=False)
    circuit = Circuit(2, (Operation("cx", (0, 1)),))
    assert opcodes(Lowering(noise, PAULI_TRANSFER), circuit) == {DENSE}
    strong = NoiseModel("n", default={"cx": depolarizing(1.0, n_qubits=2)}, strict=False)
    assert opcodes(Lowering(strong, PAULI_TRANSFER), circuit) == {DENSE}


@pytest.mark.parametrize(
    "channel",
    [
        depolarizing(0.1).tensor(depolarizing(0.3)),
        depolarizing(0.1, n_qubits=2),
        depolarizing(0.1, n_qubits=2).then(thermal_relaxation(0.3, 0.2).tensor(thermal_relaxation(0.1, 0.3))),
        thermal_relaxation(0.3, 0.2).tensor(thermal_relaxation(0.1, 0.3)).then(depolarizing(0.1, n_qubits=2)),
        thermal_relaxation(0.3, 0.2).tensor(depolarizing(0.0)),
    ],
    ids=["separate", "joint", "joint then relaxation", "relaxation then joint", "one idle"],
)
def test_two_qubit_noise_is_right_whether_or_not_it_has_a_record(channel):
    noise = oracle.Noise()
    noise.add("cx", (1, 0), channel, channel.kraus())
    turns = [Operation("u", (q,), (0.4, 0.3 + q, 0.2)) for q in (0, 1)]
    circuit = Circuit(2, (*turns, Operation("cx", (1, 0)), *turns))
    observable = oracle.random_observable(np.random.default_rng(1), 2, 12)
    expected = oracle.energy(circuit, observable, kraus=noise.kraus)
    energy = PauliTransferSimulator(noise.model()).objective(circuit, observable)([])
    assert energy == pytest.approx(expected, rel=0, abs=1e-13)


def test_each_gate_is_lowered_once_per_engine(monkeypatch):
    asked, expand = [], Lowering._expand

    def counting(self, gate, qubits, channel):
        asked.append((gate, qubits))
        return expand(self, gate, qubits, channel)

    monkeypatch.setattr(Lowering, "_expand", counting)
    engine, z = PauliTransferSimulator(structured_noise()), Observable.from_terms({"ZZ": 1.0})
    first = Circuit(2, (Operation("rx", (0,), (Slot(0),)), Operation("rx", (0,), (0.3,)), Operation("cx", (0, 1))))
    engine.objective(first, z)
    assert asked == [("rx", (0,)), ("cx", (0, 1))]
    later = engine.objective(Circuit(2, tuple(reversed(first.operations))), z)
    assert len(asked) == 2
    engine.objective(first.then([Operation("rx", (1,), (0.1,))]), z)
    assert asked[2:] == [("rx", (1,))]
    assert later([0.2]) == engine.objective(Circuit(2, tuple(reversed(first.operations))), z)([0.2])


def test_equal_channels_share_their_numbers():
    lowering = Lowering(structured_noise(), PAULI_TRANSFER)
    gates = tuple(Operation("rx", (q,), (0.1,)) for q in range(4)) + tuple(
        Operation("cx", (a, b)) for a in range(4) for b in range(4) if a != b
    )
    lowered = lowering.steps(Circuit(4, gates))
    assert len(lowered.constants) == 4 + 7
    assert lowering.steps(Circuit(4, gates)).constants is lowered.constants


def test_an_old_objective_stays_right_after_its_engine_has_seen_new_gates():
    rng = np.random.default_rng(5)
    engine = PauliTransferSimulator(structured_noise())
    circuit, observable = rotations_and_cx(rng, 3), oracle.random_observable(rng, 3)
    theta = oracle.random_angles(rng, circuit)
    old = engine.objective(circuit, observable)
    before = old(theta)
    for _ in range(5):
        engine.objective(oracle.random_circuit(rng, 3, 20), observable)
    assert old(theta) == before
    assert engine.objective(circuit, observable)(theta) == before
