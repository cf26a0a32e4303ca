"""Tasks that minimize an expectation value: prepare a state, cut a graph, find a ground state."""

import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from qvar.latent.space import CircuitSpace
from qvar.latent.tasks.scores import Score
from qvar.latent.tasks.task import Evaluation
from qvar.optimizers import CompactLBFGS, Optimizer
from qvar.simulators import Circuit, Engine, NoiseModel, Objective, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import LatentError

__all__ = ["DEFAULT_OPTIMIZER", "Goal", "LatentTask"]

DEFAULT_OPTIMIZER = CompactLBFGS(max_iterations=100, tolerance=1e-5, value_tolerance=1e-8)
"""How angles are trained where nothing is published: exact gradients, until nothing more is gained."""


class Goal(Protocol):
    """What is minimized: a `qvar.problems.Problem` or a `TargetState`."""

    @property
    def key(self) -> str:
        """Short name."""
        ...

    @property
    def n_qubits(self) -> int:
        """Qubits of a circuit."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the values."""
        ...

    @property
    def exact_energy(self) -> float:
        """The lowest value there is."""
        ...

    def objective(self, engine: Engine, circuit: Circuit) -> Objective:
        """Return the value of `circuit` as a function of its angles."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the goal as JSON data."""
        ...


@dataclass(frozen=True)
class LatentTask:
    """Train a circuit's angles on an expectation value, and score the lowest one.

    Training starts from the angles that come with the circuit. With a noisy engine the search sees noisy values; every
    evaluation also carries the noiseless value at the same angles.

    Attributes:
        key: short name for files and tables.
        title: the task in one line.
        problem: what is minimized.
        score: turns the lowest value into the reward.
        threshold: a circuit is a candidate if its reward without noise is at least this.
        space: the circuits that suit the task.
        optimizer: how angles are trained.
        engine: where values come from.
        source: where the task comes from.
        note: what to know before quoting its numbers.

    Raises:
        LatentError: for a threshold outside (0, 1], or a space of another number of qubits.
    """

    key: str
    title: str
    problem: Goal
    score: Score
    threshold: float
    space: CircuitSpace
    optimizer: Optimizer = DEFAULT_OPTIMIZER
    engine: Engine = field(default_factory=StatevectorSimulator)
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise LatentError(f"a threshold lies above 0 and at most at 1, got {self.threshold}")
        if self.space.n_qubits != self.problem.n_qubits:
            raise LatentError(
                f"task {self.key!r} has {self.problem.n_qubits} qubit(s) and its space {self.space.n_qubits}; they "
                "must agree"
            )

    @property
    def n_qubits(self) -> int:
        """Qubits of a circuit."""
        return self.problem.n_qubits

    @property
    def is_noisy(self) -> bool:
        """Whether values hold noise."""
        return self.engine.noise is not None

    def under(self, noise: NoiseModel | str) -> "LatentTask":
        """Return the task as it is under the noise of a device, with any two of its qubits coupled.

        Args:
            noise: a noise model, or a name for `NoiseModel.named`.

        Raises:
            NoiseModelError: for an unknown device.
        """
        model = (NoiseModel.named(noise) if isinstance(noise, str) else noise).without_coupling()
        if model.n_qubits is not None and model.n_qubits < self.n_qubits:
            raise LatentError(
                f"device {model.name!r} has {model.n_qubits} qubit(s), task {self.key!r} needs {self.n_qubits}"
            )
        file_name = re.sub(r"[^A-Za-z0-9._+-]+", "-", model.name)  # keys name files and folders
        return replace(
            self,
            key=f"{self.key}@{file_name}",
            title=f"{self.title}, under the noise of {model.name}",
            engine=PauliTransferSimulator(model),
        )

    def evaluate(self, circuit: Circuit, start: NDArray[np.float64], rng: np.random.Generator) -> Evaluation:
        """Train `circuit` from the angles `start`, shape (n_parameters,), and score it.

        Raises:
            QvarError: if the circuit has another number of qubits than the task.
        """
        minimum = self.optimizer.minimize(self.problem.objective(self.engine, circuit), start, rng)
        value = float(minimum.value)
        ideal = value
        if self.is_noisy:
            ideal = float(self.problem.objective(_IDEAL, circuit)(minimum.parameters))
        calls = len(minimum.history)
        return Evaluation(self.score(value), value, minimum.parameters, self.score(ideal), ideal, calls)

    def to_dict(self) -> dict[str, Any]:
        """Return all that rewards depend on as JSON data."""
        return {
            "key": self.key,
            "problem": self.problem.to_dict(),
            "score": {"name": type(self.score).__name__, **asdict(self.score)},  # type: ignore[call-overload]
            "optimizer": {"name": type(self.optimizer).__name__, **asdict(self.optimizer)},  # type: ignore[call-overload]
            "engine": _described(self.engine),
        }


def _described(engine: Engine) -> dict[str, Any]:
    """Return name, noise and settings; exact engines have no settings."""
    description = {"name": engine.name, "noise": None if engine.noise is None else engine.noise.to_dict()}
    names = [each.name for each in fields(cast(Any, engine)) if each.init and each.name != "noise"]
    settings = {name: repr(getattr(engine, name)) for name in names}
    return description | ({"settings": settings} if settings else {})


_IDEAL = StatevectorSimulator()
