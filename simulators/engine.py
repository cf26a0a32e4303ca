"""The contract of every engine: `engine.objective(circuit, observable)` gives a function of the angles.

An engine is a small frozen object (method, noise); an objective is what it makes of one circuit and one observable.
All engines take the same circuits and observables, so one can stand in for another; what one cannot do it refuses.
"""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.errors import EngineError, NoiseModelError
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable

if TYPE_CHECKING:
    from qvar.simulators.measurement.allocation import ShotBudget

__all__ = ["Engine", "Objective", "check_batch", "check_noise", "check_noise_model", "check_observable"]


@runtime_checkable
class Objective(Protocol):
    """The expectation value of one observable in one circuit, as a function of the circuit's angles."""

    @property
    def n_parameters(self) -> int:
        """Number of angles."""
        ...

    @property
    def shots(self) -> "int | ShotBudget | None":
        """Shots per measured circuit, or the budget of one energy, as given; None for exact values."""
        ...

    @property
    def shots_per_evaluation(self) -> int:
        """Shots that one energy costs in total, over all measured circuits; 0 when exact."""
        ...

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one `value_and_gradient` costs: 1 for a reverse sweep, 2 P + 1 for parameter shift."""
        ...

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at angles `theta`, shape (n_parameters,), radians."""
        ...

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its gradient, float64 of shape (n_parameters,), per radian."""
        ...

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters), float64 of shape (n_points,)."""
        ...

    def with_shots(self, shots: "int | ShotBudget", rng: np.random.Generator) -> "Objective":
        """Return the same objective estimated from `shots` shots per measured circuit or a budget, drawn by `rng`."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Something that turns a circuit and an observable into an objective."""

    @property
    def name(self) -> str:
        """Name for records and tables."""
        ...

    @property
    def noise(self) -> NoiseModel | None:
        """The noise in force, None for an ideal engine."""
        ...

    def objective(self, circuit: Circuit, observable: Observable) -> Objective:
        """Return the expectation value of `observable` after `circuit` as a function of the angles."""
        ...


def check_observable(circuit: Circuit, observable: Observable) -> None:
    """Raise EngineError unless circuit and observable speak about the same number of qubits."""
    if not isinstance(circuit, Circuit) or not isinstance(observable, Observable):
        raise EngineError(
            f"an objective takes a Circuit and an Observable, got {type(circuit).__name__} and "
            f"{type(observable).__name__}; Circuit.from_qiskit and Observable.from_qiskit translate Qiskit's"
        )
    if circuit.n_qubits != observable.n_qubits:
        raise EngineError(
            f"the circuit has {circuit.n_qubits} qubit(s) and the observable {observable.n_qubits}; they must agree"
        )


def check_noise_model(noise: NoiseModel | None) -> None:
    """Raise EngineError unless `noise` is a noise model or None."""
    if noise is not None and not isinstance(noise, NoiseModel):
        raise EngineError(f"noise is a NoiseModel or None, got {noise!r}; NoiseModel.named(...) finds devices by name")


def check_noise(circuit: Circuit, noise: NoiseModel | None) -> None:
    """Raise NoiseModelError if the circuit has more qubits than the device."""
    if noise is not None and noise.n_qubits is not None and circuit.n_qubits > noise.n_qubits:
        raise NoiseModelError(
            f"device {noise.name!r} has {noise.n_qubits} qubit(s), the circuit {circuit.n_qubits}; use a larger device"
        )


def check_batch(thetas: ArrayLike, n_parameters: int) -> NDArray[np.float64]:
    """Return `thetas` as a contiguous float64 array of shape (n_points, n_parameters), or raise EngineError."""
    values = np.array(thetas, dtype=np.float64, order="C")  # a copy: kernels take no read-only arrays
    if values.ndim != 2 or values.shape[1] != n_parameters:
        raise EngineError(f"a batch has shape (n_points, {n_parameters}), got {values.shape}")
    if not np.isfinite(values).all():
        raise EngineError("a batch must hold finite numbers only")
    return values
