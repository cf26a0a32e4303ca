"""Samples of one sampler pub, sorted into the classical registers of its circuit.

Qubits that no gate touches are not simulated: each reads 0, or what its read-out error makes of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import Engine
from qvar.simulators.errors import EngineError
from qvar.simulators.observable import Observable
from qvar.simulators.primitives.compilation import Compiler, Piece, PreparedCircuit
from qvar.simulators.primitives.sampling import Outcomes, draw
from qvar.simulators.readout import letter_map

__all__ = ["check_single_readout", "prepare_samples", "register_bits"]

_CHUNK = 2**21
"""Probabilities held at a time, 16 MiB."""

Bits = NDArray[np.bool_]


def prepare_samples(compiler: Compiler, pub: SamplerPub, rng: np.random.Generator) -> Callable[[], dict[str, Bits]]:
    """Prepare the samples of a pub, to be drawn with `rng`.

    Returns:
        A function that gives, for every register, bits of shape (*pub.shape, shots, register size); bits that nothing
        was measured into are False.

    Raises:
        QvarError: if the circuit cannot be translated or does not fit the engine.
    """
    bindings, circuit = pub.parameter_values, pub.circuit
    values = bindings.as_array(circuit.parameters).reshape(bindings.size, circuit.num_parameters)
    sources = [_Source.of(compiler, piece) for piece in compiler.pieces(circuit, values)]
    registers = register_bits(circuit)

    def compute() -> dict[str, Bits]:
        read = {
            name: np.zeros((bindings.size, pub.shots, len(clbits)), dtype=np.bool_)
            for name, clbits in registers.items()
        }
        for source in sources:
            by_clbit = source.sample(pub.shots, rng)
            for name, clbits in registers.items():
                for k, clbit in enumerate(clbits):
                    if clbit in by_clbit:
                        read[name][source.piece.rows, :, k] = by_clbit[clbit]
        return {name: bits.reshape(*pub.shape, *bits.shape[1:]) for name, bits in read.items()}

    return compute


def register_bits(circuit: QuantumCircuit) -> dict[str, list[int]]:
    """Return the bits of every classical register, as indices into `circuit.clbits`, lowest first."""
    return {register.name: [circuit.find_bit(bit).index for bit in register] for register in circuit.cregs}


def check_single_readout(compiler: Compiler, prepared: PreparedCircuit) -> None:
    """Raise EngineError if a qubit with read-out error is read into more than one bit."""
    noise, qubits = compiler.engine.noise, list(prepared.translated.measured.values())
    for qubit in {q for q in qubits if qubits.count(q) > 1}:
        if noise is not None and noise.readout_error(qubit) is not None:
            raise EngineError(
                f"qubit {qubit} is measured more than once, and its read-out errors are independent; measure it once "
                "and copy the bit, or use noise.without_readout()"
            )


@dataclass(frozen=True)
class _Source:
    """Where the bits of one piece come from.

    Attributes:
        piece: the circuit and its points.
        outcomes: the distribution over its active qubits, None if none of them is measured.
        simulated: classical bits and the active qubit (0, 1, ...) each reads.
        idle: classical bits that read an untouched qubit, and the probability of reading 1.
    """

    piece: Piece
    outcomes: Outcomes | None
    simulated: dict[int, int]
    idle: dict[int, float]

    @classmethod
    def of(cls, compiler: Compiler, piece: Piece) -> "_Source":
        prepared, noise = piece.prepared, compiler.engine.noise
        check_single_readout(compiler, prepared)
        active = prepared.qubits_with(()) if prepared.translated.circuit.operations else ()
        measured = prepared.translated.measured
        simulated = {clbit: active.index(qubit) for clbit, qubit in measured.items() if qubit in active}
        idle = {
            clbit: float(1 - letter_map(noise, qubit)[3] @ [1, 0, 0, 1]) / 2
            for clbit, qubit in measured.items()
            if qubit not in active
        }
        outcomes = prepared.make("outcomes", None, active, _all_qubits) if active else None
        return cls(piece, outcomes, simulated, idle)

    def sample(self, shots: int, rng: np.random.Generator) -> dict[int, Bits]:
        """Return bits of shape (n_points, shots) by classical bit."""
        n_points = len(self.piece.rows)
        result: dict[int, Bits] = {c: rng.random((n_points, shots)) < p for c, p in self.idle.items()}
        if self.outcomes is None or not self.simulated:
            return result
        outcomes = self._draw(self.outcomes, shots, rng)
        return result | {clbit: (outcomes >> q & 1).astype(np.bool_) for clbit, q in self.simulated.items()}

    def _draw(self, outcomes: Outcomes, shots: int, rng: np.random.Generator) -> NDArray[np.int64]:
        thetas, step = self.piece.thetas, max(1, _CHUNK // outcomes.plan.values.size)
        chunks = [draw(outcomes.at(thetas[k : k + step])[:, 0], shots, rng) for k in range(0, len(thetas), step)]
        return np.concatenate([np.empty((0, shots), dtype=np.int64), *chunks])


def _all_qubits(engine: Engine, circuit: Circuit) -> Outcomes:
    return Outcomes.of(engine, circuit, Observable(("Z" * circuit.n_qubits,), (1.0,)))
