"""Qiskit Aer behind the same contract: an independent reference, and larger circuits than the own kernels hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit

from qvar.simulators.aer.clifford import clifford_circuit
from qvar.simulators.aer.noise import TrimmedNoise
from qvar.simulators.aer.objective import AerObjective, exact_values, sampled_values
from qvar.simulators.aer.options import AerMethod, AerOptions, check_method, make_backend
from qvar.simulators.circuit import Circuit, Operation
from qvar.simulators.engine import check_batch, check_noise, check_noise_model, check_observable
from qvar.simulators.errors import EngineError
from qvar.simulators.measurement.allocation import Shots
from qvar.simulators.memory import check_memory
from qvar.simulators.noise import NoiseModel
from qvar.simulators.observable import Observable

__all__ = ["AerOptions", "AerSimulator"]

_FUSES_FROM = 14
"""Qubits from which Aer fuses the gates of a state vector."""
_ADVICE = "take method='matrix_product_state' or 'stabilizer', PauliPropagationSimulator, or fewer qubits"


@dataclass(frozen=True)
class AerSimulator:
    """Simulate circuits with Qiskit Aer.

    What a method can do, beside shots:

    | method | exact value | with gate noise |
    |---|---|---|
    | density_matrix | yes | exact |
    | automatic | yes, by the method that Aer chooses | exact, by density matrix |
    | statevector, matrix_product_state, tensor_network | yes | shots only, one random trajectory each |
    | stabilizer | yes, of Clifford circuits | shots only, Pauli noise only |
    | extended_stabilizer | no | shots only, Pauli noise only; approximate, see Aer's options |

    For the stabilizer methods, rotations by multiples of pi/2 count as Clifford gates; extended_stabilizer takes all
    angles, at a cost that grows exponentially with those that are not. Read-out error alone leaves values exact: it is
    applied to the observable, because Aer's own exact values leave it out. Gradients are by parameter shift.

    Aer gets the part of the noise model that the circuits of a job need.

    Args:
        noise: the noise model, None for none.
        method: one of the methods above.
        options: how Aer uses the machine.

    Raises:
        EngineError: for a method or device that does not exist here, or that computes no state.
        NoiseModelError: for `StateFlip` read-out, which Aer cannot express.

    Example:
        >>> from qvar.simulators import Slot
        >>> circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
        >>> objective = AerSimulator().objective(circuit, Observable.from_terms({"Z": 1.0}))
        >>> round(objective([np.pi]), 6)
        -1.0
    """

    noise: NoiseModel | None = None
    method: str = "density_matrix"
    options: AerOptions = field(default_factory=AerOptions)
    _method: AerMethod = field(init=False, repr=False, compare=False)
    _backend: Any = field(init=False, repr=False, compare=False)
    _trimmed: TrimmedNoise | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_noise_model(self.noise)
        method = check_method(self.method)
        trimmed = None if self.noise is None else TrimmedNoise(self.noise, pauli_only=method.clifford)
        object.__setattr__(self, "_method", method)
        object.__setattr__(self, "_backend", make_backend(method, self.options))
        object.__setattr__(self, "_trimmed", trimmed)

    def __reduce__(self) -> tuple[Any, ...]:
        return AerSimulator, (self.noise, self.method, self.options)  # Aer's own object cannot be copied to a process

    @property
    def name(self) -> str:
        """Name for records and tables."""
        return f"aer-{self.method.replace('_', '-')}"

    def objective(self, circuit: Circuit, observable: Observable) -> AerObjective:
        """Return the expectation value of `observable` after `circuit` as a function of the angles.

        Raises:
            EngineError: if the numbers of qubits differ, or for noise that the method cannot take.
            NoiseModelError: if the noise model is a device that lacks one of the gates or has too few qubits.
        """
        check_observable(circuit, observable)
        check_noise(circuit, self.noise)
        if self._method.clifford and any(operation.channel is not None for operation in circuit.operations):
            raise EngineError(
                f"method={self.method!r} takes no channels inside a circuit; put Pauli noise into the noise model, or "
                "take method='density_matrix'"
            )
        return AerObjective(self, circuit, observable)

    def evaluate(
        self,
        points: Iterable[tuple[Circuit, Observable, ArrayLike]],
        *,
        shots: Shots | None = None,
        rng: np.random.Generator | None = None,
    ) -> list[NDArray[np.float64]]:
        """Return the energies of many circuits from one Aer job.

        A job has a fixed cost of milliseconds, more than the simulation of a small circuit.

        Args:
            points: triples of circuit, observable and angles, the angles of shape (n_points, n_parameters).
            shots: shots per measured circuit, or a budget per energy; None for exact values. Budgets that divide
                unevenly take one job for each number of shots, a pilot first one of its own.
            rng: generator of the seeds, needed with shots; the same state gives the same energies.

        Returns:
            One float64 array of shape (n_points,) for each triple.

        Raises:
            EngineError: for shots without a generator, and as `objective` does.

        Example:
            >>> flip, z = Circuit(1, (Operation("x", (0,)),)), Observable.from_terms({"Z": 1.0})
            >>> [e.tolist() for e in AerSimulator().evaluate([(flip, z, [[]]), (Circuit(1), z, [[], []])])]
            [[-1.0], [1.0, 1.0]]
        """
        if shots is not None and rng is None:
            raise EngineError("shots need a generator: evaluate(points, shots=..., rng=np.random.default_rng(seed))")
        objectives, thetas = [], []
        for circuit, observable, angles in points:
            objective = self.objective(circuit, observable)
            objectives.append(objective if rng is None or shots is None else objective.with_shots(shots, rng))
            thetas.append(check_batch(angles, circuit.n_parameters))
        values = exact_values if shots is None else sampled_values
        return values(list(zip(objectives, thetas, strict=True)))

    def is_noisy(self, circuit: Circuit) -> bool:
        """Tell whether any channel acts while `circuit` runs; read-out error does not count."""
        return any(o.channel is not None or self._follows(o) for o in circuit.operations)

    def check_gates(self, circuit: Circuit) -> None:
        """Raise NoiseModelError or EngineError for a gate whose noise is missing or impossible, wherever it stands."""
        for operation in circuit.operations:
            self._follows(operation)

    def _follows(self, operation: Operation) -> bool:
        return self._trimmed is not None and self._trimmed.error(operation) is not None

    def check_exact(self, circuit: Circuit) -> None:
        """Raise EngineError if the method has no exact value for `circuit`."""
        if not self._method.exact:
            raise EngineError(
                f"method={self.method!r} has no exact values; take shots, objective.with_shots(1000, rng)"
            )
        if not self._method.exact_with_noise and self.is_noisy(circuit):
            raise EngineError(
                f"method={self.method!r} follows one random trajectory of the noise at a time and has no exact noisy "
                "value; take method='density_matrix', or shots: objective.with_shots(1000, rng)"
            )

    def translate(
        self, circuit: Circuit, thetas: NDArray[np.float64]
    ) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return Qiskit circuits that together cover the rows of `thetas` in order, with the rows each is bound to."""
        if not self._method.clifford:
            return [(circuit.to_qiskit(), thetas)]
        phases = self._method.phases
        return [
            (clifford_circuit(circuit.bind(row), phases=phases, is_noisy=self._follows), np.empty((1, 0)))
            for row in thetas
        ]

    def run(
        self,
        tasks: Sequence[tuple[QuantumCircuit, NDArray[np.float64]]],
        circuits: Sequence[Circuit],
        *,
        shots: int | None = None,
        seed: int | None = None,
    ) -> list[dict[str, Any]]:
        """Run Qiskit circuits in one job.

        Args:
            tasks: circuits with the angles they are bound to, shape (n_points, n_parameters).
            circuits: the circuits they come from, which say what noise is needed.
            shots: shots per circuit; None for exact values.
            seed: Aer's seed, from which it derives one for each circuit and point.

        Returns:
            Aer's data of each circuit and point, in order.

        Raises:
            EngineError: if Aer fails.
        """
        if not tasks:
            return []  # Aer crashes on an empty job
        options = self._run_options(circuits, is_exact=shots is None)
        self._check_memory(max(c.num_qubits for c, _ in tasks), options.get("method", self.method))
        if shots is not None:
            options |= {"shots": shots, "seed_simulator": seed}
        binds = [_binds(circuit, thetas) for circuit, thetas in tasks]
        job = self._backend.run([c for c, _ in tasks], parameter_binds=binds if any(binds) else None, **options)
        result = job.result()
        if not result.success:
            reasons = {str(entry.status) for entry in result.results if not entry.success}
            raise EngineError(f"Qiskit Aer failed: {'; '.join(sorted(reasons)) or result.status}")
        return [result.data(k) for k in range(len(result.results))]

    def _check_memory(self, n_qubits: int, method: str) -> None:
        """Raise EngineError if one state does not fit; Aer itself notices later, or not at all."""
        numbers = {"density_matrix": 4**n_qubits, "statevector": 2**n_qubits}.get(method, 0)
        n_bytes = numbers * (8 if self.options.precision == "single" else 16)
        check_memory(n_bytes, f"Aer's {method.replace('_', ' ')} of {n_qubits} qubits", advice=_ADVICE)

    def _run_options(self, circuits: Sequence[Circuit], *, is_exact: bool) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._trimmed is not None:
            options["noise_model"] = self._trimmed.model(circuits)
        is_noisy = any(self.is_noisy(circuit) for circuit in circuits)
        n_qubits = max(circuit.n_qubits for circuit in circuits)
        if is_exact and is_noisy:
            options["method"] = "density_matrix"  # what "automatic" means here; Aer itself might choose trajectories
        is_matrix = options.get("method", self.method) == "density_matrix"
        trajectories = is_noisy and not is_matrix
        if trajectories and n_qubits >= _FUSES_FROM:
            options["fusion_enable"] = False  # fused noise fails in Aer's eigensolver, qiskit-aer #2455
        threads = self.options.threads(n_qubits * (2 if is_matrix else 1), trajectories=trajectories)
        return options | {"max_parallel_threads": threads}


def _binds(circuit: QuantumCircuit, thetas: NDArray[np.float64]) -> dict[Any, list[float]]:
    names = sorted(circuit.parameters, key=lambda parameter: parameter.index)
    return {parameter: thetas[:, k].tolist() for k, parameter in enumerate(names)}
