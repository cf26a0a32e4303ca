"""What is asked of a device, with an identity that is the same in every process and at every replay."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from qiskit.circuit import ControlFlowOp

from qvar.hardware.options import ExecutionOptions
from qvar.simulators.errors import HardwareError
from qvar.simulators.primitives.circuits import circuit_key

__all__ = ["Request"]


@dataclass(frozen=True, eq=False)
class Request:
    """PUBs for one job.

    Attributes:
        kind: "estimator" or "sampler".
        pubs: `EstimatorPub`s or `SamplerPub`s with circuits in the gates of the device.
        options: how to execute them; shots or a precision that a PUB has of its own come first.
        seed: of the shots of fake backends; None for one made of that of the options, another for every job.
    """

    kind: str
    pubs: tuple[Any, ...]
    options: ExecutionOptions
    seed: int | None = None

    @classmethod
    def of(
        cls,
        kind: str,
        pubs: Iterable[Any],
        options: ExecutionOptions,
        *,
        shots: int | None = None,
        precision: float | None = None,
        seed: int | None = None,
    ) -> "Request":
        """Read PUBs as Qiskit does, with shots or a precision for those that have none.

        Raises:
            HardwareError: if there are no PUBs, or Qiskit cannot read them.
        """
        from qiskit.primitives.containers.estimator_pub import EstimatorPub
        from qiskit.primitives.containers.sampler_pub import SamplerPub

        try:
            if kind == "sampler":
                read: list[Any] = [SamplerPub.coerce(pub, shots or options.shots) for pub in pubs]
            else:
                read = [EstimatorPub.coerce(pub, precision or options.precision) for pub in pubs]
        except (ValueError, TypeError) as error:
            raise HardwareError(f"not a PUB of the {kind}: {error}") from error
        if not read:
            raise HardwareError("there is nothing to run: no PUBs were given")
        for pub in read:
            _check(pub)
        return cls(kind, tuple(read), options, seed)

    def seeded(self, key: str) -> "Request":
        """Return the request with a seed: its own, or one from that of the options that differs from key to key."""
        if self.seed is not None or self.options.seed_simulator is None:
            return self
        words = [self.options.seed_simulator, *hashlib.sha256(key.encode()).digest()]
        return replace(self, seed=int(np.random.SeedSequence(words).generate_state(1)[0]))

    def identity(self, backend: str, *, is_real: bool) -> str:
        """Return the hash of circuits, observables, values, shots, options and the backend.

        Raises:
            HardwareError: if a gate has a parameter that does not look the same in the next process.
        """
        digest = hashlib.sha256()
        head = {"kind": self.kind, "backend": backend, "options": self.options.identity(), "seed": self.seed}
        if is_real:  # a simulator may bear the name of the device it imitates
            head["is_real"] = True
        digest.update(json.dumps(head, sort_keys=True).encode())
        for pub in self.pubs:
            for part in _parts(self.kind, pub):
                digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()[:24]


def _check(pub: Any) -> None:
    """Raise HardwareError for what should not be paid for, or has no identity."""
    if not np.isfinite(_values(pub)).all():
        raise HardwareError("a parameter value is infinite or not a number")
    for instruction in pub.circuit.data:
        if isinstance(instruction.operation, ControlFlowOp):
            raise HardwareError(f"circuits with control flow ({instruction.operation.name}) are not supported")


def _values(pub: Any) -> Any:
    return np.ascontiguousarray(pub.parameter_values.as_array(pub.circuit.parameters), dtype=np.float64)


def _parts(kind: str, pub: Any) -> Sequence[bytes]:
    values = _values(pub) + 0.0  # minus zero is zero
    key = repr(circuit_key(pub.circuit))
    if " at 0x" in key:
        raise HardwareError("the circuit has a gate with a parameter of an unknown kind; write it in plain gates")
    units = [str(i.operation.unit) for i in pub.circuit.data if i.operation.name == "delay"]
    parts = [" ".join([key, *units]).encode(), repr(values.shape).encode(), values.tobytes()]
    if kind == "sampler":
        return [*parts, repr([(c.name, c.size) for c in pub.circuit.cregs]).encode(), str(pub.shots).encode()]
    observables = json.dumps(pub.observables.tolist(), sort_keys=True)
    return [*parts, observables.encode(), b"" if pub.precision is None else float(pub.precision).hex().encode()]
