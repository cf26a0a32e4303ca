"""The comparison with the oracle must notice small mistakes; here they are made on purpose."""

import numpy as np
import pytest

from qvar.simulators import Circuit, NoiseModel, Operation, PauliTransferSimulator
from qvar.simulators.channels import depolarizing, thermal_relaxation
from tests.simulators import oracle

RNG_SEED = 11
TAU1, TAU2, P = 0.02, 0.03, 5e-3


def circuit_with(pair):
    rng = np.random.default_rng(RNG_SEED)
    turns = [Operation("u", (q,), tuple(rng.uniform(0.3, 1.2, size=3))) for q in range(3)]
    return Circuit(3, (*turns, Operation("cx", pair), *turns, Operation("cx", pair)))


def reversed_qubits(circuit):
    last = circuit.n_qubits - 1
    moved = (Operation(o.gate, tuple(last - q for q in o.qubits), o.parameters) for o in circuit.operations)
    return Circuit(circuit.n_qubits, tuple(moved))


def noise_model(p=P, *, relaxation_first=False):
    depolarize, relax = depolarizing(p), thermal_relaxation(TAU1, TAU2)
    one = relax.then(depolarize) if relaxation_first else depolarize.then(relax)
    return NoiseModel.from_channels(one, one.tensor(one))


def oracle_energy(circuit, observable):
    one = oracle.compose(oracle.kraus_depolarizing(P), oracle.kraus_relaxation(TAU1, TAU2))
    by_size = {1: one, 2: oracle.tensor(one, one)}
    return oracle.energy(circuit, observable, kraus=lambda gate, qubits: by_size[len(qubits)])


PAIR = (0, 2)
OBSERVABLE = oracle.random_observable(np.random.default_rng(3), 3, 12)
MISTAKES = {
    "none": (circuit_with(PAIR), noise_model()),
    "control and target exchanged": (circuit_with(PAIR[::-1]), noise_model()),
    "qubit order reversed": (reversed_qubits(circuit_with(PAIR)), noise_model()),
    "p off by 1e-6": (circuit_with(PAIR), noise_model(P + 1e-6)),
    "depolarizing after relaxation": (circuit_with(PAIR), noise_model(relaxation_first=True)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_only_the_right_circuit_with_the_right_noise_passes_the_comparison(mistake):
    circuit, noise = MISTAKES[mistake]
    error = abs(
        PauliTransferSimulator(noise).objective(circuit, OBSERVABLE)([]) - oracle_energy(circuit_with(PAIR), OBSERVABLE)
    )
    if mistake == "none":
        assert error < 1e-12
    else:
        assert error > 1e-7
