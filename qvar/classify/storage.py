"""Trained classifiers as JSON files: readable, checked by a checksum, and without any code to execute."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

import qvar.optimizers as optimizers
from qvar.classify import loss, readout
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    PauliTransferSimulator,
    PennyLaneSimulator,
    StatevectorSimulator,
)
from qvar.simulators.errors import CircuitError, ClassifierError
from qvar.simulators.files import write_atomically
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["read", "write"]

_FORMAT = "qvar-classifier"
_VERSION = 1
_OPTIMIZERS: list[type] = [getattr(optimizers, name) for name in optimizers.__all__ if name[0].isupper()]
_KNOWN: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(kind for kind in _OPTIMIZERS if dataclasses.is_dataclass(kind)),
        *(loss.CrossEntropy, loss.Linear, loss.SquaredError),
        *(readout.Majority, readout.ObservableReadout, readout.OneQubit, readout.Parity, readout.Remainder),
        *(AerSimulator, PauliTransferSimulator, PennyLaneSimulator, StatevectorSimulator),
    )
}
"""Settings that a file may name; nothing else is ever made from one."""
_ARRAYS = {"O": "object", "U": "str", "b": None, "i": None, "u": None, "f": None}
"""Kinds of arrays, and how a file names those of strings; of numbers it gives the type."""


class _CannotStore(Exception):
    pass


def write(path: str | Path, kind: str, parameters: Mapping[str, Any], fitted: Mapping[str, Any]) -> None:
    """Write a classifier to a file, atomically.

    Args:
        path: the file.
        kind: name of the class.
        parameters: what it was made with. What a file cannot hold (functions, samplers, pass managers, random states,
            circuits with angles that are no linear functions of one parameter) is named there and left out.
        fitted: numbers, strings, lists and arrays.
    """
    kept, left_out = {}, []
    for name, value in parameters.items():
        try:
            kept[name] = _stored(value)
        except _CannotStore:
            left_out.append(name)
    content = {
        "class": kind,
        "parameters": kept,
        "left_out": left_out,
        "fitted": {name: _stored(value) for name, value in fitted.items()},
    }
    document = {"format": _FORMAT, "version": _VERSION, "sha256": _digest(content), **content}
    write_atomically(Path(path), json.dumps(document, indent=1).encode())


def read(
    path: str | Path, kind: Any, given: Mapping[str, Any], *, needed: Set[str], optional: Set[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `write` wrote.

    Args:
        path: the file.
        kind: the class, a scikit-learn estimator.
        given: parameters to use instead of those in the file.
        needed: names of the fitted values that the file must hold.
        optional: names of those that it may hold besides; no other name is taken from a file.

    Returns:
        Parameters and fitted values.

    Raises:
        ClassifierError: if the file is missing, damaged or of another kind, leaves out a parameter not given, or holds
            names that are not known.
    """
    try:
        document = parse_json(Path(path).read_bytes())
        content = {name: document[name] for name in ("class", "parameters", "left_out", "fitted")}
        header = document["format"], document["version"]
        damaged = document["sha256"] != _digest(content)
        missing = sorted(set(content["left_out"]) - set(given))
    except UNREADABLE as error:
        raise ClassifierError(f"{path} is not a readable classifier file: {error!r}") from error
    if header != (_FORMAT, _VERSION) or content["class"] != kind.__name__:
        raise ClassifierError(
            f"{path} holds {content['class']!r} in format {header}; needed {kind.__name__!r} in version {_VERSION}"
        )
    if damaged:
        raise ClassifierError(f"{path} is damaged: its contents do not match its checksum; restore it from a copy")
    if missing:
        raise ClassifierError(
            f"{path} could not hold {', '.join(missing)}; give them again: load(path, {missing[0]}=...)"
        )
    try:
        parameters = {name: _restored(v) for name, v in content["parameters"].items() if name not in given}
        fitted = {name: _restored(value) for name, value in content["fitted"].items()}
    except UNREADABLE as error:
        raise ClassifierError(f"{path} holds what `save` does not write: {error!r}") from error
    known = {**parameters, **given}
    strange = {*known} - {*kind._get_param_names()} | {*fitted} - needed - optional
    for names, what in ((strange, "not known to this version"), (needed - {*fitted}, "missing in the file")):
        if names:
            raise ClassifierError(f"{path}: {', '.join(sorted(names))}: {what}")
    return known, fitted


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _stored(value: Any) -> Any:
    """Return a value as JSON-able data; raises _CannotStore."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _stored(value.item())
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _ARRAYS:
            raise _CannotStore
        return {"array": [_stored(v) for v in value.tolist()], "dtype": _ARRAYS[value.dtype.kind] or value.dtype.str}
    if isinstance(value, list):
        return [_stored(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [_stored(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[_stored(k), _stored(v)] for k, v in value.items()]}
    if isinstance(value, Observable):
        return {"observable": [list(pair) for pair in zip(value.labels, value.coefficients, strict=True)]}
    if isinstance(value, NoiseModel):
        return {"noise": value.to_dict()}
    if isinstance(value, Circuit | QuantumCircuit):
        return {"circuit": _qasm(value), "qiskit": isinstance(value, QuantumCircuit)}
    if type(value) is _KNOWN.get(type(value).__name__):
        fields = {f.name: _stored(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
        return {"settings": type(value).__name__, "fields": fields}
    raise _CannotStore


def _qasm(circuit: Circuit | QuantumCircuit) -> str:
    try:
        plain = Circuit.from_qiskit(circuit) if isinstance(circuit, QuantumCircuit) else circuit
    except CircuitError as error:
        raise _CannotStore from error
    if isinstance(circuit, QuantumCircuit) and plain.n_parameters < circuit.num_parameters:
        raise _CannotStore  # some parameters drive no gate, and the others would take their places
    return plain.to_qasm()


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        kind = np.dtype(value["dtype"])
        if kind.kind not in _ARRAYS or kind.itemsize > 16:
            raise ClassifierError(f"the file names arrays of {kind}, which no classifier has")
        return np.array(_restored(value["array"]), dtype=kind)
    if "tuple" in value:
        return tuple(_restored(v) for v in value["tuple"])
    if "dict" in value:
        return {_restored(k): _restored(v) for k, v in value["dict"]}
    if "observable" in value:
        return Observable.from_terms([(label, coefficient) for label, coefficient in value["observable"]])
    if "noise" in value:
        return NoiseModel.from_dict(value["noise"])
    if "circuit" in value:
        circuit = Circuit.from_qasm(value["circuit"])
        return circuit.to_qiskit() if value["qiskit"] else circuit
    if value.get("settings") in _KNOWN:
        return _KNOWN[value["settings"]](**{name: _restored(v) for name, v in value["fields"].items()})
    raise ClassifierError(f"the file names settings {value.get('settings')!r}, which this version does not know")
