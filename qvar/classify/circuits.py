"""Feature maps and ansatzes by name, as Qiskit builds them, or whatever circuit a user brings."""

from collections.abc import Callable
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import efficient_su2, real_amplitudes, z_feature_map, zz_feature_map
from qiskit.exceptions import QiskitError

from qvar.simulators import Circuit
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ClassifierError

__all__ = ["ANSATZES", "FEATURE_MAPS", "ansatz_circuit", "feature_map_circuit"]


def _angles(n_features: int, reps: int, entanglement: Any) -> QuantumCircuit:  # noqa: ARG001
    x = ParameterVector("x", n_features)
    circuit = QuantumCircuit(n_features)
    for _ in range(reps):
        for q in range(n_features):
            circuit.ry(x[q], q)
    return circuit


def _z(n_features: int, reps: int, entanglement: Any) -> QuantumCircuit:  # noqa: ARG001
    return z_feature_map(n_features, reps=reps)


def _zz(n_features: int, reps: int, entanglement: Any) -> QuantumCircuit:
    if n_features == 1:  # there is no pair to entangle
        return z_feature_map(1, reps=reps)
    return zz_feature_map(n_features, reps=reps, entanglement=entanglement or "full")


def _su2(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    return efficient_su2(n_qubits, reps=reps, entanglement=entanglement or "reverse_linear")


def _real(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    return real_amplitudes(n_qubits, reps=reps, entanglement=entanglement or "reverse_linear")


def _product(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:  # noqa: ARG001
    return efficient_su2(n_qubits, reps=reps, entanglement=[])


FEATURE_MAPS: dict[str, Callable[[int, int, Any], QuantumCircuit]] = {
    "angle": _angles,
    "z_feature_map": _z,
    "zz_feature_map": _zz,
}
"""By name, a function of the number of features, of repetitions, and the entanglement (None for the usual one)."""

ANSATZES: dict[str, Callable[[int, int, Any], QuantumCircuit]] = {
    "efficient_su2": _su2,
    "product": _product,
    "real_amplitudes": _real,
}
"""By name, a function of the number of qubits, of repetitions, and the entanglement. "product" has no entanglement."""


MOST_QUBITS = 8
"""Qubits that a feature map by name takes at most unless told otherwise."""


def feature_map_circuit(
    source: Any, n_features: int, *, n_qubits: int | None = None, reps: int | None = None, entanglement: Any = None
) -> QuantumCircuit:
    """Return the circuit that encodes `n_features` numbers, its parameters in the order of the features.

    Args:
        source: a name of `FEATURE_MAPS`, a circuit with `n_features` parameters, or a function that makes one. Features
            follow the order of `circuit.parameters`, which sorts names: "x10" comes before "x2", so use a
            `ParameterVector` for more than ten.
        n_features: columns of the data, at least 1.
        n_qubits: for names only: with fewer qubits than features, the map is applied to so many features after another,
            the rest on the first qubits; None for one qubit per feature, at most 8.
        reps: repetitions, for names only; None for 1 of "angle" and 2 of the others, as in Qiskit.
        entanglement: as in Qiskit's function of that name ("full", "linear", pairs, ...), for names only; None for its
            default.

    Raises:
        ClassifierError: for an unknown name, or a circuit with another number of parameters.

    Example:
        >>> feature_map_circuit("zz_feature_map", 5).num_parameters
        5
    """
    if isinstance(source, str):
        return _in_blocks(source, n_features, n_qubits or min(n_features, MOST_QUBITS), reps, entanglement)
    circuit = _build(source, FEATURE_MAPS, "feature map", n_features, 1, entanglement)
    if circuit.num_parameters != n_features:
        raise ClassifierError(
            f"the feature map has {circuit.num_parameters} parameter(s) and the data {n_features} feature(s); give a "
            "feature map of as many parameters, or reduce the features first"
        )
    return circuit


def _in_blocks(name: str, n_features: int, n_qubits: int, reps: int | None, entanglement: Any) -> QuantumCircuit:
    """Return the maps of the features 0 .. n_qubits - 1, n_qubits .. 2 n_qubits - 1, ..., one after another."""
    repeated = (1 if name == "angle" else 2) if reps is None else reps
    x = ParameterVector("x", n_features)
    circuit = QuantumCircuit(min(n_qubits, n_features))
    for first in range(0, n_features, n_qubits):
        block = x[first : first + n_qubits]
        part = _build(name, FEATURE_MAPS, "feature map", len(block), repeated, entanglement)
        circuit.compose(part.assign_parameters(block), range(len(block)), inplace=True)
    return circuit


def ansatz_circuit(source: Any, n_qubits: int, *, reps: int = 3, entanglement: Any = None) -> QuantumCircuit:
    """Return the trainable circuit on the qubits of the feature map.

    Args:
        source: a name of `ANSATZES`, a circuit (one found by a search, for example), or a function that makes one.
        n_qubits: qubits of the feature map.
        reps: repetitions, for names only.
        entanglement: as in Qiskit's function of that name, for names only; None for its default.

    Raises:
        ClassifierError: for an unknown name, or a circuit on another number of qubits.

    Example:
        >>> ansatz_circuit("efficient_su2", 5).num_parameters
        40
    """
    circuit = _build(source, ANSATZES, "ansatz", n_qubits, reps, entanglement)
    if circuit.num_qubits != n_qubits:
        raise ClassifierError(
            f"the ansatz has {circuit.num_qubits} qubit(s) and the feature map {n_qubits}; they must agree"
        )
    return circuit


def _build(
    source: Any, named: dict[str, Callable[[int, int, Any], QuantumCircuit]], kind: str, n: int, reps: int, pairs: Any
) -> QuantumCircuit:
    if isinstance(source, str):
        if source not in named:
            raise ClassifierError(f"unknown {kind} {source!r}; there are {', '.join(named)}, or give a circuit")
        check_whole(f"repetitions of the {kind}", reps, error=ClassifierError)
        try:
            return named[source](n, reps, pairs)
        except QiskitError as error:
            raise ClassifierError(f"entanglement {pairs!r} of the {kind}: {error.message}") from error
    made = source(n) if callable(source) else source
    if isinstance(made, Circuit):
        made = made.to_qiskit()
    if not isinstance(made, QuantumCircuit):
        raise ClassifierError(
            f"the {kind} is a name, a Qiskit circuit, a qvar Circuit or a function that makes one, got {made!r}"
        )
    return made
