"""Circuits as sequences of actions with angles, and the random edits by which local searches move among them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.envs import ActionTable
from qvar.simulators import Circuit, Operation, Slot
from qvar.simulators.errors import CircuitError

__all__ = ["Gates", "PlacedGate", "circuit_of", "cross", "gates_of", "mutate", "with_angles"]

NEW_ANGLE = 0.3
"""Standard deviation of the angle that a new rotation starts from, radians."""

_REACH = 5  # places that a moved gate travels at most
_TRIALS = 100


class PlacedGate(NamedTuple):
    """An action of the environment's table, and the angle of its rotation (0 for a CNOT), radians."""

    action: int
    angle: float


Gates = tuple[PlacedGate, ...]


def circuit_of(gates: Gates, table: ActionTable) -> tuple[Circuit, NDArray[np.float64]]:
    """Return the circuit of these gates, every rotation with a slot of its own, and its angles."""
    operations: list[Operation] = []
    angles: list[float] = []
    for action, angle in gates:
        placed = table[action]
        operations.append(placed.operation(len(angles)))
        if placed.is_rotation:
            angles.append(angle)
    return Circuit(table.n_qubits, tuple(operations)), np.array(angles, dtype=np.float64)


def gates_of(circuit: Circuit, parameters: ArrayLike, table: ActionTable) -> Gates:
    """Return the gates of a circuit that is made of the table's actions, the inverse of `circuit_of`.

    Raises:
        CircuitError: for a wrong number of angles.
        ArchitectureError: for a gate that the table does not have.
    """
    values = circuit.check_parameters(parameters)
    gates = []
    for operation in circuit.operations:
        angle = 0.0
        for parameter in operation.parameters:
            angle = parameter.angle(values) if isinstance(parameter, Slot) else float(parameter)
        gates.append(PlacedGate(table.index(operation.gate, operation.qubits), angle))
    return tuple(gates)


def with_angles(gates: Gates, parameters: Sequence[float] | NDArray[np.float64], table: ActionTable) -> Gates:
    """Return the gates with new angles, wrapped to [-pi, pi), in the order of the rotations."""
    angles = iter((np.asarray(parameters) + np.pi) % (2 * np.pi) - np.pi)
    return tuple(PlacedGate(a, float(next(angles)) if table[a].is_rotation else 0.0) for a, _ in gates)


def mutate(gates: Gates, table: ActionTable, rng: np.random.Generator, *, max_gates: int) -> Gates:
    """Return the gates after one random edit; never the same gates, never more than `max_gates`.

    Edits: a rotation more, a CNOT more, a rotation between two equal CNOTs more (which leaves the state as it is at
    angle 0, and reaches what single gates do not), a gate less, a pair of CNOTs less, a gate exchanged for another of
    its kind, a gate moved by up to five places.

    Raises:
        CircuitError: if no edit fits, as with max_gates = 0.
    """
    for _ in range(_TRIALS):
        edit = _EDITS[int(rng.choice(len(_EDITS), p=_WEIGHTS))]
        edited = edit(gates, table, rng)
        if edited != gates and len(edited) <= max_gates:
            return edited
    raise CircuitError(f"no edit of {len(gates)} gate(s) fits into {max_gates}")


def cross(left: Gates, right: Gates, rng: np.random.Generator, *, max_gates: int) -> Gates:
    """Return the beginning of one sequence followed by the end of another, cut at about the same share of both."""
    share = rng.random()
    head, tail = left[: round(share * len(left))], right[round(share * len(right)) :]
    return (head + tail)[:max_gates]


def _cnots(table: ActionTable) -> list[int]:
    return [k for k, action in enumerate(table.actions) if not action.is_rotation]


def _rotations(table: ActionTable, qubits: tuple[int, ...] | None = None) -> list[int]:
    return [k for k, a in enumerate(table.actions) if a.is_rotation and (qubits is None or a.qubits[0] in qubits)]


def _insert(gates: Gates, new: Gates, rng: np.random.Generator) -> Gates:
    place = int(rng.integers(len(gates) + 1))
    return gates[:place] + new + gates[place:]


def _new_rotation(rng: np.random.Generator, choices: list[int]) -> PlacedGate:
    return PlacedGate(int(rng.choice(choices)), float(rng.normal(scale=NEW_ANGLE)))


def _add_rotation(gates: Gates, table: ActionTable, rng: np.random.Generator) -> Gates:
    return _insert(gates, (_new_rotation(rng, _rotations(table)),), rng)


def _add_cnot(gates: Gates, table: ActionTable, rng: np.random.Generator) -> Gates:
    cnots = _cnots(table)
    return _insert(gates, (PlacedGate(int(rng.choice(cnots)), 0.0),), rng) if cnots else gates


def _add_coupled_rotation(gates: Gates, table: ActionTable, rng: np.random.Generator) -> Gates:
    cnots = _cnots(table)
    if not cnots:
        return gates
    cnot = PlacedGate(int(rng.choice(cnots)), 0.0)
    rotation = _new_rotation(rng, _rotations(table, table[cnot.action].qubits))
    return _insert(gates, (cnot, rotation, cnot), rng)


def _drop(gates: Gates, _: ActionTable, rng: np.random.Generator) -> Gates:
    if not gates:
        return gates
    place = int(rng.integers(len(gates)))
    return gates[:place] + gates[place + 1 :]


def _drop_two_cnots(gates: Gates, table: ActionTable, rng: np.random.Generator) -> Gates:
    places = [k for k, gate in enumerate(gates) if not table[gate.action].is_rotation]
    if len(places) < 2:
        return gates
    dropped = set(rng.choice(places, size=2, replace=False).tolist())
    return tuple(gate for k, gate in enumerate(gates) if k not in dropped)


def _exchange(gates: Gates, table: ActionTable, rng: np.random.Generator) -> Gates:
    if not gates:
        return gates
    place = int(rng.integers(len(gates)))
    action, angle = gates[place]
    kind = _rotations(table) if table[action].is_rotation else _cnots(table)
    return (*gates[:place], PlacedGate(int(rng.choice(kind)), angle), *gates[place + 1 :])


def _move(gates: Gates, _: ActionTable, rng: np.random.Generator) -> Gates:
    if len(gates) < 2:
        return gates
    place = int(rng.integers(len(gates)))
    rest = gates[:place] + gates[place + 1 :]
    target = min(max(place + int(rng.integers(-_REACH, _REACH + 1)), 0), len(rest))
    return (*rest[:target], gates[place], *rest[target:])


_SHARES: dict[Callable[[Gates, ActionTable, np.random.Generator], Gates], float] = {
    _add_rotation: 0.25,
    _add_cnot: 0.10,
    _add_coupled_rotation: 0.15,
    _drop: 0.20,
    _drop_two_cnots: 0.08,
    _exchange: 0.12,
    _move: 0.10,
}
_EDITS = tuple(_SHARES)
_WEIGHTS = tuple(_SHARES.values())
