"""Channels that a circuit holds itself, beside those of a noise model."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Kraus, SuperOp

from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
    amplitude_damping,
    depolarizing,
)
from qvar.simulators.errors import CircuitError, EngineError

OBSERVABLE = Observable.from_terms({"ZZ": 1.0, "XI": 0.5, "YX": -0.3})


def with_channel(gamma: float = 0.3) -> Circuit:
    return Circuit(
        2,
        (
            Operation("ry", (0,), (Slot(0),)),
            Operation("cx", (0, 1)),
            Operation("channel", (1,), channel=amplitude_damping(gamma)),
            Operation("channel", (1, 0), channel=amplitude_damping(0.2).tensor(depolarizing(0.1))),
            Operation("rx", (1,), (Slot(1),)),
        ),
    )


@pytest.mark.parametrize("noise", [None, NoiseModel.from_numbers(p1=0.01, p2=0.05)])
def test_channels_act_as_in_aer_and_get_no_noise_of_their_own(noise):
    theta = [0.7, -1.1]
    ours = PauliTransferSimulator(noise).objective(with_channel(), OBSERVABLE)
    assert ours(theta) == pytest.approx(AerSimulator(noise).objective(with_channel(), OBSERVABLE)(theta), abs=1e-10)
    gradient = ours.value_and_gradient(theta)[1]
    h = 1e-5
    difference = [(ours(theta + h * e) - ours(theta - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(gradient, difference, atol=1e-8)


def test_channels_survive_binding_and_qiskit():
    circuit = with_channel()
    assert [o.gate for o in circuit.bind([0.1, 0.2]).operations] == [o.gate for o in circuit.operations]
    back = Circuit.from_qiskit(circuit.to_qiskit())
    for ours, theirs in zip(circuit.operations, back.operations, strict=True):
        if ours.channel is not None:
            np.testing.assert_allclose(ours.channel.ptm, theirs.channel.ptm, atol=1e-14)


def test_qiskit_superoperators_are_read():
    qiskit = QuantumCircuit(1)
    qiskit.append(SuperOp(Kraus(list(amplitude_damping(0.4).kraus()))).to_instruction(), [0])
    (operation,) = Circuit.from_qiskit(qiskit).operations
    np.testing.assert_allclose(operation.channel.ptm, amplitude_damping(0.4).ptm, atol=1e-14)


def test_channels_count_in_the_key_of_a_circuit():
    assert with_channel(0.3).key() == with_channel(0.3).key()
    assert with_channel(0.3).key() != with_channel(0.3001).key()


def test_what_cannot_hold_a_channel_says_so():
    with pytest.raises(EngineError, match="PauliTransferSimulator"):
        StatevectorSimulator().objective(with_channel(), OBSERVABLE)
    with pytest.raises(CircuitError, match="OpenQASM"):
        with_channel().to_qasm()
    with pytest.raises(CircuitError, match="takes a Channel"):
        Operation("channel", (0,))
    with pytest.raises(CircuitError, match="takes a Channel"):
        Operation("x", (0,), channel=depolarizing(0.1))
