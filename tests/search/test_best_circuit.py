"""Which circuit counts as the best, and that it is kept exactly."""

import json

import numpy as np
import pytest

from qvar.search.best import BestCircuit
from qvar.simulators import Circuit, Operation, Slot


def best(energy, *, n_cnots=1, n_rotations=1):
    cnots = (Operation("cx", (0, 1)),) * n_cnots
    rotations = tuple(Operation("ry", (k % 2,), (Slot(k),)) for k in range(n_rotations))
    return BestCircuit(Circuit(2, cnots + rotations), np.arange(n_rotations) / 3, energy, energy)


@pytest.mark.parametrize(
    ("candidate", "holder", "wins"),
    [
        (best(-1.1), best(-1.0), True),
        (best(-0.9), best(-1.0), False),
        (best(-1.1, n_cnots=9, n_rotations=9), best(-1.0), True),
        (best(-1.0 - 2e-6, n_cnots=2), best(-1.0), True),
        (best(-1.0 - 0.5e-6, n_cnots=2), best(-1.0), False),
        (best(-1.0 + 0.5e-6, n_cnots=0), best(-1.0), True),
        (best(-1.0 + 2e-6, n_cnots=0), best(-1.0), False),
        (best(-1.0, n_cnots=1, n_rotations=9), best(-1.0, n_cnots=2, n_rotations=1), True),
        (best(-1.0, n_rotations=1), best(-1.0, n_rotations=2), True),
        (best(-1.0), best(-1.0), False),
    ],
    ids=[
        "lower energy",
        "higher energy",
        "lower energy with more gates",
        "lower by more than a tie",
        "lower within a tie, more CNOTs",
        "higher within a tie, fewer CNOTs",
        "higher by more than a tie, fewer CNOTs",
        "equal energy, fewer CNOTs but more gates",
        "equal energy and CNOTs, fewer gates",
        "equal in everything: the first stays",
    ],
)
def test_the_lower_energy_wins_and_in_a_tie_the_smaller_circuit(candidate, holder, wins):
    assert candidate.is_better_than(holder) == wins


def test_a_circuit_comes_back_from_json_exactly():
    circuit = Circuit(
        3,
        (
            Operation("rx", (2,), (Slot(0),)),
            Operation("cx", (2, 0)),
            Operation("rz", (1,), (0.1 + 0.2,)),
            Operation("ry", (1,), (Slot(1),)),
        ),
    )
    original = BestCircuit(circuit, np.array([np.pi / 7, -1e-17]), -1.1372701746609035, -1.1372)
    back = BestCircuit.from_dict(json.loads(json.dumps(original.to_dict())))
    assert back.circuit == circuit
    assert back.parameters.tolist() == original.parameters.tolist()
    assert back.energy == original.energy


def test_an_empty_circuit_comes_back_too():
    back = BestCircuit.from_dict(json.loads(json.dumps(BestCircuit(Circuit(2), np.zeros(0), 0.5, 0.75).to_dict())))
    assert back.circuit == Circuit(2)
    assert back.parameters.shape == (0,)
