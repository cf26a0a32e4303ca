"""A noise model says which channel follows which operation on which qubits, and how read-out errs.

Models come from numbers, from a table of measured devices, from a Qiskit backend, from a Qiskit Aer noise model, or
from a JSON file; all give the same immutable `NoiseModel`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.channels import Channel, depolarizing, identity_channel
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.gates import GATES

if TYPE_CHECKING:
    from qiskit.providers import BackendV2
    from qiskit_aer.noise import NoiseModel as AerNoiseModel

__all__ = ["NoiseModel", "ReadoutError", "StateFlip"]

Target = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class ReadoutError:
    """Classical errors of measured outcomes on one qubit.

    Every measured letter P (X, Y or Z, after the basis change) becomes (1 - p01 - p10) P + (p10 - p01) I.

    Args:
        p01: probability to read 1 when 0 was prepared.
        p10: probability to read 0 when 1 was prepared.
    """

    p01: float
    p10: float

    def __post_init__(self) -> None:
        if not (0 <= self.p01 <= 1 and 0 <= self.p10 <= 1):
            raise NoiseModelError(f"read-out probabilities must lie in 0..1, got p01={self.p01}, p10={self.p10}")

    def letter_map(self) -> NDArray[np.float64]:
        """Return F of shape (4, 4): the measured <P_d> is sum_e F[d, e] <P_e>."""
        matrix = np.diag([1.0] + [1.0 - self.p01 - self.p10] * 3)
        matrix[1:, 0] = self.p10 - self.p01
        return matrix


@dataclass(frozen=True, slots=True)
class StateFlip:
    """Read-out error as a bit flip X of the final state with probability `p`, before any basis change.

    It damps <Y> and <Z> by 1 - 2 p and leaves <X> alone, which no measurement does; kept because Patel et al.
    (arXiv 2402.03500) use it. Prefer `ReadoutError`.
    """

    p: float

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise NoiseModelError(f"the flip probability must lie in 0..1, got {self.p}")

    def letter_map(self) -> NDArray[np.float64]:
        """Return F of shape (4, 4): the measured <P_d> is sum_e F[d, e] <P_e>."""
        return np.diag([1.0, 1.0, 1.0 - 2 * self.p, 1.0 - 2 * self.p])


Readout = ReadoutError | StateFlip


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """Which channel follows which operation, and the read-out error of each qubit.

    Args:
        name: name for records and tables.
        local: channels by gate and qubits, e.g. ("cx", (0, 1)); takes precedence over `default`.
        default: channels by gate, for all qubits.
        readout: read-out error by qubit.
        default_readout: read-out error of the qubits not listed, None for none.
        coupling_map: ordered pairs (control, target) the device can execute, None for all-to-all.
        n_qubits: number of qubits, None for any.
        strict: whether a gate without an entry is an error (devices) or noiseless (Qiskit Aer's rule).
        source: where the numbers come from.

    Raises:
        NoiseModelError: for unknown gates, channels of the wrong size, or qubits out of range.

    Example:
        >>> NoiseModel.from_numbers(p1=1e-3, p2=5e-3).channel("cx", (0, 1)).n_qubits
        2
    """

    name: str
    local: Mapping[Target, Channel] = field(default_factory=dict, repr=False)
    default: Mapping[str, Channel] = field(default_factory=dict, repr=False)
    readout: Mapping[int, Readout] = field(default_factory=dict, repr=False)
    default_readout: Readout | None = None
    coupling_map: tuple[tuple[int, int], ...] | None = field(default=None, repr=False)
    n_qubits: int | None = None
    strict: bool = True
    source: str = ""

    def __post_init__(self) -> None:
        entries = list(self.local.items()) + [((gate, ()), channel) for gate, channel in self.default.items()]
        for (gate, qubits), channel in entries:
            if gate not in GATES:
                raise NoiseModelError(f"noise for unknown gate {gate!r}; native gates are {', '.join(sorted(GATES))}")
            if channel.n_qubits != GATES[gate].n_qubits:
                raise NoiseModelError(
                    f"gate {gate!r} acts on {GATES[gate].n_qubits} qubit(s), its channel on {channel.n_qubits}"
                )
            self._check_qubits(qubits)
        for gate, qubits in self.local:
            if len(set(qubits)) != len(qubits) or len(qubits) != GATES[gate].n_qubits:
                raise NoiseModelError(f"gate {gate!r} acts on {GATES[gate].n_qubits} distinct qubit(s), got {qubits}")
        self._check_qubits(self.readout)
        if self.coupling_map is not None:
            object.__setattr__(self, "coupling_map", tuple(sorted((a, b) for a, b in self.coupling_map)))
        for pair in self.coupling_map or ():
            self._check_qubits(pair)
            if pair[0] == pair[1]:
                raise NoiseModelError(f"a coupling map holds pairs of distinct qubits, got {pair}")
        for name in ("local", "default", "readout"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain |= {name: dict(plain[name]) for name in ("local", "default", "readout")}
        return _rebuild, (plain,)

    def _check_qubits(self, qubits: Iterable[int]) -> None:
        for q in qubits:
            if q < 0 or (self.n_qubits is not None and q >= self.n_qubits):
                size = "" if self.n_qubits is None else f" of {self.n_qubits} qubit(s)"
                raise NoiseModelError(f"no qubit {q} in noise model {self.name!r}{size}")

    def channel(self, gate: str, qubits: tuple[int, ...]) -> Channel | None:
        """Return the channel that follows `gate` on `qubits`, None if there is none.

        Raises:
            NoiseModelError: if the qubits are not coupled or, in a strict model, the gate has no entry.
        """
        if len(qubits) == 2 and self.coupling_map is not None and qubits not in self.coupling_map:
            pairs = ", ".join(f"{a}-{b}" for a, b in self.coupling_map if a < b or (b, a) not in self.coupling_map)
            raise NoiseModelError(
                f"device {self.name!r} cannot execute {gate!r} on {qubits}: its coupled pairs are {pairs or 'none'}; "
                "route the circuit, choose other qubits, or use noise.without_coupling()"
            )
        channel = self.local.get((gate, qubits)) or self.default.get(gate)
        if channel is None and self.strict:
            known = sorted({g for g, _ in self.local} | set(self.default))
            raise NoiseModelError(
                f"device {self.name!r} ({self.n_qubits or 'any number of'} qubits) has no noise data for {gate!r} on "
                f"{qubits}; it lists {', '.join(known)}"
            )
        return channel

    def readout_error(self, qubit: int) -> Readout | None:
        """Return the read-out error of a qubit, None if it reads perfectly."""
        return self.readout.get(qubit, self.default_readout)

    def without_readout(self) -> "NoiseModel":
        """Return the gate noise alone."""
        return replace(self, name=f"{self.name}, no read-out error", readout={}, default_readout=None)

    def without_gates(self) -> "NoiseModel":
        """Return the read-out error alone."""
        return replace(self, name=f"{self.name}, read-out error only", local={}, default={}, strict=False)

    def without_coupling(self) -> "NoiseModel":
        """Return the model with every pair allowed for which it has noise data."""
        return replace(self, coupling_map=None)

    def on_qubits(self, qubits: Sequence[int]) -> "NoiseModel":
        """Return the model of some of the device's qubits, renumbered 0, 1, ... in the order given.

        The name says which they were, unless they are the first ones.
        """
        new = {old: index for index, old in enumerate(qubits)}
        if len(new) != len(qubits) or not new:
            raise NoiseModelError(f"need at least one qubit and each only once, got {list(qubits)}")
        self._check_qubits(qubits)
        coupling = None
        if self.coupling_map is not None:
            coupling = tuple((new[a], new[b]) for a, b in self.coupling_map if a in new and b in new)
        local = {(g, tuple(new[q] for q in qs)): c for (g, qs), c in self.local.items() if all(q in new for q in qs)}
        readout = {new[q]: error for q, error in self.readout.items() if q in new}
        is_start = list(qubits) == list(range(len(qubits)))
        name = self.name if is_start else f"{self.name} qubits {','.join(map(str, qubits))}"
        return replace(self, name=name, local=local, readout=readout, coupling_map=coupling, n_qubits=len(qubits))

    def beside_references(self, n_qubits: int, n_references: int) -> "NoiseModel":
        """Return the model of the device's first qubits with perfect qubits beside them.

        Reference qubits are a device of thought: they read perfectly, and H on one and CX from one to any qubit are
        noiseless, so that entangling them with the device's qubits costs nothing. Nothing else acts on them.

        Args:
            n_qubits: qubits of the device to keep, 0 .. n_qubits - 1.
            n_references: perfect qubits, numbered from n_qubits on.

        Raises:
            NoiseModelError: if the device has fewer qubits.
        """
        first = self.on_qubits(range(n_qubits))
        references = range(n_qubits, n_qubits + n_references)
        pairs = tuple((reference, qubit) for reference in references for qubit in range(n_qubits))
        free: dict[Target, Channel] = {("h", (reference,)): identity_channel(1) for reference in references}
        free |= {("cx", pair): identity_channel(2) for pair in pairs}
        errors = {q: self.readout_error(q) for q in range(n_qubits)}
        return replace(
            first,
            local=dict(first.local) | free,
            readout={q: error for q, error in errors.items() if error is not None},
            default_readout=None,
            coupling_map=None if first.coupling_map is None else first.coupling_map + pairs,
            n_qubits=n_qubits + n_references,
        )

    @cached_property
    def _key(self) -> str:
        text = json.dumps(self.to_dict() | {"name": "", "source": ""}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoiseModel) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> str:
        """Return the identity of the model, 32 hexadecimal digits; names and sources do not count."""
        return self._key

    @classmethod
    def from_numbers(
        cls, *, p1: float = 0.0, p2: float = 0.0, readout: float = 0.0, name: str | None = None
    ) -> "NoiseModel":
        """Return uniform depolarizing noise.

        Args:
            p1: depolarizing probability after every one-qubit gate, 0 to 1.
            p2: depolarizing probability (two-qubit channel) after every two-qubit gate, 0 to 1.
            readout: symmetric read-out error of every qubit, 0 to 1.
            name: name for records; by default it states the numbers.
        """
        channels = {1: depolarizing(p1), 2: depolarizing(p2, n_qubits=2)}
        return cls.from_channels(
            channels[1],
            channels[2],
            readout=ReadoutError(readout, readout) if readout else None,
            name=name or f"depolarizing p1={p1:g} p2={p2:g} readout={readout:g}",
        )

    @classmethod
    def from_channels(
        cls, one_qubit: Channel, two_qubit: Channel, *, readout: Readout | None = None, name: str = "uniform"
    ) -> "NoiseModel":
        """Return the model with one channel after every one-qubit gate and one after every two-qubit gate."""
        by_size = {1: one_qubit, 2: two_qubit}
        default = {gate.name: by_size[gate.n_qubits] for gate in GATES.values() if gate.name != "id"}
        return cls(name, default=default, default_readout=readout, strict=False)

    @classmethod
    def named(cls, name: str, *, qubits: Sequence[int] | None = None) -> "NoiseModel":
        """Return a device by name: built-in (`ourense`, `mumbai-median`), `fake:FakeSherbrooke`, or a JSON file's path.

        Args:
            name: the device; `qvar devices` lists them.
            qubits: physical qubits to use, in order; None for all.

        Raises:
            NoiseModelError: for an unknown device, or if a fake backend is asked for without the `ibm` extra.
        """
        from qvar.simulators.devices import device

        return device(name, qubits=qubits)

    @classmethod
    def from_backend(cls, backend: "BackendV2", *, qubits: Sequence[int] | None = None) -> "NoiseModel":
        """Return the calibrated noise of a Qiskit backend, real or fake (see `qvar.simulators.backends`)."""
        from qvar.simulators.backends import noise_from_backend

        return noise_from_backend(backend, qubits=qubits)

    @classmethod
    def from_aer(cls, model: "AerNoiseModel", *, name: str = "aer") -> "NoiseModel":
        """Translate a Qiskit Aer noise model with one- and two-qubit errors; other gates are noiseless, as in Aer."""
        from qvar.simulators.backends import noise_from_aer

        return noise_from_aer(model, name=name)

    def to_aer(self) -> "AerNoiseModel":
        """Return the model for Qiskit Aer, one Kraus channel per gate."""
        from qvar.simulators.backends import noise_to_aer

        return noise_to_aer(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON-able data, readable by `from_dict`."""
        from qvar.simulators.noise_files import noise_to_dict

        return noise_to_dict(self)

    @classmethod
    def from_dict(cls, data: Any) -> "NoiseModel":
        """Read what `to_dict` or a hand-written JSON file says (format in `qvar.simulators.noise_files`)."""
        from qvar.simulators.noise_files import noise_from_dict

        return noise_from_dict(data)

    @classmethod
    def from_json(cls, path: str | Path) -> "NoiseModel":
        """Read a noise model from a JSON file."""
        from qvar.simulators.noise_files import read_noise

        return read_noise(Path(path))

    def to_json(self, path: str | Path) -> None:
        """Write the model to a JSON file, atomically."""
        from qvar.simulators.noise_files import write_noise

        write_noise(self, Path(path))


def _rebuild(plain: dict[str, Any]) -> NoiseModel:
    """Make a model from its fields, for copying and pickling (read-only mappings support neither)."""
    return NoiseModel(**plain)
