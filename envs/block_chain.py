"""Block chains: circuits that prepare matrix-product states of bond dimension 2, optimized and then thinned out.

Qubits are taken in one by one. Each new qubit b is joined by a block to a qubit a that is in already:

    opening rotations on b, CNOT, one rotation on each of a and b, CNOT, closing rotations on a and on b.

For an observable that is real in the computational basis (an even number of Y in every string) all rotations are RY;
the block, with the rotations on a before it, is then any real two-qubit unitary. Otherwise openings and closings are
RZ RY RZ, between the CNOTs stand RX on the control and RZ on the target, and the block is any two-qubit unitary that
two CNOTs can make, enough for one qubit that was |0>. A chain of such blocks prepares every (real) matrix-product
state of bond dimension 2; a tree of them, every tree state.

Source:
    Vatan and Williams 2004, quant-ph/0308006 (real unitaries); Iten et al. 2016, arXiv 1501.06911 (two CNOTs for an
    isometry from one to two qubits).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qvar.envs.actions import ActionTable
from qvar.simulators.circuit import Circuit, Operation, Slot

if TYPE_CHECKING:
    from qvar.problems import Problem

__all__ = ["Chain", "optimized_chain"]


class _Gate(NamedTuple):
    """A gate of a chain; `block` is the number of the block whose two CNOTs it stands between or is one of."""

    name: str
    qubits: tuple[int, ...]
    angle: float = 0.0
    block: int | None = None


class Chain(NamedTuple):
    """What `StartCircuit` takes: a circuit, its angles, and what finding them cost."""

    circuit: Circuit
    parameters: tuple[float, ...]
    evaluations: int
    gradients: int


def optimized_chain(
    problem: "Problem",
    table: ActionTable,
    bits: tuple[int, ...],
    *,
    starts: int,
    tolerance: float,
    rng: np.random.Generator,
) -> Chain:
    """Return the chain of lowest energy with the gates that it needs (see `StartCircuit.low_bond_dimension`).

    Args:
        problem: whose energy is minimized.
        table: the gates there are.
        bits: the basis state to start from, qubit 0 first.
        starts: orders of qubits that are tried.
        tolerance: energy that all gates dropped may cost together.
        rng: for orders and displacements.
    """
    optimizer = _ChainOptimizer(problem)
    natural = list(range(problem.n_qubits))
    tried = [optimizer.optimize(_flipped(_gates(problem, table, natural), bits), rng)]
    for _ in range(starts - 1):
        basis = _flipped(_gates(problem, table, rng.permutation(problem.n_qubits).tolist()), bits)
        displaced = [gate._replace(angle=gate.angle + rng.normal()) for gate in basis]
        tried.append(optimizer.optimize(displaced, rng))
    gates, energy = min(tried, key=lambda outcome: outcome[1])
    gates = _thinned(gates, optimizer, energy + tolerance, rng)
    return Chain(*_circuit(gates, problem.n_qubits), optimizer.evaluations, optimizer.gradients)


def _gates(problem: "Problem", table: ActionTable, order: list[int]) -> list[_Gate]:
    """Return the gates of the chain that takes in qubits in this order where the coupling map allows it."""
    is_real = not ((problem.observable.digits == 2).sum(axis=1) % 2).any()
    opening, closing = (("ry",), ("ry",)) if is_real else (("ry", "rz"), ("rz", "ry", "rz"))
    inside = ("ry", "ry") if is_real else ("rx", "rz")
    gates = [_Gate(name, (order[0],)) for name in opening]
    for block, (a, b) in enumerate(_tree(table, order)):
        pair = (a, b) if table.coupling_map is None or (a, b) in table.coupling_map else (b, a)
        gates += [_Gate(name, (b,)) for name in opening]
        gates.append(_Gate("cx", pair, block=block))
        gates += [_Gate(name, (q,), block=block) for name, q in zip(inside, pair, strict=True)]
        gates.append(_Gate("cx", pair, block=block))
        gates += [_Gate(name, (q,)) for q in (a, b) for name in closing]
    return gates


def _tree(table: ActionTable, order: list[int]) -> Iterator[tuple[int, int]]:
    """Yield pairs (qubit that is in, new qubit), depth first along the CNOTs allowed, the first in `order` first."""
    pairs = {frozenset(action.qubits) for action in table.actions if not action.is_rotation}
    path, left = [order[0]], order[1:]
    while left:
        new = next((q for q in left if frozenset((path[-1], q)) in pairs), None)
        if new is None:
            path.pop()
            continue
        yield path[-1], new
        left = [q for q in left if q != new]
        path.append(new)


def _flipped(gates: list[_Gate], bits: tuple[int, ...]) -> list[_Gate]:
    """Return the gates, all angles zero, with the last RY of every qubit that is 1 turned by pi: a basis state."""
    flipped = list(gates)
    for q, bit in enumerate(bits):
        if bit:
            last = max(i for i, gate in enumerate(gates) if gate.name == "ry" and gate.qubits == (q,))
            flipped[last] = gates[last]._replace(angle=np.pi)
    return flipped


def _thinned(gates: list[_Gate], optimizer: "_ChainOptimizer", limit: float, rng: np.random.Generator) -> list[_Gate]:
    """Drop blocks, then single gates, from the last to the first, as long as the energy is at most `limit`."""
    for block in sorted({gate.block for gate in gates if gate.block is not None}, reverse=True):
        shorter = optimizer.within([gate for gate in gates if gate.block != block], limit, rng)
        gates = gates if shorter is None else shorter
    before = len(gates) + 1
    while len(gates) < before:
        before = len(gates)
        for index in reversed(range(before)):
            shorter = optimizer.within(gates[:index] + gates[index + 1 :], limit, rng)
            gates = gates if shorter is None else shorter
        gates = _without_pairs(gates)
    return gates


def _without_pairs(gates: list[_Gate]) -> list[_Gate]:
    """Drop every two equal CNOTs with nothing between them on their qubits."""
    kept: list[_Gate] = []
    for gate in gates:
        touching = (i for i in reversed(range(len(kept))) if set(kept[i].qubits) & set(gate.qubits))
        previous = next(touching, None)
        if gate.name == "cx" and previous is not None and kept[previous][:2] == gate[:2]:
            del kept[previous]
        else:
            kept.append(gate)
    return kept


def _circuit(gates: list[_Gate], n_qubits: int) -> tuple[Circuit, tuple[float, ...]]:
    angles = [gate.angle for gate in gates if gate.name != "cx"]
    slots = iter(range(len(angles)))
    operations = (Operation(g.name, g.qubits, () if g.name == "cx" else (Slot(next(slots)),)) for g in gates)
    return Circuit(n_qubits, tuple(operations)), tuple(angles)


@dataclass
class _ChainOptimizer:
    """Optimizes the angles of chains without noise, and counts (mutable)."""

    problem: "Problem"
    evaluations: int = 0
    gradients: int = 0

    def __post_init__(self) -> None:
        from qvar.optimizers import LBFGS
        from qvar.simulators.statevector import StatevectorSimulator

        self._engine = StatevectorSimulator()
        self._optimizer = LBFGS()

    def optimize(self, gates: list[_Gate], rng: np.random.Generator) -> tuple[list[_Gate], float]:
        """Return the gates with optimized angles, and their energy."""
        circuit, start = _circuit(gates, self.problem.n_qubits)
        minimum = self._optimizer.minimize(self.problem.objective(self._engine, circuit), start, rng)
        self.evaluations += minimum.evaluations
        self.gradients += minimum.gradients
        return _with_angles(gates, minimum.parameters), minimum.value

    def within(self, gates: list[_Gate], limit: float, rng: np.random.Generator) -> list[_Gate] | None:
        """Return the gates if their energy is at most `limit`, with new angles if need be; else None."""
        circuit, start = _circuit(gates, self.problem.n_qubits)
        self.evaluations += 1
        if self.problem.objective(self._engine, circuit)(start) <= limit:
            return gates
        optimized, energy = self.optimize(gates, rng)
        return optimized if energy <= limit else None


def _with_angles(gates: list[_Gate], angles: NDArray[np.float64]) -> list[_Gate]:
    values = iter(angles.tolist())
    return [gate if gate.name == "cx" else gate._replace(angle=next(values)) for gate in gates]
