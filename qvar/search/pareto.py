"""What can be had for what: the circuits of a search that no other one beats in energy, CNOTs and depth at once."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.search.best import TIE, BestCircuit

__all__ = ["ParetoArchive"]


class ParetoArchive:
    """Keeps the circuits that are not dominated in (value, CNOTs, depth) (mutable).

    The value is the energy as measured, or noiseless where a search judges by that, gate prices left out.

    One circuit dominates another if it has no more CNOTs, no more depth, and a value that is lower, or higher by less
    than 1e-6, which counts as equal; of equal ones the first stays. Beyond `capacity` the circuit goes whose value is
    closest to that of the one below it, never the lowest.

    Args:
        capacity: circuits kept, at least 2.
    """

    def __init__(self, capacity: int = 200) -> None:
        self._capacity = capacity
        self._kept: dict[tuple[int, int], BestCircuit] = {}
        self._floor: NDArray[np.float64] = np.full(
            (1, 1), np.inf
        )  # lowest value with at most so many CNOTs and so much depth

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def circuits(self) -> tuple[BestCircuit, ...]:
        """The circuits kept, by falling value."""
        return tuple(sorted(self._kept.values(), key=lambda kept: -kept.value))

    def is_dominated(self, value: float, *, n_cnots: int, depth: int) -> bool:
        """Tell whether such a circuit would be refused; takes a microsecond."""
        rows, columns = self._floor.shape
        return bool(self._floor[min(n_cnots, rows - 1), min(depth, columns - 1)] <= value + TIE)

    def offer(self, candidate: BestCircuit) -> bool:
        """Keep a circuit unless it is dominated, and drop those that it dominates; return whether it was kept."""
        circuit, value = candidate.circuit, candidate.value
        n_cnots = circuit.n_two_qubit_gates
        least_depth = math.ceil((len(circuit.operations) + n_cnots) / circuit.n_qubits)
        if self.is_dominated(value, n_cnots=n_cnots, depth=least_depth):  # the depth itself takes longer to tell
            return False
        depth = circuit.depth()
        if not math.isfinite(value) or self.is_dominated(value, n_cnots=n_cnots, depth=depth):
            return False
        worse = [
            (c, d) for (c, d), kept in self._kept.items() if c >= n_cnots and d >= depth and kept.value >= value - TIE
        ]
        for size in worse:
            del self._kept[size]
        self._kept[n_cnots, depth] = candidate
        if len(self._kept) > self._capacity:
            self._drop_one()
        self._raise_floor()
        return True

    def _drop_one(self) -> None:
        rising = sorted(self._kept, key=lambda size: self._kept[size].value)
        values = [self._kept[size].value for size in rising]
        del self._kept[rising[1 + int(np.argmin(np.diff(values)))]]

    def _raise_floor(self) -> None:
        """Tell the floor anew from what is kept."""
        shape = (1 + max((c for c, _ in self._kept), default=0), 1 + max((d for _, d in self._kept), default=0))
        floor = np.full(shape, np.inf)
        for size, kept in self._kept.items():
            floor[size] = kept.value
        self._floor = np.minimum.accumulate(np.minimum.accumulate(floor, axis=0), axis=1)

    def state(self) -> list[dict[str, Any]]:
        """Return the circuits as JSON-able data."""
        return [kept.to_dict() for kept in self._kept.values()]

    def load_state(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Take over what `state` gave."""
        self._kept = {_size(kept): kept for kept in map(BestCircuit.from_dict, state)}
        self._raise_floor()

    @classmethod
    def of(cls, circuits: Iterable[BestCircuit]) -> "ParetoArchive":
        """Return an archive that was offered `circuits`."""
        archive = cls()
        for circuit in circuits:
            archive.offer(circuit)
        return archive


def _size(kept: BestCircuit) -> tuple[int, int]:
    return kept.circuit.n_two_qubit_gates, kept.circuit.depth()
