"""Turn the words of `qvar search` into rewards, halting rules and start circuits, or say what is wrong with them."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from qvar.envs import (
    FixedNegativeBinomialHalting,
    GateCostReward,
    ModeHalting,
    NegativeBinomialHalting,
    NoHalting,
    PaperReward,
    StartCircuit,
)
from qvar.envs.defaults import find_coupling_map
from qvar.problems import Problem
from qvar.search import ansatz
from qvar.search.configuration import Halting
from qvar.simulators import Engine
from qvar.simulators.errors import RunError

__all__ = ["find_halting", "find_reward", "find_start"]

_Setting = TypeVar("_Setting")

_REWARDS: dict[str, PaperReward | GateCostReward] = {"paper": PaperReward(), "gate-cost": GateCostReward()}
_HALTING: dict[str, Halting] = {
    "none": NoHalting(),
    "scaled": NegativeBinomialHalting(),
    "released-noiseless": FixedNegativeBinomialHalting(),
    "released-noisy": ModeHalting(),
}


def find_reward(name: str | None) -> PaperReward | GateCostReward | None:
    """Return the reward called `name`, None for None."""
    return _find("reward", name, _REWARDS)


def find_halting(name: str | None) -> Halting | None:
    """Return the halting called `name`, None for None."""
    return _find("halting", name, _HALTING)


def find_start(name: str, problem: Problem, engine: Engine, *, seed: int) -> StartCircuit | None:
    """Return the start circuit called `name` or in the file of that name, None for the empty one.

    Args:
        name: "empty", "hartree-fock" (the basis state of lowest energy), "mps" or a .qasm or .qpy file.
        problem: whose start it is.
        engine: its coupling map says where CNOTs may act.
        seed: seeds the chance in finding an "mps" start.
    """
    if name == "empty":
        return None
    if name == "hartree-fock":
        return StartCircuit.basis_state(problem)
    if name == "mps":
        coupling_map = find_coupling_map(None, engine, problem.n_qubits)
        return StartCircuit.low_bond_dimension(problem, coupling_map=coupling_map, rng=np.random.default_rng(seed))
    if name.endswith((".qasm", ".qpy")):
        return StartCircuit.from_circuit(ansatz(name, problem.n_qubits))
    raise RunError(f"unknown start {name!r}; known are empty, hartree-fock, mps, or the path of a .qasm or .qpy file")


def _find(kind: str, name: str | None, known: Mapping[str, _Setting]) -> _Setting | None:
    if name is None:
        return None
    if name not in known:
        raise RunError(f"unknown {kind} {name!r}; known are {', '.join(known)}")
    return known[name]
