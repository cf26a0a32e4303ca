"""Four float64 numbers as one value in numba code, so that kernels say themselves which numbers go side by side.

numba vectorizes loops only where it can prove that arrays do not overlap, which fails for most of what a simulator
does. `Lanes` is LLVM's vector of four doubles: `load` and `store` move four neighbours of an array, `+ - *` and `-x`
act lane by lane (a float stands for four equal ones), `shuffle` picks lanes. Every machine runs it; those without
256-bit registers use two or four smaller ones. Multiplications and additions may fuse, which changes results by one
rounding.
"""

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

__all__ = ["Lanes", "lanes_of", "load", "shuffle", "spread", "store", "total"]

_DOUBLES = ir.VectorType(ir.DoubleType(), 4)
_INT32 = ir.IntType(32)


class Lanes(types.Type):
    """The numba type of four float64 numbers."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _DOUBLES)


def _mask(lanes: Any) -> ir.Constant:
    return ir.Constant(ir.VectorType(_INT32, 4), list(lanes))


def _spread(builder: Any, number: Any) -> Any:
    nothing = ir.Constant(_DOUBLES, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, nothing, _mask((0, 0, 0, 0)))


def _address(context: Any, builder: Any, signature: Signature, args: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    index = context.cast(builder, args[1], signature.args[1], types.intp)
    return builder.bitcast(builder.gep(array.data, [index], inbounds=True), _DOUBLES.as_pointer())


@intrinsic
def load(typing_context, array, index):  # noqa: ARG001
    """Return array[index : index + 4] as lanes."""

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:
        return builder.load(_address(context, builder, signature, args), align=8)

    return _LANES(array, index), generate


@intrinsic
def store(typing_context, array, index, lanes):  # noqa: ARG001
    """Write lanes to array[index : index + 4]."""

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:
        builder.store(args[2], _address(context, builder, signature, args), align=8)
        return context.get_dummy_value()

    return types.void(array, index, lanes), generate


@intrinsic
def lanes_of(typing_context, a, b, c, d):  # noqa: ARG001
    """Return the lanes (a, b, c, d)."""

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:  # noqa: ARG001
        lanes = ir.Constant(_DOUBLES, ir.Undefined)
        for k, number in enumerate(args):
            lanes = builder.insert_element(lanes, number, ir.Constant(_INT32, k))
        return lanes

    return _LANES(*[types.float64] * 4), generate


@intrinsic
def spread(typing_context, number):  # noqa: ARG001
    """Return four times the same number."""

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:  # noqa: ARG001
        return _spread(builder, args[0])

    return _LANES(types.float64), generate


@intrinsic
def total(typing_context, lanes):  # noqa: ARG001
    """Return the sum of the four lanes."""

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:  # noqa: ARG001
        a, b, c, d = (builder.extract_element(args[0], ir.Constant(_INT32, k)) for k in range(4))
        return builder.fadd(builder.fadd(a, c), builder.fadd(b, d))

    return types.float64(lanes), generate


def shuffle(*picked: int) -> Any:
    """Return a numba function of lanes (a, b) that picks four of the eight: 0-3 are those of a, 4-7 those of b."""

    @intrinsic
    def pick(typing_context, a, b):  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:  # noqa: ARG001
            return builder.shuffle_vector(args[0], args[1], _mask(picked))

        return _LANES(a, b), generate

    return pick


def _define(operation: Any, instruction: str) -> None:
    """Make `operation` work on two Lanes, or on Lanes and a float."""

    @type_callable(operation)
    def typer(context):  # noqa: ARG001
        def result(a: Any, b: Any) -> Any:
            kinds = {type(a), type(b)}
            return _LANES if Lanes in kinds and kinds <= {Lanes, types.Float} else None

        return result

    def implementation(context: Any, builder: Any, signature: Signature, args: Any) -> Any:  # noqa: ARG001
        pairs = zip(args, signature.args, strict=True)
        a, b = (value if isinstance(kind, Lanes) else _spread(builder, value) for value, kind in pairs)
        return getattr(builder, instruction)(a, b, flags=("contract",))

    for kinds in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):
        lower_builtin(operation, *kinds)(implementation)


for _operation, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _define(_operation, _instruction)
