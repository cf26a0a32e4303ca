"""A pytest plugin that runs the kernels as Python: slowly, with bounds checks, and without compiling each mutant.

The four numbers of `lanes` become NumPy arrays. Tests get few examples.
"""

import signal
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

__all__ = ["InterpretedKernels"]

_PACKAGE = "qvar.simulators.kernels"


class InterpretedKernels:
    """The plugin.

    Args:
        seconds: tests that take longer are skipped; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        _replace_compiler()

    def pytest_collection_finish(self) -> None:
        from hypothesis import settings

        settings.register_profile("few examples", deadline=None, max_examples=3, database=None)
        settings.load_profile("few examples")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        signal.signal(signal.SIGPROF, lambda *_: pytest.skip("too slow without the compiler"))
        signal.setitimer(signal.ITIMER_PROF, self.seconds or 0)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _replace_compiler() -> None:
    import numba

    numba.config.DISABLE_JIT = True
    import_module(_PACKAGE)._compile = _python
    lanes, bits = (import_module(f"{_PACKAGE}.{name}") for name in ("lanes", "bits"))
    lanes.load = lambda array, index: array[index : index + 4].copy()
    lanes.store = _store
    lanes.lanes_of = lambda *numbers: np.array(numbers, dtype=float)
    lanes.spread = lambda number: np.full(4, number, dtype=float)
    lanes.total = lambda four: (four[0] + four[2]) + (four[1] + four[3])
    lanes.shuffle = lambda *picked: lambda a, b: np.concatenate((a, b))[list(picked)]
    bits.parity = lambda number: int(number).bit_count() & 1
    bits.trailing_zeros = lambda number: (int(number) & -int(number)).bit_length() - 1 if number else 64


def _python(module: str, function: str) -> Any:
    return getattr(import_module(module if "." in module else f"{_PACKAGE}.{module}"), function)


def _store(array: Any, index: int, four: Any) -> None:
    array[index : index + 4] = four
