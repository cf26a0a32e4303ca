"""Grow a circuit greedily: add what lowers the energy most, optimize all angles, and so on until nothing helps.

For a gadget, a rotation alone or between CNOTs, the best energy within its one angle is known exactly from three
energies, noise included (see `sinusoid_minimum`). One gate at a time would not do: next to a product state no single
CNOT or rotation lowers the energy, the two together with a CNOT behind them do.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.envs import ArchitectureSearchEnv, Evaluation
from qvar.search.best import BestCircuit
from qvar.search.gadgets import gadgets
from qvar.search.searcher import Tracker, outcome
from qvar.search.simplify import simplify
from qvar.simulators import Circuit, Operation, Slot
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import RunError

__all__ = ["Greedy", "GreedySearcher", "sinusoid_minimum"]

_ANGLES = np.array([0.0, np.pi / 2, -np.pi / 2])


@dataclass(frozen=True)
class Greedy:
    """Settings of the greedy search.

    Args:
        max_qubits: qubits of the longest gadgets, at least 1; 4 reaches double excitations. Their number grows like the
            number of sets of so many qubits.
        breadth: candidates of a step whose angles are all optimized, at least 1; the best of them is taken.
        cnot_weight: w in the score of a candidate, its gain in value / (1 + w CNOTs added); at least 0.
        spread: standard deviation of the logarithm of the random factors that scores get from the second episode on;
            with 0, and exact energies, there is one episode only.
        min_gain: gain below which a candidate does not count, in the problem's unit.

    Raises:
        RunError: for numbers out of range.

    Source: Grimsley et al., Nature Communications 10, 3007 (2019), arXiv 1812.11173; Tang et al., PRX Quantum 2, 020310
    (2021), arXiv 1911.10205, for the pool of Pauli strings. One angle exactly: Ostaszewski et al., arXiv 1905.09692.
    Differs from the source:
    - candidates are ranked by the best energy within their angle, not by the gradient at 0, and by CNOTs;
    - the `breadth` best are optimized, not one;
    - strings are those that CNOTs alone make of one rotation, and single rotations belong to the pool: the start may be
      |0...0>, not the Hartree-Fock state;
    - what the CNOTs of a candidate do on qubits of known state is simplified away;
    - later episodes start again with randomized scores.
    """

    max_qubits: int = 4
    breadth: int = 4
    cnot_weight: float = 1.0
    spread: float = 0.5
    min_gain: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("max_qubits", "breadth"):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), error=RunError))
        for name in ("cnot_weight", "spread", "min_gain"):
            if not (getattr(self, name) >= 0 and np.isfinite(getattr(self, name))):
                raise RunError(f"{name} must be a number of at least 0, got {getattr(self, name)!r}")


class GreedySearcher:
    """Grows circuits, one an episode (mutable): see `qvar.search.searcher.Searcher`.

    Args:
        settings: see `Greedy`.
        env: its evaluator, its actions, its limit of gates and its start circuit.
        tracker: judges every circuit optimized, and is told the cost of the others.
        seed: of all chance.
    """

    def __init__(
        self, settings: Greedy, env: ArchitectureSearchEnv, tracker: Tracker, seed: np.random.SeedSequence
    ) -> None:
        self._env = env
        self._settings = settings
        self._tracker = tracker
        self._rng = np.random.default_rng(seed)
        self._pool = gadgets(env.action_table, max_qubits=settings.max_qubits)
        self._grown = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether another episode would only repeat the first."""
        return self._grown > 0 and self._settings.spread == 0 and self._env.evaluator.shots is None

    def play(self) -> Sequence[Mapping[str, Any]]:
        """Grow one circuit until nothing is gained, nothing more fits, or the budget is spent; return the record."""
        current, n_steps, end_reason = self._start(), 0, "budget"
        while not self._tracker.is_over:
            grown = self._grow(current)
            if grown is None:
                end_reason = "budget" if self._tracker.is_over else "stalled"
                break
            current, n_steps = grown, n_steps + 1
        self._grown += 1
        tried = Evaluation(current.circuit, current.parameters, current.energy, 0, 0, 0)
        noiseless = self._env.evaluator.noiseless_energy(current.circuit, current.parameters)
        error = abs(noiseless - self._env.problem.exact_energy)
        return ({**outcome(tried, error), "additions": n_steps, "end_reason": end_reason},)

    def _start(self) -> BestCircuit:
        """Return the environment's start circuit with its angles optimized."""
        return self._optimize(self._env.start.circuit, np.array(self._env.start.parameters))

    def _grow(self, current: BestCircuit) -> BestCircuit | None:
        """Return the circuit with the best addition, all angles optimized; None if none lowers the value."""
        tried: list[BestCircuit] = []
        for circuit, angles in self._candidates(current):
            if len(circuit.operations) <= self._env.max_gates:
                tried.append(self._optimize(circuit, angles))
            if len(tried) == self._settings.breadth or (tried and self._tracker.is_over):
                break
        scores = [self._score(current, t.circuit, t.value) for t in tried]
        return tried[int(np.argmax(scores))] if max(scores, default=0.0) > 0 else None

    def _candidates(self, current: BestCircuit) -> Sequence[tuple[Circuit, NDArray[np.float64]]]:
        """Return the candidates with a gain, simplified, in the order of their scores, the best ones first."""
        spread = self._settings.spread if self._grown else 0.0
        factors = np.exp(spread * self._rng.normal(size=len(self._pool)))
        rows = []
        for factor, (circuit, angles, energy) in zip(factors, self._screen(current), strict=False):
            value = energy + self._tracker.judge.price(circuit)
            score = factor * self._score(current, circuit, value)
            if score > 0:
                rows.append((score, circuit, angles))
        rows.sort(key=lambda row: -row[0])
        return [self._simplify(circuit, angles) for _, circuit, angles in rows[: 4 * self._settings.breadth]]

    def _screen(self, current: BestCircuit) -> Iterator[tuple[Circuit, NDArray[np.float64], float]]:
        """Yield for every gadget the longer circuit, its angles with the best last one, and the energy there.

        A budget that is spent ends it early: a large pool costs thousands of energies.
        """
        opened: dict[tuple[tuple[int, int], ...], tuple[Circuit, NDArray[np.float64]]] = {}
        for gadget in self._pool:
            if self._tracker.is_over:
                return
            if gadget.opening not in opened:
                opened[gadget.opening] = self._simplify(
                    current.circuit.then(_cnots(gadget.opening)), current.parameters
                )
            before, angles = opened[gadget.opening]
            rotation = Operation(gadget.rotation, (gadget.qubit,), (Slot(len(angles)),))
            circuit = before.then((rotation, *_cnots(gadget.closing)))
            points = np.column_stack([np.tile(angles, (len(_ANGLES), 1)), _ANGLES])
            angle, energy = sinusoid_minimum(*self._energies(circuit, points))
            yield circuit, np.append(angles, angle), energy

    def _simplify(self, circuit: Circuit, angles: NDArray[np.float64]) -> tuple[Circuit, NDArray[np.float64]]:
        return simplify(circuit, angles, is_from_zero=not self._env.problem.n_references)

    def _energies(self, circuit: Circuit, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return energies as circuits are judged by, measured or noiseless."""
        is_ideal = self._tracker.judge.by == "noiseless"
        found, shots = self._env.evaluator.energies(circuit, points, shots_rng=self._rng, is_ideal=is_ideal)
        self._tracker.spend({"evaluations": len(points), "gradients": 0, "shots": shots}, steps=0)
        return found

    def _optimize(self, circuit: Circuit, angles: NDArray[np.float64]) -> BestCircuit:
        tried = self._env.evaluator.optimize(circuit, angles, optimizer_rng=self._rng, shots_rng=self._rng)
        return BestCircuit(circuit, tried.parameters, tried.energy, self._tracker.note(tried))

    def _score(self, current: BestCircuit, circuit: Circuit, value: float) -> float:
        """Return the gain in value per CNOT added and one, 0 if it is too small to count."""
        gain = current.value - value
        if gain <= self._settings.min_gain:
            return 0.0
        added = circuit.n_two_qubit_gates - current.circuit.n_two_qubit_gates
        return gain / (1 + self._settings.cnot_weight * max(added, 0))

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the random stream, the number of episodes, and what the evaluator remembers."""
        return self._env.evaluator.state(), {"rng": dict(self._rng.bit_generator.state), "grown": self._grown}

    def load_state(self, arrays: dict[str, NDArray[Any]], data: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self._env.evaluator.load_state(arrays)
        self._rng.bit_generator.state = data["rng"]
        self._grown = int(data["grown"])


def sinusoid_minimum(at_zero: float, at_right_angle: float, at_minus_right_angle: float) -> tuple[float, float]:
    """Return where E(t) = m + a cos(t) + b sin(t) is lowest, and its value, from E(0), E(pi/2) and E(-pi/2).

    Every expectation value is of this form in the angle of one RX, RY or RZ, whatever channels act around it.
    """
    m = (at_right_angle + at_minus_right_angle) / 2
    a, b = at_zero - m, (at_right_angle - at_minus_right_angle) / 2
    return math.atan2(-b, -a), m - math.hypot(a, b)


def _cnots(pairs: Sequence[tuple[int, int]]) -> tuple[Operation, ...]:
    return tuple(Operation("cx", pair) for pair in pairs)
