"""Bring PennyLane tapes into the native form that the device runs; tapes already in that form pass at once."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, cast

import pennylane as qml
from pennylane.devices.preprocess import (
    decompose,
    device_resolve_dynamic_wires,
    null_postprocessing,
    validate_device_wires,
    validate_measurements,
    validate_observables,
)
from pennylane.measurements import ClassicalShadowMP, SampleMeasurement, ShadowExpvalMP, StateMeasurement
from pennylane.transforms.core import CompilePipeline

from qvar.simulators.noise import NoiseModel
from qvar.simulators.pennylane.conversion import NATIVE_NAMES, gate_rule, is_native

__all__ = ["NativeForm", "native_form"]

_REMEMBERED = 1024
_NOTHING = object()
_Outcome = tuple[Sequence[Any], Callable[[Any], Any]]
_WIRE_REQUESTS = ("Allocate", "Deallocate")


class NativeForm:
    """Turns any tape into tapes of native operations; remembers the structures that need no change.

    Args:
        name: name of the device, for error messages.
        wires: the device's wires, None for any.
        noise: the noise model; a gate that a strict model does not know is decomposed further.
        expands_broadcasts: whether a tape with arrays of angles becomes several tapes.
    """

    def __init__(self, name: str, wires: Any, noise: NoiseModel | None, *, expands_broadcasts: bool) -> None:
        self._expands_broadcasts = expands_broadcasts
        self._known_gates = None
        if noise is not None and noise.strict:
            self._known_gates = {gate for gate, _ in noise.local} | set(noise.default)
        self._unchanged: set[Any] = set()
        self._last: tuple[Callable[[], Any], Any] = (lambda: _NOTHING, None)
        self._last_structure: tuple[Callable[[], Any], Any] = (lambda: _NOTHING, None)
        self._pipeline = CompilePipeline()
        self._pipeline.add_transform(qml.defer_measurements, allow_postselect=False)
        self._pipeline.add_transform(_expand, self._needs_expansion)
        self._pipeline.add_transform(
            decompose,
            self._accepts,
            decomposer=_decomposition,
            device_wires=wires,
            target_gates=NATIVE_NAMES,
            skip_initial_state_prep=False,
            name=name,
        )
        self._pipeline.add_transform(device_resolve_dynamic_wires, wires=wires, allow_resets=False)
        self._pipeline.add_transform(validate_device_wires, wires, name=name)
        self._pipeline.add_transform(
            validate_measurements,
            analytic_measurements=lambda m: isinstance(m, StateMeasurement),
            sample_measurements=lambda m: isinstance(m, (SampleMeasurement, ClassicalShadowMP, ShadowExpvalMP)),
            name=name,
        )
        self._pipeline.add_transform(validate_observables, _is_measurable, name=name)

    def apply(self, tape: Any) -> _Outcome:
        """Return native tapes, and what makes the result of `tape` of theirs."""
        seen, outcome = self._last
        if seen() is tape:  # PennyLane asks twice: to choose the differentiation method, then to run
            return cast(_Outcome, outcome)
        structure = self.structure(tape)
        if structure in self._unchanged:
            return (tape,), null_postprocessing
        tapes, postprocessing = self._pipeline((tape,))
        if len(tapes) == 1 and tapes[0] is tape:
            if structure is not None:
                self._remember(structure)
            return (tape,), null_postprocessing
        outcome = tapes, lambda results: postprocessing(results)[0]
        self._last = weakref.ref(tape), outcome
        return outcome

    def _remember(self, structure: Any) -> None:
        if len(self._unchanged) >= _REMEMBERED:
            self._unchanged.clear()
        self._unchanged.add(structure)

    def structure(self, tape: Any) -> Any:
        """Return what decides whether a tape is valid as it is, None where that takes a closer look."""
        seen, structure = self._last_structure
        if seen() is not tape:
            structure = _structure(tape)
            self._last_structure = weakref.ref(tape), structure
        return structure

    def is_native(self, tape: Any) -> bool:
        """Tell whether a tape holds native operations and measurements of Pauli words or wires only."""
        return self.structure(tape) is not None and all(self._accepts(operation) for operation in tape.operations)

    def _accepts(self, operation: Any) -> bool:
        if operation.name in _WIRE_REQUESTS:
            return True
        if self._known_gates is None:
            return is_native(operation)
        rule = gate_rule(operation)
        return is_native(operation) if rule is None else rule.gate in self._known_gates

    def _needs_expansion(self, tape: Any) -> bool:
        if tape.batch_size is None:
            return False
        return self._expands_broadcasts or any(
            operation.batch_size is not None
            and (isinstance(operation, qml.operation.Channel) or any(operation.ndim_params))
            for operation in tape.operations
        )


@qml.transform  # type: ignore[untyped-decorator]
def native_form(tape: Any, form: NativeForm) -> _Outcome:
    """Apply a `NativeForm` to a tape."""
    return form.apply(tape)


@qml.transform  # type: ignore[untyped-decorator]
def _expand(tape: Any, is_needed: Callable[[Any], bool]) -> _Outcome:
    """Expand broadcast parameters where needed."""
    if not is_needed(tape):
        return (tape,), null_postprocessing
    tapes, postprocessing = qml.transforms.broadcast_expand(tape)
    return tapes, postprocessing


def _structure(tape: Any) -> Any:
    structure: list[Any] = [bool(tape.shots)]
    for operation in tape.operations:
        dimensions = tuple(getattr(value, "ndim", 0) for value in operation.data)
        structure.append((operation.name, operation.wires.labels, dimensions))
    for measurement in tape.measurements:
        obs = measurement.obs
        if measurement.mv is not None or (obs is not None and obs.pauli_rep is None):
            return None
        structure.append((type(measurement), obs is None, measurement.wires.labels))
    return tuple(structure)


def _decomposition(operation: Any) -> list[Any]:
    """Return the decomposition of an operation, by its matrix if PennyLane has no other."""
    if not operation.has_decomposition and operation.has_matrix:
        return [qml.QubitUnitary(operation.matrix(), wires=operation.wires)]
    return list(operation.decomposition())


def _is_measurable(obs: Any) -> bool:
    return bool(obs.pauli_rep is not None or obs.has_matrix or obs.has_sparse_matrix or obs.has_diagonalizing_gates)
