"""Actions: what an agent may do next, one gate an action, and which of them would only repeat the last gate.

One `ActionTable` is shared by the environment and every agent, so that an index means the same gate to both.
"""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import ArchitectureError

__all__ = ["NO_ACTION", "ROTATIONS", "Action", "ActionTable", "both_directions"]

NO_ACTION = -1
"""Entry of `last` for a qubit that carries no gate yet."""

ROTATIONS = ("rx", "ry", "rz")
"""Rotation gates in the order of the axes X, Y, Z."""


@dataclass(frozen=True, slots=True)
class Action:
    """The gate an action places: its name and its qubits, for `cx` control, then target."""

    gate: str
    qubits: tuple[int, ...]

    @property
    def is_rotation(self) -> bool:
        """Whether the gate has an angle."""
        return self.gate in ROTATIONS

    def operation(self, slot: int) -> Operation:
        """Return the gate as an operation; a rotation takes its angle from parameter slot `slot`."""
        return Operation(self.gate, self.qubits, (Slot(slot),) if self.is_rotation else ())


@dataclass(frozen=True)
class ActionTable:
    """The fixed, numbered list of actions on `n_qubits` qubits.

    First the CNOTs: for control c = 0..N-1 and offset x = 1..N-1, target (c + x) mod N. Then the rotations:
    for qubit q = 0..N-1, axes X, Y, Z. Without a coupling map these are N(N-1) + 3N = N(N+2) actions:
    CNOT(c, (c+x) mod N) has index c(N-1) + x-1, the rotation of qubit q about axis a has N(N-1) + 3q + a.
    With a coupling map the CNOTs that are not in it are left out and the indices close up.

    Args:
        n_qubits: number of qubits N, at least 1.
        coupling_map: pairs (control, target) on which a CNOT may act, directed; None allows every pair. For
            undirected edges pass `both_directions(edges)`.

    Raises:
        ArchitectureError: for n_qubits < 1, pairs that are no two distinct qubits of 0..N-1, or a coupling
            map (taken without direction) that leaves some qubits out of reach of the others.

    Example:
        >>> table = ActionTable(2)
        >>> len(table), table[0], table[2]
        (8, Action(gate='cx', qubits=(0, 1)), Action(gate='rx', qubits=(0,)))
        >>> len(ActionTable(4, both_directions([(0, 1), (1, 2), (1, 3)])))
        18

    Source:
        Patel et al., ICLR 2024, arXiv 2402.03500: the action set and the illegal actions.

    Differs from the source:
        - The order of the actions is ours; the source leaves it open.
    """

    n_qubits: int
    coupling_map: Iterable[tuple[int, int]] | None = None
    actions: tuple[Action, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.n_qubits < 1:
            raise ArchitectureError(f"an action table needs at least one qubit, got n_qubits={self.n_qubits}")
        pairs = None
        if self.coupling_map is not None:
            pairs = _check_coupling_map(self.n_qubits, self.coupling_map)
            object.__setattr__(self, "coupling_map", pairs)
        n = self.n_qubits
        cnots = [(c, (c + x) % n) for c in range(n) for x in range(1, n)]
        actions = [Action("cx", pair) for pair in cnots if pairs is None or pair in pairs]
        actions += [Action(gate, (q,)) for q in range(n) for gate in ROTATIONS]
        object.__setattr__(self, "actions", tuple(actions))

    def __len__(self) -> int:
        return len(self.actions)

    def __getitem__(self, index: SupportsIndex) -> Action:
        return self.actions[self.check_index(index)]

    def check_index(self, index: SupportsIndex) -> int:
        """Return `index` as an int.

        Raises:
            ArchitectureError: if it is no integer or not in 0 .. len(table) - 1.
        """
        try:
            number = operator.index(index)
        except TypeError:
            raise ArchitectureError(f"an action is an integer, got {index!r}") from None
        if not 0 <= number < len(self.actions):
            raise ArchitectureError(
                f"action {number} does not exist; this table has the actions 0..{len(self.actions) - 1} "
                f"on {self.n_qubits} qubit(s)"
            )
        return number

    def index(self, gate: str, qubits: tuple[int, ...]) -> int:
        """Return the index of the action that places `gate` on `qubits`.

        Raises:
            ArchitectureError: if the table has no such action.
        """
        try:
            return self.actions.index(Action(gate, tuple(qubits)))
        except ValueError:
            raise ArchitectureError(
                f"no action places {gate!r} on {qubits}; the gates are cx, rx, ry, rz on {self.n_qubits} "
                f"qubit(s), CNOTs on {'every pair' if self.coupling_map is None else self.coupling_map}"
            ) from None

    def no_actions(self) -> tuple[int, ...]:
        """Return the last action per qubit of the empty circuit, `(NO_ACTION,) * n_qubits`."""
        return (NO_ACTION,) * self.n_qubits

    def last_actions(self, circuit: Circuit) -> tuple[int, ...]:
        """Return the index of the last action on every qubit, `NO_ACTION` where there is none."""
        last = self.no_actions()
        for operation in circuit.operations:
            last = self.advance(last, self.index(operation.gate, operation.qubits))
        return last

    def advance(self, last: Sequence[int], index: SupportsIndex) -> tuple[int, ...]:
        """Return the last action per qubit after one more action."""
        number = self.check_index(index)
        qubits = self.actions[number].qubits
        return tuple(number if q in qubits else previous for q, previous in enumerate(last))

    def legal_mask(self, last: Sequence[int]) -> NDArray[np.bool_]:
        """Return which actions do not merely repeat the gate before them.

        An action is illegal if it is the last one on *every* qubit it touches: RX on a qubit whose last gate
        is that RX, or CNOT(c, t) while it is the last gate of both c and t. CNOT(t, c) after CNOT(c, t) is
        legal.

        Args:
            last: index of the last action on qubit 0, 1, ...; `NO_ACTION` for none.

        Returns:
            Bool array of shape (len(table),), True where legal.

        Raises:
            ArchitectureError: if `last` has not one entry per qubit.
        """
        if len(last) != self.n_qubits:
            raise ArchitectureError(f"`last` needs one entry per qubit ({self.n_qubits}), got {len(last)}")
        mask = np.ones(len(self.actions), dtype=np.bool_)
        for index in set(last) - {NO_ACTION}:
            mask[index] = any(last[q] != index for q in self[index].qubits)
        return mask


def both_directions(edges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return every undirected edge as the two pairs (a, b) and (b, a), sorted and without repetition.

    Example:
        >>> both_directions([(0, 1), (1, 2)])
        ((0, 1), (1, 0), (1, 2), (2, 1))
    """
    pairs = {(int(a), int(b)) for a, b in edges}
    return tuple(sorted(pairs | {(b, a) for a, b in pairs}))


def _check_coupling_map(n_qubits: int, pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    checked = tuple(sorted({(int(c), int(t)) for c, t in pairs}))
    for control, target in checked:
        if control == target or not (0 <= control < n_qubits and 0 <= target < n_qubits):
            raise ArchitectureError(
                f"the coupling map holds {(control, target)}; needed are two distinct qubits of 0..{n_qubits - 1}"
            )
    reached = {0}
    for _ in range(n_qubits):
        reached |= {q for pair in checked if reached & set(pair) for q in pair}
    if len(reached) < n_qubits:
        raise ArchitectureError(
            f"the coupling map {checked} does not connect qubit(s) {sorted(set(range(n_qubits)) - reached)} "
            "with qubit 0; choose connected qubits, or allow every pair (the environment's coupling_map='all')"
        )
    return checked
