"""Short pieces of circuit that a greedy search tries: one rotation, alone or between CNOTs.

A rotation exp(-i t P / 2) between CNOTs that fan out from its qubit, or into it, is exp(-i t P' / 2) with a Pauli
string P' on all their qubits: X or Y on a control spreads to X X..., Y X...; Z or Y on a target to Z Z..., Y Z....
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from qvar.envs import ActionTable

__all__ = ["Gadget", "gadgets"]


@dataclass(frozen=True)
class Gadget:
    """CNOTs, a rotation, CNOTs; pairs are (control, target).

    Attributes:
        opening: CNOTs before the rotation, in order.
        rotation: its gate, "rx", "ry" or "rz".
        qubit: where the rotation acts.
        closing: CNOTs after it; the opening undone, or none.
    """

    opening: tuple[tuple[int, int], ...]
    rotation: str
    qubit: int
    closing: tuple[tuple[int, int], ...]


def gadgets(table: ActionTable, *, max_qubits: int = 4) -> tuple[Gadget, ...]:
    """Return the gadgets that the actions of a table allow.

    They are every rotation; every CNOT with a rotation behind it that does not commute with it; and every rotation that
    does not commute with CNOTs around it, these reaching up to `max_qubits` qubits along the shortest paths from the
    rotation's qubit or to it.
    """
    rotations = [Gadget((), a.gate, a.qubits[0], ()) for a in table.actions if a.is_rotation]
    pairs = [(a.qubits[0], a.qubits[1]) for a in table.actions if not a.is_rotation]
    after = [Gadget((pair,), gate, qubit, ()) for pair in pairs for qubit, gate in _disturbing(*pair)]
    return tuple(dict.fromkeys([*rotations, *after, *_exponentials(table.n_qubits, pairs, max_qubits)]))


def _disturbing(control: int, target: int) -> tuple[tuple[int, str], ...]:
    return (control, "rx"), (control, "ry"), (target, "ry"), (target, "rz")


def _exponentials(n_qubits: int, pairs: Sequence[tuple[int, int]], max_qubits: int) -> Iterator[Gadget]:
    for size in range(2, min(max_qubits, n_qubits) + 1):
        for chosen in combinations(range(n_qubits), size):
            inside = [pair for pair in pairs if set(pair) <= set(chosen)]
            for qubit in chosen:
                outward = _tree(qubit, inside)
                if len(outward) == size - 1:
                    for gate in ("rx", "ry"):
                        yield Gadget(tuple(reversed(outward)), gate, qubit, outward)
                inward = tuple((b, a) for a, b in _tree(qubit, [(b, a) for a, b in inside]))
                if len(inward) == size - 1:
                    for gate in ("rz", "ry"):
                        yield Gadget(tuple(reversed(inward)), gate, qubit, inward)


def _tree(root: int, pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the edges of the tree of shortest paths from `root`, nearest first."""
    edges: list[tuple[int, int]] = []
    reached = [root]
    for qubit in reached:
        for a, b in pairs:
            if a == qubit and b not in reached:
                edges.append((a, b))
                reached.append(b)
    return tuple(edges)
