"""Shot noise in the limit of many shots: one normal number for each energy, with the mean and variance of the real one.

A group g of terms measured together has outcomes worth v_g, with probabilities that include read-out error. With N
shots for each group the estimate has the mean E = c + sum_g <v_g> and the variance (1/N) sum_g (<v_g**2> - <v_g>**2),
covariances of terms within a group included. Both are exact here; only that the distribution is normal is a limit, so
that skewness, of order 1 / sqrt(N), and the lattice of possible estimates are missing. `ShotObjective` has them.

<v_g> and <v_g**2> are sums of Pauli expectation values of one final state, so in the Pauli-Liouville picture a sample
costs little more than an exact energy.
"""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.kernels import compiled, workspace
from qvar.simulators.measurement.allocation import Shots, check_number
from qvar.simulators.measurement.parameter_shift import ParameterShift
from qvar.simulators.measurement.plan import MeasurementPlan, apply_local

if TYPE_CHECKING:
    from qvar.simulators.exact import CompiledProgram, ExactObjective

__all__ = ["NormalShotObjective", "moment_terms"]

Vector = NDArray[np.float64]
_NEGLIGIBLE = 1e-15
"""Coefficients below this share of the largest are rounding errors."""


class NormalShotObjective:
    """An objective with normal shot noise; holds the generator it draws from, one number for each energy.

    Args:
        exact: the exact objective.
        shots: shots for each measured group, at least 1.
        rng: where the noise comes from.

    Raises:
        EngineError: if `shots` is no whole number of at least 1.

    Source: Patel et al., arXiv 2402.03500, add Gaussian noise to the energy too.
    Differs from the source:
    - the variance is that of the measurement in the state at hand; there it is one over the shots for every term,
      whatever the state, the identity included.

    Example:
        >>> from qvar.simulators import Circuit, Observable, Operation, PauliTransferSimulator, Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
        >>> exact = PauliTransferSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
        >>> sampled = exact.with_normal_shots(100, np.random.default_rng(7))
        >>> mean, variance = sampled.moments([1.0])
        >>> round(mean, 6), round(variance, 6)  # cos 1 and (sin 1)**2 / 100
        (0.540302, 0.007081)
    """

    def __init__(self, exact: "ExactObjective", shots: int, rng: np.random.Generator) -> None:
        self.shots = check_number(shots)
        self._exact = exact
        self._rng = rng

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        return self._exact.circuit

    @property
    def n_parameters(self) -> int:
        """Number of angles."""
        return self._exact.n_parameters

    @property
    def plan(self) -> MeasurementPlan:
        """How the observable is measured."""
        return self._exact.plan

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured groups."""
        return self.shots * self._exact.plan.n_groups

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs by parameter shift, value included."""
        return 2 * self._shift.n_occurrences + 1

    @property
    def program(self) -> "CompiledProgram":
        """What the kernel `moments` takes."""
        return self._exact.moments_program

    @cached_property
    def _shift(self) -> ParameterShift:
        return ParameterShift(self._exact.circuit)

    @cached_property
    def _shifted(self) -> "NormalShotObjective":
        exact = self._exact.for_circuit(self._shift.circuit)
        return NormalShotObjective(exact, self.shots, self._rng)

    def moments(self, theta: ArrayLike) -> tuple[float, float]:
        """Return mean and variance of an energy at `theta`, shape (n_parameters,), radians."""
        values = self.circuit.check_parameters(theta)
        single = np.empty(1)
        work = workspace(self.program.energy_numbers)
        mean = compiled(self.program.picture, "moments")(*self.program.arguments, values, work, single)
        return mean, float(single[0]) / self.shots

    def draw(self, count: int) -> Vector:
        """Return the standard normal numbers that the next `count` energies use, shape (count,), for others to use."""
        return self._rng.standard_normal(count)

    def __call__(self, theta: ArrayLike) -> float:
        """Return one estimate of the energy."""
        mean, variance = self.moments(theta)
        return mean + float(np.sqrt(variance)) * float(self._rng.standard_normal())

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Vector]:
        """Return estimates of the energy and of its gradient by parameter shift."""
        gradient = self._shift.gradient(theta, self._shifted.batch)
        return self(theta), gradient

    def batch(self, thetas: ArrayLike) -> Vector:
        """Return one estimate for each row of `thetas`."""
        return np.array([self(theta) for theta in check_batch(thetas, self.n_parameters)], dtype=np.float64)

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> "NormalShotObjective":
        """Return the objective with another number of shots for each measured group; budgets are refused."""
        return NormalShotObjective(self._exact, check_number(shots), rng)


def moment_terms(plan: MeasurementPlan, to_outcomes: Vector) -> tuple[NDArray[np.int64], Vector, NDArray[np.int64]]:
    """Return the means and mean squares of all groups as sums of Pauli expectation values before read-out.

    Args:
        plan: the groups.
        to_outcomes: shape (n_groups, n_qubits, 2, 2), for each qubit the matrix from (1, <P>), P the letter it is
            measured in, to the probabilities of reading 0 and 1.

    Returns:
        Pauli letters as digits, shape (n_terms, n_qubits), their coefficients, shape (n_terms,), and 2 n_groups + 1
        bounds: terms bounds[2 g] ... are the mean of group g, bounds[2 g + 1] ... its mean square, bounds[-1] ... the
        constant.
    """
    n_groups, n_qubits = plan.bases.shape
    bits = (np.arange(2**n_qubits)[:, None] >> np.arange(n_qubits)) & 1
    transposed = np.swapaxes(to_outcomes, -1, -2)
    powers = [apply_local(plan.values**power, transposed) for power in (1, 2)]
    digits, coefficients, bounds = [], [], [0]
    for g in range(n_groups):
        for sums in powers:
            wanted = np.abs(sums[g]) > _NEGLIGIBLE * np.abs(sums[g]).max()
            digits.append(bits[wanted] * plan.bases[g])
            coefficients.append(sums[g][wanted])
            bounds.append(bounds[-1] + int(wanted.sum()))
    digits.append(np.zeros((1, n_qubits), dtype=np.int64))
    coefficients.append(np.array([plan.constant]))
    return np.concatenate(digits), np.concatenate(coefficients), np.array(bounds, dtype=np.int64)
