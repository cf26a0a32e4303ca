"""Optimizer loops as kernels: their plain Python sources, translated by numba, around the kernels of the engine.

Entry points take the `address` of the kernel that evaluates, the plan it takes (`ints`, `floats`, `constants`), its
workspace, and where to keep the values seen (`history`) and a `record`: number of values, the lowest of them, its
angles. With `noise`, one number for each energy, the kernel is `moments` and values have shot noise. Then come the
start and the settings of the loop. Angles that are not finite end the call with a FloatingPointError.

The engine's kernels are called by address because their machine code exists already: translating a loop takes a
second, a gradient within it would take twenty.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from qvar.optimizers import adagrad as plain_adagrad
from qvar.optimizers import adam as plain_adam
from qvar.optimizers import adam_spsa as plain_adam_spsa
from qvar.optimizers import aqgd as plain_aqgd
from qvar.optimizers import limited_memory as plain_limited_memory
from qvar.optimizers import rotosolve as plain_rotosolve
from qvar.optimizers import spsa as plain_spsa
from qvar.simulators.kernels.layout import OPTIONS

_VECTOR = types.float64[::1]
_ENERGY = types.float64(types.int64[::1], *[_VECTOR] * 4)
_WITH_OUTPUT = types.float64(types.int64[::1], *[_VECTOR] * 5)


def _call(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Generate the call of machine code with `signature` at the address args[0]."""
    kind = context.call_conv.get_function_type(signature.return_type, signature.args)
    code = builder.inttoptr(args[0], ir.PointerType(kind))
    status, value = context.call_conv.call_function(builder, code, signature.return_type, signature.args, args[1:])
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return value


@intrinsic
def _call_energy(typing_context, address, ints, floats, constants, theta, work):  # noqa: ARG001
    """Call the kernel `energy` at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(context, builder, _ENERGY, args)

    return types.float64(types.int64, *_ENERGY.args), generate


@intrinsic
def _call_with_output(typing_context, address, ints, floats, constants, theta, work, out):  # noqa: ARG001
    """Call the kernel `gradient` or `moments` at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(context, builder, _WITH_OUTPUT, args)

    return types.float64(types.int64, *_WITH_OUTPUT.args), generate


@njit(**OPTIONS)
def _note(value, x, history, record):
    """Keep a value seen, as `CountedObjective` does."""
    if math.isnan(value):
        record[2:] = x
        raise FloatingPointError("the angles are not finite")
    history[int(record[0])] = value
    record[0] += 1.0
    if value < record[1]:
        record[1] = value
        record[2:] = x


@register_jitable(**OPTIONS)  # as an argument, a function made by njit would keep its caller out of the cache
def _value(problem, x):
    address, ints, floats, constants, work, history, record, noise = problem
    if noise.size > 0:
        variance = np.empty(1)
        value = _call_with_output(address, ints, floats, constants, x, work, variance)
        value += math.sqrt(variance[0]) * noise[int(record[0])]
    else:
        value = _call_energy(address, ints, floats, constants, x, work)
    _note(value, x, history, record)
    return value


@register_jitable(**OPTIONS)
def _value_and_gradient(problem, x):
    address, ints, floats, constants, work, history, record, _ = problem
    gradient = np.empty(x.size)
    value = _call_with_output(address, ints, floats, constants, x, work, gradient)
    _note(value, x, history, record)
    return value, gradient


register_jitable(**OPTIONS)(plain_limited_memory.two_loop)
register_jitable(**OPTIONS)(plain_limited_memory.cubic_minimum)
_adagrad_steps = njit(**OPTIONS)(plain_adagrad.adagrad_steps)
_adam_steps = njit(**OPTIONS)(plain_adam.adam_steps)
_aqgd_steps = njit(**OPTIONS)(plain_aqgd.aqgd_steps)
_adam_spsa_steps = njit(**OPTIONS)(plain_adam_spsa.adam_spsa_steps)
_spsa_slopes = njit(**OPTIONS)(plain_spsa.spsa_slopes)
_spsa_steps = njit(**OPTIONS)(plain_spsa.spsa_steps)
_bfgs_steps = njit(**OPTIONS)(plain_limited_memory.bfgs_steps)
_rotosolve_sweep = njit(**OPTIONS)(plain_rotosolve.rotosolve_sweep)

