"""Channels as mixtures of Pauli operators, as stabilizer methods take them."""

import numpy as np
import pytest

from qvar.simulators import Operation, pauli_channel
from qvar.simulators.aer.noise import pauli_mixture


def probabilities(error):
    """Return the probability of each Pauli operator of an Aer error, by label."""
    found = {}
    for circuit, probability in zip(error.circuits, error.probabilities, strict=True):
        letters = ["I"] * error.num_qubits
        for instruction in circuit.data:
            name = instruction.operation.name
            label = instruction.operation.params[0] if name == "pauli" else "I" if name == "id" else name.upper()
            for qubit, letter in zip(instruction.qubits, reversed(label), strict=True):
                letters[error.num_qubits - 1 - circuit.find_bit(qubit).index] = letter
        found["".join(letters)] = found.get("".join(letters), 0.0) + probability
    return found


def test_a_pauli_channel_becomes_a_mixture_with_its_own_probabilities():
    rng = np.random.default_rng(3)
    one, two = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    first, second = pauli_channel(*one[1:]), pauli_channel(*two[1:])
    assert probabilities(pauli_mixture(first, Operation("x", (0,)))) == pytest.approx(
        dict(zip("IXYZ", one, strict=True))
    )
    joint = {b + a: p * q for a, p in zip("IXYZ", one, strict=True) for b, q in zip("IXYZ", two, strict=True)}
    assert probabilities(pauli_mixture(first.tensor(second), Operation("cx", (0, 1)))) == pytest.approx(joint)
