"""From what is measured to class probabilities: which outcomes, or which observables, speak for which class.

A readout names K observables whose expectation values (shape (n_rows, K)) determine the probabilities of the C classes,
and leads derivatives back. Readouts that sort measured bit strings into classes have K = C - 1 projectors, the last
class taking what is left; they are linear, so that their probabilities obey the parameter-shift rule.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qvar.simulators import Observable
from qvar.simulators.errors import ClassifierError

__all__ = [
    "READOUTS",
    "Majority",
    "ObservableReadout",
    "OneQubit",
    "Parity",
    "PauliReadout",
    "Readout",
    "Remainder",
    "find_readout",
    "least_qubits",
]

Floats = NDArray[np.float64]
_MAX_QUBITS = 24
"""Outcomes are sorted by a table."""


class Readout(Protocol):
    """A small frozen object that says how classes are read."""

    @property
    def is_linear(self) -> bool:
        """Whether probabilities are linear in expectation values, as frequencies of outcomes are."""
        ...

    def observables(self, n_qubits: int, n_classes: int) -> tuple[Observable, ...]:
        """Return the K observables."""
        ...

    def outcome_values(self, n_qubits: int, n_classes: int) -> Floats | None:
        """Return the observables' values at every outcome, shape (K, 2**n_qubits), qubit q being bit q.

        None if they cannot be read from the outcomes of one circuit.
        """
        ...

    def probabilities(self, values: Floats) -> Floats:
        """Return class probabilities, shape (..., C), from expectation values, shape (..., K)."""
        ...

    def pull_back(self, values: Floats, slopes: Floats) -> Floats:
        """Return derivatives by expectation value, shape (..., K), from those by probability, shape (..., C)."""
        ...


class _Sorting:
    """What readouts share that give every outcome a class."""

    is_linear = True

    def observables(self, n_qubits: int, n_classes: int) -> tuple[Observable, ...]:
        """Return the projectors on the outcomes of all classes but the last."""
        classes = self.classes_of_outcomes(n_qubits, n_classes)
        return tuple(_diagonal(classes == c) for c in range(n_classes - 1))

    def classes_of_outcomes(self, n_qubits: int, n_classes: int) -> NDArray[np.int64]:
        """Return the class of every outcome, shape (2**n_qubits,).

        Raises:
            ClassifierError: for more than 24 qubits, or if a class has no outcomes.
        """
        if n_qubits > _MAX_QUBITS:
            raise ClassifierError(
                f"a readout sorts the outcomes of at most {_MAX_QUBITS} qubits, got {n_qubits}; n_qubits=8 encodes the "
                "features 8 at a time"
            )
        classes = self._classes(np.arange(2**n_qubits), n_qubits, n_classes)
        n_found = np.count_nonzero(np.bincount(classes, minlength=n_classes))
        if n_found < n_classes:
            raise ClassifierError(
                f"readout {self} on {n_qubits} qubit(s) has outcomes for {n_found} classes and the data have "
                f"{n_classes}; use more qubits or another readout"
            )
        return classes

    def _classes(self, outcomes: NDArray[np.int64], n_qubits: int, n_classes: int) -> NDArray[np.int64]:
        raise NotImplementedError

    def outcome_values(self, n_qubits: int, n_classes: int) -> Floats:
        """Return one at the outcomes of each class but the last, else zero."""
        classes = self.classes_of_outcomes(n_qubits, n_classes)
        return np.asarray(np.arange(n_classes - 1)[:, None] == classes, dtype=np.float64)

    def probabilities(self, values: Floats) -> Floats:
        """Return class probabilities; the last class has what the others leave."""
        return np.concatenate([values, 1.0 - values.sum(axis=-1, keepdims=True)], axis=-1)

    def pull_back(self, values: Floats, slopes: Floats) -> Floats:  # noqa: ARG002
        """Return derivatives by expectation value."""
        return slopes[..., :-1] - slopes[..., -1:]


@dataclass(frozen=True)
class Parity(_Sorting):
    """The number of ones modulo the number of classes; for two classes the parity of all qubits."""

    def _classes(self, outcomes: NDArray[np.int64], n_qubits: int, n_classes: int) -> NDArray[np.int64]:  # noqa: ARG002
        return _ones(outcomes) % n_classes


@dataclass(frozen=True)
class Majority(_Sorting):
    """The number of ones in equal parts; for two classes, class 1 if more than half of the qubits are one."""

    def _classes(self, outcomes: NDArray[np.int64], n_qubits: int, n_classes: int) -> NDArray[np.int64]:
        return _ones(outcomes) * n_classes // (n_qubits + 1)


@dataclass(frozen=True)
class OneQubit(_Sorting):
    """The value of one qubit; for two classes.

    Args:
        qubit: which one, from 0.
    """

    qubit: int = 0

    def _classes(self, outcomes: NDArray[np.int64], n_qubits: int, n_classes: int) -> NDArray[np.int64]:
        if n_classes > 2 or not 0 <= self.qubit < n_qubits:
            raise ClassifierError(
                f"one qubit of 0..{n_qubits - 1} tells two classes apart, got qubit {self.qubit} and {n_classes} "
                "classes; 'remainder' reads several qubits"
            )
        return outcomes >> self.qubit & 1


@dataclass(frozen=True)
class Remainder(_Sorting):
    """The outcome as a whole number modulo the number of classes; two classes read qubit 0.

    What qiskit-machine-learning 0.9 does under the name of parity.
    """

    def _classes(self, outcomes: NDArray[np.int64], n_qubits: int, n_classes: int) -> NDArray[np.int64]:  # noqa: ARG002
        return outcomes % n_classes


class _Softmax:
    """What readouts share whose probabilities are a softmax of expectation values.

    A single observable tells two classes apart: class 1 has the logit scale <O>, class 0 has zero.
    """

    scale: float
    is_linear = False

    def observables(self, n_qubits: int, n_classes: int) -> tuple[Observable, ...]:
        """Return the observables."""
        raise NotImplementedError

    def outcome_values(self, n_qubits: int, n_classes: int) -> Floats | None:
        """Return the observables' values at every outcome; None if one of them is no sum of Pauli Z strings."""
        observables = self.observables(n_qubits, n_classes)
        if any(letter in "XY" for o in observables for label in o.labels for letter in label):
            return None
        return np.array([_eigenvalues(o) for o in observables])

    def probabilities(self, values: Floats) -> Floats:
        """Return the softmax, shape (..., C)."""
        logits = self.scale * (np.concatenate([0 * values, values], axis=-1) if values.shape[-1] == 1 else values)
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

    def pull_back(self, values: Floats, slopes: Floats) -> Floats:
        """Return derivatives by expectation value."""
        p = self.probabilities(values)
        by_logit = self.scale * p * (slopes - (p * slopes).sum(axis=-1, keepdims=True))
        return np.asarray(by_logit[..., 1:] if values.shape[-1] == 1 else by_logit)

    def _check_scale(self) -> None:
        if not self.scale > 0:
            raise ClassifierError(f"a readout by softmax needs a scale > 0, got {self.scale}")


