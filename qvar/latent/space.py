"""A circuit space: which gates, on which wires, how many and how deep. Circuits are drawn from it and searched in it.

A structure is a circuit without its angles: an int8 array of shape (n_gates, 3), one row per gate in order of
execution: index into `CircuitSpace.gates`, first wire (the control), second wire (the target; -1 if there is none).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.checks import check_whole
from qvar.simulators.errors import CircuitError, LatentError
from qvar.simulators.gates import check_gate
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["PUBLISHED_GATES", "SYMMETRIC_GATES", "CircuitSpace", "Structures"]

Structures = NDArray[np.int8]

PUBLISHED_GATES = ("x", "y", "z", "h", "rx", "ry", "rz", "cx", "cz", "u", "swap")
"""The gate pool of arXiv 2401.11576, in the order of its authors' code."""

SYMMETRIC_GATES = frozenset({"cz", "swap", "rxx", "ryy", "rzz"})
"""Two-qubit gates that do not tell their wires apart."""

_PUBLISHED = {4: (10, 5), 8: (20, 5), 12: (30, 8)}
_MOST = 127  # numbers of gates, wires and gate types fit into int8


@dataclass(frozen=True)
class CircuitSpace:
    """All circuits of `n_gates` gates from `gates`, no deeper than `max_depth`.

    Args:
        n_qubits: wires, 1 to 127.
        n_gates: gates of every circuit, at least 1.
        max_depth: most gates on a path, at least 1.
        gates: names of native gates (see `qvar.simulators.gates.GATES`), all different.
        coupling: pairs of wires that a two-qubit gate may join, in either direction; None for every pair.
        ring_cx: whether a CNOT goes from wire q to q + 1 (modulo `n_qubits`) only, as in the authors' code.

    Raises:
        LatentError: for a space that holds no circuit.

    Source: Sun, Wu, Ma and Tresp, arXiv 2401.11576.

    Example:
        >>> space = CircuitSpace.published(4)
        >>> space.n_gates, space.max_depth, space.n_types
        (10, 5, 13)
    """

    n_qubits: int
    n_gates: int
    max_depth: int
    gates: tuple[str, ...] = PUBLISHED_GATES
    coupling: tuple[tuple[int, int], ...] | None = None
    ring_cx: bool = False

    def __post_init__(self) -> None:
        for name in ("n_qubits", "n_gates", "max_depth"):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), error=LatentError))
        object.__setattr__(self, "gates", tuple(self.gates))
        self._check_gates()
        if self.coupling is not None:
            pairs = (tuple(sorted(map(int, pair))) for pair in self.coupling)
            object.__setattr__(self, "coupling", tuple(sorted(set(pairs))))
        self._check_coupling()
        for name in self.gates:
            if not len(self.placements(name)):
                raise LatentError(f"gate {name!r} has no place on {self.n_qubits} wire(s) with this coupling")
        if self.n_gates > self.n_qubits * self.max_depth:
            raise LatentError(
                f"{self.n_gates} gates do not fit on {self.n_qubits} wire(s) at depth {self.max_depth}; at most "
                f"{self.n_qubits * self.max_depth} one-qubit gates do"
            )

    def _check_gates(self) -> None:
        if max(self.n_qubits, self.n_gates, len(self.gates)) > _MOST:
            raise LatentError(f"a space has at most {_MOST} wires, gates and gate types, got {self}")
        if not self.gates or len(set(self.gates)) < len(self.gates):
            raise LatentError(f"a space needs gates, all different, got {self.gates}")
        try:
            for name in self.gates:
                check_gate(name)
        except CircuitError as error:
            raise LatentError(f"a circuit space holds native gates: {error}") from None

    def _check_coupling(self) -> None:
        for pair in self.coupling or ():
            if len(set(pair)) != 2 or not all(0 <= wire < self.n_qubits for wire in pair):
                raise LatentError(f"coupling {pair} does not join two of the wires 0..{self.n_qubits - 1}")

    @classmethod
    def published(cls, n_qubits: int) -> "CircuitSpace":
        """Return the space of arXiv 2401.11576 on 4, 8 or 12 qubits.

        Depth at 8 qubits, gates and depth at 12 qubits are not published: 5, 30 and 8 are choices of ours.

        Raises:
            LatentError: for another number of qubits.
        """
        if n_qubits not in _PUBLISHED:
            raise LatentError(f"spaces of {sorted(_PUBLISHED)} qubits are published, not of {n_qubits}")
        n_gates, max_depth = _PUBLISHED[n_qubits]
        return cls(n_qubits, n_gates, max_depth, ring_cx=True)

    @property
    def n_types(self) -> int:
        """Number of node types in a graph: START, the gates, END."""
        return len(self.gates) + 2

    @cached_property
    def arities(self) -> NDArray[np.int8]:
        """Number of wires of each gate, shape (len(gates),)."""
        return np.array([check_gate(name).n_qubits for name in self.gates], dtype=np.int8)

    @cached_property
    def n_angles(self) -> NDArray[np.int8]:
        """Number of angles of each gate, shape (len(gates),)."""
        return np.array([check_gate(name).n_parameters for name in self.gates], dtype=np.int8)

    @cached_property
    def is_symmetric(self) -> NDArray[np.bool_]:
        """Which gates do not tell their two wires apart, shape (len(gates),)."""
        return np.array([name in SYMMETRIC_GATES for name in self.gates])

    def placements(self, gate: str) -> NDArray[np.int8]:
        """Return the wires that `gate` may act on, shape (k, 2): first and second wire, -1 for none.

        Gates that do not tell their wires apart come with the lower wire first.
        """
        n = self.n_qubits
        if check_gate(gate).n_qubits == 1:
            pairs = [(wire, -1) for wire in range(n)]
        elif gate == "cx" and self.ring_cx:
            pairs = [(wire, (wire + 1) % n) for wire in range(n) if n > 1]
            pairs = [pair for pair in pairs if self._joins(*pair)]
        else:
            pairs = [(a, b) for a in range(n) for b in range(n) if a != b and self._joins(a, b)]
            if gate in SYMMETRIC_GATES:
                pairs = [(a, b) for a, b in pairs if a < b]
        return np.array(pairs, dtype=np.int8).reshape(-1, 2)

    def _joins(self, a: int, b: int) -> bool:
        return self.coupling is None or (min(a, b), max(a, b)) in self.coupling

    def to_dict(self) -> dict[str, Any]:
        """Return the space as JSON data; `from_dict` gives back an equal space."""
        return {
            "n_qubits": self.n_qubits,
            "n_gates": self.n_gates,
            "max_depth": self.max_depth,
            "gates": list(self.gates),
            "coupling": None if self.coupling is None else [list(pair) for pair in self.coupling],
            "ring_cx": self.ring_cx,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "CircuitSpace":
        """Build a space from the data of `to_dict`.

        Raises:
            LatentError: for missing, unknown or impossible entries.
        """
        try:
            coupling = data["coupling"]
            pairs = None if coupling is None else tuple((int(a), int(b)) for a, b in coupling)
            rest = {name: value for name, value in data.items() if name not in ("coupling", "gates")}
            return cls(**rest, gates=tuple(data["gates"]), coupling=pairs)
        except UNREADABLE as error:
            raise LatentError(f"this is no circuit space: {data!r} ({error})") from None
