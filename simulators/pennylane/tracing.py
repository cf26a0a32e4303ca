"""Find out which free parameter drives which gate of a PennyLane tape or quantum function.

PennyLane programs hold numbers, not symbols, and decompose into gates by arbitrary Python code. What an angle depends
on is therefore measured: the program is written out at the parameter vectors x, x + (1, 1, ...), x + (1, 2, 3, ...)
and y. An angle a * theta[k] + b reveals a by the first difference, k by the ratio of the first two, and the fourth
vector must confirm it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from qvar.simulators.circuit import Operation, Slot
from qvar.simulators.errors import CircuitError, QvarError

__all__ = ["angles_as_slots", "tracer"]

Trace = Callable[[NDArray[np.float64] | None], Any]
_TOLERANCE = 1e-9
_NO_ANGLES = (
    qml.operation.Channel,
    qml.operation.StatePrepBase,
    qml.QubitUnitary,
    qml.QubitDensityMatrix,
    qml.DiagonalQubitUnitary,
    qml.SpecialUnitary,
    qml.BlockEncode,
    qml.GlobalPhase,
)
"""Operations whose parameters are no angles: they stay fixed."""
_FIXING = "make such a parameter fixed: as an integer or with requires_grad=False, or by the tape's trainable_params"


def tracer(source: Any, arguments: Sequence[Any]) -> tuple[int, Trace]:
    """Return the number of free parameters of a program, and the function that writes it out as a tape.

    Args:
        source: a QuantumScript, a quantum function or a QNode.
        arguments: arguments of the quantum function; arrays and numbers of floating type are free.

    Returns:
        The number n of free parameters, and a function from a float array of shape (n,), or None for the values at
        hand, to a tape.
    """
    if isinstance(source, qml.tape.QuantumScript):
        if arguments:
            raise CircuitError(f"a tape takes no arguments, got {len(arguments)}; a quantum function does")
        free = _free_parameters(source)
        values = [source.get_parameters(trainable_only=False)[k] for k in free]
        return (
            _size(values),
            lambda theta: (
                source if theta is None or not free else source.bind_new_parameters(_filled(values, theta), free)
            ),
        )
    if not callable(source):
        raise CircuitError(f"expected a tape, a quantum function or a QNode, got {type(source).__name__}")
    function = source.func if isinstance(source, qml.QNode) else source
    places = [k for k, argument in enumerate(arguments) if _is_free(argument)]

    def trace(theta: NDArray[np.float64] | None) -> Any:
        given = list(arguments)
        if theta is not None:
            for k, value in zip(places, _filled([arguments[k] for k in places], theta), strict=True):
                given[k] = value
        return qml.tape.make_qscript(function)(*given)

    return _size([arguments[k] for k in places]), trace


def _free_parameters(tape: Any) -> list[int]:
    """Return the positions of trainable parameters that are angles."""
    free = []
    for position in tape.trainable_params:
        operation = tape.par_info[position]["op"]
        value = tape.get_parameters(trainable_only=False)[position]
        is_gate = tape.par_info[position]["op_idx"] < len(tape.operations)
        if is_gate and not isinstance(operation, _NO_ANGLES) and np.asarray(value).dtype.kind == "f":
            free.append(position)
    return free


def _is_free(argument: Any) -> bool:
    if getattr(argument, "requires_grad", True) is False and isinstance(argument, qml.numpy.tensor):
        return False
    try:
        return bool(_array(argument).dtype.kind == "f")
    except (TypeError, ValueError):
        return False


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _size(values: Sequence[Any]) -> int:
    return sum(_array(value).size for value in values)


def _filled(values: Sequence[Any], theta: NDArray[np.float64]) -> list[Any]:
    """Return arrays of the shapes of `values`, filled in order from `theta`."""
    filled, start = [], 0
    for value in values:
        shape = _array(value).shape
        size = int(np.prod(shape))
        filled.append(theta[start : start + size].reshape(shape) if shape else float(theta[start]))
        start += size
    return filled


def angles_as_slots(
    n_free: int, operations: Callable[[NDArray[np.float64] | None], list[Operation]]
) -> tuple[Operation, ...]:
    """Return the operations with every angle that depends on a free parameter replaced by a slot.

    Args:
        n_free: number of free parameters.
        operations: writes the program out for given values of them.

    Raises:
        CircuitError: if an angle is not of the form a * parameter + b, if something other than an angle depends on a
            parameter, if a parameter drives no gate, or if the program refuses some values.
    """
    if n_free == 0:
        return tuple(operations(None))
    counter = np.arange(n_free, dtype=np.float64)
    start = 0.3 + (counter * 0.6180339887) % 1.0
    check = -0.2 - (counter * 0.4142135623) % 1.0  # negative, where abs(x) and max(x, 0) are not x
    traces = _written_out(operations, (start, start + 1.0, start + 1.0 + counter, check))
    _check_same_structure(traces)
    result = []
    for versions in zip(*traces, strict=True):
        angles = zip(*(version.parameters for version in versions), strict=True)
        result.append(versions[0].with_parameters(_slot(values, start, check) for values in angles))
    unused = sorted(set(range(n_free)) - {p.index for o in result for p in o.parameters if isinstance(p, Slot)})
    if unused:
        raise CircuitError(f"free parameters {unused} drive no gate; leave them out, or mark them as not trainable")
    return tuple(result)


def _written_out(
    operations: Callable[[NDArray[np.float64] | None], list[Operation]], vectors: Sequence[NDArray[np.float64]]
) -> list[list[Operation]]:
    traces: list[list[Operation]] = []
    for theta in vectors:
        try:
            with np.errstate(invalid="ignore", divide="ignore"):  # of sqrt(x); the angle is refused
                traces.append(operations(theta))
        except ValueError as error:
            if isinstance(error, QvarError) and not traces:
                raise  # what is wrong whatever the values are
            raise CircuitError(
                f"this program cannot be written out for all values of its free parameters: {error}; {_FIXING}"
            ) from error
    return traces


def _check_same_structure(traces: Sequence[list[Operation]]) -> None:
    shapes = [[(o.gate, o.qubits, o.channel) for o in trace] for trace in traces]
    if any(shape != shapes[0] for shape in shapes):
        raise CircuitError(
            "the gates, the wires or a channel of this program depend on its free parameters, where only angles may; "
            + _FIXING
        )


def _slot(values: tuple[Any, ...], start: NDArray[np.float64], check: NDArray[np.float64]) -> float | Slot:
    """Return the number or the slot behind an angle, from its values at the four parameter vectors."""
    base, plus_one, plus_counter, confirmed = values
    if max(abs(value - base) for value in values) < 1e-12:
        return float(base)
    scale = round(plus_one - base, 12)
    k = round((plus_counter - base) / scale) - 1 if abs(scale) > _TOLERANCE else -1
    if 0 <= k < len(start):
        shift = base - scale * start[k]
        if abs(scale * check[k] + shift - confirmed) < _TOLERANCE * (1 + abs(scale)):
            return Slot(k, scale, shift if abs(shift) > 1e-14 else 0.0)
    raise CircuitError(
        "an angle of this program is not of the form a * parameter + b with a single parameter; compute such angles "
        "outside of the circuit and pass them as parameters"
    )
