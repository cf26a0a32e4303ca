"""Prune a finished circuit: take out every gate that it can do without, the other angles optimized anew.

What a search finds carries gates that hardly matter; under noise each of them even costs energy. Pruning asks the same
engine as the search, noise included, so that leaving out a gate leaves out its noise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.envs import CircuitEvaluator
from qvar.optimizers import CompactLBFGS, Optimizer
from qvar.problems import Problem
from qvar.search.best import BestCircuit
from qvar.search.judge import Judge
from qvar.search.result import Cost
from qvar.search.searcher import Tracker
from qvar.search.simplify import free_angles, simplify
from qvar.simulators import Circuit, Engine, Slot
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import RunError

__all__ = ["Pruned", "Pruning", "prune"]

_RIGHT_ANGLE = np.pi / 2


WARM_DESCENT = CompactLBFGS(max_iterations=100, tolerance=1e-6, value_tolerance=1e-10, displacement=0.0)
"""How angles are optimized after a removal: from those of before, and never from elsewhere."""


@dataclass(frozen=True)
class Pruning:
    """Settings of `prune`.

    Args:
        tolerance: how far the value may rise in all above the lowest that was met, in the problem's unit, at least 0.
        tries: shortened circuits that are optimized before the best that fits is taken, at least 1. More find a better
            order of removals and cost more.

    Raises:
        RunError: for numbers out of range.
    """

    tolerance: float = 1e-6
    tries: int = 8

    def __post_init__(self) -> None:
        if not (self.tolerance >= 0 and np.isfinite(self.tolerance)):
            raise RunError(f"tolerance is an energy of at least 0, got {self.tolerance!r}")
        object.__setattr__(self, "tries", check_whole("tries", self.tries, error=RunError))


@dataclass(frozen=True)
class Pruned:
    """What is left of a circuit.

    Attributes:
        after: the circuit left, every angle free, with its angles, energy and value.
        before: the circuit as it was given.
        cost: what pruning spent; `steps` counts the optimizations.
        met: the circuits optimized on the way that none beats in energy, CNOTs and depth at once (see `ParetoArchive`).
    """

    after: BestCircuit
    before: BestCircuit
    cost: Cost
    met: tuple[BestCircuit, ...]

    @property
    def circuit(self) -> Circuit:
        """The circuit left."""
        return self.after.circuit

    @property
    def parameters(self) -> NDArray[np.float64]:
        """Its angles, float64 of shape (circuit.n_parameters,), radians."""
        return self.after.parameters

    @property
    def energy(self) -> float:
        """Its exact energy under the engine's noise, in the problem's unit."""
        return self.after.energy


def prune(
    problem: Problem,
    engine: Engine,
    circuit: Circuit,
    parameters: ArrayLike,
    *,
    tolerance: float = Pruning.tolerance,
    tries: int = Pruning.tries,
    judge: Judge | None = None,
    optimizer: Optimizer = WARM_DESCENT,
    rng: np.random.Generator | None = None,
) -> Pruned:
    """Take gates out of a circuit as long as its energy stays, optimizing the remaining angles after each.

    First all angles are freed and optimized. Then, again and again, every gate is left out, and every angle is rounded
    to a multiple of pi/2 where that lets `simplify` do away with a gate. What is shorter is evaluated at the angles of
    before, and optimized in the order of the values found: `tries` circuits, or more until one fits, its value at most
    `tolerance` above the lowest met so far. Of those that fit the lowest is kept, of equal ones the one with fewer
    CNOTs. Where no gate can go alone, two CNOTs are left out together. It ends where none of these fits.

    Energies are exact values of `engine`, noise and read-out error included, also where a search measured with shots.
    Without a judge the value of a circuit is its energy.

    Args:
        problem: what the circuit is to minimize.
        engine: where energies come from.
        circuit: the circuit; angles may be free, fixed or shared, and are independent afterwards. Channels stay.
        parameters: its angles, shape (circuit.n_parameters,), radians.
        tolerance: see `Pruning`.
        tries: see `Pruning`.
        judge: how circuits are valued; None for `Judge()`, by their energy on the engine.
        optimizer: how angles are optimized after a removal, from those of before.
        rng: chance of the optimizer, None for seed 0; L-BFGS draws none.

    Returns:
        The circuit left, its value at most `tolerance` above that of the given one.

    Raises:
        RunError: for numbers out of range, or an engine that gives estimates from shots only.
    """
    if problem.objective(engine, circuit).shots_per_evaluation:
        raise RunError(f"pruning compares exact energies; {engine.name} estimates them from shots. Use another engine")
    evaluator = CircuitEvaluator(problem, engine, optimizer=optimizer)
    pruner = _Pruner(evaluator, Pruning(tolerance, tries), judge, np.random.default_rng(0) if rng is None else rng)
    before = pruner.begin(circuit, parameters)
    while pruner.shorten():
        pass
    return Pruned(pruner.current, before, pruner.tracker.cost, pruner.tracker.archive.circuits)


class _Pruner:
    """The circuit as it shrinks (mutable)."""

    def __init__(
        self, evaluator: CircuitEvaluator, settings: Pruning, judge: Judge | None, rng: np.random.Generator
    ) -> None:
        self._evaluator = evaluator
        self._settings = settings
        self._rng = rng
        self._lowest = np.inf
        self.tracker = Tracker(episodes=1, budget=None, judge=Judge() if judge is None else judge, evaluator=evaluator)
        self.current: BestCircuit

    def begin(self, circuit: Circuit, parameters: ArrayLike) -> BestCircuit:
        """Return the given circuit; start from it with what does nothing left out and angles optimized, if no worse."""
        given = self._evaluate(circuit, np.array(parameters, dtype=np.float64))
        self.current, self._lowest = given, given.value
        for start in (free_angles(circuit, parameters), self._simplify(circuit, parameters)):
            tried = self._optimize(*start)
            if self._fits(tried):
                self.current = tried
        return given

    def shorten(self) -> bool:
        """Leave out what is missed least, a gate or else two CNOTs; return whether anything fits."""
        bound = self.current.circuit.bind(self.current.parameters)
        return self._take_best(_with_less(bound)) or self._take_best(_without_two_cnots(bound))

    def _take_best(self, candidates: Iterable[Circuit]) -> bool:
        """Go on with the best of the candidates that fit, if there is one."""
        screened = sorted(self._screened(candidates), key=lambda tried: tried.value)
        patience = self._settings.tries + 2 * len(self.current.circuit.operations)
        optimized: list[BestCircuit] = []
        for tried in screened[:patience]:
            if len(optimized) >= self._settings.tries and any(map(self._fits, optimized)):
                break
            optimized.append(self._optimize(tried.circuit, tried.parameters))
        fitting = [tried for tried in optimized if self._fits(tried)]
        if not fitting:
            return False
        lowest = min(tried.value for tried in fitting)
        equal = [tried for tried in fitting if tried.value <= lowest + self._settings.tolerance / 10]
        self.current = min(equal, key=lambda tried: _size(tried.circuit))
        return True

    def _screened(self, candidates: Iterable[Circuit]) -> Iterator[BestCircuit]:
        """Yield the candidates that are shorter, simplified and evaluated, each circuit once."""
        known: set[str] = set()
        for candidate in candidates:
            circuit, angles = self._simplify(candidate, [])
            if _size(circuit) < _size(self.current.circuit) and circuit.key() not in known:
                known.add(circuit.key())
                yield self._evaluate(circuit, angles)

    def _simplify(self, circuit: Circuit, parameters: ArrayLike) -> tuple[Circuit, NDArray[np.float64]]:
        return simplify(circuit, parameters, is_from_zero=not self._evaluator.problem.n_references)

    def _fits(self, tried: BestCircuit) -> bool:
        """Tell whether the value is within the tolerance of the lowest that was met."""
        return tried.value <= self._lowest + self._settings.tolerance

    def _evaluate(self, circuit: Circuit, angles: NDArray[np.float64]) -> BestCircuit:
        tried = self._evaluator.evaluate(circuit, angles, shots_rng=self._rng)
        self.tracker.spend({"evaluations": tried.evaluations, "gradients": 0, "shots": 0}, steps=0)
        return BestCircuit(circuit, angles, tried.energy, self.tracker.value(circuit, angles, tried.energy))

    def _optimize(self, circuit: Circuit, angles: NDArray[np.float64]) -> BestCircuit:
        tried = self._evaluator.optimize(circuit, angles, optimizer_rng=self._rng, shots_rng=self._rng)
        value = self.tracker.note(tried)
        self._lowest = min(self._lowest, value)
        return BestCircuit(circuit, tried.parameters, tried.energy, value)


def _size(circuit: Circuit) -> tuple[int, int]:
    return circuit.n_two_qubit_gates, len(circuit.operations)


def _with_less(bound: Circuit) -> Iterator[Circuit]:
    """Yield a circuit of fixed angles without each of its gates, and with each of its angles a multiple of pi/2."""
    gates = bound.operations
    for place, gate in enumerate(gates):
        if gate.channel is None:
            yield _without(bound, place)
        if gate.parameters:
            angles = (p for p in gate.parameters if not isinstance(p, Slot))
            rounded = tuple(round(p / _RIGHT_ANGLE) * _RIGHT_ANGLE for p in angles)
            yield Circuit(bound.n_qubits, (*gates[:place], gate.with_parameters(rounded), *gates[place + 1 :]))


def _without_two_cnots(bound: Circuit) -> Iterator[Circuit]:
    """Yield the circuit without each two of its gates on two qubits."""
    places = [k for k, gate in enumerate(bound.operations) if len(gate.qubits) == 2 and gate.channel is None]
    for pair in combinations(places, 2):
        yield _without(bound, *pair)


def _without(circuit: Circuit, *places: int) -> Circuit:
    kept = (gate for place, gate in enumerate(circuit.operations) if place not in places)
    return Circuit(circuit.n_qubits, tuple(kept))
