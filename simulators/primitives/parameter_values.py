"""The angles of a translated circuit as functions of the values that a Qiskit user binds.

A circuit of this package has angles `scale * theta[k] + shift`. Qiskit's expressions may mix parameters and need not be
linear; each that does gets a slot of its own, whose value follows from the parameters here, and the chain rule leads
gradients back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression

from qvar.simulators.errors import CircuitError

__all__ = ["AngleMap", "bound", "linear_form"]

Points = NDArray[np.float64]

_MANY = 2**13
"""Points, over all calls, from which SymPy is worth it: 0.4 s at first, 2 ms an expression; Qiskit: 3 us a value."""


def linear_form(expression: ParameterExpression) -> tuple[Parameter, float, float] | None:
    """Return (p, a, b) if the expression is a * p + b in a single parameter p, else None."""
    if len(expression.parameters) != 1:
        return None
    (parameter,) = expression.parameters
    try:
        slope = expression.gradient(parameter)
    except RuntimeError:  # Qiskit knows no derivative of a sign
        return None
    if getattr(slope, "parameters", ()):
        return None
    return parameter, bound(slope, {}), bound(expression, {parameter: 0.0})


def bound(expression: Any, values: Mapping[Parameter, float]) -> float:
    """Return the value of an expression, given values for exactly its parameters.

    Raises:
        CircuitError: if the value is not a finite real number.
    """
    try:
        number = float(expression.bind(values) if values else expression)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:  # the last from Qiskit: "Binding to NaN"
        raise CircuitError(f"the angle {expression} has no real value at {_shown(values)}: {error}") from error
    if not np.isfinite(number):
        raise CircuitError(f"the angle {expression} is {number} at {_shown(values)}; angles must be finite")
    return number


def _shown(values: Mapping[Parameter, float]) -> str:
    return ", ".join(f"{parameter.name}={value:g}" for parameter, value in values.items()) or "no parameters"


@dataclass(frozen=True, eq=False)
class AngleMap:
    """Slot values as functions of parameter values.

    Args:
        parameters: the circuit's parameters, in Qiskit's order (shape P).
        slots: what each slot of the translated circuit stands for (shape S), a parameter or an expression.

    Example:
        >>> a, b = Parameter("a"), Parameter("b")
        >>> angles = AngleMap((a, b), (b, a * b))
        >>> angles.values(np.array([[2.0, 3.0]])).tolist()
        [[3.0, 6.0]]
        >>> angles.pull_back(np.array([[2.0, 3.0]]), np.array([[1.0, 10.0]])).tolist()
        [[30.0, 21.0]]
    """

    parameters: tuple[Parameter, ...]
    slots: tuple[ParameterExpression, ...]

    @cached_property
    def _columns(self) -> dict[Parameter, int]:
        return {parameter: column for column, parameter in enumerate(self.parameters)}

    @cached_property
    def _direct(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Slots that are parameters, and the columns of these."""
        pairs = [(k, self._columns[slot]) for k, slot in enumerate(self.slots) if isinstance(slot, Parameter)]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    @cached_property
    def _derived(self) -> tuple[tuple[int, ParameterExpression], ...]:
        return tuple((k, slot) for k, slot in enumerate(self.slots) if not isinstance(slot, Parameter))

    @cached_property
    def _derivatives(self) -> tuple[tuple[int, int, Any], ...]:
        """Slot, column and derivative for every parameter of every derived slot."""
        return tuple((k, self._columns[p], slot.gradient(p)) for k, slot in self._derived for p in slot.parameters)

    @cached_property
    def _latest(self) -> dict[tuple[int, int], tuple[bytes, Points]]:
        """Values of expressions at the points seen last: in a training loop, data stay and weights change."""
        return {}

    def values(self, points: Points) -> Points:
        """Return slot values, float64 of shape (n_points, S), for parameter values of shape (n_points, P).

        Raises:
            CircuitError: if a parameter is not finite, or an expression has no finite real value at one of the points.
        """
        if not np.isfinite(points).all():
            raise CircuitError("the values of the parameters must be finite numbers, got infinities or NaN")
        slots, columns = self._direct
        result = np.empty((len(points), len(self.slots)))
        result[:, slots] = points[:, columns]
        for k, slot in self._derived:
            result[:, k] = self._evaluated((k, -1), slot, points)
        return result

    def pull_back(self, points: Points, gradients: Points) -> Points:
        """Return gradients by parameter, shape (n_points, P), from gradients by slot, shape (n_points, S)."""
        slots, columns = self._direct
        result = np.zeros((len(points), len(self.parameters)))
        result[:, columns] = gradients[:, slots]
        for k, column, derivative in self._derivatives:
            result[:, column] += gradients[:, k] * self._evaluated((k, column), derivative, points)
        return result

    @cached_property
    def _asked(self) -> dict[tuple[int, int], int]:
        """At how many points each expression was evaluated so far."""
        return {}

    @cached_property
    def _compiled(self) -> dict[tuple[int, int], Callable[..., Any] | None]:
        """Functions of arrays for expressions that are evaluated often; None where there is none."""
        return {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.parameters, self.slots)  # compiled functions do not travel

    def _evaluated(self, key: tuple[int, int], expression: Any, points: Points) -> Points:
        """Return the expression at every point, float64 of shape (n_points,)."""
        if not getattr(expression, "parameters", ()):
            return np.full(len(points), bound(expression, {}))
        names = sorted(expression.parameters, key=self._columns.__getitem__)  # a set, in another order at every call
        rows = points[:, [self._columns[p] for p in names]]
        content = rows.tobytes()
        latest = self._latest.get(key)
        if latest is None or latest[0] != content:
            latest = self._latest[key] = content, self._fresh(key, expression, names, rows)
        return latest[1]

    def _fresh(self, key: tuple[int, int], expression: Any, names: Sequence[Parameter], rows: Points) -> Points:
        self._asked[key] = self._asked.get(key, 0) + len(rows)
        if self._asked[key] >= _MANY and key not in self._compiled:
            slot, column = key
            by = None if column < 0 else self.parameters[column]
            function = _compile(self.slots[slot], by, names)
            self._compiled[key] = function if _agrees(function, expression, names, rows[:4]) else None
        function = self._compiled.get(key)
        values = None if function is None else _together(function, rows)
        return _one_by_one(expression, names, rows) if values is None else values


