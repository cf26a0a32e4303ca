"""A problem is an observable, the lowest energy a circuit can reach, and the recipe that says where both come from."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from qvar.problems.references import bell_pairs, beside_references
from qvar.simulators import Circuit, Engine, Objective, Observable
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ObservableError, ProblemError
from qvar.simulators.files import write_atomically
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["ACCURACY", "Problem", "check_key"]

ACCURACY: Mapping[str, float] = MappingProxyType({"Ha": 1.6e-3, "infidelity": 1e-2})
"""The error to aim at by unit: chemical accuracy in Hartree, a fidelity of 0.99; other units have none."""

_FORMAT = "qvar-problem"
_VERSION = 1
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIELDS = frozenset(
    {
        "format",
        "version",
        "key",
        "title",
        "unit",
        "exact_energy",
        "hartree_fock_energy",
        "source",
        "metadata",
        "n_references",
        "terms",
    }
)
_OPTIONAL = frozenset({"hartree_fock_energy", "metadata", "n_references"})


@dataclass(frozen=True)
class Problem:
    """A minimization min_psi <psi|O|psi> whose answer is known.

    Errors of circuits are quoted against `exact_energy`, the lowest eigenvalue of the very observable in use.
    A constant such as the nuclear repulsion is part of the observable (the coefficient of its identity
    string), so expectation values are total energies.

    A problem may have reference qubits beside the `n_qubits` that a circuit is searched on: the first of those then
    start in Bell pairs with the references, not in |0>, and no gate and no noise acts on the references. The
    observable speaks about all qubits, references last; see `qvar.problems.unitary_compilation`.

    Attributes:
        key: short name for files and tables: letters, digits, dot, dash, underscore; 64 characters at most.
        title: the problem in one line.
        observable: the Hamiltonian, in `unit`, on searched and reference qubits.
        exact_energy: its lowest eigenvalue, in `unit`, which some circuit reaches.
        source: the recipe in words: how the observable was made.
        hartree_fock_energy: energy of the Hartree-Fock determinant, in `unit`; None where there is none.
        unit: unit of all energies: Hartree ("Ha") for molecules, "J" for spins, "edges" or "weight" for cuts,
            "infidelity" for states and processes.
        metadata: the recipe as JSON data. Tuples become lists. Treat it as read-only.
        n_references: reference qubits, at most as many as searched ones.

    Raises:
        ProblemError: for empty texts, a bad key, energies that are not finite or that no state of the
            observable can have, metadata that JSON cannot hold, or too many reference qubits.

    Example:
        >>> from qvar.simulators import Circuit, Engine, Objective, Observable
        >>> chain = Observable.from_terms({"ZZ": -1.0, "XI": -0.5, "IX": -0.5})
        >>> problem = Problem.from_observable(chain, key="ising-2", unit="J")
        >>> problem.n_qubits, round(problem.exact_energy, 6), problem.lower_bound
        (2, -1.414214, -2.0)
    """

    key: str
    title: str
    observable: Observable
    exact_energy: float
    source: str = ""
    hartree_fock_energy: float | None = None
    unit: str = "Ha"
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    n_references: int = 0

    def __post_init__(self) -> None:
        check_key(self.key)
        _check_text("title", self.title)
        _check_text("unit", self.unit)
        if not isinstance(self.source, str):
            raise ProblemError(f"source must be a text, got {self.source!r}")
        _check_observable(self.observable)
        object.__setattr__(self, "exact_energy", _check_number("exact_energy", self.exact_energy))
        if self.hartree_fock_energy is not None:
            number = _check_number("hartree_fock_energy", self.hartree_fock_energy)
            object.__setattr__(self, "hartree_fock_energy", number)
        object.__setattr__(self, "metadata", _plain_metadata(self.metadata))
        n_references = check_whole("n_references", self.n_references, least=0, error=ProblemError)
        object.__setattr__(self, "n_references", n_references)
        if n_references > self.n_qubits:
            raise ProblemError(
                f"n_references is {n_references}, but of the observable's {self.observable.n_qubits} qubit(s) at most "
                f"{self.observable.n_qubits // 2} can be references: each needs a searched qubit"
            )
        self._check_energies()

    def _check_energies(self) -> None:
        # The lowest eigenvalue lies between the sum of worst cases and the mean of all eigenvalues.
        low, mean = self.lower_bound, self.observable.identity_coefficient
        slack = 1e-9 * max(1.0, abs(low))
        if not low - slack <= self.exact_energy <= mean + slack:
            raise ProblemError(
                f"exact_energy {self.exact_energy} of {self.key!r} cannot be the lowest eigenvalue of this "
                f"observable, which lies in [{low}, {mean}]; use Problem.from_observable to compute it"
            )
        if self.hartree_fock_energy is not None and self.hartree_fock_energy < self.exact_energy - 1e-6:
            raise ProblemError(
                f"hartree_fock_energy {self.hartree_fock_energy} of {self.key!r} lies below the exact energy "
                f"{self.exact_energy}, which no state can"
            )

    @classmethod
    def from_observable(
        cls,
        observable: Observable,
        *,
        key: str,
        title: str | None = None,
        source: str = "",
        hartree_fock_energy: float | None = None,
        unit: str = "Ha",
        metadata: Mapping[str, Any] | None = None,
    ) -> "Problem":
        """Make a problem without reference qubits of any observable by computing its lowest eigenvalue.

        Args:
            observable: a real sum of Pauli strings; up to about 16 qubits the diagonalization takes seconds.
            key: short name, see the class.
            title: one line; None means the key.
            source: how the observable was made.
            hartree_fock_energy: energy of a reference determinant in `unit`, None if there is none.
            unit: unit of the coefficients.
            metadata: the recipe as JSON data, None for none.

        Returns:
            The problem, `exact_energy` being `observable.ground_energy()`.

        Raises:
            ProblemError: if `observable` is not an `Observable`, or for bad texts and numbers.
        """
        _check_observable(observable)
        return cls(
            key=key,
            title=key if title is None else title,
            observable=observable,
            exact_energy=observable.ground_energy(),
            source=source,
            hartree_fock_energy=hartree_fock_energy,
            unit=unit,
            metadata={} if metadata is None else metadata,
        )

    @property
    def n_qubits(self) -> int:
        """Number of qubits that a circuit is searched on, references not counted."""
        return self.observable.n_qubits - self.n_references

    @property
    def lower_bound(self) -> float:
        """c_I - sum |c_k| over the other terms, an energy that no state undercuts; in `unit`."""
        return self.observable.lower_bound()

    @property
    def accuracy(self) -> float | None:
        """The error to aim at (see `ACCURACY`), None where the unit has no such convention."""
        return ACCURACY.get(self.unit)

    @property
    def start_energy(self) -> float:
        """Noiseless energy of the empty circuit, in `unit`.

        Of |0...0> strings of I and Z have the value 1; of a Bell pair II, XX and ZZ have 1, YY has -1; others vanish.
        """
        digits, r = self.observable.digits, self.n_references
        paired, references, alone = digits[:, :r], digits[:, self.n_qubits :], digits[:, r : self.n_qubits]
        counts = (paired == references).all(axis=1) & np.isin(alone, (0, 3)).all(axis=1)
        signs = 1 - 2 * ((paired == 2).sum(axis=1) % 2)
        return float((self.observable.vector * signs)[counts].sum())

    @property
    def preparation(self) -> Circuit:
        """What comes before the searched circuit: nothing, or Bell pairs; on searched and reference qubits."""
        return bell_pairs(self.n_qubits, self.n_references)

    def objective(self, engine: Engine, circuit: Circuit) -> Objective:
        """Return what `circuit` costs in this problem, as a function of its angles on `engine`.

        Reference qubits are added behind the circuit's own ones, free of the engine's noise.

        Raises:
            ProblemError: with reference qubits, for a circuit on another number of qubits than `n_qubits`, or an
                engine to whose noise they cannot be added.
            QvarError: whatever the engine raises.
        """
        if not self.n_references:
            return engine.objective(circuit, self.observable)
        if circuit.n_qubits != self.n_qubits:
            raise ProblemError(
                f"the circuit has {circuit.n_qubits} qubit(s), {self.key!r} is searched on {self.n_qubits}"
            )
        whole = self.preparation.then(circuit.operations)
        return beside_references(engine, circuit, self.n_references).objective(whole, self.observable)

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as JSON data; `from_dict` gives back an equal problem."""
        references = {"n_references": self.n_references} if self.n_references else {}
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "exact_energy": self.exact_energy,
            "hartree_fock_energy": self.hartree_fock_energy,
            "source": self.source,
            "metadata": _plain_metadata(self.metadata),
            **references,
            "terms": dict(zip(self.observable.labels, self.observable.coefficients, strict=True)),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Problem":
        """Build a problem from the data of `to_dict`, checking every field.

        Raises:
            ProblemError: for missing, unknown or ill-typed fields, another format or version, Pauli labels or
                coefficients that make no observable, and energies that do not belong to it.
        """
        if not isinstance(data, Mapping):
            raise ProblemError(f"a problem is stored as a JSON object, got {type(data).__name__}")
        _check_fields(data)
        terms = data["terms"]
        if not isinstance(terms, Mapping) or not all(isinstance(label, str) for label in terms):
            raise ProblemError("field 'terms' must map Pauli labels such as 'XZ' to coefficients")
        numbers = {label: _check_number(f"coefficient of {label!r}", value) for label, value in terms.items()}
        try:
            observable = Observable.from_terms(numbers)
        except ObservableError as error:
            raise ProblemError(f"field 'terms' holds no observable: {error}") from error
        return cls(
            key=data["key"],
            title=data["title"],
            observable=observable,
            exact_energy=data["exact_energy"],
            source=data["source"],
            hartree_fock_energy=data.get("hartree_fock_energy"),
            unit=data["unit"],
            metadata=data.get("metadata", {}),
            n_references=data.get("n_references", 0),
        )

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the problem to `path` as JSON, atomically: a reader sees the old file or the whole new one.

        Raises:
            OSError: if the folder does not exist or cannot be written to; an old file is then left as it was.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(Path(path), text.encode())

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> "Problem":
        """Read a problem written by `to_json`.

        Raises:
            ProblemError: if the file cannot be read, is not JSON, or holds no valid problem.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProblemError(f"cannot read the problem file {os.fspath(path)!r}: {error}") from error
        return cls.from_json_text(text, origin=os.fspath(path))

    @classmethod
    def from_json_text(cls, text: str, *, origin: str = "text") -> "Problem":
        """Read a problem from JSON text; `origin` names it in error messages.

        Raises:
            ProblemError: if the text is not JSON or holds no valid problem.
        """
        try:
            data = parse_json(text, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant)
            return cls.from_dict(data)
        except UNREADABLE as error:  # ProblemError and JSONDecodeError are ValueErrors
            raise ProblemError(
                f"{origin} holds no valid problem: {error}; write such files with Problem.to_json"
            ) from error


def check_key(key: object) -> None:
    """Raise a ProblemError unless `key` can name a problem."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ProblemError(
            "a problem key starts with a letter or digit and holds letters, digits, '.', '-' and '_' only, "
            f"64 at most; got {key!r}"
        )


