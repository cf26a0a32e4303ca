"""Expectation values of large noisy circuits by truncated Pauli propagation in the Heisenberg picture."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.checks import check_whole
from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch, check_noise, check_noise_model, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.kernels import compiled
from qvar.simulators.kernels.propagation import layout
from qvar.simulators.measurement.allocation import Shots
from qvar.simulators.memory import available_bytes, gib
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable
from qvar.simulators.propagation_program import propagation_program
from qvar.simulators.threads import in_parallel

__all__ = ["PauliPropagationSimulator", "Propagation", "PropagationObjective"]

_MAX_QUBITS = 128
_SECONDS = 1e-2  # roughly what one energy takes; only used to decide whether threads are worth it
_MAX_TAPE_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Propagation:
    """What one propagation found, and how far it can be trusted.

    Attributes:
        value: the expectation value, in the unit of the observable.
        error_bound: sum of |c| over all dropped amounts. The exact value lies within it, always: what is dropped is c
            times a Pauli string, and neither gates nor channels make the expectation value of one exceed 1.
        error_estimate: root of the sum of c**2 over all dropped amounts, the size of the error if they contribute with
            independent signs. In 360 runs on 6 qubits the error was a tenth of it in the median and at most 1.5 times
            as large. What relaxation spawns shares a sign, though: with a `min_coefficient` above the probability to
            relax during a gate, and many qubits, the error can exceed the estimate. To be sure, lower it and compare.
        n_terms: Pauli strings at the end.
        peak_terms: most Pauli strings held at any time.
        n_dropped: how many times something was dropped.
    """

    value: float
    error_bound: float
    error_estimate: float
    n_terms: int
    peak_terms: int
    n_dropped: int


@dataclass(frozen=True)
class PauliPropagationSimulator:
    """Simulate noisy circuits of up to 128 qubits by the Pauli strings that an observable turns into.

    The observable runs backwards through the circuit: Clifford gates rename its strings, rotations split them, noise
    damps them. Strings whose coefficient is too small are dropped, so values are approximate; `propagate` says how
    far to trust them, and `min_coefficient=0` makes them exact. The cost is set by how many strings matter: shallow,
    noisy or nearly Clifford circuits are cheap on any number of qubits, deep noiseless ones are not.

    Args:
        noise: the noise model, None for none.
        min_coefficient: new strings of at most this coefficient are dropped, in the unit of the observable, >= 0.
        max_weight: no strings acting on more qubits than this are made, and those that Clifford gates lengthen beyond
            it are dropped when the table is next tidied; None for no limit.
        max_terms: most strings to hold (about 100 bytes each) before giving up with an error.

    Source: Rudolph et al., arXiv 2505.21606, review the method; the frame is that of stabilizer simulators.
    Differs from the source:
    - Clifford gates move no strings;
    - all one-qubit gates and channels between two two-qubit gates act as one operation;
    - a small amount always joins an existing string, and only new strings are dropped: relaxation feeds the same short
      strings many times with the same sign, and dropping these amounts would bias the value.

    Example:
        >>> from qvar.simulators import Circuit, Operation, Slot
        >>> chain = (Operation("cx", (q, q + 1)) for q in range(99))
        >>> circuit = Circuit(100, (Operation("ry", (0,), (Slot(0),)), *chain))
        >>> objective = PauliPropagationSimulator().objective(circuit, Observable.from_terms({"Z" + "I" * 99: 1.0}))
        >>> round(objective([np.pi / 3]), 6)
        0.5
    """

    noise: NoiseModel | None = None
    min_coefficient: float = 1e-6
    max_weight: int | None = None
    max_terms: int = 4_000_000

    def __post_init__(self) -> None:
        check_noise_model(self.noise)
        if not (isinstance(self.min_coefficient, int | float) and 0 <= self.min_coefficient < math.inf):
            raise EngineError(f"min_coefficient must be a finite number >= 0, got {self.min_coefficient!r}")
        if self.max_weight is not None:
            check_whole("max_weight", self.max_weight, error=EngineError)
        check_whole("max_terms", self.max_terms, error=EngineError)

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return "pauli-propagation"

    def objective(self, circuit: Circuit, observable: Observable) -> "PropagationObjective":
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ or exceed 128.
            NoiseModelError: if the noise model is a device that lacks one of the gates or has too few qubits.
        """
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        if circuit.n_qubits > _MAX_QUBITS:
            raise EngineError(
                f"Pauli propagation takes up to {_MAX_QUBITS} qubits, got {circuit.n_qubits}; leave out idle qubits, "
                "or use AerSimulator with method='matrix_product_state' or 'stabilizer'"
            )
        program = propagation_program(circuit, self.noise, observable)
        weight = _MAX_QUBITS if self.max_weight is None else min(self.max_weight, _MAX_QUBITS)
        settings = np.array([circuit.n_qubits, weight, self.max_terms, _most_tape()], dtype=np.int64)
        arguments = (
            *(program.ops, program.elements, program.angles, program.constants, program.cliffords),
            *(program.terms, program.coefficients, _bit_hashes(), settings, float(self.min_coefficient)),
        )
        return PropagationObjective(
            circuit,
            arguments=arguments,
            rebuild=partial(self.objective, circuit, observable),
            limits=f"min_coefficient={self.min_coefficient:g}, max_weight={self.max_weight}",
        )


@lru_cache(maxsize=1)
def _most_tape() -> int:
    """Return the bytes that the tape of a gradient may take, by what was free when it was first asked."""
    return min(_MAX_TAPE_BYTES, available_bytes())


