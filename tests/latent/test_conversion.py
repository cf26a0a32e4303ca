"""Circuits of any origin as structures: the way back from `circuit_of`, and what does not fit a space."""

import numpy as np
import pytest

from qvar.latent.canonical import canonical
from qvar.latent.conversion import structure_of
from qvar.latent.generation import generate_pool
from qvar.latent.space import CircuitSpace
from qvar.simulators import Circuit, Operation
from qvar.simulators.errors import LatentError

SPACE = CircuitSpace(3, 6, 4)


def test_pool_circuits_come_back_with_their_angles():
    pool = generate_pool(SPACE, 50, seed=1)
    for k in range(len(pool)):
        structure, angles = structure_of(SPACE, *pool.circuit(k))
        assert np.array_equal(structure, pool.structures[k])
        assert np.allclose(angles, pool.angles[k])


def test_a_file_comes_back_as_the_same_circuit():
    pool = generate_pool(SPACE, 10, seed=2)
    for k in range(len(pool)):
        circuit, theta = pool.circuit(k)
        structure, _ = structure_of(SPACE, Circuit.from_qasm(circuit.to_qasm(theta)))
        assert np.array_equal(canonical(SPACE, structure[None])[0], pool.structures[k])


@pytest.mark.parametrize(
    ("circuit", "part"),
    [
        (Circuit(2, (Operation("h", (0,)),) * 6), "have 3 qubits and 6 gates, this one has 2 and 6"),
        (Circuit(3, (Operation("h", (0,)),) * 5), "this one has 3 and 5"),
        (Circuit(3, (Operation("s", (0,)),) * 6), "not s$"),
        (Circuit(3, (Operation("h", (0,)),) * 6), "deeper than 4"),
    ],
)
def test_what_does_not_fit_is_named(circuit, part):
    with pytest.raises(LatentError, match=part):
        structure_of(SPACE, circuit)