def _check_fields(data: Mapping[str, Any]) -> None:
    missing, unknown = _FIELDS - _OPTIONAL - set(data), set(data) - _FIELDS
    if missing or unknown:
        raise ProblemError(
            f"missing fields {sorted(missing)} and unknown fields {sorted(map(str, unknown))}; a problem has "
            f"{sorted(_FIELDS)}"
        )
    if data["format"] != _FORMAT or data["version"] != _VERSION:
        raise ProblemError(
            f"this is format {data['format']!r} version {data['version']!r}; this release reads {_FORMAT!r} "
            f"version {_VERSION}"
        )


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ProblemError(f"{name} must be a text that is not empty, got {value!r}")


def _check_observable(value: object) -> None:
    if not isinstance(value, Observable):
        raise ProblemError(
            f"a problem needs a qvar Observable, got {type(value).__name__}; convert a Qiskit operator with "
            "Observable.from_qiskit(operator)"
        )


def _check_number(name: str, value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ProblemError(f"{name} must be a finite real number, got {value!r}")
    return number


def _plain_metadata(metadata: object) -> dict[str, Any]:
    if not isinstance(metadata, Mapping) or not all(isinstance(name, str) for name in metadata):
        raise ProblemError(f"metadata must map texts to JSON data, got {metadata!r}")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(metadata), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ProblemError(f"metadata must be JSON data (texts, finite numbers, lists, objects): {error}") from error
    return plain


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ProblemError(f"the name {next(n for n in names if names.count(n) > 1)!r} appears twice")
    return dict(pairs)


def _refuse_constant(name: str) -> float:
    raise ProblemError(f"{name} is not a finite number")
