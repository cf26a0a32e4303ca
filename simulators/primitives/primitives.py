"""Qiskit primitives over the engines of this package: existing Qiskit code runs on them unchanged.

Circuits and observables are translated in `run`, where everything that can be wrong is found and named; the job only
computes. Circuits are recognized by their contents, so the next `run` of a training loop translates nothing.
Composite gates are decomposed, idle qubits of a large device cost nothing, and noise follows the physical qubits of a
transpiled circuit.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from qiskit.primitives import (
    BaseEstimatorV2,
    BaseSamplerV2,
    BitArray,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
)
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qvar.simulators.checks import check_whole
from qvar.simulators.engine import Engine
from qvar.simulators.errors import EngineError, QvarError
from qvar.simulators.primitives.compilation import Compiler
from qvar.simulators.primitives.estimation import prepare_exact, prepare_sampled, shots_for
from qvar.simulators.primitives.registers import prepare_samples
from qvar.simulators.statevector import StatevectorSimulator

__all__ = ["EstimatorV2", "SamplerV2"]

Seed = np.random.Generator | int | None


class EstimatorV2(BaseEstimatorV2):  # type: ignore[misc]  # Qiskit ships no types
    """Estimate expectation values of Qiskit circuits with an engine of this package, noise and read-out included.

    With precision 0 values are exact and `stds` zero. With a precision above 0 every measured group of each observable
    is sampled with ceil(1 / precision**2) shots, the number Qiskit's BackendEstimatorV2 takes, from the exact noisy
    distribution of outcomes, so estimates scatter as on a device; `stds` are their true standard errors, known from
    that distribution. Basis changes before the measurement carry no gate noise.

    Any parameter expression is taken. A gate that is defined only for numbers is translated anew for each of them. An
    initialization of fresh qubits is decomposed, and its gates carry noise. Delays are refused under noise.

    Args:
        engine: the engine, None for `StatevectorSimulator()`. Its noise is numbered by the qubits of the circuits, so
            circuits transpiled for a device go with the noise of that device.
        default_precision: standard error aimed at where neither `run` nor the pub says, at least 0.
        seed: seed of all runs alike, or a generator from which every run gets a stream of its own; None for fresh
            randomness.

    Raises:
        EngineError: for an engine that is none, or a negative precision.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from qvar.simulators import NoiseModel, PauliTransferSimulator
        >>> bell = QuantumCircuit(2)
        >>> bell.h(0) and bell.cx(0, 1) and None
        >>> estimator = EstimatorV2(PauliTransferSimulator(NoiseModel.from_numbers(p2=0.1)))
        >>> estimator.run([(bell, ["ZZ", "XX", "ZI"])]).result()[0].data.evs.round(6).tolist()
        [0.9, 0.9, 0.0]
    """

    def __init__(self, engine: Engine | None = None, *, default_precision: float = 0.0, seed: Seed = None) -> None:
        if not (isinstance(default_precision, int | float) and 0 <= default_precision < math.inf):
            raise EngineError(f"default_precision must be a finite number >= 0, got {default_precision!r}")
        self.compiler = Compiler(_checked(engine))
        self.default_precision = float(default_precision)
        self.seed = seed

    @property
    def engine(self) -> Engine:
        """The engine that computes."""
        return self.compiler.engine

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> PrimitiveJob:
        """Start estimating.

        Args:
            pubs: tuples (circuit, observables, parameter values, precision), the last two optional.
            precision: for the pubs that state none; None for `default_precision`.

        Returns:
            A job whose result holds `evs` and `stds` for every pub, float64 of the pub's shape.

        Raises:
            QvarError: (a ValueError) naming the pub, if a circuit cannot be simulated by the engine.
            ValueError: if a pub is malformed, as Qiskit says it.
        """
        default = self.default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, default) for pub in pubs]
        rng = _stream(self.seed)
        tasks = []
        for index, pub in enumerate(coerced):
            with _naming_pub(index):
                tasks.append(self._prepared(pub, rng))
        return _submitted(tasks)

    def _prepared(self, pub: EstimatorPub, rng: np.random.Generator) -> Callable[[], PubResult]:
        metadata = {"target_precision": pub.precision, "circuit_metadata": pub.circuit.metadata}
        if pub.precision > 0:
            shots = shots_for(pub.precision)
            metadata["shots"] = shots
            compute = prepare_sampled(self.compiler, pub, shots, rng)
        else:
            compute = prepare_exact(self.compiler, pub)

        def result() -> PubResult:
            evs, stds = compute()
            return PubResult(DataBin(evs=evs, stds=stds, shape=evs.shape), metadata=metadata)

        return result


class SamplerV2(BaseSamplerV2):  # type: ignore[misc]  # Qiskit ships no types
    """Sample measured Qiskit circuits with an engine of this package, noise and read-out error included.

    Outcomes are drawn from the exact noisy distribution. Measurements may write into any bits of any registers, must
    be the last operations on their qubits, and follow the rules of `EstimatorV2` otherwise.

    Args:
        engine: the engine, None for `StatevectorSimulator()`.
        default_shots: shots where neither `run` nor the pub says, at least 1.
        seed: as for `EstimatorV2`.

    Raises:
        EngineError: for an engine that is none, or shots that are no whole number of at least 1.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> circuit = QuantumCircuit(2)
        >>> circuit.x(1) and circuit.measure_all()
        >>> SamplerV2().run([circuit], shots=100).result()[0].data.meas.get_counts()
        {'10': 100}
    """

    def __init__(self, engine: Engine | None = None, *, default_shots: int = 1024, seed: Seed = None) -> None:
        self.compiler = Compiler(_checked(engine))
        self.default_shots = check_whole("default_shots", default_shots, error=EngineError)
        self.seed = seed

    @property
    def engine(self) -> Engine:
        """The engine that computes."""
        return self.compiler.engine

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob:
        """Start sampling.

        Args:
            pubs: circuits or tuples (circuit, parameter values, shots), the last two optional.
            shots: for the pubs that state none; None for `default_shots`.

        Returns:
            A job whose result holds a `BitArray` of the pub's shape for every classical register.

        Raises:
            QvarError: (a ValueError) naming the pub, if a circuit cannot be simulated by the engine.
            ValueError: if a pub is malformed, as Qiskit says it.
        """
        default = self.default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, default) for pub in pubs]
        rng = _stream(self.seed)
        tasks = []
        for index, pub in enumerate(coerced):
            if not pub.circuit.cregs:
                warnings.warn(
                    f"pub {index}: the circuit has no output classical registers, so its result will be empty; add "
                    "measurements, for instance with circuit.measure_all()",
                    UserWarning,
                    stacklevel=2,
                )
            with _naming_pub(index):
                tasks.append(self._prepared(pub, rng))
        return _submitted(tasks)

    def _prepared(self, pub: SamplerPub, rng: np.random.Generator) -> Callable[[], SamplerPubResult]:
        compute = prepare_samples(self.compiler, pub, rng)
        metadata = {"shots": pub.shots, "circuit_metadata": pub.circuit.metadata}

        def result() -> SamplerPubResult:
            registers = {name: BitArray.from_bool_array(bits, order="little") for name, bits in compute().items()}
            return SamplerPubResult(DataBin(**registers, shape=pub.shape), metadata=metadata)

        return result


def _checked(engine: Engine | None) -> Engine:
    if engine is None:
        return StatevectorSimulator()
    if not isinstance(engine, Engine):
        raise EngineError(
            f"a primitive needs an engine such as PauliTransferSimulator(noise), got {engine!r}; Qiskit's backends "
            "go through NoiseModel.from_backend"
        )
    return engine


def _stream(seed: Seed) -> np.random.Generator:
    """Return the generator of one run; jobs run in threads, so they never share one."""
    return seed.spawn(1)[0] if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)


@contextmanager
def _naming_pub(index: int) -> Iterator[None]:
    try:
        yield
    except QvarError as error:
        raise type(error)(f"pub {index}: {error}") from error


def _submitted(tasks: list[Callable[[], Any]]) -> PrimitiveJob:
    job = PrimitiveJob(_results, tasks)
    job._submit()
    return job


def _results(tasks: list[Callable[[], Any]]) -> PrimitiveResult:
    return PrimitiveResult([task() for task in tasks], metadata={"version": 2})
