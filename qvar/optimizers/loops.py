"""Run the loop of an optimizer: as plain Python, or the whole of it in one compiled call where the objective allows.

A loop is a function `loop(evaluate, problem, x, ...)` that asks for energies by `evaluate(problem, angles)` only. In
plain Python, `evaluate` counts and `problem` is the counter. In a compiled call, the same source is translated by
numba, `evaluate` calls the kernel of an energy or a gradient, and `problem` is a tuple of arrays. Both do the same
arithmetic in the same order, so results agree to rounding; chance comes in as arrays drawn beforehand.

A compiled call serves exact objectives of `PauliTransferSimulator` and `StatevectorSimulator`, and energies with normal
shot noise (`ExactObjective.with_normal_shots`). It cannot be interrupted from the keyboard. Where one energy takes so
long that Python does not matter, up from about eight qubits with noise and thirteen without, the plain loop runs. So it
does for any object that wraps an objective: that is how to compare the two.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qvar.optimizers.result import CountedObjective
from qvar.simulators import Objective
from qvar.simulators.errors import CircuitError
from qvar.simulators.exact import CompiledProgram, ExactObjective
from qvar.simulators.kernels import address, compiled, workspace
from qvar.simulators.measurement.normal import NormalShotObjective

__all__ = ["Problem", "exact_program", "run_loop"]

Problem = TypeVar("Problem")
Vector = NDArray[np.float64]
KERNELS = "qvar.optimizers.kernels"
_LONGEST_ENERGY = 1e-4
"""Seconds, as the engine estimates them."""
_MOST_CALLS = 2**22
"""Room for so many values is laid out beforehand."""


def run_loop(
    loop: Callable[..., Any], counted: CountedObjective, x: Vector, *settings: Any, calls: int, gradients: bool = False
) -> Any:
    """Run `loop` from the angles `x` and return what it returns; `counted` knows afterwards what it cost.

    Args:
        loop: one of those in `qvar.optimizers.kernels`, as plain Python.
        counted: the objective and its counts.
        x: start, shape (n_parameters,), radians; left alone.
        settings: what the loop takes besides; types must be those of its compiled signature.
        calls: the most that the loop may ask for.
        gradients: whether it asks for gradients.

    Raises:
        CircuitError: if the angles run off to infinity.
    """
    kernel = _find_kernel(counted.objective, calls, gradients)
    if kernel is None:
        evaluate = CountedObjective.value_and_gradient if gradients else CountedObjective.value
        return loop(evaluate, counted, x, *settings)
    program, function = kernel
    history, record = np.empty(calls), np.zeros(2 + len(x))
    record[1] = np.inf
    code = compiled(KERNELS, loop.__name__)
    start = address(program.picture, function)
    work = workspace(program.gradient_numbers if gradients else program.energy_numbers)
    noise = _draw(counted.objective, calls)
    try:
        result = code(start, *program.arguments, work, history, record, noise, x, *settings)
    except FloatingPointError:
        raise CircuitError(f"parameters must be finite, got {record[2:]}") from None
    counted.absorb(history[: int(record[0])], record[1:], gradients=gradients)
    return result


def exact_program(objective: Objective, calls: int) -> CompiledProgram | None:
    """Return the program of an exact objective whose loops are worth compiling, None for any other."""
    if type(objective) is not ExactObjective:
        return None
    return objective.program if _is_worth_it(objective.program, calls) else None


def _find_kernel(objective: Objective, calls: int, gradients: bool) -> tuple[CompiledProgram, str] | None:
    """Return the program and the kernel that evaluates it, None where the plain loop must run."""
    if type(objective) is NormalShotObjective and not gradients:
        program = objective.program
        return (program, "moments") if _is_worth_it(program, calls) else None
    exact = exact_program(objective, calls)
    return None if exact is None else (exact, "gradient" if gradients else "energy")


def _is_worth_it(program: CompiledProgram, calls: int) -> bool:
    return program.kept is None and program.seconds <= _LONGEST_ENERGY and 0 < calls <= _MOST_CALLS


def _draw(objective: Objective, calls: int) -> Vector:
    """Return one normal number per energy, in standard deviations of a single shot; none if energies are exact."""
    if not isinstance(objective, NormalShotObjective):
        return np.empty(0)
    return np.asarray(objective.draw(calls) / np.sqrt(objective.shots), dtype=np.float64)
