"""The engine of real devices and their fakes: expectation values with error bars, within the limits of a run."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.hardware.connection import check_fits
from qvar.hardware.estimation import CostEstimate, estimate
from qvar.hardware.options import ExecutionOptions
from qvar.hardware.request import Request
from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.allocation import check_generator
from qvar.simulators.measurement.estimation import Estimate
from qvar.simulators.measurement.grouping import PauliGroups
from qvar.simulators.measurement.parameter_shift import ParameterShift
from qvar.simulators.observable import Observable

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["RuntimeObjective", "RuntimeSimulator"]

Floats = NDArray[np.float64]


class RuntimeSimulator:
    """An engine (see `qvar.simulators.engine.Engine`) that runs on the device of a `HardwareRun`.

    Args:
        run: the device with its limits and record; or a fake backend or the name of one, for a run of its own
            without limits.

    Example:
        >>> RuntimeSimulator("fake:FakeLagosV2").name
        'fake_lagos'
    """

    noise = None  # the device has noise, but no model of it is in force

    def __init__(self, run: "HardwareRun | Any") -> None:
        from qvar.hardware.run import HardwareRun

        self.run = run if isinstance(run, HardwareRun) else HardwareRun(run)

    @property
    def name(self) -> str:
        """Name of the backend."""
        return str(self.run.backend.name)

    def objective(self, circuit: Circuit, observable: Observable) -> "RuntimeObjective":
        """Return the expectation value as a function of the angles; the circuit is transpiled once, when first used.

        Raises:
            HardwareError: if the circuit does not fit on the device.
        """
        check_observable(circuit, observable)
        check_fits(circuit.n_qubits, self.run.backend)
        return RuntimeObjective(self.run, circuit, observable, self.run.options)


class RuntimeObjective:
    """The expectation value of one observable in one circuit on a device; every call is one job.

    `value_and_gradient` sends the value and all parameter shifts as one job, `batch` all its points.
    """

    def __init__(
        self,
        run: "HardwareRun",
        circuit: Circuit,
        observable: Observable,
        options: ExecutionOptions,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.run, self.circuit, self.observable = run, circuit, observable
        self.options, self.rng = options, rng

    @property
    def n_parameters(self) -> int:
        """Number of angles."""
        return self.circuit.n_parameters

    @property
    def shots(self) -> int:
        """Shots per measured basis."""
        return self.options.shots_for_precision

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured bases, without the overhead of mitigation."""
        return self.shots * PauliGroups.of(self.observable).n_groups

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs by parameter shift, value included."""
        return 2 * self._shift.n_occurrences + 1

    @cached_property
    def _shift(self) -> ParameterShift:
        return ParameterShift(self.circuit)

    @cached_property
    def _isa(self) -> tuple[Any, Any, list[int]]:
        """The circuit, with an angle for every gate, and the observable on the device; and the order of the angles."""
        flat = self._shift.circuit.to_qiskit()
        names = {parameter: k for k, parameter in enumerate(flat.parameters)}
        isa = self.run.pass_manager().run(flat)
        operator = self.observable.to_qiskit().apply_layout(isa.layout)
        return isa, operator, [names[parameter] for parameter in isa.parameters]

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians."""
        return float(self.batch(self.circuit.check_parameters(theta)[None, :])[0])

    def estimate(self, theta: ArrayLike) -> Estimate:
        """Return the energy with its standard error, as the service reports it."""
        values, errors = self._measure(self._angles(self.circuit.check_parameters(theta)[None, :]))
        return Estimate(float(values[0]), float(errors[0]), self.shots_per_evaluation)

    def batch(self, thetas: ArrayLike) -> Floats:
        """Return the energies for `thetas` of shape (n_points, n_parameters) from one job."""
        points = check_batch(thetas, self.n_parameters)
        return self._measure(self._angles(points))[0] if len(points) else np.zeros(0)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Floats]:
        """Return the energy and its gradient per radian by parameter shift, from one job."""
        here = self._angles(self.circuit.check_parameters(theta)[None, :])
        value: Floats = np.zeros(1)

        def energies(shifted: Floats) -> Floats:
            values = self._measure(np.concatenate([here, shifted]))[0]
            value[0] = values[0]
            return values[1:]

        gradient = self._shift.gradient(theta, energies)
        if self._shift.n_occurrences == 0:
            value = self._measure(here)[0]
        return float(value[0]), gradient

    def with_shots(self, shots: Any, rng: np.random.Generator) -> "RuntimeObjective":
        """Return the same objective with other shots per measured basis.

        Args:
            shots: a whole number.
            rng: seeds the shots of fake backends; a device has chance of its own.

        Raises:
            EngineError: for a budget, which a device's own estimator does not divide.
        """
        if isinstance(shots, bool) or not isinstance(shots, int | np.integer) or shots < 1:
            raise EngineError(f"hardware takes a whole number of shots per measured basis, 1 or more; got {shots!r}")
        options = replace(self.options, shots=int(shots), precision=None)
        objective = RuntimeObjective(self.run, self.circuit, self.observable, options, rng=check_generator(rng))
        if "_isa" in self.__dict__:
            objective.__dict__["_isa"] = self._isa  # transpiled once
        return objective

    def cost(self, *, points: int = 1, gradient: bool = False) -> CostEstimate:
        """Return what one job with `points` points, or with one gradient, would cost; nothing is submitted."""
        rows = self.evaluations_per_gradient if gradient else points
        return estimate(self._request(np.zeros((rows, self._shift.n_occurrences)), seed=None), self.run.backend)

    def _angles(self, thetas: Floats) -> Floats:
        """Return the angle of every gate at every point."""
        return np.array([[slot.angle(theta) for slot in self._shift.occurrences] for theta in thetas]).reshape(
            len(thetas), self._shift.n_occurrences
        )

    def _request(self, angles: Floats, seed: int | None) -> Request:
        isa, operator, order = self._isa
        return Request.of("estimator", [(isa, operator, angles[:, order])], self.options, seed=seed)

    def _measure(self, angles: Floats) -> tuple[Floats, Floats]:
        """Return energies and standard errors at rows of angles of the gates, from one job."""
        seed = None if self.rng is None or self.run.is_real else int(self.rng.integers(2**31))
        data = self.run.submit(self._request(angles, seed)).result()[0].data
        return np.asarray(data.evs, dtype=np.float64), np.asarray(data.stds, dtype=np.float64)
