"""A pool of circuits: structures in canonical form, with angles that follow from a seed, in one small file."""

import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import angles_of, canonical, keys_of_canonical
from qvar.latent.conversion import circuit_of
from qvar.latent.space import CircuitSpace, Structures
from qvar.runs.sealed import read_arrays, write_arrays
from qvar.simulators import Circuit
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["CircuitPool", "DrawReport"]

_FORMAT = "qvar-circuit-pool"
_VERSION = 1


@dataclass(frozen=True)
class DrawReport:
    """How a pool came about: circuits drawn, some at the end not needed, and those too deep or drawn before."""

    method: str
    drawn: int
    too_deep: int
    duplicates: int


@dataclass(frozen=True, eq=False)
class CircuitPool:
    """Different circuits of one space.

    Attributes:
        space: where they come from.
        structures: int8 array of shape (P, n_gates, 3), canonical (see `qvar.latent.canonical`).
        seed: of the start angles.
        report: how they were drawn, None if they were given.

    Raises:
        LatentError: for structures that do not fit the space, or that occur twice.
    """

    space: CircuitSpace
    structures: Structures
    seed: int
    report: DrawReport | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", canonical(self.space, self.structures))
        if len(np.unique(self.keys)) < len(self):
            raise LatentError(f"{len(self) - len(np.unique(self.keys))} circuits of this pool repeat others")

    def __len__(self) -> int:
        return len(self.structures)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """Keys of the circuits, shape (P,) (see `qvar.latent.canonical.keys`)."""
        return keys_of_canonical(self.structures)

    @cached_property
    def angles(self) -> NDArray[np.float64]:
        """Start angles, shape (P, n_gates, 3), radians in [0, 2 pi); 0 where a gate has fewer than three."""
        return angles_of(self.space, self.structures, self.seed)

    def circuit(self, index: int) -> tuple[Circuit, NDArray[np.float64]]:
        """Return one circuit, every angle a slot of its own, and its start angles, shape (n_parameters,), radians."""
        return circuit_of(self.space, self.structures[index], self.angles[index])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the pool to `path` (.npz, atomically); 100,000 circuits take one to a few megabytes."""
        report = None if self.report is None else asdict(self.report)
        header = {"format": _FORMAT, "version": _VERSION, "seed": self.seed, "report": report}
        text = json.dumps(header | {"space": self.space.to_dict()})
        write_arrays(Path(path), {"header": np.array(text), "structures": self.structures}, compressed=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CircuitPool":
        """Read a pool that `save` wrote.

        Raises:
            LatentError: if the file is missing, or holds no pool.
        """
        try:
            file = read_arrays(Path(path))
            header, structures = parse_json(str(file["header"])), file["structures"]
            if header["format"] != _FORMAT or header["version"] != _VERSION:
                raise ValueError(f"format {header['format']!r} version {header['version']!r}")
            report = None if header["report"] is None else DrawReport(**header["report"])
            return cls(CircuitSpace.from_dict(header["space"]), structures, int(header["seed"]), report)
        except UNREADABLE as error:
            raise LatentError(f"{os.fspath(path)!r} holds no pool of circuits: {error}") from error
