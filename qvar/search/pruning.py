"""Prune a finished circuit: take out every gate that it can do without, the other angles optimized anew.

What a search finds carries gates that hardly matter; under noise each of them even costs energy. Pruning asks the same
engine as the search, noise included, so that leaving out a gate leaves out its noise.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.envs import CircuitEvaluator, Evaluation
from qvar.optimizers import CompactLBFGS, Optimizer
from qvar.problems import Problem
from qvar.search.best import BestCircuit
from qvar.search.result import Cost
from qvar.search.simplify import free_angles, simplify
from qvar.simulators import Circuit, Engine
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import RunError

__all__ = ["Pruned", "Pruning", "prune", "prune_evaluated"]

_RIGHT_ANGLE = np.pi / 2


WARM_DESCENT = CompactLBFGS(max_iterations=100, tolerance=1e-6, value_tolerance=1e-10, displacement=0.0)
"""How angles are optimized after a removal: from those of before, and never from elsewhere."""


@dataclass(frozen=True)
class Pruning:
    """Settings of `prune`.

    Args:
        tolerance: how far the energy may rise in all above the lowest that was met, in the problem's unit, at least 0.
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
    """A circuit after pruning.

    Attributes:
        circuit: what is left, every angle free.
        parameters: its angles, float64 of shape (circuit.n_parameters,), radians.
        energy: exact value under the engine's noise.
        before: circuit, angles and energy as they were given.
        cost: what pruning spent; `steps` counts the optimizations.
    """

    circuit: Circuit
    parameters: NDArray[np.float64]
    energy: float
    before: BestCircuit
    cost: Cost


def prune(
    problem: Problem,
    engine: Engine,
    circuit: Circuit,
    parameters: ArrayLike,
    *,
    tolerance: float = Pruning.tolerance,
    tries: int = Pruning.tries,
    optimizer: Optimizer = WARM_DESCENT,
    rng: np.random.Generator | None = None,
    on_circuit: Callable[[Evaluation], None] | None = None,
) -> Pruned:
    """Take gates out of a circuit as long as its energy stays, optimizing the remaining angles after each.

    First all angles are freed and optimized. Then, again and again, every gate is left out, every pair of CNOTs, and
    every angle is rounded to a multiple of pi/2 where that lets `simplify` do away with a gate. What is shorter is
    evaluated at the angles of before; in the order of these energies it is optimized, until `tries` circuits were, or
    beyond that until one fits: energy at most `tolerance` above the lowest met so far. Of those that fit the lowest is
    kept, of equal ones the one with fewer CNOTs. It ends when no single gate can go, nor any of as many pairs.

    Energies are exact values of `engine`, noise and read-out error included, also where a search measured with shots.

    Args:
        problem: what the circuit is to minimize.
        engine: where energies come from.
        circuit: the circuit; angles may be free, fixed or shared, and are independent afterwards. Explicit channels stay.
        parameters: its angles, shape (circuit.n_parameters,), radians.
        tolerance: see `Pruning`.
        tries: see `Pruning`.
        optimizer: how angles are optimized after a removal, from those of before.
        rng: chance of the optimizer, None for seed 0; L-BFGS draws none.
        on_circuit: called with every circuit that was optimized on the way.

    Returns:
        The circuit left, its energy at most `tolerance` above that of the given one.

    Raises:
        RunError: for numbers out of range, or an engine that gives estimates from shots only.
    """
    settings = Pruning(tolerance, tries)
    evaluator = CircuitEvaluator(problem, engine, optimizer=optimizer)
    if problem.objective(engine, circuit).shots_per_evaluation:
        raise RunError(f"pruning compares exact energies; {engine.name} estimates them from shots. Use another engine")
    generator = np.random.default_rng(0) if rng is None else rng
    given = evaluator.evaluate(circuit, parameters, shots_rng=generator)
    seen = _Seen(given, on_circuit)
    left = prune_evaluated(evaluator, given, settings, rng=generator, report=seen.note)
    before = BestCircuit(given.circuit, given.parameters, given.energy)
    return Pruned(left.circuit, left.parameters, left.energy, before, seen.cost)


class _Seen:
    """Adds up what pruning spends (mutable)."""

    def __init__(self, given: Evaluation, on_circuit: Callable[[Evaluation], None] | None) -> None:
        self.cost = Cost(evaluations=given.evaluations, shots=given.shots)
        self._on_circuit = on_circuit

    def note(self, tried: Evaluation, steps: int) -> None:
        spent = {"evaluations": tried.evaluations, "gradients": tried.gradients, "shots": tried.shots}
        self.cost = self.cost.plus(spent, steps=steps)
        if steps and self._on_circuit is not None:
            self._on_circuit(tried)


