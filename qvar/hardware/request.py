"""What is asked of a device, with an identity that is the same in every process and at every replay."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

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
        return cls(kind, tuple(read), options, seed)

    def seeded(self, key: str) -> "Request":
        """Return the request with a seed: its own, or one from that of the options that differs from key to key."""
        if self.seed is not None or self.options.seed_simulator is None:
            return self
        words = [self.options.seed_simulator, *hashlib.sha256(key.encode()).digest()]
        return replace(self, seed=int(np.random.SeedSequence(words).generate_state(1)[0]))

    def identity(self, backend: str) -> str:
        """Return the hash of circuits, observables, values, shots, options and the name of the backend."""
        digest = hashlib.sha256()
        head = {"kind": self.kind, "backend": backend, "options": self.options.identity(), "seed": self.seed}
        digest.update(json.dumps(head, sort_keys=True).encode())
        for pub in self.pubs:
            for part in _parts(self.kind, pub):
                digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()[:24]


def _parts(kind: str, pub: Any) -> Sequence[bytes]:
    values = np.ascontiguousarray(pub.parameter_values.as_array(pub.circuit.parameters), dtype=np.float64)
    parts = [repr(circuit_key(pub.circuit)).encode(), repr(values.shape).encode(), values.tobytes()]
    if kind == "sampler":
        return [*parts, repr([(c.name, c.size) for c in pub.circuit.cregs]).encode(), str(pub.shots).encode()]
    observables = json.dumps(pub.observables.tolist(), sort_keys=True)
    return [*parts, observables.encode(), b"" if pub.precision is None else float(pub.precision).hex().encode()]
