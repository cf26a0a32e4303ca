"""Judge circuits: optimize all angles of one, evaluate its energy afresh, and count what that cost.

Everything that searches for circuits asks this one object, so that all algorithms pay alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.checks import check_whole
from qvar.simulators.circuit import Circuit
from qvar.simulators.errors import ArchitectureError

if TYPE_CHECKING:
    from qvar.optimizers import Optimizer
    from qvar.problems import Problem
    from qvar.simulators.engine import Engine, Objective

__all__ = ["CircuitEvaluator", "Evaluation", "Sampling"]

Sampling = Literal["multinomial", "normal"]
"""How energies with shots are drawn: outcomes one by one, or normal noise of the same mean and variance."""


@dataclass(frozen=True)
class Evaluation:
    """A circuit with its angles, its energy, and what finding them cost.

    Attributes:
        circuit: the circuit.
        parameters: its angles, float64 of shape (circuit.n_parameters,), radians.
        energy: evaluated afresh at these angles, as the engine and its shots estimate it.
        evaluations: energies evaluated, the final one included.
        gradients: gradients by reverse sweep.
        shots: shots in all.
    """

    circuit: Circuit
    parameters: NDArray[np.float64]
    energy: float
    evaluations: int
    gradients: int
    shots: int


class CircuitEvaluator:
    """Optimizes and evaluates circuits of one problem on one engine; remembers circuits (mutable).

    Args:
        problem: what to minimize.
        engine: where energies come from.
        optimizer: how angles are optimized.
        shots: shots per measured circuit, None for exact values.
        sampling: with shots, "multinomial" outcomes, or "normal" noise of the same mean and variance, which exact
            engines draw inside one compiled minimization.
        remember: circuits whose optimized angles are kept, by `Circuit.key()`. A circuit met again costs the energy
            of its start angles, and is optimized again only if that is the lower one. 0 for none; with shots, where
            an old estimate would be luck repeated, it must be 0.

    Raises:
        ArchitectureError: for numbers out of range, an unknown sampling or one that the engine does not have, or shots
            together with `remember`.
    """

    def __init__(
        self,
        problem: "Problem",
        engine: "Engine",
        *,
        optimizer: "Optimizer",
        shots: int | None = None,
        sampling: Sampling = "multinomial",
        remember: int = 0,
    ) -> None:
        from qvar.simulators.statevector import StatevectorSimulator

        self.problem = problem
        self.engine = engine
        self.optimizer = optimizer
        self.shots = None if shots is None else check_whole("shots", shots, error=ArchitectureError)
        if sampling not in get_args(Sampling):
            raise ArchitectureError(f"sampling is one of {', '.join(get_args(Sampling))}, got {sampling!r}")
        self.sampling = sampling
        self.remember = check_whole("remember", remember, least=0, error=ArchitectureError)
        if self.remember and shots is not None:
            raise ArchitectureError("energies with shots are not remembered: set remember=0, or shots=None")
        self._ideal = engine if isinstance(engine, StatevectorSimulator) else StatevectorSimulator()
        self._known: dict[str, tuple[float, NDArray[np.float64]]] = {}
        if self.shots is not None:  # an engine that cannot draw them so says it now
            self._objective(Circuit(problem.n_qubits), np.random.default_rng(0))

    def optimize(
        self,
        circuit: Circuit,
        start: ArrayLike,
        *,
        optimizer_rng: np.random.Generator,
        shots_rng: np.random.Generator,
    ) -> Evaluation:
        """Optimize all angles of a circuit from `start`, shape (circuit.n_parameters,), and evaluate it."""
        if circuit.n_parameters == 0:
            return self.evaluate(circuit, start, shots_rng=shots_rng)
        objective = self._objective(circuit, shots_rng)
        angles = np.array(start, dtype=np.float64)
        spent = 0
        key = circuit.key() if self.remember else ""
        if key in self._known:
            energy, parameters = self._known[key]
            spent = 1
            if not float(objective(angles)) < energy:
                return Evaluation(circuit, parameters.copy(), energy, spent, 0, 0)
        minimum = self.optimizer.minimize(objective, angles, optimizer_rng)
        parameters = np.array(minimum.parameters, dtype=np.float64)
        energy = float(objective(parameters))
        if self.remember:
            self._known.pop(key, None)
            self._known[key] = (energy, parameters.copy())
            while len(self._known) > self.remember:
                self._known.pop(next(iter(self._known)))
        return Evaluation(
            circuit,
            parameters,
            energy,
            evaluations=minimum.evaluations + spent + 1,
            gradients=minimum.gradients,
            shots=minimum.shots + objective.shots_per_evaluation,
        )

    def evaluate(self, circuit: Circuit, parameters: ArrayLike, *, shots_rng: np.random.Generator) -> Evaluation:
        """Evaluate the energy of a circuit at given angles, shape (circuit.n_parameters,)."""
        objective = self._objective(circuit, shots_rng)
        angles = np.array(parameters, dtype=np.float64)
        return Evaluation(circuit, angles, float(objective(angles)), 1, 0, objective.shots_per_evaluation)

    def energies(
        self, circuit: Circuit, thetas: ArrayLike, *, shots_rng: np.random.Generator, is_ideal: bool = False
    ) -> tuple[NDArray[np.float64], int]:
        """Return the energies of a circuit at many angles, and the shots they took.

        Args:
            circuit: the circuit.
            thetas: angles, shape (n_points, circuit.n_parameters), radians.
            shots_rng: draws the shots.
            is_ideal: energies without noise and shots instead.
        """
        objective = self.problem.objective(self._ideal, circuit) if is_ideal else self._objective(circuit, shots_rng)
        found = objective.batch(thetas)
        return found, len(found) * objective.shots_per_evaluation

    def noiseless_energy(self, circuit: Circuit, parameters: ArrayLike) -> float:
        """Return the energy without noise and shots; judging by it is not counted as a cost."""
        return float(self.problem.objective(self._ideal, circuit)(parameters))

    @property
    def is_noiseless(self) -> bool:
        """Whether energies are themselves exact and noiseless."""
        return self.shots is None and self.engine is self._ideal

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what is remembered, as arrays for a checkpoint."""
        energies = [energy for energy, _ in self._known.values()]
        angles = [parameters for _, parameters in self._known.values()]
        return {
            "keys": np.frombuffer(bytes.fromhex("".join(self._known)), dtype=np.uint8).reshape(-1, 16),
            "energies": np.array(energies, dtype=np.float64),
            "lengths": np.array([len(a) for a in angles], dtype=np.int64),
            "angles": np.concatenate([np.zeros(0), *angles]),
        }

    def load_state(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `state` gave.

        Raises:
            ValueError: if the arrays do not fit together.
        """
        ends = np.cumsum(arrays["lengths"])
        if len(ends) and ends[-1] != len(arrays["angles"]):
            raise ValueError(f"{ends[-1]} remembered angles expected, got {len(arrays['angles'])}")
        angles = np.split(arrays["angles"], ends[:-1]) if len(ends) else []
        rows = zip(arrays["keys"], arrays["energies"], angles, strict=True)
        self._known = {bytes(key).hex(): (float(energy), theta.copy()) for key, energy, theta in rows}

    def _objective(self, circuit: Circuit, shots_rng: np.random.Generator) -> "Objective":
        objective = self.problem.objective(self.engine, circuit)
        if self.shots is None:
            return objective
        if self.sampling == "multinomial":
            return objective.with_shots(self.shots, shots_rng)
        with_normal_shots = getattr(objective, "with_normal_shots", None)
        if with_normal_shots is None:
            raise ArchitectureError(
                f"the engine {self.engine.name} draws no normal shot noise; use PauliTransferSimulator or "
                "StatevectorSimulator, or sampling='multinomial'"
            )
        return with_normal_shots(self.shots, shots_rng)  # type: ignore[no-any-return]