def prune_evaluated(
    evaluator: CircuitEvaluator,
    given: Evaluation,
    settings: Pruning,
    *,
    rng: np.random.Generator,
    report: Callable[[Evaluation, int], None],
) -> Evaluation:
    """Prune as `prune` does, by an evaluator of one's own.

    Args:
        evaluator: judges circuits, by its own optimizer.
        given: the circuit, evaluated.
        settings: tolerance and tries.
        rng: chance of optimizer and shots.
        report: called with every circuit judged, and with 1 if it was optimized, 0 if merely evaluated.
    """
    pruner = _Pruner(evaluator, settings, rng, report)
    pruner.polish(given)
    while pruner.shorten():
        pass
    return pruner.current


class _Pruner:
    """The circuit as it shrinks (mutable)."""

    def __init__(
        self,
        evaluator: CircuitEvaluator,
        settings: Pruning,
        rng: np.random.Generator,
        report: Callable[[Evaluation, int], None],
    ) -> None:
        self._evaluator = evaluator
        self._settings = settings
        self._rng = rng
        self._report = report
        self._lowest = np.inf
        self.current: Evaluation

    def polish(self, given: Evaluation) -> None:
        """Start with the angles optimized, and with what does nothing left out if that is no worse."""
        self.current, self._lowest = given, given.energy
        for circuit, angles in (
            free_angles(given.circuit, given.parameters),
            simplify(given.circuit, given.parameters),
        ):
            tried = self._optimize(circuit, angles)
            if self._fits(tried):
                self.current = tried

    def shorten(self) -> bool:
        """Leave out what is missed least, a gate or else two CNOTs; return whether anything fits."""
        bound = self.current.circuit.bind(self.current.parameters)
        return self._take_best(_with_less(bound)) or self._take_best(_without_two_cnots(bound))

    def _take_best(self, candidates: Iterable[Circuit]) -> bool:
        """Go on with the best of the candidates that fit, if there is one."""
        screened = sorted(self._screened(candidates), key=lambda tried: tried.energy)
        patience = self._settings.tries + 2 * len(self.current.circuit.operations)
        optimized: list[Evaluation] = []
        for tried in screened[:patience]:
            if len(optimized) >= self._settings.tries and any(map(self._fits, optimized)):
                break
            optimized.append(self._optimize(tried.circuit, tried.parameters))
        fitting = [tried for tried in optimized if self._fits(tried)]
        if not fitting:
            return False
        lowest = min(tried.energy for tried in fitting)
        equal = [tried for tried in fitting if tried.energy <= lowest + self._settings.tolerance / 10]
        self.current = min(equal, key=lambda tried: _size(tried.circuit))
        return True

    def _screened(self, candidates: Iterable[Circuit]) -> Iterator[Evaluation]:
        """Yield the candidates that are shorter, simplified and evaluated, each circuit once."""
        known: set[str] = set()
        for candidate in candidates:
            circuit, angles = simplify(candidate, [])
            if _size(circuit) < _size(self.current.circuit) and circuit.key() not in known:
                known.add(circuit.key())
                tried = self._evaluator.evaluate(circuit, angles, shots_rng=self._rng)
                self._report(tried, 0)
                yield tried

    def _fits(self, tried: Evaluation) -> bool:
        """Tell whether the energy is within the tolerance of the lowest that was met."""
        return tried.energy <= self._lowest + self._settings.tolerance

    def _optimize(self, circuit: Circuit, angles: NDArray[np.float64]) -> Evaluation:
        tried = self._evaluator.optimize(circuit, angles, optimizer_rng=self._rng, shots_rng=self._rng)
        self._lowest = min(self._lowest, tried.energy)
        self._report(tried, 1)
        return tried


def _size(circuit: Circuit) -> tuple[int, int]:
    return circuit.n_two_qubit_gates, len(circuit.operations)


def _with_less(bound: Circuit) -> Iterator[Circuit]:
    """Yield a circuit of fixed angles without each of its gates, and with each of its angles a multiple of pi/2."""
    gates = bound.operations
    for place, gate in enumerate(gates):
        if gate.channel is None:
            yield _without(bound, place)
        if gate.parameters:
            rounded = tuple(round(float(p) / _RIGHT_ANGLE) * _RIGHT_ANGLE for p in gate.parameters)
            yield Circuit(bound.n_qubits, (*gates[:place], gate.with_parameters(rounded), *gates[place + 1 :]))


def _without_two_cnots(bound: Circuit) -> Iterator[Circuit]:
    """Yield the circuit without each two of its gates on two qubits."""
    places = [k for k, gate in enumerate(bound.operations) if len(gate.qubits) == 2 and gate.channel is None]
    for pair in combinations(places, 2):
        yield _without(bound, *pair)


def _without(circuit: Circuit, *places: int) -> Circuit:
    kept = (gate for place, gate in enumerate(circuit.operations) if place not in places)
    return Circuit(circuit.n_qubits, tuple(kept))