@dataclass(frozen=True)
class PauliReadout(_Softmax):
    """Softmax of Pauli Z strings: one qubit per class, then pairs, triples, ... where there are more classes.

    Args:
        scale: sharpness; 1 can say no more than 73 % for two classes.
    """

    scale: float = 4.0

    def __post_init__(self) -> None:
        self._check_scale()

    def observables(self, n_qubits: int, n_classes: int) -> tuple[Observable, ...]:
        """Return one string per class, or that of qubit 0 for two classes."""
        n = 1 if n_classes == 2 else n_classes
        masks = sorted(range(1, 2**n_qubits), key=lambda mask: (mask.bit_count(), mask))[:n]
        if len(masks) < n:
            raise ClassifierError(
                f"{n_qubits} qubit(s) have {len(masks)} Pauli Z strings and the data {n_classes} classes; use more "
                "qubits or another readout"
            )
        return tuple(Observable.from_terms({_z_string(mask, n_qubits): 1.0}) for mask in masks)


@dataclass(frozen=True)
class ObservableReadout(_Softmax):
    """Softmax of any observables: probabilities are softmax(scale <O_c>), one observable per class.

    A single observable tells two classes apart: class 1 has the logit scale <O>, class 0 has zero.

    Args:
        of_classes: one observable per class, or a single one.
        scale: sharpness; with Pauli strings, 1 can say no more than 73 % for two classes.
    """

    of_classes: tuple[Observable, ...]
    scale: float = 4.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "of_classes", tuple(self.of_classes))
        if not self.of_classes or not all(isinstance(o, Observable) for o in self.of_classes):
            raise ClassifierError(f"an observable readout needs a tuple of Observables, got {self.of_classes!r}")
        self._check_scale()

    def observables(self, n_qubits: int, n_classes: int) -> tuple[Observable, ...]:
        """Return the observables as given."""
        found = [o.n_qubits for o in self.of_classes]
        if any(n != n_qubits for n in found):
            raise ClassifierError(f"the circuit has {n_qubits} qubit(s), the observables of the readout {found}")
        if len(found) != n_classes and (len(found), n_classes) != (1, 2):
            raise ClassifierError(
                f"the data have {n_classes} classes and the readout {len(found)} observable(s); give one per class"
            )
        return self.of_classes