def _one_by_one(expression: Any, names: Sequence[Parameter], rows: Points) -> Points:
    named = [dict(zip(names, row, strict=True)) for row in rows.tolist()]
    return np.array([bound(expression, values) for values in named])


def _compile(
    expression: ParameterExpression, by: Parameter | None, names: Sequence[Parameter]
) -> Callable[..., Any] | None:
    """Return the expression, or its derivative by a parameter, as a function of arrays; None if SymPy cannot.

    SymPy derives: Qiskit 2.6 gives it its own derivatives with parameters exchanged (w x by x becomes x).
    """
    from sympy import Symbol, diff, lambdify

    try:
        symbols = [Symbol(parameter.name) for parameter in names]
        formula = expression.sympify()
        derived = formula if by is None else diff(formula, Symbol(by.name))
        return lambdify(symbols, derived, "numpy", docstring_limit=0)  # type: ignore[no-any-return]
    except (TypeError, ValueError, AttributeError, NameError, RuntimeError):
        return None


def _agrees(function: Callable[..., Any] | None, expression: Any, names: Sequence[Parameter], rows: Points) -> bool:
    """Return whether a compiled function gives what Qiskit gives at some rows."""
    values = None if function is None else _together(function, rows)
    return values is not None and np.allclose(values, _one_by_one(expression, names, rows), rtol=1e-9, atol=1e-12)


def _together(function: Callable[..., Any], rows: Points) -> Points | None:
    """Return the function at all rows; None at the slightest doubt.

    Doubt is a complex value or a floating-point error on the way: the slow route then finds out whether there is a
    value, and names the point where there is none.
    """
    try:
        with np.errstate(all="raise", under="ignore"):
            values = np.asarray(function(*rows.T))
    except (TypeError, ValueError, ArithmeticError, AttributeError, NameError, RuntimeError):
        return None
    return np.array(np.broadcast_to(values, len(rows)), dtype=np.float64) if values.dtype == np.float64 else None