# -- entry points: the problem, the start, and what the loop takes besides ---------------------------------------------


@njit(**OPTIONS)
def adagrad_steps(address, ints, floats, constants, work, history, record, noise, x, n, rate, epsilon, tolerance):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _adagrad_steps(_value_and_gradient, problem, x, n, rate, epsilon, tolerance)


@njit(**OPTIONS)
def adam_steps(
    address, ints, floats, constants, work, history, record, noise, x, n, rate, beta1, beta2, epsilon, tolerance
):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _adam_steps(_value_and_gradient, problem, x, n, rate, beta1, beta2, epsilon, tolerance)


@njit(**OPTIONS)
def aqgd_steps(
    address, ints, floats, constants, work, history, record, noise, x, etas, momenta, tolerance, parameters, averaging
):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _aqgd_steps(_value_and_gradient, problem, x, etas, momenta, tolerance, parameters, averaging)


@njit(**OPTIONS)
def bfgs_steps(address, ints, floats, constants, work, history, record, noise, x, n, memory, tolerance, gain):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _bfgs_steps(_value_and_gradient, problem, x, n, memory, tolerance, gain)


@njit(**OPTIONS)
def rotosolve_sweep(address, ints, floats, constants, work, history, record, noise, x, current, slots, scales, shifts):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _rotosolve_sweep(_value, problem, x, current, slots, scales, shifts)


@njit(**OPTIONS)
def spsa_slopes(address, ints, floats, constants, work, history, record, noise, x, signs, width):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _spsa_slopes(_value, problem, x, signs, width)


@njit(**OPTIONS)
def spsa_steps(address, ints, floats, constants, work, history, record, noise, x, signs, steps, widths):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _spsa_steps(_value, problem, x, signs, steps, widths)


@njit(**OPTIONS)
def adam_spsa_steps(
    address, ints, floats, constants, work, history, record, noise, x, m, v, signs, a, c, decays, beta2, first, last
):
    problem = (address, ints, floats, constants, work, history, record, noise)
    return _adam_spsa_steps(_value, problem, x, m, v, signs, a, c, decays, beta2, first, last)


_PROBLEM = "int64, int64[::1]" + 7 * ", float64[::1]"  # up to the start
_X = "float64[::1]"
_MATRIX = "float64[:, ::1]"
SIGNATURES = {
    "adagrad_steps": f"Tuple(({_X}, boolean))({_PROBLEM}, int64, float64, float64, float64)",
    "adam_steps": f"Tuple(({_X}, boolean))({_PROBLEM}, int64, float64, float64, float64, float64, float64)",
    "aqgd_steps": f"Tuple(({_X}, boolean))({_PROBLEM}, {_X}, {_X}, float64, float64, int64)",
    "bfgs_steps": f"Tuple(({_X}, float64, int64, int64, boolean))({_PROBLEM}, int64, int64, float64, float64)",
    "rotosolve_sweep": f"Tuple(({_X}, float64))({_PROBLEM}, float64, int64[::1], {_X}, {_X})",
    "spsa_slopes": f"{_X}({_PROBLEM}, {_MATRIX}, float64)",
    "spsa_steps": f"{_X}({_PROBLEM}, {_MATRIX}, {_X}, {_X})",
    "adam_spsa_steps": f"UniTuple({_X}, 3)({_PROBLEM}, {_X}, {_X}, {_MATRIX}, {_X}, {_X}, {_X}, float64, int64, int64)",
}