@lru_cache(maxsize=1)
def _bit_hashes() -> NDArray[np.int64]:
    """Return a fixed random word per X and Z bit of 128 qubits; the hash of a string is their XOR."""
    words = np.random.default_rng(128).integers(0, 2**63, size=4 * _MAX_QUBITS, dtype=np.int64)
    return words[: 2 * _MAX_QUBITS] ^ (words[2 * _MAX_QUBITS :] << 1)


class PropagationObjective:
    """A truncated expectation value as a function of angles (see `qvar.simulators.engine.Objective`).

    Args:
        circuit: the circuit.
        arguments: what the kernel takes before angles and results.
        rebuild: makes this objective again, for copies in other processes.
        limits: the truncation settings in words, for messages.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        arguments: tuple[Any, ...],
        rebuild: Callable[[], "PropagationObjective"],
        limits: str,
    ) -> None:
        self.circuit = circuit
        self.n_parameters = circuit.n_parameters
        self._arguments = arguments
        self._rebuild = rebuild
        self._limits = limits

    def __reduce__(self) -> tuple[Any, ...]:
        return self._rebuild, ()

    @property
    def shots(self) -> None:
        """None: values carry no sampling error."""
        return None

    @property
    def shots_per_evaluation(self) -> int:
        """Zero: values carry no sampling error."""
        return 0

    @property
    def evaluations_per_gradient(self) -> int:
        """About ten energies in time, whatever the number of angles.

        Measured: 8 to 16 on layered circuits of 120 to 762 angles, where parameter shift takes 241 to 1525. Without
        the strings kept for their derivatives alone it would be three.
        """
        return 10

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians; `propagate` also tells its error.

        Raises:
            EngineError: if more than `max_terms` strings are needed.
        """
        return self.propagate(theta).value

    def propagate(self, theta: ArrayLike) -> Propagation:
        """Return the energy at `theta`, shape (n_parameters,), with its truncation error and the numbers of strings.

        Raises:
            EngineError: if more than `max_terms` strings are needed.
        """
        return self._propagate(self.circuit.check_parameters(theta))

    def _propagate(self, theta: NDArray[np.float64]) -> Propagation:
        statistics = self._run(theta, np.zeros(0), taping=False)
        return Propagation(
            value=float(statistics[layout.VALUE]),
            error_bound=float(statistics[layout.DROPPED_SUM]),
            error_estimate=math.sqrt(statistics[layout.DROPPED_SQUARES]),
            n_terms=int(statistics[layout.N_FINAL]),
            peak_terms=int(statistics[layout.N_PEAK]),
            n_dropped=int(statistics[layout.N_DROPPED]),
        )

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """Return the energy and its gradient per radian, float64 of shape (n_parameters,).

        The gradient comes from one reverse sweep over a second propagation, which also keeps strings whose coefficient
        is small but whose derivative is not; otherwise derivatives would vanish where angles are multiples of pi / 2.
        That is worth it: on layered circuits of 20 qubits it made the error 4 to 25 times smaller at 4 times the cost.
        With `min_coefficient=0` the gradient is exact.

        Raises:
            EngineError: if more than `max_terms` strings are needed, or for the sweep more than 8 GiB or what was free.
        """
        values = self.circuit.check_parameters(theta)
        gradient = np.zeros(self.n_parameters)
        self._run(values, gradient, taping=True)
        return self._propagate(values).value, gradient

    def batch(self, thetas: ArrayLike) -> NDArray[np.float64]:
        """Return the energies for `thetas` of shape (n_points, n_parameters), float64 of shape (n_points,).

        The points are shared among threads, one per core; each holds its own strings.
        """
        points = check_batch(thetas, self.n_parameters)
        energies = np.empty(len(points))

        def part(first: int, end: int) -> None:
            for k in range(first, end):
                energies[k] = self._propagate(points[k]).value

        in_parallel(part, len(points), _SECONDS)
        return energies

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> NoReturn:  # noqa: ARG002 - the contract's
        """Refuse: sampling needs outcome probabilities, which propagation does not give.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            f"Pauli propagation gives expectation values, not the outcome probabilities that {shots} shots are drawn "
            "from; use PauliTransferSimulator (noise, up to 12 qubits), StatevectorSimulator or AerSimulator"
        )

    def _run(self, theta: NDArray[np.float64], gradient: NDArray[np.float64], *, taping: bool) -> NDArray[np.float64]:
        statistics = np.zeros(layout.N_STATISTICS)
        compiled("propagation.run", "propagate")(*self._arguments, theta, statistics, gradient, taping)
        self._check(statistics)
        return statistics

    def _check(self, statistics: NDArray[np.float64]) -> None:
        if statistics[layout.STATUS] == layout.OK:
            return
        done, total = int(statistics[layout.STOPPED_AT]), len(self._arguments[0])
        if statistics[layout.STATUS] == layout.TOO_LONG_TAPE:
            raise EngineError(
                f"the gradient of this circuit needs more than {gib(_most_tape())} (at operation {done} of "
                f"{total}, counted from the observable); use a larger min_coefficient or a smaller max_weight "
                f"(now {self._limits})"
            )
        raise EngineError(
            f"{int(statistics[layout.N_PEAK])} Pauli strings are needed at operation {done} of {total}, counted from "
            f"the observable, more than max_terms={int(self._arguments[8][2])}; use a larger min_coefficient or a "
            f"smaller max_weight (now {self._limits}), or a larger max_terms"
        )