READOUTS: dict[str, type[Readout]] = {
    "majority": Majority,
    "one-qubit": OneQubit,
    "parity": Parity,
    "pauli": PauliReadout,
    "remainder": Remainder,
}
"""Readouts that go by a name."""


def find_readout(readout: "Readout | str", n_classes: int) -> Readout:
    """Return the readout of a name; "auto" reads qubit 0 for two classes, Pauli Z strings for more.

    Raises:
        ClassifierError: for an unknown name or anything that is no readout.
    """
    if readout == "auto":
        return OneQubit() if n_classes == 2 else PauliReadout()
    if isinstance(readout, str):
        if readout not in READOUTS:
            raise ClassifierError(
                f"unknown readout {readout!r}; there are auto, {', '.join(READOUTS)} and ObservableReadout(...)"
            )
        return READOUTS[readout]()
    if isinstance(readout, type) or not all(
        hasattr(readout, name) for name in ("observables", "probabilities", "pull_back")
    ):
        raise ClassifierError(f"a readout is a name or a readout object, got {readout!r}")
    return readout


def least_qubits(n_classes: int) -> int:
    """Return how many qubits tell so many classes apart: one for two, else with as many Pauli Z strings as classes."""
    return 1 if n_classes <= 2 else n_classes.bit_length()


def _ones(outcomes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bitwise_count(outcomes).astype(np.int64)


def _diagonal(chosen: NDArray[np.bool_]) -> Observable:
    """Return the projector on the outcomes chosen, shape (2**n,), as a sum of Pauli Z strings."""
    n = len(chosen).bit_length() - 1
    rest = chosen.astype(np.float64).reshape((2,) * n)
    for axis in range(n):  # Walsh-Hadamard: the coefficient of Z_S is the mean of (-1)**(bits in S)
        rest = np.stack([rest.take(0, axis) + rest.take(1, axis), rest.take(0, axis) - rest.take(1, axis)], axis) / 2
    coefficients = rest.ravel()
    places = np.flatnonzero(coefficients)
    labels = [_z_string(mask, n) for mask in places.tolist()]
    return Observable.from_terms(dict(zip(labels, coefficients[places].tolist(), strict=True)))


def _z_string(mask: int, n_qubits: int) -> str:
    """Return the label with Z on the qubits in `mask`, qubit 0 rightmost."""
    return "".join("Z" if mask >> q & 1 else "I" for q in range(n_qubits - 1, -1, -1))


def _eigenvalues(observable: Observable) -> Floats:
    """Return the values of a sum of Pauli Z strings at every outcome, shape (2**n,)."""
    outcomes = np.arange(2**observable.n_qubits)
    values = np.zeros(len(outcomes))
    for label, coefficient in zip(observable.labels, observable.coefficients, strict=True):
        mask = int(label.replace("I", "0").replace("Z", "1"), 2)
        values += coefficient * (1 - 2 * (_ones(outcomes & mask) % 2))
    return values
